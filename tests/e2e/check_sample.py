#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""check_sample.py run REPORT LOG [option..]: is the report on a sample what follows from the sample's
constants, its own truth (LOG) and the kernel's CPU clock (LOG.watch)?
check_sample.py gain REPORT LOG FIXED_REPORT FIXED_LOG TOLERANCE: is the predicted gain the measured
one, operations a second with and without the cure?"""

import argparse
import re

from e2e import (Check, check_sums, clock_offset_ns, cpu_series, load, lock_named, share,
                 thread_names, truth_series, window_ns)

CPU_TOLERANCE = 0.03
# The kernel charges a switch itself to a thread, the time before the sched_switch that starts its run:
# ftrace's sched_switch differs from it by the same 5 to 20 us a switch (virtual machine, waking from idle).
SWITCH_NS = 30_000
# The kernel charges nobody with what the hypervisor takes, and tells that as whole clock ticks of each CPU.
STEAL_STEP_NS = 10_000_000
BLOCKS = 0.5  # this share of the threads' time on the disk makes it `storage` ..
BLOCKS_UNSURE = 0.1  # .. give or take so much
KNOWN = 0.8
STARVED_TOLERANCE = 0.05
VAIN_TOLERANCE = 0.1
# Where others have less of the CPUs than this the program has them as good as for itself.
OTHERS_NOTED = 0.15
OWN_CPUS_TOLERANCE = 0.1


def check_holders(check, report, lock, who, doing):
    names = thread_names(report)
    known_ns = 0
    doing_ns = {}
    for holder in lock["holders"]:
        if holder["tid"] == 0:
            continue
        known_ns += holder["blame_ns"]
        doing_ns[holder["while"]] = doing_ns.get(holder["while"], 0) + holder["blame_ns"]
        name = names.get(holder["tid"])
        check.that(name is not None, f"holder {holder['tid']} is no thread of the target")
        check.that(name == holder["thread"], f"holder {holder['tid']} is {holder['thread']!r}, its thread {name!r}")
        check.that(re.fullmatch(who, holder["thread"]), f"{holder['thread']!r} never holds {lock['name']!r}")
    check.that(known_ns >= KNOWN * lock["blame_ns"],
               f"the holder is known for {share(known_ns, lock['blame_ns']):.0%} of the blame")
    mostly = max(doing_ns, key=doing_ns.get, default="unknown")
    check.that(doing is None or mostly == doing,
               f"the holders are mostly {mostly}, not {doing}: {doing_ns}")
    if lock["holders"]:
        check.note(f"held by {lock['holders'][0]['thread']} ({mostly})")


def check_cpu(check, report, watch_path):
    watched = cpu_series(watch_path)
    charged_ns = watched.over("cpu_ns", *window_ns(report))
    steal_ns = watched.over("steal_ns", *window_ns(report))
    run_ns = report["time"]["classes"]["run"]
    switches = sum(thread["voluntary_switches"] + thread["involuntary_switches"] for thread in report["threads"])
    low_ns = charged_ns * (1 - CPU_TOLERANCE) - SWITCH_NS * switches
    high_ns = charged_ns * (1 + CPU_TOLERANCE) + steal_ns + STEAL_STEP_NS * report["window"]["cpus_online"]
    check.that(low_ns <= run_ns <= high_ns,
               f"run is {run_ns / 1e9:.3f} s, the kernel charged {charged_ns / 1e9:.3f} s ({switches} switches, "
               f"{steal_ns / 1e9:.3f} s stolen)")
    check.note(f"run {run_ns / 1e9:.2f} s of {charged_ns / 1e9:.2f} s charged")


def truth_over_window(report, log, field):
    series = truth_series(log, clock_offset_ns(log + ".watch"))
    return series.over(("all", "", field), *window_ns(report))


def check_starved(args, check, report):
    """The starved thread's waiting, by its own clocks."""
    tid = next((thread["tid"] for thread in report["threads"] if thread["name"] == args.starved), None)
    if not check.that(tid is not None, f"no thread {args.starved}"):
        return
    series = truth_series(args.log, clock_offset_ns(args.log + ".watch"))
    waited_ns = series.over(("thread", str(tid), "wait_ns"), *window_ns(report))
    seen_ns = sum(waiter["wait_ns"] for lock in report["locks"] for waiter in lock["waiters"]
                  if lock["is_lock"] and waiter["tid"] == tid)
    check.that(report["verdict"]["tid"] == tid, f"the verdict names {report['verdict']['tid']}, not {tid}")
    check.near(f"the waiting of {args.starved} (by itself {waited_ns / 1e9:.2f} s)", seen_ns, waited_ns, STARVED_TOLERANCE)


def check_vain(args, check, report):
    """The share of wakeups in vain, by what the threads found."""
    vain, wakes = (truth_over_window(report, args.log, field) for field in ("sleeps", "waits"))
    locks = [lock for lock in report["locks"] if lock["name"] == args.vain]
    seen = share_of(sum(lock["sleep_again"] for lock in locks), sum(lock["handed_over"] for lock in locks))
    check.that(abs(seen - vain / wakes) <= VAIN_TOLERANCE,
               f"{seen:.0%} of the wakeups are in vain, by the threads' own count {vain / wakes:.0%}")
    check.note(f"{seen:.0%} in vain, truth {vain / wakes:.0%}")


def own_cpus_gain(args, report):
    """What the sample would gain by having its CPUs for itself: all of them, by what the kernel charged
    it with. How they are shared with others is the scheduler's choice, not half and half for certain."""
    begin_ns, end_ns = window_ns(report)
    charged_ns = cpu_series(args.log + ".watch").over("cpu_ns", begin_ns, end_ns)
    return args.own_cpus * (end_ns - begin_ns) / charged_ns


