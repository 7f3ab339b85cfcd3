// SPDX-License-Identifier: GPL-2.0-only
/* The known answers of docs/VERDICTS.md, as a run of 10 s on 2 CPUs would show them. */
#include "base/num.h"
#include "tests/unit/analysis_fixture.h"
#include "tests/unit/suites.h"

#include <string.h>

/* @verdict is @word, alone, with gain @ratio (0 = none). */
static void expect(struct verdict *verdict, const char *word, double ratio)
{
	ck_assert_str_eq(verdict->main.bottleneck, word);
	ck_assert_msg(!verdict->second.fired, "also named: %s", verdict->second.bottleneck);
	ck_assert_double_eq_tol(verdict->main.gain_ratio, ratio, 0.05);
	verdict_free(verdict);
}

/* 1: 4 threads, 200 us in the lock, 50 us outside: U = 1.25, always somebody waiting. */
static struct snap_builder *lock_bound(void)
{
	struct snap_builder *b = build_new(10, 2);
	const char *const inside[] = {"libc!pthread_mutex_unlock", "app!cache_update", "app!worker",
				      NULL};
	uint32_t first = build_threads(b, "worker", 4);
	uint32_t lock = build_lock(b, "cache.lock", LOCK_MUTEX, true);
	uint32_t stack = build_stack(b, inside);

	for (uint32_t i = 0; i < 4; i++) {
		build_time(b, first + i, CLASS_RUN, 3.125);
		build_time(b, first + i, CLASS_LOCK, 6.775);
		build_time(b, first + i, CLASS_RUNQ_WAKE, 0.1);
		build_switches(b, first + i, 10000);
		build_wait(b, lock, first + i, 10000, 6.775, stack);
		build_hold(b, lock, first + i, 6.775, CLASS_RUN, stack);
	}
	build_contended(b, lock, 10);
	build_host(b, 7.4, 12.6);
	return b;
}

START_TEST(answer_1_lock)
{
	struct snap_builder *b = lock_bound();
	struct verdict v = judge_built(b);

	ck_assert_int_eq(v.main.limited_by, LIMIT_CPUS);
	ck_assert_int_eq(v.confidence, CONFIDENCE_HIGH);
	ck_assert_str_eq(strbuf_str(&v.confidence_why), "");
	ck_assert_uint_eq(v.main.slices_agreeing, 10);
	ck_assert_str_eq(v.slice_bottleneck[3], "threads.lock");
	ck_assert_uint_eq(v.lock_gain_len, 1);
	ck_assert_double_eq_tol(v.lock_gain[0], 1.6, 0.05);
	ck_assert_uint_eq(v.main.lock, 0);
	expect(&v, "threads.lock", 1.6);
	build_free(b);
}
END_TEST

/* An unfair mutex lets one thread go on for long: full, but by the lock. */
START_TEST(answer_1_with_one_thread_that_keeps_the_lock)
{
	struct snap_builder *b = build_new(10, 2);
	uint32_t first = build_threads(b, "worker", 4);
	uint32_t lock = build_lock(b, "cache.lock", LOCK_MUTEX, true);
	struct verdict v;

	build_time(b, first, CLASS_RUN, 9.5);
	build_time(b, first, CLASS_LOCK, 0.5);
	build_wait(b, lock, first, 100, 0.5, SNAP_NONE);
	build_hold(b, lock, first, 27, CLASS_RUN, SNAP_NONE);
	for (uint32_t i = 1; i < 4; i++) {
		build_time(b, first + i, CLASS_RUN, 0.5);
		build_time(b, first + i, CLASS_LOCK, 9.5);
		build_switches(b, first + i, 1000);
		build_wait(b, lock, first + i, 1000, 9.5, SNAP_NONE);
		build_hold(b, lock, first + i, 0.6, CLASS_RUN, SNAP_NONE);
	}
	build_contended(b, lock, 9.9);
	v = judge_built(b);
	expect(&v, "threads.lock", 20 / 11.0);
	build_free(b);
}
END_TEST

