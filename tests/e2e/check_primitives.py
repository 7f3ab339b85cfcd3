#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""check_primitives.py REPORT WHAT: is each primitive of the program that tests/e2e/primitives/ has for
WHAT told as what it is, with the function of the program that waits for it as call site?"""

import re
import sys

from e2e import Check, load

# (kind, whether it guards a section, name, call site); each is there at least once.
EXPECTED = {
    "once": [("mutex", True, r"posix_flags\[\d+\]", "open_posix"),
             ("mutex", True, r"c_flags\[\d+\]", "open_c"),
             ("mutex", True, r"cxx_flags\[\d+\]", "open_cxx"),
             ("mutex", True, r"guard variable for open_static<\d+>\(\)::object", "open_static<"),
             ("mutex", True, r"call_once in open_heap .*", "open_heap"),
             ("join", False, r"join of .*", "main")],
    "heap": [("mutex", True, r"cache\.lock", "cache_get"),
             ("mutex", True, r"Store\.guard", "Store::put"),
             ("mutex", True, r"mutex in take_elsewhere", "take_elsewhere"),
             ("mutex", True, r"mutex in take_third", "take_third"),
             ("mutex", True, r"mutex in take_second", "take_second")],
    "go": [("futex", False, r"idle worker of the Go runtime .*", "runtime.stopm")],
    "rust": [("mutex", True, r"locks::TABLE", "locks::take_mutex"),
             ("rwlock", True, r"locks::CATALOGUE", "locks::read_catalogue"),
             ("rwlock", True, r"locks::CATALOGUE(\.writer_notify)?", "locks::write_catalogue"),
             ("condvar", False, r"locks::TURN_CAME", "locks::await_turn"),
             ("mutex", True, r"Once in locks::init_once.*", "locks::init_once"),
             ("futex", False, r"thread::park in locks::park_here.*", "locks::park_here"),
             ("barrier", False, r"barrier in locks::meet.*", "locks::meet")],
    "java": [("mutex", True, r"Java monitor in .*", "ObjectMonitor::enter"),
             ("condvar", False, r"Object\.wait in .*", "ObjectMonitor::wait"),
             ("condvar", False, r"LockSupport\.park in .*", "Unsafe_Park"),
             ("condvar", False, r"Thread\.sleep in .*", "JVM_Sleep"),
             ("condvar", False, r"idle compiler thread of the JVM.*", "CompileQueue::get"),
             ("semaphore", False, r"idle GC thread of the JVM.*", "GangWorker::loop"),
             ("condvar", False, r"idle thread of the JVM.*", "VMThread::")],
}

def main():
    report, what, check = load(sys.argv[1]), sys.argv[2], Check()
    stacks = {stack["id"]: [frame["name"] for frame in stack["frames"]] for stack in report["stacks"]}
    locks = [(lock, [name for waiter in lock["waiters"] for name in stacks.get(waiter["stack"], [])])
             for lock in report["locks"]]
    for kind, is_lock, name, site in EXPECTED[what]:
        named = [(lock, names) for lock, names in locks if re.fullmatch(name, lock["name"])]
        there = [lock for lock, names in named if any(site in each for each in names)]
        check.that(there, f"no lock {name} at {site}: {sorted({lock['name'] for lock, _ in locks})[:12]}")
        # A stack from before the tables were there may lack the frames that tell: then it is a "futex".
        wrong = {(lock["name"], lock["kind"], lock["is_lock"]) for lock in there
                 if lock["kind"] not in (kind, "futex") or lock["is_lock"] != is_lock}
        check.that(any(lock["kind"] == kind for lock in there), f"no {name} of kind {kind}")
        check.that(not wrong, f"not {kind}, {'a lock' if is_lock else 'no lock'}: {sorted(wrong)[:3]}")
    wrong = [lock["name"] for lock, _ in locks if lock["name"].startswith("idle") and lock["is_lock"]]
    check.that(not wrong, f"idle threads wait for a lock: {wrong[:3]}")
    check.note(f"{len(EXPECTED[what])} kinds of waits among {len(locks)} words")
    check.end()


main()
