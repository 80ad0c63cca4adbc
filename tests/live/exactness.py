"""Limits hold while daemons and Redis are killed, and over failovers.

The judge is the clients' log of what they were told (lab/told.py), which knows
nothing of counters.
"""

import signal
import time

from lab import daemon, load, told
from lab.cluster import Cluster, Watched, lag
from lab.process import check, wait_until
from lab.redis import Redis
from lab.suite import live

CONNECTIONS = 1000
RATE = 1200
USERS = 21    # odd: sessions take turns with the two daemons
LIMITS = ((100, 4), (150, 10))
POLICY = """
policy "all" {
    limit "quota_user" {
        allow = {%s}
        on_failure = "%%s"
    }
}
""" % ", ".join('"%d/%ds"' % limit for limit in LIMITS)
# Written before it is answered: what was answered is never lost.
SAFE = ("--appendonly", "yes", "--appendfsync", "always")
# A busy machine is no dead Redis.
PATIENT = 'timeout = "1s"'
OPTIONS = 'event_timeout = "5s"\n'


def two(lab, store, on_failure):
    return [daemon.Floodgate(lab, POLICY % on_failure, store, OPTIONS,
                             log_level="info") for _ in range(2)]


def killed(lab, floodgate):
    """As by the kernel, and started again."""
    floodgate.process.signal(signal.SIGKILL)
    floodgate.process.wait(5)
    lab.forget(floodgate.process)
    floodgate.start()


class Crowd:
    """A thousand connections to both daemons, and what they were told."""

    def __init__(self, lab, floodgates, seconds, **options):
        self.path = lab.path(lab.unique("told"))
        options = dict(dict(connections=CONNECTIONS, rate=RATE, users=USERS,
                            clients=50, mailboxes=50, duration=seconds,
                            log=self.path), **options)
        self.load = load.Background(
            lab, [one.listen for one in floodgates], **options)

    def report(self):
        report = self.load.report()
        return report, told.read(self.path)


