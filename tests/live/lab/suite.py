"""Tests by name, one line each, and a count at the end."""

import collections
import sys
import time
import traceback

from .process import Failure, Skip

# alone: it measures time or brings load, so nothing may run beside it.
# long: it takes so long that it runs only where that is wanted.
Test = collections.namedtuple("Test", "number name function alone long",
                              defaults=(False,))
# verdict: "ok", "skip", "FAIL"; more: what else to say.
Result = collections.namedtuple("Result", "verdict seconds more")

_tests = []


def add(name, function, alone=True, long=False):
    _tests.append(Test(len(_tests), name, function, alone, long))


def live(name, alone=True, long=False):
    """@live("what holds"): the function takes the lab."""
    def register(function):
        add(name, function, alone, long)
        return function
    return register


def chosen(only, long=False):
    return [test for test in _tests
            if only in test.name and test.long == long]


def number(index):
    return _tests[index]


def _try(lab, function):
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


def play(lab, test):
    start = time.monotonic()
    verdict, more = _try(lab, test.function)
    report = lab.end_test()
    if report:
        verdict, more = "FAIL", more + "\n" + report
    return Result(verdict, time.monotonic() - start, more)


class Tally:
    """Says how each ended, and in the end how many."""

    def __init__(self, out=sys.stdout):
        self.out = out
        self.verdicts = collections.Counter()

    def note(self, test, result):
        self.verdicts[result.verdict] += 1
        print("%-4s %s (%.1f s)%s" % (
            result.verdict, test.name, result.seconds, result.more),
            file=self.out, flush=True)

    def end(self):
        """True when none failed."""
        print("%d passed, %d failed, %d skipped" % (
            self.verdicts["ok"], self.verdicts["FAIL"],
            self.verdicts["skip"]), file=self.out, flush=True)
        return self.verdicts["FAIL"] == 0


def run(lab, tests, tally):
    for test in tests:
        tally.note(test, play(lab, test))
