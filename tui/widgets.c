// SPDX-License-Identifier: GPL-2.0-only
#include "tui/widgets.h"

#include "base/num.h"
#include "base/units.h"

#include <string.h>

#define LEGEND_RATIO 0.005
#define BRAILLE_LEVELS 4

void widget_rule(const struct pane *pane, int y, const char *title, const char *right,
		 enum role right_role)
{
	const char *line = pane->canvas->ascii ? "-" : "─";
	int x;

	pane_repeat(pane, 0, y, pane->width, ROLE_RULE, line);
	x = pane_text(pane, 2, y, ROLE_TITLE, " ");
	x = pane_text(pane, x, y, ROLE_TITLE, title);
	x = pane_text(pane, x, y, ROLE_TITLE, " ");
	if (right && *right) {
		int width = (int)text_width(right) + 2;

		if (pane->width - 2 - width <= x)
			return;
		x = pane->width - 2 - width;
		x = pane_text(pane, x, y, right_role, " ");
		x = pane_text(pane, x, y, right_role, right);
		pane_text(pane, x, y, right_role, " ");
	}
}

static uint64_t class_sum(const uint64_t class_ns[CLASS_COUNT])
{
	uint64_t sum = 0;

	for (unsigned cls = 0; cls < CLASS_COUNT; cls++)
		sum = num_sat_add(sum, class_ns[cls]);
	return sum;
}

void widget_class_bar(const struct pane *pane, int x, int y, int width,
		      const uint64_t class_ns[CLASS_COUNT])
{
	const double all = (double)class_sum(class_ns);
	uint64_t sum = 0;
	int drawn = 0;

	/* Rounded running sums, so that the parts fill the bar exactly. */
	for (unsigned group = 0; group < GROUP_COUNT && all > 0; group++) {
		int until;

		sum = num_sat_add(sum, time_group_ns((enum time_group)group, class_ns));
		until = (int)((double)sum / all * width + 0.5);
		if (until > width)
			until = width;
		if (until > drawn)
			pane_repeat(pane, x + drawn, y, until - drawn,
				    role_of_group((enum time_group)group),
				    theme_group_sign((enum time_group)group, pane->canvas->ascii));
		drawn = until > drawn ? until : drawn;
	}
	pane_repeat(pane, x + drawn, y, width - drawn, ROLE_DIM, " ");
}

int widget_class_legend(const struct pane *pane, int x, int y, const uint64_t class_ns[CLASS_COUNT])
{
	const double all = (double)class_sum(class_ns);

	for (unsigned group = 0; group < GROUP_COUNT; group++) {
		enum time_group g = (enum time_group)group;
		double ratio = num_ratio((double)time_group_ns(g, class_ns), all);
		struct strbuf text = {0};

		if (ratio < LEGEND_RATIO)
			continue;
		strbuf_printf(&text, " %s ", time_group_title(g));
		units_percent(&text, ratio);
		if (x + 1 + (int)text.len <= pane->width) {
			x = pane_text(pane, x, y, role_of_group(g),
				      theme_group_sign(g, pane->canvas->ascii));
			x = pane_text(pane, x, y, ROLE_PLAIN, strbuf_str(&text)) + 2;
		}
		strbuf_free(&text);
	}
	return x;
}

void widget_bar(const struct pane *pane, int x, int y, int width, enum role role, double ratio)
{
	struct strbuf bar = {0};
	int end;

	units_bar(&bar, ratio, (unsigned)(width > 0 ? width : 0), pane->canvas->ascii);
	end = pane_text(pane, x, y, role, strbuf_str(&bar));
	pane_repeat(pane, end, y, x + width - end, ROLE_DIM, " ");
	strbuf_free(&bar);
}

/* Where @ratio stands among @levels; something is never drawn as nothing. */
static unsigned level_of(float ratio, unsigned levels)
{
	unsigned level;

	if (!(ratio > 0.001F))
		return 0;
	if (ratio > 1)
		ratio = 1;
	level = (unsigned)(ratio * (float)levels + 0.5F);
	return level ? level : 1;
}

static void spark_ascii(const struct pane *pane, int x, int y, int width, enum role role,
			const float *values, int len)
{
	static const char signs[] = " .-=+*#@";

	for (int i = 0; i < width; i++) {
		int at = len - width + i;
		char one[2] = " ";

		if (at >= 0 && values[at] >= 0)
			one[0] = signs[level_of(values[at], sizeof(signs) - 2)];
		pane_text(pane, x + i, y, role, one);
	}
}

