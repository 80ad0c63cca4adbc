"""Redis Cluster and Sentinel: moved slots, dead and hung masters."""

import time

from lab import daemon, load
from lab.cluster import Cluster, Tls, Watched, client_port, where
from lab.process import check, wait_until
from lab.redis import Redis
from lab.suite import live

DEFERRED = "451 4.7.1 Service unavailable - try again later"
DEADLINE_MS = 2000

# One call at one node does for none of these: three subjects, three slots.
POLICY = """
policy "all" {
    limit "quota_user" { allow = {"%d/1h"} on_failure = "defer" }
    limit "quota_domain" { allow = {"1000000/1h"} on_failure = "defer" }
    limit "client_rate" { per = {"client"} count = "recipients"
        allow = {"1000000/1h"} on_failure = "defer" }
}
"""
USERS = 30      # subjects enough to be on every node


def refused(report):
    """Recipients that met their limit; nothing else was said."""
    return sum(count for text, count in report["replies"].items()
               if text.startswith("550 5.4.6"))


def check_served(report):
    check(report["lost"] == 0 and report["unconnected"] == 0,
          "answers are missing: %s" % report)
    check(report["late"] == 0, "%d answers late, the last after %d ms" % (
        report["late"], report["all_us"]["max"] / 1000))


def used(floodgate, user):
    """What the store has counted for a user."""
    done = floodgate.ctl_json("show", "user:%s" % user)
    return sum(counter["used"] for subject in done["subjects"]
               for counter in subject["counters"]
               if counter["field"].startswith("quota_user"))


def counts_all(lab, floodgate, number):
    """Is every recipient counted just now? A quota of one tells."""
    report = load.run(
        lab, [floodgate.listen], connections=10, sessions=2 * USERS,
        users=USERS, domain="again%d.example" % number)
    return report["recipients"] == USERS and refused(report) == USERS


def check_counts_again(lab, floodgate, seconds):
    end = time.monotonic() + seconds
    number = 0
    while not counts_all(lab, floodgate, number):
        check(time.monotonic() < end, "not counted within %g s\n%s" % (
            seconds, floodgate.log_tail()))
        number += 1


def fails_over(lab, store, lose, switched):
    """Five recipients of each user pass, before and after together.

    switched() returns when there is another master; it counts two seconds
    later. What the old one had counted is with its replica by then: lose()
    has waited for that, as nobody does whose master really dies.
    """
    floodgate = daemon.Floodgate(lab, POLICY % 5, store)
    second = daemon.Floodgate(lab, POLICY % 1, store)
    before = load.run(
        lab, [floodgate.listen], connections=10, sessions=3 * USERS,
        users=USERS, domain="kept.example")
    check(before["recipients"] >= 2 * USERS, str(before))
    lose()
    background = load.Background(
        lab, [floodgate.listen], connections=20, rate=100, duration=5,
        users=USERS, domain="kept.example", deadline=DEADLINE_MS)
    switched()
    check_counts_again(lab, second, 2)
    report = background.report()
    check_served(report)
    check(not any(text.startswith("5") and not text.startswith("550 5.4.6")
                  for text in report["replies"]), str(report["replies"]))
    check(DEFERRED in report["replies"], "nobody has noticed: %s" % report)
    total = before["recipients"] + report["recipients"]
    check(total <= 5 * USERS, "%d of %d were admitted" % (total, 5 * USERS))
    for one in (floodgate, second):
        one.check_alive()
        one.stop()
    return floodgate.log()


# --- Cluster ---


@live("Cluster: 200 sessions at once on two daemons get 100 recipients")
def cluster_is_exact(lab):
    cluster = Cluster(lab)
    both = [daemon.Floodgate(lab, POLICY % 100, cluster.store(
        'timeout = "1s"')) for _ in range(2)]
    for number in range(3):
        report = load.run(
            lab, [one.listen for one in both], connections=200, sessions=200,
            users=1, domain="run%d.example" % number)
        check_served(report)
        check(report["recipients"] == 100 and refused(report) == 100,
              "run %d: %d admitted: %s" % (
                  number, report["recipients"], report["replies"]))
    store = both[0].ctl_json("status")["store"]
    masters = [node for node in store["nodes"] if node["role"] == "master"]
    check([node["up"] for node in masters] == [True] * 3 and
          sum(node["slots"] for node in masters) == 16384, str(store))
    for one in both:
        one.check_alive()
        one.stop()
    cluster.stop()


