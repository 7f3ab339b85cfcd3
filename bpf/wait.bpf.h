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
#include "futex.bpf.h"
#include "stack.bpf.h"

/*
 * Back asleep on the same word, from the same frame, after less on-CPU time than a critical section
 * with its unlock call takes: the same episode.  It must have been a lock that another was quicker
 * to take (values 2 and 3: mutexes, rwlocks), or a wait that timed out and goes on.
 */
#define CHAIN_GAP_NS 5000
#define HERD_GAP_NS 50000 /* verdict.md, threads.herd */
/* No futex lies at these: the process's mmap_lock, and file locks (flock, fcntl). */
#define MMAP_LOCK_WORD 1
#define FILE_LOCK_WORD 2

static const struct cp_wait zero_wait;
static const struct cp_blame zero_blame;
static const struct cp_lock zero_lock;
static const struct cp_edge zero_edge;

static __always_inline bool same_lock(const struct cp_lock_key *a, const struct cp_lock_key *b)
{
	return a->word == b->word && a->space == b->space;
}

/* The class times of @h, the time in the present class included. */
static __always_inline void class_times(const struct cp_thread *h, u64 now, u64 *ret)
{
	u32 cls = h->cls, i;
	u64 since = h->since_ns;

	for (i = 0; i < CP_CLASS_COUNT; i++)
		ret[i] = h->class_ns[i] + (i == cls && now > since ? now - since : 0);
}

static __always_inline void enter_lock(struct cp_futex *fx, u64 now)
{
	struct cp_lock *lock = map_entry(&locks, &fx->key, &zero_lock, CP_LOST_LOCKS);
	u64 waiters;

	fx->counted = lock != NULL;
	if (!lock)
		return;
	waiters = __sync_fetch_and_add(&lock->waiters, 1);
	if (waiters == 0)
		lock->since_ns = now;
	if (waiters + 1 > lock->waiters_max)
		lock->waiters_max = waiters + 1;
}

static __always_inline void leave_lock(struct cp_futex *fx, u64 now)
{
	struct cp_lock *lock;

	if (!fx->counted)
		return;
	fx->counted = 0;
	lock = bpf_map_lookup_elem(&locks, &fx->key);
	if (lock && __sync_fetch_and_add(&lock->waiters, -1) == 1 && now > lock->since_ns)
		__sync_fetch_and_add(&lock->contended_ns, now - lock->since_ns);
}

static __always_inline void note_holder(struct cp_futex *fx, struct cp_thread *h, u32 evidence,
					u64 now)
{
	fx->holder_slot = 0;
	fx->holder_tid = 0;
	fx->evidence = CP_BY_NONE;
	if (!h)
		return;
	fx->holder_slot = h->slot;
	fx->holder_tid = h->view_tid;
	fx->evidence = evidence;
	class_times(h, now, fx->while0_ns);
}

/* Begin, or go on with, a wait on @key. @restart: after a stop. */
static __always_inline void begin_wait(struct cp_thread *t, const struct cp_lock_key *key, u32 op,
				       u64 sp, u64 stack, u64 now, bool restart)
{
	struct cp_futex *fx = &t->fx;
	bool overtaken = fx->value == 2 || fx->value == 3;
	bool timed_out = fx->timed && !fx->proven;
	bool same = same_lock(&fx->key, key) && fx->op == op && fx->sp == sp &&
		    fx->stack == stack && t->block_cls == CP_FUTEX;

	fx->chained = same && (restart ||
			       ((overtaken || timed_out) && now - t->run_from_ns < CHAIN_GAP_NS));
	fx->key = *key;
	fx->op = op;
	fx->sp = sp;
	fx->stack = stack;
	fx->proven = 0;
	fx->contender = 0;
	fx->before_attach = 0;
	fx->waker_tid = 0;
	fx->waker_slot = 0;
	fx->release_stack = 0;
	fx->peer_ns = 0;
	if (!fx->chained) {
		fx->episode_start_ns = now;
		fx->blocked_ns = 0;
		fx->runq_ns = 0;
	}
	enter_lock(fx, now);
}

static __always_inline void begin_futex_wait(struct cp_thread *t, const struct syscall_regs *r,
					     u32 sys, u64 now)
{
	struct cp_futex *fx = &t->fx;
	struct futex_call f = {};
	struct cp_lock_key key;
	struct cp_thread *h;
	u32 evidence = CP_BY_NONE;

	decode_futex_wait(r, sys, &f);
	key.word = f.word;
	key.space = t->tgid | (f.private ? 0 : CP_SPACE_SHARED);
	begin_wait(t, &key, f.op, r->sp, t->block_stack, now, false);
	fx->value = f.value;
	fx->timed = f.timed;
	h = holder_of(t, &f, &evidence);
	note_holder(fx, h, evidence, now);
}

/* restart_syscall: the futex wait before the stop goes on; its arguments are in the slot. */
static __always_inline void resume_futex_wait(struct cp_thread *t, const struct syscall_regs *r,
					      u64 now)
{
	struct cp_lock_key key = t->fx.key;

	begin_wait(t, &key, t->fx.op, r->sp, t->fx.stack, now, true);
	note_holder(&t->fx, NULL, CP_BY_NONE, now);
}

