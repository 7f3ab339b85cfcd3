# SPDX-License-Identifier: GPL-2.0-only
"""Measure what concprof and its peers cost, paired and interleaved; writes raw figures as JSON.

One process is the workload for a whole round.  In a round each condition (no tool, a tool on
another process, each tool on the workload) gets a lap between two laps without any tool, and is
compared with their mean; the order of the conditions rotates.  table.py makes the table.
"""
import argparse
import collections
import json
import os
import platform
import re
import signal
import subprocess
import sys
import time

import measure_loops
import measure_python
import procs
from procs import BenchError, Concprof, Offcputime, PerfSched, Target

SPELL_S = 0.3
IDLE_ARGV = ["sleep", "3600"]
RATE_STEPS_MAX = 6
PAIRED = ("cpu_ns_per_op", "ops_per_s", "p99_ms")


class Bench:
    """Settings, and the figures gathered so far."""

    def __init__(self, opt, folder):
        self.opt = opt
        self.folder = folder
        self.children = procs.Children()
        self.end_at = time.monotonic() + opt.limit_s
        cpus = sorted(os.sched_getaffinity(0))
        self.cpus = ",".join(map(str, cpus))
        self.cpus_len = len(cpus)
        self.load_cpu = str(cpus[-1])
        self.tool_cpus = set(cpus[:-1]) or set(cpus)
        # concprof's slice is a tenth of its -d: each lap is one, with one reading of the maps.
        self.lap_s = 0.5 if opt.quick else 1.0
        self.concprof_how = ["-d", str(10 * self.lap_s)]
        self.figures = {
            "rounds": collections.defaultdict(lambda: collections.defaultdict(list)),
            "losses": {"runs": 0, "lost": collections.Counter()},
            "unavailable": {},
        }

    def say(self, text):
        left_s = self.end_at - time.monotonic()
        print(f"bench: {text} (at most {left_s:.0f} s left)", file=sys.stderr)

    def program(self, name, *args):
        return [f"{self.opt.build}/bench/{name}", *args]

    def tool(self, kind, pid, how=(), pin=True):
        return kind(self.children, self.folder, pid, self.tool_cpus if pin else None, how)

    def keep_report(self, report):
        losses = self.figures["losses"]
        losses["runs"] += 1
        losses["lost"].update(report["losses"])
        return report

    def workloads(self):
        """Each on one CPU, so that every switch and all that it costs is the workload's own."""
        one = ["--cpus", self.load_cpu]
        return {
            "ping-pong": self.program("pingpong", *one),
            "contended mutex": self.program(
                "mutex", "--threads", "4", "--yield", "--inside", "500", "--outside", "500", *one
            ),
        }


# ---- paired rounds ----


def pair(lap, before, after):
    """The lap's figures over the mean of the two laps without a tool around it."""
    keys = [key for key in PAIRED if key in lap]
    ratios = {key: 2 * lap[key] / (before[key] + after[key]) for key in keys}
    alone_ns = (before["cpu_ns_per_op"] + after["cpu_ns_per_op"]) / 2
    return {
        "cpu_ratio": ratios["cpu_ns_per_op"],
        "throughput_ratio": ratios["ops_per_s"],
        "alone_ns_per_op": alone_ns,
        "extra_ns_per_op": lap["cpu_ns_per_op"] - alone_ns,
        "switches_per_op": lap["switches_per_op"],
        "p99_ratio": ratios.get("p99_ms"),
    }


def lap_under(bench, kind, target, watched_pid):
    """A lap of @target while a tool of @kind watches @watched_pid, and a spell of statistics."""
    tool = bench.tool(kind, watched_pid, bench.concprof_how if kind is Concprof else ())
    target.settle()
    cpu_from = procs.cpu_ns(tool.pid)
    lap = target.lap(bench.lap_s)
    collector_ns = procs.cpu_ns(tool.pid) - cpu_from
    spell = None if kind is PerfSched else procs.bpf_spell(tool, target, SPELL_S)
    tool.stop()
    more = {
        "collector_ratio": collector_ns / lap["cpu_ns"],
        "collector_ns_per_op": collector_ns / lap["ops"],
        "spell": spell,
    }
    if kind is Concprof:
        report = bench.keep_report(tool.report())
        more["own_ns_per_run"] = report["self"]["bpf_ns_per_event"]
    tool.clean()
    return lap, more


