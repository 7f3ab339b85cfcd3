/* SPDX-License-Identifier: GPL-2.0-only */
/* Is this task ours: from a tid to its slot, without a hash. */
#ifndef CONCPROF_FILTER_BPF_H
#define CONCPROF_FILTER_BPF_H

#include "compat.bpf.h"
#include "loss.bpf.h"
#include "maps.bpf.h"

/* The place of @tid's slot number, NULL beyond the range that user space sized the map for. */
static __always_inline u16 *tid_entry(u32 tid)
{
	u32 chunk_no = tid / CP_TIDS_PER_CHUNK;
	struct cp_tid_chunk *chunk = bpf_map_lookup_elem(&tid_slots, &chunk_no);

	return chunk ? &chunk->slot[tid % CP_TIDS_PER_CHUNK] : NULL;
}

static __always_inline struct cp_thread *slot_at(u32 slot)
{
	return slot ? bpf_map_lookup_elem(&slots, &slot) : NULL;
}

/* The slot of the thread whose kernel-wide id is @tid, NULL if it is not ours. */
static __always_inline struct cp_thread *slot_of_tid(u32 tid)
{
	const u16 *entry = tid_entry(tid);

	return entry ? slot_at(*entry) : NULL;
}

/* The same for a task at hand: its address must agree, as an exec may have given its tid away. */
static __always_inline struct cp_thread *slot_of(struct task_struct *task)
{
	struct cp_thread *t = slot_of_tid(task->pid);

	return t && t->task == (u64)task ? t : NULL;
}

/* The target's thread that calls itself @ns_tid in the PID namespace of @t; NULL if none lives. */
static __always_inline struct cp_thread *slot_of_ns_tid(const struct cp_thread *t, u32 ns_tid)
{
	u64 key = ((u64)t->ns_id << 32) | ns_tid;
	u32 *slot;

	if (!use_ns_tids || t->ns_tid == t->tid)
		return slot_of_tid(ns_tid);
	slot = bpf_map_lookup_elem(&ns_tids, &key);
	return slot ? slot_at(*slot) : NULL;
}

#endif
