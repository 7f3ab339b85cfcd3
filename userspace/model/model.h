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

#endif
