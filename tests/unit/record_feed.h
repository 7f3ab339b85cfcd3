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

/* The test fails unless all sums are exact, all indexes valid, all orders as snapshot.h says. */
void feed_check_snapshot(const struct snapshot *snap);

#endif
