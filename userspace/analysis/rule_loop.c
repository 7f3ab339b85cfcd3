// SPDX-License-Identifier: GPL-2.0-only
/*
 * event_loop.cpu, .blocking, .gil: turns of an event loop that last so long that everybody else
 * waits.  A verdict of latency: the loop adds sum(d^2) / 2T to the mean delay of random arrivals,
 * and keeps sum(max(d - x, 0)) / T of them waiting for more than x.
 */
#include "analysis/gil_seen.h"
#include "analysis/loop_advice.h"
#include "analysis/phrase.h"
#include "analysis/rules.h"
#include "base/num.h"
#include "base/units.h"
#include "model/site.h"

static void find(const struct load *load, struct finding *f, enum loop_cause cause)
{
	const struct loop_load *loop = &load->loop;
	bool fired = loop_stalls(loop) && loop->cause == cause;

	if (cause == LOOP_GIL)
		fired = (fired || loop_starved_of_gil(loop)) && loop->loop != SNAP_NONE;
	if (!fired)
		return;
	f->fired = true;
	f->thread = load->snap->loops[loop->loop].thread;
	f->events = loop->stalls;
	if (cause == LOOP_GIL && !loop_stalls(loop))
		f->events = load->snap->loops[loop->loop].turns;
}

void loop_cpu_find(const struct load *load, struct finding *f)
{
	find(load, f, LOOP_CPU);
}

void loop_blocking_find(const struct load *load, struct finding *f)
{
	find(load, f, LOOP_BLOCKING);
}

void loop_gil_find(const struct load *load, struct finding *f)
{
	find(load, f, LOOP_GIL);
}

/* "The asyncio event loop", with its thread where that is not the only one. */
static void tell_loop(struct strbuf *sb, const struct snapshot *snap, const struct snap_loop *loop)
{
	strbuf_printf(sb, "The %s event loop", loop->kind);
	if (snap->threads_len > 1) {
		strbuf_puts(sb, " of thread ");
		snap_thread_text(sb, snap, loop->thread);
	}
}

static void tell_headline(const struct load *load, struct finding *f, const char *does)
{
	const struct snapshot *snap = load->snap;
	const struct snap_loop *loop = &snap->loops[load->loop.loop];
	struct strbuf *sb = &f->headline;

	tell_loop(sb, snap, loop);
	strbuf_printf(sb, " %s: ", does);
	if (loop->stalls) {
		units_count(sb, loop->stalls);
		strbuf_puts(sb, loop->stalls == 1 ? " turn" : " turns");
		strbuf_puts(sb, " over ");
		units_duration(sb, snap->run.stall_ns);
		strbuf_puts(sb, ", the longest ");
	} else {
		strbuf_puts(sb, "its turns last up to ");
	}
	units_duration(sb, loop->hist.max_ns);
	strbuf_puts(sb, "; a request waits ");
	units_duration(sb, loop->added_mean_ns);
	strbuf_puts(sb, " longer on average");
}

/* "in `burn` (app.py:4), called by `handler` (app.py:6)" */
static void tell_site(struct strbuf *sb, const struct snapshot *snap, uint32_t stack)
{
	const struct snap_frame *site = snap_site_frame(snap, stack);
	const struct snap_frame *caller =
		site ? snap_site_caller(&snap->stacks[stack], site) : NULL;

	if (!site)
		return;
	strbuf_puts(sb, " in ");
	snap_frame_line_text(sb, site);
	if (!caller)
		return;
	strbuf_puts(sb, ", called by ");
	snap_frame_line_text(sb, caller);
}

static void tell_cause(const struct load *load, struct finding *f, enum loop_cause cause)
{
	const struct snap_stall *stall;
	double share = loop_blame(load->snap, load->loop.loop, cause, &stall);
	struct strbuf *sb = &f->cause;

	if (!stall)
		return;
	strbuf_puts(sb, cause == LOOP_CPU ? "it computes" : "it waits");
	tell_site(sb, load->snap, stall->stack);
	if (stall->syscall_name[0])
		strbuf_printf(sb, " (%s)", stall->syscall_name);
	strbuf_puts(sb, ", for ");
	units_percent(sb, share);
	strbuf_puts(sb, " of the time in stalls");
	if (stall->task[0])
		strbuf_printf(phrase_evidence(f), "it runs in `%s`, which the loop called",
			      stall->task);
}

/* "run 91%, run queue 9%": what the turns were made of. */
static void tell_parts(struct strbuf *sb, const uint64_t *part_ns)
{
	static const char *const words[PART_COUNT] = {
		"running",	     "without a CPU",	 "waiting for the GIL",
		"waiting for locks", "blocked in calls", "sleeping"};
	double all_ns = 0;
	bool first = true;

	for (int i = 0; i < PART_COUNT; i++)
		all_ns += (double)part_ns[i];
	for (int i = 0; i < PART_COUNT; i++) {
		double share = num_ratio((double)part_ns[i], all_ns);

		if (share < 0.005)
			continue;
		strbuf_printf(sb, "%s%s ", first ? "" : ", ", words[i]);
		units_percent(sb, share);
		first = false;
	}
}

