// SPDX-License-Identifier: GPL-2.0-only
/* Tables in parts: wherever they are cut, each instruction keeps its row. */
#include "symbol/unwind_part.h"

#include "tests/unit/suites.h"

#include <stdlib.h>
#include <string.h>

#define ROWS_MAX 512

/* A table with the rows that @step_of says lie between one and the next. */
struct made {
	struct unwind_table table;
	uint64_t rows[ROWS_MAX];
	uint32_t index[ROWS_MAX];
};

static struct made *make(uint32_t text_bytes, uint32_t rows_len, const uint32_t *pcs)
{
	struct made *m = calloc(1, sizeof(*m));

	ck_assert_ptr_nonnull(m);
	m->table = (struct unwind_table){.base_vaddr = 0x1000,
					 .text_bytes = text_bytes,
					 .rows = m->rows,
					 .rows_len = rows_len,
					 .index = m->index};
	for (uint32_t i = 0; i < rows_len; i++)
		m->rows[i] = pcs[i] | (uint64_t)(i + 1) << 32 | (uint64_t)UNWIND_RSP << 56;
	for (uint32_t at = 0; at < text_bytes; at += UNWIND_INDEX_BYTES) {
		uint32_t row = 0;

		while (row + 1 < rows_len && pcs[row + 1] <= at)
			row++;
		m->index[m->table.index_len++] = row;
	}
	m->index[m->table.index_len++] = rows_len - 1;
	return m;
}

/* What the row for @pc says, by a look at each of them. */
static uint64_t truth(const struct made *m, uint32_t pc)
{
	uint32_t row = 0;

	while (row + 1 < m->table.rows_len && (uint32_t)m->rows[row + 1] <= pc)
		row++;
	return m->rows[row] >> 32;
}

/* The same in the copy of a part, by the search that the BPF side does. */
static uint64_t in_part(const uint64_t *rows, const uint32_t *index, uint32_t pc)
{
	uint32_t row = index[pc / UNWIND_INDEX_BYTES];

	while (row < index[pc / UNWIND_INDEX_BYTES + 1] && (uint32_t)rows[row + 1] <= pc)
		row++;
	return rows[row] >> 32;
}

/* Each instruction of @m, in parts of these bounds; returns how many parts there are. */
static unsigned check_parts(const struct made *m, uint32_t rows_max, uint32_t index_max)
{
	struct unwind_part part, *before = NULL;
	uint32_t pc = 0;
	unsigned parts = 0;

	while (unwind_part_next(&m->table, before, rows_max, index_max, &part)) {
		uint64_t *rows = calloc(part.rows_len, sizeof(*rows));
		uint32_t *index = calloc(part.index_len, sizeof(*index));

		ck_assert_uint_le(part.rows_len, rows_max);
		ck_assert_uint_le(part.index_len, index_max);
		ck_assert_uint_eq(part.start, pc);
		ck_assert_uint_gt(part.text_bytes, 0);
		unwind_part_copy(&m->table, &part, rows, index);
		for (uint32_t at = 0; at < part.text_bytes; at++, pc++)
			ck_assert_uint_eq(in_part(rows, index, at), truth(m, pc));
		free(rows);
		free(index);
		before = &part;
		parts++;
	}
	ck_assert_uint_eq(pc, m->table.text_bytes);
	return parts;
}

START_TEST(one_part_where_all_fits)
{
	const uint32_t pcs[] = {0, 5, 256, 700, 701, 1023};
	struct made *m = make(1024, 6, pcs);

	ck_assert_uint_eq(check_parts(m, 6, 5), 1);
	ck_assert_uint_eq(check_parts(m, 1000, 1000), 1);
	free(m);
}
END_TEST

START_TEST(cut_by_rows_and_by_the_index)
{
	uint32_t pcs[ROWS_MAX];
	struct made *m;

	/* 26 rows in each block: 10 of them have 257, the one that goes on included. */
	for (uint32_t i = 0; i < 260; i++)
		pcs[i] = i / 26 * 256 + i % 26 * 9;
	m = make(10 * 256 - 3, 260, pcs);
	ck_assert_uint_eq(check_parts(m, 260, 11), 1);
	ck_assert_uint_eq(check_parts(m, 259, 11), 2);
	/* The last row before the next block is looked at, too: 27 rows for a block. */
	ck_assert_uint_eq(check_parts(m, 27, 11), 10);
	ck_assert_uint_eq(check_parts(m, 260, 3), 5);
	ck_assert_uint_eq(check_parts(m, 260, 2), 10);
	free(m);
}
END_TEST

START_TEST(a_row_that_spans_cuts_stays)
{
	const uint32_t pcs[] = {0, 3000, 3001, 3002};
	struct made *m = make(4096, 4, pcs);

	ck_assert_uint_eq(check_parts(m, 4, 3), 8);
	free(m);
}
END_TEST

START_TEST(random_tables)
{
	unsigned seed = 7;

	for (int round = 0; round < 60; round++) {
		uint32_t pcs[ROWS_MAX] = {0}, pc = 0, len = 1;
		struct made *m;

		while (len < 400) {
			pc += 1 + (uint32_t)rand_r(&seed) % (round % 3 ? 40 : 700);
			pcs[len++] = pc;
			if (pc > 100000)
				break;
		}
		m = make(pc + 1 + (uint32_t)rand_r(&seed) % 600, len, pcs);
		if (m->table.index_len < ROWS_MAX)
			ck_assert_uint_gt(check_parts(m, 257 + (uint32_t)rand_r(&seed) % 100,
						      2 + (uint32_t)rand_r(&seed) % 30),
					  0);
		free(m);
	}
}
END_TEST

START_TEST(nothing_where_nothing_fits)
{
	const uint32_t pcs[] = {0, 1, 2, 3, 4, 5};
	struct made *m = make(256, 6, pcs);
	struct unwind_part part;

	ck_assert(!unwind_part_next(&m->table, NULL, 5, 10, &part));
	ck_assert(!unwind_part_next(&m->table, NULL, 6, 1, &part));
	ck_assert(unwind_part_next(&m->table, NULL, 6, 2, &part));
	ck_assert(!unwind_part_next(&m->table, &part, 6, 2, &part));
	free(m);
}
END_TEST

Suite *symbol_unwind_part_suite(void)
{
	Suite *s = suite_create("symbol/unwind_part");
	TCase *tc = tcase_create("parts");

	tcase_add_test(tc, one_part_where_all_fits);
	tcase_add_test(tc, cut_by_rows_and_by_the_index);
	tcase_add_test(tc, a_row_that_spans_cuts_stays);
	tcase_add_test(tc, random_tables);
	tcase_add_test(tc, nothing_where_nothing_fits);
	suite_add_tcase(s, tc);
	return s;
}
