// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/gil_seen.h"

#include "base/num.h"
#include "model/python_site.h"
#include "model/site.h"

#include <string.h>

#define LOOK_MAX 512 /* of the longest first */

/*
 * A wait begins where the holder has just taken the GIL more often than not, so what waiters saw
 * there counts too much; timer samples of holders have no such bias, where there are enough.
 */
#define SAMPLES_MIN 50

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

/* The line of Python at which a holder was, past frames that say how it waits. */
static const struct snap_frame *python_line(const struct snapshot *snap, uint32_t stack)
{
	const struct snap_stack *s = &snap->stacks[stack];
	const struct snap_frame *first = NULL;

	for (uint32_t i = 0; i < s->frames_len; i++) {
		if (!s->frames[i].python)
			continue;
		if (!python_waits_there(s->frames[i].file))
			return &s->frames[i];
		first = first ? first : &s->frames[i];
	}
	return first;
}

static uint64_t weight_of(const struct snap_holding *h)
{
	return h->kind == HOLDING_SEEN ? h->ns : h->count;
}

/* The holdings of one kind: they are sorted by it. */
struct range {
	uint32_t first;
	uint32_t end;
	uint64_t weight;
};

static struct range range_of(const struct snap_lock *gil, enum holding_kind kind)
{
	struct range r = {0};

	while (r.first < gil->holdings_len && gil->holdings[r.first].kind != kind)
		r.first++;
	for (r.end = r.first; r.end < gil->holdings_len && gil->holdings[r.end].kind == kind;
	     r.end++)
		r.weight = num_sat_add(r.weight, weight_of(&gil->holdings[r.end]));
	r.end = (uint32_t)num_min_u64(r.end, r.first + LOOK_MAX);
	return r;
}

static uint64_t sum_at(const struct snapshot *snap, const struct snap_lock *gil,
		       const struct range *in, const struct snap_frame *line, same_fn *same)
{
	uint64_t sum = 0;

	for (uint32_t i = in->first; i < in->end; i++) {
		const struct snap_frame *other = python_line(snap, gil->holdings[i].stack);

		if (other && same(line, other))
			sum = num_sat_add(sum, weight_of(&gil->holdings[i]));
	}
	return sum;
}

/* Whole intervals that were kept at @line's function; everywhere, where it is NULL. */
static uint64_t kept_at(const struct snapshot *snap, const struct snap_lock *gil,
			const struct snap_frame *line)
{
	const struct range seen = range_of(gil, HOLDING_SEEN);
	uint64_t kept = 0;

	for (uint32_t i = seen.first; i < seen.end; i++) {
		const struct snap_frame *other = python_line(snap, gil->holdings[i].stack);

		if (!line || (other && same_function(line, other)))
			kept = num_sat_add(kept, gil->holdings[i].kept);
	}
	return kept;
}

struct gil_seen gil_seen_of(const struct snapshot *snap, const struct snap_lock *gil)
{
	struct range in = range_of(gil, HOLDING_SAMPLED);
	struct gil_seen seen = {.sampled = in.weight >= SAMPLES_MIN};
	const struct snap_frame *function = NULL, *line;
	uint64_t most = 0, line_most = 0, sum;

	if (!seen.sampled)
		in = range_of(gil, HOLDING_SEEN);
	for (uint32_t i = in.first; i < in.end; i++) {
		line = python_line(snap, gil->holdings[i].stack);
		sum = line ? sum_at(snap, gil, &in, line, same_function) : 0;
		if (sum > most) {
			most = sum;
			function = line;
		}
	}
	seen.share = num_ratio((double)most, (double)in.weight);
	seen.kept = function ? kept_at(snap, gil, function) : 0;
	seen.kept_all = kept_at(snap, gil, NULL);
	for (uint32_t i = in.first; function && i < in.end; i++) {
		line = python_line(snap, gil->holdings[i].stack);
		if (!line || !same_function(line, function))
			continue;
		sum = sum_at(snap, gil, &in, line, same_line);
		if (sum > line_most) {
			line_most = sum;
			seen.site = line;
			seen.caller = snap_site_caller(&snap->stacks[gil->holdings[i].stack], line);
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
