/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The usual form of a test: the actors rest, concprof attaches, they play their part between step 1
 * and step 2, rest again, and the window closes.  So the kernel's own clocks, read at both rests,
 * cover exactly what concprof saw.
 */
#ifndef TESTS_KERNEL_SCENE_H
#define TESTS_KERNEL_SCENE_H

#include "tests/kernel/proc.h"
#include "tests/kernel/stage.h"
#include "tests/kernel/watch.h"

struct scene {
	struct stage *st;
	struct watch w;
	struct proc_clock before[ACTORS_MAX];
	struct proc_clock during[ACTORS_MAX]; /* differences between the two rests */
	uint64_t steal_ns; /* by the hypervisor, meanwhile: no run time by the kernel's account */
};

/* The body is to call stage_wait(st, me, 1), play, and call stage_wait(st, me, 2). */
void scene_open(struct scene *sc, unsigned len, stage_body *body, const void *own, size_t own_size);
/*
 * Wait for the second rest, close the window, and hold every actor's CPU time (2% + 2 ms + 10 us a
 * switch), time on the run queue, switches and run-queue count against the kernel's.
 */
void scene_close(struct scene *sc);
void scene_play(struct scene *sc, unsigned len, stage_body *body, const void *own, size_t own_size);
void scene_end(struct scene *sc);

int scene_tid(const struct scene *sc, unsigned actor);
const struct record_counters *scene_counters(const struct scene *sc, unsigned actor);
/*
 * Actor @who was to spend its wait_ns in @class: not longer, and shorter by no more than its time
 * on CPU and run queue (5% + slack both ways).
 */
void scene_check_class(const struct scene *sc, unsigned who, unsigned class, const char *what);
/* The same of any figure and any truth. */
void check_near(uint64_t got_ns, uint64_t truth_ns, uint64_t less_ns, const char *what);

#endif