/* 2: 4 threads sleep 5 ms inside the lock. */
static void sleep_inside(double counted_s)
{
	struct snap_builder *b = build_new(10, 2);
	uint32_t first = build_threads(b, "worker", 4);
	uint32_t lock = build_lock(b, "cache.lock", LOCK_MUTEX, true);
	struct verdict v;

	for (uint32_t i = 0; i < 4; i++) {
		build_time(b, first + i, CLASS_RUN, 0.01);
		build_time(b, first + i, CLASS_SLEEP, 2.49);
		build_time(b, first + i, CLASS_LOCK, 7.5);
		build_switches(b, first + i, 1000);
		build_wait(b, lock, first + i, 500, 7.5, SNAP_NONE);
		build_hold(b, lock, first + i, 7.5, CLASS_SLEEP, SNAP_NONE);
	}
	build_idle_holder(b, counted_s);
	build_contended(b, lock, 10);
	v = judge_built(b);
	ck_assert_int_eq(v.main.limited_by, LIMIT_THREADS);
	ck_assert_ptr_nonnull(strstr(strbuf_str(&v.main.cause), "mostly while it sleeps"));
	ck_assert_uint_eq(v.main.slices_agreeing, 10);
	expect(&v, "threads.lock", 4);
	build_free(b);
}

START_TEST(answer_2_sleep_inside)
{
	sleep_inside(9.96);
	/* also where the snapshot did not count the holder's sleep as work */
	sleep_inside(0);
}
END_TEST

/* 3: 8 pool threads on a condition variable, 100 us of work every 20 ms. */
START_TEST(answer_3_idle_pool)
{
	struct snap_builder *b = build_new(10, 2);
	uint32_t first = build_threads(b, "pool", 8);
	uint32_t cond = build_lock(b, "queue.cond", LOCK_CONDVAR, false);
	struct verdict v;

	for (uint32_t i = 0; i < 8; i++) {
		build_time(b, first + i, CLASS_RUN, 0.05);
		build_time(b, first + i, CLASS_POOL_IDLE, 9.95);
		build_switches(b, first + i, 500);
		build_wait(b, cond, first + i, 500, 9.95, SNAP_NONE);
	}
	b->locks[cond].peer_ns = 0;
	v = judge_built(b);
	ck_assert_str_eq(strbuf_str(&v.main.summary),
			 "Idle: waiting for work over 99% of the time.");
	ck_assert_int_eq(v.confidence, CONFIDENCE_HIGH);
	expect(&v, "idle", 0);
	build_free(b);
}
END_TEST

/* 4: a pipeline of 4 stages, the third one slow; it waits for nobody, they wait for it. */
START_TEST(answer_4_slow_stage)
{
	struct snap_builder *b = build_new(10, 2);
	uint32_t first = build_threads(b, "stage", 4);
	uint32_t cond = build_lock(b, "queue.cond", LOCK_CONDVAR, false);
	struct verdict v;

	for (uint32_t i = 0; i < 4; i++) {
		build_time(b, first + i, CLASS_RUN, i == 2 ? 9.9 : 0.8);
		build_time(b, first + i, CLASS_PEER, i == 2 ? 0.1 : 9.2);
		build_switches(b, first + i, 2000);
		build_wait(b, cond, first + i, 2000, i == 2 ? 0.1 : 9.2, SNAP_NONE);
		if (i != 2)
			build_edge(b, first + i, first + 2, 9.2);
	}
	build_hold(b, cond, first + 2, 27.6, CLASS_RUN, SNAP_NONE);
	build_hold(b, cond, first + 1, 0.1, CLASS_RUN, SNAP_NONE);
	v = judge_built(b);
	ck_assert_uint_eq(v.main.thread, first + 2);
	ck_assert_ptr_nonnull(strstr(strbuf_str(&v.main.evidence[3]), "3 threads waited for it"));
	expect(&v, "threads.imbalance", 20 / 12.3);
	build_free(b);
}
END_TEST

/* 5: a barrier pair, compute against file I/O, by who is the slower one. */
static struct snap_builder *barrier_pair(double compute_s, double io_s)
{
	struct snap_builder *b = build_new(10, 2);
	uint32_t compute = build_thread(b, "compute");
	uint32_t io = build_thread(b, "io");
	uint32_t barrier = build_lock(b, "barrier", LOCK_BARRIER, false);

