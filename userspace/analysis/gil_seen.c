// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/gil_seen.h"

#include "base/num.h"
#include "model/site.h"

#include <string.h>

#define LOOK_MAX 256 /* of the longest first */

/* sys.getswitchinterval()'s default, since 3.2: a wait shorter than most of one was no convoy. */
#define INTERVAL_NS (5 * NS_PER_MS)
#define CONVOY_WAIT_NS (INTERVAL_NS * 3 / 5)
#define CONVOY_WAITS_MIN 20
#define CONVOY_RUN_SHARE 0.2

static bool same_function(const struct snap_frame *a, const struct snap_frame *b)
{
	return !strcmp(a->name, b->name) && !strcmp(a->file, b->file);
}

static bool same_line(const struct snap_frame *a, const struct snap_frame *b)
{
	return a->line == b->line && same_function(a, b);
}

typedef bool same_fn(const struct snap_frame *a, const struct snap_frame *b);

static bool looked_at(const struct snapshot *snap, const struct snap_lock *gil, uint32_t i,
		      const struct snap_frame **ret_site)
{
	const struct snap_holding *h = &gil->holdings[i];

	if (h->kind != HOLDING_SEEN)
		return false;
	*ret_site = snap_site_frame(snap, h->stack);
	return *ret_site != NULL;
}

static uint64_t sum_at(const struct snapshot *snap, const struct snap_lock *gil, uint32_t first,
		       const struct snap_frame *site, same_fn *same, uint64_t *ret_kept)
{
	const struct snap_frame *other;
	uint64_t ns = 0;

	*ret_kept = 0;
	for (uint32_t i = first; i < gil->holdings_len && i < first + LOOK_MAX; i++) {
		if (!looked_at(snap, gil, i, &other) || !same(site, other))
			continue;
		ns = num_sat_add(ns, gil->holdings[i].ns);
		*ret_kept = num_sat_add(*ret_kept, gil->holdings[i].kept);
	}
	return ns;
}

/* Of the holdings, which are sorted by kind: the first of its kind. */
static uint32_t first_seen(const struct snap_lock *gil)
{
	uint32_t i = 0;

	while (i < gil->holdings_len && gil->holdings[i].kind != HOLDING_SEEN)
		i++;
	return i;
}

struct gil_seen gil_seen_of(const struct snapshot *snap, const struct snap_lock *gil)
{
	const uint32_t first = first_seen(gil);
	struct gil_seen seen = {0};
	uint64_t most_ns = 0, line_ns = 0, ns, kept;
	const struct snap_frame *function = NULL, *site;

	for (uint32_t i = first; i < gil->holdings_len; i++) {
		seen.seen_ns = num_sat_add(seen.seen_ns, gil->holdings[i].ns);
		seen.kept_all = num_sat_add(seen.kept_all, gil->holdings[i].kept);
	}
	for (uint32_t i = first; i < gil->holdings_len && i < first + LOOK_MAX; i++) {
		if (!looked_at(snap, gil, i, &site))
			continue;
		ns = sum_at(snap, gil, first, site, same_function, &kept);
		if (ns > most_ns) {
			most_ns = ns;
			function = site;
			seen.kept = kept;
		}
	}
	seen.share = num_ratio((double)most_ns, (double)seen.seen_ns);
	for (uint32_t i = first; function && i < gil->holdings_len && i < first + LOOK_MAX; i++) {
		if (!looked_at(snap, gil, i, &site) || !same_function(site, function))
			continue;
		ns = sum_at(snap, gil, first, site, same_line, &kept);
		if (ns > line_ns) {
			line_ns = ns;
			seen.site = site;
			seen.caller = snap_site_caller(&snap->stacks[gil->holdings[i].stack], site);
		}
	}
	return seen;
}

struct gil_convoy gil_convoy_of(const struct snapshot *snap, const struct snap_lock *gil)
{
	struct gil_convoy worst = {.thread = SNAP_NONE};

	for (uint32_t t = 0; t < snap->threads_len; t++) {
		const struct snap_thread *thread = &snap->threads[t];
		struct gil_convoy c = {.thread = t};

		c.run_share =
			num_ratio((double)thread->class_ns[CLASS_RUN], (double)thread->lifetime_ns);
		if (!thread->class_ns[CLASS_GIL] || c.run_share > CONVOY_RUN_SHARE)
			continue;
		for (uint32_t i = 0; i < gil->waiters_len; i++) {
			if (gil->waiters[i].thread != t)
				continue;
			c.waits = num_sat_add(c.waits, gil->waiters[i].waits);
			c.wait_ns = num_sat_add(c.wait_ns, gil->waiters[i].wait_ns);
		}
		if (c.waits >= CONVOY_WAITS_MIN && c.wait_ns / c.waits >= CONVOY_WAIT_NS &&
		    c.wait_ns > worst.wait_ns)
			worst = c;
	}
	return worst;
}
