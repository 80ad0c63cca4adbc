"""Several runners side by side, each with namespaces and a lab of its own.

A runner is tests/live/run --runner: it reads numbers of tests, a line each,
and answers each with a line of JSON; the end of its input ends it. So nobody
has to guess beforehand which test takes how long. Those that measure time, or
bring load, are for one runner alone, when the others have ended.
"""

import contextlib
import json
import os
import selectors
import subprocess
import sys

from . import suite


class _Runner:
    def __init__(self, command):
        self.child = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True)
        self.test = None

    def begin(self, test):
        self.test = test
        with contextlib.suppress(BrokenPipeError):    # the result says so
            self.child.stdin.write("%d\n" % test.number)
            self.child.stdin.flush()

    def result(self):
        """Of the test that it has begun."""
        line = self.child.stdout.readline()
        if line:
            return suite.Result(**json.loads(line))
        return suite.Result("FAIL", 0, ": its runner ended with %d" %
                            self.child.wait())

    def has_ended(self):
        return self.child.poll() is not None

    def end(self):
        with contextlib.suppress(BrokenPipeError):
            self.child.stdin.close()
        self.child.stdout.close()
        self.child.wait()


def _play(command, jobs, tests, tally):
    """With so many runners; one that ends early costs but its test."""
    left = list(reversed(tests))
    runners = []
    with selectors.DefaultSelector() as working:
        def give(runner):
            if not left:
                return
            if runner is None or runner.has_ended():
                runner = _Runner(command)
                runners.append(runner)
            runner.begin(left.pop())
            working.register(runner.child.stdout, selectors.EVENT_READ,
                             runner)

        try:
            for _ in range(jobs):
                give(None)
            while working.get_map():
                for key, _ in working.select():
                    runner = key.data
                    working.unregister(key.fileobj)
                    tally.note(runner.test, runner.result())
                    give(runner)
        finally:
            for runner in runners:
                runner.end()


def run(command, jobs, tests, tally):
    """command: of a runner."""
    _play(command, jobs, [test for test in tests if not test.alone], tally)
    _play(command, 1, [test for test in tests if test.alone], tally)


def serve(lab):
    """Be a runner."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    with contextlib.suppress(BrokenPipeError):    # nobody wants to know
        for line in sys.stdin:
            result = suite.play(lab, suite.number(int(line)))
            print(json.dumps(result._asdict()), file=answers, flush=True)
