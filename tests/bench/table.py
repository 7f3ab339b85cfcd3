# SPDX-License-Identifier: GPL-2.0-only
"""From the raw figures of measure.py to medians, ratios, goals met or not, in Markdown."""
import json
import statistics
import sys

MIB = 1024 * 1024
CONDITIONS = ("alone", "beside concprof", "beside concprof on a loop", "concprof", "offcputime", "perf sched record")
SCHEDULER = ("sched_switch", "sched_waking", "sched_wakeup")  # the hooks that tax a switch
TITLES = {
    "ping-pong": "Pipe ping-pong (two threads, one CPU; op = round trip)",
    "contended mutex": "Contended mutex (four threads, one CPU; op = one lock and unlock)",
    "uncontended mutex": "Uncontended mutexes (two threads, one CPU; op = one lock and unlock)",
    "Python, 4 threads compute": "Python, four threads that compute below ten calls (one CPU; op = about 0.05 ms of work)",
    "Python, threaded server": "Python, a server with a thread for each of eight connections (one CPU; op = a request)",
    "redis under redis-benchmark": "redis under redis-benchmark, 50 connections (one CPU; op = a GET)",
    "nginx under wrk": "nginx under wrk, 32 connections (one CPU; op = a request)",
    "getpid": "getpid in a loop (one CPU; op = a call)",
}
GOALS = {
    "others_ns": 100,
    "of_offcputime": 0.5,
    "collector_ratio": 0.01,
    "memory_bytes": 64 * MIB,
    "attach_s": 0.5,
    "report_s": 1.0,
    "ten_python_frames_ns": 2000,
    "Python, 4 threads compute": 0.01,
    "Python, threaded server": 0.02,
    "redis under redis-benchmark": 0.02,
    "nginx under wrk": 0.02,
    "syscall_ns": 60,
}

INTRO = """# Benchmarks

What concprof costs, measured by `make bench` (here: {pairs} pairs of each comparison in {took:.0f} s{quick}).

{machine}

**How.** A workload runs in one process for a whole round, pinned to one CPU, so that all its switches and whatever
they cost are its own; tools run on the other CPUs. In a round each condition gets a lap between two laps without
any tool and is divided by their mean; the order rotates. Figures are medians over rounds with quartiles in
brackets. `alone` is a lap without a tool between two others: the spread of its ratios (A/A) is what noise does, and
a ratio inside it means nothing. **BPF** is the kernel's own run time of the tool's programs (`run_time_ns`), read in
short spells outside the laps, because these statistics slow every BPF program; it contains the clock's two
reads but not the jump into a program, which the paired CPU time does contain. **Collector** is the user and system
time of the tool's process during a lap. Their files lie in memory, not on disk. **Cost** = BPF + collector, over the workload's CPU time. That time
contains the BPF time itself, so shares of two tools are not to be divided by each other; the goal against offcputime
is judged by ns per switch. `perf` has no BPF side: its cost on the workload shows in the paired CPU time alone.
"""


def middle(values, form="{:.3f}"):
    """'median [first quartile..third quartile]'; '-' for no values."""
    if not values:
        return "-"
    if len(values) == 1:
        return form.format(values[0])
    low, _, high = statistics.quantiles(values, n=4, method="inclusive")
    return f"{form.format(statistics.median(values))} [{form.format(low)}..{form.format(high)}]"


def median(values):
    return statistics.median(values) if values else None


def percent(values, digits=2):
    return middle([100 * v for v in values], f"{{:.{digits}f}}%")


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


# ---- figures of one lap ----


def total_ns(spell):
    return sum(program["ns"] for program in spell["programs"].values())


def hook_ns(spell):
    """Run time of the programs that run at switches and wakeups."""
    return sum(
        program["ns"]
        for name, program in spell["programs"].items()
        if any(hook in name for hook in SCHEDULER)
    )


def switch_runs(spell):
    return sum(p["runs"] for name, p in spell["programs"].items() if "sched_switch" in name)


def spells(laps):
    return [lap["spell"] for lap in laps if lap.get("spell")]


def bpf_shares(laps):
    return [total_ns(s) / s["target_cpu_ns"] for s in spells(laps)]


