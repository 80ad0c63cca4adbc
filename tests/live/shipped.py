"""What contrib/ and etc/ ship does what it says, word for word."""

import os
import re
import shutil
import signal
import subprocess

from lab import daemon, gate, isolation
from lab.dialogue import Dialogue
from lab.nameserver import NameServer
from lab.postfix import Postfix
from lab.process import Failure, Skip, can_connect, check, need_program, \
    wait_until
from lab.redis import Redis
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


class Shipped(daemon.Floodgate):
    """One of the samples as it is, but for where its sockets are."""

    def __init__(self, lab, sample, store, rules=()):
        self.sample = os.path.join(lab.srcdir, "etc", sample)
        self.names = lab.add(NameServer(lab, rules=rules))
        for beside in os.listdir(os.path.dirname(self.sample)):
            path = os.path.join(os.path.dirname(self.sample), beside)
            if os.path.isfile(path):
                shutil.copy(path, lab.folder)
        super().__init__(lab, None, store, name="gate",
                         listen="unix:" + gate.socket_of(lab))

    def configure(self, _policy):
        with open(self.sample) as file:
            text = file.read()
        for begin, instead in (
                (r"listen =", 'listen = "%s"\nlisten_mode = 0666\n'
                 'hostname = "mx.lab.test"\n' % self.listen),
                (r"control =", 'control = "%s"\n' % self.control),
                (r"dns \{(?:\n\t.*)*\n}", ""),
                (r"store .*\{(?:\n\t.*)*\n}",
                 self.store + "\n" + self.names.options() + "\n")):
            text = re.sub(r"^%s.*\n" % begin, lambda _, new=instead: new,
                          text, count=1, flags=re.M)
        self.lab.write(self.name + ".conf", text)


def hold_shipped(lab, mta_name, sample, talk, store=daemon.MEMORY, rules=()):
    mta = gate.mta(lab, mta_name)
    floodgate = Shipped(lab, sample, store, rules)
    try:
        Dialogue(mta, floodgate).hold(talk)
        floodgate.check_alive()
    except Failure as failure:
        raise Failure("%s\n%s" % (failure, floodgate.log_tail())) from None
    floodgate.stop()


def recipients(count):
    return " ".join("<r%d@lab.test>" % i for i in range(count))


PROVIDER = """
client 192.0.2.7 user alice@example.com helo pc
message <alice@example.com> <b@lab.test>
MAIL FROM:<> => 250
RCPT TO:<b@lab.test> => 550 5.7.1 <>: Sender address rejected: Go away alice@example.com
RSET => 250
MAIL FROM:<bob@example.com> => 250
RCPT TO:<b@nxdomain.lab.test> => 450 4.1.2 <b@nxdomain.lab.test>: Recipient address rejected: Domain not found
RCPT TO:<b@nullmx.lab.test> => 556 5.1.10 <b@nullmx.lab.test>: Recipient address rejected: Domain nullmx.lab.test does not accept mail
RCPT TO:<b@lab.test> => 250
RSET => 250
message <alice@example.com> """ + recipients(99) + """
MAIL FROM:<alice@example.com> => 250
RCPT TO:<b@lab.test> => 550 5.4.6 <b@lab.test>: Recipient address rejected: Hourly sending quota exceeded
client 192.0.2.80 name mail.example.net helo mail.example.net
message <a@example.net> <info@example.com>
MAIL FROM:<a@nxdomain.example> => 250
RCPT TO:<info@example.com> => 450 4.1.8 <a@nxdomain.example>: Sender address rejected: Domain not found
RSET => 250
MAIL FROM:<alice@example.com> => 250
RCPT TO:<info@example.com> => 250
client 192.0.2.8 helo localhost
MAIL FROM:<a@example.net> => 250
RCPT TO:<info@example.com> => 550 5.7.1 <localhost>: Helo command rejected: You aren't localhost
RCPT TO:<abuse@example.com> => 250
client 192.0.2.66
MAIL FROM:<a@example.net> => 250
RCPT TO:<info@example.com> => 554 5.7.1 <unknown[192.0.2.66]>: Client host rejected: Access denied
client 192.0.2.9 helo mail.example.org
""" + "message <a@example.net> <info@example.com>\n" * 60 + """
MAIL FROM:<a@example.net> => 250
RCPT TO:<info@example.com> => 450 4.7.1 Error: too much mail from 192.0.2.9
"""

