// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/cascade.h"

#include "analysis/knots.h"
#include "base/cleanup.h"
#include "base/hashmap.h"
#include "base/num.h"
#include "base/vec.h"

#include <errno.h>
#include <string.h>

/* A stretch of waiting for @thread, part of which that thread may hand on. */
struct link {
	uint32_t thread;
	uint64_t start_ns;
	uint64_t end_ns;
	uint64_t handed_ns;
	size_t next; /* of that thread's own waits: the first one not looked at */
};

struct work {
	struct cascade_wait *waits; /* by thread, then in time; without overlaps */
	size_t len;
	size_t *first; /* by thread, threads_len + 1 */
	VEC(struct cascade_edge) edges;
	struct hashmap by_ends;
	struct cascade_thread *threads;
	uint32_t threads_len;
	uint64_t steps;
	uint64_t wait_ns;
	uint64_t unknown_ns;
	bool cut;
};

static void work_free(struct work *w)
{
	free(w->waits);
	free(w->first);
	vec_free(&w->edges);
	hashmap_free(&w->by_ends);
	free(w->threads);
}

static int compare_wait(const void *pa, const void *pb)
{
	const struct cascade_wait *a = pa;
	const struct cascade_wait *b = pb;

	if (a->from != b->from)
		return a->from < b->from ? -1 : 1;
	if (a->start_ns != b->start_ns)
		return a->start_ns < b->start_ns ? -1 : 1;
	if (a->end_ns != b->end_ns)
		return a->end_ns < b->end_ns ? -1 : 1;
	return a->to < b->to ? -1 : a->to > b->to;
}

/* Sorted, without what is empty, unknown or overlaps; and where each thread's begin. */
static int take_waits(struct work *w, const struct cascade_wait *waits, size_t len)
{
	size_t kept = 0, at = 0;

	w->waits = calloc(len + 1, sizeof(*w->waits));
	w->first = calloc(w->threads_len + 1UL, sizeof(*w->first));
	if (!w->waits || !w->first)
		return -ENOMEM;
	for (size_t i = 0; i < len; i++) {
		if (waits[i].from < w->threads_len && waits[i].start_ns < waits[i].end_ns)
			w->waits[kept++] = waits[i];
	}
	qsort(w->waits, kept, sizeof(*w->waits), compare_wait);
	for (size_t i = 0; i < kept; i++) {
		struct cascade_wait wait = w->waits[i];

		if (w->len > 0 && w->waits[w->len - 1].from == wait.from &&
		    w->waits[w->len - 1].end_ns > wait.start_ns)
			wait.start_ns = w->waits[w->len - 1].end_ns;
		if (wait.start_ns < wait.end_ns)
			w->waits[w->len++] = wait;
	}
	for (uint32_t t = 0; t <= w->threads_len; t++) {
		while (at < w->len && w->waits[at].from < t)
			at++;
		w->first[t] = at;
	}
	return 0;
}

static bool known(const struct work *w, const struct cascade_wait *wait)
{
	return wait->to < w->threads_len && wait->to != wait->from;
}

