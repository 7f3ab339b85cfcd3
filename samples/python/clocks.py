#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""clocks.py gil|lock: threads that know by their own clocks how long they waited, for the GIL or for a lock.

A thread's time is its running (its CPU clock), its time on the run queue (the kernel's figure), its sleep on purpose,
its waiting for a threading.Lock, and its waiting for the GIL: there is nothing else that it does. So the last is the
rest, however often CPython wakes up meanwhile to ask for the GIL.

gil   two threads that compute, and one that reads from a socket and computes a little. A process outside sends the
      time, by which the reader knows when its sleep ended: what comes then is its wait for the GIL.
lock  three threads that sleep for 3 ms inside a threading.Lock, and two inside another one.

Each thread prints a line ten times a second, all figures since its start:
`clock thread=TID name=NAME real_ns=T gil_ns=N lock_ns=N runq_ns=N`. The first line is `ready pid=PID`."""

import os
import socket
import struct
import sys
import threading
import time

PRINT_NS = 100_000_000
TICK_S = 0.017  # between two messages: not in step with the 5 ms of the GIL
HOLD_S = 0.003
STAMP = struct.Struct("qqq")  # time, and what the reader had run and stood in the run queue by then


def count(n):
    total = 0
    for i in range(n):
        total += i * i % 7
    return total


class Clocks:
    """Of the thread that makes it."""

    def __init__(self, name):
        self.who = "thread=%d name=%s" % (threading.get_native_id(), name)
        self.schedstat = os.open("/proc/thread-self/schedstat", os.O_RDONLY)
        self.slept_ns = self.lock_ns = 0
        self.since_ns = self.printed_ns = time.monotonic_ns()
        self.cpu_from_ns, self.runq_from_ns = time.thread_time_ns(), self.runq_ns()

    def runq_ns(self):
        return int(os.pread(self.schedstat, 100, 0).split()[1])

    def acquire(self, lock):
        cpu_ns, runq_ns, since_ns = time.thread_time_ns(), self.runq_ns(), time.monotonic_ns()
        lock.acquire()
        wall_ns = time.monotonic_ns() - since_ns
        self.lock_ns += wall_ns - (time.thread_time_ns() - cpu_ns) - (self.runq_ns() - runq_ns)

    def sleep_in(self, connection):
        """Until the other end sends; if it did before, there was no sleep. Before it sleeps the thread may have had to
        let others run first: that is no sleep."""
        runq_ns, cpu_ns, since_ns = self.runq_ns(), time.thread_time_ns(), time.monotonic_ns()
        at_ns, cpu_at_ns, runq_at_ns = STAMP.unpack(connection.recv(STAMP.size))
        if at_ns > since_ns:
            self.slept_ns += at_ns - since_ns - max(0, runq_at_ns - runq_ns) - max(0, cpu_at_ns - cpu_ns)

    def print(self):
        now_ns = time.monotonic_ns()
        if now_ns - self.printed_ns < PRINT_NS:
            return
        runq_ns = self.runq_ns() - self.runq_from_ns
        # The clocks as close together as can be.
        now_ns, real_ns, cpu_ns = time.monotonic_ns(), time.time_ns(), time.thread_time_ns() - self.cpu_from_ns
        gil_ns = now_ns - self.since_ns - cpu_ns - runq_ns - self.slept_ns - self.lock_ns
        self.printed_ns = now_ns
        os.write(1, b"clock %s real_ns=%d gil_ns=%d lock_ns=%d runq_ns=%d\n"
                 % (self.who.encode(), real_ns, gil_ns, self.lock_ns, runq_ns))


def compute(name):
    clocks = Clocks(name)
    while True:
        count(2000)
        clocks.print()


def read(name, connection):
    clocks = Clocks(name)
    connection.send(b"%d" % threading.get_native_id())
    while True:
        clocks.sleep_in(connection)
        count(500)
        clocks.print()


def take(name, lock):
    clocks = Clocks(name)
    while True:
        clocks.acquire(lock)
        runq_ns, cpu_ns, since_ns = clocks.runq_ns(), time.thread_time_ns(), time.monotonic_ns()
        time.sleep(HOLD_S)
        clocks.slept_ns += (time.monotonic_ns() - since_ns - (clocks.runq_ns() - runq_ns)
                            - (time.thread_time_ns() - cpu_ns))
        lock.release()
        clocks.print()


def send_stamps(connection, pid):
    tid = int(connection.recv(20))
    with open("/proc/%d/task/%d/schedstat" % (pid, tid), "rb", buffering=0) as schedstat:
        while True:
            time.sleep(TICK_S)
            cpu_ns, runq_ns = map(int, os.pread(schedstat.fileno(), 100, 0).split()[:2])
            connection.send(STAMP.pack(time.monotonic_ns(), cpu_ns, runq_ns))


def start_sender():
    """A process that is no child of this one and ends with the connection, whose other end is returned."""
    here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    pid, between = os.getpid(), os.fork()
    if between == 0:
        os.setsid()
        here.close()
        if os.fork() == 0:
            try:
                send_stamps(there, pid)
            except (OSError, ValueError):
                pass  # the other end is closed
        os._exit(0)
    there.close()
    os.waitpid(between, 0)
    return here


def main():
    one, other = threading.Lock(), threading.Lock()
    kinds = {
        "gil": [(compute, "compute-1"), (compute, "compute-2"), (read, "reader")],
        "lock": [(take, "one-%d" % i, one) for i in range(3)] + [(take, "other-%d" % i, other) for i in range(2)],
    }
    threads = kinds[sys.argv[1]]
    if sys.argv[1] == "gil":
        threads[-1] += (start_sender(),)
    print("ready pid=%d" % os.getpid(), flush=True)
    for function, *arguments in threads:
        threading.Thread(target=function, args=arguments, daemon=True).start()
    threading.Event().wait()  # until it is ended


main()
