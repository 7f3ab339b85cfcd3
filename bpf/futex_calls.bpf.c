// SPDX-License-Identifier: GPL-2.0-only
/*
 * --futex-calls: every futex call of the target, also those that never block.  Loaded on demand
 * alone, since a hook on system calls taxes all of them.  Raw tracepoints: the formatted ones have
 * other offsets on PREEMPT_RT kernels.
 */
#include "account.bpf.h"
#include "futex.bpf.h"

static const struct cp_futex_calls zero_calls;

static __always_inline struct cp_futex_calls *calls_of_current(u32 kind)
{
	struct cp_thread *t;
	u32 pid;

	if (kind != CP_SYS_FUTEX && kind != CP_SYS_FUTEX_WAIT && kind != CP_SYS_FUTEX_WAKE)
		return NULL;
	t = slot_of(bpf_get_current_task_btf());
	if (!t || !window_now())
		return NULL;
	pid = t->view_tgid;
	return map_entry(&futex_calls, &pid, &zero_calls, CP_LOST_FUTEX_CALLS);
}

static __always_inline bool is_wake(const struct syscall_regs *r, u32 kind)
{
	u32 cmd = r->arg1 & FUTEX_CMD_MASK;

	if (kind != CP_SYS_FUTEX)
		return kind == CP_SYS_FUTEX_WAKE;
	return cmd == FUTEX_WAKE || cmd == FUTEX_WAKE_BITSET || cmd == FUTEX_WAKE_OP ||
	       cmd == FUTEX_REQUEUE || cmd == FUTEX_CMP_REQUEUE;
}

SEC("tp_btf/sys_exit")
int on_sys_exit(u64 *ctx)
{
	struct pt_regs *regs = (struct pt_regs *)ctx[0];
	s64 result = ctx[1];
	struct syscall_regs r = {};
	struct cp_futex_calls *c;
	u32 kind;

	compat_syscall(regs, &r);
	kind = syscall_kind_of(r.nr);
	c = calls_of_current(kind);
	if (!c)
		return 0;
	if (is_wake(&r, kind)) {
		__sync_fetch_and_add(&c->wakes, 1);
		if (result == 0)
			__sync_fetch_and_add(&c->empty_wakes, 1);
	} else {
		__sync_fetch_and_add(&c->waits, 1);
		if (result == -11 /* EAGAIN */)
			__sync_fetch_and_add(&c->eagain, 1);
	}
	return 0;
}
