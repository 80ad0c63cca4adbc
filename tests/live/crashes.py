"""What a daemon that was killed leaves behind, and when that ends."""

import json
import signal
import time

from lab import daemon, load
from lab.process import check, wait_until
from lab.redis import Redis
from lab.suite import live

WINDOW_S = 8
LEASE_S = 12
POLICY = """
policy "all" {
    limit "client_connections" {
        allow = {"1"}
        lease = "%ds"
        on_failure = "defer"
    }
    limit "quota_user" { allow = {"1/%ds"} on_failure = "defer" }
}
""" % (LEASE_S, WINDOW_S)


def used(floodgate, subject):
    """The highest counter of a subject; 0 when there is none."""
    shown = json.loads(floodgate.ctl_run("--json", "show", subject).stdout)
    return max((counter["used"] for one in shown.get("subjects", [])
                for counter in one["counters"]), default=0)


def kill_within_message(lab, floodgate):
    """Between an accepted RCPT and the end of data, with kill -9."""
    session = load.Background(lab, [floodgate.listen], connections=1,
                              sessions=1, users=1, recipients=20, pause=300)
    wait_until(lambda: used(floodgate, "user:u0@example.org") == 1, 5,
               "an accepted recipient")
    time.sleep(1.2)    # a file of counters is written each second
    floodgate.process.signal(signal.SIGKILL)
    floodgate.process.wait(5)
    lab.forget(floodgate.process)
    killed_s = time.monotonic()
    session.stop()
    lab.forget(session)
    floodgate.start()
    return killed_s


def session_of(lab, floodgate, client):
    return load.run(lab, [floodgate.listen], connections=1, sessions=1,
                    users=1, clients=1 + client, seed=client)


def ends_by_itself(lab, store):
    floodgate = daemon.Floodgate(lab, POLICY, store)
    killed_s = kill_within_message(lab, floodgate)
    # Never is too much let in: what was reserved counts as if it were sent.
    check(used(floodgate, "user:u0@example.org") == 1, "forgotten too early")
    check(used(floodgate, "client:10.0.0.1") == 1, "forgotten too early")
    report = session_of(lab, floodgate, 0)
    check(report["recipients"] == 0 and
          any(text.startswith("421") for text in report["replies"]),
          "the connection is not counted any more: %s" % report["replies"])
    wait_until(lambda: used(floodgate, "user:u0@example.org") == 0,
               WINDOW_S * 61 / 60 + 1, "the end of the reservation")
    check(time.monotonic() - killed_s > 1, "ended too early")
    wait_until(lambda: used(floodgate, "client:10.0.0.1") == 0,
               LEASE_S * 61 / 60 + 1, "the end of the lease")
    check(time.monotonic() - killed_s <= LEASE_S * 61 / 60 + 1,
          "%.1f s after the crash" % (time.monotonic() - killed_s))
    report = session_of(lab, floodgate, 0)
    check(report["recipients"] == 1, "it still holds: %s" % report["replies"])
    floodgate.stop()


@live("redis: what a killed daemon had reserved ends with the window, its "
      "connections with their lease", alone=False)
def redis_store(lab):
    redis = Redis(lab)
    ends_by_itself(lab, daemon.redis_store(redis, 'timeout = "1s"'))
    redis.stop()


@live("memory store: what a killed daemon had reserved ends with the window, "
      "its connections with their lease", alone=False)
def memory(lab):
    ends_by_itself(lab, 'store "memory" { file = "%s" save_every = "1s" }' %
                   lab.path(lab.unique("counters")))
