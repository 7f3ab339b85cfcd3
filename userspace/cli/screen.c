// SPDX-License-Identifier: GPL-2.0-only
#include "cli/screen.h"

#include "analysis/analysis.h"
#include "base/num.h"
#include "base/strbuf.h"
#include "base/units.h"
#include "cli/export.h"
#include "model/history.h"
#include "report/report.h"
#include "tui/app.h"
#include "tui/term.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define WINDOW_NS (10 * NS_PER_S)    /* of the recent figures, at least .. */
#define MARK_EVERY_NS (2 * NS_PER_S) /* .. and at most so much more */
#define MARKS 8

/* What is on the screen. */
struct picture {
	struct snapshot *snap;
	struct verdict verdict;
	struct report rep;
};

struct screen {
	const struct model *model;
	bool ascii;
	struct terminal *term;
	struct app *app;
	struct canvas *canvas;
	int epoll_fd;
	int signal_fd;
	sigset_t before;
	struct picture picture;
	struct series series;
	struct app_status status;
	struct strbuf window;
	bool whole; /* since the start, not the last seconds */
	struct model_mark *zero;
	struct model_mark *marks[MARKS]; /* oldest first */
	unsigned marks_len;
	struct history *history; /* of a run */
	uint64_t past_ns;	 /* the moment that was stepped back to, 0 = now */
};

bool screen_possible(void)
{
	return isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1 && term_usable();
}

static void picture_free(struct picture *picture)
{
	verdict_free(&picture->verdict);
	snapshot_free(picture->snap);
	*picture = (struct picture){0};
}

static int draw(struct screen *screen, struct err *err)
{
	int columns, rows;

	term_size(screen->term, &columns, &rows);
	if (!screen->canvas || screen->canvas->columns != columns || screen->canvas->rows != rows) {
		canvas_free(screen->canvas);
		screen->canvas = canvas_new(columns, rows, screen->ascii);
	}
	if (!screen->canvas)
		return err_set(err, -ENOMEM, "screen: out of memory");
	app_draw(screen->app, screen->canvas);
	term_show(screen->term, screen->canvas);
	return 0;
}

/* ---- which stretch of time ---- */

/* The mark from which the recent figures count: the youngest that is old enough. */
static const struct model_mark *recent_mark(const struct screen *screen, uint64_t now_ns)
{
	const struct model_mark *found = NULL;

	for (unsigned i = 0; i < screen->marks_len; i++)
		if (model_mark_ns(screen->marks[i]) + WINDOW_NS <= now_ns)
			found = screen->marks[i];
	return found;
}

static void drop_old_marks(struct screen *screen, uint64_t now_ns)
{
	const struct model_mark *keep = recent_mark(screen, now_ns);

	while (keep && screen->marks[0] != keep) {
		model_mark_free(screen->marks[0]);
		memmove(screen->marks, screen->marks + 1,
			(--screen->marks_len) * sizeof(screen->marks[0]));
	}
}

static void add_mark(struct screen *screen, uint64_t now_ns)
{
	struct model_mark *mark;

	drop_old_marks(screen, now_ns);
	if (screen->marks_len == MARKS ||
	    (screen->marks_len &&
	     model_mark_ns(screen->marks[screen->marks_len - 1]) + MARK_EVERY_NS > now_ns))
		return;
	mark = model_mark_new(screen->model);
	/* Without memory for one the window grows: no reason to end. */
	if (mark)
		screen->marks[screen->marks_len++] = mark;
}

static void add_seconds(struct strbuf *sb, uint64_t ns)
{
	units_count(sb, (ns + NS_PER_S / 2) / NS_PER_S);
	strbuf_puts(sb, " s");
}

static void say_window(struct screen *screen, const struct model_mark *from)
{
	const struct snapshot *snap = screen->picture.snap;

	strbuf_reset(&screen->window);
	if (!screen->status.live) {
		units_duration(&screen->window, snap->duration_ns);
	} else if (from && from == screen->zero) {
		strbuf_puts(&screen->window, "since z: ");
		add_seconds(&screen->window, snap->duration_ns);
	} else if (from) {
		strbuf_puts(&screen->window, "last ");
		add_seconds(&screen->window, snap->duration_ns);
	} else {
		strbuf_puts(&screen->window, "since the start");
	}
	screen->status.window = strbuf_str(&screen->window);
}

/* Show @snap, which it takes over, from now on. */
static int use_snapshot(struct screen *screen, struct snapshot *snap, struct err *err)
{
	struct picture next = {.snap = snap};
	int rc;

	if (!snap)
		return err_set(err, -ENOMEM, "screen: out of memory");
	rc = analysis_run(next.snap, &next.verdict, err);
	if (rc < 0) {
		picture_free(&next);
		return rc;
	}
	picture_free(&screen->picture);
	screen->picture = next;
	screen->picture.rep = report_make(screen->picture.snap, &screen->picture.verdict);
	return 0;
}

