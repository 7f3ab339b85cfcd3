#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""memcached_load.py PORT BATCHES_A_SECOND: four connections to memcached on loopback, each with a
batch of 50 sets and gets at a time, at a bounded rate, until TERM. Prints `ready` after the first
answers, the number of operations at the end."""

import signal
import socket
import sys
import time

CONNECTIONS = 4
BATCH = 50


def batch(index):
    """50 commands and the length of what answers them."""
    request, answer = b"", 0
    for i in range(0, BATCH, 2):
        key, value = b"key%d-%d" % (index, i), b"v" * 100
        request += b"set %s 0 0 %d\r\n%s\r\nget %s\r\n" % (key, len(value), value, key)
        answer += len(b"STORED\r\n" + b"VALUE %s 0 %d\r\n%s\r\nEND\r\n" % (key, len(value), value))
    return request, answer


def main():
    port, rate = int(sys.argv[1]), float(sys.argv[2])
    stop = []
    signal.signal(signal.SIGTERM, lambda *_: stop.append(True))
    sockets = [socket.create_connection(("127.0.0.1", port), timeout=10) for _ in range(CONNECTIONS)]
    batches = [batch(index) for index in range(CONNECTIONS)]
    operations, due = 0, time.monotonic()
    while not stop:
        for connection, (request, _) in zip(sockets, batches):
            connection.sendall(request)
        for connection, (_, answer) in zip(sockets, batches):
            while answer > 0:
                data = connection.recv(min(answer, 65536))
                if not data:
                    sys.exit("memcached closed the connection")
                answer -= len(data)
        if operations == 0:
            print("ready", flush=True)
        operations += CONNECTIONS * BATCH
        due = max(due + CONNECTIONS / rate, time.monotonic() - 1)
        time.sleep(max(0, due - time.monotonic()))
    print(f"operations={operations}")


main()
