"""Many sessions in the same instant, and a Redis that is far away."""

import signal
import time

from lab import daemon, load
from lab.fault import FaultProxy
from lab.process import check
from lab.redis import Redis
from lab.suite import live

POLICY = """
policy "all" {
    limit "quota_user" { allow = {"1000000/1h"} on_failure = "defer" }
}
"""
SESSIONS = 50
DELAY_S = 0.05
PAUSE_MS = 200    # before each command


def crowd(lab, floodgate):
    """How long after the same instant 95 % of the RCPTs were answered, ms.

    The daemon stands still when they arrive, so that it finds all at once.
    """
    background = load.Background(
        lab, [floodgate.listen], connections=SESSIONS, sessions=SESSIONS,
        users=SESSIONS, pause=PAUSE_MS)
    time.sleep(2.5 * PAUSE_MS / 1000)    # HELO, MAIL; RCPT is next
    floodgate.process.signal(signal.SIGSTOP)
    time.sleep(PAUSE_MS / 1000)
    floodgate.process.signal(signal.SIGCONT)
    report = background.report()
    check(report["recipients"] == SESSIONS and not report["replies"],
          "not all passed: %s" % report)
    return report["rcpt_us"]["p95"] / 1000


@live("50 sessions at once wait for a slow Redis together, not in turns")
def slow_redis(lab):
    redis = Redis(lab)
    proxy = FaultProxy(lab, redis)
    floodgate = daemon.Floodgate(
        lab, POLICY, daemon.redis_store(proxy, 'timeout = "1s"'),
        log_level="info")
    fast_ms = crowd(lab, floodgate)
    proxy.delay_s = DELAY_S
    proxy.fault = "delay"
    slow_ms = crowd(lab, floodgate)
    # In turns of two it would be 25 delays.
    check(slow_ms - fast_ms < 4 * DELAY_S * 1000,
          "p95 is %d ms, %d without delay" % (slow_ms, fast_ms))
    floodgate.stop()
    proxy.stop()
    redis.stop()