UNIVERSITY = """
client 198.51.100.3 user s1@students.example.edu helo laptop
message <s1@students.example.edu> """ + recipients(50) + """
MAIL FROM:<s1@students.example.edu> => 250
RCPT TO:<b@lab.test> => 550
client 198.51.100.3 user s2@students.example.edu helo laptop
message <s2@students.example.edu> <b@lab.test>
client 198.51.100.3 helo laptop
message <a@example.net> <b@lab.test>
client 203.0.113.9 user curie@physics.example.edu helo pc
message <dean@physics.example.edu> """ + recipients(200) + """
MAIL FROM:<curie@physics.example.edu> => 250
RCPT TO:<b@lab.test> => 550 5.4.6 <b@lab.test>: Recipient address rejected: Hourly sending quota exceeded
client 203.0.113.9 user registry@example.edu helo pc
message <registry@example.edu> """ + recipients(400) + """
client 192.0.2.20 name lists.example.edu helo lists.example.edu
message <list-bounces@lists.example.edu> """ + recipients(300) + """
client 203.0.113.25 name mail.example.net helo mail.example.net
message <a@example.net> <curie@physics.example.edu>
MAIL FROM:<a@nullmx.example> => 250
RCPT TO:<curie@physics.example.edu> => 550 5.7.27 <a@nullmx.example>: Sender address rejected: Domain nullmx.example does not accept mail
RCPT TO:<postmaster@example.edu> => 250
"""

INBOUND = """
client 192.0.2.80 name mail.example.net helo mail.example.net
message <a@example.net> <alice@example.com>
MAIL FROM:<a@example.net> => 250
RCPT TO:<nobody.here@example.com> => 550 5.1.1 <nobody.here@example.com>: Recipient address rejected: User unknown in virtual alias table
RCPT TO:<friend@example.org> => 554 5.7.1 <friend@example.org>: Relay access denied
RCPT TO:<anything@lists.example.com> => 250
RSET => 250
MAIL FROM:<a@nxdomain.example> => 250
RCPT TO:<alice@example.com> => 450 4.1.8 <a@nxdomain.example>: Sender address rejected: Domain not found
RCPT TO:<postmaster@example.com> => 250
RSET => 250
MAIL FROM:<a@nullmx.example> => 250
RCPT TO:<alice@example.com> => 550 5.7.27 <a@nullmx.example>: Sender address rejected: Domain nullmx.example does not accept mail
RSET => 250
EHLO mx1.example.com => 250
MAIL FROM:<a@example.net> => 250
RCPT TO:<alice@example.com> => 550 5.7.1 <mx1.example.com>: Helo command rejected: You are not me
client 192.0.2.81 name host.dyn.example.net helo host.dyn.example.net
MAIL FROM:<a@example.net> => 250
RCPT TO:<alice@example.com> => 554 5.7.1 Service unavailable; Client host [192.0.2.81] blocked using zen.example.net
client 192.0.2.7
MAIL FROM:<a@example.net> => 250
RCPT TO:<alice@example.com> => 450 4.7.1 Client host rejected: cannot find your reverse hostname, [192.0.2.7]
client 192.0.2.25 helo localhost
message <a@nxdomain.example> <alice@example.com> <nobody.here@example.com>
MAIL FROM:<a@example.net> => 250
RCPT TO:<friend@example.org> => 554 5.7.1 <friend@example.org>: Relay access denied
client 192.0.2.80 name mail.example.net helo mail.example.net
""" + "message <flood@example.net> <bob@example.com>\n" * 50 + """
MAIL FROM:<flood@example.net> => 250
RCPT TO:<bob@example.com> => 450 4.7.1 <bob@example.com>: too much mail from this sender
RCPT TO:<alice@example.com> => 250
"""


@live("floodgate.conf plays its part, with Postfix")
def provider_postfix(lab):
    hold_shipped(lab, "postfix", "floodgate.conf", PROVIDER)


@live("floodgate.conf plays its part, with Sendmail")
def provider_sendmail(lab):
    hold_shipped(lab, "sendmail", "floodgate.conf", PROVIDER)


@live("university.conf plays its part, with Postfix and Redis")
def university(lab):
    hold_shipped(lab, "postfix", "examples/university.conf", UNIVERSITY,
                 daemon.redis_store(Redis(lab)))


@live("inbound-mx.conf plays its part, with Postfix")
def inbound_postfix(lab):
    hold_shipped(lab, "postfix", "examples/inbound-mx.conf", INBOUND,
                 rules=["81.2.0.192.zen.example.net=listed"])


@live("inbound-mx.conf plays its part, with Sendmail")
def inbound_sendmail(lab):
    hold_shipped(lab, "sendmail", "examples/inbound-mx.conf", INBOUND,
                 rules=["81.2.0.192.zen.example.net=listed"])


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
