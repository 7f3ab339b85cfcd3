// SPDX-License-Identifier: GPL-2.0-only
/* Where rules begin and end, and how they yield to each other. */
#include "analysis/rules.h"
#include "tests/unit/analysis_fixture.h"
#include "tests/unit/suites.h"

#include <stdio.h>
#include <string.h>

static void expect_word(struct snap_builder *b, const char *word)
{
	struct verdict v = judge_built(b);

	ck_assert_str_eq(v.main.bottleneck, word);
	verdict_free(&v);
	build_free(b);
}

/* Gains of 9% and 11% of the time: 1/(1 - rho) binds. */
START_TEST(lock_is_called_from_a_tenth_on)
{
	static const struct build_each each = {4, 2, 0, 1.5, 6.5};
	struct snap_builder *b = build_workers(&each);
	struct verdict v;

	build_lock_for_all(b, "cache.lock", 0.9);
	v = judge_built(b);
	ck_assert_str_eq(v.main.bottleneck, "none");
	ck_assert_double_eq(v.main.gain_ratio, 0);
	ck_assert_str_eq(strbuf_str(&v.main.evidence[v.main.evidence_len - 1]),
			 "minor: threads.lock (`cache.lock`), at most 9% of the time");
	verdict_free(&v);
	build_free(b);

	b = build_workers(&each);
	build_lock_for_all(b, "cache.lock", 1.1);
	v = judge_built(b);
	ck_assert_str_eq(v.main.bottleneck, "threads.lock");
	ck_assert_int_eq(v.main.limited_by, LIMIT_LOCK);
	verdict_free(&v);
	build_free(b);
}
END_TEST

START_TEST(full_cpus_leave_a_lock_no_gain)
{
	static const struct build_each each = {4, 4.95, 1, 4.05, 0};
	struct snap_builder *b = build_workers(&each);
	struct verdict v;

	build_lock_for_all(b, "cache.lock", 10);
	v = judge_built(b);
	ck_assert_str_eq(v.main.bottleneck, "cpu.saturated");
	ck_assert_double_le(v.lock_gain[0], 1.02);
	verdict_free(&v);
	build_free(b);
}
END_TEST

START_TEST(gil_is_no_lock_of_threads)
{
	static const struct build_each each = {4, 2.5, 0, 7.5, 0};
	struct snap_builder *b = build_workers(&each);
	uint32_t lock = build_lock_for_all(b, "gil", 10);
	struct verdict v;

	b->locks[lock].kind = LOCK_GIL;
	v = judge_built(b);
	ck_assert_str_ne(v.main.bottleneck, "threads.lock");
	ck_assert_double_eq(v.lock_gain[0], 0);
	verdict_free(&v);
	build_free(b);
}
END_TEST

/* None of 20 locks matters alone. */
START_TEST(many_locks_together)
{
	static const struct build_each each = {8, 1, 0, 6, 3};
	static const char *const names[20] = {"s0",  "s1",  "s2",  "s3",  "s4",	 "s5",	"s6",
					      "s7",  "s8",  "s9",  "s10", "s11", "s12", "s13",
					      "s14", "s15", "s16", "s17", "s18", "s19"};
	struct snap_builder *b = build_workers(&each);
	struct verdict v;

	for (uint32_t i = 0; i < 20; i++) {
		uint32_t lock = build_lock(b, names[i], LOCK_MUTEX, true);

		for (uint32_t t = 0; t < 8; t++)
			build_wait(b, lock, t, 100, 0.3, SNAP_NONE);
		build_contended(b, lock, 0.8);
	}
	v = judge_built(b);
	ck_assert_str_eq(v.main.bottleneck, "threads.lock");
	ck_assert_ptr_nonnull(strstr(strbuf_str(&v.main.headline),
				     "Threads wait for 20 locks, for `s0` the longest: together "
				     "they cost 86%"));
	ck_assert_str_eq(strbuf_str(&v.main.cause), "who holds it could not be seen");
	ck_assert_uint_eq(v.main.events, 16000);
	verdict_free(&v);
	build_free(b);
}
END_TEST

