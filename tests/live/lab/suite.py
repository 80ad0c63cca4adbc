"""Tests by name, one line each, and a count at the end."""

import sys
import time
import traceback

from .process import Failure, Skip

_tests = []


def live(name):
    """@live("what holds"): the function takes the lab."""
    def register(function):
        _tests.append((name, function))
        return function
    return register


def add(name, function):
    _tests.append((name, function))


def names(only):
    return [name for name, _ in _tests if only in name]


def run(lab, only, out=sys.stdout):
    """True when none failed."""
    passed = failed = skipped = 0
    for name, function in _tests:
        if only not in name:
            continue
        start = time.monotonic()
        try:
            function(lab)
            verdict, more = "ok  ", ""
            passed += 1
        except Skip as skip:
            verdict, more = "skip", ": %s" % skip
            skipped += 1
        except Failure as failure:
            verdict, more = "FAIL", ": %s" % failure
            failed += 1
        except Exception:
            verdict, more = "FAIL", ":\n" + traceback.format_exc()
            failed += 1
        lab.end_test()
        print("%s %s (%.1f s)%s" % (
            verdict, name, time.monotonic() - start, more), file=out,
            flush=True)
    print("%d passed, %d failed, %d skipped" % (passed, failed, skipped),
          file=out, flush=True)
    return failed == 0
