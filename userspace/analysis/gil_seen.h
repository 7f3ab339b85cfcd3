/* SPDX-License-Identifier: GPL-2.0-only */
/* What waiters saw the GIL's holder do: who and which line keeps it, and whom that holds up. */
#ifndef ANALYSIS_GIL_SEEN_H
#define ANALYSIS_GIL_SEEN_H

#include "model/snapshot.h"

struct gil_seen {
	const struct snap_frame *site; /* the line seen most, of the function seen most; NULL = none
					  was seen */
	const struct snap_frame *caller; /* of that function, of the program's own; NULL = none */
	double share;			 /* of that function: of .. */
	bool sampled;  /* .. the timer samples of holders with others waiting; else of the waiting
			  whose beginning saw a holder's line */
	uint64_t kept; /* intervals that one thread kept it whole, by that function .. */
	uint64_t kept_all; /* .. and by all */
};

struct gil_seen gil_seen_of(const struct snapshot *snap, const struct snap_lock *gil);

/*
 * The convoy effect: a thread that needs the CPU for short moments waits a whole interval of
 * others' for each of them.  The one that lost the most so; SNAP_NONE = none does.
 */
struct gil_convoy {
	uint32_t thread;
	uint64_t waits;
	uint64_t wait_ns;
	double run_share; /* of the window */
};

struct gil_convoy gil_convoy_of(const struct snapshot *snap, const struct snap_lock *gil);

#endif