	build_time(b, compute, CLASS_RUN, compute_s);
	build_time(b, compute, CLASS_PEER, 10 - compute_s);
	build_time(b, io, CLASS_RUN, 0.2);
	build_time(b, io, CLASS_DISK, io_s - 0.2);
	build_time(b, io, CLASS_PEER, 10 - io_s);
	build_switches(b, io, 1000);
	build_wait(b, barrier, compute, 500, 10 - compute_s, SNAP_NONE);
	build_wait(b, barrier, io, 500, 10 - io_s, SNAP_NONE);
	build_hold(b, barrier, io, 10 - compute_s, CLASS_DISK, SNAP_NONE);
	build_hold(b, barrier, compute, 10 - io_s, CLASS_RUN, SNAP_NONE);
	build_block(b, io, CLASS_DISK, "fsync", SNAP_NONE, 500, io_s - 0.2);
	return b;
}

START_TEST(answer_5_compute_is_slower)
{
	struct snap_builder *b = barrier_pair(9.9, 3);
	struct verdict v = judge_built(b);

	expect(&v, "threads.imbalance", 20 / 10.1);
	build_free(b);
}
END_TEST

START_TEST(answer_5_disk_is_slower)
{
	struct snap_builder *b = barrier_pair(3, 9.9);
	struct verdict v = judge_built(b);

	/* 9.7 s in the disk and 7 s of waiting for the thread that is, of 20 */
	ck_assert_str_eq(strbuf_str(&v.main.headline),
			 "Threads wait for the disk: it costs 84% of the time in which the "
			 "program had work");
	expect(&v, "storage", 20 / 3.3);
	build_free(b);
}
END_TEST

/* 8: 8 threads with a short lock beside CPU hogs: holders lose their CPU. */
START_TEST(answer_8_hogs)
{
	struct snap_builder *b = build_new(10, 2);
	uint32_t first = build_threads(b, "worker", 8);
	uint32_t lock = build_lock(b, "counter.lock", LOCK_MUTEX, true);
	struct verdict v;

	for (uint32_t i = 0; i < 8; i++) {
		build_time(b, first + i, CLASS_RUN, 0.8);
		build_time(b, first + i, CLASS_RUNQ_PREEMPT, 1.5);
		build_time(b, first + i, CLASS_LOCK, 7.7);
		build_switches(b, first + i, 1000);
		build_wait(b, lock, first + i, 1000, 7.7, SNAP_NONE);
		build_hold(b, lock, first + i, 6, CLASS_RUNQ_PREEMPT, SNAP_NONE);
		build_hold(b, lock, first + i, 1.7, CLASS_RUN, SNAP_NONE);
	}
	build_contended(b, lock, 9.8);
	build_host(b, 0.01, 19.99);
	v = judge_built(b);
	ck_assert_ptr_nonnull(strstr(strbuf_str(&v.main.next_step), "`counter.lock` is not to"));
	ck_assert_str_eq(strbuf_str(&v.main.cause),
			 "other programs take 1.4 of 2 CPUs, this one gets 0.6 CPUs");
	ck_assert_double_lt(v.lock_gain[0], 1.05);
	expect(&v, "cpu.oversubscribed", 20 / 6.4);
	build_free(b);
}
END_TEST

/* 16: a pool that waits for a slow backend. */
START_TEST(answer_16_backend)
{
	struct snap_builder *b = build_new(10, 2);
	const char *const call[] = {"libc!recv", "app!query_backend", "app!handle", NULL};
	uint32_t first = build_threads(b, "pool", 8);
	uint32_t stack = build_stack(b, call);
	struct verdict v;

	for (uint32_t i = 0; i < 8; i++) {
		build_time(b, first + i, CLASS_RUN, 1);
		build_time(b, first + i, CLASS_NET, 8);
		build_time(b, first + i, CLASS_POOL_IDLE, 1);
		build_switches(b, first + i, 500);
		build_block(b, first + i, CLASS_NET, "recvfrom", stack, 400, 8);
	}
	v = judge_built(b);
	ck_assert_str_eq(strbuf_str(&v.main.cause),
			 "mostly in recvfrom from query_backend < handle");
	expect(&v, "external", 20 / 8.0);
	build_free(b);
}
END_TEST