/* A deadlock makes no events at all. */
START_TEST(deadlock_is_a_lock)
{
	struct snap_builder *b = build_new(10, 2);
	uint32_t first = build_threads(b, "t", 2);
	uint32_t lock = build_lock(b, "a.lock", LOCK_MUTEX, true);

	for (uint32_t i = 0; i < 2; i++) {
		build_time(b, first + i, CLASS_LOCK, 10);
		build_wait(b, lock, first + i, 1, 10, SNAP_NONE);
		build_hold(b, lock, first + 1 - i, 10, CLASS_LOCK, SNAP_NONE);
	}
	b->locks[lock].open_waits = 2;
	build_contended(b, lock, 10);
	expect_word(b, "threads.lock");
}
END_TEST

START_TEST(saturated_from_nine_tenths_on)
{
	static const struct build_each below = {4, 4.4, 0, 0, 5.6}, above = {4, 4.6, 0, 0, 5.4};

	expect_word(build_workers(&below), "none");
	expect_word(build_workers(&above), "cpu.saturated");
}
END_TEST

/* Full CPUs, but not by this program: it is not limited by them at this load. */
START_TEST(not_saturated_by_others)
{
	static const struct build_each each = {4, 1, 0.1, 0, 8.9};
	struct snap_builder *b = build_workers(&each);

	build_host(b, 0, 20);
	expect_word(b, "none");
}
END_TEST

/* 32 threads of its own: the run queue is long, and nobody else is there. */
START_TEST(its_own_threads_do_not_oversubscribe)
{
	static const struct build_each each = {32, 0.6, 9.4, 0, 0};
	struct snap_builder *b = build_workers(&each);

	build_host(b, 0.1, 19.9);
	expect_word(b, "cpu.saturated");
}
END_TEST

static const struct {
	double runq, other_busy;
	const char *word;
} oversubscribed_cases[] = {
	{3.0, 10, "cpu.oversubscribed"}, /* 3 of 8 s without a CPU, others use one */
	{1.5, 10, "cpu.saturated"},	 /* 1.5 of 6.5 s: under 30%; it uses all it gets */
	{3.0, 0.5, "none"},		 /* 30%, but others use next to nothing */
};

START_TEST(oversubscribed)
{
	struct build_each each = {2, 5, oversubscribed_cases[_i].runq, 0, 0};
	struct snap_builder *b;
	double other = oversubscribed_cases[_i].other_busy;

	each.idle = 10 - each.run - each.runq;
	b = build_workers(&each);
	build_host(b, 20 - 10 - other, 10 + other);
	expect_word(b, oversubscribed_cases[_i].word);
}
END_TEST

/* Between a third and a half of the waiting: both may be to blame, the lock is not cleared. */
START_TEST(preemption_clears_a_lock_from_half_on)
{
	for (int half = 0; half < 2; half++) {
		static const struct build_each each = {8, 0.5, 1, 8.5, 0};
		struct snap_builder *b = build_workers(&each);
		uint32_t lock = build_lock(b, "cache.lock", LOCK_MUTEX, true);
		double off_cpu = half ? 5 : 4;
		struct verdict v;

		for (uint32_t i = 0; i < 8; i++) {
			build_wait(b, lock, i, 1000, 8.5, SNAP_NONE);
			build_hold(b, lock, i, off_cpu, CLASS_RUNQ_PREEMPT, SNAP_NONE);
			build_hold(b, lock, i, 8.5 - off_cpu, CLASS_RUN, SNAP_NONE);
		}
		build_contended(b, lock, 10);
		build_host(b, 3.9, 12);
		v = judge_built(b);
		if (half) {
			ck_assert_str_eq(v.main.bottleneck, "cpu.oversubscribed");
			ck_assert(!v.second.fired);
		} else {
			ck_assert(v.main.fired && v.second.fired);
		}
		verdict_free(&v);
		build_free(b);
	}
}
END_TEST

static const struct {
	uint64_t throttled_ms;
	const char *word;
} throttled_cases[] = {
	{900, "none"},
	{1100, "cpu.throttled"},
	{25000, "cpu.throttled"}, /* added up over CPUs: clipped */
};

