/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who waits for whom: an edge from the thread that waited to the one that ended its wait, or held
 * what it waited for.  By what is read from the waiter's block and from the registers with which
 * its waker, which is current, is in the kernel.
 */
#ifndef CONCPROF_EDGE_BPF_H
#define CONCPROF_EDGE_BPF_H

#include "classify.bpf.h"

/* No futex lies at these: the process's mmap_lock, and file locks (flock, fcntl). */
#define MMAP_LOCK_WORD 1
#define FILE_LOCK_WORD 2

#define EDGE_NONE CP_EDGE_KIND_COUNT
#define EDGE_BETWEEN 0x100 /* beside the kind: the two are of different processes */

static const struct cp_edge zero_edge;

/*
 * How many entries may come, of all kinds and of waits for children: a target that forks thousands
 * of processes is to leave room for the rest.  Set before load.
 */
const volatile __u32 edges_room = 3584;
const volatile __u32 edges_child_room = 1024;
volatile __u64 edges_used = 0;

/* Beyond the room whom it waited for is no longer told apart (counted). */
static __always_inline struct cp_edge *edge_entry(struct cp_edge_key *key)
{
	struct cp_edge *edge = bpf_map_lookup_elem(&edges, key);

	if (edge)
		return edge;
	if (edges_used < (key->kind == CP_EDGE_CHILD ? edges_child_room : edges_room)) {
		__sync_fetch_and_add(&edges_used, 1);
	} else {
		count_loss(CP_LOST_EDGES_MERGED);
		key->wait_stack = 0;
		key->wake_stack = 0;
		key->to_tid = 0;
	}
	return map_entry(&edges, key, &zero_edge, CP_LOST_EDGES);
}

/* @kind: enum cp_edge_kind, with EDGE_BETWEEN.  Global, so that the verifier checks it once. */
__noinline int count_edge(struct cp_thread *t, u32 to_tid, u32 kind, u64 wait_ns, u64 wake_stack)
{
	struct cp_edge_key key = {.to_tid = to_tid, .kind = kind & (EDGE_BETWEEN - 1)};
	struct cp_edge *edge;

	if (!t || !to_tid)
		return 0;
	key.from_tid = t->view_tid;
	/* Inside a process the table of locks tells more, and pipes are seen by their blocks. */
	if (kind & EDGE_BETWEEN) {
		key.wait_stack = t->block_stack;
		key.wake_stack = wake_stack;
	}
	edge = edge_entry(&key);
	if (!edge)
		return 0;
	__sync_fetch_and_add(&edge->waits, 1);
	__sync_fetch_and_add(&edge->wait_ns, wait_ns);
	return 0;
}

/* The kind of a wait for a lock that the thread in slot @other had. */
static __always_inline u32 lock_edge(const struct cp_thread *t, u32 other_slot)
{
	bool file = t->fx.op == CP_OP_KERNEL && t->fx.key.word == FILE_LOCK_WORD;
	struct cp_thread *other;

	if (!file && !(t->fx.key.space & CP_SPACE_SHARED))
		return CP_EDGE_LOCK;
	other = slot_at(other_slot);
	if (!other || other->tgid == t->tgid)
		return file ? CP_EDGE_FILE_LOCK : CP_EDGE_LOCK;
	return (file ? CP_EDGE_FILE_LOCK : CP_EDGE_FUTEX) | EDGE_BETWEEN;
}

/* Does this call hand something to a reader, so that the wakeup it makes is its doing? */
static __always_inline bool hands_over(u32 sys)
{
	return sys == CP_SYS_FD_WRITE || sys == CP_SYS_FD2 || sys == CP_SYS_IPC || sys == CP_SYS_FD;
}

/*
 * By what @waker, which is current, has ended the wait of @t, which is no futex wait: enum
 * cp_edge_kind, EDGE_NONE where it only happened to run on the CPU whose interrupt did.
 */
static __always_inline u32 edge_of_wake(struct task_struct *me, const struct cp_thread *t,
					struct cp_thread *waker, const struct syscall_regs *r)
{
	bool exiting = me->flags & PF_EXITING; /* closes its files, tells its parent */
	u32 sys = exiting ? CP_SYS_EXIT : syscall_kind_of(r->nr);
	bool between = waker->tgid != t->tgid;

	if (sys == CP_SYS_KILL)
		return t->why_sys == CP_SYS_SIGNAL || t->cls == CP_LOOP_IDLE || t->cls == CP_IPC
			       ? CP_EDGE_SIGNAL
			       : EDGE_NONE;
	switch (t->cls) {
	case CP_IPC:
		return exiting || hands_over(sys) ? t->block_kind : EDGE_NONE;
	case CP_NET:
	case CP_CLIENT_IDLE:
		/* Not from a read: there an interrupt's wakeup is likelier than a hand-over. */
		return exiting || sys == CP_SYS_FD_WRITE ? t->block_kind : EDGE_NONE;
	case CP_CHILD:
		return between && (exiting || sys == CP_SYS_EXEC) ? CP_EDGE_CHILD : EDGE_NONE;
	case CP_LOCK:
		return t->fx.key.word == FILE_LOCK_WORD &&
				       (exiting || sys == CP_SYS_FLOCK || sys == CP_SYS_FD_WRITE)
			       ? CP_EDGE_FILE_LOCK
			       : EDGE_NONE;
	case CP_LOOP_IDLE:
		/* Which of its files was written to is known from the other end alone. */
		if (sys != CP_SYS_FD_WRITE || fd_class(me, r->arg0, waker) == CP_DISK)
			return EDGE_NONE;
		return waker->why_kind;
	}
	return EDGE_NONE;
}

#endif
