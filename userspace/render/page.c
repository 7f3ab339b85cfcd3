// SPDX-License-Identifier: GPL-2.0-only
#include "render/page.h"

#include <ctype.h>
#include <limits.h>
#include <stdint.h>
#include <string.h>

/* SGR parameters, "" = none. */
static const char *const style_codes[STYLE_COUNT] = {
	[STYLE_PLAIN] = "",    [STYLE_BOLD] = "1",   [STYLE_DIM] = "2",	     [STYLE_GOOD] = "1;32",
	[STYLE_WARN] = "33",   [STYLE_BAD] = "1;31", [STYLE_RED] = "31",     [STYLE_GREEN] = "32",
	[STYLE_YELLOW] = "33", [STYLE_BLUE] = "34",  [STYLE_MAGENTA] = "35", [STYLE_CYAN] = "36",
};

const char *page_dot(const struct page *page)
{
	return page->ascii ? " - " : " \u00b7 ";
}

unsigned page_width(const char *text)
{
	struct strbuf clean = {0};
	size_t width;

	text_escape(&clean, text, strlen(text));
	width = text_width(strbuf_str(&clean));
	strbuf_free(&clean);
	return width > UINT16_MAX ? UINT16_MAX : (unsigned)width;
}

/* Columns up to the edge. */
static unsigned left(const struct page *page)
{
	unsigned taken = page->used + page->gap;

	return taken < page->columns ? page->columns - taken : 0;
}

/* Columns that may be used. */
static unsigned room(const struct page *page)
{
	return page->whole ? UINT_MAX : left(page);
}

/* @clean is harmless and fits. */
static void emit(struct page *page, enum page_style style, const char *clean, unsigned width)
{
	bool styled = page->color && *style_codes[style];

	if (!*clean)
		return;
	for (; page->gap; page->gap--, page->used++)
		strbuf_putc(page->out, ' ');
	if (styled)
		strbuf_printf(page->out, "\033[%sm", style_codes[style]);
	strbuf_puts(page->out, clean);
	if (styled)
		strbuf_puts(page->out, "\033[0m");
	page->used += width;
}

static void put_within(struct page *page, enum page_style style, const char *text, unsigned columns)
{
	struct strbuf clean = {0};
	struct strbuf cut = {0};
	size_t width;

	text_escape(&clean, text, strlen(text));
	width = text_width(strbuf_str(&clean));
	if (width <= columns) {
		emit(page, style, strbuf_str(&clean), (unsigned)width);
	} else if (columns) {
		text_fit(&cut, strbuf_str(&clean), columns, TEXT_LEFT, page->ascii);
		emit(page, style, strbuf_str(&cut), columns);
	}
	page->out->failed |= clean.failed || cut.failed;
	strbuf_free(&clean);
	strbuf_free(&cut);
}

void page_put(struct page *page, enum page_style style, const char *text)
{
	put_within(page, style, text, room(page));
}

void page_putf(struct page *page, enum page_style style, const char *fmt, ...)
{
	struct strbuf text = {0};
	va_list ap;

	va_start(ap, fmt);
	strbuf_vprintf(&text, fmt, ap);
	va_end(ap);
	page_put(page, style, strbuf_str(&text));
	page->out->failed |= text.failed;
	strbuf_free(&text);
}

void page_gap(struct page *page, unsigned columns)
{
	page->gap += columns;
}

void page_cell(struct page *page, enum page_style style, const char *text, unsigned columns,
	       enum text_align align)
{
	unsigned width = page_width(text);
	unsigned pad = width < columns ? columns - width : 0;

	if (align == TEXT_RIGHT)
		page_gap(page, pad);
	put_within(page, style, text, columns < room(page) ? columns : room(page));
	if (align == TEXT_LEFT)
		page_gap(page, pad);
}

void page_end(struct page *page)
{
	strbuf_putc(page->out, '\n');
	page->used = page->gap = 0;
}

/* Bytes of the UTF-8 character at @p, which is well-formed. */
static size_t char_len(const char *p)
{
	unsigned char lead = (unsigned char)*p;

	return lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
}

/* A line may end before this space: not between a number and its unit. */
static bool is_break(const char *text, size_t space)
{
	size_t start = space;

	if (text[space] != ' ')
		return false;
	while (start && strchr("0123456789.,", text[start - 1]))
		start--;
	return start == space || (start && text[start - 1] != ' ') ||
	       !isalpha((unsigned char)text[space + 1]);
}

/* Where to break @text so that the first part takes at most @columns: after the last word that
 * fits, else inside the first word, but after one character at least; or behind it if @whole. */
static size_t break_at(const char *text, unsigned columns, bool whole)
{
	size_t fits = 0;
	size_t word_end = 0;
	unsigned width = 0;

	while (text[fits]) {
		char one[5] = "";
		size_t len = char_len(text + fits);

		memcpy(one, text + fits, len);
		width += (unsigned)text_width(one);
		if (width > columns)
			break;
		if (is_break(text, fits))
			word_end = fits;
		fits += len;
	}
	if (!text[fits] || is_break(text, fits))
		return fits;
	if (word_end)
		return word_end;
	while (whole && text[fits] && !is_break(text, fits))
		fits += char_len(text + fits);
	return fits ? fits : char_len(text);
}

static void put_right(struct page *page, const char *right)
{
	unsigned width = page_width(right);
	unsigned taken = page->used + page->gap;

	if (taken + width < page->columns)
		page_gap(page, page->columns - taken - width);
	page_put(page, STYLE_DIM, right);
}

void page_wrap(struct page *page, enum page_style style, unsigned hang, const char *text,
	       const char *right)
{
	unsigned reserved = right ? page_width(right) + 2 : 0;
	struct strbuf clean = {0};
	const char *rest;

	text_escape(&clean, text, strlen(text));
	rest = strbuf_str(&clean);
	while (*rest) {
		unsigned columns = left(page) > reserved ? left(page) - reserved : 0;
		size_t len = break_at(rest, columns, page->whole);
		struct strbuf part = {0};

		strbuf_add(&part, rest, len);
		put_within(page, style, strbuf_str(&part), room(page));
		page->out->failed |= part.failed;
		strbuf_free(&part);
		rest += len;
		rest += strspn(rest, " ");
		if (right)
			put_right(page, right);
		right = NULL;
		reserved = 0;
		if (*rest) {
			page_end(page);
			page_gap(page, hang);
		}
	}
	if (right)
		put_right(page, right);
	page_end(page);
	page->out->failed |= clean.failed;
	strbuf_free(&clean);
}
