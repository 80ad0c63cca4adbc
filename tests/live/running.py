"""Start, stop, root, and what is kept over a restart."""

import contextlib
import grp
import os
import pwd
import re
import signal
import socket
import stat
import subprocess
import sys
import time

from lab import daemon, gate, load
from lab.dialogue import Dialogue
from lab.process import Skip, check, need_program, wait_until
from lab.redis import Redis
from lab.suite import live

QUOTA = """
policy "all" {
    limit "quota_user" { allow = {"%d/1h"} }
}
"""


def need_root():
    if os.geteuid() != 0:
        raise Skip("not root")


def stop_under_load(lab, store):
    floodgate = daemon.Floodgate(lab, QUOTA % 1000000, store)
    background = load.Background(
        lab, [floodgate.listen], connections=30, rate=300, duration=3,
        messages=20, users=20, timeout=5000)
    time.sleep(1)
    start = time.monotonic()
    floodgate.process.signal(signal.SIGTERM)
    status = floodgate.process.wait(10)
    took = time.monotonic() - start
    report = background.report()
    classes = load.by_class(report)
    check(took < 1, "it took %.2f s to end" % took)
    check(status == 0, "status %d: %s" % (status, floodgate.log_tail()))
    check(classes["5"] == 0, "refused for good: %s" % report["replies"])
    check(not os.path.exists(floodgate.socket), "the socket is left behind")


@live("SIGTERM ends in under a second, open sessions get no 5yz")
def stop(lab):
    redis = Redis(lab)
    stop_under_load(lab, daemon.MEMORY)
    stop_under_load(lab, daemon.redis_store(redis))
    redis.freeze()
    stop_under_load(lab, daemon.redis_store(redis))
    redis.stop()


@live("SIGTERM within a message: Postfix tells the client to come again")
def stop_postfix(lab):
    stop_mta(lab, "postfix")


@live("SIGTERM within a message: Sendmail tells the client to come again")
def stop_sendmail(lab):
    stop_mta(lab, "sendmail")


STOPPED = """
client 192.0.2.7
MAIL FROM:<a@example.com> => 250
RCPT TO:<b@lab.test> => 250
client 192.0.2.8
stop
use 1
RCPT TO:<c@lab.test> => own 451 4.7.1 Service unavailable - try again later
    sendmail => own 451 4.3.2 Please try again later
DATA => 451
use 2
MAIL FROM:<a@example.com> => 250
    sendmail => own 451 4.3.2 Please try again later
RCPT TO:<b@lab.test> => own 451 4.7.1 Service unavailable - try again later
    sendmail => 503
"""


def stop_mta(lab, name):
    mta = gate.mta(lab, name)
    floodgate = daemon.Floodgate(
        lab, QUOTA % 100, listen="unix:" + gate.socket_of(lab), name="gate")
    Dialogue(mta, floodgate).hold(STOPPED)


@live("started as root it becomes the user of the configuration")
def root(lab):
    need_root()
    nobody = pwd.getpwnam("nobody")
    floodgate = daemon.Floodgate(
        lab, QUOTA % 1, user="nobody",
        options='listen_group = "nogroup"\n')
    with open("/proc/%d/status" % floodgate.process.pid) as file:
        facts = dict(line.rstrip("\n").split(":\t", 1) for line in file
                     if ":\t" in line)
    check(facts["Uid"].split() == [str(nobody.pw_uid)] * 4, facts["Uid"])
    check(facts["Gid"].split() == [str(nobody.pw_gid)] * 4, facts["Gid"])
    check(not set(facts["Groups"].split()) - {str(nobody.pw_gid)},
          "groups: " + facts["Groups"])
    check(int(facts["CapEff"], 16) == 0, "capabilities " + facts["CapEff"])
    report = load.run(lab, [floodgate.listen], connections=1, sessions=2,
                      users=1)
    check(report["recipients"] == 1, "does not work: %s" % report)
    done = floodgate.reload(QUOTA % 2)
    check(done.returncode == 0, "reload: %s%s" % (done.stdout, done.stderr))
    floodgate.stop()


