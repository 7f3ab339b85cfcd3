#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""check_stacks.py REPORT GDB [uncharted]: for each thread that gdb shows (GDB: one line each, by
stacks/gdb_frames.py), is its stack among the report's? The addresses of its frames, and the names of
the innermost 20, inlined functions included; each difference is explained.
uncharted: the program's code has no unwind information. Then the stack must say so."""

import json
import sys
from collections import Counter

from e2e import Check, load

TOP = 20
AGREE = 0.99
CUT_MAX = 0.25


def ours(report):
    """Each stack as (stack, [physical frames])."""
    return [(stack, [frame for frame in stack["frames"] if not frame["inlined"] and frame["kind"] != "kernel"])
            for stack in report["stacks"]]


def address(frame):
    return int(frame["address"], 16)


def without_python(stack, physical, gdb_physical):
    """Frames of Python stand in the place of the interpreter's own calls that run them: of both what else is there."""
    if not any(frame["kind"] == "python" for frame in stack["frames"]):
        return physical, gdb_physical
    return ([frame for frame in physical if frame["kind"] != "python"],
            [frame for frame in gdb_physical if plain(frame["name"]) != "PyEval_EvalFrameDefault"])


def without_evaluation(frames, gdb_frames):
    """The same with inlined functions: those inside the interpreter's calls go with them."""
    if not any(frame["kind"] == "python" for frame in frames):
        return frames, gdb_frames
    theirs, inlined = [], []
    for frame in gdb_frames:
        inlined.append(frame)
        if frame["kind"] == "inline":
            continue
        if plain(frame["name"]) != "PyEval_EvalFrameDefault":
            theirs += inlined
        inlined = []
    return [frame for frame in frames if frame["kind"] != "python"], theirs


def agreement(physical, gdb_physical):
    """How many frames of the innermost ones are the same instruction."""
    return sum(address(a) == b["pc"] for a, b in zip(physical[:TOP], gdb_physical[:TOP]))


def best(report, gdb_physical):
    """The report's stack that is most like gdb's: the innermost frames must be where the thread stands."""
    def likeness(each):
        mine, theirs = without_python(each[0], each[1], gdb_physical)
        return agreement(mine, theirs), -abs(len(mine) - len(theirs))

    return max(ours(report), key=likeness, default=({"frames": []}, []))


def plain(name):
    """A name without parameters, template arguments, versions and what compilers append."""
    name, depth, out = name.split("@")[0], 0, ""
    for c in name.replace("operator()", "operator").replace("(anonymous namespace)", ""):
        depth += c in "<("
        out += c if depth == 0 else ""
        depth -= c in ">)"
    for suffix in (".constprop", ".isra", ".part", ".cold", ".abi0", ".lto_priv"):
        out = out.split(suffix)[0]
    return out.split("::")[-1].split(" ")[-1].removeprefix("__GI_").strip("_")


def why_differ(mine, theirs):
    """Why the names of one frame differ; None where nothing explains it."""
    start = address(mine) - mine["offset"] if mine["name"] else 0
    if theirs["kind"] == "signal":
        return "a signal frame: it has no name of its own"
    if mine["name"] and start == theirs["start"] and start:
        return "another name of the same function"
    if plain(mine["name"]) == plain(theirs["name"]):
        return "the same, spelt otherwise"
    if not mine["name"]:
        return "gdb names the nearest symbol; none covers the address"
    if not theirs["name"]:
        return "gdb has no name"
    libc = ("libc.so", "ld-linux", "libpthread")
    if any(part in mine["module"] for part in libc):
        return "another name of the same function"
    return None


def compare_names(frames, gdb_frames, reasons):
    """Of the innermost frames of both, inlined ones included: (agreeing, compared, the unexplained)."""
    agreeing, compared, unexplained = 0, 0, []
    for mine, theirs in zip(frames[:TOP], gdb_frames[:TOP]):
        compared += 1
        if mine["name"] == theirs["name"]:
            agreeing += 1
            continue
        reason = why_differ(mine, theirs)
        if reason is None:
            unexplained.append(f"{mine['name']} is {theirs['name']} to gdb")
            continue
        agreeing += 1
        reasons[reason] += 1
    return agreeing, compared, unexplained


def main():
    report = load(sys.argv[1])
    uncharted = "uncharted" in sys.argv[3:]
    check, reasons, wrong = Check(), Counter(), []
    same = frames = names_same = names = threads = 0
    with open(sys.argv[2], encoding="utf-8") as file:
        shown = [json.loads(line) for line in file]
    for thread in shown:
        gdb_physical = [frame for frame in thread["frames"] if frame["kind"] != "inline"]
        stack, physical = best(report, gdb_physical)
        physical, gdb_physical = without_python(stack, physical, gdb_physical)
        if uncharted:
            threads += 1
            check.that(physical and address(physical[0]) == gdb_physical[0]["pc"], "the innermost frame differs")
            check.that(stack.get("truncated") or stack.get("frame_pointers"), "a stack without tables is not marked")
            continue
        threads += 1
        same += agreement(physical, gdb_physical)
        frames += len(gdb_physical[:TOP])
        if not stack.get("truncated") and len(physical) != len(gdb_physical):
            wrong.append(f"thread {thread['tid']}: {len(physical)} frames, gdb has {len(gdb_physical)}")
        # Inlined functions of both sides, where both know them.
        inlined = any(frame["kind"] == "inline" for frame in thread["frames"]) and \
            any(frame["inlined"] for frame in stack["frames"])
        mine, theirs = (physical, gdb_physical)
        if inlined:
            mine, theirs = without_evaluation(stack["frames"], thread["frames"])
        got, of, bad = compare_names(mine, theirs, reasons)
        names_same, names, wrong = names_same + got, names + of, wrong + bad
    check.that(threads > 0, "gdb showed no thread")
    no_room = [note["module"] for note in report["notes"] if note["note"] == "unwind_no_room"]
    check.that(not no_room, f"no room for the unwind tables of {no_room}")
    if uncharted:
        check.note(f"{threads} threads, all marked: gdb cannot follow them either")
        check.end()
    # Those that gdb was compared with may be of threads that stood still, which user space walks; the
    # others are the kernel side's.
    cut = sum(stack["truncated"] for stack in report["stacks"])
    check.that(cut <= max(1, len(report["stacks"]) * CUT_MAX), f"{cut} of {len(report['stacks'])} stacks are cut")
    check.that(same >= AGREE * frames, f"{same} of {frames} frames have gdb's address: {wrong[:5]}")
    check.that(names_same >= AGREE * names, f"{names_same} of {names} names agree with gdb's: {wrong[:5]}")
    check.note(f"{threads} threads: {same} of {frames} addresses and {names_same} of {names} names are gdb's")
    for reason, count in reasons.most_common():
        check.note(f"{count} times {reason}")
    for each in wrong[:3]:
        check.note(each)
    check.end()


main()
