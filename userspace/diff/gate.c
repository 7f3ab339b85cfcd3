// SPDX-License-Identifier: GPL-2.0-only
#include "diff/gate.h"

#include "base/err.h"
#include "base/num.h"
#include "base/strbuf.h"
#include "base/text.h"
#include "base/units.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* What may be asked for. */
static const struct {
	const char *group; /* before the dot, or the whole word */
	const char *key;   /* behind it, "" = none */
	enum diff_section section;
	enum diff_unit unit;
} figures[] = {
	{"work_per_s", "", SECTION_WORK, DIFF_PER_SECOND},
	{"lock", "wait_ratio", SECTION_LOCK, DIFF_RATIO},
	{"lock", "waits_per_s", SECTION_LOCK, DIFF_PER_SECOND},
	{"lock", "p99_wait", SECTION_LOCK, DIFF_DURATION},
	{"loop", "p99", SECTION_LOOP, DIFF_DURATION},
	{"loop", "max", SECTION_LOOP, DIFF_DURATION},
	{"loop", "added_mean", SECTION_LOOP, DIFF_DURATION},
	{"loop", "stalls_per_s", SECTION_LOOP, DIFF_PER_SECOND},
	{"time", "run", SECTION_TIME, DIFF_TIME_RATE},
	{"time", "lock", SECTION_TIME, DIFF_TIME_RATE},
	{"time", "gil", SECTION_TIME, DIFF_TIME_RATE},
	{"time", "peer", SECTION_TIME, DIFF_TIME_RATE},
	{"time", "disk", SECTION_TIME, DIFF_TIME_RATE},
	{"time", "net", SECTION_TIME, DIFF_TIME_RATE},
	{"time", "runq_preempt", SECTION_TIME, DIFF_TIME_RATE},
	{"time", "runq_wake", SECTION_TIME, DIFF_TIME_RATE},
	{"per_work", "run", SECTION_PER_WORK, DIFF_DURATION},
	{"per_work", "lock", SECTION_PER_WORK, DIFF_DURATION},
	{"per_work", "gil", SECTION_PER_WORK, DIFF_DURATION},
	{"per_work", "peer", SECTION_PER_WORK, DIFF_DURATION},
	{"per_work", "disk", SECTION_PER_WORK, DIFF_DURATION},
	{"per_work", "net", SECTION_PER_WORK, DIFF_DURATION},
	{"per_work", "runq_preempt", SECTION_PER_WORK, DIFF_DURATION},
	{"per_work", "runq_wake", SECTION_PER_WORK, DIFF_DURATION},
};

static const char *const verdicts[] = {
	"threads.lock",
	"threads.imbalance",
	"threads.herd",
	"threads.starvation",
	"gil",
	"processes.ipc",
	"processes.fork",
	"processes.pool_exhausted",
	"event_loop.cpu",
	"event_loop.blocking",
	"event_loop.gil",
	"cpu.saturated",
	"cpu.oversubscribed",
	"cpu.throttled",
	"storage",
	"external",
	"none",
	"idle",
	"unclear",
};

/* Two bytes before one: ">=" is no ">". */
static const struct {
	const char *text;
	enum gate_op op;
} ops[] = {
	{">=", GATE_AT_LEAST}, {"<=", GATE_AT_MOST}, {"==", GATE_IS},
	{"!=", GATE_IS_NOT},   {">", GATE_OVER},     {"<", GATE_UNDER},
};

static int wrong(const char *text, const char *why, struct err *err)
{
	return err_set(err, -EINVAL,
		       "--fail-if '%s': %s (for example 'lock.wait_ratio > +10%%', 'loop.p99 > "
		       "100ms', 'verdict != none'; see concprof(1))",
		       text, why);
}

static const char *skip_spaces(const char *at)
{
	return at + strspn(at, " \t");
}

