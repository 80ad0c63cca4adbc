"""A private Redis Cluster, and a master with its replica and sentinels."""

import subprocess

from .process import check, free_port, need_program, wait_until
from .redis import Redis

NODE_TIMEOUT = 1000     # ms; then the others elect
LAG_MB = 32     # more than tcp_wmem and tcp_rmem have for a connection


class Cluster:
    """Three masters, each with a replica."""

    def __init__(self, lab, masters=3):
        self.lab = lab
        self.cli = need_program("redis-cli", "redis-tools")
        self.nodes = [self.node() for _ in range(2 * masters)]
        self.tell("--cluster", "create", *map(where, self.nodes),
                  "--cluster-replicas", "1", "--cluster-yes")
        for node in self.nodes:
            wait_until(lambda node=node: self.is_whole(node), 20,
                       "the cluster")

    def node(self):
        port = free_port()
        return Redis(
            self.lab, "--cluster-enabled", "yes", "--cluster-port",
            str(free_port()), "--cluster-config-file", "nodes-%d.conf" % port,
            "--cluster-node-timeout", str(NODE_TIMEOUT),
            "--cluster-require-full-coverage", "no",
            "--cluster-replica-validity-factor", "0",
            "--repl-diskless-sync-delay", "0", port=port)

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
        servers = ", ".join('"%s"' % where(node)
                            for node in nodes or self.nodes)
        return 'store "redis" { server = {%s} cluster = true %s }' % (
            servers, extra)

    def stop(self):
        for node in self.nodes:
            node.thaw()
            node.stop()


def where(redis):
    return "127.0.0.1:%d" % redis.port


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


def replica_options(master):
    return ("--replicaof", "127.0.0.1", str(master.port),
            "--repl-diskless-sync-delay", "0")


class Watched:
    """A master, its replica, and three sentinels that watch over them."""

    NAME = "post"
    DOWN_AFTER = 500    # ms

    def __init__(self, lab):
        self.lab = lab
        self.master = Redis(lab)
        self.replica = Redis(lab, *replica_options(self.master))
        self.sentinels = [self.sentinel() for _ in range(3)]
        for sentinel in self.sentinels:
            wait_until(lambda sentinel=sentinel: self.is_ready(sentinel), 30,
                       "the sentinels")

    def sentinel(self):
        port = free_port()
        conf = self.lab.write("sentinel-%d.conf" % port, """\
port %d
bind 127.0.0.1
sentinel monitor %s 127.0.0.1 %d 2
sentinel down-after-milliseconds %s %d
sentinel failover-timeout %s 1000
""" % (port, self.NAME, self.master.port, self.NAME, self.DOWN_AFTER,
            self.NAME))
        return Redis(self.lab, conf=conf, port=port)

    def is_ready(self, sentinel):
        """It knows the others, and the replica well enough to take it."""
        info = sentinel.command("INFO", "sentinel")
        replicas = sentinel.command("SENTINEL", "REPLICAS", self.NAME)
        return "sentinels=3" in info and "slaves=1" in info and \
            isinstance(replicas, list) and replicas and \
            replicas[0][replicas[0].index("master-link-status") + 1] == "ok"

    def masters(self):
        return [one for one in (self.master, self.replica)
                if one.port == self.named()]

    def replica_of(self, master):
        return self.replica if master is self.master else self.master

    def await_promotion(self, replica):
        wait_until(lambda: self.named() == replica.port, 30,
                   "the new master")

    def rejoin(self, lost, master):
        """As sentinels would have it do a while later."""
        if not lost.process.alive():
            lost.options = replica_options(master)
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
        servers = ", ".join('"%s"' % where(one) for one in self.sentinels)
        return 'store "redis" { server = {%s} sentinel = "%s" %s }' % (
            servers, self.NAME, extra)

    def stop(self):
        for one in [self.master, self.replica] + self.sentinels:
            one.thaw()
            one.stop()
