// SPDX-License-Identifier: GPL-2.0-only
#include "model/strpool.h"

#include "base/err.h"
#include "model/table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX_BYTES (256U << 20)
/* Strings of one hash that are told apart; a further one is stored without being found again. */
#define PROBES 8

struct key {
	uint64_t hash;
	uint64_t probe;
};

int strpool_init(struct strpool *pool, struct err *err)
{
	uint32_t id;

	*pool = (struct strpool){0};
	hashmap_init(&pool->index, sizeof(struct key));
	return strpool_put(pool, "", &id, err);
}

void strpool_free(struct strpool *pool)
{
	strbuf_free(&pool->text);
	vec_free(&pool->offsets);
	hashmap_free(&pool->index);
}

const char *strpool_get(const struct strpool *pool, uint32_t id)
{
	return strbuf_str(&pool->text) + pool->offsets.at[id];
}

static int append(struct strpool *pool, const char *str, uint32_t *ret, struct err *err)
{
	uint32_t *offset;
	int r = table_limit(pool->text.len + strlen(str), TEXT_MAX_BYTES, "bytes of names", err);

	if (r < 0)
		return r;
	offset = vec_add(&pool->offsets);
	if (!offset)
		return err_set(err, -ENOMEM, "out of memory for names");
	*offset = (uint32_t)pool->text.len;
	strbuf_add(&pool->text, str, strlen(str) + 1);
	if (pool->text.failed) {
		pool->offsets.len--;
		return err_set(err, -ENOMEM, "out of memory for names");
	}
	*ret = (uint32_t)(pool->offsets.len - 1);
	return 0;
}

int strpool_put(struct strpool *pool, const char *str, uint32_t *ret, struct err *err)
{
	struct key key = {.hash = hash_bytes(str, strlen(str))};
	int r;

	for (; key.probe < PROBES; key.probe++) {
		const uint32_t *found = hashmap_get(&pool->index, &key);

		if (!found)
			break;
		if (strcmp(strpool_get(pool, *found), str) == 0) {
			*ret = *found;
			return 0;
		}
	}
	r = append(pool, str, ret, err);
	if (r == 0 && key.probe < PROBES && !hashmap_put(&pool->index, &key, *ret, NULL))
		r = err_set(err, -ENOMEM, "out of memory for names");
	return r;
}
