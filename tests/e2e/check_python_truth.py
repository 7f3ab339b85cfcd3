#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""check_python_truth.py gil|lock REPORT LOG: what the threads of samples/python/clocks.py waited by their own
clocks, against their classes and against the waiters of the locks."""

import re
import sys

from e2e import Check, Series, check_sums, load, share, window_ns

TOLERANCE = 0.05
LEAST = {"gil": 0.05, "lock": 0.3}  # of the window: less is not what the program is meant to do
THREADS = {"gil": 3, "lock": 5}
FIELDS = ("gil_ns", "lock_ns", "runq_ns")


def clocks(path):
    """{tid: (name, its figures)}"""
    found = {}
    with open(path, encoding="ascii") as file:
        for line in file:
            fields = dict(re.findall(r"(\w+)=(\S+)", line)) if line.startswith("clock ") else {}
            if "runq_ns" in fields:
                _, points = found.setdefault(int(fields["thread"]), (fields["name"], []))
                points.append((int(fields["real_ns"]), {key: int(fields[key]) for key in FIELDS}))
    return {tid: (name, Series(points)) for tid, (name, points) in found.items()}


def waits(report, kind, tid):
    """Of the thread, in the list of locks: time, with that on the run queue until it ran again."""
    kinds = {"gil": ("gil",), "lock": ("python_lock", "semaphore", "futex")}[kind]
    return sum(waiter["wait_ns"] for lock in report["locks"] if lock["kind"] in kinds
               for waiter in lock["waiters"] if waiter["tid"] == tid)


def compare(check, report, kind, tid, truth):
    name, series = truth
    want = {key: series.over(key, *window_ns(report)) for key in FIELDS}
    thread = next((each for each in report["threads"] if each["tid"] == tid), None)
    if not check.that(thread is not None, f"no thread {tid}"):
        return
    wait_ns = want[kind + "_ns"]
    part = share(wait_ns, report["window"]["duration_ns"])
    check.that(part >= LEAST[kind], f"{name} waited {part:.1%} of the window: not what was meant")
    check.near(f"{name}'s class {kind}", thread["classes"][kind], wait_ns, TOLERANCE)
    listed_ns = waits(report, kind, tid)
    check.that((1 - TOLERANCE) * wait_ns <= listed_ns <= (1 + TOLERANCE) * (wait_ns + want["runq_ns"]),
               f"{name}'s waits are {listed_ns / 1e6:.1f} ms, not {wait_ns / 1e6:.1f} and at most "
               f"{want['runq_ns'] / 1e6:.1f} on the run queue")
    # The other kind: nothing much, and never more than there was.
    for other in ("gil", "lock"):
        check.that(thread["classes"][other] <= (1 + TOLERANCE) * max(want[other + "_ns"], 0)
                   + 0.01 * report["window"]["duration_ns"],
                   f"{name}'s class {other} is {thread['classes'][other] / 1e6:.1f} ms of {want[other + '_ns'] / 1e6:.1f}")
    check.note(f"{name} {thread['classes'][kind] / 1e6:.0f} of {wait_ns / 1e6:.0f} ms")


def main():
    kind, report, truth = sys.argv[1], load(sys.argv[2]), clocks(sys.argv[3])
    check = Check()
    check_sums(check, report, THREADS[kind] + 1)
    check.that(len(truth) == THREADS[kind], f"{len(truth)} threads have told their clocks")
    for tid, each in sorted(truth.items()):
        compare(check, report, kind, tid, each)
    check.end()


main()
