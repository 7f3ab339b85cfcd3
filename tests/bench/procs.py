# SPDX-License-Identifier: GPL-2.0-only
"""The processes of a benchmark: targets that run laps, tools that watch them, what each costs.

What a tool's BPF programs and maps cost is read from its own descriptors (/proc/PID/fdinfo), so
that no other tool's are counted and reading takes microseconds; bpftool gives their names.
"""
import json
import os
import signal
import subprocess
import time

STATS_SYSCTL = "/proc/sys/kernel/bpf_stats_enabled"
CAPTURE_HEADER_BYTES = 16  # a capture file is longer from the moment concprof is attached
POLL_S = 0.002
START_LIMIT_S = 30
STOP_LIMIT_S = 60
PERF_FLOWS_BYTES = 64 * 1024
SETTLE_S = 0.05
CPUCLOCK_SCHED = 2  # what posix clocks of a process count, see clock_getcpuclockid(3)


class BenchError(Exception):
    """A program did not do what the benchmark needs."""


def cpu_ns(pid):
    """User and system time of all threads of process @pid, in ns."""
    return time.clock_gettime_ns((~pid << 3) | CPUCLOCK_SCHED)


def wait_until(true, what, limit_s=START_LIMIT_S, alive=None):
    """Poll until true(); BenchError after limit_s, or when the process @alive has ended."""
    end = time.monotonic() + limit_s
    while not true():
        if alive is not None and alive.poll() is not None:
            raise BenchError(f"{what}: ended with status {alive.returncode}")
        if time.monotonic() > end:
            raise BenchError(f"{what}: not within {limit_s} s")
        time.sleep(POLL_S)


def fdinfos(pid):
    """Yield what /proc/PID/fdinfo says of each descriptor, as a dict of strings."""
    folder = f"/proc/{pid}/fdinfo"
    try:
        names = os.listdir(folder)
    except OSError:
        return
    for name in names:
        try:
            with open(f"{folder}/{name}", encoding="ascii", errors="replace") as f:
                lines = f.read().splitlines()
        except OSError:
            continue  # closed meanwhile
        yield {key: value.strip() for key, _, value in (line.partition(":") for line in lines)}


def bpf_links(pid):
    """The number of BPF programs that process @pid has attached."""
    return sum("link_id" in info for info in fdinfos(pid))


def bpf_programs(pid):
    """{program id: (run time in ns, runs, runs skipped)} of process @pid."""
    return {
        int(info["prog_id"]): (
            int(info.get("run_time_ns", 0)),
            int(info.get("run_cnt", 0)),
            int(info.get("recursion_misses", 0)),
        )
        for info in fdinfos(pid)
        if "prog_id" in info and "link_id" not in info
    }


def bpf_map_bytes(pid):
    """What the kernel charges for the BPF maps of process @pid."""
    maps = {info["map_id"]: int(info["memlock"]) for info in fdinfos(pid) if "map_id" in info}
    return sum(maps.values())


def bpf_names(ids):
    """{program id: name}, as bpftool shows them."""
    done = subprocess.run(["bpftool", "prog", "show", "-j"], capture_output=True, check=True)
    return {p["id"]: p.get("name", "?") for p in json.loads(done.stdout) if p["id"] in ids}


class RunTimeStats:
    """A spell of the kernel's BPF run-time statistics."""

    def __init__(self):
        with open(STATS_SYSCTL, encoding="ascii") as f:
            self.before = f.read()

    @staticmethod
    def _write(text):
        with open(STATS_SYSCTL, "w", encoding="ascii") as f:
            f.write(text)

    def __enter__(self):
        self._write("1")

    def __exit__(self, *_):
        self._write(self.before)


class Children:
    """Every process that was started, so that none outlives the benchmark."""

    def __init__(self):
        self.running = []

    def start(self, argv, cpus=None, **how):
        pin = (lambda: os.sched_setaffinity(0, cpus)) if cpus else None
        child = subprocess.Popen(argv, preexec_fn=pin, **how)  # pylint: disable=W1509
        self.running.append(child)
        return child

    def forget(self, child):
        self.running.remove(child)

    def end(self, child, sig=signal.SIGKILL):
        if child.poll() is None:
            child.send_signal(sig)
        try:
            child.wait(STOP_LIMIT_S)
        except subprocess.TimeoutExpired as e:
            child.kill()
            child.wait()
            raise BenchError(f"{child.args[0]} did not end within {STOP_LIMIT_S} s") from e
        finally:
            self.forget(child)

    def end_all(self):
        for child in list(self.running):
            self.end(child)


