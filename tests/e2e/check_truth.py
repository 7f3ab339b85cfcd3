#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""check_truth.py WHAT REPORT [ARGUMENT..]: reports on the samples of hard cases, against what the
samples counted themselves. The functions below, one for each WHAT, say what is asked of a report."""

import re
import sys

from e2e import (Check, active, check_sums, clock_offset_ns, load, lock_named, share, strings, thread_names,
                 truth_series, window_ns)

LOCK_TOLERANCE = 0.05
THREAD_TOLERANCE = 0.10
WAITS_TOLERANCE = 0.05
TIMEOUT_TOLERANCE = 0.05


class Truth:
    """What the sample counted during the report's window."""

    def __init__(self, report, log):
        self.series = truth_series(log, clock_offset_ns(log + ".watch"))
        self.window_ns = window_ns(report)

    def over(self, kind, which, field):
        return self.series.over((kind, which, field), *self.window_ns)

    def names(self, kind):
        return sorted({key[1] for key in self.series.keys() if key[0] == kind})


def mutex(check, report, log):
    """Waits of each thread for each lock; the names of the locks. Only what blocks can be seen, so the
    truth is that of the acquires which gave up the CPU."""
    truth = Truth(report, log)
    check_sums(check, report, 7)
    found = {lock["name"]: lock for lock in report["locks"] if lock["is_lock"]}
    check.that(sorted(found) == ["index_lock", "journal_lock", "session_lock"],
               f"the locks are {sorted(found)}")
    for name in truth.names("lock"):
        lock_name, _, tid = name.partition("/")
        lock = found.get(lock_name)
        if lock is None:
            continue
        wait_ns = truth.over("lock", name, "blocked_ns")
        if not tid:
            check.near(f"{lock_name}'s wait_ns", lock["wait_ns"], wait_ns, LOCK_TOLERANCE)
            check.near(f"{lock_name}'s waits", lock["waits"], truth.over("lock", name, "waits"), WAITS_TOLERANCE)
            check.note(f"{lock_name} {lock['wait_ns'] / 1e9:.3f} s of {wait_ns / 1e9:.3f} s")
            total_ns = sum(waiter["wait_ns"] for waiter in lock["waiters"])
            check.near(f"the sum of {lock_name}'s waiters", total_ns, lock["wait_ns"], 0.005)
            continue
        own_ns = sum(waiter["wait_ns"] for waiter in lock["waiters"] if waiter["tid"] == int(tid))
        check.near(f"{lock_name}'s wait_ns of thread {tid}", own_ns, wait_ns, THREAD_TOLERANCE)
        check.that(own_ns > 0, f"thread {tid} has no waits for {lock_name}")


# Primitive of the sample: the kinds that are right, and its size in bytes. Of those without a word
# that tells what they are, `futex` is right too.
PRIMITIVES = {
    "timedlock": (("mutex",), 40),
    "cond": (("condvar", "futex"), 48),
    "sem": (("semaphore", "futex"), 32),
    "rwlock": (("rwlock", "futex"), 56),
    "barrier": (("barrier", "futex"), 32),
    "pi": (("pi_mutex",), 40),
    "robust": (("mutex",), 40),
    "shared": (("mutex",), 40),
    "join": (("join",), 4096),
}


def truth_addresses(log):
    with open(log, encoding="ascii") as file:
        text = file.read()
    addresses = dict(re.findall(r"^truth primitive=(\w+) addr=0x([0-9a-f]+)", text, re.M))
    return {name: int(address, 16) for name, address in addresses.items()}, int(
        re.search(r"^truth shared_child=(\d+)", text, re.M).group(1))


