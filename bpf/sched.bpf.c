// SPDX-License-Identifier: GPL-2.0-only
/*
 * The heart: at every switch and wakeup of a thread of the target, book the time that passed.
 *
 * A thread is RUN until it is switched out, then preempted (runnable) or blocked for a reason read
 * from its system call's registers; a wakeup makes it RUNQ_WAKE, the switch in RUN again.  All but
 * the early wakeup is serialised by the kernel: switches under the runqueue's lock, wakeups under
 * the thread's pi_lock.  A wakeup that comes while its thread is still on its way out is not
 * booked; the switch in then finds a blocked thread that nobody woke, and all its time off the CPU
 * was run queue.
 */
#include "counts.bpf.h"
#include "edge.bpf.h"
#include "loop.bpf.h"
#include "wait.bpf.h"

static const struct cp_block zero_block;

static __always_inline void book_runq(struct cp_thread *t, u64 runq_ns)
{
	u32 bucket = log2_bucket(runq_ns);

	t->runq_count++;
	if (bucket < CP_HIST_BUCKETS)
		t->runq_hist[bucket]++;
	if (runq_ns > t->runq_max_ns)
		t->runq_max_ns = runq_ns;
}

/* The last switch of a thread: its record goes to user space, its slot is free again. */
static __always_inline void retire(struct cp_thread *t, u64 now)
{
	u16 *entry = tid_entry(t->tid);

	if (entry && *entry == t->slot)
		*entry = 0;
	if (t->polls)
		send_loop(t, now);
	free_slot(t);
}

static __always_inline void begin_block(void *ctx, struct task_struct *prev, struct cp_thread *t,
					u32 state, u64 now)
{
	struct syscall_regs r = {};
	u64 stack;

	compat_syscall(compat_regs(prev), &r);
	stack = take_stack(ctx, t, SCRATCH_SCHED, CP_CACHE_BLOCK);
	classify_block(prev, &r, state, t);
	t->block_ns = now;
	t->blocked = 1;
	if (t->why_sys == CP_SYS_RESTART && t->why_cls == CP_OTHER) {
		/* After a stop or a signal the earlier call goes on, for the earlier reason. */
		if (cls_futex(t->resume_cls))
			resume_futex_wait(t, &r, now);
		else if (t->polls && t->resume_cls == CP_LOOP_IDLE)
			resume_poll(t);
		if (t->polls)
			base_turn(t);
		t->block_cls = t->resume_cls;
		t->block_syscall = t->resume_syscall;
		change_class(t, t->block_cls, now);
		return;
	}
	t->block_syscall = r.nr;
	if (t->why_cls != CP_STOPPED) {
		t->resume_cls = t->why_cls;
		t->resume_syscall = r.nr;
	}
	t->block_kind = t->why_kind;
	t->block_stack = stack;
	if (polls_events(t->why_sys))
		sleep_in_poll(prev, t, &r, now);
	if (t->polls)
		base_turn(t);
	if (!cls_futex(t->why_cls) && t->why_cls != CP_LOCK)
		t->fx.woken_word = 0; /* it had something to do */
	if (t->why_cls == CP_FUTEX)
		begin_futex_wait(t, &r, t->why_sys, now);
	if (t->why_cls == CP_GIL)
		look_at_gil(t, tables_of(t), now);
	else if (t->why_cls == CP_LOCK)
		begin_kernel_wait(
			prev, t, t->why_sys == CP_SYS_FLOCK ? FILE_LOCK_WORD : MMAP_LOCK_WORD, now);
	t->block_cls = t->why_cls;
	change_class(t, t->block_cls, now);
}

static __always_inline void switch_out(void *ctx, struct task_struct *prev, struct cp_thread *t,
				       bool preempt, u32 state, u64 now)
{
	settle_seed(t, CP_RUN, now);
	write_begin(t);
	count_faults(t, prev);
	__builtin_memcpy(t->comm, prev->comm, sizeof(t->comm));
	if (preempt || !state) {
		t->involuntary++;
		if (t->polls)
			base_turn(t);
		change_class(t, CP_RUNQ_PREEMPT, now);
	} else if (state & TASK_DEAD) {
		t->voluntary++;
		change_class(t, CP_DEAD, now);
	} else {
		t->voluntary++;
		begin_block(ctx, prev, t, state, now);
	}
	write_end(t);
	if (t->cls == CP_DEAD)
		retire(t, now);
}

