// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/starved.h"

#include "base/num.h"

/* Waits so many times the median .. */
#define MEDIAN_TIMES 10
/* .. and the mean of the others' (all wait long where few pass many), .. */
#define OTHERS_TIMES 5
/* .. while others waited for it and got it, so often for each of its waits, .. */
#define PASSED_TIMES 10
/* .. and so often at least: fewer waits have no usual length, .. */
#define WAITS_MIN 20
/* .. one of which is so long that it matters, .. */
#define LONGEST_MIN_NS (10 * NS_PER_MS)
/* .. and that take this share of the window in all. */
#define WAIT_SHARE 0.1
/* An open wait is starvation from this share of the window on. */
#define OPEN_SHARE 0.5
/* Its holders had no CPU for so much of the waiting: the CPUs are to blame. */
#define PREEMPTED_SHARE 0.5
/* Holders known for less of the waiting than this: a read-write lock is held by readers. */
#define HOLDER_KNOWN 0.5

/* Without the time on the run queue, which is the CPUs' doing. */
static bool far_longer(const struct snap_lock *lock, const struct snap_waiter *w,
		       const struct starved *s, double window_ns)
{
	double own_ns = num_ratio((double)w->blocked_ns, (double)w->waits);
	double others_ns = num_ratio((double)num_sat_sub(lock->blocked_ns, w->blocked_ns),
				     (double)num_sat_sub(lock->waits, w->waits));

	return s->passed >= WAITS_MIN && s->passed >= num_sat_mul(PASSED_TIMES, s->waits) &&
	       s->median_ns > 0 && s->longest_ns >= LONGEST_MIN_NS &&
	       (double)w->blocked_ns >= WAIT_SHARE * window_ns &&
	       own_ns >= MEDIAN_TIMES * (double)s->median_ns && own_ns >= OTHERS_TIMES * others_ns;
}

static bool left_behind(const struct starved *s, double window_ns)
{
	return (double)s->open_ns >= OPEN_SHARE * window_ns &&
	       (s->readers || s->passed >= WAITS_MIN);
}

static struct starved take(const struct snap_lock *lock, uint32_t index,
			   const struct snap_waiter *w)
{
	uint64_t own = num_sat_sub(w->waits, w->open);
	uint64_t ended = num_sat_sub(lock->waits, lock->open_waits);

	return (struct starved){.lock = index,
				.thread = w->thread,
				.stack = w->stack,
				.waits = w->waits,
				.wait_ns = w->wait_ns,
				.longest_ns = w->longest_ns,
				.open_ns = w->open ? w->open_ns : 0,
				.median_ns = snap_hist_quantile(&lock->hist, 0.5),
				.passed = num_sat_sub(ended, own),
				.readers = lock->kind == LOCK_RWLOCK &&
					   (double)lock->known_blame_ns <
						   HOLDER_KNOWN * (double)lock->blame_ns,
				.lock_share = num_ratio((double)w->wait_ns, (double)lock->wait_ns)};
}

struct starved starved_of_run(const struct snapshot *snap)
{
	struct starved worst = {.lock = SNAP_NONE, .thread = SNAP_NONE, .stack = SNAP_NONE};
	double window_ns = (double)snap->duration_ns;

	for (uint32_t i = 0; i < snap->locks_len; i++) {
		const struct snap_lock *lock = &snap->locks[i];

		if (!lock->is_lock || lock->kind == LOCK_GIL ||
		    (double)lock->while_ns[CLASS_RUNQ_PREEMPT] >=
			    PREEMPTED_SHARE * (double)lock->blocked_ns)
			continue;
		for (uint32_t k = 0; k < lock->waiters_len; k++) {
			struct starved s = take(lock, i, &lock->waiters[k]);

			if (s.wait_ns > worst.wait_ns && s.thread < snap->threads_len &&
			    (far_longer(lock, &lock->waiters[k], &s, window_ns) ||
			     left_behind(&s, window_ns)))
				worst = s;
		}
	}
	return worst;
}
