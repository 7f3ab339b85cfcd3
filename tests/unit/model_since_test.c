// SPDX-License-Identifier: GPL-2.0-only
/* Windows of a run: what has happened since a mark, and between two moments of the history. */
#include "base/num.h"
#include "model/history.h"
#include "tests/unit/record_feed.h"
#include "tests/unit/suites.h"

#include <stdlib.h>

#define SECONDS 400
#define LOCK 7

static uint64_t after(double s)
{
	return FEED_START + (uint64_t)(s * 1e9);
}

/* So many ms does the thread run in second @i. */
static uint64_t ran_ms(unsigned i)
{
	return i * 37 % 900;
}

/* The thread's counters @s seconds after the start; it has slept when it did not run. */
static void counters(struct model *m, unsigned s, uint64_t run_ns, uint64_t futex_ns)
{
	const uint64_t all_ns = s * NS_PER_S;

	FEED(m, RECORD_COUNTERS,
	     .counters = {
		     .pid = FEED_PID,
		     .tid = 1,
		     .name = "worker",
		     .start_ns = FEED_START,
		     .until_ns = FEED_START + all_ns,
		     .class_ns = {[CLASS_RUN] = run_ns, [CLASS_SLEEP] = all_ns - run_ns - futex_ns},
		     .futex_ns = futex_ns,
		     .voluntary_switches = 10ULL * s});
}

static void slice(struct model *m, unsigned s)
{
	FEED(m, RECORD_SLICE, .slice = {.end_ns = FEED_START + s * NS_PER_S});
}

static void wait_record(struct model *m, uint64_t waits, uint64_t blocked_ns)
{
	FEED(m, RECORD_WAIT,
	     .wait = {.lock = LOCK,
		      .tid = 1,
		      .op = FUTEX_OP_LOCK_PI,
		      .waits = waits,
		      .blocked_ns = blocked_ns,
		      .max_ns = 500 * NS_PER_MS,
		      .hist = {[20] = waits}});
}

static void lock_record(struct model *m)
{
	FEED(m, RECORD_LOCK, .lock = {.lock = LOCK, .address = 0x1000, .pid = FEED_PID});
}

START_TEST(a_window_has_what_came_after_its_mark)
{
	struct model *m = feed_begin();
	struct model_mark *mark;
	struct snapshot *snap;

	lock_record(m);
	counters(m, 1, 300 * NS_PER_MS, 400 * NS_PER_MS);
	wait_record(m, 4, 400 * NS_PER_MS);
	slice(m, 1);
	mark = model_mark_new(m);
	ck_assert_ptr_nonnull(mark);
	ck_assert_uint_eq(model_mark_ns(mark), after(1));
	ck_assert_ptr_null(model_freeze_since(m, mark));

	counters(m, 3, 1000 * NS_PER_MS, 500 * NS_PER_MS);
	wait_record(m, 5, 500 * NS_PER_MS);
	slice(m, 3);
	snap = model_freeze_since(m, mark);
	ck_assert_ptr_nonnull(snap);
	feed_check_snapshot(snap);
	ck_assert_uint_eq(snap->start_ns, after(1));
	ck_assert_uint_eq(snap->duration_ns, 2 * NS_PER_S);
	ck_assert_uint_eq(snap->threads[0].lifetime_ns, 2 * NS_PER_S);
	ck_assert_uint_eq(snap->threads[0].voluntary_switches, 20);
	ck_assert_uint_eq(snap->class_ns[CLASS_RUN], 700 * NS_PER_MS);
	ck_assert_uint_eq(snap->class_ns[CLASS_LOCK], 100 * NS_PER_MS);
	ck_assert_uint_eq(snap->class_ns[CLASS_SLEEP], 1200 * NS_PER_MS);
	ck_assert_uint_eq(snap->locks_len, 1);
	ck_assert_uint_eq(snap->locks[0].waits, 1);
	ck_assert_uint_eq(snap->locks[0].wait_ns, 100 * NS_PER_MS);
	/* The maximum has not grown: it was before; the bucket of this wait ends at 2^21 ns. */
	ck_assert_uint_eq(snap->locks[0].hist.max_ns, (1 << 21) - 1);
	ck_assert_uint_eq(snap->slices_len, 1);
	snapshot_free(snap);
	model_mark_free(mark);
	model_free(m);
}
END_TEST

