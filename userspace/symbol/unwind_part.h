/* SPDX-License-Identifier: GPL-2.0-only */
/* Pieces of an unwind table, each a table of its own, for memory that comes in chunks. */
#ifndef SYMBOL_UNWIND_PART_H
#define SYMBOL_UNWIND_PART_H

#include <stdbool.h>
#include <stdint.h>

#include "symbol/unwind_format.h"

struct unwind_part {
	uint32_t start;	     /* of its text, from the table's base_vaddr; its pcs count from here */
	uint32_t text_bytes; /* up to the next part's start, or the table's end */
	uint32_t first_row;  /* in the table; the one that holds at @start */
	uint32_t rows_len;
	uint32_t first_index;
	uint32_t index_len;
};

/*
 * The part of @table that follows @before (NULL: the first one), as long as @rows_max rows and
 * @index_max entries of the index allow.  False behind the last part, or where not even
 * UNWIND_INDEX_BYTES of text fit.
 */
bool unwind_part_next(const struct unwind_table *table, const struct unwind_part *before,
		      uint32_t rows_max, uint32_t index_max, struct unwind_part *ret);

/* Its rows and index, as those of a table: to @rows_len and @index_len entries. */
void unwind_part_copy(const struct unwind_table *table, const struct unwind_part *part,
		      uint64_t *rows, uint32_t *index);

#endif
