/* SPDX-License-Identifier: GPL-2.0-only */
/* A thread's clock: every nanosecond since it was first seen goes to exactly one class. */
#ifndef CONCPROF_ACCOUNT_BPF_H
#define CONCPROF_ACCOUNT_BPF_H

#include "filter.bpf.h"

#define barrier() asm volatile("" ::: "memory")

/* Now, or 0 outside the window: the common end makes every thread's sum exact. */
static __always_inline u64 window_now(void)
{
	u64 now = bpf_ktime_get_ns();

	return now < window_end_ns ? now : 0;
}

/*
 * Readers retry while the number is odd or has changed.  Atomic, since a wakeup may come while its
 * thread is still being switched out: a lost step would leave the number odd for good.
 */
static __always_inline void write_begin(struct cp_thread *t)
{
	__sync_fetch_and_add(&t->seq, 1);
}

static __always_inline void write_end(struct cp_thread *t)
{
	__sync_fetch_and_add(&t->seq, 1);
}

static __always_inline bool cls_active(u32 cls)
{
	return cls <= CP_RUNQ_WAKE;
}

static __always_inline bool cls_blocked(u32 cls)
{
	return cls > CP_RUNQ_WAKE && cls < CP_CLASS_COUNT;
}

/* In a futex wait, of whatever sort. */
static __always_inline bool cls_futex(u32 cls)
{
	return cls == CP_FUTEX || cls == CP_GIL;
}

static __always_inline bool cls_idle(u32 cls)
{
	return cls == CP_CLIENT_IDLE || cls == CP_LOOP_IDLE || cls == CP_SLEEP ||
	       cls == CP_POOL_IDLE || cls == CP_CHILD || cls == CP_STOPPED;
}

/* Advance the clock of parallelism: dt divided by the number of active threads (GAPP, ICPE'20), in
 * 1/1024 ns. */
static __always_inline u64 parallel_tick(u64 now)
{
	u64 last = __sync_lock_test_and_set(&parallel_at_ns, now);
	s64 active = active_threads;

	if (now > last && last && active > 0)
		__sync_fetch_and_add(&parallel_clock, ((now - last) << 10) / (u64)active);
	return parallel_clock;
}

static __always_inline void become_active(struct cp_thread *t, u64 now)
{
	t->active_from = parallel_tick(now);
	__sync_fetch_and_add(&active_threads, 1);
}

static __always_inline void become_inactive(struct cp_thread *t, u64 now)
{
	u64 clock = parallel_tick(now);

	__sync_fetch_and_add(&active_threads, -1);
	if (clock > t->active_from)
		t->cmetric_ns += (clock - t->active_from) >> 10;
}

/* Book the time since the last change to the present class and go over to @cls. */
static __always_inline void change_class(struct cp_thread *t, u32 cls, u64 now)
{
	u32 before = t->cls;

	if (before < CP_CLASS_COUNT && now > t->since_ns)
		t->class_ns[before] += now - t->since_ns;
	if (now > t->since_ns)
		t->since_ns = now;
	if (cls_active(cls) && !cls_active(before))
		become_active(t, now);
	else if (!cls_active(cls) && cls_active(before))
		become_inactive(t, now);
	/* An exchange: on every architecture the rest is visible before the class. */
	__sync_lock_test_and_set(&t->cls, cls);
}

/* The first to learn what a freshly seeded thread does says so: the iterator or an event. */
static __always_inline void settle_seed(struct cp_thread *t, u32 cls, u64 now)
{
	if (t->cls != CP_SEED)
		return;
	if (__sync_val_compare_and_swap(&t->cls, CP_SEED, cls) == CP_SEED && cls_active(cls))
		become_active(t, now);
}

/* What a thread that ends has been counted for. */
static __always_inline void send_exit(struct cp_thread *t)
{
	struct cp_ring_exit *rec = bpf_ringbuf_reserve(&ring, sizeof(*rec), 0);

	if (!rec) {
		count_loss(CP_LOST_RING);
		return;
	}
	rec->type = CP_RING_EXIT;
	rec->pad = 0;
	/* By helper: the compiler copies at most a kilobyte itself. */
	bpf_probe_read_kernel(&rec->thread, sizeof(rec->thread), t);
	bpf_ringbuf_submit(rec, BPF_RB_NO_WAKEUP);
}

/* The thread is counted for good: what it had is free again. Its tid's entry is the caller's. */
static __always_inline void free_slot(struct cp_thread *t)
{
	u64 ns_key = ((u64)t->ns_id << 32) | t->ns_tid;
	u32 slot = t->slot;

	if (use_ns_tids)
		bpf_map_delete_elem(&ns_tids, &ns_key);
	send_exit(t);
	t->task = 0;
	t->view_tid = 0;
	bpf_map_push_elem(&free_slots, &slot, BPF_ANY);
}

static __always_inline u32 log2_bucket(u64 ns)
{
	u32 bucket = 0;

	if (ns >> 32) {
		ns >>= 32;
		bucket = 32;
	}
	if (ns >> 16) {
		ns >>= 16;
		bucket += 16;
	}
	if (ns >> 8) {
		ns >>= 8;
		bucket += 8;
	}
	if (ns >> 4) {
		ns >>= 4;
		bucket += 4;
	}
	if (ns >> 2) {
		ns >>= 2;
		bucket += 2;
	}
	bucket += ns >> 1;
	return bucket < CP_HIST_BUCKETS ? bucket : CP_HIST_BUCKETS - 1;
}

#endif
