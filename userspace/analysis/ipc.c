// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/ipc.h"

#include "analysis/ipc_code.h"
#include "base/cleanup.h"
#include "base/num.h"

#include <errno.h>
#include <stdlib.h>

/* A process may be the limit when it runs at least this share of what the busiest one does. */
#define BUSY_SHARE 0.5

struct thread_part {
	uint64_t samples, ipc, kernel;
	double wait_ns;
};

struct process_part {
	struct thread_part sum;
	double run_ns, runq_ns, non_idle_ns;
	double waited_for_ns; /* at pipes, by other processes */
};

struct work {
	const struct snapshot *snap;
	struct thread_part *threads;
	struct process_part *processes;
};

static bool related(const struct snap_process *a, const struct snap_process *b)
{
	return a->ppid == b->pid || b->ppid == a->pid || (a->ppid && a->ppid == b->ppid);
}

bool ipc_edge(const struct snapshot *snap, const struct snap_edge *edge)
{
	uint32_t from, to;

	if (edge->from_thread >= snap->threads_len || edge->to_thread >= snap->threads_len)
		return false;
	from = snap->threads[edge->from_thread].process;
	to = snap->threads[edge->to_thread].process;
	if (from == to || from >= snap->processes_len || to >= snap->processes_len)
		return false;
	switch (edge->kind) {
	case EDGE_PIPE:
	case EDGE_FIFO:
	case EDGE_EVENTFD:
	case EDGE_QUEUE:
		return true;
	case EDGE_SOCKET:
	case EDGE_SOCKETPAIR:
	case EDGE_UNIX:
	case EDGE_TCP:
		/* Between strangers they are a service that is called: a proxy and its server. */
		return related(&snap->processes[from], &snap->processes[to]);
	case EDGE_LOCK:
	case EDGE_PEER:
	case EDGE_FUTEX:
	case EDGE_FILE_LOCK:
	case EDGE_SIGNAL:
	case EDGE_CHILD:
	case EDGE_KIND_COUNT:
		break;
	}
	return false;
}

static void count_samples(struct work *w)
{
	for (uint32_t i = 0; i < w->snap->samples_len; i++) {
		const struct snap_sample *s = &w->snap->samples[i];
		struct thread_part *part;
		bool kernel = s->kind == SAMPLE_IPC;

		if (s->thread >= w->snap->threads_len)
			continue;
		part = &w->threads[s->thread];
		part->samples = num_sat_add(part->samples, s->count);
		if (kernel)
			part->kernel = num_sat_add(part->kernel, s->count);
		if (kernel || ((s->kind == SAMPLE_USER || s->kind == SAMPLE_KERNEL) &&
			       ipc_code_stack(w->snap, s->stack)))
			part->ipc = num_sat_add(part->ipc, s->count);
	}
}

/* Waiting at pipes by the edges, at semaphores by the locks. Returns the number of waits. */
static uint64_t add_waits(struct work *w)
{
	const struct snapshot *snap = w->snap;
	uint64_t waits = 0;

	for (uint32_t i = 0; i < snap->edges_len; i++) {
		const struct snap_edge *e = &snap->edges[i];

		if (!ipc_edge(snap, e))
			continue;
		w->threads[e->from_thread].wait_ns += (double)e->wait_ns;
		waits = num_sat_add(waits, e->waits);
	}
	for (uint32_t i = 0; i < snap->locks_len; i++) {
		const struct snap_lock *lock = &snap->locks[i];
		double with_work = num_ratio((double)lock->peer_ns, (double)lock->blocked_ns);

		if (!ipc_code_lock(snap, lock, false))
			continue;
		waits = num_sat_add(waits, lock->waits);
		for (uint32_t k = 0; k < lock->waiters_len; k++)
			if (lock->waiters[k].thread < snap->threads_len)
				w->threads[lock->waiters[k].thread].wait_ns +=
					with_work * (double)lock->waiters[k].blocked_ns;
	}
	/* An edge counts all of a wait, the class only what had work behind it. */
	for (uint32_t i = 0; i < snap->threads_len; i++) {
		double most_ns = (double)snap->threads[i].class_ns[CLASS_PEER];

		if (w->threads[i].wait_ns > most_ns)
			w->threads[i].wait_ns = most_ns;
	}
	return waits;
}

