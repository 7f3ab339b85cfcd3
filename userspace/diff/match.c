// SPDX-License-Identifier: GPL-2.0-only
/*
 * Locks and loops of two runs, matched by what outlives a rebuild: the name, without addresses, and
 * where that leaves nothing the call site that waits.  Those of one identity are summed.
 */
#include "base/hashmap.h"
#include "base/num.h"
#include "base/strbuf.h"
#include "diff/diff_internal.h"
#include "model/site.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Locks that cost less than this part of the time with work are left out. */
#define LEAST_RATIO 0.001
/* A histogram's quantile is interpolated inside a bucket of twice its lower end. */
#define QUANTILE_UNREST 0.1

enum side { BEFORE, AFTER, SIDES };

/* All locks, or loops, of one identity. */
struct item {
	char *name;	   /* identity, shown */
	const char *class; /* of its waits */
	bool there[SIDES];
	double waits[SIDES]; /* of loops: turns */
	double wait_ns[SIDES];
	double p99_ns[SIDES]; /* the worst one's, as are the following */
	double max_ns[SIDES];
	double added_ns[SIDES];
	double stalls[SIDES];
};

struct items {
	struct item *at;
	size_t len;
	size_t cap;
	struct hashmap places; /* hash of the name -> index */
};

/* Whether a word of @len bytes is an address. */
static bool is_address(const char *word, size_t len)
{
	return len > 2 && word[0] == '0' && word[1] == 'x' &&
	       strspn(word + 2, "0123456789abcdef") >= len - 2;
}

/* @name without its addresses, words apart by one space. */
static void add_stable(struct strbuf *sb, const char *name)
{
	while (*name) {
		size_t len = strcspn(name, " ");

		if (len && !is_address(name, len)) {
			if (sb->len)
				strbuf_putc(sb, ' ');
			strbuf_add(sb, name, len);
		}
		name += len + (name[len] == ' ');
	}
}

/* "in f", of the first frame of the lock's first waiter that is the program's own. */
static void add_site(struct strbuf *sb, const json_t *root, const json_t *lock)
{
	const json_t *waiter = json_array_get(json_object_get(lock, "waiters"), 0);
	size_t id = (size_t)diff_number(waiter, "stack");
	const json_t *stack = id ? json_array_get(json_object_get(root, "stacks"), id - 1) : NULL;
	const json_t *frames = json_object_get(stack, "frames");

	for (size_t i = 0; i < json_array_size(frames); i++) {
		const json_t *frame = json_array_get(frames, i);
		const char *name = diff_string(frame, "name");

		if (!*name || !strcmp(diff_string(frame, "kind"), "kernel") ||
		    site_in_runtime(diff_string(frame, "module"), name))
			continue;
		strbuf_printf(sb, "%s in %s", diff_string(lock, "kind"), name);
		return;
	}
	strbuf_printf(sb, "%s without a name", diff_string(lock, "kind"));
}

/* The item of @name, a new one if there is none; NULL when memory is short. */
static struct item *item_of(struct items *items, const struct strbuf *name)
{
	uint64_t hash = hash_bytes(strbuf_str(name), name->len);
	bool added = false;
	uint32_t *place = hashmap_put(&items->places, &hash, (uint32_t)items->len, &added);
	struct item *item = place && added ? vec_add(items) : NULL;

	if (!place || name->failed || (added && !item))
		return NULL;
	item = &items->at[*place];
	if (added)
		item->name = strdup(strbuf_str(name));
	return item->name ? item : NULL;
}

static const char *class_of(const json_t *lock)
{
	if (!strcmp(diff_string(lock, "kind"), "gil"))
		return "gil";
	return json_is_true(json_object_get(lock, "is_lock")) ? "lock" : "peer";
}

