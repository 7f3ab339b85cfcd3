// SPDX-License-Identifier: GPL-2.0-only
/*
 * threads.imbalance: one thread (or a few) needs a CPU of its own all the time, while the others
 * wait for it or have nothing to do and CPUs are free.  A lone CPU-bound thread, too.
 *
 * gain: min(C, N) / U.  The CPUs it could use are the idle ones and half of what others take now:
 * a further runnable thread shares those with them (one thread against one by the fair scheduler;
 * the other side may be the very clients of the program).  Where it is a stage of a pipeline, or
 * others meet it at a barrier, at most 1/o, o = the share of its time in which the busiest of those
 * that wait for it does not wait: then that one is full.
 */
#include "analysis/chain.h"
#include "analysis/loop_advice.h"
#include "analysis/phrase.h"
#include "analysis/rules.h"
#include "analysis/workers.h"
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
	if (load->pipeline.waiting_len > 0 && gain.ratio * load->pipeline.next_occupied > 1)
		gain = (struct gain){1 / load->pipeline.next_occupied, LIMIT_THREADS};
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
	const struct pipeline *p = &load->pipeline;
	struct strbuf *sb = &f->headline;

	if (load->full_threads == 1) {
		strbuf_puts(sb, "One thread is full: ");
		if (loop_of_thread(load->snap, f->thread))
			strbuf_printf(sb, "the %s event loop, ",
				      loop_of_thread(load->snap, f->thread)->kind);
		snap_thread_text(sb, load->snap, f->thread);
		strbuf_puts(sb, " runs ");
		units_percent(sb, load->full_ratio);
		strbuf_puts(sb, " of the time, so that ");
	} else if (p->waiting_len > 0 && p->limiting.threads == load->full_threads) {
		strbuf_puts(sb, "One stage is full: ");
		stage_text(sb, load->snap, &p->limiting);
		strbuf_puts(sb, " run all the time, so that ");
	} else {
		units_count(sb, load->full_threads);
		strbuf_puts(sb, " threads are full and the others are not: ");
	}
	strbuf_puts(sb, "the program uses ");
	phrase_busy(sb, load->busy_cpus, load->limit_cpus);
}

/* "decode-0, encode-0 and 1 more stage wait for it" */
static void tell_waiting(const struct load *load, struct strbuf *sb)
{
	const struct pipeline *p = &load->pipeline;
	uint32_t told =
		p->waiting_len < PIPELINE_STAGES_TOLD ? p->waiting_len : PIPELINE_STAGES_TOLD;

	for (uint32_t i = 0; i < told; i++) {
		if (i > 0)
			strbuf_puts(sb, i + 1 == p->waiting_len ? " and " : ", ");
		stage_text(sb, load->snap, &p->waiting[i]);
	}
	if (told < p->waiting_len) {
		strbuf_puts(sb, " and ");
		units_count(sb, p->waiting_len - told);
		strbuf_puts(sb, " more");
	}
	strbuf_printf(sb, " %s for it",
		      p->waiting_len == 1 && p->waiting[0].threads == 1 ? "waits" : "wait");
}

/* Each of those that wait for it: how far, and where. */
static void tell_stages(const struct load *load, struct finding *f)
{
	const struct pipeline *p = &load->pipeline;
	struct strbuf *sb;

	if (p->waiting_len == 0)
		return;
	sb = phrase_evidence(f);
	for (uint32_t i = 0; i < p->waiting_len && i < PIPELINE_STAGES_TOLD; i++) {
		const struct stage *stage = &p->waiting[i];

		if (i > 0)
			strbuf_puts(sb, "; ");
		stage_text(sb, load->snap, stage);
		strbuf_puts(sb, " waits ");
		units_percent(sb, num_ratio(stage->waiting_ns, stage->life_ns));
		strbuf_puts(sb, " of its time");
		if (snap_site_frame(load->snap, stage->stack)) {
			strbuf_puts(sb, " in ");
			snap_call_site(sb, load->snap, stage->stack);
		}
		if (!stage->direct)
			strbuf_puts(sb, ", for threads that wait for it");
	}
}

