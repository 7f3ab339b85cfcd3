// SPDX-License-Identifier: GPL-2.0-only
/* The frame around every view: what is watched, the tabs, losses and own cost, the keys. */
#include "base/num.h"
#include "base/units.h"
#include "report/report.h"
#include "tui/view.h"

#include <inttypes.h>

#define HEAD_ROWS 2
#define FOOT_ROWS 2

/* The process that the user named, else the one with the most to do. */
static const struct snap_process *main_process(const struct snapshot *snap)
{
	for (uint32_t i = 0; i < snap->processes_len && snap->run.pids_len; i++)
		if (snap->processes[i].pid == snap->run.pids[0])
			return &snap->processes[i];
	return snap->processes_len ? &snap->processes[0] : NULL;
}

static void add_state(struct strbuf *sb, const struct app *app)
{
	const struct app_status *status = &app->status;
	uint64_t seconds = status->running_ns / NS_PER_S;

	if (status->window)
		strbuf_printf(sb, "%s  ", status->window);
	if (!status->live)
		strbuf_puts(sb, "capture");
	else if (status->past)
		strbuf_puts(sb, "PAST");
	else if (status->paused)
		strbuf_puts(sb, "PAUSED");
	else if (status->ended)
		strbuf_puts(sb, "ENDED");
	else
		strbuf_puts(sb, "live");
	if (status->live)
		strbuf_printf(sb, " %02" PRIu64 ":%02" PRIu64 ":%02" PRIu64, seconds / 3600,
			      seconds / 60 % 60, seconds % 60);
}

/* @text, emptied, if it ends before column @room.  Returns the column behind. */
static int put_if_room(const struct pane *pane, int x, int room, struct strbuf *text)
{
	if (x + (int)text->len <= room)
		x = pane_text(pane, x, 0, ROLE_PLAIN, strbuf_str(text));
	strbuf_reset(text);
	return x;
}

static void draw_header(const struct app *app, const struct pane *pane)
{
	const struct snapshot *snap = app->rep ? app->rep->snap : NULL;
	const struct snap_process *process = snap ? main_process(snap) : NULL;
	const struct app_status *status = &app->status;
	bool held = status->paused || status->past || status->ended;
	struct strbuf state = {0};
	struct strbuf text = {0};
	int x = pane_text(pane, 1, 0, ROLE_TITLE, "concprof ");
	int room;

	add_state(&state, app);
	room = pane->width - (int)text_width(strbuf_str(&state)) - 3;
	if (process) {
		strbuf_printf(&text, "%s (%" PRIu32 ")", process->comm, process->pid);
		x = pane_text(pane, x + 1, 0, ROLE_BOLD, strbuf_str(&text));
		strbuf_reset(&text);
	}
	if (snap) {
		if (snap->processes_len > 1)
			strbuf_printf(&text, "  %" PRIu32 " processes", snap->processes_len);
		strbuf_printf(&text, "  %" PRIu32 " thread%s", snap->threads_len,
			      snap->threads_len == 1 ? "" : "s");
		x = put_if_room(pane, x, room, &text);
		strbuf_puts(&text, "  ");
		if (snap->run.cpus_allowed && snap->run.cpus_allowed < snap->run.cpus_online)
			strbuf_printf(&text, "%" PRIu32 " of ", snap->run.cpus_allowed);
		strbuf_printf(&text, "%" PRIu32 " CPU%s", snap->run.cpus_online,
			      snap->run.cpus_online == 1 ? "" : "s");
		put_if_room(pane, x, room, &text);
	}
	pane_fit(pane, room + 2, 0, pane->width - room - 3, TEXT_RIGHT,
		 held ? ROLE_WARN : ROLE_GOOD, strbuf_str(&state));
	strbuf_free(&text);
	strbuf_free(&state);
}

static int tabs_width(bool brief)
{
	int width = 0;

	for (unsigned id = 0; id < VIEW_COUNT; id++) {
		const struct view *view = view_of((enum view_id)id);

		width += 4 + (int)text_width(brief ? view->short_title : view->title) + 1;
	}
	return width;
}

static void draw_tabs(struct app *app, const struct pane *pane)
{
	const bool brief = tabs_width(false) + 1 > pane->width;
	int x = 0;

	for (int id = 0; id < VIEW_COUNT; id++) {
		const struct view *view = view_of((enum view_id)id);
		bool open = id == (int)app->view && !app->help;

		app->tab_x[id] = x;
		x = pane_printf(pane, x, 1, open ? ROLE_TAB_OPEN : ROLE_TAB, " %d %s ", id + 1,
				brief ? view->short_title : view->title);
		x = pane_text(pane, x, 1, ROLE_PLAIN, " ");
	}
	app->tab_x[VIEW_COUNT] = x;
	pane_text(pane, x, 1, app->help ? ROLE_TAB_OPEN : ROLE_TAB, brief ? " ? " : " ? Help ");
}

static const char *dot(const struct app *app)
{
	return app->ascii ? " - " : " · ";
}

/* What was lost goes first, and in red: figures are wrong then. */
static bool add_losses(struct strbuf *sb, const struct snapshot *snap)
{
	bool any = false;

	for (unsigned cause = 0; cause < LOSS_COUNT; cause++) {
		if (!loss_is_loss(cause) || !snap->loss[cause])
			continue;
		strbuf_printf(sb, "%s%s ", any ? ", " : "LOST ", loss_name(cause));
		units_count(sb, snap->loss[cause]);
		any = true;
	}
	if (!any)
		strbuf_puts(sb, "nothing lost");
	return any;
}

