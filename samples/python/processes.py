#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""processes.py queue|fork|pool [--fixed]: processes of Python, its standard library alone.

queue  1 MB items through a multiprocessing.Queue to 4 workers, which need less time for them than the queue:
       processes.ipc. Fixed: the items lie in shared memory, the queue carries the places of
       several at a time.
fork   a process is forked for each task by a parent with much memory, which it touches in part:
       processes.fork. Fixed: one worker, forked once, gets the tasks through a pipe.
pool   2 forked workers that mostly sleep in a request, more requests than workers: processes.pool_exhausted.
       Fixed: 24 workers. The clients are in a process of their own, on loopback, which does not belong to the target.

Prints `ready pid=PID` once all work, then `ops=N at_ns=T` four times a second (CLOCK_MONOTONIC), until it is
ended."""

import multiprocessing
import os
import signal
import socket
import sys
import threading
import time
import zlib
from multiprocessing import shared_memory

ITEM = 1 << 20
QUEUE_WORKERS = 4
QUEUE_LEN = 8
SLOTS, BATCH = 16, 2  # items in shared memory, and how many at a time go through the queue
PASSES = 3  # of a worker over an item, 0.3 ms each
HEAP_OBJECTS = 4_000_000
TASK_OBJECTS = 60_000  # of these a task looks at, which changes their reference counts
CPU_S, SLEEP_S = 0.020, 0.080  # of a request
POOL, POOL_FIXED = 2, 24
CLIENTS = 48


def report(ops):
    """Prints the lines that a test reads, for ever."""
    while ops() == 0:
        time.sleep(0.01)
    print(f"ready pid={os.getpid()}", flush=True)
    while True:
        print(f"ops={ops()} at_ns={time.monotonic_ns()}", flush=True)
        time.sleep(0.25)


def tie_to_parent(parent):
    """Ends this process with its parent: a thread asks four times a second."""

    def watch():
        while os.getppid() == parent:
            time.sleep(0.25)
        os._exit(0)

    threading.Thread(target=watch, daemon=True).start()


# ---- queue ----


def queue_worker(parent, items, free, buffer, done, index):
    tie_to_parent(parent)
    while True:
        item = items.get()
        # Without the shared memory an item is its data, with it several places of data.
        for slot in item if buffer else [None]:
            data = buffer.buf[slot * ITEM:(slot + 1) * ITEM] if buffer else item
            for _ in range(PASSES):
                zlib.crc32(data)
            done[index] += 1
        if buffer:
            free.put(item)


def queue_feed(items, free, buffer):
    data = os.urandom(ITEM)
    for first in range(0, SLOTS, BATCH) if buffer else []:
        free.put(range(first, first + BATCH))
    while True:
        item = data
        if buffer:
            item = free.get()
            for slot in item:
                buffer.buf[slot * ITEM:(slot + 1) * ITEM] = data
        items.put(item)


def queue_main(fixed):
    done = multiprocessing.Array("q", QUEUE_WORKERS, lock=False)
    items, free = multiprocessing.Queue(QUEUE_LEN), multiprocessing.SimpleQueue()
    buffer = shared_memory.SharedMemory(create=True, size=SLOTS * ITEM) if fixed else None
    for index in range(QUEUE_WORKERS):
        multiprocessing.Process(target=queue_worker, args=(os.getpid(), items, free, buffer, done, index),
                                daemon=True).start()
    if fixed:
        buffer.unlink()
    threading.Thread(target=queue_feed, args=(items, free, buffer), daemon=True).start()
    report(lambda: sum(done))


# ---- fork ----


def task(heap, number):
    begin = number * TASK_OBJECTS % (HEAP_OBJECTS - TASK_OBJECTS)
    total = 0
    for value in heap[begin:begin + TASK_OBJECTS]:
        total += value * value % 7
    return total


def fork_worker(parent, heap, pipe):
    tie_to_parent(parent)
    while True:
        pipe.send(task(heap, pipe.recv()))


def fork_main(fixed):
    heap = [1000 + i for i in range(HEAP_OBJECTS)]
    done = [0]
    if fixed:
        pipe, theirs = multiprocessing.Pipe()
        multiprocessing.Process(target=fork_worker, args=(os.getpid(), heap, theirs), daemon=True).start()
    threading.Thread(target=report, args=(lambda: done[0],), daemon=True).start()
    while True:
        if fixed:
            pipe.send(done[0])
            pipe.recv()
        else:
            pid = os.fork()
            if pid == 0:
                task(heap, done[0])
                os._exit(0)
            os.waitpid(pid, 0)
        done[0] += 1


# ---- pool ----


def pool_worker(parent, listener, done, index):
    tie_to_parent(parent)
    while True:
        connection, _ = listener.accept()
        connection.recv(64)
        until = time.thread_time() + CPU_S
        while time.thread_time() < until:
            zlib.crc32(bytes(1000))
        time.sleep(SLEEP_S)
        connection.sendall(b"done\n")
        connection.close()
        done[index] += 1


def pool_client(address):
    while True:
        with socket.create_connection(address) as connection:
            connection.sendall(b"ask\n")
            connection.recv(64)


def pool_clients(parent, address):
    """In a process that is no descendant of the target's: its parent ends at once."""
    if os.fork():
        os._exit(0)
    threads = [threading.Thread(target=pool_client, args=(address,), daemon=True) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    while os.path.exists(f"/proc/{parent}"):
        time.sleep(0.25)
    os._exit(0)


def pool_main(fixed):
    workers = POOL_FIXED if fixed else POOL
    done = multiprocessing.Array("q", workers, lock=False)
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    for index in range(workers):
        multiprocessing.Process(target=pool_worker, args=(os.getpid(), listener, done, index), daemon=True).start()
    address = listener.getsockname()
    listener.close()
    if os.fork() == 0:
        pool_clients(os.getppid(), address)
    os.wait()
    report(lambda: sum(done))


def main():
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    {"queue": queue_main, "fork": fork_main, "pool": pool_main}[sys.argv[1]]("--fixed" in sys.argv[2:])


main()