@live("the socket has the mode and the group of the configuration")
def socket_mode(lab):
    need_root()
    floodgate = daemon.Floodgate(
        lab, QUOTA % 1, user="nobody",
        options='listen_group = "nogroup"\n')
    seen = os.stat(floodgate.socket)
    check(stat.S_IMODE(seen.st_mode) == 0o666, oct(seen.st_mode))
    check(seen.st_gid == grp.getgrnam("nogroup").gr_gid, str(seen))
    seen = os.stat(floodgate.control)
    check(stat.S_IMODE(seen.st_mode) == 0o660, oct(seen.st_mode))
    floodgate.stop()


@live("the control socket goes to a group that the user is not in")
def control_group(lab):
    need_root()
    group = grp.getgrnam("daemon").gr_gid
    floodgate = daemon.Floodgate(
        lab, QUOTA % 1, user="nobody",
        options='control_group = "daemon"\n')
    seen = os.stat(floodgate.control)
    check(seen.st_gid == group and
          seen.st_uid == pwd.getpwnam("nobody").pw_uid, str(seen))
    with open("/proc/%d/status" % floodgate.process.pid) as file:
        groups = re.search(r"^Groups:(.*)$", file.read(), re.M).group(1)
    check(str(group) not in groups.split(), "it stays in " + groups)
    check(floodgate.ctl_run("ping").returncode == 0, "no answer")
    floodgate.stop()
    check(not os.path.exists(floodgate.control), "it is left behind")


def keep(lab, name):
    return 'store "memory" { file = "%s" save_every = "1s" }' % lab.path(name)


def admitted(lab, floodgate):
    return load.run(lab, [floodgate.listen], connections=1, sessions=5,
                    users=1)["recipients"]


@live("memory store: counters survive a restart")
def restart(lab):
    floodgate = daemon.Floodgate(lab, QUOTA % 3, keep(lab, "kept"))
    check(admitted(lab, floodgate) == 3, "quota")
    floodgate.stop()
    floodgate.start()
    check(admitted(lab, floodgate) == 0, "forgotten over the restart")
    floodgate.stop()


@live("memory store: counters and the socket survive kill -9")
def killed(lab):
    floodgate = daemon.Floodgate(lab, QUOTA % 3, keep(lab, "killed"))
    check(admitted(lab, floodgate) == 3, "quota")
    time.sleep(2.5)
    floodgate.process.signal(signal.SIGKILL)
    floodgate.process.wait(5)
    lab.forget(floodgate.process)
    floodgate.start()
    check(admitted(lab, floodgate) == 0, "forgotten")
    floodgate.stop()


