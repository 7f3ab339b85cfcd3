// SPDX-License-Identifier: GPL-2.0-only
/*
 * The first screen: the cause, the place and the next step, without a key pressed.  Rows are given
 * to its parts by what matters most: at 24 rows there is the verdict, a row a model, the time and
 * the worst of each kind; higher ones have the evidence and tables.
 */
#include "tui/view.h"
#include "base/num.h"
#include "base/units.h"
#include "model/held.h"
#include "model/site.h"
#include "tui/widgets.h"

#include <string.h>

#define LABEL 7	   /* columns of "Cause" and the like */
#define SPARK 30   /* cells: a minute in braille */
#define SPARK_S 60 /* values */
#define EVIDENCE 6 /* lines at most */
#define TABLE_ROWS 8

struct line {
	const char *label;
	const char *text;
	enum role role;
	int least; /* rows that it has at least .. */
	int wants; /* .. and would fill */
	int rows;  /* what it gets */
};

#define LINES_MAX (6 + FINDING_EVIDENCE_MAX)
struct lines {
	struct line at[LINES_MAX];
	int len;
};

static const char *confidence_text(const struct verdict *verdict, struct strbuf *sb)
{
	strbuf_printf(sb, "confidence %s", confidence_name(verdict->confidence));
	return strbuf_str(sb);
}

static enum role confidence_role(const struct verdict *verdict)
{
	switch (verdict->confidence) {
	case CONFIDENCE_HIGH:
		return ROLE_GOOD;
	case CONFIDENCE_MEDIUM:
		return ROLE_WARN;
	case CONFIDENCE_LOW:
		break;
	}
	return ROLE_BAD;
}

static bool is_healthy(const struct finding *finding)
{
	return !strcmp(finding->bottleneck, "none") || !strcmp(finding->bottleneck, "idle");
}

static void add_line(struct lines *lines, const char *label, const char *text, enum role role,
		     int least, int width)
{
	struct line *line = &lines->at[lines->len];

	if (!*text || lines->len == LINES_MAX)
		return;
	*line = (struct line){.label = label, .text = text, .role = role};
	line->wants = widget_wrap_rows(text, width - (*label || lines->len ? LABEL : 0));
	line->least = least < line->wants ? least : line->wants;
	line->rows = line->least;
	lines->len++;
}

/* In the order in which they are shown; what must be there has rows from the start. */
static void collect_lines(struct lines *lines, const struct report *rep, int width)
{
	const struct verdict *verdict = rep->verdict;
	const struct finding *main = &verdict->main;
	const struct strbuf *headline = main->headline.len ? &main->headline : &main->summary;

	add_line(lines, "", strbuf_str(headline), is_healthy(main) ? ROLE_GOOD : ROLE_BAD, 2,
		 width);
	add_line(lines, "Cause", strbuf_str(&main->cause), ROLE_PLAIN, 2, width);
	add_line(lines, "Gain", strbuf_str(&main->gain_text), ROLE_PLAIN, 1, width);
	add_line(lines, "Next", strbuf_str(&main->next_step), ROLE_BOLD, 2, width);
	for (uint32_t i = 0; i < main->evidence_len && i < EVIDENCE; i++)
		add_line(lines, i ? "" : "Seen", strbuf_str(&main->evidence[i]), ROLE_DIM, 0,
			 width);
	if (verdict->second.fired)
		add_line(lines, "Also",
			 strbuf_str(verdict->second.headline.len ? &verdict->second.headline
								 : &verdict->second.summary),
			 ROLE_PLAIN, 0, width);
	add_line(lines, "Note", strbuf_str(&verdict->confidence_why), ROLE_DIM, 0, width);
}

/* Hand out @spare rows, to the first lines first.  Returns what is left. */
static int give_rows(struct lines *lines, int spare)
{
	for (int i = 0; i < lines->len; i++) {
		struct line *line = &lines->at[i];
		int more = line->wants - line->rows;

		if (more > spare)
			more = spare;
		line->rows += more;
		spare -= more;
	}
	return spare;
}

static int lines_rows(const struct lines *lines)
{
	int rows = 0;

	for (int i = 0; i < lines->len; i++)
		rows += lines->at[i].rows;
	return rows;
}

static int draw_verdict(const struct pane *pane, const struct report *rep,
			const struct lines *lines)
{
	struct strbuf title = {0};
	struct strbuf right = {0};
	int y = 1;

	strbuf_printf(&title, "VERDICT %s", rep->verdict->main.bottleneck);
	widget_rule(pane, 0, strbuf_str(&title), confidence_text(rep->verdict, &right),
		    confidence_role(rep->verdict));
	for (int i = 0; i < lines->len; i++) {
		const struct line *line = &lines->at[i];
		int x = i ? 1 + LABEL : 1;

		if (!line->rows)
			continue;
		pane_text(pane, 1, y, ROLE_TITLE, line->label);
		y += widget_wrap(pane, x, y, line->rows, line->role, line->text);
	}
	strbuf_free(&title);
	strbuf_free(&right);
	return y;
}

