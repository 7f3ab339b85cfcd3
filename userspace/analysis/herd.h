/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A thundering herd: one call wakes all who wait, and most of them find nothing to do and sleep
 * again.
 *
 * "In vain" is told by time: back asleep for the same thing after less than 50 us on the CPU.  Work
 * that is as short looks the same, so a wakeup counts only where a broadcast wakes several: whoever
 * is woken alone is woken for something.
 */
#ifndef ANALYSIS_HERD_H
#define ANALYSIS_HERD_H

#include "model/snapshot.h"

struct herd {
	uint32_t lock; /* with the most CPU time for it, SNAP_NONE = there is no herd */
	uint32_t locks_len;
	/* of all of them */
	uint64_t wakes;
	uint64_t vain;
	uint64_t run_ns; /* CPU time of those in vain */
};

struct herd herd_of_run(const struct snapshot *snap);

#endif
