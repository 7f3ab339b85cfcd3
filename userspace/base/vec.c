// SPDX-License-Identifier: GPL-2.0-only
#include "base/vec.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_CAP 8

void *vec_grow(void **at, size_t *len, size_t *cap, size_t size)
{
	void *slot;

	if (*len == *cap) {
		size_t new_cap = *cap ? *cap : FIRST_CAP;
		size_t bytes;
		void *grown;

		if (*cap && __builtin_mul_overflow(*cap, 2, &new_cap))
			return NULL;
		if (__builtin_mul_overflow(new_cap, size, &bytes))
			return NULL;
		grown = realloc(*at, bytes);
		if (!grown)
			return NULL;
		*at = grown;
		*cap = new_cap;
	}
	slot = (char *)*at + *len * size;
	memset(slot, 0, size);
	(*len)++;
	return slot;
}
