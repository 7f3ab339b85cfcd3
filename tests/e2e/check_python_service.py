#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""check_python_service.py plain REPORT VERDICT: the verdict on python/web.py under load.
check_python_service.py gil REPORT FILE FUNCTION: it is the GIL, and the line that has it is one of this function."""

import ast
import os
import re
import sys

from e2e import Check, check_sums, load, share

SEEN = 0.8  # of the waiting for the GIL: its holder was seen in the function that does the work


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
    holdings = [each for each in lock["holdings"] if each["how"] == "seen"]
    frames = [(innermost(report, each["stack"]), each["ns"]) for each in holdings]
    in_function = sum(ns for frame, ns in frames if frame is not None and frame["name"].split(".")[-1] == function
                      and frame["file"].endswith(file) and frame["line"] in lines)
    part = share(in_function, sum(ns for _, ns in frames))
    check.that(part >= SEEN, f"{function} was seen to have the GIL for {part:.0%} of the waiting, {len(holdings)} places")
    check.note(f"in {function} for {part:.0%} of the waiting")


def main():
    check = Check()
    {"plain": plain, "gil": gil}[sys.argv[1]](check, load(sys.argv[2]), *sys.argv[3:])
    check.end()


main()