/* A word of letters, digits, dots and underscores into @to; NULL when it is empty or too long. */
static const char *take_word(const char *at, const char *more, char *to, size_t room)
{
	char accept[80];
	size_t len;

	snprintf(accept, sizeof(accept), "abcdefghijklmnopqrstuvwxyz0123456789_%s", more);
	len = strspn(at, accept);
	if (!len || len >= room)
		return NULL;
	memcpy(to, at, len);
	to[len] = '\0';
	return at + len;
}

/* "lock", "lock[NAME].key", "time.lock"; NULL where it is none. */
static const char *take_figure(const char *at, struct gate *gate, enum diff_unit *ret_unit,
			       const char **ret_why)
{
	char group[32];

	*ret_why = "no such figure";
	at = take_word(at, "", group, sizeof(group));
	if (!at)
		return NULL;
	if (*at == '[') {
		const char *end = strrchr(at, ']');
		size_t len = end ? (size_t)(end - at) - 1 : 0;

		*ret_why = "a name in [] is to end with ] and be of a lock or loop";
		if (!len || len >= sizeof(gate->name) ||
		    (strcmp(group, "lock") != 0 && strcmp(group, "loop") != 0))
			return NULL;
		memcpy(gate->name, at + 1, len);
		gate->name[len] = '\0';
		at = end + 1;
	}
	if (*at == '.')
		at = take_word(at + 1, "", gate->key, sizeof(gate->key));
	for (size_t i = 0; at && i < ARRAY_LEN(figures); i++) {
		if (strcmp(figures[i].group, group) != 0 || strcmp(figures[i].key, gate->key) != 0)
			continue;
		gate->section = figures[i].section;
		*ret_unit = figures[i].unit;
		if (!*gate->key)
			memcpy(gate->key, group, sizeof(group));
		return at;
	}
	*ret_why = "no such figure";
	return NULL;
}

static const char *take_op(const char *at, struct gate *gate)
{
	for (size_t i = 0; i < ARRAY_LEN(ops); i++) {
		size_t len = strlen(ops[i].text);

		if (strncmp(at, ops[i].text, len) != 0)
			continue;
		gate->op = ops[i].op;
		return at + len;
	}
	return NULL;
}

/* The factor that @suffix of a number in @unit stands for; 0 where it does not fit. */
static double factor_of(const char *suffix, enum diff_unit unit)
{
	static const struct {
		const char *suffix;
		enum diff_unit unit;
		double factor;
	} suffixes[] = {
		{"", DIFF_RATIO, 1},	    {"%", DIFF_RATIO, 0.01},	{"", DIFF_PER_SECOND, 1},
		{"/s", DIFF_PER_SECOND, 1}, {"", DIFF_TIME_RATE, 1},	{"s/s", DIFF_TIME_RATE, 1},
		{"ns", DIFF_DURATION, 1},   {"us", DIFF_DURATION, 1e3}, {"ms", DIFF_DURATION, 1e6},
		{"s", DIFF_DURATION, 1e9},
	};

	for (size_t i = 0; i < ARRAY_LEN(suffixes); i++)
		if (suffixes[i].unit == unit && !strcmp(suffixes[i].suffix, suffix))
			return suffixes[i].factor;
	return 0;
}

static const char *take_value(const char *at, struct gate *gate, enum diff_unit unit)
{
	bool minus = *at == '-';
	char digits[32];
	size_t len;
	double factor;

	gate->relative = *at == '+' || minus;
	at += gate->relative;
	len = strspn(at, "0123456789.");
	if (!len || len >= sizeof(digits))
		return "its number is missing";
	memcpy(digits, at, len);
	digits[len] = '\0';
	if (num_parse_double(digits, 0, 1e15, &gate->value) < 0)
		return "its number is none";
	at = skip_spaces(at + len);
	if (gate->relative && strcmp(at, "%") != 0)
		return "a change (+ or -) takes a percentage";
	factor = gate->relative ? 0.01 : factor_of(at, unit);
	if (!(factor > 0))
		return unit == DIFF_DURATION ? "a time takes a unit (ns, us, ms, s)"
					     : "its number has the wrong unit";
	gate->value *= minus ? -factor : factor;
	return NULL;
}

