"""Clocks that are wrong or step, and memory that is not there."""

import json
import time

from lab import daemon, load
from lab.misfortune import Misfortune
from lab.process import check, wait_until
from lab.redis import Redis
from lab.suite import live

WINDOW_S = 2
HOUR_S, DAY_S = 3600, 86400
POLICY = """
policy "all" {
    limit "quota_user" { allow = {"3/%ds"} on_failure = "defer" }
}
"""
CLOCKS = ((HOUR_S, "an hour fast"), (-HOUR_S, "an hour slow"),
          (DAY_S, "a day fast"), (-DAY_S, "a day slow"))


def admitted(lab, floodgates, user):
    """How many of ten recipients pass."""
    return load.run(lab, [one.listen for one in floodgates], connections=1,
                    sessions=10, users=1, user=user)["recipients"]


def frees_in_s(floodgate, user):
    """0 also when nothing is counted (any more)."""
    shown = json.loads(floodgate.ctl_run(
        "--json", "show", "user:" + user).stdout)
    return max((one["counters"][0]["frees_in_ms"] / 1000
                for one in shown.get("subjects", [])), default=0)


def check_frees(lab, floodgate, user):
    """Full now, and free again after its window, not later."""
    left_s = frees_in_s(floodgate, user)
    check(0 <= left_s <= WINDOW_S + 1, "%s: said to wait %g s" % (
        user, left_s))
    check(admitted(lab, [floodgate], user) == 0, user + ": not full")
    time.sleep(WINDOW_S + 1)
    check(admitted(lab, [floodgate], user) == 3, user + ": still full")


@live("redis: daemons whose clocks are wrong by an hour or a day count "
      "together as if they were right", alone=False)
def wrong_clocks(lab):
    redis = Redis(lab)
    store = daemon.redis_store(redis, 'timeout = "1s"')
    right = daemon.Floodgate(lab, POLICY % WINDOW_S, store)
    for seconds, name in CLOCKS:
        misfortune = Misfortune(lab)
        misfortune.ahead(seconds)
        wrong = daemon.Floodgate(lab, POLICY % WINDOW_S, store,
                                 command=misfortune.command)
        user = name.replace(" ", "-") + "@example.org"
        check(admitted(lab, [wrong, right], user) == 3, name + ": not three")
        check_frees(lab, wrong, user)
        wrong.stop()
    right.stop()
    redis.stop()


def steps(lab, floodgate, misfortune, what):
    """A clock that steps holds no counter for longer than its window."""
    for seconds, name in CLOCKS:
        user = "%s-%s@example.org" % (what, name.replace(" ", "-"))
        misfortune.ahead(0)
        check(admitted(lab, [floodgate], user) == 3, name + ": not three")
        misfortune.ahead(seconds)
        left_s = frees_in_s(floodgate, user)
        check(0 <= left_s <= WINDOW_S + 1, "%s: said to wait %g s" % (
            name, left_s))
        # What was full is refused without asking; then the store knows.
        time.sleep(WINDOW_S + 1)
        admitted(lab, [floodgate], user)
        time.sleep(WINDOW_S + 1)
        check(admitted(lab, [floodgate], user) == 3, name + ": still full")


@live("memory store: a clock that steps by an hour or a day blocks nobody "
      "for longer than the window", alone=False)
def step_memory(lab):
    misfortune = Misfortune(lab)
    floodgate = daemon.Floodgate(lab, POLICY % WINDOW_S,
                                 command=misfortune.command)
    steps(lab, floodgate, misfortune, "memory")
    floodgate.stop()


@live("redis: a clock of its server that steps by an hour or a day blocks "
      "nobody for longer than the window after it knows", alone=False)
def step_redis(lab):
    misfortune = Misfortune(lab)
    redis = Redis(lab, command=misfortune.command)
    floodgate = daemon.Floodgate(lab, POLICY % WINDOW_S,
                                 daemon.redis_store(redis, 'timeout = "1s"'))
    steps(lab, floodgate, misfortune, "redis")
    floodgate.stop()
    redis.stop()


NEVER = 10 ** 9    # as an allocation's number
EVERYTHING = """
list "bad" { addresses = {"@bad.example"} }
policy "all" {
    check "sender_denied" { lists = {"bad"} }
    check "message_hops" { max = 20 }
    limit "client_connections" { allow = {"100"} on_failure = "defer" }
    limit "quota_user" { allow = {"100000/1h"} on_failure = "defer" }
    limit "quota_recipient" { allow = {"100000/1h"} on_failure = "local" }
    limit "octets" {
        per = {"client"}
        count = "bytes"
        allow = {"100M/1h"}
        reply = "450 4.7.1 too much"
        on_failure = "accept"
    }
}
"""


def one_session(lab, floodgate, number):
    """New names each time, so that the store has to make room."""
    return load.run(lab, [floodgate.listen], connections=1, sessions=1,
                    messages=2, recipients=2, seed=number, size=100,
                    domain="u%d.example" % number, timeout=5000)


def without_memory(lab, store):
    """Allocation by allocation, then all from there on."""
    misfortune = Misfortune(lab)
    floodgate = daemon.Floodgate(lab, EVERYTHING, store,
                                 command=misfortune.command,
                                 log_level="info")
    misfortune.fail(NEVER)
    one_session(lab, floodgate, 0)
    count, failed = misfortune.end(), 0
    for and_on, step in ((False, 1), (True, 7)):
        for number in range(1, count + 1, step):
            misfortune.fail(number, and_on)
            report = one_session(lab, floodgate, 10 * number)
            failed += misfortune.end() >= number
            floodgate.check_alive()
            check(load.by_class(report)["5"] == 0,
                  "allocation %d: %s" % (number, report["replies"]))
            check(report["late"] == 0, "allocation %d: %d late" % (
                number, report["late"]))
    check(failed > count / 2, "only %d of %d allocations" % (failed, count))
    wait_until(lambda: one_session(lab, floodgate, 5)["recipients"] == 4, 5,
               "mail as usual after %d failures" % failed)
    floodgate.stop()


@live("memory store: whichever allocation of a session fails, the daemon "
      "lives, and nobody is refused for good", alone=False)
def memory_memory(lab):
    without_memory(lab, daemon.MEMORY)


@live("redis: whichever allocation of a session fails, the daemon lives, and "
      "nobody is refused for good", alone=False)
def redis_memory(lab):
    redis = Redis(lab)
    without_memory(lab, daemon.redis_store(redis, 'timeout = "1s"'))
    redis.stop()