static int take_picture(struct screen *screen, struct err *err)
{
	const struct model_mark *from = screen->zero;
	struct snapshot *snap = NULL;
	int rc;

	if (!from && !screen->whole)
		from = recent_mark(screen, model_end_ns(screen->model));
	if (from)
		snap = model_freeze_since(screen->model, from);
	/* A mark of this very moment has nothing behind it yet. */
	if (!snap && from && screen->picture.snap)
		return 0;
	if (!snap)
		snap = model_freeze(screen->model);
	rc = use_snapshot(screen, snap, err);
	if (rc == 0)
		say_window(screen, from);
	return rc;
}

/* Go to @past_ns, a moment of the history; 0 = back to now. */
static int go_to(struct screen *screen, uint64_t past_ns, struct err *err)
{
	struct snapshot *snap;
	int rc;

	screen->past_ns = past_ns;
	screen->status.past = past_ns != 0;
	if (!past_ns)
		return take_picture(screen, err);
	snap = history_freeze(screen->history, screen->model, past_ns, WINDOW_NS);
	if (!snap) {
		app_say(screen->app, "nothing older is kept");
		screen->past_ns = 0;
		screen->status.past = false;
		return take_picture(screen, err);
	}
	rc = use_snapshot(screen, snap, err);
	strbuf_reset(&screen->window);
	add_seconds(&screen->window, num_sat_sub(model_end_ns(screen->model), past_ns));
	strbuf_puts(&screen->window, " ago");
	screen->status.window = strbuf_str(&screen->window);
	return rc;
}

static int step(struct screen *screen, bool older, struct err *err)
{
	const uint64_t end_ns = model_end_ns(screen->model);
	uint64_t to_ns;

	if (!screen->history)
		return 0;
	if (older) {
		to_ns = history_before(screen->history, screen->past_ns ? screen->past_ns : end_ns);
		if (to_ns)
			return go_to(screen, to_ns, err);
		app_say(screen->app, "nothing older is kept");
		return 0;
	}
	if (!screen->past_ns)
		return 0;
	to_ns = history_after(screen->history, screen->past_ns);
	return go_to(screen, to_ns >= end_ns ? 0 : to_ns, err);
}

static int show(struct screen *screen, struct err *err)
{
	app_frame(screen->app, screen->picture.snap ? &screen->picture.rep : NULL, &screen->series,
		  &screen->status);
	return draw(screen, err);
}

int screen_slice(struct screen *screen, struct err *err)
{
	const uint64_t now_ns = model_end_ns(screen->model);
	int rc;

	screen->status.running_ns = num_sat_sub(now_ns, model_start_ns(screen->model));
	add_mark(screen, now_ns);
	history_add(screen->history, screen->model);
	if (screen->status.paused || screen->past_ns)
		return show(screen, err);
	rc = take_picture(screen, err);
	if (rc < 0)
		return rc;
	if (screen->picture.snap->slices_len)
		series_add(&screen->series, &screen->picture.rep,
			   screen->picture.snap->slices_len - 1);
	return show(screen, err);
}

int screen_last(struct screen *screen, bool ended, struct err *err)
{
	const bool was_live = screen->status.live && ended;
	int rc;

	/* The end of what was live is all of it: its last seconds may be empty. */
	screen->whole = true;
	model_mark_free(screen->zero);
	screen->zero = NULL;
	screen->status.paused = screen->status.past = false;
	screen->past_ns = 0;
	screen->status.ended = was_live;
	rc = take_picture(screen, err);
	if (rc < 0)
		return rc;
	if (!screen->status.live)
		for (uint32_t i = 0; i < screen->picture.snap->slices_len; i++)
			series_add(&screen->series, &screen->picture.rep, i);
	return show(screen, err);
}

/* ---- what keys ask for ---- */

static int zero(struct screen *screen, struct err *err)
{
	if (screen->status.ended)
		return 0;
	if (screen->zero) {
		model_mark_free(screen->zero);
		screen->zero = NULL;
		app_say(screen->app, "figures are since the start again");
		return screen->status.paused ? 0 : take_picture(screen, err);
	}
	screen->zero = model_mark_new(screen->model);
	app_say(screen->app,
		screen->zero ? "figures count from now on (z: since the start)" : "out of memory");
	return 0;
}

static int change_window(struct screen *screen, struct err *err)
{
	if (!screen->status.live || screen->status.ended)
		return 0;
	screen->whole = !screen->whole;
	return screen->status.paused ? 0 : take_picture(screen, err);
}

static void export_picture(struct screen *screen)
{
	struct strbuf said = {0};

	if (!screen->picture.snap)
		return;
	export_report(&screen->picture.rep, screen->ascii, &said);
	app_say(screen->app, strbuf_str(&said));
	strbuf_free(&said);
}

static int grant(struct screen *screen, enum app_wish wish, bool *ret_quit, struct err *err)
{
	int rc = 0;

	switch (wish) {
	case WISH_QUIT:
		*ret_quit = true;
		return 0;
	case WISH_PAUSE:
		if (screen->status.live && !screen->status.ended)
			screen->status.paused = !screen->status.paused;
		break;
	case WISH_ZERO:
		screen->past_ns = screen->status.past = 0;
		rc = screen->status.live ? zero(screen, err) : 0;
		break;
	case WISH_WINDOW:
		screen->past_ns = screen->status.past = 0;
		rc = change_window(screen, err);
		break;
	case WISH_EXPORT:
		export_picture(screen);
		break;
	case WISH_REPAINT:
		term_forget(screen->term);
		break;
	case WISH_OLDER:
	case WISH_NEWER:
		rc = step(screen, wish == WISH_OLDER, err);
		break;
	case WISH_NONE:
	case WISH_DRAW:
		break;
	}
	return rc;
}

