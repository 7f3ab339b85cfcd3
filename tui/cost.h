/* SPDX-License-Identifier: GPL-2.0-only */
/* What each concurrency model costs: its share of the time in which the target had work. */
#ifndef TUI_COST_H
#define TUI_COST_H

#include "report/report.h"

#include <stdbool.h>

enum cost {
	COST_THREADS,	/* locks, and waiting for threads of the same process */
	COST_GIL,	/* of CPython */
	COST_PROCESSES, /* waiting for other processes of the target */
	COST_LOOPS,	/* stalls of event loops: of their time */
	COST_CPU,	/* runnable without a CPU */
	COST_IO,	/* disk, and servers that the target calls */
	COST_COUNT
};

const char *cost_title(enum cost cost);
enum role cost_role(enum cost cost);
/* Over the whole snapshot, 0..1. */
double cost_ratio(const struct report *rep, enum cost cost);
/* Whether the target uses the model at all. */
bool cost_in_use(const struct report *rep, enum cost cost);

/* A minute of them, one value a slice, newest last. */
#define SERIES_MAX 240
struct series {
	int len;
	float share[COST_COUNT][SERIES_MAX];
};
/* Add slice @slice of @rep; the oldest goes when there is no room. */
void series_add(struct series *series, const struct report *rep, uint32_t slice);

#endif
