// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/rules.h"

#include "base/num.h"

#include <string.h>

/*
 * Order: gates as they are tried; among rules of gain it decides between equal ones only; plain
 * ones from the most to the least specific, the last of which always fires.
 */
const struct rule rules[] = {
	{"unclear", "none", RULE_GATE, unclear_find, NULL, unclear_tell},
	{"idle", "none", RULE_GATE, idle_find, NULL, idle_tell},
	{"cpu.throttled", "none", RULE_GAIN, throttled_find, NULL, throttled_tell},
	{"processes.ipc", "processes", RULE_GAIN, ipc_find, NULL, ipc_tell},
	{"event_loop.gil", "event_loop", RULE_LATENCY, loop_gil_find, NULL, loop_gil_tell},
	{"event_loop.blocking", "event_loop", RULE_LATENCY, loop_blocking_find, NULL,
	 loop_blocking_tell},
	{"event_loop.cpu", "event_loop", RULE_LATENCY, loop_cpu_find, NULL, loop_cpu_tell},
	{"cpu.oversubscribed", "none", RULE_GAIN, oversubscribed_find, oversubscribed_explained,
	 oversubscribed_tell},
	{"gil", "gil", RULE_GAIN, gil_find, gil_explained, gil_tell},
	{"threads.starvation", "threads", RULE_LATENCY, starvation_find, NULL, starvation_tell},
	{"threads.herd", "threads", RULE_GAIN, herd_find, NULL, herd_tell},
	{"threads.lock", "threads", RULE_GAIN, lock_find, lock_explained, lock_tell},
	{"threads.imbalance", "threads", RULE_GAIN, imbalance_find, imbalance_explained,
	 imbalance_tell},
	{"processes.fork", "processes", RULE_GAIN, fork_find, NULL, fork_tell},
	{"processes.pool_exhausted", "processes", RULE_GAIN, pool_find, NULL, pool_tell},
	{"storage", "none", RULE_GAIN, storage_find, storage_explained, storage_tell},
	{"external", "none", RULE_GAIN, external_find, external_explained, external_tell},
	{"cpu.saturated", "none", RULE_PLAIN, saturated_find, NULL, saturated_tell},
	{"none", "none", RULE_PLAIN, none_find, NULL, none_tell},
};
const size_t rules_len = ARRAY_LEN(rules);

_Static_assert(ARRAY_LEN(rules) <= RULES_MAX, "one finding per rule");

const struct finding *findings_fired(const struct findings *all, const char *bottleneck)
{
	for (size_t i = 0; i < rules_len; i++)
		if (!strcmp(rules[i].bottleneck, bottleneck))
			return all->at[i].fired ? &all->at[i] : NULL;
	return NULL;
}

const struct finding *findings_called(const struct findings *all, const char *bottleneck)
{
	const struct finding *f = findings_fired(all, bottleneck);

	return f && f->gain_share >= GAIN_SHARE_CALLED ? f : NULL;
}

void finding_set_gain(struct finding *f, struct gain gain)
{
	f->gain_ratio = gain.ratio;
	f->gain_share = gain_share(gain.ratio);
	f->bound = "upper bound";
	f->limited_by = gain.limited_by;
}