/* It began 0.5 s before the mark and ended 0.3 s after it. */
START_TEST(a_wait_across_the_mark_counts_from_it)
{
	struct model *m = feed_begin();
	struct model_mark *mark;
	struct snapshot *snap;

	lock_record(m);
	counters(m, 1, 500 * NS_PER_MS, 500 * NS_PER_MS);
	FEED(m, RECORD_OPEN_WAIT,
	     .open_wait = {.lock = LOCK,
			   .tid = 1,
			   .op = FUTEX_OP_LOCK_PI,
			   .since_ns = after(0.5),
			   .blocked_ns = 500 * NS_PER_MS});
	slice(m, 1);
	mark = model_mark_new(m);
	ck_assert_ptr_nonnull(mark);
	counters(m, 2, 500 * NS_PER_MS, 800 * NS_PER_MS);
	wait_record(m, 1, 800 * NS_PER_MS);
	slice(m, 2);
	snap = model_freeze_since(m, mark);
	ck_assert_ptr_nonnull(snap);
	ck_assert_uint_eq(snap->locks[0].blocked_ns, 300 * NS_PER_MS);
	ck_assert_uint_eq(snap->class_ns[CLASS_LOCK], 300 * NS_PER_MS);
	snapshot_free(snap);

	/* One that goes on: 1 s of it is in the window. */
	model_mark_free(mark);
	FEED(m, RECORD_OPEN_WAIT,
	     .open_wait = {.lock = LOCK,
			   .tid = 1,
			   .op = FUTEX_OP_LOCK_PI,
			   .since_ns = after(2),
			   .blocked_ns = 1 * NS_PER_S});
	counters(m, 3, 500 * NS_PER_MS, 1800 * NS_PER_MS);
	slice(m, 3);
	mark = model_mark_new(m);
	ck_assert_ptr_nonnull(mark);
	FEED(m, RECORD_OPEN_WAIT,
	     .open_wait = {.lock = LOCK,
			   .tid = 1,
			   .op = FUTEX_OP_LOCK_PI,
			   .since_ns = after(2),
			   .blocked_ns = 2 * NS_PER_S});
	counters(m, 4, 500 * NS_PER_MS, 2800 * NS_PER_MS);
	slice(m, 4);
	snap = model_freeze_since(m, mark);
	ck_assert_ptr_nonnull(snap);
	ck_assert_uint_eq(snap->locks[0].blocked_ns, 1 * NS_PER_S);
	ck_assert_uint_eq(snap->locks[0].open_waits, 1);
	snapshot_free(snap);
	model_mark_free(mark);
	model_free(m);
}
END_TEST

START_TEST(what_ended_before_is_not_there)
{
	struct model *m = feed_begin();
	struct model_mark *mark;
	struct snapshot *snap;

	FEED(m, RECORD_COUNTERS,
	     .counters = {.pid = FEED_PID,
			  .tid = 2,
			  .name = "gone",
			  .start_ns = FEED_START,
			  .until_ns = after(0.5),
			  .ended = true,
			  .class_ns = {[CLASS_RUN] = 500 * NS_PER_MS}});
	counters(m, 1, 0, 0);
	slice(m, 1);
	mark = model_mark_new(m);
	ck_assert_ptr_nonnull(mark);
	counters(m, 2, 0, 0);
	slice(m, 2);
	snap = model_freeze_since(m, mark);
	ck_assert_ptr_nonnull(snap);
	ck_assert_uint_eq(snap->threads_len, 1);
	ck_assert_str_eq(snap->threads[0].name, "worker");
	snapshot_free(snap);
	model_mark_free(mark);
	model_free(m);
}
END_TEST

