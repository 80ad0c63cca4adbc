r"""SMTP dialogues as text, held with a real MTA and compared line by line.

    client 192.0.2.7 user alice@example.org helo mail.example.net
    MAIL FROM:<alice@example.org> => 250
    RCPT TO:<bob@lab.test> => 550 5.4.6 <bob@lab.test>: Recipient ...
        sendmail => 550 5.4.6 other words there

client ADDRESS [user U] [name N] [helo H] [=> EXPECTED]
    opens a connection, greets, logs in; user and name as the MTA vouches.
    What is expected is the greeting. Earlier ones stay open: `use 1`.
message FROM TO... => EXPECTED
    a whole message, expected at its end; everything before it is 250.
drop, quit, closed
    hang up; say goodbye; the server must have hung up.
wait SECONDS, reload, stop
    reload puts the case's second policy in place; stop ends floodgate.
ctl WORDS
    floodgatectl WORDS, which has to succeed.

EXPECTED is a code alone, which has to be the reply's, or the whole reply as
the client sees it, of which only the reference is left out: it must be there.
`own 421 ...` is a reply in the MTA's own words, without a reference.
An indented line `postfix => ...` or `sendmail => ...` is for that MTA alone.
\r\n in a command is the end of a line.
"""

import re
import signal
import time

from .process import Failure, check

DEFAULT_HELO = "client.example.net"


def parse(text):
    """[(command, {"": expected, "sendmail": expected})]"""
    steps = []
    for line in text.strip().splitlines():
        left, arrow, right = line.strip().partition("=>")
        left, right = left.strip(), right.strip()
        if arrow and left in ("postfix", "sendmail"):
            steps[-1][1][left] = right
        elif left:
            steps.append((left, {"": right}))
    return steps


class Dialogue:
    def __init__(self, mta, gate, reload=None):
        self.mta = mta
        self.gate = gate
        self.reload = reload
        self.clients = []
        self.now = None
        self.said = []

    def hold(self, text):
        try:
            for command, expected in parse(text):
                self.step(command, expected)
        except Failure as failure:
            raise Failure("%s\n%s" % (failure, "\n".join(self.said))) \
                from None
        finally:
            for client in self.clients:
                client.hang_up()

    def step(self, command, expected):
        word, _, rest = command.partition(" ")
        wanted = expected.get(self.mta.name, expected[""])
        special = getattr(self, "do_" + word, None)
        if special:
            special(rest, wanted)
            return
        if self.mta.name not in expected:
            wanted = self.mta.decorate(command, wanted)
        self.expect(command, self.now.command(
            command.replace("\\r\\n", "\r\n")), wanted)

    def expect(self, command, reply, wanted):
        self.said.append("    C: %s" % command)
        self.said += ["    S: %s" % line for line in reply.lines] or [
            "    S: (hung up)"]
        if not wanted:
            return
        own, _, words = wanted.partition(" ")
        if own == "own":
            check(str(reply) == words, "%s\n  expected %s\n  seen     %s" % (
                command, words, reply))
            return
        seen = reply.code if re.fullmatch(r"\d\d\d", wanted) else str(reply)
        check(seen == wanted, "%s\n  expected %s\n  seen     %s" % (
            command, wanted, reply))
        check(seen == reply.code or reply.ref or seen[0] in "23",
              "%s: no reference in %s" % (command, reply.lines))

    def do_client(self, rest, wanted):
        words = rest.split()
        facts = dict(zip(words[1::2], words[2::2]))
        helo = facts.get("helo", DEFAULT_HELO)
        user = facts.get("user")
        self.now, reply = self.mta.connect(words[0], user, facts.get("name"))
        self.clients.append(self.now)
        self.expect("client " + rest, reply, wanted or "220")
        if wanted:
            return
        if helo != "none":
            self.expect("EHLO", self.now.command("EHLO " + helo), "250")
        if user:
            self.mta.login(self.now, user)

    def do_use(self, rest, _wanted):
        self.now = self.clients[int(rest) - 1]

    def do_message(self, rest, wanted):
        words = rest.split()
        self.step("MAIL FROM:" + words[0], {"": "250"})
        for path in words[1:]:
            self.step("RCPT TO:" + path, {"": "250"})
        self.step("DATA", {"": "354"})
        self.step("Subject: a test\\r\\n\\r\\nText.\\r\\n.",
                  {"": wanted or "250"})

    def do_drop(self, _rest, _wanted):
        self.now.hang_up()
        time.sleep(0.1)    # the MTA has to notice, and tell the milter

    def do_quit(self, _rest, _wanted):
        self.expect("QUIT", self.now.quit(), "221")
        time.sleep(0.05)

    def do_closed(self, _rest, _wanted):
        reply = self.now.read()
        check(not reply.lines, "still open: %s" % reply)

    def do_wait(self, rest, _wanted):
        time.sleep(float(rest))

    def do_stop(self, _rest, _wanted):
        start = time.monotonic()
        self.gate.process.signal(signal.SIGTERM)
        self.gate.process.wait(10)
        took = time.monotonic() - start
        check(took < 1, "it took %.2f s to end" % took)

    def do_reload(self, _rest, _wanted):
        done = self.gate.reload(self.reload)
        check(done.returncode == 0, "reload: %s%s" % (
            done.stdout, done.stderr))

    def do_ctl(self, rest, _wanted):
        done = self.gate.ctl_run(*rest.split())
        check(done.returncode == 0, "floodgatectl %s: %d %s%s" % (
            rest, done.returncode, done.stdout, done.stderr))
