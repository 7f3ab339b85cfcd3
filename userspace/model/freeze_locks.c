// SPDX-License-Identifier: GPL-2.0-only
/* The list of locks in its order, their holders as threads of the snapshot. */
#include "base/num.h"
#include "model/freeze_priv.h"

#include <stdlib.h>

struct order {
	bool is_lock;
	uint64_t blame_ns;
	uint64_t wait_ns;
	uint64_t address;
	uint32_t group;
};

static int compare_order(const void *pa, const void *pb)
{
	const struct order *a = pa;
	const struct order *b = pb;
	int r = freeze_falling(a->is_lock, b->is_lock);

	if (!r)
		r = freeze_falling(a->blame_ns, b->blame_ns);
	if (!r)
		r = freeze_falling(a->wait_ns, b->wait_ns);
	if (!r)
		r = freeze_rising(a->address, b->address);
	return r ? r : freeze_rising(a->group, b->group);
}

static int compare_holder(const void *pa, const void *pb)
{
	const struct snap_holder *a = pa;
	const struct snap_holder *b = pb;
	int r = freeze_falling(a->blame_ns, b->blame_ns);

	if (!r)
		r = freeze_rising(a->thread, b->thread);
	return r ? r : freeze_rising(a->stack, b->stack);
}

static struct snap_lock finish_lock(struct freeze *f, struct freeze_group *g)
{
	struct snap_lock lock = g->lock;

	for (uint32_t i = 0; i < lock.holders_len; i++)
		if (g->holders[i].thread != NO_THREAD)
			g->holders[i].thread = f->thread_of[g->holders[i].thread];
	qsort(g->holders, lock.holders_len, sizeof(*g->holders), compare_holder);
	lock.holders = g->holders;
	lock.waiters = g->waiters;
	lock.pids = g->pids;
	freeze_lock_name(f, g, &lock);
	return lock;
}

void freeze_lock_list(struct freeze *f)
{
	struct order *order = freeze_temporary(f, f->groups_len, sizeof(*order));
	struct snap_lock *locks = NULL;
	uint32_t n = 0;

	for (uint32_t i = 0; !f->failed && i < f->groups_len; i++) {
		const struct snap_lock *lock = &f->groups[i].lock;

		f->lock_of[i] = SNAP_NONE;
		/* Met, but nobody waited in the window. */
		if (lock->waits)
			order[n++] = (struct order){lock->is_lock, lock->blame_ns, lock->wait_ns,
						    lock->address, i};
	}
	if (!f->failed) {
		qsort(order, n, sizeof(*order), compare_order);
		locks = freeze_array(f, n, sizeof(*locks));
	}
	for (uint32_t i = 0; !f->failed && i < n; i++) {
		locks[i] = finish_lock(f, &f->groups[order[i].group]);
		f->lock_of[order[i].group] = i;
	}
	freeze_tell_apart(f, locks, n);
	f->snap->locks = locks;
	f->snap->locks_len = n;
	free(order);
}
