// SPDX-License-Identifier: GPL-2.0-only
/* Who waited for whom: the records of one pair of threads and one kind are an edge, its stacks
 * sites of it. */
#include "base/num.h"
#include "model/freeze_priv.h"

#include <stdlib.h>

/* By pair and kind; within these the longest waiting first. */
static int compare_model(const void *pa, const void *pb)
{
	const struct model_edge *a = *(const struct model_edge *const *)pa;
	const struct model_edge *b = *(const struct model_edge *const *)pb;
	int r = freeze_rising(a->from, b->from);

	if (!r)
		r = freeze_rising(a->to, b->to);
	if (!r)
		r = freeze_rising(a->rec.kind, b->rec.kind);
	if (!r)
		r = freeze_falling(a->rec.wait_ns, b->rec.wait_ns);
	if (!r)
		r = freeze_falling(a->rec.waits, b->rec.waits);
	if (!r)
		r = freeze_rising(a->rec.wait_stack, b->rec.wait_stack);
	return r ? r : freeze_rising(a->rec.wake_stack, b->rec.wake_stack);
}

static int compare_edge(const void *pa, const void *pb)
{
	const struct snap_edge *a = pa;
	const struct snap_edge *b = pb;
	int r = freeze_falling(a->wait_ns, b->wait_ns);

	if (!r)
		r = freeze_falling(a->waits, b->waits);
	if (!r)
		r = freeze_rising(a->from_thread, b->from_thread);
	if (!r)
		r = freeze_rising(a->to_thread, b->to_thread);
	return r ? r : freeze_rising(a->kind, b->kind);
}

static bool same_edge(const struct model_edge *a, const struct model_edge *b)
{
	return a->from == b->from && a->to == b->to && a->rec.kind == b->rec.kind;
}

/* Add @from to @edge, whose sites have room for it. */
static void add_edge(const struct freeze *f, struct snap_edge *edge, struct snap_edge_site *sites,
		     const struct model_edge *from)
{
	edge->waits = num_sat_add(edge->waits, from->rec.waits);
	edge->wait_ns = num_sat_add(edge->wait_ns, from->rec.wait_ns);
	if (!from->rec.wait_stack && !from->rec.wake_stack)
		return;
	sites[edge->sites_len++] =
		(struct snap_edge_site){.wait_stack = freeze_stack(f, from->rec.wait_stack),
					.wake_stack = freeze_stack(f, from->rec.wake_stack),
					.waits = from->rec.waits,
					.wait_ns = from->rec.wait_ns};
	edge->sites = sites;
}

static uint32_t join_edges(const struct freeze *f, const struct model_edge *const *order,
			   size_t len, struct snap_edge *edges, struct snap_edge_site *sites)
{
	uint32_t n = 0;

	for (size_t i = 0; i < len; i++) {
		if (!i || !same_edge(order[i - 1], order[i])) {
			if (n)
				sites += edges[n - 1].sites_len;
			edges[n++] = (struct snap_edge){
				.from_thread = f->thread_of[order[i]->from],
				.to_thread = order[i]->to == NO_THREAD ? SNAP_NONE
								       : f->thread_of[order[i]->to],
				.kind = (enum edge_kind)order[i]->rec.kind,
			};
		}
		add_edge(f, &edges[n - 1], sites, order[i]);
	}
	return n;
}

void freeze_edges(struct freeze *f)
{
	const size_t len = f->m->edges.len;
	const struct model_edge **order = freeze_temporary(f, len, sizeof(*order));
	struct snap_edge *edges = freeze_array(f, len, sizeof(*edges));
	struct snap_edge_site *sites = freeze_array(f, len, sizeof(*sites));

	if (!f->failed) {
		for (size_t i = 0; i < len; i++)
			order[i] = (const struct model_edge *)f->m->edges.at + i;
		qsort(order, len, sizeof(*order), compare_model);
		f->snap->edges_len = join_edges(f, order, len, edges, sites);
		qsort(edges, f->snap->edges_len, sizeof(*edges), compare_edge);
		f->snap->edges = edges;
	}
	free(order);
}
