// SPDX-License-Identifier: GPL-2.0-only
/* Threads as in htop: what each one's time went to, how often it switches, what it does now; as a
 * list or by process.  Opened: one thread's waits, blocking calls and stacks. */
#include "base/num.h"
#include "base/units.h"
#include "model/site.h"
#include "tui/view.h"
#include "tui/widgets.h"

#include <inttypes.h>

#define BAR 16

/* Rows below threads_len are threads; those above are processes, which lead their threads. */
static bool is_process(const struct report *rep, uint32_t row)
{
	return row >= rep->snap->threads_len;
}

static const struct snap_process *process_at(const struct report *rep, uint32_t row)
{
	return &rep->snap->processes[row - rep->snap->threads_len];
}

static uint64_t identity(const struct report *rep, uint32_t row)
{
	if (is_process(rep, row))
		return (uint64_t)process_at(rep, row)->pid << 32;
	return view_thread_identity(rep, row);
}

static uint32_t group(const struct report *rep, uint32_t row)
{
	return is_process(rep, row) ? row - rep->snap->threads_len
				    : rep->snap->threads[row].process;
}

static const uint64_t *classes(const struct report *rep, uint32_t row)
{
	return is_process(rep, row) ? process_at(rep, row)->class_ns
				    : rep->snap->threads[row].class_ns;
}

static void name(struct strbuf *sb, const struct report *rep, uint32_t row)
{
	snap_thread_text(sb, rep->snap, row);
}

static void tree_name(struct strbuf *sb, const struct report *rep, uint32_t row)
{
	if (is_process(rep, row)) {
		strbuf_printf(sb, "%s (%" PRIu32 ")", process_at(rep, row)->comm,
			      process_at(rep, row)->pid);
		return;
	}
	strbuf_puts(sb, "   ");
	snap_thread_text(sb, rep->snap, row);
}

static enum role tree_role(const struct report *rep, uint32_t row)
{
	return is_process(rep, row) ? ROLE_BOLD : ROLE_PLAIN;
}

static void draw_bar(const struct pane *cell, const struct report *rep, uint32_t row)
{
	widget_class_bar(cell, 0, 0, cell->width, classes(rep, row));
}

/* Sorted by what is not idle. */
static double busy(const struct report *rep, uint32_t row)
{
	uint64_t idle = time_group_ns(GROUP_IDLE, classes(rep, row));
	uint64_t all = 0;

	for (unsigned cls = 0; cls < CLASS_COUNT; cls++)
		all = num_sat_add(all, classes(rep, row)[cls]);
	return (double)num_sat_sub(all, idle);
}

static double share(const struct report *rep, uint32_t row, enum time_group of)
{
	uint64_t all = 0;

	for (unsigned cls = 0; cls < CLASS_COUNT; cls++)
		all = num_sat_add(all, classes(rep, row)[cls]);
	return num_ratio((double)time_group_ns(of, classes(rep, row)), (double)all);
}

/* One pair of functions a group: its share as a number to sort by, and drawn in its colour. */
#define SHARE(group_name, of)                                                            \
	static double group_name##_share(const struct report *rep, uint32_t row)         \
	{                                                                                \
		return share(rep, row, of);                                              \
	}                                                                                \
	static void group_name##_cell(const struct pane *cell, const struct report *rep, \
				      uint32_t row)                                      \
	{                                                                                \
		draw_share(cell, share(rep, row, of), of);                               \
	}

static void draw_share(const struct pane *cell, double ratio, enum time_group of)
{
	struct strbuf text = {0};

	units_percent(&text, ratio);
	pane_fit(cell, 0, 0, cell->width, TEXT_RIGHT, ratio >= 0.01 ? role_of_group(of) : ROLE_DIM,
		 strbuf_str(&text));
	strbuf_free(&text);
}

SHARE(run, GROUP_RUN)
SHARE(lock, GROUP_LOCK)
SHARE(gil, GROUP_GIL)
SHARE(disk, GROUP_DISK)
SHARE(net, GROUP_NET)
SHARE(peer, GROUP_PEER)
SHARE(runq, GROUP_RUNQ)
SHARE(idle, GROUP_IDLE)

/* Groups without a cell of their own would be zero in every row: these come only where used. */
static const struct {
	enum time_group group;
	unsigned rank;
	const char *title;
	double (*number)(const struct report *rep, uint32_t row);
	void (*draw)(const struct pane *cell, const struct report *rep, uint32_t row);
} shares[] = {
	{GROUP_RUN, 3, "run", run_share, run_cell},
	{GROUP_LOCK, 4, "lock", lock_share, lock_cell},
	{GROUP_GIL, 5, "GIL", gil_share, gil_cell},
	{GROUP_RUNQ, 6, "runq", runq_share, runq_cell},
	{GROUP_DISK, 9, "disk", disk_share, disk_cell},
	{GROUP_NET, 10, "net", net_share, net_cell},
	{GROUP_PEER, 11, "peer", peer_share, peer_cell},
	{GROUP_IDLE, 12, "idle", idle_share, idle_cell},
};

