// SPDX-License-Identifier: GPL-2.0-only
/* The threads of the target: seeded at attach, followed through fork and exec.  Their end is a
 * switch (sched.bpf.c). */
#include "counts.bpf.h"
#include "loop.bpf.h"
#include "wait.bpf.h"

#define ANCESTORS_MAX 24

/* The id of @task in concprof's PID namespace; 0 if it is not visible there. */
static __always_inline u32 view_of(struct task_struct *task)
{
	int nr = BPF_CORE_READ(task, pid);
	struct pid_namespace *ns = NULL;
	struct pid *pid;

	if (!view_level)
		return nr;
	pid = BPF_CORE_READ(task, thread_pid);
	if (!pid || BPF_CORE_READ(pid, level) < view_level)
		return 0;
	bpf_core_read(&nr, sizeof(nr), &pid->numbers[view_level].nr);
	bpf_core_read(&ns, sizeof(ns), &pid->numbers[view_level].ns);
	return (u64)ns == view_ns ? nr : 0;
}

/* The id that @task has in its own, innermost PID namespace: what it writes into its owner words.
 */
static __always_inline u32 own_tid_of(struct task_struct *task, u32 *ns_id)
{
	struct pid *pid = BPF_CORE_READ(task, thread_pid);
	u32 level = pid ? BPF_CORE_READ(pid, level) : 0;
	struct pid_namespace *ns = NULL;
	int nr = BPF_CORE_READ(task, pid);

	*ns_id = 0;
	if (!level || level > 32)
		return nr;
	bpf_core_read(&nr, sizeof(nr), &pid->numbers[level].nr);
	bpf_core_read(&ns, sizeof(ns), &pid->numbers[level].ns);
	*ns_id = (u64)ns >> 3;
	return nr;
}

/* What is known of the program that @t runs. */
static __always_inline void forget_program(struct cp_thread *t)
{
	t->cache[CP_CACHE_BLOCK].id = 0;
	t->cache[CP_CACHE_RELEASE].id = 0;
	t->python_tstate = 0;
	t->python_retry_ns = 0;
	t->python_misses = 0;
	t->python_search.steps = 0;
	t->python_search.tstate = 0;
	t->python_search.found = 0;
	t->python_search.found_in = 0;
	t->python_search.interps = 0;
	t->python_search.several = 0;
}

/* Give @task a slot; NULL when it has none to get (counted). It is not visible to other programs
 * before publish(). */
static __always_inline struct cp_thread *new_slot(struct task_struct *task, u64 now)
{
	struct task_struct *leader = BPF_CORE_READ(task, group_leader);
	struct cp_thread *t;
	u32 slot = 0;

	if (bpf_map_pop_elem(&free_slots, &slot)) {
		count_loss(CP_LOST_SLOTS);
		return NULL;
	}
	t = bpf_map_lookup_elem(&slots, &slot);
	if (!t || !slot)
		return NULL;
	write_begin(t);
	t->task = (u64)task;
	t->cls = CP_SEED;
	t->tid = task->pid;
	t->tgid = task->tgid;
	t->view_tgid = view_of(leader);
	t->view_ppid = view_of(BPF_CORE_READ(leader, real_parent, group_leader));
	t->ns_tid = own_tid_of(task, &t->ns_id);
	t->slot = slot;
	t->start_ns = now;
	t->since_ns = now;
	__builtin_memset(t->class_ns, 0, sizeof(t->class_ns));
	t->voluntary = 0;
	t->involuntary = 0;
	t->wakeups = 0;
	t->forks = 0;
	t->cmetric_ns = 0;
	t->active_from = parallel_clock;
	t->busy_since_ns = now;
	t->run_from_ns = now;
	t->runq_count = 0;
	t->runq_max_ns = 0;
	__builtin_memset(t->runq_hist, 0, sizeof(t->runq_hist));
	__builtin_memcpy(t->comm, task->comm, sizeof(t->comm));
	t->block_ns = now;
	t->block_stack = 0;
	t->block_syscall = -1;
	t->block_cls = CP_OTHER;
	t->block_kind = CP_EDGE_PEER;
	t->blocked = 0;
	t->unwind_tgid = 0;
	t->polls = 0;
	t->poll_sleeps = 0;
	t->unseen_since_ns = 0;
	t->resume_cls = CP_OTHER;
	t->resume_syscall = -1;
	t->file = 0;
	t->inode = 0;
	t->held.word = 0;
	t->seed_sp = 0;
	forget_program(t);
	__builtin_memset(&t->fx, 0, sizeof(t->fx));
	begin_counts(t, task);
	t->view_tid = view_of(task);
	write_end(t);
	return t;
}

