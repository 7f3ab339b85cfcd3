#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""check_python_service.py plain REPORT VERDICT: the verdict on python/web.py under load.
check_python_service.py gil REPORT FILE FUNCTION: it is the GIL, and the line that has it is one of this function."""

import ast
import os
import re
import sys

from e2e import Check, check_sums, load, share

APART = 0.25  # at most: the holder's share in the cause, and that of the timer, which does not know of waits


def plain(check, report, wanted):
    check_sums(check, report)
    verdict = report["verdict"]
    check.that(verdict["bottleneck"] == wanted, f"the verdict is {verdict['bottleneck']}, not {wanted}: {verdict['summary']}")
    check.that(verdict["next_step"] != "" or wanted in ("cpu.saturated", "none"), "no next step")
    check.note(f"{verdict['bottleneck']} ({verdict['confidence']}): {verdict['summary']}")


def lines_of(file, function):
    path = os.path.join(os.path.dirname(os.path.realpath(__file__)), "python", file)
    with open(path, encoding="utf-8") as source:
        tree = ast.parse(source.read())
    found = next(node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name == function)
    return range(found.lineno, found.end_lineno + 1)


def innermost(report, number):
    """The innermost Python frame of a stack, or None."""
    stack = next((each for each in report["stacks"] if each["id"] == number), {"frames": []})
    return next((frame for frame in stack["frames"] if frame["kind"] == "python"), None)


def gil(check, report, file, function):
    plain(check, report, "gil")
    verdict, lines = report["verdict"], lines_of(file, function)
    check.that(verdict["model"] == "gil", f"the model is {verdict['model']}")
    named = re.search(rf"{re.escape(file)}:(\d+)", verdict["cause"])
    if check.that(named is not None, f"the cause names no line of {file}: {verdict['cause']!r}"):
        check.that(int(named.group(1)) in lines, f"the cause names line {named.group(1)}, not one of {function}")
    check.that(function in verdict["cause"], f"the cause does not name {function}")
    lock = next((each for each in report["locks"] if each["id"] == verdict["lock"]), None)
    if not check.that(lock is not None and lock["kind"] == "gil", "the lock to blame is no GIL"):
        return
    check.that(any(each["how"] == "seen" for each in lock["holdings"]), "no waiter saw the holder")
    frames = [(innermost(report, each["stack"]), each["count"]) for each in report["samples"]]
    in_function = sum(count for frame, count in frames if frame is not None and frame["name"].split(".")[-1] == function
                      and frame["file"].endswith(file) and frame["line"] in lines)
    sampled = share(in_function, sum(count for _, count in frames))
    stated = re.search(r"for (?:over )?(\d+)% of the (?:waiting|time with others waiting)", verdict["cause"])
    if check.that(stated is not None, "the cause gives no share"):
        check.that(abs(int(stated.group(1)) / 100 - sampled) <= APART,
                   f"{function} has the GIL for {stated.group(1)}% of the waiting, but runs for {sampled:.0%} of the time")
    check.note(f"in {function} for {sampled:.0%} of the samples")


def main():
    check = Check()
    {"plain": plain, "gil": gil}[sys.argv[1]](check, load(sys.argv[2]), *sys.argv[3:])
    check.end()


main()
