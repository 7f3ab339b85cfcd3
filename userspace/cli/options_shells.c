// SPDX-License-Identifier: GPL-2.0-only
#include "base/strbuf.h"
#include "cli/options.h"
#include "cli/options_docs.h"
#include "render/render.h"

#include <string.h>

/* Text between single quotes, of which zsh's _arguments gives [, ] and : a meaning. */
static void add_quoted(struct strbuf *sb, const char *text, bool zsh)
{
	for (; *text; text++) {
		if (*text == '\'')
			strbuf_puts(sb, "'\\'");
		else if (zsh && strchr("[]:\\", *text))
			strbuf_putc(sb, '\\');
		strbuf_putc(sb, *text);
	}
}

static void add_formats(struct strbuf *sb)
{
	for (const struct render_format *f = render_formats(); f->name; f++)
		strbuf_printf(sb, "%s%s", f == render_formats() ? "" : " ", f->name);
}

static bool is_for(const struct option_row *row, unsigned command)
{
	return row->commands & 1U << command;
}

/* The options of @command, as words. */
static void add_words(struct strbuf *sb, unsigned command)
{
	const struct option_row *rows = options_table();

	for (unsigned i = 0; i < OPT_COUNT; i++) {
		if (!is_for(&rows[i], command))
			continue;
		if (rows[i].short_name)
			strbuf_printf(sb, "-%c ", rows[i].short_name);
		strbuf_printf(sb, "--%s ", rows[i].name);
	}
}

/* "-o|--output", for a case. */
static void add_case(struct strbuf *sb, const struct option_row *row)
{
	strbuf_puts(sb, "\t");
	if (row->short_name)
		strbuf_printf(sb, "-%c|", row->short_name);
	strbuf_printf(sb, "--%s) ", row->name);
}

/* What completes an argument in bash: words of compgen; NULL where nothing does. */
static const char *bash_argument(const struct option_row *row)
{
	switch (row->type) {
	case OPTION_PIDS:
		return "-W \"$(ps -eo pid=)\"";
	case OPTION_FORMAT:
		return "-W \"$formats\"";
	case OPTION_OUTPUT:
		return "-f";
	case OPTION_TEXT:
		return row->id == OPT_COMM ? "-W \"$(ps -eo comm=)\"" : "-d";
	case OPTION_GATE:
	case OPTION_NUMBER:
	case OPTION_DURATION:
	case OPTION_FLAG:
		break;
	}
	return NULL;
}

void options_bash(struct strbuf *sb)
{
	const struct command_row *commands = options_commands();
	const struct option_row *rows = options_table();

	strbuf_puts(sb, "# Completion of concprof for bash, made from the table of options.\n"
			"_concprof()\n{\n\tlocal cur=${COMP_WORDS[COMP_CWORD]}\n\tlocal "
			"prev=${COMP_WORDS[COMP_CWORD-1]}\n\tlocal formats=\"");
	add_formats(sb);
	strbuf_puts(sb, "\"\n\tlocal words\n\tCOMPREPLY=()\n\tcase $prev in\n");
	for (unsigned i = 0; i < OPT_COUNT; i++) {
		const char *argument = bash_argument(&rows[i]);

		if (!rows[i].arg)
			continue;
		add_case(sb, &rows[i]);
		if (argument)
			strbuf_printf(sb, "mapfile -t COMPREPLY < <(compgen %s -- \"$cur\"); ",
				      argument);
		strbuf_puts(sb, "return ;;\n");
	}
	strbuf_puts(sb, "\tesac\n\tcase ${COMP_WORDS[1]} in\n");
	for (unsigned i = COMMAND_RUN + 1; i < COMMAND_COUNT; i++) {
		strbuf_printf(sb, "\t%s) words=\"", commands[i].name);
		add_words(sb, i);
		strbuf_puts(sb, "\" ;;\n");
	}
	strbuf_puts(sb, "\t*) words=\"");
	add_words(sb, COMMAND_RUN);
	strbuf_puts(sb, "\" ;;\n\tesac\n\tif [ \"$COMP_CWORD\" = 1 ]; then\n\t\twords+=\"");
	for (unsigned i = COMMAND_RUN + 1; i < COMMAND_COUNT; i++)
		strbuf_printf(sb, " %s", commands[i].name);
	strbuf_puts(sb, "\"\n\telif [[ $cur != -* && ${COMP_WORDS[1]} == @(report|diff) ]]; then\n"
			"\t\tmapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n\t\treturn\n\tfi\n"
			"\tmapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n}\n"
			"complete -o filenames -F _concprof concprof\n");
}

