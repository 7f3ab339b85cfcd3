/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Event loops.  A turn lasts from the return of a thread's poll to its next poll of the same
 * descriptors.  The scheduler sees polls that sleep; that a poll begins, and those that do not
 * sleep, are seen by hooks on the poll family (loop.bpf.c), which user space attaches while the
 * target has a thread that polls.
 *
 * Not every poll of such a thread bounds a turn: a callback that waits for a database polls, too.
 * A loop's own poll is known by the file of its epoll (or ring), where descriptors are listed by
 * the depth of the stack; a poll of one descriptor is none.
 */
#ifndef CONCPROF_LOOP_BPF_H
#define CONCPROF_LOOP_BPF_H

#include "account.bpf.h"
#include "classify.bpf.h"

/* After so long without its own poll the loop is over and another one takes its place. */
#define LOOP_OVER_NS 1000000000ULL
#define LOOP_OVER_DEEPER_NS 10000000000ULL
#define POLLER_TOLD_NS 100000000ULL
/* How many descriptors are watched is looked at in each of the first polls, since servers begin
 * with few, and later on once in so many. */
#define LOOP_LOOK_EVERY 64
#define IORING_ENTER_GETEVENTS 1
/* A turn that has lasted for this part of the threshold is sampled. */
#define STALL_LIKELY_SHIFT 2

enum poll_rank { POLL_NONE, POLL_LIST, POLL_FILE };

struct poll_id {
	u64 file;
	u64 sp;
	s32 nr;
	u32 fd;
	u32 rank; /* enum poll_rank */
	u32 fds;  /* of a list */
};

static __always_inline struct cp_loop *loop_at(u32 slot)
{
	return slot ? bpf_map_lookup_elem(&loops, &slot) : NULL;
}

static __always_inline bool polls_events(u32 sys)
{
	return sys == CP_SYS_EPOLL || sys == CP_SYS_URING || sys == CP_SYS_POLL ||
	       sys == CP_SYS_SELECT;
}

/* The nodes of a tree's first three levels: 7 = at least so many. */
static __noinline u32 watched_by(u64 file)
{
	struct eventpoll *ep = BPF_CORE_READ((struct file *)file, private_data);
	struct rb_node *at[7] = {};
	u32 count = 0;
	int i;

	at[0] = BPF_CORE_READ(ep, rbr.rb_root.rb_node);
	for (i = 0; i < 7; i++) {
		if (!at[i])
			continue;
		count++;
		if (i < 3) {
			at[2 * i + 1] = BPF_CORE_READ(at[i], rb_left);
			at[2 * i + 2] = BPF_CORE_READ(at[i], rb_right);
		}
	}
	return count;
}

#define SELECT_WORDS 16 /* FD_SETSIZE / 64 */
/* How many descriptors a select waits for: those to read are the ones that count. */
static __noinline u32 selected(const struct syscall_regs *r)
{
	u64 sets[SELECT_WORDS] = {};
	u64 bytes = (r->arg0 + 63) / 64 * 8;
	u32 count = 0;
	int i;

	if (bytes > sizeof(sets))
		bytes = sizeof(sets);
	if (!r->arg1 || bpf_probe_read_user(sets, bytes, (void *)r->arg1))
		return 0;
	for (i = 0; i < SELECT_WORDS; i++) {
		u64 word = sets[i];

		/* Population count, Hacker's Delight 5-1. */
		word -= (word >> 1) & 0x5555555555555555ULL;
		word = (word & 0x3333333333333333ULL) + ((word >> 2) & 0x3333333333333333ULL);
		word = (word + (word >> 4)) & 0x0f0f0f0f0f0f0f0fULL;
		count += (word * 0x0101010101010101ULL) >> 56;
	}
	return count;
}

/* What is polled by the call @r of @task; rank POLL_NONE: no loop's. */
static __noinline void identify_poll(struct task_struct *task, const struct syscall_regs *r,
				     u32 sys, struct poll_id *ret)
{
	ret->nr = r->nr;
	ret->sp = r->sp;
	ret->fd = r->arg0;
	ret->file = 0;
	ret->fds = 0;
	ret->rank = POLL_NONE;
	if (sys == CP_SYS_EPOLL ||
	    (sys == CP_SYS_URING && r->arg2 && (r->arg3 & IORING_ENTER_GETEVENTS))) {
		ret->file = (u64)file_of(task, r->arg0);
		ret->rank = ret->file ? POLL_FILE : POLL_NONE;
	} else if (sys == CP_SYS_POLL) {
		ret->fds = r->arg1;
		ret->rank = r->arg1 > 1 ? POLL_LIST : POLL_NONE;
	} else if (sys == CP_SYS_SELECT) {
		ret->rank = r->arg0 ? POLL_LIST : POLL_NONE;
	}
}

