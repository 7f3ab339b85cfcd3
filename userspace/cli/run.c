// SPDX-License-Identifier: GPL-2.0-only
#include "cli/run.h"

#include "base/num.h"
#include "base/strbuf.h"
#include "cli/collector.h"
#include "cli/deliver.h"
#include "cli/interrupt.h"
#include "cli/loop.h"
#include "cli/screen.h"
#include "model/model.h"
#include "source/live.h"
#include "source/probe.h"
#include "source/target.h"
#include "symbol/annotate.h"
#include "symbol/symbolizer.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define SLICES_PER_WINDOW 10
#define SLICE_MIN_NS (NS_PER_S / 10)
#define SLICE_UNTIL_END_NS NS_PER_S /* where the length of the window is not known */

struct run {
	const struct options *opt;
	struct cli_env env;
	struct interrupt interrupt;
	struct target_list targets;
	char *cgroup;
	struct target_launch launch; /* pid -1 = none */
	int command_fd;
	struct collector collector;
	bool interactive; /* a screen is wanted */
	struct screen *screen;
	struct annotate_seen seen;
	uint64_t duration_ns; /* 0 = until something else ends it */
	struct live *live;
	enum loop_stop stop;
	struct record_end end;
};

static int find_targets(struct run *run, struct err *err)
{
	const struct options *opt = run->opt;
	int rc = 0;

	if (opt->comm)
		return target_add_comm(&run->targets, opt->comm, err);
	if (opt->cgroup)
		return target_add_cgroup(&run->targets, opt->cgroup, &run->cgroup, err);
	for (size_t i = 0; i < opt->pids_len && rc == 0; i++)
		rc = target_add_pid(&run->targets, opt->pids[i], err);
	return rc;
}

static int make_parts(struct run *run, struct err *err)
{
	struct collector *c = &run->collector;

	c->model = model_new();
	c->symbolizer = symbolizer_new();
	c->reads_left = COLLECTOR_READS_PER_SLICE;
	if (!c->model || !c->symbolizer)
		return err_set(err, -ENOMEM, "run: out of memory");
	return delivery_open(run->opt, &c->delivery, err);
}

/*
 * Fork the command.  With -f standard output is for the report alone, so that of the command goes
 * to standard error.
 */
static int launch(struct run *run, struct err *err)
{
	char *const *argv = run->opt->argv;
	int rc;

	if (run->opt->format) {
		int saved = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);

		if (saved < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
			return err_set(err, -errno, "standard output: %s", strerror(errno));
		run->env.out_fd = saved;
	}
	rc = target_launch(argv, &run->launch, err);
	if (rc < 0)
		return rc;
	run->command_fd = (int)syscall(SYS_pidfd_open, run->launch.pid, 0);
	if (run->command_fd < 0)
		return err_set(err, -errno, "%s: cannot be waited for: %s", argv[0],
			       strerror(errno));
	return target_add_pid(&run->targets, run->launch.pid, err);
}

static uint64_t slice_ns(const struct run *run)
{
	/* A screen is to show something new each second. */
	if (!run->duration_ns || run->interactive)
		return SLICE_UNTIL_END_NS;
	return num_min_u64(run->duration_ns,
			   num_max_u64(run->duration_ns / SLICES_PER_WINDOW, SLICE_MIN_NS));
}

/* A screen is what a terminal gets unless something else is asked for. */
static int choose_screen(struct run *run, struct err *err)
{
	const struct options *opt = run->opt;
	const bool possible = screen_possible();

	run->duration_ns = opt->duration_ns;
	if (opt->tui && (isatty(STDIN_FILENO) != 1 || isatty(STDOUT_FILENO) != 1))
		return err_set(
			err, -EINVAL,
			"--tui: standard input and output are to be a terminal (leave it out "
			"for a text report)");
	if (opt->tui && !possible)
		cli_message("this terminal cannot show a screen: the report will be text");
	run->interactive = possible && (opt->tui || (!opt->duration_given && !opt->outputs_len &&
						     !opt->format && !opt->argv));
	if (run->interactive && !opt->duration_given)
		run->duration_ns = 0;
	run->collector.endless = run->interactive && !run->duration_ns;
	return 0;
}

