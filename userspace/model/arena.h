/* SPDX-License-Identifier: GPL-2.0-only */
/* Memory that is given back all at once: a snapshot consists of many small arrays. */
#ifndef MODEL_ARENA_H
#define MODEL_ARENA_H

#include <stddef.h>

struct arena_chunk;

struct arena {
	struct arena_chunk *chunks;
};

/* Zeroed room for @count elements of @size bytes, aligned for any type; NULL when memory is short.
 * Never NULL for want of elements. */
void *arena_alloc(struct arena *arena, size_t count, size_t size);
/* A copy of @len bytes with a NUL behind. */
char *arena_text(struct arena *arena, const char *bytes, size_t len);
void arena_free(struct arena *arena);

#endif
