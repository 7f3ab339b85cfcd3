// SPDX-License-Identifier: GPL-2.0-only
#include "base/strbuf.h"
#include "cli/env.h"
#include "cli/options.h"
#include "cli/options_docs.h"
#include "render/render.h"
#include "source/probe.h"

#include <string.h>

/* Text in which nothing means anything to roff. */
static void add_text(struct strbuf *sb, const char *text)
{
	if (*text == '.' || *text == '\'')
		strbuf_puts(sb, "\\&");
	for (; *text; text++) {
		if (*text == '\\')
			strbuf_puts(sb, "\\e");
		else if (*text == '-')
			strbuf_puts(sb, "\\-");
		else if (*text == '\'')
			strbuf_puts(sb, "\\(aq");
		else if (*text == '"')
			strbuf_puts(sb, "\\(dq");
		else
			strbuf_putc(sb, *text);
	}
}

static void add_line(struct strbuf *sb, const char *text)
{
	add_text(sb, text);
	strbuf_putc(sb, '\n');
}

static void add_bold(struct strbuf *sb, const char *text)
{
	strbuf_puts(sb, "\\fB");
	add_text(sb, text);
	strbuf_puts(sb, "\\fR");
}

static void add_synopsis(struct strbuf *sb)
{
	const struct command_row *commands = options_commands();

	strbuf_puts(sb, ".SH SYNOPSIS\n.nf\n");
	for (unsigned i = 0; i < COMMAND_COUNT; i++) {
		add_bold(sb, "concprof");
		strbuf_putc(sb, ' ');
		add_line(sb, commands[i].synopsis);
	}
	strbuf_puts(sb, ".fi\n.SH COMMANDS\n");
	for (unsigned i = 0; i < COMMAND_COUNT; i++) {
		strbuf_puts(sb, ".TP\n");
		add_bold(sb, *commands[i].name ? commands[i].name : "(none)");
		strbuf_putc(sb, '\n');
		add_line(sb, commands[i].help);
	}
}

/* For which commands an option is, where it is not for all. */
static void add_commands(struct strbuf *sb, const struct option_row *row)
{
	const struct command_row *commands = options_commands();
	bool first = true;

	if (row->commands == (1U << COMMAND_COUNT) - 1)
		return;
	strbuf_puts(sb, ".br\nFor ");
	for (unsigned i = 0; i < COMMAND_COUNT; i++) {
		if (!(row->commands & 1U << i))
			continue;
		if (!first)
			strbuf_puts(sb, ", ");
		first = false;
		strbuf_puts(sb, *commands[i].name ? commands[i].name : "a run");
	}
	strbuf_puts(sb, ".\n");
}

static void add_options(struct strbuf *sb)
{
	const struct option_row *rows = options_table();

	strbuf_puts(sb, ".SH OPTIONS\n");
	for (unsigned i = 0; i < OPT_COUNT; i++) {
		char short_name[] = {'-', rows[i].short_name, '\0'};

		strbuf_puts(sb, ".TP\n");
		if (rows[i].short_name) {
			add_bold(sb, short_name);
			strbuf_puts(sb, ", ");
		}
		strbuf_puts(sb, "\\fB\\-\\-");
		add_text(sb, rows[i].name);
		strbuf_puts(sb, "\\fR");
		if (rows[i].arg) {
			strbuf_puts(sb, " \\fI");
			add_text(sb, rows[i].arg);
			strbuf_puts(sb, "\\fR");
		}
		strbuf_putc(sb, '\n');
		add_text(sb, rows[i].help);
		if (rows[i].preset > 0)
			strbuf_printf(sb, " (default %.15g)", rows[i].preset);
		strbuf_putc(sb, '\n');
		add_commands(sb, &rows[i]);
	}
}

