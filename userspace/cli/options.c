// SPDX-License-Identifier: GPL-2.0-only
#include "cli/options.h"

#include "base/err.h"
#include "base/num.h"
#include "base/strbuf.h"
#include "diff/gate.h"
#include "render/render.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RUN (1U << COMMAND_RUN)
#define REPORT (1U << COMMAND_REPORT)
#define DIFF (1U << COMMAND_DIFF)
#define DOCTOR (1U << COMMAND_DOCTOR)
#define ALL (RUN | REPORT | DIFF | DOCTOR)

#define DIFF_FORMATS "text json html md"

/* clang-format off */
static const struct command_row commands[COMMAND_COUNT] = {
	[COMMAND_RUN] = {"", "(-p PID[,PID..] | --comm NAME | --cgroup PATH | -- COMMAND [ARG..]) [OPTION..]",
		"profile running processes, or a command, and report what holds them back"},
	[COMMAND_REPORT] = {"report", "report CAPTURE.cprof [OPTION..]",
		"report from a capture file again: no root, any machine"},
	[COMMAND_DIFF] = {"diff", "diff BEFORE AFTER [--fail-if EXPR].. [OPTION..]",
		"compare two captures or JSON reports; a gate for CI"},
	[COMMAND_DOCTOR] = {"doctor", "doctor [-p PID]",
		"check what this kernel, these rights and this target allow"},
};

static const struct option_row options[OPT_COUNT] = {
	[OPT_PIDS] = {OPT_PIDS, "pid", 'p', "PID[,PID..]", OPTION_PIDS, "", 1, INT32_MAX, 0, RUN | DOCTOR,
		"the processes to profile"},
	[OPT_COMM] = {OPT_COMM, "comm", 0, "NAME", OPTION_TEXT, "", 0, 0, 0, RUN,
		"every process of this name"},
	[OPT_CGROUP] = {OPT_CGROUP, "cgroup", 0, "PATH", OPTION_TEXT, "", 0, 0, 0, RUN,
		"every process in this cgroup (v1 or v2) and below it"},
	[OPT_DURATION] = {OPT_DURATION, "duration", 'd', "SECONDS", OPTION_DURATION, "seconds", 0.001, 604800, 10, RUN,
		"length of the run, fractions allowed; with -- COMMAND it lasts until the command ends"},
	[OPT_OUTPUT] = {OPT_OUTPUT, "output", 'o', "FILE", OPTION_OUTPUT, "", 0, 0, 0, RUN | REPORT | DIFF,
		"write this file, in the format of its ending; may be repeated"},
	[OPT_FORMAT] = {OPT_FORMAT, "format", 'f', "FORMAT", OPTION_FORMAT, "", 0, 0, 0, RUN | REPORT | DIFF,
		"print this format, and nothing else, to standard output"},
	[OPT_FAIL_IF] = {OPT_FAIL_IF, "fail-if", 0, "EXPR", OPTION_GATE, "", 0, 0, 0, DIFF,
		"end with status 3 if this holds: 'lock.wait_ratio > +10%', 'loop.p99 > 100ms', 'verdict != none'; may be repeated"},
	[OPT_STALL] = {OPT_STALL, "stall", 0, "MS", OPTION_NUMBER, "milliseconds", 1, 60000, 50, RUN,
		"an event loop's turn that takes longer is a stall"},
	[OPT_FREQ] = {OPT_FREQ, "freq", 0, "HZ", OPTION_NUMBER, "per second", 0, 10000, 99, RUN,
		"timer samples for each CPU; 0 = none"},
	[OPT_WORK] = {OPT_WORK, "work", 0, "COUNT", OPTION_NUMBER, "units of work", 1, 1e15, 0, RUN,
		"units of work that the target does in the run, kept in the report"},
	[OPT_FUTEX_CALLS] = {OPT_FUTEX_CALLS, "futex-calls", 0, NULL, OPTION_FLAG, "", 0, 0, 0, RUN,
		"count futex calls, too (makes every system call of the host a little slower)"},
	[OPT_NO_CHILDREN] = {OPT_NO_CHILDREN, "no-children", 0, NULL, OPTION_FLAG, "", 0, 0, 0, RUN,
		"do not follow processes that the target starts"},
	[OPT_TUI] = {OPT_TUI, "tui", 0, NULL, OPTION_FLAG, "", 0, 0, 0, RUN | REPORT,
		"interactive screen (the default on a terminal without -d, -f, -o and -- COMMAND)"},
	[OPT_ASCII] = {OPT_ASCII, "ascii", 0, NULL, OPTION_FLAG, "", 0, 0, 0, ALL,
		"no characters beyond ASCII (the default where the locale is not UTF-8)"},
	[OPT_NO_COLOR] = {OPT_NO_COLOR, "no-color", 0, NULL, OPTION_FLAG, "", 0, 0, 0, ALL,
		"no colours (the default if NO_COLOR is set, or standard output is no terminal)"},
	[OPT_VERBOSE] = {OPT_VERBOSE, "verbose", 'v', NULL, OPTION_FLAG, "", 0, 0, 0, RUN | DOCTOR,
		"messages of the kernel's program loader, too; doctor: all that it has checked"},
	[OPT_VERSION] = {OPT_VERSION, "version", 'V', NULL, OPTION_FLAG, "", 0, 0, 0, ALL,
		"print the version"},
	[OPT_HELP] = {OPT_HELP, "help", 'h', NULL, OPTION_FLAG, "", 0, 0, 0, ALL,
		"print this help"},
};
/* clang-format on */

