/* SPDX-License-Identifier: GPL-2.0-only */
/* A table of text on a page: columns take the width of their content as far as there is room, and
 * when there is not the least important ones go. */
#ifndef RENDER_GRID_H
#define RENDER_GRID_H

#include "render/page.h"

#include <stdint.h>

#define GRID_COLUMNS_MAX 24

struct grid_column {
	const char *title;
	bool number;	/* aligned to the right and never cut */
	unsigned width; /* of text: the most it may take, 0 = what is left */
	unsigned rank;	/* 1 = last to go */
	bool optional;	/* left out when every cell is zero or "-" */
};

struct grid {
	struct grid_column column[GRID_COLUMNS_MAX];
	uint32_t columns_len;
	uint32_t rows_len;
	char **cell; /* [row * columns_len + column], owned */
	bool failed; /* memory was short */
};

/* Room for @rows_len rows under the columns already set; 0 or -ENOMEM. */
int grid_alloc(struct grid *grid, uint32_t rows_len);
void grid_free(struct grid *grid);
/* Store the content of @text (emptied) as a cell. */
void grid_set(struct grid *grid, uint32_t row, uint32_t column, struct strbuf *text);
/* Print heading and rows, indented by two columns. */
void grid_print(const struct grid *grid, struct page *page);

#endif
