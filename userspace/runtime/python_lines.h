/* SPDX-License-Identifier: GPL-2.0-only */
/* From an instruction of a code object to its line: the three tables that versions have used. */
#ifndef RUNTIME_PYTHON_LINES_H
#define RUNTIME_PYTHON_LINES_H

#include "runtime/python_layout.h"
#include "runtime/python_memory.h"

/* Bytes of a table that are read. */
#define PYTHON_TABLE_MAX (256U << 10)

/*
 * The line of the instruction @offset bytes from the first, by the bytes object @table of a code
 * that begins at line @first.  0 = it has none, or the table cannot be read or makes no sense.
 */
uint32_t python_line(const struct python_layout *l, const struct python_memory *memory,
		     uint64_t table, int32_t first, uint32_t offset);

#endif
