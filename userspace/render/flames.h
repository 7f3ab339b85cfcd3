/* SPDX-License-Identifier: GPL-2.0-only */
/* Time by stack, in the ways in which flame graphs and profiles show it. */
#ifndef RENDER_FLAMES_H
#define RENDER_FLAMES_H

#include "report/report.h"

enum flame_kind {
	FLAME_ON_CPU,  /* timer samples, each worth its period */
	FLAME_OFF_CPU, /* blocked, by class; waits for locks aside */
	FLAME_LOCK,    /* waits for locks, by waiting stack */
	FLAME_WAKE,    /* the same time, by the stacks of those who kept others waiting */
	FLAME_COUNT
};

/* One sum of time at one stack. */
struct flame {
	enum flame_kind kind;
	enum time_class cls; /* that the time counts for */
	const char *detail;  /* lock or system call, "" = none; borrowed */
	uint32_t thread;     /* index or SNAP_NONE */
	uint32_t stack;	     /* index or SNAP_NONE */
	uint64_t count;
	uint64_t ns;
};

/* Give every sum to @put; stops where that gives false. */
void flames_each(const struct report *rep, bool (*put)(void *ctx, const struct flame *flame),
		 void *ctx);

#endif