def timed(check, report, log):
    """Each primitive at its address: what it is, how long it was waited for, how often in vain."""
    truth = Truth(report, log)
    addresses, child = truth_addresses(log)
    check_sums(check, report)
    names = thread_names(report)
    for primitive, (kinds, len_bytes) in PRIMITIVES.items():
        begin = addresses[primitive]
        # Two words of a condvar, two of a rwlock: each is an entry of its own.
        locks = [lock for lock in report["locks"] if lock["kind"] != "kernel"
                 and begin <= int(lock["address"], 16) < begin + len_bytes]
        if not check.that(locks, f"nothing at {primitive}'s address {begin:#x}"):
            continue
        for lock in locks:
            check.that(lock["kind"] in kinds, f"{primitive} is a {lock['kind']}, not a {' or '.join(kinds)}")
            for waiter in lock["waiters"]:
                name = names.get(waiter["tid"], "?")
                check.that(name.startswith(primitive + "-") or waiter["tid"] == child,
                           f"{name} never waits for {primitive}")
            check.that(lock["shared"] == (primitive in ("shared", "join")) or primitive == "join",
                       f"{primitive}: shared is {lock['shared']}")
        kind = "/".join(sorted({lock["kind"] for lock in locks}))
        check.near(f"{primitive}'s wait_ns", sum(lock["wait_ns"] for lock in locks),
                   truth.over("primitive", primitive, "wait_ns"), LOCK_TOLERANCE)
        timeouts = sum(lock["timeouts"] for lock in locks)
        if primitive in ("timedlock", "cond", "sem"):
            check.near(f"{primitive}'s timeouts", timeouts, truth.over("primitive", primitive, "timeouts"),
                       TIMEOUT_TOLERANCE)
            kind += f" with {timeouts} timeouts"
        else:
            check.that(timeouts == 0, f"{primitive} has {timeouts} timeouts")
        if primitive == "shared":
            check.that(child in locks[0]["pids"] and len(locks[0]["pids"]) == 2,
                       f"the shared mutex is of the processes {locks[0]['pids']}")
        check.note(f"{primitive}: {kind}")


# ---- names ----

def names(check, report, text_path):
    """Thread names come out inert: no control character, no invalid UTF-8, none missing."""
    check_sums(check, report, 15)
    for text in strings(report):
        check.that(not active(text), f"JSON: {active(text)} in {text!r}")
    with open(text_path, "rb") as file:
        raw = file.read()
    try:
        page = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        check.that(False, f"text: no UTF-8: {error}")
        page = raw.decode("utf-8", "replace")
    check.that(not active(page.replace("\n", "")), f"text: {active(page.replace(chr(10), ''))}")
    check.that("\nready " not in page, "text: a name forges a line")
    shown = {thread["name"] for thread in report["threads"]}
    for want in (r"\x1b[2J\x1b]0;own\x07", r"\xff\xfe\xc3(", "</script><b>", "%s%n%s%n", ""):
        check.that(want in shown, f"no thread is named {want!r}: {sorted(shown)}")
    lock = lock_named(report, "names_lock")
    check.that(lock is not None and lock["waits"] > 0, "no waits for names_lock")
    check.note(f"{len(shown)} names, {len(raw)} bytes of text")


# ---- threads and processes that come and go ----

def churn(check, report, log, children="followed"):
    """Nothing is lost when hundreds of threads and tens of processes begin and end each second."""
    truth = Truth(report, log)
    check_sums(check, report)
    ended = truth.over("count", "", "threads_ended")
    forked = truth.over("count", "", "children_ended")
    lifetimes_ns = sum(thread["lifetime_ns"] for thread in report["threads"])
    check.near("the sum of lifetimes", lifetimes_ns, report["time"]["wall_thread_ns"], 0.005)
    followed = children == "followed"
    processes = 1 + (forked if followed else 0)
    check.near("target.threads", report["target"]["threads"], 2 + ended + processes - 1, 0.02)
    check.that(abs(report["target"]["processes"] - processes) <= 2 + 0.02 * processes,
               f"target.processes is {report['target']['processes']}, not {processes:.0f}")
    sections = truth.over("count", "", "churn_lock_sections")
    lock = lock_named(report, "churn_lock")
    if check.that(lock is not None, "no churn_lock"):
        check.that(0 < lock["waits"] <= sections, f"churn_lock has {lock['waits']} waits of {sections:.0f} sections")
    check.note(f"{report['target']['threads']} threads, {report['target']['processes']} processes")


