#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""check_python_stacks.py REPORT FOLDER: the Python frames of each thread of python/shapes.py, against what the program
wrote down: faulthandler's traceback, and its own one where that ends. Every frame's name, file and line. And where
native frames stand between them."""

import json
import os
import re
import sys

from e2e import Check, check_sums, load

FAULTHANDLER_FRAMES = 100
CUT_FROM = 30  # Python frames: a stack of more may be cut, as those of C between them count, too
CUT_LEAST = 20  # and has so many at least
SHOWN = 3  # differences


def ascii_escaped(text):
    """As faulthandler writes it."""
    return "".join(c if " " <= c <= "~" else f"\\x{ord(c):02x}" if ord(c) <= 0xff else
                   f"\\u{ord(c):04x}" if ord(c) <= 0xffff else f"\\U{ord(c):08x}" for c in text)


def plain(frame):
    """A frame of the report as (name, file, line): of a qualified name the last part."""
    return frame["name"].split(".")[-1], frame["file"], frame["line"]


def faulthandler(path):
    """{ident: [(name, file, line)]}, innermost first"""
    found, frames = {}, None
    with open(path, encoding="ascii") as file:
        for line in file:
            thread = re.match(r"(?:Current thread|Thread) 0x([0-9a-f]+)", line)
            frame = re.match(r'  File "(.*)", line (\d+) in (.*)$', line)
            if thread:
                frames = found.setdefault(int(thread.group(1), 16), [])
            elif frame:
                frames.append((frame.group(3), frame.group(1), int(frame.group(2))))
    return found


def truth(check, folder):
    """{thread's name: [(name, file, line)]}; what the program says of itself equals what faulthandler does."""
    with open(os.path.join(folder, "frames.json"), encoding="utf-8") as file:
        own = json.load(file)
    outside, threads = faulthandler(os.path.join(folder, "faulthandler")), {}
    for thread in own["threads"].values():
        frames = [(ascii_escaped(name), ascii_escaped(path), line) for name, path, line in thread["frames"]]
        check.that(frames[:FAULTHANDLER_FRAMES] == outside.get(thread["ident"]),
                   f"{thread['name']}: faulthandler has not the program's own frames: no judgement")
        threads[thread["name"]] = frames
    return threads, own


def python_frames(stack):
    return [(ascii_escaped(name), ascii_escaped(path), line)
            for name, path, line in (plain(frame) for frame in stack["frames"] if frame["kind"] == "python")]


def blocked_stacks(report):
    """The stacks at which threads were off the CPU."""
    ids = {block["stack"] for block in report["blocks"]}
    ids |= {waiter["stack"] for lock in report["locks"] for waiter in lock["waiters"]}
    return [stack for stack in report["stacks"] if stack["id"] in ids]


def same(mine, theirs, far):
    """A line may be unknown where the instruction's offset does not fit."""
    return mine == theirs or (mine[:2] == theirs[:2] and mine[2] == 0 and mine[0] in far)


def agreement(mine, frames):
    """How many of the innermost frames are the same ones."""
    count = 0
    for a, b in zip(mine, frames):
        if not same(a, b, {"far_away"}):
            break
        count += 1
    return count


def complete(stack, mine, frames):
    if agreement(mine, frames) != len(mine):
        return False
    if stack["truncated"]:
        return len(frames) > CUT_FROM and len(mine) >= CUT_LEAST
    return len(mine) == len(frames)


def check_native(check, name, stack, own):
    """C code stands where it belongs: what blocks before the innermost Python frame, what calls back between two."""
    frames = stack["frames"]
    places = [i for i, frame in enumerate(frames) if frame["kind"] == "python"]
    check.that(places[0] > 0 and frames[places[0] - 1]["kind"] == "native",
               f"{name}: no native frame before the innermost Python frame")
    check.that(stack["truncated"] or frames[-1]["kind"] == "native", f"{name}: the outermost frame is one of Python")
    check.that(all(frame["name"] != "_PyEval_EvalFrameDefault" for frame in frames if not stack["truncated"]),
               f"{name}: a frame of the interpreter's own loop is left")
    for inner_at, outer_at in zip(places, places[1:]):
        pair = [plain(frames[inner_at])[0], plain(frames[outer_at])[0]]
        between = frames[inner_at + 1:outer_at]
        for inner, outer, module in own["between"]:
            if pair == [inner, outer]:
                check.that(any(frame["kind"] == "native" and module in frame["module"] for frame in between),
                           f"{name}: no native frame {'of ' + module + ' ' if module else ''}between {inner} and {outer}")
        if tuple(own["version"]) >= (3, 11) and pair == ["recursion", "recursion"]:
            check.that(not between, f"{name}: native frames between calls that need none")


def main():
    report, check = load(sys.argv[1]), Check()
    check_sums(check, report)
    threads, own = truth(check, sys.argv[2])
    stacks = [(stack, python_frames(stack)) for stack in blocked_stacks(report)]
    right = frames_right = frames_all = cut = 0
    wrong = []
    for name, frames in threads.items():
        frames_all += len(frames)
        found = next(((stack, mine) for stack, mine in stacks if complete(stack, mine, frames)), None)
        if found:
            right += 1
            frames_right += len(found[1])
            cut += len(frames) - len(found[1])
            check_native(check, name, found[0], own)
            continue
        near = max(stacks, key=lambda each: agreement(each[1], frames), default=({"truncated": False}, []))
        at = agreement(near[1], frames)
        wrong.append(f"{name}: frame {at} of {len(frames)} is {frames[at] if at < len(frames) else 'none'}, "
                     f"the report's {near[1][at] if at < len(near[1]) else 'none'}"
                     f"{', cut' if near[0]['truncated'] else ''}")
    # Nothing else: a stack of Python frames that no thread has, but for the line at which it was on its way.
    chains = [[frame[:2] for frame in frames] for frames in threads.values()]
    for stack, mine in stacks:
        # The program's main thread is not among them; idle code objects of threads on their way have no frames.
        if mine and mine[-1][0] not in ("<module>",) and not stack["truncated"]:
            names = [frame[:2] for frame in mine]
            check.that(any(names == chain[-len(names):] or chain == names[-len(chain):] for chain in chains),
                       f"stack {stack['id']} is no thread's: {mine[:3]}")
    check.that(not wrong, f"{len(wrong)} threads differ: {'; '.join(wrong[:SHOWN])}")
    check.note(f"{right} of {len(threads)} threads, {frames_right} of {frames_all} frames, {cut} cut off")
    check.end()


main()
