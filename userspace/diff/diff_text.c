// SPDX-License-Identifier: GPL-2.0-only
/* A diff as text, as Markdown and as JSON. */
#include "base/num.h"
#include "base/strbuf.h"
#include "base/text.h"
#include "diff/diff.h"
#include "diff/gate.h"

#include <math.h>
#include <string.h>

#define SUBJECT_WIDTH 44
#define VALUE_WIDTH 12
/* Rows inside the noise are shown for the whole run alone, and of the first locks and loops. */
#define ROWS_SHOWN 60

diff_render_fn *diff_render_by_name(const char *format)
{
	static const struct {
		const char *name;
		diff_render_fn *render;
	} formats[] = {{"text", diff_render_text},
		       {"md", diff_render_markdown},
		       {"json", diff_render_json},
		       {"html", diff_render_html}};

	for (size_t i = 0; i < ARRAY_LEN(formats); i++)
		if (!strcmp(formats[i].name, format))
			return formats[i].render;
	return NULL;
}

static void add_noise(struct strbuf *sb, const struct diff_row *row)
{
	if (isfinite(row->noise))
		diff_value(sb, row->unit, row->noise);
	else
		strbuf_puts(sb, "not known");
}

/* A value in a column of its own, aligned to the right. */
static void add_value(struct strbuf *sb, const struct diff_row *row,
		      void (*value)(struct strbuf *, const struct diff_row *))
{
	struct strbuf text = {0};

	value(&text, row);
	strbuf_printf(sb, "%*s", VALUE_WIDTH, strbuf_str(&text));
	sb->failed |= text.failed;
	strbuf_free(&text);
}

static void put_before(struct strbuf *sb, const struct diff_row *row)
{
	diff_value(sb, row->unit, row->before);
}

static void put_after(struct strbuf *sb, const struct diff_row *row)
{
	diff_value(sb, row->unit, row->after);
}

/* What a row is about: the lock or loop with its first figure, the figure alone behind it. */
static void add_subject(struct strbuf *sb, const struct diff_row *row)
{
	if (*row->subject) {
		text_escape(sb, row->subject, strlen(row->subject));
		strbuf_puts(sb, ": ");
	} else if (row->section == SECTION_LOCK) {
		strbuf_puts(sb, "all: ");
	}
	strbuf_puts(sb, row->title);
}

static void add_gates(struct strbuf *sb, const struct diff_render_input *in, const char *prefix)
{
	for (size_t i = 0; i < in->gates_len; i++) {
		strbuf_printf(sb, "%s%s: ", prefix, in->gates[i].failed ? "FAILED" : "passed");
		text_escape(sb, in->gates[i].text, strlen(in->gates[i].text));
		strbuf_printf(sb, ": %s\n", in->gates[i].said);
	}
}

int diff_render_text(const struct diff_render_input *in, struct strbuf *sb)
{
	const struct diff_row *row;
	enum diff_section section = SECTION_COUNT;
	unsigned shown = 0;

	diff_summary(sb, in->diff);
	VEC_FOREACH (&in->diff->rows, row) {
		struct strbuf subject = {0};

		if (!diff_row_shown(row) || (++shown > ROWS_SHOWN && row->change == CHANGE_NONE))
			continue;
		if (row->section != section) {
			section = row->section;
			strbuf_printf(sb, "\n%-*s%*s%*s%*s%*s\n", SUBJECT_WIDTH,
				      diff_section_title(section), VALUE_WIDTH, "before",
				      VALUE_WIDTH, "after", VALUE_WIDTH, "change", VALUE_WIDTH,
				      "noise");
		}
		add_subject(&subject, row);
		text_fit(sb, strbuf_str(&subject), SUBJECT_WIDTH, TEXT_LEFT, true);
		add_value(sb, row, put_before);
		add_value(sb, row, put_after);
		add_value(sb, row, diff_relative);
		add_value(sb, row, add_noise);
		strbuf_printf(sb, "  %s\n", diff_change_name(row));
		sb->failed |= subject.failed;
		strbuf_free(&subject);
	}
	if (in->gates_len)
		strbuf_putc(sb, '\n');
	add_gates(sb, in, "");
	return sb->failed ? -1 : 0;
}

/* Text in Markdown, as code where it is of the target: nothing in it means anything. */
static void add_inert(struct strbuf *sb, const char *text)
{
	for (; *text; text++) {
		if (strchr("\\`*_{}[]<>()#|~&$@", *text))
			strbuf_putc(sb, '\\');
		strbuf_putc(sb, *text);
	}
}

int diff_render_markdown(const struct diff_render_input *in, struct strbuf *sb)
{
	const struct diff_row *row;
	enum diff_section section = SECTION_COUNT;
	struct strbuf text = {0};
	char *rest = NULL;

	strbuf_puts(sb, "## concprof diff\n\n");
	diff_summary(&text, in->diff);
	add_gates(&text, in, "");
	for (char *line = text.failed ? NULL : strtok_r(text.str, "\n", &rest); line;
	     line = strtok_r(NULL, "\n", &rest)) {
		strbuf_puts(sb, "- ");
		add_inert(sb, line);
		strbuf_putc(sb, '\n');
	}
	VEC_FOREACH (&in->diff->rows, row) {
		if (!diff_row_shown(row) || (row->change == CHANGE_NONE && *row->subject))
			continue;
		if (row->section != section) {
			section = row->section;
			strbuf_printf(sb,
				      "\n### %s\n\n| | before | after | change | noise | |\n"
				      "|---|---:|---:|---:|---:|---|\n",
				      diff_section_title(section));
		}
		strbuf_reset(&text);
		add_subject(&text, row);
		strbuf_puts(sb, "| ");
		add_inert(sb, strbuf_str(&text));
		strbuf_puts(sb, " | ");
		diff_value(sb, row->unit, row->before);
		strbuf_puts(sb, " | ");
		diff_value(sb, row->unit, row->after);
		strbuf_puts(sb, " | ");
		diff_relative(sb, row);
		strbuf_puts(sb, " | ");
		add_noise(sb, row);
		strbuf_printf(sb, " | %s |\n", diff_change_name(row));
	}
	sb->failed |= text.failed;
	strbuf_free(&text);
	return sb->failed ? -1 : 0;
}