START_TEST(throttled)
{
	static const struct build_each each = {2, 4, 3, 0, 3};
	struct snap_builder *b = build_workers(&each);
	struct verdict v;

	b->snap.host.quota_milli_cpus = 1000;
	b->snap.host.throttled_ns = throttled_cases[_i].throttled_ms * 1000000;
	v = judge_built(b);
	ck_assert_str_eq(v.main.bottleneck, throttled_cases[_i].word);
	if (throttled_cases[_i].throttled_ms > 10000)
		ck_assert_ptr_nonnull(strstr(strbuf_str(&v.main.headline), "throttled 100%"));
	verdict_free(&v);
	build_free(b);
}
END_TEST

static const struct {
	double run, runq, present;
	const char *word;
} full_cases[] = {
	{9.1, 0, 10, "threads.imbalance"},  {8.8, 0, 10, "none"},
	{8.1, 1, 10, "threads.imbalance"},  {7.5, 2, 10, "none"},
	{5.5, 0, 5.5, "threads.imbalance"}, {4.5, 0, 4.5, "none"}, /* gone after 4.5 s */
};

START_TEST(full_thread)
{
	struct snap_builder *b = build_new(10, 2);
	uint32_t t = build_thread(b, "main");

	build_time(b, t, CLASS_RUN, full_cases[_i].run);
	build_time(b, t, CLASS_RUNQ_PREEMPT, full_cases[_i].runq);
	build_time(b, t, CLASS_LOOP_IDLE,
		   full_cases[_i].present - full_cases[_i].run - full_cases[_i].runq);
	build_switches(b, t, 1000);
	expect_word(b, full_cases[_i].word);
}
END_TEST

/* The lock concerns other threads than the full one, and only at times: two findings. */
START_TEST(full_thread_beside_an_unrelated_lock)
{
	struct snap_builder *b = build_new(10, 4);
	uint32_t full = build_thread(b, "main");
	uint32_t first = build_threads(b, "worker", 4);
	uint32_t lock = build_lock(b, "log.lock", LOCK_MUTEX, true);
	struct verdict v;

	build_time(b, full, CLASS_RUN, 10);
	for (uint32_t i = 0; i < 4; i++) {
		build_time(b, first + i, CLASS_RUN, 1.5);
		build_time(b, first + i, CLASS_LOCK, 4.5);
		build_time(b, first + i, CLASS_POOL_IDLE, 4);
		build_switches(b, first + i, 1000);
		build_wait(b, lock, first + i, 1000, 4.5, SNAP_NONE);
		build_hold(b, lock, first + 3 - i, 4.5, CLASS_RUN, SNAP_NONE);
	}
	build_contended(b, lock, 4.9);
	v = judge_built(b);
	ck_assert_str_eq(v.main.bottleneck, "threads.imbalance");
	ck_assert(v.second.fired);
	ck_assert_str_eq(v.second.bottleneck, "threads.lock");
	ck_assert_uint_gt(v.second.summary.len, 0);
	verdict_free(&v);
	build_free(b);
}
END_TEST

static const struct {
	enum time_class cls;
	double s;
	const char *word;
} io_cases[] = {
	{CLASS_DISK, 0.65, "none"},
	{CLASS_DISK, 0.7, "storage"},
	{CLASS_NET, 0.65, "none"},
	{CLASS_NET, 0.7, "external"},
};

/* 2 s of run to each thread: a quarter of the non-idle time is the border. */
START_TEST(waits_outside_the_program)
{
	struct snap_builder *b = build_new(10, 2);
	uint32_t first = build_threads(b, "worker", 2);

	for (uint32_t i = 0; i < 2; i++) {
		build_time(b, first + i, CLASS_RUN, 2);
		build_time(b, first + i, io_cases[_i].cls, io_cases[_i].s);
		build_time(b, first + i, CLASS_CLIENT_IDLE, 8 - io_cases[_i].s);
		build_switches(b, first + i, 1000);
		build_block(b, first + i, io_cases[_i].cls, "read", SNAP_NONE, 1000,
			    io_cases[_i].s);
	}
	expect_word(b, io_cases[_i].word);
}
END_TEST

