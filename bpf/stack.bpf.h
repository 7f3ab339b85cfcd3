/* SPDX-License-Identifier: GPL-2.0-only */
/* User stacks, kept once each under the hash of their own frames. */
#ifndef CONCPROF_STACK_BPF_H
#define CONCPROF_STACK_BPF_H

#include "filter.bpf.h"

/* 2^64 / golden ratio (Knuth, TAOCP 6.4): spreads every input bit over the product. */
#define HASH_MULTIPLIER 0x9e3779b97f4a7c15ULL

static __always_inline u64 hash_step(u64 hash, u64 word)
{
	hash = (hash ^ word) * HASH_MULTIPLIER;
	return hash ^ (hash >> 29);
}

/* The id of current's user stack; 0 where none can be taken (counted). */
static __noinline u64 take_stack(void *ctx, struct cp_thread *t, u32 user)
{
	struct cp_stack *s = bpf_map_lookup_elem(&scratch, &user);
	long bytes;
	u64 id;
	u32 i, len;

	if (!s || !t)
		return 0;
	bytes = bpf_get_stack(ctx, s->ips, sizeof(s->ips), BPF_F_USER_STACK);
	if (bytes <= 0) {
		count_loss(CP_LOST_STACK_FAILED);
		return 0;
	}
	len = (u32)bytes / sizeof(u64);
	id = hash_step(HASH_MULTIPLIER, t->tgid);
	for (i = 0; i < CP_STACK_MAX && i < len; i++)
		id = hash_step(id, s->ips[i]);
	if (!id)
		id = 1;
	if (len == CP_STACK_MAX)
		count_loss(CP_LOST_STACK_TRUNCATED);
	if (bpf_map_lookup_elem(&stacks, &id))
		return id;
	s->view_tgid = t->view_tgid;
	s->len = len;
	s->flags = len == CP_STACK_MAX ? CP_STACK_TRUNCATED : 0;
	if (bpf_map_update_elem(&stacks, &id, s, BPF_ANY)) {
		count_loss(CP_LOST_STACKS);
		return 0;
	}
	return id;
}

#endif
