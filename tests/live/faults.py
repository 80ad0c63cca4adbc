"""Redis behind a bad network, and hosts that go on without it."""

import time

from lab import daemon, load
from lab.answers import DEADLINE_MS, Stalls, check_answers
from lab.fault import ERRORS, GARBAGE, FaultProxy
from lab.process import check
from lab.redis import Redis, TlsRedis
from lab.suite import add, live

USERS = 20
POLICY = """
policy "all" {
    limit "quota_user" { allow = {"%s"} on_failure = "%s" }
}
"""
FAULTS = ("delay", "drip", "stall", "deaf", "reset", "truncate",
          "refuse") + tuple(GARBAGE)
TLS_FAULTS = ("delay", "drip", "stall", "deaf", "reset", "truncate", "refuse",
              "garbage")


def counted(redis, users=USERS):
    """What Redis holds for the users of the load, all together."""
    total = 0
    for key in redis.keys():
        if "{user:" in key:
            for value in redis.command("HGETALL", key)[1::2]:
                total += int(value.partition("/")[0])
    return total


def metrics(floodgate):
    return floodgate.ctl_json("status")["metrics"]


def fallback(floodgate):
    return floodgate.ctl_json("status")["store"]["fallback"]


def wait_told(floodgate, seconds=5):
    end = time.monotonic() + seconds
    while fallback(floodgate)["deciding"]:
        check(time.monotonic() < end, "not told: %s" % fallback(floodgate))
        time.sleep(0.05)


def check_model(redis, floodgate, report):
    """Redis holds what was accepted, but for what it did not confirm."""
    seen = metrics(floodgate)
    unsure = seen["store_failures"] + 50 * seen["store_lost"]
    got = counted(redis)
    check(seen["store_local"] > 0, "nothing was decided here")
    check(report["recipients"] - unsure <= got <=
          report["recipients"] + unsure,
          "%d counted, %d accepted, %d failures, %d lost" % (
              got, report["recipients"], seen["store_failures"],
              seen["store_lost"]))


def through(lab, fault, tls=False):
    redis = TlsRedis(lab) if tls else Redis(lab)
    proxy = FaultProxy(lab, redis, tls)
    floodgate = daemon.Floodgate(
        lab, POLICY % ("1000000/1h", "local"),
        redis.store(proxy.path) if tls else daemon.redis_store(proxy),
        log_level="info")
    stalls = Stalls(lab)
    background = load.Background(
        lab, [floodgate.listen], connections=20, rate=200, duration=5,
        users=USERS, deadline=DEADLINE_MS)
    time.sleep(1)
    before = floodgate.process.rss()
    proxy.fault = fault
    time.sleep(2)
    during = metrics(floodgate)
    proxy.fault = None
    time.sleep(2)
    calm = metrics(floodgate)
    time.sleep(0.5)
    after = metrics(floodgate)
    report = background.report()
    stalls.stop()
    check_answers(report, stalls)
    check(during["store_local"] > 0, "nothing was decided here")
    check(after["store_local"] == calm["store_local"],
          "not counted in Redis again after 2 s")
    # A sanitizer keeps what was freed.
    check(floodgate.process.rss() - before <= 8192 or
          floodgate.process.has_sanitizer(),
          "grown by %d KB" % (floodgate.process.rss() - before))
    wait_told(floodgate)
    check_model(redis, floodgate, report)
    check("5" not in load.by_class(report) or
          load.by_class(report)["5"] == 0, "5yz: %s" % report["replies"])
    floodgate.check_alive()
    floodgate.stop()
    proxy.stop()
    redis.stop()


def register():
    for fault in FAULTS:
        add("Redis behind a network that has this: %s" % fault,
            lambda lab, fault=fault: through(lab, fault), alone=False)
    for fault in TLS_FAULTS:
        add("Redis over TLS behind a network that has this: %s" % fault,
            lambda lab, fault=fault: through(lab, fault, True), alone=False)


register()


def away(lab, begin, end, *options):
    """Redis goes and comes back, while mail comes in at 200 a second."""
    redis = Redis(lab, *options)
    floodgate = daemon.Floodgate(
        lab, POLICY % ("1000000/1h", "local"), daemon.redis_store(redis),
        log_level="info")
    stalls = Stalls(lab)
    background = load.Background(
        lab, [floodgate.listen], connections=20, rate=200, duration=7,
        users=USERS, deadline=DEADLINE_MS)
    time.sleep(0.5)
    calm = load.run(lab, [floodgate.listen], connections=5, rate=100,
                    duration=1, users=USERS, deadline=DEADLINE_MS)
    begin(redis)
    time.sleep(0.5)
    # Once it is known nobody waits.
    meanwhile = load.run(lab, [floodgate.listen], connections=5, rate=100,
                         duration=1, users=USERS, deadline=DEADLINE_MS)
    time.sleep(0.5)
    threads = floodgate.threads()
    end(redis)
    report = background.report()
    stalls.stop()
    check_answers(report, stalls)
    check_answers(meanwhile, stalls)
    check(threads <= 2 * 20 + 10, "%d threads" % threads)
    # A busy machine makes all late.
    check(meanwhile["all_us"]["p50"] <= 5000 and
          meanwhile["all_us"]["p99"] / 1000 <= 10 + stalls.worst_ms,
          "median %d us, p99 %d; with Redis %d, %d; the machine stalls %d ms"
          % (meanwhile["all_us"]["p50"], meanwhile["all_us"]["p99"],
             calm["all_us"]["p50"], calm["all_us"]["p99"], stalls.worst_ms))
    report["recipients"] += calm["recipients"] + meanwhile["recipients"]
    wait_told(floodgate)
    log = floodgate.log()
    began = log.count("store=local state=on")
    check(began > 0 and log.count("store=local state=off") == began,
          "said so:\n" + floodgate.log_tail())
    result = redis, floodgate, report
    return result


