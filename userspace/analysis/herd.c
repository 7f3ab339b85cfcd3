// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/herd.h"

#include "base/num.h"

/* So much of the wakeups is in vain, .. */
#define VAIN_SHARE 0.5
/* .. and by calls that wake many, .. */
#define BROADCAST_SHARE 0.5
/* .. of so many that wait, .. */
#define WAITERS_MIN 3
/* .. so often that it is no chance. */
#define WAKES_MIN 20

static bool is_herd(const struct snap_lock *lock)
{
	double wakes = (double)lock->handed_over;

	/* Those who meet at a barrier are all woken for a purpose, however soon they meet again. */
	if (lock->is_lock || lock->kind == LOCK_BARRIER || lock->kind == LOCK_JOIN ||
	    lock->kind == LOCK_GIL)
		return false;
	return lock->handed_over >= WAKES_MIN && lock->waiters_max >= WAITERS_MIN &&
	       (double)lock->sleep_again >= VAIN_SHARE * wakes &&
	       (double)lock->broadcasts >= BROADCAST_SHARE * wakes;
}

struct herd herd_of_run(const struct snapshot *snap)
{
	struct herd herd = {.lock = SNAP_NONE};

	for (uint32_t i = 0; i < snap->locks_len; i++) {
		const struct snap_lock *lock = &snap->locks[i];

		if (!is_herd(lock))
			continue;
		if (herd.lock == SNAP_NONE || lock->again_ns > snap->locks[herd.lock].again_ns)
			herd.lock = i;
		herd.locks_len++;
		herd.wakes = num_sat_add(herd.wakes, lock->handed_over);
		herd.vain = num_sat_add(herd.vain, lock->sleep_again);
		herd.run_ns = num_sat_add(herd.run_ns, lock->again_ns);
	}
	return herd;
}
