/* SPDX-License-Identifier: GPL-2.0-only */
/* Knots in the graph of who waits for whom: groups that wait for each other and for nobody else. */
#ifndef ANALYSIS_KNOTS_H
#define ANALYSIS_KNOTS_H

#include "analysis/cascade.h"

/*
 * Set `knot` of each of @threads: strongly connected groups without an edge out of them, to which
 * an edge leads or which have one inside.  Returns 0 and their number, or -ENOMEM.
 */
int knots_find(struct cascade_thread *threads, uint32_t threads_len,
	       const struct cascade_edge *edges, uint32_t edges_len, uint32_t *ret_len);

#endif
