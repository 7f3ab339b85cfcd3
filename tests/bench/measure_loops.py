# SPDX-License-Identifier: GPL-2.0-only
"""What event loops cost concprof, and what its hooks on polls cost others: the part of measure.py that is the loops'.

Services have the interface of procs.Target: a lap runs a load to its end, an op is a request."""
import csv
import os
import re
import shutil
import socket
import subprocess
import sys
import time

import procs
from procs import BenchError

REDIS = "redis under redis-benchmark"
NGINX = "nginx under wrk"
SYSCALLS = "getpid"
FIRST_REQUESTS = 20000


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Service:
    """A server on one CPU and its load on the others."""

    def __init__(self, bench):
        self.bench = bench
        self.port = free_port()
        self.folder = f"{bench.folder}/service"
        os.makedirs(self.folder, exist_ok=True)
        self.child = bench.children.start(self.argv(), {int(bench.load_cpu)}, stdout=subprocess.DEVNULL,
                                          stderr=subprocess.DEVNULL)
        self.pid = self.child.pid
        procs.wait_until(self.answers, self.child.args[0], alive=self.child)

    def answers(self):
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", self.port)) == 0

    def settle(self):
        time.sleep(procs.SETTLE_S)

    def switches(self):
        with open(f"/proc/{self.pid}/status", encoding="ascii") as f:
            return sum(int(n) for n in re.findall(r"ctxt_switches:\s+(\d+)", f.read()))

    def load(self, argv):
        """The load's output; it runs beside the tools."""
        child = self.bench.children.start(argv, self.bench.tool_cpus, stdout=subprocess.PIPE,
                                          stderr=subprocess.DEVNULL, text=True)
        text, _ = child.communicate()
        self.bench.children.forget(child)
        return text

    def lap(self, seconds):
        cpu_from, switches_from, from_s = procs.cpu_ns(self.pid), self.switches(), time.monotonic()
        requests, p99_ms = self.requests(seconds)
        took_s = time.monotonic() - from_s
        if not requests:
            raise BenchError(f"{self.child.args[0]}: no request was answered")
        cpu = procs.cpu_ns(self.pid) - cpu_from
        switches = self.switches() - switches_from
        return {"ops": requests, "cpu_ns": cpu, "cpu_ns_per_op": cpu / requests, "switches": switches,
                "switches_per_op": switches / requests, "ops_per_s": requests / took_s, "p99_ms": p99_ms}

    def end(self):
        self.bench.children.end(self.child)
        shutil.rmtree(self.folder, ignore_errors=True)


class Redis(Service):
    rate = FIRST_REQUESTS

    def argv(self):
        return ["redis-server", "--bind", "127.0.0.1", "--port", str(self.port), "--save", "", "--appendonly", "no",
                "--dir", self.folder]

    def requests(self, seconds):
        count = max(1000, int(self.rate * seconds))
        from_s = time.monotonic()
        text = self.load(["redis-benchmark", "-h", "127.0.0.1", "-p", str(self.port), "-c", "50", "-n", str(count),
                          "-t", "get", "--csv"])
        self.rate = count / (time.monotonic() - from_s)
        rows = [row for row in csv.DictReader(text.splitlines()) if row.get("test") == "GET"]
        if not rows:
            raise BenchError("redis-benchmark said nothing of GET")
        return count, float(rows[0]["p99_latency_ms"])


class Nginx(Service):
    def argv(self):
        with open(f"{self.folder}/index.html", "w", encoding="ascii") as f:
            f.write("hello\n")
        os.chmod(self.bench.folder, 0o755)
        paths = " ".join(f"{kind}_temp_path {self.folder};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        with open(f"{self.folder}/nginx.conf", "w", encoding="ascii") as f:
            f.write(f"daemon off; master_process off; pid {self.folder}/pid; error_log stderr; worker_processes 1;\n"
                    "events { worker_connections 256; }\n"
                    f"http {{ access_log off; {paths} server {{ listen 127.0.0.1:{self.port}; root {self.folder}; }} }}\n")
        return ["nginx", "-c", f"{self.folder}/nginx.conf"]

    def requests(self, seconds):
        text = self.load(["wrk", "-t", "1", "-c", "32", "-d", f"{max(1, round(seconds))}s", "--latency",
                          f"http://127.0.0.1:{self.port}/index.html"])
        count = re.search(r"(\d+) requests in", text)
        p99 = re.search(r"99%\s+([\d.]+)(us|ms|s)", text)
        if not count or not p99:
            raise BenchError("wrk said nothing of its requests")
        return int(count.group(1)), float(p99.group(1)) * {"us": 1e-3, "ms": 1, "s": 1e3}[p99.group(2)]


def workloads():
    """Factories by name; those whose programs are installed."""
    known = {REDIS: (Redis, ("redis-server", "redis-benchmark")), NGINX: (Nginx, ("nginx", "wrk"))}
    return {name: kind for name, (kind, needs) in known.items() if all(shutil.which(tool) for tool in needs)}


def idle_loop(bench):
    """A target that polls ten times a second: the hooks are there."""
    return bench.children.start([sys.executable, "samples/python/loops.py", "idle"], stdout=subprocess.DEVNULL)
