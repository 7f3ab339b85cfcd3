// SPDX-License-Identifier: GPL-2.0-only
/* Keys and clicks: what they change in the state of the screen, and what they ask of its owner. */
#include "tui/app.h"

#include "tui/view.h"

#include <stdlib.h>
#include <string.h>

struct app *app_new(bool ascii)
{
	struct app *app = calloc(1, sizeof(*app));

	if (!app)
		return NULL;
	app->ascii = ascii;
	for (unsigned id = 0; id < VIEW_COUNT; id++) {
		table_state_init(&app->views[id].table);
		app->views[id].tree = view_of((enum view_id)id)->tree;
	}
	return app;
}

void app_free(struct app *app)
{
	if (!app)
		return;
	for (unsigned id = 0; id < VIEW_COUNT; id++)
		table_state_free(&app->views[id].table);
	stacks_free(app);
	strbuf_free(&app->said);
	free(app);
}

void app_frame(struct app *app, const struct report *rep, const struct series *series,
	       const struct app_status *status)
{
	app->rep = rep;
	app->serial++;
	app->series = series;
	app->status = *status;
}

void app_say(struct app *app, const char *text)
{
	strbuf_reset(&app->said);
	strbuf_puts(&app->said, text);
}

static struct view_state *shown(struct app *app)
{
	return &app->views[app->view];
}

/* Bytes of the last character of @text. */
static size_t last_char(const char *text)
{
	size_t len = strlen(text);
	size_t n = 0;

	while (n < len && n < 4) {
		n++;
		if (((unsigned char)text[len - n] & 0xc0) != 0x80)
			break;
	}
	return n;
}

static void type_char(char *text, int key)
{
	size_t len = strlen(text);
	char utf8[5] = "";

	if (key < 0x80) {
		utf8[0] = (char)key;
	} else if (key < 0x800) {
		utf8[0] = (char)(0xc0 | key >> 6);
		utf8[1] = (char)(0x80 | (key & 0x3f));
	} else if (key < 0x10000) {
		utf8[0] = (char)(0xe0 | key >> 12);
		utf8[1] = (char)(0x80 | (key >> 6 & 0x3f));
		utf8[2] = (char)(0x80 | (key & 0x3f));
	} else {
		return;
	}
	if (len + strlen(utf8) < FILTER_MAX)
		memcpy(text + len, utf8, strlen(utf8) + 1);
}

static enum app_wish type(struct app *app, int key)
{
	char *text = shown(app)->filter;

	switch (key) {
	case KEY_RETURN:
	case '\n':
		app->typing = false;
		break;
	case KEY_ESCAPE:
		memcpy(text, app->typed_before, FILTER_MAX);
		app->typing = false;
		break;
	case KEY_RUBOUT:
	case '\b':
		text[strlen(text) - last_char(text)] = '\0';
		break;
	case 'u' & 0x1f:
		*text = '\0';
		break;
	default:
		if (key >= 0x20 && key < KEY_SPECIAL)
			type_char(text, key);
		break;
	}
	/* A search leads to its first match at once. */
	if (app->view == VIEW_STACKS && !app->typing && *text)
		stacks_act(app, ACTION_NEXT_MATCH);
	return WISH_DRAW;
}

static void scroll_by(int *scroll, int rows, int content, int page)
{
	int most = content > page ? content - page : 0;

	*scroll += rows;
	if (*scroll > most)
		*scroll = most;
	if (*scroll < 0)
		*scroll = 0;
}

/* Rows that a key moves by. */
static bool rows_of(enum action action, int page, int *ret)
{
	const int far = 1 << 20;

	switch (action) {
	case ACTION_UP:
		*ret = -1;
		return true;
	case ACTION_DOWN:
		*ret = 1;
		return true;
	case ACTION_PAGE_UP:
		*ret = -page;
		return true;
	case ACTION_PAGE_DOWN:
		*ret = page;
		return true;
	case ACTION_HOME:
		*ret = -far;
		return true;
	case ACTION_END:
		*ret = far;
		return true;
	default:
		return false;
	}
}

static void open_row(struct app *app)
{
	const struct view *view = view_of(app->view);
	struct view_state *state = shown(app);
	struct table table;
	uint32_t row = table_selected(&state->table);

	if (!view->detail || !view->table || row == SNAP_NONE)
		return;
	view->table(app, &table);
	if (row >= table.rows_len)
		return;
	state->opened = table.identity(table.rep, row);
	state->open = true;
	state->scroll = 0;
	table_move(&table, &state->table, 0);
}

static void back(struct app *app)
{
	struct view_state *state = shown(app);

	if (state->open)
		state->open = false;
	else
		*state->filter = '\0';
}

static enum app_wish move(struct app *app, enum action action)
{
	const struct view *view = view_of(app->view);
	struct view_state *state = shown(app);
	bool paged = state->open || !view->table;
	struct table table;
	int rows;

	if (!rows_of(action, paged ? state->page : state->table.page, &rows))
		return WISH_NONE;
	if (paged) {
		scroll_by(&state->scroll, rows, state->content, state->page);
	} else {
		view->table(app, &table);
		table_move(&table, &state->table, rows);
	}
	return WISH_DRAW;
}

