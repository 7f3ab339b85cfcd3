/* SPDX-License-Identifier: GPL-2.0-only */
/* From a frozen snapshot to a verdict: which concurrency model holds the program back
 * (docs/VERDICTS.md). */
#ifndef ANALYSIS_ANALYSIS_H
#define ANALYSIS_ANALYSIS_H

#include "base/strbuf.h"
#include "model/snapshot.h"

enum confidence { CONFIDENCE_LOW, CONFIDENCE_MEDIUM, CONFIDENCE_HIGH };
enum gain_limit { LIMIT_CPUS, LIMIT_THREADS, LIMIT_LOCK, LIMIT_IO, LIMIT_NONE };

#define FINDING_EVIDENCE_MAX 8

/* What one rule found.  Text is plain UTF-8, already escaped, sentences in the words of the model.
 */
struct finding {
	const char *bottleneck; /* contract word, "threads.lock" */
	const char *model;	/* threads | gil | processes | event_loop | none */
	bool fired;		/* its condition holds */
	bool latency;		/* hurts latency, not throughput: `gain_ratio` may be 1 */
	double gain_ratio;	/* S, >= 1, for removing all of it; 0 = none can be given */
	double gain_share;	/* G = 1 - 1/S, what findings are ranked by */
	const char *bound;	/* what kind of bound: "upper bound", .. ; NULL without gain */
	enum gain_limit limited_by;
	uint32_t lock;		   /* index of the lock to blame, or SNAP_NONE */
	uint32_t thread;	   /* index of the thread to blame, or SNAP_NONE */
	uint64_t events;	   /* relevant events behind it, for the confidence */
	bool by_time;		   /* rests on exact times, not on counted events */
	double holder_known_ratio; /* 1 where no holder is involved */
	bool in_doubt;		  /* `lock` may be what it is about, and cannot be told to be one */
	uint32_t slices_agreeing; /* sub-windows in which the rule would fire too .. */
	uint32_t slices_judged;	  /* .. of so many (at most ten) */
	/* The summary in parts, for views that give each a line of its own; without a full stop. */
	struct strbuf headline;	 /* what it is: never empty once fired */
	struct strbuf cause;	 /* who is behind it, "" = not known */
	struct strbuf gain_text; /* what a cure would give, "" = nothing to gain */
	struct strbuf summary;	 /* one sentence made of these */
	struct strbuf evidence[FINDING_EVIDENCE_MAX]; /* numbers, one line each */
	uint32_t evidence_len;
	struct strbuf next_step;
};

struct verdict {
	struct finding main;   /* bottleneck may be none, idle, unclear */
	struct finding second; /* runner-up; second.fired = false when there is none */
	enum confidence confidence;
	struct strbuf confidence_why; /* what made it weaker, "" when high */
	/* Gain of removing each lock, by lock index; 0 = none. Owned. */
	double *lock_gain;
	uint32_t lock_gain_len;
	const char **slice_bottleneck; /* by slice index, contract words; the array is owned */
	uint32_t slices_len;
};

struct err;

/* Judge @snap.  Pure.  Returns 0 or -ENOMEM; verdict_free releases (takes a zeroed one). */
int analysis_run(const struct snapshot *snap, struct verdict *ret, struct err *err);
void verdict_free(struct verdict *verdict);

const char *confidence_name(enum confidence confidence);
const char *gain_limit_name(enum gain_limit limit);

#endif
