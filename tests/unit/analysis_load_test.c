// SPDX-License-Identifier: GPL-2.0-only
/* The figures themselves: those of all slices together are those of the run. */
#include "analysis/load.h"

#include "tests/unit/snap_builder.h"
#include "tests/unit/suites.h"

#define NEAR_RATIO 1e-6

static void check_near(double got, double expected)
{
	ck_assert_double_eq_tol(got, expected, expected * NEAR_RATIO + 1e-9);
}

static void check_wait(const struct load_wait *got, const struct load_wait *expected)
{
	ck_assert_uint_eq(got->lock, expected->lock);
	check_near(got->wait_ns, expected->wait_ns);
	check_near(got->contended_ns, expected->contended_ns);
	check_near(got->gain.ratio, expected->gain.ratio);
}

/* Every kind of waiting, all of which a slice must scale. */
static struct snap_builder *mixture(void)
{
	struct snap_builder *b = build_new(10, 4);
	uint32_t first = build_threads(b, "worker", 4);
	uint32_t lock = build_lock(b, "cache.lock", LOCK_MUTEX, true);
	uint32_t other = build_lock(b, "log.lock", LOCK_MUTEX, true);
	uint32_t queue = build_lock(b, "queue.cond", LOCK_CONDVAR, false);

	for (uint32_t i = 0; i < 4; i++) {
		build_time(b, first + i, CLASS_RUN, i == 0 ? 4.5 : 1);
		build_time(b, first + i, CLASS_RUNQ_WAKE, 0.5);
		build_time(b, first + i, CLASS_LOCK, 3);
		build_time(b, first + i, CLASS_DISK, 0.5);
		build_time(b, first + i, CLASS_SLEEP, 1);
		build_time(b, first + i, CLASS_PEER, i == 0 ? 0.5 : 4);
		build_wait(b, lock, first + i, 100, 2, SNAP_NONE);
		build_hold(b, lock, first + i, 1.5, CLASS_SLEEP, SNAP_NONE);
		build_hold(b, lock, first + i, 0.5, CLASS_RUNQ_PREEMPT, SNAP_NONE);
		build_wait(b, other, first + i, 100, 1, SNAP_NONE);
		build_wait(b, queue, first + i, 100, i == 0 ? 0.5 : 4, SNAP_NONE);
	}
	build_hold(b, queue, first, 9, CLASS_DISK, SNAP_NONE);
	build_hold(b, queue, first, 3.5, CLASS_RUN, SNAP_NONE);
	build_contended(b, lock, 4);
	build_contended(b, other, 2);
	build_idle_holder(b, 3);
	build_host(b, 20, 20);
	b->snap.host.throttled_ns = 2000000000;
	return b;
}

START_TEST(run)
{
	struct snap_builder *b = mixture();
	struct load load;
	double gains[3];

	ck_assert_int_eq(load_of_run(build_finish(b), gains, &load), 0);
	check_near(load.busy_cpus, 0.75);
	check_near(load.idle_cpus, 2);
	check_near(load.other_cpus, 1.25);
	/* It hardly waits for a CPU: half of what others use counts with the idle ones. */
	check_near(load.usable_cpus, 0.75 + 2 + 1.25 / 2);
	check_near(load.non_idle_ns, 39e9);
	check_near(load.throttled_ratio, 0.2);
	check_near(load.top_lock.wait_ns, 8e9);
	check_near(load.top_lock_preempted, 0.25);
	check_near(load.preempted_ns, 2e9);
	check_near(load.all_locks.wait_ns, 12e9);
	check_near(load.all_locks.contended_ns, 6e9);
	check_near(load.disk_ns, 11e9); /* 2 s of its own, 9 s handed on */
	check_near(load.net_ns, 0);
	ck_assert_uint_eq(load.turns.lock, SNAP_NONE); /* only one thread keeps them waiting */
	check_near(gains[0], 39.0 / 31);
	check_near(gains[1], 39.0 / 35);
	ck_assert_double_eq(gains[2], 0);
	build_free(b);
}
END_TEST

