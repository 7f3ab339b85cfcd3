/* SPDX-License-Identifier: GPL-2.0-only */
/* A growable array of items with a key each, bounded: what a hostile capture can make it hold is
 * limited. */
#ifndef MODEL_TABLE_H
#define MODEL_TABLE_H

#include "base/hashmap.h"

struct err;

struct table {
	void *at;
	size_t len;
	size_t cap;
	size_t item_size;
	size_t limit;
	const char *what; /* "locks", for messages */
	struct hashmap index;
};

void table_init(struct table *t, size_t key_size, size_t item_size, size_t limit, const char *what);
void table_free(struct table *t);

/* The index of the item with @key, or NULL. */
const uint32_t *table_find(const struct table *t, const void *key);

/*
 * Find the item with @key or add a zeroed one.  Returns 1 if added, 0 if it was there, -ENOMEM, or
 * -EPROTO beyond the limit.  Pointers into the table die with an addition.
 */
int table_put(struct table *t, const void *key, uint32_t *ret_index, struct err *err);

/* Refuse one more than @limit of what is @what: -EPROTO. */
int table_limit(size_t len, size_t limit, const char *what, struct err *err);

#endif
