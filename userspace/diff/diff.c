// SPDX-License-Identifier: GPL-2.0-only
#include "diff/diff.h"

#include "base/err.h"
#include "base/num.h"
#include "base/strbuf.h"
#include "base/text.h"
#include "base/units.h"
#include "diff/diff_internal.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SCHEMA "concprof.report/1"
/* A change counts from so many standard errors on: many figures are compared at once. */
#define SIGMAS 3
/* However steady two runs are, machines differ from run to run by so much. */
#define NOISE_MIN 0.02
#define SLICES_MIN 3

/* Classes in which a thread waits for nothing that the program could give it. */
static const char *const idle_classes[] = {"client_idle", "loop_idle", "sleep",
					   "pool_idle",	  "child",     "stopped"};
static const struct {
	const char *key;
	const char *title;
	enum diff_sense sense;
} classes[] = {
	{"run", "running", SENSE_NEUTRAL},
	{"lock", "waiting for locks", SENSE_LESS_IS_BETTER},
	{"gil", "waiting for the GIL", SENSE_LESS_IS_BETTER},
	{"peer", "waiting for peers", SENSE_LESS_IS_BETTER},
	{"disk", "waiting for disks", SENSE_LESS_IS_BETTER},
	{"net", "waiting for servers", SENSE_LESS_IS_BETTER},
	{"runq_preempt", "preempted", SENSE_LESS_IS_BETTER},
	{"runq_wake", "woken, not yet running", SENSE_LESS_IS_BETTER},
	{"other", "other", SENSE_NEUTRAL},
};

double diff_number(const json_t *obj, const char *key)
{
	const json_t *val = json_object_get(obj, key);
	double number = json_number_value(val);

	return isfinite(number) && number > 0 ? number : 0;
}

const char *diff_string(const json_t *obj, const char *key)
{
	const char *text = json_string_value(json_object_get(obj, key));

	return text ? text : "";
}

static double class_sum(const json_t *of, const char *const *names, size_t len)
{
	const json_t *times = json_object_get(of, "classes");
	double sum = 0;

	for (size_t i = 0; i < len; i++)
		sum += diff_number(times, names[i]);
	return sum;
}

double diff_unrest(const struct diff_side *side, const char *const *names, size_t len)
{
	const json_t *slices = json_object_get(side->root, "slices");
	double sum = 0, squares = 0, count = 0, mean;

	for (size_t i = 0; i < json_array_size(slices); i++) {
		const json_t *slice = json_array_get(slices, i);
		double ns = diff_number(slice, "duration_ns");
		double rate = num_ratio(class_sum(slice, names, len), ns);

		/* A rest of a part at the end of the window says little. */
		if (ns * 4 * (double)json_array_size(slices) < side->seconds * 1e9)
			continue;
		sum += rate;
		squares += rate * rate;
		count++;
	}
	mean = num_ratio(sum, count);
	if (count < SLICES_MIN || !(mean > 0))
		return INFINITY;
	return sqrt(fmax(squares / count - mean * mean, 0) / (count - 1)) / mean;
}

double diff_noise(double before, double before_unrest, double after, double after_unrest)
{
	/* What is not there at all does not vary. */
	double b = before > 0 ? before * before_unrest : 0;
	double a = after > 0 ? after * after_unrest : 0;

	return fmax(SIGMAS * sqrt(b * b + a * a), NOISE_MIN * fmax(before, after));
}

static enum diff_change judge(const struct diff_row *row)
{
	double change = row->after - row->before;

	if (!(fabs(change) > row->noise))
		return CHANGE_NONE;
	if (row->sense == SENSE_NEUTRAL)
		return CHANGE_OTHER;
	return (change < 0) == (row->sense == SENSE_LESS_IS_BETTER) ? CHANGE_BETTER : CHANGE_WORSE;
}

bool diff_add(struct diff *diff, const struct diff_row *row)
{
	struct diff_row *added = vec_add(&diff->rows);

	if (!added)
		return false;
	*added = *row;
	added->subject = strdup(row->subject ? row->subject : "");
	added->change = judge(row);
	return added->subject != NULL;
}