/* What parsing has seen so far. */
struct parse {
	struct options opt;
	bool given[OPT_COUNT];
};

const struct command_row *options_commands(void)
{
	return commands;
}

const struct option_row *options_table(void)
{
	return options;
}

void options_free(struct options *opt)
{
	if (!opt)
		return;
	free(opt->pids);
	free(opt->outputs);
	free(opt->gates);
	*opt = (struct options){0};
}

static int parse_pids(struct options *opt, const struct option_row *row, const char *value,
		      struct err *err)
{
	const char *start = value;

	for (;;) {
		size_t len = strcspn(start, ",");
		char one[16] = "";
		uint64_t pid;
		pid_t *grown;

		if (len < sizeof(one))
			memcpy(one, start, len);
		if (num_parse_u64(one, (uint64_t)row->min, (uint64_t)row->max, &pid) < 0)
			return err_set(err, -EINVAL,
				       "-p %s: '%.*s' is no process ID (use numbers, separated by "
				       "commas; for names there is --comm)",
				       value, (int)num_min_u64(len, 64), start);
		grown = realloc(opt->pids, (opt->pids_len + 1) * sizeof(*grown));
		if (!grown)
			return err_set(err, -ENOMEM, "-p: out of memory");
		opt->pids = grown;
		opt->pids[opt->pids_len++] = (pid_t)pid;
		if (start[len] == '\0')
			return 0;
		start += len + 1;
	}
}

static int bad_number(const char *as_typed, const char *value, const struct option_row *row, int rc,
		      struct err *err)
{
	return err_set(err, -EINVAL, "%s %s: %s (%s from %.15g to %.15g)", as_typed, value,
		       rc == -ERANGE ? "out of range" : "not a number", row->unit, row->min,
		       row->max);
}

static void list_formats(struct strbuf *sb, bool endings)
{
	for (const struct render_format *f = render_formats(); f->name; f++)
		strbuf_printf(sb, " %s", endings ? f->ending : f->name);
}

static int unknown_format(const char *what, const char *why, bool endings, struct err *err)
{
	struct strbuf known = {0};

	if (endings)
		strbuf_puts(&known, " .cprof");
	list_formats(&known, endings);
	err_set(err, -EINVAL, "%s: %s (one of%s)", what, why, strbuf_str(&known));
	strbuf_free(&known);
	return -EINVAL;
}

