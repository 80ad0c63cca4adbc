"""Redis hangs, dies, comes late: no 5yz, no late answer, counting again."""

import re
import time

from lab import daemon, load
from lab.answers import DEFERRED, check_counts_again
from lab.process import check, wait_until
from lab.redis import Redis
from lab.suite import live

DEADLINE_MS = 2000    # event_timeout as it is without being set

POLICY = """
policy "all" {
    limit "quota_user" { allow = {"%s"} on_failure = "%s" }
}
"""


def start(lab, on_failure, extra=""):
    redis = Redis(lab)
    floodgate = daemon.Floodgate(
        lab, POLICY % ("1000000/1h", on_failure),
        daemon.redis_store(redis, extra))
    return redis, floodgate


def load_while(lab, floodgate, trouble, seconds):
    """200 messages a second; trouble() happens meanwhile."""
    background = load.Background(
        lab, [floodgate.listen], connections=40, rate=200, duration=seconds,
        users=50, deadline=DEADLINE_MS)
    time.sleep(1)
    trouble()
    return background.report()


def check_report(report, deferred):
    """Every command was answered in time, and never with 5yz."""
    wanted = {DEFERRED} if deferred else set()
    check(set(report["replies"]) <= wanted,
          "replies: %s" % report["replies"])
    check(not deferred or report["replies"], "nothing was deferred")
    check(report["lost"] == 0, "%d lost" % report["lost"])
    check(report["unconnected"] == 0, "%d refused" % report["unconnected"])
    check(report["late"] == 0, "%d answers late, the last after %d ms" % (
        report["late"], report["all_us"]["max"] / 1000))
    check(report["accepted"] > 0, "nothing was accepted")


def hang(lab, on_failure):
    redis, floodgate = start(lab, on_failure)

    def trouble():
        redis.freeze()
        time.sleep(3)
        redis.thaw()

    report = load_while(lab, floodgate, trouble, 6)
    check_report(report, on_failure == "defer")
    check_counts_again(lab, floodgate, 2)
    floodgate.check_alive()
    floodgate.stop()
    redis.stop()


@live("Redis hangs under load: mail passes, no answer is late")
def hang_accept(lab):
    hang(lab, "accept")


@live("Redis hangs under load: mail is deferred, no answer is late")
def hang_defer(lab):
    hang(lab, "defer")


def killed(lab, on_failure):
    redis, floodgate = start(lab, on_failure)

    def trouble():
        redis.kill()
        time.sleep(3)
        redis.start()

    report = load_while(lab, floodgate, trouble, 7)
    check_report(report, on_failure == "defer")
    check_counts_again(lab, floodgate, 2)
    floodgate.check_alive()
    floodgate.stop()
    redis.stop()


@live("Redis is killed under load and comes back: mail passes")
def killed_accept(lab):
    killed(lab, "accept")


@live("Redis is killed under load and comes back: mail is deferred")
def killed_defer(lab):
    killed(lab, "defer")


@live("Redis comes after floodgate: counting begins")
def comes_late(lab):
    redis = Redis(lab)
    redis.kill()
    floodgate = daemon.Floodgate(
        lab, POLICY % ("1/1h", "accept"), daemon.redis_store(redis))
    report = load.run(lab, [floodgate.listen], connections=1, sessions=3,
                      users=1, domain="before.example")
    check(report["recipients"] == 3, "not accepted: %s" % report)
    told = floodgate.ctl_run("check")
    check(told.returncode == 75, "check: %d: %s" % (
        told.returncode, told.stdout))
    redis.start()
    check_counts_again(lab, floodgate, 2)
    check(floodgate.ctl_json("check")["well"], "not well")
    floodgate.stop()
    redis.stop()


@live("Redis forgets scripts and data under load: nobody notices")
def forgets(lab):
    redis, floodgate = start(lab, "defer", 'timeout = "1s"')

    def trouble():
        for _ in range(20):
            redis.command("SCRIPT", "FLUSH")
            redis.command("FLUSHALL")
            time.sleep(0.1)

    report = load_while(lab, floodgate, trouble, 4)
    check_report(report, False)
    floodgate.stop()
    redis.stop()


@live("Redis with a file is killed under load: all that it answered is still "
      "counted")