/* ---- what each model costs ---- */

static void lock_text(struct strbuf *sb, const struct report *rep, uint32_t lock)
{
	const struct snap_held held = snap_held_of(rep->snap, &rep->snap->locks[lock]);

	strbuf_puts(sb, rep->snap->locks[lock].name);
	if (held.thread == SNAP_NONE)
		return;
	strbuf_puts(sb, ", held by ");
	snap_thread_text(sb, rep->snap, held.thread);
}

static void worst_lock_text(struct strbuf *sb, const struct report *rep, bool gil)
{
	for (uint32_t i = 0; i < rep->snap->locks_len; i++) {
		const struct snap_lock *lock = &rep->snap->locks[i];

		if (lock->is_lock && lock->wait_ns && (lock->kind == LOCK_GIL) == gil) {
			lock_text(sb, rep, i);
			return;
		}
	}
}

static void processes_text(struct strbuf *sb, const struct report *rep)
{
	const struct snapshot *snap = rep->snap;

	for (uint32_t i = 0; i < snap->edges_len; i++) {
		const struct snap_edge *edge = &snap->edges[i];

		if (edge->from_thread >= snap->threads_len ||
		    edge->to_thread >= snap->threads_len ||
		    snap->threads[edge->from_thread].pid == snap->threads[edge->to_thread].pid)
			continue;
		snap_thread_text(sb, snap, edge->from_thread);
		strbuf_printf(sb, " waits for ");
		snap_thread_text(sb, snap, edge->to_thread);
		strbuf_printf(sb, " (%s)", edge_kind_name(edge->kind));
		return;
	}
	units_count(sb, snap->processes_len);
	strbuf_puts(sb, snap->processes_len == 1 ? " process" : " processes");
}

void view_stall_text(struct strbuf *sb, const struct report *rep, uint32_t stall)
{
	const struct snap_stall *s = &rep->snap->stalls[stall];

	units_duration(sb, s->duration_ns);
	strbuf_printf(sb, " %s", loop_part_name(s->cause));
	if (*s->syscall_name)
		strbuf_printf(sb, " (%s)", s->syscall_name);
	strbuf_puts(sb, " in ");
	if (*s->task)
		strbuf_puts(sb, s->task);
	else
		snap_call_site(sb, rep->snap, s->stack);
}

static void loops_text(struct strbuf *sb, const struct report *rep)
{
	const struct snap_loop *loop = rep->snap->loops;

	if (rep->snap->stalls_len) {
		strbuf_puts(sb, "stall of ");
		view_stall_text(sb, rep, 0);
	} else if (rep->snap->loops_len) {
		strbuf_printf(sb, "%s, busy ", loop->kind);
		units_percent(sb, num_ratio((double)loop->busy_ns, (double)loop->observed_ns));
	}
}

static void cpu_text(struct strbuf *sb, const struct report *rep)
{
	const struct snapshot *snap = rep->snap;
	const double busy = num_ratio((double)snap->class_ns[CLASS_RUN], (double)snap->duration_ns);
	const uint64_t tenths = num_to_u64(busy * 10 + 0.5);

	strbuf_printf(sb, "%u.%u of %u CPUs busy with it", (unsigned)(tenths / 10),
		      (unsigned)(tenths % 10), snap->run.cpus_allowed);
}

static void io_text(struct strbuf *sb, const struct report *rep)
{
	for (uint32_t i = 0; i < rep->snap->blocks_len; i++) {
		const struct snap_block *block = &rep->snap->blocks[i];

		if (block->cls != CLASS_DISK && block->cls != CLASS_NET)
			continue;
		strbuf_printf(sb, "%s in ", block->syscall_name);
		snap_call_site(sb, rep->snap, block->stack);
		return;
	}
}

static void cost_text(struct strbuf *sb, const struct report *rep, enum cost cost)
{
	switch (cost) {
	case COST_THREADS:
		worst_lock_text(sb, rep, false);
		break;
	case COST_GIL:
		worst_lock_text(sb, rep, true);
		break;
	case COST_PROCESSES:
		processes_text(sb, rep);
		break;
	case COST_LOOPS:
		loops_text(sb, rep);
		break;
	case COST_CPU:
		cpu_text(sb, rep);
		break;
	case COST_IO:
		io_text(sb, rep);
		break;
	case COST_COUNT:
		break;
	}
}