/* Keys that change the view that is shown. */
static enum app_wish act_on_view(struct app *app, enum action action)
{
	const struct view *view = view_of(app->view);
	struct view_state *state = shown(app);

	if (view->act && view->act(app, action))
		return WISH_DRAW;
	switch (action) {
	case ACTION_OPEN:
		open_row(app);
		break;
	case ACTION_BACK:
		back(app);
		break;
	case ACTION_FILTER:
		if (!view->table && app->view != VIEW_STACKS)
			return WISH_NONE;
		memcpy(app->typed_before, state->filter, FILTER_MAX);
		app->typing = true;
		state->open = false;
		break;
	case ACTION_SORT:
	case ACTION_RIGHT:
		table_sort_next(&state->table, 1);
		break;
	case ACTION_LEFT:
		table_sort_next(&state->table, -1);
		break;
	case ACTION_REVERSE:
		state->table.reverse = !state->table.reverse;
		break;
	case ACTION_TREE:
		state->tree = !state->tree;
		break;
	default:
		return move(app, action);
	}
	return WISH_DRAW;
}

static enum app_wish owner_wish(enum action action)
{
	switch (action) {
	case ACTION_QUIT:
		return WISH_QUIT;
	case ACTION_PAUSE:
		return WISH_PAUSE;
	case ACTION_ZERO:
		return WISH_ZERO;
	case ACTION_WINDOW:
		return WISH_WINDOW;
	case ACTION_OLDER:
		return WISH_OLDER;
	case ACTION_NEWER:
		return WISH_NEWER;
	case ACTION_EXPORT:
		return WISH_EXPORT;
	case ACTION_REDRAW:
		return WISH_REPAINT;
	default:
		return WISH_NONE;
	}
}

static enum app_wish act_on_help(struct app *app, enum action action)
{
	int rows;

	if (rows_of(action, app->rows > 4 ? app->rows - 4 : 1, &rows)) {
		scroll_by(&app->help_scroll, rows, help_draw(app, NULL), app->rows - 4);
		return WISH_DRAW;
	}
	if (action == ACTION_REDRAW)
		return WISH_REPAINT;
	app->help = false;
	return WISH_DRAW;
}

static void go_to(struct app *app, int view)
{
	app->view = (enum view_id)((view + VIEW_COUNT) % VIEW_COUNT);
}

enum app_wish app_key(struct app *app, int key)
{
	enum action action = keys_action(key);
	enum app_wish wish;

	strbuf_reset(&app->said);
	if (app->columns < APP_COLUMNS_MIN || app->rows < APP_ROWS_MIN)
		return action == ACTION_QUIT ? WISH_QUIT : WISH_NONE;
	if (app->typing)
		return type(app, key);
	if (app->help)
		return act_on_help(app, action);
	wish = owner_wish(action);
	if (wish != WISH_NONE)
		return wish;
	switch (action) {
	case ACTION_NONE:
		return WISH_DRAW;
	case ACTION_HELP:
		app->help = true;
		app->help_scroll = 0;
		return WISH_DRAW;
	case ACTION_VIEW:
		go_to(app, key - '1');
		return WISH_DRAW;
	case ACTION_NEXT_VIEW:
		go_to(app, (int)app->view + 1);
		return WISH_DRAW;
	case ACTION_LAST_VIEW:
		go_to(app, (int)app->view - 1);
		return WISH_DRAW;
	default:
		return app->rep ? act_on_view(app, action) : WISH_NONE;
	}
}

static bool click_tab(struct app *app, int x)
{
	for (int id = 0; id < VIEW_COUNT; id++) {
		if (x >= app->tab_x[id] && x < app->tab_x[id + 1]) {
			go_to(app, id);
			return true;
		}
	}
	return false;
}

enum app_wish app_click(struct app *app, int x, int y, bool twice)
{
	const struct view *view = view_of(app->view);
	struct view_state *state = shown(app);
	struct table table;
	bool row;

	if (app->columns < APP_COLUMNS_MIN || app->rows < APP_ROWS_MIN || app->typing)
		return WISH_NONE;
	if (y == 1 && click_tab(app, x)) {
		app->help = false;
		return WISH_DRAW;
	}
	if (app->help || !app->rep)
		return WISH_NONE;
	if (view->click && view->click(app, x, y, twice))
		return WISH_DRAW;
	if (!view->table || state->open)
		return WISH_NONE;
	view->table(app, &table);
	if (!table_click(&table, &state->table, x, y, &row))
		return WISH_NONE;
	if (row && twice)
		open_row(app);
	return WISH_DRAW;
}

enum app_wish app_wheel(struct app *app, int rows)
{
	enum action action = rows < 0 ? ACTION_UP : ACTION_DOWN;
	enum app_wish wish = WISH_NONE;

	for (int i = 0; i < abs(rows); i++) {
		if (app->help)
			wish = act_on_help(app, action);
		else if (app->rep && !app->typing)
			wish = act_on_view(app, action);
	}
	return wish;
}
