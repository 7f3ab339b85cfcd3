#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""convoy.py [--fixed]: one thread that computes and one that answers requests on a loopback socket.

An answer takes a unit of pure Python work, about 2 ms; the client asks again 0.2 ms later. Whenever the answering
thread has let go of the GIL to read, the computing one has it for 5 ms: two CPUs do the work of one. Verdict gil,
up to 2.0x. fixed: the computing is done by a process.

Prints `ready pid=PID`, then four times a second `ops=N at_ns=T` (units of work by both) and `answers=N at_ns=T`
(CLOCK_MONOTONIC), until it is ended. The client is no child of it and ends with its connection."""

import multiprocessing
import os
import socket
import sys
import threading
import time

UNIT = 40000  # turns: about 2 ms
PAUSE_S = 0.0002  # the computing thread wakes up and takes the GIL


def unit():
    total = 0
    for i in range(UNIT):
        total += i * i % 7
    return total


def compute(done, parent):
    while parent in (os.getpid(), os.getppid()):  # a process ends with who started it
        unit()
        done[0] += 1


def answer(listener, done):
    connection, _ = listener.accept()
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    while connection.recv(1):
        unit()
        done[1] += 1
        connection.sendall(b"a")


def ask(address):
    with socket.create_connection(address) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(b"q")
        while connection.recv(1):
            time.sleep(PAUSE_S)
            connection.sendall(b"q")


def start_client(address):
    """In a session of its own, by a process between that ends: no child of this one."""
    between = os.fork()
    if between == 0:
        os.setsid()
        if os.fork() == 0:
            try:
                ask(address)
            except OSError:
                pass  # the other end has ended
        os._exit(0)
    os.waitpid(between, 0)


def main():
    done = multiprocessing.Array("q", 2, lock=False)
    # Both kinds of processes come from a parent without threads.
    computing = (multiprocessing.Process if "--fixed" in sys.argv[1:] else threading.Thread)(
        target=compute, args=(done, os.getpid()), daemon=True)
    if "--fixed" in sys.argv[1:]:
        computing.start()
    listener = socket.create_server(("127.0.0.1", 0))
    start_client(listener.getsockname())
    threading.Thread(target=answer, args=(listener, done), daemon=True).start()
    if "--fixed" not in sys.argv[1:]:
        computing.start()
    while min(done) == 0:
        time.sleep(0.01)
    print(f"ready pid={os.getpid()}", flush=True)
    while True:
        now_ns = time.monotonic_ns()
        print(f"ops={sum(done)} at_ns={now_ns}\nanswers={done[1]} at_ns={now_ns}", flush=True)
        time.sleep(0.25)


main()