static __always_inline void book_block(struct cp_thread *t, u64 blocked_ns)
{
	struct cp_block_key key = {.stack = t->block_stack,
				   .tid = t->view_tid,
				   .cls = t->block_cls,
				   .syscall = t->block_syscall};
	struct cp_block *b = map_entry(&blocks, &key, &zero_block, CP_LOST_BLOCKS);

	if (!b)
		return;
	b->count++;
	b->ns += blocked_ns;
	if (blocked_ns > b->max_ns)
		b->max_ns = blocked_ns;
}

/* A thread that was blocked before attach: its stack is what user space has read meanwhile. */
static __always_inline void take_attach_stack(struct cp_thread *t)
{
	struct cp_attach_stack *a;
	u32 slot = t->slot;

	if (t->block_stack || t->block_ns != t->start_ns)
		return;
	a = bpf_map_lookup_elem(&attach_stacks, &slot);
	if (!a || a->start_ns != t->start_ns)
		return;
	t->block_stack = a->stack;
	if (t->fx.before_attach)
		t->fx.stack = a->stack;
}

/* @woken_ns: when it was woken, = since_ns of the run-queue class. */
static __always_inline void end_block(struct cp_thread *t, u64 woken_ns, u64 now)
{
	u64 blocked_ns = woken_ns > t->block_ns ? woken_ns - t->block_ns : 0;

	t->blocked = 0;
	take_attach_stack(t);
	if (t->polls)
		wake_loop(t, blocked_ns, now);
	if (t->held.word) {
		u64 from = t->held_since_ns > t->block_ns ? t->held_since_ns : t->block_ns;

		note_holding(t, CP_HOLDING_BLOCKED, t->block_stack,
			     woken_ns > from ? woken_ns - from : 0);
	}
	if (cls_futex(t->block_cls) || t->block_cls == CP_LOCK)
		book_wait(t, blocked_ns, now - woken_ns, now);
	else
		book_block(t, blocked_ns);
}

/* A function of its own: 6.1 allows 512 bytes of stack over all calls, and walks of stacks, which
 * the other half makes, take most of it. */
static __noinline void switch_in(struct cp_thread *t, u64 now)
{
	u64 from;

	settle_seed(t, CP_RUNQ_WAKE, now);
	write_begin(t);
	if (cls_blocked(t->cls)) {
		/* Woken on its way out: it never slept. */
		if (cls_futex(t->block_cls) || t->block_cls == CP_LOCK)
			leave_lock(t, t->since_ns);
		become_active(t, now);
		t->cls = CP_RUNQ_WAKE;
	}
	from = t->since_ns < now ? t->since_ns : now;
	change_class(t, CP_RUN, now);
	book_runq(t, now - from);
	if (t->blocked)
		end_block(t, from, now);
	t->run_from_ns = now;
	write_end(t);
}

SEC("tp_btf/sched_switch")
int on_sched_switch(u64 *ctx)
{
	bool preempt = ctx[0];
	struct task_struct *prev = (struct task_struct *)ctx[1];
	struct task_struct *next = (struct task_struct *)ctx[2];
	struct cp_thread *out = slot_of(prev);
	struct cp_thread *in = slot_of(next);
	u64 now;

	if (!out && !in)
		return 0;
	now = window_now();
	if (!now)
		return 0;
	if (out)
		switch_out(ctx, prev, out, preempt, compat_prev_state(ctx, prev), now);
	if (in) {
		count_migrations(in, next);
		switch_in(in, now);
	}
	return 0;
}

/* A pipe, socketpair or queue: whoever in the target wrote had work in hand; anybody else was a
 * client. */
