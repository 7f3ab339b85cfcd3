/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A growable array of any type.
 *
 *   VEC(struct item) items = {0};
 *   struct item *it = vec_add(&items);   // zeroed new element, NULL when memory is short
 *   VEC_FOREACH(&items, it) ..
 *   vec_free(&items);
 *
 * Pointers into it die with the next vec_add; keep indexes instead.
 */
#ifndef BASE_VEC_H
#define BASE_VEC_H

#include <stddef.h>
#include <stdlib.h> /* free(), for vec_free */

#define VEC(type)           \
	struct {            \
		type *at;   \
		size_t len; \
		size_t cap; \
	}

/* Make room for one more element of @size bytes and return it zeroed; NULL when memory is short. */
void *vec_grow(void **at, size_t *len, size_t *cap, size_t size);

#define vec_add(v) \
	((__typeof__((v)->at))vec_grow((void **)&(v)->at, &(v)->len, &(v)->cap, sizeof(*(v)->at)))
#define vec_free(v)                      \
	do {                             \
		free((v)->at);           \
		(v)->at = NULL;          \
		(v)->len = (v)->cap = 0; \
	} while (0)
/* The test of len keeps an empty one from adding to a NULL pointer, which C leaves undefined. */
#define VEC_FOREACH(v, it) for ((it) = (v)->at; (v)->len > 0 && (it) < (v)->at + (v)->len; (it)++)

#endif
