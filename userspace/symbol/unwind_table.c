// SPDX-License-Identifier: GPL-2.0-only
#include "symbol/unwind_table.h"

#include <errno.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/num.h"
#include "symbol/unwind_internal.h"

/* The page size of x86_64, to which the loader rounds a segment's start down. */
#define PAGE_BYTES 4096

static int no_memory(struct err *err)
{
	return err_set(err, -ENOMEM, "unwind table: out of memory (free some)");
}

/* The end of the code of FDE @i, or where the next one starts inside. */
static uint64_t end_before_next(const struct unwind_builder *b, size_t i)
{
	const struct unwind_fde *fde = &b->fdes.at[i];
	uint64_t end = (uint64_t)fde->pc + fde->len;

	for (i++; i < b->fdes.len; i++) {
		if (b->fdes.at[i].pc > fde->pc)
			return num_min_u64(end, b->fdes.at[i].pc);
	}
	return end;
}

/* Run the FDEs, which are sorted, with gaps between them. Returns 0 or -ENOMEM. */
static int make_rows(struct unwind_builder *b)
{
	struct unwind_stats *stats = &b->table->stats;
	const uint64_t gap = 0; /* UNWIND_GAP, as its row has it */
	uint64_t covered = 0;
	int r = 0;

	for (size_t i = 0; r == 0 && i < b->fdes.len; i++) {
		const struct unwind_fde *fde = &b->fdes.at[i];
		uint64_t end;

		if (b->full) {
			stats->fdes_beyond_limit++;
			continue;
		}
		if (i > 0 && fde->pc == fde[-1].pc) {
			stats->fdes_overlapping++;
			continue;
		}
		end = end_before_next(b, i);
		stats->fdes_overlapping += end < (uint64_t)fde->pc + fde->len;
		if (fde->pc >= covered + UNWIND_GAP_BYTES_MIN || (i == 0 && fde->pc > 0))
			r = unwind_rows_add(b, covered, gap);
		if (r == 0)
			r = unwind_rows_run(b, fde, end);
		stats->fdes++;
		covered = end;
	}
	if (r == 0 && covered < b->table->text_bytes)
		r = unwind_rows_add(b, covered, gap);
	return r;
}

/* Returns 0 or -ENOMEM. */
static int make_index(struct unwind_table *t)
{
	uint32_t blocks = (uint32_t)((t->text_bytes + UNWIND_INDEX_BYTES - 1) / UNWIND_INDEX_BYTES);
	uint32_t row = 0;

	t->index = malloc(((size_t)blocks + 1) * sizeof(*t->index));
	if (!t->index)
		return -ENOMEM;
	t->index_len = blocks + 1;
	for (uint32_t i = 0; i < blocks; i++) {
		while (row + 1 < t->rows_len &&
		       unwind_row_pc(t->rows[row + 1]) <= (uint64_t)i * UNWIND_INDEX_BYTES)
			row++;
		t->index[i] = row;
	}
	t->index[blocks] = t->rows_len - 1;
	return 0;
}

/* From the builder's section to rows; -ENODATA where it has not one FDE to make them of. */
static int read_section(struct unwind_builder *b)
{
	int r = unwind_cfi_collect(b);

	if (r == 0 && b->fdes.len == 0)
		r = -ENODATA;
	if (r == 0)
		r = make_rows(b);
	return r;
}

static void builder_free(struct unwind_builder *b)
{
	vec_free(&b->cies);
	vec_free(&b->fdes);
	vec_free(&b->rows);
}

static int make_table(struct elf_file *elf, struct unwind_builder *b, struct err *err)
{
	struct unwind_table *t = b->table;
	uint64_t *shrunk;
	int r = unwind_elf_describe(elf, t, err);

	if (r < 0)
		return r;
	r = unwind_elf_section(elf, true, &b->section);
	if (r == 0)
		r = read_section(b);
	if (r == -ENODATA) {
		vec_free(&b->cies);
		r = unwind_elf_section(elf, false, &b->section);
		if (r == 0)
			r = read_section(b);
	}
	if (r == -ENODATA)
		return err_set(err, r,
			       "unwind table: the file has no unwind information (build it with "
			       "-fasynchronous-unwind-tables or frame pointers)");
	if (r < 0)
		return no_memory(err);
	shrunk = realloc(b->rows.at, b->rows.len * sizeof(*b->rows.at));
	t->rows = shrunk ? shrunk : b->rows.at;
	t->rows_len = (uint32_t)b->rows.len;
	b->rows.at = NULL;
	return make_index(t) < 0 ? no_memory(err) : 0;
}

static int build(int fd, const void *image, size_t len, struct unwind_table **ret, struct err *err)
{
	struct unwind_builder b = {.table = calloc(1, sizeof(*b.table))};
	struct elf_file elf = {0};
	int r;

	if (!b.table)
		return no_memory(err);
	r = unwind_elf_open(fd, image, len, &elf, err);
	if (r == 0) {
		r = make_table(&elf, &b, err);
		elf_file_close(&elf);
	}
	builder_free(&b);
	if (r < 0) {
		unwind_table_free(b.table);
		return r;
	}
	*ret = b.table;
	return 0;
}

int unwind_table_build(int fd, struct unwind_table **ret, struct err *err)
{
	return build(fd, NULL, 0, ret, err);
}

int unwind_table_build_memory(const void *image, size_t len, struct unwind_table **ret,
			      struct err *err)
{
	return build(-1, image, len, ret, err);
}

void unwind_table_free(struct unwind_table *table)
{
	if (!table)
		return;
	free(table->rows);
	free(table->index);
	free(table->segments);
	free(table);
}

uint64_t unwind_table_find(const struct unwind_table *table, uint64_t vaddr)
{
	uint64_t pc = vaddr - table->base_vaddr;
	uint32_t low, high;

	if (vaddr < table->base_vaddr || pc >= table->text_bytes)
		return 0;
	low = table->index[pc / UNWIND_INDEX_BYTES];
	high = table->index[pc / UNWIND_INDEX_BYTES + 1];
	while (low < high) {
		uint32_t middle = low + (high - low + 1) / 2;

		if (unwind_row_pc(table->rows[middle]) <= pc)
			low = middle;
		else
			high = middle - 1;
	}
	return table->rows[low];
}

int unwind_table_delta(const struct unwind_table *table, uint64_t offset, uint64_t *ret_delta)
{
	for (uint32_t i = 0; i < table->segments_len; i++) {
		const struct unwind_segment *s = &table->segments[i];

		if (offset < (s->offset & ~(uint64_t)(PAGE_BYTES - 1)) ||
		    offset >= num_sat_add(s->offset, s->filesz))
			continue;
		*ret_delta = s->vaddr - s->offset + offset - table->base_vaddr;
		return 0;
	}
	return -ENOENT;
}
