// SPDX-License-Identifier: GPL-2.0-only
#include "cli/loop.h"

#include "base/err.h"
#include "base/num.h"
#include "cli/collector.h"
#include "cli/deliver.h"
#include "cli/env.h"
#include "cli/interrupt.h"
#include "cli/progress.h"
#include "cli/screen.h"
#include "source/live.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define PROGRESS_NS (NS_PER_S / 2)
#define YOUNG_FIRST_NS (10 * NS_PER_MS)
#define SPELL_SHARE 10 /* a spell of run-time statistics lasts this part of a slice */

enum event {
	EVENT_SIGNAL,
	EVENT_COMMAND,
	EVENT_LIVE,
	EVENT_SCREEN,
	/* timers */
	EVENT_END,
	EVENT_SLICE,
	EVENT_SPELL, /* the cost of the BPF side has been measured long enough */
	EVENT_YOUNG, /* the command may have loaded its libraries by now */
	EVENT_PROGRESS,
	EVENT_COUNT
};

struct loop {
	const struct loop_options *opt;
	int epoll_fd;
	int timer_fd[EVENT_COUNT]; /* -1 for what is no timer */
	uint64_t start_ns;
	uint64_t young_ns; /* the next wait of EVENT_YOUNG */
	enum loop_stop stop;
};

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

static struct timespec to_timespec(uint64_t ns)
{
	return (struct timespec){.tv_sec = (time_t)(ns / NS_PER_S),
				 .tv_nsec = (long)(ns % NS_PER_S)};
}

/* First at @at_ns (CLOCK_MONOTONIC), then every @every_ns (0 = once). */
static int arm(struct loop *loop, enum event event, uint64_t at_ns, uint64_t every_ns,
	       struct err *err)
{
	const struct itimerspec spec = {.it_value = to_timespec(at_ns),
					.it_interval = to_timespec(every_ns)};

	if (timerfd_settime(loop->timer_fd[event], TFD_TIMER_ABSTIME, &spec, NULL) < 0)
		return err_set(err, -errno, "timer: cannot be set: %s", strerror(errno));
	return 0;
}

static int check_ended(struct loop *loop)
{
	if (live_target_ended(loop->opt->live))
		loop->stop = STOP_TARGET;
	return 0;
}

static int on_signal(struct loop *loop, struct err *err)
{
	(void)err;
	if (interrupt_take(loop->opt->interrupt))
		loop->stop = STOP_SIGNAL;
	return 0;
}

static int on_command(struct loop *loop, struct err *err)
{
	(void)err;
	loop->stop = STOP_COMMAND;
	return 0;
}

static int on_live(struct loop *loop, struct err *err)
{
	int rc = live_drain(loop->opt->live, err);

	return rc < 0 ? rc : check_ended(loop);
}

static int on_end(struct loop *loop, struct err *err)
{
	(void)err;
	loop->stop = STOP_TIME;
	return 0;
}

/* Measure the own cost from now on for a part of the slice. */
static int begin_spell(struct loop *loop, struct err *err)
{
	live_cost_spell(loop->opt->live, true);
	return arm(loop, EVENT_SPELL, now_ns() + loop->opt->slice_ns / SPELL_SHARE, 0, err);
}

static int on_slice(struct loop *loop, struct err *err)
{
	const struct loop_options *opt = loop->opt;
	int rc;

	/* The last slice is the closing of the window: do not leave a sliver for it. */
	if (opt->duration_ns && now_ns() + opt->slice_ns / 2 > loop->start_ns + opt->duration_ns)
		return 0;
	rc = live_slice(opt->live, err);
	if (rc == 0)
		rc = delivery_flush(opt->delivery, err);
	if (rc < 0)
		return rc;
	collector_refresh(opt->collector, COLLECTOR_READS_PER_SLICE);
	rc = begin_spell(loop, err);
	if (rc == 0 && opt->name)
		rc = opt->name(opt->name_ctx, err);
	if (rc == 0 && opt->screen)
		rc = screen_slice(opt->screen, err);
	return rc < 0 ? rc : check_ended(loop);
}

static int on_screen(struct loop *loop, struct err *err)
{
	bool quit = false;
	int rc = screen_input(loop->opt->screen, &quit, err);

	if (quit)
		loop->stop = STOP_QUIT;
	return rc;
}

static int on_spell(struct loop *loop, struct err *err)
{
	(void)err;
	live_cost_spell(loop->opt->live, false);
	return 0;
}

/*
 * A command maps its libraries after its exec, and may be gone before the first slice ends.  The
 * ring is read first: a few records alone do not wake its reader.
 */
static int on_young(struct loop *loop, struct err *err)
{
	int rc = live_drain(loop->opt->live, err);

	if (rc < 0)
		return rc;
	collector_refresh(loop->opt->collector, COLLECTOR_READS_PER_SLICE);
	loop->young_ns *= 2;
	if (loop->young_ns >= loop->opt->slice_ns)
		return 0;
	return arm(loop, EVENT_YOUNG, now_ns() + loop->young_ns, 0, err);
}