static void zsh_argument(struct strbuf *sb, const struct option_row *row)
{
	strbuf_putc(sb, ':');
	add_quoted(sb, row->arg, true);
	strbuf_putc(sb, ':');
	switch (row->type) {
	case OPTION_PIDS:
		strbuf_puts(sb, "_pids");
		break;
	case OPTION_FORMAT:
		strbuf_putc(sb, '(');
		add_formats(sb);
		strbuf_putc(sb, ')');
		break;
	case OPTION_OUTPUT:
		strbuf_puts(sb, "_files");
		break;
	case OPTION_TEXT:
		if (row->id == OPT_CGROUP)
			strbuf_puts(sb, "_files -/");
		break;
	case OPTION_GATE:
	case OPTION_NUMBER:
	case OPTION_DURATION:
	case OPTION_FLAG:
		break;
	}
}

static void zsh_option(struct strbuf *sb, const struct option_row *row, bool short_one)
{
	bool repeated = row->type == OPTION_OUTPUT || row->type == OPTION_GATE;

	strbuf_puts(sb, repeated ? " \\\n\t\t'*" : " \\\n\t\t'");
	if (short_one)
		strbuf_printf(sb, "-%c", row->short_name);
	else
		strbuf_printf(sb, "--%s", row->name);
	strbuf_putc(sb, '[');
	add_quoted(sb, row->help, true);
	strbuf_putc(sb, ']');
	if (row->arg)
		zsh_argument(sb, row);
	strbuf_putc(sb, '\'');
}

void options_zsh(struct strbuf *sb)
{
	const struct command_row *commands = options_commands();
	const struct option_row *rows = options_table();

	strbuf_puts(sb, "#compdef concprof\n# Made from the table of options.\n"
			"_concprof() {\n\tcase $words[2] in\n");
	for (unsigned i = COMMAND_RUN + 1; i <= COMMAND_COUNT; i++) {
		unsigned command = i == COMMAND_COUNT ? COMMAND_RUN : i;

		strbuf_printf(sb, "\t%s)\n\t\t_arguments",
			      command == COMMAND_RUN ? "*" : commands[command].name);
		for (unsigned k = 0; k < OPT_COUNT; k++) {
			if (!is_for(&rows[k], command))
				continue;
			if (rows[k].short_name)
				zsh_option(sb, &rows[k], true);
			zsh_option(sb, &rows[k], false);
		}
		if (command == COMMAND_RUN)
			strbuf_puts(sb, " \\\n\t\t'1:command:(");
		else
			strbuf_puts(sb, " \\\n\t\t'1:command:' '*:file:_files'");
		for (unsigned k = COMMAND_RUN + 1; command == COMMAND_RUN && k < COMMAND_COUNT; k++)
			strbuf_printf(sb, "%s%s", k > COMMAND_RUN + 1 ? " " : "", commands[k].name);
		if (command == COMMAND_RUN)
			strbuf_puts(sb, ")'");
		strbuf_puts(sb, "\n\t\t;;\n");
	}
	/* Found by its name it is run at once; read in by hand it is only made known. */
	strbuf_puts(sb, "\tesac\n}\nif [ \"$funcstack[1]\" = _concprof ]; then\n\t_concprof "
			"\"$@\"\nelse\n\tcompdef _concprof concprof\nfi\n");
}

void options_fish(struct strbuf *sb)
{
	const struct command_row *commands = options_commands();
	const struct option_row *rows = options_table();

	strbuf_puts(sb, "# Completion of concprof for fish, made from the table of options.\n");
	for (unsigned i = COMMAND_RUN + 1; i < COMMAND_COUNT; i++) {
		strbuf_printf(sb, "complete -c concprof -n __fish_use_subcommand -a %s -d '",
			      commands[i].name);
		add_quoted(sb, commands[i].help, false);
		strbuf_puts(sb, "'\n");
	}
	for (unsigned i = 0; i < OPT_COUNT; i++) {
		strbuf_puts(sb, "complete -c concprof");
		if (rows[i].commands != (1U << COMMAND_COUNT) - 1) {
			strbuf_puts(sb, " -n '");
			if (is_for(&rows[i], COMMAND_RUN))
				strbuf_puts(sb, "__fish_use_subcommand; or ");
			strbuf_puts(sb, "__fish_seen_subcommand_from none");
			for (unsigned k = COMMAND_RUN + 1; k < COMMAND_COUNT; k++)
				if (is_for(&rows[i], k))
					strbuf_printf(sb, " %s", commands[k].name);
			strbuf_puts(sb, "'");
		}
		if (rows[i].short_name)
			strbuf_printf(sb, " -s %c", rows[i].short_name);
		strbuf_printf(sb, " -l %s", rows[i].name);
		if (rows[i].arg)
			strbuf_puts(sb, rows[i].type == OPTION_OUTPUT ? " -r -F" : " -x");
		if (rows[i].type == OPTION_FORMAT) {
			strbuf_puts(sb, " -a '");
			add_formats(sb);
			strbuf_puts(sb, "'");
		}
		if (rows[i].type == OPTION_PIDS)
			strbuf_puts(sb, " -a '(__fish_complete_pids)'");
		strbuf_puts(sb, " -d '");
		add_quoted(sb, rows[i].help, false);
		strbuf_puts(sb, "'\n");
	}
}