@live("Cluster: slots move under load, no question fails, none is lost")
def cluster_reshards(lab):
    cluster = Cluster(lab)
    floodgate = daemon.Floodgate(
        lab, POLICY % 1000000, cluster.store('timeout = "1s"'))
    background = load.Background(
        lab, [floodgate.listen], connections=20, rate=200, duration=9,
        users=USERS, clients=20, deadline=DEADLINE_MS)
    time.sleep(1)
    one, two, three = cluster.masters()
    cluster.reshard(one, two, 800)
    cluster.reshard(two, three, 800)
    report = background.report()
    check_served(report)
    check(not report["replies"], "not all were counted: %s\n%s" % (
        report["replies"], floodgate.log_tail()))
    counted = sum(used(floodgate, "u%d@example.org" % user)
                  for user in range(USERS))
    check(counted == report["recipients"], "%d accepted, %d counted" % (
        report["recipients"], counted))
    metrics = floodgate.ctl_json("status")["metrics"]
    check(metrics["store_redirected"] > 0, str(metrics))
    floodgate.check_alive()
    floodgate.stop()
    cluster.stop()


def cluster_fails_over(lab, trouble, extra="", **options):
    cluster = Cluster(lab, **options)
    lost, other = cluster.masters()[:2]

    def lose():
        for node in cluster.masters():
            node.command("WAIT", 1, 2000)
        trouble(lost)

    def switched():
        wait_until(lambda: not cluster.has_master_for_all(other), 10,
                   "the loss")
        wait_until(lambda: cluster.has_master_for_all(other), 20,
                   "the election")

    log = fails_over(lab, cluster.store(extra), lose, switched)
    check("cluster=changed" in log, log)
    cluster.stop()


@live("Cluster: a master dies, its replica takes over, limits hold")
def cluster_killed(lab):
    cluster_fails_over(lab, Redis.kill)


@live("Cluster: a master hangs, its replica takes over, limits hold")
def cluster_hung(lab):
    cluster_fails_over(lab, Redis.freeze)


@live("Cluster: a node is missing at the start, the others are found")
def cluster_missing(lab):
    cluster = Cluster(lab)
    missing, other = cluster.masters()[:2]
    missing.kill()
    floodgate = daemon.Floodgate(
        lab, POLICY % 1, cluster.store(nodes=[missing, other]))
    wait_until(lambda: cluster.has_master_for_all(other) and
               not cluster_sees(other, missing), 20, "the election")
    check_counts_again(lab, floodgate, 2)
    floodgate.stop()
    cluster.stop()


def cluster_sees(asked, master):
    """Does a node take the other for a master of slots?"""
    return any("%s@" % where(master) in line and "fail" not in line
               and "master" in line
               for line in asked.command("CLUSTER", "NODES").splitlines())


# --- Sentinel ---


def sentinel_switches(lab, trouble, extra="", **options):
    watched = Watched(lab, **options)

    def lose():
        watched.master.command("WAIT", 1, 2000)
        trouble(watched.master)

    def switched():
        watched.await_promotion(watched.replica)

    log = fails_over(lab, watched.store(extra), lose, switched)
    check(":%d before=" % client_port(watched.replica) in log, log)
    check(("master=localhost:" if watched.names else "master=127.0.0.1:")
          in log, log)
    watched.stop()


@live("Sentinel: the master dies, its replica takes over, limits hold")
def sentinel_killed(lab):
    sentinel_switches(lab, Redis.kill)


@live("Sentinel: the master hangs, its replica takes over, limits hold")
def sentinel_hung(lab):
    sentinel_switches(lab, Redis.freeze)


# --- both over TLS: which name a certificate must have ---

COMMON = 'timeout = "300ms" tls_server_name = "localhost" '
OWN = 'timeout = "300ms" '


@live("Cluster over TLS: one name for all nodes, a master dies")
def cluster_tls(lab):
    cluster_fails_over(lab, Redis.kill, COMMON, tls=Tls(lab))


@live("Cluster over TLS: each node by the name it announces, a master dies")
def cluster_tls_names(lab):
    cluster_fails_over(lab, Redis.kill, OWN, tls=Tls(lab), names=True)


@live("Sentinel over TLS: one name for all servers, the master dies")
def sentinel_tls(lab):
    sentinel_switches(lab, Redis.kill, COMMON, tls=Tls(lab))


@live("Sentinel over TLS: each server by the name that is announced, the "
      "master dies")
def sentinel_tls_names(lab):
    sentinel_switches(lab, Redis.kill, OWN, tls=Tls(lab), names=True)


@live("Cluster over TLS: a node with another name is not trusted, the others "
      "count")
def cluster_tls_stranger(lab):
    tls = Tls(lab)
    cluster = Cluster(lab, tls=tls)
    stranger, other = cluster.masters()[:2]
    settings = tls.settings("other")
    done = stranger.command("CONFIG", "SET", *[
        word for pair in settings.items() for word in pair])
    check(done == "+OK" or done == "OK", done)
    floodgate = daemon.Floodgate(lab, POLICY % 1, cluster.store(
        COMMON, nodes=[stranger, other]))
    nodes = {node["where"]: node for node in
             floodgate.ctl_json("status")["store"]["nodes"]}
    refused_node = nodes["127.0.0.1:%d" % stranger.tls_port]
    check(not refused_node["up"] and "certificate verify failed" in
          refused_node["reason"], str(nodes))
    check(nodes["127.0.0.1:%d" % other.tls_port]["up"], str(nodes))
    floodgate.stop()
    cluster.stop()
