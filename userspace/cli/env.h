/* SPDX-License-Identifier: GPL-2.0-only */
/* What the surroundings say about how to print. */
#ifndef CLI_ENV_H
#define CLI_ENV_H

#include <stdbool.h>

#include "base/err.h"
#include "cli/options.h"

#ifndef CONCPROF_VERSION
#define CONCPROF_VERSION "0.1.0"
#endif

struct cli_env {
	int out_fd;	  /* what standard output was when concprof began */
	bool ascii;	  /* asked for, or the locale is not UTF-8 */
	bool color;	  /* standard output is a terminal, and colours are not refused */
	bool progress;	  /* standard error is a terminal */
	unsigned columns; /* of standard output, 0 = no terminal */
};

struct cli_env cli_env_read(const struct options *opt);

/* How wide the terminal @fd is. */
unsigned cli_columns(int fd);

/* One line on standard error: "concprof: ", the sentence with control bytes escaped. */
void cli_message(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
