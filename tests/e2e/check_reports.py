#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""check_reports.py csv|folded|perfetto|pprof|markdown FILE REPORT.json

What another program reads in FILE is what the JSON report of the same run says.
"""

import csv
import json
import re
import subprocess
import sys

IDLE = {"client_idle", "loop_idle", "sleep", "pool_idle", "child", "stopped"}


def near(a, b, part=0.01):
    return abs(a - b) <= part * max(abs(a), abs(b), 1e-9)


def check_csv(path, report):
    with open(path, encoding="utf-8", newline="") as f:
        rows = list(csv.DictReader(f, strict=True))
    assert all(None not in row and None not in row.values() for row in rows), "rows of different lengths"
    threads = {int(row["tid"]): row for row in rows if row["table"] == "thread"}
    assert len(threads) == len(report["threads"]), "threads: %d" % len(threads)
    for thread in report["threads"]:
        for name, ns in thread["classes"].items():
            assert int(threads[thread["tid"]][name + "_ns"]) == ns, (thread["tid"], name)
    locks = [row for row in rows if row["table"] == "lock"]
    for lock in report["locks"]:
        assert any(row["name"] == lock["name"] and int(row["wait_ns"]) == lock["wait_ns"] for row in locks), lock["name"]
    edges = [row for row in rows if row["table"] == "edge"]
    assert len(edges) == len(report["edges"]), "edges: %d" % len(edges)
    return "%d rows" % len(rows)


def check_folded(path, report):
    """As flamegraph.pl and speedscope read it: frames by ';', then a space and a number."""
    sums, frames = {}, set()
    with open(path, encoding="utf-8") as f:
        for line in f:
            match = re.match(r"^(.*)\s+?(\d+(?:\.\d*)?)$", line.rstrip("\n"))
            assert match, "no value: %r" % line
            stack = match.group(1).split(";")
            assert len(stack) > 1 and all(frame.strip() for frame in stack), "empty frame: %r" % line
            sums[stack[0]] = sums.get(stack[0], 0) + int(match.group(2))
            frames.update(stack)
    assert set(sums) <= set(report["time"]["classes"]), "roots: %s" % sorted(sums)
    lock_us = sum(w["blocked_ns"] for w in report["locks"] if w["is_lock"] and w["kind"] != "gil") / 1000
    assert near(sums.get("lock", 0), lock_us, 0.02), "lock: %d, not %d us" % (sums.get("lock", 0), lock_us)
    run_us = report["time"]["classes"]["run"] / 1000
    assert near(sums.get("run", 0), run_us, 0.25), "run: %d, not %d us" % (sums.get("run", 0), run_us)
    assert "cache_update" in frames, "cache_update is not there"
    return ", ".join("%s %d ms" % (root, us / 1000) for root, us in sorted(sums.items()))


def check_perfetto(path, report):
    with open(path, encoding="utf-8") as f:
        events = json.load(f)["traceEvents"]
    flows, spans = {}, {}
    for event in events:
        assert event["ph"] in "MXCsf", event
        assert isinstance(event["pid"], int) and isinstance(event["tid"], int), event
        if event["ph"] == "M":
            continue
        assert isinstance(event["ts"], (int, float)) and event["ts"] >= 0, event
        if event["ph"] == "X":
            assert event["dur"] >= 0, event
            spans.setdefault(event["tid"], []).append((event["ts"], event["ts"] + event["dur"]))
        elif event["ph"] in "sf":
            flows.setdefault(event["id"], []).append(event)
    for tid, list_of in spans.items():
        end = []
        for start, stop in sorted(list_of, key=lambda span: (span[0], -span[1])):
            while end and end[-1] <= start + 0.002:
                end.pop()
            assert not end or stop <= end[-1] + 0.002, "spans of %d cross at %f" % (tid, start)
            end.append(stop)
    for number, pair in flows.items():
        assert sorted(event["ph"] for event in pair) == ["f", "s"], "flow %d" % number
    verdicts = [event for event in events if event.get("cat") == "verdict"]
    assert [event["name"] for event in verdicts] == [s["bottleneck"] for s in report["slices"]], "verdicts"
    return "%d events, %d flows" % (len(events), len(flows))


def top(path, value):
    """{function: cumulated} of `go tool pprof`, in seconds or counts."""
    unit = "count" if value == "contentions" else "ms"
    done = subprocess.run(["go", "tool", "pprof", "-top", "-cum", "-unit=" + unit, "-nodecount=10000", "-nodefraction=0",
                           "-sample_index=" + value, path], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    rows = re.findall(r"^\s*\S+\s+\S+%\s+\S+%\s+([\d.]+)(ms)?\s+\S+%\s+(.*)$", done.stdout, re.M)
    return {name: float(number) / (1000 if unit else 1) for number, unit, name in rows}


def check_pprof(path, report):
    locks = [lock for lock in report["locks"] if lock["is_lock"]]
    # Of its caller: the frame in between is missing where there was no table yet.
    delay = top(path, "delay").get("worker", 0)
    blocked = sum(lock["blocked_ns"] for lock in locks) / 1e9
    assert near(delay, blocked, 0.05), "delay below worker: %f, not %f s" % (delay, blocked)
    waits = top(path, "contentions").get("worker", 0)
    counted = sum(lock["waits"] for lock in locks)
    assert near(waits, counted, 0.05), "contentions: %f, not %d" % (waits, counted)
    run = top(path, "cpu").get("cache_update", 0)
    assert run > 0.3 * report["time"]["classes"]["run"] / 1e9, "cpu below cache_update: %f s" % run
    return "delay %.2f s in %d waits, cpu %.2f s" % (delay, waits, run)


def check_markdown(path, report):
    with open(path, encoding="utf-8") as f:
        lines = f.read().splitlines()
    assert any("`%s`" % report["verdict"]["bottleneck"] in line for line in lines), "no verdict"
    assert any(line.startswith("| `%s` |" % report["locks"][0]["name"]) for line in lines), "no lock"
    width = 0
    for line in lines:
        if not line.startswith("|"):
            width = 0
            continue
        bars = len(re.findall(r"(?<!\\)\|", line))
        assert width in (0, bars), "a row of %d cells: %s" % (bars, line)
        width = bars
    return "%d lines" % len(lines)


def main(argv):
    checks = {"csv": check_csv, "folded": check_folded, "perfetto": check_perfetto, "pprof": check_pprof,
              "markdown": check_markdown}
    if len(argv) != 4 or argv[1] not in checks:
        sys.exit(__doc__)
    with open(argv[3], encoding="utf-8") as f:
        report = json.load(f)
    try:
        print(checks[argv[1]](argv[2], report))
    except AssertionError as wrong:
        sys.exit("%s: %s" % (argv[1], wrong))


if __name__ == "__main__":
    main(sys.argv)
