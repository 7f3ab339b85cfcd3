/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A table of rows of a report that can be sorted, filtered, grouped and scrolled.  The selected row
 * is known by what it is (its identity), so that it stays selected while others pass it.
 */
#ifndef TUI_TABLE_H
#define TUI_TABLE_H

#include "report/columns.h"
#include "tui/canvas.h"

#define TABLE_COLUMNS_MAX 32

struct table_column {
	const char *title;
	int width;     /* 0 = takes a share of what is left, but at least `least` */
	int least;     /* of a width 0 */
	unsigned rank; /* 1 = first to keep when room is short */
	enum text_align align;
	/* As in report/columns.h: one of the two says what it is, and it is sorted by that.  For a
	 * number of @from the cell is written by column_format(). */
	double (*number)(const struct report *rep, uint32_t row);
	void (*text)(struct strbuf *sb, const struct report *rep, uint32_t row);
	const struct column *from;
	/* NULL, or draws the cell instead of its text. */
	void (*draw)(const struct pane *cell, const struct report *rep, uint32_t row);
	/* NULL = plain. */
	enum role (*role)(const struct report *rep, uint32_t row);
};

/* What a table is of: made anew for each frame. */
struct table {
	const struct report *rep;
	struct table_column columns[TABLE_COLUMNS_MAX];
	uint32_t columns_len;
	uint32_t rows_len;
	uint64_t (*identity)(const struct report *rep, uint32_t row);
	/* NULL, or rows that are left out. */
	bool (*shown)(const struct report *rep, uint32_t row);
	/* NULL, or: rows of one group stand together, groups in rising order; @lead comes first. */
	uint32_t (*group)(const struct report *rep, uint32_t row);
	bool (*lead)(const struct report *rep, uint32_t row);
	const char *empty; /* what is said where there is no row */
	bool passive;	   /* nothing is selected in it */
};

/* What stays from frame to frame. */
struct table_state {
	uint64_t selected;
	bool any; /* something is selected */
	int sort; /* column, -1 = the order of the report */
	bool reverse;
	uint32_t top; /* first row on the screen */
	/* As drawn last: */
	uint32_t *order;
	uint32_t order_len;
	uint32_t cursor; /* where the selected one stands */
	int page;	 /* rows on the screen */
	int first_y;	 /* of these, on the canvas */
	int heading_y;
	int heading_x[TABLE_COLUMNS_MAX]; /* where each column begins, -1 = not drawn */
	uint32_t columns_len;
	uint32_t hidden; /* rows that the filter hides */
};

void table_state_init(struct table_state *state);
void table_state_free(struct table_state *state);

/* Add column @key of @from's table, as report/columns.c has it. */
void table_add(struct table *table, enum column_table from, const char *key, int width);
void table_add_column(struct table *table, const struct table_column *column);

/* Draw heading and rows; @filter "" = all. */
void table_draw(const struct table *table, struct table_state *state, const struct pane *pane,
		const char *filter);
/* The row that is selected, or SNAP_NONE. As of the last drawing. */
uint32_t table_selected(const struct table_state *state);

/* Keys.  @rows may be negative; the identity of the new row is looked up by @table. */
void table_move(const struct table *table, struct table_state *state, int64_t rows);
void table_sort_next(struct table_state *state, int step);
/* A click at (x, y) of the canvas: true if it hit a row or a heading; *ret_row true for a row. */
bool table_click(const struct table *table, struct table_state *state, int x, int y, bool *ret_row);

#endif