/* The last minute; of a capture all of it, stretched.  Returns how many values. */
static int minute_of(const struct app *app, enum cost cost, float values[SPARK_S])
{
	const struct series *series = app->series;
	const int len = series ? series->len : 0;
	int n = 0;

	if (len == 0)
		return 0;
	if (!app->status.live) {
		for (; n < SPARK_S; n++)
			values[n] = series->share[cost][n * len / SPARK_S];
	} else {
		for (int i = len > SPARK_S ? len - SPARK_S : 0; i < len; i++)
			values[n++] = series->share[cost][i];
	}
	if (!app->ascii)
		return n;
	/* One value a cell. */
	for (int i = 0; i < n / 2; i++)
		values[i] = (values[2 * i] + values[2 * i + 1]) / 2;
	return n / 2;
}

static void draw_cost(const struct app *app, const struct pane *pane, int y, enum cost cost)
{
	const double ratio = cost_ratio(app->rep, cost);
	const bool used = cost_in_use(app->rep, cost);
	const int bar = pane->width >= 100 ? 12 : 6;
	float values[SPARK_S];
	struct strbuf text = {0};
	int x = pane_fit(pane, 1, y, 12, TEXT_LEFT, used ? ROLE_BOLD : ROLE_DIM, cost_title(cost));

	if (used)
		units_percent(&text, ratio);
	else
		strbuf_putc(&text, '-');
	x = pane_fit(pane, x, y, 5, TEXT_RIGHT, used ? cost_role(cost) : ROLE_DIM,
		     strbuf_str(&text));
	if (used) {
		widget_bar(pane, x + 1, y, bar, cost_role(cost), ratio);
		widget_spark(pane, x + bar + 2, y, SPARK, cost_role(cost), values,
			     minute_of(app, cost, values));
		strbuf_reset(&text);
		cost_text(&text, app->rep, cost);
		x += bar + SPARK + 3;
		pane_fit(pane, x, y, pane->width - x - 1, TEXT_LEFT, ROLE_PLAIN, strbuf_str(&text));
	}
	strbuf_free(&text);
}

static int draw_costs(const struct app *app, const struct pane *pane, int y, int rows)
{
	const int bar = pane->width >= 100 ? 12 : 6;

	pane_repeat(pane, 0, y, pane->width, ROLE_HEADING, " ");
	pane_text(pane, 1, y, ROLE_HEADING, "MODEL");
	pane_text(pane, 13, y, ROLE_HEADING, "costs");
	pane_text(pane, 13 + 5 + bar + 2, y, ROLE_HEADING,
		  app->status.live ? "last 60 s" : "over the run");
	pane_text(pane, 13 + 5 + bar + 3 + SPARK, y, ROLE_HEADING, "where");
	for (int cost = 0; cost < rows - 1; cost++)
		draw_cost(app, pane, y + 1 + cost, (enum cost)cost);
	return rows;
}

/* ---- the worst ---- */

static int draw_worst_lock(const struct pane *pane, int y, const struct report *rep)
{
	struct strbuf text = {0};
	uint32_t at = rep->verdict->main.lock;
	const struct snap_lock *lock;

	if (at >= rep->snap->locks_len)
		at = 0;
	if (!rep->snap->locks_len || !rep->snap->locks[at].wait_ns)
		return 0;
	lock = &rep->snap->locks[at];
	pane_text(pane, 1, y, ROLE_TITLE, "lock");
	strbuf_printf(&text, "%s (%s), ", lock->name, lock_kind_name(lock->kind));
	units_count(&text, lock->waits);
	strbuf_puts(&text, " waits, ");
	units_duration(&text, lock->wait_ns);
	strbuf_puts(&text, " in all, p99 ");
	units_duration(&text, snap_hist_quantile(&lock->hist, 0.99));
	strbuf_puts(&text, ", max ");
	units_duration(&text, lock->hist.max_ns);
	pane_fit(pane, 1 + LABEL, y, pane->width - LABEL - 2, TEXT_LEFT, ROLE_PLAIN,
		 strbuf_str(&text));
	strbuf_free(&text);
	return 1;
}

static int draw_worst_stall(const struct pane *pane, int y, const struct report *rep)
{
	struct strbuf text = {0};

	if (!rep->snap->stalls_len)
		return 0;
	pane_text(pane, 1, y, ROLE_TITLE, "stall");
	view_stall_text(&text, rep, 0);
	pane_fit(pane, 1 + LABEL, y, pane->width - LABEL - 2, TEXT_LEFT, ROLE_PLAIN,
		 strbuf_str(&text));
	strbuf_free(&text);
	return 1;
}

