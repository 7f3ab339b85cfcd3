// SPDX-License-Identifier: GPL-2.0-only
/* threads.starvation and threads.herd: known answers, both sides of each threshold, and how they
 * yield. */
#include "base/num.h"
#include "tests/unit/analysis_fixture.h"
#include "tests/unit/suites.h"

#include <string.h>

static void expect_word(struct snap_builder *b, const char *word)
{
	struct verdict v = judge_built(b);

	ck_assert_str_eq(v.main.bottleneck, word);
	verdict_free(&v);
	build_free(b);
}

static void expect_text(const struct strbuf *text, const char *part)
{
	ck_assert_msg(strstr(strbuf_str(text), part), "no '%s' in '%s'", part, strbuf_str(text));
}

/* ---- starvation ---- */

/* 6: four readers asleep in a read-write lock, a writer that has waited for @open_s of 10 s. */
static struct snap_builder *starved_writer(double open_s)
{
	struct snap_builder *b = build_new(10, 2);
	uint32_t readers = build_threads(b, "reader", 4), writer = build_thread(b, "writer");
	uint32_t lock = build_lock(b, "table_lock", LOCK_RWLOCK, true);

	for (uint32_t i = readers; i < writer; i++) {
		build_time(b, i, CLASS_RUN, 0.2);
		build_time(b, i, CLASS_SLEEP, 9.8);
		build_switches(b, i, 2000);
	}
	build_time(b, writer, CLASS_LOCK, open_s);
	build_time(b, writer, CLASS_SLEEP, 10 - open_s);
	build_wait(b, lock, writer, 1, open_s, SNAP_NONE);
	build_hold(b, lock, SNAP_NONE, open_s, CLASS_RUN, SNAP_NONE);
	build_contended(b, lock, open_s);
	b->waiters[lock][0].open = true;
	b->waiters[lock][0].open_ns = b->waiters[lock][0].wait_ns;
	b->locks[lock].open_waits = 1;
	b->locks[lock].hist = (struct snap_hist){.max_ns = b->waiters[lock][0].wait_ns};
	return b;
}

START_TEST(answer_6_starved_writer)
{
	struct snap_builder *b = starved_writer(9.9);
	struct verdict v = judge_built(b);

	ck_assert_str_eq(v.main.bottleneck, "threads.starvation");
	ck_assert_str_eq(v.main.model, "threads");
	ck_assert(v.main.latency);
	ck_assert_double_eq(v.main.gain_ratio, 0);
	ck_assert_uint_eq(v.main.thread, 4);
	ck_assert_uint_eq(v.main.lock, 0);
	ck_assert_uint_eq(v.main.slices_agreeing, 10);
	ck_assert_int_eq(v.confidence, CONFIDENCE_HIGH);
	ck_assert(!v.second.fired);
	expect_text(
		&v.main.summary,
		"writer has waited for `table_lock` for the last 9.9 s of 10.0 s; readers hold it");
	expect_text(&v.main.next_step, "PREFER_WRITER");
	verdict_free(&v);
	build_free(b);
}
END_TEST

START_TEST(open_for_half_of_the_window)
{
	/* below it is a wait like others: the lock's */
	expect_word(starved_writer(4.9), "threads.lock");
	expect_word(starved_writer(5.1), "threads.starvation");
}
END_TEST

/* A holder that is known: a deadlock, or a section without end, and no starvation. */
START_TEST(held_by_one)
{
	struct snap_builder *b = starved_writer(9.9);

	b->locks[0].known_blame_ns = b->locks[0].blame_ns;
	expect_word(b, "threads.lock");
}
END_TEST

/* A mutex: an open wait, while others waited for it and got it @passed times. */
static struct snap_builder *passed_by(uint64_t passed)
{
	struct snap_builder *b = starved_writer(9.9);

	b->locks[0].kind = LOCK_MUTEX;
	build_wait(b, 0, 0, passed, 0.001, SNAP_NONE);
	return b;
}

START_TEST(others_got_it_meanwhile)
{
	struct snap_builder *b = passed_by(20);
	struct verdict v = judge_built(b);

	ck_assert_str_eq(v.main.bottleneck, "threads.starvation");
	expect_text(&v.main.cause, "others waited for it and got it 20 times meanwhile");
	ck_assert_ptr_null(strstr(strbuf_str(&v.main.next_step), "WRITER"));
	verdict_free(&v);
	build_free(b);
	expect_word(passed_by(19), "threads.lock");
}
END_TEST

