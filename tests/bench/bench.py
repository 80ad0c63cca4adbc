#!/usr/bin/env python3
"""What floodgate costs beside a milter that does nothing.

    tests/bench/bench.py [--builddir DIR] [--quick] [--part NAME]...
        [--rounds N] [--seconds N] [--connections N] [--policy FILE]
        [--limits N] [--subjects N] [--patience N] [--json]

Side by side, in one run: noopmilter with every callback answered and with the
flags that floodgate negotiates, floodgate with its memory store, and with a
Redis of its own on a UNIX socket and on TCP. In every round each gets the same
load in turn, so that what else the machine does meets all of them; shown are
medians, and of the ratios the median over the rounds.

Parts (all, if none is given; --quick is quota alone):

  quota     a provider's policy (two checks, a quota of two windows) at 20
            connections, 1 and 50 messages a session, 1 and 5 recipients
  sessions  1, 16, 64 and 256 sessions at once, 1 and 5 recipients, 1, 3 and 6
            limits, each of another subject
  rate      200 messages a second, the policy of `quota`
  store     the client of Redis alone (storeload) beside redis-benchmark with
            the words that Redis has got from it, 1 to 256 questions in flight;
            redis-benchmark's best of three ways to keep so many in flight
  size      memory at 1,000,000 subjects with one limit each

Columns of the first table:

  at once    SMTP sessions, each one connection to the milter at a time
  msg, rcpt  messages of a session, recipients of a message
  limits     of the policy; "quota" is the policy of that part
  msg/s      messages a second
  to all,    that as a ratio to the no-op milter that answers all, and to the
  to same    one with floodgate's flags
  CPU us     user and system time for each message, of the milter and of Redis
  trips      questions to Redis for each message, counted by Redis
  RCPT       us until a recipient was answered; half and 99 % were faster
  session    us from connect to QUIT
  others     part of the machine that other processes used, at worst, while
             the row was measured; to be below 10 %, a sample is taken up to
             three times, all repeats together within --patience seconds

and of that of the store: questions a second, as a ratio to redis-benchmark's
best, us until the answer, p99 / p50, CPU us of client and Redis a question.
Figures to reach come last. --json prints all of it for programs.
"""

import argparse
import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "live"))

import milters    # noqa: E402
import sampling    # noqa: E402
import sizes    # noqa: E402
import clients    # noqa: E402
from lab import process    # noqa: E402
from lab.redis import Redis    # noqa: E402
from milters import ALL, MEMORY, MINIMAL, UNIX, Load    # noqa: E402

RATE, RATE_SESSIONS = 200, 20
# of --seconds, in each sample
SHARE = {"quota": 1, "sessions": 0.5, "rate": 3, "store": 0.5}


# --- taking samples

def take_rounds(given, sampler, part, loads, who, key):
    """{load: {key(one): [a sample for each round]}}, everybody in turn.

    who(load) are those that can bear it.
    """
    seconds = given.seconds * SHARE[part]
    results = {one: {} for one in loads}
    for number in range(given.rounds):
        for one in loads:
            group = who(one)
            start = number % len(group)
            for subject in group[start:] + group[:start]:
                results[one].setdefault(key(subject), []).append(
                    sampler.take(lambda: subject.measure(one, seconds)))
    return results


def milter_rows(part, results):
    for one, samples in results.items():
        for name, limits in samples:
            taken = samples[name, limits]
            row = dict(one._asdict(), part=part, milter=name, limits=limits)
            for column in taken[0]:
                row[column] = sampling.median(taken, column)
            row["others"] = sampling.worst(taken, "others")
            for base, column in ((ALL, "to_all"), (MINIMAL, "to_same")):
                row[column] = sampling.ratio(
                    taken, samples[base, ""], "messages_per_second")
            yield row


