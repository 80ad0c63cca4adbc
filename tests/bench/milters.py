"""The milters that stand side by side, and the loads that they get."""

import collections
import sys

from lab import daemon, load
from sampling import cpu_us

# A provider's policy, with limits that nobody reaches.
QUOTA = """
list "bad" { domains = {"bad.example", ".bad.example"} }
policy "submission" {
    match { authenticated = true }
    check "sender_denied" { lists = {"bad"} }
    check "too_many_recipients" { max = 50 }
    limit "quota_user" { allow = {"1000000/1h", "5000000/1d"} }
}
"""
LIMITS = [    # each of another subject
    'limit "quota_user"             { allow = {"1000000000/1h"} }',
    'limit "rate_client_recipients" { allow = {"1000000000/1h"} }',
    'limit "quota_domain"           { allow = {"1000000000/1h"} }',
    'limit "quota_sender"           { per = {"sender"} count = "recipients" '
    'allow = {"1000000000/1h"} }',
    'limit "quota_recipient"        { allow = {"1000000000/1h"} }',
    'limit "quota_recipient_domain" { per = {"recipient_domain"} '
    'count = "recipients" allow = {"1000000000/1h"} }',
]
ALL, MINIMAL = "no-op, all answered", "no-op, same flags"
MEMORY, UNIX, TCP = ("floodgate, memory", "floodgate, Redis UNIX",
                     "floodgate, Redis TCP")

# rate: messages a second, 0 as many as go
Load = collections.namedtuple("Load", "sessions messages recipients rate")


def policy(count):
    return 'policy "all" {\n%s\n}\n' % "\n".join(LIMITS[:count])


def redis_section(redis, tcp, prefix):
    """A slow machine is not to be taken for a Redis that is down."""
    return 'store "redis" { server = {"%s"} prefix = "%s:" timeout = "1s" }' \
        % ("127.0.0.1:%d" % redis.port if tcp else redis.path, prefix)


class Milter:
    def __init__(self, lab, name, limits, milter, address, redis=None):
        self.lab = lab
        self.name = name
        self.limits = limits    # "" for a no-op
        self.process = milter.process
        self.address = address
        self.redis = redis

    def key(self):
        return self.name, self.limits

    def _so_far(self):
        """CPU of it and Redis in us, trips to Redis."""
        if not self.redis:
            return cpu_us(self.process.pid), 0, 0
        return (cpu_us(self.process.pid), cpu_us(self.redis.process.pid),
                self.redis.trips())

    def measure(self, one, seconds):
        before = self._so_far()
        options = {"rate": one.rate} if one.rate else {}
        report = load.run(
            self.lab, [self.address], connections=one.sessions,
            duration=seconds, messages=one.messages,
            recipients=one.recipients, users=1000, clients=1000, **options)
        count = report["messages"]
        if report["replies"] or report["unconnected"] or not count:
            sys.exit("%s refused: %s" % (self.name, report))
        cpu, redis_cpu, trips = (
            (now - then) / count for now, then in zip(self._so_far(), before))
        return {
            "messages_per_second": report["messages_per_second"],
            "cpu_us": cpu,
            "redis_cpu_us": redis_cpu if self.redis else None,
            "cpu_both_us": cpu + redis_cpu,
            "trips": trips if self.redis else None,
            "rcpt_p50_us": report["rcpt_us"]["p50"],
            "rcpt_p99_us": report["rcpt_us"]["p99"],
            "session_p50_us": report["session_us"]["p50"],
            "session_p99_us": report["session_us"]["p99"],
        }


def noops(lab):
    pairs = ((ALL, daemon.Noop(lab, "--all")),
             (MINIMAL, daemon.Noop(lab, "--minimal")))
    return [Milter(lab, name, "", noop, "unix:" + noop.socket)
            for name, noop in pairs]


def floodgates(lab, redis, limits, text):
    """One for each store; `limits` says what the policy has."""
    sections = [(MEMORY, daemon.MEMORY, None)] + [
        (name, redis_section(redis, tcp, limits + name[-1]), redis)
        for name, tcp in ((UNIX, False), (TCP, True))]
    made = []
    for name, section, its_redis in sections:
        milter = daemon.Floodgate(lab, text, section, log_level="warning")
        made.append(Milter(lab, name, limits, milter, milter.listen,
                           its_redis))
    return made
