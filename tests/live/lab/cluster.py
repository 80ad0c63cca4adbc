"""A private Redis Cluster, and a master with its replica and sentinels."""

import subprocess
import time

from .process import check, free_port, need_program, wait_until
from .redis import (Redis, certificates, tls_client, tls_settings,
                    words_of)

NODE_TIMEOUT = 1000     # ms; then the others elect
BOTH = "127.0.0.1 -::1"     # localhost may be either
LAG_MB = 32     # more than tcp_wmem and tcp_rmem have for a connection


class Tls:
    """How servers speak it among each other, and to clients.

    Their certificate is for localhost, and for no address.
    """

    def __init__(self, lab):
        self.folder = certificates(lab)

    def settings(self, name="named"):
        return dict(tls_settings(self.folder, name), **{
            "tls-replication": "yes"})

    def client(self):
        return tls_client(self.folder)


class Cluster:
    """Three masters, each with a replica; tls: a Tls, or None."""

    def __init__(self, lab, masters=3, tls=None, names=False):
        """names: each tells clients its name, not its address."""
        self.lab = lab
        self.tls = tls
        self.names = names
        self.cli = need_program("redis-cli", "redis-tools")
        self.nodes = [self.node() for _ in range(2 * masters)]
        self.tell("--cluster", "create", *map(where, self.nodes),
                  "--cluster-replicas", "1", "--cluster-yes")
        for node in self.nodes:
            wait_until(lambda node=node: self.is_whole(node), 20,
                       "the cluster")

    def node(self):
        port = free_port()
        settings = {
            "cluster-enabled": "yes", "cluster-port": free_port(),
            "cluster-config-file": "nodes-%d.conf" % port,
            "cluster-node-timeout": NODE_TIMEOUT,
            "cluster-require-full-coverage": "no",
            "cluster-replica-validity-factor": 0,
            "repl-diskless-sync-delay": 0}
        if self.names:
            settings.update({"cluster-announce-hostname": "localhost",
                             "cluster-preferred-endpoint-type": "hostname"})
        return start(self.lab, settings, self.tls, port, ("tls-cluster",))

    def tell(self, *words):
        done = subprocess.run([self.cli, *words], capture_output=True,
                              text=True, timeout=60, check=False)
        check(done.returncode == 0, "redis-cli %s: %s%s" % (
            " ".join(words), done.stdout, done.stderr))
        return done.stdout

    def is_whole(self, node):
        """Every slot has a master that lives, and every replica follows."""
        info = node.command("CLUSTER", "INFO")
        lines = node.command("CLUSTER", "NODES").splitlines()
        replicas = [line for line in lines if "slave" in line.split()[2]]
        return "cluster_state:ok" in info and \
            "cluster_slots_ok:16384" in info and \
            len(replicas) == len(self.nodes) // 2 and \
            (not is_replica(node) or "master_link_status:up" in
             node.command("INFO", "replication"))

    def masters(self):
        return [node for node in self.nodes
                if node.process.alive() and not is_replica(node)]

    def replica_of(self, master):
        ports = [int(port) for _, port, _ in master.command("ROLE")[2]]
        return next(node for node in self.nodes if node.port in ports)

    def await_promotion(self, replica):
        wait_until(lambda: not is_replica(replica) and
                   self.has_master_for_all(replica), 20, "the election")

    def rejoin(self, lost, master):
        """As it was told by the others; it has what the new master has."""
        if not lost.process.alive():
            lost.start()
        wait_until(lambda: follows(lost, master), 30, "the lost one")

    def a_key(self, master):
        """One that is at this node."""
        keys = ("key%d" % number for number in range(1000))
        return next(key for key in keys if not str(
            master.command("GET", key)).startswith("-MOVED"))

    def id(self, node):
        return node.command("CLUSTER", "MYID")

    def has_master_for_all(self, asked):
        """As the node that is asked sees it."""
        info = asked.command("CLUSTER", "INFO")
        return "cluster_slots_ok:16384" in info and \
            "cluster_state:ok" in info

    def agrees(self):
        done = subprocess.run(
            [self.cli, "--cluster", "check", where(self.nodes[0])],
            capture_output=True, text=True, timeout=60, check=False)
        return done.returncode == 0

    def reshard(self, source, target, slots):
        self.tell(
            "--cluster", "reshard", where(source), "--cluster-from",
            self.id(source), "--cluster-to", self.id(target),
            "--cluster-slots", str(slots), "--cluster-yes")
        wait_until(self.agrees, 20, "an end of the move", 0.2)

    def store(self, extra="", nodes=None):
        return 'store "redis" { server = {%s} cluster = true %s }' % (
            servers(nodes or self.nodes, self.names), extra +
            (self.tls.client() if self.tls else ""))

    def stop(self):
        for node in self.nodes:
            node.thaw()
            node.stop()


