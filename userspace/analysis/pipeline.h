/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Stages: threads of one role, by the stem of their names ("resize-0", "resize-1") or, where these
 * are the program's own name, by the function they start in.  A full thread among others of its
 * role that are not is a stage of its own.
 *
 * The limiting stage is the one that is full.  Others wait for it, directly or through stages
 * between: from each thread the one that it waited for the most is followed.
 */
#ifndef ANALYSIS_PIPELINE_H
#define ANALYSIS_PIPELINE_H

#include "base/strbuf.h"
#include "model/snapshot.h"

#define PIPELINE_STAGES_TOLD 4

struct stage {
	uint32_t thread; /* one of them: the first by time that is not idle */
	uint32_t threads;
	const struct snap_frame *start; /* the function that names it, NULL = their own names do */
	double life_ns;
	double run_ns;
	double waiting_ns; /* for other threads, idle or not */
	bool direct;	   /* waits for the limiting one itself, not only through others */
	uint32_t stack;	   /* where it waits for the longest, or SNAP_NONE */
};

struct pipeline {
	struct stage limiting; /* thread SNAP_NONE = there is none */
	uint32_t waiting_len;  /* stages that wait for it .. */
	struct stage
		waiting[PIPELINE_STAGES_TOLD]; /* .. the most of the time; by their first thread */
	/* Of all of these that are not full themselves, the largest share of its time that one does
	 * not wait: with the limiting stage cured it could be that much faster until this one is
	 * full. */
	double next_occupied;
};

/* @full by thread: it needs a CPU of its own all the time; @limiting is one of them.  Returns 0 or
 * -ENOMEM, @ret untouched. */
int pipeline_of_run(const struct snapshot *snap, const bool *full, uint32_t limiting,
		    struct pipeline *ret);

/* "resize-0"; of several "resize (2 threads)" */
void stage_text(struct strbuf *sb, const struct snapshot *snap, const struct stage *stage);

#endif
