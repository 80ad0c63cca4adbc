"""What clients were told: milterload's log, and what it proves of a limit."""

import bisect
import collections

Told = collections.namedtuple("Told", "begin_s end_s user recipient code end")
# Redis counts in whole milliseconds of another clock than the log's.
CLOCKS_S = 0.003


def each(path):
    """The recipients of a log, one after another."""
    with open(path) as file:
        for line in file:
            begin, end, user, recipient, code, outcome = line.split()
            yield Told(int(begin) / 1e6, int(end) / 1e6, user, recipient,
                       code, outcome)


def read(path):
    return list(each(path))


def admitted(told):
    """What the clients were told would be delivered."""
    return [one for one in told
            if one.code == "250" and one.end == "accepted"]


def by_user(told):
    users = collections.defaultdict(list)
    for one in told:
        users[one.user].append(one)
    return users


def most_within(told, span_s):
    """The most that were asked and answered within any span: no doubt.

    A span begins with a question; whatever began and ended in it was
    counted in it, wherever between the two that was.
    """
    told = [one for one in told if one.end_s - one.begin_s < span_s]
    begins = sorted(one.begin_s for one in told)
    ends = sorted(one.end_s for one in told)
    # Those that end in time, without those that began before.
    return max((bisect.bisect_left(ends, begin + span_s) -
                bisect.bisect_left(begins, begin) for begin in begins),
               default=0)


def most_touching(told, span_s):
    """The most that may have been counted within any span."""
    begins = sorted(one.begin_s for one in told)
    ends = sorted(one.end_s for one in told)
    return max((bisect.bisect_left(begins, end + span_s) -
                bisect.bisect_left(ends, end) for end in ends), default=0)


def excesses(told, limits):
    """["user: 101 within 10 s, not 100"], for every user and every limit.

    limits: (most, seconds) of each window.
    """
    found = []
    for user, ones in by_user(told).items():
        for most, seconds in limits:
            span_s = seconds - CLOCKS_S - seconds / 1000
            got = most_within(ones, span_s)
            if got > most:
                found.append("%s: %d within %g s, not %d" % (
                    user, got, seconds, most))
    return found


def filled(told, limits):
    """How many users came up to each limit: what there was to refuse."""
    users = by_user(told).values()
    return [sum(most_touching(ones, seconds) >= most for ones in users)
            for most, seconds in limits]
