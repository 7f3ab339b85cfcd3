// SPDX-License-Identifier: GPL-2.0-only
/*
 * threads.lock: threads wait for a lock (or for each other as if for one) and curing that would
 * make the program faster.
 *
 * gain: gain_remove_wait(), all of the wait removed.  CPUs that are full make it nothing: then the
 * lock only orders who runs next.
 */
#include "analysis/phrase.h"
#include "analysis/rules.h"
#include "base/num.h"
#include "base/units.h"
#include "model/site.h"

#include <string.h>

/* A holder without a CPU for this share of the waiting: the CPUs are to blame, not the lock. */
#define PREEMPTED_SHARE 0.5
/* From this share on the evidence mentions it. */
#define PREEMPTED_NOTED 0.1
/* Holders that are looked at: sorted by blame, so that the rest cannot matter much. */
#define HOLDERS_LOOK_MAX 64

enum variant { ONE_LOCK, TURNS, ALL_LOCKS };

/* Which of the three ways of waiting for locks is worth the most. */
static enum variant choose(const struct load *load, const struct load_wait **ret_wait)
{
	enum variant variant = ONE_LOCK;

	*ret_wait = &load->top_lock;
	if (load->turns.gain.ratio > load->top_lock.gain.ratio) {
		variant = TURNS;
		*ret_wait = &load->turns;
	}
	/* Many locks, none of which matters alone: a lock per shard, all of them contended. */
	if (gain_share((*ret_wait)->gain.ratio) < GAIN_SHARE_CALLED &&
	    gain_share(load->all_locks.gain.ratio) >= GAIN_SHARE_CALLED) {
		variant = ALL_LOCKS;
		*ret_wait = &load->all_locks;
	}
	return variant;
}

void lock_find(const struct load *load, struct finding *f)
{
	const struct load_wait *wait;

	choose(load, &wait);
	if (wait->lock == SNAP_NONE || !(wait->gain.ratio > 1))
		return;
	f->fired = true;
	f->lock = wait->lock;
	f->events = wait->waits;
	f->holder_known_ratio = num_ratio(wait->known_ns, wait->wait_ns);
	finding_set_gain(f, wait->gain);
}

bool lock_explained(const struct load *load, const struct finding *f, const struct findings *all)
{
	const struct load_wait *wait;

	(void)f;
	return choose(load, &wait) == ONE_LOCK && load->top_lock_preempted >= PREEMPTED_SHARE &&
	       findings_called(all, "cpu.oversubscribed");
}

struct held {
	uint32_t thread; /* SNAP_NONE = nobody is known */
	uint32_t others; /* threads that hold it at the same place, too */
	const struct snap_frame *site;
	enum time_class main_class; /* what they did meanwhile .. */
	double main_ns;		    /* .. for so long; 0 = not known */
	double blame_ns;
};

static bool same_site(const struct snap_frame *a, const struct snap_frame *b)
{
	if (!a || !b)
		return a == b;
	return *a->name || *b->name ? !strcmp(a->name, b->name) : a->ip == b->ip;
}

/* Is holder @at's thread among the holders [@first, @at) of the same site?  (One thread can be
 * there several times, by different stacks.) */
static bool seen_before(const struct snapshot *snap, const struct snap_lock *lock, uint32_t first,
			uint32_t at)
{
	const struct snap_holder *holder = &lock->holders[at];
	const struct snap_frame *site = snap_site_frame(snap, holder->stack);

	for (uint32_t i = first; i < at; i++) {
		if (lock->holders[i].thread == holder->thread &&
		    same_site(site, snap_site_frame(snap, lock->holders[i].stack)))
			return true;
	}
	return false;
}

/* All holders that released at the site of holder @first, together. */
static struct held sum_site(const struct snapshot *snap, const struct snap_lock *lock,
			    uint32_t first)
{
	struct held held = {.thread = lock->holders[first].thread,
			    .site = snap_site_frame(snap, lock->holders[first].stack)};
	double while_ns[CLASS_COUNT] = {0};

	for (uint32_t i = first; i < lock->holders_len && i < HOLDERS_LOOK_MAX; i++) {
		const struct snap_holder *holder = &lock->holders[i];

		if (holder->thread == SNAP_NONE ||
		    !same_site(held.site, snap_site_frame(snap, holder->stack)))
			continue;
		held.others += i > first && !seen_before(snap, lock, first, i);
		held.blame_ns += (double)holder->blame_ns;
		for (int c = 0; c < CLASS_COUNT; c++)
			while_ns[c] += (double)holder->while_ns[c];
	}
	for (int c = 0; c < CLASS_COUNT; c++) {
		if (while_ns[c] > held.main_ns) {
			held.main_ns = while_ns[c];
			held.main_class = (enum time_class)c;
		}
	}
	return held;
}

/* The place whose holders caused most of the waiting. */
static struct held find_held(const struct snapshot *snap, const struct snap_lock *lock)
{
	struct held best = {.thread = SNAP_NONE};