static int name_new(void *ctx, struct err *err)
{
	struct run *run = ctx;
	const struct record_sink sink = collector_sink(&run->collector);

	return annotate(run->collector.model, run->collector.symbolizer, &run->seen, &sink, err);
}

/* One that cannot be drawn on after all gets the text, as if it were none. */
static int open_screen(struct run *run, struct err *err)
{
	int rc;

	if (!run->interactive)
		return 0;
	rc = screen_open(&run->env, run->collector.model, true, &run->screen, err);
	if (rc != -ENOTTY)
		return rc;
	cli_message("%s", err->msg);
	*err = (struct err){0};
	run->duration_ns = run->opt->duration_ns;
	return 0;
}

static int attach(struct run *run, const struct record_sink *sink, struct err *err)
{
	const struct options *opt = run->opt;
	struct strbuf command = {0};
	struct live_options live = {
		.pids = run->targets.pids,
		.pids_len = run->targets.len,
		.cgroup = run->cgroup,
		.tool_version = CONCPROF_VERSION,
		.launched = opt->argv != NULL,
		.follow_children = !opt->no_children,
		.futex_calls = opt->futex_calls,
		.verbose = opt->verbose,
		.sample_hz = opt->sample_hz,
		.stall_ns = opt->stall_ns,
		.work_count = opt->work_count,
		.slice_ns = slice_ns(run),
	};
	int rc;

	for (size_t i = 0; opt->argv && opt->argv[i]; i++)
		strbuf_printf(&command, "%s%s", i ? " " : "", opt->argv[i]);
	live.command = strbuf_str(&command);
	rc = live_open(&live, sink, &run->live, err);
	strbuf_free(&command);
	if (rc == 0)
		rc = delivery_flush(run->collector.delivery, err);
	if (rc == 0 && opt->argv) {
		rc = target_launch_go(&run->launch, err);
		if (rc < 0)
			err_prefix(err, "%s", opt->argv[0]);
	}
	return rc;
}

static int profile(struct run *run, struct err *err)
{
	const struct loop_options loop = {
		.live = run->live,
		.collector = &run->collector,
		.delivery = run->collector.delivery,
		.interrupt = &run->interrupt,
		.command_fd = run->command_fd,
		.slice_ns = slice_ns(run),
		.duration_ns = run->duration_ns,
		/* A command may print to the same terminal. */
		.progress = run->env.progress && !run->opt->argv && !run->screen,
		.screen = run->screen,
		.name = run->screen ? name_new : NULL,
		.name_ctx = run,
	};

	return loop_run(&loop, &run->stop, err);
}

/* The command's own status, where it has ended by now. */
static void reap_command(struct run *run)
{
	siginfo_t info = {0};

	if (run->launch.pid <= 0 ||
	    waitid(P_PID, (id_t)run->launch.pid, &info, WEXITED | WNOHANG) < 0 || !info.si_pid)
		return;
	run->launch.pid = -1;
	run->end.exited = true;
	if (info.si_code == CLD_EXITED)
		run->end.exit_code = info.si_status;
	else
		run->end.exit_signal = info.si_status;
}

static void say_if_short(const struct run *run)
{
	uint64_t ns = num_sat_sub(run->collector.end_ns, live_start_ns(run->live));

	if (run->end.target_ended && !run->interactive)
		cli_message("the target ended after %.3g s of %.3g s (the report covers that time)",
			    (double)ns / 1e9, (double)run->duration_ns / 1e9);
}