/* From here on switches and wakeups find it. */
static __always_inline void publish(struct cp_thread *t)
{
	u64 ns_key = ((u64)t->ns_id << 32) | t->ns_tid;
	u16 *entry = tid_entry(t->tid);
	u32 slot = t->slot;

	if (!entry) {
		count_loss(CP_LOST_TID_RANGE);
		t->view_tid = 0;
		bpf_map_push_elem(&free_slots, &slot, BPF_ANY);
		return;
	}
	if (use_ns_tids)
		bpf_map_update_elem(&ns_tids, &ns_key, &slot, BPF_ANY);
	barrier();
	*entry = slot;
}

/* The lock of the wait that @r shows, if it is one on a lock. */
static __always_inline void seed_wait(struct cp_thread *t, const struct syscall_regs *r, u64 now)
{
	struct futex_call f = {};

	t->fx.evidence = CP_BY_NONE;
	t->fx.before_attach = 1;
	t->fx.episode_start_ns = now;
	t->fx.sp = r->sp;
	if (t->why_cls == CP_LOCK) {
		t->fx.key.word = t->why_sys == CP_SYS_FLOCK ? FILE_LOCK_WORD : MMAP_LOCK_WORD;
		t->fx.key.space = t->tgid | CP_SPACE_KERNEL;
		t->fx.op = CP_OP_KERNEL;
	}
	if (t->why_cls != CP_FUTEX)
		return;
	decode_futex_wait(r, t->why_sys, &f);
	t->fx.uaddr = f.word;
	t->fx.key.word = f.word;
	t->fx.key.space = t->tgid | (f.private ? 0 : CP_SPACE_SHARED);
	t->fx.op = f.op;
	t->fx.value = f.value;
	t->fx.timed = f.timed;
}

/*
 * A thread that was blocked before attach: its reason is read as a switch would, its wait counts
 * from now on.  Its stack cannot be read from here: user space does, by the registers.
 */
static __always_inline u32 seed_block(struct task_struct *task, struct cp_thread *t, u64 now)
{
	struct pt_regs *regs = compat_regs(task);
	struct syscall_regs r = {};

	compat_stack_regs(regs, &t->seed_ip, &t->seed_sp, &t->seed_bp);
	t->seed_thread = compat_thread_pointer(task);
	compat_syscall(regs, &r);
	/* What it would wait for, were it not stopped: the restart after the stop goes on with
	 * that. */
	classify_block(task, &r, task->__state & ~(TASK_STOPPED | TASK_TRACED | TASK_FROZEN), t);
	t->resume_cls = t->why_cls;
	t->resume_syscall = r.nr;
	seed_wait(t, &r, now);
	classify_block(task, &r, task->__state, t);
	if (polls_events(t->why_sys))
		sleep_in_poll(task, t, &r, now);
	t->block_syscall = r.nr;
	t->block_cls = t->why_cls;
	t->block_kind = t->why_kind;
	t->blocked = 1;
	return t->why_cls;
}

static __always_inline void seed(struct task_struct *task)
{
	u64 now = launched ? bpf_ktime_get_ns() : window_now();
	struct cp_thread *t;
	u32 cls;

	if (!now || slot_of(task))
		return;
	t = new_slot(task, now);
	if (!t)
		return;
	publish(t);
	__sync_fetch_and_add(&threads_seeded, 1);
	if (launched) {
		/* It waits for its start.  Nothing counts yet, so what it does is of no matter. */
		settle_seed(t, CP_OTHER, now);
		return;
	}
	/* Read after it is published: a later change is then seen as an event. */
	if (!task->__state)
		cls = task->on_cpu ? CP_RUN : CP_RUNQ_PREEMPT;
	else
		cls = seed_block(task, t, now);
	settle_seed(t, cls, now);
	if ((cls_futex(t->cls) || t->cls == CP_LOCK) && t->fx.before_attach)
		enter_lock(&t->fx, NULL, CP_BY_NONE, now);
}

/*
 * Is @task of a process that was asked for, or below one?  Read by helper, not by direct access:
 * for each pointer followed directly the verifier searches the kernel's types by name, 0.15 s in
 * all.
 */
static __always_inline bool wanted(struct task_struct *task)
{
	struct task_struct *p = BPF_CORE_READ(task, group_leader);
	const struct cp_thread *known;
	u32 pid;
	int i;

	for (i = 0; i < ANCESTORS_MAX; i++) {
		pid = view_of(p);
		if (pid && bpf_map_lookup_elem(&seed_pids, &pid))
			return true;
		if (!follow_children || BPF_CORE_READ(p, pid) <= 1)
			return false;
		/* Below one that is seeded already: a tree may be of any depth. */
		known = slot_of_tid(BPF_CORE_READ(p, pid));
		if (known && known->task == (u64)p)
			return true;
		p = BPF_CORE_READ(p, real_parent, group_leader);
	}
	return false;
}