static int read_side(const json_t *root, const char *which, struct diff_side *ret, struct err *err)
{
	const json_t *verdict = json_object_get(root, "verdict");
	const json_t *time = json_object_get(root, "time");

	if (strcmp(diff_string(root, "schema"), SCHEMA) != 0)
		return err_set(err, -EINVAL,
			       "%s: not a report of concprof (a capture, or JSON of "
			       "schema " SCHEMA ")",
			       which);
	*ret = (struct diff_side){
		.root = root,
		.seconds = diff_number(json_object_get(root, "window"), "duration_ns") / 1e9,
		.work = diff_number(json_object_get(root, "window"), "work_count"),
		.slices = (double)json_array_size(json_object_get(root, "slices")),
		.bottleneck = diff_string(verdict, "bottleneck"),
		.headline = diff_string(verdict, "headline"),
		.confidence = diff_string(verdict, "confidence"),
		.gain = diff_number(json_object_get(verdict, "gain"), "ratio"),
	};
	ret->busy_ns = diff_number(time, "wall_thread_ns") -
		       class_sum(time, idle_classes, ARRAY_LEN(idle_classes));
	if (!(ret->seconds > 0))
		return err_set(err, -EINVAL, "%s: its window has no length (record it again)",
			       which);
	return 0;
}

/* Work done a second: what all is for. */
static bool work_row(struct diff *diff)
{
	const struct diff_side *b = &diff->before, *a = &diff->after;
	static const char *const run[] = {"run"};
	struct diff_row row = {.section = SECTION_WORK,
			       .key = "work_per_s",
			       .title = "work done",
			       .unit = DIFF_PER_SECOND,
			       .sense = SENSE_MORE_IS_BETTER,
			       .in_before = true,
			       .in_after = true};

	if (!(b->work > 0 && a->work > 0))
		return true;
	row.before = b->work / b->seconds;
	row.after = a->work / a->seconds;
	/* Work is counted once a run; it comes as steadily as the program runs. */
	row.noise =
		diff_noise(row.before, diff_unrest(b, run, 1), row.after, diff_unrest(a, run, 1));
	return diff_add(diff, &row);
}

static bool class_rows(struct diff *diff, bool per_work)
{
	const struct diff_side *b = &diff->before, *a = &diff->after;

	for (size_t i = 0; i < ARRAY_LEN(classes); i++) {
		const char *const name[] = {classes[i].key};
		double before_ns = class_sum(json_object_get(b->root, "time"), name, 1);
		double after_ns = class_sum(json_object_get(a->root, "time"), name, 1);
		struct diff_row row = {.section = per_work ? SECTION_PER_WORK : SECTION_TIME,
				       .key = classes[i].key,
				       .title = classes[i].title,
				       .unit = per_work ? DIFF_DURATION : DIFF_TIME_RATE,
				       .sense = classes[i].sense,
				       .in_before = true,
				       .in_after = true};

		if (!(before_ns > 0 || after_ns > 0))
			continue;
		row.before = per_work ? before_ns / b->work : before_ns / b->seconds / 1e9;
		row.after = per_work ? after_ns / a->work : after_ns / a->seconds / 1e9;
		/* Less of it for the same work is better, whatever it is. */
		if (per_work && row.sense == SENSE_NEUTRAL)
			row.sense = SENSE_LESS_IS_BETTER;
		row.noise = diff_noise(row.before, diff_unrest(b, name, 1), row.after,
				       diff_unrest(a, name, 1));
		if (!diff_add(diff, &row))
			return false;
	}
	return true;
}

int diff_make(const json_t *before, const json_t *after, struct diff *ret, struct err *err)
{
	struct diff diff = {.before.root = before};
	bool done;
	int rc = read_side(before, "the first one", &diff.before, err);

	if (rc == 0)
		rc = read_side(after, "the second one", &diff.after, err);
	if (rc < 0)
		return rc;
	done = work_row(&diff) && class_rows(&diff, false);
	if (done && diff.before.work > 0 && diff.after.work > 0)
		done = class_rows(&diff, true);
	if (!done || !diff_locks(&diff) || !diff_loops(&diff)) {
		diff_free(&diff);
		return err_set(err, -ENOMEM, "diff: out of memory");
	}
	*ret = diff;
	return 0;
}

void diff_free(struct diff *diff)
{
	struct diff_row *row;

	VEC_FOREACH (&diff->rows, row)
		free(row->subject);
	vec_free(&diff->rows);
}

const char *diff_section_title(enum diff_section section)
{
	static const char *const titles[SECTION_COUNT] = {
		[SECTION_WORK] = "Work",
		[SECTION_TIME] = "Thread time a second",
		[SECTION_PER_WORK] = "Thread time for a unit of work",
		[SECTION_LOCK] = "Locks (waiting: of the time with work)",
		[SECTION_LOOP] = "Event loops (turns)",
	};

	return titles[section];
}