static bool add_lock(struct items *items, const json_t *root, const json_t *lock, enum side side)
{
	struct strbuf name = {0};
	struct item *item;

	/* Waiting for work alone is nothing that a change could cure. */
	if (!json_is_true(json_object_get(lock, "is_lock")) && !(diff_number(lock, "peer_ns") > 0))
		return true;
	add_stable(&name, diff_string(lock, "name"));
	if (!name.len)
		add_site(&name, root, lock);
	item = item_of(items, &name);
	strbuf_free(&name);
	if (!item)
		return false;
	item->class = class_of(lock);
	item->there[side] = true;
	item->waits[side] += diff_number(lock, "waits");
	item->wait_ns[side] += diff_number(
		lock, json_is_true(json_object_get(lock, "is_lock")) ? "wait_ns" : "peer_ns");
	item->p99_ns[side] = fmax(item->p99_ns[side], diff_number(lock, "p99_wait_ns"));
	return true;
}

static bool add_loop(struct items *items, const json_t *root, const json_t *loop, enum side side)
{
	struct strbuf name = {0};
	struct item *item;

	(void)root;
	if (!json_is_true(json_object_get(loop, "is_loop")))
		return true;
	add_stable(&name, diff_string(loop, "name"));
	strbuf_printf(&name, " (%s)", diff_string(loop, "kind"));
	item = item_of(items, &name);
	strbuf_free(&name);
	if (!item)
		return false;
	item->there[side] = true;
	item->waits[side] += diff_number(loop, "turns");
	item->stalls[side] += diff_number(loop, "stall_count");
	item->p99_ns[side] = fmax(item->p99_ns[side], diff_number(loop, "p99_ns"));
	item->max_ns[side] = fmax(item->max_ns[side], diff_number(loop, "max_ns"));
	item->added_ns[side] = fmax(item->added_ns[side], diff_number(loop, "added_mean_ns"));
	return true;
}

static bool collect(struct items *items, const struct diff *diff, const char *list,
		    bool (*add)(struct items *, const json_t *, const json_t *, enum side))
{
	const json_t *roots[SIDES] = {diff->before.root, diff->after.root};

	hashmap_init(&items->places, sizeof(uint64_t));
	for (unsigned side = BEFORE; side < SIDES; side++) {
		const json_t *array = json_object_get(roots[side], list);

		for (size_t i = 0; i < json_array_size(array); i++)
			if (!add(items, roots[side], json_array_get(array, i), (enum side)side))
				return false;
	}
	return true;
}

static void items_free(struct items *items)
{
	for (size_t i = 0; i < items->len; i++)
		free(items->at[i].name);
	vec_free(items);
	hashmap_free(&items->places);
}

/* By how much the time changes, largest first. */
static int compare_items(const void *left, const void *right)
{
	const struct item *a = left;
	const struct item *b = right;
	double by_a = fabs(a->wait_ns[AFTER] - a->wait_ns[BEFORE]) +
		      fabs(a->added_ns[AFTER] - a->added_ns[BEFORE]);
	double by_b = fabs(b->wait_ns[AFTER] - b->wait_ns[BEFORE]) +
		      fabs(b->added_ns[AFTER] - b->added_ns[BEFORE]);

	if (by_a != by_b)
		return by_a < by_b ? 1 : -1;
	return strcmp(a->name, b->name);
}

/* Counted events vary by their root, and all of them with the load. */
static double unrest_of(const struct diff_side *side, const char *class, double count)
{
	double unrest = diff_unrest(side, &class, 1);

	return sqrt(unrest * unrest + num_ratio(1, count));
}

static bool lock_rows(struct diff *diff, const struct item *item)
{
	const struct diff_side *b = &diff->before, *a = &diff->after;
	double unrest_b = unrest_of(b, item->class, item->waits[BEFORE]);
	double unrest_a = unrest_of(a, item->class, item->waits[AFTER]);
	struct diff_row row = {.section = SECTION_LOCK,
			       .key = "wait_ratio",
			       .title = "waiting",
			       .subject = item->name,
			       .unit = DIFF_RATIO,
			       .sense = SENSE_LESS_IS_BETTER,
			       .in_before = item->there[BEFORE],
			       .in_after = item->there[AFTER],
			       .before = num_ratio(item->wait_ns[BEFORE], b->busy_ns),
			       .after = num_ratio(item->wait_ns[AFTER], a->busy_ns)};

	if (*item->name && row.before < LEAST_RATIO && row.after < LEAST_RATIO)
		return true;
	row.noise = diff_noise(row.before, unrest_b, row.after, unrest_a);
	if (!diff_add(diff, &row))
		return false;
	row.key = "waits_per_s";
	row.title = "waits";
	row.unit = DIFF_PER_SECOND;
	row.before = item->waits[BEFORE] / b->seconds;
	row.after = item->waits[AFTER] / a->seconds;
	row.noise = diff_noise(row.before, unrest_b, row.after, unrest_a);
	/* More of them and shorter ones may be better or worse. */
	row.sense = SENSE_NEUTRAL;
	if (!diff_add(diff, &row))
		return false;
	row.key = "p99_wait";
	row.title = "p99";
	row.unit = DIFF_DURATION;
	row.before = item->p99_ns[BEFORE];
	row.after = item->p99_ns[AFTER];
	row.noise = diff_noise(
		row.before, unrest_of(b, item->class, item->waits[BEFORE] / 100) + QUANTILE_UNREST,
		row.after, unrest_of(a, item->class, item->waits[AFTER] / 100) + QUANTILE_UNREST);
	row.sense = SENSE_LESS_IS_BETTER;
	return diff_add(diff, &row);
}

