/* SPDX-License-Identifier: GPL-2.0-only */
/* Which C library a process runs on. */
#ifndef SYMBOL_LIBC_VERSION_H
#define SYMBOL_LIBC_VERSION_H

#include <stdbool.h>
#include <stddef.h>

/* Whether a file of this path is a C library: glibc's, before and since 2.34, or musl's. */
bool libc_version_is_libc(const char *path);

/*
 * "glibc 2.36" by the newest version that the library @fd defines symbols for; "musl" by @path.
 * Returns false, with "" in @to, where neither can be told.
 */
bool libc_version_read(int fd, const char *path, char *to, size_t size);

#endif
