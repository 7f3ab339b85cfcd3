// SPDX-License-Identifier: GPL-2.0-only
/* How sure a verdict is: on a lock that is certain, and what makes it less so. */
#include "tests/unit/analysis_fixture.h"
#include "tests/unit/suites.h"

static struct snap_builder *certain_lock(void)
{
	static const struct build_each each = {4, 3, 0, 7, 0};
	struct snap_builder *b = build_workers(&each);

	build_lock_for_all(b, "cache.lock", 10);
	return b;
}

static void expect_confidence(struct snap_builder *b, enum confidence confidence, const char *why)
{
	struct verdict v = judge_built(b);

	ck_assert_str_eq(v.main.bottleneck, "threads.lock");
	ck_assert_str_eq(strbuf_str(&v.confidence_why), why);
	ck_assert_int_eq(v.confidence, confidence);
	verdict_free(&v);
	build_free(b);
}

START_TEST(certain)
{
	struct snap_builder *b = certain_lock();

	/* what is merely incomplete does not weaken it */
	b->snap.loss[LOSS_STACK_TRUNCATED] = 1000;
	expect_confidence(b, CONFIDENCE_HIGH, "");
}
END_TEST

START_TEST(weaker_by_one)
{
	struct snap_builder *b = certain_lock();

	b->snap.loss[LOSS_WAITS_FULL] = 1200;
	b->snap.loss[LOSS_RING_FULL] = 34;
	expect_confidence(b, CONFIDENCE_MEDIUM, "1,234 events were lost (mostly waits_full)");

	b = certain_lock();
	build_time(b, build_thread(b, "odd"), CLASS_OTHER, 4);
	expect_confidence(b, CONFIDENCE_MEDIUM, "9% of thread time is of an unknown kind");

	b = certain_lock();
	b->locks[0].waits = 199;
	expect_confidence(b, CONFIDENCE_MEDIUM,
			  "it rests on 199 events only (200 make it certain)");

	b = certain_lock();
	b->locks[0].known_blame_ns = b->locks[0].blame_ns / 100 * 79;
	expect_confidence(b, CONFIDENCE_MEDIUM, "the holder is known for only 79% of the waiting");

	b = certain_lock();
	b->slices_quiet = 3;
	expect_confidence(b, CONFIDENCE_MEDIUM, "it holds in only 7 of 10 parts of the window");

	b = certain_lock();
	b->slices_quiet = 2;
	expect_confidence(b, CONFIDENCE_HIGH, "");

	b = certain_lock();
	b->slices_planned = 0;
	expect_confidence(b, CONFIDENCE_MEDIUM, "the window was not divided into slices");
}
END_TEST

START_TEST(weaker_by_two_and_three)
{
	struct snap_builder *b = certain_lock();

	b->snap.loss[LOSS_RING_FULL] = 1;
	b->slices_quiet = 5;
	expect_confidence(b, CONFIDENCE_MEDIUM,
			  "1 event was lost (ring_full); it holds in only 5 of 10 parts of the "
			  "window");

	b = certain_lock();
	b->snap.loss[LOSS_RING_FULL] = 1;
	b->slices_quiet = 5;
	b->locks[0].known_blame_ns = 0;
	expect_confidence(b, CONFIDENCE_LOW,
			  "1 event was lost (ring_full); the holder is known for only 0% of the "
			  "waiting; it holds in only 5 of 10 parts of the window");
}
END_TEST

/* A second in a live view is a slice: 60 of them still make ten sub-windows. */
START_TEST(many_slices_make_ten_sub_windows)
{
	struct snap_builder *b = certain_lock();
	struct verdict v;

	b->slices_planned = 60;
	b->slices_quiet = 12;
	v = judge_built(b);
	ck_assert_uint_eq(v.slices_len, 60);
	ck_assert_str_eq(v.slice_bottleneck[11], "idle");
	ck_assert_str_eq(v.slice_bottleneck[12], "threads.lock");
	ck_assert_uint_eq(v.main.slices_judged, 10);
	ck_assert_uint_eq(v.main.slices_agreeing, 8);
	verdict_free(&v);
	build_free(b);
}
END_TEST

Suite *analysis_confidence_suite(void)
{
	Suite *suite = suite_create("analysis_confidence");
	TCase *tc = tcase_create("confidence");

	tcase_add_test(tc, certain);
	tcase_add_test(tc, weaker_by_one);
	tcase_add_test(tc, weaker_by_two_and_three);
	tcase_add_test(tc, many_slices_make_ten_sub_windows);
	suite_add_tcase(suite, tc);
	return suite;
}
