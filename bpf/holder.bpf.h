/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Blame by lock: while somebody waits, each moment is the present holder's, times the number of
 * waiters, together with what the holder did in that moment.  A holder changes in the middle of
 * long waits, so blame by wait would give the whole of each to whoever held the lock when it began.
 */
#ifndef CONCPROF_HOLDER_BPF_H
#define CONCPROF_HOLDER_BPF_H

#include "account.bpf.h"

static const struct cp_lock zero_lock;
static const struct cp_blame zero_blame;
static const struct cp_holding zero_holding;

#define WAITERS_SANE 65536 /* more is a torn counter */

/* Never waits: whoever comes second leaves its part of the time to the next event. */
static __always_inline bool lock_claim(struct cp_lock *lock)
{
	return __sync_val_compare_and_swap(&lock->busy, 0, 1) == 0;
}

static __always_inline void lock_release(struct cp_lock *lock)
{
	__sync_lock_test_and_set(&lock->busy, 0);
}

static __always_inline u64 class_time(const struct cp_thread *h, u32 cls, u64 now)
{
	u64 ns = h->class_ns[cls];

	return cls == h->cls && now > h->since_ns ? ns + (now - h->since_ns) : ns;
}

/*
 * Blame the holder for the time since the last event.  Global functions (not static, and with a
 * result): the verifier checks each one once, not at every call.
 */
__noinline int lock_settle(struct cp_lock *lock, u64 now)
{
	struct cp_thread *h;
	u64 waiters, at, ns;
	u32 i;

	if (!lock)
		return 0;
	h = slot_at(lock->holder_slot);
	waiters = lock->waiters;
	at = lock->at_ns;
	lock->at_ns = now;
	if (!h || h->view_tid != lock->holder_tid || now <= at || waiters > WAITERS_SANE)
		return 0;
	lock->pend_ns += waiters * (now - at);
	for (i = 0; i < CP_CLASS_COUNT; i++) {
		ns = class_time(h, i, now);
		if (ns > lock->while0_ns[i])
			lock->pend_while_ns[i] += waiters * (ns - lock->while0_ns[i]);
		lock->while0_ns[i] = ns;
	}
	return 0;
}

/* Book what is pending under the present holder, released at @release_stack (0 = not seen). */
__noinline int lock_book(struct cp_lock *lock, struct cp_lock_key *key, u64 release_stack)
{
	struct cp_blame_key blame_key = {.release_stack = release_stack};
	struct cp_blame *blame;
	u32 i;

	if (!lock || !key || !lock->holder_slot || (!lock->pend_ns && !lock->pend_waits))
		return 0;
	blame_key.lock = *key;
	blame_key.tid = lock->holder_tid;
	blame_key.evidence = lock->evidence;
	blame = map_entry(&blames, &blame_key, &zero_blame, CP_LOST_BLAMES);
	if (!blame)
		return 0;
	__sync_fetch_and_add(&blame->waits, lock->pend_waits);
	__sync_fetch_and_add(&blame->blame_ns, lock->pend_ns);
	for (i = 0; i < CP_CLASS_COUNT; i++) {
		if (lock->pend_while_ns[i])
			__sync_fetch_and_add(&blame->while_ns[i], lock->pend_while_ns[i]);
		lock->pend_while_ns[i] = 0;
	}
	lock->pend_ns = 0;
	lock->pend_waits = 0;
	return 0;
}

/* While it holds @key and others wait, what @t does is noted (note_holding()). */
static __always_inline void begin_holding(struct cp_thread *t, const struct cp_lock_key *key,
					  u64 now)
{
	t->held_since_ns = now;
	t->held.space = key->space;
	t->held.word = key->word;
}

static __always_inline void end_holding(struct cp_thread *t, const struct cp_lock_key *key)
{
	if (t && t->held.word == key->word && t->held.space == key->space)
		t->held.word = 0;
}

/* @t was seen at @stack, for @ns of a block, while it held a lock that others wait for. */
static __always_inline void note_holding(const struct cp_thread *t, u32 kind, u64 stack, u64 ns)
{
	struct cp_holding_key key = {.stack = stack, .tid = t->view_tid, .kind = kind};
	struct cp_holding *holding;

	if (!t->held.word || !stack)
		return;
	key.lock = t->held;
	holding = map_entry(&holdings, &key, &zero_holding, CP_LOST_HOLDINGS);
	if (!holding)
		return;
	__sync_fetch_and_add(&holding->count, 1);
	__sync_fetch_and_add(&holding->ns, ns);
}

static __always_inline struct cp_holding *seen_entry(const struct cp_futex *fx)
{
	struct cp_holding_key key = {
		.stack = fx->seen_stack, .tid = fx->seen_tid, .kind = CP_HOLDING_SEEN};

	key.lock = fx->key;
	return map_entry(&holdings, &key, &zero_holding, CP_LOST_HOLDINGS);
}

