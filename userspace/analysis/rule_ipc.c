// SPDX-License-Identifier: GPL-2.0-only
/*
 * processes.ipc: at least 30% of what the limiting process does and waits for is handing data to
 * other processes: pipes, queues, pickling.  It goes before gil and cpu.*, which it brings about.
 *
 * gain: gain_remove_work() of all of it.  U / (U - its CPUs) where the CPUs are full; where it
 * keeps CPUs idle, because one end of a pipe waits for the other, these come on top, up to what the
 * limiting process does besides.
 */
#include "analysis/phrase.h"
#include "analysis/rules.h"
#include "base/num.h"
#include "base/units.h"
#include "model/site.h"

#include <inttypes.h>

#define IPC_SHARE 0.3
/* Pairs of processes that the evidence names. */
#define PAIRS_SHOWN 2
/* Edges that are looked at: sorted, so that the rest cannot matter much. */
#define LOOK_MAX 256

void ipc_find(const struct load *load, struct finding *f)
{
	const struct ipc *ipc = &load->ipc;

	if (ipc->process == SNAP_NONE || ipc->waits == 0 || ipc->share < IPC_SHARE)
		return;
	f->fired = true;
	f->thread =
		ipc->feeder != SNAP_NONE && load->snap->threads[ipc->feeder].process == ipc->process
			? ipc->feeder
			: ipc->thread;
	f->events = ipc->waits;
	finding_set_gain(f, gain_remove_work(load->busy_cpus, load->usable_cpus, load->ipc_cpus,
					     ipc->share));
}

static void add_process(struct strbuf *sb, const struct snapshot *snap, uint32_t process)
{
	const struct snap_process *p = &snap->processes[process];

	strbuf_printf(sb, "%s (%" PRIu32 ")", p->comm, p->pid);
}

struct pair {
	uint32_t from, to; /* processes */
	uint64_t waits, wait_ns;
};

/* The pair of processes with the most waiting of one for the other, not among @skip. */
static struct pair find_pair(const struct snapshot *snap, const struct pair *skip,
			     unsigned skip_len)
{
	struct pair pairs[LOOK_MAX];
	unsigned len = 0, best = 0;

	for (uint32_t i = 0; i < snap->edges_len && i < LOOK_MAX; i++) {
		const struct snap_edge *e = &snap->edges[i];
		uint32_t from, to;
		unsigned at = 0;
		bool skipped = false;

		if (!ipc_edge(snap, e))
			continue;
		from = snap->threads[e->from_thread].process;
		to = snap->threads[e->to_thread].process;
		for (unsigned k = 0; k < skip_len; k++)
			skipped |= skip[k].from == from && skip[k].to == to;
		while (at < len && (pairs[at].from != from || pairs[at].to != to))
			at++;
		if (skipped)
			continue;
		if (at == len)
			pairs[len++] = (struct pair){.from = from, .to = to};
		pairs[at].waits = num_sat_add(pairs[at].waits, e->waits);
		pairs[at].wait_ns = num_sat_add(pairs[at].wait_ns, e->wait_ns);
		if (pairs[at].wait_ns > pairs[best].wait_ns)
			best = at;
	}
	return len ? pairs[best] : (struct pair){.from = SNAP_NONE};
}

/* "python3 (7) waited 2.1 s for python3 (5) at pipes (3,000 waits)" */
static void tell_pairs(const struct load *load, struct finding *f)
{
	struct pair told[PAIRS_SHOWN];

	for (unsigned i = 0; i < PAIRS_SHOWN; i++) {
		struct strbuf *sb;

		told[i] = find_pair(load->snap, told, i);
		if (told[i].from == SNAP_NONE || told[i].wait_ns == 0)
			return;
		sb = phrase_evidence(f);
		add_process(sb, load->snap, told[i].from);
		strbuf_puts(sb, " waited ");
		units_duration(sb, told[i].wait_ns);
		strbuf_puts(sb, " at pipes for ");
		add_process(sb, load->snap, told[i].to);
		strbuf_puts(sb, ", in ");
		units_count(sb, told[i].waits);
		strbuf_puts(sb, told[i].waits == 1 ? " wait" : " waits");
	}
}

static void tell_cause(const struct load *load, struct finding *f)
{
	const struct snapshot *snap = load->snap;
	struct strbuf *sb = &f->cause;

	if (f->thread == SNAP_NONE)
		return;
	if (f->thread == load->ipc.feeder)
		strbuf_puts(sb, "QueueFeederThread, which pickles what is put into a "
				"multiprocessing.Queue and writes it to the pipe, is thread ");
	else
		strbuf_puts(sb, "most of its computing for that is done by thread ");
	snap_thread_text(sb, snap, f->thread);
	strbuf_puts(sb, " of ");
	add_process(sb, snap, snap->threads[f->thread].process);
}

static void tell_evidence(const struct load *load, struct finding *f)
{
	const struct ipc *ipc = &load->ipc;
	const struct snapshot *snap = load->snap;
	struct strbuf *sb = phrase_evidence(f);

	add_process(sb, snap, ipc->process);
	strbuf_puts(sb, ": ");
	units_duration(sb, num_to_u64(ipc->part.run_ns));
	strbuf_puts(sb, " of computing and ");
	units_duration(sb, num_to_u64(ipc->part.wait_ns));
	strbuf_puts(sb, " of waiting in that code, of ");
	units_duration(sb, num_to_u64(ipc->non_idle_ns));
	strbuf_puts(sb, " with work in hand");
	sb = phrase_evidence(f);
	strbuf_puts(sb, "all processes: it takes ");
	phrase_busy(sb, load->ipc_cpus, load->busy_cpus);
	strbuf_puts(sb, " in use, ");
	units_percent(sb, num_ratio(ipc->kernel_ns, ipc->all.run_ns));
	strbuf_puts(sb, " of that in the kernel for pipes and semaphores");
	if (ipc->feeder != SNAP_NONE && ipc->feeder != f->thread) {
		sb = phrase_evidence(f);
		strbuf_puts(sb, "QueueFeederThread of ");
		add_process(sb, snap, snap->threads[ipc->feeder].process);
		strbuf_puts(sb, " ran ");
		units_duration(sb, snap->threads[ipc->feeder].class_ns[CLASS_RUN]);
	}
	tell_pairs(load, f);
}

void ipc_tell(const struct load *load, struct finding *f)
{
	struct strbuf *sb = &f->headline;

	strbuf_puts(sb, "Handing data between processes is the limit: ");
	add_process(sb, load->snap, load->ipc.process);
	strbuf_puts(sb, " spends ");
	units_percent(sb, load->ipc.share);
	strbuf_puts(sb, " of its computing and waiting in pipe, queue or pickle code");
	tell_cause(load, f);
	phrase_gain(load, f, "work that needs no such hand-over");
	tell_evidence(load, f);
	strbuf_puts(
		&f->next_step,
		"hand over less, and less often: several items at a time (chunksize of map), "
		"places instead of data (multiprocessing.shared_memory, a memory-mapped file, a "
		"file name), results reduced by the worker; or threads, where the work releases "
		"the GIL");
}
