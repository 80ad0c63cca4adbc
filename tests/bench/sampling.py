"""Samples, what they cost, and who else was at work meanwhile."""

import os
import resource
import statistics
import time

DISTURBED = 0.1    # part of the machine that others may have
ATTEMPTS = 3    # of one sample
TICKS = os.sysconf("SC_CLK_TCK")
BUSY = (0, 1, 2, 5, 6, 7)    # /proc/stat: user, nice, system, irqs, stolen


def cpu_us(pid):
    """User and system time of a process so far, to the microsecond.

    Its CPU clock, as clock_getcpuclockid() makes it of the process id.
    """
    return time.clock_gettime_ns(~pid << 3 | 2) / 1000


def children_us():
    """Of children that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (usage.ru_utime + usage.ru_stime) * 1e6


def machine():
    """Seconds of work of all processors so far, and how many there are."""
    with open("/proc/stat") as file:
        lines = [line.split() for line in file if line.startswith("cpu")]
    ticks = sum(int(lines[0][1 + place]) for place in BUSY)
    return ticks / TICKS, len(lines) - 1


class Sampler:
    """Takes samples, and again while somebody else was at work.

    patience_s: how long all that is done again may take together.
    """

    def __init__(self, lab, patience_s):
        self.lab = lab
        self.patience_s = patience_s
        self.count = self.disturbed = self.again = 0
        self.worst = 0.0

    def _ours_s(self):
        """CPU time of this process, its children and what the lab runs."""
        running = {getattr(thing, "process", thing)
                   for thing in self.lab.things}
        return time.process_time() + (children_us() + sum(
            cpu_us(process.pid) for process in running
            if process.alive())) / 1e6

    def _once(self, measure):
        work, cores = machine()
        ours, start = self._ours_s(), time.monotonic()
        sample = measure()
        took_s = time.monotonic() - start
        ours = self._ours_s() - ours
        work = machine()[0] - work
        sample["others"] = max(0.0, work - ours) / (took_s * cores)
        return sample, took_s

    def take(self, measure):
        """measure()'s dictionary of numbers, with `others` added."""
        sample, _ = self._once(measure)
        for _ in range(ATTEMPTS - 1):
            if sample["others"] <= DISTURBED or self.patience_s <= 0:
                break
            other, took_s = self._once(measure)
            self.patience_s -= took_s
            self.again += 1
            sample = min(sample, other, key=lambda one: one["others"])
        self.count += 1
        self.disturbed += sample["others"] > DISTURBED
        self.worst = max(self.worst, sample["others"])
        return sample

    def summary(self):
        return {"cores": machine()[1], "samples": self.count,
                "taken_again": self.again, "disturbed": self.disturbed,
                "others_worst": self.worst}

    def sentence(self):
        return ("%d processors; others had up to %.0f%% of them; of %d "
                "samples %d were taken again, and in %d others had more than "
                "%.0f%% all the same" % (
                    machine()[1], 100 * self.worst, self.count, self.again,
                    self.disturbed, 100 * DISTURBED))


def median(samples, key):
    """Of one number over the rounds; None where it was not measured."""
    values = [one[key] for one in samples if one.get(key) is not None]
    return statistics.median(values) if values else None


def worst(samples, key):
    return max(one[key] for one in samples)


def median_of(samples, key, base):
    """The same of one number by another."""
    return statistics.median(one[key] / one[base] for one in samples)


def ratio(samples, base, key):
    """The median of the rounds' ratios: a busy round meets both."""
    return statistics.median(
        one[key] / other[key] for one, other in zip(samples, base))
