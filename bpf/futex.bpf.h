/* SPDX-License-Identifier: GPL-2.0-only */
/* What a futex call means: which word, which operation, and who holds it (facts: docs/FUTEX.md). */
#ifndef CONCPROF_FUTEX_BPF_H
#define CONCPROF_FUTEX_BPF_H

#include "filter.bpf.h"

/* include/uapi/linux/futex.h */
#define FUTEX_CMD_MASK 0x7f
#define FUTEX_PRIVATE 128
#define FUTEX_WAIT 0
#define FUTEX_WAKE 1
#define FUTEX_REQUEUE 3
#define FUTEX_CMP_REQUEUE 4
#define FUTEX_WAKE_OP 5
#define FUTEX_LOCK_PI 6
#define FUTEX_UNLOCK_PI 7
#define FUTEX_WAIT_BITSET 9
#define FUTEX_WAKE_BITSET 10
#define FUTEX_WAIT_REQUEUE_PI 11
#define FUTEX_CMP_REQUEUE_PI 12
#define FUTEX_LOCK_PI2 13
#define FUTEX_TID_MASK 0x3fffffff
#define FUTEX_WAITERS 0x80000000

struct futex_call {
	u64 word;
	u32 op; /* enum cp_futex_op */
	u32 value;
	bool private;
	bool timed;
};

struct futex_waitv_user { /* struct futex_waitv, include/uapi/linux/futex.h, 5.16 */
	u64 val;
	u64 uaddr;
	u32 flags;
	u32 reserved;
};

static __always_inline void decode_futex(const struct syscall_regs *r, struct futex_call *ret)
{
	ret->word = r->arg0;
	ret->value = r->arg2;
	ret->private = r->arg1 & FUTEX_PRIVATE;
	ret->timed = r->arg3 != 0;
	switch (r->arg1 & FUTEX_CMD_MASK) {
	case FUTEX_WAIT_BITSET:
		ret->op = CP_OP_WAIT_BITSET;
		break;
	case FUTEX_LOCK_PI:
	case FUTEX_LOCK_PI2:
		ret->op = CP_OP_LOCK_PI;
		break;
	case FUTEX_WAIT_REQUEUE_PI:
		ret->op = CP_OP_REQUEUE_PI;
		break;
	default:
		ret->op = CP_OP_WAIT;
	}
}

static __noinline void decode_futex_wait(const struct syscall_regs *r, u32 sys,
					 struct futex_call *ret)
{
	struct futex_waitv_user first = {};

	if (sys == CP_SYS_FUTEX) {
		decode_futex(r, ret);
	} else if (sys == CP_SYS_FUTEX_WAIT) { /* (uaddr, val, mask, flags, timeout, clockid) */
		ret->word = r->arg0;
		ret->value = r->arg1;
		ret->private = r->arg3 & FUTEX_PRIVATE;
		ret->timed = r->arg4 != 0;
		ret->op = CP_OP_WAIT_BITSET;
	} else { /* futex_waitv(waiters, nr, flags, timeout, clockid): named by its first word */
		bpf_probe_read_user(&first, sizeof(first), (void *)r->arg0);
		ret->word = first.uaddr;
		ret->value = first.val;
		ret->private = first.flags & FUTEX_PRIVATE;
		ret->timed = r->arg3 != 0;
		ret->op = CP_OP_WAITV;
	}
}

/*
 * Does this system call of a waker end a wait on @word?  On that word it does; on another one it
 * does, too, if nothing but a wake could end the wait (@timed false): the waiter was requeued, or
 * it waits for several words.  A timer that fires while its CPU is in some wake call proves
 * nothing.
 */
static __always_inline bool wakes_waiter(const struct syscall_regs *r, u64 word, bool timed)
{
	u32 kind = syscall_kind_of(r->nr);

	if (kind == CP_SYS_FUTEX_WAKE)
		return r->arg0 == word || !timed;
	if (kind == CP_SYS_EXIT) /* the thread's control block is woken for pthread_join */
		return true;
	if (kind != CP_SYS_FUTEX)
		return false;
	switch (r->arg1 & FUTEX_CMD_MASK) {
	case FUTEX_WAKE:
	case FUTEX_WAKE_BITSET:
	case FUTEX_UNLOCK_PI:
		return r->arg0 == word || !timed;
	case FUTEX_REQUEUE:
	case FUTEX_CMP_REQUEUE:
	case FUTEX_WAKE_OP:
	case FUTEX_CMP_REQUEUE_PI:
		return r->arg0 == word || r->arg4 == word || !timed;
	default:
		return false;
	}
}

/* Does this call, which has ended a wait, wake as many as there are (a broadcast)? */
static __always_inline bool wakes_many(const struct syscall_regs *r)
{
	u32 kind = syscall_kind_of(r->nr);

	if (kind == CP_SYS_FUTEX_WAKE)
		return (s32)r->arg2 > 1; /* (uaddr, mask, nr, flags) */
	if (kind != CP_SYS_FUTEX)
		return false;
	switch (r->arg1 & FUTEX_CMD_MASK) {
	case FUTEX_WAKE:
	case FUTEX_WAKE_BITSET:
		return (s32)r->arg2 > 1;
	case FUTEX_REQUEUE:
	case FUTEX_CMP_REQUEUE:
	case FUTEX_CMP_REQUEUE_PI:
		return (s32)r->arg2 > 1 || (s32)r->arg3 > 1;
	default:
		return false;
	}
}

/* A candidate counts only if it is another live thread that can hold this word. */
static __always_inline struct cp_thread *holder_named(struct cp_thread *t,
						      const struct futex_call *f, u32 tid)
{
	struct cp_thread *h = slot_of_ns_tid(t, tid);

	if (!h || h == t || (f->private && h->tgid != t->tgid))
		return NULL;
	return h;
}

/*
 * Not inlined, as is decode_futex_wait(): what they read would be on the stack of the switch, below
 * which walks need theirs (512 bytes in all).
 *
 * Who holds the word that current is about to wait for.  glibc's pthread_mutex_t: int __lock at 0,
 * int __owner at 8; PI and robust ones keep the tid in the word; a rwlock's __cur_writer lies 16
 * bytes behind the readers' word, 12 behind the writers' (glibc 2.31-2.41, x86_64).
 */
static __noinline struct cp_thread *holder_of(struct cp_thread *t, const struct futex_call *f,
					      u32 *evidence)
{
	u32 word[5] = {};
	struct cp_thread *h;

	if (bpf_probe_read_user(word, sizeof(word), (void *)f->word) &&
	    bpf_probe_read_user(word, sizeof(word[0]), (void *)f->word)) {
		count_loss(CP_LOST_WORD_UNREAD);
		return NULL;
	}
	if (f->op == CP_OP_LOCK_PI || (f->value & FUTEX_WAITERS)) {
		*evidence = CP_BY_PI_WORD;
		return holder_named(t, f, word[0] & FUTEX_TID_MASK);
	}
	if (f->value != 2 && f->value != 3)
		return NULL;
	*evidence = CP_BY_OWNER_WORD;
	h = holder_named(t, f, word[2]);
	if (!h && f->op == CP_OP_WAIT_BITSET)
		h = holder_named(t, f, word[4]);
	if (!h && f->op == CP_OP_WAIT_BITSET)
		h = holder_named(t, f, word[3]);
	return h;
}

#endif
