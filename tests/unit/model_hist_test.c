// SPDX-License-Identifier: GPL-2.0-only
#include "model/hist.h"

#include "tests/unit/suites.h"

#include <math.h>

START_TEST(empty_is_zero)
{
	const struct snap_hist hist = {0};

	ck_assert_uint_eq(snap_hist_quantile(&hist, 0.5), 0);
	ck_assert_uint_eq(snap_hist_quantile(&hist, 1), 0);
}
END_TEST

START_TEST(value_is_interpolated_inside_its_bucket)
{
	/* 100 values in [1024, 2048), 100 in [4096, 8192), the largest 8000. */
	struct snap_hist hist = {.count = 200, .max_ns = 8000};

	hist.bucket[10] = 100;
	hist.bucket[12] = 100;
	/* rank 50 = half way through the first: 1024 + 1024 * 50 / 100 */
	ck_assert_uint_eq(snap_hist_quantile(&hist, 0.25), 1536);
	/* rank 100 = its end */
	ck_assert_uint_eq(snap_hist_quantile(&hist, 0.5), 2048);
	/* rank 150 = half way through the second, which ends at the largest: 4096 + 3904 / 2 */
	ck_assert_uint_eq(snap_hist_quantile(&hist, 0.75), 6048);
	ck_assert_uint_eq(snap_hist_quantile(&hist, 1), 8000);
	ck_assert_uint_eq(snap_hist_quantile(&hist, 0), 1024);
}
END_TEST

START_TEST(never_above_the_largest)
{
	struct snap_hist hist = {.count = 1, .max_ns = 1100};

	hist.bucket[10] = 1;
	for (double q = 0; q <= 1; q += 0.01)
		ck_assert_uint_le(snap_hist_quantile(&hist, q), 1100);
	/* A histogram that contradicts its maximum. */
	hist.max_ns = 3;
	ck_assert_uint_eq(snap_hist_quantile(&hist, 0.5), 3);
}
END_TEST

START_TEST(last_bucket_reaches_to_the_largest)
{
	struct snap_hist hist = {.count = 1, .max_ns = 1ULL << 41};

	hist.bucket[HIST_BUCKETS - 1] = 1;
	ck_assert_uint_eq(snap_hist_quantile(&hist, 1), 1ULL << 41);
	hist.max_ns = UINT64_MAX;
	ck_assert_uint_gt(snap_hist_quantile(&hist, 0.5), 1ULL << 39);
}
END_TEST

START_TEST(odd_arguments_are_clamped)
{
	struct snap_hist hist = {.count = 2, .max_ns = 3};

	hist.bucket[0] = 1;
	hist.bucket[1] = 1;
	ck_assert_uint_eq(snap_hist_quantile(&hist, -1), 0);
	ck_assert_uint_eq(snap_hist_quantile(&hist, NAN), 0);
	ck_assert_uint_eq(snap_hist_quantile(&hist, 7), 3);
}
END_TEST

START_TEST(merge_adds_and_saturates)
{
	struct snap_hist hist = {.count = 1, .max_ns = 9};
	uint64_t bucket[HIST_BUCKETS] = {[3] = 5};

	hist.bucket[3] = 1;
	hist_merge(&hist, 5, 8, bucket);
	ck_assert_uint_eq(hist.count, 6);
	ck_assert_uint_eq(hist.max_ns, 9);
	ck_assert_uint_eq(hist.bucket[3], 6);
	hist_merge(&hist, UINT64_MAX, 10, bucket);
	ck_assert_uint_eq(hist.count, UINT64_MAX);
	ck_assert_uint_eq(hist.max_ns, 10);
}
END_TEST

Suite *model_hist_suite(void)
{
	Suite *s = suite_create("model_hist");
	TCase *tc = tcase_create("hist");

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, empty_is_zero);
	tcase_add_test(tc, value_is_interpolated_inside_its_bucket);
	tcase_add_test(tc, never_above_the_largest);
	tcase_add_test(tc, last_bucket_reaches_to_the_largest);
	tcase_add_test(tc, odd_arguments_are_clamped);
	tcase_add_test(tc, merge_adds_and_saturates);
	suite_add_tcase(s, tc);
	return s;
}
