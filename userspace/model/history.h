/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The last minutes of a run, to step back through: the counters of each slice for two minutes, of
 * every tenth one up to ten.  What is kept are differences between marks, in a bounded size.
 */
#ifndef MODEL_HISTORY_H
#define MODEL_HISTORY_H

#include "model/model.h"

#include <stdbool.h>
#include <stddef.h>

#define HISTORY_FINE 120  /* slices kept one by one */
#define HISTORY_STEP 10	  /* further back so many are one step */
#define HISTORY_COARSE 48 /* such steps */
#define HISTORY_BYTES_MAX (32U << 20)

struct history;

/* NULL when memory is short. */
struct history *history_new(size_t bytes_max);
void history_free(struct history *h);

/* A slice has ended. Where memory is short, older moments go. */
void history_add(struct history *h, const struct model *model);
/* Bytes that it takes. */
size_t history_bytes(const struct history *h);

/* The latest moment before @at_ns, or the earliest after it; 0 = there is none. */
uint64_t history_before(const struct history *h, uint64_t at_ns);
uint64_t history_after(const struct history *h, uint64_t at_ns);

/* What happened in the @window_ns up to the moment @at_ns, one that the functions above gave.  NULL
 * when memory is short or nothing is known of it. */
struct snapshot *history_freeze(const struct history *h, const struct model *model, uint64_t at_ns,
				uint64_t window_ns);

#endif