static __always_inline bool own_poll(const struct cp_loop *l, const struct poll_id *id)
{
	if (l->rank != id->rank || l->file != id->file)
		return false;
	return id->rank == POLL_FILE || id->sp == l->poll_sp;
}

/* Does this other poll take the place of the loop that is known? */
static __always_inline bool takes_over(struct task_struct *task, const struct cp_loop *l,
				       const struct poll_id *id, u64 now)
{
	struct file *own, *other = (struct file *)id->file;

	if (id->rank != l->rank)
		return id->rank > l->rank;
	/* From deeper down than the loop's own one it is likely to be a call in a long turn. */
	if (now - l->polled_ns > (id->sp < l->poll_sp ? LOOP_OVER_DEEPER_NS : LOOP_OVER_NS))
		return true;
	if (l->rank != POLL_FILE)
		return false;
	own = file_of(task, l->fd);
	/* It was closed, and something else may have its number and its place in memory by now. */
	return (u64)own != l->file ||
	       (id->nr == l->syscall && BPF_CORE_READ(own, f_op) != BPF_CORE_READ(other, f_op));
}

/* No hook is there: user space is to attach them.  Once in a while is enough. */
static __noinline void tell_poller(const struct cp_thread *t, u64 now)
{
	struct cp_ring_poller *rec;

	if (now - poller_told_ns < POLLER_TOLD_NS)
		return;
	poller_told_ns = now;
	rec = bpf_ringbuf_reserve(&ring, sizeof(*rec), 0);
	if (!rec) {
		count_loss(CP_LOST_RING);
		return;
	}
	rec->type = CP_RING_POLLER;
	rec->tid = t->view_tid;
	bpf_ringbuf_submit(rec, BPF_RB_FORCE_WAKEUP);
}

/* A thread polls for the first time: what was in its place is another's. */
static __noinline void begin_loop(struct cp_thread *t, struct cp_loop *l, u64 now)
{
	__builtin_memset(l, 0, sizeof(*l));
	l->since_ns = now;
	t->polls = 1;
}

/*
 * The loop of @t whose own poll @id is, begun or taken over where there is none; NULL: a poll
 * inside a turn.
 */
static __always_inline struct cp_loop *loop_of_poll(struct task_struct *task, struct cp_thread *t,
						    const struct poll_id *id, u64 now)
{
	struct cp_loop *l = loop_at(t->slot);

	if (!l || id->rank == POLL_NONE)
		return NULL;
	if (!t->polls)
		begin_loop(t, l, now);
	if (own_poll(l, id))
		return l;
	if (l->rank && !takes_over(task, l, id, now))
		return NULL;
	l->turn_ns = 0;
	l->file = id->file;
	l->fd = id->fd;
	l->rank = id->rank;
	l->poll_sp = id->sp;
	l->fds = 0;
	l->polls = 0;
	return l;
}

/* Where the time of @t, which runs, has gone so far. */
static __always_inline void parts_now(const struct cp_thread *t, u64 now, u64 *part_ns)
{
	u32 i;

	for (i = 0; i < CP_PART_COUNT; i++)
		part_ns[i] = 0;
	for (i = 0; i < CP_CLASS_COUNT; i++)
		part_ns[cp_part_of(i)] += t->class_ns[i];
	if (now > t->since_ns)
		part_ns[CP_PART_RUN] += now - t->since_ns;
}

static __always_inline void begin_turn(struct cp_loop *l, u64 now)
{
	l->turn_ns = now;
	l->block_ns = 0;
	l->based = 0;
}

/*
 * @t is about to leave the CPU.  The first time in a turn its times are noted as they were when the
 * turn began: most turns never come here, and need no more than one difference.
 */
static __noinline void base_turn(const struct cp_thread *t)
{
	struct cp_loop *l = loop_at(t->slot);

	if (!l || !l->turn_ns || l->based)
		return;
	parts_now(t, l->turn_ns, l->base_ns);
	l->based = 1;
}