/* A disk wait under a lock is the lock's fault. */
START_TEST(disk_wait_inside_a_lock)
{
	struct snap_builder *b = build_new(10, 2);
	uint32_t first = build_threads(b, "con", 4);
	uint32_t lock = build_lock(b, "log.lock", LOCK_MUTEX, true);
	struct verdict v;

	for (uint32_t i = 0; i < 4; i++) {
		build_time(b, first + i, CLASS_RUN, 0.5);
		build_time(b, first + i, CLASS_DISK, 2.4);
		build_time(b, first + i, CLASS_LOCK, 7.1);
		build_switches(b, first + i, 1000);
		build_wait(b, lock, first + i, 500, 7.1, SNAP_NONE);
		build_hold(b, lock, first + i, 7.1, CLASS_DISK, SNAP_NONE);
		build_block(b, first + i, CLASS_DISK, "fsync", SNAP_NONE, 500, 2.4);
	}
	build_contended(b, lock, 9.9);
	v = judge_built(b);
	ck_assert_str_eq(v.main.bottleneck, "threads.lock");
	ck_assert_int_eq(v.main.limited_by, LIMIT_IO);
	ck_assert_str_eq(strbuf_str(&v.main.cause),
			 "held by thread con (100) and 3 others, mostly while it waits for the "
			 "disk in fsync");
	ck_assert_ptr_nonnull(strstr(strbuf_str(&v.main.gain_text),
				     "taking the disk wait out of this section would give up to"));
	verdict_free(&v);
	build_free(b);
}
END_TEST

static const struct {
	enum lock_kind kind;
	enum time_class holder;
	const char *next_step;
} advice_cases[] = {
	{LOCK_RWLOCK, CLASS_RUN,
	 "do less in put while `cache.lock` is held, or split it so that threads use different "
	 "ones (one per shard or per thread)"},
	{LOCK_MUTEX, CLASS_RUNQ_PREEMPT,
	 "do less in put while `cache.lock` is held and run fewer threads at once, so that its "
	 "holder keeps its CPU"},
	{LOCK_MUTEX, CLASS_LOCK,
	 "do not wait for another lock in put while `cache.lock` is held: look at that other lock "
	 "first"},
	{LOCK_MUTEX, CLASS_LOOP_IDLE,
	 "do not wait for the network in put while `cache.lock` is held: fetch first, then lock"},
	{LOCK_MUTEX, CLASS_SLEEP,
	 "do not sleep in put while `cache.lock` is held: wait before or after it"},
	{LOCK_KERNEL, CLASS_RUN,
	 "call the kernel less often for this in put: reuse memory and files instead of mapping "
	 "and unmapping them, or use several processes"},
};

START_TEST(advice_follows_the_holder)
{
	static const struct build_each each = {4, 2, 0, 8, 0};
	static const char *const section[] = {"libc!pthread_mutex_unlock", "app!put", NULL};
	struct snap_builder *b = build_workers(&each);
	uint32_t lock = build_lock(b, "cache.lock", advice_cases[_i].kind, true);
	uint32_t stack = build_stack(b, section);
	struct verdict v;

	for (uint32_t i = 0; i < 4; i++) {
		build_wait(b, lock, i, 1000, 8, SNAP_NONE);
		build_hold(b, lock, i, 8, advice_cases[_i].holder, stack);
	}
	build_contended(b, lock, 10);
	v = judge_built(b);
	ck_assert_str_eq(v.main.bottleneck, "threads.lock");
	ck_assert_str_eq(strbuf_str(&v.main.next_step), advice_cases[_i].next_step);
	verdict_free(&v);
	build_free(b);
}
END_TEST

/* 4.9% of the time not idle, and 5.1%. */
START_TEST(idle_below_a_twentieth)
{
	static const struct build_each below = {4, 0.49, 0, 0, 9.51}, above = {4, 0.51, 0, 0, 9.49};

	expect_word(build_workers(&below), "idle");
	expect_word(build_workers(&above), "none");
}
END_TEST