def bpf_ns_per_switch(laps):
    """Of each switch of the target with its wakeup, all the tool's programs included."""
    return [total_ns(s) / s["target"]["switches"] for s in spells(laps) if s["target"]["switches"]]


def others_ns_per_switch(laps):
    """Of each switch of the machine, where none is the target's."""
    return [hook_ns(s) / switch_runs(s) for s in spells(laps) if switch_runs(s)]


def cost_shares(laps):
    return [share + lap["collector_ratio"] for share, lap in zip(bpf_shares(laps), laps)]


def cost_ns_per_switch(laps):
    """BPF and collector, of each switch of the target."""
    return [
        bpf + lap["collector_ns_per_op"] / lap["switches_per_op"]
        for bpf, lap in zip(bpf_ns_per_switch(laps), laps)
    ]


def paired_ns_per_switch(laps):
    return [lap["extra_ns_per_op"] / lap["switches_per_op"] for lap in laps]


def column(laps, key):
    return [lap[key] for lap in laps if key in lap]


# ---- sections ----


def workload_table(title, conditions, unavailable):
    rows = []
    switches = title not in (TITLES["uncontended mutex"], TITLES["getpid"])
    for name in CONDITIONS:
        laps = conditions.get(name, [])
        if not laps:
            if switches and name in unavailable:
                rows.append([name, f"not measured: {unavailable[name]}"] + ["-"] * 7)
            continue
        on_target = name not in ("alone", "beside concprof", "beside concprof on a loop")
        per_switch = bpf_ns_per_switch(laps) if on_target else others_ns_per_switch(laps)
        rows.append(
            [
                "alone (A/A)" if name == "alone" else name,
                middle(column(laps, "cpu_ratio")),
                middle(column(laps, "throughput_ratio")),
                f"{median(column(laps, 'switches_per_op')):.2f}",
                percent(bpf_shares(laps)) if spells(laps) else "-",
                percent(column(laps, "collector_ratio"), 3),
                percent(cost_shares(laps)) if spells(laps) else "-",
                middle(per_switch, "{:.0f}") if switches else "-",
                middle(paired_ns_per_switch(laps), "{:.0f}") if switches else "-",
            ]
        )
    alone = conditions.get("alone", [])
    span = column(alone, "cpu_ratio")
    head = [
        "condition",
        "CPU per op, ratio",
        "throughput, ratio",
        "switches per op",
        "BPF / target CPU",
        "collector / target CPU",
        "cost",
        "BPF ns per switch",
        "paired extra CPU ns per switch",
    ]
    text = f"## {title}\n\n" + table(head, rows)
    if alone:
        text += (
            f"\nAlone: {middle(column(alone, 'alone_ns_per_op'), '{:.0f}')} ns of CPU per op, "
            f"A/A from {min(span):.3f} to {max(span):.3f}.\n"
        )
    return text


def programs_table(figures):
    rows = []
    for workload in ("ping-pong", "contended mutex"):
        for condition in ("beside concprof", "concprof", "offcputime"):
            found = spells(figures["rounds"].get(workload, {}).get(condition, []))
            for name in sorted({name for spell in found for name in spell["programs"]}):
                runs = [s["programs"][name] for s in found if name in s["programs"]]
                rows.append(
                    [
                        workload,
                        condition,
                        f"`{name}`",
                        middle([p["ns"] / p["runs"] for p in runs], "{:.0f}"),
                        f"{median([p['runs'] / s['target']['ops'] for p, s in zip(runs, found)]):.3f}",
                        str(sum(p["misses"] for p in runs)),
                    ]
                )
    head = ["workload", "condition", "program", "ns per run", "runs per op", "skipped by recursion"]
    return "## BPF programs, each run\n\n" + table(head, rows)


