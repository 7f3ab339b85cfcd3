// SPDX-License-Identifier: GPL-2.0-only
/* Locks, by what they cost; opened: how long waits last, who waits where, who holds it, where it is
 * released and what is done meanwhile. */
#include "base/num.h"
#include "base/units.h"
#include "model/site.h"
#include "tui/view.h"
#include "tui/widgets.h"

#include <inttypes.h>

#define SHOWN_MAX 12
#define STACK_ROWS 12

static uint64_t identity(const struct report *rep, uint32_t row)
{
	return view_lock_identity(rep, row);
}

/* A word on which threads only idle (the condvar of an empty queue) is no lock anybody lacks. */
static bool matters(const struct report *rep, uint32_t row)
{
	const struct snap_lock *lock = &rep->snap->locks[row];

	return lock->wait_ns && (lock->is_lock || lock->peer_ns);
}

static double open_waits(const struct report *rep, uint32_t row)
{
	return rep->snap->locks[row].open_waits;
}

static void open_cell(const struct pane *cell, const struct report *rep, uint32_t row)
{
	const uint32_t open = rep->snap->locks[row].open_waits;
	struct strbuf text = {0};

	units_count(&text, open);
	pane_fit(cell, 0, 0, cell->width, TEXT_RIGHT, open ? ROLE_WARN : ROLE_DIM,
		 strbuf_str(&text));
	strbuf_free(&text);
}

static enum role name_role(const struct report *rep, uint32_t row)
{
	return row == rep->verdict->main.lock ? ROLE_BAD : ROLE_BOLD;
}

void locks_table(const struct app *app, struct table *ret)
{
	static const unsigned ranks[] = {1, 4, 5, 2, 5, 6, 7, 8, 3, 9};

	*ret = (struct table){.rep = app->rep,
			      .rows_len = app->rep->snap->locks_len,
			      .identity = identity,
			      .shown = matters,
			      .empty = "no thread waited for a lock"};
	table_add(ret, TABLE_LOCKS, "name", 0);
	ret->columns[0].title = "LOCK";
	ret->columns[0].least = 16;
	ret->columns[0].role = name_role;
	table_add(ret, TABLE_LOCKS, "kind", 7);
	table_add(ret, TABLE_LOCKS, "waits_per_s", 0);
	table_add(ret, TABLE_LOCKS, "wait_ns", 0);
	table_add(ret, TABLE_LOCKS, "p99_wait_ns", 0);
	table_add(ret, TABLE_LOCKS, "max_wait_ns", 0);
	table_add_column(ret, &(struct table_column){.title = "open",
						     .width = 4,
						     .rank = 6,
						     .align = TEXT_RIGHT,
						     .number = open_waits,
						     .draw = open_cell});
	table_add(ret, TABLE_LOCKS, "gain", 0);
	table_add(ret, TABLE_LOCKS, "held_by", 0);
	table_add(ret, TABLE_LOCKS, "waiting_in", 0);
	/* How long waits last is worth more here than where: Enter tells that. */
	for (uint32_t i = 0; i < ret->columns_len && i < ARRAY_LEN(ranks); i++)
		ret->columns[i].rank = ranks[i];
	ret->columns[8].least = 16;
}

/* ---- one lock ---- */

static uint32_t find(const struct report *rep, uint64_t wanted)
{
	for (uint32_t i = 0; i < rep->snap->locks_len; i++)
		if (view_lock_identity(rep, i) == wanted)
			return i;
	return SNAP_NONE;
}

static void add_figure(struct strbuf *sb, const char *what, uint64_t ns)
{
	strbuf_printf(sb, "   %s ", what);
	units_duration(sb, ns);
}