static const char *parse_verdict(const char *at, struct gate *gate)
{
	gate->verdict = true;
	at = take_op(skip_spaces(at), gate);
	if (!at || (gate->op != GATE_IS && gate->op != GATE_IS_NOT))
		return "a verdict is compared by == or !=";
	at = take_word(skip_spaces(at), ".", gate->word, sizeof(gate->word));
	if (!at || *skip_spaces(at))
		return "no such verdict";
	for (size_t i = 0; i < ARRAY_LEN(verdicts); i++)
		if (!strcmp(verdicts[i], gate->word))
			return NULL;
	return "no such verdict";
}

int gate_parse(const char *text, struct gate *ret, struct err *err)
{
	struct gate gate = {.text = text};
	enum diff_unit unit = DIFF_RATIO;
	const char *at = skip_spaces(text);
	const char *why;

	if (!strncmp(at, "verdict", 7) && (at[7] == ' ' || at[7] == '=' || at[7] == '!')) {
		why = parse_verdict(at + 7, &gate);
	} else {
		at = take_figure(at, &gate, &unit, &why);
		if (at) {
			at = take_op(skip_spaces(at), &gate);
			why = "it takes one of > >= < <= == !=";
		}
		if (at)
			why = take_value(skip_spaces(at), &gate, unit);
	}
	if (why)
		return wrong(text, why, err);
	*ret = gate;
	return 0;
}

static bool compare(double left, enum gate_op op, double right)
{
	switch (op) {
	case GATE_OVER:
		return left > right;
	case GATE_AT_LEAST:
		return left >= right;
	case GATE_UNDER:
		return left < right;
	case GATE_AT_MOST:
		return left <= right;
	case GATE_IS:
		return !(left < right) && !(left > right);
	case GATE_IS_NOT:
		return left < right || left > right;
	}
	return false;
}

static bool row_holds(const struct gate *gate, const struct diff_row *row)
{
	double change;

	if (!gate->relative)
		return row->in_after && compare(row->after, gate->op, gate->value);
	/* Inside the noise nothing has changed. */
	if (row->change == CHANGE_NONE)
		return compare(0, gate->op, gate->value);
	change = row->before > 0 ? (row->after - row->before) / row->before : INFINITY;
	return compare(change, gate->op, gate->value);
}

static void say_row(struct strbuf *said, const struct diff_row *row)
{
	if (*row->subject) {
		text_escape(said, row->subject, strlen(row->subject));
		strbuf_puts(said, ": ");
	}
	diff_value(said, row->unit, row->before);
	strbuf_puts(said, " -> ");
	diff_value(said, row->unit, row->after);
	strbuf_puts(said, " (");
	diff_relative(said, row);
	strbuf_puts(said, row->change == CHANGE_NONE ? ", within the noise)" : ")");
}

bool gate_holds(const struct gate *gate, const struct diff *diff, struct strbuf *said)
{
	const struct diff_row *row;
	const struct diff_row *shown = NULL;
	bool holds = false;

	if (gate->verdict) {
		const char *word = diff->after.bottleneck;

		strbuf_puts(said, "the verdict is ");
		text_escape(said, word, strlen(word));
		return !strcmp(word, gate->word) == (gate->op == GATE_IS);
	}
	VEC_FOREACH (&diff->rows, row) {
		bool this_one;

		if (row->section != gate->section || strcmp(row->key, gate->key) != 0)
			continue;
		/* Of locks the sum of all is a row of its own; of loops any will do. */
		if (*gate->name ? strcmp(gate->name, row->subject) != 0
				: row->section == SECTION_LOCK && *row->subject)
			continue;
		this_one = row_holds(gate, row);
		if (!shown || (this_one && !holds))
			shown = row;
		holds |= this_one;
	}
	if (shown)
		say_row(said, shown);
	else
		strbuf_puts(said, gate->section == SECTION_WORK || gate->section == SECTION_PER_WORK
					  ? "not known: both runs take --work"
					  : "nothing of the sort in either run");
	return holds;
}
