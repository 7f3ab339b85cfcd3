// SPDX-License-Identifier: GPL-2.0-only
/*
 * threads.herd: a broadcast wakes many threads of which few find something to do.
 *
 * gain: U / (U - u), u = CPUs that go to the wakeups in vain.  What it costs to wake them is not in
 * u.
 */
#include "analysis/phrase.h"
#include "analysis/rules.h"
#include "base/num.h"
#include "base/units.h"
#include "model/site.h"

/* Below this share of the CPUs that it could have the program is not limited by them. */
#define CPUS_FULL 0.9

void herd_find(const struct load *load, struct finding *f)
{
	struct gain gain;

	if (load->herd.lock == SNAP_NONE || !(load->busy_cpus > 0))
		return;
	gain = gain_remove_work(load->busy_cpus, load->busy_cpus, load->herd_cpus, 1);
	if (!(gain.ratio > 1))
		return;
	if (load->busy_cpus < CPUS_FULL * load->usable_cpus)
		gain.limited_by = LIMIT_THREADS;
	f->fired = true;
	f->lock = load->herd.lock;
	f->events = load->herd.wakes;
	finding_set_gain(f, gain);
}

bool herd_at_site(const struct load *load, uint32_t lock)
{
	const struct snapshot *snap = load->snap;
	const struct snap_lock *herd, *other = &snap->locks[lock];
	const struct snap_frame *a, *b;

	if (load->herd.lock == SNAP_NONE)
		return false;
	herd = &snap->locks[load->herd.lock];
	if (!herd->waiters_len || !other->waiters_len)
		return false;
	a = snap_site_frame(snap, herd->waiters[0].stack);
	b = snap_site_frame(snap, other->waiters[0].stack);
	return a && b && phrase_same_function(a, b);
}

/* Who wakes them, and where; NULL = not known. */
static const struct snap_holder *find_waker(const struct snap_lock *lock)
{
	for (uint32_t i = 0; i < lock->holders_len; i++) {
		if (lock->holders[i].thread != SNAP_NONE)
			return &lock->holders[i];
	}
	return NULL;
}

static void tell_cause(const struct load *load, struct finding *f, const struct snap_holder *waker)
{
	const struct snap_frame *site;

	if (!waker)
		return;
	f->thread = waker->thread;
	strbuf_puts(&f->cause, "mostly woken by thread ");
	snap_thread_text(&f->cause, load->snap, waker->thread);
	site = snap_site_frame(load->snap, waker->stack);
	if (site) {
		strbuf_puts(&f->cause, " in ");
		snap_frame_line_text(&f->cause, site);
	}
}

static void tell_evidence(const struct load *load, struct finding *f)
{
	const struct herd *herd = &load->herd;
	const struct snap_lock *lock = &load->snap->locks[herd->lock];
	struct strbuf *sb = phrase_evidence(f);

	units_count(sb, herd->vain);
	strbuf_puts(sb, " of ");
	units_count(sb, herd->wakes);
	strbuf_puts(sb, " wakeups ended in the same wait within 50 us of CPU time; ");
	units_count(sb, lock->broadcasts);
	strbuf_puts(sb, " came from calls that wake all");
	sb = phrase_evidence(f);
	strbuf_puts(sb, "CPU time of these: ");
	units_duration(sb, herd->run_ns);
	strbuf_puts(sb, ", ");
	units_percent(sb, num_ratio(load->herd_cpus, load->busy_cpus));
	strbuf_puts(sb, " of all that the program used, without what it costs to wake them");
	sb = phrase_evidence(f);
	strbuf_puts(sb, "up to ");
	phrase_threads(sb, lock->waiters_max);
	strbuf_printf(sb, " wait there at a time");
	if (lock->waiters_len > 0 && snap_site_frame(load->snap, lock->waiters[0].stack)) {
		strbuf_puts(sb, ", most in ");
		snap_call_site_lines(sb, load->snap, lock->waiters[0].stack);
	}
	if (herd->locks_len > 1) {
		sb = phrase_evidence(f);
		units_count(sb, herd->locks_len);
		strbuf_puts(sb, " places of this kind; the figures are of all of them");
	}
}

void herd_tell(const struct load *load, struct finding *f)
{
	const struct snap_lock *lock = &load->snap->locks[load->herd.lock];
	const struct snap_holder *waker = find_waker(lock);
	const struct snap_frame *site = waker ? snap_site_frame(load->snap, waker->stack) : NULL;
	struct strbuf *sb = &f->headline;

	strbuf_puts(sb, "Threads are woken in vain: ");
	units_percent(sb, num_ratio((double)load->herd.vain, (double)load->herd.wakes));
	strbuf_printf(sb, " of the wakeups at `%s` find nothing to do, which costs ", lock->name);
	units_percent(sb, num_ratio(load->herd_cpus, load->busy_cpus));
	strbuf_puts(sb, " of the CPU time");
	tell_cause(load, f, waker);
	phrase_gain(load, f, "waking only who is needed");
	tell_evidence(load, f);
	strbuf_puts(&f->next_step, "wake one thread for one item");
	if (site) {
		strbuf_puts(&f->next_step, " in ");
		snap_frame_text(&f->next_step, site);
	}
	strbuf_puts(&f->next_step,
		    " (pthread_cond_signal or notify_one instead of a broadcast), or give "
		    "each group that waits for something else a condition of its own");
}
