"""What contrib/ and etc/ ship does what it says, word for word."""

import os
import re
import shutil
import signal
import subprocess

from lab import daemon, gate, isolation
from lab.dialogue import Dialogue
from lab.postfix import Postfix
from lab.process import Skip, can_connect, check, need_program, \
    wait_until
from lab.sendmail import Sendmail
from lab.suite import live

DENY = """
policy "all" {
    check "sender_denied" { lists = {"senders"} }
}
list "senders" { addresses = {"@bad.example"} }
"""
TALK = """
client 192.0.2.7
message <a@example.com> <b@lab.test>
MAIL FROM:<x@bad.example> => 250
RCPT TO:<b@lab.test> => 554 5.7.1 <x@bad.example>: Sender address rejected: Access denied
quit
"""
DOWN = """
client 192.0.2.7
MAIL FROM:<a@example.com> => 451
quit
"""


def need_own_network():
    if not isolation.inside():
        raise Skip("no network of one's own for the shipped port")


def talk(lab, mta, listen, user=None):
    floodgate = daemon.Floodgate(lab, DENY, listen=listen, user=user)
    Dialogue(mta, floodgate).hold(TALK)
    floodgate.stop()
    Dialogue(mta, floodgate).hold(DOWN)
    mta.stop()


@live("postfix-main.cf: the line for a port, and 451 while it is down")
def postfix_inet(lab):
    need_own_network()
    talk(lab, lab.add(Postfix(
        lab, gate.shipped_line(lab, "postfix-main.cf", "inet"))),
        "inet:8891@127.0.0.1")


@live("postfix-main.cf: the line for a path below the queue directory")
def postfix_unix(lab):
    postfix = lab.add(Postfix(
        lab, gate.shipped_line(lab, "postfix-main.cf", "unix")))
    folder = os.path.join(postfix.folder, "spool", "floodgate")
    os.mkdir(folder)
    shutil.chown(folder, "nobody", "postfix")
    os.chmod(folder, 0o2750)
    talk(lab, postfix, "unix:%s/milter" % folder, "nobody")


@live("sendmail.mc: the line for a port, and 451 while it is down")
def sendmail_inet(lab):
    need_own_network()
    talk(lab, lab.add(Sendmail(
        lab, gate.shipped_line(lab, "sendmail.mc", "inet"))),
        "inet:8891@127.0.0.1")


def unit(lab):
    """The unit as installed, with programs that are there."""
    with open(os.path.join(lab.srcdir, "contrib/floodgate.service.in")) as f:
        text = f.read()
    for word, path in (("@sbindir@", lab.builddir), ("@bindir@", lab.builddir),
                       ("@sysconfdir@", "/etc")):
        text = text.replace(word, path)
    return lab.write("floodgate.service", text)


@live("floodgate.service: systemd understands it")
def service_verify(lab):
    analyze = need_program("systemd-analyze", "systemd")
    lab.program("floodgate")
    done = subprocess.run(
        [analyze, "verify", "--man=no", unit(lab)],
        capture_output=True, text=True, timeout=60, check=False)
    if "Failed to initialize manager" in done.stderr:
        raise Skip(done.stderr.strip())
    check(done.returncode == 0 and "floodgate.service" not in done.stderr,
          done.stderr)


@live("floodgate.service: exposure of 1.5 or less")
def service_exposure(lab):
    analyze = need_program("systemd-analyze", "systemd")
    done = subprocess.run(
        [analyze, "security", "--offline=true", "--no-pager", unit(lab)],
        capture_output=True, text=True, timeout=60, check=False)
    seen = re.search(r"exposure level for .*: (\d+\.\d)", done.stdout)
    if not seen:
        raise Skip("systemd-analyze is too old: " + done.stderr.strip())
    check(float(seen.group(1)) <= 1.5, seen.group(0))


@live("the shipped configuration is good")
def configuration(lab):
    program = lab.program("floodgate")
    done = subprocess.run(
        [program, "-t", "-c", os.path.join(lab.srcdir, "etc/floodgate.conf")],
        capture_output=True, text=True, timeout=10, check=False)
    check(done.returncode == 0 and not done.stdout + done.stderr,
          "%d %s%s" % (done.returncode, done.stdout, done.stderr))


@live("quickstart shows refusals")
def quickstart(lab):
    lab.program("floodgate")
    done = subprocess.run(
        [os.path.join(lab.srcdir, "contrib/quickstart"), lab.builddir],
        capture_output=True, text=True, timeout=60, check=False)
    said = done.stdout + done.stderr
    check(done.returncode == 0, "status %d: %s" % (done.returncode, said))
    for reply in ("550 5.4.6", "450 4.7.1", "452 4.5.3", "553 5.7.1",
                  "smtpd_milters"):
        check(reply in said, "no %s in: %s" % (reply, said))


@live("quickstart serve waits for Postfix with the line that it prints")
def quickstart_serve(lab):
    need_own_network()
    lab.program("floodgate")
    script = lab.start("serve", [
        os.path.join(lab.srcdir, "contrib/quickstart"), "serve",
        lab.builddir])
    wait_until(lambda: "waits on" in script.output(), 30,
               "a word that it waits")
    line = re.search(r"^ *(smtpd_milters = .*\n)", script.output(), re.M)
    postfix = lab.add(Postfix(lab, line.group(1)))
    Dialogue(postfix, None).hold("""
client 192.0.2.7
message <a@example.com> <b@lab.test>
message <a@example.com> <b@lab.test>
message <a@example.com> <b@lab.test>
MAIL FROM:<a@example.com> => 250
RCPT TO:<b@lab.test> => 450 4.7.1 Error: too much mail from 192.0.2.7
quit
""")
    postfix.stop()
    script.signal(signal.SIGTERM)
    script.wait(5)
    wait_until(lambda: not can_connect(("127.0.0.1", 8891)), 2,
               "the end of floodgate")
