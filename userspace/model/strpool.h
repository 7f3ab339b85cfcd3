/* SPDX-License-Identifier: GPL-2.0-only */
/* Strings kept once each and named by a number; 0 is "". */
#ifndef MODEL_STRPOOL_H
#define MODEL_STRPOOL_H

#include "base/hashmap.h"
#include "base/strbuf.h"
#include "base/vec.h"

struct err;

struct strpool {
	struct strbuf text; /* all strings, each with its NUL */
	VEC(uint32_t) offsets;
	struct hashmap index;
};

/* 0 or -ENOMEM. */
int strpool_init(struct strpool *pool, struct err *err);
void strpool_free(struct strpool *pool);
/* The number of @str.  0, -ENOMEM, or -EPROTO when the pool has grown beyond its limit. */
int strpool_put(struct strpool *pool, const char *str, uint32_t *ret, struct err *err);
/* Valid until the next put. */
const char *strpool_get(const struct strpool *pool, uint32_t id);

#endif
