// SPDX-License-Identifier: GPL-2.0-only
/* Who held each lock while others waited for it: the blame, summing exactly to the blocked time. */
#include "base/num.h"
#include "model/divide.h"
#include "model/freeze_priv.h"

#include <stdlib.h>
#include <string.h>

struct item {
	uint32_t group;
	struct snap_holder holder; /* .thread: the model's */
};

static int compare_item(const void *pa, const void *pb)
{
	const struct item *a = pa;
	const struct item *b = pb;
	int r = freeze_rising(a->group, b->group);

	if (!r)
		r = freeze_rising(a->holder.thread, b->holder.thread);
	if (!r)
		r = freeze_rising(a->holder.stack, b->holder.stack);
	return r ? r : freeze_rising(a->holder.evidence, b->holder.evidence);
}

static struct item item_of_blame(const struct freeze *f, const struct model_blame *blame)
{
	struct item item = {
		.group = f->group_of[blame->lock],
		.holder = {.thread = freeze_known_thread(f, blame->holder),
			   .stack = freeze_stack(f, blame->rec.release_stack),
			   .evidence = (enum holder_evidence)blame->rec.evidence,
			   .waits = blame->rec.waits,
			   .blame_ns = blame->rec.blame_ns},
	};

	memcpy(item.holder.while_ns, blame->rec.while_ns, sizeof(item.holder.while_ns));
	return item;
}

/* What the holder does during a wait that goes on is not recorded yet: class other, by
 * complete_while(). */
static struct item item_of_open(const struct freeze *f, const struct model_open *open)
{
	return (struct item){
		.group = f->group_of[open->lock],
		.holder = {.thread = freeze_known_thread(f, open->holder),
			   .stack = SNAP_NONE,
			   .evidence = (enum holder_evidence)open->rec.evidence,
			   .waits = 1,
			   .blame_ns = open->rec.blocked_ns},
	};
}

/* Add @from to @into: the same holder by other evidence. The evidence for the larger part stays. */
static void merge(struct snap_holder *into, const struct snap_holder *from)
{
	if (from->blame_ns > into->blame_ns)
		into->evidence = from->evidence;
	into->waits = num_sat_add(into->waits, from->waits);
	into->blame_ns = num_sat_add(into->blame_ns, from->blame_ns);
	for (int i = 0; i < CLASS_COUNT; i++)
		into->while_ns[i] = num_sat_add(into->while_ns[i], from->while_ns[i]);
}

static size_t collect(const struct freeze *f, struct item *items)
{
	const struct model_open *open;
	size_t n = 0;
	size_t kept = 0;

	for (uint32_t i = 0; i < f->m->blames.len; i++)
		items[n++] = item_of_blame(f, (struct model_blame *)f->m->blames.at + i);
	VEC_FOREACH (&f->m->open, open)
		items[n++] = item_of_open(f, open);
	qsort(items, n, sizeof(*items), compare_item);
	for (size_t i = 0; i < n; i++) {
		if (items[i].holder.thread == NO_THREAD)
			items[i].holder.evidence = HOLDER_NONE;
		if (kept && items[kept - 1].group == items[i].group &&
		    items[kept - 1].holder.thread == items[i].holder.thread &&
		    items[kept - 1].holder.stack == items[i].holder.stack)
			merge(&items[kept - 1].holder, &items[i].holder);
		else
			items[kept++] = items[i];
	}
	return kept;
}

/* What nobody is blamed for goes to the unknown holder; blame beyond the blocked time is scaled. */
static void complete_blame(struct freeze_group *g, uint64_t *blame)
{
	struct snap_holder *holders = g->holders;
	uint32_t len = g->lock.holders_len;
	uint64_t sum = 0;
	uint64_t waits = 0;
	struct snap_holder *unknown = NULL;

	for (uint32_t i = 0; i < len; i++) {
		blame[i] = holders[i].blame_ns;
		sum = num_sat_add(sum, blame[i]);
		waits = num_sat_add(waits, holders[i].waits);
		if (holders[i].thread == NO_THREAD && holders[i].stack == SNAP_NONE)
			unknown = &holders[i];
	}
	if (sum > g->lock.blocked_ns)
		divide_scale(blame, len, g->lock.blocked_ns);
	for (uint32_t i = 0; i < len; i++)
		holders[i].blame_ns = blame[i];
	if (sum >= g->lock.blocked_ns)
		return;
	if (!unknown) {
		unknown = &holders[g->lock.holders_len++]; /* there is room for one more */
		unknown->thread = NO_THREAD;
		unknown->stack = SNAP_NONE;
		unknown->evidence = HOLDER_NONE;
	}
	unknown->blame_ns += g->lock.blocked_ns - sum;
	unknown->waits = num_sat_add(unknown->waits, num_sat_sub(g->lock.waits, waits));
}

/* What the holders did meanwhile sums to their blame. */
static void complete_while(struct freeze *f, struct freeze_group *g)
{
	for (uint32_t i = 0; i < g->lock.holders_len; i++) {
		struct snap_holder *h = &g->holders[i];

		divide_fill(h->while_ns, h->blame_ns);
		h->main_class = CLASS_OTHER;
		for (int k = 0; k < CLASS_COUNT; k++) {
			g->lock.while_ns[k] = num_sat_add(g->lock.while_ns[k], h->while_ns[k]);
			if (h->while_ns[k] > h->while_ns[h->main_class])
				h->main_class = (enum time_class)k;
			if (h->thread != NO_THREAD && g->lock.is_lock &&
			    time_class_idle((enum time_class)k))
				f->times[h->thread].idle_blame_ns = num_sat_add(
					f->times[h->thread].idle_blame_ns, h->while_ns[k]);
		}
		if (h->thread != NO_THREAD)
			g->lock.known_blame_ns = num_sat_add(g->lock.known_blame_ns, h->blame_ns);
	}
}

void freeze_holders(struct freeze *f)
{
	const size_t most = f->m->blames.len + f->m->open.len;
	struct item *items = freeze_temporary(f, most, sizeof(*items));
	uint64_t *blame = freeze_temporary(f, most, sizeof(*blame));
	size_t len = f->failed ? 0 : collect(f, items);
	size_t at = 0;

	for (uint32_t i = 0; !f->failed && i < f->groups_len; i++) {
		struct freeze_group *g = &f->groups[i];
		size_t first = at;

		while (at < len && items[at].group == i)
			at++;
		if (!g->lock.waits)
			continue; /* not in the snapshot */
		g->holders = freeze_array(f, at - first + 1, sizeof(*g->holders));
		if (!g->holders)
			break;
		for (size_t k = first; k < at; k++)
			g->holders[k - first] = items[k].holder;
		g->lock.holders_len = (uint32_t)(at - first);
		complete_blame(g, blame);
		complete_while(f, g);
	}
	free(items);
	free(blame);
}