def runs_table(figures):
    rows = []
    for name, runs in figures["runs"].items():
        both = runs["short"] + [runs["long"]]
        long = runs["long"]
        rows += [
            [name, "attach (exec to the first record)", middle(column(both, "attach_s")) + " s"],
            [name, "report (end of the window to the end of the process)",
             middle(column(both, "report_s")) + " s"],
            [name, f"collector in the window of {long['seconds']} s",
             f"{100 * long['window_cpu_ratio']:.2f}% of a CPU"],
            [name, "the same with loading, attaching and the report",
             f"{100 * long['whole_cpu_ratio']:.2f}% of a CPU"],
            [name, "peak RSS + BPF maps",
             f"{long['rss_bytes'] / MIB:.1f} + {long['map_bytes'] / MIB:.1f} MiB"],
        ]
    for name, steps in figures["highest_rate"].items():
        for step in steps:
            rows.append(
                [
                    f"all CPUs, {name}",
                    "target at " + ("full rate" if step["unlimited"] else "a limited rate"),
                    f"{step['switches_per_s']:,.0f} switches/s, {lost_text(step['lost'])}",
                ]
            )
    return "## Single runs\n\n" + table(["target", "what", "measured"], rows)


def lost_text(lost):
    lost = {cause: count for cause, count in lost.items() if count}
    if not lost:
        return "nothing lost"
    return "lost: " + ", ".join(f"{cause} {count:,}" for cause, count in sorted(lost.items()))


# ---- goals ----


def verdict(value, goal):
    if value is None:
        return "not measured"
    return "met" if value <= goal else "**not met**"


def goals_of_rounds(rounds):
    rows = []
    for workload in ("ping-pong", "contended mutex"):
        laps = rounds.get(workload, {})
        beside = laps.get("beside concprof", [])
        own, peer = laps.get("concprof", []), laps.get("offcputime", [])
        for what, figure in (
            ("BPF run time", others_ns_per_switch(beside)),
            ("paired CPU", paired_ns_per_switch(beside)),
        ):
            rows.append(
                [f"another process's switch, {workload}: {what}", "at most 100 ns",
                 middle(figure, "{:.0f}") + " ns", verdict(median(figure), GOALS["others_ns"])]
            )
        for what, figure in (
            ("BPF run time + collector", cost_ns_per_switch),
            ("paired CPU", paired_ns_per_switch),
        ):
            ours, theirs = median(figure(own)), median(figure(peer))
            known = ours is not None and theirs is not None and theirs > 0
            ratio = ours / theirs if known else None
            rows.append(
                [f"the target's switch, {workload}: {what}", "at most half of offcputime's",
                 f"{ours:.0f} of {theirs:.0f} ns = {ratio:.3f}" if known else "-",
                 verdict(ratio, GOALS["of_offcputime"])]
            )
    laps = rounds.get("uncontended mutex", {})
    noise, own = (column(laps.get(c, []), "cpu_ratio") for c in ("alone", "concprof"))
    if noise and own:
        inside = median(own) <= max(noise)
        rows.append(
            ["uncontended mutexes: CPU per op under `-p`, ratio",
             f"nothing measurable (A/A {min(noise):.3f}..{max(noise):.3f})",
             middle(own), "met" if inside else "**not met**"]
        )
    return rows


def goals_of_runs(figures):
    others = figures["loss_of_others"]
    rows = [
        ["losses while other programs switch at full rate", "0",
         f"{lost_text(others['lost'])} at {others['switches_per_s']:,.0f} switches/s",
         verdict(sum(others["lost"].values()), 0)],
    ]
    for name, steps in figures["highest_rate"].items():
        clean = [s for s in steps if not s["lost"]]
        rate = f"{clean[-1]['switches_per_s']:,.0f} switches/s" if clean else "none found"
        if clean and clean[-1]["unlimited"]:
            rate += " (all that this machine can do)"
        rows.append([f"highest loss-free rate on the target, {name}", "reported", rate, "-"])
    for name, runs in figures["runs"].items():
        both = runs["short"] + [runs["long"]]
        for key, what, form in (
            ("attach_s", "attach", "at most 0.5 s"),
            ("report_s", "report after the end", "at most 1 s"),
        ):
            values = column(both, key)
            rows.append(
                [f"{what}, {name}", form, f"{middle(values)} s, max {max(values):.3f} s",
                 verdict(max(values), GOALS[key])]
            )
        for key, what in (
            ("window_cpu_ratio", "in the window"),
            ("whole_cpu_ratio", "with start and report"),
        ):
            ratio = runs["long"][key]
            rows.append(
                [f"collector {what}, {name}, {runs['long']['seconds']} s", "at most 1% of a CPU",
                 f"{100 * ratio:.2f}%", verdict(ratio, GOALS["collector_ratio"])]
            )
    long = figures["runs"]["1,000 threads"]["long"]
    memory = long["rss_bytes"] + long["map_bytes"]
    rows.append(
        ["RSS + BPF maps, 1,000 threads", "at most 64 MiB", f"{memory / MIB:.1f} MiB",
         verdict(memory, GOALS["memory_bytes"])]
    )
    return rows


