# SPDX-License-Identifier: GPL-2.0-only
"""What the checks of end-to-end reports share: a report's sums, a sample's own truth over the same
time, and a list of what is wrong. A check prints one line and exits with 1 if anything was."""

import datetime
import json
import re
import sys
import unicodedata

CLASSES = ("run runq_preempt runq_wake lock gil peer disk net client_idle loop_idle sleep pool_idle "
           "child stopped other").split()
OTHER_LIMIT = 0.05


class Check:
    """Collects what is wrong and what was seen."""

    def __init__(self):
        self.wrong = []
        self.seen = []

    def that(self, condition, sentence):
        """Says whether the condition holds; the sentence tells what is wrong where it does not."""
        if not condition:
            self.wrong.append(sentence)
        return bool(condition)

    def near(self, what, got, want, tolerance):
        """got is within tolerance (a share of want)."""
        off = abs(got - want) / want if want else abs(got)
        return self.that(off <= tolerance,
                         f"{what} is {got:.6g}, not {want:.6g} ({off:.1%} off, {tolerance:.1%} allowed)")

    def note(self, text):
        self.seen.append(text)

    def end(self):
        print("; ".join(self.wrong + (["seen: " + ", ".join(self.seen)] if self.seen else []))
              if self.wrong else ", ".join(self.seen))
        sys.exit(1 if self.wrong else 0)


def load(path):
    with open(path, "rb") as file:
        return json.loads(file.read().decode("utf-8"))


def share(part, whole):
    return part / whole if whole else 0.0


def thread_names(report):
    return {t["tid"]: t["name"] for t in report["threads"]}


def lock_named(report, name):
    """The lock of this name with the most waiting, or None."""
    found = [lock for lock in report["locks"] if lock["name"] == name]
    return max(found, key=lambda lock: lock["wait_ns"]) if found else None


def check_sums(check, report, threads=None, losses=None):
    """What holds of every report: nothing lost, all time accounted for. threads: their number, where
    it is constant during the window and each lives throughout it. losses: those that are right."""
    time, window = report["time"], report["window"]
    wall_ns = time["wall_thread_ns"]
    check.that(report["schema"] == "concprof.report/1", f"schema is {report['schema']!r}")
    check.that(report["losses"] == (losses or {}), f"losses are {report['losses']}")
    check.that(sorted(time["classes"]) == sorted(CLASSES), "the classes are not those of the contract")
    check.that(all(ns >= 0 for ns in time["classes"].values()), "a class is negative")
    check.near("the sum of the classes", sum(time["classes"].values()), wall_ns, 0.005)
    for thread in report["threads"]:
        total_ns = sum(thread["classes"].values())
        slack_ns = max(0.005 * thread["lifetime_ns"], 100_000)
        check.that(abs(total_ns - thread["lifetime_ns"]) <= slack_ns,
                   f"thread {thread['tid']}'s classes sum up to {total_ns}, its lifetime is "
                   f"{thread['lifetime_ns']}")
        check.that(thread["lifetime_ns"] <= window["duration_ns"] * 1.001,
                   f"thread {thread['tid']} lived longer than the window")
    if threads is not None:
        check.near("wall_thread_ns", wall_ns, window["duration_ns"] * threads, 0.005)
        check.that(report["target"]["threads"] == threads,
                   f"target.threads is {report['target']['threads']}, not {threads}")
    other = share(time["classes"]["other"], wall_ns)
    check.that(other <= OTHER_LIMIT, f"other is {other:.1%} of the time")
    for lock in report["locks"]:
        blame_ns = sum(holder["blame_ns"] for holder in lock["holders"])
        check.that(abs(blame_ns - lock["blame_ns"]) <= 0.005 * lock["blame_ns"] + 1000,
                   f"the holders of {lock['name']!r} have {blame_ns} ns of {lock['blame_ns']}")