@live("Redis hangs: hosts decide, and tell it all of it afterwards")
def hangs(lab):
    redis, floodgate, report = away(
        lab, lambda redis: redis.freeze(), lambda redis: redis.thaw())
    check_model(redis, floodgate, report)
    floodgate.stop()
    redis.stop()


@live("Redis is paused: hosts decide, and tell it all of it afterwards")
def paused(lab):
    redis, floodgate, report = away(
        lab, lambda redis: redis.command("CLIENT", "PAUSE", "2000", "ALL"),
        lambda redis: None)
    check_model(redis, floodgate, report)
    floodgate.stop()
    redis.stop()


@live("Redis runs somebody's script for ever: hosts decide, and tell it all "
      "of it afterwards")
def busy(lab):
    links = []
    redis, floodgate, report = away(
        lab, lambda redis: links.append(
            redis.begin("EVAL", "while true do end", "0")),
        lambda redis: check(redis.command("SCRIPT", "KILL") == "+OK",
                            "the script does not end"),
        "--lua-time-limit", "100")
    check_model(redis, floodgate, report)
    links[0].close()
    floodgate.stop()
    redis.stop()


@live("Redis sleeps within a command: hosts decide, and tell it all of it "
      "afterwards")
def sleeps(lab):
    links = []
    redis, floodgate, report = away(
        lab, lambda redis: links.append(redis.begin("DEBUG", "SLEEP", "3")),
        lambda redis: None, "--enable-debug-command", "yes")
    check_model(redis, floodgate, report)
    links[0].close()
    floodgate.stop()
    redis.stop()


@live("Redis answers with each of its errors: nobody is refused or waits, "
      "and each is a line of the log, or a few")
def each_error(lab):
    redis = Redis(lab)
    proxy = FaultProxy(lab, redis)
    floodgate = daemon.Floodgate(
        lab, POLICY % ("1000000/1h", "local"),
        daemon.redis_store(proxy), log_level="info")
    stalls = Stalls(lab)
    background = load.Background(
        lab, [floodgate.listen], connections=20, rate=200, users=USERS,
        duration=2 * len(ERRORS) + 2, deadline=DEADLINE_MS)
    for error in ERRORS:
        before = metrics(floodgate)["store_local"]
        proxy.fault = error
        time.sleep(1)
        said = floodgate.ctl_json("status")["store"]
        proxy.fault = None
        time.sleep(1)
        check(metrics(floodgate)["store_local"] > before,
              "%s: nothing was decided here" % error)
        check(not said["up"] or error.startswith(("WRONGTYPE", "NOSCRIPT",
                                                  "ERR")),
              "%s: %s" % (error, said))
    report = background.report()
    stalls.stop()
    check_answers(report, stalls)
    wait_told(floodgate)
    check_model(redis, floodgate, report)
    for error in ERRORS:
        lines = [line for line in floodgate.log().splitlines()
                 if error.split()[0] + " " in line and "store" in line]
        check(1 <= len(lines) <= 3, "%s: %d lines: %s" % (
            error, len(lines), lines[:3]))
    floodgate.stop()
    proxy.stop()
    redis.stop()


@live("Redis is killed and forgets: hosts decide, and tell it theirs")
def killed(lab):
    redis, floodgate, report = away(
        lab, lambda redis: redis.kill(), lambda redis: redis.start())
    seen = metrics(floodgate)
    check(seen["store_local"] > 0 and seen["store_lost"] == 0 and
          seen["store_told"] >= USERS, "%s" % seen)
    floodgate.stop()
    redis.stop()


def wait_hosts(floodgates, count):
    end = time.monotonic() + 25
    while any(fallback(f)["hosts"] != count for f in floodgates):
        check(time.monotonic() < end, "hosts: %s" % [
            fallback(f)["hosts"] for f in floodgates])
        time.sleep(0.2)


@live("Two hosts without Redis let a limit pass once, and no more after it")
def two_hosts(lab):
    redis = Redis(lab)
    policy = POLICY % ("100/1h", "local")
    first = daemon.Floodgate(lab, policy, daemon.redis_store(redis))
    second = daemon.Floodgate(lab, policy, daemon.redis_store(redis))
    wait_hosts((first, second), 2)
    redis.freeze()
    report = load.run(lab, [first.listen, second.listen], connections=20,
                      sessions=400, users=1, user="alice")
    check(report["recipients"] == 100, "%d passed" % report["recipients"])
    check(set(report["replies"]) == {
        "451 4.7.1 Service unavailable - try again later"},
        "replies: %s" % report["replies"])
    status = first.ctl_run("status").stdout
    check("granting 50% of each limit here" in status, status)
    redis.thaw()
    wait_told(first)
    wait_told(second)
    report = load.run(lab, [first.listen, second.listen], connections=4,
                      sessions=20, users=1, user="alice")
    check(report["recipients"] == 0, "%d passed" % report["recipients"])
    check(all(text.startswith("550 5.4.6") for text in report["replies"]),
          "replies: %s" % report["replies"])
    # Who floods costs Redis no trips.
    check(metrics(first)["store_spared"] > 0, "%s" % metrics(first))
    second.stop()
    wait_hosts((first,), 2)    # the highest of the last counts
    first.stop()
    check(redis.command("ZCARD", "fg:hosts") == 0, "hosts do not leave")
    redis.stop()