def round_of(bench, workload, argv, conditions):
    """One round of a workload (a program's arguments, or what makes a target): [(condition, tool or None, pid to
    watch or None = the target)]."""
    target = argv(bench) if callable(argv) else Target(bench.children, argv)
    target.settle()
    before = target.lap(bench.lap_s)
    for name, kind, pid in conditions:
        more = {}
        try:
            if kind is None:
                target.settle()
                lap = target.lap(bench.lap_s)
            else:
                lap, more = lap_under(bench, kind, target, pid or target.pid)
        except BenchError as e:
            bench.figures["unavailable"][name] = str(e)
            lap = None
        target.settle()
        after = target.lap(bench.lap_s)
        if lap:
            bench.figures["rounds"][workload][name].append({**pair(lap, before, after), **more})
        before = after
    target.end()


def rounds(bench, idle_pid, loop_pid):
    conditions = [
        ("alone", None, None),
        ("beside concprof", Concprof, idle_pid),
        ("concprof", Concprof, None),
        ("offcputime", Offcputime, None),
        ("perf sched record", PerfSched, None),
    ]
    without_waits = [c for c in conditions if c[0] in ("alone", "concprof")]
    own_locks = bench.program("mutex", "--uncontended", "--threads", "2", "--cpus", bench.load_cpu)
    reserve_s = 90 if bench.opt.quick else 200  # for what comes after the rounds
    for i in range(bench.opt.pairs):
        if time.monotonic() > bench.end_at - reserve_s:
            bench.say(f"the time is up after {i} of {bench.opt.pairs} pairs")
            break
        bench.say(f"pair {i + 1} of {bench.opt.pairs}")
        for workload, argv in bench.workloads().items():
            turn = i % len(conditions)
            round_of(bench, workload, argv, conditions[turn:] + conditions[:turn])
        order = without_waits if i % 2 else without_waits[::-1]
        round_of(bench, "uncontended mutex", own_locks, order)
        for workload, argv in measure_python.workloads(bench).items():
            round_of(bench, workload, argv, order)
        for workload, kind in measure_loops.workloads().items():
            round_of(bench, workload, kind, order)
        round_of(bench, measure_loops.SYSCALLS, bench.program("syscalls", "--cpus", bench.load_cpu), [
            ("alone", None, None), ("beside concprof", Concprof, idle_pid),
            ("beside concprof on a loop", Concprof, loop_pid)])


# ---- stacks and names ----


def stack_costs(bench):
    """concprof's BPF run time of a switch below 20 frames: the same stack again, another one each time,
    and below two, where there is hardly a stack to walk."""
    variants = {"two frames": (0, 1), "20 frames, the same again": (15, 1), "20 frames, another each time": (15, 2)}
    costs = collections.defaultdict(list)
    bench.say("stacks")
    for _ in range(min(bench.opt.pairs, 5)):
        for name, (depth, sites) in variants.items():
            target = Target(bench.children, bench.program("deep", "--depth", str(depth), "--sites", str(sites),
                                                          "--cpus", bench.load_cpu))
            target.settle()
            tool = bench.tool(Concprof, target.pid, bench.concprof_how)
            target.settle()
            spell = procs.bpf_spell(tool, target, SPELL_S)
            tool.stop()
            report = bench.keep_report(tool.report())
            stacks = [s for s in report["stacks"] if not s["frame_pointers"]]
            tool.clean()
            target.end()
            costs[name].append({
                "spell": spell,
                "frames": max((len([f for f in s["frames"] if not f["inlined"]]) for s in stacks), default=0),
            })
    bench.figures["stacks"] = costs