static __always_inline void begin_kernel_wait(struct task_struct *task, struct cp_thread *t,
					      u64 word, u64 now)
{
	struct cp_lock_key key = {.word = word, .space = t->tgid | CP_SPACE_KERNEL};
	struct task_struct *owner = word == MMAP_LOCK_WORD ? compat_mmap_lock_owner(task) : NULL;
	struct cp_thread *h = NULL;

	begin_wait(t, &key, CP_OP_KERNEL, 0, t->block_stack, now, false);
	t->fx.value = 0;
	t->fx.timed = 0;
	if (owner)
		h = slot_of_tid(BPF_CORE_READ(owner, pid));
	note_holder(&t->fx, h, CP_BY_OWNER_WORD, now);
}

static __always_inline void count_edge(u32 from_tid, u32 to_tid, u32 kind, u64 wait_ns)
{
	struct cp_edge_key key = {.from_tid = from_tid, .to_tid = to_tid, .kind = kind};
	struct cp_edge *edge;

	if (!to_tid)
		return;
	edge = map_entry(&edges, &key, &zero_edge, CP_LOST_EDGES);
	if (!edge)
		return;
	__sync_fetch_and_add(&edge->waits, 1);
	__sync_fetch_and_add(&edge->wait_ns, wait_ns);
}

static __always_inline void add_while(struct cp_blame *blame, u32 cls, u64 ns)
{
	if (ns && cls < CP_CLASS_COUNT)
		__sync_fetch_and_add(&blame->while_ns[cls], ns);
}

/* A waker that was not known as holder when the wait began: it has run since run_from_ns, and
 * before that was off the CPU for its last block. */
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

/* What the holder did while @t waited: its class times now less those when the wait began. */
static __always_inline void holder_while(struct cp_blame *blame, const struct cp_thread *h,
					 const struct cp_futex *fx, u64 now)
{
	u32 cls = h->cls, i;
	u64 delta;

	for (i = 0; i < CP_CLASS_COUNT; i++) {
		delta = h->class_ns[i] - fx->while0_ns[i];
		if (i == cls && now > h->since_ns)
			delta += now - h->since_ns;
		if ((s64)delta > 0)
			add_while(blame, i, delta);
	}
}

static __always_inline void book_blame(struct cp_thread *t, u64 blocked_ns, u64 now)
{
	struct cp_futex *fx = &t->fx;
	struct cp_blame_key key = {.lock = fx->key};
	struct cp_blame *blame;
	struct cp_thread *h;

	key.tid = fx->holder_tid ? fx->holder_tid : fx->waker_tid;
	key.evidence = fx->holder_tid ? fx->evidence : fx->waker_tid ? CP_BY_WAKER : CP_BY_NONE;
	if (key.tid == fx->waker_tid)
		key.release_stack = fx->release_stack;
	blame = map_entry(&blames, &key, &zero_blame, CP_LOST_BLAMES);
	if (!blame)
		return;
	__sync_fetch_and_add(&blame->waits, 1);
	__sync_fetch_and_add(&blame->blame_ns, blocked_ns);
	h = slot_at(fx->holder_slot ? fx->holder_slot : fx->waker_slot);
	if (h && fx->holder_slot && h->view_tid == fx->holder_tid)
		holder_while(blame, h, fx, now);
	else if (h && !fx->holder_slot)
		waker_while(blame, h, now - blocked_ns, now);
	count_edge(t->view_tid, key.tid, CP_EDGE_LOCK, blocked_ns);
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

/* At the wakeup: was it a hand-over by @waker's futex wake, and from where? */
static __always_inline void resolve_futex(void *ctx, struct cp_thread *t, struct cp_thread *waker,
					  const struct syscall_regs *r, u64 now)
{
	struct cp_futex *fx = &t->fx;
	u64 blocked_ns = now > t->block_ns ? now - t->block_ns : 0;

	if (waker && fx->op != CP_OP_KERNEL && wakes_word(r, fx->key.word)) {
		fx->proven = 1;
		fx->waker_tid = waker->view_tid;
		fx->waker_slot = waker->slot;
		fx->contender = waker != t && same_lock(&waker->fx.key, &fx->key);
		fx->release_stack = take_stack(ctx, waker, SCRATCH_SCHED, CP_CACHE_RELEASE);
		fx->peer_ns = peer_part(t, waker, now);
		if (!fx->holder_tid)
			inherit_work(t, waker);
	} else if (fx->op != CP_OP_KERNEL && !fx->holder_tid) {
		t->busy_since_ns = now; /* timed out or interrupted: it was idle */
	}
	fx->blocked_ns += blocked_ns;
	leave_lock(fx, now);
	book_blame(t, blocked_ns, now);
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
static __always_inline void book_wait(struct cp_thread *t, u64 blocked_ns, u64 runq_ns, u64 gap_ns,
				      u64 now)
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
	} else if (fx->timed) {
		w->timeouts++;
	} else {
		w->interrupted++;
	}
	w->owner_known += fx->holder_tid != 0;
	w->sleep_again += gap_ns < HERD_GAP_NS;
	if (fx->blocked_ns + fx->runq_ns >= long_wait_ns)
		stream_long_wait(t, now);
}

#endif
