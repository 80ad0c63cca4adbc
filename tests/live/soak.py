"""Hours in minutes: a steady load, and a daemon that stays as it is.

Long mode (tests/live/run --long): not part of the usual run.
"""

import collections
import os
import threading
import time

from lab import daemon, load, told
from lab.process import check, wait_until
from lab.redis import Redis
from lab.suite import live

CONNECTIONS = 50
RATE = 500
USERS = 200
SETTLE_S = 1.5    # until what was broken off last is given back
POLICY = """
policy "all" {
    limit "quota_user" {
        allow = {"10000000/1d", "100000000/30d"}
        on_failure = "defer"
    }
    limit "quota_recipient" { allow = {"10000000/1d"} on_failure = "defer" }
    limit "rate_client_recipients" { allow = {"80/10s"} on_failure = "defer" }
}
"""


class Samples:
    """RSS in KB, open files and threads of a daemon, once a second."""

    def __init__(self, floodgate):
        self.floodgate = floodgate
        self.rows = []    # (seconds, KB, files, threads)
        self.ending = threading.Event()
        self.began_s = time.monotonic()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def take(self):
        process = self.floodgate.process
        return (time.monotonic() - self.began_s, process.rss(),
                len(os.listdir("/proc/%d/fd" % process.pid)),
                self.floodgate.threads())

    def _run(self):
        while not self.ending.wait(1):
            self.rows.append(self.take())

    def stop(self):
        self.ending.set()
        self.thread.join()

    def after(self, seconds):
        return [row for row in self.rows if row[0] >= seconds]


# How many sessions are open at a time depends on what else the machine does;
# that no file is left is checked at the end.
COLUMNS = ((1, "KB", 1024, 8192),
           (2, "files", CONNECTIONS // 2, 2 * CONNECTIONS + 40),
           (3, "threads", 5, 2 * CONNECTIONS + 40))


def check_flat(samples, seconds, has_sanitizer):
    """After a fifth of the time nothing grows any more.

    What is there at least, between peaks, is what leaks: it may not rise
    from the first quarter to the last. A peak is bounded: each session may
    wait in a thread of its own and have another woken for who comes next.
    """
    rows = samples.after(min(120, max(20, seconds / 5)))
    early = rows[:max(1, len(rows) // 4)]
    late = rows[-max(1, len(rows) // 4):]
    seen, grown = [], []
    for column, name, more, peak in COLUMNS:
        first = min(row[column] for row in early)
        last = min(row[column] for row in late)
        most = max(row[column] for row in rows)
        seen.append("%s %d, later %d, at most %d" % (name, first, last, most))
        # A sanitizer keeps what was freed.
        if not (name == "KB" and has_sanitizer) and (
                last - first > more or most - first > peak):
            grown.append(name)
    print("     " + "; ".join(seen), flush=True)
    check(not grown, "%s: %s" % (" ".join(grown), "; ".join(seen)))


def model(path):
    """What is to be counted by now, of what the clients were told."""
    users, mailboxes = collections.Counter(), collections.Counter()
    for one in told.each(path):
        if one.code == "250" and one.end == "accepted":
            users[one.user] += 1
            mailboxes[one.recipient.strip("<>")] += 1
    return users, mailboxes


def counted(floodgate, subject, field):
    shown = floodgate.ctl_json("show", subject)["subjects"]
    for one in shown:
        for counter in one["counters"]:
            if counter["field"] == field:
                return counter["used"]
    return 0


def check_counters(floodgate, path):
    users, mailboxes = model(path)
    check(len(users) == USERS, "%d users" % len(users))
    for kind, want, fields in (
            ("user", users, ("quota_user/1d", "quota_user/30d")),
            ("recipient", mailboxes, ("quota_recipient/1d",))):
        for name, most in want.items():
            for field in fields:
                got = counted(floodgate, "%s:%s" % (kind, name), field)
                check(got == most, "%s %s: %s is %d, and %d were told 250"
                      % (kind, name, field, got, most))


def check_keys(redis):
    """Every key ends by itself; none has been left over."""
    keyspace = redis.command("INFO", "keyspace")
    keys, expires = [int(word.partition("=")[2]) for word in
                     keyspace.split("db0:")[1].split(",")[:2]]
    # One is the list of hosts, whose members end by themselves.
    check(keys - expires <= 1, "%d keys, %d of them end" % (keys, expires))


def soak(lab, store, redis=None):
    floodgate = daemon.Floodgate(lab, POLICY, store, log_level="warning")
    load.run(lab, [floodgate.listen], connections=CONNECTIONS,
             sessions=CONNECTIONS, seed=5000, users=1,
             domain="before.example")
    time.sleep(1)
    samples = Samples(floodgate)
    idle = samples.take()
    path = lab.path(lab.unique("told"))
    background = load.Background(
        lab, [floodgate.listen], connections=CONNECTIONS, rate=RATE,
        duration=lab.seconds, messages=5, recipients=2, users=USERS,
        clients=100, mailboxes=300, abort=5, drop=2, log=path)
    report = background.report(lab.seconds + 60)
    samples.stop()
    floodgate.check_alive()
    check(report["messages"] >= 0.95 * RATE * lab.seconds,
          "hardly a load: %s" % report)
    check(report["lost"] == 0 and report["unconnected"] == 0,
          "suffered: %s" % report)
    check(report["aborted"] > 0 and report["dropped"] > 0 and
          report["recipients_refused"] > 0, "too tame a load: %s" % report)
    check(load.by_class(report)["5"] == 0, "5yz: %s" % report["replies"])
    check_flat(samples, lab.seconds, floodgate.process.has_sanitizer())
    time.sleep(SETTLE_S)
    check_counters(floodgate, path)
    os.unlink(path)
    metrics = floodgate.ctl_json("status")["metrics"]
    check(metrics["messages"] == report["accepted"] + CONNECTIONS and
          metrics["recipients"] == report["recipients"] + CONNECTIONS,
          "%s, of %s" % (metrics, report))
    wait_until(lambda: samples.take()[2] <= idle[2] + 2, 10,
               "as few files as the %d of the start" % idle[2])
    if redis:
        check_keys(redis)
    floodgate.stop()


@live("memory store: 500 messages a second leave memory, files and threads "
      "as they are, and counters as the clients' log", long=True)
def memory(lab):
    soak(lab, daemon.MEMORY)


@live("redis: 500 messages a second leave memory, files and threads as they "
      "are, and counters as the clients' log", long=True)
def redis_store(lab):
    redis = Redis(lab)
    soak(lab, daemon.redis_store(redis, 'timeout = "1s"'), redis)
    redis.stop()