/* A wait of @ns is over whose beginning found the holder at fx->seen_stack. */
static __always_inline void note_seen(const struct cp_futex *fx, u64 ns)
{
	struct cp_holding *holding;

	if (!fx->gil || !fx->seen_stack)
		return;
	holding = seen_entry(fx);
	if (!holding)
		return;
	__sync_fetch_and_add(&holding->count, 1);
	__sync_fetch_and_add(&holding->ns, ns);
}

/* Between two looks, an interval apart, nobody else has had the lock. */
static __always_inline void note_kept(const struct cp_futex *fx)
{
	struct cp_holding *holding = seen_entry(fx);

	if (holding)
		__sync_fetch_and_add(&holding->kept, 1);
}

/* From now on @h holds the lock; NULL: nobody is known to. What is pending must be booked. */
__noinline int lock_hold(struct cp_lock *lock, struct cp_lock_key *key, struct cp_thread *h,
			 u32 evidence, u64 now)
{
	u32 i;

	if (!lock || !key)
		return 0;
	end_holding(slot_at(lock->holder_slot), key);
	if (h)
		begin_holding(h, key, now);
	lock->holder_slot = h ? h->slot : 0;
	lock->holder_tid = h ? h->view_tid : 0;
	lock->evidence = evidence;
	lock->at_ns = now;
	for (i = 0; h && i < CP_CLASS_COUNT; i++)
		lock->while0_ns[i] = class_time(h, i, now);
	return 0;
}

/* A wait begins; @h holds the lock as its word says, NULL where the word does not tell. */
static __always_inline void enter_lock(struct cp_futex *fx, struct cp_thread *h, u32 evidence,
				       u64 now)
{
	struct cp_lock *lock = map_entry(&locks, &fx->key, &zero_lock, CP_LOST_LOCKS);
	u64 waiters;

	fx->holder_slot = h ? h->slot : 0;
	fx->holder_tid = h ? h->view_tid : 0;
	fx->evidence = h ? evidence : CP_BY_NONE;
	fx->counted = lock != NULL;
	fx->owned = h != NULL;
	if (!lock)
		return;
	if (lock_claim(lock)) {
		lock_settle(lock, now);
		if (h && h->view_tid != lock->holder_tid) {
			lock_book(lock, &fx->key, 0);
			lock_hold(lock, &fx->key, h, evidence, now);
		}
		lock_release(lock);
	}
	if (!h && lock->holder_slot && lock->evidence != CP_BY_NONE) {
		/* Between two owners: who was woken last is about to take it. */
		fx->owned = 1;
		fx->holder_slot = lock->holder_slot;
		fx->holder_tid = lock->holder_tid;
		fx->evidence = lock->evidence;
	}
	waiters = __sync_fetch_and_add(&lock->waiters, 1);
	if (waiters == 0)
		lock->since_ns = now;
	if (waiters + 1 > lock->waiters_max)
		lock->waiters_max = waiters + 1;
}

/* A wait ends: handed over by fx->waker (fx->proven), timed out, or interrupted. */
static __always_inline void leave_lock(struct cp_thread *t, u64 now)
{
	struct cp_futex *fx = &t->fx;
	struct cp_lock *lock;
	bool last;

	if (!fx->counted)
		return;
	fx->counted = 0;
	lock = bpf_map_lookup_elem(&locks, &fx->key);
	if (!lock)
		return;
	last = lock->waiters == 1;
	if (lock_claim(lock)) {
		lock_settle(lock, now);
		lock->pend_waits += lock->holder_slot != 0;
		if (fx->proven || last) {
			lock_book(lock, &fx->key,
				  fx->waker_tid == lock->holder_tid ? fx->release_stack : 0);
			/* The woken thread takes it next, unless another is quicker: then its
			 * waiters will tell. */
			lock_hold(lock, &fx->key, lock->holder_slot && !last ? t : NULL,
				  lock->evidence, now);
		}
		lock_release(lock);
	}
	if (__sync_fetch_and_add(&lock->waiters, -1) == 1 && now > lock->since_ns)
		__sync_fetch_and_add(&lock->contended_ns, now - lock->since_ns);
}

static __always_inline void add_while(struct cp_blame *blame, u32 cls, u64 ns)
{
	if (ns && cls < CP_CLASS_COUNT)
		__sync_fetch_and_add(&blame->while_ns[cls], ns);
}

/*
 * What a waker did that nobody knew for holder before: it has run since run_from_ns, and before
 * that it was off the CPU for its last block.
 */
static __always_inline void waker_while(struct cp_blame *blame, const struct cp_thread *waker,
					u64 from, u64 now)
{
	u64 run_from = waker->run_from_ns, block = waker->block_ns;
	u64 ran_ns, off_ns = 0;

	if (run_from < from)
		run_from = from;
	if (run_from > now)
		run_from = now;
	ran_ns = now - run_from;
	if (block < from)
		block = from;
	if (block < run_from)
		off_ns = run_from - block;
	add_while(blame, CP_RUN, ran_ns);
	add_while(blame, waker->block_cls, off_ns);
	add_while(blame, CP_OTHER, now - from - ran_ns - off_ns);
}

#endif
