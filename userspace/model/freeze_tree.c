// SPDX-License-Identifier: GPL-2.0-only
/* The tree of processes: who is whose child, what making and ending them costs, and the whole. */
#include "base/num.h"
#include "model/freeze_priv.h"
#include "model/hist.h"

#include <stdlib.h>

static struct snap_process *processes_of(const struct freeze *f)
{
	return (struct snap_process *)f->snap->processes;
}

static void find_parents(struct freeze *f)
{
	struct snap_process *processes = processes_of(f);
	const uint32_t len = f->snap->processes_len;
	struct hashmap pids;

	hashmap_init(&pids, sizeof(uint32_t));
	for (uint32_t i = 0; !f->failed && i < len; i++)
		f->failed |= !hashmap_put(&pids, &processes[i].pid, i, NULL);
	for (uint32_t i = 0; !f->failed && i < len; i++) {
		const uint32_t *parent = hashmap_get(&pids, &processes[i].ppid);

		processes[i].parent = parent && *parent != i ? *parent : SNAP_NONE;
		if (processes[i].ended && processes[i].parent != SNAP_NONE)
			processes[*parent].exits++;
	}
	hashmap_free(&pids);
}

/*
 * Each process's way up, until one that was met before.  A capture may say that two are each
 * other's parents: that ends there, too.
 */
static void find_depths(struct freeze *f)
{
	struct snap_process *processes = processes_of(f);
	const uint32_t len = f->snap->processes_len;
	uint32_t *way = freeze_temporary(f, len, sizeof(*way));
	bool *known = freeze_temporary(f, len, sizeof(*known));

	for (uint32_t i = 0; !f->failed && i < len; i++) {
		uint32_t steps = 0, at = i, depth = 0;

		while (at != SNAP_NONE && !known[at]) {
			known[at] = true;
			way[steps++] = at;
			at = processes[at].parent;
		}
		if (at != SNAP_NONE)
			depth = processes[at].depth + 1;
		while (steps)
			processes[way[--steps]].depth = depth++;
	}
	free(way);
	free(known);
}

/* Samples that hit the making and ending of processes; then, of all, what their CPU time is. */
struct counts {
	uint64_t all, fork, exec, exit, copy;
};

static void add_sample(struct counts *to, const struct snap_sample *sample)
{
	to->all = num_sat_add(to->all, sample->count);
	if (sample->kind == SAMPLE_FORK)
		to->fork = num_sat_add(to->fork, sample->count);
	else if (sample->kind == SAMPLE_EXEC)
		to->exec = num_sat_add(to->exec, sample->count);
	else if (sample->kind == SAMPLE_EXIT)
		to->exit = num_sat_add(to->exit, sample->count);
	else if (sample->kind == SAMPLE_COPY)
		to->copy = num_sat_add(to->copy, sample->count);
}

static struct snap_cost cost_of(const struct counts *c, uint64_t run_ns)
{
	const double each_ns = num_ratio((double)run_ns, (double)c->all);

	return (struct snap_cost){
		.fork_ns = num_to_u64((double)c->fork * each_ns),
		.exec_ns = num_to_u64((double)c->exec * each_ns),
		.exit_ns = num_to_u64((double)c->exit * each_ns),
		.copy_ns = num_to_u64((double)c->copy * each_ns),
	};
}

/* A process that lived too briefly for a sample costs nothing by its own, but counts in the sum. */
static void find_costs(struct freeze *f)
{
	const struct snapshot *snap = f->snap;
	struct snap_process *processes = processes_of(f);
	struct counts *counts = freeze_temporary(f, snap->processes_len, sizeof(*counts));
	struct counts all = {0};

	for (uint32_t i = 0; !f->failed && i < snap->samples_len; i++) {
		if (snap->samples[i].thread >= snap->threads_len)
			continue;
		add_sample(&all, &snap->samples[i]);
		add_sample(&counts[snap->threads[snap->samples[i].thread].process],
			   &snap->samples[i]);
	}
	for (uint32_t i = 0; !f->failed && i < snap->processes_len; i++)
		processes[i].cost = cost_of(&counts[i], processes[i].class_ns[CLASS_RUN]);
	f->snap->tree.cost = cost_of(&all, snap->class_ns[CLASS_RUN]);
	free(counts);
}

static void add_process(struct snap_tree *tree, const struct snap_process *p)
{
	const struct {
		uint64_t *to, from;
	} sums[] = {
		{&tree->voluntary_switches, p->voluntary_switches},
		{&tree->involuntary_switches, p->involuntary_switches},
		{&tree->forks, p->forks},
		{&tree->execs, p->execs},
		{&tree->migrations, p->migrations},
		{&tree->faults, p->faults},
		{&tree->major_faults, p->major_faults},
		{&tree->copy_faults, p->copy_faults},
	};

	for (size_t i = 0; i < ARRAY_LEN(sums); i++)
		*sums[i].to = num_sat_add(*sums[i].to, sums[i].from);
	tree->ended += p->ended;
	if (p->depth > tree->depth)
		tree->depth = p->depth;
	if (p->cpus_allowed > tree->cpus_allowed)
		tree->cpus_allowed = p->cpus_allowed;
	hist_merge(&tree->runq, p->runq.count, p->runq.max_ns, p->runq.bucket);
}

void freeze_tree(struct freeze *f)
{
	find_parents(f);
	if (!f->failed)
		find_depths(f);
	if (!f->failed)
		find_costs(f);
	for (uint32_t i = 0; !f->failed && i < f->snap->processes_len; i++)
		add_process(&f->snap->tree, &f->snap->processes[i]);
}
