/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What .eh_frame says of one ELF file, as a sorted table that a BPF program can search: how to get
 * from any instruction to its caller's frame without frame pointers.  x86_64 alone.
 *
 * The file is the target's: hostile, and it may change while it is read.  It is never mapped.
 */
#ifndef SYMBOL_UNWIND_TABLE_H
#define SYMBOL_UNWIND_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "symbol/unwind_format.h"

struct err;

/*
 * Build the table of the executable or shared library @fd from .eh_frame, or where that holds
 * nothing, from .debug_frame.  @fd stays the caller's and is not needed afterwards.  The caller
 * frees *ret with unwind_table_free().
 * Returns 0; -ENOTSUP (not x86_64), -ENOEXEC (no ELF executable or library, or nothing in it can be
 * executed), -ENODATA (no unwind information), -EBADMSG (damaged), -ENOMEM, or what reading gives;
 * *ret untouched on failure.
 */
int unwind_table_build(int fd, struct unwind_table **ret, struct err *err);

/* The same of @len bytes of a file in memory, such as a copy of the vdso; read until it returns. */
int unwind_table_build_memory(const void *image, size_t len, struct unwind_table **ret,
			      struct err *err);

void unwind_table_free(struct unwind_table *table);

/* The row that holds at the ELF virtual address @vaddr; 0, which is a gap, outside the text. */
uint64_t unwind_table_find(const struct unwind_table *table, uint64_t vaddr);

/*
 * Of an executable mapping of the file at @offset in it (a multiple of the page size): what to add,
 * modulo 2^64, to (address - start of the mapping) to get a pc as rows have it.  Below base_vaddr
 * or behind the text that gives a number >= text_bytes.
 * Returns 0, or -ENOENT where no executable segment has that part of the file; *ret_delta
 * untouched.
 */
int unwind_table_delta(const struct unwind_table *table, uint64_t offset, uint64_t *ret_delta);

#endif
