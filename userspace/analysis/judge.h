/* SPDX-License-Identifier: GPL-2.0-only */
/* Runs the table of rules over figures and ranks what they found; no texts. */
#ifndef ANALYSIS_JUDGE_H
#define ANALYSIS_JUDGE_H

#include "analysis/rules.h"

#define SUB_WINDOWS_MAX 10
/* Call one finding if it has this many times the gain of the next, else name two. */
#define CALL_ONE_RATIO 1.5

struct judgement {
	struct findings all; /* by row of the table; those behind a fired gate were not tried */
	size_t main;	     /* row */
	size_t second;	     /* row, rules_len = none */
};

/* The same for a whole run and for a slice. */
void judge(const struct load *load, struct judgement *ret);

/* In how many of up to ten sub-windows of the run finding row @main of @whole holds, too. */
void judge_sub_windows(const struct load *whole, size_t main, uint32_t *ret_agreeing,
		       uint32_t *ret_judged);

/* How sure @f is (docs/VERDICTS.md); what makes it weaker is appended to @why. */
enum confidence judge_confidence(const struct load *load, const struct finding *f,
				 struct strbuf *why);

#endif
