// SPDX-License-Identifier: GPL-2.0-only
#include "base/hashmap.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_CAP 16

/* FNV-1a, 64 bits: http://www.isthe.com/chongo/tech/comp/fnv/ */
#define FNV_OFFSET_BASIS 0xcbf29ce484222325ULL
#define FNV_PRIME 0x100000001b3ULL

uint64_t hash_bytes(const void *data, size_t len)
{
	const unsigned char *p = data;
	uint64_t h = FNV_OFFSET_BASIS;

	for (size_t i = 0; i < len; i++)
		h = (h ^ p[i]) * FNV_PRIME;
	/* The finalizer of MurmurHash3 (fmix64): the table uses the low bits, FNV mixes them least.
	 */
	h ^= h >> 33;
	h *= 0xff51afd7ed558ccdULL;
	h ^= h >> 33;
	h *= 0xc4ceb9fe1a85ec53ULL;
	h ^= h >> 33;
	return h;
}

void hashmap_init(struct hashmap *map, size_t key_size)
{
	*map = (struct hashmap){.key_size = key_size};
}

void hashmap_free(struct hashmap *map)
{
	if (!map)
		return;
	free(map->keys);
	free(map->values);
	free(map->used);
	hashmap_init(map, map->key_size);
}

/* The slot that holds @key, or the free one where it belongs. Needs cap > len. */
static size_t find_slot(const struct hashmap *map, const void *key)
{
	size_t mask = map->cap - 1;
	size_t i = (size_t)hash_bytes(key, map->key_size) & mask;

	while (map->used[i] && memcmp(map->keys + i * map->key_size, key, map->key_size) != 0)
		i = (i + 1) & mask;
	return i;
}

static void fill_slot(struct hashmap *map, size_t slot, const void *key, uint32_t value)
{
	memcpy(map->keys + slot * map->key_size, key, map->key_size);
	map->values[slot] = value;
	map->used[slot] = true;
	map->len++;
}

static bool grow(struct hashmap *map)
{
	struct hashmap bigger;

	hashmap_init(&bigger, map->key_size);
	bigger.cap = FIRST_CAP;
	if (map->cap && __builtin_mul_overflow(map->cap, 2, &bigger.cap))
		return false;
	bigger.keys = calloc(bigger.cap, bigger.key_size);
	bigger.values = calloc(bigger.cap, sizeof(*bigger.values));
	bigger.used = calloc(bigger.cap, sizeof(*bigger.used));
	if (!bigger.keys || !bigger.values || !bigger.used) {
		hashmap_free(&bigger);
		return false;
	}
	for (size_t i = 0; i < map->cap; i++) {
		const unsigned char *key = map->keys + i * map->key_size;

		if (map->used[i])
			fill_slot(&bigger, find_slot(&bigger, key), key, map->values[i]);
	}
	hashmap_free(map);
	*map = bigger;
	return true;
}

uint32_t *hashmap_get(const struct hashmap *map, const void *key)
{
	size_t slot;

	if (!map->len)
		return NULL;
	slot = find_slot(map, key);
	return map->used[slot] ? &map->values[slot] : NULL;
}

uint32_t *hashmap_put(struct hashmap *map, const void *key, uint32_t value, bool *ret_added)
{
	uint32_t *place = hashmap_get(map, key);
	bool added = !place;

	if (!place) {
		size_t slot;

		/* At most three quarters full, so that probing stays short and always ends. */
		if (map->len >= map->cap / 4 * 3 && !grow(map))
			return NULL;
		slot = find_slot(map, key);
		fill_slot(map, slot, key, value);
		place = &map->values[slot];
	}
	if (ret_added)
		*ret_added = added;
	return place;
}
