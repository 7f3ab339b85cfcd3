// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who waits for whom, followed to the root cause: from those who wait over the lock to the thread
 * that holds it, and on to what that one waits for itself.  A chain that comes back to itself is a
 * knot.
 */
#include "base/num.h"
#include "base/units.h"
#include "model/held.h"
#include "model/site.h"
#include "tui/view.h"
#include "tui/widgets.h"

#include <inttypes.h>

#define CHAIN_MAX 8 /* links */
#define CHAINS 200
/* A holder waits for a lock itself where that is this part of what it did meanwhile. */
#define FOLLOW_RATIO 0.3

static const char *arrow(const struct app *app)
{
	return app->ascii ? " -> " : " ─▶ ";
}

/* The lock for which @thread waits the longest, but for @not; SNAP_NONE. */
static uint32_t waits_most_for(const struct snapshot *snap, uint32_t thread, uint32_t not_lock)
{
	uint32_t found = SNAP_NONE;
	uint64_t most_ns = 0;

	for (uint32_t i = 0; i < snap->locks_len; i++) {
		const struct snap_lock *lock = &snap->locks[i];

		for (uint32_t k = 0; k < lock->waiters_len && i != not_lock && lock->is_lock; k++) {
			if (lock->waiters[k].thread != thread ||
			    lock->waiters[k].wait_ns <= most_ns)
				continue;
			most_ns = lock->waiters[k].wait_ns;
			found = i;
		}
	}
	return found;
}

static uint32_t distinct_waiters(const struct snap_lock *lock)
{
	uint32_t threads = 0;

	for (uint32_t i = 0; i < lock->waiters_len; i++) {
		bool seen = false;

		for (uint32_t k = 0; k < i && !seen; k++)
			seen = lock->waiters[k].thread == lock->waiters[i].thread;
		threads += !seen;
	}
	return threads;
}

static void add_waiters(struct strbuf *sb, const struct snapshot *snap,
			const struct snap_lock *lock)
{
	const uint32_t threads = distinct_waiters(lock);

	if (threads == 1)
		snap_thread_text(sb, snap, lock->waiters[0].thread);
	else
		strbuf_printf(sb, "%" PRIu32 " threads", threads);
}

/* Whether its holders mostly wait for another lock while they have @lock. */
static bool held_while_waiting(const struct snap_lock *lock)
{
	double all = 0;

	for (unsigned cls = 0; cls < CLASS_COUNT; cls++)
		all += (double)lock->while_ns[cls];
	return (double)lock->while_ns[CLASS_LOCK] >= FOLLOW_RATIO * all && all > 0;
}

static void add_root(struct strbuf *sb, const struct snapshot *snap, const struct snap_lock *lock,
		     const struct snap_held *held)
{
	for (uint32_t i = 0; i < lock->holdings_len; i++) {
		const struct snap_holding *h = &lock->holdings[i];

		if (h->thread != held->thread)
			continue;
		strbuf_printf(sb, "%s in ", while_name(held->main_class));
		snap_call_site_lines(sb, snap, h->stack);
		return;
	}
	strbuf_puts(sb, while_name(held->main_class));
}

/* From lock @at to its root cause; true where it comes back to a lock that it passed. */
static bool add_chain(struct strbuf *sb, const struct app *app, uint32_t at)
{
	const struct snapshot *snap = app->rep->snap;
	uint32_t passed[CHAIN_MAX] = {0};

	for (unsigned links = 0; links < CHAIN_MAX; links++) {
		const struct snap_lock *lock = &snap->locks[at];
		const struct snap_held held = snap_held_of(snap, lock);

		for (unsigned i = 0; i < links; i++) {
			if (passed[i] == at) {
				strbuf_printf(sb, "%s%s", arrow(app), lock->name);
				return true;
			}
		}
		passed[links] = at;
		strbuf_printf(sb, "%s%s (%s)", arrow(app), lock->name, lock_kind_name(lock->kind));
		if (held.thread == SNAP_NONE) {
			strbuf_printf(sb, "%sholder unknown", arrow(app));
			return false;
		}
		strbuf_puts(sb, arrow(app));
		snap_thread_text(sb, snap, held.thread);
		if (held.others)
			strbuf_printf(sb, " +%" PRIu32, held.others);
		at = held_while_waiting(lock) ? waits_most_for(snap, held.thread, at) : SNAP_NONE;
		if (at == SNAP_NONE) {
			strbuf_puts(sb, arrow(app));
			add_root(sb, snap, lock, &held);
			return false;
		}
	}
	return false;
}

