// SPDX-License-Identifier: GPL-2.0-only
#include "tui/table.h"

#include "base/num.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define GAP 1 /* columns between two cells */

void table_state_init(struct table_state *state)
{
	*state = (struct table_state){.sort = -1};
}

void table_state_free(struct table_state *state)
{
	free(state->order);
	state->order = NULL;
	state->order_len = 0;
}

void table_add_column(struct table *table, const struct table_column *column)
{
	if (table->columns_len < TABLE_COLUMNS_MAX)
		table->columns[table->columns_len++] = *column;
}

/* Room for "999 us", "4,310", "<0.1%". */
static int unit_width(enum column_unit unit)
{
	switch (unit) {
	case UNIT_TEXT:
	case UNIT_DURATION:
		return 8;
	case UNIT_COUNT:
		return 7;
	case UNIT_RATE:
		return 9;
	case UNIT_SHARE:
	case UNIT_FACTOR:
		break;
	}
	return 5;
}

void table_add(struct table *table, enum column_table from, const char *key, int width)
{
	uint32_t len;
	const struct column *all = columns_of(from, &len);

	for (uint32_t i = 0; i < len; i++) {
		struct table_column column = {.title = all[i].title,
					      .rank = all[i].rank,
					      .number = all[i].number,
					      .text = all[i].text,
					      .from = &all[i]};

		if (strcmp(all[i].key, key))
			continue;
		if (all[i].unit == UNIT_TEXT) {
			column.width = width;
			column.least = 10;
		} else {
			column.align = TEXT_RIGHT;
			column.width = unit_width(all[i].unit);
			if ((int)strlen(column.title) > column.width)
				column.width = (int)strlen(column.title);
		}
		table_add_column(table, &column);
	}
}

static void cell_text(struct strbuf *sb, const struct table *table,
		      const struct table_column *column, uint32_t row)
{
	if (column->text)
		column->text(sb, table->rep, row);
	else if (column->from)
		column_format(sb, column->from, table->rep, row);
}

/* ---- which rows, and in which order ---- */

struct sort_key {
	uint32_t row;
	uint32_t group;
	bool lead;
	double number;
	char *text;
	bool reverse;
};

static int compare_keys(const void *pa, const void *pb)
{
	const struct sort_key *a = pa;
	const struct sort_key *b = pb;
	int r = 0;

	if (a->group != b->group)
		return a->group < b->group ? -1 : 1;
	if (a->lead != b->lead)
		return a->lead ? -1 : 1;
	/* Numbers begin with the largest, texts with the first of the alphabet. */
	if (a->text && b->text)
		r = strcasecmp(a->text, b->text);
	else if (a->number != b->number)
		r = a->number > b->number ? -1 : 1;
	if (!r)
		r = a->row < b->row ? -1 : 1;
	return a->reverse ? -r : r;
}

static bool contains(const char *text, const char *part)
{
	const size_t len = strlen(part);

	for (; *text; text++)
		if (!strncasecmp(text, part, len))
			return true;
	return len == 0;
}

static bool matches(const struct table *table, uint32_t row, const char *filter,
		    struct strbuf *scratch)
{
	if (!*filter)
		return true;
	for (uint32_t i = 0; i < table->columns_len; i++) {
		if (!table->columns[i].text)
			continue;
		strbuf_reset(scratch);
		table->columns[i].text(scratch, table->rep, row);
		if (contains(strbuf_str(scratch), filter))
			return true;
	}
	return false;
}

static void make_key(const struct table *table, const struct table_state *state, uint32_t row,
		     struct strbuf *scratch, struct sort_key *ret)
{
	const struct table_column *by =
		state->sort >= 0 && (uint32_t)state->sort < table->columns_len
			? &table->columns[state->sort]
			: NULL;

	*ret = (struct sort_key){.row = row, .reverse = state->reverse};
	if (table->group)
		ret->group = table->group(table->rep, row);
	if (table->lead)
		ret->lead = table->lead(table->rep, row);
	if (by && by->number) {
		ret->number = by->number(table->rep, row);
	} else if (by && by->text) {
		strbuf_reset(scratch);
		by->text(scratch, table->rep, row);
		ret->text = strdup(strbuf_str(scratch));
	}
}

