/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A map from keys of one fixed size (compared byte by byte: zero the padding) to uint32_t,
 * mostly the index of an element in a vec.  Open addressing; entries are never deleted.
 */
#ifndef BASE_HASHMAP_H
#define BASE_HASHMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hashmap {
	size_t key_size;
	size_t len;
	size_t cap; /* slots, a power of two; 0 before the first put */
	unsigned char *keys;
	uint32_t *values;
	bool *used;
};

/* @key_size in bytes, > 0. Allocates nothing. */
void hashmap_init(struct hashmap *map, size_t key_size);
void hashmap_free(struct hashmap *map);

/* The value stored under @key, or NULL. The pointer is valid until the next put. */
uint32_t *hashmap_get(const struct hashmap *map, const void *key);

/*
 * Find @key or add it with @value.  Returns the value's place (valid until the next put) and says
 * in *ret_added (may be NULL) whether it is new; NULL when memory is short, the map unchanged.
 */
uint32_t *hashmap_put(struct hashmap *map, const void *key, uint32_t value, bool *ret_added);

/* 64-bit hash of @len bytes (FNV-1a followed by a final mix). */
uint64_t hash_bytes(const void *data, size_t len);

#endif
