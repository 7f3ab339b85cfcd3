// SPDX-License-Identifier: GPL-2.0-only
#include "tui/canvas.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* Beyond this no terminal is; it keeps products in range. */
#define SIDE_MAX 4096

struct canvas *canvas_new(int columns, int rows, bool ascii)
{
	struct canvas *canvas = calloc(1, sizeof(*canvas));

	if (!canvas)
		return NULL;
	canvas->columns = columns < 1 ? 1 : columns > SIDE_MAX ? SIDE_MAX : columns;
	canvas->rows = rows < 1 ? 1 : rows > SIDE_MAX ? SIDE_MAX : rows;
	canvas->ascii = ascii;
	canvas->cells =
		calloc((size_t)canvas->columns * (size_t)canvas->rows, sizeof(*canvas->cells));
	if (!canvas->cells) {
		free(canvas);
		return NULL;
	}
	canvas_clear(canvas);
	return canvas;
}

void canvas_free(struct canvas *canvas)
{
	if (!canvas)
		return;
	free(canvas->cells);
	free(canvas);
}

static void blank(struct cell *cell)
{
	*cell = (struct cell){.text = " ", .role = cell->role, .selected = cell->selected};
}

void canvas_clear(struct canvas *canvas)
{
	size_t len = (size_t)canvas->columns * (size_t)canvas->rows;

	for (size_t i = 0; i < len; i++)
		canvas->cells[i] = (struct cell){.text = " "};
}

const struct cell *canvas_row(const struct canvas *canvas, int row)
{
	return &canvas->cells[(size_t)row * (size_t)canvas->columns];
}

void canvas_dump(const struct canvas *canvas, struct strbuf *sb)
{
	for (int y = 0; y < canvas->rows; y++) {
		const struct cell *row = canvas_row(canvas, y);
		int len = canvas->columns;

		while (len > 0 && !strcmp(row[len - 1].text, " "))
			len--;
		for (int x = 0; x < len; x++)
			strbuf_puts(sb, row[x].text);
		strbuf_putc(sb, '\n');
	}
}

struct pane pane_whole(struct canvas *canvas)
{
	return (struct pane){.canvas = canvas,
			     .width = canvas->columns,
			     .height = canvas->rows,
			     .clip_width = canvas->columns,
			     .clip_height = canvas->rows};
}

static int larger(int a, int b)
{
	return a > b ? a : b;
}

static int smaller(int a, int b)
{
	return a < b ? a : b;
}

struct pane pane_part(const struct pane *pane, int x, int y, int width, int height)
{
	struct pane part = {.canvas = pane->canvas,
			    .x = pane->x + x,
			    .y = pane->y + y,
			    .width = larger(width, 0),
			    .height = larger(height, 0)};

	part.clip_x = larger(part.x, pane->clip_x);
	part.clip_y = larger(part.y, pane->clip_y);
	part.clip_width = larger(0, smaller(part.x + part.width, pane->clip_x + pane->clip_width) -
					    part.clip_x);
	part.clip_height = larger(
		0, smaller(part.y + part.height, pane->clip_y + pane->clip_height) - part.clip_y);
	return part;
}

struct pane pane_scrolled(const struct pane *pane, int rows)
{
	struct pane moved = *pane;

	moved.y -= rows;
	moved.height += rows;
	return moved;
}

/* The cell at (x, y) of the pane, NULL where it is clipped. */
static struct cell *cell_at(const struct pane *pane, int x, int y)
{
	int column = pane->x + x;
	int row = pane->y + y;

	if (column < pane->clip_x || column >= pane->clip_x + pane->clip_width ||
	    row < pane->clip_y || row >= pane->clip_y + pane->clip_height)
		return NULL;
	return &pane->canvas->cells[(size_t)row * (size_t)pane->canvas->columns + (size_t)column];
}

/* What is overwritten in part must not leave half of a wide character behind. */
static void split_wide(const struct canvas *canvas, struct cell *cell)
{
	size_t column = (size_t)(cell - canvas->cells) % (size_t)canvas->columns;

	if (cell->wide && column + 1 < (size_t)canvas->columns)
		blank(cell + 1);
	if (!*cell->text && column > 0)
		blank(cell - 1);
}

static void put_char(const struct pane *pane, int x, int y, enum role role, const char *bytes,
		     size_t len, unsigned width)
{
	struct cell *cell = cell_at(pane, x, y);
	struct cell *right = width == 2 ? cell_at(pane, x + 1, y) : NULL;

	if (!cell)
		return;
	split_wide(pane->canvas, cell);
	if (right)
		split_wide(pane->canvas, right);
	if (pane->canvas->ascii && (len > 1 || (unsigned char)*bytes >= 0x80)) {
		bytes = "?";
		len = 1;
	}
	if (width == 2 && !right) {
		bytes = " ";
		len = 1;
	}
	*cell = (struct cell){.role = (uint8_t)role, .selected = cell->selected};
	memcpy(cell->text, bytes, len);
	cell->wide = right && len > 1;
	if (!right)
		return;
	*right = (struct cell){.role = (uint8_t)role, .selected = right->selected};
	if (!cell->wide)
		memcpy(right->text, bytes, len);
}

