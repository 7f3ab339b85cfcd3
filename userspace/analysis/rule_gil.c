// SPDX-License-Identifier: GPL-2.0-only
/*
 * gil: threads of Python could run, but wait for the interpreter's lock, which lets one at a time
 * run bytecode.
 *
 * gain: gain_remove_wait() of all of it: as many threads side by side as the CPUs and the other
 * work of the threads allow.  Processes, or code that gives the lock up, come to that; fewer
 * threads do not.
 */
#include "analysis/gil_seen.h"
#include "analysis/phrase.h"
#include "analysis/rules.h"
#include "base/num.h"
#include "base/units.h"
#include "model/site.h"

/* The GIL that was waited for the longest; NULL without one. */
static const struct snap_lock *top_gil(const struct snapshot *snap)
{
	const struct snap_lock *top = NULL;

	for (uint32_t i = 0; i < snap->locks_len; i++) {
		if (snap->locks[i].kind == LOCK_GIL &&
		    (!top || snap->locks[i].blocked_ns > top->blocked_ns))
			top = &snap->locks[i];
	}
	return top;
}

/* Threads that run Python's code or want to, on average. */
static double runnable_threads(const struct load *load)
{
	const struct snapshot *snap = load->snap;
	double sum_ns = 0;

	for (uint32_t i = 0; i < snap->threads_len; i++) {
		const uint64_t *ns = snap->threads[i].class_ns;

		if (ns[CLASS_GIL] > 0)
			sum_ns += (double)ns[CLASS_GIL] + (double)ns[CLASS_RUN] +
				  (double)ns[CLASS_RUNQ_PREEMPT] + (double)ns[CLASS_RUNQ_WAKE];
	}
	return num_ratio(sum_ns, (double)snap->duration_ns);
}

void gil_find(const struct load *load, struct finding *f)
{
	const struct snap_lock *gil = top_gil(load->snap);
	struct gain_wait in = {
		.removed = 1,
		.rho = 1, /* its holders need it only because others run: no serial part of the work
			   */
		.busy_cpus = load->busy_cpus,
		.usable_cpus = load->usable_cpus,
		.non_idle_ns = load->non_idle_ns,
		.wait_ns = load->gil_ns,
		.io_ns = load->class_ns[CLASS_DISK] + load->class_ns[CLASS_NET],
	};

	if (!gil || !(in.wait_ns > 0))
		return;
	f->fired = true;
	f->lock = (uint32_t)(gil - load->snap->locks);
	f->events = gil->waits;
	f->holder_known_ratio = num_ratio((double)gil->known_blame_ns, (double)gil->blocked_ns);
	finding_set_gain(f, gain_remove_wait(&in));
}

/* "held the most in `count` (app.py:27), called by `work` (app.py:34): 85% of the waiting" */
static void tell_line(struct strbuf *sb, const struct gil_seen *seen)
{
	strbuf_puts(sb, "held in ");
	snap_frame_line_text(sb, seen->site);
	if (seen->caller) {
		strbuf_puts(sb, ", called by ");
		snap_frame_line_text(sb, seen->caller);
	}
	strbuf_puts(sb, ", for ");
	units_percent(sb, seen->share);
	strbuf_puts(sb, seen->sampled ? " of the time with others waiting" : " of the waiting");
}

static void tell_holder(const struct snapshot *snap, const struct snap_lock *gil,
			const struct gil_seen *seen, struct finding *f)
{
	struct strbuf *sb = &f->cause;

	if (seen->site)
		tell_line(sb, seen);
	if (gil->holders_len == 0 || gil->holders[0].thread == SNAP_NONE)
		return;
	f->thread = gil->holders[0].thread;
	strbuf_puts(sb, seen->site ? "; the longest by thread " : "kept the longest by thread ");
	snap_thread_text(sb, snap, f->thread);
	strbuf_puts(sb, seen->site ? " (" : ", for ");
	units_percent(sb, num_ratio((double)gil->holders[0].blame_ns, (double)gil->blame_ns));
	strbuf_puts(sb, seen->site ? ")" : " of the waiting");
}

