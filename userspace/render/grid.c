// SPDX-License-Identifier: GPL-2.0-only
#include "render/grid.h"

#include "base/num.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define INDENT 2
#define BETWEEN 2
/* A column that takes what is left is happy with this much, and other columns may have the rest. */
#define FLEXIBLE_MIN 20

int grid_alloc(struct grid *grid, uint32_t rows_len)
{
	grid->rows_len = rows_len;
	grid->cell = calloc((size_t)rows_len * grid->columns_len + 1, sizeof(*grid->cell));
	return grid->cell ? 0 : -ENOMEM;
}

void grid_free(struct grid *grid)
{
	if (grid->cell)
		for (size_t i = 0; i < (size_t)grid->rows_len * grid->columns_len; i++)
			free(grid->cell[i]);
	free(grid->cell);
	grid->cell = NULL;
}

void grid_set(struct grid *grid, uint32_t row, uint32_t column, struct strbuf *text)
{
	char **cell = &grid->cell[(size_t)row * grid->columns_len + column];

	*cell = strbuf_steal(text);
	grid->failed |= !*cell;
}

static const char *cell_at(const struct grid *grid, uint32_t row, uint32_t column)
{
	const char *text = grid->cell[(size_t)row * grid->columns_len + column];

	return text ? text : "";
}

/* Columns the widest cell or the title takes. */
static unsigned content_width(const struct grid *grid, uint32_t column)
{
	unsigned width = page_width(grid->column[column].title);

	for (uint32_t row = 0; row < grid->rows_len; row++) {
		unsigned w = page_width(cell_at(grid, row, column));

		width = w > width ? w : width;
	}
	return width;
}

static bool says_nothing(const struct grid *grid, uint32_t column)
{
	for (uint32_t row = 0; row < grid->rows_len; row++) {
		const char *text = cell_at(grid, row, column);

		if (strcmp(text, "0%") && strcmp(text, "0") && strcmp(text, "-"))
			return false;
	}
	return true;
}

static bool is_flexible(const struct grid_column *column)
{
	return !column->number && !column->width;
}

static unsigned least_width(const struct grid_column *column, unsigned content)
{
	unsigned most = is_flexible(column) ? FLEXIBLE_MIN : column->width;

	return !column->number && content > most ? most : content;
}

/* Index of the column with the lowest rank above @above, or columns_len. */
static uint32_t next_by_rank(const struct grid *grid, unsigned above)
{
	uint32_t next = grid->columns_len;

	for (uint32_t i = 0; i < grid->columns_len; i++)
		if (grid->column[i].rank > above &&
		    (next == grid->columns_len || grid->column[i].rank < grid->column[next].rank))
			next = i;
	return next;
}

/*
 * Choose columns by rank while they fit, then hand what is left to the flexible ones that want
 * more, one column at a time in turn.  width[i] = 0: not shown.
 */
static void choose_widths(const struct grid *grid, const struct page *page, unsigned *width)
{
	unsigned content[GRID_COLUMNS_MAX];
	unsigned room = page->columns > INDENT ? page->columns - INDENT : 0;
	unsigned rank = 0;
	bool grown = true;

	for (uint32_t i = 0; i < grid->columns_len; i++) {
		content[i] = content_width(grid, i);
		width[i] = 0;
	}
	for (uint32_t i; (i = next_by_rank(grid, rank)) < grid->columns_len;) {
		unsigned between = rank ? BETWEEN : 0;
		unsigned least =
			page->whole ? content[i] : least_width(&grid->column[i], content[i]);

		rank = grid->column[i].rank;
		if (grid->column[i].optional && says_nothing(grid, i))
			continue;
		if (!between && least > room && !page->whole)
			least = room;
		if (least + between > room && !page->whole)
			break;
		width[i] = least;
		room -= num_min_u64(room, least + between);
	}
	while (room && grown) {
		grown = false;
		for (uint32_t i = 0; i < grid->columns_len && room; i++) {
			if (!width[i] || width[i] >= content[i] || !is_flexible(&grid->column[i]))
				continue;
			width[i]++;
			room--;
			grown = true;
		}
	}
}

static void print_row(const struct grid *grid, struct page *page, const unsigned *width,
		      const uint32_t *row)
{
	unsigned before = INDENT;

	for (uint32_t i = 0; i < grid->columns_len; i++) {
		const struct grid_column *column = &grid->column[i];

		if (!width[i])
			continue;
		page_gap(page, before);
		page_cell(page, row ? STYLE_PLAIN : STYLE_BOLD,
			  row ? cell_at(grid, *row, i) : column->title, width[i],
			  column->number ? TEXT_RIGHT : TEXT_LEFT);
		before = BETWEEN;
	}
	page_end(page);
}

void grid_print(const struct grid *grid, struct page *page)
{
	unsigned width[GRID_COLUMNS_MAX];

	page->out->failed |= grid->failed;
	choose_widths(grid, page, width);
	print_row(grid, page, width, NULL);
	for (uint32_t row = 0; row < grid->rows_len; row++)
		print_row(grid, page, width, &row);
}
