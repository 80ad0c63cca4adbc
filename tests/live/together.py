"""Do runners side by side count each test once, whatever becomes of them?

The runners here are processes that play no tests, but answer as lab/crew.py
wants it, or die, or find something wrong.
"""

import io
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True    # the source may be read-only
sys.path.insert(0, HERE)

from lab import crew, suite    # noqa: E402

# Says which process played it, in "seconds".
RUNNER = """
import json, os, sys, time
for line in sys.stdin:
    number = int(line)
    if number in DIES:
        os._exit(3)
    time.sleep(0.01)
    verdict = "FAIL" if number in FAILS else "skip" if number in SKIPS else "ok"
    print(json.dumps({"verdict": verdict, "seconds": os.getpid(),
                      "more": ": two\\nlines" if verdict == "FAIL" else ""}),
          flush=True)
"""
COUNT = 24


class Tally(suite.Tally):
    def __init__(self):
        super().__init__(io.StringIO())
        self.seen = []

    def note(self, test, result):
        self.seen.append((test, result))
        super().note(test, result)


def play(jobs, dies=(), fails=(), skips=(), alone=()):
    tests = [suite.Test(number, "test %d." % number, None, number in alone)
             for number in range(COUNT)]
    text = RUNNER.replace("DIES", repr(tuple(dies))).replace(
        "FAILS", repr(tuple(fails))).replace("SKIPS", repr(tuple(skips)))
    tally = Tally()
    crew.run([sys.executable, "-c", text], jobs, tests, tally)
    return tally, tally.end(), tally.out.getvalue()


def check(fact, message):
    if not fact:
        sys.exit("together: " + message)


def check_sums(text, passed, failed, skipped):
    want = "%d passed, %d failed, %d skipped" % (passed, failed, skipped)
    check(text.splitlines()[-1] == want, "not %s: %s" % (want, text))
    for number in range(COUNT):
        check(text.count("test %d." % number) == 1, "test %d: %s" % (
            number, text))


def main():
    for jobs in (1, 2, 3):
        tally, well, text = play(jobs)
        check(well, text)
        check_sums(text, COUNT, 0, 0)
        players = {result.seconds for _, result in tally.seen}
        check(len(players) == min(jobs, COUNT), "%d players" % len(players))
    _, well, text = play(2, fails=(0, 7), skips=(8,))
    check(not well and ": two\nlines" in text, text)
    check_sums(text, COUNT - 3, 2, 1)
    # The first, the last, several in a row.
    _, well, text = play(2, dies=(0, 1, 2, 15, COUNT - 1))
    check(not well and "its runner ended with 3" in text, text)
    check_sums(text, COUNT - 5, 5, 0)
    _, well, text = play(2, dies=range(COUNT))
    check(not well, text)
    check_sums(text, 0, COUNT, 0)
    # Last of all, and all by one.
    alone = (3, 5, 20)
    tally, well, text = play(2, alone=alone)
    check_sums(text, COUNT, 0, 0)
    last = tally.seen[-len(alone):]
    check([test.number for test, _ in last] == list(alone), "order: %s" % text)
    check(len({result.seconds for _, result in last}) == 1, "not by one")


if __name__ == "__main__":
    main()