static void make_order(const struct table *table, struct table_state *state, const char *filter)
{
	struct sort_key *keys = calloc((size_t)table->rows_len + 1, sizeof(*keys));
	uint32_t *order = calloc((size_t)table->rows_len + 1, sizeof(*order));
	struct strbuf scratch = {0};
	uint32_t n = 0;

	state->hidden = 0;
	for (uint32_t row = 0; keys && order && row < table->rows_len; row++) {
		if (table->shown && !table->shown(table->rep, row))
			continue;
		if (matches(table, row, filter, &scratch))
			make_key(table, state, row, &scratch, &keys[n++]);
		else
			state->hidden++;
	}
	if (n > 1 && (state->sort >= 0 || state->reverse || table->group))
		qsort(keys, n, sizeof(*keys), compare_keys);
	for (uint32_t i = 0; i < n; i++) {
		order[i] = keys[i].row;
		free(keys[i].text);
	}
	free(keys);
	strbuf_free(&scratch);
	free(state->order);
	state->order = order;
	state->order_len = order ? n : 0;
}

/* Find the selected row; where it has gone, the one that took its place. */
static void place_cursor(const struct table *table, struct table_state *state)
{
	if (!state->order_len) {
		state->cursor = 0;
		return;
	}
	for (uint32_t i = 0; state->any && i < state->order_len; i++) {
		if (table->identity(table->rep, state->order[i]) == state->selected) {
			state->cursor = i;
			return;
		}
	}
	/* Before anything was chosen the cursor is at the top, whatever stands there. */
	if (!state->any)
		state->cursor = 0;
	else if (state->cursor >= state->order_len)
		state->cursor = state->order_len - 1;
}

static void scroll(struct table_state *state, int rows)
{
	uint32_t page = rows > 0 ? (uint32_t)rows : 1;

	if (state->cursor < state->top)
		state->top = state->cursor;
	if (state->cursor >= state->top + page)
		state->top = state->cursor - page + 1;
	if (state->top + page > state->order_len)
		state->top = state->order_len > page ? state->order_len - page : 0;
}

/* ---- columns ---- */

static int least_width(const struct table_column *column)
{
	return column->width ? column->width : column->least;
}

/* Those of the lowest ranks that fit. */
static void choose_widths(const struct table *table, int room, int *width)
{
	memset(width, 0, TABLE_COLUMNS_MAX * sizeof(*width));
	for (unsigned rank = 1; rank <= 64; rank++) {
		for (uint32_t i = 0; i < table->columns_len; i++) {
			const struct table_column *column = &table->columns[i];
			int least = least_width(column);

			if (column->rank != rank)
				continue;
			if (rank == 1 && least > room)
				least = room;
			if (least + GAP > room && rank > 1)
				return;
			width[i] = least;
			room -= least + GAP;
		}
	}
}

/* What is left goes to the flexible ones. */
static void widen(const struct table *table, int room, int *width)
{
	int used = 0, flexible = 0;

	for (uint32_t i = 0; i < table->columns_len; i++) {
		used += width[i] ? width[i] + GAP : 0;
		flexible += width[i] && !table->columns[i].width;
	}
	room -= used;
	for (uint32_t i = 0; i < table->columns_len && flexible && room > 0; i++) {
		int share;

		if (!width[i] || table->columns[i].width)
			continue;
		share = room / flexible;
		width[i] += share;
		room -= share;
		flexible--;
	}
}

static void draw_heading(const struct table *table, struct table_state *state,
			 const struct pane *pane, const int *width)
{
	int x = 1;

	pane_repeat(pane, 0, 0, pane->width, ROLE_HEADING, " ");
	for (uint32_t i = 0; i < table->columns_len; i++) {
		const struct table_column *column = &table->columns[i];
		bool sorted = state->sort == (int)i;

		state->heading_x[i] = width[i] ? pane->x + x : -1;
		if (!width[i])
			continue;
		pane_fit(pane, x, 0, width[i], column->align, sorted ? ROLE_SORTED : ROLE_HEADING,
			 column->title);
		x += width[i] + GAP;
	}
	state->heading_y = pane->y;
	state->columns_len = table->columns_len;
}

static void draw_row(const struct table *table, const struct pane *pane, int y, uint32_t row,
		     const int *width, struct strbuf *scratch)
{
	int x = 1;

	for (uint32_t i = 0; i < table->columns_len; i++) {
		const struct table_column *column = &table->columns[i];
		enum role role = column->role ? column->role(table->rep, row) : ROLE_PLAIN;

		if (!width[i])
			continue;
		if (column->draw) {
			struct pane cell = pane_part(pane, x, y, width[i], 1);

			column->draw(&cell, table->rep, row);
		} else {
			strbuf_reset(scratch);
			cell_text(scratch, table, column, row);
			pane_fit(pane, x, y, width[i], column->align, role, strbuf_str(scratch));
		}
		x += width[i] + GAP;
	}
}