def names_of(bench, name, argv, ready):
    """What build/bench/names says of an idle service."""
    try:
        child = bench.children.start(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    except OSError as e:
        bench.figures["unavailable"][name] = str(e)
        return None
    try:
        procs.wait_until(lambda: ready(child.pid), name, alive=child)
        done = [subprocess.run(bench.program("names", str(child.pid)), capture_output=True, text=True, check=True)
                for _ in range(min(bench.opt.pairs, 5))]
    finally:
        bench.children.end(child)
    return [{key: int(value) for key, value in (line.split("=") for line in run.stdout.split())} for run in done]


def maps_hold(pid, text):
    try:
        with open(f"/proc/{pid}/maps", encoding="utf-8", errors="replace") as f:
            return text in f.read()
    except OSError:
        return False


def names(bench):
    """Symbols and unwind tables of large programs of the distribution."""
    bench.say("names")
    data = os.path.join(bench.folder, "mariadb")
    bench.figures["names"] = found = {}
    found["node"] = names_of(bench, "node", ["node", "-e", "setInterval(() => {}, 1000)"],
                             lambda pid: maps_hold(pid, "libc.so.6"))
    try:
        subprocess.run(["mariadb-install-db", "--no-defaults", f"--datadir={data}", "--user=root",
                        "--auth-root-authentication-method=normal", "--skip-test-db"],
                       check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    except (OSError, subprocess.CalledProcessError) as e:
        bench.figures["unavailable"]["mariadbd"] = str(e)
        return
    socket = os.path.join(bench.folder, "mariadb.sock")
    found["mariadbd"] = names_of(bench, "mariadbd",
                                 ["mariadbd", "--no-defaults", f"--datadir={data}", "--user=root",
                                  "--skip-networking", f"--socket={socket}", f"--pid-file={socket}.pid"],
                                 lambda _pid: os.path.exists(socket))


# ---- single runs of concprof ----


def peak_rss_bytes(pid):
    """Of the process's own image: getrusage() would count what it was before its exec."""
    try:
        with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as f:
            found = re.search(r"^VmHWM:\s+(\d+) kB", f.read(), re.M)
    except OSError:
        return 0
    return int(found.group(1)) * 1024 if found else 0


def watched_run(bench, pid, seconds):
    """concprof -d seconds on @pid from its exec to its end, its clocks read from outside."""
    tool = bench.tool(Concprof, pid, ["-d", str(seconds)], pin=False)
    cpu_at_attach = procs.cpu_ns(tool.pid)
    map_bytes = procs.bpf_map_bytes(tool.pid)
    window_ends_at = tool.exec_at + tool.attach_s + seconds
    cpu_in_window, cpu_all, rss = cpu_at_attach, cpu_at_attach, 0
    while tool.child.poll() is None:
        try:
            cpu_all = procs.cpu_ns(tool.pid)
        except OSError:
            break  # ended
        now = time.monotonic()
        if now <= window_ends_at:
            cpu_in_window = cpu_all
        rss = max(rss, peak_rss_bytes(tool.pid))
        time.sleep(procs.POLL_S if now > window_ends_at - 0.1 else 5 * procs.POLL_S)
    ended_at = time.monotonic()
    tool.stop()
    report = bench.keep_report(tool.report())
    return {
        "seconds": seconds,
        "attach_s": tool.attach_s,
        "report_s": ended_at - window_ends_at,
        "window_cpu_ratio": (cpu_in_window - cpu_at_attach) / (seconds * 1e9),
        "whole_cpu_ratio": cpu_all / (seconds * 1e9),
        "rss_bytes": rss,
        "map_bytes": map_bytes,
        "self": report["self"],
        "losses": report["losses"],
    }


def start_thousand(bench):
    """The sample with 1,000 quiet threads; returns its process when all of them are there."""
    child = bench.children.start(
        [f"{bench.opt.build}/samples/many-threads", "1000"], stdout=subprocess.DEVNULL
    )
    procs.wait_until(
        lambda: len(os.listdir(f"/proc/{child.pid}/task")) > 1000, "many-threads", alive=child
    )
    return child


def single_runs(bench):
    thousand = start_thousand(bench)
    target = Target(bench.children, bench.workloads()["ping-pong"])
    runs = {}
    for name, pid in (("ping-pong", target.pid), ("1,000 threads", thousand.pid)):
        bench.say(f"attach, report and collector on {name}")
        short = [watched_run(bench, pid, 0.5) for _ in range(min(bench.opt.pairs, 10))]
        long = watched_run(bench, pid, 10)
        runs[name] = {"short": short, "long": long}
    target.end()
    bench.children.end(thousand)
    bench.figures["runs"] = runs


# ---- losses ----


def run_beside(bench, pid, targets, seconds):
    """concprof on @pid while the targets run; (its losses, their switches per second, their laps).

    The targets pause while it attaches and are gone before its report: with every CPU switching
    at full rate the kernel's RCU thread hardly gets to run, and attaching any tracepoint waits
    for it.
    """
    for target in targets:
        target.pause()
    tool = bench.tool(Concprof, pid, ["-d", str(seconds)], pin=False)
    for target in targets:
        target.go_on()
        target.begin(seconds)
    laps = [target.result() for target in targets]
    for target in targets:
        target.end()
    procs.wait_until(lambda: tool.child.poll() is not None, "concprof: end", procs.STOP_LIMIT_S)
    tool.stop()
    lost = bench.keep_report(tool.report())["losses"]
    return lost, sum(lap["ops_per_s"] * lap["switches_per_op"] for lap in laps), laps


def loss_of_others(bench, idle_pid, seconds):
    pairs = ["--pairs", str(bench.cpus_len), "--cpus", bench.cpus]
    targets = [Target(bench.children, bench.program(p, *pairs)) for p in ("pingpong", "switchrate")]
    lost, rate, _ = run_beside(bench, idle_pid, targets, seconds)
    return {"lost": lost, "switches_per_s": rate}


def highest_rate(bench, program, seconds):
    """The highest rate of switches on the target without a loss: all it can, else by halves."""
    pairs = 2 * bench.cpus_len
    argv = bench.program(program, "--pairs", str(pairs), "--cpus", bench.cpus)
    steps = []
    limit = []
    for _ in range(RATE_STEPS_MAX):
        target = Target(bench.children, argv + limit)
        target.settle()
        lost, rate, laps = run_beside(bench, target.pid, [target], seconds)
        steps.append({"switches_per_s": rate, "lost": lost, "unlimited": not limit})
        if not lost:
            break
        limit = ["--rate", str(max(1, int(laps[0]["ops_per_s"] / pairs / 2)))]
    return steps


def losses(bench, idle_pid):
    seconds = 1 if bench.opt.quick else 4
    bench.say("losses")
    bench.figures["loss_of_others"] = loss_of_others(bench, idle_pid, seconds)
    bench.figures["highest_rate"] = {
        name: highest_rate(bench, program, seconds)
        for name, program in (("pipes", "pingpong"), ("futex words", "switchrate"))
    }


# ---- the machine ----


def first_line(argv):
    try:
        done = subprocess.run(argv, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return done.stdout.strip().splitlines()[0] if done.stdout.strip() else "unknown"


def cpu_model():
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as f:
        text = f.read()
    found = re.search(r"^model name\s*:\s*(.+)$", text, re.M)
    guest = re.search(r"^flags\s*:.*\bhypervisor\b", text, re.M)
    model = found.group(1) if found else platform.machine()
    return model + (" (virtual machine)" if guest else "")


def machine(bench):
    package = ["dpkg-query", "-W", "-f", "${Version}"]
    return {
        "CPU": f"{bench.cpus_len} x {cpu_model()}",
        "kernel": f"{platform.release()} {platform.machine()}",
        "libc": os.confstr("CS_GNU_LIBC_VERSION"),
        "compilers": f"{first_line(['gcc', '--version'])}; {first_line(['clang', '--version'])}",
        "libbpf": first_line(package + ["libbpf-dev"]),
        "concprof": first_line([Concprof.binary, "--version"]),
        "offcputime": f"libbpf-tools {first_line(package + ['libbpf-tools'])}",
        "perf": first_line([PerfSched.binary, "--version"]),
        "load average at the start": f"{os.getloadavg()[0]:.2f}",
    }


def parse(argv):
    p = argparse.ArgumentParser(description="Measure what concprof and its peers cost.")
    p.add_argument("--pairs", type=int, default=10)
    p.add_argument("--quick", action="store_true")
    p.add_argument("--limit-s", type=float, default=700)
    p.add_argument("--build", default="build")
    p.add_argument("folder", help="for the tools' files while they run")
    p.add_argument("raw", help="the figures, as JSON")
    return p.parse_args(argv)


def stop(number, _frame):
    raise SystemExit(128 + number)


def main(argv):
    opt = parse(argv)
    # Also where a shell in the background had them ignored, for tools are ended by SIGINT.
    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    bench = Bench(opt, opt.folder)
    began_at = time.monotonic()
    try:
        bench.figures["machine"] = machine(bench)
        idle = bench.children.start(IDLE_ARGV)
        rounds(bench, idle.pid, measure_loops.idle_loop(bench).pid)
        stack_costs(bench)
        measure_python.costs(bench, SPELL_S)
        names(bench)
        single_runs(bench)
        losses(bench, idle.pid)
    except BenchError as e:
        print(f"bench: {e}", file=sys.stderr)
        return 1
    finally:
        bench.children.end_all()
    bench.figures["took_s"] = time.monotonic() - began_at
    bench.figures["quick"] = opt.quick
    with open(opt.raw, "w", encoding="utf-8") as f:
        json.dump(bench.figures, f, indent=1)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