/* Dots of the left and of the right column of a braille cell, from the bottom up. */
static const uint8_t dots_left[BRAILLE_LEVELS + 1] = {0, 0x40, 0x44, 0x46, 0x47};
static const uint8_t dots_right[BRAILLE_LEVELS + 1] = {0, 0x80, 0xa0, 0xb0, 0xb8};

static unsigned dots_of(const float *values, int at, const uint8_t *dots)
{
	if (at < 0 || values[at] < 0)
		return 0;
	return dots[level_of(values[at], BRAILLE_LEVELS)];
}

void widget_spark(const struct pane *pane, int x, int y, int width, enum role role,
		  const float *values, int len)
{
	if (pane->canvas->ascii) {
		spark_ascii(pane, x, y, width, role, values, len);
		return;
	}
	for (int i = 0; i < width; i++) {
		int at = len - 2 * (width - i);
		unsigned code = 0x2800 | dots_of(values, at, dots_left) |
				dots_of(values, at + 1, dots_right);
		const char utf8[4] = {(char)(0xe0 | code >> 12), (char)(0x80 | (code >> 6 & 0x3f)),
				      (char)(0x80 | (code & 0x3f)), '\0'};

		pane_text(pane, x + i, y, role, utf8);
	}
}

int widget_hist(const struct pane *pane, int y, const struct snap_hist *hist, enum role role)
{
	const int label = 22;
	uint64_t most = 0;
	int first = -1, last = -1;

	for (int i = 0; i < HIST_BUCKETS; i++) {
		if (!hist->bucket[i])
			continue;
		first = first < 0 ? i : first;
		last = i;
		most = num_max_u64(most, hist->bucket[i]);
	}
	for (int i = first; first >= 0 && i <= last; i++) {
		struct strbuf text = {0};
		int row = y + i - first;
		int x;

		units_duration(&text, 1ULL << i);
		x = pane_fit(pane, 1, row, 8, TEXT_RIGHT, ROLE_DIM, strbuf_str(&text));
		strbuf_reset(&text);
		strbuf_puts(&text, "- ");
		units_duration(&text, 2ULL << i);
		x = pane_fit(pane, x + 1, row, label - 10, TEXT_LEFT, ROLE_DIM, strbuf_str(&text));
		strbuf_reset(&text);
		units_count(&text, hist->bucket[i]);
		x = pane_fit(pane, x, row, 10, TEXT_RIGHT, ROLE_PLAIN, strbuf_str(&text));
		widget_bar(pane, x + 1, row, pane->width - x - 2, role,
			   num_ratio((double)hist->bucket[i], (double)most));
		strbuf_free(&text);
	}
	return first < 0 ? 0 : last - first + 1;
}

/* Bytes of @text that go onto a line of @width columns: up to a space, else inside the word. */
static size_t line_len(const char *text, int width)
{
	size_t pos = 0;
	size_t word_end = 0;
	int used = 0;

	while (text[pos]) {
		unsigned w;
		size_t len = text_char(text + pos, &w);

		if (used + (int)w > width)
			break;
		if (text[pos] == ' ')
			word_end = pos;
		used += (int)w;
		pos += len;
	}
	if (!text[pos] || text[pos] == ' ')
		return pos;
	if (word_end)
		return word_end;
	if (pos)
		return pos;
	return text_char(text, &(unsigned){0});
}

int widget_wrap_rows(const char *text, int width)
{
	int rows = 0;

	if (width < 1)
		return 0;
	while (*text) {
		text += line_len(text, width);
		text += strspn(text, " ");
		rows++;
	}
	return rows;
}

int widget_wrap(const struct pane *pane, int x, int y, int rows, enum role role, const char *text)
{
	const int width = pane->width - x;
	int row = 0;

	while (*text && row < rows && width > 0) {
		size_t len = line_len(text, width);
		struct strbuf line = {0};
		const char *rest = text + len;

		rest += strspn(rest, " ");
		if (row == rows - 1 && *rest)
			strbuf_puts(&line, text);
		else
			strbuf_add(&line, text, len);
		pane_fit(pane, x, y + row, width, TEXT_LEFT, role, strbuf_str(&line));
		strbuf_free(&line);
		text = rest;
		row++;
	}
	return row;
}