def start(lab, settings, tls, port=None, more=()):
    """A Redis that also speaks TLS, if any; more: directives for that."""
    tls_port = free_port() if tls else None
    if tls:
        settings = dict(settings, **tls.settings(), **{
            "tls-port": tls_port}, **{name: "yes" for name in more})
    redis = Redis(lab, *words_of(settings), port=port)
    redis.tls_port = tls_port
    return redis


def where(redis):
    return "127.0.0.1:%d" % redis.port


def client_port(redis):
    return redis.tls_port or redis.port


def servers(redises, names=False):
    """As floodgate.conf has them."""
    return ", ".join('"%s:%d"' % ("localhost" if names else "127.0.0.1",
                                  client_port(one)) for one in redises)


def is_replica(node):
    return node.command("ROLE")[0] == "slave"


def follows(node, master):
    """Is it a replica that has all that the master has?"""
    role = node.command("ROLE")
    return role[0] == "slave" and role[2] == master.port and \
        role[3] == "connected" and any(
            int(port) == node.port
            for _, port, _ in master.command("ROLE")[2])


def lag(servers, master):
    """The master's replica receives nothing from here on.

    It reads nothing, and what is under way to it fills all buffers between
    the two; what comes after that is with the master alone.
    """
    replica = servers.replica_of(master)
    replica.freeze()
    key = servers.a_key(master)
    master.commands(*[("SET", key, "x" * 1000000)] * LAG_MB)
    return replica


def replica_settings(master):
    return {"replicaof": "127.0.0.1 %d" % client_port(master),
            "repl-diskless-sync-delay": 0}


class Watched:
    """A master, its replica, and three sentinels that watch over them."""

    NAME = "post"
    DOWN_AFTER = 500    # ms

    def __init__(self, lab, tls=None, names=False):
        """names: they call each other by names, not by addresses."""
        self.lab = lab
        self.tls = tls
        self.names = names
        mine = {"replica-announce-ip": "localhost",
                "bind": BOTH} if names else {}
        self.master = start(lab, mine, tls)
        self.replica = start(
            lab, dict(mine, **replica_settings(self.master)), tls)
        self.sentinels = [self.sentinel() for _ in range(3)]
        for sentinel in self.sentinels:
            wait_until(lambda sentinel=sentinel: self.is_ready(sentinel), 30,
                       "the sentinels")

    def sentinel(self):
        port = free_port()
        settings = [("port", port), ("bind", BOTH)]
        tls_port = free_port() if self.tls else None
        if self.tls:
            settings += self.tls.settings().items()
            settings.append(("tls-port", tls_port))
        if self.names:
            settings += [("sentinel resolve-hostnames", "yes"),
                         ("sentinel announce-hostnames", "yes")]
        settings += [
            ("sentinel monitor", "%s %s %d 2" % (
                self.NAME, "localhost" if self.names else "127.0.0.1",
                client_port(self.master))),
            ("sentinel down-after-milliseconds", "%s %d" % (
                self.NAME, self.DOWN_AFTER)),
            ("sentinel failover-timeout", "%s 1000" % self.NAME)]
        conf = self.lab.write("sentinel-%d.conf" % port, "".join(
            "%s %s\n" % setting for setting in settings))
        sentinel = Redis(self.lab, conf=conf, port=port)
        sentinel.tls_port = tls_port
        return sentinel

    def is_ready(self, sentinel):
        """It knows the others, and the replica well enough to take it."""
        info = sentinel.command("INFO", "sentinel")
        replicas = sentinel.command("SENTINEL", "REPLICAS", self.NAME)
        return "sentinels=3" in info and "slaves=1" in info and \
            isinstance(replicas, list) and replicas and \
            replicas[0][replicas[0].index("master-link-status") + 1] == "ok"

    def masters(self):
        return [one for one in (self.master, self.replica)
                if client_port(one) == self.named()]

    def replica_of(self, master):
        return self.replica if master is self.master else self.master

    def await_promotion(self, replica):
        wait_until(lambda: self.named() == client_port(replica), 30,
                   "the new master")

    def rejoin(self, lost, master):
        """As sentinels would have it do a while later, 8 s or much more."""
        if lost.process.alive():
            time.sleep(3)
            lost.command("REPLICAOF", "127.0.0.1", client_port(master))
        else:
            lost.options = words_of(replica_settings(master))
            lost.start()
        wait_until(lambda: follows(lost, master), 30, "the lost one")
        for sentinel in self.sentinels:
            wait_until(lambda sentinel=sentinel: self.is_ready(sentinel), 30,
                       "the sentinels")

    def a_key(self, master):
        return "key"

    def named(self):
        """The port that the sentinels name."""
        return int(self.sentinels[0].command(
            "SENTINEL", "get-master-addr-by-name", self.NAME)[1])

    def store(self, extra=""):
        return 'store "redis" { server = {%s} sentinel = "%s" %s }' % (
            servers(self.sentinels, self.names), self.NAME, extra +
            (self.tls.client() if self.tls else ""))

    def stop(self):
        for one in [self.master, self.replica] + self.sentinels:
            one.thaw()
            one.stop()
