/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The table of hypotheses.  A new rule is one rule_*.c and one row in rules.c (docs/VERDICTS.md).
 */
#ifndef ANALYSIS_RULES_H
#define ANALYSIS_RULES_H

#include "analysis/analysis.h"
#include "analysis/load.h"

#include <stddef.h>

#define RULES_MAX 32

/* A finding below this share of time to win is not called; down to the minor one it is named. */
#define GAIN_SHARE_CALLED 0.10
#define GAIN_SHARE_MINOR 0.05

enum rule_kind {
	RULE_GATE,    /* once fired there is nothing else to judge: tried first, in table order */
	RULE_GAIN,    /* ranked by gain_share */
	RULE_LATENCY, /* hurts latency: called where no rule of throughput is */
	RULE_PLAIN,   /* nothing to gain: the first fired one where no other rule is called */
};

/* One finding per row of the table, in its order. */
struct findings {
	struct finding at[RULES_MAX];
};

struct rule {
	const char *bottleneck; /* contract word */
	const char *model;
	enum rule_kind kind;
	/* The predicate: from figures alone, texts untouched.  Sets fired, and gain, lock, thread,
	 * events as far as they apply; @f comes with all that is common filled in. */
	void (*find)(const struct load *load, struct finding *f);
	/* true = another finding explains what this fired one saw.  NULL = none can. */
	bool (*explained)(const struct load *load, const struct finding *f,
			  const struct findings *all);
	/* headline, cause, gain_text, evidence and next_step of a fired finding. */
	void (*tell)(const struct load *load, struct finding *f);
};

extern const struct rule rules[];
extern const size_t rules_len;

/* The finding of the rule @bottleneck when it is fired and worth calling, else NULL. */
const struct finding *findings_called(const struct findings *all, const char *bottleneck);

/* The same when it is fired, whatever there is to gain: of rules of latency. */
const struct finding *findings_fired(const struct findings *all, const char *bottleneck);

/* Put @gain into @f, as an upper bound. */
void finding_set_gain(struct finding *f, struct gain gain);

/* The rules, each in its rule_<name>.c. */
void unclear_find(const struct load *load, struct finding *f);
void unclear_tell(const struct load *load, struct finding *f);
void idle_find(const struct load *load, struct finding *f);
void idle_tell(const struct load *load, struct finding *f);
void throttled_find(const struct load *load, struct finding *f);
void throttled_tell(const struct load *load, struct finding *f);
void oversubscribed_find(const struct load *load, struct finding *f);
bool oversubscribed_explained(const struct load *load, const struct finding *f,
			      const struct findings *all);
void oversubscribed_tell(const struct load *load, struct finding *f);
void ipc_find(const struct load *load, struct finding *f);
void ipc_tell(const struct load *load, struct finding *f);
void gil_find(const struct load *load, struct finding *f);
bool gil_explained(const struct load *load, const struct finding *f, const struct findings *all);
void gil_tell(const struct load *load, struct finding *f);
void starvation_find(const struct load *load, struct finding *f);
void starvation_tell(const struct load *load, struct finding *f);
void herd_find(const struct load *load, struct finding *f);
/* @lock is waited for where the herd is: the mutex of its condition, that all who are woken need.
 */
bool herd_at_site(const struct load *load, uint32_t lock);
void herd_tell(const struct load *load, struct finding *f);
void lock_find(const struct load *load, struct finding *f);
bool lock_explained(const struct load *load, const struct finding *f, const struct findings *all);
void lock_tell(const struct load *load, struct finding *f);
void imbalance_find(const struct load *load, struct finding *f);
bool imbalance_explained(const struct load *load, const struct finding *f,
			 const struct findings *all);
void imbalance_tell(const struct load *load, struct finding *f);
void loop_cpu_find(const struct load *load, struct finding *f);
void loop_cpu_tell(const struct load *load, struct finding *f);
void loop_blocking_find(const struct load *load, struct finding *f);
void loop_blocking_tell(const struct load *load, struct finding *f);
void loop_gil_find(const struct load *load, struct finding *f);
void loop_gil_tell(const struct load *load, struct finding *f);
/* What a loop that is told of explains: rule_loop.c. */
bool loop_explains_gil(const struct load *load, const struct findings *all);
bool loop_explains_io(const struct load *load, const struct findings *all, double wait_ns);
bool loop_explains_full(const struct load *load, const struct findings *all, uint32_t thread);
void fork_find(const struct load *load, struct finding *f);
void fork_tell(const struct load *load, struct finding *f);
void pool_find(const struct load *load, struct finding *f);
void pool_tell(const struct load *load, struct finding *f);
void storage_find(const struct load *load, struct finding *f);
bool storage_explained(const struct load *load, const struct finding *f,
		       const struct findings *all);
void storage_tell(const struct load *load, struct finding *f);
void external_find(const struct load *load, struct finding *f);
bool external_explained(const struct load *load, const struct finding *f,
			const struct findings *all);
void external_tell(const struct load *load, struct finding *f);
void saturated_find(const struct load *load, struct finding *f);
void saturated_tell(const struct load *load, struct finding *f);
void none_find(const struct load *load, struct finding *f);
void none_tell(const struct load *load, struct finding *f);

#endif