class Target:
    """A program of tests/bench that runs all the time and measures a lap on demand."""

    def __init__(self, children, argv):
        self.children = children
        self.child = children.start(
            argv + ["--laps"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.pid = self.child.pid

    def begin(self, seconds):
        self.child.stdin.write(f"{seconds}\n")
        self.child.stdin.flush()

    def result(self):
        """Of the lap begun: ops, wall_ns_per_op, cpu_ns_per_op, switches_per_op, ops_per_s."""
        line = self.child.stdout.readline()
        if not line:
            raise BenchError(f"{self.child.args[0]} ended in a lap")
        lap = {key: float(value) for key, value in (word.split("=") for word in line.split())}
        lap["cpu_ns"] = lap["ops"] * lap["cpu_ns_per_op"]
        lap["switches"] = lap["ops"] * lap["switches_per_op"]
        return lap

    def lap(self, seconds):
        self.begin(seconds)
        lap = self.result()
        if not lap["ops"]:
            raise BenchError(f"{self.child.args[0]}: no op was done within {seconds} s")
        return lap

    def settle(self):
        """A lap to be thrown away: a tool came or went."""
        self.begin(SETTLE_S)
        self.result()

    def pause(self):
        self.child.send_signal(signal.SIGSTOP)

    def go_on(self):
        self.child.send_signal(signal.SIGCONT)

    def end(self):
        self.child.stdin.close()
        self.child.stdout.close()
        self.children.end(self.child)


class Tool:
    """A profiler at work; a subclass says how it is called and how one sees that it is attached."""

    name = "tool"

    def __init__(self, children, folder, pid, cpus=None, how=()):
        self.children = children
        self.out = f"{folder}/{self.name}.out"
        self.data = f"{folder}/{self.name}.cprof"
        self.clean()
        with open(self.out, "wb") as out, open(f"{folder}/{self.name}.err", "wb") as err:
            self.exec_at = time.monotonic()
            self.child = children.start(
                self.argv(pid, list(how)), cpus, stdout=out, stderr=err, stdin=subprocess.DEVNULL
            )
        self.pid = self.child.pid
        try:
            wait_until(self.attached, f"{self.name}: attach", alive=self.child)
        except BenchError as e:
            with open(f"{folder}/{self.name}.err", encoding="utf-8", errors="replace") as err:
                said = err.read().strip().splitlines()
            if self.child in children.running:
                children.end(self.child)
            raise BenchError(f"{e} ({said[-1] if said else 'no message'})") from e
        self.attach_s = time.monotonic() - self.exec_at

    def argv(self, pid, how):
        raise NotImplementedError

    def attached(self):
        raise NotImplementedError

    def clean(self):
        for path in (self.out, self.data):
            if os.path.exists(path):
                os.unlink(path)

    def stop(self):
        self.children.end(self.child, signal.SIGINT)


class Concprof(Tool):
    """concprof on a process, with its capture and its JSON report."""

    name = "concprof"
    binary = "./concprof"

    def argv(self, pid, how):
        return [self.binary, "-p", str(pid), *how, "-o", self.data, "-f", "json"]

    def attached(self):
        try:
            return os.stat(self.data).st_size > CAPTURE_HEADER_BYTES
        except OSError:
            return False

    def report(self):
        """The JSON report of a run that has ended."""
        if self.child.returncode:
            raise BenchError(f"{self.name}: ended with status {self.child.returncode}")
        with open(self.out, encoding="utf-8") as f:
            return json.load(f)


class Offcputime(Tool):
    name = "offcputime"
    binary = "offcputime"

    def argv(self, pid, how):
        return [self.binary, "-p", str(pid), *how]

    def attached(self):
        return bpf_links(self.pid) > 0


class PerfSched(Tool):
    name = "perf"
    binary = "perf"

    def argv(self, pid, how):
        return [self.binary, "sched", "record", "-o", self.data, "-p", str(pid), *how]

    def attached(self):
        """Its file grows, for it is used on busy targets alone."""
        try:
            return os.stat(self.data).st_size > PERF_FLOWS_BYTES
        except OSError:
            return False


def bpf_spell(tool, target, seconds):
    """What the tool's BPF programs cost while @target runs a lap, by the kernel's statistics.

    ns, runs, misses: by program name; target: the lap; target_cpu_ns: of the same time.
    """
    with RunTimeStats():
        cpu_from = cpu_ns(target.pid)
        before = bpf_programs(tool.pid)
        lap = target.lap(seconds)
        after = bpf_programs(tool.pid)
        cpu_to = cpu_ns(target.pid)
    names = bpf_names(set(after))
    programs = {}
    for prog, (ns, runs, misses) in after.items():
        ns0, runs0, misses0 = before.get(prog, (0, 0, 0))
        if runs > runs0:
            programs[names.get(prog, "?")] = {
                "ns": ns - ns0,
                "runs": runs - runs0,
                "misses": misses - misses0,
            }
    if not programs:
        raise BenchError(f"{tool.name}: none of its BPF programs ran")
    return {"programs": programs, "target": lap, "target_cpu_ns": cpu_to - cpu_from}