static __always_inline void resolve_ipc(struct cp_thread *t, struct cp_thread *waker, u64 now)
{
	u64 blocked_ns = now > t->block_ns ? now - t->block_ns : 0;
	u64 peer_ns = 0;

	if (waker && waker != t) {
		peer_ns = peer_part(t, waker, now);
		inherit_work(t, waker);
	} else {
		t->busy_since_ns = now;
	}
	if (peer_ns > blocked_ns)
		peer_ns = blocked_ns;
	t->class_ns[CP_PEER] += peer_ns;
	t->class_ns[CP_POOL_IDLE] += blocked_ns - peer_ns;
	t->since_ns = now;
	t->block_cls = peer_ns * 2 > blocked_ns ? CP_PEER : CP_POOL_IDLE;
}

/* By what @waker has ended the wait of @t, and from where; EDGE_NONE where it has not. */
static __always_inline u32 look_at_waker(void *ctx, struct cp_thread *t, struct cp_thread *waker,
					 const struct syscall_regs *r, u64 *ret_stack)
{
	struct task_struct *me = bpf_get_current_task_btf();
	u32 kind;

	if (cls_futex(t->cls)) {
		if (!wakes_futex(t, r))
			return EDGE_NONE;
		kind = CP_EDGE_LOCK;
	} else {
		kind = waker != t ? edge_of_wake(me, t, waker, r) : EDGE_NONE;
		if (kind != EDGE_NONE && waker->tgid != t->tgid)
			kind |= EDGE_BETWEEN;
	}
	/*
	 * Whoever has the GIL lets go of it anywhere: waiters have seen where it was.  In an exit
	 * memory may be gone.  Within a process nobody asks where a pipe was written to.
	 */
	if (kind == CP_EDGE_LOCK ? !t->fx.gil : (kind & EDGE_BETWEEN) && !(me->flags & PF_EXITING))
		*ret_stack = take_stack(ctx, waker, SCRATCH_SCHED, CP_CACHE_RELEASE);
	return kind;
}

static __always_inline void wake(void *ctx, struct cp_thread *t, u64 now)
{
	struct task_struct *me = bpf_get_current_task_btf();
	struct cp_thread *waker = slot_of(me);
	struct syscall_regs r = {.nr = -1};
	u32 cls = t->cls, edge = EDGE_NONE;
	u64 wake_stack = 0;

	if (waker) {
		compat_syscall(compat_regs(me), &r);
		edge = look_at_waker(ctx, t, waker, &r, &wake_stack);
	}
	if (!cls_futex(cls) && cls != CP_LOCK && edge != EDGE_NONE && waker) {
		/* A loop that sleeps waits for nobody, but from when its waker had work in hand. */
		u64 wait_ns = cls == CP_LOOP_IDLE ? peer_part(t, waker, now)
			      : now > t->block_ns ? now - t->block_ns
						  : 0;

		take_attach_stack(t);
		count_edge(t, waker->view_tid, edge, wait_ns, wake_stack);
	}
	if (cls_futex(cls) || (cls == CP_LOCK && t->block_cls == CP_LOCK))
		resolve_futex(t, edge != EDGE_NONE ? waker : NULL, &r, wake_stack, now);
	else if (cls == CP_IPC)
		resolve_ipc(t, waker && hands_over(syscall_kind_of(r.nr)) ? waker : NULL, now);
	else if ((cls == CP_NET || cls == CP_CLIENT_IDLE) && waker && waker != t &&
		 syscall_kind_of(r.nr) == CP_SYS_FD_WRITE)
		/*
		 * The other end is in the target, too: loopback between its own threads.  Not from
		 * a read: there an interrupt's wakeup is likelier than a hand-over.
		 */
		resolve_ipc(t, waker, now);
	else if (cls_idle(cls))
		t->busy_since_ns = now; /* new work begins here */
	t->wakeups++;
	change_class(t, CP_RUNQ_WAKE, now);
}

SEC("tp_btf/sched_waking")
int on_sched_waking(u64 *ctx)
{
	struct task_struct *p = (struct task_struct *)ctx[0];
	struct cp_thread *t = slot_of(p);
	u64 now;

	if (!t)
		return 0;
	now = window_now();
	if (!now)
		return 0;
	settle_seed(t, CP_OTHER, now);
	if (!cls_blocked(t->cls))
		return 0; /* the first wakeup counts */
	write_begin(t);
	wake(ctx, t, now);
	write_end(t);
	return 0;
}