def goals_of_stacks(figures):
    """Of the kernel's run time of a switch with its wakeup, what 20 frames add to two."""
    laps = figures.get("stacks", {})
    base = median(bpf_ns_per_switch(laps.get("two frames", [])))
    rows = []
    for name, goal_ns in (("20 frames, the same again", 300), ("20 frames, another each time", 700)):
        figure = bpf_ns_per_switch(laps.get(name, []))
        if not figure or base is None:
            continue
        more = median(figure) - base
        frames = max(column(laps[name], "frames"))
        rows.append(
            [f"a stack of {name} (walked: {frames}), over one of two", f"at most {goal_ns} ns",
             f"{more:.0f} ns; the whole switch {middle(figure, '{:.0f}')} ns", verdict(more, goal_ns)]
        )
    return rows


def goals_of_python(figures):
    """What ten frames of Python add, and what whole programs pay."""
    laps = figures.get("python", {})
    rows = []
    for name, what in (("block", "a block below ten calls of Python more, the same again"),
                       ("block, another each time", "a block below ten calls of Python more, another each time"),
                       ("GIL", "a switch of threads that wait for the GIL, ten calls of Python more")):
        base, deep = (bpf_ns_per_switch(laps.get(each, [])) for each in (name, f"{name}, ten calls deeper"))
        if not base or not deep:
            continue
        more = median(deep) - median(base)
        frames = max(column(laps[f"{name}, ten calls deeper"], "frames"))
        rows.append([f"{what} (walked: {frames})", f"at most {GOALS['ten_python_frames_ns']} ns",
                     f"{more:.0f} ns; the whole switch {middle(deep, '{:.0f}')} ns",
                     verdict(more, GOALS["ten_python_frames_ns"])])
    for workload in ("Python, 4 threads compute", "Python, threaded server"):
        conditions = figures["rounds"].get(workload, {})
        own, noise = conditions.get("concprof", []), column(conditions.get("alone", []), "cpu_ratio")
        if not own or not noise:
            continue
        rows.append([f"{workload}: cost", f"at most {GOALS[workload]:.0%}",
                     f"{percent(cost_shares(own))}; CPU per op {middle(column(own, 'cpu_ratio'))}, A/A {min(noise):.3f}"
                     f"..{max(noise):.3f}", verdict(median(cost_shares(own)), GOALS[workload])])
    return rows


def goals_of_loops(figures):
    """What event loops pay, and others for the hooks on polls."""
    rows = []
    for workload in ("redis under redis-benchmark", "nginx under wrk"):
        conditions = figures["rounds"].get(workload, {})
        own, alone = conditions.get("concprof", []), conditions.get("alone", [])
        if not own or not alone:
            continue
        shares = cost_shares(own)
        said = [f"{what} {middle(column(own, key))} (A/A {min(column(alone, key)):.3f}..{max(column(alone, key)):.3f})"
                for what, key in (("CPU per request", "cpu_ratio"), ("throughput", "throughput_ratio"), ("P99", "p99_ratio"))]
        rows.append([f"{workload}: cost", f"at most {GOALS[workload]:.0%}", f"{percent(shares)}; {', '.join(said)}",
                     verdict(median(shares), GOALS[workload])])
    laps = figures["rounds"].get("getpid", {})
    noise = column(laps.get("alone", []), "extra_ns_per_op")
    for condition, goal in (("beside concprof", None), ("beside concprof on a loop", GOALS["syscall_ns"])):
        extra = column(laps.get(condition, []), "extra_ns_per_op")
        if not extra or not noise:
            continue
        least = f"nothing measurable (A/A {min(noise):.1f}..{max(noise):.1f} ns)"
        rows.append([f"another process's system call, {condition}", least if goal is None else f"at most {goal} ns",
                     f"{middle(extra, '{:.1f}')} ns", verdict(median(extra), max(noise) if goal is None else goal)])
    return rows