static uint64_t switches_of(const struct report *rep, uint32_t row)
{
	const struct snap_thread *t;

	if (is_process(rep, row))
		return num_sat_add(process_at(rep, row)->voluntary_switches,
				   process_at(rep, row)->involuntary_switches);
	t = &rep->snap->threads[row];
	return num_sat_add(t->voluntary_switches, t->involuntary_switches);
}

static double switches(const struct report *rep, uint32_t row)
{
	return num_ratio((double)switches_of(rep, row) * (double)NS_PER_S,
			 (double)rep->snap->duration_ns);
}

static void switches_cell(const struct pane *cell, const struct report *rep, uint32_t row)
{
	struct strbuf text = {0};

	units_count(&text, num_to_u64(switches(rep, row) + 0.5));
	pane_fit(cell, 0, 0, cell->width, TEXT_RIGHT, ROLE_PLAIN, strbuf_str(&text));
	strbuf_free(&text);
}

static double runq_p99(const struct report *rep, uint32_t row)
{
	return (double)snap_hist_quantile(is_process(rep, row) ? &process_at(rep, row)->runq
							       : &rep->snap->threads[row].runq,
					  0.99);
}

static void runq_p99_cell(const struct pane *cell, const struct report *rep, uint32_t row)
{
	struct strbuf text = {0};

	units_duration(&text, num_to_u64(runq_p99(rep, row)));
	pane_fit(cell, 0, 0, cell->width, TEXT_RIGHT, ROLE_PLAIN, strbuf_str(&text));
	strbuf_free(&text);
}

static void now(struct strbuf *sb, const struct report *rep, uint32_t row)
{
	if (is_process(rep, row))
		strbuf_printf(sb, "%" PRIu32 " threads", process_at(rep, row)->threads);
	else
		view_thread_now(sb, rep, row);
}

void threads_table(const struct app *app, struct table *ret)
{
	const struct snapshot *snap = app->rep->snap;
	const bool tree = app->views[VIEW_THREADS].tree;

	*ret = (struct table){.rep = app->rep,
			      .rows_len = snap->threads_len + (tree ? snap->processes_len : 0),
			      .identity = identity,
			      .group = tree ? group : NULL,
			      .lead = tree ? is_process : NULL,
			      .empty = "no thread was seen"};
	table_add_column(ret, &(struct table_column){.title = "THREAD",
						     .least = 16,
						     .rank = 1,
						     .text = tree ? tree_name : name,
						     .role = tree ? tree_role : NULL});
	table_add_column(ret, &(struct table_column){.title = "time",
						     .width = BAR,
						     .rank = 2,
						     .number = busy,
						     .draw = draw_bar});
	for (size_t i = 0; i < ARRAY_LEN(shares); i++) {
		const double ratio =
			num_ratio((double)time_group_ns(shares[i].group, snap->class_ns),
				  (double)snap->wall_thread_ns);

		if (ratio < 0.001 && shares[i].group != GROUP_RUN && shares[i].group != GROUP_LOCK)
			continue;
		table_add_column(ret, &(struct table_column){.title = shares[i].title,
							     .width = 5,
							     .rank = shares[i].rank,
							     .align = TEXT_RIGHT,
							     .number = shares[i].number,
							     .draw = shares[i].draw});
	}
	table_add_column(ret, &(struct table_column){.title = "switch/s",
						     .width = 8,
						     .rank = 8,
						     .align = TEXT_RIGHT,
						     .number = switches,
						     .draw = switches_cell});
	table_add_column(ret, &(struct table_column){.title = "runq p99",
						     .width = 8,
						     .rank = 9,
						     .align = TEXT_RIGHT,
						     .number = runq_p99,
						     .draw = runq_p99_cell});
	table_add_column(
		ret, &(struct table_column){.title = "now", .least = 12, .rank = 7, .text = now});
}

/* ---- one thread ---- */

static uint32_t find(const struct report *rep, uint64_t wanted)
{
	for (uint32_t i = 0; i < rep->snap->threads_len; i++)
		if (view_thread_identity(rep, i) == wanted)
			return i;
	return SNAP_NONE;
}