/* What the turn of @t that ends @now was made of. */
static __always_inline void parts_of_turn(const struct cp_thread *t, const struct cp_loop *l,
					  u64 now, u64 *part_ns)
{
	u32 i;

	parts_now(t, now, part_ns);
	for (i = 0; i < CP_PART_COUNT; i++)
		part_ns[i] -= l->base_ns[i];
}

static __always_inline void stream_stall(const struct cp_thread *t, const struct cp_loop *l,
					 const u64 *part_ns, u64 now)
{
	u64 second = now / 1000000000;
	struct cp_ring_stall *rec;
	u32 i;

	if (stall_second != second) {
		stall_second = second;
		stalls_sent = 0;
	}
	if (__sync_fetch_and_add(&stalls_sent, 1) >= stalls_per_s) {
		count_loss(CP_LOST_STALLS);
		return;
	}
	rec = bpf_ringbuf_reserve(&ring, sizeof(*rec), 0);
	if (!rec) {
		count_loss(CP_LOST_STALLS);
		return;
	}
	rec->type = CP_RING_STALL;
	rec->tid = t->view_tid;
	rec->start_ns = l->turn_ns;
	rec->end_ns = now;
	for (i = 0; i < CP_PART_COUNT; i++)
		rec->part_ns[i] = part_ns[i];
	rec->block_stack = l->block_ns ? l->block_stack : 0;
	rec->block_ns = l->block_ns;
	rec->block_cls = l->block_cls;
	rec->block_syscall = l->block_syscall;
	bpf_ringbuf_submit(rec, BPF_RB_NO_WAKEUP);
}

/* The turn of @t is over: it polls. */
static __noinline void end_turn(struct cp_thread *t, struct cp_loop *l, u64 now)
{
	u64 part_ns[CP_PART_COUNT] = {}, ns = now - l->turn_ns, us = ns / 1000, square;
	bool stall = ns >= stall_ns;
	u32 bucket = log2_bucket(ns), i;

	/* It began before its polls were seen: it may be several. */
	if (l->turn_ns < polls_hooked_ns || now <= l->turn_ns)
		return;
	if (l->based)
		parts_of_turn(t, l, now, part_ns);
	else
		part_ns[CP_PART_RUN] = ns;
	for (i = 0; (l->based || stall) && i < CP_PART_COUNT; i++) {
		l->part_ns[i] += part_ns[i];
		if (stall)
			l->stall_part_ns[i] += part_ns[i];
	}
	if (!l->based && !stall)
		l->part_ns[CP_PART_RUN] += ns;
	l->turns++;
	l->busy_ns += ns;
	square = us >> 32 ? ~0ULL : us * us;
	l->square_us = l->square_us + square >= square ? l->square_us + square : ~0ULL;
	if (ns > CP_LATE_NS)
		l->late_ns += ns - CP_LATE_NS;
	if (ns > l->max_ns)
		l->max_ns = ns;
	if (bucket < CP_HIST_BUCKETS)
		l->hist[bucket]++;
	if (!stall)
		return;
	l->stalls++;
	stream_stall(t, l, part_ns, now);
}

static __always_inline void count_watched(struct cp_loop *l, const struct syscall_regs *r, u32 sys,
					  const struct poll_id *id)
{
	u32 fds = id->fds;

	if (sys == CP_SYS_EPOLL)
		fds = watched_by(id->file);
	else if (sys == CP_SYS_SELECT)
		fds = selected(r);
	if (fds > l->fds)
		l->fds = fds;
}

/* The sequence counter of @t, which runs and is not being switched: nobody else steps it now. */
static __always_inline void own_write_step(struct cp_thread *t)
{
	barrier();
	t->seq++;
	barrier();
}

/* current, which is @t, enters a poll. */
static __always_inline void enter_poll(struct task_struct *task, struct cp_thread *t,
				       const struct syscall_regs *r, u32 sys, u64 now)
{
	struct poll_id id;
	struct cp_loop *l;

	identify_poll(task, r, sys, &id);
	own_write_step(t);
	l = loop_of_poll(task, t, &id, now);
	if (l) {
		if (l->turn_ns)
			end_turn(t, l, now);
		l->syscall = id.nr;
		l->polled_ns = now;
		if (l->polls < LOOP_LOOK_EVERY || l->polls % LOOP_LOOK_EVERY == 0)
			count_watched(l, r, sys, &id);
		l->polls++;
		/* If it does not sleep, the next one begins here. */
		begin_turn(l, now);
	}
	own_write_step(t);
}

