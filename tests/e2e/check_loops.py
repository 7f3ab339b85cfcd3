#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""check_loops.py verdict REPORT VERDICTS: the bottleneck is one of these (separated by commas).
check_loops.py turns REPORT LOG: samples/python/loops.py, whose log has each of its turns: the histogram, the busy time
and the delay that is added agree, and each stall is told with its length.
check_loops.py gil REPORT: at least half of the loop's turns is waiting for the GIL, which the other thread holds.
check_loops.py blame REPORT CAUSE NAME [LINE FILE]: most stalls have this cause and blame a frame of this name, which is at
the line of FILE that holds the text LINE.
check_loops.py executor REPORT KIND: the loop is woken by threads of its executor, and these wait for it, by edges.
check_loops.py kind REPORT KIND: the worst loop is of this kind.
check_loops.py healthy REPORT KIND: a loop of this kind was seen, and it has no stall."""

import datetime
import sys

from e2e import Check, check_sums, load

TOLERANCE = 0.02
SLACK_NS = 20_000  # what the interpreter does between its clock and its poll
EDGE_NS = 100_000_000  # hooks are there a moment after the window's begin


def verdict(check, report, wanted):
    found = report["verdict"]
    check_sums(check, report)
    check.that(found["bottleneck"] in wanted.split(","), f"the verdict is {found['bottleneck']}, not {wanted}")
    check.note(f"{found['bottleneck']} ({found['confidence']})")


def main_loop(check, report, kind=None):
    loops = [loop for loop in report["loops"] if loop["is_loop"] and kind in (None, loop["kind"])]
    if check.that(loops, f"no loop{' of kind ' + kind if kind else ''} among {[l['kind'] for l in report['loops']]}"):
        return loops[0]
    return None


def window_ns(report, mono_ns, real_ns):
    """Beginning and end by CLOCK_MONOTONIC."""
    text = report["window"]["start"]
    whole, fraction = text.rstrip("Z").split(".")
    start = datetime.datetime.fromisoformat(whole + "+00:00").timestamp() * 1e9 + int(fraction.ljust(9, "0"))
    start = int(start) - real_ns + mono_ns
    return start, start + report["window"]["duration_ns"]


def turns(check, report, log):
    loop = main_loop(check, report)
    lines = [line.split() for line in open(log) if line.endswith("\n")]
    clock = next(line for line in lines if line[0] == "clock")
    begin, end = window_ns(report, int(clock[1]), int(clock[2]))
    own = [(int(line[1]), int(line[2])) for line in lines if line[0] == "turn"]
    own = [(at, ns) for at, ns in own if at >= begin + EDGE_NS and at + ns <= end]
    if loop is None or not check.that(own, "the sample logged no turn in the window"):
        return
    # At both ends turns may be missed: a tenth of a second of all.
    edge = 2 * EDGE_NS / (end - begin)
    check.near("turns", loop["turns"], len(own), TOLERANCE + edge + 3 / len(own))
    check.near("busy_ns", loop["busy_ns"], sum(ns + 2 * SLACK_NS for _, ns in own), TOLERANCE + edge)
    delay = sum(ns * ns for _, ns in own) / (2 * (end - begin))
    check.near("added_mean_ns", loop["added_mean_ns"], delay, 2 * TOLERANCE + edge)
    stalls = sorted((at - begin, ns) for at, ns in own if ns > 1.001 * loop["stall_threshold_ns"])
    told = loop["stalls"]
    missing = [at for at, ns in stalls
               if not any(abs(stall["at_ns"] - at) < 5_000_000 and abs(stall["duration_ns"] - ns) < TOLERANCE * ns + SLACK_NS
                          for stall in told)]
    check.that(not missing, f"{len(missing)} of {len(stalls)} stalls are not told, or with another length")
    check.note(f"{loop['turns']} turns ({len(own)} by its own clock), {len(told)} stalls told of {len(stalls)}, "
               f"{loop['added_mean_ns'] / 1e6:.2f} ms added ({delay / 1e6:.2f} ms)")


def gil(check, report):
    loop = main_loop(check, report)
    if loop is None:
        return
    check.that(2 * loop["split"]["gil"] >= loop["busy_ns"],
               f"{loop['split']['gil'] / 1e6:.0f} ms of {loop['busy_ns'] / 1e6:.0f} ms in turns wait for the GIL")
    locks = [lock for lock in report["locks"] if lock["kind"] == "gil"]
    others = [holder for lock in locks for holder in lock["holders"] if holder["tid"] not in (0, loop["tid"])]
    check.that(others, "no other thread is told to hold the GIL")
    check.note(f"{loop['split']['gil'] / max(1, loop['busy_ns']):.0%} of its turns")


def blame(check, report, cause, name, text=None, path=None):
    stacks = {stack["id"]: stack["frames"] for stack in report["stacks"]}
    loop = main_loop(check, report)
    if loop is None or not check.that(loop["stalls"], "no stall was told"):
        return
    right = [stall for stall in loop["stalls"] if stall["cause"] == cause]
    check.that(2 * len(right) > len(loop["stalls"]), f"{len(right)} of {len(loop['stalls'])} stalls have the cause {cause}")
    frames = [frame for stall in right for frame in stacks.get(stall["stack"], []) if frame["name"].split(".")[-1] == name]
    check.that(2 * len(frames) > len(right), f"{len(frames)} of {len(right)} stacks have a frame {name}")
    if text and frames:
        lines = [number for number, line in enumerate(open(path), 1) if text in line]
        hits = [frame for frame in frames if frame["line"] in lines]
        check.that(2 * len(hits) > len(frames), f"lines {sorted({frame['line'] for frame in frames})}, not {lines}")
    check.note(f"{len(right)} of {len(loop['stalls'])} stalls: {cause} in {name}")


def kind_of(check, report, wanted):
    loop = main_loop(check, report)
    if loop is not None and check.that(loop["kind"] == wanted, f"its kind is {loop['kind']}, not {wanted}"):
        check.note(wanted)


def executor(check, report, kind):
    loop = main_loop(check, report, kind)
    if loop is None:
        return
    to_loop = [edge for edge in report["edges"] if edge["from"]["tid"] == loop["tid"] and edge["to"]["tid"] != loop["tid"]]
    from_loop = [edge for edge in report["edges"] if edge["to"]["tid"] == loop["tid"] and edge["from"]["tid"] != loop["tid"]]
    check.that(to_loop, "no thread is told to have woken the loop")
    check.that(from_loop, "no thread is told to have waited for the loop")
    check.note(f"{len(to_loop)} threads wake it ({', '.join(sorted({edge['kind'] for edge in to_loop}))}), "
               f"{len(from_loop)} wait for it")


def healthy(check, report, kind):
    loop = main_loop(check, report, kind)
    if loop is None:
        return
    check.that(loop["turns"] > 0, "it made no turn")
    check.that(not loop["stalls"], f"{len(loop['stalls'])} stalls")
    check.note(f"{kind}: {loop['turns']} turns, busy {loop['utilization']:.0%}, p99 {loop['p99_ns'] / 1e6:.2f} ms")


def main():
    check = Check()
    report = load(sys.argv[2])
    {"verdict": verdict, "turns": turns, "gil": gil, "blame": blame, "executor": executor, "kind": kind_of, "healthy": healthy}[sys.argv[1]](check, report, *sys.argv[3:])
    check.end()


if __name__ == "__main__":
    main()
