// SPDX-License-Identifier: GPL-2.0-only
/*
 * The beginnings of polls.  One program on the tracepoint of each call of the poll family: raw
 * sys_enter would tax every system call of the machine with a program of ours, these cost a flag's
 * check (15 to 40 ns).  Attached while the target polls (source/live_loop.c).
 */
#include "loop.bpf.h"

SEC("tracepoint")
int on_poll(void *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct cp_thread *t = slot_of(task);
	struct syscall_regs r = {};
	u64 now;
	u32 sys;

	(void)ctx;
	if (!t)
		return 0;
	now = window_now();
	if (!now)
		return 0;
	compat_syscall(compat_regs(task), &r);
	sys = syscall_kind_of(r.nr);
	if (polls_events(sys))
		enter_poll(task, t, &r, sys, now);
	return 0;
}