def measure_milters(given, sampler, part, everybody, loads):
    for one in everybody:    # warm up: threads, connections, caches
        one.measure(Load(given.connections, 1, 5, 0), 0.5)
    return list(milter_rows(part, take_rounds(
        given, sampler, part, loads, lambda _: everybody,
        lambda one: one.key())))


def measure_store(lab, given, sampler, redis):
    groups = clients.everybody(lab, redis, given.limits)
    results = take_rounds(given, sampler, "store", list(groups), groups.get,
                          lambda one: (one.name, one.how))
    return [row for load, samples in results.items()
            for row in store_rows(load, samples)]


def store_rows(load, samples):
    """Our client, and the best of redis-benchmark."""
    rate = "calls_per_second"
    best = max((key for key in samples if key[0] == clients.BENCHMARK),
               key=lambda key: sampling.median(samples[key], rate),
               default=None)
    for key in filter(None, ((clients.CLIENT, ""), best)):
        taken = samples[key]
        row = {"part": "store", "where": load[0], "in_flight": load[1],
               "client": " ".join(key).strip()}
        for column in taken[0]:
            row[column] = sampling.median(taken, column)
        row["others"] = sampling.worst(taken, "others")
        row["p99_to_p50"] = sampling.median_of(taken, "p99_us", "p50_us")
        row["to_best"] = sampling.ratio(taken, samples[best], rate) \
            if best else None
        yield row


# --- the parts

def part_quota(lab, given, sampler, redis):
    return measure_milters(
        given, sampler, "quota",
        milters.noops(lab) +
        milters.floodgates(lab, redis, "quota", given.policy),
        [Load(given.connections, messages, recipients, 0)
         for messages in (1, 50) for recipients in (1, 5)])


def part_sessions(lab, given, sampler, redis):
    everybody = milters.noops(lab)
    for count in (1, 3, 6):
        everybody += milters.floodgates(lab, redis, str(count),
                                        milters.policy(count))
    return measure_milters(
        given, sampler, "sessions", everybody,
        [Load(sessions, 1, recipients, 0)
         for sessions in (1, 16, 64, 256) for recipients in (1, 5)])


def part_rate(lab, given, sampler, redis):
    return measure_milters(
        given, sampler, "rate",
        milters.noops(lab) +
        milters.floodgates(lab, redis, "quota", given.policy),
        [Load(RATE_SESSIONS, 1, 1, RATE)])


def part_size(lab, given, _, redis):
    return sizes.measure(lab, redis, given.subjects)


PARTS = {"quota": part_quota, "sessions": part_sessions, "rate": part_rate,
         "store": measure_store, "size": part_size}


# --- printing

def limits_text(row):
    return row["limits"] or "-"


def rate_text(row):
    return "at %d/s" % row["rate"] if row["rate"] else row["sessions"]