	for (uint32_t i = 0; i < lock->holders_len && i < HOLDERS_LOOK_MAX; i++) {
		struct held held;

		if (lock->holders[i].thread == SNAP_NONE)
			continue;
		held = sum_site(snap, lock, i);
		if (held.blame_ns > best.blame_ns)
			best = held;
	}
	return best;
}

static void tell_headline(const struct load *load, struct finding *f, enum variant variant,
			  const struct load_wait *wait)
{
	const struct snap_lock *lock = &load->snap->locks[wait->lock];
	struct strbuf *sb = &f->headline;

	switch (variant) {
	case ONE_LOCK:
		strbuf_printf(sb, "Threads wait for %s: `%s` costs ",
			      lock->kind == LOCK_KERNEL ? "a lock in the kernel" : "one lock",
			      lock->name);
		break;
	case TURNS:
		strbuf_puts(sb, "Threads wait for each other in turn");
		if (lock->waiters_len > 0 && snap_site_frame(load->snap, lock->waiters[0].stack)) {
			strbuf_puts(sb, " in ");
			snap_call_site(sb, load->snap, lock->waiters[0].stack);
		}
		strbuf_puts(sb, ": that costs ");
		break;
	case ALL_LOCKS:
		strbuf_puts(sb, "Threads wait for ");
		units_count(sb, wait->locks_len);
		strbuf_printf(sb, " locks, for `%s` the longest: together they cost ", lock->name);
		break;
	}
	phrase_share(sb, load, wait->wait_ns);
	strbuf_puts(sb, " of the time in which the program had work");
}

static void tell_cause(const struct snapshot *snap, struct finding *f, enum variant variant,
		       const struct held *held)
{
	struct strbuf *sb = &f->cause;

	if (held->thread == SNAP_NONE) {
		strbuf_puts(sb, "who holds it could not be seen");
		return;
	}
	strbuf_puts(sb, variant == TURNS ? "kept waiting by thread " : "held by thread ");
	snap_thread_text(sb, snap, held->thread);
	if (held->others > 0) {
		strbuf_puts(sb, " and ");
		units_count(sb, held->others);
		strbuf_puts(sb, held->others == 1 ? " other" : " others");
	}
	if (held->site) {
		strbuf_puts(sb, " in ");
		snap_frame_text(sb, held->site);
	}
	if (held->main_ns > 0) {
		strbuf_printf(sb, ", mostly while it %s", phrase_while(held->main_class));
		if (held->main_class != CLASS_RUN && held->main_class != CLASS_LOCK)
			phrase_syscall(sb, snap, held->thread, held->main_class);
	}
}

/* What to change, by what the holder does while others wait: @section is the function, "" =
 * unknown. */
static void tell_next(const struct snap_lock *lock, struct finding *f, const struct held *held,
		      const char *section)
{
	struct strbuf *sb = &f->next_step;
	const char *in = *section ? " in " : "";
	const char *name = lock->name;
	enum time_class cls = held->main_ns > 0 ? held->main_class : CLASS_RUN;

	if (lock->kind == LOCK_KERNEL) {
		strbuf_printf(sb,
			      "call the kernel less often for this%s%s: reuse memory and files "
			      "instead of mapping and unmapping them, or use several processes",
			      in, section);
		return;
	}
	switch (cls) {
	case CLASS_DISK:
		strbuf_printf(sb,
			      "move the disk wait%s%s out of the section under `%s`, or group it: "
			      "one thread flushes for all that wait",
			      in, section, name);
		return;
	case CLASS_NET:
	case CLASS_CLIENT_IDLE:
	case CLASS_LOOP_IDLE:
		strbuf_printf(sb,
			      "do not wait for the network%s%s while `%s` is held: fetch first, "
			      "then lock",
			      in, section, name);
		return;
	case CLASS_SLEEP:
	case CLASS_CHILD:
	case CLASS_POOL_IDLE:
	case CLASS_PEER:
	case CLASS_STOPPED:
		strbuf_printf(sb, "do not block%s%s while `%s` is held: wait before or after it",
			      in, section, name);
		return;
	case CLASS_LOCK:
	case CLASS_GIL:
		strbuf_printf(sb,
			      "do not wait for another lock%s%s while `%s` is held: look at that "
			      "other lock first",
			      in, section, name);
		return;
	case CLASS_RUNQ_PREEMPT:
	case CLASS_RUNQ_WAKE:
		strbuf_printf(sb,
			      "keep the holder of `%s` on a CPU: fewer runnable threads than CPUs, "
			      "or shorter sections%s%s",
			      name, in, section);
		return;
	case CLASS_RUN:
	case CLASS_OTHER:
	case CLASS_COUNT:
		break;
	}
	strbuf_printf(sb,
		      "do less%s%s while `%s` is held, or split it so that threads use different "
		      "ones (one per shard or per thread)%s",
		      in, section, name,
		      lock->kind == LOCK_MUTEX ? "; a read-write lock if most only read" : "");
}

