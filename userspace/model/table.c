// SPDX-License-Identifier: GPL-2.0-only
#include "model/table.h"

#include "base/err.h"
#include "base/vec.h"

#include <errno.h>
#include <stdlib.h>

void table_init(struct table *t, size_t key_size, size_t item_size, size_t limit, const char *what)
{
	*t = (struct table){.item_size = item_size, .limit = limit, .what = what};
	hashmap_init(&t->index, key_size);
}

void table_free(struct table *t)
{
	free(t->at);
	t->at = NULL;
	t->len = t->cap = 0;
	hashmap_free(&t->index);
}

const uint32_t *table_find(const struct table *t, const void *key)
{
	return hashmap_get(&t->index, key);
}

int table_limit(size_t len, size_t limit, const char *what, struct err *err)
{
	if (len < limit)
		return 0;
	return err_set(err, -EPROTO, "more than %zu %s: beyond what one run can hold", limit, what);
}

int table_put(struct table *t, const void *key, uint32_t *ret_index, struct err *err)
{
	const uint32_t *found = table_find(t, key);
	int r;

	if (found) {
		*ret_index = *found;
		return 0;
	}
	r = table_limit(t->len, t->limit, t->what, err);
	if (r < 0)
		return r;
	/* The item first: an index entry must never point behind the array. */
	if (!vec_grow(&t->at, &t->len, &t->cap, t->item_size))
		return err_set(err, -ENOMEM, "out of memory for %s", t->what);
	if (!hashmap_put(&t->index, key, (uint32_t)(t->len - 1), NULL)) {
		t->len--;
		return err_set(err, -ENOMEM, "out of memory for %s", t->what);
	}
	*ret_index = (uint32_t)(t->len - 1);
	return 1;
}