static int take_signals(struct screen *screen)
{
	struct signalfd_siginfo info;

	while (read(screen->signal_fd, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGTSTP)
			term_stop(screen->term);
		else
			term_resize(screen->term);
	}
	return 0;
}

/* A terminal that has gone is always readable and never has anything. */
static bool gone(void)
{
	struct pollfd fd = {.fd = STDIN_FILENO, .events = POLLIN};

	return poll(&fd, 1, 0) > 0 && (fd.revents & (POLLHUP | POLLERR | POLLNVAL)) != 0;
}

int screen_input(struct screen *screen, bool *ret_quit, struct err *err)
{
	int rc = take_signals(screen);

	if (gone()) {
		*ret_quit = true;
		return 0;
	}

	while (rc == 0 && !*ret_quit) {
		const struct term_event event = term_read(screen->term);
		enum app_wish wish = WISH_NONE;

		switch (event.type) {
		case TERM_NONE:
			return show(screen, err);
		case TERM_KEY:
			wish = app_key(screen->app, event.key);
			break;
		case TERM_CLICK:
			wish = app_click(screen->app, event.x, event.y, event.twice);
			break;
		case TERM_WHEEL:
			wish = app_wheel(screen->app, event.rows);
			break;
		case TERM_RESIZE:
			wish = WISH_REPAINT;
			break;
		}
		rc = grant(screen, wish, ret_quit, err);
		/* A later key may be about a row that this one has brought to the screen. */
		if (rc == 0 && !*ret_quit)
			rc = show(screen, err);
	}
	return rc;
}

int screen_stay(struct screen *screen, int signal_fd, struct err *err)
{
	struct pollfd fds[] = {{.fd = screen->epoll_fd, .events = POLLIN},
			       {.fd = signal_fd, .events = POLLIN}};
	bool quit = false;
	int rc = 0;

	while (rc == 0 && !quit) {
		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			return err_set(err, -errno, "screen: %s", strerror(errno));
		if (fds[1].revents)
			return 0;
		rc = screen_input(screen, &quit, err);
	}
	return rc;
}

/* ---- opening and closing ---- */

static int watch(struct screen *screen, int fd, struct err *err)
{
	struct epoll_event event = {.events = EPOLLIN};

	if (epoll_ctl(screen->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
		return err_set(err, -errno, "screen: keys cannot be waited for: %s",
			       strerror(errno));
	return 0;
}

static int open_signals(struct screen *screen, struct err *err)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGWINCH);
	sigaddset(&set, SIGTSTP);
	sigprocmask(SIG_BLOCK, &set, &screen->before);
	screen->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	screen->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (screen->signal_fd < 0 || screen->epoll_fd < 0)
		return err_set(err, -errno, "screen: %s", strerror(errno));
	return watch(screen, screen->signal_fd, err);
}

int screen_open(const struct cli_env *env, const struct model *model, bool live,
		struct screen **ret, struct err *err)
{
	struct screen *screen = calloc(1, sizeof(*screen));
	int rc;

	if (!screen)
		return err_set(err, -ENOMEM, "screen: out of memory");
	screen->model = model;
	screen->ascii = env->ascii;
	screen->status.live = live;
	screen->epoll_fd = screen->signal_fd = -1;
	screen->app = app_new(env->ascii);
	screen->history = live ? history_new(HISTORY_BYTES_MAX) : NULL;
	rc = screen->app && (screen->history || !live)
		     ? open_signals(screen, err)
		     : err_set(err, -ENOMEM, "screen: out of memory");
	if (rc == 0)
		rc = watch(screen, STDIN_FILENO, err);
	if (rc == 0)
		rc = term_open(env->color, &screen->term, err);
	if (rc == 0)
		rc = show(screen, err);
	if (rc < 0) {
		screen_close(screen);
		return rc;
	}
	*ret = screen;
	return 0;
}

void screen_close(struct screen *screen)
{
	if (!screen)
		return;
	term_close(screen->term);
	if (screen->signal_fd >= 0) {
		close(screen->signal_fd);
		sigprocmask(SIG_SETMASK, &screen->before, NULL);
	}
	if (screen->epoll_fd >= 0)
		close(screen->epoll_fd);
	for (unsigned i = 0; i < screen->marks_len; i++)
		model_mark_free(screen->marks[i]);
	model_mark_free(screen->zero);
	history_free(screen->history);
	canvas_free(screen->canvas);
	app_free(screen->app);
	picture_free(&screen->picture);
	strbuf_free(&screen->window);
	free(screen);
}

int screen_fd(const struct screen *screen)
{
	return screen->epoll_fd;
}
