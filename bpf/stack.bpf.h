/* SPDX-License-Identifier: GPL-2.0-only */
/* User stacks, kept once each under the hash of their own frames. */
#ifndef CONCPROF_STACK_BPF_H
#define CONCPROF_STACK_BPF_H

#include "filter.bpf.h"
#include "unwind.bpf.h"

/* 2^64 / golden ratio (Knuth, TAOCP 6.4): spreads every input bit over the product. */
#define HASH_MULTIPLIER 0x9e3779b97f4a7c15ULL

static __always_inline u64 hash_step(u64 hash, u64 word)
{
	hash = (hash ^ word) * HASH_MULTIPLIER;
	return hash ^ (hash >> 29);
}

/* By the kernel's own helper, which follows frame pointers; number of frames. */
static __always_inline u32 follow_frame_pointers(void *ctx, struct cp_stack *s)
{
	long bytes = bpf_get_stack(ctx, s->ips, sizeof(s->ips), BPF_F_USER_STACK);

	s->flags = CP_STACK_BY_FRAME_POINTER;
	count_loss(CP_LOST_STACK_NO_TABLE);
	return bytes > 0 ? (u32)bytes / sizeof(u64) : 0;
}

static __always_inline u32 capture(void *ctx, struct cp_thread *t, u32 user, struct cp_stack *s)
{
	struct cp_unwind_process *p;
	struct cp_walk *w;
	u32 tgid = t->tgid;
	u32 len;

	if (!use_unwind)
		return follow_frame_pointers(ctx, s);
	p = bpf_map_lookup_elem(&unwind_processes, &tgid);
	if (!p) {
		tgid = t->unwind_tgid;
		p = bpf_map_lookup_elem(&unwind_processes, &tgid);
	}
	w = bpf_map_lookup_elem(&walks, &user);
	if (!p || !w)
		return follow_frame_pointers(ctx, s);
	len = walk_stack(compat_regs(bpf_get_current_task_btf()), p, w, s);
	s->flags = w->complete ? 0 : CP_STACK_TRUNCATED;
	return len;
}

/* The id of current's user stack; 0 where none can be taken (counted). */
static __noinline u64 take_stack(void *ctx, struct cp_thread *t, u32 user)
{
	struct cp_stack *s = bpf_map_lookup_elem(&scratch, &user);
	u32 i, len;
	u64 id;

	if (!s || !t)
		return 0;
	len = capture(ctx, t, user, s);
	if (!len) {
		count_loss(CP_LOST_STACK_FAILED);
		return 0;
	}
	if (len >= CP_STACK_MAX)
		s->flags |= CP_STACK_TRUNCATED;
	id = hash_step(HASH_MULTIPLIER, t->tgid);
	for (i = 0; i < CP_STACK_MAX && i < len; i++)
		id = hash_step(id, s->ips[i]);
	if (!id)
		id = 1;
	if (s->flags & CP_STACK_TRUNCATED)
		count_loss(CP_LOST_STACK_TRUNCATED);
	if (bpf_map_lookup_elem(&stacks, &id))
		return id;
	s->view_tgid = t->view_tgid;
	s->len = len;
	if (bpf_map_update_elem(&stacks, &id, s, BPF_ANY)) {
		count_loss(CP_LOST_STACKS);
		return 0;
	}
	return id;
}

#endif