static void tell_kept(const struct gil_seen *seen, struct finding *f)
{
	struct strbuf *sb;

	if (!seen->site || !seen->kept_all)
		return;
	sb = phrase_evidence(f);
	units_count(sb, seen->kept_all);
	strbuf_puts(sb,
		    " times a thread kept it for a whole interval (5 ms) with others waiting, ");
	units_count(sb, seen->kept);
	strbuf_puts(sb, " of them in ");
	snap_frame_text(sb, seen->site);
}

static void tell_convoy(const struct snapshot *snap, const struct snap_lock *gil, struct finding *f)
{
	const struct gil_convoy convoy = gil_convoy_of(snap, gil);
	struct strbuf *sb;

	if (convoy.thread == SNAP_NONE)
		return;
	sb = phrase_evidence(f);
	strbuf_puts(sb, "convoy: thread ");
	snap_thread_text(sb, snap, convoy.thread);
	strbuf_puts(sb, " needs a CPU for ");
	units_percent(sb, convoy.run_share);
	strbuf_puts(sb, " of the time, but waits ");
	units_duration(sb, convoy.wait_ns / convoy.waits);
	strbuf_puts(sb, " for the GIL each time");
}

/* In a process whose time goes to pickling and queues it is these that wait for the GIL. */
bool gil_explained(const struct load *load, const struct finding *f, const struct findings *all)
{
	const struct snap_lock *gil = &load->snap->locks[f->lock];

	if (loop_explains_gil(load, all))
		return true;
	if (!findings_called(all, "processes.ipc"))
		return false;
	for (uint32_t i = 0; i < gil->pids_len; i++)
		if (gil->pids[i] == load->snap->processes[load->ipc.process].pid)
			return true;
	return false;
}

void gil_tell(const struct load *load, struct finding *f)
{
	const struct snapshot *snap = load->snap;
	const struct snap_lock *gil = &snap->locks[f->lock];
	const struct gil_seen seen = gil_seen_of(snap, gil);
	struct strbuf *sb = &f->headline;

	strbuf_puts(sb,
		    "Python threads wait for the GIL, which lets one at a time run Python code: it "
		    "costs ");
	phrase_share(sb, load, load->gil_ns);
	strbuf_puts(sb, " of the time in which the program had work");
	tell_holder(snap, gil, &seen, f);
	phrase_gain(load, f, "running this work side by side");
	sb = phrase_evidence(f);
	units_count(sb, gil->waits);
	strbuf_puts(sb, " waits, ");
	units_duration(sb, gil->blocked_ns);
	strbuf_puts(sb, " in all; 99% of them shorter than ");
	units_duration(sb, snap_hist_quantile(&gil->hist, 0.99));
	if (load->gil_ns > load->class_ns[CLASS_GIL] * 1.01) {
		sb = phrase_evidence(f);
		strbuf_puts(sb, "another ");
		units_duration(sb, num_to_u64(load->gil_ns - load->class_ns[CLASS_GIL]));
		strbuf_puts(sb,
			    " of waiting for locks and threads that waited for the GIL meanwhile");
	}
	sb = phrase_evidence(f);
	strbuf_printf(sb, "%.1f threads ran Python code or wanted to, on average",
		      runnable_threads(load));
	sb = phrase_evidence(f);
	strbuf_puts(sb, "busy: ");
	phrase_busy(sb, load->busy_cpus, load->usable_cpus);
	strbuf_puts(sb, " that the program could use");
	tell_kept(&seen, f);
	tell_convoy(snap, gil, f);
	strbuf_puts(
		&f->next_step,
		"move the part that computes into processes (concurrent.futures."
		"ProcessPoolExecutor, multiprocessing, more workers of the server), or into code "
		"that releases the GIL (hashlib and zlib on large buffers, numpy, an extension)");
}
