"""How much memory so many subjects take."""

import re

from lab import daemon
from lab.process import check
from milters import policy, redis_section
from clients import storeload


def memory_section(lab):
    return 'store "memory" { file = "%s" max_subjects = 100000000 }' \
        % lab.path("counters")


def in_memory(lab, subjects):
    """A store that has grown; a daemon that has read what it saved."""
    section = memory_section(lab)
    empty = daemon.Floodgate(lab, policy(1))
    conf = lab.write("size-memory.conf", section + "\n")
    few = storeload(lab, conf, threads=2, subjects=1, each=True)
    grown = storeload(lab, conf, threads=2, subjects=subjects, each=True)
    full = daemon.Floodgate(lab, policy(1), section)
    kept = full.ctl_json("status")["store"]["subjects"]
    check(kept == subjects, "%d subjects instead of %d" % (kept, subjects))
    rows = [("memory store, grown", few["rss_kb"], grown["rss_kb"]),
            ("floodgate, memory, read from its file", empty.process.rss(),
             full.process.rss())]
    empty.stop()
    full.stop()
    return rows


def in_redis(lab, redis, subjects):
    conf = lab.write("size-redis.conf",
                     redis_section(redis, False, "size") + "\n")

    def used_kb():
        info = redis.command("INFO", "memory")
        return int(re.search(r"^used_memory:(\d+)", info, re.M)[1]) // 1024

    before = used_kb(), redis.process.rss()
    storeload(lab, conf, threads=64, subjects=subjects, each=True)
    after = used_kb(), redis.process.rss()
    return [(name, *pair) for name, pair in zip(
        ("Redis, used_memory", "Redis, resident"), zip(before, after))]


def measure(lab, redis, subjects):
    """Each with what it has while empty, in MB, and octets a subject."""
    return [{"part": "size", "what": name, "subjects": subjects,
             "empty_mb": empty / 1024, "full_mb": full / 1024,
             "octets_each": (full - empty) * 1024 / subjects}
            for name, empty, full in
            in_memory(lab, subjects) + in_redis(lab, redis, subjects)]
