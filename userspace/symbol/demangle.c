// SPDX-License-Identifier: GPL-2.0-only
#include "symbol/demangle.h"

#include <libiberty/demangle.h>
#include <setjmp.h>
#include <stdbool.h>
#include <string.h>

#include "base/num.h"

/* A name grows when it is taken apart, and libiberty recurses for its parts. */
#define MANGLED_MAX 1024

struct output {
	char *to;
	size_t size;
	size_t len;
	jmp_buf full;
};

/*
 * Names repeat their parts by reference, each of which may hold two others: 300 bytes stand for
 * gigabytes.  libiberty has no way to be told to stop, so that it is left from here once there is
 * no more room.
 */
static void take(const char *text, size_t len, void *ctx)
{
	struct output *out = ctx;

	if (len == 0) /* @text may be NULL then */
		return;
	len = num_min_u64(len, out->size - 1 - out->len);
	memcpy(out->to + out->len, text, len);
	out->len += len;
	if (out->len == out->size - 1)
		longjmp(out->full, 1);
}

/* Whether @name is a mangled one; then out->to has what it stands for. */
static bool take_apart(const char *name, struct output *out)
{
	const int options = DMGL_AUTO | DMGL_ANSI;

	if (setjmp(out->full) != 0)
		return true;
	if (rust_demangle_callback(name, options, take, out))
		return true;
	out->len = 0; /* it may have begun */
	return cplus_demangle_v3_callback(name, options, take, out);
}

/*
 * Whether @name may have an identifier beyond ASCII, as Punycode: 'u' and its length (Rust RFC
 * 2603).  For these alone libiberty has memory that would be lost where it is left half way.
 */
static bool may_hold_memory(const char *name)
{
	if (name[1] != 'R')
		return false;
	for (const char *u = strchr(name, 'u'); u; u = strchr(u + 1, 'u'))
		if (u[1] >= '0' && u[1] <= '9')
			return true;
	return false;
}

void demangle(const char *name, char *to, size_t size)
{
	struct output out = {.to = to, .size = size};

	/* Mangled names begin with _Z (C++ and old Rust) or _R (Rust). */
	if (size <= 1 || name[0] != '_' || (name[1] != 'Z' && name[1] != 'R') ||
	    strlen(name) > MANGLED_MAX || may_hold_memory(name) || !take_apart(name, &out)) {
		out.len = strnlen(name, size - 1);
		memcpy(to, name, out.len);
	}
	to[out.len] = '\0';
}
