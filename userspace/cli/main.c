// SPDX-License-Identifier: GPL-2.0-only
/* Command line in, one sentence and a status out. */
#include "base/strbuf.h"
#include "cli/compare.h"
#include "cli/doctor.h"
#include "cli/env.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/replay.h"
#include "cli/run.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

enum status { STATUS_DONE = 0, STATUS_FAILED = 1, STATUS_WRONG_USE = 2, STATUS_GATE = 3 };

/* A target's files are kept open until they are named; the usual soft limit is 1,024. */
static void raise_file_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

/* A file that got number 1 or 2 because the caller had closed it would receive our messages. */
static void fill_standard_fds(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd > STDERR_FILENO)
		close(fd);
}

static int print_about(const struct options *opt, struct err *err)
{
	struct strbuf sb = {0};
	int rc;

	if (opt->help)
		options_help(&sb);
	else
		strbuf_puts(&sb, "concprof " CONCPROF_VERSION "\n");
	rc = output_write_fd(STDOUT_FILENO, "standard output", strbuf_str(&sb), sb.len, err);
	strbuf_free(&sb);
	return rc;
}

/* *ret_gate: a --fail-if of diff holds. */
static int run_command(const struct options *opt, bool *ret_gate, struct err *err)
{
	struct cli_env env = cli_env_read(opt);

	if (opt->help || opt->version)
		return print_about(opt, err);
	switch (opt->command) {
	case COMMAND_RUN:
		return run_profile(opt, &env, err);
	case COMMAND_REPORT:
		return replay(opt, &env, err);
	case COMMAND_DOCTOR:
		return doctor(opt, &env, err);
	case COMMAND_DIFF:
		return compare(opt, &env, ret_gate, err);
	case COMMAND_COUNT:
		break;
	}
	return err_set(err, -EINVAL, "no such command (see concprof --help)");
}

int main(int argc, char **argv)
{
	struct options opt = {0};
	struct err err = {0};
	int status = STATUS_DONE;
	bool gate = false;

	fill_standard_fds();
	raise_file_limit();
	/* A reader that went away shows as an error of write(). */
	signal(SIGPIPE, SIG_IGN);
	if (options_parse(argc, argv, &opt, &err) < 0)
		status = STATUS_WRONG_USE;
	else if (run_command(&opt, &gate, &err) < 0)
		status = STATUS_FAILED;
	else if (gate)
		status = STATUS_GATE;
	/* Nobody reads the output any more: no reason to complain. */
	if (status != STATUS_DONE && err.code != -EPIPE && err.msg[0])
		cli_message("%s", err.msg);
	options_free(&opt);
	return status;
}