/* Each moment that the history gives has the time that the thread ran in its window. */
START_TEST(history_has_each_moment)
{
	struct model *m = feed_begin();
	struct history *h = history_new(HISTORY_BYTES_MAX);
	uint64_t at_ns, last_ns = after(SECONDS), run_ns = 0;
	unsigned fine = 0, coarse = 0;

	ck_assert_ptr_nonnull(h);
	lock_record(m);
	for (unsigned i = 1; i <= SECONDS; i++) {
		run_ns += ran_ms(i) * NS_PER_MS;
		/* What appears in mid-run must not be there before. */
		if (i >= 200)
			wait_record(m, i - 199, (i - 199) * NS_PER_MS);
		counters(m, i, run_ns, i >= 200 ? (i - 199) * NS_PER_MS : 0);
		slice(m, i);
		history_add(h, m);
	}
	while ((at_ns = history_before(h, last_ns)) != 0) {
		const unsigned at = (unsigned)((at_ns - FEED_START) / NS_PER_S);
		const unsigned gap = (unsigned)((last_ns - at_ns) / NS_PER_S);
		struct snapshot *snap = history_freeze(h, m, at_ns, gap * NS_PER_S);
		uint64_t expected = 0;
		unsigned from;

		ck_assert(gap == 1 || gap == HISTORY_STEP);
		ck_assert_uint_eq(history_after(h, at_ns), last_ns);
		fine += gap == 1;
		coarse += gap == HISTORY_STEP;
		last_ns = at_ns;
		/* The oldest moment has nothing before it. */
		if (!snap) {
			ck_assert_uint_eq(history_before(h, at_ns), 0);
			break;
		}
		from = at - (unsigned)(snap->duration_ns / NS_PER_S);
		for (unsigned i = from + 1; i <= at; i++)
			expected += ran_ms(i) * NS_PER_MS;
		ck_assert_uint_eq(snap->class_ns[CLASS_RUN], expected);
		ck_assert_uint_eq(snap->start_ns + snap->duration_ns, at_ns);
		ck_assert_uint_eq(snap->locks_len, at >= 200);
		snapshot_free(snap);
	}
	ck_assert_uint_ge(fine, HISTORY_FINE - 1);
	ck_assert_uint_ge(coarse, 20);
	history_free(h);
	model_free(m);
}
END_TEST

START_TEST(history_keeps_its_bound)
{
	struct model *m = feed_begin();
	struct history *h;
	uint64_t run_ns = 0;
	size_t whole;

	counters(m, 1, 0, 0);
	slice(m, 1);
	h = history_new(HISTORY_BYTES_MAX);
	ck_assert_ptr_nonnull(h);
	history_add(h, m);
	whole = history_bytes(h);
	history_free(h);
	h = history_new(whole + 4096);
	ck_assert_ptr_nonnull(h);
	for (unsigned i = 2; i <= 100; i++) {
		run_ns += ran_ms(i) * NS_PER_MS;
		counters(m, i, run_ns, 0);
		slice(m, i);
		history_add(h, m);
		ck_assert_uint_le(history_bytes(h), whole + 4096);
	}
	/* What is left are the latest. */
	ck_assert_uint_eq(history_before(h, after(100)), after(99));
	history_free(h);
	model_free(m);
}
END_TEST

Suite *model_since_suite(void)
{
	Suite *suite = suite_create("model_since");
	TCase *tc = tcase_create("since");

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, a_window_has_what_came_after_its_mark);
	tcase_add_test(tc, a_wait_across_the_mark_counts_from_it);
	tcase_add_test(tc, what_ended_before_is_not_there);
	tcase_add_test(tc, history_has_each_moment);
	tcase_add_test(tc, history_keeps_its_bound);
	suite_add_tcase(suite, tc);
	return suite;
}