def keeps(lab):
    for fsync in ("everysec", "always"):
        redis = Redis(lab, "--appendonly", "yes", "--appendfsync", fsync,
                      "--appendfilename", "kept-by-%s" % fsync)
        floodgate = daemon.Floodgate(
            lab, POLICY % ("1000000/1h", "defer"),
            daemon.redis_store(redis, 'timeout = "1s"'))
        load.run(lab, [floodgate.listen], connections=20, sessions=500,
                 users=1, domain="kept.example")
        redis.kill()
        redis.start()
        check_counts_again(lab, floodgate, 2)
        value = redis.command("HGETALL", "fg:{user:u0@kept.example}")[1]
        check(value.startswith("500/"), "%s: 500 were told 250, and kept are "
              "%s" % (fsync, value.split(" ")[0]))
        floodgate.stop()
        redis.stop()


SETUPS = (
    # (options of Redis, commands to it, of the store, what is said of it,
    #  as what it is counted, how `check` ends, and what it names)
    (("--requirepass", "secret"), (), "", "wants a password", "noauth",
     78, "wants a password"),
    ((), (("ACL", "SETUSER", "poor", "on", "nopass", "~*", "-@all", "+ping",
           "+role", "+evalsha", "+eval", "+time", "+hmget"),),
     'user = "poor"', "lacks a permission", "noperm", 78, "+hset\n"),
    (("--maxclients", "1"), (), "", "max number of clients", "maxclients",
     75, "maxclients"),
)


def the_only_client(redis):
    """The one that started it may not be gone yet."""
    links = []

    def comes_in():
        links.append(redis.begin("PING"))
        return links[-1].recv(100).startswith(b"+PONG")

    wait_until(comes_in, 5, "a place in Redis", 0.1)
    return links[-1]


@live("Redis is not set up for it: it starts, says why, and accepts or "
      "defers")
def not_set_up(lab):
    for (options, commands, extra, reason, counted, code,
         missing) in SETUPS:
        redis = Redis(lab, *options)
        for command in commands:
            check(redis.command(*command) == "+OK", "%s" % (command,))
        if "--maxclients" in options:
            other = the_only_client(redis)
        for on_failure, passed in (("accept", 5), ("defer", 0)):
            floodgate = daemon.Floodgate(
                lab, POLICY % ("1000/1h", on_failure),
                daemon.redis_store(redis, extra))
            report = load.run(lab, [floodgate.listen], connections=1,
                              sessions=5, users=1)
            check(report["recipients"] == passed and
                  load.by_class(report)["5"] == 0, "%s, %s: %s" % (
                      reason, on_failure, report))
            status = floodgate.ctl_run("status").stdout
            check(reason in status, "not %s: %s" % (reason, status))
            told = floodgate.ctl_run("check")
            check(told.returncode == code and missing in told.stdout,
                  "check: %d, not %d and %s: %s" % (
                      told.returncode, code, missing, told.stdout))
            check(re.search(r"^ *%s +[1-9]" % counted, status, re.M),
                  "%s is not counted: %s" % (counted, status))
            floodgate.stop()
        if "--maxclients" in options:
            other.close()
        redis.stop()


@live("Redis answers with errors: mail is deferred, then counted again")
def errors(lab):
    for begin, end in (
            (("CONFIG", "SET", "maxmemory", "1"),
             ("CONFIG", "SET", "maxmemory", "0")),
            (("REPLICAOF", "127.0.0.1", "1"), ("REPLICAOF", "NO", "ONE")),
            (("CLIENT", "PAUSE", "2500", "ALL"), ("PING",))):
        redis, floodgate = start(lab, "defer")
        redis.command(*begin)
        if begin[0] == "REPLICAOF":
            redis.command("CONFIG", "SET", "replica-serve-stale-data", "yes")
        report = load.run(lab, [floodgate.listen], connections=10,
                          sessions=50, users=50, deadline=DEADLINE_MS)
        check(set(report["replies"]) == {DEFERRED} and
              report["accepted"] == 0 and report["late"] == 0,
              "%s: %s" % (begin, report))
        redis.command(*end)
        check_counts_again(lab, floodgate, 5)
        floodgate.stop()
        redis.stop()