/* Onto the character before it, as far as the cell has room. */
static void put_combining(const struct pane *pane, int x, int y, const char *bytes, size_t len)
{
	struct cell *cell = cell_at(pane, x - 1, y);
	size_t have;

	if (cell && !*cell->text)
		cell = cell_at(pane, x - 2, y);
	if (!cell || pane->canvas->ascii)
		return;
	have = strlen(cell->text);
	if (have + len < CELL_TEXT)
		memcpy(cell->text + have, bytes, len);
}

static int put_clean(const struct pane *pane, int x, int y, enum role role, const char *clean,
		     int limit)
{
	const int first = x;

	while (*clean) {
		unsigned width;
		size_t len = text_char(clean, &width);

		if (width == 0) {
			if (x > first)
				put_combining(pane, x, y, clean, len);
		} else {
			if (x + (int)width > limit)
				break;
			put_char(pane, x, y, role, clean, len, width);
			x += (int)width;
		}
		clean += len;
	}
	return x;
}

/* Plain ASCII, the usual case, needs no copy. */
static bool is_clean(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || (unsigned char)*text >= 0x7f)
			return false;
	return true;
}

static int put_text(const struct pane *pane, int x, int y, enum role role, const char *text,
		    int limit)
{
	struct strbuf clean = {0};
	int end;

	if (is_clean(text))
		return put_clean(pane, x, y, role, text, limit);
	text_escape(&clean, text, strlen(text));
	end = put_clean(pane, x, y, role, strbuf_str(&clean), limit);
	strbuf_free(&clean);
	return end;
}

int pane_text(const struct pane *pane, int x, int y, enum role role, const char *text)
{
	return put_text(pane, x, y, role, text, pane->width);
}

int pane_printf(const struct pane *pane, int x, int y, enum role role, const char *fmt, ...)
{
	struct strbuf text = {0};
	va_list ap;
	int end;

	va_start(ap, fmt);
	strbuf_vprintf(&text, fmt, ap);
	va_end(ap);
	end = pane_text(pane, x, y, role, strbuf_str(&text));
	strbuf_free(&text);
	return end;
}

static int clean_width(const char *text)
{
	struct strbuf clean = {0};
	size_t width;

	if (is_clean(text))
		return (int)strnlen(text, SIDE_MAX);
	text_escape(&clean, text, strlen(text));
	width = text_width(strbuf_str(&clean));
	strbuf_free(&clean);
	return width > SIDE_MAX ? SIDE_MAX : (int)width;
}

int pane_fit(const struct pane *pane, int x, int y, int width, enum text_align align,
	     enum role role, const char *text)
{
	int wanted = clean_width(text);
	int pad = larger(width - wanted, 0);

	if (width <= 0)
		return x;
	if (wanted > width) {
		int end = put_text(pane, x, y, role, text, smaller(x + width - 1, pane->width));

		while (end < x + width - 1)
			end = put_clean(pane, end, y, role, " ", pane->width);
		if (pane->canvas->ascii)
			put_clean(pane, end, y, role, "~", pane->width);
		else
			put_clean(pane, end, y, role, "…", pane->width);
		return x + width;
	}
	if (align == TEXT_RIGHT)
		pane_repeat(pane, x, y, pad, role, " ");
	put_text(pane, align == TEXT_RIGHT ? x + pad : x, y, role, text, pane->width);
	if (align == TEXT_LEFT)
		pane_repeat(pane, x + wanted, y, pad, role, " ");
	return x + width;
}

int pane_repeat(const struct pane *pane, int x, int y, int count, enum role role, const char *text)
{
	for (int i = 0; i < count; i++)
		x = put_clean(pane, x, y, role, text, pane->width);
	return x;
}

void pane_role(const struct pane *pane, int x, int y, int width, enum role role)
{
	for (int i = 0; i < width; i++) {
		struct cell *cell = cell_at(pane, x + i, y);

		if (cell)
			cell->role = (uint8_t)role;
	}
}

void pane_mark(const struct pane *pane, int x, int y, int width)
{
	for (int i = 0; i < width; i++) {
		struct cell *cell = cell_at(pane, x + i, y);

		if (cell)
			cell->selected = 1;
	}
}

void pane_select(const struct pane *pane, int y)
{
	pane_mark(pane, 0, y, pane->width);
}