bool diff_row_shown(const struct diff_row *row)
{
	return (row->in_before && row->in_after) || row->section != SECTION_LOCK ||
	       !strcmp(row->key, "wait_ratio");
}

const char *diff_change_name(const struct diff_row *row)
{
	switch (row->change) {
	case CHANGE_BETTER:
		return "better";
	case CHANGE_WORSE:
		return "worse";
	case CHANGE_OTHER:
		return "changed";
	case CHANGE_NONE:
		break;
	}
	return "same";
}

/* Three digits, of integers alone: no locale interferes. */
static void add_decimal(struct strbuf *sb, double value)
{
	uint64_t thousandths = num_to_u64(value * 1000 + 0.5);

	if (!(value > 0))
		strbuf_putc(sb, '0');
	else if (value >= 100)
		units_count(sb, num_to_u64(value + 0.5));
	else if (value >= 10)
		strbuf_printf(sb, "%" PRIu64 ".%" PRIu64, thousandths / 1000,
			      thousandths % 1000 / 100);
	else
		strbuf_printf(sb, "%" PRIu64 ".%03" PRIu64, thousandths / 1000, thousandths % 1000);
}

void diff_value(struct strbuf *sb, enum diff_unit unit, double value)
{
	switch (unit) {
	case DIFF_RATIO:
		units_percent(sb, value);
		break;
	case DIFF_PER_SECOND:
		add_decimal(sb, value);
		strbuf_puts(sb, " /s");
		break;
	case DIFF_TIME_RATE:
		add_decimal(sb, value);
		strbuf_puts(sb, " s/s");
		break;
	case DIFF_DURATION:
		units_duration(sb, num_to_u64(value + 0.5));
		break;
	}
}

void diff_relative(struct strbuf *sb, const struct diff_row *row)
{
	double change = row->after - row->before;

	if (!row->in_after) {
		strbuf_puts(sb, "gone");
	} else if (!row->in_before || !(row->before > 0)) {
		strbuf_puts(sb, row->after > 0 ? "new" : "0%");
	} else if (row->after >= 10 * row->before) {
		units_factor(sb, row->after / row->before);
	} else {
		strbuf_putc(sb, change < 0 ? '-' : '+');
		units_percent(sb, fabs(change) / row->before);
	}
}

static void add_side(struct strbuf *sb, const char *when, const struct diff_side *side)
{
	strbuf_printf(sb, "%s: ", when);
	text_escape(sb, side->bottleneck, strlen(side->bottleneck));
	if (*side->headline) {
		strbuf_puts(sb, ": ");
		text_escape(sb, side->headline, strlen(side->headline));
	}
	if (side->gain > 1) {
		strbuf_puts(sb, ", up to ");
		units_factor(sb, side->gain);
		strbuf_puts(sb, " without it");
	}
	strbuf_puts(sb, ".\n");
}

/* The largest changes for better and worse among locks and loops, and work done. */
void diff_summary(struct strbuf *sb, const struct diff *diff)
{
	const struct diff_row *row;
	unsigned told = 0;

	add_side(sb, "Before", &diff->before);
	add_side(sb, "After", &diff->after);
	VEC_FOREACH (&diff->rows, row) {
		if (row->change == CHANGE_NONE || row->change == CHANGE_OTHER || told == 5)
			continue;
		if (row->section != SECTION_WORK && row->section != SECTION_LOCK &&
		    row->section != SECTION_LOOP)
			continue;
		if (row->section == SECTION_LOCK && strcmp(row->key, "wait_ratio") != 0)
			continue;
		told++;
		strbuf_puts(sb, row->change == CHANGE_BETTER ? "Better: " : "Worse: ");
		if (*row->subject) {
			strbuf_puts(sb, row->section == SECTION_LOCK ? "lock " : "loop ");
			text_escape(sb, row->subject, strlen(row->subject));
			strbuf_puts(sb, ": ");
		} else if (row->section == SECTION_LOCK) {
			strbuf_puts(sb, "all locks: ");
		}
		strbuf_printf(sb, "%s ", row->title);
		diff_value(sb, row->unit, row->before);
		strbuf_puts(sb, " -> ");
		diff_value(sb, row->unit, row->after);
		strbuf_puts(sb, " (");
		if (row->section == SECTION_WORK)
			units_factor(sb, num_ratio(row->after, row->before));
		else
			diff_relative(sb, row);
		strbuf_puts(sb, ").\n");
	}
	if (!told)
		strbuf_puts(sb, "No change of work, locks or loops is larger than the noise.\n");
}
