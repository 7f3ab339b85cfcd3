/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Two JSON reports side by side (docs/DIFF.md): what changed, and how large a change would have to
 * be to be told from the runs' own unrest.  Pure; reports may come from anywhere, so that nothing
 * in them is trusted.
 */
#ifndef DIFF_DIFF_H
#define DIFF_DIFF_H

#include "base/vec.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct err;
struct strbuf;

enum diff_section {
	SECTION_WORK,
	SECTION_TIME,
	SECTION_PER_WORK,
	SECTION_LOCK,
	SECTION_LOOP,
	SECTION_COUNT
};

enum diff_unit {
	DIFF_RATIO,	 /* of one: "41%" */
	DIFF_PER_SECOND, /* "4,310 /s" */
	DIFF_TIME_RATE,	 /* seconds of thread time a second: "1.29 s/s" */
	DIFF_DURATION,	 /* ns */
};

/* What a growing figure means. */
enum diff_sense { SENSE_LESS_IS_BETTER, SENSE_MORE_IS_BETTER, SENSE_NEUTRAL };

enum diff_change { CHANGE_NONE, CHANGE_BETTER, CHANGE_WORSE, CHANGE_OTHER };

struct diff_row {
	enum diff_section section;
	const char *key; /* stable name: "wait_ratio" */
	const char *title;
	char *subject; /* lock or loop it is about, as in the report; "" = the whole run; owned */
	enum diff_unit unit;
	enum diff_sense sense;
	bool in_before; /* the lock or loop was there */
	bool in_after;
	double before;
	double after;
	double noise; /* changes up to this one are none; infinite where it cannot be told */
	enum diff_change change;
};

struct diff_side {
	const json_t *root; /* borrowed */
	double seconds;
	double work;	/* units, 0 = not given */
	double busy_ns; /* thread time that is not idle */
	double slices;	/* parts of the window by which noise is judged */
	const char *bottleneck;
	const char *headline;
	const char *confidence;
	double gain; /* predicted, 0 = none */
};

struct diff {
	struct diff_side before;
	struct diff_side after;
	VEC(struct diff_row) rows; /* by section; worst change first */
};

/* @before, @after: borrowed, live as long as *ret.  -EINVAL with @err when one is no report. */
int diff_make(const json_t *before, const json_t *after, struct diff *ret, struct err *err);
void diff_free(struct diff *diff);

/* For people: of a lock that came or went its first figure says it. */
bool diff_row_shown(const struct diff_row *row);
const char *diff_change_name(const struct diff_row *row);
const char *diff_section_title(enum diff_section section);
/* A figure in its unit.  Appends. */
void diff_value(struct strbuf *sb, enum diff_unit unit, double value);
/* "-38%", "gone", "new".  Appends. */
void diff_relative(struct strbuf *sb, const struct diff_row *row);
/* What a reader should know first, a sentence a line.  Appends. */
void diff_summary(struct strbuf *sb, const struct diff *diff);

struct gate_result;
struct diff_render_input {
	const struct diff *diff;
	const struct gate_result *gates;
	size_t gates_len;
};

/* By a name of -f: NULL if a diff has no such format. */
typedef int diff_render_fn(const struct diff_render_input *in, struct strbuf *sb);
diff_render_fn *diff_render_by_name(const char *format);
diff_render_fn diff_render_text;
diff_render_fn diff_render_markdown;
diff_render_fn diff_render_json;
diff_render_fn diff_render_html;

#endif
