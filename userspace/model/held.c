// SPDX-License-Identifier: GPL-2.0-only
#include "model/held.h"

#include "model/site.h"

#include <string.h>

/* Holders that are looked at: sorted by blame, so that the rest cannot matter much. */
#define LOOK_MAX 64

struct look {
	const struct snapshot *snap;
	const struct snap_lock *lock;
	uint32_t len;
	const struct snap_frame *site[LOOK_MAX]; /* of each holder's release */
};

static bool same_site(const struct snap_frame *a, const struct snap_frame *b)
{
	if (!a || !b)
		return a == b;
	return *a->name || *b->name ? !strcmp(a->name, b->name) : a->ip == b->ip;
}

/* Is holder @i known, and at the place of holder @at? */
static bool is_there(const struct look *look, uint32_t i, uint32_t at)
{
	return look->lock->holders[i].thread < look->snap->threads_len &&
	       same_site(look->site[at], look->site[i]);
}

/* What the thread of holder @at caused at that place in all: it can be there by several stacks.  -1
 * where one of these was counted before. */
static double thread_blame(const struct look *look, uint32_t at)
{
	const struct snap_holder *holders = look->lock->holders;
	double sum = 0;

	for (uint32_t i = 0; i < look->len; i++) {
		if (holders[i].thread != holders[at].thread || !is_there(look, i, at))
			continue;
		if (i < at)
			return -1;
		sum += (double)holders[i].blame_ns;
	}
	return sum;
}

static bool named_first(const struct snapshot *snap, uint32_t a, uint32_t b)
{
	return b == SNAP_NONE || snap->threads[a].tid < snap->threads[b].tid;
}

/* All holders that released at the place of holder @first, together. */
static struct snap_held sum_place(const struct look *look, uint32_t first)
{
	struct snap_held held = {.thread = SNAP_NONE, .site = look->site[first]};
	double while_ns[CLASS_COUNT] = {0};
	double most = 0;
	uint32_t threads = 0;

	for (uint32_t i = first; i < look->len; i++) {
		const struct snap_holder *holder = &look->lock->holders[i];
		double blame;

		if (!is_there(look, i, first))
			continue;
		held.blame_ns += (double)holder->blame_ns;
		for (int c = 0; c < CLASS_COUNT; c++)
			while_ns[c] += (double)holder->while_ns[c];
		blame = thread_blame(look, i);
		threads += blame >= 0;
		if (blame > most ||
		    (blame >= most && named_first(look->snap, holder->thread, held.thread))) {
			most = blame;
			held.thread = holder->thread;
		}
	}
	held.others = threads ? threads - 1 : 0;
	for (int c = 0; c < CLASS_COUNT; c++) {
		if (c != CLASS_OTHER && while_ns[c] > held.main_ns) { /* OTHER: not seen */
			held.main_ns = while_ns[c];
			held.main_class = (enum time_class)c;
		}
	}
	return held;
}

/* The thread has waited for the lock in the function that releases it: that line tells more of what
 * is held.  Any other wait of it may belong to another section. */
static void find_taken(const struct look *look, struct snap_held *held)
{
	for (uint32_t i = 0; held->site && look->lock->is_lock && i < look->lock->waiters_len;
	     i++) {
		const struct snap_waiter *waiter = &look->lock->waiters[i];
		const struct snap_frame *site = waiter->thread == held->thread
							? snap_site_frame(look->snap, waiter->stack)
							: NULL;

		if (site && same_site(site, held->site)) {
			held->site = site;
			held->taken = true;
			return;
		}
	}
}

struct snap_held snap_held_of(const struct snapshot *snap, const struct snap_lock *lock)
{
	struct snap_held best = {.thread = SNAP_NONE};
	struct look look = {.snap = snap, .lock = lock};

	for (; look.len < LOOK_MAX && look.len < lock->holders_len; look.len++)
		look.site[look.len] = snap_site_frame(snap, lock->holders[look.len].stack);
	for (uint32_t i = 0; i < look.len; i++) {
		struct snap_held held;

		if (!is_there(&look, i, i))
			continue;
		held = sum_place(&look, i);
		if (held.blame_ns > best.blame_ns)
			best = held;
	}
	find_taken(&look, &best);
	return best;
}