static void tell_evidence(const struct load *load, struct finding *f)
{
	const struct snap_loop *loop = &load->snap->loops[load->loop.loop];
	struct strbuf *sb = phrase_evidence(f);

	units_count(sb, loop->turns);
	strbuf_puts(sb, " turns, busy for ");
	units_percent(sb, num_ratio((double)loop->busy_ns, (double)loop->observed_ns));
	strbuf_puts(sb, " of the time; half of the turns under ");
	units_duration(sb, snap_hist_quantile(&loop->hist, 0.5));
	strbuf_puts(sb, ", 99% under ");
	units_duration(sb, snap_hist_quantile(&loop->hist, 0.99));
	sb = phrase_evidence(f);
	strbuf_puts(sb, loop->stalls ? "the stalls were: " : "the turns were: ");
	tell_parts(sb, loop->stalls ? loop->stall_part_ns : loop->part_ns);
	if (load->loop.late_ratio > 0) {
		sb = phrase_evidence(f);
		units_percent(sb, load->loop.late_ratio);
		strbuf_puts(sb, " of requests at random moments wait for more than 100 ms");
	}
}

static void tell(const struct load *load, struct finding *f, enum loop_cause cause,
		 const char *does)
{
	const struct snap_loop *loop = &load->snap->loops[load->loop.loop];

	tell_headline(load, f, does);
	tell_evidence(load, f);
	strbuf_puts(&f->next_step, loop_advice(loop->kind, cause));
}

void loop_cpu_tell(const struct load *load, struct finding *f)
{
	tell_cause(load, f, LOOP_CPU);
	tell(load, f, LOOP_CPU, "is held up by computing");
}

void loop_blocking_tell(const struct load *load, struct finding *f)
{
	tell_cause(load, f, LOOP_BLOCKING);
	tell(load, f, LOOP_BLOCKING, "is held up by a blocking call");
}

/* Who has the GIL while the loop waits for it. */
static void tell_gil_holder(const struct snapshot *snap, struct finding *f)
{
	for (uint32_t i = 0; i < snap->locks_len; i++) {
		const struct snap_lock *gil = &snap->locks[i];
		struct gil_seen seen;

		if (gil->kind != LOCK_GIL)
			continue;
		f->lock = i;
		seen = gil_seen_of(snap, gil);
		if (!seen.site)
			return;
		strbuf_puts(&f->cause, "it is held in ");
		snap_frame_line_text(&f->cause, seen.site);
		if (gil->holders_len && gil->holders[0].thread != SNAP_NONE &&
		    gil->holders[0].thread != f->thread) {
			strbuf_puts(&f->cause, ", mostly by thread ");
			snap_thread_text(&f->cause, snap, gil->holders[0].thread);
		}
		return;
	}
}

void loop_gil_tell(const struct load *load, struct finding *f)
{
	const struct snap_loop *loop = &load->snap->loops[load->loop.loop];
	struct strbuf *sb;

	tell_gil_holder(load->snap, f);
	tell(load, f, LOOP_GIL, "waits for the GIL");
	sb = phrase_evidence(f);
	strbuf_puts(sb, "it waits for the GIL for ");
	units_percent(sb, load->loop.gil_ratio);
	strbuf_puts(sb, " of its time, ");
	units_percent(sb, num_ratio((double)loop->part_ns[PART_GIL], (double)loop->busy_ns));
	strbuf_puts(sb, " of its turns");
}

/* Is @f, about the GIL, mostly the waiting of the loop that is told of? */
bool loop_explains_gil(const struct load *load, const struct findings *all)
{
	const struct finding *loop = findings_fired(all, "event_loop.gil");

	return loop && (double)load->snap->loops[load->loop.loop].part_ns[PART_GIL] >=
			       0.5 * load->class_ns[CLASS_GIL];
}

/* Is waiting for @part_ns of disk or servers mostly done in the loop's own turns? */
bool loop_explains_io(const struct load *load, const struct findings *all, double wait_ns)
{
	return findings_fired(all, "event_loop.blocking") && load->loop.loop != SNAP_NONE &&
	       (double)load->snap->loops[load->loop.loop].part_ns[PART_BLOCKING] >= 0.5 * wait_ns;
}

/* A loop that computes for too long in its turns is a full thread that also makes others wait; the
 * thread that takes the GIL from a loop is a full one, too. */
bool loop_explains_full(const struct load *load, const struct findings *all, uint32_t thread)
{
	const struct snapshot *snap = load->snap;
	uint32_t loop_thread;

	if (load->loop.loop == SNAP_NONE)
		return false;
	loop_thread = snap->loops[load->loop.loop].thread;
	if (findings_fired(all, "event_loop.gil"))
		return snap->threads[loop_thread].process == snap->threads[thread].process;
	return loop_thread == thread && (findings_fired(all, "event_loop.cpu") != NULL);
}