def wanted_verdicts(args, check, report):
    """The table's, but for a disk it depends on whether this one blocks, for others on what they take."""
    wanted = args.verdict.split("|")
    if args.own_cpus and own_cpus_gain(args, report) < 1 / (1 - OTHERS_NOTED):
        return wanted + ["cpu.saturated"]
    if args.disk_threads == 0:
        return wanted
    blocked = truth_over_window(report, args.log, "wait_ns") / (
        report["window"]["duration_ns"] * args.disk_threads)
    check.note(f"fsync takes {blocked:.0%} of the threads' time")
    if blocked < BLOCKS + BLOCKS_UNSURE and wanted == ["storage"]:
        wanted = ["storage", "cpu.saturated", "none"] if blocked > BLOCKS - BLOCKS_UNSURE else ["cpu.saturated", "none"]
    return wanted


def share_of(part, whole):
    return part / whole if whole else 0


def check_verdict(args, check, report):
    verdict = report["verdict"]
    gain = verdict["gain"]
    wanted = wanted_verdicts(args, check, report)
    check.that(verdict["bottleneck"] in wanted, f"the verdict is {verdict['bottleneck']}, not {'|'.join(wanted)}")
    check.that(verdict["summary"] != "" and verdict["next_step"] != "", "no summary or next step")
    check.that(verdict["evidence"] != [], "no evidence")
    check.note(f"{verdict['bottleneck']} ({verdict['confidence']})")
    if args.own_cpus:
        if check.that(gain is not None, "no gain was predicted"):
            check.near("the gain", gain["ratio"], own_cpus_gain(args, report), OWN_CPUS_TOLERANCE)
            check.note(f"gain {gain['ratio']:.2f}x")
    elif args.gain == "null":
        check.that(gain is None, f"the gain is {gain}, not null")
    elif args.gain:
        low, high = (float(text) for text in args.gain.split("-"))
        ratio = gain["ratio"] if gain else None
        if check.that(ratio is not None and low <= ratio <= high, f"the gain is {ratio}, not {low} to {high}"):
            check.note(f"gain {ratio:.2f}x")


def run(args):
    check = Check()
    report = load(args.report)
    check_sums(check, report, args.threads)
    check_cpu(check, report, args.log + ".watch")
    check_verdict(args, check, report)
    if args.starved:
        check_starved(args, check, report)
    if args.vain:
        check_vain(args, check, report)
    if args.lock:
        lock = lock_named(report, args.lock)
        if check.that(lock is not None, f"no lock {args.lock}, only {[each['name'] for each in report['locks']]}"):
            check.that(report["locks"][0] is lock, f"the worst lock is {report['locks'][0]['name']!r}, not {args.lock}")
            check.that(lock["kind"] == "mutex", f"{args.lock} is a {lock['kind']}, not a mutex")
            check.that(args.lock in report["verdict"]["summary"], f"the summary does not name {args.lock}")
            check_holders(check, report, lock, args.who, args.doing)
    elif args.who:
        check.that(re.search(rf"\b{args.who}\b", report["verdict"]["summary"]),
                   f"the summary does not name {args.who}: {report['verdict']['summary']!r}")
    check.end()


def gain(args):
    check = Check()
    rates = []
    for report_path, log in ((args.report, args.log), (args.fixed_report, args.fixed_log)):
        report = load(report_path)
        base_ns = truth_over_window(report, log, "process_cpu_ns") if args.per_cpu else report["window"]["duration_ns"]
        rates.append(truth_over_window(report, log, "ops") / base_ns * 1e9)
    predicted = (load(args.report)["verdict"]["gain"] or {}).get("ratio")
    measured = rates[1] / rates[0]
    if check.that(predicted is not None, "no gain was predicted"):
        check.near(f"the predicted gain (measured: {rates[0]:.0f} -> {rates[1]:.0f} operations a second)",
                   predicted, measured, args.tolerance)
        check.note(f"predicted {predicted:.2f}x, measured {measured:.2f}x ({rates[0]:.0f} -> {rates[1]:.0f} "
                   f"operations a second)")
    check.end()


def main():
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers(required=True)
    one = commands.add_parser("run")
    one.add_argument("report")
    one.add_argument("log")
    one.add_argument("--threads", type=int, help="constant number of threads")
    one.add_argument("--verdict", required=True, help="the allowed ones, by |")
    one.add_argument("--lock", default="")
    one.add_argument("--who", default="", help="pattern of the holders' names, or who is named without a lock")
    one.add_argument("--doing", help="what the holders mostly do")
    one.add_argument("--gain", default="", help="LOW-HIGH or null")
    one.add_argument("--own-cpus", type=int, default=0,
                     help="the gain is having so many CPUs, to which it is bound, for itself")
    one.add_argument("--disk-threads", type=int, default=0, help="so many threads wait for fsync")
    one.add_argument("--starved", help="the thread that is")
    one.add_argument("--vain", help="the condition at which threads are woken in vain")
    one.set_defaults(command=run)
    two = commands.add_parser("gain")
    for name in ("report", "log", "fixed_report", "fixed_log"):
        two.add_argument(name)
    two.add_argument("tolerance", type=float)
    two.add_argument("--per-cpu", action="store_true", help="operations for each second of CPU time")
    two.set_defaults(command=gain)
    args = parser.parse_args()
    args.command(args)


main()