/* @t, which is about to sleep, does so in a poll: in its own one? */
static __noinline void sleep_in_poll(struct task_struct *task, struct cp_thread *t,
				     const struct syscall_regs *r, u64 now)
{
	struct poll_id id;
	struct cp_loop *l;

	identify_poll(task, r, t->why_sys, &id);
	l = loop_of_poll(task, t, &id, now);
	t->poll_sleeps = l != NULL;
	if (!l)
		return;
	if (!polls_hooked_ns)
		tell_poller(t, now);
	l->syscall = id.nr;
	l->turn_ns = 0;
	l->polled_ns = now;
	if (!l->fds)
		count_watched(l, r, t->why_sys, &id);
}

/* After a stop or a signal the poll goes on; a turn has begun meanwhile that was none. */
static __always_inline void resume_poll(struct cp_thread *t)
{
	struct cp_loop *l = loop_at(t->slot);

	if (!l || l->turn_ns != t->run_from_ns)
		return;
	l->turn_ns = 0;
	t->poll_sleeps = 1;
}

/* A thread that polls runs again after a block: its own poll's end is a turn's beginning. */
static __noinline void wake_loop(struct cp_thread *t, u64 blocked_ns, u64 now)
{
	struct cp_loop *l = loop_at(t->slot);

	if (!l)
		return;
	if (t->poll_sleeps) {
		t->poll_sleeps = 0;
		l->idle_ns += blocked_ns;
		if (polls_hooked_ns)
			begin_turn(l, now);
	} else if (l->turn_ns && blocked_ns > l->block_ns) {
		l->block_ns = blocked_ns;
		l->block_stack = t->block_stack;
		l->block_cls = t->block_cls;
		l->block_syscall = t->block_syscall;
	}
}

/* A thread that polls without ever sleeping there, or does so no more, is met by the timer alone.
 */
static __always_inline void find_poller(void *ctx, const struct cp_thread *t, u64 now)
{
	struct syscall_regs r = {};

	if (polls_hooked_ns || !compat_sampled_in_kernel(ctx))
		return;
	compat_syscall(compat_regs(bpf_get_current_task_btf()), &r);
	if (polls_events(syscall_kind_of(r.nr)))
		tell_poller(t, now);
}

/* A timer sample of @t at @stack: in a turn that may become a stall it is told. */
static __always_inline void note_turn_sample(const struct cp_thread *t, u64 stack, u64 now)
{
	struct cp_loop *l = t->polls ? loop_at(t->slot) : NULL;
	struct cp_ring_turn_sample *rec;
	u64 turn_ns;

	if (!l || !stack)
		return;
	turn_ns = l->turn_ns;
	if (!turn_ns || turn_ns < polls_hooked_ns || now < turn_ns ||
	    now - turn_ns < stall_ns >> STALL_LIKELY_SHIFT)
		return;
	rec = bpf_ringbuf_reserve(&ring, sizeof(*rec), 0);
	if (!rec) {
		count_loss(CP_LOST_STALLS);
		return;
	}
	rec->type = CP_RING_TURN_SAMPLE;
	rec->tid = t->view_tid;
	rec->turn_ns = turn_ns;
	rec->stack = stack;
	bpf_ringbuf_submit(rec, BPF_RB_NO_WAKEUP);
}

/* A thread ends that was a loop, or the program that it ran. */
static __always_inline void send_loop(const struct cp_thread *t, u64 now)
{
	struct cp_loop *l = loop_at(t->slot);
	struct cp_ring_loop *rec;

	if (!l)
		return;
	rec = bpf_ringbuf_reserve(&ring, sizeof(*rec), 0);
	if (!rec) {
		count_loss(CP_LOST_RING);
		return;
	}
	rec->type = CP_RING_LOOP;
	rec->tid = t->view_tid;
	rec->until_ns = now;
	__builtin_memcpy(&rec->loop, l, sizeof(*l));
	bpf_ringbuf_submit(rec, BPF_RB_NO_WAKEUP);
}

#endif
