// SPDX-License-Identifier: GPL-2.0-only
/* Time on the CPU and on the run queue, against the kernel's own account (scene_close checks all of
 * it). */
#include "tests/kernel/scene.h"
#include "tests/kernel/suites.h"

#include <sched.h>
#include <stdio.h>
#include <sys/resource.h>
#include <time.h>

#include "base/num.h"

#define YIELDS 2000
#define NAPS 60

static uint64_t own_cpu_ns(void)
{
	struct rusage use;

	getrusage(RUSAGE_THREAD, &use);
	return (uint64_t)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) * NS_PER_S +
	       (uint64_t)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) * NS_PER_US;
}

/* Compute for 200 ms of its own CPU time, however long that takes. */
static void play_busy(struct stage *st, unsigned me)
{
	struct actor *a = &st->actors[me];
	uint64_t from;

	stage_wait(st, me, 1);
	from = own_cpu_ns();
	while (a->count < 200 * NS_PER_MS)
		a->count = own_cpu_ns() - from;
	stage_wait(st, me, 2);
	stage_wait(st, me, 3);
}

START_TEST(cpu_time)
{
	struct scene sc;

	scene_play(&sc, 1, play_busy, NULL, 0);
	check_near(scene_counters(&sc, 0)->class_ns[CLASS_RUN], sc.st->actors[0].count, 0,
		   "run against getrusage");
	scene_end(&sc);
}
END_TEST

/* Two on one CPU for 300 ms. */
static void play_pinned(struct stage *st, unsigned me)
{
	stage_pin(st);
	stage_wait(st, me, 1);
	spin_ms(300);
	stage_wait(st, me, 2);
	stage_wait(st, me, 3);
}

START_TEST(runq_preempt)
{
	struct scene sc;
	uint64_t run[2], preempted, both;

	scene_play(&sc, 2, play_pinned, NULL, 0);
	for (unsigned i = 0; i < 2; i++) {
		run[i] = scene_counters(&sc, i)->class_ns[CLASS_RUN];
		preempted = scene_counters(&sc, i)->class_ns[CLASS_RUNQ_PREEMPT];
		ck_assert_uint_gt(scene_counters(&sc, i)->involuntary_switches, 2);
		/* It wakes once, and once more to rest; all other waiting is for its turn. */
		check_near(preempted, sc.during[i].runq_ns, 60 * NS_PER_MS, "preempted");
		ck_assert_uint_ge(preempted, 40 * NS_PER_MS);
	}
	both = run[0] + run[1];
	ck_assert_msg(run[0] > both / 4 && run[1] > both / 4, "%.1f and %.1f ms are not half each",
		      run[0] / 1e6, run[1] / 1e6);
	scene_end(&sc);
}
END_TEST

/* Actor 0 naps beside a busy one on the same CPU: each nap ends on the run queue. */
static void play_napper(struct stage *st, unsigned me)
{
	struct sched_param none = {0};
	uint64_t from = 0;

	stage_pin(st);
	/* A batch thread does not preempt who runs. */
	REQUIRE(st, me != 0 || !sched_setscheduler(0, SCHED_BATCH, &none));
	stage_wait(st, me, 1);
	from = clock_ns();
	if (me == 0) {
		while (st->actors[0].count < NAPS && clock_ns() - from < 500 * NS_PER_MS) {
			sleep_ms(1);
			st->actors[0].count++;
		}
		st->actors[0].skipped = 1; /* lets the other end */
	} else {
		while (!*(volatile uint64_t *)&st->actors[0].skipped)
			;
	}
	stage_wait(st, me, 2);
	stage_wait(st, me, 3);
}

START_TEST(runq_wake)
{
	struct scene sc;
	const struct record_counters *c;
	uint64_t least = 0, most = 0, runq;

	scene_play(&sc, 2, play_napper, NULL, 0);
	c = scene_counters(&sc, 0);
	runq = c->class_ns[CLASS_RUNQ_PREEMPT] + c->class_ns[CLASS_RUNQ_WAKE];
	ck_assert_uint_ge(c->wakeups, sc.st->actors[0].count);
	ck_assert_uint_ge(c->runq_count, sc.st->actors[0].count);
	check_near(c->class_ns[CLASS_RUNQ_WAKE], sc.during[0].runq_ns,
		   c->class_ns[CLASS_RUNQ_PREEMPT], "woken");
	ck_assert_uint_gt(c->class_ns[CLASS_RUNQ_WAKE], 0);
	for (unsigned i = 0; i < HIST_BUCKETS; i++) {
		least += i ? c->runq_hist[i] << i : 0;
		most += c->runq_hist[i] << (i + 1);
	}
	ck_assert_uint_le(least, runq);
	ck_assert_uint_ge(most, runq);
	scene_end(&sc);
}
END_TEST

/* Thousands of switches that are nobody's wish, counted one by one. */
static void play_yields(struct stage *st, unsigned me)
{
	stage_pin(st);
	stage_wait(st, me, 1);
	for (int i = 0; i < YIELDS; i++)
		sched_yield();
	stage_wait(st, me, 2);
	stage_wait(st, me, 3);
}

START_TEST(yields)
{
	struct scene sc;

	scene_play(&sc, 2, play_yields, NULL, 0);
	ck_assert_uint_gt(scene_counters(&sc, 0)->involuntary_switches +
				  scene_counters(&sc, 1)->involuntary_switches,
			  YIELDS / 2);
	scene_end(&sc);
}
END_TEST

/* How many ran at once: with one thread that is its time on the CPU and run queue. */
START_TEST(cmetric_of_a_lone_thread)
{
	struct scene sc;
	const struct record_counters *c;

	scene_play(&sc, 1, play_busy, NULL, 0);
	c = scene_counters(&sc, 0);
	check_near(c->cmetric_ns,
		   c->class_ns[CLASS_RUN] + c->class_ns[CLASS_RUNQ_PREEMPT] +
			   c->class_ns[CLASS_RUNQ_WAKE],
		   0, "CMetric");
	scene_end(&sc);
}
END_TEST

Suite *kernel_sched_suite(void)
{
	Suite *suite = suite_create("kernel_sched");

	KERNEL_TEST(suite, cpu_time, 1);
	KERNEL_TEST(suite, runq_preempt, 1);
	KERNEL_TEST(suite, runq_wake, 1);
	KERNEL_TEST(suite, yields, 1);
	KERNEL_TEST(suite, cmetric_of_a_lone_thread, 1);
	return suite;
}
