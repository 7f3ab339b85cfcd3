// SPDX-License-Identifier: GPL-2.0-only
/* A flame graph in cells, from the outermost frame downwards: on the CPU, and off it by class. */
#include "base/num.h"
#include "base/units.h"
#include "model/site.h"
#include "tui/flame.h"
#include "tui/view.h"
#include "tui/widgets.h"

#include <string.h>
#include <strings.h>

static const char *const what_titles[FLAME_WHAT_COUNT] = {
	[FLAME_BOTH] = "on and off the CPU",
	[FLAME_ON_CPU] = "on the CPU",
	[FLAME_OFF_CPU] = "off the CPU, by class",
};

/* The tree of the present picture, made once for it. */
static const struct flame *flame_of(struct app *app)
{
	struct flame_state *state = &app->flame;
	const struct snapshot *snap = app->rep->snap;

	if (state->drawn && state->snap_serial == app->serial &&
	    (int)state->drawn->what == state->what)
		return state->drawn;
	flame_free(state->drawn);
	state->drawn = flame_new(snap, (enum flame_what)state->what);
	state->snap_serial = app->serial;
	return state->drawn;
}

void stacks_free(struct app *app)
{
	flame_free(app->flame.drawn);
	app->flame.drawn = NULL;
}

static bool contains(const char *text, const char *part)
{
	const size_t len = strlen(part);

	for (; len && *text; text++)
		if (!strncasecmp(text, part, len))
			return true;
	return false;
}

struct drawing {
	const struct pane *pane;
	const struct flame *flame;
	const char *search;
	uint32_t cursor;
	uint32_t zoom;
	/* of a click: which node is at this place, FLAME_NONE = none */
	int x, y;
	uint32_t hit;
};

static void draw_node(struct drawing *d, uint32_t at, int x, int width, int row)
{
	const struct flame_node *node = &d->flame->nodes[at];
	const bool match = contains(node->name, d->search);
	struct strbuf text = {0};

	if (d->y == row && d->x >= x && d->x < x + width)
		d->hit = at;
	if (!d->pane)
		return;
	/* A gap between siblings, where there is room for one. */
	if (width > 2)
		width--;
	if (width > 2)
		strbuf_putc(&text, ' ');
	if (node->frame && node->frame->line && width > 30)
		snap_frame_line_text(&text, node->frame);
	else if (node->frame)
		snap_frame_text(&text, node->frame);
	else
		strbuf_puts(&text, node->name);
	if (width < 4)
		strbuf_reset(&text);
	pane_fit(d->pane, x, row, width, TEXT_LEFT, match ? ROLE_MATCH : node->role,
		 strbuf_str(&text));
	if (at == d->cursor)
		pane_mark(d->pane, x, row, width);
	strbuf_free(&text);
}

/* @at over @width columns from @x on, and below it its children, each by its weight. */
static void draw_tree(struct drawing *d, uint32_t at, double x, double width, int row, int depth)
{
	const struct flame_node *node = &d->flame->nodes[at];
	const int from = (int)(x + 0.5);
	const int to = (int)(x + width + 0.5);

	if (to <= from)
		return;
	draw_node(d, at, from, to - from, row);
	if (depth >= FLAME_DEPTH)
		return;
	for (uint32_t child = node->child; child != FLAME_NONE;
	     child = d->flame->nodes[child].next) {
		double part =
			width * num_ratio((double)d->flame->nodes[child].ns, (double)node->ns);

		draw_tree(d, child, x, part, row + 1, depth + 1);
		x += part;
	}
}

static void draw_cursor_line(const struct pane *pane, int y, const struct drawing *d)
{
	const struct flame_node *node = &d->flame->nodes[d->cursor];
	struct strbuf text = {0};

	if (node->frame)
		snap_frame_line_text(&text, node->frame);
	else
		strbuf_puts(&text, node->name);
	if (node->frame && *node->frame->module)
		strbuf_printf(&text, " in %s", text_base_name(node->frame->module));
	strbuf_puts(&text, ": ");
	units_duration(&text, node->ns);
	strbuf_puts(&text, ", ");
	units_percent(&text, num_ratio((double)node->ns, (double)d->flame->nodes[0].ns));
	strbuf_puts(&text, " of all");
	pane_fit(pane, 1, y, pane->width - 2, TEXT_LEFT, ROLE_BOLD, strbuf_str(&text));
	strbuf_free(&text);
}

static int depth_below(const struct flame *flame, uint32_t at)
{
	return flame->nodes[at].depth;
}