/* One thread's @waits take @each_s, the median of all is @median_ns. */
static struct snap_builder *slow_one(uint64_t waits, double each_s, unsigned median_bucket,
				     uint64_t others)
{
	struct snap_builder *b = build_new(10, 2);
	uint32_t first = build_threads(b, "worker", 4);
	uint32_t lock = build_lock(b, "cache_lock", LOCK_MUTEX, true);
	double slow_s = each_s * (double)waits;

	for (uint32_t i = 0; i < 4; i++) {
		build_time(b, first + i, CLASS_RUN, 4.7);
		build_time(b, first + i, CLASS_LOCK, i ? 0.01 : slow_s);
		build_time(b, first + i, CLASS_SLEEP, 5.3 - (i ? 0.01 : slow_s));
		build_switches(b, first + i, 1000);
		if (i)
			build_wait(b, lock, first + i, others, 0.01, SNAP_NONE);
	}
	build_wait(b, lock, first, waits, slow_s, SNAP_NONE);
	build_contended(b, lock, slow_s);
	memset(b->locks[lock].hist.bucket, 0, sizeof(b->locks[lock].hist.bucket));
	b->locks[lock].hist.bucket[median_bucket] = 3 * others;
	b->locks[lock].hist.bucket[34] = waits;
	b->locks[lock].hist.count = 3 * others + waits;
	b->locks[lock].hist.max_ns = num_to_u64(each_s * 1e9);
	return b;
}

START_TEST(ten_times_the_median)
{
	/* bucket 20 is 1.05 to 2.1 ms: ten times its middle are about 16 ms */
	struct snap_builder *b = slow_one(50, 0.040, 20, 1000);
	struct verdict v = judge_built(b);

	ck_assert_str_eq(v.main.bottleneck, "threads.starvation");
	ck_assert_uint_eq(v.main.thread, 0);
	expect_text(&v.main.headline, "waits for `cache_lock` 40 ms each time");
	expect_text(&v.main.cause, "3,000 times");
	verdict_free(&v);
	build_free(b);
	expect_word(slow_one(150, 0.012, 20, 1000), "cpu.saturated");
}
END_TEST

START_TEST(long_and_much_enough_to_matter)
{
	/* bucket 16 is 66 to 131 us: a wait under 10 ms, less than a tenth of the window, few waits
	 */
	expect_word(slow_one(200, 0.009, 16, 1000), "cpu.saturated");
	expect_word(slow_one(150, 0.011, 16, 1000), "threads.starvation");
	expect_word(slow_one(24, 0.040, 16, 1000), "cpu.saturated");
	expect_word(slow_one(26, 0.040, 16, 1000), "threads.starvation");
	/* others get it 10 times for each of its waits, and 20 times in all */
	expect_word(slow_one(150, 0.011, 16, 499), "cpu.saturated");
	expect_word(slow_one(150, 0.011, 16, 501), "threads.starvation");
	expect_word(slow_one(1, 2, 16, 6), "cpu.saturated");
	expect_word(slow_one(1, 2, 16, 7), "threads.starvation");
}
END_TEST

/* Where all who wait do so for long and few pass many, no single one is starved. */
START_TEST(others_wait_as_long)
{
	struct snap_builder *b = slow_one(150, 0.011, 16, 1000);

	/* 3000 waits of others: 5 times their mean are 10.9 ms, then 11.1 ms */
	b->locks[0].blocked_ns += (uint64_t)(3000 * 0.00218 * 1e9) - 30 * NS_PER_MS;
	expect_word(b, "threads.starvation");
	b = slow_one(150, 0.011, 16, 1000);
	b->locks[0].blocked_ns += (uint64_t)(3000 * 0.00222 * 1e9) - 30 * NS_PER_MS;
	expect_word(b, "cpu.saturated");
	/* the run queue is no waiting for the lock */
	b = slow_one(150, 0.011, 16, 1000);
	b->locks[0].blocked_ns -= b->waiters[0][3].blocked_ns * 95 / 100;
	b->waiters[0][3].blocked_ns -= b->waiters[0][3].blocked_ns * 95 / 100;
	expect_word(b, "cpu.saturated");
}
END_TEST

