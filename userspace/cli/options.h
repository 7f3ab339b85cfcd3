/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The command line: THE table of commands and options (options.c), and parsing by it.  Help, man
 * page and shell completion are made from the same rows.
 */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct err;
struct gate;
struct strbuf;
struct render_format;

enum command {
	COMMAND_RUN, /* no word: a profile run */
	COMMAND_REPORT,
	COMMAND_DIFF,
	COMMAND_DOCTOR,
	COMMAND_COUNT
};

struct command_row {
	const char *name; /* "" for the default */
	const char *synopsis;
	const char *help;
};

enum option_type {
	OPTION_FLAG,
	OPTION_NUMBER,	 /* whole number in [min, max] */
	OPTION_DURATION, /* decimal fraction in seconds in [min, max], kept in ns */
	OPTION_PIDS,	 /* PID[,PID..], may be repeated */
	OPTION_TEXT,	 /* not empty */
	OPTION_FORMAT,	 /* name of a row of render_formats() */
	OPTION_OUTPUT,	 /* a file whose ending tells the format, may be repeated */
	OPTION_GATE,	 /* an expression of diff/gate.h, may be repeated */
};

enum option_id {
	OPT_PIDS,
	OPT_COMM,
	OPT_CGROUP,
	OPT_DURATION,
	OPT_OUTPUT,
	OPT_FORMAT,
	OPT_FAIL_IF,
	OPT_STALL,
	OPT_FREQ,
	OPT_WORK,
	OPT_FUTEX_CALLS,
	OPT_NO_CHILDREN,
	OPT_TUI,
	OPT_ASCII,
	OPT_NO_COLOR,
	OPT_VERBOSE,
	OPT_VERSION,
	OPT_HELP,
	OPT_COUNT
};

struct option_row {
	enum option_id id;
	const char *name; /* "freq": --freq */
	char short_name;  /* 0 = none */
	const char *arg;  /* "HZ"; NULL for flags */
	enum option_type type;
	const char *unit; /* of the range, in error messages: "ms" */
	double min;
	double max;
	double preset;	   /* value when not given, in `unit` */
	unsigned commands; /* bit (1 << enum command) set: valid there */
	const char *help;
};

/* One -o: where and what. */
struct output_option {
	const char *path;
	const struct render_format *format; /* NULL: a capture */
};

/* What the user asked for.  Strings point into argv. */
struct options {
	enum command command;
	pid_t *pids; /* owned */
	size_t pids_len;
	const char *comm;   /* NULL = not given */
	const char *cgroup; /* NULL = not given */
	char *const *argv;  /* behind --, NULL = not given; ends with NULL */
	const char *input;  /* capture to report, or the first one of diff */
	const char *after;  /* the second one of diff */
	struct gate *gates; /* owned */
	size_t gates_len;
	struct output_option *outputs; /* owned */
	size_t outputs_len;
	const struct render_format *format; /* to standard output, NULL = none asked for */
	uint64_t duration_ns;		    /* 0 = until the command ends */
	bool duration_given;
	uint64_t stall_ns;
	uint64_t work_count; /* 0 = not given */
	uint32_t sample_hz;
	bool futex_calls;
	bool no_children;
	bool tui;
	bool ascii;
	bool no_color;
	bool verbose;
	bool version;
	bool help;
};

/*
 * Read @argc, @argv into *ret, which options_free() releases (also a zeroed one).  Returns 0;
 * -EINVAL wrong use (the sentence says what and how it should be); -ENOMEM.  *ret is untouched on
 * failure.  Where help or version is asked for, nothing else is required.
 */
int options_parse(int argc, char *const *argv, struct options *ret, struct err *err);
void options_free(struct options *opt);

/* The text of --help. Appends. */
void options_help(struct strbuf *sb);

/* Rows, for help, man page and completion: commands by enum command, options by enum option_id. */
const struct command_row *options_commands(void);
const struct option_row *options_table(void);

#endif
