/* SPDX-License-Identifier: GPL-2.0-only */
/* Names of C++ and Rust functions and objects as their sources have them. */
#ifndef SYMBOL_DEMANGLE_H
#define SYMBOL_DEMANGLE_H

#include <stddef.h>

/*
 * Write @name as people wrote it, without parameters, to @to (cut to @size); a name that is not
 * mangled, or too long to take apart safely, as it is.  So stay Rust names
 * with an identifier beyond ASCII.  Takes time for what fits into @to alone.
 */
void demangle(const char *name, char *to, size_t size);

#endif
