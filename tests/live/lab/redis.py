"""A private Redis, and enough of its protocol to look into it."""

import collections
import os
import re
import signal
import socket
import subprocess

from .process import can_connect, free_port, need_program, wait_until


class Redis:
    tls_port = None     # beside the other, when it speaks TLS

    def __init__(self, lab, *options, command=(), port=None, conf=None):
        """`command`: words before the server's own, such as a wrapper;
        conf: it is a sentinel, and this is its configuration."""
        self.lab = lab
        self.name = lab.unique("redis")
        self.port = port or free_port()
        self.conf = conf
        self.path = lab.path(self.name + ".sock")
        self.options = options
        self.wrapper = list(command)
        self.start()

    def start(self):
        """Also again, on the same port, after kill()."""
        self.process = self.lab.start(self.name, self.wrapper + [
            need_program("redis-server"), *self.words()])
        wait_until(lambda: can_connect(("127.0.0.1", self.port)), 10,
                   "start of Redis")

    def words(self):
        if self.conf:
            return [self.conf, "--sentinel"]
        return ["--port", str(self.port), "--bind", "127.0.0.1",
                "--unixsocket", self.path, "--unixsocketperm", "777",
                "--dir", self.lab.folder, "--dbfilename",
                "%s.rdb" % self.name, "--save", "", "--appendonly", "no",
                "--daemonize", "no", *self.options]

    def command(self, *words):
        """One command; errors come as text that begins with '-'."""
        return self.commands(words)[0]

    def commands(self, *commands):
        """Several on one connection."""
        request = b""
        for words in commands:
            request += b"*%d\r\n" % len(words)
            for word in words:
                word = str(word).encode()
                request += b"$%d\r\n%s\r\n" % (len(word), word)
        with socket.create_connection(("127.0.0.1", self.port), 5) as link:
            link.sendall(request)
            with link.makefile("rb") as file:
                return [self._read(file) for _ in commands]

    def begin(self, *words):
        """A command whose answer nobody waits for: close() the result."""
        link = socket.create_connection(("127.0.0.1", self.port), 5)
        link.sendall(b"".join(
            [b"*%d\r\n" % len(words)] +
            [b"$%d\r\n%s\r\n" % (len(word), word.encode())
             for word in words]))
        return link

    def _read(self, file):
        line = file.readline().rstrip(b"\r\n")
        kind, rest = line[:1], line[1:]
        if kind == b":":
            return int(rest)
        if kind == b"$":
            if rest == b"-1":
                return None
            data = file.read(int(rest) + 2)[:-2]
            return data.decode("latin-1")
        if kind == b"*":
            return [self._read(file) for _ in range(int(rest))]
        return line.decode("latin-1")

    def keys(self):
        return self.command("KEYS", "*")

    def calls(self):
        """How often each command was run so far, by a script as well."""
        calls = collections.Counter()
        for name, count in re.findall(r"^cmdstat_(\S+?):calls=(\d+)",
                                      self.command("INFO", "commandstats"),
                                      re.M):
            calls[name] = int(count)
        return calls

    def trips(self):
        """How often the script was asked to count.

        A sign of life of a host is a trip, too, with one ZADD or ZREM.
        """
        calls = self.calls()
        return sum(calls[name] for name in ("evalsha", "eval", "fcall")) - \
            calls["zadd"] - calls["zrem"]

    def freeze(self):
        self.process.signal(signal.SIGSTOP)

    def thaw(self):
        self.process.signal(signal.SIGCONT)

    def kill(self):
        self.process.signal(signal.SIGKILL)
        self.process.wait(5)
        self.lab.forget(self.process)

    def stop(self):
        self.process.stop()
        self.lab.forget(self.process)


def certificates(lab):
    """A folder with ca.pem, server.pem, client.pem and their keys."""
    folder = lab.path(lab.unique("certificates"))
    os.mkdir(folder)
    os.chmod(folder, 0o755)
    subprocess.run([os.path.join(lab.srcdir, "tests/io/make-certificates"),
                    folder], check=True)
    return folder


def tls_settings(folder, name):
    """Of a server with this certificate: directives of redis.conf."""
    file = folder + "/" + name
    return {"tls-cert-file": file + ".pem", "tls-key-file": file + ".key",
            "tls-ca-cert-file": folder + "/ca.pem"}


def words_of(settings):
    return [word for name, value in settings.items()
            for word in ("--" + name, str(value))]


def tls_client(folder):
    """Options of the store for such a server."""
    file = folder + "/%s"
    return """tls = true
    tls_ca_file = "%s" tls_certificate_file = "%s" tls_key_file = "%s"
""" % (file % "ca.pem", file % "client.pem", file % "client.key")


class TlsRedis(Redis):
    """Also on tls_port, for who shows a certificate."""

    def __init__(self, lab, *options):
        self.certificates = certificates(lab)
        self.tls_port = free_port()
        super().__init__(
            lab, "--tls-port", str(self.tls_port),
            *words_of(tls_settings(self.certificates, "server")), *options)

    def store(self, where=None, extra=""):
        return """store "redis" {
    server = "%s" tls_server_name = "localhost" %s %s
}""" % (where or "127.0.0.1:%d" % self.tls_port,
        tls_client(self.certificates), extra)