static void add_formats(struct strbuf *sb)
{
	strbuf_puts(sb, ".SH FORMATS\nThe ending of a file says its format; \\fB\\-f\\fR takes the "
			"name.\n");
	for (const struct render_format *f = render_formats(); f->name; f++) {
		strbuf_puts(sb, ".TP\n");
		add_bold(sb, f->name);
		strbuf_puts(sb, " (");
		add_text(sb, f->ending);
		strbuf_puts(sb, ")\n");
		add_line(sb, f->about);
	}
	strbuf_puts(sb,
		    ".TP\n\\fB(capture)\\fR (.cprof)\nthe run itself, for \\fBconcprof report\\fR "
		    "and \\fBconcprof diff\\fR; written while it goes on\n");
}

static void add_gates(struct strbuf *sb)
{
	static const char *const lines[] = {
		"EXPR   = \"verdict\" (\"==\" | \"!=\") WORD",
		"       | FIGURE OP VALUE",
		"FIGURE = \"work_per_s\"",
		"       | \"lock\" [\"[\" NAME \"]\"] \".\" (\"wait_ratio\" | \"waits_per_s\" | "
		"\"p99_wait\")",
		"       | \"loop\" [\"[\" NAME \"]\"] \".\" (\"p99\" | \"max\" | \"added_mean\" | "
		"\"stalls_per_s\")",
		"       | (\"time\" | \"per_work\") \".\" CLASS",
		"CLASS  = \"run\" | \"lock\" | \"gil\" | \"peer\" | \"disk\" | \"net\" | "
		"\"runq_preempt\" | \"runq_wake\"",
		"OP     = \">\" | \">=\" | \"<\" | \"<=\" | \"==\" | \"!=\"",
		"VALUE  = (\"+\" | \"-\") NUMBER \"%\"      a change",
		"       | NUMBER UNIT                the figure after",
		"UNIT   = \"\" | \"%\" | \"ns\" | \"us\" | \"ms\" | \"s\" | \"/s\" | \"s/s\"",
	};

	strbuf_puts(sb, ".SH GATES\n\\fBdiff \\-\\-fail\\-if\\fR \\fIEXPR\\fR takes\n.PP\n.nf\n");
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		add_line(sb, lines[i]);
	strbuf_puts(sb, ".fi\n.PP\nA change within the noise of the two runs is a change of 0. "
			"\\fBlock\\fR without a name is all locks together, \\fBloop\\fR without a "
			"name any loop. A time takes a unit.\n");
}

void options_man(struct strbuf *sb)
{
	strbuf_puts(sb, ".\\\" Made from the table of options.\n.TH CONCPROF 1 \"\" "
			"\"concprof " CONCPROF_VERSION
			"\" \"User Commands\"\n.SH NAME\nconcprof \\- say which "
			"concurrency model holds a running service back, and by how much\n");
	add_synopsis(sb);
	strbuf_puts(sb, ".SH DESCRIPTION\nconcprof watches running processes from the scheduler, "
			"without stopping or changing them, and reports what they wait for: locks, "
			"the GIL, other processes, event loops, the CPU, disks and servers, with a "
			"verdict, its evidence and the next step. Profiling takes ");
	add_text(sb, PROBE_RIGHTS);
	strbuf_puts(sb, ".\n");
	add_options(sb);
	add_formats(sb);
	add_gates(sb);
	strbuf_puts(sb, ".SH EXIT STATUS\n.TP\n0\ndone; also after Ctrl\\-C, or when the target "
			"ended meanwhile\n.TP\n1\nfailed: no such process, no rights, output not "
			"writable, not a capture\n.TP\n2\nwrong use\n.TP\n3\na "
			"\\fB\\-\\-fail\\-if\\fR of \\fBdiff\\fR holds\n"
			".SH EXAMPLES\n.nf\n");
	add_line(sb, "concprof -p 4711 -d 30 -o run.cprof -o run.html");
	add_line(sb, "concprof report run.cprof -f md");
	add_line(sb, "concprof diff before.cprof after.cprof --fail-if 'lock.wait_ratio > +10%'");
	strbuf_puts(sb, ".fi\n");
}
