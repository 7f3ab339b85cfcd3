/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A thread that a lock keeps waiting while others get it: starvation.
 *
 * Either its waits are far longer than what is usual at that lock, or one is open and has been for
 * most of the window although others have got the lock meanwhile.  Readers that take a read-write
 * lock which is held for reading do not wait, so nothing is seen of them: a writer that waits
 * behind nobody known waits for readers.
 */
#ifndef ANALYSIS_STARVED_H
#define ANALYSIS_STARVED_H

#include "model/snapshot.h"

struct starved {
	uint32_t lock; /* SNAP_NONE = none is starved */
	uint32_t thread;
	uint32_t stack; /* where it waits, or SNAP_NONE */
	uint64_t waits;
	uint64_t wait_ns;
	uint64_t longest_ns;
	uint64_t open_ns;   /* of the wait that is open at the end, 0 = none is */
	uint64_t median_ns; /* of all waits at that lock that have ended */
	uint64_t passed;    /* waits of others that ended: they got the lock */
	bool readers;	    /* it waits for readers, who are not seen */
	double lock_share;  /* of all the waiting for that lock */
};

/* The one that waits the longest. */
struct starved starved_of_run(const struct snapshot *snap);

#endif