/* A line at the right edge that shows which part of the rows is on the screen. */
static void draw_scrollbar(const struct table_state *state, const struct pane *pane, int rows)
{
	int from, to;

	if (rows < 2 || state->order_len <= (uint32_t)rows)
		return;
	from = (int)((uint64_t)state->top * (uint64_t)rows / state->order_len);
	to = (int)(((uint64_t)state->top + (uint64_t)rows) * (uint64_t)rows / state->order_len);
	if (to <= from)
		to = from + 1;
	for (int i = 0; i < rows; i++) {
		bool in = i >= from && i < to;

		pane_text(pane, pane->width - 1, 1 + i, in ? ROLE_TITLE : ROLE_RULE,
			  pane->canvas->ascii ? (in ? "#" : "|") : (in ? "┃" : "│"));
	}
}

void table_draw(const struct table *table, struct table_state *state, const struct pane *pane,
		const char *filter)
{
	int width[TABLE_COLUMNS_MAX];
	struct strbuf scratch = {0};
	int rows = pane->height - 1;

	make_order(table, state, filter);
	place_cursor(table, state);
	scroll(state, rows);
	choose_widths(table, pane->width - 1, width);
	widen(table, pane->width - 1, width);
	draw_heading(table, state, pane, width);
	state->page = rows > 0 ? rows : 1;
	state->first_y = pane->y + 1;
	for (int i = 0; i < rows && state->top + (uint32_t)i < state->order_len; i++) {
		uint32_t at = state->top + (uint32_t)i;

		draw_row(table, pane, 1 + i, state->order[at], width, &scratch);
		if (at == state->cursor && !table->passive) {
			pane_select(pane, 1 + i);
			pane_text(pane, 0, 1 + i, ROLE_TITLE, ">");
		}
	}
	if (!state->order_len)
		pane_text(pane, 1, 1, ROLE_DIM,
			  state->hidden ? "no row contains the filter's text (Esc ends the filter)"
					: table->empty);
	if (!table->passive)
		draw_scrollbar(state, pane, rows);
	strbuf_free(&scratch);
}

uint32_t table_selected(const struct table_state *state)
{
	return state->cursor < state->order_len ? state->order[state->cursor] : SNAP_NONE;
}

static void select_at(const struct table *table, struct table_state *state, uint32_t at)
{
	state->cursor = at;
	if (state->order[at] < table->rows_len) {
		state->selected = table->identity(table->rep, state->order[at]);
		state->any = true;
	}
}

void table_move(const struct table *table, struct table_state *state, int64_t rows)
{
	int64_t to = (int64_t)state->cursor + rows;

	if (!state->order_len)
		return;
	if (to < 0)
		to = 0;
	if (to >= (int64_t)state->order_len)
		to = (int64_t)state->order_len - 1;
	select_at(table, state, (uint32_t)to);
}

void table_sort_next(struct table_state *state, int step)
{
	int columns = (int)state->columns_len;
	int at = state->sort;

	/* Over the columns that are on the screen, and the order of the report. */
	for (int i = 0; i <= columns; i++) {
		at += step;
		if (at >= columns)
			at = -1;
		if (at < -1)
			at = columns - 1;
		if (at < 0 || state->heading_x[at] >= 0)
			break;
	}
	state->sort = at;
	state->reverse = false;
}

bool table_click(const struct table *table, struct table_state *state, int x, int y, bool *ret_row)
{
	int hit = -1;

	*ret_row = false;
	if (y == state->heading_y) {
		for (int i = 0; i < (int)state->columns_len; i++)
			if (state->heading_x[i] >= 0 && state->heading_x[i] <= x)
				hit = i;
		if (hit < 0)
			return false;
		state->reverse = state->sort == hit && !state->reverse;
		state->sort = hit;
		return true;
	}
	if (y < state->first_y || y >= state->first_y + state->page ||
	    state->top + (uint32_t)(y - state->first_y) >= state->order_len)
		return false;
	select_at(table, state, state->top + (uint32_t)(y - state->first_y));
	*ret_row = true;
	return true;
}
