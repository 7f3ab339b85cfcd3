// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/loops.h"

#include <string.h>

#include "base/num.h"
#include "model/loop_kind.h"
#include "model/site.h"

/* Section 4 of the design: a loop is called when it adds so much to the mean delay, .. */
#define ADDED_MEAN_NS (10.0 * NS_PER_MS)
/* .. or one in a hundred arrivals waits for more than 100 ms. */
#define LATE_RATIO 0.01
/* A window on the screen is frozen: nobody arrives at random, whoever clicks sees it. */
#define LATE_RATIO_GUI 0.001
#define GIL_TURNS 0.5
#define GIL_RATIO 0.1
#define BLAME_PLACES 16

static enum loop_cause cause_of(const uint64_t *part_ns)
{
	const uint64_t by_cause[LOOP_CAUSE_COUNT] = {
		[LOOP_CPU] = part_ns[PART_RUN],
		[LOOP_BLOCKING] =
			num_sat_add(num_sat_add(part_ns[PART_BLOCKING], part_ns[PART_SLEEP]),
				    part_ns[PART_LOCK]),
		[LOOP_GIL] = part_ns[PART_GIL],
		[LOOP_NO_CPU] = part_ns[PART_RUNQ],
	};
	enum loop_cause best = LOOP_CPU;

	for (int c = 1; c < LOOP_CAUSE_COUNT; c++)
		if (by_cause[c] > by_cause[best])
			best = (enum loop_cause)c;
	return best;
}

static struct loop_load load_of(const struct snapshot *snap, uint32_t i)
{
	const struct snap_loop *loop = &snap->loops[i];
	const uint64_t *part_ns = loop->stalls ? loop->stall_part_ns : loop->part_ns;
	double observed_ns = (double)loop->observed_ns;

	return (struct loop_load){
		.loop = i,
		.added_mean_ns = (double)loop->added_mean_ns,
		.late_ratio = num_ratio((double)loop->late_ns, observed_ns),
		.gil_ratio = num_ratio((double)loop->part_ns[PART_GIL], observed_ns),
		.gil_turns = (double)loop->part_ns[PART_GIL] >= GIL_TURNS * (double)loop->busy_ns,
		.cause = cause_of(part_ns),
		.stalls = loop->stalls,
	};
}

bool loop_stalls(const struct loop_load *load)
{
	return load->loop != SNAP_NONE &&
	       (load->added_mean_ns > ADDED_MEAN_NS || load->late_ratio > LATE_RATIO);
}

bool loop_starved_of_gil(const struct loop_load *load)
{
	return load->loop != SNAP_NONE && load->gil_turns && load->gil_ratio >= GIL_RATIO;
}

/* A loop that sleeps in a turn is not idle. */
static double hidden_ns(const struct snapshot *snap)
{
	double sum = 0;

	for (uint32_t i = 0; i < snap->loops_len && snap->loops[i].is_loop; i++) {
		const struct snap_loop *loop = &snap->loops[i];
		const uint64_t *class_ns = snap->threads[loop->thread].class_ns;
		uint64_t off_ns =
			num_sat_add(loop->part_ns[PART_SLEEP], loop->part_ns[PART_BLOCKING]);
		uint64_t idle_ns = 0;

		for (int c = 0; c < CLASS_COUNT; c++)
			if (c != CLASS_LOOP_IDLE && time_class_idle((enum time_class)c))
				idle_ns = num_sat_add(idle_ns, class_ns[c]);
		if (loop->stalls)
			sum += (double)num_min_u64(off_ns, idle_ns);
	}
	return sum;
}

struct loop_load loops_of_run(const struct snapshot *snap)
{
	struct loop_load worst = {.loop = SNAP_NONE};
	double hidden = hidden_ns(snap);

	for (uint32_t i = 0; i < snap->loops_len && snap->loops[i].is_loop; i++) {
		struct loop_load load = load_of(snap, i);

		load.hidden_ns = hidden;
		if (loop_kind_is_gui(snap->loops[i].kind) && load.late_ratio > LATE_RATIO_GUI)
			load.late_ratio =
				load.late_ratio > LATE_RATIO ? load.late_ratio : 1.01 * LATE_RATIO;
		/* They are sorted by what they add; a lesser one counts where the first is short of
		 * both. */
		if (loop_stalls(&load) && !loop_stalls(&worst))
			return load;
		if (worst.loop == SNAP_NONE ||
		    (loop_starved_of_gil(&load) && !loop_starved_of_gil(&worst)))
			worst = load;
	}
	return worst;
}

const struct snap_loop *loop_of_thread(const struct snapshot *snap, uint32_t thread)
{
	for (uint32_t i = 0; i < snap->loops_len && snap->loops[i].is_loop; i++)
		if (snap->loops[i].thread == thread)
			return &snap->loops[i];
	return NULL;
}

static bool same_place(const struct snap_frame *a, const struct snap_frame *b)
{
	return a->python == b->python && !strcmp(a->name, b->name) &&
	       !strcmp(a->module, b->module) && (a->name[0] || a->ip == b->ip);
}

double loop_blame(const struct snapshot *snap, uint32_t loop, enum loop_cause cause,
		  const struct snap_stall **ret)
{
	struct {
		const struct snap_frame *site;
		const struct snap_stall *longest;
		double ns;
	} place[BLAME_PLACES] = {{NULL, NULL, 0}};
	double all_ns = 0;
	unsigned len = 0, best = 0;

	*ret = NULL;
	for (uint32_t i = 0; i < snap->stalls_len; i++) {
		const struct snap_stall *stall = &snap->stalls[i];
		const struct snap_frame *site = snap_site_frame(snap, stall->stack);
		unsigned at = 0;

		if (stall->loop != loop || cause_of(stall->part_ns) != cause)
			continue;
		all_ns += (double)stall->duration_ns;
		if (!site)
			continue;
		while (at < len && !same_place(place[at].site, site))
			at++;
		if (at == BLAME_PLACES)
			continue;
		if (at == len) {
			place[len].site = site;
			place[len++].longest = stall; /* they are sorted */
		}
		place[at].ns += (double)stall->duration_ns;
		if (place[at].ns > place[best].ns)
			best = at;
	}
	if (!len)
		return 0;
	*ret = place[best].longest;
	return num_ratio(place[best].ns, all_ns);
}
