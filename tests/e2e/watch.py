#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""watch.py PID OUTPUT [SIGNAL]: until TERM or the end of PID, twenty times a second, write the CPU
time that the kernel has charged to the process and what the hypervisor took from all CPUs (steal, to a
clock tick), with both clocks; each fifth time send the signal (USR1: a sample prints its truth)."""

import os
import signal
import sys
import time


def steal_ns():
    with open("/proc/stat", encoding="ascii") as file:
        return int(file.readline().split()[8]) * 10**9 // os.sysconf("SC_CLK_TCK")


def main():
    pid, path = int(sys.argv[1]), sys.argv[2]
    send = getattr(signal, "SIG" + sys.argv[3]) if len(sys.argv) > 3 else None
    clock = (~pid << 3) | 2  # clock_getcpuclockid(): the process's, by the scheduler
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with open(path, "w", encoding="ascii", buffering=1) as out:
        for turn in range(10**9):
            try:
                cpu_ns = time.clock_gettime_ns(clock)
                if send is not None and turn % 5 == 0:
                    os.kill(pid, send)
            except OSError:
                return  # it has ended
            out.write(f"real_ns={time.time_ns()} mono_ns={time.monotonic_ns()} cpu_ns={cpu_ns} "
                      f"steal_ns={steal_ns()}\n")
            time.sleep(0.05)


main()
