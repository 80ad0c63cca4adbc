"""A proxy before Redis that does what networks and servers do wrong."""

import os
import select
import socket
import struct
import threading
import time

# What a server says that is none, or no longer one.
GARBAGE = {
    "garbage": b"\x00\xff HTTP/1.1 200 OK\r\n\r\n",
    "huge bulk": b"$536870912\r\nx",
    "huge array": b"*2147483647\r\n",
    "deep nesting": b"*1\r\n" * 20,
    "half a reply": b"*5\r\n:0\r\n",
}


class _Link:
    """One connection: ours to the client, and on to Redis."""

    def __init__(self, client, server):
        self.client, self.server = client, server
        self.client.setblocking(False)
        self.server.setblocking(False)
        self.late = []    # (when, octets) on their way to the client

    def close(self, reset=False):
        if reset:
            try:
                self.client.setsockopt(
                    socket.SOL_SOCKET, socket.SO_LINGER,
                    struct.pack("ii", 1, 0))
            except OSError:
                pass
        self.client.close()
        self.server.close()


class FaultProxy:
    """self.fault: None, or one of
    "delay" (400 ms), "drip" (an octet in 100 ms), "stall" (nothing passes),
    "deaf" (questions pass, answers do not), "reset" and "truncate" (in the
    middle of an answer), "refuse" (nobody listens), or a row of GARBAGE.
    """

    def __init__(self, lab, redis, tls=False):
        """tls: pass on to the port of Redis that speaks it."""
        self.lab = lab
        self.redis = redis
        self.tls = tls
        self.path = lab.path(lab.unique("fault") + ".sock")
        self.fault = None
        self.ending = False
        self.listener = None
        self._listen()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()
        lab.add(self)

    def _listen(self):
        self.listener = socket.socket(socket.AF_UNIX)
        if os.path.exists(self.path):
            os.unlink(self.path)
        self.listener.bind(self.path)
        os.chmod(self.path, 0o777)
        self.listener.listen(64)

    def _run(self):
        links = []
        while not self.ending:
            if self.fault == "refuse" and self.listener:
                self.listener.close()
                self.listener = None
            if self.fault != "refuse" and not self.listener:
                self._listen()
            watched = [self.listener] if self.listener else []
            if self.fault == "refuse":
                for link in links:
                    link.close(True)
                links = []
            if self.fault != "stall":
                for link in links:
                    watched += [link.client, link.server]
            ready = select.select(watched, [], [], 0.01)[0]
            if self.listener in ready:
                self._accept(links)
            links = [link for link in links if self._serve(link, ready)]
        for link in links:
            link.close()

    def _accept(self, links):
        client = self.listener.accept()[0]
        try:
            server = self._connect()
        except OSError:
            client.close()
            return
        links.append(_Link(client, server))

    def _connect(self):
        if self.tls:
            return socket.create_connection(
                ("127.0.0.1", self.redis.tls_port), 5)
        server = socket.socket(socket.AF_UNIX)
        server.connect(self.redis.path)
        return server

    def _serve(self, link, ready):
        """False when it is over."""
        try:
            if link.client in ready:
                octets = link.client.recv(65536)
                if not octets:
                    raise ConnectionError
                if self.fault in GARBAGE:
                    link.client.sendall(GARBAGE[self.fault])
                else:
                    link.server.sendall(octets)
            if link.server in ready:
                octets = link.server.recv(65536)
                if not octets:
                    raise ConnectionError
                return self._answer(link, octets)
            while link.late and link.late[0][0] <= time.monotonic():
                link.client.sendall(link.late.pop(0)[1])
        except OSError:
            link.close()
            return False
        return True

    def _answer(self, link, octets):
        now = time.monotonic()
        if self.fault in ("reset", "truncate"):
            link.client.sendall(octets[:len(octets) // 2])
            link.close(self.fault == "reset")
            return False
        if self.fault == "delay":
            link.late.append((now + 0.4, octets))
        elif self.fault == "drip":
            begin = max([now] + [when for when, _ in link.late])
            link.late += [(begin + 0.1 * i, octets[i:i + 1])
                          for i in range(len(octets))]
        elif link.late:
            link.late.append((now, octets))    # in their order
        elif self.fault != "deaf":
            link.client.sendall(octets)
        return True

    def stop(self):
        self.ending = True
        self.thread.join(5)
        if self.listener:
            self.listener.close()
        self.lab.forget(self)
