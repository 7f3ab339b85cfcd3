/* SPDX-License-Identifier: GPL-2.0-only */
/* Nothing is lost silently: each loss is counted by cause. */
#ifndef CONCPROF_LOSS_BPF_H
#define CONCPROF_LOSS_BPF_H

#include "maps.bpf.h"

static __always_inline void count_loss(u32 cause)
{
	u64 *count = bpf_map_lookup_elem(&losses, &cause);

	if (count)
		(*count)++;
}

/*
 * The entry of @map under @key, inserted from @zero on first sight; NULL with the loss counted when
 * the map is full.  Looked up first: an insert takes a bucket lock under the runqueue's lock, so it
 * must be rare.
 */
static __always_inline void *map_entry(void *map, const void *key, const void *zero, u32 cause)
{
	void *value = bpf_map_lookup_elem(map, key);

	if (value)
		return value;
	/* -EEXIST when another CPU was first: the second look finds its entry. */
	bpf_map_update_elem(map, key, zero, BPF_NOEXIST);
	value = bpf_map_lookup_elem(map, key);
	if (!value)
		count_loss(cause);
	return value;
}

#endif
