/* SPDX-License-Identifier: GPL-2.0-only */
/* Event loops for tests: each keeps a log of its own turns. */
#ifndef TESTS_KERNEL_LOOP_LOG_H
#define TESTS_KERNEL_LOOP_LOG_H

#include "tests/kernel/stage.h"
#include "tests/kernel/watch.h"

#define STALL_NS 50000000ULL /* as watch_options() has it */
#define FDS 4

/* What a loop knows of itself; the turn before its first poll is none. */
struct log {
	uint64_t polls;
	uint64_t asleep_ns; /* at least, by the timers that it waited for */
	uint64_t turns, busy_ns, idle_ns, max_ns, stalls;
	uint64_t square_us;
	uint64_t hist[HIST_BUCKETS];
	uint64_t turn_ns; /* since when it is in a turn */
	uint64_t parts_ns[PART_COUNT];
	volatile uint64_t stop;
	int way; /* enum way */
	int variant;
};

enum way { EPOLL, POLL, SELECT, WAYS };

struct loop {
	struct log *log;
	enum way way;
	int epfd, timer;
	int pipes[FDS][2];
};

/* --- in the target --- */

struct log *log_of(struct stage *st);
void watch_fd(struct stage *st, int epfd, int fd);
/* A timer and some pipes, of which nothing comes. */
struct loop make_loop(struct stage *st, enum way way);
void poll_once(struct stage *st, const struct loop *l, int timeout_ms);
/* One poll, noted; @ms = -1: until the timer, which is armed for 1 ms. */
void turn(struct stage *st, const struct loop *l, int ms);

/* --- in the test --- */

/* The latest record of that thread's loop. */
const struct record_loop *loop_of(const struct watch *w, int tid);
/* Equal but for 2% and @slack. */
void near(uint64_t got, uint64_t truth, uint64_t slack, const char *what);
uint64_t sum_parts(const uint64_t *part_ns);
/* All that the log tells. */
void check_loop(const struct record_loop *got, const struct log *log);

#endif