static void tell_next_turns(struct finding *f, const char *section)
{
	strbuf_printf(&f->next_step,
		      "let a thread keep the others waiting for less time%s%s, or spread the work "
		      "so that threads need different things (rows, slots, queues)",
		      *section ? ": it lets them go on in " : "", section);
}

static const char *cure_of(const struct held *held)
{
	if (held->main_ns <= 0)
		return "removing this wait";
	switch (held->main_class) {
	case CLASS_DISK:
		return "taking the disk wait out of this section";
	case CLASS_NET:
		return "taking the call to the server out of this section";
	case CLASS_SLEEP:
		return "taking the sleep out of this section";
	case CLASS_RUN:
	case CLASS_RUNQ_PREEMPT:
	case CLASS_RUNQ_WAKE:
	case CLASS_LOCK:
	case CLASS_GIL:
	case CLASS_PEER:
	case CLASS_CLIENT_IDLE:
	case CLASS_LOOP_IDLE:
	case CLASS_POOL_IDLE:
	case CLASS_CHILD:
	case CLASS_STOPPED:
	case CLASS_OTHER:
	case CLASS_COUNT:
		break;
	}
	return "removing this wait";
}

static void tell_waits(const struct load *load, struct finding *f, const struct load_wait *wait)
{
	const struct snap_lock *lock = &load->snap->locks[wait->lock];
	struct strbuf *sb = phrase_evidence(f);

	if (wait->locks_len > 1) {
		units_count(sb, wait->locks_len);
		strbuf_puts(sb, " locks: ");
	} else {
		strbuf_printf(sb, "`%s` (%s): ", lock->name, lock_kind_name(lock->kind));
	}
	units_count(sb, wait->waits);
	strbuf_puts(sb, wait->waits == 1 ? " wait, " : " waits, ");
	units_duration(sb, (uint64_t)wait->wait_ns);
	strbuf_puts(sb, " in all");
	if (wait->locks_len == 1) {
		strbuf_puts(sb, ", 99% of them shorter than ");
		units_duration(sb, snap_hist_quantile(&lock->hist, 0.99));
		strbuf_puts(sb, ", the longest ");
		units_duration(sb, lock->hist.max_ns);
	}
	sb = phrase_evidence(f);
	strbuf_puts(sb, "threads waited for it during ");
	units_percent(sb, num_ratio(wait->contended_ns, load->window_ns));
	strbuf_puts(sb, " of the window");
	if (wait->locks_len == 1 && lock->waiters_max > 0) {
		strbuf_puts(sb, ", up to ");
		phrase_threads(sb, lock->waiters_max);
		strbuf_puts(sb, " at once");
	}
}

static void tell_evidence(const struct load *load, struct finding *f, const struct load_wait *wait,
			  const struct held *held)
{
	const struct snap_lock *lock = &load->snap->locks[wait->lock];
	struct strbuf *sb;

	tell_waits(load, f, wait);
	sb = phrase_evidence(f);
	strbuf_puts(sb, "the program kept ");
	phrase_busy(sb, load->busy_cpus, load->usable_cpus);
	strbuf_puts(sb, " busy that it could use; serial share (Karp-Flatt) ");
	units_percent(sb, gain_serial_share(load->busy_cpus, load->usable_cpus));
	if (held->main_ns > 0) {
		sb = phrase_evidence(f);
		strbuf_puts(sb, "the holder was seen for ");
		units_percent(sb, f->holder_known_ratio);
		strbuf_printf(sb, " of the waiting; it %s during ", phrase_while(held->main_class));
		units_percent(sb, num_ratio(held->main_ns, held->blame_ns));
		strbuf_puts(sb, " of what it caused");
	}
	if (lock->waiters_len > 0 && snap_site_frame(load->snap, lock->waiters[0].stack)) {
		sb = phrase_evidence(f);
		strbuf_puts(sb, "most waiting is in ");
		snap_call_site(sb, load->snap, lock->waiters[0].stack);
	}
	if (wait == &load->top_lock && load->top_lock_preempted >= PREEMPTED_NOTED) {
		sb = phrase_evidence(f);
		strbuf_puts(sb, "during ");
		units_percent(sb, load->top_lock_preempted);
		strbuf_puts(sb, " of the waiting the holder was runnable but had no CPU");
	}
}

void lock_tell(const struct load *load, struct finding *f)
{
	const struct load_wait *wait;
	enum variant variant = choose(load, &wait);
	const struct snap_lock *lock = &load->snap->locks[wait->lock];
	struct held held = find_held(load->snap, lock);
	struct strbuf section = {0};

	f->thread = held.thread;
	if (held.site)
		snap_frame_text(&section, held.site);
	tell_headline(load, f, variant, wait);
	tell_cause(load->snap, f, variant, &held);
	phrase_gain(load, f, cure_of(&held));
	tell_evidence(load, f, wait, &held);
	if (variant == TURNS)
		tell_next_turns(f, strbuf_str(&section));
	else
		tell_next(lock, f, &held, strbuf_str(&section));
	f->next_step.failed |= section.failed;
	strbuf_free(&section);
}