void stacks_draw(struct app *app, const struct pane *pane)
{
	struct flame_state *state = &app->flame;
	const struct flame *flame = flame_of(app);
	struct pane body = pane_part(pane, 0, 1, pane->width, pane->height - 2);
	struct drawing d = {.flame = flame, .search = app->views[VIEW_STACKS].filter, .y = -1};
	struct strbuf title = {0};
	struct pane moved;
	int row;

	strbuf_printf(&title, "STACKS %s", what_titles[state->what]);
	widget_rule(pane, 0, strbuf_str(&title), state->zoom_len ? "Esc zooms out" : "", ROLE_DIM);
	strbuf_free(&title);
	if (!flame || flame->len < 2) {
		pane_text(pane, 2, 2, ROLE_DIM, "no stack was taken yet");
		return;
	}
	d.zoom = flame_find(flame, state->zoom, state->zoom_len);
	d.cursor = flame_find(flame, state->cursor, state->cursor_len);
	/* The selected frame stays on the screen. */
	row = depth_below(flame, d.cursor) - depth_below(flame, d.zoom);
	if (row < state->top)
		state->top = row > 0 ? row : 0;
	if (row >= state->top + body.height)
		state->top = row - body.height + 1;
	state->first_y = body.y;
	state->page = body.height;
	moved = pane_scrolled(&body, state->top);
	d.pane = &moved;
	draw_tree(&d, d.zoom, 0, pane->width, 0, 0);
	draw_cursor_line(pane, pane->height - 1, &d);
}

static void move_to(struct app *app, const struct flame *flame, uint32_t node)
{
	struct flame_state *state = &app->flame;
	const int zoomed = depth_below(flame, flame_find(flame, state->zoom, state->zoom_len));

	state->cursor_len = flame_path(flame, node, state->cursor, FLAME_DEPTH);
	/* Out of what is zoomed into: zoom out as far as it takes. */
	if (state->cursor_len < zoomed)
		state->zoom_len = state->cursor_len;
}

static void move_aside(struct app *app, const struct flame *flame, uint32_t at, bool right)
{
	uint32_t sibling, before = FLAME_NONE;

	if (flame->nodes[at].parent == FLAME_NONE)
		return;
	sibling = flame->nodes[flame->nodes[at].parent].child;
	if (right) {
		if (flame->nodes[at].next != FLAME_NONE)
			move_to(app, flame, flame->nodes[at].next);
		return;
	}
	for (; sibling != at && sibling != FLAME_NONE; sibling = flame->nodes[sibling].next)
		before = sibling;
	if (before != FLAME_NONE)
		move_to(app, flame, before);
}

/* The next node whose name contains what is searched for, in the order of the tree's making. */
static void next_match(struct app *app, const struct flame *flame, uint32_t from)
{
	const char *search = app->views[VIEW_STACKS].filter;

	for (uint32_t i = 1; *search && i <= flame->len; i++) {
		uint32_t at = (from + i) % flame->len;

		if (contains(flame->nodes[at].name, search)) {
			app->flame.zoom_len = 0;
			move_to(app, flame, at);
			return;
		}
	}
}

static void zoom_out(struct app *app)
{
	struct flame_state *state = &app->flame;
	char *search = app->views[VIEW_STACKS].filter;

	state->top = 0;
	if (state->zoom_len)
		state->zoom_len = 0;
	else if (*search)
		*search = '\0';
	else
		state->cursor_len = 0;
}

bool stacks_act(struct app *app, enum action action)
{
	struct flame_state *state = &app->flame;
	const struct flame *flame = flame_of(app);
	uint32_t at;

	if (!flame)
		return false;
	at = flame_find(flame, state->cursor, state->cursor_len);
	switch (action) {
	case ACTION_UP:
		if (flame->nodes[at].parent != FLAME_NONE)
			move_to(app, flame, flame->nodes[at].parent);
		return true;
	case ACTION_DOWN:
		if (flame->nodes[at].child != FLAME_NONE)
			move_to(app, flame, flame->nodes[at].child);
		return true;
	case ACTION_LEFT:
	case ACTION_RIGHT:
		move_aside(app, flame, at, action == ACTION_RIGHT);
		return true;
	case ACTION_OPEN:
		state->zoom_len = flame_path(flame, at, state->zoom, FLAME_DEPTH);
		state->top = 0;
		return true;
	case ACTION_BACK:
		zoom_out(app);
		return true;
	case ACTION_NEXT_MATCH:
		next_match(app, flame, at);
		return true;
	case ACTION_TREE:
		state->what = (state->what + 1) % FLAME_WHAT_COUNT;
		state->zoom_len = state->cursor_len = state->top = 0;
		return true;
	case ACTION_PAGE_DOWN:
		for (int i = 0; i < state->page / 2 && flame->nodes[at].child != FLAME_NONE; i++)
			at = flame->nodes[at].child;
		move_to(app, flame, at);
		return true;
	case ACTION_PAGE_UP:
		for (int i = 0; i < state->page / 2 && flame->nodes[at].parent != FLAME_NONE; i++)
			at = flame->nodes[at].parent;
		move_to(app, flame, at);
		return true;
	default:
		return false;
	}
}

bool stacks_click(struct app *app, int x, int y, bool twice)
{
	struct flame_state *state = &app->flame;
	const struct flame *flame = flame_of(app);
	struct drawing d = {.flame = flame, .search = "", .x = x, .hit = FLAME_NONE};

	if (!flame || y < state->first_y || y >= state->first_y + state->page)
		return false;
	d.y = y - state->first_y + state->top;
	draw_tree(&d, flame_find(flame, state->zoom, state->zoom_len), 0, app->columns, 0, 0);
	if (d.hit == FLAME_NONE)
		return false;
	move_to(app, flame, d.hit);
	if (twice)
		stacks_act(app, ACTION_OPEN);
	return true;
}
