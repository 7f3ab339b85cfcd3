/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The model: takes records in, keeps cumulative counters and the per-slice deltas, gives a
 * snapshot.
 *
 * Pure: no clock, no file, no environment; the same records give the same snapshot, bit for bit.
 */
#ifndef MODEL_MODEL_H
#define MODEL_MODEL_H

#include <stddef.h>
#include <stdint.h>

#include "model/record.h"
#include "model/snapshot.h"

struct err;
struct model;

/* An empty model, NULL when memory is short; freed with model_free (takes NULL). */
struct model *model_new(void);
void model_free(struct model *model);

/*
 * Take in one record.  Returns 0; -ENOMEM; -EPROTO for a record that contradicts the format
 * (first record not RECORD_RUN, class or cause out of range): hostile captures end here.
 */
int model_apply(struct model *model, const struct record *rec, struct err *err);
/* The same as a sink. */
struct record_sink model_sink(struct model *model);

/* What still wants a name: called for each distinct (pid, ip) of a stack that has no frame record,
 * and each lock without a lock_name. */
struct model_names {
	void (*frame)(void *ctx, uint32_t pid, uint64_t ip, bool return_address);
	void (*lock)(void *ctx, const struct record_lock *lock);
	void *ctx;
	/* NULL or, after lock(): the code that waits for it the longest, innermost first, each
	 * address inside its instruction. */
	void (*lock_code)(void *ctx, const uint64_t *addresses, size_t len);
};
/* How many addresses at most. */
#define MODEL_LOCK_CODE_MAX 12
void model_for_unnamed(const struct model *model, const struct model_names *names);

/*
 * Freeze the present state.  The snapshot is independent of the model and freed with
 * snapshot_free (takes NULL).  NULL when memory is short or no RECORD_RUN was seen.
 */
struct snapshot *model_freeze(const struct model *model);
void snapshot_free(struct snapshot *snap);

/* CLOCK_MONOTONIC at the beginning of the run, and at the end of its latest slice. */
uint64_t model_start_ns(const struct model *model);
uint64_t model_end_ns(const struct model *model);

/* The counters at one moment, the end of the latest slice; freed with model_mark_free (takes NULL).
 * NULL when memory is short. */
struct model_mark;
struct model_mark *model_mark_new(const struct model *model);
void model_mark_free(struct model_mark *mark);
uint64_t model_mark_ns(const struct model_mark *mark);

/*
 * Freeze what has happened since @from, which was taken of the same model: a window that begins at
 * the mark.  Losses, and how many waited at most, are of the whole run.  NULL when memory is short,
 * and before a further slice has ended.
 */
struct snapshot *model_freeze_since(const struct model *model, const struct model_mark *from);
/* The same of a window that ended at a later mark, @to. */
struct snapshot *model_freeze_between(const struct model *model, const struct model_mark *from,
				      const struct model_mark *to);

#endif
