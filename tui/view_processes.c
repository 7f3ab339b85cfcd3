// SPDX-License-Identifier: GPL-2.0-only
/* Processes: a tree by parent with what their time went to; below it who waits for whom. */
#include "base/num.h"
#include "base/units.h"
#include "model/site.h"
#include "tui/view.h"
#include "tui/widgets.h"

#include <inttypes.h>

#define BAR 16
#define DEPTH_MAX 12

static const struct snap_process *process_at(const struct report *rep, uint32_t row)
{
	return &rep->snap->processes[row];
}

static uint64_t identity(const struct report *rep, uint32_t row)
{
	return process_at(rep, row)->pid;
}

static uint32_t parent_of(const struct snapshot *snap, uint32_t process)
{
	const uint32_t ppid = snap->processes[process].ppid;

	for (uint32_t i = 0; i < snap->processes_len; i++)
		if (i != process && snap->processes[i].pid == ppid)
			return i;
	return SNAP_NONE;
}

static unsigned depth_of(const struct snapshot *snap, uint32_t process)
{
	unsigned depth = 0;

	/* Bounded: hostile captures may make a circle of parents. */
	while (depth < DEPTH_MAX) {
		process = parent_of(snap, process);
		if (process == SNAP_NONE)
			break;
		depth++;
	}
	return depth;
}

static void name(struct strbuf *sb, const struct report *rep, uint32_t row)
{
	strbuf_printf(sb, "%s (%" PRIu32 ")", process_at(rep, row)->comm,
		      process_at(rep, row)->pid);
}

static void tree_name(struct strbuf *sb, const struct report *rep, uint32_t row)
{
	for (unsigned depth = depth_of(rep->snap, row); depth > 0; depth--)
		strbuf_puts(sb, depth == 1 ? " `- " : "    ");
	name(sb, rep, row);
}

static void draw_bar(const struct pane *cell, const struct report *rep, uint32_t row)
{
	widget_class_bar(cell, 0, 0, cell->width, process_at(rep, row)->class_ns);
}

static double busy(const struct report *rep, uint32_t row)
{
	double sum = 0;

	for (unsigned group = 0; group < GROUP_IDLE; group++)
		sum += (double)time_group_ns((enum time_group)group,
					     process_at(rep, row)->class_ns);
	return sum;
}

static double forks(const struct report *rep, uint32_t row)
{
	return num_ratio((double)process_at(rep, row)->forks * (double)NS_PER_S,
			 (double)rep->snap->duration_ns);
}

static void forks_cell(const struct pane *cell, const struct report *rep, uint32_t row)
{
	const uint64_t tenths = num_to_u64(forks(rep, row) * 10 + 0.5);

	pane_printf(cell, cell->width > 6 ? cell->width - 6 : 0, 0, tenths ? ROLE_PLAIN : ROLE_DIM,
		    "%4" PRIu64 ".%" PRIu64, tenths / 10, tenths % 10);
}

/* Children behind their parents: the order of a walk, made once for each drawing. */
static uint32_t root_rank(const struct report *rep, uint32_t row)
{
	uint32_t parent = row;

	for (unsigned i = 0; i < DEPTH_MAX && parent != SNAP_NONE; i++) {
		row = parent;
		parent = parent_of(rep->snap, row);
	}
	return row;
}

static bool is_root(const struct report *rep, uint32_t row)
{
	return parent_of(rep->snap, row) == SNAP_NONE;
}

/* One that ended before the window has no thread in it. */
static bool shown(const struct report *rep, uint32_t row)
{
	return process_at(rep, row)->threads > 0;
}

void processes_table(const struct app *app, struct table *ret)
{
	const bool tree = app->views[VIEW_PROCESSES].tree;

	*ret = (struct table){.rep = app->rep,
			      .rows_len = app->rep->snap->processes_len,
			      .identity = identity,
			      .shown = shown,
			      .group = tree ? root_rank : NULL,
			      .lead = tree ? is_root : NULL,
			      .empty = "no process was seen"};
	table_add_column(ret, &(struct table_column){.title = "PROCESS",
						     .least = 18,
						     .rank = 1,
						     .text = tree ? tree_name : name});
	table_add_column(ret, &(struct table_column){.title = "time",
						     .width = BAR,
						     .rank = 2,
						     .number = busy,
						     .draw = draw_bar});
	table_add(ret, TABLE_PROCESSES, "threads", 0);
	table_add(ret, TABLE_PROCESSES, "run", 0);
	table_add(ret, TABLE_PROCESSES, "lock", 0);
	if (app->rep->snap->class_ns[CLASS_GIL])
		table_add(ret, TABLE_PROCESSES, "gil", 0);
	if (app->rep->snap->class_ns[CLASS_PEER])
		table_add(ret, TABLE_PROCESSES, "peer", 0);
	table_add(ret, TABLE_PROCESSES, "idle", 0);
	table_add_column(ret, &(struct table_column){.title = "forks/s",
						     .width = 7,
						     .rank = 5,
						     .align = TEXT_RIGHT,
						     .number = forks,
						     .draw = forks_cell});
	table_add(ret, TABLE_PROCESSES, "runq_p99_ns", 0);
	table_add(ret, TABLE_PROCESSES, "switches_per_s", 0);
	table_add(ret, TABLE_PROCESSES, "runtime", 16);
}

static void draw_edge(const struct pane *pane, int y, const struct report *rep,
		      const struct snap_edge *edge)
{
	struct strbuf text = {0};
	int x;

	units_duration(&text, edge->wait_ns);
	x = pane_fit(pane, 1, y, 9, TEXT_RIGHT, ROLE_BOLD, strbuf_str(&text));
	strbuf_reset(&text);
	units_count(&text, edge->waits);
	strbuf_putc(&text, 'x');
	x = pane_fit(pane, x, y, 10, TEXT_RIGHT, ROLE_DIM, strbuf_str(&text));
	x = pane_fit(pane, x + 2, y, 7, TEXT_LEFT, role_of_group(GROUP_PEER),
		     edge_kind_name(edge->kind));
	strbuf_reset(&text);
	for (unsigned end = 0; end < 2; end++) {
		uint32_t thread = end ? edge->to_thread : edge->from_thread;

		if (end)
			strbuf_puts(&text, "  waits for  ");
		snap_thread_text(&text, rep->snap, thread);
		if (thread < rep->snap->threads_len)
			strbuf_printf(&text, " in %" PRIu32, rep->snap->threads[thread].pid);
	}
	pane_fit(pane, x, y, pane->width - x - 1, TEXT_LEFT, ROLE_PLAIN, strbuf_str(&text));
	strbuf_free(&text);
}

void processes_draw(struct app *app, const struct pane *pane)
{
	struct view_state *state = &app->views[VIEW_PROCESSES];
	const struct snapshot *snap = app->rep->snap;
	int edges = snap->edges_len > 8 ? 8 : (int)snap->edges_len;
	struct table table;
	struct pane part;
	int y;

	if (edges > pane->height / 3)
		edges = pane->height / 3;
	y = pane->height - (edges ? edges + 1 : 0);
	part = pane_part(pane, 0, 0, pane->width, y);
	processes_table(app, &table);
	table_draw(&table, &state->table, &part, state->filter);
	if (!edges)
		return;
	widget_rule(pane, y++, "WHO WAITS FOR WHOM", NULL, ROLE_DIM);
	for (int i = 0; i < edges; i++)
		draw_edge(pane, y + i, app->rep, &snap->edges[i]);
}
