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
# A prediction holds for the CPUs that were free at the time; where others take more than this in either run
# the twin had other ones, and what both did cannot be compared.
OTHERS_MAX = 0.3
WORKERS = {"queue": 4, "pool": 2}
CLIENTS = 48  # of pool
VERDICTS = {"queue": "processes.ipc", "pool": "processes.pool_exhausted", "fork": "processes.fork"}


def python_frames(report):
    return any(frame["kind"] == "python" for stack in report["stacks"] for frame in stack["frames"])


def kinds_of_samples(report):
    kinds = {}
    for sample in report["samples"]:
        kinds[sample["kind"]] = kinds.get(sample["kind"], 0) + sample["count"]
    return kinds


def check_queue(check, report, parent, log):
    del log
    verdict = report["verdict"]
    workers = {process["pid"] for process in report["processes"] if process["ppid"] == parent}
    check.that(len(workers) >= WORKERS["queue"], f"{len(workers)} processes below {parent}")
    kinds = kinds_of_samples(report)
    check.that(kinds.get("ipc", 0) >= sum(kinds.values()) / 20, f"samples by kind: {kinds}")
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


def check_pool(check, report, parent, log):
    del log
    by_pid = {process["pid"]: process for process in report["processes"]}
    check.that(by_pid[parent]["workers"] == WORKERS["pool"],
               f"the parent supervises {by_pid[parent]['workers']} workers")
    check.that(len(by_pid) == 1 + WORKERS["pool"], f"{len(by_pid)} processes")
    check.that(len(report["listeners"]) == 1, f"listeners: {report['listeners']}")
    listener = report["listeners"][0]
    check.that(re.fullmatch(r"port \d+", listener["name"]), f"it is called {listener['name']!r}")
    check.that(listener["looks"] == len(report["slices"]), f"{listener['looks']} looks")
    # All clients but those that are served; one that has its answer may be on its way back.
    check.that(listener["waiting_max"] <= CLIENTS - WORKERS["pool"], f"{listener['waiting_max']} waited")
    for part in report["slices"]:
        check.that(part["waiting"] >= CLIENTS - 2 * WORKERS["pool"] - 1, f"{part['waiting']} waited in a slice")
    check.that(f"python3 ({parent})" in report["verdict"]["cause"], f"the cause is {report['verdict']['cause']!r}")


def check_fork(check, report, parent, log):
    process = next(process for process in report["processes"] if process["pid"] == parent)
    # A task is a fork: the sample's own count, of which the window sees all but one at either end.
    check.near("the number of forks a second", process["forks"] / report["window"]["duration_ns"] * 1e9,
               ops_rate(log), 0.15)
    check.that(process["execs"] == 0 and process["workers"] == 0, f"the parent is {process}")
    kinds = kinds_of_samples(report)
    for kind in ("fork", "copy", "exit"):
        check.that(kinds.get(kind, 0) >= 10, f"samples by kind: {kinds}")
    check.that(not kinds.get("exec") and kinds.get("user", 0) >= 20, f"samples by kind: {kinds}")


CHECKS = {"queue": check_queue, "pool": check_pool, "fork": check_fork}


def run(check, report_path, log, kind):
    report = load(report_path)
    verdict = report["verdict"]
    with open(log, encoding="ascii") as file:
        parent = int(re.search(r"^ready pid=(\d+)$", file.read(), re.M).group(1))
    check_sums(check, report)
    check.that(verdict["bottleneck"] == VERDICTS[kind], f"the verdict is {verdict['bottleneck']}, not {VERDICTS[kind]}")
    check.that(verdict["model"] == "processes", f"its model is {verdict['model']}")
    CHECKS[kind](check, report, parent, log)
    check.note(f"{verdict['bottleneck']} ({verdict['confidence']})")


def others_cpus(report):
    window = report["window"]["duration_ns"]
    return (report["host"]["busy_ns"] - report["time"]["classes"]["run"]) / window


def gain(check, report_path, log, fixed_path, fixed_log):
    report, fixed_report = load(report_path), load(fixed_path)
    verdict, fixed = report["verdict"], fixed_report["verdict"]
    others = max(others_cpus(report), others_cpus(fixed_report))
    measured = ops_rate(fixed_log) / ops_rate(log)
    if check.that(verdict["gain"] is not None, "no gain was predicted"):
        predicted = verdict["gain"]["ratio"]
        if others > OTHERS_MAX:
            check.note(f"not compared, as others took {others:.1f} CPUs")
        elif verdict["bottleneck"] == "processes.ipc" and not python_frames(report):
            # Pickling was not seen, only the kernel's part of it: less is promised than there is.
            check.that(1.1 <= predicted <= measured * (1 + GAIN_TOLERANCE),
                       f"the predicted gain is {predicted:.2f}, without Python frames: {measured:.2f} measured")
        else:
            check.near("the predicted gain", predicted, measured, GAIN_TOLERANCE)
        check.note(f"predicted {predicted:.2f}x, measured {measured:.2f}x")
    check.that(others > OTHERS_MAX or fixed["bottleneck"] != verdict["bottleneck"], f"the cured twin is {fixed['bottleneck']}, too")
    check.note(f"cured: {fixed['bottleneck']}")


def main():
    check = Check()
    {"run": run, "gain": gain}[sys.argv[1]](check, *sys.argv[2:])
    check.end()


main()