static int put_chain(const struct pane *pane, int y, uint64_t ns, bool knot, const char *text)
{
	struct strbuf time = {0};
	int x;

	units_duration(&time, ns);
	x = pane_fit(pane, 1, y, 9, TEXT_RIGHT, ROLE_BOLD, strbuf_str(&time));
	strbuf_free(&time);
	if (knot)
		x = pane_text(pane, x + 1, y, ROLE_BAD, "KNOT");
	return widget_wrap(pane, x + 2, y, 3, ROLE_PLAIN, text);
}

static int draw_lock_chains(const struct app *app, const struct pane *pane, int y)
{
	const struct snapshot *snap = app->rep->snap;
	int chains = 0;

	for (uint32_t i = 0; i < snap->locks_len && chains < CHAINS; i++) {
		const struct snap_lock *lock = &snap->locks[i];
		struct strbuf text = {0};
		bool knot;

		if (!lock->is_lock || !lock->wait_ns || !lock->waiters_len)
			continue;
		add_waiters(&text, snap, lock);
		knot = add_chain(&text, app, i);
		y += put_chain(pane, y, lock->blocked_ns, knot, strbuf_str(&text));
		chains++;
		strbuf_free(&text);
	}
	if (!chains)
		pane_text(pane, 2, y++, ROLE_DIM, "no thread waited for a lock");
	return y + 1;
}

/* The heaviest edge out of @thread, but for locks, which have chains of their own. */
static const struct snap_edge *edge_out(const struct snapshot *snap, uint32_t thread)
{
	for (uint32_t i = 0; i < snap->edges_len; i++)
		if (snap->edges[i].from_thread == thread && snap->edges[i].kind != EDGE_LOCK)
			return &snap->edges[i];
	return NULL;
}

static bool add_peers(struct strbuf *sb, const struct app *app, const struct snap_edge *edge)
{
	const struct snapshot *snap = app->rep->snap;
	uint32_t passed[CHAIN_MAX] = {0};

	for (unsigned links = 0; edge && links < CHAIN_MAX; links++) {
		const uint32_t to = edge->to_thread;

		passed[links] = edge->from_thread;
		strbuf_printf(sb, "%s(%s)%s", arrow(app), edge_kind_name(edge->kind), arrow(app));
		snap_thread_text(sb, snap, to);
		for (unsigned i = 0; i <= links; i++)
			if (passed[i] == to)
				return true;
		edge = edge_out(snap, to);
		if (!edge && to < snap->threads_len) {
			strbuf_puts(sb, arrow(app));
			view_thread_now(sb, app->rep, to);
		}
	}
	return false;
}

static int draw_peer_chains(const struct app *app, const struct pane *pane, int y)
{
	const struct snapshot *snap = app->rep->snap;
	int chains = 0;

	widget_rule(pane, y++, "THREADS AND PROCESSES that wait for each other's work", NULL,
		    ROLE_DIM);
	for (uint32_t i = 0; i < snap->edges_len && chains < CHAINS; i++) {
		const struct snap_edge *edge = &snap->edges[i];
		struct strbuf text = {0};
		bool knot;

		if (edge->kind == EDGE_LOCK || !edge->wait_ns)
			continue;
		snap_thread_text(&text, snap, edge->from_thread);
		knot = add_peers(&text, app, edge);
		y += put_chain(pane, y, edge->wait_ns, knot, strbuf_str(&text));
		chains++;
		strbuf_free(&text);
	}
	if (!chains)
		pane_text(pane, 2, y++, ROLE_DIM, "none");
	return y;
}

void graph_draw(struct app *app, const struct pane *pane)
{
	struct view_state *state = &app->views[VIEW_GRAPH];
	const struct pane moved = pane_scrolled(pane, state->scroll);
	int y = 1;

	widget_rule(&moved, 0, "LOCKS: from those who wait to the root cause", NULL, ROLE_DIM);
	y = draw_lock_chains(app, &moved, y);
	state->content = draw_peer_chains(app, &moved, y);
}
