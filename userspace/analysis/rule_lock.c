// SPDX-License-Identifier: GPL-2.0-only
/*
 * threads.lock: threads wait for a lock (or for each other as if for one) and curing that would
 * make the program faster.
 *
 * gain: gain_remove_wait(), all of the wait removed.  CPUs that are full make it nothing: then the
 * lock only orders who runs next.
 */
#include "analysis/chain.h"
#include "analysis/ipc_code.h"
#include "analysis/phrase.h"
#include "analysis/rules.h"
#include "base/num.h"
#include "base/units.h"
#include "model/held.h"
#include "model/site.h"

#include <string.h>

/* A holder without a CPU for this share of the waiting: the CPUs are to blame, not the lock. */
#define PREEMPTED_SHARE 0.5
/* From this share on the evidence mentions it. */
#define PREEMPTED_NOTED 0.1
/* From this share on what a holder does is what it mostly does. */
#define MAINLY_SHARE 0.5

/* So much of the waiting for a lock is one starved thread's. */
#define STARVED_SHARE 0.5

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

	if (findings_called(all, "processes.ipc") &&
	    ipc_code_lock(load->snap, &load->snap->locks[f->lock], false))
		return true; /* the lock at one end of a pipe: who has it waits for data */
	/* Most of the waiting is one thread's, which others pass: they would not be faster. */
	if (findings_fired(all, "threads.starvation") && f->lock == load->starved.lock &&
	    load->starved.lock_share >= STARVED_SHARE)
		return true;
	/* Stages of a pipeline wait for the slow one through each other, not in turn. */
	if (choose(load, &wait) == TURNS && findings_called(all, "threads.imbalance") &&
	    load->pipeline.waiting_len > 0)
		return true;
	if (findings_called(all, "threads.herd") && herd_at_site(load, f->lock))
		return true;
	return choose(load, &wait) == ONE_LOCK && load->top_lock_preempted >= PREEMPTED_SHARE &&
	       findings_called(all, "cpu.oversubscribed");
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

/* Of a line it is said what is there; a function alone is both. */
static void tell_place(struct strbuf *sb, enum variant variant, const struct snap_held *held)
{
	if (!held->site)
		return;
	if (!*held->site->file || !held->site->line)
		strbuf_puts(sb, " in ");
	else if (variant == TURNS)
		strbuf_puts(sb, ", which wakes them in ");
	else
		strbuf_puts(sb, held->taken ? ", taken in " : ", released in ");
	snap_frame_line_text(sb, held->site);
}

static void tell_cause(const struct load *load, const struct snap_lock *lock, struct finding *f,
		       enum variant variant, const struct snap_held *held)
{
	const struct snapshot *snap = load->snap;
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
	tell_place(sb, variant, held);
	if (held->main_ns > 0) {
		strbuf_printf(sb,
			      held->main_ns >= MAINLY_SHARE * held->blame_ns
				      ? ", mostly while it %s"
				      : ", as far as that was seen while it %s",
			      phrase_while(held->main_class));
		if (held->main_class != CLASS_RUN && held->main_class != CLASS_LOCK)
			phrase_syscall(sb, snap, held->thread, held->main_class);
		phrase_holding(sb, snap, lock, held->main_class, held->site);
	}
	chain_cause(sb, load, held->thread);
}

/* By what the holder does while others wait: "change in function while `lock` tail". */
struct advice {
	const char *cure; /* subject of "would give up to" */
	const char *change;
	const char *tail;
};

enum advice_kind {
	ADVICE_COMPUTE,
	ADVICE_CPU,
	ADVICE_LOCK,
	ADVICE_DISK,
	ADVICE_NETWORK,
	ADVICE_SLEEP,
	ADVICE_BLOCK
};

