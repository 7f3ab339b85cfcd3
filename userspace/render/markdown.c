// SPDX-License-Identifier: GPL-2.0-only
/* Markdown (GitHub's) for pasting into a review: short, names of the target inert. */
#include "base/err.h"
#include "base/num.h"
#include "base/text.h"
#include "base/units.h"
#include "render/formats.h"
#include "render/say.h"
#include "report/columns.h"
#include "report/derived.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define ROWS_SHOWN 10
#define GROUP_RATIO_SHOWN 0.0005

/* Length of the run of backticks at @text. */
static size_t ticks(const char *text)
{
	return strspn(text, "`");
}

/* The end of the code span that the single backtick at @text begins, NULL if it begins none. */
static const char *span_end(const char *text)
{
	const char *at = text + 1;

	while (*at) {
		size_t run = ticks(at);

		if (run == 1)
			return at + 1;
		at += run ? run : 1;
	}
	return NULL;
}

/* Prose: what stands in backticks stays code, all else is text, whatever it looks like. */
static void add_prose(struct strbuf *sb, const char *raw)
{
	struct strbuf clean = {0};
	const char *at;

	text_escape(&clean, raw, strlen(raw));
	for (at = strbuf_str(&clean); *at;) {
		size_t run = ticks(at);
		const char *end = run == 1 ? span_end(at) : NULL;

		if (end) {
			strbuf_add(sb, at, (size_t)(end - at));
			at = end;
			continue;
		}
		for (; run; run--, at++)
			strbuf_puts(sb, "\\`");
		if (!*at || *at == '`')
			continue;
		if (strchr("\\*_[]<>|~&$", *at))
			strbuf_putc(sb, '\\');
		strbuf_putc(sb, *at);
		/* An empty comment keeps these from becoming a mention or a reference. */
		if ((*at == '@' || *at == '#') && isalnum((unsigned char)at[1]))
			strbuf_puts(sb, "<!-- -->");
		at++;
	}
	sb->failed |= clean.failed;
	strbuf_free(&clean);
}

/* The longest run of backticks in @text. */
static size_t most_ticks(const char *text)
{
	size_t most = 0;

	for (; *text; text += ticks(text) ? ticks(text) : 1)
		if (ticks(text) > most)
			most = ticks(text);
	return most;
}

/* Text in a cell of a table, as code: only a bar needs care there. */
static void add_code(struct strbuf *sb, const char *raw)
{
	struct strbuf clean = {0};
	const char *text;
	size_t fence;

	text_escape(&clean, raw, strlen(raw));
	text = strbuf_str(&clean);
	fence = *text ? most_ticks(text) + 1 : 0;
	for (size_t i = 0; i < fence; i++)
		strbuf_putc(sb, '`');
	if (*text == '`')
		strbuf_putc(sb, ' ');
	for (; *text; text++) {
		if (*text == '|')
			strbuf_putc(sb, '\\');
		strbuf_putc(sb, *text);
	}
	if (fence > 1)
		strbuf_putc(sb, ' ');
	for (size_t i = 0; i < fence; i++)
		strbuf_putc(sb, '`');
	sb->failed |= clean.failed;
	strbuf_free(&clean);
}

static void add_cell(struct strbuf *sb, const struct column *col, const struct report *rep,
		     uint32_t row)
{
	struct strbuf text = {0};

	column_format(&text, col, rep, row);
	strbuf_puts(sb, " ");
	if (col->unit == UNIT_TEXT)
		add_code(sb, strbuf_str(&text));
	else
		add_prose(sb, strbuf_str(&text));
	strbuf_puts(sb, " |");
	sb->failed |= text.failed;
	strbuf_free(&text);
}

/* The first ROWS_SHOWN of @len @rows. */
static void add_table(struct strbuf *sb, const struct report *rep, enum column_table table,
		      const char *title, const uint32_t *rows, uint32_t len)
{
	uint32_t cols_len;
	const struct column *cols = columns_of(table, &cols_len);
	uint32_t shown = len < ROWS_SHOWN ? len : ROWS_SHOWN;

	if (!len)
		return;
	strbuf_printf(sb, "\n### %s", title);
	if (shown < len)
		strbuf_printf(sb, " (%" PRIu32 " of %" PRIu32 ")", shown, len);
	strbuf_puts(sb, "\n\n|");
	for (uint32_t i = 0; i < cols_len; i++)
		strbuf_printf(sb, " %s |", cols[i].title);
	strbuf_puts(sb, "\n|");
	for (uint32_t i = 0; i < cols_len; i++)
		strbuf_puts(sb, cols[i].unit == UNIT_TEXT ? "---|" : "---:|");
	strbuf_putc(sb, '\n');
	for (uint32_t row = 0; row < shown; row++) {
		strbuf_putc(sb, '|');
		for (uint32_t i = 0; i < cols_len; i++)
			add_cell(sb, &cols[i], rep, rows[row]);
		strbuf_putc(sb, '\n');
	}
}

static bool row_matters(const struct report *rep, enum column_table table, uint32_t row)
{
	const struct snapshot *snap = rep->snap;
	const struct finding *main = &rep->verdict->main;

	switch (table) {
	case TABLE_LOCKS:
		return row == main->lock || report_lock_matters(&snap->locks[row]);
	case TABLE_LOOPS:
		return snap->loops[row].is_loop;
	case TABLE_STALLS:
		return snap->stalls[row].loop < snap->loops_len &&
		       snap->loops[snap->stalls[row].loop].is_loop;
	case TABLE_PROCESSES:
		return snap->processes_len > 1;
	case TABLE_THREADS:
	case TABLE_EDGES:
	case TABLE_COUNT:
		break;
	}
	return true;
}

