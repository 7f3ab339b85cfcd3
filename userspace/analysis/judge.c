// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/judge.h"

#include "base/num.h"

#include <string.h>

/* A sub-window shorter than this share of the mean one (the last, cut one) says nothing. */
#define SUB_WINDOW_MIN 0.25

static void start_finding(const struct rule *rule, struct finding *f)
{
	*f = (struct finding){
		.bottleneck = rule->bottleneck,
		.model = rule->model,
		.latency = rule->kind == RULE_LATENCY,
		.limited_by = LIMIT_NONE,
		.lock = SNAP_NONE,
		.thread = SNAP_NONE,
		.holder_known_ratio = 1,
	};
}

static bool try_gates(const struct load *load, struct judgement *j)
{
	for (size_t i = 0; i < rules_len; i++) {
		if (rules[i].kind != RULE_GATE)
			continue;
		rules[i].find(load, &j->all.at[i]);
		if (j->all.at[i].fired) {
			j->main = i;
			return true;
		}
	}
	return false;
}

static void find_all(const struct load *load, struct judgement *j)
{
	for (size_t i = 0; i < rules_len; i++) {
		if (rules[i].kind != RULE_GATE)
			rules[i].find(load, &j->all.at[i]);
	}
	/* In table order: a finding that is itself explained explains nothing further down. */
	for (size_t i = 0; i < rules_len; i++) {
		struct finding *f = &j->all.at[i];

		if (f->fired && rules[i].explained && rules[i].explained(load, f, &j->all))
			f->fired = false;
	}
}

static bool called(const struct judgement *j, size_t row)
{
	return rules[row].kind == RULE_GAIN && j->all.at[row].fired &&
	       j->all.at[row].gain_share >= GAIN_SHARE_CALLED;
}

/* The called row with the largest gain but @without; rules_len = none. */
static size_t find_largest(const struct judgement *j, size_t without)
{
	size_t best = rules_len;

	for (size_t i = 0; i < rules_len; i++) {
		if (i == without || !called(j, i))
			continue;
		if (best == rules_len || j->all.at[i].gain_share > j->all.at[best].gain_share)
			best = i;
	}
	return best;
}

static size_t find_first(const struct judgement *j, enum rule_kind kind)
{
	for (size_t i = 0; i < rules_len; i++) {
		if (rules[i].kind == kind && j->all.at[i].fired)
			return i;
	}
	return rules_len;
}

static void rank(struct judgement *j)
{
	size_t latency = find_first(j, RULE_LATENCY);
	size_t next;

	j->main = find_largest(j, rules_len);
	if (j->main == rules_len) {
		j->main = latency < rules_len ? latency : find_first(j, RULE_PLAIN);
		return;
	}
	next = find_largest(j, j->main);
	if (next < rules_len &&
	    j->all.at[j->main].gain_share < CALL_ONE_RATIO * j->all.at[next].gain_share)
		j->second = next;
	else
		j->second = latency;
}

void judge(const struct load *load, struct judgement *ret)
{
	ret->second = rules_len;
	for (size_t i = 0; i < rules_len; i++)
		start_finding(&rules[i], &ret->all.at[i]);
	if (try_gates(load, ret))
		return;
	find_all(load, ret);
	rank(ret);
}

static bool healthy(size_t row)
{
	return strcmp(rules[row].bottleneck, "unclear") &&
	       (rules[row].kind == RULE_GATE || rules[row].kind == RULE_PLAIN);
}

/* Does the sub-window judged as @j bear out row @main?  Where there is nothing to gain a quiet
 * moment is no contradiction. */
static bool agrees(const struct judgement *j, size_t main)
{
	const struct finding *f = &j->all.at[main];

	switch (rules[main].kind) {
	case RULE_GAIN:
		return called(j, main);
	case RULE_LATENCY:
		return f->fired;
	case RULE_GATE:
	case RULE_PLAIN:
		/* "none" fires beside everything: it is borne out only as the result. */
		return strcmp(rules[main].bottleneck, "cpu.saturated") ? healthy(j->main)
								       : f->fired;
	}
	return false;
}

void judge_sub_windows(const struct load *whole, size_t main, uint32_t *ret_agreeing,
		       uint32_t *ret_judged)
{
	uint32_t len = whole->snap->slices_len;
	uint32_t parts = len < SUB_WINDOWS_MAX ? len : SUB_WINDOWS_MAX;

	*ret_agreeing = *ret_judged = 0;
	for (uint32_t i = 0; i < parts; i++) {
		uint32_t first = (uint32_t)((uint64_t)i * len / parts);
		uint32_t end = (uint32_t)((uint64_t)(i + 1) * len / parts);
		struct load load = load_of_slices(whole, first, end - first);
		struct judgement j;

		if (load.window_ns < SUB_WINDOW_MIN * whole->window_ns / parts)
			continue;
		judge(&load, &j);
		*ret_agreeing += agrees(&j, main);
		*ret_judged += 1;
	}
}