def strings(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for each in value:
            yield from strings(each)
    elif isinstance(value, dict):
        for key, each in value.items():
            yield key
            yield from strings(each)


def active(text):
    """Characters that act on a terminal, a line or the reading direction instead of being shown."""
    return sorted({f"U+{ord(c):04X}" for c in text if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp")})


# ---- the truth over the report's window ----

def parse_ns(text):
    """Nanoseconds since the epoch of an ISO 8601 time with nanoseconds."""
    whole, fraction = re.fullmatch(r"(.*?)(?:\.(\d+))?Z", text).groups()
    seconds = datetime.datetime.fromisoformat(whole + "+00:00").timestamp()
    return int(seconds) * 10**9 + int((fraction or "0").ljust(9, "0"))


def window_ns(report):
    begin_ns = parse_ns(report["window"]["start"])
    return begin_ns, begin_ns + report["window"]["duration_ns"]


class Series:
    """Counters read at several moments: [(ns, {key: count})], in order of time."""

    def __init__(self, points):
        self.points = points

    def at(self, key, when_ns):
        """The count at this moment, by a straight line between two reads; 0 before its first."""
        before = None
        for now_ns, counts in self.points:
            value = counts.get(key, 0)
            if now_ns >= when_ns:
                if before is None:
                    return None
                span_ns = now_ns - before[0]
                return before[1] + (value - before[1]) * (when_ns - before[0]) / span_ns
            before = (now_ns, value)
        return None

    def over(self, key, begin_ns, end_ns):
        """How much it grew; an error where the reads do not span this time."""
        first, last = self.at(key, begin_ns), self.at(key, end_ns)
        if first is None or last is None:
            raise SystemExit(f"the reads do not span the window: {len(self.points)} of them")
        return last - first

    def keys(self):
        return {key for _, counts in self.points for key in counts}


def cpu_series(watch_path):
    """The target's CPU time by the kernel's own clock, and stolen time, as watch.py wrote them; times are
    since the epoch."""
    points = []
    with open(watch_path, encoding="ascii") as file:
        for line in file:
            fields = dict(field.split("=") for field in line.split())
            points.append((int(fields["real_ns"]), {name: int(fields[name]) for name in ("cpu_ns", "steal_ns")}))
    return Series(points)


def ops_rate(path, what="ops"):
    """Operations a second, by the lines that a Python sample prints."""
    with open(path, encoding="ascii") as file:
        points = [tuple(map(int, found)) for found in re.findall(rf"^{what}=(\d+) at_ns=(\d+)$", file.read(), re.M)]
    return (points[-1][0] - points[0][0]) / (points[-1][1] - points[0][1]) * 1e9


def clock_offset_ns(watch_path):
    """What to add to CLOCK_MONOTONIC for the time since the epoch."""
    with open(watch_path, encoding="ascii") as file:
        fields = dict(field.split("=") for field in file.readline().split())
    return int(fields["real_ns"]) - int(fields["mono_ns"])


def truth_series(log_path, offset_ns):
    """A sample's truth lines: counts by (kind, which, field), as ("lock", "a/12", "wait_ns")."""
    points, counts, at_ns = [], {}, None
    with open(log_path, "rb") as file:
        lines = file.read().decode("ascii", "replace").splitlines()
    for line in lines:
        if not line.startswith("truth "):
            continue
        if line == "truth end":
            if at_ns is not None:
                points.append((at_ns + offset_ns, counts))
            counts, at_ns = {}, None
            continue
        fields = dict(field.split("=", 1) for field in line.split()[1:])
        if "at_ns" in fields:
            at_ns, key = int(fields["at_ns"]), ("all", "")
        elif "lock" in fields:
            key = ("lock", fields["lock"] + ("/" + fields["thread"] if "thread" in fields else ""))
        elif "primitive" in fields:
            key = ("primitive", fields["primitive"])
        elif "thread" in fields:
            key = ("thread", fields["thread"])
        else:
            key = ("count", "")
        for name, value in fields.items():
            if value.isdigit():
                counts[key + (name,)] = int(value)
    return Series(points)
