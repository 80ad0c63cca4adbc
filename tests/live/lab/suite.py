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


def one(lab, function):
    """(verdict, what else to say)"""
    try:
        function(lab)
        return "ok", ""
    except Skip as skip:
        return "skip", ": %s" % skip
    except Failure as failure:
        return "FAIL", ": %s" % failure
    except Exception:
        return "FAIL", ":\n" + traceback.format_exc()


def run(lab, only, out=sys.stdout):
    """True when none failed."""
    passed = failed = skipped = 0
    for name, function in _tests:
        if only not in name:
            continue
        start = time.monotonic()
        verdict, more = one(lab, function)
        report = lab.end_test()
        if report:
            verdict, more = "FAIL", more + "\n" + report
        passed += verdict == "ok"
        failed += verdict == "FAIL"
        skipped += verdict == "skip"
        print("%-4s %s (%.1f s)%s" % (
            verdict, name, time.monotonic() - start, more), file=out,
            flush=True)
    print("%d passed, %d failed, %d skipped" % (passed, failed, skipped),
          file=out, flush=True)
    return failed == 0
