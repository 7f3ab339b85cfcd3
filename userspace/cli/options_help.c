// SPDX-License-Identifier: GPL-2.0-only
/* --help, from the tables of options.c. */
#include "cli/options.h"

#include "base/strbuf.h"
#include "render/render.h"
#include "source/probe.h"

#include <string.h>

#define HELP_COLUMN 27 /* where the explanations begin */
#define HELP_WIDTH 96

/* Append @text from @column on, broken between words at HELP_WIDTH, and end the line. */
static void wrap(struct strbuf *sb, const char *text, size_t column)
{
	size_t at = column;

	while (*text) {
		size_t word = strcspn(text, " ");

		if (at > column && at + 1 + word > HELP_WIDTH) {
			strbuf_printf(sb, "\n%*s", (int)column, "");
			at = column;
		}
		if (at > column) {
			strbuf_putc(sb, ' ');
			at++;
		}
		strbuf_add(sb, text, word);
		at += word;
		text += word;
		text += strspn(text, " ");
	}
	strbuf_putc(sb, '\n');
}

static void option_help(struct strbuf *sb, const struct option_row *row)
{
	struct strbuf left = {0};
	struct strbuf text = {0};

	if (row->short_name)
		strbuf_printf(&left, "  -%c, ", row->short_name);
	else
		strbuf_puts(&left, "      ");
	strbuf_printf(&left, "--%s", row->name);
	if (row->arg)
		strbuf_printf(&left, " %s", row->arg);
	strbuf_puts(sb, strbuf_str(&left));
	if (left.len + 2 > HELP_COLUMN)
		strbuf_printf(sb, "\n%*s", HELP_COLUMN, "");
	else
		strbuf_printf(sb, "%*s", (int)(HELP_COLUMN - left.len), "");

	strbuf_puts(&text, row->help);
	if (row->preset > 0)
		strbuf_printf(&text, " (default %.15g)", row->preset);
	wrap(sb, strbuf_str(&text), HELP_COLUMN);
	strbuf_free(&left);
	strbuf_free(&text);
}

void options_help(struct strbuf *sb)
{
	const struct command_row *commands = options_commands();
	const struct option_row *rows = options_table();

	strbuf_puts(sb, "concprof says which concurrency model holds a running Linux service back, "
			"and by how much.\n\nUsage:\n");
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		strbuf_printf(sb, "  concprof %s\n      %s\n", commands[i].synopsis,
			      commands[i].help);
	strbuf_puts(sb, "\nOptions:\n");
	for (size_t i = 0; i < OPT_COUNT; i++)
		option_help(sb, &rows[i]);
	strbuf_puts(sb, "\nFormats (-f) and endings (-o):\n");
	for (const struct render_format *f = render_formats(); f->name; f++)
		strbuf_printf(sb, "  %-20s  %s\n", f->name, f->ending);
	strbuf_puts(sb,
		    "  (capture)             .cprof: the run itself, for concprof report\n"
		    "\nCtrl-C ends a run early and still reports.\n"
		    "Profiling takes " PROBE_RIGHTS ".\n"
		    "Exit status: 0 done, 1 failed, 2 wrong use, 3 a --fail-if of diff holds.\n");
}