/* Its holders have no CPU: that makes long waits, too, and is no fault of the lock. */
START_TEST(preempted_holders_starve_nobody)
{
	struct snap_builder *b = slow_one(150, 0.011, 16, 1000);

	build_hold(b, 0, 1, 0.845, CLASS_RUNQ_PREEMPT, SNAP_NONE);
	expect_word(b, "cpu.saturated");
	b = slow_one(150, 0.011, 16, 1000);
	build_hold(b, 0, 1, 0.835, CLASS_RUNQ_PREEMPT, SNAP_NONE);
	expect_word(b, "threads.starvation");
}
END_TEST

/* Where throughput is to be won that goes first, and the starved thread is named second. */
START_TEST(throughput_goes_first)
{
	struct snap_builder *b = slow_one(50, 0.040, 20, 1000);
	struct verdict v;

	b->threads[1].class_ns[CLASS_RUN] = 9 * NS_PER_S;
	for (uint32_t i = 2; i < 4; i++)
		b->threads[i].class_ns[CLASS_RUN] = 0;
	b->threads[0].class_ns[CLASS_RUN] = 0;
	b->threads[1].lifetime_ns = 10 * NS_PER_S;
	v = judge_built(b);
	ck_assert_str_eq(v.main.bottleneck, "threads.imbalance");
	ck_assert_str_eq(v.second.bottleneck, "threads.starvation");
	verdict_free(&v);
	build_free(b);
}
END_TEST

/* ---- herd ---- */

struct herd_figures {
	uint64_t wakes, vain, broadcasts;
	uint32_t waiters_max;
	double vain_s;
};
static const struct herd_figures herd = {1000, 900, 1000, 8, 5};

/* 7: 8 threads on 2 full CPUs, of whose 20 s of CPU time @h->vain_s went to waking up in vain. */
static struct snap_builder *herd_of(const struct herd_figures *h)
{
	static const char *const waiting[] = {"libc!pthread_cond_wait", "app!item_take",
					      "app!worker", NULL};
	static const char *const waking[] = {"libc!pthread_cond_broadcast", "app!item_put", NULL};
	struct snap_builder *b = build_new(10, 2);
	uint32_t first = build_threads(b, "worker", 8);
	uint32_t cond = build_lock(b, "items_ready", LOCK_CONDVAR, false);
	uint32_t stack = build_stack(b, waiting);

	for (uint32_t i = 0; i < 8; i++) {
		build_time(b, first + i, CLASS_RUN, 2.5);
		build_time(b, first + i, CLASS_PEER, 7.5);
		build_switches(b, first + i, 1000);
		build_wait(b, cond, first + i, 125, 7.5, stack);
	}
	build_hold(b, cond, first + 7, 60, CLASS_RUN, build_stack(b, waking));
	build_contended(b, cond, 10);
	build_host(b, 0, 20);
	b->locks[cond].handed_over = h->wakes;
	b->locks[cond].sleep_again = h->vain;
	b->locks[cond].broadcasts = h->broadcasts;
	b->locks[cond].waiters_max = h->waiters_max;
	b->locks[cond].again_ns = num_to_u64(h->vain_s * 1e9);
	return b;
}

START_TEST(answer_7_herd)
{
	struct snap_builder *b = herd_of(&herd);
	struct verdict v = judge_built(b);

	ck_assert_str_eq(v.main.bottleneck, "threads.herd");
	ck_assert_double_eq_tol(v.main.gain_ratio, 20.0 / 15, 0.01);
	ck_assert_int_eq(v.main.limited_by, LIMIT_CPUS);
	ck_assert_uint_eq(v.main.lock, 0);
	ck_assert_uint_eq(v.main.thread, 7);
	ck_assert_int_eq(v.confidence, CONFIDENCE_HIGH);
	expect_text(&v.main.headline, "90% of the wakeups at `items_ready`");
	expect_text(&v.main.headline, "costs 25% of the CPU time");
	expect_text(&v.main.cause, "in item_put");
	expect_text(&v.main.next_step, "in item_put (pthread_cond_signal");
	verdict_free(&v);
	build_free(b);
}
END_TEST