/* The first wait of @thread that ends after @ns. */
static size_t first_after(const struct work *w, uint32_t thread, uint64_t ns)
{
	size_t low = w->first[thread], high = w->first[thread + 1];

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (w->waits[middle].end_ns > ns)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

static struct cascade_edge *edge_of(struct work *w, uint32_t from, uint32_t to)
{
	const uint32_t key[2] = {from, to};
	struct cascade_edge *edge;
	uint32_t *place;
	bool added;

	place = hashmap_put(&w->by_ends, key, (uint32_t)w->edges.len, &added);
	if (!place)
		return NULL;
	if (!added)
		return &w->edges.at[*place];
	edge = vec_add(&w->edges);
	if (edge) {
		edge->from = from;
		edge->to = to;
	}
	return edge;
}

/* Let @ns of waiting go through @from's wait for @to; @own: it is @from itself that waits. */
static int pass(struct work *w, uint32_t from, uint32_t to, uint64_t ns, bool own)
{
	struct cascade_edge *edge = edge_of(w, from, to);

	if (!edge)
		return -ENOMEM;
	if (own)
		edge->ns = num_sat_add(edge->ns, ns);
	edge->impact_ns = num_sat_add(edge->impact_ns, ns);
	w->threads[to].impact_ns = num_sat_add(w->threads[to].impact_ns, ns);
	return 0;
}

static bool on_path(const struct link *path, size_t depth, uint32_t thread)
{
	for (size_t i = 0; i < depth; i++) {
		if (path[i].thread == thread)
			return true;
	}
	return false;
}

static struct link link_to(const struct work *w, uint32_t thread, uint64_t start_ns,
			   uint64_t end_ns)
{
	return (struct link){.thread = thread,
			     .start_ns = start_ns,
			     .end_ns = end_ns,
			     .next = first_after(w, thread, start_ns)};
}

/* The next wait of @link's thread inside its stretch; NULL = there is none. */
static const struct cascade_wait *next_inside(const struct work *w, struct link *link)
{
	const struct cascade_wait *wait;

	if (link->next >= w->first[link->thread + 1])
		return NULL;
	wait = &w->waits[link->next];
	if (wait->start_ns >= link->end_ns)
		return NULL;
	link->next++;
	return wait;
}

/* Follow one wait to those with whom it ends. */
static int follow(struct work *w, const struct cascade_wait *first)
{
	struct link path[CASCADE_DEPTH + 1]; /* the waiter itself, then those it waits for */
	size_t depth = 2;
	int err;

	path[0] = (struct link){.thread = first->from};
	path[1] = link_to(w, first->to, first->start_ns, first->end_ns);
	err = pass(w, first->from, first->to, first->end_ns - first->start_ns, true);
	while (!err && depth > 1) {
		struct link *link = &path[depth - 1];
		const struct cascade_wait *wait =
			w->steps < CASCADE_STEPS ? next_inside(w, link) : NULL;
		uint64_t from_ns, to_ns;

		w->cut |= w->steps >= CASCADE_STEPS;
		w->steps++;
		if (!wait) {
			struct cascade_thread *t = &w->threads[link->thread];

			t->exclusive_ns = num_sat_add(
				t->exclusive_ns, link->end_ns - link->start_ns - link->handed_ns);
			depth--;
			continue;
		}
		if (!known(w, wait) || depth > CASCADE_DEPTH || on_path(path, depth, wait->to))
			continue;
		from_ns = num_max_u64(link->start_ns, wait->start_ns);
		to_ns = num_min_u64(link->end_ns, wait->end_ns);
		link->handed_ns += to_ns - from_ns;
		err = pass(w, link->thread, wait->to, to_ns - from_ns, false);
		path[depth++] = link_to(w, wait->to, from_ns, to_ns);
	}
	return err;
}

static int follow_all(struct work *w)
{
	int err = 0;

	for (size_t i = 0; i < w->len && !err; i++) {
		const struct cascade_wait *wait = &w->waits[i];
		uint64_t ns = wait->end_ns - wait->start_ns;
		struct cascade_thread *from = &w->threads[wait->from];

		from->waited_ns = num_sat_add(from->waited_ns, ns);
		w->wait_ns = num_sat_add(w->wait_ns, ns);
		if (!known(w, wait)) {
			w->unknown_ns = num_sat_add(w->unknown_ns, ns);
			continue;
		}
		w->threads[wait->to].direct_ns = num_sat_add(w->threads[wait->to].direct_ns, ns);
		err = follow(w, wait);
	}
	return err;
}

static int compare_edge(const void *pa, const void *pb)
{
	const struct cascade_edge *a = pa;
	const struct cascade_edge *b = pb;

	if (a->impact_ns != b->impact_ns)
		return a->impact_ns > b->impact_ns ? -1 : 1;
	if (a->from != b->from)
		return a->from < b->from ? -1 : 1;
	return a->to < b->to ? -1 : a->to > b->to;
}

/* By impact, without the small ones. */
static void keep_edges(struct work *w, uint64_t window_ns)
{
	size_t kept = 0;

	for (size_t i = 0; i < w->edges.len; i++) {
		if ((double)w->edges.at[i].impact_ns >= CASCADE_EDGE_SHARE * (double)window_ns)
			w->edges.at[kept++] = w->edges.at[i];
	}
	w->edges.len = kept;
	if (kept > 0)
		qsort(w->edges.at, kept, sizeof(*w->edges.at), compare_edge);
}

int cascade_of(const struct cascade_wait *waits, size_t len, uint32_t threads_len,
	       uint64_t window_ns, struct cascade *ret)
{
	_cleanup_(work_free) struct work w = {.threads_len = threads_len};
	uint32_t knots_len;
	int err;

	hashmap_init(&w.by_ends, 2 * sizeof(uint32_t));
	w.threads = calloc(threads_len + 1UL, sizeof(*w.threads));
	if (!w.threads)
		return -ENOMEM;
	err = take_waits(&w, waits, len);
	if (!err)
		err = follow_all(&w);
	if (err)
		return err;
	keep_edges(&w, window_ns);
	err = knots_find(w.threads, threads_len, w.edges.at, (uint32_t)w.edges.len, &knots_len);
	if (err)
		return err;
	*ret = (struct cascade){.threads = w.threads,
				.threads_len = threads_len,
				.edges = w.edges.at,
				.edges_len = (uint32_t)w.edges.len,
				.knots_len = knots_len,
				.wait_ns = w.wait_ns,
				.unknown_ns = w.unknown_ns,
				.cut = w.cut};
	w.threads = NULL;
	w.edges.at = NULL;
	return 0;
}

/* ---- of a run ---- */

struct lifetime {
	uint32_t tid;
	uint32_t thread;
	uint64_t start_ns;
};

static int compare_lifetime(const void *pa, const void *pb)
{
	const struct lifetime *a = pa;
	const struct lifetime *b = pb;

	if (a->tid != b->tid)
		return a->tid < b->tid ? -1 : 1;
	return a->start_ns < b->start_ns ? -1 : a->start_ns > b->start_ns;
}

/* The thread that had @tid at @ns: the last of those with that number that had begun by then. */
static uint32_t thread_at(const struct lifetime *all, uint32_t len, uint32_t tid, uint64_t ns)
{
	uint32_t low = 0, high = len;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (all[middle].tid < tid || (all[middle].tid == tid && all[middle].start_ns <= ns))
			low = middle + 1;
		else
			high = middle;
	}
	return low > 0 && tid && all[low - 1].tid == tid ? all[low - 1].thread : SNAP_NONE;
}

