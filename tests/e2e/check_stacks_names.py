#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""check_stacks_names.py REPORT: what the report on stacks/shapes.cc must name: the member of an object in
an array, a condition variable of a namespace, lines, inlined functions, stacks to their outermost end."""

import sys

from e2e import Check, load, lock_named


def main():
    check, report = Check(), load(sys.argv[1])
    lock = lock_named(report, "shop::goods.shards[1].lock")
    if check.that(lock is not None, f"no lock of that name: {[each['name'] for each in report['locks']]}"):
        check.that(lock["kind"] == "mutex", f"it is a {lock['kind']}")
        stacks = {stack["id"]: stack for stack in report["stacks"]}
        frames = stacks[lock["waiters"][0]["stack"]]["frames"]
        take = [frame for frame in frames if frame["name"] == "shop::worker<long>::take"]
        if check.that(len(take) == 1, f"take() is not on the stack: {[frame['name'] for frame in frames]}"):
            check.that(take[0]["file"].endswith("shapes.cc") and take[0]["line"] > 0, f"its line is {take[0]}")
        check.that(any(frame["inlined"] and "lock_guard" in frame["name"] for frame in frames),
                   "the inlined lock_guard is not shown")
        check.that(frames[-1]["name"] in ("clone3", "__clone3", "clone"), f"the outermost frame is {frames[-1]['name']}")
    ready = lock_named(report, "shop::idle_ready")
    if check.that(ready is not None, "the condition variable has no name"):
        check.that(ready["kind"] == "condvar", f"idle_ready is a {ready['kind']}")
    whole = [stack for stack in report["stacks"] if not stack["truncated"]]
    check.that(len(whole) == len(report["stacks"]), f"{len(report['stacks']) - len(whole)} stacks are cut")
    check.note(f"{len(whole)} whole stacks")
    check.end()


main()