/* All locks together, so that a cost which moves from one to another shows. */
static void sum_locks(const struct items *items, struct item *all)
{
	for (size_t i = 0; i < items->len; i++) {
		const struct item *item = &items->at[i];

		if (strcmp(item->class, "lock") != 0)
			continue;
		for (unsigned side = BEFORE; side < SIDES; side++) {
			all->waits[side] += item->waits[side];
			all->wait_ns[side] += item->wait_ns[side];
			all->p99_ns[side] = fmax(all->p99_ns[side], item->p99_ns[side]);
		}
	}
}

bool diff_locks(struct diff *diff)
{
	char none[] = "";
	struct items items = {0};
	struct item all = {.name = none, .class = "lock", .there = {true, true}};
	bool done = collect(&items, diff, "locks", add_lock);

	if (done) {
		sum_locks(&items, &all);
		done = lock_rows(diff, &all);
	}
	if (done && items.len)
		qsort(items.at, items.len, sizeof(*items.at), compare_items);
	for (size_t i = 0; done && i < items.len; i++)
		done = lock_rows(diff, &items.at[i]);
	items_free(&items);
	return done;
}

/* Turns have no parts of the window to compare: their noise is that of the events behind a figure.
 */
static double rare(double count)
{
	return sqrt(num_ratio(1, count)) + QUANTILE_UNREST;
}

static bool loop_row(struct diff *diff, const struct item *item, const char *key, const char *title,
		     enum diff_unit unit, const double *value, const double *behind)
{
	struct diff_row row = {.section = SECTION_LOOP,
			       .key = key,
			       .title = title,
			       .subject = item->name,
			       .unit = unit,
			       .sense = SENSE_LESS_IS_BETTER,
			       .in_before = item->there[BEFORE],
			       .in_after = item->there[AFTER],
			       .before = value[BEFORE],
			       .after = value[AFTER]};

	row.noise = diff_noise(row.before, rare(behind[BEFORE]), row.after, rare(behind[AFTER]));
	return diff_add(diff, &row);
}

bool diff_loops(struct diff *diff)
{
	struct items items = {0};
	bool done = collect(&items, diff, "loops", add_loop);

	if (done && items.len)
		qsort(items.at, items.len, sizeof(*items.at), compare_items);
	for (size_t i = 0; done && i < items.len; i++) {
		const struct item *item = &items.at[i];
		const double tail[SIDES] = {item->waits[BEFORE] / 100, item->waits[AFTER] / 100};
		const double one[SIDES] = {1, 1};
		const double rate[SIDES] = {item->stalls[BEFORE] / diff->before.seconds,
					    item->stalls[AFTER] / diff->after.seconds};

		done = loop_row(diff, item, "p99", "p99", DIFF_DURATION, item->p99_ns, tail) &&
		       loop_row(diff, item, "max", "longest", DIFF_DURATION, item->max_ns, one) &&
		       loop_row(diff, item, "added_mean", "mean added", DIFF_DURATION,
				item->added_ns, tail) &&
		       loop_row(diff, item, "stalls_per_s", "stalls", DIFF_PER_SECOND, rate,
				item->stalls);
	}
	items_free(&items);
	return done;
}
