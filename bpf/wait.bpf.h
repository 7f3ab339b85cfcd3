/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The life of one wait on a lock: begun at the switch out, resolved at the wakeup, booked at the
 * switch in.  A thread that is woken, loses the lock to another and sleeps again is still in the
 * same episode.
 */
#ifndef CONCPROF_WAIT_BPF_H
#define CONCPROF_WAIT_BPF_H

#include "account.bpf.h"
#include "classify.bpf.h"
#include "edge.bpf.h"
#include "futex.bpf.h"
#include "holder.bpf.h"
#include "stack.bpf.h"

/*
 * Back asleep on the same word, from the same frame, after so little on-CPU time: the same episode.
 * It must have been a lock that another was quicker to take (values 2 and 3: mutexes, rwlocks) and
 * that this thread has not released meanwhile, or a wait that timed out and goes on.
 */
#define CHAIN_GAP_NS 50000
#define HERD_GAP_NS 50000 /* back asleep after so little on the CPU: woken in vain */
#define RUN_SHIFT 10	  /* of cp_futex.woken_run */

static const struct cp_wait zero_wait;

static __always_inline bool same_lock(const struct cp_lock_key *a, const struct cp_lock_key *b)
{
	return a->word == b->word && a->space == b->space;
}

/* Begin, or go on with, a wait on @key. @restart: after a stop. */
static __always_inline void begin_wait(struct cp_thread *t, const struct cp_lock_key *key, u32 op,
				       u64 sp, u64 stack, u64 now, bool restart)
{
	struct cp_futex *fx = &t->fx;
	u64 gap_ns = now - t->run_from_ns;
	bool overtaken = (fx->value == 2 || fx->value == 3 || fx->gil) && !fx->released;
	bool timed_out = fx->timed && !fx->proven;
	bool same = same_lock(&fx->key, key) && fx->op == op && fx->sp == sp &&
		    fx->stack == stack && (restart || cls_futex(t->block_cls));

	/* Its wakeup was not seen (there are such): else it would be a waiter for good, too. */
	leave_lock(t, now);
	fx->chained = same && (restart || ((overtaken || timed_out) && gap_ns < CHAIN_GAP_NS));
	fx->key = *key;
	fx->op = op;
	fx->sp = sp;
	fx->stack = stack;
	fx->uaddr = key->word;
	fx->gil = 0;
	fx->seen_stack = fx->chained && timed_out ? fx->seen_stack : 0;
	fx->proven = 0;
	fx->woken &= CP_WOKEN_LOCK;
	fx->contender = 0;
	fx->before_attach = 0;
	fx->waker_tid = 0;
	fx->waker_slot = 0;
	fx->release_stack = 0;
	fx->released = 0;
	fx->peer_ns = 0;
	if (!fx->chained) {
		fx->episode_start_ns = now;
		fx->blocked_ns = 0;
		fx->runq_ns = 0;
	}
}

/* The protocol of mutexes and rwlocks; others may have these values now and then. */
static __always_inline bool waits_as_lock(const struct cp_futex *fx)
{
	return fx->value == 2 || fx->value == 3 || fx->op == CP_OP_LOCK_PI;
}

/*
 * A new wait: was the last wakeup in vain?  It was when the thread waits for the same again after
 * hardly any time on the CPU.  In between it may have waited for locks: whoever waits for a
 * condition takes its mutex first.  The same: this very word, or, of what is no lock, the one
 * beside it, as glibc's condition variables have two in turn.
 */
static __always_inline void judge_wakeup(struct cp_thread *t, u64 now)
{
	struct cp_futex *fx = &t->fx;
	bool lock = waits_as_lock(fx);
	u64 apart = fx->woken_word ^ fx->key.word;
	u32 ran;

	if (!fx->woken_word)
		return;
	if (apart && (apart != sizeof(u32) || lock || (fx->woken & CP_WOKEN_LOCK))) {
		if (!lock)
			fx->woken_word = 0; /* it was good for something */
		return;
	}
	ran = (u32)(class_time(t, CP_RUN, now) >> RUN_SHIFT) - fx->woken_run;
	fx->woken_word = 0;
	if (ran >= HERD_GAP_NS >> RUN_SHIFT)
		return;
	fx->woken |= CP_WOKEN_VAIN;
	fx->vain_ns = ran << RUN_SHIFT;
}

