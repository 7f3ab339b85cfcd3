// SPDX-License-Identifier: GPL-2.0-only
/* Event loops: how full each is, how long its turns take, and the turns over the threshold, split
 * by what their time went to.  Opened: one stall and its stack. */
#include "base/num.h"
#include "base/units.h"
#include "model/site.h"
#include "tui/view.h"
#include "tui/widgets.h"

#include <inttypes.h>

#define LOOPS_SHOWN 4

static const enum role part_roles[PART_COUNT] = {
	[PART_RUN] = (enum role)(ROLE_GROUP + (int)GROUP_RUN),
	[PART_RUNQ] = (enum role)(ROLE_GROUP + (int)GROUP_RUNQ),
	[PART_GIL] = (enum role)(ROLE_GROUP + (int)GROUP_GIL),
	[PART_LOCK] = (enum role)(ROLE_GROUP + (int)GROUP_LOCK),
	[PART_BLOCKING] = (enum role)(ROLE_GROUP + (int)GROUP_DISK),
	[PART_SLEEP] = (enum role)(ROLE_GROUP + (int)GROUP_IDLE),
};

static const enum time_group part_groups[PART_COUNT] = {
	[PART_RUN] = GROUP_RUN,	  [PART_RUNQ] = GROUP_RUNQ,	[PART_GIL] = GROUP_GIL,
	[PART_LOCK] = GROUP_LOCK, [PART_BLOCKING] = GROUP_DISK, [PART_SLEEP] = GROUP_IDLE,
};

static void parts_bar(const struct pane *pane, int x, int y, int width,
		      const uint64_t part_ns[PART_COUNT])
{
	double all = 0, sum = 0;
	int drawn = 0;

	for (unsigned part = 0; part < PART_COUNT; part++)
		all += (double)part_ns[part];
	for (unsigned part = 0; part < PART_COUNT && all > 0; part++) {
		int until;

		sum += (double)part_ns[part];
		until = (int)(sum / all * width + 0.5);
		pane_repeat(pane, x + drawn, y, until - drawn, part_roles[part],
			    theme_group_sign(part_groups[part], pane->canvas->ascii));
		drawn = until;
	}
}

static void parts_legend(const struct pane *pane, int x, int y, const uint64_t part_ns[PART_COUNT])
{
	double all = 0;

	for (unsigned part = 0; part < PART_COUNT; part++)
		all += (double)part_ns[part];
	for (unsigned part = 0; part < PART_COUNT; part++) {
		struct strbuf text = {0};
		double ratio = num_ratio((double)part_ns[part], all);

		if (ratio < 0.005)
			continue;
		x = pane_text(pane, x, y, part_roles[part],
			      theme_group_sign(part_groups[part], pane->canvas->ascii));
		strbuf_printf(&text, " %s ", loop_part_name((enum loop_part)part));
		units_percent(&text, ratio);
		x = pane_text(pane, x, y, ROLE_PLAIN, strbuf_str(&text)) + 2;
		strbuf_free(&text);
	}
}

/* ---- the list of stalls ---- */

static const struct snap_stall *stall_at(const struct report *rep, uint32_t row)
{
	return &rep->snap->stalls[row];
}

/* The thread and the moment tell a stall from all others. */
static uint64_t identity(const struct report *rep, uint32_t row)
{
	const struct snap_stall *s = stall_at(rep, row);
	uint64_t at_ns = rep->snap->start_ns + s->at_ns;

	return at_ns * 1099511628211ULL ^ view_thread_identity(rep, s->thread);
}

static double duration(const struct report *rep, uint32_t row)
{
	return (double)stall_at(rep, row)->duration_ns;
}

static void duration_cell(const struct pane *cell, const struct report *rep, uint32_t row)
{
	struct strbuf text = {0};

	units_duration(&text, stall_at(rep, row)->duration_ns);
	pane_fit(cell, 0, 0, cell->width, TEXT_RIGHT, ROLE_BOLD, strbuf_str(&text));
	strbuf_free(&text);
}

static double at_time(const struct report *rep, uint32_t row)
{
	return (double)stall_at(rep, row)->at_ns;
}

static void at_cell(const struct pane *cell, const struct report *rep, uint32_t row)
{
	struct strbuf text = {0};

	strbuf_putc(&text, '+');
	units_duration(&text, stall_at(rep, row)->at_ns);
	pane_fit(cell, 0, 0, cell->width, TEXT_RIGHT, ROLE_DIM, strbuf_str(&text));
	strbuf_free(&text);
}

