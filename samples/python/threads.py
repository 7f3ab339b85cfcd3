#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""threads.py gil|hash|lock [--fixed]: four threads of Python.

gil   pure Python work: one thread at a time runs it. Verdict gil, 2.0x on two CPUs; fixed: processes.
hash  SHA-256 over large buffers, which releases the GIL: cpu.saturated, not gil.
lock  20 ms asleep inside a threading.Lock: threads.lock, up to 4x; fixed: the sleep is outside.

Prints `ready pid=PID` once all work, then `ops=N at_ns=T` four times a second (CLOCK_MONOTONIC), until it is
ended."""

import hashlib
import multiprocessing
import os
import sys
import threading
import time

WORKERS = 4
SLEEP_S = 0.02
BUFFER = bytes(1 << 20)


def count(n):
    total = 0
    for i in range(n):
        total += i * i % 7
    return total


def work(kind, fixed, lock, done, index, parent):
    while parent in (os.getpid(), os.getppid()):  # a process ends with who started it
        if kind == "gil":
            count(20000)
        elif kind == "hash":
            hashlib.sha256(BUFFER).digest()
        elif fixed:
            time.sleep(SLEEP_S)
            with lock:
                count(100)
        else:
            with lock:
                time.sleep(SLEEP_S)
                count(100)
        done[index] += 1


def main():
    kind, fixed = sys.argv[1], "--fixed" in sys.argv[2:]
    done = multiprocessing.Array("q", WORKERS, lock=False)
    lock = threading.Lock()
    if kind == "gil" and fixed:
        # From a parent without threads: each child has an interpreter, and a GIL, of its own.
        start = lambda i: multiprocessing.Process(target=work, args=(kind, fixed, None, done, i, os.getpid()), daemon=True)
    else:
        start = lambda i: threading.Thread(target=work, args=(kind, fixed, lock, done, i, os.getpid()), daemon=True)
    for index in range(WORKERS):
        start(index).start()
    while min(done) == 0:
        time.sleep(0.01)
    print(f"ready pid={os.getpid()}", flush=True)
    while True:
        print(f"ops={sum(done)} at_ns={time.monotonic_ns()}", flush=True)
        time.sleep(0.25)


main()
