# SPDX-License-Identifier: GPL-2.0-only
"""Threads of Python that sleep, wait for a lock, an event and a condition, below some calls."""

import threading
import time

lock, event, condition = threading.Lock(), threading.Event(), threading.Condition()


def below(depth, function):
    return function() if depth == 0 else below(depth - 1, function)


def sleeper():
    while True:
        time.sleep(0.03)


def waiter():
    with condition:
        condition.wait()


lock.acquire()
for body in (sleeper, lock.acquire, event.wait, waiter):
    threading.Thread(target=below, args=(3, body), daemon=True).start()
time.sleep(0.2)
print("ready", flush=True)
below(5, sleeper)
