/* SPDX-License-Identifier: GPL-2.0-only */
/* Building the log2 histograms of a snapshot. */
#ifndef MODEL_HIST_H
#define MODEL_HIST_H

#include "model/snapshot.h"

/* Add @count values in @bucket (HIST_BUCKETS long), the largest of them @max_ns, to @into. */
void hist_merge(struct snap_hist *into, uint64_t count, uint64_t max_ns, const uint64_t *bucket);

#endif