/* 18: CPU work under a quota of half a CPU. */
START_TEST(answer_18_quota)
{
	struct snap_builder *b = build_new(10, 2);
	uint32_t t = build_thread(b, "main");
	struct verdict v;

	build_time(b, t, CLASS_RUN, 5);
	build_time(b, t, CLASS_RUNQ_PREEMPT, 5);
	build_switches(b, t, 100);
	build_host(b, 14.8, 5.2);
	b->snap.host.quota_milli_cpus = 500;
	b->snap.host.throttled_ns = 5000000000;
	b->snap.host.throttled_periods = 100;
	v = judge_built(b);
	ck_assert_int_eq(v.main.limited_by, LIMIT_THREADS);
	ck_assert_str_eq(strbuf_str(&v.main.cause), "the quota is 0.5 CPUs");
	expect(&v, "cpu.throttled", 2);
	build_free(b);
}
END_TEST

START_TEST(healthy_cpu_work)
{
	struct snap_builder *b = build_new(10, 2);
	const char *const work[] = {"app!compress", "app!worker", NULL};
	uint32_t first = build_threads(b, "worker", 4);
	uint32_t lock = build_lock(b, "results.lock", LOCK_MUTEX, true);
	struct verdict v;

	for (uint32_t i = 0; i < 4; i++) {
		build_time(b, first + i, CLASS_RUN, 4.95);
		build_time(b, first + i, CLASS_RUNQ_PREEMPT, 4.55);
		build_time(b, first + i, CLASS_LOCK, 0.5);
		build_wait(b, lock, first + i, 500, 0.5, SNAP_NONE);
		build_switches(b, first + i, 500);
	}
	build_contended(b, lock, 1.5);
	build_host(b, 0.1, 19.9);
	build_sample(b, first, build_stack(b, work), 1000);
	v = judge_built(b);
	ck_assert_str_eq(strbuf_str(&v.main.summary),
			 "The CPUs are the limit: 2.0 of 2 CPUs are busy with the program's own "
			 "work; 100% of it in compress.");
	ck_assert_int_eq(v.confidence, CONFIDENCE_HIGH);
	expect(&v, "cpu.saturated", 1);
	build_free(b);
}
END_TEST

START_TEST(healthy_server)
{
	struct snap_builder *b = build_new(10, 2);
	uint32_t first = build_threads(b, "worker", 4);
	uint32_t lock = build_lock(b, "cache.lock", LOCK_MUTEX, true);
	struct verdict v;

	for (uint32_t i = 0; i < 4; i++) {
		build_time(b, first + i, CLASS_RUN, 1.5);
		build_time(b, first + i, CLASS_RUNQ_WAKE, 0.1);
		build_time(b, first + i, CLASS_LOCK, 0.02);
		build_time(b, first + i, CLASS_CLIENT_IDLE, 8.38);
		build_wait(b, lock, first + i, 50, 0.02, SNAP_NONE);
		build_switches(b, first + i, 5000);
	}
	build_contended(b, lock, 0.07);
	build_host(b, 10, 10);
	v = judge_built(b);
	ck_assert_str_eq(strbuf_str(&v.main.headline),
			 "No concurrency bottleneck: 0.6 of 2 CPUs are busy with work, 1% of the "
			 "time in which the program had work is waiting for threads");
	ck_assert_int_eq(v.confidence, CONFIDENCE_HIGH);
	expect(&v, "none", 0);
	build_free(b);
}
END_TEST

START_TEST(one_full_of_four)
{
	struct snap_builder *b = build_new(10, 2);
	const char *const work[] = {"app!parse", "app!main", NULL};
	uint32_t first = build_threads(b, "worker", 4);
	struct verdict v;

	build_time(b, first, CLASS_RUN, 10);
	build_sample(b, first, build_stack(b, work), 990);
	for (uint32_t i = 1; i < 4; i++) {
		build_time(b, first + i, CLASS_POOL_IDLE, 10);
		build_switches(b, first + i, 1);
	}
	v = judge_built(b);
	ck_assert_str_eq(strbuf_str(&v.main.summary),
			 "One thread is full: worker (100) runs 100% of the time, so that the "
			 "program uses 1.0 of 2 CPUs; it spends 100% of its CPU time in parse; "
			 "spreading its work would give up to 2.0x (then the 2 CPUs are the "
			 "limit).");
	expect(&v, "threads.imbalance", 2);
	build_free(b);
}
END_TEST

