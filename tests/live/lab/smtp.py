"""An SMTP client that sees every line as it came."""

import base64
import re
import socket

REF = re.compile(r" \(ref [A-Z0-9]{6}\)")


class Reply:
    """code "550", enhanced "5.7.1" or "", text; raw with its CRLFs."""

    def __init__(self, lines):
        self.lines = lines
        self.code = lines[-1][:3] if lines else ""
        first = lines[0][4:] if lines else ""
        seen = re.match(r"([245]\.\d{1,3}\.\d{1,3})(?: |$)", first)
        self.enhanced = seen.group(1) if seen else ""
        text = first[seen.end():] if seen else first
        self.ref = bool(REF.search(text))
        self.text = REF.sub("", text)

    def __str__(self):
        """One line without the reference, which is new each time."""
        if not self.lines:
            return "(connection closed)"
        return " ".join(w for w in (self.code, self.enhanced, self.text) if w)


class Client:
    """A TCP connection; closed() tells whether the server hung up."""

    def __init__(self, address, source=None, timeout=40):
        self.socket = socket.create_connection(
            address, timeout, (source, 0) if source else None)
        self.file = self.socket.makefile("rb")

    def read(self):
        lines = []
        while True:
            try:
                line = self.file.readline()
            except OSError:
                line = b""
            if not line.endswith(b"\n"):
                return Reply(lines if not line else [])
            lines.append(line.decode("latin-1").rstrip("\r\n"))
            if line[3:4] != b"-":
                return Reply(lines)

    def write(self, text):
        try:
            self.socket.sendall(text.encode("latin-1") + b"\r\n")
        except OSError:
            pass    # the reply will be empty

    def command(self, text):
        self.write(text)
        return self.read()

    def auth_plain(self, user, password):
        token = base64.b64encode(
            ("\0%s\0%s" % (user, password)).encode()).decode()
        return self.command("AUTH PLAIN " + token)

    def hang_up(self):
        self.file.close()
        self.socket.close()

    def quit(self):
        reply = self.command("QUIT")
        self.hang_up()
        return reply