static void draw_status(const struct app *app, const struct pane *pane, int y)
{
	const struct report *rep = app->rep;
	struct strbuf text = {0};
	uint64_t waits = 0;
	bool lost;

	if (app->said.len) {
		pane_fit(pane, 1, y, pane->width - 2, TEXT_LEFT, ROLE_WARN, strbuf_str(&app->said));
		return;
	}
	if (!rep)
		return;
	lost = add_losses(&text, rep->snap);
	strbuf_printf(&text, "%sown cost ", dot(app));
	units_percent(&text, rep->self_cpu_ratio + rep->self_bpf_ratio);
	strbuf_printf(&text, " of one CPU%s", dot(app));
	for (uint32_t i = 0; i < rep->snap->locks_len; i++)
		waits = num_sat_add(waits, rep->snap->locks[i].waits);
	units_count(&text, waits);
	strbuf_puts(&text, " waits");
	if (*app->views[app->view].filter)
		strbuf_printf(&text, "%sfilter: %s", dot(app), app->views[app->view].filter);
	if (app->status.ended)
		strbuf_printf(&text, "%sthe target has ended: this is the last picture", dot(app));
	pane_fit(pane, 1, y, pane->width - 2, TEXT_LEFT,
		 lost		     ? ROLE_BAD
		 : app->status.ended ? ROLE_WARN
				     : ROLE_DIM,
		 strbuf_str(&text));
	strbuf_free(&text);
}

/* Whether the key does anything in the view that is shown. */
static bool key_applies(const struct app *app, const struct key_row *row)
{
	const struct view *view = view_of(app->view);

	if (!row->label || (row->live && !app->status.live))
		return false;
	switch (row->action) {
	case ACTION_OPEN:
		return (view->detail && !app->views[app->view].open) || view->act;
	case ACTION_FILTER:
		return view->table || app->view == VIEW_STACKS;
	case ACTION_SORT:
	case ACTION_REVERSE:
		return view->table && !app->views[app->view].open;
	case ACTION_TREE:
		return app->view == VIEW_THREADS || app->view == VIEW_STACKS ||
		       app->view == VIEW_PROCESSES;
	default:
		return true;
	}
}

static void draw_keys(const struct app *app, const struct pane *pane, int y)
{
	/* Room for the last one, which is always there: how to leave. */
	const int last = pane->width - 7;
	int x = 0;

	if (app->typing) {
		x = pane_text(pane, 1, y, ROLE_TITLE,
			      app->view == VIEW_STACKS ? "search: " : "filter: ");
		x = pane_text(pane, x, y, ROLE_BOLD, app->views[app->view].filter);
		x = pane_text(pane, x, y, ROLE_MATCH, " ");
		pane_text(pane, x + 2, y, ROLE_DIM, "Enter keeps it, Esc gives it up");
		return;
	}
	for (const struct key_row *row = keys_table(); row->action != ACTION_NONE; row++) {
		int width;

		if (!key_applies(app, row))
			continue;
		width = (int)(text_width(row->shown) + text_width(row->label)) + 2;
		if (x + width > (row->action == ACTION_QUIT ? pane->width + 2 : last))
			continue;
		x = pane_text(pane, x, y, ROLE_KEY, row->shown);
		x = pane_text(pane, x, y, ROLE_KEY_TEXT, row->label);
		x += 2;
	}
}

static void draw_body(struct app *app, const struct pane *pane)
{
	const struct view *view = view_of(app->view);
	struct view_state *state = &app->views[app->view];
	struct table table;
	bool there = true;

	state->page = pane->height;
	if (state->open && view->detail) {
		struct pane moved = pane_scrolled(pane, state->scroll);

		state->content = view->detail(app, &moved, state->opened, &there);
		if (there)
			return;
		state->open = false;
	}
	if (view->draw) {
		view->draw(app, pane);
		return;
	}
	view->table(app, &table);
	table_draw(&table, &state->table, pane, state->filter);
}

/* Says so, and recovers with the next size. */
static void draw_too_small(const struct pane *pane)
{
	pane_printf(pane, 0, 0, ROLE_WARN, "too small: %dx%d,", pane->width, pane->height);
	pane_printf(pane, 0, 1, ROLE_WARN, "concprof needs %dx%d", APP_COLUMNS_MIN, APP_ROWS_MIN);
	pane_text(pane, 0, 2, ROLE_DIM, "(q quits)");
}

void app_draw(struct app *app, struct canvas *canvas)
{
	struct pane whole = pane_whole(canvas);
	struct pane body =
		pane_part(&whole, 0, HEAD_ROWS, whole.width, whole.height - HEAD_ROWS - FOOT_ROWS);

	canvas_clear(canvas);
	app->columns = canvas->columns;
	app->rows = canvas->rows;
	if (canvas->columns < APP_COLUMNS_MIN || canvas->rows < APP_ROWS_MIN) {
		draw_too_small(&whole);
		return;
	}
	draw_header(app, &whole);
	draw_tabs(app, &whole);
	if (app->help) {
		struct pane moved = pane_scrolled(&body, app->help_scroll);

		help_draw(app, &moved);
	} else if (app->rep) {
		draw_body(app, &body);
	} else {
		pane_text(&body, 2, 1, ROLE_DIM, "the first second is being measured");
	}
	draw_status(app, &whole, whole.height - 2);
	draw_keys(app, &whole, whole.height - 1);
}