/* Of 1,000 samples each: by what has a name or at least a module, and only what stands out. */
static const struct {
	const char *frame;
	unsigned count; /* of it; 300 are at an address that nothing is known of, the rest thin */
	const char *cause;
} hot_places[] = {
	{"app!parse", 420, "it spends 42% of its CPU time in parse"},
	{"app!", 420, "it spends 42% of its CPU time in app+0x12"},
	{"app!parse", 90, ""},
	{"!", 420, ""},
};

START_TEST(hot_place)
{
	static const char *const thin[] = {"app!a", "app!b", "app!c", "app!d",
					   "app!e", "app!f", "app!g", "app!h"};
	const char *const frames[] = {hot_places[_i].frame, NULL};
	const char *const unknown[] = {"!", NULL};
	struct snap_builder *b = build_new(10, 2);
	uint32_t thread = build_thread(b, "main");
	struct verdict v;

	build_time(b, thread, CLASS_RUN, 10);
	build_sample(b, thread, build_stack(b, frames), hot_places[_i].count);
	build_sample(b, thread, build_stack(b, unknown), 300);
	for (size_t i = 0; i < ARRAY_LEN(thin); i++) {
		const char *const stack[] = {thin[i], NULL};

		build_sample(b, thread, build_stack(b, stack), (700 - hot_places[_i].count) / 8);
	}
	v = judge_built(b);
	ck_assert_str_eq(strbuf_str(&v.main.cause), hot_places[_i].cause);
	ck_assert(!strstr(strbuf_str(&v.main.next_step), "the work of ") == !*hot_places[_i].cause);
	expect(&v, "threads.imbalance", 2);
	build_free(b);
}
END_TEST

/* redis beside its clients, which use nearly all of the other CPU. */
START_TEST(full_event_loop)
{
	struct snap_builder *b = build_new(10, 2);
	uint32_t loop = build_thread(b, "redis-server");
	uint32_t bio = build_threads(b, "bio", 3);
	struct verdict v;

	build_time(b, loop, CLASS_RUN, 9.4);
	build_time(b, loop, CLASS_RUNQ_PREEMPT, 0.4);
	build_time(b, loop, CLASS_LOOP_IDLE, 0.2);
	build_switches(b, loop, 3000);
	for (uint32_t i = 0; i < 3; i++)
		build_time(b, bio + i, CLASS_POOL_IDLE, 10);
	build_host(b, 1.6, 18.4);
	v = judge_built(b);
	ck_assert_int_eq(v.confidence, CONFIDENCE_HIGH);
	expect(&v, "threads.imbalance", (9.4 + 1.6 + 4.5) / 9.4);
	build_free(b);
}
END_TEST

/* mariadb, one hot row: each transaction waits on a condition variable of its own, in one place,
 * and is at other times the one that the others wait for. */
START_TEST(row_lock)
{
	struct snap_builder *b = build_new(10, 2);
	const char *const wait[] = {"libc!pthread_cond_wait", "app!lock_wait", "app!row_upd_step",
				    NULL};
	const char *const release[] = {"libc!pthread_cond_signal", "app!lock_release",
				       "app!trx_commit", NULL};
	uint32_t first = build_threads(b, "con", 8);
	uint32_t wait_stack = build_stack(b, wait);
	uint32_t release_stack = build_stack(b, release);
	struct verdict v;

	for (uint32_t i = 0; i < 8; i++) {
		uint32_t cond = build_lock(b, "cond", LOCK_CONDVAR, false);

		build_time(b, first + i, CLASS_RUN, 0.7);
		build_time(b, first + i, CLASS_DISK, 0.5);
		build_time(b, first + i, CLASS_CLIENT_IDLE, 0.8);
		build_time(b, first + i, CLASS_PEER, 8);
		build_switches(b, first + i, 2000);
		build_wait(b, cond, first + i, 1000, 8, wait_stack);
		build_hold(b, cond, first + (i + 1) % 8, 5, CLASS_DISK, release_stack);
		build_hold(b, cond, first + (i + 2) % 8, 3, CLASS_RUN, release_stack);
		build_contended(b, cond, 8);
	}
	v = judge_built(b);
	ck_assert_ptr_nonnull(strstr(strbuf_str(&v.main.headline),
				     "wait for each other in turn in lock_wait < row_upd_step: "
				     "that costs 87%"));
	ck_assert_ptr_nonnull(strstr(strbuf_str(&v.main.cause), "in lock_release"));
	expect(&v, "threads.lock", 20 / 5.6);
	build_free(b);
}
END_TEST