# heading in two lines, format, what is shown of a row
MILTER_COLUMNS = [
    ("", "at once", "%7s", rate_text),
    ("", "msg", "%3d", "messages"),
    ("", "rcpt", "%4d", "recipients"),
    ("", "limits", "%6s", limits_text),
    ("", "milter", "%-21s", "milter"),
    ("", "msg/s", "%6.0f", "messages_per_second"),
    ("   to", "  all", "%5.2f", "to_all"),
    ("   to", " same", "%5.2f", "to_same"),
    ("CPU us", "milter", "%6.1f", "cpu_us"),
    ("CPU us", " Redis", "%6.1f", "redis_cpu_us"),
    ("trips", "/msg", "%5.2f", "trips"),
    ("RCPT us", "p50", "%7.0f", "rcpt_p50_us"),
    ("", "p99", "%6.0f", "rcpt_p99_us"),
    ("session us", "p50", "%10.0f", "session_p50_us"),
    ("", "p99", "%6.0f", "session_p99_us"),
    ("", "others", "%5.0f%%", lambda row: 100 * row["others"]),
]
STORE_COLUMNS = [
    ("     in", " flight", "%7d", "in_flight"),
    ("", "store", "%-6s", "where"),
    ("", "client", "%-26s", "client"),
    ("", "calls/s", "%8.0f", "calls_per_second"),
    ("   to", " best", "%5.2f", "to_best"),
    ("", "p50 us", "%7.1f", "p50_us"),
    ("", "p99 us", "%8.1f", "p99_us"),
    ("  p99", " /p50", "%5.1f", "p99_to_p50"),
    ("CPU us", "client", "%6.1f", "cpu_us"),
    ("CPU us", " Redis", "%6.1f", "redis_cpu_us"),
    ("", "others", "%5.0f%%", lambda row: 100 * row["others"]),
]
SIZE_COLUMNS = [
    ("", "subjects", "%9d", "subjects"),
    ("", "memory of", "%-40s", "what"),
    ("", "empty MB", "%8.1f", "empty_mb"),
    ("", "full MB", "%8.1f", "full_mb"),
    ("octets", "each", "%6.0f", "octets_each"),
]
TABLES = [(("quota", "sessions", "rate"), MILTER_COLUMNS),
          (("store",), STORE_COLUMNS), (("size",), SIZE_COLUMNS)]


def cell(form, what, row):
    value = what(row) if callable(what) else row[what]
    if value is None:
        return "%*s" % (len(form % 0), "-")
    return form % value


def width(form):
    return len(form % ("" if form.endswith("s") else 0))


def print_table(columns, rows):
    for line in (0, 1):
        print("  ".join(
            ("%-*s" if one[2].startswith("%-") else "%*s") % (
                width(one[2]), one[line]) for one in columns).rstrip())
    for row in rows:
        print("  ".join(cell(form, what, row)
                        for _, _, form, what in columns).rstrip())
    print()


# --- figures to reach

def milter_figures(rows, part, milter, figure, **wanted):
    """(load, figure(row)) of that milter's rows."""
    for row in rows:
        if row["part"] == part and row["milter"] == milter and all(
                row[name] == value for name, value in wanted.items()):
            yield "%dx%d" % (row["messages"], row["recipients"]), figure(row)


def column(name):
    return lambda row: row[name]


def session_excess_ms(rows):
    base = [row for row in rows
            if row["part"] == "rate" and row["milter"] == MINIMAL]
    return lambda row: (row["session_p99_us"] -
                        base[0]["session_p99_us"]) / 1000


def store_figures(rows, figure, low, high):
    for row in rows:
        if row["part"] == "store" and row["where"] == "UNIX" and \
                row["client"] == clients.CLIENT and \
                low <= row["in_flight"] <= high:
            yield "%d in flight" % row["in_flight"], figure(row)


def trips_wrong(rows):
    """All with one recipient whose trips are not exactly one."""
    for row in rows:
        if row.get("trips") is not None and row["recipients"] == 1:
            yield "%s, %s, %s at once" % (
                row["milter"], row["limits"], row["sessions"]), row["trips"]


REACHED = {
    "above": lambda value, wanted: value > wanted,
    "at least": lambda value, wanted: value >= wanted,
    "at most": lambda value, wanted: value <= wanted,
    "exactly": lambda value, wanted: value == wanted,
}


def figures(rows):
    """Those of the parts that were run; found and missed: (where, value)."""
    for what, at, wanted, found in wanted_figures(rows):
        found = list(found)
        if found:
            yield {"what": what, "at": at, "wanted": wanted, "found": found,
                   "missed": [one for one in found
                              if not REACHED[at](one[1], wanted)]}


