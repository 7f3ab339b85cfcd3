#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""check_python_bad.py WHAT REPORT [ARGUMENT..]: reports on programs of Python that lie about themselves, or are hard
to look into (python/corrupt.py, python/hard.py). A name that is not resolved is right, another one never."""

import ast
import functools
import os
import re
import sys

from e2e import Check, active, check_sums, load, share, strings

def python_frames(report):
    return [frame for stack in report["stacks"] for frame in stack["frames"] if frame["kind"] == "python"]


def last(frame):
    return frame["name"].split(".")[-1]


@functools.lru_cache(maxsize=None)
def functions(path):
    """[(name, first line, last line)] of a file of Python, modules and classes included."""
    with open(path, "rb") as file:
        tree = ast.parse(file.read())
    found = [("<module>", 0, 10**9)]
    for node in ast.walk(tree):
        name = getattr(node, "name", {ast.Lambda: "<lambda>", ast.GeneratorExp: "<genexpr>", ast.ListComp: "<listcomp>",
                                      ast.SetComp: "<setcomp>", ast.DictComp: "<dictcomp>"}.get(type(node)))
        if name and hasattr(node, "lineno"):
            decorators = [each.lineno for each in getattr(node, "decorator_list", [])]
            found.append((name, min(decorators + [node.lineno]), node.end_lineno))
    return found


def is_true(frame):
    """Of a frame in a file that there is: such a function is there, and the line is in it."""
    return any(name == last(frame) and (first <= frame["line"] <= end or frame["line"] == 0)
               for name, first, end in functions(frame["file"]))


def only(check, report, names):
    """No name but these, and those of functions in files that there are; those that were found."""
    alien = []
    for frame in python_frames(report):
        if frame["file"].startswith("<frozen "):
            continue  # of the interpreter's start
        real = os.path.isfile(frame["file"])
        if frame["name"] and not (is_true(frame) if real else last(frame) in names):
            alien.append((frame["name"][:80], frame["file"][-80:], frame["line"]))
    check.that(not alien, f"wrong names: {alien[:5]} ({len(alien)})")
    return {last(frame) for frame in python_frames(report)}


def corrupt(check, report, log):
    """The frames of the thread that was left alone are whole; of the others no name, file or line is wrong."""
    check_sums(check, report)
    with open(log, encoding="utf-8") as file:
        kinds = re.search(r"^kinds (.*)$", file.read(), re.M).group(1).split()
    found = only(check, report, {f"{where}_{kind}" for where in ("inner", "outer") for kind in kinds} )
    check.that({"inner_none", "outer_none"} <= found, "the thread that was left alone has not its frames")
    for frame in python_frames(report):
        where, _, kind = last(frame).partition("_")
        if where in ("inner", "outer") and frame["file"]:
            check.that(frame["file"] == f"/corrupt/{kind}.py", f"{last(frame)} is in {frame['file'][:80]}")
            right = 5 if where == "inner" else 8
            # What stands in a table that is none is not to be told from lines.
            allowed = (0, right) if not kind.startswith("lasti") else range(10)
            check.that(kind.startswith("lines") or frame["line"] in allowed,
                       f"{last(frame)} is at line {frame['line']}, not {right}")
    # In a stack of its own the chain that comes round again is cut, and says so.
    rounds = [stack for stack in report["stacks"] if sum(last(frame) == "inner_back_self" for frame in stack["frames"]) > 1]
    check.that(all(stack["truncated"] for stack in rounds), "a chain that comes round again is not called cut")
    check.note(f"{len(kinds)} kinds of garbage, {len([name for name in found if name.startswith('inner_')])} innermost names")


def threads(check, report):
    check_sums(check, report, 501)
    found = only(check, report, {"below", "rest", "threads"})
    check.that({"below", "rest"} <= found, f"found {found}")
    depths = {sum(last(frame) == "below" for frame in stack["frames"]) for stack in report["stacks"]
              if any(last(frame) == "rest" for frame in stack["frames"]) and not stack["truncated"]}
    check.that(depths >= set(range(1, 11)), f"stacks with {sorted(depths)} calls, not 1 to 10")
    check.note(f"{len(report['stacks'])} stacks")


def recursion(check, report):
    """Cut, and says so; what is left are the innermost ones."""
    check_sums(check, report, 2)
    only(check, report, {"below", "rest", "recursion"})
    deep = [stack for stack in report["stacks"] if sum(last(frame) == "below" for frame in stack["frames"]) > 5]
    if check.that(deep, "no deep stack"):
        check.that(all(stack["truncated"] for stack in deep), "a stack of 1,000 frames is not called cut")
        first = [last(frame) for frame in deep[0]["frames"] if frame["kind"] == "python"]
        check.that(first[0] == "rest" and set(first[1:]) == {"below"}, f"it begins with {first[:3]}")
        check.note(f"cut after {len(first)} of Python's frames, {len(deep[0]['frames'])} in all")


def names(check, report, text_path):
    """Escaped as all other names are; what is no plain string may be unresolved."""
    check_sums(check, report)
    for text in strings(report):
        check.that(not active(text), f"JSON: {active(text)} in {text[:80]!r}")
    with open(text_path, "rb") as file:
        page = file.read().decode("utf-8", "strict")
    check.that(not active(page.replace("\n", "")), f"text: {active(page.replace(chr(10), ''))}")
    frames = python_frames(report)
    check.that(any(r"evil\x1b[2J\x1b]0;own\x07\x0a" in frame["file"] for frame in frames), "no file with escapes")
    check.that(any("日本語 ' \" <b>&" in frame["file"] for frame in frames), "no file beyond ASCII")
    check.that(any("日本語" in frame["name"] for frame in frames), "no function beyond ASCII")
    check.that(any(frame["file"].startswith("/undecodable") for frame in frames), "no file of undecodable name")
    for frame in frames:
        check.that(last(frame) != "f" or frame["file"].startswith("/undecodable") or frame["file"] == "",
                   f"f in {frame['file'][:80]}")
        if frame["file"] == "/derived.py" or frame["name"] == "derived":
            check.that(frame["name"] in ("", "derived") and frame["file"] in ("", "/derived.py"), f"{frame}")
        if frame["name"].startswith("long"):
            check.that(set(frame["name"].rstrip(".…").replace("long", "")) <= set("long"), "the long name is another one")
    check.note(f"{len(frames)} frames")


def any_of(check, report, *names):
    """Whatever it is, no wrong name."""
    check_sums(check, report)
    found = only(check, report, set(names))
    check.note(f"found {sorted(found & set(names))}, {report['target']['processes']} processes")
    return found


def reused(check, report):
    """Each in its own file, at its own line, called by its own module; most are found."""
    check_sums(check, report)
    only(check, report, {f"made_{turn}" for turn in range(20)} | {"<module>"})
    found, wrong = set(), []
    for stack in report["stacks"]:
        frames = [frame for frame in stack["frames"] if frame["kind"] == "python" and frame["name"]]
        for frame, caller in zip(frames, frames[1:]):
            if not frame["name"].startswith("made_"):
                continue
            turn = int(last(frame)[len("made_"):])
            line = turn + turn % 5 + 2
            found.add(turn)
            # Where its own caller has no name, the next one is the loop.
            called = caller["file"].startswith("/made/")
            if (frame["file"], frame["line"]) != (f"/made/{turn}.py", line) or \
                    (called and (caller["file"], caller["line"]) != (f"/made/{turn}.py", line + 1)):
                wrong.append((frame["name"], frame["file"], frame["line"], caller["file"], caller["line"]))
    check.that(not wrong, f"wrong names: {wrong[:3]} ({len(wrong)})")
    check.that(len(found) >= 10, f"{len(found)} of 20 functions are found")
    check.note(f"{len(found)} of 20 functions, {len(report['stacks'])} stacks")


def executed(check, report):
    """The new interpreter is recognised."""
    # The interpreter's start executes lines of .pth files, as a module in "<string>".
    found = any_of(check, report, "first_life", "rest", "second_life", "rest_of_second_life", "<module>")
    check.that({"second_life", "rest_of_second_life"} <= found, "nothing of the second life")


def births(check, report):
    """Interpreters that begin and end all the time: what is seen of them is true, or nothing."""
    check_sums(check, report)
    only(check, report, {"<module>", "brief_life"})
    brief = [frame for frame in python_frames(report) if frame["file"] == "<string>"]
    # The program's own text: the last line is its sixth.
    check.that(all(frame["line"] <= 6 for frame in brief), "a line that is not there")
    check.that(report["target"]["processes"] > 5, f"{report['target']['processes']} processes")
    check.note(f"{report['target']['processes']} processes, {len(brief)} frames of their own")


def subinterpreters(check, report, log):
    """Each GIL has its own waiters, and each is waited for."""
    check_sums(check, report)
    with open(log, encoding="utf-8") as file:
        owners = {int(tid): number for number, tid in re.findall(r"^interpreter (\d) tid (\d+)$", file.read(), re.M)}
    gils = [lock for lock in report["locks"] if lock["kind"] == "gil"]
    waited = {}
    for gil in gils:
        tids = {waiter["tid"] for waiter in gil["waiters"] if waiter["wait_ns"] > 0} & set(owners)
        of = {owners[tid] for tid in tids}
        check.that(len(of) <= 1, f"the GIL at {gil['address']} is waited for by threads of {len(of)} interpreters")
        for each in of:
            waited[each] = waited.get(each, 0) + gil["wait_ns"]
    check.that(len(waited) == 2, f"{len(waited)} of 2 interpreters wait for their GILs, {len(gils)} GILs")
    for each, wait_ns in waited.items():
        part = share(wait_ns, report["window"]["duration_ns"])
        check.that(part > 0.3, f"interpreter {each} waits {part:.0%} of the time")
    only(check, report, {"burn_0", "burn_1", "rest", "subinterpreters"})
    check.note(f"{len(gils)} GILs: " + ", ".join(f"{wait_ns / 1e6:.0f} ms" for wait_ns in waited.values()))


def nested(check, report):
    """A sleep is of the interpreter that sleeps: its own function and module, or the thread's own below its loop."""
    check_sums(check, report)
    stacks = {stack["id"]: [last(frame) for frame in stack["frames"] if frame["kind"] == "python"]
              for stack in report["stacks"]}
    slept = {}
    for block in report["blocks"]:
        names = stacks.get(block["stack"], [])
        if block["class"] == "sleep" and names:
            slept[tuple(names)] = slept.get(tuple(names), 0) + block["ns"]
    for index in range(4):
        own = (f"nested_{index}", "<module>")
        check.that(slept.pop(own, 0) > 0, f"no sleep in {own[0]} below its module alone")
    check.that(sum(ns for names, ns in slept.items() if names[0] == "plain_nap" and names[1] == "in_turn"),
               "no sleep of the thread's own")
    wrong = [names for names in slept if names[0] not in ("plain_nap", "rest", "<module>", "nested")]
    check.that(not wrong, f"sleeps in {wrong[:3]}")
    check.note(f"{len(slept) + 4} kinds of sleep")


def main():
    check = Check()
    what = {each.__name__: each for each in (corrupt, threads, recursion, names, any_of, reused, executed, births, subinterpreters, nested)}
    what[sys.argv[1]](check, load(sys.argv[2]), *sys.argv[3:])
    check.end()


main()
