"""Folders and processes that are gone when the tests are, however they end."""

import atexit
import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time


class Skip(Exception):
    """This test cannot run here; the text says what is missing."""


class Failure(AssertionError):
    """What was expected did not happen."""


def check(fact, message):
    if not fact:
        raise Failure(message)


def need_program(name, package=None):
    """The path of a program, also where root's PATH may lack sbin."""
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin:/usr/local/sbin"
    found = shutil.which(name, path=path)
    if not found:
        raise Skip("no %s here: install %s" % (name, package or name))
    return found


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until(fact, seconds, what, pause=0.01):
    """Wait for fact() to be true; Failure when it takes too long."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if fact():
            return
        time.sleep(pause)
    raise Failure("%s: not within %g s" % (what, seconds))


def can_connect(address):
    """Does somebody listen on a path or (host, port)?"""
    kind = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
    with socket.socket(kind) as probe:
        probe.settimeout(1)
        try:
            probe.connect(address)
        except OSError:
            return False
    return True


# ThreadSanitizer tells of races, not of what libmilter leaves behind.
SANITIZER_OPTIONS = {
    "TSAN_OPTIONS": "exitcode=0 report_thread_leaks=0 atexit_sleep_ms=0",
}
SANITIZER = re.compile(r"(?:ERROR: \w+Sanitizer|WARNING: \w+Sanitizer|"
                       r"runtime error: )(?:.*\n){0,60}?(?:={10,}|\Z)")
FRAME = re.compile(r"^ +#\d+ .*\((\S+?)\+0x[0-9a-f]+\)", re.M)


def is_of_libmilter(report):
    """A race within libmilter alone: it takes its own locks down too early.

    The first frame of each access that is not the sanitizer's tells; below
    it every callback of ours stands on libmilter, too.
    """
    accesses = re.split(r"\n +(?:Location|Mutex|Thread) ", report)[0]
    if "ThreadSanitizer" not in report:
        return False
    tops = []
    for stack in re.split(r"\n\s*\n", accesses):
        places = [place for place in FRAME.findall(stack)
                  if not place.startswith("libtsan")]
        tops += places[:1]
    return bool(tops) and all(top.startswith("libmilter") for top in tops)


class Process:
    """A child with its own process group, its output in a file."""

    def __init__(self, lab, name, command, **options):
        self.lab = lab
        self.name = name
        self.command = command
        self.log = lab.path(name + ".log")
        options.setdefault("env", dict(SANITIZER_OPTIONS, **os.environ))
        with open(self.log, "ab") as log:
            self.child = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True, **options)
        self.pid = self.child.pid
        lab.tell_guardian("+%d" % self.pid)

    def output(self):
        with open(self.log, "r", errors="replace") as log:
            return log.read()

    def alive(self):
        return self.child.poll() is None

    def has_sanitizer(self):
        with open("/proc/%d/maps" % self.pid) as file:
            text = file.read()
        return "libasan" in text or "libtsan" in text

    def rss(self):
        """In KB."""
        with open("/proc/%d/status" % self.pid) as file:
            for line in file:
                if line.startswith("VmRSS:"):
                    return int(line.split()[1])
        return 0

    def signal(self, number):
        if self.alive():
            os.kill(self.pid, number)

    def wait(self, seconds):
        """The exit status, or Failure when it does not end."""
        try:
            return self.child.wait(seconds)
        except subprocess.TimeoutExpired:
            raise Failure("%s did not end within %g s" % (
                self.name, seconds)) from None

    def stop(self, seconds=5):
        """End it and its group: politely, then not."""
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.child.wait(seconds)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        self.child.wait()
        self.lab.tell_guardian("-%d" % self.pid)
        self.look_for_report()

    def look_for_report(self):
        """What a sanitizer has found fails the test, whatever it says."""
        with contextlib.suppress(FileNotFoundError):
            for report in SANITIZER.findall(self.output()):
                if not is_of_libmilter(report):
                    self.lab.reports.append("%s: %s" % (self.name, report))


class Lab:
    """A folder and all that runs in it."""

    def __init__(self, builddir, srcdir, keep=False):
        self.builddir = builddir
        self.srcdir = srcdir
        self.keep = keep
        self.things = []
        self.shared = []
        self.reports = []    # of sanitizers
        self.count = 0
        self.seconds = 600    # of a long test
        self.folder = tempfile.mkdtemp(prefix="floodgate-live-")
        os.chmod(self.folder, 0o755)    # the MTAs' users walk through it
        self.guardian = self.start_guardian()
        atexit.register(self.close)

    def start_guardian(self):
        """See guardian.py. Of its input only we have the other end."""
        return subprocess.Popen(
            [sys.executable, os.path.join(
                os.path.dirname(os.path.abspath(__file__)), "guardian.py")] +
            ([] if self.keep else [self.folder]),
            stdin=subprocess.PIPE, text=True, start_new_session=True)

    def tell_guardian(self, line):
        self.guardian.stdin.write(line + "\n")
        self.guardian.stdin.flush()

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def write(self, name, text, mode=0o644):
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as file:
            file.write(text)
        os.chmod(path, mode)
        return path

    def unique(self, name):
        self.count += 1
        return "%s%d" % (name, self.count)

    def program(self, name):
        path = os.path.join(self.builddir, name)
        if not os.access(path, os.X_OK):
            raise Skip("%s is not built" % name)
        return path

    def start(self, name, command, **options):
        thing = Process(self, name, command, **options)
        self.things.append(thing)
        return thing

    def add(self, thing):
        """Something with a stop(), to be stopped in the end."""
        self.things.append(thing)
        return thing

    def share(self, thing):
        """The same, for all tests and not only the one that runs."""
        self.shared.append(thing)
        return thing

    def forget(self, thing):
        with contextlib.suppress(ValueError):
            self.things.remove(thing)

    def stop_things(self, things):
        while things:
            try:
                things.pop().stop()
            except Exception as error:    # the others have to end, too
                print("cleaning up: %s" % error, file=sys.stderr)

    def end_test(self):
        """A test that failed has not stopped what it had started.

        What sanitizers have reported since the last time.
        """
        self.stop_things(self.things)
        reports, self.reports = self.reports, []
        return "\n".join(reports)

    def close(self):
        """All ends here; who is told to hurry would leave the rest behind."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        self.stop_things(self.things)
        self.stop_things(self.shared)
        with contextlib.suppress(ValueError):    # closed before
            self.tell_guardian("done")
        self.guardian.stdin.close()
        self.guardian.wait()
        if not self.keep:
            shutil.rmtree(self.folder, ignore_errors=True)