@live("memory store: a damaged snapshot is set aside, mail passes")
def damaged(lab):
    floodgate = daemon.Floodgate(lab, QUOTA % 3, keep(lab, "damaged"))
    check(admitted(lab, floodgate) == 3, "quota")
    floodgate.stop()
    with open(lab.path("damaged"), "r+b") as file:
        file.truncate(os.path.getsize(lab.path("damaged")) // 2)
        file.seek(0)
        file.write(b"\0\xff" * 20)
    floodgate.start()
    check(admitted(lab, floodgate) == 3, "does not work")
    floodgate.stop()


@live("systemd is told when it is ready, reloads and stops")
def notify(lab):
    path = lab.path("notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(path)
        listener.settimeout(5)
        env = need_program("env", "coreutils")
        floodgate = daemon.Floodgate(lab, QUOTA % 1, command=[
            env, "NOTIFY_SOCKET=" + path])

        def expect(*wanted):
            seen = [listener.recv(4096).decode().split("\n")[0]
                    for _ in wanted]
            check(seen == list(wanted), "told: %s" % seen)

        expect("READY=1")
        floodgate.reload()
        expect("RELOADING=1", "READY=1")
        floodgate.stop()
        expect("STOPPING=1")


@live("the limit of open files is raised at the start")
def limit_of_files(lab):
    prlimit = need_program("prlimit", "util-linux")
    floodgate = daemon.Floodgate(lab, QUOTA % 100000, command=[
        prlimit, "--nofile=64:4096"])
    report = load.run(lab, [floodgate.listen], connections=200,
                      sessions=400, users=100)
    check(report["unconnected"] == 0 and report["lost"] == 0 and
          not report["replies"], str(report))
    floodgate.stop()


@live("a second daemon on the same socket is refused, the first goes on")
def second(lab):
    floodgate = daemon.Floodgate(lab, QUOTA % 1)
    done = subprocess.run([floodgate.program, "-c", floodgate.conf],
                          capture_output=True, text=True, timeout=10,
                          check=False)
    check(done.returncode != 0, "it has started")
    wait_until(floodgate.answers, 2, "the first one's answer")
    floodgate.stop()


@live("a load leaves no thread, file or memory behind")
def leaks(lab):
    floodgate = daemon.Floodgate(lab, QUOTA % 1000000)
    folder = "/proc/%d/fd" % floodgate.process.pid

    def rss_kb():
        with open("/proc/%d/status" % floodgate.process.pid) as file:
            return int([line.split()[1] for line in file
                        if line.startswith("VmRSS")][0])

    def work():
        load.run(lab, [floodgate.listen], connections=50, sessions=2000,
                 users=20, clients=50, mailboxes=50, abort=20, drop=20)
        time.sleep(0.3)

    work()
    files, before = len(os.listdir(folder)), rss_kb()
    for _ in range(5):
        work()
    check(len(os.listdir(folder)) <= files + 2, "%d files, then %d" % (
        files, len(os.listdir(folder))))
    check(rss_kb() - before < 2048, "%d KB, then %d KB" % (before, rss_kb()))
    floodgate.stop()


def those_below(folder):
    """The processes that live in this folder: by directory or arguments."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            with open("/proc/%s/cmdline" % pid) as file:
                words = file.read()
            if folder in words or \
                    folder in os.readlink("/proc/%s/cwd" % pid):
                found.append("%s %s" % (pid, words.replace("\0", " ")))
    return found


@live("without namespaces nothing outlives the runner, however it ends")
def runner(lab):
    need_root()
    need_program("postfix")
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP,
                   signal.SIGKILL):
        folder = lab.path("runner%d" % number)
        os.mkdir(folder)
        os.chmod(folder, 0o755)
        started = lab.start("runner", [
            sys.executable, os.path.join(lab.srcdir, "tests/live/run"),
            "--builddir", lab.builddir, "--plain", "--only",
            "postfix, memory: client_connection_rate"],
            env=dict(os.environ, TMPDIR=folder))
        wait_until(lambda: any("smtpd" in line for line in
                               those_below(folder)), 20, "a session")
        check(any("/master " in line for line in those_below(folder)),
              "no master among %s" % those_below(folder))
        started.signal(number)
        started.wait(20)
        wait_until(lambda: not those_below(folder), 10, "the end of what "
                   "signal %d leaves behind" % number)
        wait_until(lambda: not os.listdir(folder), 2, "removal of its folder")
        lab.forget(started)


@live("floodgate -t finds every mistake and ends with 78")
def test_option(lab):
    program = lab.program("floodgate")
    path = lab.write("wrong.conf", 'listen = "inet:8891@127.0.0.1"\n'
                     'policy "a" {\n  check "helo_is_mee" { }\n'
                     '  limit "quota_user" { allow = {"x"} }\n}\n')
    done = subprocess.run([program, "-t", "-c", path], capture_output=True,
                          text=True, timeout=10, check=False)
    said = done.stdout + done.stderr
    check(done.returncode == 78, "status %d: %s" % (done.returncode, said))
    check(path + ":3:" in said and path + ":4:" in said and
          "helo_is_me" in said, said)
