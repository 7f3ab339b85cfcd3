/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Lines of a fixed width for terminals: what is put on one is made harmless, measured as a
 * terminal would and cut at the edge, so that no line is ever too long.  Or, for files, lines that
 * break there as well, but lose nothing: a word, or a row of a table, goes beyond the edge.
 */
#ifndef RENDER_PAGE_H
#define RENDER_PAGE_H

#include "base/strbuf.h"
#include "base/text.h"

enum page_style {
	STYLE_PLAIN,
	STYLE_BOLD,
	STYLE_DIM,
	STYLE_GOOD,
	STYLE_WARN,
	STYLE_BAD,
	STYLE_RED,
	STYLE_GREEN,
	STYLE_YELLOW,
	STYLE_BLUE,
	STYLE_MAGENTA,
	STYLE_CYAN,
	STYLE_COUNT
};

struct page {
	struct strbuf *out; /* borrowed */
	unsigned columns;
	bool whole; /* nothing is cut */
	bool ascii;
	bool color;
	unsigned used; /* columns of the present line */
	unsigned gap;  /* spaces that wait for something to follow them */
};

/* @text at the end of the line, cut with an ellipsis at the page's edge unless it is to be whole.
 */
void page_put(struct page *page, enum page_style style, const char *text);
void page_putf(struct page *page, enum page_style style, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Spaces; those at the end of a line vanish. */
void page_gap(struct page *page, unsigned columns);
/* @text in a cell of exactly @columns. */
void page_cell(struct page *page, enum page_style style, const char *text, unsigned columns,
	       enum text_align align);
/*
 * @text word by word over as many lines as it takes, from the present column on, later lines
 * indented by @hang.  @right (may be NULL) ends the first line, aligned to the edge.  Ends the
 * last line too.
 */
void page_wrap(struct page *page, enum page_style style, unsigned hang, const char *text,
	       const char *right);
void page_end(struct page *page);
/* Columns that @text takes once it is harmless. */
unsigned page_width(const char *text);
/* What stands between short items on one line: " \u00b7 ", or " - " in ASCII. */
const char *page_dot(const struct page *page);

#endif
