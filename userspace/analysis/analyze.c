// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/analysis.h"

#include "analysis/judge.h"
#include "analysis/phrase.h"
#include "base/err.h"
#include "base/units.h"

#include <errno.h>
#include <stdlib.h>

static void finding_free(struct finding *f)
{
	strbuf_free(&f->headline);
	strbuf_free(&f->cause);
	strbuf_free(&f->gain_text);
	strbuf_free(&f->summary);
	for (int i = 0; i < FINDING_EVIDENCE_MAX; i++)
		strbuf_free(&f->evidence[i]);
	strbuf_free(&f->next_step);
	*f = (struct finding){0};
}

void verdict_free(struct verdict *verdict)
{
	if (!verdict)
		return;
	finding_free(&verdict->main);
	finding_free(&verdict->second);
	strbuf_free(&verdict->confidence_why);
	free(verdict->lock_gain);
	free(verdict->slice_bottleneck);
	*verdict = (struct verdict){0};
}

static bool finding_failed(const struct finding *f)
{
	bool failed = f->headline.failed || f->cause.failed || f->gain_text.failed ||
		      f->summary.failed || f->next_step.failed;

	for (int i = 0; i < FINDING_EVIDENCE_MAX; i++)
		failed |= f->evidence[i].failed;
	return failed;
}

/* "headline; cause; gain." */
static void add_summary(struct finding *f)
{
	const struct strbuf *const parts[] = {&f->headline, &f->cause, &f->gain_text};

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		if (parts[i]->len == 0)
			continue;
		if (f->summary.len > 0)
			strbuf_puts(&f->summary, "; ");
		strbuf_puts(&f->summary, strbuf_str(parts[i]));
	}
	strbuf_putc(&f->summary, '.');
}

/* Gains too small to be called are named where nothing else is. */
static void add_minor(const struct load *load, const struct judgement *j, struct finding *f)
{
	for (size_t i = 0; i < rules_len; i++) {
		const struct finding *minor = &j->all.at[i];
		struct strbuf *sb;

		if (rules[i].kind != RULE_GAIN || !minor->fired ||
		    minor->gain_share < GAIN_SHARE_MINOR || minor->gain_share >= GAIN_SHARE_CALLED)
			continue;
		sb = phrase_evidence(f);
		strbuf_printf(sb, "minor: %s", minor->bottleneck);
		if (minor->lock != SNAP_NONE)
			strbuf_printf(sb, " (`%s`)", load->snap->locks[minor->lock].name);
		strbuf_puts(sb, ", at most ");
		units_percent(sb, minor->gain_share);
		strbuf_puts(sb, " of the time");
	}
}

/* Move row @row out of @j and give it its words. */
static struct finding tell(const struct load *load, const struct judgement *j, size_t row)
{
	struct finding f = j->all.at[row];

	rules[row].tell(load, &f);
	if (rules[row].kind == RULE_PLAIN)
		add_minor(load, j, &f);
	add_summary(&f);
	judge_sub_windows(load, row, &f.slices_agreeing, &f.slices_judged);
	return f;
}

static void judge_slices(const struct load *whole, struct verdict *verdict)
{
	for (uint32_t i = 0; i < verdict->slices_len; i++) {
		struct load load = load_of_slices(whole, i, 1);
		struct judgement j;

		judge(&load, &j);
		verdict->slice_bottleneck[i] = rules[j.main].bottleneck;
	}
}

/* Room for what is told by lock and by slice. */
static int alloc_arrays(const struct snapshot *snap, struct verdict *verdict)
{
	verdict->lock_gain = calloc(snap->locks_len + 1UL, sizeof(*verdict->lock_gain));
	verdict->slice_bottleneck =
		calloc(snap->slices_len + 1UL, sizeof(*verdict->slice_bottleneck));
	if (!verdict->lock_gain || !verdict->slice_bottleneck)
		return -ENOMEM;
	verdict->lock_gain_len = snap->locks_len;
	verdict->slices_len = snap->slices_len;
	return 0;
}

int analysis_run(const struct snapshot *snap, struct verdict *ret, struct err *err)
{
	struct verdict verdict = {0};
	struct judgement j;
	struct load load;

	if (alloc_arrays(snap, &verdict) || load_of_run(snap, verdict.lock_gain, &load))
		goto fail;
	judge(&load, &j);
	judge_slices(&load, &verdict);
	verdict.main = tell(&load, &j, j.main);
	if (j.second < rules_len)
		verdict.second = tell(&load, &j, j.second);
	verdict.confidence = judge_confidence(&load, &verdict.main, &verdict.confidence_why);
	if (finding_failed(&verdict.main) || finding_failed(&verdict.second) ||
	    verdict.confidence_why.failed)
		goto fail;
	*ret = verdict;
	return 0;
fail:
	verdict_free(&verdict);
	return err_set(err, -ENOMEM,
		       "cannot judge: memory is short (free some, or observe fewer processes)");
}

const char *confidence_name(enum confidence confidence)
{
	switch (confidence) {
	case CONFIDENCE_LOW:
		return "low";
	case CONFIDENCE_MEDIUM:
		return "medium";
	case CONFIDENCE_HIGH:
		return "high";
	}
	return "low";
}

const char *gain_limit_name(enum gain_limit limit)
{
	switch (limit) {
	case LIMIT_CPUS:
		return "cpus";
	case LIMIT_THREADS:
		return "threads";
	case LIMIT_LOCK:
		return "lock";
	case LIMIT_IO:
		return "io";
	case LIMIT_NONE:
		break;
	}
	return "none";
}