static int draw_summary(const struct pane *pane, const struct report *rep, uint32_t at)
{
	const struct snap_lock *lock = &rep->snap->locks[at];
	const double gain = at < rep->verdict->lock_gain_len ? rep->verdict->lock_gain[at] : 0;
	struct strbuf text = {0};
	int rows;

	strbuf_printf(&text, "LOCK %s  (%s)", lock->name, lock_kind_name(lock->kind));
	widget_rule(pane, 0, strbuf_str(&text), "Esc closes", ROLE_DIM);
	strbuf_reset(&text);
	units_count(&text, lock->waits);
	strbuf_puts(&text, " waits");
	add_figure(&text, "total", lock->wait_ns);
	add_figure(&text, "p50", snap_hist_quantile(&lock->hist, 0.5));
	add_figure(&text, "p99", snap_hist_quantile(&lock->hist, 0.99));
	add_figure(&text, "max", lock->hist.max_ns);
	pane_text(pane, 1, 1, ROLE_BOLD, strbuf_str(&text));
	strbuf_reset(&text);
	strbuf_printf(&text, "up to %" PRIu32 " wait at once, %" PRIu32 " wait now; contended ",
		      lock->waiters_max, lock->open_waits);
	units_percent(&text, num_ratio((double)lock->contended_ns, (double)rep->snap->duration_ns));
	strbuf_puts(&text, " of the time; if removed: ");
	if (gain > 0)
		units_factor(&text, gain);
	else
		strbuf_puts(&text, "no gain");
	strbuf_printf(&text, "; at 0x%" PRIx64, lock->address);
	if (*lock->module)
		strbuf_printf(&text, " in %s", text_base_name(lock->module));
	rows = widget_wrap(pane, 1, 2, 3, ROLE_PLAIN, strbuf_str(&text));
	strbuf_free(&text);
	return 3 + rows;
}

/* Where it is waited for: waiters of one call site together, the first stack of each. */
static int draw_waiters(const struct pane *pane, int y, const struct report *rep,
			const struct snap_lock *lock)
{
	widget_rule(pane, y++, "WAITERS", NULL, ROLE_DIM);
	for (uint32_t i = 0; i < lock->waiters_len && i < SHOWN_MAX; i++) {
		const struct snap_waiter *w = &lock->waiters[i];
		struct strbuf text = {0};
		int x;

		units_duration(&text, w->wait_ns);
		x = pane_fit(pane, 1, y, 9, TEXT_RIGHT, ROLE_BOLD, strbuf_str(&text));
		strbuf_reset(&text);
		units_percent(&text, num_ratio((double)w->wait_ns, (double)lock->wait_ns));
		x = pane_fit(pane, x, y, 5, TEXT_RIGHT, ROLE_PLAIN, strbuf_str(&text));
		strbuf_reset(&text);
		snap_thread_text(&text, rep->snap, w->thread);
		x = pane_fit(pane, x + 2, y, 18, TEXT_LEFT, w->open ? ROLE_WARN : ROLE_PLAIN,
			     strbuf_str(&text));
		strbuf_reset(&text);
		if (w->open)
			strbuf_puts(&text, "(now) ");
		snap_call_site_lines(&text, rep->snap, w->stack);
		pane_fit(pane, x + 1, y++, pane->width - x - 2, TEXT_LEFT, ROLE_PLAIN,
			 strbuf_str(&text));
		strbuf_free(&text);
	}
	if (lock->waiters_len > SHOWN_MAX)
		pane_printf(pane, 2, y++, ROLE_DIM, "and %" PRIu32 " more",
			    lock->waiters_len - SHOWN_MAX);
	return y + 1;
}

static int draw_holders(const struct pane *pane, int y, const struct report *rep,
			const struct snap_lock *lock)
{
	widget_rule(pane, y++, "HOLDERS: what they do meanwhile, and where they let go", NULL,
		    ROLE_DIM);
	for (uint32_t i = 0; i < lock->holders_len && i < SHOWN_MAX; i++) {
		const struct snap_holder *h = &lock->holders[i];
		struct strbuf text = {0};
		int x;

		units_duration(&text, h->blame_ns);
		x = pane_fit(pane, 1, y, 9, TEXT_RIGHT, ROLE_BOLD, strbuf_str(&text));
		strbuf_reset(&text);
		units_percent(&text, num_ratio((double)h->blame_ns, (double)lock->blame_ns));
		x = pane_fit(pane, x, y, 5, TEXT_RIGHT, ROLE_PLAIN, strbuf_str(&text));
		strbuf_reset(&text);
		snap_thread_text(&text, rep->snap, h->thread);
		x = pane_fit(pane, x + 2, y, 18, TEXT_LEFT, ROLE_PLAIN, strbuf_str(&text));
		widget_class_bar(pane, x + 1, y, 12, h->while_ns);
		x += 14;
		x = pane_fit(pane, x, y, 8, TEXT_LEFT, role_of_class(h->main_class),
			     h->blame_ns ? while_name(h->main_class) : "-");
		strbuf_reset(&text);
		if (h->stack != SNAP_NONE)
			snap_call_site_lines(&text, rep->snap, h->stack);
		pane_fit(pane, x + 1, y++, pane->width - x - 2, TEXT_LEFT, ROLE_PLAIN,
			 strbuf_str(&text));
		strbuf_free(&text);
	}
	if (!lock->holders_len)
		pane_text(pane, 2, y++, ROLE_DIM, "nobody was seen to hold it");
	return y + 1;
}