static void add_tables(struct strbuf *sb, const struct report *rep)
{
	static const struct {
		enum column_table table;
		const char *title;
	} tables[] = {
		{TABLE_LOCKS, "Locks"},	    {TABLE_LOOPS, "Event loops"},
		{TABLE_STALLS, "Stalls"},   {TABLE_THREADS, "Threads"},
		{TABLE_EDGES, "Who waits"}, {TABLE_PROCESSES, "Processes"},
	};

	for (size_t t = 0; t < ARRAY_LEN(tables); t++) {
		uint32_t all = columns_rows(rep, tables[t].table);
		uint32_t *rows = calloc((size_t)all + 1, sizeof(*rows));
		uint32_t len = 0;

		for (uint32_t i = 0; rows && i < all; i++)
			if (row_matters(rep, tables[t].table, i))
				rows[len++] = i;
		sb->failed |= !rows;
		if (rows)
			add_table(sb, rep, tables[t].table, tables[t].title, rows, len);
		free(rows);
	}
}

static void add_item(struct strbuf *sb, const char *label, const char *text)
{
	if (!*text)
		return;
	strbuf_printf(sb, "- **%s**: ", label);
	add_prose(sb, text);
	strbuf_putc(sb, '\n');
}

static void add_verdict(struct strbuf *sb, const struct report *rep)
{
	const struct verdict *verdict = rep->verdict;
	const struct finding *main = &verdict->main;
	struct strbuf text = {0};

	say_headline(&text, main);
	strbuf_puts(sb, "\n**");
	add_prose(sb, strbuf_str(&text));
	strbuf_printf(sb, "**\n\n- **Verdict**: `%s`, confidence %s\n", main->bottleneck,
		      confidence_name(verdict->confidence));
	add_item(sb, "Next", strbuf_str(&main->next_step));
	add_item(sb, "Cause", strbuf_str(&main->cause));
	strbuf_reset(&text);
	say_gain(&text, main);
	add_item(sb, "Gain", strbuf_str(&text));
	for (uint32_t i = 0; i < main->evidence_len; i++)
		add_item(sb, "Seen", strbuf_str(&main->evidence[i]));
	strbuf_reset(&text);
	if (verdict->second.fired)
		say_runner_up(&text, &verdict->second);
	add_item(sb, "Also", strbuf_str(&text));
	add_item(sb, "Confidence", strbuf_str(&verdict->confidence_why));
	sb->failed |= text.failed;
	strbuf_free(&text);
}

static void add_time(struct strbuf *sb, const struct report *rep)
{
	const struct snapshot *snap = rep->snap;

	if (!snap->wall_thread_ns)
		return;
	strbuf_puts(sb,
		    "\n### Where thread time went\n\n| class | share | total |\n|---|---:|---:|\n");
	for (unsigned group = 0; group < GROUP_COUNT; group++) {
		uint64_t ns = time_group_ns((enum time_group)group, snap->class_ns);
		double ratio = num_ratio((double)ns, (double)snap->wall_thread_ns);

		if (ratio < GROUP_RATIO_SHOWN)
			continue;
		strbuf_printf(sb, "| %s | ", time_group_title((enum time_group)group));
		units_percent(sb, ratio);
		strbuf_puts(sb, " | ");
		units_duration(sb, ns);
		strbuf_puts(sb, " |\n");
	}
}

/* What the figures rest on. */
static void add_method(struct strbuf *sb, const struct report *rep)
{
	const struct snapshot *snap = rep->snap;
	struct strbuf text = {0};
	bool lost = false;

	strbuf_puts(sb, "\n<sub>concprof ");
	text_escape(&text, snap->run.tool_version,
		    strnlen(snap->run.tool_version, sizeof(snap->run.tool_version)));
	add_prose(sb, strbuf_str(&text));
	strbuf_reset(&text);
	report_start(&text, rep);
	strbuf_printf(sb, ", window from %s", strbuf_str(&text));
	for (unsigned cause = 0; cause < LOSS_COUNT; cause++) {
		if (!loss_is_loss(cause) || !snap->loss[cause])
			continue;
		strbuf_printf(sb, "; **lost** %s %" PRIu64, loss_name(cause), snap->loss[cause]);
		lost = true;
	}
	strbuf_puts(sb, lost ? "; " : "; nothing lost; ");
	strbuf_reset(&text);
	if (say_has_figures(snap))
		say_own_cost(&text, rep, "; ");
	else
		strbuf_puts(&text, "own cost unknown");
	add_prose(sb, strbuf_str(&text));
	strbuf_puts(sb, "</sub>\n");
	sb->failed |= text.failed;
	strbuf_free(&text);
}

int render_markdown(const struct report *rep, const struct render_options *opt, struct strbuf *sb,
		    struct err *err)
{
	const struct snapshot *snap = rep->snap;
	struct strbuf text = {0};

	(void)opt;
	say_target(&text, snap);
	strbuf_puts(sb, "## concprof: ");
	add_prose(sb, strbuf_str(&text));
	strbuf_reset(&text);
	say_platform(&text, snap);
	strbuf_puts(sb, "\n\n");
	add_prose(sb, strbuf_str(&text));
	strbuf_putc(sb, '\n');
	strbuf_reset(&text);
	say_ending(&text, snap);
	say_supervisor(&text, snap);
	if (text.len) {
		strbuf_putc(sb, '\n');
		add_prose(sb, strbuf_str(&text));
		strbuf_putc(sb, '\n');
	}
	add_verdict(sb, rep);
	add_time(sb, rep);
	if (say_has_figures(snap))
		add_tables(sb, rep);
	add_method(sb, rep);
	sb->failed |= text.failed;
	strbuf_free(&text);
	if (sb->failed)
		return err_set(err, -ENOMEM, "Markdown report: out of memory");
	return 0;
}
