/* SPDX-License-Identifier: GPL-2.0-only */
/* The memory of unwind tables that the BPF side reads: chunks, made when those before are full. */
#ifndef SOURCE_LIVE_CHUNKS_H
#define SOURCE_LIVE_CHUNKS_H

#include <stddef.h>
#include <stdint.h>

#include "bpf/concprof_abi.h"

/* Equal chunks, the values of maps in a map of maps. */
struct live_chunks {
	int outer_fd;
	const char *name; /* of each map */
	size_t entry_bytes;
	uint32_t entries; /* of a chunk */
	void *at[CP_UNWIND_CHUNKS];
	uint32_t used[CP_UNWIND_CHUNKS];
	uint32_t len;
};

/*
 * Room for @entries, which end in one chunk, as a number over all chunks; it is taken with
 * live_chunks_take().  Returns 0, -ENOSPC, or what making a map gives.
 */
int live_chunks_find(struct live_chunks *chunks, uint32_t entries, uint32_t *ret_first);
void live_chunks_take(struct live_chunks *chunks, uint32_t first, uint32_t entries);
/* The entry @number, which was taken. */
void *live_chunks_at(const struct live_chunks *chunks, uint32_t number);
/* The memory of all chunks, used or not. */
uint64_t live_chunks_bytes(const struct live_chunks *chunks);
void live_chunks_free(struct live_chunks *chunks);

#endif
