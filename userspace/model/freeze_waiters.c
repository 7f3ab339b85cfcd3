// SPDX-License-Identifier: GPL-2.0-only
/* Who waited for each lock, and where; and in which processes the lock is. */
#include "base/num.h"
#include "model/freeze_priv.h"

#include <stdlib.h>

struct item {
	uint32_t group;
	struct snap_waiter waiter;
};

struct in_process {
	uint32_t group;
	uint32_t pid;
};

static int compare_site(const void *pa, const void *pb)
{
	const struct item *a = pa;
	const struct item *b = pb;
	int r = freeze_rising(a->group, b->group);

	if (!r)
		r = freeze_rising(a->waiter.thread, b->waiter.thread);
	return r ? r : freeze_rising(a->waiter.stack, b->waiter.stack);
}

static int compare_wait(const void *pa, const void *pb)
{
	const struct item *a = pa;
	const struct item *b = pb;
	int r = freeze_rising(a->group, b->group);

	if (!r)
		r = freeze_falling(a->waiter.wait_ns, b->waiter.wait_ns);
	return r ? r : compare_site(pa, pb);
}

static int compare_process(const void *pa, const void *pb)
{
	const struct in_process *a = pa;
	const struct in_process *b = pb;
	int r = freeze_rising(a->group, b->group);

	return r ? r : freeze_rising(a->pid, b->pid);
}

static void merge(struct snap_waiter *into, const struct snap_waiter *from)
{
	into->waits = num_sat_add(into->waits, from->waits);
	into->wait_ns = num_sat_add(into->wait_ns, from->wait_ns);
	into->blocked_ns = num_sat_add(into->blocked_ns, from->blocked_ns);
	into->longest_ns = num_max_u64(into->longest_ns, from->longest_ns);
	into->open |= from->open;
	into->open_ns = num_max_u64(into->open_ns, from->open_ns);
}

static size_t collect(const struct freeze *f, struct item *items)
{
	const struct model_open *open;
	size_t n = 0;
	size_t kept = 0;

	for (uint32_t i = 0; i < f->m->waits.len; i++) {
		const struct model_wait *wait = model_wait(f->m, i);
		const struct record_wait *rec = &wait->rec;

		items[n++] = (struct item){
			.group = f->group_of[wait->lock],
			.waiter = {.thread = f->thread_of[wait->thread],
				   .stack = freeze_stack(f, rec->stack),
				   .waits = rec->waits,
				   .wait_ns = num_sat_add(rec->blocked_ns, rec->runq_ns),
				   .blocked_ns = rec->blocked_ns,
				   .longest_ns = rec->max_ns}};
	}
	VEC_FOREACH (&f->m->open, open)
		items[n++] = (struct item){.group = f->group_of[open->lock],
					   .waiter = {.thread = f->thread_of[open->thread],
						      .stack = freeze_stack(f, open->rec.stack),
						      .waits = 1,
						      .wait_ns = open->rec.blocked_ns,
						      .blocked_ns = open->rec.blocked_ns,
						      .longest_ns = open->rec.blocked_ns,
						      .open = true,
						      .open_ns = open->rec.blocked_ns}};
	qsort(items, n, sizeof(*items), compare_site);
	for (size_t i = 0; i < n; i++) {
		if (kept && compare_site(&items[kept - 1], &items[i]) == 0)
			merge(&items[kept - 1].waiter, &items[i].waiter);
		else
			items[kept++] = items[i];
	}
	qsort(items, kept, sizeof(*items), compare_wait);
	return kept;
}

static void distribute(struct freeze *f, const struct item *items, size_t len)
{
	for (size_t at = 0; at < len;) {
		struct freeze_group *g = &f->groups[items[at].group];
		size_t n = 0;

		while (at + n < len && items[at + n].group == items[at].group)
			n++;
		g->waiters = freeze_array(f, n, sizeof(*g->waiters));
		if (!g->waiters)
			return;
		for (size_t i = 0; i < n; i++)
			g->waiters[i] = items[at + i].waiter;
		g->lock.waiters_len = (uint32_t)n;
		at += n;
	}
}

/* Each lock's own process, and those of all who waited for a shared one. */
static size_t collect_processes(const struct freeze *f, struct in_process *all,
				const struct item *items, size_t items_len)
{
	size_t n = 0;
	size_t kept = 0;

	for (uint32_t i = 0; i < f->m->locks.len; i++)
		if (model_lock(f->m, i)->identified)
			all[n++] = (struct in_process){f->group_of[i], model_lock(f->m, i)->pid};
	for (size_t i = 0; i < items_len; i++)
		if (f->groups[items[i].group].lock.shared)
			all[n++] = (struct in_process){
				items[i].group, f->snap->threads[items[i].waiter.thread].pid};
	qsort(all, n, sizeof(*all), compare_process);
	for (size_t i = 0; i < n; i++)
		if (!kept || compare_process(&all[kept - 1], &all[i]) != 0)
			all[kept++] = all[i];
	return kept;
}

static void distribute_processes(struct freeze *f, const struct in_process *all, size_t len)
{
	for (size_t at = 0; at < len;) {
		struct freeze_group *g = &f->groups[all[at].group];
		size_t n = 0;

		while (at + n < len && all[at + n].group == all[at].group)
			n++;
		g->pids = freeze_array(f, n, sizeof(*g->pids));
		if (!g->pids)
			return;
		for (size_t i = 0; i < n; i++)
			g->pids[i] = all[at + i].pid;
		g->lock.pids_len = (uint32_t)n;
		at += n;
	}
}

void freeze_waiters(struct freeze *f)
{
	const size_t most = f->m->waits.len + f->m->open.len;
	struct item *items = freeze_temporary(f, most, sizeof(*items));
	struct in_process *processes =
		freeze_temporary(f, most + f->m->locks.len, sizeof(*processes));

	if (!f->failed) {
		size_t len = collect(f, items);

		distribute(f, items, len);
		len = collect_processes(f, processes, items, len);
		distribute_processes(f, processes, len);
	}
	free(items);
	free(processes);
}