def goals_of_names(figures):
    rows = []
    found = figures.get("names", {})
    node, mariadbd = found.get("node"), found.get("mariadbd")
    if mariadbd:
        time_ns, size = column(mariadbd, "table_ns"), median(column(mariadbd, "table_bytes"))
        rows += [
            [f"unwind tables of all {mariadbd[0]['table_files']} files of mariadbd", "at most 100 ms",
             middle([ns / 1e6 for ns in time_ns], "{:.1f}") + " ms", verdict(median(time_ns), 100e6)],
            ["their size", "at most 4 MiB", f"{size / MIB:.1f} MiB", verdict(size, 4 * MIB)],
        ]
    if node:
        time_ns, rss = column(node, "name_ns"), median(column(node, "name_rss_bytes"))
        rows += [
            ["names of 10,000 frames of node, a program of 95 MiB, read for the first time", "at most 1 s",
             middle([ns / 1e9 for ns in time_ns]) + f" s, {node[0]['named']:,} have one", verdict(median(time_ns), 1e9)],
            ["memory for them", "at most 50 MiB", f"{rss / MIB:.1f} MiB", verdict(rss, 50 * MIB)],
        ]
    return rows


def goals_table(figures):
    rows = (goals_of_rounds(figures["rounds"]) + goals_of_stacks(figures) + goals_of_python(figures) + goals_of_loops(figures)
            + goals_of_names(figures) + goals_of_runs(figures))
    losses = figures["losses"]
    rows.append(
        ["losses in all runs of concprof here", "0",
         f"{lost_text(losses['lost'])} in {losses['runs']} runs",
         verdict(sum(losses["lost"].values()), 0)]
    )
    return "## Goals\n\n" + table(["what", "goal", "measured", ""], rows)


def cross_checks(figures):
    """What concprof says of itself beside what was seen from outside."""
    rows = []
    for workload in ("ping-pong", "contended mutex"):
        laps = figures["rounds"].get(workload, {}).get("concprof", [])
        outside = [
            total_ns(s) / sum(p["runs"] for p in s["programs"].values()) for s in spells(laps)
        ]
        rows.append(
            [f"BPF ns per run, {workload}", middle(outside, "{:.0f}"),
             middle(column(laps, "own_ns_per_run"), "{:.0f}")]
        )
    for name, runs in figures["runs"].items():
        long = runs["long"]
        own = long["self"]
        rows += [
            [f"collector, share of a CPU, {name}", f"{100 * long['window_cpu_ratio']:.2f}%",
             f"{100 * own.get('collector_cpu_ratio', own['cpu_ratio']):.2f}%"],
            [f"RSS + BPF maps, {name}",
             f"{long['rss_bytes'] / MIB:.1f} + {long['map_bytes'] / MIB:.1f} MiB",
             f"{own['rss_bytes'] / MIB:.1f} + {own['map_bytes'] / MIB:.1f} MiB"],
        ]
    head = ["what", "seen from outside", "`self` of its report"]
    return "## concprof's own account\n\n" + table(head, rows)


def render(figures):
    pairs = min(
        (len(laps) for conditions in figures["rounds"].values() for laps in conditions.values()),
        default=0,
    )
    parts = [
        INTRO.format(
            pairs=pairs,
            took=figures["took_s"],
            quick=", `--quick`: too short to be quoted" if figures["quick"] else "",
            machine=table(["machine", ""], [[k, v] for k, v in figures["machine"].items()]).strip(),
        ),
        goals_table(figures),
    ]
    for workload, title in TITLES.items():
        conditions = figures["rounds"].get(workload, {})
        parts.append(workload_table(title, conditions, figures["unavailable"]))
    parts += [programs_table(figures), runs_table(figures), cross_checks(figures)]
    return "\n".join(parts)


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as raw:
        print(render(json.load(raw)), end="")