static bool ends_with(const char *text, const char *ending)
{
	size_t len = strlen(text);
	size_t ending_len = strlen(ending);

	return len >= ending_len && !strcmp(text + len - ending_len, ending);
}

static int parse_output(struct options *opt, const char *value, struct err *err)
{
	const struct render_format *format = NULL;
	struct output_option *grown;

	if (!ends_with(value, ".cprof")) {
		format = render_by_path(value);
		if (!format)
			return unknown_format(value, "its ending tells no format", true, err);
	}
	grown = realloc(opt->outputs, (opt->outputs_len + 1) * sizeof(*grown));
	if (!grown)
		return err_set(err, -ENOMEM, "-o: out of memory");
	opt->outputs = grown;
	opt->outputs[opt->outputs_len++] = (struct output_option){.path = value, .format = format};
	return 0;
}

static int parse_gate(struct options *opt, const char *value, struct err *err)
{
	struct gate *grown = realloc(opt->gates, (opt->gates_len + 1) * sizeof(*grown));
	int rc;

	if (!grown)
		return err_set(err, -ENOMEM, "--fail-if: out of memory");
	opt->gates = grown;
	rc = gate_parse(value, &grown[opt->gates_len], err);
	if (rc == 0)
		opt->gates_len++;
	return rc;
}

static void store_number(struct options *opt, enum option_id id, double value)
{
	switch (id) {
	case OPT_DURATION:
		opt->duration_ns = (uint64_t)(value * 1e9 + 0.5);
		break;
	case OPT_STALL:
		opt->stall_ns = (uint64_t)value * NS_PER_MS;
		break;
	case OPT_FREQ:
		opt->sample_hz = (uint32_t)value;
		break;
	case OPT_WORK:
		opt->work_count = (uint64_t)value;
		break;
	case OPT_PIDS:
	case OPT_COMM:
	case OPT_CGROUP:
	case OPT_OUTPUT:
	case OPT_FORMAT:
	case OPT_FAIL_IF:
	case OPT_FUTEX_CALLS:
	case OPT_NO_CHILDREN:
	case OPT_TUI:
	case OPT_ASCII:
	case OPT_NO_COLOR:
	case OPT_VERBOSE:
	case OPT_VERSION:
	case OPT_HELP:
	case OPT_COUNT:
		break;
	}
}

/* Take @value (NULL for flags) for @row, which the user typed as @as_typed. */
static int take_value(struct parse *p, const struct option_row *row, const char *as_typed,
		      const char *value, struct err *err)
{
	double fraction;
	uint64_t number;
	int rc;

	p->given[row->id] = true;
	switch (row->type) {
	case OPTION_FLAG:
		return 0;
	case OPTION_NUMBER:
		rc = num_parse_u64(value, (uint64_t)row->min, (uint64_t)row->max, &number);
		if (rc < 0)
			return bad_number(as_typed, value, row, rc, err);
		store_number(&p->opt, row->id, (double)number);
		return 0;
	case OPTION_DURATION:
		rc = num_parse_double(value, row->min, row->max, &fraction);
		if (rc < 0)
			return bad_number(as_typed, value, row, rc, err);
		store_number(&p->opt, row->id, fraction);
		return 0;
	case OPTION_PIDS:
		return parse_pids(&p->opt, row, value, err);
	case OPTION_TEXT:
		if (!*value)
			return err_set(err, -EINVAL, "%s: is empty (%s)", as_typed, row->help);
		*(row->id == OPT_COMM ? &p->opt.comm : &p->opt.cgroup) = value;
		return 0;
	case OPTION_FORMAT:
		p->opt.format = render_by_name(value);
		if (!p->opt.format)
			return unknown_format(value, "unknown format", false, err);
		return 0;
	case OPTION_OUTPUT:
		return parse_output(&p->opt, value, err);
	case OPTION_GATE:
		return parse_gate(&p->opt, value, err);
	}
	return 0;
}

static int unknown_option(const char *as_typed, struct err *err)
{
	return err_set(err, -EINVAL, "%s: unknown option (see concprof --help)", as_typed);
}