static int draw_worst_thread(const struct pane *pane, int y, const struct report *rep)
{
	const int bar = 24;
	struct strbuf text = {0};
	uint32_t at = rep->verdict->main.thread;
	int x;

	if (!rep->snap->threads_len)
		return 0;
	if (at >= rep->snap->threads_len)
		at = 0;
	pane_text(pane, 1, y, ROLE_TITLE, "thread");
	snap_thread_text(&text, rep->snap, at);
	x = pane_fit(pane, 1 + LABEL, y, 16, TEXT_LEFT, ROLE_PLAIN, strbuf_str(&text)) + 1;
	widget_class_bar(pane, x, y, bar, rep->snap->threads[at].class_ns);
	widget_class_legend(pane, x + bar + 1, y, rep->snap->threads[at].class_ns);
	strbuf_free(&text);
	return 1;
}

/* A table of @rows rows under its heading. */
static int draw_table(const struct app *app, const struct pane *pane, int y, int rows,
		      const char *title, void (*make)(const struct app *app, struct table *ret))
{
	struct table_state state;
	struct pane part = pane_part(pane, 0, y, pane->width, rows + 1);
	struct table table;

	make(app, &table);
	table.passive = true;
	table.columns[0].title = title;
	table_state_init(&state);
	table_draw(&table, &state, &part, "");
	table_state_free(&state);
	return rows + 1;
}

static int least(int a, uint32_t b)
{
	return (uint32_t)a < b ? a : (int)b;
}

/* Locks that anybody lacked. */
static uint32_t locks_that_matter(const struct snapshot *snap)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < snap->locks_len; i++)
		count += snap->locks[i].wait_ns &&
			 (snap->locks[i].is_lock || snap->locks[i].peer_ns);
	return count ? count : 1;
}

static void draw_worst(const struct app *app, const struct pane *pane, int y, int room)
{
	const struct report *rep = app->rep;
	int each = (room - 3) / 3 < TABLE_ROWS ? (room - 3) / 3 : TABLE_ROWS;
	int stalls, locks;

	if (room < 8) {
		if (room > 0)
			y += draw_worst_lock(pane, y, rep);
		if (room > 1)
			y += draw_worst_stall(pane, y, rep);
		if (room > 2)
			draw_worst_thread(pane, y, rep);
		return;
	}
	each = each < 1 ? 1 : each;
	stalls = least(each, rep->snap->stalls_len);
	if (stalls)
		y += draw_table(app, pane, y, stalls, "STALLS", stalls_table);
	room -= stalls ? stalls + 1 : 0;
	locks = least((room - 2) / 2 < TABLE_ROWS ? (room - 2) / 2 : TABLE_ROWS,
		      locks_that_matter(rep->snap));
	y += draw_table(app, pane, y, locks, "LOCKS", locks_table);
	room -= locks + 2;
	draw_table(app, pane, y, least(room, rep->snap->threads_len), "THREADS", threads_table);
}

static void draw_time(const struct pane *pane, int y, const struct report *rep)
{
	int x = pane_text(pane, 1, y, ROLE_TITLE, "TIME") + 1;

	widget_class_bar(pane, x, y, pane->width - x - 1, rep->snap->class_ns);
	widget_class_legend(pane, x, y + 1, rep->snap->class_ns);
}

void overview_draw(struct app *app, const struct pane *pane)
{
	struct lines lines = {0};
	int costs = pane->height >= 24 ? 1 + COST_COUNT : COST_COUNT;
	int worst = pane->height >= 34 ? 12 : pane->height >= 18 ? 3 : 0;
	int spare, y;

	collect_lines(&lines, app->rep, pane->width - 2);
	if (pane->height < 18)
		costs = 1 + COST_GIL + 1;
	spare = pane->height - 1 - lines_rows(&lines) - costs - 2 - worst;
	if (spare > 0)
		spare = give_rows(&lines, spare);
	y = draw_verdict(pane, app->rep, &lines);
	if (spare > 2 + worst)
		y++;
	y += draw_costs(app, pane, y, costs);
	draw_time(pane, y, app->rep);
	y += 2;
	if (pane->height - y > 12)
		y++;
	draw_worst(app, pane, y, pane->height - y);
}

/* Enter leads to what the verdict is about. */
bool overview_act(struct app *app, enum action action)
{
	const struct finding *main = &app->rep->verdict->main;
	struct view_state *state;

	if (action != ACTION_OPEN)
		return false;
	if (main->lock < app->rep->snap->locks_len) {
		app->view = VIEW_LOCKS;
		state = &app->views[VIEW_LOCKS];
		state->opened = view_lock_identity(app->rep, main->lock);
	} else if (main->thread < app->rep->snap->threads_len) {
		app->view = VIEW_THREADS;
		state = &app->views[VIEW_THREADS];
		state->opened = view_thread_identity(app->rep, main->thread);
	} else {
		return false;
	}
	state->table.selected = state->opened;
	state->table.any = true;
	state->open = true;
	state->scroll = 0;
	return true;
}