static void bar_cell(const struct pane *cell, const struct report *rep, uint32_t row)
{
	parts_bar(cell, 0, 0, cell->width, stall_at(rep, row)->part_ns);
}

static void cause(struct strbuf *sb, const struct report *rep, uint32_t row)
{
	const struct snap_stall *s = stall_at(rep, row);

	strbuf_puts(sb, loop_part_name(s->cause));
	if (*s->syscall_name)
		strbuf_printf(sb, ": %s", s->syscall_name);
	if (s->open)
		strbuf_puts(sb, " (goes on)");
}

static enum role cause_role(const struct report *rep, uint32_t row)
{
	return part_roles[stall_at(rep, row)->cause];
}

static void place(struct strbuf *sb, const struct report *rep, uint32_t row)
{
	const struct snap_stall *s = stall_at(rep, row);

	if (*s->task)
		strbuf_printf(sb, "%s: ", s->task);
	snap_call_site_lines(sb, rep->snap, s->stack);
}

static void thread(struct strbuf *sb, const struct report *rep, uint32_t row)
{
	snap_thread_text(sb, rep->snap, stall_at(rep, row)->thread);
}

void stalls_table(const struct app *app, struct table *ret)
{
	*ret = (struct table){.rep = app->rep,
			      .rows_len = app->rep->snap->stalls_len,
			      .identity = identity,
			      .empty =
				      "no turn of a loop took longer than the threshold (--stall)"};
	table_add_column(ret, &(struct table_column){.title = "LASTED",
						     .width = 8,
						     .rank = 1,
						     .align = TEXT_RIGHT,
						     .number = duration,
						     .draw = duration_cell});
	table_add_column(ret, &(struct table_column){.title = "at",
						     .width = 9,
						     .rank = 7,
						     .align = TEXT_RIGHT,
						     .number = at_time,
						     .draw = at_cell});
	table_add_column(ret, &(struct table_column){
				      .title = "split", .width = 12, .rank = 3, .draw = bar_cell});
	table_add_column(ret, &(struct table_column){.title = "cause",
						     .width = 18,
						     .rank = 4,
						     .text = cause,
						     .role = cause_role});
	table_add_column(
		ret, &(struct table_column){.title = "in", .least = 24, .rank = 2, .text = place});
	table_add_column(ret, &(struct table_column){
				      .title = "thread", .width = 16, .rank = 5, .text = thread});
}

void loops_table(const struct app *app, struct table *ret)
{
	stalls_table(app, ret);
}

/* ---- the loops above it ---- */

#define BUSY_BAR 6
/* Beside the figures of a loop. */
#define FIGURES_WIDTH (5 + BUSY_BAR + 2 + 4 * 8 + 7 + 9)

static int name_width(const struct pane *pane)
{
	const int room = pane->width - 2 - FIGURES_WIDTH;

	return room > 30 ? 30 : room < 8 ? 8 : room;
}

static void draw_loop(const struct pane *pane, int y, const struct report *rep, uint32_t at)
{
	const struct snap_loop *loop = &rep->snap->loops[at];
	const double busy = num_ratio((double)loop->busy_ns, (double)loop->observed_ns);
	struct strbuf text = {0};
	int x;

	snap_thread_text(&text, rep->snap, loop->thread);
	strbuf_printf(&text, " (%s)", loop->kind);
	x = pane_fit(pane, 1, y, name_width(pane), TEXT_LEFT, loop->is_loop ? ROLE_BOLD : ROLE_DIM,
		     strbuf_str(&text));
	strbuf_reset(&text);
	units_percent(&text, busy);
	x = pane_fit(pane, x, y, 5, TEXT_RIGHT, ROLE_PLAIN, strbuf_str(&text));
	widget_bar(pane, x + 1, y, BUSY_BAR, role_of_group(GROUP_RUN), busy);
	x += BUSY_BAR + 2;
	strbuf_reset(&text);
	units_count(&text, num_to_u64(num_ratio((double)loop->turns * (double)NS_PER_S,
						(double)loop->observed_ns)));
	x = pane_fit(pane, x, y, 8, TEXT_RIGHT, ROLE_PLAIN, strbuf_str(&text));
	for (unsigned i = 0; i < 3; i++) {
		const uint64_t values[] = {snap_hist_quantile(&loop->hist, 0.5),
					   snap_hist_quantile(&loop->hist, 0.99),
					   loop->hist.max_ns};

		strbuf_reset(&text);
		units_duration(&text, values[i]);
		x = pane_fit(pane, x, y, 8, TEXT_RIGHT, ROLE_PLAIN, strbuf_str(&text));
	}
	strbuf_reset(&text);
	units_count(&text, loop->stalls);
	x = pane_fit(pane, x, y, 7, TEXT_RIGHT, loop->stalls ? ROLE_BAD : ROLE_DIM,
		     strbuf_str(&text));
	strbuf_reset(&text);
	units_duration(&text, loop->added_mean_ns);
	pane_fit(pane, x, y, 9, TEXT_RIGHT, ROLE_PLAIN, strbuf_str(&text));
	strbuf_free(&text);
}