SEC("iter/task")
int seed_threads(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct task_struct *me = bpf_get_current_task_btf();
	struct pid *pid;

	if (!task)
		return 0;
	pid = BPF_CORE_READ(me, thread_pid);
	if (pid && BPF_CORE_READ(pid, level)) {
		struct pid_namespace *ns = NULL;
		u32 level = BPF_CORE_READ(pid, level) & 31;

		bpf_core_read(&ns, sizeof(ns), &pid->numbers[level].ns);
		view_level = level;
		view_ns = (u64)ns;
	}
	if ((task->flags & PF_KTHREAD) || task->exit_state || task->tgid == me->tgid)
		return 0;
	if (wanted(task))
		seed(task);
	return 0;
}

static __always_inline void send_process(u32 type, const struct cp_thread *t, u64 now)
{
	struct cp_ring_process *rec = bpf_ringbuf_reserve(&ring, sizeof(*rec), 0);

	if (!rec) {
		count_loss(CP_LOST_RING);
		return;
	}
	rec->type = type;
	rec->view_pid = t->view_tgid;
	rec->view_ppid = t->view_ppid;
	rec->pid = t->tgid;
	rec->at_ns = now;
	__builtin_memcpy(rec->comm, t->comm, sizeof(rec->comm));
	/* Not by default: that wakes nobody while a record that woke nobody waits to be read. */
	bpf_ringbuf_submit(rec, BPF_RB_FORCE_WAKEUP);
}

SEC("tp_btf/sched_process_fork")
int on_fork(u64 *ctx)
{
	struct task_struct *parent = (struct task_struct *)ctx[0];
	struct task_struct *child = (struct task_struct *)ctx[1];
	struct cp_thread *p = slot_of(parent), *t;
	bool process = parent->tgid != child->tgid;
	u64 now;

	if (!p || (process && !follow_children))
		return 0;
	now = window_now();
	if (!now)
		return 0;
	p->forks += process;
	if (process)
		p->forked_ns = now;
	t = new_slot(child, now);
	if (!t)
		return 0;
	settle_seed(t, CP_RUNQ_WAKE, now);
	t->fork_copy = process || p->fork_copy;
	if (process) /* a copy of the parent's address space */
		t->unwind_tgid = p->unwind_tgid ? p->unwind_tgid : p->tgid;
	publish(t);
	if (process)
		send_process(CP_RING_PROCESS, t, now);
	return 0;
}

/* A thread ends for good: its record goes to user space, its slot is free again. */
static __always_inline void end_thread(struct cp_thread *t, u64 now)
{
	write_begin(t);
	change_class(t, CP_DEAD, now);
	write_end(t);
	if (t->polls)
		send_loop(t, now);
	free_slot(t);
}

/*
 * The exec of a thread that is not the leader takes the leader's tid over.  The leader dies in it,
 * unseen by the switch, whose task has another tid by then; the thread begins anew under its new
 * tid.
 */
static __always_inline struct cp_thread *adopt_leader_tid(struct task_struct *task, u32 old_tid,
							  u64 now)
{
	struct cp_thread *old = slot_of_tid(old_tid), *leader, *t;
	u16 *from = tid_entry(old_tid), *to = tid_entry(task->pid);

	if (!old || old->task != (u64)task || !from || !to)
		return NULL;
	leader = slot_at(*to);
	*to = 0;
	*from = 0;
	if (leader)
		end_thread(leader, now);
	end_thread(old, now);
	t = new_slot(task, now);
	if (!t)
		return NULL;
	settle_seed(t, CP_RUN, now);
	publish(t);
	return t;
}

/*
 * A command that was launched has become itself: what it was before, concprof's own child, is not
 * part of it.  It begins here, and the window with it.  Returns now, or 0 when the window is over.
 */
static __always_inline u64 begin_launched(struct cp_thread *t)
{
	u64 now = bpf_ktime_get_ns();

	if (__sync_val_compare_and_swap(&window_end_ns, 0, ~0ULL))
		return window_now();
	write_begin(t);
	t->start_ns = now;
	t->since_ns = now;
	t->block_ns = now;
	t->busy_since_ns = now;
	t->run_from_ns = now;
	become_active(t, now);
	t->cls = CP_RUN;
	write_end(t);
	return now;
}

SEC("tp_btf/sched_process_exec")
int on_exec(u64 *ctx)
{
	struct task_struct *task = (struct task_struct *)ctx[0];
	u32 old_tid = ctx[1];
	struct cp_thread *t = slot_of(task);
	u64 now = window_now();
	u32 pid;

	if (!now && t && launched)
		now = begin_launched(t);
	if (!now)
		return 0;
	if (!t && old_tid != (u32)task->pid)
		t = adopt_leader_tid(task, old_tid, now);
	if (!t)
		return 0;
	pid = t->tgid;
	bpf_map_delete_elem(&unwind_processes, &pid); /* of the program before */
	write_begin(t);
	count_faults(t, task);
	t->unwind_tgid = 0;
	t->fork_copy = 0;
	if (t->polls) {
		send_loop(t, now);
		t->polls = 0;
	}
	forget_program(t);
	__builtin_memcpy(t->comm, task->comm, sizeof(t->comm));
	write_end(t);
	send_process(CP_RING_EXEC, t, now);
	return 0;
}
