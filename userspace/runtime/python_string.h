/* SPDX-License-Identifier: GPL-2.0-only */
/* The text of a str object. */
#ifndef RUNTIME_PYTHON_STRING_H
#define RUNTIME_PYTHON_STRING_H

#include "runtime/python_layout.h"
#include "runtime/python_memory.h"

/* Characters that are read of one string. */
#define PYTHON_STRING_MAX 512
/* A longer one is taken for garbage. */
#define PYTHON_STRING_LENGTH_MAX (1U << 24)

/*
 * The str object at @addr as UTF-8 in @to, of @size bytes (PYTHON_STRING_MAX at most) with the NUL;
 * of one too long whole characters of its beginning, or where @tail of its end.  What is no
 * character, and NUL, becomes U+FFFD.
 * Returns 0, or -EBADMSG (it cannot be read, is no such object or not a compact one); *to untouched
 * then.
 */
int python_string(const struct python_layout *l, const struct python_memory *memory, uint64_t addr,
		  bool tail, char *to, size_t size);

#endif