static int draw_loops(const struct pane *pane, const struct report *rep)
{
	static const struct {
		const char *title;
		int width;
	} figures[] = {{"turns/s", 8}, {"p50", 8},    {"p99", 8},
		       {"max", 8},     {"stalls", 7}, {"adds", 9}};
	int x, y = 0;

	pane_repeat(pane, 0, y, pane->width, ROLE_HEADING, " ");
	pane_text(pane, 1, y, ROLE_HEADING, "LOOP");
	x = pane_fit(pane, 1 + name_width(pane), y, 5, TEXT_RIGHT, ROLE_HEADING, "busy");
	x += BUSY_BAR + 2;
	for (size_t i = 0; i < ARRAY_LEN(figures); i++)
		x = pane_fit(pane, x, y, figures[i].width, TEXT_RIGHT, ROLE_HEADING,
			     figures[i].title);
	for (uint32_t i = 0; i < rep->snap->loops_len && i < LOOPS_SHOWN; i++)
		draw_loop(pane, ++y, rep, i);
	if (rep->snap->loops_len > LOOPS_SHOWN)
		pane_printf(pane, 1, ++y, ROLE_DIM, "and %" PRIu32 " more",
			    rep->snap->loops_len - LOOPS_SHOWN);
	return y + 1;
}

void loops_draw(struct app *app, const struct pane *pane)
{
	const struct report *rep = app->rep;
	struct view_state *state = &app->views[VIEW_LOOPS];
	struct table table;
	struct pane part;
	int y;

	if (!rep->snap->loops_len && !rep->snap->stalls_len) {
		pane_text(pane, 2, 1, ROLE_PLAIN, "No event loop was seen.");
		pane_text(pane, 2, 2, ROLE_DIM,
			  "A thread that polls for events and works between polls is shown here.");
		state->table.order_len = 0;
		return;
	}
	y = draw_loops(pane, rep);
	if (rep->snap->loops_len && pane->height - y > 16) {
		widget_rule(pane, y++, "TURNS of the first loop", NULL, ROLE_DIM);
		part = pane_part(pane, 0, y, pane->width, pane->height - y - 6);
		y += widget_hist(&part, 0, &rep->snap->loops[0].hist, role_of_group(GROUP_RUN));
		if (y > pane->height - 6)
			y = pane->height - 6;
	}
	part = pane_part(pane, 0, y, pane->width, pane->height - y);
	loops_table(app, &table);
	table_draw(&table, &state->table, &part, state->filter);
}

int loops_detail(struct app *app, const struct pane *pane, uint64_t wanted, bool *ret_there)
{
	const struct snapshot *snap = app->rep->snap;
	uint32_t at = 0;
	struct strbuf text = {0};
	int y = 1;

	while (at < snap->stalls_len && identity(app->rep, at) != wanted)
		at++;
	*ret_there = at < snap->stalls_len;
	if (!*ret_there)
		return 0;
	strbuf_puts(&text, "STALL of ");
	view_stall_text(&text, app->rep, at);
	widget_rule(pane, 0, strbuf_str(&text), "Esc closes", ROLE_DIM);
	parts_bar(pane, 1, y++, pane->width - 2, snap->stalls[at].part_ns);
	parts_legend(pane, 1, y++, snap->stalls[at].part_ns);
	if (*snap->stalls[at].task)
		pane_printf(pane, 1, y++, ROLE_PLAIN, "task: %s", snap->stalls[at].task);
	y++;
	widget_rule(pane, y++, "STACK", NULL, ROLE_DIM);
	y += view_stack(pane, y, app->rep, snap->stalls[at].stack, 60);
	strbuf_free(&text);
	return y;
}
