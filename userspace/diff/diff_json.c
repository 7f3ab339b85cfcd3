// SPDX-License-Identifier: GPL-2.0-only
/* A diff as JSON (concprof.diff/1, docs/diff.schema.json) and as a page. */
#include "base/strbuf.h"
#include "base/text.h"
#include "diff/diff.h"
#include "diff/gate.h"
#include "render/html_parts.h"
#include "render/json_parts.h"

#include <math.h>
#include <string.h>

static const char *const unit_names[] = {
	[DIFF_RATIO] = "ratio",
	[DIFF_PER_SECOND] = "per_second",
	[DIFF_TIME_RATE] = "seconds_per_second",
	[DIFF_DURATION] = "ns",
};

static const char *const section_names[SECTION_COUNT] = {
	[SECTION_WORK] = "work", [SECTION_TIME] = "time", [SECTION_PER_WORK] = "per_work",
	[SECTION_LOCK] = "lock", [SECTION_LOOP] = "loop",
};

static json_t *side(const struct diff_side *s)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:f, s:o}", "bottleneck", jr_text(s->bottleneck),
			 "headline", jr_text(s->headline), "confidence", jr_text(s->confidence),
			 "gain", s->gain > 0 ? json_real(s->gain) : json_null(), "seconds",
			 s->seconds, "work", s->work > 0 ? json_real(s->work) : json_null());
}

static json_t *row_object(const struct diff_row *row)
{
	return json_pack(
		"{s:s, s:s, s:o, s:s, s:f, s:f, s:o, s:s, s:b, s:b}", "section",
		section_names[row->section], "key", row->key, "subject", jr_text(row->subject),
		"unit", unit_names[row->unit], "before", row->before, "after", row->after, "noise",
		isfinite(row->noise) ? json_real(row->noise) : json_null(), "change",
		diff_change_name(row), "in_before", row->in_before, "in_after", row->in_after);
}

static int append(const char *buffer, size_t size, void *data)
{
	strbuf_add(data, buffer, size);
	return ((struct strbuf *)data)->failed ? -1 : 0;
}

int diff_render_json(const struct diff_render_input *in, struct strbuf *sb)
{
	json_t *rows = json_array();
	json_t *gates = json_array();
	const struct diff_row *row;
	json_t *root;
	int done = -1;

	VEC_FOREACH (&in->diff->rows, row)
		rows = rows ? jr_push(rows, row_object(row)) : NULL;
	for (size_t i = 0; i < in->gates_len && gates; i++)
		gates = jr_push(gates,
				json_pack("{s:o, s:b, s:o}", "expression",
					  jr_text(in->gates[i].text), "failed", in->gates[i].failed,
					  "seen", jr_text(in->gates[i].said)));
	root = json_pack("{s:s, s:o, s:o, s:o, s:o}", "schema", "concprof.diff/1", "before",
			 side(&in->diff->before), "after", side(&in->diff->after), "rows", rows,
			 "gates", gates);
	if (root)
		done = json_dump_callback(root, append, sb,
					  JSON_INDENT(2) | JSON_REAL_PRECISION(9));
	json_decref(root);
	strbuf_putc(sb, '\n');
	return done || sb->failed ? -1 : 0;
}

static void add_side(struct strbuf *sb, const char *title, const struct diff_side *s)
{
	strbuf_printf(sb, "<dt>%s</dt><dd><code>", title);
	html_text(sb, s->bottleneck);
	strbuf_puts(sb, "</code> ");
	html_text(sb, s->headline);
	strbuf_puts(sb, "</dd>\n");
}

static void add_row(struct strbuf *sb, const struct diff_row *row)
{
	strbuf_printf(sb, "<tr class=\"%s\"><th scope=\"row\">", diff_change_name(row));
	html_text(sb, *row->subject ? row->subject : row->section == SECTION_LOCK ? "all" : "");
	strbuf_printf(sb, "</th><td>%s</td><td class=\"n\">", row->title);
	diff_value(sb, row->unit, row->before);
	strbuf_puts(sb, "</td><td class=\"n\">");
	diff_value(sb, row->unit, row->after);
	strbuf_puts(sb, "</td><td class=\"n\">");
	diff_relative(sb, row);
	strbuf_puts(sb, "</td><td class=\"n\">");
	if (isfinite(row->noise))
		diff_value(sb, row->unit, row->noise);
	else
		strbuf_puts(sb, "not known");
	strbuf_printf(sb, "</td><td>%s</td></tr>\n", diff_change_name(row));
}

static void add_rows(struct strbuf *sb, const struct diff *diff)
{
	enum diff_section section = SECTION_COUNT;
	const struct diff_row *row;

	VEC_FOREACH (&diff->rows, row) {
		if (row->section != section) {
			if (section != SECTION_COUNT)
				strbuf_puts(sb, "</tbody></table></div>\n");
			section = row->section;
			html_section(sb, section_names[section], diff_section_title(section));
			strbuf_puts(sb, "<div class=\"scroll\"><table><thead><tr><th></th><th "
					"scope=\"col\">figure</th><th scope=\"col\" class=\"n\">"
					"before</th><th scope=\"col\" class=\"n\">after</th><th "
					"scope=\"col\" class=\"n\">change</th><th scope=\"col\" "
					"class=\"n\">noise</th><th></th></tr></thead><tbody>\n");
		}
		add_row(sb, row);
	}
	if (section != SECTION_COUNT)
		strbuf_puts(sb, "</tbody></table></div>\n");
}

int diff_render_html(const struct diff_render_input *in, struct strbuf *sb)
{
	struct strbuf text = {0};
	char *rest = NULL;

	html_head(sb, "concprof diff");
	strbuf_puts(sb, "<main>\n<section class=\"verdict\"><h1>What changed</h1>\n<dl>\n");
	add_side(sb, "Before", &in->diff->before);
	add_side(sb, "After", &in->diff->after);
	strbuf_puts(sb, "</dl>\n");
	diff_summary(&text, in->diff);
	for (char *line = text.failed ? NULL : strtok_r(text.str, "\n", &rest); line;
	     line = strtok_r(NULL, "\n", &rest))
		if (strncmp(line, "Before:", 7) != 0 && strncmp(line, "After:", 6) != 0)
			html_element(sb, "p", line);
	for (size_t i = 0; i < in->gates_len; i++) {
		strbuf_reset(&text);
		strbuf_printf(&text, "%s: %s: %s", in->gates[i].failed ? "FAILED" : "passed",
			      in->gates[i].text, in->gates[i].said);
		html_element(sb, in->gates[i].failed ? "p class=\"warn\"" : "p", strbuf_str(&text));
	}
	strbuf_puts(sb, "</section>\n");
	add_rows(sb, in->diff);
	strbuf_puts(sb, "<p class=\"note\">A change counts when it is larger than the noise: three "
			"standard errors, judged by the parts of each run's window.</p>\n"
			"</main>\n</body>\n</html>\n");
	sb->failed |= text.failed;
	strbuf_free(&text);
	return sb->failed ? -1 : 0;
}
