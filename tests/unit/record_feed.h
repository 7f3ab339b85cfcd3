/* SPDX-License-Identifier: GPL-2.0-only */
/* Records for tests of the model and of captures, and what must hold for every snapshot. */
#ifndef TESTS_RECORD_FEED_H
#define TESTS_RECORD_FEED_H

#include "model/model.h"

/* Pseudo-random numbers, the same on every machine (xorshift64*); *@state must not be 0. */
uint64_t feed_random(uint64_t *state);

/* A valid record of this type, every field random: any string bytes, sparse arrays, full range. */
struct record feed_random_record(enum record_type type, uint64_t *state);

/* The record that begins a run at @start_ns. */
struct record feed_run(uint64_t start_ns);

/* Apply it; the test fails if the model refuses. */
void feed_put(struct model *model, const struct record *rec);

/* Apply one record written as fields: FEED(m, RECORD_SLICE, .slice = {.end_ns = 5}). */
#define FEED(m, record_type, ...) feed_put(m, &(struct record){.type = (record_type), __VA_ARGS__})

/* The window that feed_begin() begins, and the process in it, "prog". */
#define FEED_START 1000000
#define FEED_PID 100

/* A model that has seen the run begin and its one process. */
struct model *feed_begin(void);
/* A thread of that process, seen for @until_ns from the start: it ran for @run_ns, and was in
 * futexes for @futex_ns. */
void feed_thread(struct model *model, uint32_t tid, const char *name, uint64_t until_ns,
		 uint64_t run_ns, uint64_t futex_ns);
/* End the slice @end_ns after the start, freeze, check the snapshot, free the model. */
struct snapshot *feed_end_at(struct model *model, uint64_t end_ns);
/* The thread with @tid, the first in the snapshot; the test fails without one. */
const struct snap_thread *feed_thread_of(const struct snapshot *snap, uint32_t tid);

/* The test fails unless all sums are exact, all indexes valid, all orders as snapshot.h says. */
void feed_check_snapshot(const struct snapshot *snap);

#endif
