/* SPDX-License-Identifier: GPL-2.0-only */
/* What the kernel does for a running thread, read from the registers with which it was entered. */
#ifndef CONCPROF_SAMPLE_KIND_BPF_H
#define CONCPROF_SAMPLE_KIND_BPF_H

#include "classify.bpf.h"

#define CLONE_THREAD 0x00010000
#define FUTEX_PRIVATE 128
/*
 * Page faults of a thread that has forked count as the fork's for so long: those that copy a page
 * which the fork has made shared cannot be told from others.
 */
#define COPY_AFTER_FORK_NS 100000000ULL

static __always_inline u32 clone_kind(const struct syscall_regs *r)
{
	u64 flags = r->arg0;

	/* clone3 has a structure that begins with its flags; no valid pointer is that small. */
	if (flags > 0xffffffffULL)
		bpf_probe_read_user(&flags, sizeof(flags), (void *)r->arg0);
	return flags & CLONE_THREAD ? CP_SAMPLE_KERNEL : CP_SAMPLE_FORK;
}

/* Unlike fd_class() it leaves what the thread's slot remembers alone: this may be an NMI. */
static __always_inline u32 fd_kind(struct task_struct *task, u64 fd)
{
	struct file *file = file_of(task, fd);
	u32 kind;

	return file && file_class(file, &kind) == CP_IPC ? CP_SAMPLE_IPC : CP_SAMPLE_KERNEL;
}

static __always_inline u32 syscall_sample_kind(struct task_struct *task,
					       const struct syscall_regs *r)
{
	switch (syscall_kind_of(r->nr)) {
	case CP_SYS_FORK:
		return CP_SAMPLE_FORK;
	case CP_SYS_CLONE:
		return clone_kind(r);
	case CP_SYS_EXEC:
		return CP_SAMPLE_EXEC;
	case CP_SYS_IPC:
		return CP_SAMPLE_IPC;
	case CP_SYS_FUTEX:
		return r->arg1 & FUTEX_PRIVATE ? CP_SAMPLE_KERNEL : CP_SAMPLE_IPC;
	case CP_SYS_FD:
	case CP_SYS_FD_WRITE:
	case CP_SYS_FD2:
		return fd_kind(task, r->arg0);
	}
	return CP_SAMPLE_KERNEL;
}

/* enum cp_sample_kind of current, which is @t. */
static __noinline u32 sample_kind(void *ctx, const struct cp_thread *t, u64 now)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct syscall_regs r = {};

	if (!compat_sampled_in_kernel(ctx))
		return CP_SAMPLE_USER;
	if (task->flags & PF_EXITING)
		return t->tid == t->tgid ? CP_SAMPLE_EXIT : CP_SAMPLE_KERNEL;
	compat_syscall(compat_regs(task), &r);
	if (r.nr >= 0)
		return syscall_sample_kind(task, &r);
	/* A page fault; or an interrupt, which is rare enough. */
	if (t->fork_copy || (t->forked_ns && now - t->forked_ns < COPY_AFTER_FORK_NS))
		return CP_SAMPLE_COPY;
	return CP_SAMPLE_KERNEL;
}

#endif
