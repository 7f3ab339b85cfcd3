// SPDX-License-Identifier: GPL-2.0-only
/*
 * threads.starvation: a lock lets others pass one thread over and over.
 *
 * It hurts that thread's latency.  What the program as a whole would gain is not known: somebody
 * else would have to wait instead.
 */
#include "analysis/phrase.h"
#include "analysis/rules.h"
#include "base/num.h"
#include "base/units.h"
#include "model/site.h"

/* A slice bears it out where locks are waited for at least so much of what is expected. */
#define SLICE_SHARE 0.5

void starvation_find(const struct load *load, struct finding *f)
{
	const struct starved *s = &load->starved;

	if (s->lock == SNAP_NONE)
		return;
	if (load->slice) {
		double share = num_ratio((double)s->wait_ns, (double)load->snap->duration_ns);

		if (load->class_ns[CLASS_LOCK] < SLICE_SHARE * share * load->window_ns)
			return;
	}
	f->fired = true;
	f->lock = s->lock;
	f->thread = s->thread;
	f->events = s->waits;
	f->by_time = true; /* one wait may be all there is */
}

static void tell_headline(const struct load *load, struct finding *f)
{
	const struct starved *s = &load->starved;
	const struct snap_lock *lock = &load->snap->locks[s->lock];
	struct strbuf *sb = &f->headline;

	strbuf_puts(sb, "One thread is starved: ");
	snap_thread_text(sb, load->snap, s->thread);
	if (s->open_ns > 0) {
		strbuf_printf(sb, " has waited for `%s` for the last ", lock->name);
		units_duration(sb, s->open_ns);
		strbuf_puts(sb, " of ");
		units_duration(sb, num_to_u64(load->window_ns));
		return;
	}
	strbuf_printf(sb, " waits for `%s` ", lock->name);
	units_duration(sb, s->wait_ns / (s->waits ? s->waits : 1));
	strbuf_puts(sb, " each time, where half of all waits are over in ");
	units_duration(sb, s->median_ns);
}

static void tell_cause(struct finding *f, const struct starved *s)
{
	struct strbuf *sb = &f->cause;

	if (s->readers) {
		strbuf_puts(sb,
			    "readers hold it all the time, and each that comes passes the writer");
		return;
	}
	strbuf_puts(sb, "others waited for it and got it ");
	units_count(sb, s->passed);
	strbuf_puts(sb, s->passed == 1 ? " time meanwhile" : " times meanwhile");
}

static void tell_evidence(const struct load *load, struct finding *f)
{
	const struct starved *s = &load->starved;
	const struct snap_lock *lock = &load->snap->locks[s->lock];
	struct strbuf *sb = phrase_evidence(f);

	snap_thread_text(sb, load->snap, s->thread);
	strbuf_puts(sb, " waited ");
	units_count(sb, s->waits);
	strbuf_puts(sb, s->waits == 1 ? " time, " : " times, ");
	units_duration(sb, s->wait_ns);
	strbuf_puts(sb, " in all, ");
	units_duration(sb, s->longest_ns);
	strbuf_printf(sb, " at most%s", s->open_ns ? "; the last wait is still open" : "");
	if (lock->hist.count > 0) {
		sb = phrase_evidence(f);
		strbuf_puts(sb, "all waits at that lock that have ended: ");
		units_count(sb, lock->hist.count);
		strbuf_puts(sb, ", half of them shorter than ");
		units_duration(sb, s->median_ns);
	}
	if (s->readers) {
		sb = phrase_evidence(f);
		strbuf_puts(sb,
			    "readers do not wait for each other, so they are not seen: only that "
			    "nobody holds it for writing");
	}
	if (snap_site_frame(load->snap, s->stack)) {
		sb = phrase_evidence(f);
		strbuf_puts(sb, "it waits in ");
		snap_call_site_lines(sb, load->snap, s->stack);
	}
}

void starvation_tell(const struct load *load, struct finding *f)
{
	const struct starved *s = &load->starved;
	const char *name = load->snap->locks[s->lock].name;

	tell_headline(load, f);
	tell_cause(f, s);
	tell_evidence(load, f);
	if (s->readers)
		strbuf_printf(
			&f->next_step,
			"let a waiting writer go first at `%s` (pthread_rwlockattr_setkind_np "
			"with PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP), or let readers "
			"hold it for less of the time (copy under the lock, work outside)",
			name);
	else
		strbuf_printf(&f->next_step,
			      "let threads have `%s` in the order in which they come (a ticket or "
			      "queue lock), or let those that take it again and again do less "
			      "often",
			      name);
}