/* One full thread among a hundred idle ones is 1% of thread time. */
START_TEST(full_thread_among_idle_ones_is_not_idle)
{
	struct snap_builder *b = build_new(10, 2);
	uint32_t full = build_thread(b, "main");
	uint32_t first = build_threads(b, "con", 100);

	build_time(b, full, CLASS_RUN, 10);
	for (uint32_t i = 0; i < 100; i++)
		build_time(b, first + i, CLASS_CLIENT_IDLE, 10);
	expect_word(b, "threads.imbalance");
}
END_TEST

START_TEST(unclear_without_enough_to_see)
{
	struct snap_builder *b = build_new(0.15, 2);
	uint32_t t = build_thread(b, "main");
	struct verdict v;

	build_time(b, t, CLASS_RUN, 0.15);
	build_switches(b, t, 100);
	v = judge_built(b);
	ck_assert_str_eq(v.main.bottleneck, "unclear");
	ck_assert_str_eq(strbuf_str(&v.main.summary),
			 "Not enough seen to tell: the window was only 150 ms.");
	ck_assert_int_eq(v.confidence, CONFIDENCE_LOW);
	verdict_free(&v);
	build_free(b);

	/* nothing happened, and it was no waiting for work either */
	b = build_new(10, 2);
	t = build_thread(b, "main");
	build_time(b, t, CLASS_DISK, 10);
	build_switches(b, t, 19);
	expect_word(b, "unclear");

	b = build_new(10, 2);
	t = build_thread(b, "main");
	build_time(b, t, CLASS_DISK, 10);
	build_switches(b, t, 20);
	expect_word(b, "storage");

	/* next to no events, all of them waiting for requests: that is certain */
	b = build_new(10, 2);
	t = build_thread(b, "main");
	build_time(b, t, CLASS_CLIENT_IDLE, 10);
	expect_word(b, "idle");

	b = build_new(10, 2);
	t = build_thread(b, "main");
	build_time(b, t, CLASS_OTHER, 6);
	build_time(b, t, CLASS_RUN, 4);
	build_switches(b, t, 1000);
	expect_word(b, "unclear");

	expect_word(build_new(10, 2), "unclear"); /* no thread at all */
}
END_TEST

/* A runner-up is named when the first has less than 1.5 times its gain. */
START_TEST(two_are_named_when_close)
{
	struct snap_builder *b = build_new(10, 4);
	uint32_t first = build_threads(b, "worker", 4);
	uint32_t lock = build_lock(b, "log.lock", LOCK_MUTEX, true);
	struct verdict v;

	/* A = 40: net 21 (S = 40/19, G = 0.53), lock 15 (S = 40/25, G = 0.38) */
	for (uint32_t i = 0; i < 4; i++) {
		build_time(b, first + i, CLASS_RUN, 1);
		build_time(b, first + i, CLASS_NET, 5.25);
		build_time(b, first + i, CLASS_LOCK, 3.75);
		build_switches(b, first + i, 1000);
		build_wait(b, lock, first + i, 1000, 3.75, SNAP_NONE);
		build_hold(b, lock, first + i, 3.75, CLASS_NET, SNAP_NONE);
		build_block(b, first + i, CLASS_NET, "recvfrom", SNAP_NONE, 1000, 5.25);
	}
	build_contended(b, lock, 9);
	v = judge_built(b);
	ck_assert_str_eq(v.main.bottleneck, "external");
	ck_assert_str_eq(v.second.bottleneck, "threads.lock");
	verdict_free(&v);
	build_free(b);
}
END_TEST

/* The same with S = 40/28 (G = 0.30) for the lock: 1.8 times as much. */
START_TEST(one_is_named_when_clear)
{
	struct snap_builder *b = build_new(10, 4);
	uint32_t first = build_threads(b, "worker", 4);
	uint32_t lock = build_lock(b, "log.lock", LOCK_MUTEX, true);
	struct verdict v;

	for (uint32_t i = 0; i < 4; i++) {
		build_time(b, first + i, CLASS_RUN, 1.5);
		build_time(b, first + i, CLASS_NET, 5.5);
		build_time(b, first + i, CLASS_LOCK, 3);
		build_switches(b, first + i, 1000);
		build_wait(b, lock, first + i, 1000, 3, SNAP_NONE);
		build_hold(b, lock, first + i, 3, CLASS_NET, SNAP_NONE);
		build_block(b, first + i, CLASS_NET, "recvfrom", SNAP_NONE, 1000, 5.5);
	}
	build_contended(b, lock, 9);
	v = judge_built(b);
	ck_assert_str_eq(v.main.bottleneck, "external");
	ck_assert(!v.second.fired);
	verdict_free(&v);
	build_free(b);
}
END_TEST

