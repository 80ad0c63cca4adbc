#!/usr/bin/env python3
"""What a slow name server does to answers at RCPT.

    tests/bench/dns.py [--builddir DIR] [--rounds N] [--delay MS]

A name server on loopback answers after a delay (200 ms). Three loads, each
with names that nobody has asked for before:

  parallel  50 sessions side by side, one after the other
  burst     50 sessions whose RCPTs arrive in the same instant (the daemon is
            stopped meanwhile), with a question that nobody can ask earlier
  quiet     what users that need no DNS see in the midst of such a burst

Times count from the instant in which the daemon goes on.
"""

import argparse
import os
import signal
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "live"))

from lab import daemon, load, process    # noqa: E402

POLICY = """
policy "users" { match { authenticated = true } check "helo_not_fqdn" { } }
policy "incoming" {
    check "client_dnsbl" { zones = {"zen.example", "bl.example.net"} }
    check "helo_unresolvable" { }
    check "sender_domain_not_found" { }
    %s
}
"""
AT_RCPT = 'check "recipient_domain_not_found" { }'
SESSIONS = 50
QUIET = 10
PAUSE_MS = 100    # before HELO, MAIL and RCPT
STOPPED_S = 0.1


class NameServer:
    def __init__(self, lab, delay_ms):
        self.child = subprocess.Popen(
            [lab.program("nameserver"), str(delay_ms)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            start_new_session=True)
        self.port = int(self.child.stdout.readline())
        lab.add(self)

    def stop(self):
        self.child.stdin.close()
        self.child.wait()


class Names:
    """Numbers of names that are new each time."""

    def __init__(self):
        self.next = 0

    def take(self):
        self.next += 10000
        return dict(seed=self.next, names=100000000, clients=15000000)


def parallel(lab, milter, names):
    return load.run(lab, [milter.listen], connections=SESSIONS,
                    sessions=10 * SESSIONS, pause=5, **names.take())


def burst(lab, milter, names):
    """The reports of those that ask and of those that do not."""
    loads = [
        load.Background(lab, [milter.listen], connections=SESSIONS,
                        sessions=SESSIONS, pause=PAUSE_MS, **names.take()),
        load.Background(lab, [milter.listen], connections=QUIET,
                        sessions=QUIET, users=QUIET, pause=PAUSE_MS,
                        **names.take())]
    time.sleep(2.5 * PAUSE_MS / 1000)
    os.kill(milter.process.pid, signal.SIGSTOP)
    time.sleep(STOPPED_S)
    os.kill(milter.process.pid, signal.SIGCONT)
    return [one.report() for one in loads]


def show(name, report, less_ms=0):
    times = report["rcpt_us"]
    print("%-9s %5d answers   p50 %6.1f   p95 %6.1f   max %6.1f ms" % (
        name, times["count"], *(max(0, times[key] / 1000 - less_ms)
                                for key in ("p50", "p95", "max"))))


def main():
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--builddir", default=".")
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--delay", type=int, default=200)
    given = options.parse_args()
    lab = process.Lab(os.path.abspath(given.builddir),
                      os.path.dirname(os.path.dirname(HERE)))
    try:
        server = NameServer(lab, given.delay)
        dns = 'dns { servers = {"127.0.0.1:%d"} }' % server.port
        early, late = [
            daemon.Floodgate(lab, POLICY % extra, options=dns,
                             log_level="warning")
            for extra in ("", AT_RCPT)]
        names = Names()
        # RCPT comes PAUSE_MS after MAIL, in the midst of the stop.
        waited_ms = STOPPED_S * 1000 - PAUSE_MS / 2
        for _ in range(given.rounds):
            show("parallel", parallel(lab, early, names))
            asking, quiet = burst(lab, late, names)
            show("burst", asking, waited_ms)
            show("quiet", quiet, waited_ms)
    finally:
        lab.close()


if __name__ == "__main__":
    main()