def wanted_figures(rows):
    return [
        ("memory store, to no-op that answers all", "above", 1.0,
         milter_figures(rows, "quota", MEMORY, column("to_all"))),
        ("memory store, to no-op with the same flags", "at least", 0.9,
         milter_figures(rows, "quota", MEMORY, column("to_same"))),
        ("Redis, UNIX socket, to the same", "at least", 0.75,
         milter_figures(rows, "quota", UNIX, column("to_same"))),
        ("CPU us a message, milter and Redis", "at most", 200,
         milter_figures(rows, "quota", UNIX, column("cpu_both_us"),
                        recipients=1)),
        ("trips of a message with one recipient", "exactly", 1.0,
         trips_wrong(rows)),
        ("session p99 ms above no-op's, memory", "at most", 0.5,
         milter_figures(rows, "rate", MEMORY, session_excess_ms(rows))),
        ("session p99 ms above no-op's, Redis UNIX", "at most", 0.5,
         milter_figures(rows, "rate", UNIX, session_excess_ms(rows))),
        ("client, to redis-benchmark's best", "at least", 0.8,
         store_figures(rows, column("to_best"), 64, 256)),
        ("client, p99 / p50", "at most", 3,
         store_figures(rows, column("p99_to_p50"), 256, 256))]


def shown(figure):
    """Of what is to be exact only what is not, or one."""
    if figure["at"] != "exactly":
        return figure["found"]
    return figure["missed"] or figure["found"][:1]


def print_figures(rows):
    reached = list(figures(rows))
    if reached:
        print("figures to reach (messages of a session x recipients)")
    for one in reached:
        print("  %-6s  %-43s %8s %g: %s" % (
            "missed" if one["missed"] else "ok", one["what"], one["at"],
            one["wanted"], ", ".join("%s %.2f" % pair
                                     for pair in shown(one))))
    print()


def print_all(rows, sampler):
    for parts, columns in TABLES:
        chosen = [row for row in rows if row["part"] in parts]
        if chosen:
            print_table(columns, chosen)
    print_figures(rows)
    if sampler.count:
        print(sampler.sentence())


# --- the command line

def parse():
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--builddir", default=".")
    options.add_argument("--part", action="append", choices=PARTS,
                         help="only this one; may be given again")
    options.add_argument("--quick", action="store_true",
                         help="the part `quota` alone")
    options.add_argument("--rounds", type=int, default=3, help="(3)")
    options.add_argument(
        "--seconds", type=float, default=1,
        help="of each sample of `quota` (1); half of it in `sessions`\n"
             "and `store`, three times as much in `rate`")
    options.add_argument("--connections", type=int, default=20,
                         help="of `quota` (20)")
    options.add_argument("--policy", metavar="FILE",
                         help="lists and policies instead of ours in\n"
                              "`quota` and `rate`")
    options.add_argument("--limits", type=int, default=1,
                         help="of a question in `store` (1)")
    options.add_argument("--subjects", type=int, default=1000000,
                         help="of `size` (1000000)")
    options.add_argument("--patience", type=float, default=60,
                         help="seconds for samples taken again (60)")
    options.add_argument("--json", action="store_true")
    given = options.parse_args()
    given.part = given.part or (["quota"] if given.quick else list(PARTS))
    text = milters.QUOTA
    if given.policy:
        with open(given.policy) as file:
            text = file.read()
    given.policy = text
    return given


def main():
    given = parse()
    lab = process.Lab(os.path.abspath(given.builddir),
                      os.path.dirname(os.path.dirname(HERE)))
    sampler = sampling.Sampler(lab, given.patience)
    rows = []
    try:
        for program in ("redis-server", "redis-benchmark"):
            process.need_program(program, "redis-server")
        for name in given.part:
            rows += PARTS[name](lab, given, sampler, Redis(lab))
            lab.end_test()    # nothing of this part stays for the next
    except (process.Skip, process.Failure) as reason:
        sys.exit("bench: %s" % reason)
    finally:
        lab.close()
    if given.json:
        print(json.dumps({"rows": rows, "figures": list(figures(rows)),
                          "machine": sampler.summary()}, indent=2))
    else:
        print_all(rows, sampler)


if __name__ == "__main__":
    main()