static int check_command(const struct parse *p, const struct option_row *row, const char *as_typed,
			 struct err *err)
{
	if (row->commands & (1U << p->opt.command))
		return 0;
	if (p->opt.command == COMMAND_RUN)
		return unknown_option(as_typed, err);
	return err_set(err, -EINVAL, "%s: has no meaning for concprof %s (see concprof --help)",
		       as_typed, commands[p->opt.command].name);
}

static int needs_argument(const char *as_typed, const struct option_row *row, struct err *err)
{
	return err_set(err, -EINVAL, "%s: needs an argument (%s %s: %s)", as_typed, as_typed,
		       row->arg, row->help);
}

/* "--name", "--name value", "--name=value".  Advances *i over a separate value. */
static int parse_long(struct parse *p, int argc, char *const *argv, int *i, struct err *err)
{
	const char *name = argv[*i] + 2;
	size_t len = strcspn(name, "=");
	const char *value = name[len] ? name + len + 1 : NULL;

	for (size_t k = 0; k < OPT_COUNT; k++) {
		const struct option_row *row = &options[k];
		char as_typed[32];
		int rc;

		if (strlen(row->name) != len || strncmp(row->name, name, len))
			continue;
		snprintf(as_typed, sizeof(as_typed), "--%s", row->name);
		rc = check_command(p, row, as_typed, err);
		if (rc < 0)
			return rc;
		if (!row->arg && value)
			return err_set(err, -EINVAL, "%s: takes no argument (use it alone)",
				       argv[*i]);
		if (row->arg && !value) {
			if (*i + 1 >= argc)
				return needs_argument(as_typed, row, err);
			value = argv[++*i];
		}
		return take_value(p, row, as_typed, value, err);
	}
	return unknown_option(argv[*i], err);
}

