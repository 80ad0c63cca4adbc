"""The client of Redis without libmilter, beside redis-benchmark."""

import csv
import json
import re
import socket
import subprocess
import sys

from lab.process import need_program
from milters import redis_section
from sampling import children_us, cpu_us

IN_FLIGHT = (1, 16, 64, 256)
SUBJECTS = 1000
ESCAPED = re.compile(rb'\\(x[0-9a-f]{2}|.)')
ESCAPES = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"a": b"\a", b"b": b"\b"}
FIRST_NUMBER, ANY_NUMBER = b"%012d" % 0, b"__rand_int__"
CLIENT, BENCHMARK = "floodgate", "redis-benchmark"


def storeload(lab, conf, **options):
    words = [lab.program("storeload"), "--json", "--config", conf]
    for name, value in options.items():
        words += ["--" + name] if value is True else [
            "--" + name, str(value)]
    done = subprocess.run(words, timeout=900, capture_output=True, text=True,
                          check=False)
    if done.returncode != 0:
        sys.exit("storeload: " + done.stderr)
    report = json.loads(done.stdout)
    if report["refused"] or report["unavailable"]:
        sys.exit("storeload %s: %s %s" % (conf, report, done.stderr))
    return report


def _unescape(match):
    word = match.group(1)
    if len(word) == 3:
        return bytes([int(word[1:], 16)])
    return ESCAPES.get(word, word)


def words_sent(lab, redis, conf, limits):
    """The words of one question of ours, as Redis has got them.

    Each user's number in the keys is what redis-benchmark replaces.
    """
    with socket.create_connection(("127.0.0.1", redis.port), 5) as link, \
            link.makefile("rb") as file:
        link.sendall(b"MONITOR\r\n")
        file.readline()
        storeload(lab, conf, threads=1, calls=2, subjects=1, limits=limits)
        while True:
            line = file.readline()
            words = [ESCAPED.sub(_unescape, word) for word in
                     re.findall(rb'"((?:[^"\\]|\\.)*)"', line)]
            if FIRST_NUMBER in line and words[0].upper() == b"EVALSHA":
                return [word.replace(FIRST_NUMBER, ANY_NUMBER)
                        for word in words]


class Client:
    """storeload on a store."""

    def __init__(self, lab, where, conf, in_flight, limits, redis=None):
        self.lab = lab
        self.where = where
        self.name = CLIENT
        self.how = ""
        self.conf = conf
        self.in_flight = in_flight
        self.limits = limits
        self.redis = redis

    def measure(self, _, seconds):
        before = cpu_us(self.redis.process.pid) if self.redis else 0
        report = storeload(
            self.lab, self.conf, threads=self.in_flight, duration=seconds,
            subjects=SUBJECTS, limits=self.limits)
        after = cpu_us(self.redis.process.pid) if self.redis else 0
        return {
            "calls_per_second": report["calls_per_second"],
            "p50_us": report["call_us"]["p50"],
            "p99_us": report["call_us"]["p99"],
            "cpu_us": report["cpu_us"],
            "redis_cpu_us": (after - before) / report["calls"]
            if self.redis else None,
        }


class Benchmark:
    """redis-benchmark with the same words; so many connections, so deep."""

    def __init__(self, lab, where, words, clients, depth, redis):
        self.where = where
        self.name = BENCHMARK
        self.how = "-c %d -P %d" % (clients, depth)
        self.in_flight = clients * depth
        self.redis = redis
        self.command = [need_program("redis-benchmark")]
        self.command += ["-s", redis.path] if where == "UNIX" else [
            "-h", "127.0.0.1", "-p", str(redis.port)]
        self.command += ["-c", str(clients), "-P", str(depth),
                         "-r", str(SUBJECTS), "--csv"]
        self.words = words
        self.rate = 0    # as of the last time

    def _run(self, count):
        before = self.redis.calls()
        done = subprocess.run(
            self.command + ["-n", str(count)] + self.words, timeout=120,
            capture_output=True, text=True, errors="replace", check=False)
        after = self.redis.calls()
        rows = list(csv.DictReader(done.stdout.splitlines()))
        if done.returncode != 0 or not rows:
            sys.exit("redis-benchmark: %s%s" % (done.stdout, done.stderr))
        if after["hset"] - before["hset"] < count:
            sys.exit("redis-benchmark: the script has not counted: %s%s" % (
                done.stdout, done.stderr))
        return rows[-1]

    def measure(self, _, seconds):
        if not self.rate:
            self.rate = float(self._run(2000)["rps"])
        count = max(1000, int(self.rate * seconds))
        before = cpu_us(self.redis.process.pid), children_us()
        row = self._run(count)
        after = cpu_us(self.redis.process.pid), children_us()
        self.rate = float(row["rps"])
        return {
            "calls_per_second": self.rate,
            "p50_us": 1000 * float(row["p50_latency_ms"]),
            "p99_us": 1000 * float(row["p99_latency_ms"]),
            "cpu_us": (after[1] - before[1]) / count,
            "redis_cpu_us": (after[0] - before[0]) / count,
        }


def ways(in_flight):
    """(connections, depth): each question on its own, half and half, one."""
    middle = int(in_flight ** 0.5)
    return sorted({(in_flight, 1), (middle, in_flight // middle),
                   (1, in_flight)})


def everybody(lab, redis, limits):
    """All that is compared, by (where, in flight)."""
    made = {}
    for where, tcp in (("UNIX", False), ("TCP", True)):
        conf = lab.write("store-%s.conf" % where,
                         redis_section(redis, tcp, "store") + "\n")
        storeload(lab, conf, threads=16, subjects=SUBJECTS, each=True,
                  limits=limits)
        words = words_sent(lab, redis, conf, limits)
        for count in IN_FLIGHT:
            made[where, count] = [
                Client(lab, where, conf, count, limits, redis)] + [
                    Benchmark(lab, where, words, *way, redis)
                    for way in ways(count)]
    conf = lab.write("store-memory.conf", 'store "memory" { }\n')
    for count in IN_FLIGHT:
        made["memory", count] = [
            Client(lab, "memory", conf, count, limits)]
    return made
