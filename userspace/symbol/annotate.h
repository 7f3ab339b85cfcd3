/* SPDX-License-Identifier: GPL-2.0-only */
/* Names for the addresses that a model holds, as records: the model and the capture get the same
 * ones. */
#ifndef SYMBOL_ANNOTATE_H
#define SYMBOL_ANNOTATE_H

#include "base/hashmap.h"
#include "model/model.h"

struct err;
struct symbolizer;

/* Locks that were asked for before and may have stayed without a name. */
struct annotate_seen {
	struct hashmap locks;
};

static inline void annotate_seen_init(struct annotate_seen *seen)
{
	hashmap_init(&seen->locks, sizeof(uint64_t));
}

static inline void annotate_seen_free(struct annotate_seen *seen)
{
	hashmap_free(&seen->locks);
}

/*
 * Name every frame and lock of @model that has no name yet and send RECORD_FRAME and
 * RECORD_LOCK_NAME to @sink (which feeds @model, too: names are collected first), then RECORD_LOSS
 * for what stayed unnamed.  While a run goes on @seen keeps a lock from being asked for again and
 * again; NULL asks for all of them, as in the end, when more is known.
 */
int annotate(const struct model *model, struct symbolizer *symbolizer, struct annotate_seen *seen,
	     const struct record_sink *sink, struct err *err);

#endif
