/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who is to blame in the end, where waits follow each other: the cascade of wPerf (Zhou et al.,
 * OSDI'18).
 *
 * A's wait for B over [s,e] is handed on for as long as B itself waited for C inside [s,e].  Two
 * numbers for each thread: its exclusive blame, the waiting that ends with it (these sum to all of
 * the waiting), and its impact, the waiting that goes through it (additive: A's wait counts for B
 * and for C).
 *
 * User waits for Parser [0,100), Parser for Network [20,100): exclusive blame of Parser 20, of
 * Network 80 for User's wait (and 80 more for Parser's own).
 *
 * Bounded: a chain is followed for CASCADE_DEPTH threads and once through each, all chains together
 * for CASCADE_STEPS steps; what is left then stays with the thread that was reached.
 */
#ifndef ANALYSIS_CASCADE_H
#define ANALYSIS_CASCADE_H

#include "model/snapshot.h"

#include <stddef.h>

#define CASCADE_DEPTH 16
#define CASCADE_STEPS 4000000
/* Edges of less than this share of the window do not count for knots. */
#define CASCADE_EDGE_SHARE 0.01

struct cascade_wait {
	uint32_t from; /* index of a thread, waits .. */
	uint32_t to;   /* .. for this one, SNAP_NONE = not known */
	uint64_t start_ns;
	uint64_t end_ns;
};

struct cascade_thread {
	uint64_t waited_ns;    /* itself */
	uint64_t direct_ns;    /* others, for it */
	uint64_t exclusive_ns; /* of others' waiting, handed on or not: ends here */
	uint64_t impact_ns;    /* goes through here */
	/* Of a thread that others wait for: the knot that it is in, SNAP_NONE = in none.  Threads
	 * of a knot wait at most for each other, so that they are a bottleneck together; mostly it
	 * is one thread that waits for nobody. */
	uint32_t knot;
};

struct cascade_edge {
	uint32_t from;
	uint32_t to;
	uint64_t ns;	    /* own waits */
	uint64_t impact_ns; /* and others' that go this way */
};

struct cascade {
	struct cascade_thread *threads; /* by index; owned */
	uint32_t threads_len;
	struct cascade_edge *edges; /* those that count, by impact, largest first; owned */
	uint32_t edges_len;
	uint32_t knots_len;
	uint64_t wait_ns;    /* of all waits .. */
	uint64_t unknown_ns; /* .. for nobody known */
	bool cut;	     /* CASCADE_STEPS did not suffice */
};

/*
 * @waits in any order; of one thread they should not overlap (where they do the later one counts
 * from the earlier one's end).  Waits that are empty, or name a thread from @threads_len on, are
 * left out. Returns 0 or -ENOMEM, @ret untouched; cascade_free takes a zeroed one.
 */
int cascade_of(const struct cascade_wait *waits, size_t len, uint32_t threads_len,
	       uint64_t window_ns, struct cascade *ret);

/*
 * Of the long waits of @snap, until each was woken: for the holder where it is known, else for the
 * waker.  Waits under a millisecond are not among them, nor those beyond the limit for a second.
 */
int cascade_of_run(const struct snapshot *snap, struct cascade *ret);

/* The thread with the most exclusive blame, SNAP_NONE = there is none. */
uint32_t cascade_root(const struct cascade *cascade);

void cascade_free(struct cascade *cascade);

#endif