/* "-x", "-xy" for flags, "-x value", "-xvalue". */
static int parse_short(struct parse *p, int argc, char *const *argv, int *i, struct err *err)
{
	const char *text = argv[*i] + 1;

	for (; *text; text++) {
		const struct option_row *row = NULL;
		const char as_typed[] = {'-', *text, '\0'};
		int rc;

		for (size_t k = 0; k < OPT_COUNT && !row; k++)
			row = options[k].short_name == *text ? &options[k] : NULL;
		if (!row)
			return unknown_option(argv[*i], err);
		rc = check_command(p, row, as_typed, err);
		if (rc < 0)
			return rc;
		if (row->arg) {
			const char *value = text[1] ? text + 1 : NULL;

			if (!value && *i + 1 >= argc)
				return needs_argument(as_typed, row, err);
			return take_value(p, row, as_typed, value ? value : argv[++*i], err);
		}
		rc = take_value(p, row, as_typed, NULL, err);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int parse_word(struct parse *p, const char *word, struct err *err)
{
	uint64_t pid;

	if ((p->opt.command == COMMAND_REPORT || p->opt.command == COMMAND_DIFF) && !p->opt.input) {
		p->opt.input = word;
		return 0;
	}
	if (p->opt.command == COMMAND_DIFF && !p->opt.after) {
		p->opt.after = word;
		return 0;
	}
	if (p->opt.command == COMMAND_RUN && num_parse_u64(word, 1, INT32_MAX, &pid) == 0)
		return err_set(err, -EINVAL,
			       "%s: not a command of concprof (to profile that process: concprof "
			       "-p %s)",
			       word, word);
	return err_set(err, -EINVAL, "%s: not expected here (see concprof --help)", word);
}

static int parse_all(struct parse *p, int argc, char *const *argv, int first, struct err *err)
{
	for (int i = first; i < argc; i++) {
		int rc;

		if (!strcmp(argv[i], "--")) {
			if (p->opt.command == COMMAND_RUN) {
				p->opt.argv = argv + i + 1;
				return 0;
			}
			rc = 0;
		} else if (!strncmp(argv[i], "--", 2)) {
			rc = parse_long(p, argc, argv, &i, err);
		} else if (argv[i][0] == '-' && argv[i][1]) {
			rc = parse_short(p, argc, argv, &i, err);
		} else {
			rc = parse_word(p, argv[i], err);
		}
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int check_run(const struct parse *p, struct err *err)
{
	const struct options *opt = &p->opt;
	int targets = p->given[OPT_PIDS] + p->given[OPT_COMM] + p->given[OPT_CGROUP] + !!opt->argv;

	if (opt->tui && opt->argv)
		return err_set(
			err, -EINVAL,
			"--tui: the command needs the terminal itself (start it elsewhere and "
			"use -p PID)");
	if (targets == 0)
		return err_set(err, -EINVAL,
			       "no target: nothing says what to profile (use -p PID, --comm NAME, "
			       "--cgroup PATH or -- COMMAND; see concprof --help)");
	if (targets > 1)
		return err_set(err, -EINVAL,
			       "more than one target: only one can be followed (use one of -p, "
			       "--comm, --cgroup and -- COMMAND)");
	if (opt->argv && (!opt->argv[0] || !opt->argv[0][0]))
		return err_set(err, -EINVAL, "--: no command behind it (-- COMMAND [ARG..])");
	return 0;
}

static int check_diff(const struct options *opt, struct err *err)
{
	if (!opt->after)
		return err_set(err, -EINVAL,
			       "diff: takes two captures or JSON reports (concprof diff BEFORE "
			       "AFTER)");
	if (opt->format && !diff_render_by_name(opt->format->name))
		return err_set(err, -EINVAL,
			       "%s: a diff has no such format (one of " DIFF_FORMATS ")",
			       opt->format->name);
	for (size_t i = 0; i < opt->outputs_len; i++) {
		const struct output_option *out = &opt->outputs[i];

		if (!out->format || !diff_render_by_name(out->format->name))
			return err_set(err, -EINVAL,
				       "%s: a diff has no such format (one of " DIFF_FORMATS ")",
				       out->path);
	}
	return 0;
}

/* What the options mean together, once all are read. */
static int finish(struct parse *p, struct err *err)
{
	struct options *opt = &p->opt;

	opt->futex_calls = p->given[OPT_FUTEX_CALLS];
	opt->no_children = p->given[OPT_NO_CHILDREN];
	opt->tui = p->given[OPT_TUI];
	opt->duration_given = p->given[OPT_DURATION];
	opt->ascii = p->given[OPT_ASCII];
	opt->no_color = p->given[OPT_NO_COLOR];
	opt->verbose = p->given[OPT_VERBOSE];
	opt->version = p->given[OPT_VERSION];
	opt->help = p->given[OPT_HELP];
	if (opt->argv && !p->given[OPT_DURATION])
		opt->duration_ns = 0;
	if (opt->help || opt->version)
		return 0;
	if (opt->tui && opt->format)
		return err_set(
			err, -EINVAL,
			"--tui: -f prints to the terminal that the screen fills (use -o FILE)");
	if (opt->command == COMMAND_RUN)
		return check_run(p, err);
	if (opt->command == COMMAND_REPORT && !opt->input)
		return err_set(err, -EINVAL,
			       "report: no capture is named (concprof report CAPTURE.cprof)");
	if (opt->command == COMMAND_DIFF)
		return check_diff(opt, err);
	return 0;
}

int options_parse(int argc, char *const *argv, struct options *ret, struct err *err)
{
	struct parse p = {0};
	int first = 1;
	int rc;

	for (size_t i = 0; i < OPT_COUNT; i++)
		store_number(&p.opt, options[i].id, options[i].preset);
	for (enum command c = COMMAND_RUN + 1; c < COMMAND_COUNT && argc > 1; c++) {
		if (!strcmp(argv[1], commands[c].name)) {
			p.opt.command = c;
			first = 2;
		}
	}
	rc = parse_all(&p, argc, argv, first, err);
	if (rc == 0)
		rc = finish(&p, err);
	if (rc < 0) {
		options_free(&p.opt);
		return rc;
	}
	*ret = p.opt;
	return 0;
}
