// SPDX-License-Identifier: GPL-2.0-only
#include "model/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_BYTES (64 * 1024)

struct arena_chunk {
	struct arena_chunk *next;
	size_t used;
	size_t size;
	alignas(max_align_t) unsigned char bytes[];
};

void *arena_alloc(struct arena *arena, size_t count, size_t size)
{
	struct arena_chunk *chunk = arena->chunks;
	size_t need;
	void *at;

	if (__builtin_mul_overflow(count, size, &need) ||
	    __builtin_add_overflow(need, alignof(max_align_t), &need))
		return NULL;
	need &= ~(alignof(max_align_t) - 1); /* rounded up, and never 0 */
	if (!chunk || chunk->size - chunk->used < need) {
		size_t room = need > CHUNK_BYTES ? need : CHUNK_BYTES;

		if (room > SIZE_MAX - sizeof(*chunk))
			return NULL;
		chunk = calloc(1, sizeof(*chunk) + room);
		if (!chunk)
			return NULL;
		chunk->size = room;
		chunk->next = arena->chunks;
		arena->chunks = chunk;
	}
	at = chunk->bytes + chunk->used;
	chunk->used += need;
	return at;
}

char *arena_text(struct arena *arena, const char *bytes, size_t len)
{
	char *text = arena_alloc(arena, len + 1, 1);

	if (text)
		memcpy(text, bytes, len);
	return text;
}

void arena_free(struct arena *arena)
{
	while (arena->chunks) {
		struct arena_chunk *next = arena->chunks->next;

		free(arena->chunks);
		arena->chunks = next;
	}
}