static int conclude(struct run *run, const struct record_sink *sink, struct err *err)
{
	struct collector *c = &run->collector;
	struct record rec = {.type = RECORD_END};
	int rc = live_close_window(run->live, err);

	if (rc < 0)
		return rc;
	collector_refresh(c, COLLECTOR_READS_AT_END);
	rc = annotate(c->model, c->symbolizer, NULL, sink, err);
	if (rc < 0)
		return rc;
	reap_command(run);
	run->end.end_ns = c->end_ns;
	run->end.interrupted = run->stop == STOP_SIGNAL;
	/* A command without -d ends the window by its end, not before it. */
	run->end.target_ended =
		run->duration_ns && (run->stop == STOP_COMMAND || run->stop == STOP_TARGET);
	rec.end = run->end;
	rc = sink->put(sink->ctx, &rec, err);
	if (rc < 0)
		return rc;
	say_if_short(run);
	return 0;
}

/* What is on the screen when the run is over stays there until a key ends it. */
static int stay(struct run *run, struct err *err)
{
	int rc = screen_last(run->screen, run->stop == STOP_TARGET, err);

	return rc < 0 ? rc : screen_stay(run->screen, run->interrupt.fd, err);
}

static int finish(struct run *run, const struct record_sink *sink, struct err *err)
{
	const bool over = run->stop == STOP_TARGET || run->stop == STOP_TIME;
	int rc = 0;

	if (run->screen && !over) {
		screen_close(run->screen);
		run->screen = NULL;
		/* Who has left the screen without -o wants no more. */
		if (!run->opt->outputs_len)
			return 0;
	}
	if (!run->screen)
		rc = interrupt_watch(&run->interrupt, run->stop == STOP_SIGNAL ? 0 : 1,
				     delivery_discard, run->collector.delivery, err);
	if (rc == 0)
		rc = conclude(run, sink, err);
	if (rc == 0 && run->screen)
		rc = stay(run, err);
	screen_close(run->screen);
	run->screen = NULL;
	if (rc == 0 && (!run->interactive || run->opt->outputs_len))
		rc = delivery_finish(run->collector.delivery, run->collector.model, &run->env, err);
	return rc;
}

static void clean_up(struct run *run)
{
	bool ran = run->launch.pid > 0 && run->launch.go_fd < 0;

	screen_close(run->screen);
	annotate_seen_free(&run->seen);
	interrupt_free(&run->interrupt);
	live_free(run->live);
	/* The command was started for this run: it does not outlive it. */
	if (ran)
		kill(run->launch.pid, SIGTERM);
	target_launch_abandon(&run->launch);
	if (run->command_fd >= 0)
		close(run->command_fd);
	if (run->env.out_fd > STDERR_FILENO)
		close(run->env.out_fd);
	delivery_free(run->collector.delivery);
	symbolizer_free(run->collector.symbolizer);
	model_free(run->collector.model);
	collector_free(&run->collector);
	target_list_free(&run->targets);
	free(run->cgroup);
}

int run_profile(const struct options *opt, const struct cli_env *env, struct err *err)
{
	struct run run = {
		.opt = opt,
		.env = *env,
		.interrupt = INTERRUPT_NONE,
		.launch = {.pid = -1, .go_fd = -1, .err_fd = -1},
		.command_fd = -1,
	};
	const struct record_sink sink = collector_sink(&run.collector);
	bool tested = true;
	int rc = interrupt_init(&run.interrupt, err);

	annotate_seen_init(&run.seen);
	if (rc == 0)
		rc = choose_screen(&run, err);
	/* What can be wrong is found out before anything is attached or started. */
	if (rc == 0)
		rc = find_targets(&run, err);
	if (rc == 0)
		rc = make_parts(&run, err);
	if (rc == 0)
		rc = probe_rights(err);
	if (rc == 0)
		rc = probe_kernel(&tested, err);
	if (rc == 0 && !tested)
		cli_message("this kernel is older than the tested ones (6.1 and later): see "
			    "concprof doctor");
	if (rc == 0 && opt->argv)
		rc = launch(&run, err);
	if (rc == 0)
		rc = attach(&run, &sink, err);
	if (rc == 0)
		rc = open_screen(&run, err);
	if (rc == 0)
		rc = profile(&run, err);
	if (rc == 0)
		rc = finish(&run, &sink, err);
	clean_up(&run);
	return rc;
}
