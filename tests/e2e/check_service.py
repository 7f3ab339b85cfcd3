#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""check_service.py plain REPORT VERDICT[|VERDICT..]: a service's verdict.
check_service.py full REPORT WATCH IDLE_CPUS: one thread is full and CPUs idle, by the kernel's clocks.
check_service.py mariadb REPORT BEFORE AFTER THREADS UNFLUSHED: what holds back THREADS clients that
update one row, by InnoDB's own counters (SHOW GLOBAL STATUS before and after, and updates a second
without a flush for each commit)."""

import sys

from e2e import Check, check_sums, cpu_series, load, share, window_ns

ROW_LOCKS = 0.25  # of the clients' time, by Innodb_row_lock_time: then the row is the bottleneck
FLUSH_GAIN = 1.25  # updates a second without flush / with: then the flush is


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


def mariadb(check, report, before_path, after_path, threads, unflushed):
    before, after = status(before_path), status(after_path)
    delta = {name: after[name] - before[name] for name in before}
    elapsed_s = delta["Uptime_ns"] / 1e9
    row_share = delta["Innodb_row_lock_time"] / 1e3 / (elapsed_s * int(threads))
    updates = delta["Com_update"] / elapsed_s
    flush_gain = float(unflushed) / updates
    check.note(f"InnoDB: {updates:.0f} updates/s, row lock waits {row_share:.0%} of the clients' time "
               f"({delta['Innodb_row_lock_waits']} waits), {delta['Innodb_data_fsyncs'] / elapsed_s:.0f} fsyncs/s, "
               f"without flush {flush_gain:.2f}x")
    plain(check, report, "threads.lock|storage|external")
    verdict = report["verdict"]
    lock = next((each for each in report["locks"] if each["id"] == verdict.get("lock")), None)
    disk_ns = sum(each["blame_ns"] for each in lock["holders"] if each["while"] == "disk") if lock else 0
    by_disk = verdict["bottleneck"] == "storage" or (lock is not None and share(disk_ns, lock["blame_ns"]) > 0.3)
    check.note(f"concprof: {verdict['summary']}")
    if row_share >= ROW_LOCKS:
        check.that(verdict["bottleneck"] == "threads.lock", "rows are waited for, but no lock is named")
    elif flush_gain >= FLUSH_GAIN:
        check.that(by_disk, "the flush holds it back, but concprof does not name the disk")
    else:
        check.that(False, "neither row locks nor the flush hold it back: the load is not what was meant")


def main():
    check = Check()
    {"plain": plain, "full": full, "mariadb": mariadb}[sys.argv[1]](check, load(sys.argv[2]), *sys.argv[3:])
    check.end()


main()