START_TEST(slices_add_up_to_the_run)
{
	struct snap_builder *b = mixture();
	struct load whole, all;

	ck_assert_int_eq(load_of_run(build_finish(b), NULL, &whole), 0);
	all = load_of_slices(&whole, 0, b->snap.slices_len);
	ck_assert(all.slice);
	check_near(all.window_ns, whole.window_ns);
	check_near(all.wall_thread_ns, whole.wall_thread_ns);
	check_near(all.non_idle_ns, whole.non_idle_ns);
	check_near(all.busy_cpus, whole.busy_cpus);
	check_near(all.idle_cpus, whole.idle_cpus);
	check_near(all.other_cpus, whole.other_cpus);
	check_near(all.usable_cpus, whole.usable_cpus);
	check_near(all.throttled_ratio, whole.throttled_ratio);
	check_near(all.preempted_ns, whole.preempted_ns);
	check_near(all.disk_ns, whole.disk_ns);
	check_near(all.runq_ns, whole.runq_ns);
	check_wait(&all.top_lock, &whole.top_lock);
	check_wait(&all.all_locks, &whole.all_locks);
	build_free(b);
}
END_TEST

/* Two threads that hand over to each other: both wait, each for the other. */
START_TEST(turns)
{
	struct snap_builder *b = build_new(10, 2);
	uint32_t first = build_threads(b, "player", 2);
	uint32_t cond = build_lock(b, "turn.cond", LOCK_CONDVAR, false);
	struct load whole, all;

	for (uint32_t i = 0; i < 2; i++) {
		build_time(b, first + i, CLASS_RUN, 5);
		build_time(b, first + i, CLASS_PEER, 5);
		build_wait(b, cond, first + i, 1000, 5, SNAP_NONE);
		build_hold(b, cond, first + 1 - i, 5, CLASS_RUN, SNAP_NONE);
	}
	build_contended(b, cond, 10);
	ck_assert_int_eq(load_of_run(build_finish(b), NULL, &whole), 0);
	ck_assert_uint_eq(whole.turns.lock, cond);
	check_near(whole.turns.gain.ratio, 2);
	ck_assert_uint_eq(whole.turns.waits, 2000);
	all = load_of_slices(&whole, 0, b->snap.slices_len);
	check_wait(&all.turns, &whole.turns);
	build_free(b);
}
END_TEST

/* The source did not say how long a lock had waiters, nor anything of the machine. */
START_TEST(missing_figures)
{
	struct snap_builder *b = build_new(10, 4);
	uint32_t first = build_threads(b, "t", 2);
	uint32_t lock = build_lock(b, "mmap_lock", LOCK_KERNEL, true);
	struct load load;

	build_time(b, first, CLASS_RUN, 10);
	build_time(b, first + 1, CLASS_LOCK, 4);
	build_wait(b, lock, first + 1, 10, 4, SNAP_NONE);
	b->snap.run.cpus_allowed = 0;
	ck_assert_int_eq(load_of_run(build_finish(b), NULL, &load), 0);
	check_near(load.top_lock.contended_ns, 4e9);
	check_near(load.idle_cpus, 3);
	check_near(load.usable_cpus, 4);
	build_free(b);
}
END_TEST

START_TEST(nothing_at_all)
{
	struct snap_builder *b = build_new(0, 0);
	struct load load;

	b->slices_planned = 0;
	ck_assert_int_eq(load_of_run(build_finish(b), NULL, &load), 0);
	ck_assert_double_eq(load.busy_cpus, 0);
	ck_assert_double_eq(load_share(&load, 5), 0);
	ck_assert_uint_eq(load.full_thread, SNAP_NONE);
	build_free(b);
}
END_TEST

Suite *analysis_load_suite(void)
{
	Suite *suite = suite_create("analysis_load");
	TCase *tc = tcase_create("figures");

	tcase_add_test(tc, run);
	tcase_add_test(tc, slices_add_up_to_the_run);
	tcase_add_test(tc, turns);
	tcase_add_test(tc, missing_figures);
	tcase_add_test(tc, nothing_at_all);
	suite_add_tcase(suite, tc);
	return suite;
}
