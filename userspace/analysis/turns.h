/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Condition variables and their like used as a lock: threads that wait for each other in turn.
 *
 * A database's row locks are the example: every waiter sleeps on a condition variable of its own,
 * so no futex word stands for "the lock"; but all wait at one call site, and those who end the
 * waits are at other times those who wait.  In a pipeline or before a barrier, in contrast, the one
 * thread that keeps the others waiting hardly ever waits itself: there the thread is to blame.
 */
#ifndef ANALYSIS_TURNS_H
#define ANALYSIS_TURNS_H

#include "model/snapshot.h"

#include <stdbool.h>

struct turns {
	uint32_t lock;	    /* the member with the most waiting; SNAP_NONE = nothing of the kind */
	uint32_t locks_len; /* members */
	uint64_t wait_ns;   /* for threads that had work in hand (peer_ns) */
	uint64_t contended_ns;
	uint64_t waits;
	double known_ratio; /* of the waiting: who ended it is known */
	bool *member; /* by lock index, locks_len of the snapshot; owned; NULL without a group */
};

/*
 * Is most of the waiting for the locks of @group, which @group_of tells by lock index (NULL: lock
 * @group alone), for threads that wait there, too, and about as long as others?  @waited: room for
 * one number per thread.
 */
bool turns_mutual(const struct snapshot *snap, const uint32_t *group_of, uint32_t group,
		  uint64_t *waited);

/* Look for the call site with the most peer waiting and tell whether threads take turns there.
 * Returns 0 or -ENOMEM, @ret untouched; turns_free takes a zeroed one. */
int turns_find(const struct snapshot *snap, struct turns *ret);
void turns_free(struct turns *turns);

#endif