int cascade_of_run(const struct snapshot *snap, struct cascade *ret)
{
	_cleanup_free_ struct lifetime *all = NULL;
	_cleanup_free_ struct cascade_wait *waits = NULL;

	all = calloc(snap->threads_len + 1UL, sizeof(*all));
	waits = calloc(snap->long_waits_len + 1UL, sizeof(*waits));
	if (!all || !waits)
		return -ENOMEM;
	for (uint32_t i = 0; i < snap->threads_len; i++)
		all[i] = (struct lifetime){snap->threads[i].tid, i, snap->threads[i].start_ns};
	qsort(all, snap->threads_len, sizeof(*all), compare_lifetime);
	for (uint32_t i = 0; i < snap->long_waits_len; i++) {
		const struct record_long_wait *wait = &snap->long_waits[i];
		uint32_t to = wait->holder_tid ? wait->holder_tid : wait->waker_tid;

		waits[i] = (struct cascade_wait){
			.from = thread_at(all, snap->threads_len, wait->tid, wait->end_ns),
			.to = thread_at(all, snap->threads_len, to, wait->end_ns),
			.start_ns = wait->start_ns,
			.end_ns = wait->woken_ns};
	}
	return cascade_of(waits, snap->long_waits_len, snap->threads_len, snap->duration_ns, ret);
}

uint32_t cascade_root(const struct cascade *cascade)
{
	uint32_t best = SNAP_NONE;

	for (uint32_t i = 0; i < cascade->threads_len; i++) {
		if (cascade->threads[i].exclusive_ns > 0 &&
		    (best == SNAP_NONE ||
		     cascade->threads[i].exclusive_ns > cascade->threads[best].exclusive_ns))
			best = i;
	}
	return best;
}

void cascade_free(struct cascade *cascade)
{
	free(cascade->threads);
	free(cascade->edges);
	*cascade = (struct cascade){0};
}
