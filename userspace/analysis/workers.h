/* SPDX-License-Identifier: GPL-2.0-only */
/* Processes that one parent has made to share its work, and how evenly they do. */
#ifndef ANALYSIS_WORKERS_H
#define ANALYSIS_WORKERS_H

#include "analysis/load.h"

struct workers {
	uint32_t parent;  /* pid */
	uint32_t count;	  /* there for half of the window at least */
	uint32_t wanting; /* of these: run or want to for half of the window */
	uint32_t busiest; /* index of a process */
	double run_ns;
	double busiest_ns;
};

/* The siblings that run the most; count 0 where no parent has two. */
struct workers workers_of(const struct snapshot *snap);
/* One of them does nearly all of the work. */
bool workers_uneven(const struct workers *w, double window_ns);
/* Sockets of one port (SO_REUSEPORT) of which one has nearly all of the connections that wait:
 * index of that listener, SNAP_NONE where there is no such. */
uint32_t workers_uneven_listener(const struct snapshot *snap, uint32_t *ret_sockets);
/* What of this is so, as evidence of @f. */
void workers_tell(const struct load *load, struct finding *f);

#endif
