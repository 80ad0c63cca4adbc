"""What answers have to be while Redis is away, and after it."""

import threading
import time

from . import load
from .process import check

DEADLINE_MS = 250    # of an answer, whatever Redis does
DEFERRED = "451 4.7.1 Service unavailable - try again later"
ONE_AN_HOUR = """
policy "all" {
    limit "quota_user" { allow = {"1/1h"} on_failure = "accept" }
}
"""


class Stalls:
    """How long this machine keeps a thread waiting, and a line of the log."""

    def __init__(self, lab):
        self.path = lab.path(lab.unique("stalls"))
        self.worst_ms = 0
        self.ending = False
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        while not self.ending:
            begin = time.monotonic()
            time.sleep(0.01)
            with open(self.path, "w") as file:
                file.write("a line\n")
            self.worst_ms = max(self.worst_ms, 1000 * (
                time.monotonic() - begin) - 10)

    def stop(self):
        self.ending = True
        self.thread.join()
        return self.worst_ms


def check_answers(report, stalls):
    """Every command was answered in time, and none refused."""
    check(report["replies"] == {}, "replies: %s" % report["replies"])
    check(report["lost"] == 0, "%d lost" % report["lost"])
    check(report["unconnected"] == 0, "%d refused" % report["unconnected"])
    # What is late because the machine was away is no fault of ours.
    stalled = 3 * stalls.worst_ms if stalls.worst_ms > 50 else 0
    check(report["all_us"]["max"] / 1000 <= DEADLINE_MS + stalled,
          "%d answers late, the last after %d ms; the machine stalls %d" % (
              report["late"], report["all_us"]["max"] / 1000,
              stalls.worst_ms))
    check(report["accepted"] > 0, "nothing was accepted")


def check_counts_again(lab, floodgate, seconds):
    """A quota of one holds: within `seconds` from now."""
    floodgate.reload(ONE_AN_HOUR)
    end = time.monotonic() + seconds
    number = 0
    while True:
        number += 1
        report = load.run(lab, [floodgate.listen], connections=1, sessions=2,
                          users=1, domain="again%d.example" % number)
        if report["recipients"] == 1:
            return
        check(time.monotonic() < end, "not counted within %g s" % seconds)
        time.sleep(0.1)