def check_log(report, log):
    """The log is whole, and the judge of it would see one too many."""
    passed = [one for one in log if one.code == "250"]
    check(len(passed) == report["recipients"], "%d of %d in the log" % (
        len(passed), report["recipients"]))
    for most, seconds in LIMITS:
        check(told.excesses(told.admitted(log), [(most // 2, seconds)]),
              "too little passed to see anything within %g s" % seconds)


def check_exact(report, log, what):
    check_log(report, log)
    admitted = told.admitted(log)
    check(not told.excesses(admitted, LIMITS), "%s: %s" % (
        what, told.excesses(admitted, LIMITS)))
    full = told.filled(admitted, LIMITS)
    check(min(full) >= USERS // 2, "%s: limits were reached by %s users" % (
        what, full))
    classes = load.by_class(report)
    check(all(text.startswith("550 5.4.6")
              for text in report["replies"] if text[0] == "5"),
          "%s: %s" % (what, report["replies"]))
    return classes


def under_kills(lab, redis, store):
    """A daemon and the store's master die in the middle.

    redis: has kill() and start(); store: what the daemons are told of it.
    """
    both = two(lab, store, "defer")
    crowd = Crowd(lab, both, 18)
    time.sleep(4)
    killed(lab, both[0])
    time.sleep(4)
    redis.kill()
    time.sleep(3)    # what is full is refused without asking: longer
    redis.start()
    report, log = crowd.report()
    classes = check_exact(report, log, "after two kills")
    check(report["lost"] + report["unconnected"] > 0,
          "nobody felt the daemon's end: %s" % report)
    check(classes["4"] > 0, "nobody felt Redis' end: %s" % report["replies"])
    for one in both:
        one.check_alive()
        one.stop()


@live("no span of a window ever holds more than its limit, with a daemon and "
      "Redis killed")
def exact(lab):
    redis = Redis(lab, *SAFE)
    under_kills(lab, redis, daemon.redis_store(redis, PATIENT))
    redis.stop()


@live("messages that are given up make room, and never for one too many")
def given_up(lab):
    redis = Redis(lab, *SAFE)
    both = two(lab, daemon.redis_store(redis, PATIENT), "defer")
    crowd = Crowd(lab, both, 12, abort=20, drop=5)
    time.sleep(5)
    killed(lab, both[1])
    report, log = crowd.report()
    check_exact(report, log, "with messages given up")
    check(report["aborted"] > 100 and report["dropped"] > 20, "%s" % report)
    for one in both:
        one.stop()
    redis.stop()


def is_down(floodgate):
    return not floodgate.ctl_json("status")["store"]["up"]


@live("two hosts whose Redis was killed grant a limit once together; with "
      "what Redis had counted, twice at most", long=True)
def shares(lab):
    redis = Redis(lab, *SAFE)
    both = two(lab, daemon.redis_store(redis, PATIENT), "local")
    wait_until(lambda: all(
        one.ctl_json("status")["store"]["fallback"]["hosts"] == 2
        for one in both), 60, "two hosts that know of each other")
    crowd = Crowd(lab, both, 20)
    time.sleep(5)
    redis.kill()
    began_s = time.monotonic()
    time.sleep(9)
    ended_s = time.monotonic()
    redis.start()
    report, log = crowd.report()
    check_log(report, log)
    admitted = told.admitted(log)
    before = [one for one in admitted if one.end_s < began_s]
    alone = [one for one in admitted
             if one.begin_s > began_s + 1.5 and one.end_s < ended_s]
    check(not told.excesses(before, LIMITS), "before: %s" % told.excesses(
        before, LIMITS))
    check(not told.excesses(alone, LIMITS), "alone: %s" % told.excesses(
        alone, LIMITS))
    check(len(alone) > USERS * 50, "only %d passed without Redis" %
          len(alone))
    twice = [(2 * most, seconds) for most, seconds in LIMITS]
    check(not told.excesses(admitted, twice), "in all: %s" % told.excesses(
        admitted, twice))
    check(load.by_class(report)["4"] + load.by_class(report)["5"] > 0,
          "nothing was refused")
    for one in both:
        one.check_alive()
        one.stop()
    redis.stop()


# --- a master dies, and its replica takes over ---

CONFIRMED = PATIENT + " wait_replicas = 1"


def kill(servers, master):
    master.kill()


def kill_ahead(servers, master):
    """For two seconds its replica has received nothing."""
    replica = lag(servers, master)
    time.sleep(2)
    master.kill()
    replica.thaw()


def hang(servers, master):
    """It goes on when another is the master, and does not know that yet."""
    master.freeze()


def fail_over(servers, lose):
    lost = servers.masters()[0]
    replica = servers.replica_of(lost)
    lose(servers, lost)
    servers.await_promotion(replica)
    lost.thaw()
    servers.rejoin(lost, replica)


def after_failovers(lab, servers, extra, seconds, *troubles, **options):
    """(report, log) of a load in which masters were lost.

    The first as soon as it counts: what is full is refused without asking.
    """
    both = two(lab, servers.store(extra), "defer")
    crowd = Crowd(lab, both, seconds, **options)
    began_s = time.monotonic()
    wait_until(lambda: all(
        one.ctl_json("status")["metrics"]["recipients"] > USERS
        for one in both), 10, "recipients at both")
    for turn, lose in enumerate(troubles):
        fail_over(servers, lose)
        if turn == 1:
            killed(lab, both[0])
        time.sleep(2)
    took_s = time.monotonic() - began_s
    check(took_s < seconds, "the failovers took %d s" % took_s)
    report, log = crowd.report()
    for one in both:
        one.check_alive()
        one.stop()
    servers.stop()
    return report, log


def exact_over_failovers(lab, servers):
    report, log = after_failovers(lab, servers, CONFIRMED, 45, kill_ahead,
                                  kill, hang)
    classes = check_exact(report, log, "after three failovers")
    check(classes["4"] > 0, "nobody felt a failover: %s" % report["replies"])
    check(report["lost"] + report["unconnected"] > 0,
          "nobody felt the daemon's end: %s" % report)


@live("Sentinel: wait_replicas: no span of a window ever holds more than its "
      "limit, whatever becomes of the master")
def exact_sentinel(lab):
    exact_over_failovers(lab, Watched(lab))


@live("Cluster: wait_replicas: no span of a window ever holds more than its "
      "limit, whatever becomes of masters")
def exact_cluster(lab):
    exact_over_failovers(lab, Cluster(lab))


def must_forget(lab, servers):
    """That the judge of the others sees what there is to see."""
    report, log = after_failovers(lab, servers, PATIENT, 18, kill_ahead,
                                  rate=RATE / 2)
    check_log(report, log)
    check(told.excesses(told.admitted(log), LIMITS), "nothing was lost")


@live("Sentinel: without wait_replicas a replica that lags lets more pass",
      long=True)
def forgetful_sentinel(lab):
    must_forget(lab, Watched(lab))


@live("Cluster: without wait_replicas a replica that lags lets more pass",
      long=True)
def forgetful_cluster(lab):
    must_forget(lab, Cluster(lab))
