/* SPDX-License-Identifier: GPL-2.0-only */
/* What `diff --fail-if` takes: an expression about two runs (the grammar: docs/DIFF.md). */
#ifndef DIFF_GATE_H
#define DIFF_GATE_H

#include "diff/diff.h"

#include <stdbool.h>

#define GATE_NAME_MAX 256

enum gate_op { GATE_OVER, GATE_AT_LEAST, GATE_UNDER, GATE_AT_MOST, GATE_IS, GATE_IS_NOT };

struct gate {
	const char *text; /* as typed; borrowed */
	bool verdict;	  /* compare the verdict's word, else a figure */
	enum diff_section section;
	char key[32];
	char name[GATE_NAME_MAX]; /* of one lock or loop, "" = all */
	enum gate_op op;
	bool relative; /* `value` is a change as a part of the figure before */
	double value;
	char word[32]; /* of a verdict */
};

struct gate_result {
	const char *text; /* borrowed */
	bool failed;
	char *said; /* one sentence; owned */
};

/* 0, or -EINVAL with a sentence that says what is wrong and how it should be. */
int gate_parse(const char *text, struct gate *ret, struct err *err);

/* Whether @gate holds, that is, whether the diff is to fail; what it compared goes to @said. */
bool gate_holds(const struct gate *gate, const struct diff *diff, struct strbuf *said);

#endif
