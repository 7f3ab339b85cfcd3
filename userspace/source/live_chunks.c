// SPDX-License-Identifier: GPL-2.0-only
#include "source/live_chunks.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"

static size_t chunk_bytes(const struct live_chunks *chunks)
{
	return chunks->entry_bytes * chunks->entries;
}

/* One chunk more. The kernel keeps the map for as long as the outer one has it, we the mapping. */
static int add_chunk(struct live_chunks *chunks)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE);
	_cleanup_close_ int fd = -1;
	void *at;

	if (chunks->len == CP_UNWIND_CHUNKS)
		return -ENOSPC;
	fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, chunks->name, sizeof(uint32_t),
			    (uint32_t)chunk_bytes(chunks), 1, &opts);
	if (fd < 0)
		return -errno;
	at = mmap(NULL, chunk_bytes(chunks), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED)
		return -errno;
	if (bpf_map_update_elem(chunks->outer_fd, &chunks->len, &fd, BPF_ANY)) {
		int r = -errno;

		munmap(at, chunk_bytes(chunks));
		return r;
	}
	chunks->at[chunks->len] = at;
	chunks->used[chunks->len++] = 0;
	return 0;
}

int live_chunks_find(struct live_chunks *chunks, uint32_t entries, uint32_t *ret_first)
{
	uint32_t i = 0;
	int r;

	if (entries > chunks->entries)
		return -ENOSPC;
	while (i < chunks->len && chunks->entries - chunks->used[i] < entries)
		i++;
	if (i == chunks->len) {
		r = add_chunk(chunks);
		if (r < 0)
			return r;
	}
	*ret_first = i * chunks->entries + chunks->used[i];
	return 0;
}

void live_chunks_take(struct live_chunks *chunks, uint32_t first, uint32_t entries)
{
	chunks->used[first / chunks->entries] = first % chunks->entries + entries;
}

void *live_chunks_at(const struct live_chunks *chunks, uint32_t number)
{
	return (char *)chunks->at[number / chunks->entries] +
	       number % chunks->entries * chunks->entry_bytes;
}

uint64_t live_chunks_bytes(const struct live_chunks *chunks)
{
	return (uint64_t)chunks->len * chunk_bytes(chunks);
}

void live_chunks_free(struct live_chunks *chunks)
{
	for (uint32_t i = 0; i < chunks->len; i++)
		munmap(chunks->at[i], chunk_bytes(chunks));
	chunks->len = 0;
}
