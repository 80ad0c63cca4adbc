#!/usr/bin/env python3
"""What floodgate costs beside a milter that does nothing.

    tests/bench/bench.py [--builddir DIR] [--rounds N] [--seconds N]
        [--connections N] [--policy FILE] [--json]

Four milters stand side by side: noopmilter with every callback answered and
as floodgate negotiates, floodgate with its memory store and with a Redis of
its own on a UNIX socket. In every round each gets the same load in turn, so
that what else the machine does meets all of them; shown are medians, and of
the ratios the median over the rounds.
"""

import argparse
import json
import os
import statistics
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "live"))

from lab import daemon, load, process    # noqa: E402
from lab.redis import Redis    # noqa: E402

# A provider's policy, with limits that nobody reaches.
POLICY = """
list "bad" { domains = {"bad.example", ".bad.example"} }
policy "submission" {
    match { authenticated = true }
    check "sender_denied" { lists = {"bad"} }
    check "too_many_recipients" { max = 50 }
    limit "quota_user" { allow = {"1000000/1h", "5000000/1d"} }
}
"""
LOADS = [(1, 1), (1, 5), (50, 1), (50, 5)]    # messages, recipients
TICK_US = 1000000 / os.sysconf("SC_CLK_TCK")


def cpu_us(pid):
    """User and system time of a process so far."""
    with open("/proc/%d/stat" % pid) as file:
        words = file.read().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) * TICK_US


class Subject:
    def __init__(self, name, address, pid, redis_pid=None):
        self.name = name
        self.address = address
        self.pid = pid
        self.redis_pid = redis_pid

    def measure(self, lab, given, messages, recipients):
        pids = [pid for pid in (self.pid, self.redis_pid) if pid]
        before = [cpu_us(pid) for pid in pids]
        report = load.run(
            lab, [self.address], connections=given.connections,
            duration=given.seconds, messages=messages,
            recipients=recipients, users=1000, clients=1000)
        spent = [cpu_us(pid) - was for pid, was in zip(pids, before)]
        if report["replies"] or report["unconnected"]:
            sys.exit("%s refused: %s" % (self.name, report))
        count = report["messages"]
        return {
            "messages_per_second": report["messages_per_second"],
            "cpu_us": spent[0] / count,
            "redis_cpu_us": spent[1] / count if self.redis_pid else None,
            "rcpt_p50_us": report["rcpt_us"]["p50"],
            "rcpt_p99_us": report["rcpt_us"]["p99"],
        }


def subjects(lab, policy=POLICY):
    every = daemon.Noop(lab, "--all")
    minimal = daemon.Noop(lab, "--minimal")
    redis = Redis(lab)
    memory = daemon.Floodgate(lab, policy, log_level="info")
    shared = daemon.Floodgate(lab, policy, daemon.redis_store(redis),
                              log_level="info")
    return [
        Subject("no-op, all answered", "unix:" + every.socket,
                every.process.pid),
        Subject("no-op, minimal", "unix:" + minimal.socket,
                minimal.process.pid),
        Subject("floodgate, memory", memory.listen, memory.process.pid),
        Subject("floodgate, Redis", shared.listen, shared.process.pid,
                redis.process.pid),
    ]


def summary(rounds, name, key):
    return statistics.median(one[name][key] for one in rounds)


def ratio(rounds, name, base):
    return statistics.median(
        one[name]["messages_per_second"] / one[base]["messages_per_second"]
        for one in rounds)


def rows(results, names):
    for (messages, recipients), rounds in results.items():
        for name in names:
            row = {"messages": messages, "recipients": recipients,
                   "milter": name}
            for key in ("messages_per_second", "cpu_us", "rcpt_p50_us",
                        "rcpt_p99_us"):
                row[key] = summary(rounds, name, key)
            row["redis_cpu_us"] = None
            if rounds[0][name]["redis_cpu_us"] is not None:
                row["redis_cpu_us"] = summary(rounds, name, "redis_cpu_us")
            row["to_all_answered"] = ratio(rounds, name, names[0])
            row["to_minimal"] = ratio(rounds, name, names[1])
            yield row


def print_table(table):
    print("messages  recipients                         messages"
          "   ratio to no-op    CPU us/message    RCPT answer us")
    print("/session  /message    milter                      /s"
          "     all  minimal    filter   Redis     p50    p99")
    for row in table:
        redis = row["redis_cpu_us"]
        print("%8d  %10d  %-20s %10.0f %7.2f  %7.2f  %8.1f %7s  %6d %6d" % (
            row["messages"], row["recipients"], row["milter"],
            row["messages_per_second"], row["to_all_answered"],
            row["to_minimal"], row["cpu_us"],
            "-" if redis is None else "%.1f" % redis,
            row["rcpt_p50_us"], row["rcpt_p99_us"]))


def main():
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--builddir", default=".")
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--seconds", type=int, default=1,
                         help="of each load (1)")
    options.add_argument("--connections", type=int, default=20)
    options.add_argument("--policy", metavar="FILE",
                         help="lists and policies instead of ours")
    options.add_argument("--json", action="store_true")
    given = options.parse_args()
    policy = POLICY
    if given.policy:
        with open(given.policy) as file:
            policy = file.read()
    lab = process.Lab(os.path.abspath(given.builddir),
                      os.path.dirname(os.path.dirname(HERE)))
    try:
        milters = subjects(lab, policy)
        results = {}
        for one in milters:    # warm up: threads, connections, caches
            one.measure(lab, given, 1, 5)
        for number in range(given.rounds):
            turn = milters[number % 4:] + milters[:number % 4]
            for pair in LOADS:
                results.setdefault(pair, []).append({
                    one.name: one.measure(lab, given, *pair)
                    for one in turn})
        table = list(rows(results, [one.name for one in milters]))
        if given.json:
            print(json.dumps(table, indent=2))
        else:
            print_table(table)
            print("%d cores, load average %.1f" % (
                os.cpu_count(), os.getloadavg()[0]))
    except process.Skip as skip:
        sys.exit("bench: %s" % skip)
    finally:
        lab.close()


if __name__ == "__main__":
    main()