static int draw_summary(const struct pane *pane, const struct report *rep, uint32_t thread)
{
	const struct snap_thread *t = &rep->snap->threads[thread];
	struct strbuf text = {0};
	struct strbuf title = {0};
	int rows;

	strbuf_printf(&title, "THREAD %s  (pid %" PRIu32 ", tid %" PRIu32 ")", t->name, t->pid,
		      t->tid);
	widget_rule(pane, 0, strbuf_str(&title), "Esc closes", ROLE_DIM);
	widget_class_bar(pane, 1, 1, pane->width - 2, t->class_ns);
	widget_class_legend(pane, 1, 2, t->class_ns);
	strbuf_puts(&text, "now: ");
	view_thread_now(&text, rep, thread);
	strbuf_puts(&text, "   switches/s: ");
	units_count(&text, num_to_u64(switches(rep, thread) + 0.5));
	strbuf_puts(&text, "   of these involuntary: ");
	units_percent(&text,
		      num_ratio((double)t->involuntary_switches, (double)switches_of(rep, thread)));
	strbuf_puts(&text, "   run queue p99: ");
	units_duration(&text, snap_hist_quantile(&t->runq, 0.99));
	rows = widget_wrap(pane, 1, 3, 3, ROLE_PLAIN, strbuf_str(&text));
	strbuf_free(&text);
	strbuf_free(&title);
	return 4 + rows;
}

static int draw_waits(const struct pane *pane, int y, const struct report *rep, uint32_t thread)
{
	const struct snapshot *snap = rep->snap;
	const int first = y;

	widget_rule(pane, y++, "WAITS FOR", NULL, ROLE_DIM);
	for (uint32_t i = 0; i < snap->locks_len; i++) {
		const struct snap_lock *lock = &snap->locks[i];

		for (uint32_t k = 0; k < lock->waiters_len; k++) {
			const struct snap_waiter *w = &lock->waiters[k];
			struct strbuf text = {0};
			int x;

			if (w->thread != thread || y - first > 12)
				continue;
			units_duration(&text, w->wait_ns);
			x = pane_fit(pane, 1, y, 9, TEXT_RIGHT, ROLE_BOLD, strbuf_str(&text));
			strbuf_reset(&text);
			units_count(&text, w->waits);
			strbuf_puts(&text, "x");
			x = pane_fit(pane, x + 1, y, 9, TEXT_RIGHT, ROLE_DIM, strbuf_str(&text));
			strbuf_reset(&text);
			strbuf_printf(&text, "%s%s, in ", lock->name, w->open ? " (now)" : "");
			snap_call_site_lines(&text, snap, w->stack);
			pane_fit(pane, x + 2, y++, pane->width - x - 3, TEXT_LEFT, ROLE_PLAIN,
				 strbuf_str(&text));
			strbuf_free(&text);
		}
	}
	if (y == first + 1)
		pane_text(pane, 2, y++, ROLE_DIM, "no lock or queue");
	return y + 1;
}

static int draw_blocks(const struct pane *pane, int y, const struct report *rep, uint32_t thread)
{
	const struct snapshot *snap = rep->snap;
	const int first = y;

	widget_rule(pane, y++, "BLOCKING CALLS", NULL, ROLE_DIM);
	for (uint32_t i = 0; i < snap->blocks_len && y - first <= 10; i++) {
		const struct snap_block *block = &snap->blocks[i];
		struct strbuf text = {0};
		int x;

		if (block->thread != thread)
			continue;
		units_duration(&text, block->ns);
		x = pane_fit(pane, 1, y, 9, TEXT_RIGHT, ROLE_BOLD, strbuf_str(&text));
		x = pane_fit(pane, x + 1, y, 12, TEXT_LEFT, role_of_class(block->cls),
			     time_class_name(block->cls));
		strbuf_reset(&text);
		strbuf_printf(&text, "%s in ", block->syscall_name);
		snap_call_site_lines(&text, snap, block->stack);
		pane_fit(pane, x + 1, y++, pane->width - x - 2, TEXT_LEFT, ROLE_PLAIN,
			 strbuf_str(&text));
		strbuf_free(&text);
	}
	if (y == first + 1)
		pane_text(pane, 2, y++, ROLE_DIM, "none");
	return y + 1;
}

static int draw_samples(const struct pane *pane, int y, const struct report *rep, uint32_t thread)
{
	const struct snapshot *snap = rep->snap;

	widget_rule(pane, y++, "WHERE IT RUNS (most samples)", NULL, ROLE_DIM);
	for (uint32_t i = 0; i < snap->samples_len; i++)
		if (snap->samples[i].thread == thread)
			return y + view_stack(pane, y, rep, snap->samples[i].stack, 20);
	pane_text(pane, 2, y, ROLE_DIM, "no sample met it on a CPU");
	return y + 1;
}

int threads_detail(struct app *app, const struct pane *pane, uint64_t wanted, bool *ret_there)
{
	uint32_t thread = find(app->rep, wanted);
	int y;

	*ret_there = thread != SNAP_NONE;
	if (thread == SNAP_NONE)
		return 0;
	y = draw_summary(pane, app->rep, thread);
	y = draw_waits(pane, y, app->rep, thread);
	y = draw_blocks(pane, y, app->rep, thread);
	return draw_samples(pane, y, app->rep, thread);
}
