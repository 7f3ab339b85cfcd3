#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""check_stacks_late.py REPORT: the code of a library that was loaded during the run has whole stacks and
names: of the waits in it, those with a table are most."""

import sys

from e2e import Check, load

# The function that is exported has a name in a library without debug information; the others have none
# in .dynsym, but .symtab is there.
WANTED = ["late_nap", "late_middle", "late_enter"]


def main():
    check, report = Check(), load(sys.argv[1])
    stacks = {stack["id"]: stack for stack in report["stacks"]}
    late = [block for block in report["blocks"]
            if block["stack"] and any(frame["name"] == "late_nap" for frame in stacks[block["stack"]]["frames"])]
    whole = [block for block in late if not stacks[block["stack"]]["frame_pointers"]
             and not stacks[block["stack"]]["truncated"]]
    if check.that(whole, f"no whole stack through the library ({len(late)} through it)"):
        names = [frame["name"] for frame in stacks[whole[0]["stack"]]["frames"]]
        begin = names.index("late_nap")
        check.that(names[begin:begin + len(WANTED)] == WANTED, f"the frames are {names}")
        most = sum(block["count"] for block in whole), sum(block["count"] for block in late)
        check.that(2 * most[0] > most[1], f"only {most[0]} of {most[1]} waits have a whole stack")
        check.note(f"{most[0]} of {most[1]} waits have a whole stack")
    check.end()


main()
