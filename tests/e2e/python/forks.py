# SPDX-License-Identifier: GPL-2.0-only
"""forks.py: forks children in batches. Each sleeps for some milliseconds from its first moment on, and ends."""

import os
import time

CHILDREN = 8
NAP_S = 0.01
PAUSE_S = 0.1


def nap():
    time.sleep(NAP_S)


def child():
    for _ in range(3):
        nap()
    os._exit(0)


print("ready", flush=True)
while True:
    for _ in range(CHILDREN):
        if os.fork() == 0:
            child()
    for _ in range(CHILDREN):
        os.wait()
    time.sleep(PAUSE_S)
