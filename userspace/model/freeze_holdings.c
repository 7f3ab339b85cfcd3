// SPDX-License-Identifier: GPL-2.0-only
/* What the holders of each lock did while others waited. */
#include "base/num.h"
#include "model/freeze_priv.h"

#include <stdlib.h>

struct item {
	uint32_t group;
	struct snap_holding holding;
};

static int compare(const void *pa, const void *pb)
{
	const struct item *a = pa;
	const struct item *b = pb;
	int r = freeze_rising(a->group, b->group);

	if (!r)
		r = freeze_rising(a->holding.kind, b->holding.kind);
	if (!r)
		r = freeze_falling(a->holding.ns, b->holding.ns);
	if (!r)
		r = freeze_falling(a->holding.count, b->holding.count);
	if (!r)
		r = freeze_rising(a->holding.thread, b->holding.thread);
	return r ? r : freeze_rising(a->holding.stack, b->holding.stack);
}

static size_t collect(const struct freeze *f, struct item *items)
{
	size_t n = 0;

	for (size_t i = 0; i < f->m->holdings.len; i++) {
		const struct model_holding *from = (struct model_holding *)f->m->holdings.at + i;
		uint32_t thread = freeze_known_thread(f, from->holder);
		uint32_t stack = freeze_stack(f, from->rec.stack);

		if (thread == NO_THREAD || stack == SNAP_NONE)
			continue;
		items[n++] = (struct item){.group = f->group_of[from->lock],
					   .holding = {.thread = f->thread_of[thread],
						       .stack = stack,
						       .kind = (enum holding_kind)from->rec.kind,
						       .count = from->rec.count,
						       .ns = from->rec.ns,
						       .kept = from->rec.kept}};
	}
	qsort(items, n, sizeof(*items), compare);
	return n;
}

void freeze_holdings(struct freeze *f)
{
	struct item *items = freeze_temporary(f, f->m->holdings.len, sizeof(*items));
	size_t len = f->failed ? 0 : collect(f, items);

	for (size_t at = 0, n; !f->failed && at < len; at += n) {
		struct snap_lock *lock = &f->groups[items[at].group].lock;
		struct snap_holding *list;

		for (n = 1; at + n < len && items[at + n].group == items[at].group;)
			n++;
		list = freeze_array(f, n, sizeof(*list));
		if (!list)
			break;
		for (size_t i = 0; i < n; i++)
			list[i] = items[at + i].holding;
		lock->holdings = list;
		lock->holdings_len = (uint32_t)n;
	}
	free(items);
}
