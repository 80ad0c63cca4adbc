"""Ends what the runner has started when the runner ends without doing so.

usage: guardian.py [FOLDER], with the runner's lines on its input: "+PID" for
a process group that begins, "-PID" for one that has ended, "done" when all
have. When the input ends, however the runner did, the groups that are left
are told to end, and made to after a while; then the folder goes.
"""

import contextlib
import os
import shutil
import signal
import sys
import time

PATIENCE_S = 5


def read_groups(lines):
    groups = set()
    for line in lines:
        if line == "done\n":
            return set()
        change = groups.add if line[0] == "+" else groups.discard
        change(int(line[1:]))
    return groups


def tell(groups, number):
    """Those that are still there."""
    left = set()
    for group in groups:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(group, number)
            left.add(group)
    return left


def end(groups):
    groups = tell(groups, signal.SIGTERM)
    deadline = time.monotonic() + PATIENCE_S
    while groups and time.monotonic() < deadline:
        time.sleep(0.05)
        groups = tell(groups, 0)
    tell(groups, signal.SIGKILL)


if __name__ == "__main__":
    end(read_groups(sys.stdin))
    for folder in sys.argv[1:]:
        shutil.rmtree(folder, ignore_errors=True)
