#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""check_service.py plain REPORT VERDICT[|VERDICT..]: a service's verdict.
check_service.py full REPORT WATCH IDLE_CPUS: one thread is full and CPUs idle, by the kernel's clocks.
check_service.py mariadb REPORT BEFORE AFTER THREADS UNFLUSHED IDLE_CPUS: what holds back THREADS clients that
update one row, by InnoDB's own counters (SHOW GLOBAL STATUS before and after, and updates a second
without a flush for each commit)."""

import sys

from e2e import Check, check_sums, cpu_series, load, share, window_ns

# Innodb_row_lock_time over the clients' time: from here on the row may be named, as ending these waits wins what
# concprof calls worth it (a tenth of the time, docs/VERDICTS.md).
ROW_LOCKS = 0.10
FLUSH_GAIN = 1.25  # updates a second without flush / with: then the flush may be
IDLE_CPUS = 0.3  # with fewer (sysbench takes a CPU itself) no cure of a wait gains anything


def plain(check, report, verdicts):
    check_sums(check, report)
    verdict = report["verdict"]
    check.that(verdict["bottleneck"] in verdicts.split("|"), f"the verdict is {verdict['bottleneck']}, not {verdicts}")
    check.that(verdict["summary"] != "", "no summary")
    check.note(f"{verdict['bottleneck']} ({verdict['confidence']})")


def full(check, report, watch_path, idle_cpus):
    cpus = cpu_series(watch_path).over("cpu_ns", *window_ns(report)) / report["window"]["duration_ns"]
    check.note(f"{cpus:.2f} CPUs by the kernel, {float(idle_cpus):.2f} idle")
    check.near("run", report["time"]["classes"]["run"] / report["window"]["duration_ns"], cpus, 0.03)
    if check.that(cpus >= 0.9 and float(idle_cpus) >= 0.3, "the load is not what was meant: no judgement"):
        plain(check, report, "threads.imbalance")
        busiest = max(report["threads"], key=lambda thread: thread["classes"]["run"])
        check.that(busiest["tid"] == busiest["pid"], f"the full thread is {busiest['name']!r}, not redis's main one")
        check.that(busiest["name"] in report["verdict"]["summary"], "the summary does not name the full thread")
        gain = report["verdict"]["gain"]
        # All CPUs, were there more such threads: what the kernel says is idle, and what redis uses.
        want = (cpus + float(idle_cpus)) / cpus
        if check.that(gain is not None, "no gain"):
            check.near("the gain", gain["ratio"], want, 0.15)
            check.note(f"gain {gain['ratio']:.2f}x")


def status(path):
    with open(path, encoding="ascii") as file:
        return {name: int(value) for name, value in (line.split() for line in file)}


def mariadb(check, report, before_path, after_path, threads, unflushed, idle_cpus):
    before, after = status(before_path), status(after_path)
    delta = {name: after[name] - before[name] for name in before}
    elapsed_s = delta["Uptime_ns"] / 1e9
    row_share = delta["Innodb_row_lock_time"] / 1e3 / (elapsed_s * int(threads))
    updates = delta["Com_update"] / elapsed_s
    flush_gain = float(unflushed) / updates
    check.note(f"InnoDB: {updates:.0f} updates/s, row lock waits {row_share:.0%} of the clients' time "
               f"({delta['Innodb_row_lock_waits']} waits), {delta['Innodb_data_fsyncs'] / elapsed_s:.0f} fsyncs/s, "
               f"without flush {flush_gain:.2f}x, {float(idle_cpus):.2f} CPUs idle")
    no_gain = float(idle_cpus) < IDLE_CPUS
    plain(check, report, "threads.lock|storage|external" + ("|none|cpu.oversubscribed|cpu.saturated" if no_gain else ""))
    verdict = report["verdict"]
    check.note(f"concprof: {verdict['summary']}")
    if no_gain and verdict["bottleneck"] not in ("threads.lock", "storage", "external"):
        return
    lock = next((each for each in report["locks"] if each["id"] == verdict.get("lock")), None)
    disk_ns = sum(each["blame_ns"] for each in lock["holders"] if each["while"] == "disk") if lock else 0
    by_disk = verdict["bottleneck"] == "storage" or (lock is not None and share(disk_ns, lock["blame_ns"]) > 0.3)
    # A commit's answer is sent when the group's flush is done: who waits there waits for the flush.
    by_flush = by_disk or "net_real_write" in verdict["summary"]
    # Where InnoDB confirms both, either is right.
    if row_share < ROW_LOCKS:
        check.that(by_flush, "a lock is named, but the row is hardly waited for")
    if flush_gain < FLUSH_GAIN:
        check.that(not by_disk, "the disk is named, but without the flush it is no faster")


def main():
    check = Check()
    {"plain": plain, "full": full, "mariadb": mariadb}[sys.argv[1]](check, load(sys.argv[2]), *sys.argv[3:])
    check.end()


main()