START_TEST(words)
{
	for (size_t i = 0; i < rules_len; i++) {
		ck_assert_ptr_nonnull(rules[i].find);
		ck_assert_ptr_nonnull(rules[i].tell);
		for (size_t k = 0; k < i; k++)
			ck_assert_str_ne(rules[i].bottleneck, rules[k].bottleneck);
	}
	ck_assert_str_eq(rules[rules_len - 1].bottleneck, "none");
	ck_assert_str_eq(confidence_name(CONFIDENCE_MEDIUM), "medium");
	ck_assert_str_eq(gain_limit_name(LIMIT_IO), "io");
	verdict_free(NULL);
}
END_TEST

#define LEN(a) ((int)(sizeof(a) / sizeof((a)[0])))

/* The JSON schema is a contract: a rule's word that it lacks breaks every reader. */
START_TEST(words_are_in_the_contract)
{
	FILE *file = fopen("docs/report.schema.json", "re");
	char line[4096], want[64];
	bool found[RULES_MAX] = {false};

	ck_assert_ptr_nonnull(file);
	while (fgets(line, sizeof(line), file))
		for (size_t i = 0; strstr(line, "\"enum\"") && i < rules_len; i++) {
			snprintf(want, sizeof(want), "\"%s\"", rules[i].bottleneck);
			found[i] |= strstr(line, want) != NULL;
		}
	fclose(file);
	for (size_t i = 0; i < rules_len; i++)
		ck_assert_msg(found[i], "%s is not in docs/report.schema.json",
			      rules[i].bottleneck);
}
END_TEST

static void add_rules(TCase *tc)
{
	tcase_add_test(tc, lock_is_called_from_a_tenth_on);
	tcase_add_test(tc, full_cpus_leave_a_lock_no_gain);
	tcase_add_test(tc, gil_is_no_lock_of_threads);
	tcase_add_test(tc, many_locks_together);
	tcase_add_test(tc, deadlock_is_a_lock);
	tcase_add_test(tc, saturated_from_nine_tenths_on);
	tcase_add_test(tc, not_saturated_by_others);
	tcase_add_test(tc, its_own_threads_do_not_oversubscribe);
	tcase_add_loop_test(tc, oversubscribed, 0, LEN(oversubscribed_cases));
	tcase_add_test(tc, preemption_clears_a_lock_from_half_on);
	tcase_add_loop_test(tc, throttled, 0, LEN(throttled_cases));
	tcase_add_loop_test(tc, full_thread, 0, LEN(full_cases));
	tcase_add_test(tc, full_thread_beside_an_unrelated_lock);
	tcase_add_loop_test(tc, waits_outside_the_program, 0, LEN(io_cases));
	tcase_add_test(tc, disk_wait_inside_a_lock);
	tcase_add_loop_test(tc, advice_follows_the_holder, 0, LEN(advice_cases));
	tcase_add_test(tc, idle_below_a_twentieth);
	tcase_add_test(tc, full_thread_among_idle_ones_is_not_idle);
	tcase_add_test(tc, unclear_without_enough_to_see);
	tcase_add_test(tc, two_are_named_when_close);
	tcase_add_test(tc, one_is_named_when_clear);
	tcase_add_test(tc, words_are_in_the_contract);
}

Suite *analysis_judge_suite(void)
{
	Suite *suite = suite_create("analysis_judge");
	TCase *tc = tcase_create("rules");

	add_rules(tc);
	suite_add_tcase(suite, tc);
	tcase_add_test(tc, words);
	suite_add_tcase(suite, tc);
	return suite;
}
