"""A hundred reloads under load, half of them of a file that is wrong."""

import os
import signal
import time

from lab import daemon, load
from lab.process import check, wait_until
from lab.suite import live

GOOD = """
policy "all" {
    check "sender_denied" { lists = {"none"} }
    limit "quota_user" { allow = {"%d/1h"} }
}
list "none" { addresses = {"@bad.example"} }
"""
BROKEN = [
    'policy "all" { check "sender_deniedd" { } }',
    'policy "all" { limit "quota_user" { allow = {"100 per hour"} } }',
    'policy "all" { check "sender_denied" { lists = {"nowhere"} } }',
    'policy "all" {',
    'list "x" { file = "/nonexistent/file" }',
]


def open_files(floodgate):
    return len(os.listdir("/proc/%d/fd" % floodgate.process.pid))


@live("100 reloads under load, half of them broken: no command suffers")
def hundred(lab):
    floodgate = daemon.Floodgate(lab, GOOD % 1000000)
    background = load.Background(
        lab, [floodgate.listen], connections=20, rate=200, duration=12,
        messages=5, users=50)
    time.sleep(0.5)
    for number in range(100):
        broken = number % 2
        policy = BROKEN[number // 2 % len(BROKEN)] if broken else \
            GOOD % (1000000 + number)
        done = floodgate.reload(policy)
        check((done.returncode != 0) == bool(broken),
              "reload %d: status %d %s%s of %s" % (
                  number, done.returncode, done.stdout, done.stderr, policy))
        check(not broken or ".conf" in done.stdout + done.stderr,
              "no word of where the file is wrong: %s%s" % (
                  done.stdout, done.stderr))
        time.sleep(0.05)
    report = background.report()
    check(not report["replies"], "refused: %s" % report["replies"])
    check(report["lost"] == 0 and report["unconnected"] == 0 and
          report["late"] == 0, "suffered: %s" % report)
    check(report["messages"] > 1500, "hardly a load: %s" % report)
    floodgate.check_alive()
    floodgate.stop()


@live("a broken file does not replace a good policy; SIGUSR1 reloads")
def by_signal(lab):
    floodgate = daemon.Floodgate(lab, GOOD % 1)

    def admitted(domain):
        return load.run(lab, [floodgate.listen], connections=1, sessions=5,
                        users=1, domain=domain)["recipients"]

    def reload_by_signal(policy, word):
        floodgate.configure(policy)
        seen = len(floodgate.log())
        floodgate.process.signal(signal.SIGUSR1)
        wait_until(lambda: word in floodgate.log()[seen:], 2,
                   "a word of the reload in the log")

    check(admitted("a.example") == 1, "the first policy does not hold")
    before = open_files(floodgate)    # libmilter has its own by now
    reload_by_signal(BROKEN[0], "sender_deniedd")
    check(admitted("b.example") == 1, "a broken file has changed the policy")
    floodgate.configure(GOOD % 3)
    floodgate.process.signal(signal.SIGUSR1)
    wait_until(lambda: admitted("c%d.example" % time.monotonic_ns()) == 3, 2,
               "the new policy")
    for _ in range(10):
        floodgate.reload(GOOD % 3)
    wait_until(lambda: open_files(floodgate) <= before + 1, 3,
               "as few open files as the %d of the start" % before)
    floodgate.stop()
