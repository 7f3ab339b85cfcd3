/* SPDX-License-Identifier: GPL-2.0-only */
/* The live source under test, everything that it says kept, and questions to that. */
#ifndef TESTS_KERNEL_WATCH_H
#define TESTS_KERNEL_WATCH_H

#include <sys/types.h>

#include "base/vec.h"
#include "model/record.h"
#include "source/live.h"

struct watch {
	struct live *live;
	VEC(struct record) records;
	size_t final;	 /* where the last slice's records begin */
	uint64_t end_ns; /* of the last slice */
};

/* The options of a usual run on @pid. */
struct live_options watch_options(const pid_t *pid);
/* Attach to @pid; fails the test when that fails. */
void watch_open(struct watch *w, const pid_t *pid);
void watch_open_with(struct watch *w, const struct live_options *opt);
void watch_slice(struct watch *w);
/* Read the ring, so that it does not fill. */
void watch_drain(struct watch *w);
/*
 * Close the window and check what must hold whatever the target did: classes sum to the time
 * observed, to the nanosecond, in every record; all threads that live end at the window's end;
 * nothing was lost; the watcher itself does not appear.
 */
void watch_close(struct watch *w);
void watch_free(struct watch *w);

/* The latest counters of thread @tid, NULL if it never appeared. */
const struct record_counters *watch_counters(const struct watch *w, int tid);
/* The latest word on process @pid, NULL if it never appeared. */
const struct record_process *watch_process(const struct watch *w, pid_t pid);
/* The lock at @address of process @pid, NULL if nobody waited for it. */
const struct record_lock *watch_lock(const struct watch *w, pid_t pid, const void *address);
const struct record_stack *watch_stack(const struct watch *w, uint64_t stack);
uint64_t watch_loss(const struct watch *w, uint32_t cause);
const char *class_name(unsigned class);

/* All waits of @tid (0 = any) on the lock at @address of @pid, added up. */
struct wait_sum {
	unsigned entries;
	unsigned without_stack;
	uint32_t op, value;
	bool timed;
	uint64_t waits, blocked_ns, runq_ns, peer_ns, max_ns;
	uint64_t handed_over, contender_wakes, timeouts, interrupted, owner_known, sleep_again;
	uint64_t again_ns, broadcasts;
	uint64_t in_hist;
	uint64_t hist_least_ns, hist_most_ns; /* bounds of the total by the histogram */
};
struct wait_sum watch_waits(const struct watch *w, pid_t pid, const void *address, int tid);

/* All blame on @holder (0 = nobody known, -1 = any) for the lock at @address of @pid, added up. */
struct blame_sum {
	unsigned entries;
	unsigned without_stack;
	uint32_t evidence;
	uint64_t waits, blame_ns;
	uint64_t while_ns[CLASS_COUNT];
};
struct blame_sum watch_blame(const struct watch *w, pid_t pid, const void *address, int holder);

/* The wait of @tid that is open in the last slice, NULL if there is none. */
const struct record_open_wait *watch_open_wait(const struct watch *w, int tid);
/* What @from waited for @to, all kinds together. */
struct record_edge watch_edge(const struct watch *w, int from, int to);

#endif