static int on_progress(struct loop *loop, struct err *err)
{
	struct strbuf sb = {0};

	(void)err;
	/* The terminal may have been resized.  Its last column is left free: some begin a new line
	 * once that one is filled. */
	progress_line(&sb, num_sat_sub(now_ns(), loop->start_ns), loop->opt->duration_ns,
		      cli_columns(STDERR_FILENO) - 1);
	fprintf(stderr, "\r\033[K%s", strbuf_str(&sb));
	strbuf_free(&sb);
	return 0;
}

static int (*const handlers[EVENT_COUNT])(struct loop *loop, struct err *err) = {
	[EVENT_SIGNAL] = on_signal, [EVENT_COMMAND] = on_command, [EVENT_LIVE] = on_live,
	[EVENT_END] = on_end,	    [EVENT_SLICE] = on_slice,	  [EVENT_SPELL] = on_spell,
	[EVENT_SCREEN] = on_screen, [EVENT_YOUNG] = on_young,	  [EVENT_PROGRESS] = on_progress,
};

static int watch(struct loop *loop, enum event event, int fd, struct err *err)
{
	struct epoll_event ev = {.events = EPOLLIN, .data.u32 = event};

	if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &ev) < 0)
		return err_set(err, -errno, "events: cannot be waited for: %s", strerror(errno));
	return 0;
}

static int open_all(struct loop *loop, struct err *err)
{
	const struct loop_options *opt = loop->opt;
	int rc;

	loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (loop->epoll_fd < 0)
		return err_set(err, -errno, "events: cannot be waited for: %s", strerror(errno));
	rc = watch(loop, EVENT_SIGNAL, opt->interrupt->fd, err);
	if (rc == 0 && opt->command_fd >= 0)
		rc = watch(loop, EVENT_COMMAND, opt->command_fd, err);
	if (rc == 0)
		rc = watch(loop, EVENT_LIVE, live_fd(opt->live), err);
	if (rc == 0 && opt->screen)
		rc = watch(loop, EVENT_SCREEN, screen_fd(opt->screen), err);
	for (enum event e = EVENT_END; e < EVENT_COUNT && rc == 0; e++) {
		loop->timer_fd[e] = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
		if (loop->timer_fd[e] < 0)
			rc = err_set(err, -errno, "timer: cannot be made: %s", strerror(errno));
		else
			rc = watch(loop, e, loop->timer_fd[e], err);
	}
	return rc;
}

static int arm_all(struct loop *loop, struct err *err)
{
	const struct loop_options *opt = loop->opt;
	int rc;

	rc = arm(loop, EVENT_SLICE, loop->start_ns + opt->slice_ns, opt->slice_ns, err);
	if (rc == 0 && opt->duration_ns)
		rc = arm(loop, EVENT_END, loop->start_ns + opt->duration_ns, 0, err);
	if (rc == 0 && opt->command_fd >= 0)
		rc = arm(loop, EVENT_YOUNG, now_ns() + loop->young_ns, 0, err);
	if (rc == 0 && opt->progress)
		rc = arm(loop, EVENT_PROGRESS, now_ns(), PROGRESS_NS, err);
	return rc < 0 ? rc : begin_spell(loop, err);
}

static int handle(struct loop *loop, enum event event, struct err *err)
{
	uint64_t expirations;

	/* One that was armed anew between epoll_wait() and here has nothing to tell yet. */
	if (loop->timer_fd[event] >= 0 &&
	    read(loop->timer_fd[event], &expirations, sizeof(expirations)) < 0)
		return 0;
	return handlers[event](loop, err);
}

static int wait_and_handle(struct loop *loop, struct err *err)
{
	struct epoll_event events[EVENT_COUNT];

	while (loop->stop == STOP_NONE) {
		int n = epoll_wait(loop->epoll_fd, events, EVENT_COUNT, -1);

		if (n < 0 && errno != EINTR)
			return err_set(err, -errno, "events: cannot be waited for: %s",
				       strerror(errno));
		for (int i = 0; i < n && loop->stop == STOP_NONE; i++) {
			int rc = handle(loop, events[i].data.u32, err);

			if (rc < 0)
				return rc;
		}
	}
	return 0;
}

int loop_run(const struct loop_options *opt, enum loop_stop *ret_stop, struct err *err)
{
	struct loop loop = {.opt = opt,
			    .epoll_fd = -1,
			    .start_ns = live_start_ns(opt->live),
			    .young_ns = YOUNG_FIRST_NS};
	int rc;

	for (size_t i = 0; i < EVENT_COUNT; i++)
		loop.timer_fd[i] = -1;
	rc = open_all(&loop, err);
	if (rc == 0)
		rc = arm_all(&loop, err);
	if (rc == 0)
		rc = wait_and_handle(&loop, err);
	live_cost_spell(opt->live, false);
	if (opt->progress)
		fprintf(stderr, "\r\033[K");
	for (size_t i = 0; i < EVENT_COUNT; i++) {
		if (loop.timer_fd[i] >= 0)
			close(loop.timer_fd[i]);
	}
	if (loop.epoll_fd >= 0)
		close(loop.epoll_fd);
	if (rc == 0)
		*ret_stop = loop.stop;
	return rc;
}