static const struct advice advices[] = {
	[ADVICE_COMPUTE] = {"removing this wait", "do less",
			    " is held, or split it so that threads use different ones (one per "
			    "shard or per thread)"},
	[ADVICE_CPU] = {"removing this wait", "do less",
			" is held and run fewer threads at once, so that its holder keeps its CPU"},
	[ADVICE_LOCK] = {"removing this wait", "do not wait for another lock",
			 " is held: look at that other lock first"},
	[ADVICE_DISK] = {"taking the disk wait out of this section", "do not wait for the disk",
			 " is held, or group it: one thread flushes for all that wait"},
	[ADVICE_NETWORK] = {"taking the network wait out of this section",
			    "do not wait for the network", " is held: fetch first, then lock"},
	[ADVICE_SLEEP] = {"taking the sleep out of this section", "do not sleep",
			  " is held: wait before or after it"},
	[ADVICE_BLOCK] = {"removing this wait", "do not block",
			  " is held: wait before or after it"},
};

static const enum advice_kind advice_by_class[CLASS_COUNT] = {
	[CLASS_RUN] = ADVICE_COMPUTE,
	[CLASS_RUNQ_PREEMPT] = ADVICE_CPU,
	[CLASS_RUNQ_WAKE] = ADVICE_CPU,
	[CLASS_LOCK] = ADVICE_LOCK,
	[CLASS_GIL] = ADVICE_LOCK,
	[CLASS_PEER] = ADVICE_BLOCK,
	[CLASS_DISK] = ADVICE_DISK,
	[CLASS_NET] = ADVICE_NETWORK,
	[CLASS_CLIENT_IDLE] = ADVICE_NETWORK,
	[CLASS_LOOP_IDLE] = ADVICE_NETWORK,
	[CLASS_SLEEP] = ADVICE_SLEEP,
	[CLASS_POOL_IDLE] = ADVICE_BLOCK,
	[CLASS_CHILD] = ADVICE_BLOCK,
	[CLASS_STOPPED] = ADVICE_BLOCK,
	[CLASS_OTHER] = ADVICE_BLOCK,
};

static enum advice_kind advise(const struct snap_held *held)
{
	return held->main_ns > 0 ? advice_by_class[held->main_class] : ADVICE_COMPUTE;
}

/* @section is the holder's function, "" = unknown. */
static void tell_next(const struct snap_lock *lock, struct finding *f, const struct snap_held *held,
		      const char *section)
{
	enum advice_kind kind = advise(held);
	struct strbuf *sb = &f->next_step;
	const char *in = *section ? " in " : "";

	if (lock->kind == LOCK_KERNEL) {
		strbuf_printf(sb,
			      "call the kernel less often for this%s%s: reuse memory and files "
			      "instead of mapping and unmapping them, or use several processes",
			      in, section);
		return;
	}
	strbuf_printf(sb, "%s%s%s while `%s`%s", advices[kind].change, in, section, lock->name,
		      advices[kind].tail);
	if (lock->kind == LOCK_MUTEX && kind == ADVICE_COMPUTE)
		strbuf_puts(sb, "; a read-write lock if most only read");
}

static void tell_next_turns(struct finding *f, const char *section)
{
	strbuf_printf(&f->next_step,
		      "let a thread keep the others waiting for less time%s%s, or spread the work "
		      "so that threads need different things (rows, slots, queues)",
		      *section ? ": it lets them go on in " : "", section);
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
	units_duration(sb, num_to_u64(wait->wait_ns));
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
			  const struct snap_held *held)
{
	const struct snap_lock *lock = &load->snap->locks[wait->lock];
	struct strbuf *sb;

	tell_waits(load, f, wait);
	sb = phrase_evidence(f);
	strbuf_puts(sb, "busy: ");
	phrase_busy(sb, load->busy_cpus, load->usable_cpus);
	strbuf_puts(sb, " that the program could use; serial share (Karp-Flatt) ");
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
		snap_call_site_lines(sb, load->snap, lock->waiters[0].stack);
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
	struct snap_held held = snap_held_of(load->snap, lock);
	struct strbuf section = {0};

	f->thread = held.thread;
	if (held.site)
		snap_frame_text(&section, held.site);
	tell_headline(load, f, variant, wait);
	tell_cause(load, lock, f, variant, &held);
	phrase_gain(load, f, advices[advise(&held)].cure);
	tell_evidence(load, f, wait, &held);
	chain_tell(load, f, held.thread);
	if (variant == TURNS)
		tell_next_turns(f, strbuf_str(&section));
	else
		tell_next(lock, f, &held, strbuf_str(&section));
	f->next_step.failed |= section.failed;
	strbuf_free(&section);
}