def many(check, report, threads, began_ns, ended_ns):
    """Thousands of threads: attached soon, reported soon, all of them there."""
    check_sums(check, report, int(threads))
    check.that(len(report["threads"]) <= int(threads), "more threads than there are")
    begin_ns, end_ns = window_ns(report)
    attach_s = (begin_ns - int(began_ns)) / 1e9
    report_s = (int(ended_ns) - end_ns) / 1e9
    check.that(attach_s < 10, f"attached after {attach_s:.2f} s")
    check.that(report_s < 10, f"reported {report_s:.2f} s after the end")
    check.note(f"attach {attach_s:.2f} s (goal 3), report {report_s:.2f} s after the end, "
               f"{report['self']['rss_bytes'] / 2**20:.0f} MiB + {report['self']['map_bytes'] / 2**20:.0f} MiB of maps")


def executed(check, report, pid):
    """A process that executes another program in the window is followed into it."""
    check_sums(check, report)
    process = next((each for each in report["processes"] if each["pid"] == int(pid)), None)
    if check.that(process is not None, f"process {pid} is not there"):
        check.that(process["execs"] == 1, f"execs is {process['execs']}")
        check.that(process["comm"] == "lock-cpu", f"its name is {process['comm']!r}")
    workers = [name for name in thread_names(report).values() if name.startswith("worker-")]
    check.that(len(workers) == 4, f"the threads are {sorted(thread_names(report).values())}")
    lock = lock_named(report, "cache_lock")
    if check.that(lock is not None, f"no cache_lock: {[each['name'] for each in report['locks']]}"):
        check.note(f"cache_lock with {lock['waits']} waits after the exec")


def ended(check, report, low_s, high_s):
    """The target's end ends the window."""
    check_sums(check, report)
    duration_s = report["window"]["duration_ns"] / 1e9
    check.that(float(low_s) <= duration_s <= float(high_s), f"the window is {duration_s:.2f} s")
    check.that(report["window"]["target_ended"], "target_ended is false")
    check.note(f"{duration_s:.2f} s")


def command(check, report, code, signal):
    """With -- COMMAND its own status is kept."""
    check_sums(check, report)
    want = {"code": int(code), "signal": int(signal)}
    check.that(report["target"]["exit"] == want, f"target.exit is {report['target']['exit']}, not {want}")
    check.note(f"exit {want}, {report['window']['duration_ns'] / 1e9:.2f} s")


def pids(check, report, *wanted):
    """The target is these processes and no other: not concprof itself."""
    check_sums(check, report)
    got = sorted(process["pid"] for process in report["processes"])
    check.that(got == sorted(int(pid) for pid in wanted), f"the processes are {got}, not {wanted}")
    check.that({thread["pid"] for thread in report["threads"]} <= set(got), "threads of other processes")
    check.that("concprof" not in thread_names(report).values(), "concprof is in its own data")
    check.note(f"{len(got)} processes, {report['target']['threads']} threads")


def holders(check, report, threads=None):
    """Holders are threads of the target, whatever its PID namespace calls them."""
    check_sums(check, report, int(threads) if threads else None)
    lock = lock_named(report, "cache_lock")
    tids = thread_names(report)
    if not check.that(lock is not None, "no cache_lock"):
        return
    known = [each for each in lock["holders"] if each["tid"] in tids and tids[each["tid"]].startswith("worker-")]
    known_ns = sum(each["blame_ns"] for each in known)
    check.that(known_ns >= 0.8 * lock["blame_ns"],
               f"holders known for {share(known_ns, lock['blame_ns']):.0%}: {lock['holders']}")
    check.that(len({each["tid"] for each in known}) == 4, "not all four workers hold it")
    owners_ns = sum(each["blame_ns"] for each in known if each["evidence"] == "owner_word")
    check.that(owners_ns >= 0.5 * lock["blame_ns"], "the owner word is not what tells the holder")
    check.note(f"known for {share(known_ns, lock['blame_ns']):.0%}")


def main():
    check = Check()
    what = {each.__name__: each for each in (mutex, timed, names, churn, many, executed, ended, command, pids, holders)}
    what[sys.argv[1]](check, load(sys.argv[2]), *sys.argv[3:])
    check.end()


main()
