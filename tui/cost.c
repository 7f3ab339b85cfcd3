// SPDX-License-Identifier: GPL-2.0-only
#include "tui/cost.h"

#include "base/num.h"
#include "report/derived.h"
#include "tui/theme.h"

#include <string.h>

const char *cost_title(enum cost cost)
{
	static const char *const titles[COST_COUNT] = {
		[COST_THREADS] = "threads",   [COST_GIL] = "GIL", [COST_PROCESSES] = "processes",
		[COST_LOOPS] = "event loops", [COST_CPU] = "CPU", [COST_IO] = "disk, net",
	};

	return titles[cost];
}

enum role cost_role(enum cost cost)
{
	static const enum role roles[COST_COUNT] = {
		[COST_THREADS] = (enum role)(ROLE_GROUP + (int)GROUP_LOCK),
		[COST_GIL] = (enum role)(ROLE_GROUP + (int)GROUP_GIL),
		[COST_PROCESSES] = (enum role)(ROLE_GROUP + (int)GROUP_PEER),
		[COST_LOOPS] = ROLE_WARN,
		[COST_CPU] = (enum role)(ROLE_GROUP + (int)GROUP_RUNQ),
		[COST_IO] = (enum role)(ROLE_GROUP + (int)GROUP_DISK),
	};

	return roles[cost];
}

/* The part of waiting for peers that crosses from one process to another. */
static double across_ratio(const struct snapshot *snap)
{
	uint64_t across = 0, all = 0;

	if (snap->processes_len < 2)
		return 0;
	for (uint32_t i = 0; i < snap->edges_len; i++) {
		const struct snap_edge *edge = &snap->edges[i];

		if (edge->kind == EDGE_LOCK || edge->from_thread >= snap->threads_len ||
		    edge->to_thread >= snap->threads_len)
			continue;
		all = num_sat_add(all, edge->wait_ns);
		if (snap->threads[edge->from_thread].pid != snap->threads[edge->to_thread].pid)
			across = num_sat_add(across, edge->wait_ns);
	}
	return num_ratio((double)across, (double)all);
}

/* Of the time of event loops: a stalled one may well sleep, which is no time with work. */
static double stalled_ratio(const struct snapshot *snap)
{
	double stalled_ns = 0, all_ns = 0;

	for (uint32_t i = 0; i < snap->loops_len; i++) {
		if (!snap->loops[i].is_loop)
			continue;
		all_ns += (double)snap->loops[i].observed_ns;
		for (unsigned part = 0; part < PART_COUNT; part++)
			stalled_ns += (double)snap->loops[i].stall_part_ns[part];
	}
	return num_ratio(stalled_ns, all_ns);
}

static double work_ns(const uint64_t class_ns[CLASS_COUNT])
{
	uint64_t sum = 0;

	for (unsigned cls = 0; cls < CLASS_COUNT; cls++)
		if (!time_class_idle((enum time_class)cls))
			sum = num_sat_add(sum, class_ns[cls]);
	return (double)sum;
}

/* Of times by class that came to @work of time with work. */
static double ratio_of(const uint64_t class_ns[CLASS_COUNT], double work, double across,
		       enum cost cost)
{
	const double peer = (double)class_ns[CLASS_PEER];

	switch (cost) {
	case COST_THREADS:
		return num_ratio((double)class_ns[CLASS_LOCK] + peer * (1 - across), work);
	case COST_GIL:
		return num_ratio((double)class_ns[CLASS_GIL], work);
	case COST_PROCESSES:
		return num_ratio(peer * across, work);
	case COST_CPU:
		return num_ratio((double)time_group_ns(GROUP_RUNQ, class_ns), work);
	case COST_IO:
		return num_ratio((double)class_ns[CLASS_DISK] + (double)class_ns[CLASS_NET], work);
	case COST_LOOPS:
	case COST_COUNT:
		break;
	}
	return 0;
}

static double capped(double ratio)
{
	return ratio > 1 ? 1 : ratio;
}

double cost_ratio(const struct report *rep, enum cost cost)
{
	const struct snapshot *snap = rep->snap;
	double work = work_ns(snap->class_ns);

	if (cost == COST_LOOPS)
		return capped(stalled_ratio(snap));
	/* As the verdict counts it: a lock held while idle costs, too. */
	work = (double)num_max_u64(snap->non_idle_ns, (uint64_t)work);
	return capped(ratio_of(snap->class_ns, work, across_ratio(snap), cost));
}

bool cost_in_use(const struct report *rep, enum cost cost)
{
	const unsigned used = report_models_in_use(rep);

	switch (cost) {
	case COST_THREADS:
		return rep->snap->threads_len > 1;
	case COST_GIL:
		return used & (1U << MODEL_GIL);
	case COST_PROCESSES:
		return rep->snap->processes_len > 1;
	case COST_LOOPS:
		return rep->snap->loops_len > 0;
	case COST_CPU:
	case COST_IO:
	case COST_COUNT:
		break;
	}
	return true;
}

void series_add(struct series *series, const struct report *rep, uint32_t slice)
{
	const struct snap_slice *from = &rep->snap->slices[slice];
	const double work = work_ns(from->class_ns);
	const double across = across_ratio(rep->snap);

	if (series->len == SERIES_MAX) {
		for (unsigned cost = 0; cost < COST_COUNT; cost++)
			memmove(series->share[cost], series->share[cost] + 1,
				(SERIES_MAX - 1) * sizeof(series->share[cost][0]));
		series->len--;
	}
	for (unsigned cost = 0; cost < COST_COUNT; cost++) {
		double ratio = cost == COST_LOOPS
				       ? cost_ratio(rep, COST_LOOPS)
				       : ratio_of(from->class_ns, work, across, (enum cost)cost);

		series->share[cost][series->len] = (float)capped(ratio);
	}
	series->len++;
}
