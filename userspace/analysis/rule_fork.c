// SPDX-License-Identifier: GPL-2.0-only
/*
 * processes.fork: at least 10% of the CPU time goes to making processes and ending them, and to the
 * page faults that copy what a fork has made shared.
 *
 * gain: gain_remove_work() of all of it, U / (U - its CPUs): no further CPUs come with it.
 */
#include "analysis/phrase.h"
#include "analysis/rules.h"
#include "base/num.h"
#include "base/units.h"
#include "model/site.h"

#include <inttypes.h>

#define FORK_SHARE 0.1

struct counts {
	uint64_t forks, execs;
	uint32_t most; /* process that forks the most, SNAP_NONE = none does */
};

static struct counts count(const struct snapshot *snap)
{
	struct counts counts = {.most = SNAP_NONE};
	uint64_t most = 0;

	for (uint32_t i = 0; i < snap->processes_len; i++) {
		counts.forks = num_sat_add(counts.forks, snap->processes[i].forks);
		counts.execs = num_sat_add(counts.execs, snap->processes[i].execs);
		if (snap->processes[i].forks > most) {
			most = snap->processes[i].forks;
			counts.most = i;
		}
	}
	return counts;
}

void fork_find(const struct load *load, struct finding *f)
{
	struct counts counts;
	struct gain gain;

	if (!(load->fork_cpus > 0) || load->fork_cpus < FORK_SHARE * load->busy_cpus)
		return;
	counts = count(load->snap);
	if (counts.forks == 0 && counts.execs == 0)
		return;
	f->fired = true;
	f->events = num_sat_add(counts.forks, counts.execs);
	gain = gain_remove_work(load->busy_cpus, load->busy_cpus, load->fork_cpus, 1);
	gain.limited_by = LIMIT_THREADS;
	finding_set_gain(f, gain);
}

/* CPU time of one kind as a share of all that the run's samples saw. */
static double share_of(const struct snapshot *snap, enum sample_kind kind)
{
	uint64_t all = 0, part = 0;

	for (uint32_t i = 0; i < snap->samples_len; i++) {
		all = num_sat_add(all, snap->samples[i].count);
		if (snap->samples[i].kind == kind)
			part = num_sat_add(part, snap->samples[i].count);
	}
	return num_ratio((double)part, (double)all);
}

/* " in spawn < run": where the most samples in clone or exec were called from. */
static void add_site(struct strbuf *sb, const struct snapshot *snap)
{
	for (uint32_t i = 0; i < snap->samples_len; i++) {
		const struct snap_sample *s = &snap->samples[i];

		if ((s->kind != SAMPLE_FORK && s->kind != SAMPLE_EXEC) ||
		    !snap_site_frame(snap, s->stack))
			continue;
		strbuf_puts(sb, ", mostly in ");
		snap_call_site_lines(sb, snap, s->stack);
		return;
	}
}

static void tell_evidence(const struct load *load, struct finding *f, const struct counts *counts)
{
	static const struct {
		enum sample_kind kind;
		const char *text;
	} kinds[] = {
		{SAMPLE_FORK, "clone "},
		{SAMPLE_COPY, ", page faults after a fork "},
		{SAMPLE_EXEC, ", exec "},
		{SAMPLE_EXIT, ", ending processes "},
	};
	struct strbuf *sb = phrase_evidence(f);

	strbuf_puts(sb, "of the computing: ");
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		strbuf_puts(sb, kinds[i].text);
		units_percent(sb, share_of(load->snap, kinds[i].kind));
	}
	sb = phrase_evidence(f);
	units_count(sb, counts->forks);
	strbuf_puts(sb, " forks and ");
	units_count(sb, counts->execs);
	strbuf_puts(sb, " execs in ");
	units_duration(sb, num_to_u64(load->window_ns));
	if (counts->forks) {
		strbuf_puts(sb, "; each fork takes ");
		units_duration(
			sb, num_to_u64(load->fork_cpus * load->window_ns / (double)counts->forks));
		strbuf_puts(sb, " of CPU time up to the process's end");
	}
	sb = phrase_evidence(f);
	strbuf_puts(sb, "busy: ");
	phrase_busy(sb, load->busy_cpus, load->usable_cpus);
	strbuf_puts(sb, " that the program could use");
}

void fork_tell(const struct load *load, struct finding *f)
{
	const struct snapshot *snap = load->snap;
	struct counts counts = count(snap);
	struct strbuf *sb = &f->headline;

	strbuf_puts(sb,
		    "Making processes costs more than it should: fork, exec, exit and the copying "
		    "after a fork take ");
	units_percent(sb, num_ratio(load->fork_cpus, load->busy_cpus));
	strbuf_puts(sb, " of the computing");
	if (counts.most != SNAP_NONE) {
		const struct snap_process *p = &snap->processes[counts.most];

		strbuf_printf(&f->cause, "%s (%" PRIu32 ") makes ", p->comm, p->pid);
		units_count(&f->cause, num_to_u64(num_ratio((double)p->forks * (double)NS_PER_S,
							    load->window_ns) +
						  0.5));
		strbuf_puts(&f->cause, " a second");
		add_site(&f->cause, snap);
	}
	phrase_gain(load, f, "processes that stay");
	tell_evidence(load, f, &counts);
	if (counts.execs * 2 < counts.forks)
		strbuf_puts(&f->next_step,
			    "keep worker processes and hand them the tasks (multiprocessing.Pool, "
			    "concurrent.futures.ProcessPoolExecutor, a server that forks ahead); "
			    "where a "
			    "process for each task is needed, fork it from a small one "
			    "(multiprocessing's "
			    "forkserver), and call gc.freeze() before");
	else
		strbuf_puts(
			&f->next_step,
			"start fewer programs: keep the helper running and hand it the tasks, or "
			"call a library that does the same; start them by vfork or posix_spawn, "
			"which copy no page tables");
}