static const char *holding_title(enum holding_kind kind)
{
	switch (kind) {
	case HOLDING_SAMPLED:
		return "runs";
	case HOLDING_BLOCKED:
		return "blocks";
	case HOLDING_SEEN:
	case HOLDING_KIND_COUNT:
		break;
	}
	return "was met";
}

static int draw_holdings(const struct pane *pane, int y, const struct report *rep,
			 const struct snap_lock *lock)
{
	if (!lock->holdings_len)
		return y;
	widget_rule(pane, y++, "WHILE IT IS HELD, the holder", NULL, ROLE_DIM);
	for (uint32_t i = 0; i < lock->holdings_len && i < SHOWN_MAX; i++) {
		const struct snap_holding *h = &lock->holdings[i];
		struct strbuf text = {0};
		int x = pane_fit(pane, 1, y, 9, TEXT_RIGHT, ROLE_PLAIN, holding_title(h->kind));

		units_count(&text, h->count);
		strbuf_putc(&text, 'x');
		x = pane_fit(pane, x, y, 8, TEXT_RIGHT, ROLE_BOLD, strbuf_str(&text));
		strbuf_reset(&text);
		strbuf_puts(&text, "in ");
		snap_call_site_lines(&text, rep->snap, h->stack);
		pane_fit(pane, x + 2, y++, pane->width - x - 3, TEXT_LEFT, ROLE_PLAIN,
			 strbuf_str(&text));
		strbuf_free(&text);
	}
	return y + 1;
}

/* The stacks behind the first waiter and the first holder whose stacks are known. */
static int draw_stacks(const struct pane *pane, int y, const struct report *rep,
		       const struct snap_lock *lock)
{
	for (uint32_t i = 0; i < lock->waiters_len; i++) {
		if (lock->waiters[i].stack == SNAP_NONE)
			continue;
		widget_rule(pane, y++, "STACK of the longest waiting", NULL, ROLE_DIM);
		y += view_stack(pane, y, rep, lock->waiters[i].stack, STACK_ROWS) + 1;
		break;
	}
	for (uint32_t i = 0; i < lock->holders_len; i++) {
		if (lock->holders[i].stack == SNAP_NONE)
			continue;
		widget_rule(pane, y++, "STACK where it is released", NULL, ROLE_DIM);
		y += view_stack(pane, y, rep, lock->holders[i].stack, STACK_ROWS) + 1;
		break;
	}
	return y;
}

int locks_detail(struct app *app, const struct pane *pane, uint64_t wanted, bool *ret_there)
{
	const uint32_t at = find(app->rep, wanted);
	const struct snap_lock *lock;
	int y;

	*ret_there = at != SNAP_NONE;
	if (at == SNAP_NONE)
		return 0;
	lock = &app->rep->snap->locks[at];
	y = draw_summary(pane, app->rep, at);
	y = draw_waiters(pane, y, app->rep, lock);
	y = draw_holders(pane, y, app->rep, lock);
	y = draw_holdings(pane, y, app->rep, lock);
	widget_rule(pane, y++, "HOW LONG WAITS LAST", NULL, ROLE_DIM);
	y += widget_hist(pane, y, &lock->hist, role_of_group(GROUP_LOCK)) + 1;
	return draw_stacks(pane, y, app->rep, lock);
}
