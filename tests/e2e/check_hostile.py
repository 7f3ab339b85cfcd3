#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""check_hostile.py REPORT NOTE MODULE [FUNCTION]: the report has this note on the file (- : no note at all on
maps of compiled code), the function is on a stack of its samples (- : none with module [jit]), sums are right."""

import os
import sys

from e2e import Check, check_sums, load


def main():
    check, report = Check(), load(sys.argv[1])
    note, module = sys.argv[2:4]
    function = sys.argv[4] if len(sys.argv) > 4 else ""
    found = [(each["note"], os.path.basename(each["module"])) for each in report["notes"]]
    check_sums(check, report, 1)
    if note == "-":
        check.that("perf_map_refused" not in [each[0] for each in found], f"the notes are {found}")
    else:
        check.that((note, module) in found, f"no note {note} on {module}: {found}")
        check.note(note)
    frames = [frame for stack in report["stacks"] for frame in stack["frames"]]
    jit = {frame["name"] for frame in frames if frame["module"] == "[jit]"}
    if function == "-":
        check.that(not jit, f"names of compiled code: {jit}")
    elif function:
        check.that(function in jit, f"{function} is not named: {jit}")
        check.note(function)
    check.that(report["samples"] != [], "no sample was taken")
    check.end()


main()
