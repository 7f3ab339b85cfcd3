#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""loops.py cpu|blocking|gil|idle|full [--fixed]: an asyncio loop.

cpu       50 ms of computing in a coroutine, ten times a second: event_loop.cpu, 12.5 ms more on average;
          fixed: in a process of an executor.
blocking  the same with time.sleep: event_loop.blocking; fixed: asyncio.sleep.
gil       a thread computes; each 20 ms the loop hashes four pieces of 64 KiB, which gives the GIL up
          each time: event_loop.gil; fixed: a process computes.
idle      wakes ten times a second and does nothing.
full      1 ms of computing a turn, one turn after the other: full, but no turn is long.

Prints `ready pid=PID`, then each of its turns as `turn START_NS LENGTH_NS`, from the return of a poll to the next
poll, by CLOCK_MONOTONIC, and `clock MONOTONIC_NS REALTIME_NS`, until it is ended."""

import asyncio
import concurrent.futures
import ctypes
import hashlib
import multiprocessing
import os
import signal
import sys
import threading
import time

STEP_S = 0.05
PERIOD_S = 0.1
TICK_S = 0.02
PIECES = 4
PIECE = bytes(1 << 16)
FULL_S = 0.001


class Turns:
    """Stands before the loop's selector and writes down when it is asked."""

    def __init__(self, loop):
        self.start, self.lines = 0, []
        self.select, loop._selector.select = loop._selector.select, self.timed

    def timed(self, timeout=None):
        now = time.monotonic_ns()
        if self.start:
            self.lines.append(f"turn {self.start} {now - self.start}\n")
        if len(self.lines) >= 20:
            sys.stdout.write("".join(self.lines))
            sys.stdout.flush()
            self.lines.clear()
        events = self.select(timeout)
        self.start = time.monotonic_ns()
        return events


def compute(seconds):
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        sum(i * i for i in range(200))


def compute_for_good(parent):
    while parent in (os.getpid(), os.getppid()):
        sum(i * i for i in range(20000))


def end_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


async def answer(kind, pool):
    loop = asyncio.get_running_loop()
    if kind == "cpu" and pool:
        await loop.run_in_executor(pool, compute, STEP_S)
    elif kind == "cpu":
        compute(STEP_S)
    elif pool:
        await asyncio.sleep(STEP_S)
    else:
        time.sleep(STEP_S)


async def serve(kind, pool):
    while True:
        started = time.monotonic()
        await answer(kind, pool)
        await asyncio.sleep(max(0.0, started + PERIOD_S - time.monotonic()))


async def hash_pieces():
    while True:
        for _ in range(PIECES):
            hashlib.sha256(PIECE).digest()
        await asyncio.sleep(TICK_S)


async def work_without_end():
    while True:
        compute(FULL_S)
        await asyncio.sleep(0)


async def main(kind, fixed):
    Turns(asyncio.get_running_loop())
    pool = None
    if fixed and kind in ("cpu", "blocking"):
        pool = concurrent.futures.ProcessPoolExecutor(1, initializer=end_with_parent)
        pool.submit(time.time).result()
    if kind == "gil":
        start = multiprocessing.Process if fixed else threading.Thread
        start(target=compute_for_good, args=(os.getpid(),), daemon=True).start()
    print(f"clock {time.monotonic_ns()} {time.time_ns()}\nready pid={os.getpid()}", flush=True)
    if kind == "gil":
        await hash_pieces()
    elif kind == "full":
        await work_without_end()
    elif kind == "idle":
        while True:
            await asyncio.sleep(PERIOD_S)
    else:
        await serve(kind, pool)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], "--fixed" in sys.argv[2:]))
