// SPDX-License-Identifier: GPL-2.0-only
/*
 * threads.imbalance: one thread (or a few) needs a CPU of its own all the time, while the others
 * wait for it or have nothing to do and CPUs are free.  A lone CPU-bound thread, too.
 *
 * gain: min(C, N) / U.  The CPUs it could use are the idle ones and half of what others take now:
 * a further runnable thread shares those with them (one thread against one by the fair scheduler;
 * the other side may be the very clients of the program).
 */
#include "analysis/phrase.h"
#include "analysis/rules.h"
#include "base/num.h"
#include "base/units.h"
#include "model/site.h"

/* The full thread causes at least this share of the waiting for a lock: the lock explains it. */
#define HOLDER_SHARE 0.2
#define CONTENDED_SHARE 0.5

static double reachable_cpus(const struct load *load)
{
	double idle = load->idle_cpus + FAIR_SHARE * load->other_cpus;

	return gain_usable_cpus(load->busy_cpus, idle, load->allowed_cpus, load->quota_cpus);
}

void imbalance_find(const struct load *load, struct finding *f)
{
	struct gain gain;

	if (load->full_threads == 0 || load->full_thread == SNAP_NONE)
		return;
	gain = gain_spread(load->busy_cpus, reachable_cpus(load), load->limit_cpus);
	if (!(gain.ratio > 1))
		return;
	f->fired = true;
	f->by_time = true;
	f->thread = load->full_thread;
	finding_set_gain(f, gain);
}

static bool holds(const struct snap_lock *lock, uint32_t thread)
{
	double blame_ns = 0;

	for (uint32_t i = 0; i < lock->holders_len; i++) {
		if (lock->holders[i].thread == thread)
			blame_ns += (double)lock->holders[i].blame_ns;
	}
	return blame_ns > 0 && blame_ns >= HOLDER_SHARE * (double)lock->blame_ns;
}

bool imbalance_explained(const struct load *load, const struct finding *f,
			 const struct findings *all)
{
	const struct finding *lock = findings_called(all, "threads.lock");

	if (findings_called(all, "processes.ipc") &&
	    load->snap->threads[f->thread].process == load->ipc.process)
		return true;
	if (loop_explains_full(load, all, f->thread))
		return true;
	if (!lock)
		return false;
	return holds(&load->snap->locks[lock->lock], f->thread) ||
	       load->all_locks.contended_ns >= CONTENDED_SHARE * load->window_ns;
}

/* Threads that waited for @thread, and for how long in all. */
static uint32_t count_waiting(const struct snapshot *snap, uint32_t thread, uint64_t *ret_ns)
{
	uint32_t count = 0;

	*ret_ns = 0;
	for (uint32_t i = 0; i < snap->edges_len; i++) {
		if (snap->edges[i].to_thread != thread || snap->edges[i].from_thread == thread)
			continue;
		count++;
		*ret_ns = num_sat_add(*ret_ns, snap->edges[i].wait_ns);
	}
	return count;
}

static void tell_headline(const struct load *load, struct finding *f)
{
	struct strbuf *sb = &f->headline;

	if (load->full_threads == 1) {
		strbuf_puts(sb, "One thread is full: ");
		snap_thread_text(sb, load->snap, f->thread);
		strbuf_puts(sb, " runs ");
		units_percent(sb, load->full_ratio);
		strbuf_puts(sb, " of the time, so that ");
	} else {
		units_count(sb, load->full_threads);
		strbuf_puts(sb, " threads are full and the others are not: ");
	}
	strbuf_puts(sb, "the program uses ");
	phrase_busy(sb, load->busy_cpus, load->limit_cpus);
}

static void tell_evidence(const struct load *load, struct finding *f)
{
	const struct snapshot *snap = load->snap;
	uint64_t waited_ns;
	uint32_t waiting = count_waiting(snap, f->thread, &waited_ns);
	struct strbuf *sb = phrase_evidence(f);

	snap_thread_text(sb, snap, f->thread);
	strbuf_puts(sb, " ran ");
	units_duration(sb, snap->threads[f->thread].class_ns[CLASS_RUN]);
	strbuf_puts(sb, " of ");
	units_duration(sb, snap->threads[f->thread].lifetime_ns);
	strbuf_puts(sb, "; ");
	phrase_threads(sb, snap->threads_len);
	strbuf_puts(sb, " in all");
	sb = phrase_evidence(f);
	strbuf_puts(sb, "idle on this machine: ");
	phrase_busy(sb, load->idle_cpus, load->machine_cpus);
	strbuf_puts(sb, "; used by other programs: ");
	phrase_cpus(sb, load->other_cpus);
	sb = phrase_evidence(f);
	strbuf_puts(sb, "serial share (Karp-Flatt) ");
	units_percent(sb, gain_serial_share(load->busy_cpus, load->limit_cpus));
	if (waiting > 0) {
		sb = phrase_evidence(f);
		phrase_threads(sb, waiting);
		strbuf_puts(sb, " waited for it, ");
		units_duration(sb, waited_ns);
		strbuf_puts(sb, " in all");
	}
}

void imbalance_tell(const struct load *load, struct finding *f)
{
	struct strbuf hottest = {0};
	double hot = phrase_hottest(&hottest, load->snap, f->thread);

	tell_headline(load, f);
	if (hot > 0) {
		strbuf_printf(&f->cause, "%s spends ",
			      load->full_threads == 1 ? "it" : "the fullest");
		units_percent(&f->cause, hot);
		strbuf_printf(&f->cause, " of its CPU time in %s", strbuf_str(&hottest));
	}
	phrase_gain(load, f, "spreading its work");
	tell_evidence(load, f);
	strbuf_printf(&f->next_step,
		      "spread the work%s%s over more threads or processes, or make it cheaper: one "
		      "thread cannot use more than one CPU",
		      hot > 0 ? " of " : "", strbuf_str(&hottest));
	f->next_step.failed |= hottest.failed;
	strbuf_free(&hottest);
}
