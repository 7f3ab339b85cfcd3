/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A grid of cells that views draw into: no terminal, so that each view can be tested as text.
 *
 * Drawing goes through a pane, a rectangle of the canvas with its own origin: what lies outside is
 * clipped, and a wide character that would be cut in two is left out.  Text may be hostile: control
 * bytes are shown as \xNN.
 */
#ifndef TUI_CANVAS_H
#define TUI_CANVAS_H

#include "base/strbuf.h"
#include "base/text.h"
#include "tui/theme.h"

#include <stdbool.h>
#include <stdint.h>

#define CELL_TEXT 13 /* one character and a few combining ones, NUL included */

struct cell {
	char text[CELL_TEXT]; /* "" = the right half of the wide one to the left */
	uint8_t role;	      /* enum role */
	uint8_t selected;     /* part of the selected row */
	uint8_t wide;
};

struct canvas {
	int columns;
	int rows;
	bool ascii;
	struct cell *cells; /* [row * columns + column] */
};

/* Blank; NULL when memory is short. */
struct canvas *canvas_new(int columns, int rows, bool ascii);
void canvas_free(struct canvas *canvas);
void canvas_clear(struct canvas *canvas);
const struct cell *canvas_row(const struct canvas *canvas, int row);
/* The text of all rows, without spaces at their ends, each ended by a newline. Appends. */
void canvas_dump(const struct canvas *canvas, struct strbuf *sb);

/* A rectangle to draw into; (x, y) of what is drawn counts from its corner. */
struct pane {
	struct canvas *canvas;
	int x, y, width, height; /* on the canvas; y may lie above the clip when scrolled */
	int clip_x, clip_y, clip_width, clip_height;
};

struct pane pane_whole(struct canvas *canvas);
/* A part of @pane, cut to it. */
struct pane pane_part(const struct pane *pane, int x, int y, int width, int height);
/* The same pane moved up by @rows: to scroll. */
struct pane pane_scrolled(const struct pane *pane, int rows);

/* Draw @text at (x, y), cut at the pane's edge.  Returns the column behind it. */
int pane_text(const struct pane *pane, int x, int y, enum role role, const char *text);
int pane_printf(const struct pane *pane, int x, int y, enum role role, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));
/* Draw @text in exactly @width columns, padded, cut with an ellipsis.  Returns the column behind.
 */
int pane_fit(const struct pane *pane, int x, int y, int width, enum text_align align,
	     enum role role, const char *text);
/* @text repeated over @count columns; one character wide 1. */
int pane_repeat(const struct pane *pane, int x, int y, int count, enum role role, const char *text);
/* The role of @width cells that are there. */
void pane_role(const struct pane *pane, int x, int y, int width, enum role role);
/* Mark @width cells as selected. */
void pane_mark(const struct pane *pane, int x, int y, int width);
/* Mark row @y as the selected one. */
void pane_select(const struct pane *pane, int y);

#endif
