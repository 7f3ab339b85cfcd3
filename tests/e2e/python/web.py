# SPDX-License-Identifier: GPL-2.0-only
"""A page that takes pure Python work (/cpu), one that hashes a large buffer, which releases the GIL (/hash), and one
that waits for 100 ms (/sleep): as an application for gunicorn (web:application).

web.py PORT: the same by a thread for each connection, http.server's own.
web.py pool: a pool of two processes that do the work of /cpu, without a server."""

import hashlib
import multiprocessing
import signal
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

BUFFER = bytes(4 << 20)


def render(n=20000):
    total = 0
    for i in range(n):
        total += i * i % 7  # the line that has the GIL
    return b"%d\n" % total


def page(path):
    if path == "/cpu":
        return render()
    if path == "/hash":
        return hashlib.sha256(BUFFER).hexdigest().encode()
    time.sleep(0.1)
    return b"slept\n"


def application(environ, start_response):
    body = page(environ["PATH_INFO"])
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # one write for each answer
    disable_nagle_algorithm = True

    def do_GET(self):
        body = page(self.path)
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments):
        pass


def pool():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # and ends its processes
    with multiprocessing.Pool(2) as workers:
        print("ready", flush=True)
        for _ in workers.imap_unordered(render, (20000 for _ in range(10**9)), chunksize=50):
            pass


def main():
    if sys.argv[1] == "pool":
        pool()
    else:
        ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()


if __name__ == "__main__":
    main()
