#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""python_load.py compute|server|block [--threads N] [--depth N] [--sites N] [--interval S] [--cpus N] --laps

Workloads of Python, with the laps of tests/bench/bench.h: each line of standard input, a number of seconds, is answered
by `ops=N wall_ns_per_op=X cpu_ns_per_op=X switches_per_op=X ops_per_s=X`. They run from the start to the end.

compute  N threads of pure Python work, --depth calls deep; op = a unit of about 0.05 ms. --interval: of
         sys.setswitchinterval(), so that GIL waits are more frequent.
server   a thread for each of N connections, whose requests take 0.15 ms of Python each; op = a request. The client is a
         process outside, on another CPU if there is one.
block    one thread that sleeps for 50 us, --depth calls deep, in turn by --sites other lines; op = a sleep."""

import argparse
import os
import resource
import socket
import sys
import threading
import time

UNIT = 1500
REQUEST = 4500
NAP_S = 50e-6


def work(n):
    total = 0
    for i in range(n):
        total += i * i % 7
    return total


def below(depth, function, *arguments):
    return function(*arguments) if depth <= 0 else below(depth - 1, function, *arguments)


def compute(done, index):
    while True:
        work(UNIT)
        done[index] += 1


# Two places that differ in a frame below which nothing else does.
def one_place():
    time.sleep(NAP_S)


def other_place():
    time.sleep(NAP_S)


def block(done, depth, sites):
    while True:
        below(depth, one_place)
        if sites > 1:
            below(depth, other_place)
            done[0] += 1
        done[0] += 1


def answer(connection, done, index):
    with connection:
        while connection.recv(1):
            work(REQUEST)
            done[index] += 1
            connection.sendall(b"a")


def ask(address, connections, cpus):
    """Each connection asks again when it is answered. Ends with the server."""
    os.sched_setaffinity(0, cpus)
    sockets = [socket.create_connection(address) for _ in range(connections)]
    threads = [threading.Thread(target=ask_one, args=(each,)) for each in sockets]
    for each in threads:
        each.start()
    for each in threads:
        each.join()


def ask_one(connection):
    try:
        connection.sendall(b"q")
        while connection.recv(1):
            connection.sendall(b"q")
    except OSError:
        pass  # the server has ended


def start_client(address, connections, cpus):
    """No child of this process: it is not to be profiled."""
    between = os.fork()
    if between == 0:
        os.setsid()
        if os.fork() == 0:
            for descriptor in (0, 1):
                os.close(descriptor)
            ask(address, connections, cpus)
        os._exit(0)
    os.waitpid(between, 0)


def thread(function, *arguments):
    threading.Thread(target=function, args=arguments, daemon=True).start()


def start(opt, done, every_cpu):
    if opt.interval:
        sys.setswitchinterval(opt.interval)
    if opt.kind == "compute":
        for index in range(opt.threads):
            thread(below, opt.depth, compute, done, index)
    elif opt.kind == "block":
        thread(block, done, opt.depth, opt.sites)
    else:
        listener = socket.create_server(("127.0.0.1", 0), backlog=opt.threads)
        start_client(listener.getsockname(), opt.threads, every_cpu - opt.cpus or every_cpu)
        for index in range(opt.threads):
            thread(answer, listener.accept()[0], done, index)


def reading(done):
    used = resource.getrusage(resource.RUSAGE_SELF)
    return sum(done), time.monotonic_ns(), time.process_time_ns(), used.ru_nvcsw + used.ru_nivcsw


def laps(done):
    for line in sys.stdin:
        before = reading(done)
        time.sleep(float(line))
        ops, wall_ns, cpu_ns, switches = (b - a for a, b in zip(before, reading(done)))
        each = 1 / ops if ops else 0
        print(f"ops={ops} wall_ns_per_op={wall_ns * each:.1f} cpu_ns_per_op={cpu_ns * each:.1f} "
              f"switches_per_op={switches * each:.4f} ops_per_s={ops * 1e9 / wall_ns:.0f}", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=("compute", "server", "block"))
    parser.add_argument("--threads", type=int, default=4)
    parser.add_argument("--depth", type=int, default=10)
    parser.add_argument("--sites", type=int, default=1)
    parser.add_argument("--interval", type=float)
    parser.add_argument("--cpus", type=lambda text: {int(cpu) for cpu in text.split(",")}, default=os.sched_getaffinity(0))
    parser.add_argument("--laps", action="store_true", required=True)
    opt = parser.parse_args()
    every_cpu = os.sched_getaffinity(0)
    os.sched_setaffinity(0, opt.cpus)
    done = [0] * max(opt.threads, 1)
    start(opt, done, every_cpu)
    laps(done)


main()
