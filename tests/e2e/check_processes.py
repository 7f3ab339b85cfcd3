#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""check_processes.py run REPORT LOG KIND: the verdict on samples/python/processes.py KIND, and its evidence.
check_processes.py gain REPORT LOG FIXED_REPORT FIXED_LOG: the predicted gain is that of the cured twin, by
operations a second, and the twin has another verdict."""

import re
import sys

from e2e import Check, check_sums, load, ops_rate

# The bounds leave out what switches, cold caches and the cure itself cost.
GAIN_TOLERANCE = 0.3
WORKERS = {"queue": 4}
VERDICTS = {"queue": "processes.ipc"}


def python_frames(report):
    return any(frame["kind"] == "python" for stack in report["stacks"] for frame in stack["frames"])


def check_queue(check, report, parent):
    verdict = report["verdict"]
    workers = {process["pid"] for process in report["processes"] if process["ppid"] == parent}
    check.that(len(workers) >= WORKERS["queue"], f"{len(workers)} processes below {parent}")
    kinds = {}
    for sample in report["samples"]:
        kinds[sample["kind"]] = kinds.get(sample["kind"], 0) + sample["count"]
    check.that(kinds.get("ipc", 0) >= 50, f"samples by kind: {kinds}")
    # Data goes from the parent to the workers; who reads faster waits for who writes, and the other way round.
    pipes = [edge for edge in report["edges"]
             if edge["kind"] == "pipe" and {edge["from"]["pid"], edge["to"]["pid"]} <= workers | {parent}]
    check.that(any(edge["to"]["pid"] == parent and edge["from"]["pid"] in workers for edge in pipes),
               "no worker waited at a pipe for the parent")
    check.that(any(edge["from"]["pid"] == parent and edge["to"]["pid"] in workers for edge in pipes),
               "the parent never waited at a pipe for a worker")
    locks = [lock for lock in report["locks"] if lock["name"].startswith("multiprocessing lock sem.")]
    check.that(any(lock["kind"] == "shared_semaphore" and set(lock["pids"]) <= workers and len(lock["pids"]) > 1
                   for lock in locks),
               f"no semaphore at which the workers wait for their turn: {[lock['name'] for lock in locks]}")
    check.that(re.search(r"waited [\d.]+ m?s at pipes for python3 \(\d+\)", "; ".join(verdict["evidence"])),
               f"no waiting at pipes in the evidence: {verdict['evidence']}")
    if python_frames(report):
        check.that("QueueFeederThread" in verdict["summary"] + "; ".join(verdict["evidence"]),
                   "the feeder thread is not named")


CHECKS = {"queue": check_queue}


def run(check, report_path, log, kind):
    report = load(report_path)
    verdict = report["verdict"]
    with open(log, encoding="ascii") as file:
        parent = int(re.search(r"^ready pid=(\d+)$", file.read(), re.M).group(1))
    check_sums(check, report)
    check.that(verdict["bottleneck"] == VERDICTS[kind], f"the verdict is {verdict['bottleneck']}, not {VERDICTS[kind]}")
    check.that(verdict["model"] == "processes", f"its model is {verdict['model']}")
    CHECKS[kind](check, report, parent)
    check.note(f"{verdict['bottleneck']} ({verdict['confidence']})")


def gain(check, report_path, log, fixed_path, fixed_log):
    report = load(report_path)
    verdict, fixed = report["verdict"], load(fixed_path)["verdict"]
    measured = ops_rate(fixed_log) / ops_rate(log)
    if check.that(verdict["gain"] is not None, "no gain was predicted"):
        predicted = verdict["gain"]["ratio"]
        if verdict["bottleneck"] == "processes.ipc" and not python_frames(report):
            # Pickling was not seen, only the kernel's part of it: less is promised than there is.
            check.that(1.1 <= predicted <= measured * (1 + GAIN_TOLERANCE),
                       f"the predicted gain is {predicted:.2f}, without Python frames: {measured:.2f} measured")
        else:
            check.near("the predicted gain", predicted, measured, GAIN_TOLERANCE)
        check.note(f"predicted {predicted:.2f}x, measured {measured:.2f}x")
    check.that(fixed["bottleneck"] != verdict["bottleneck"], f"the cured twin is {fixed['bottleneck']}, too")
    check.note(f"cured: {fixed['bottleneck']}")


def main():
    check = Check()
    {"run": run, "gain": gain}[sys.argv[1]](check, *sys.argv[2:])
    check.end()


main()
