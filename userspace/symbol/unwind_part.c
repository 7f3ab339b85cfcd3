// SPDX-License-Identifier: GPL-2.0-only
#include "symbol/unwind_part.h"

#include "base/num.h"

/* Both ends count: the row at @first holds at the part's start, that at @end in its last block. */
static uint32_t rows_between(const struct unwind_table *table, uint32_t first, uint32_t end)
{
	return table->index[end] - table->index[first] + 1;
}

bool unwind_part_next(const struct unwind_table *table, const struct unwind_part *before,
		      uint32_t rows_max, uint32_t index_max, struct unwind_part *ret)
{
	const uint32_t first = before ? before->first_index + before->index_len - 1 : 0;
	uint32_t low = first, high;

	if (index_max < 2 || table->index_len < 2 || first >= table->index_len - 1)
		return false;
	/* The last block that still fits: rows between grow with the blocks. */
	high = (uint32_t)num_min_u64(table->index_len - 1, (uint64_t)first + index_max - 1);
	while (low < high) {
		uint32_t middle = low + (high - low + 1) / 2;

		if (rows_between(table, first, middle) <= rows_max)
			low = middle;
		else
			high = middle - 1;
	}
	if (low == first)
		return false;
	*ret = (struct unwind_part){
		.start = first * UNWIND_INDEX_BYTES,
		.first_row = table->index[first],
		.rows_len = rows_between(table, first, low),
		.first_index = first,
		.index_len = low - first + 1,
	};
	ret->text_bytes =
		(uint32_t)(num_min_u64((uint64_t)low * UNWIND_INDEX_BYTES, table->text_bytes) -
			   ret->start);
	return true;
}

void unwind_part_copy(const struct unwind_table *table, const struct unwind_part *part,
		      uint64_t *rows, uint32_t *index)
{
	for (uint32_t i = 0; i < part->rows_len; i++) {
		const uint64_t row = table->rows[part->first_row + i];
		const uint32_t pc = unwind_row_pc(row);

		/* The first row may have begun before. */
		rows[i] = (row & ~(uint64_t)UINT32_MAX) | (pc > part->start ? pc - part->start : 0);
	}
	for (uint32_t i = 0; i < part->index_len; i++)
		index[i] = table->index[part->first_index + i] - part->first_row;
}
