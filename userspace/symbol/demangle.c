// SPDX-License-Identifier: GPL-2.0-only
#include "symbol/demangle.h"

#include <libiberty/demangle.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

/* A name grows when it is taken apart, and its substitutions can be made to explode. */
#define MANGLED_MAX 1024

static void copy_cut(const char *from, char *to, size_t size)
{
	size_t len = strnlen(from, size - 1);

	memcpy(to, from, len);
	to[len] = '\0';
}

void demangle(const char *name, char *to, size_t size)
{
	_cleanup_free_ char *plain = NULL;

	/* Mangled names begin with _Z (C++ and old Rust), _R (Rust) or _D (D). */
	if (name[0] == '_' && strchr("ZRD", name[1]) && name[1] && strlen(name) <= MANGLED_MAX)
		plain = cplus_demangle(name, DMGL_AUTO | DMGL_ANSI);
	copy_cut(plain ? plain : name, to, size);
}
