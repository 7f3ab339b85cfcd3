/* SPDX-License-Identifier: GPL-2.0-only */
/* One helper for each difference between kernels or architectures, with the version that made it.
 */
#ifndef CONCPROF_COMPAT_BPF_H
#define CONCPROF_COMPAT_BPF_H

#include "vmlinux.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

/* include/linux/sched.h; the bits have kept their values from 5.15 to 6.18. */
#define TASK_INTERRUPTIBLE 0x0001
#define TASK_UNINTERRUPTIBLE 0x0002
#define TASK_STOPPED 0x0004
#define TASK_TRACED 0x0008
#define TASK_DEAD 0x0080
#define TASK_FROZEN 0x8000 /* 6.1 (f5d39b020809); before it a frozen task is uninterruptible */
#define PF_EXITING 0x00000004
#define PF_KTHREAD 0x00200000

/* Does sched_switch have its fourth argument (5.18)?  Set by user space from BTF. */
const volatile bool has_prev_state = false;

/* The state in which @prev leaves: since 5.18 (fa2c3254d7cf) an argument, as the task's own may
 * have changed since. */
static __always_inline u32 compat_prev_state(const u64 *ctx, struct task_struct *prev)
{
	if (has_prev_state)
		return ctx[3];
	return prev->__state;
}

static __always_inline bool compat_in_iowait(struct task_struct *task)
{
	return BPF_CORE_READ_BITFIELD(task, in_iowait);
}

/* The registers with which a task entered the kernel; bpf_task_pt_regs since 5.15. */
static __always_inline struct pt_regs *compat_regs(struct task_struct *task)
{
	return (struct pt_regs *)bpf_task_pt_regs(task);
}

/* Where a timer sample found the CPU, in the registers of its context (struct bpf_perf_event_data,
 * which begins with the architecture's user_pt_regs and is read in whole words only). */
#if defined(__TARGET_ARCH_x86)
#define SAMPLED_IP 16
#elif defined(__TARGET_ARCH_arm64)
#define SAMPLED_IP 32
#endif

/* Kernel addresses are the upper half of all. */
static __always_inline bool compat_sampled_in_kernel(const void *ctx)
{
	return (s64)((const u64 *)ctx)[SAMPLED_IP] < 0;
}

struct syscall_regs {
	s32 nr; /* -1: not in a system call (page fault, interrupt) */
	u64 arg0, arg1, arg2, arg3, arg4;
	u64 sp;
};

#if defined(__TARGET_ARCH_x86)
#define USER64_CS 0x33
static __always_inline void compat_syscall(struct pt_regs *regs, struct syscall_regs *ret)
{
	/* 32-bit callers number their calls differently: leave these unnamed. */
	ret->nr = (u16)regs->cs == USER64_CS ? (s32)regs->orig_ax : -1;
	ret->arg0 = regs->di;
	ret->arg1 = regs->si;
	ret->arg2 = regs->dx;
	ret->arg3 = regs->r10;
	ret->arg4 = regs->r8;
	ret->sp = regs->sp;
}

/* pthread_self() of a thread of glibc or musl. */
static __always_inline u64 compat_thread_pointer(struct task_struct *task)
{
	return task->thread.fsbase;
}

/* What a walk by unwind tables begins with. */
static __always_inline void compat_stack_regs(struct pt_regs *regs, u64 *ip, u64 *sp, u64 *bp)
{
	*ip = regs->ip;
	*sp = regs->sp;
	*bp = regs->bp;
}
#elif defined(__TARGET_ARCH_arm64)
static __always_inline u64 compat_thread_pointer(struct task_struct *task)
{
	(void)task; /* asked for Python's frames alone, which need unwind tables: x86_64 */
	return 0;
}

static __always_inline void compat_stack_regs(struct pt_regs *regs, u64 *ip, u64 *sp, u64 *bp)
{
	*ip = regs->pc;
	*sp = regs->sp;
	*bp = regs->regs[29];
}

static __always_inline void compat_syscall(struct pt_regs *regs, struct syscall_regs *ret)
{
	ret->nr = regs->syscallno;
	ret->arg0 = regs->orig_x0;
	ret->arg1 = regs->regs[1];
	ret->arg2 = regs->regs[2];
	ret->arg3 = regs->regs[3];
	ret->arg4 = regs->regs[4];
	ret->sp = regs->sp;
}
#else
#error "concprof knows the registers of x86_64 and arm64"
#endif

/* The writer that holds mmap_lock, 0 if none can be told; PREEMPT_RT's rw_semaphore has no such
 * field. */
static __always_inline struct task_struct *compat_mmap_lock_owner(struct task_struct *task)
{
	struct mm_struct *mm = task->mm;
	u64 owner;

	if (!mm || !bpf_core_field_exists(mm->mmap_lock.owner))
		return NULL;
	owner = mm->mmap_lock.owner.counter;
	if (owner & 1) /* RWSEM_READER_OWNED: the last reader, not the holder */
		return NULL;
	return (struct task_struct *)(owner & ~7ULL);
}

#endif
