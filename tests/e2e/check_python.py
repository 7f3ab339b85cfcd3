#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""check_python.py run REPORT VERDICT: the verdict on samples/python/threads.py.
check_python.py gain REPORT LOG FIXED_REPORT FIXED_LOG: the predicted gain is that of the cured twin, by
operations a second, and the twin has another verdict.
check_python.py convoy REPORT LOG FIXED_LOG: samples/python/convoy.py. Each answer waits for the GIL once, until the
computing thread is made to give it up.
check_python.py forks REPORT: python/forks.py, whose children are named from their first moment on.
check_python.py young REPORT..: commands too short for a slice, each of which has a GIL with a known holder."""

import sys

from e2e import Check, check_sums, load, ops_rate

NAMED_LEAST = 0.5  # of the naps; a child may be gone before its names are read
GAIN_TOLERANCE = 0.25  # the bound leaves out what switches and processes cost


INTERVAL_NS = 5_000_000  # after which a waiter asks for the GIL (sys.getswitchinterval())


def run(check, report_path, wanted):
    report = load(report_path)
    verdict = report["verdict"]
    check_sums(check, report)
    check.that(verdict["bottleneck"] == wanted, f"the verdict is {verdict['bottleneck']}, not {wanted}")
    gil = [lock for lock in report["locks"] if lock["kind"] == "gil"]
    if wanted == "gil":
        check.that(verdict["model"] == "gil" and len(gil) == 1, f"model {verdict['model']}, {len(gil)} GILs")
    if wanted == "threads.lock":
        check.that(report["locks"][0]["kind"] in ("python_lock", "semaphore", "futex"),
                   f"the worst lock is a {report['locks'][0]['kind']}")
    check.note(f"{verdict['bottleneck']} ({verdict['confidence']})")


def gain(check, report_path, log, fixed_path, fixed_log):
    verdict, fixed = (load(path)["verdict"] for path in (report_path, fixed_path))
    measured = ops_rate(fixed_log) / ops_rate(log)
    if check.that(verdict["gain"] is not None, "no gain was predicted"):
        check.near("the predicted gain", verdict["gain"]["ratio"], measured, GAIN_TOLERANCE)
        check.note(f"predicted {verdict['gain']['ratio']:.2f}x, measured {measured:.2f}x")
    check.that(fixed["bottleneck"] != verdict["bottleneck"], f"the cured twin is {fixed['bottleneck']}, too")
    check.note(f"cured: {fixed['bottleneck']}")


def convoy(check, report_path, log, fixed_log):
    report = load(report_path)
    answers, cured = ops_rate(log, "answers"), ops_rate(fixed_log, "answers")
    names = [thread for thread in report["threads"] if thread["classes"]["gil"] > 0]
    gil_ns = max((thread["classes"]["gil"] for thread in names), default=0)
    # The answering thread is the one that waits: once for each answer, for the interval at least.
    waited = gil_ns / (answers * report["window"]["duration_ns"] / 1e9)
    check.that(waited >= 0.9 * INTERVAL_NS, f"{waited / 1e6:.2f} ms of waiting for the GIL an answer")
    check.that(cured >= 2 * answers, f"{answers:.0f} answers a second, the cured twin gives {cured:.0f}")
    check.note(f"{waited / 1e6:.2f} ms for the GIL an answer, {answers:.0f} answers a second, cured {cured:.0f}")


def forks(check, report_path):
    report = load(report_path)
    names = {stack["id"]: [frame["name"] for frame in stack["frames"]] for stack in report["stacks"]}
    leader = min(process["pid"] for process in report["processes"])
    children = [process for process in report["processes"] if process["pid"] != leader]
    sleeps = [block for block in report["blocks"] if block["class"] == "sleep"]
    all_count = sum(block["count"] for block in sleeps)
    named = sum(block["count"] for block in sleeps if "nap" in names.get(block["stack"], ()))
    check.that(len(children) > 0, "no children were seen")
    check.that(named >= NAMED_LEAST * all_count, f"{named} of {all_count} naps have the name of the function")
    check.note(f"{named} of {all_count} naps named, {len(children)} children")


def young(check, *report_paths):
    for path in report_paths:
        gil = [lock for lock in load(path)["locks"] if lock["kind"] == "gil"]
        seen = sum(holding["count"] for lock in gil for holding in lock["holdings"] if holding["how"] == "seen")
        check.that(seen > 0, f"{path}: no waiter saw a holder of the GIL")
    check.note(f"{len(report_paths)} commands")


def main():
    check = Check()
    {"run": run, "gain": gain, "convoy": convoy, "forks": forks, "young": young}[sys.argv[1]](check, *sys.argv[2:])
    check.end()


main()