/* A futex wake, of @many or of one, has ended the wait of @t, which has not run yet. */
static __always_inline void note_wakeup(struct cp_thread *t, bool many)
{
	struct cp_futex *fx = &t->fx;
	bool lock = waits_as_lock(fx);

	if (many)
		fx->woken |= CP_WOKEN_MANY;
	/* The mutex that belongs to a condition, on the way back from it. */
	if (fx->gil || (lock && fx->woken_word && !(fx->woken & CP_WOKEN_LOCK)))
		return;
	fx->woken_word = fx->key.word;
	fx->woken_run = t->class_ns[CP_RUN] >> RUN_SHIFT;
	if (lock)
		fx->woken |= CP_WOKEN_LOCK;
	else
		fx->woken &= ~CP_WOKEN_LOCK;
}

/*
 * A wait for the GIL of CPython: who holds it and what that thread does at this moment.  Waits of
 * one interval (5 ms) follow each other; when the switch number is still the same, the holder has
 * kept it all the time.
 */
static __noinline int look_at_gil(struct cp_thread *t, struct cp_unwind_process *p, u64 now)
{
	struct cp_thread *h = NULL;
	u64 tstate, seen, switch_number = 0;
	struct cp_futex *fx;

	if (!t || !p)
		return 0;
	fx = &t->fx;
	seen = fx->seen_stack;
	tstate = python_gil_holder(&p->python, fx->key.word, &switch_number);
	if (tstate)
		h = slot_of_ns_tid(t, python_tid(&p->python, tstate));
	if (h == t || (h && h->tgid != t->tgid))
		h = NULL;
	if (seen && switch_number == fx->seen_switch)
		note_kept(fx);
	fx->seen_switch = switch_number;
	fx->seen_stack = h ? take_python_stack(t, p, tstate) : 0;
	fx->seen_tid = h ? h->view_tid : 0;
	enter_lock(fx, h, CP_BY_OWNER_WORD, now);
	return 0;
}

/* The process's tables where @word is a part of a GIL of CPython: *ret_gil is its address. */
static __always_inline struct cp_unwind_process *gil_at(const struct cp_thread *t, u64 word,
							u64 *ret_gil)
{
	struct cp_unwind_process *p = use_python ? tables_of(t) : NULL;

	if (!p || !p->python.runtime)
		return NULL;
	*ret_gil = python_gil_of(&p->python, word);
	return *ret_gil ? p : NULL;
}

/*
 * From 3.13 on locks have no futex word: a waiter of the parking lot sleeps on a semaphore in its
 * own stack, behind the address of what it waits for (struct wait_entry, Python/parking_lot.c).
 */
#define PARKING_STACK_BYTES 1024
static __always_inline u64 parked_on(const struct cp_thread *t, const struct futex_call *f, u64 sp)
{
	struct cp_unwind_process *p = use_python ? tables_of(t) : NULL;
	u64 lock;

	if (!p || !p->python.parking || !t->python_tstate || f->op != CP_OP_WAIT_BITSET ||
	    f->value || f->word - sp >= PARKING_STACK_BYTES)
		return 0;
	lock = user_word(f->word - sizeof(u64));
	return lock >> 47 ? 0 : lock;
}

/* Of its own because of the stack (see switch_in()); look_at_gil() is for the caller, who is less
 * deep. */
static __noinline void begin_futex_wait(struct cp_thread *t, const struct syscall_regs *r, u32 sys,
					u64 now)
{
	struct cp_unwind_process *python;
	struct cp_futex *fx = &t->fx;
	struct futex_call f = {};
	struct cp_lock_key key;
	struct cp_thread *h;
	u32 evidence = CP_BY_NONE;
	u64 gil = 0;

	decode_futex_wait(r, sys, &f);
	key.word = f.word;
	key.space = t->tgid | (f.private ? 0 : CP_SPACE_SHARED);
	python = f.private ? gil_at(t, f.word, &gil) : NULL;
	if (python) {
		key.word = gil;
		key.space |= CP_SPACE_GIL;
	} else if (f.private) {
		u64 lock = parked_on(t, &f, r->sp);

		if (lock)
			key.word = lock;
	}
	begin_wait(t, &key, f.op, r->sp, t->block_stack, now, false);
	fx->uaddr = f.word;
	fx->value = f.value;
	fx->timed = f.timed;
	if (python) {
		fx->gil = 1;
		t->why_cls = CP_GIL;
		return;
	}
	judge_wakeup(t, now);
	h = holder_of(t, &f, &evidence);
	enter_lock(fx, h, evidence, now);
}

