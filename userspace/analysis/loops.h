/* SPDX-License-Identifier: GPL-2.0-only */
/* The event loop that keeps its clients waiting the most. */
#ifndef ANALYSIS_LOOPS_H
#define ANALYSIS_LOOPS_H

#include "model/snapshot.h"

/* What keeps a loop from its next turn. */
enum loop_cause { LOOP_CPU, LOOP_BLOCKING, LOOP_GIL, LOOP_NO_CPU, LOOP_CAUSE_COUNT };

struct loop_load {
	uint32_t loop;	      /* index of the worst, SNAP_NONE = none keeps anybody waiting */
	double added_mean_ns; /* to the delay of a random arrival */
	double late_ratio;    /* P(delay > 100 ms) */
	double gil_ratio;     /* of its time that it waits for the GIL in its turns */
	bool gil_turns;	      /* at least half of its turns' time is that */
	enum loop_cause cause;
	uint64_t stalls;
	/* Of all loops that stall: off the CPU in a class that counts as idle, while who came
	 * waited for the turn's end. */
	double hidden_ns;
};

struct loop_load loops_of_run(const struct snapshot *snap);

/* It keeps them waiting long enough to be told. */
bool loop_stalls(const struct loop_load *load);
/* The GIL takes at least half of its turns, be they short: each of them is longer for it. */
bool loop_starved_of_gil(const struct loop_load *load);

/* The loop that @thread is, known to serve many at once; NULL for any other thread. */
const struct snap_loop *loop_of_thread(const struct snapshot *snap, uint32_t thread);

/* Where the kept stalls of @loop with this cause were, by time: the stack of the largest part, and
 * that part of them (0 = none is known). */
double loop_blame(const struct snapshot *snap, uint32_t loop, enum loop_cause cause,
		  const struct snap_stall **ret);

#endif