/* Asleep nearly all the time on a condition variable: woken by each other (0), by a thread that
 * hands out the work and never sleeps there (1), or by each other once a second (2). */
START_TEST(idle_threads_that_wake_each_other)
{
	struct snap_builder *b = build_new(10, 2);
	uint32_t first = build_threads(b, "worker", 4);
	uint32_t boss = build_thread(b, "boss");
	uint32_t cond = build_lock(b, "turn.cond", LOCK_CONDVAR, false);
	struct verdict v;

	build_time(b, boss, CLASS_SLEEP, 10);
	for (uint32_t i = 0; i < 4; i++) {
		build_time(b, first + i, CLASS_RUN, 0.01);
		build_time(b, first + i, CLASS_POOL_IDLE, 9.99);
		build_wait(b, cond, first + i, _i == 2 ? 10 : 500, 9.99, SNAP_NONE);
		build_hold(b, cond, _i == 1 ? boss : first + (i + 1) % 4, 9.99, CLASS_SLEEP,
			   SNAP_NONE);
	}
	b->locks[cond].peer_ns = 0;
	v = judge_built(b);
	ck_assert_str_eq(v.main.bottleneck, "idle");
	ck_assert(v.main.in_doubt == (_i == 0));
	ck_assert(!strstr(strbuf_str(&v.main.next_step), "`turn.cond`") == (_i != 0));
	verdict_free(&v);
	build_free(b);
}
END_TEST

START_TEST(service_without_load)
{
	struct snap_builder *b = build_new(10, 2);
	uint32_t first = build_threads(b, "con", 30);
	struct verdict v;

	for (uint32_t i = 0; i < 30; i++) {
		build_time(b, first + i, CLASS_RUN, 0.01);
		build_time(b, first + i, i % 3 ? CLASS_CLIENT_IDLE : CLASS_SLEEP, 9.99);
		build_switches(b, first + i, 10);
	}
	v = judge_built(b);
	ck_assert_ptr_nonnull(strstr(strbuf_str(&v.main.summary), "Idle: waiting for requests"));
	expect(&v, "idle", 0);
	build_free(b);
}
END_TEST

/* A capture that ends before its first slice has no window; one that is complete had no target. */
START_TEST(unclear_when_cut_early)
{
	for (int complete = 0; complete < 2; complete++) {
		struct snap_builder *b = build_new(0, 2);
		struct verdict v;

		b->slices_planned = 0;
		b->snap.complete = complete;
		build_thread(b, "main");
		v = judge_built(b);
		ck_assert_str_eq(v.main.bottleneck, "unclear");
		ck_assert_int_eq(strstr(strbuf_str(&v.main.headline), "cut off") == NULL, complete);
		verdict_free(&v);
		build_free(b);
	}
}
END_TEST

Suite *analysis_known_suite(void)
{
	Suite *suite = suite_create("analysis_known");
	TCase *tc = tcase_create("known answers");

	tcase_add_test(tc, answer_1_lock);
	tcase_add_test(tc, answer_1_with_one_thread_that_keeps_the_lock);
	tcase_add_test(tc, answer_2_sleep_inside);
	tcase_add_test(tc, answer_3_idle_pool);
	tcase_add_test(tc, answer_4_slow_stage);
	tcase_add_test(tc, answer_5_compute_is_slower);
	tcase_add_test(tc, answer_5_disk_is_slower);
	tcase_add_test(tc, answer_8_hogs);
	tcase_add_test(tc, answer_16_backend);
	tcase_add_test(tc, answer_18_quota);
	tcase_add_test(tc, healthy_cpu_work);
	tcase_add_test(tc, healthy_server);
	tcase_add_test(tc, one_full_of_four);
	tcase_add_loop_test(tc, hot_place, 0, ARRAY_LEN(hot_places));
	tcase_add_test(tc, full_event_loop);
	tcase_add_test(tc, row_lock);
	tcase_add_loop_test(tc, idle_threads_that_wake_each_other, 0, 3);
	tcase_add_test(tc, service_without_load);
	tcase_add_test(tc, unclear_when_cut_early);
	suite_add_tcase(suite, tc);
	return suite;
}