/* How few run while more have work: CMetric (GAPP, ICPE'20) and the lost parallelism of PSI. */
static void tell_parallelism(const struct load *load, struct finding *f)
{
	const struct snapshot *snap = load->snap;
	double lost = gain_lost_parallelism(num_ratio(load->non_idle_ns, load->window_ns),
					    load->busy_cpus, load->limit_cpus);
	struct strbuf *sb = phrase_evidence(f);
	double sum = 0, own = (double)snap->threads[f->thread].cmetric_ns;
	uint32_t rank = 1;

	for (uint32_t i = 0; i < snap->threads_len; i++) {
		sum += (double)snap->threads[i].cmetric_ns;
		rank += snap->threads[i].cmetric_ns > snap->threads[f->thread].cmetric_ns;
	}
	strbuf_puts(sb, "of the CPUs that threads with work could use ");
	units_percent(sb, lost);
	strbuf_puts(sb, " stood still for them (lost parallelism)");
	if (!(sum > 0))
		return;
	strbuf_puts(sb, "; ");
	snap_thread_text(sb, snap, f->thread);
	strbuf_puts(sb, " has ");
	units_percent(sb, num_ratio(own, sum));
	strbuf_puts(sb, " of the time weighted by how few run (CMetric), rank ");
	units_count(sb, rank);
	strbuf_puts(sb, " of ");
	phrase_threads(sb, snap->threads_len);
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
	workers_tell(load, f);
	if (waiting > 0) {
		sb = phrase_evidence(f);
		phrase_threads(sb, waiting);
		strbuf_puts(sb, " waited for it, ");
		units_duration(sb, waited_ns);
		strbuf_puts(sb, " in all");
	}
	tell_stages(load, f);
	tell_parallelism(load, f);
	chain_tell(load, f, f->thread);
}

/* An event loop has one CPU, and no turn of it is to be blamed. */
static void tell_full_loop(const struct load *load, struct finding *f)
{
	const struct snap_loop *loop = loop_of_thread(load->snap, f->thread);
	struct strbuf *sb = phrase_evidence(f);

	strbuf_printf(sb, "the %s event loop is full, but does not stall: ", loop->kind);
	units_count(sb, num_to_u64(num_ratio((double)loop->turns,
					     (double)loop->observed_ns / NS_PER_S)));
	strbuf_puts(sb, " turns a second, 99% of them under ");
	units_duration(sb, snap_hist_quantile(&loop->hist, 0.99));
	strbuf_puts(sb, ", the longest ");
	units_duration(sb, loop->hist.max_ns);
	strbuf_puts(&f->next_step, loop_advice_full(loop->kind));
}

void imbalance_tell(const struct load *load, struct finding *f)
{
	struct strbuf hottest = {0};
	double hot = phrase_hottest(&hottest, load->snap, f->thread);

	tell_headline(load, f);
	if (load->pipeline.waiting_len > 0)
		tell_waiting(load, &f->cause);
	if (hot > 0) {
		strbuf_printf(&f->cause, "%s%s spends ", f->cause.len > 0 ? "; " : "",
			      load->full_threads == 1 ? "it" : "the fullest");
		units_percent(&f->cause, hot);
		strbuf_printf(&f->cause, " of its CPU time in %s", strbuf_str(&hottest));
	}
	phrase_gain(load, f, "spreading its work");
	tell_evidence(load, f);
	if (loop_of_thread(load->snap, f->thread)) {
		tell_full_loop(load, f);
		strbuf_free(&hottest);
		return;
	}
	strbuf_printf(&f->next_step,
		      "spread the work%s%s over more threads or processes, or make it cheaper: one "
		      "thread cannot use more than one CPU",
		      hot > 0 ? " of " : "", strbuf_str(&hottest));
	f->next_step.failed |= hottest.failed;
	strbuf_free(&hottest);
}