/* restart_syscall: the futex wait before the stop goes on; its arguments are in the slot. */
static __noinline void resume_futex_wait(struct cp_thread *t, const struct syscall_regs *r, u64 now)
{
	struct cp_lock_key key = t->fx.key;
	u64 uaddr = t->fx.uaddr;
	u8 gil = t->fx.gil;

	begin_wait(t, &key, t->fx.op, r->sp, t->fx.stack, now, true);
	t->fx.uaddr = uaddr;
	t->fx.gil = gil;
	enter_lock(&t->fx, NULL, CP_BY_NONE, now);
}

static __noinline void begin_kernel_wait(struct task_struct *task, struct cp_thread *t, u64 word,
					 u64 now)
{
	struct cp_lock_key key = {.word = word, .space = t->tgid | CP_SPACE_KERNEL};
	struct task_struct *owner = word == MMAP_LOCK_WORD ? compat_mmap_lock_owner(task) : NULL;
	struct cp_thread *h = NULL;

	begin_wait(t, &key, CP_OP_KERNEL, 0, t->block_stack, now, false);
	t->fx.value = 0;
	t->fx.timed = 0;
	if (owner)
		h = slot_of_tid(BPF_CORE_READ(owner, pid));
	enter_lock(&t->fx, h, CP_BY_OWNER_WORD, now);
}

/* A wait on a word that tells no holder: its waker is blamed, where there was one. */
static __always_inline void blame_waker(struct cp_thread *t, u64 blocked_ns, u64 now)
{
	struct cp_futex *fx = &t->fx;
	struct cp_blame_key key = {.lock = fx->key,
				   .release_stack = fx->release_stack,
				   .tid = fx->waker_tid,
				   .evidence = fx->waker_tid ? CP_BY_WAKER : CP_BY_NONE};
	struct cp_blame *blame = map_entry(&blames, &key, &zero_blame, CP_LOST_BLAMES);
	struct cp_thread *waker = slot_at(fx->waker_slot);

	if (!blame)
		return;
	__sync_fetch_and_add(&blame->waits, 1);
	__sync_fetch_and_add(&blame->blame_ns, blocked_ns);
	if (waker)
		waker_while(blame, waker, now - blocked_ns, now);
	count_edge(t, fx->waker_tid, lock_edge(t, fx->waker_slot), blocked_ns, fx->release_stack);
}

/*
 * The part of a wait in which its waker had work in hand: from the moment the waker became busy.
 * The rest is idleness passed on (a worker of a pool without backlog).
 */
static __always_inline u64 peer_part(const struct cp_thread *t, const struct cp_thread *waker,
				     u64 now)
{
	u64 from = waker->busy_since_ns > t->block_ns ? waker->busy_since_ns : t->block_ns;

	return now > from ? now - from : 0;
}

/* Work came in when the waker got it, not when it passed it on. */
static __always_inline void inherit_work(struct cp_thread *t, const struct cp_thread *waker)
{
	if (waker->busy_since_ns > t->block_ns)
		t->busy_since_ns = waker->busy_since_ns;
}

/* Has @waker, which is current, handed over what @t waits for by a futex wake? */
static __always_inline bool wakes_futex(const struct cp_thread *t, const struct syscall_regs *r)
{
	return t->fx.op != CP_OP_KERNEL && wakes_waiter(r, t->fx.uaddr, t->fx.timed);
}