static void sum_processes(struct work *w)
{
	const struct snapshot *snap = w->snap;

	for (uint32_t i = 0; i < snap->threads_len; i++) {
		const struct snap_thread *t = &snap->threads[i];
		struct process_part *p;

		if (t->process >= snap->processes_len)
			continue;
		p = &w->processes[t->process];
		p->sum.samples = num_sat_add(p->sum.samples, w->threads[i].samples);
		p->sum.ipc = num_sat_add(p->sum.ipc, w->threads[i].ipc);
		p->sum.kernel = num_sat_add(p->sum.kernel, w->threads[i].kernel);
		p->sum.wait_ns += w->threads[i].wait_ns;
		p->run_ns += (double)t->class_ns[CLASS_RUN];
		p->runq_ns += (double)t->class_ns[CLASS_RUNQ_PREEMPT] +
			      (double)t->class_ns[CLASS_RUNQ_WAKE];
		for (int c = 0; c < CLASS_COUNT; c++)
			if (!time_class_idle((enum time_class)c))
				p->non_idle_ns += (double)t->class_ns[c];
	}
	for (uint32_t i = 0; i < snap->edges_len; i++) {
		const struct snap_edge *e = &snap->edges[i];

		if (ipc_edge(snap, e))
			w->processes[snap->threads[e->to_thread].process].waited_for_ns +=
				(double)e->wait_ns;
	}
}

static double ipc_ratio(const struct thread_part *part)
{
	return num_ratio((double)part->ipc, (double)part->samples);
}

static uint32_t find_limiting(const struct work *w)
{
	uint32_t best = SNAP_NONE;
	double busiest_ns = 0;

	for (uint32_t i = 0; i < w->snap->processes_len; i++)
		if (w->processes[i].run_ns > busiest_ns)
			busiest_ns = w->processes[i].run_ns;
	for (uint32_t i = 0; i < w->snap->processes_len; i++) {
		const struct process_part *p = &w->processes[i];

		if (!(p->run_ns > 0) || p->run_ns < BUSY_SHARE * busiest_ns)
			continue;
		if (best == SNAP_NONE || p->waited_for_ns > w->processes[best].waited_for_ns)
			best = i;
	}
	return best;
}

/* Its thread with the most time in such code. */
static uint32_t find_thread(const struct work *w, uint32_t process)
{
	uint32_t best = SNAP_NONE;
	double most_ns = 0;

	for (uint32_t i = 0; i < w->snap->threads_len; i++) {
		double ns =
			ipc_ratio(&w->threads[i]) * (double)w->snap->threads[i].class_ns[CLASS_RUN];

		if (w->snap->threads[i].process == process && ns > most_ns) {
			most_ns = ns;
			best = i;
		}
	}
	return best;
}

/* By where it was found running, blocked, or waiting for a lock. */
static uint32_t find_feeder(const struct snapshot *snap, uint32_t process)
{
	uint32_t found = SNAP_NONE;

	for (uint32_t i = 0; i < snap->samples_len + snap->blocks_len; i++) {
		bool sample = i < snap->samples_len;
		const struct snap_block *block =
			sample ? NULL : &snap->blocks[i - snap->samples_len];
		uint32_t thread = sample ? snap->samples[i].thread : block->thread;

		if (thread >= snap->threads_len ||
		    !ipc_code_feeder(snap, sample ? snap->samples[i].stack : block->stack))
			continue;
		if (snap->threads[thread].process == process)
			return thread;
		if (found == SNAP_NONE)
			found = thread;
	}
	return found;
}

static void fill(const struct work *w, struct ipc *ipc)
{
	const struct process_part *limiting;

	for (uint32_t i = 0; i < w->snap->processes_len; i++) {
		const struct process_part *p = &w->processes[i];

		ipc->all.run_ns += ipc_ratio(&p->sum) * p->run_ns;
		ipc->all.wait_ns += p->sum.wait_ns;
		ipc->kernel_ns +=
			num_ratio((double)p->sum.kernel, (double)p->sum.samples) * p->run_ns;
	}
	ipc->process = find_limiting(w);
	if (ipc->process == SNAP_NONE)
		return;
	limiting = &w->processes[ipc->process];
	ipc->part.run_ns = ipc_ratio(&limiting->sum) * limiting->run_ns;
	ipc->part.wait_ns = limiting->sum.wait_ns;
	ipc->non_idle_ns = limiting->non_idle_ns;
	/* Waiting for a CPU is for the one as for the other. */
	ipc->share = num_ratio(ipc->part.run_ns + ipc_ratio(&limiting->sum) * limiting->runq_ns +
				       ipc->part.wait_ns,
			       ipc->non_idle_ns);
	ipc->thread = find_thread(w, ipc->process);
	ipc->feeder = find_feeder(w->snap, ipc->process);
}

int ipc_of_run(const struct snapshot *snap, struct ipc *ret)
{
	struct ipc ipc = {.process = SNAP_NONE, .thread = SNAP_NONE, .feeder = SNAP_NONE};
	_cleanup_free_ struct thread_part *threads =
		calloc(snap->threads_len + 1UL, sizeof(*threads));
	_cleanup_free_ struct process_part *processes =
		calloc(snap->processes_len + 1UL, sizeof(*processes));
	struct work w = {.snap = snap, .threads = threads, .processes = processes};

	if (!threads || !processes)
		return -ENOMEM;
	if (snap->processes_len > 1) {
		count_samples(&w);
		ipc.waits = add_waits(&w);
		sum_processes(&w);
		fill(&w, &ipc);
	}
	*ret = ipc;
	return 0;
}