START_TEST(herd_thresholds)
{
	static const struct {
		struct herd_figures at;
		bool is;
	} cases[] = {
		{{1000, 500, 1000, 8, 5}, true},   {{1000, 499, 1000, 8, 5}, false},
		{{1000, 900, 500, 8, 5}, true},	   {{1000, 900, 499, 8, 5}, false},
		{{1000, 900, 1000, 3, 5}, true},   {{1000, 900, 1000, 2, 5}, false},
		{{20, 20, 20, 8, 5}, true},	   {{19, 19, 19, 8, 5}, false},
		{{1000, 900, 1000, 8, 2.1}, true}, {{1000, 900, 1000, 8, 1.9}, false},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct snap_builder *b = herd_of(&cases[i].at);
		struct verdict v = judge_built(b);

		ck_assert_msg(!strcmp(v.main.bottleneck, "threads.herd") == cases[i].is,
			      "case %zu: %s", i, v.main.bottleneck);
		verdict_free(&v);
		build_free(b);
	}
}
END_TEST

/* Those who meet at a barrier are woken together and soon meet again; a lock wakes one at a time.
 */
START_TEST(herd_not_at_barriers_or_locks)
{
	static const enum lock_kind kinds[] = {LOCK_BARRIER, LOCK_JOIN};

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		struct snap_builder *b = herd_of(&herd);
		struct verdict v;

		b->locks[0].kind = kinds[i];
		v = judge_built(b);
		ck_assert_str_ne(v.main.bottleneck, "threads.herd");
		verdict_free(&v);
		build_free(b);
	}
}
END_TEST

/* With CPUs to spare all who are woken crowd at the condition's mutex: that is the herd's doing. At
 * another function's lock they do not. */
static struct snap_builder *herd_and_mutex(const char *function)
{
	const char *const waiting[] = {"libc!pthread_mutex_lock", function, NULL};
	struct snap_builder *b = herd_of(&herd);
	uint32_t lock = build_lock(b, "items_lock", LOCK_MUTEX, true);
	uint32_t stack = build_stack(b, waiting);

	for (uint32_t i = 0; i < 8; i++) {
		b->threads[i].class_ns[CLASS_RUN] = 1500 * NS_PER_MS;
		b->threads[i].class_ns[CLASS_LOCK] = 6 * NS_PER_S;
		b->threads[i].class_ns[CLASS_PEER] = 2500 * NS_PER_MS;
		build_wait(b, lock, i, 1000, 6, stack);
		build_hold(b, lock, i, 6, CLASS_RUN, stack);
	}
	build_contended(b, lock, 10);
	build_host(b, 8, 12);
	return b;
}

START_TEST(herd_and_its_mutex)
{
	struct snap_builder *b = herd_and_mutex("app!item_take");
	struct verdict v = judge_built(b);

	ck_assert_str_eq(v.main.bottleneck, "threads.herd");
	ck_assert(!v.second.fired);
	ck_assert_int_eq(v.main.limited_by, LIMIT_THREADS);
	verdict_free(&v);
	build_free(b);
	b = herd_and_mutex("app!other");
	v = judge_built(b);
	ck_assert(!strcmp(v.main.bottleneck, "threads.lock") ||
		  !strcmp(v.second.bottleneck, "threads.lock"));
	verdict_free(&v);
	build_free(b);
}
END_TEST

Suite *analysis_threads_suite(void)
{
	Suite *s = suite_create("analysis_threads");
	TCase *starvation = tcase_create("starvation");
	TCase *herds = tcase_create("herd");

	tcase_add_test(starvation, answer_6_starved_writer);
	tcase_add_test(starvation, open_for_half_of_the_window);
	tcase_add_test(starvation, held_by_one);
	tcase_add_test(starvation, others_got_it_meanwhile);
	tcase_add_test(starvation, ten_times_the_median);
	tcase_add_test(starvation, long_and_much_enough_to_matter);
	tcase_add_test(starvation, others_wait_as_long);
	tcase_add_test(starvation, preempted_holders_starve_nobody);
	tcase_add_test(starvation, throughput_goes_first);
	suite_add_tcase(s, starvation);
	tcase_add_test(herds, answer_7_herd);
	tcase_add_test(herds, herd_thresholds);
	tcase_add_test(herds, herd_not_at_barriers_or_locks);
	tcase_add_test(herds, herd_and_its_mutex);
	suite_add_tcase(s, herds);
	return s;
}