/* At the wakeup. @waker: who has handed over what @t waits for, at @release_stack; NULL: nobody. */
static __always_inline void resolve_futex(struct cp_thread *t, struct cp_thread *waker,
					  const struct syscall_regs *r, u64 release_stack, u64 now)
{
	struct cp_futex *fx = &t->fx;
	u64 blocked_ns = now > t->block_ns ? now - t->block_ns : 0;

	if (waker) {
		fx->proven = 1;
		fx->waker_tid = waker->view_tid;
		fx->waker_slot = waker->slot;
		fx->release_stack = release_stack;
	}
	if (waker && fx->op != CP_OP_KERNEL) {
		note_wakeup(t, wakes_many(r));
		fx->contender = waker != t && same_lock(&waker->fx.key, &fx->key);
		waker->fx.released |= fx->contender;
		fx->peer_ns = peer_part(t, waker, now);
		if (!fx->holder_tid)
			inherit_work(t, waker);
	} else if (fx->op != CP_OP_KERNEL && !fx->holder_tid) {
		t->busy_since_ns = now; /* timed out or interrupted: it was idle */
	}
	fx->blocked_ns += blocked_ns;
	note_seen(fx, blocked_ns);
	if (fx->owned)
		count_edge(t, fx->holder_tid, lock_edge(t, fx->holder_slot), blocked_ns,
			   fx->waker_tid == fx->holder_tid ? fx->release_stack : 0);
	else
		blame_waker(t, blocked_ns, now);
	leave_lock(t, now);
}

static __always_inline void stream_long_wait(const struct cp_thread *t, u64 now)
{
	const struct cp_futex *fx = &t->fx;
	struct cp_ring_long_wait *rec;
	u64 second = now / 1000000000;

	if (long_wait_second != second) {
		long_wait_second = second;
		long_waits_sent = 0;
	}
	if (__sync_fetch_and_add(&long_waits_sent, 1) >= long_waits_per_s) {
		count_loss(CP_LOST_LONG_WAITS);
		return;
	}
	rec = bpf_ringbuf_reserve(&ring, sizeof(*rec), 0);
	if (!rec) {
		count_loss(CP_LOST_LONG_WAITS);
		return;
	}
	rec->type = CP_RING_LONG_WAIT;
	rec->tid = t->view_tid;
	rec->holder_tid = fx->holder_tid;
	rec->waker_tid = fx->waker_tid;
	rec->lock = fx->key;
	rec->stack = fx->stack;
	rec->release_stack = fx->release_stack;
	rec->start_ns = fx->episode_start_ns;
	rec->woken_ns = now - fx->runq_ns;
	rec->end_ns = now;
	bpf_ringbuf_submit(rec, BPF_RB_NO_WAKEUP);
}

/* An episode's total went from @before to @after: one thread writes its own entry, so no atomics.
 */
static __always_inline void book_episode(struct cp_wait *w, bool chained, u64 before, u64 after)
{
	u32 old = log2_bucket(before), new = log2_bucket(after);

	if (!chained)
		w->waits++;
	else if (old < CP_HIST_BUCKETS && w->hist[old])
		w->hist[old]--;
	if (new < CP_HIST_BUCKETS)
		w->hist[new]++;
	if (after > w->max_ns)
		w->max_ns = after;
}

/* At the switch in: the wait is over. @blocked_ns and @runq_ns of this block alone. */
static __always_inline void book_wait(struct cp_thread *t, u64 blocked_ns, u64 runq_ns, u64 now)
{
	struct cp_futex *fx = &t->fx;
	struct cp_wait_key key = {
		.lock = fx->key, .stack = fx->stack, .tid = t->view_tid, .op = fx->op};
	u64 before = fx->blocked_ns - blocked_ns + fx->runq_ns;
	struct cp_wait *w;

	fx->runq_ns += runq_ns;
	w = map_entry(&waits, &key, &zero_wait, CP_LOST_WAITS);
	if (!w)
		return;
	book_episode(w, fx->chained, before, fx->blocked_ns + fx->runq_ns);
	w->blocked_ns += blocked_ns;
	w->runq_ns += runq_ns;
	w->peer_ns += fx->peer_ns < blocked_ns ? fx->peer_ns : blocked_ns;
	w->value = fx->value;
	w->timed |= fx->timed;
	if (fx->proven) {
		w->handed_over++;
		w->contender_wakes += fx->contender;
		w->broadcasts += fx->woken & CP_WOKEN_MANY;
	} else if (fx->timed) {
		w->timeouts++;
	} else {
		w->interrupted++;
	}
	w->owner_known += fx->holder_tid != 0;
	if (fx->woken & CP_WOKEN_VAIN) {
		w->sleep_again++;
		w->again_ns += fx->vain_ns;
	}
	if (fx->blocked_ns + fx->runq_ns >= long_wait_ns)
		stream_long_wait(t, now);
}

#endif
