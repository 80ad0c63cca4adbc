"""Limits that all share: units are taken along in one trip, never too many."""

import json
import re
import signal
import time

from lab import daemon, load
from lab.process import check, wait_until
from lab.redis import Redis
from lab.suite import live

POLICY = """
policy "all" {
    limit "all" {
        per = {"everyone"} count = "recipients" allow = {"%s"}
        lease_units = %d on_failure = "defer"
    }
}
"""
EVERYONE = "everyone:all"
LONGEST_S = 10    # that a lease lives; a sixtieth of the span, if less
PATIENT = 'timeout = "1s"'


def start(lab, redis, allow, units):
    return daemon.Floodgate(lab, POLICY % (allow, units),
                            daemon.redis_store(redis, PATIENT))


def used(redis):
    """As a person reads it: used/max/window."""
    values = redis.command("HGETALL", "fg:{%s}" % EVERYONE)
    return int(values[1].split("/")[0])


def status(floodgate):
    return floodgate.ctl_json("status")


@live("with lease_units a trip to Redis lets many recipients pass, and the "
      "end gives back what is left")
def one_trip_for_many(lab):
    for script in ("eval", "function"):
        redis = Redis(lab)
        store = daemon.redis_store(redis, PATIENT + ' script = "%s"' % script)
        floodgate = daemon.Floodgate(lab, POLICY % ("100000/1h", 100), store)
        began_s, before = time.monotonic(), redis.trips()
        report = load.run(lab, [floodgate.listen], connections=1,
                          sessions=300, recipients=5)
        trips = redis.trips() - before
        # A daemon with leases looks once a second at what others changed.
        most = 1500 // 101 + 1 + 2 * (time.monotonic() - began_s + 1)
        check(report["recipients"] == 1500, "%s" % report)
        check(trips <= most, "%s: %d trips for 1500 recipients, at most %d "
              "expected" % (script, trips, most))
        metrics = status(floodgate)["metrics"]
        check(metrics["store_leased"] >= 1485 and
              metrics["leases_taken"] >= 14, "%s" % metrics)
        shown = json.dumps(floodgate.ctl_json("show", EVERYONE))
        check(str(used(redis)) in shown and used(redis) >= 1500,
              "%s: %d used" % (shown, used(redis)))
        floodgate.stop()
        check(used(redis) == 1500, "%d used after the end" % used(redis))
        redis.stop()


@live("two daemons with leases let 100 of 100 pass, and not one more")
def exact(lab):
    redis = Redis(lab)
    both = [start(lab, redis, "100/2m", 20) for _ in range(2)]
    began_s = time.monotonic()
    # Refused meanwhile is who comes while the other's lease has the last.
    report = load.run(lab, [one.listen for one in both], connections=20,
                      rate=50, duration=10)
    check(time.monotonic() - began_s < 110, "this machine is too slow")
    check(report["recipients"] == 100, "%d passed: %s" % (
        report["recipients"], report["replies"]))
    for one in both:
        check(one.ctl_json("status")["metrics"]["leases_taken"] > 0,
              "no lease was taken")
        one.stop()
    check(used(redis) == 100, "%d are counted" % used(redis))
    redis.stop()


@live("messages that are given up make room, with leases, too")
def given_up(lab):
    redis = Redis(lab)
    both = [start(lab, redis, "1000/1h", 50) for _ in range(2)]
    report = load.run(lab, [one.listen for one in both], connections=10,
                      sessions=100, messages=4, recipients=2, abort=30,
                      drop=10)
    check(not report["replies"], "refused: %s" % report["replies"])
    for one in both:
        one.stop()
    check(used(redis) == 2 * report["accepted"], "%d used, %d messages" % (
        used(redis), report["accepted"]))
    redis.stop()


@live("a daemon that is killed keeps no more than its leases")
def killed(lab):
    redis = Redis(lab)
    floodgate = start(lab, redis, "1000/1h", 50)
    report = load.run(lab, [floodgate.listen], connections=1, sessions=60)
    floodgate.process.signal(signal.SIGKILL)
    floodgate.process.wait(5)
    lab.forget(floodgate.process)
    kept = used(redis) - report["recipients"]
    check(0 <= kept <= 50, "%d are kept" % kept)
    redis.stop()


@live("while Redis is away a lease is spent to its end, and no longer")
def without_redis(lab):
    redis = Redis(lab)
    floodgate = start(lab, redis, "100000/1h", 10000)
    began_s = time.monotonic()
    load.run(lab, [floodgate.listen], connections=1, sessions=1)
    redis.kill()
    wait_until(lambda: not status(floodgate)["store"]["up"], 5,
               "news of Redis' end")
    report = load.run(lab, [floodgate.listen], connections=1, sessions=50)
    check(time.monotonic() - began_s > LONGEST_S or
          report["recipients"] == 50, "%s" % report)
    time.sleep(max(0, began_s + LONGEST_S + 1 - time.monotonic()))
    report = load.run(lab, [floodgate.listen], connections=1, sessions=5)
    check(report["recipients"] == 0 and
          load.by_class(report)["4"] == 5, "%s" % report)
    floodgate.stop()


@live("a reload gives back what was taken along, also for a limit that is "
      "no more")
def reloaded(lab):
    redis = Redis(lab)
    floodgate = start(lab, redis, "10000/1h", 1000)
    for policy in (POLICY % ("5000/1h", 500), 'policy "all" { }'):
        load.run(lab, [floodgate.listen], connections=1, sessions=3)
        shown = floodgate.ctl_run("status").stdout
        check(re.search(r"1 lease with \d+ units left", shown), shown)
        before = used(redis)
        done = floodgate.reload(policy)
        check(done.returncode == 0, done.stdout + done.stderr)
        wait_until(lambda: used(redis) < before, 5, "what is given back")
        check(status(floodgate)["store"]["leases"]["count"] == 0,
              "a lease outlives the reload")
    check(used(redis) == 6, "%d used" % used(redis))
    floodgate.stop()
    redis.stop()


@live("what an operator changes at one host ends the leases of all")
def changed(lab):
    redis = Redis(lab)
    both = [start(lab, redis, "10000/1h", 1000) for _ in range(2)]
    for one in both:
        load.run(lab, [one.listen], connections=1, sessions=3)
        check(status(one)["store"]["leases"]["units"] == 1000 - 2,
              "%s" % status(one)["store"])
    done = both[0].ctl_run("override", EVERYONE, "all/1h", "10", "1h")
    check(done.returncode == 0, done.stdout + done.stderr)
    wait_until(lambda: used(redis) == 6, 5,
               "six that are used, and no lease")
    for one in both:
        load.run(lab, [one.listen], connections=1, sessions=10)
    check(used(redis) <= 10, "%d of 10" % used(redis))
    for one in both:
        one.stop()
    redis.stop()
