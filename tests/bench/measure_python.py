# SPDX-License-Identifier: GPL-2.0-only
"""What Python's frames and its GIL cost concprof, on python_load.py: the part of measure.py that is Python's."""
import collections
import os

import procs
from procs import Concprof, Target

PYTHON = "/usr/bin/python3"
# The names of the rounds' workloads are those of table.py.
WORKLOADS = {
    "Python, 4 threads compute": ("compute", "--threads", "4"),
    "Python, threaded server": ("server", "--threads", "8"),
}
# By pairs: each has ten calls more than the one before it.
VARIANTS = {
    "block": ("block", "--depth", "0"),
    "block, ten calls deeper": ("block", "--depth", "10"),
    "block, another each time": ("block", "--depth", "0", "--sites", "2"),
    "block, another each time, ten calls deeper": ("block", "--depth", "10", "--sites", "2"),
    "GIL": ("compute", "--depth", "0", "--interval", "0.0005"),
    "GIL, ten calls deeper": ("compute", "--depth", "10", "--interval", "0.0005"),
}


def argv(bench, how):
    return [PYTHON, f"{os.path.dirname(__file__)}/python_load.py", *how, "--cpus", bench.load_cpu]


def workloads(bench):
    return {name: argv(bench, how) for name, how in WORKLOADS.items()}


def one_cost(bench, how, spell_s):
    """concprof's BPF run time while the workload runs, and what its report says of it."""
    target = Target(bench.children, argv(bench, how))
    target.settle()
    tool = bench.tool(Concprof, target.pid, bench.concprof_how)
    target.settle()
    spell = procs.bpf_spell(tool, target, spell_s)
    tool.stop()
    report = bench.keep_report(tool.report())
    tool.clean()
    target.end()
    return {
        "spell": spell,
        "frames": max((sum(frame["kind"] == "python" for frame in stack["frames"]) for stack in report["stacks"]),
                      default=0),
        "gil_waits": sum(lock["waits"] for lock in report["locks"] if lock["kind"] == "gil"),
    }


def costs(bench, spell_s):
    bench.say("Python")
    found = collections.defaultdict(list)
    for _ in range(min(bench.opt.pairs, 5)):
        for name, how in VARIANTS.items():
            found[name].append(one_cost(bench, how, spell_s))
    bench.figures["python"] = found
