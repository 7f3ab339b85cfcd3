// SPDX-License-Identifier: GPL-2.0-only
#include "model/divide.h"

#include "tests/unit/record_feed.h"
#include "tests/unit/suites.h"

static uint64_t sum(const uint64_t *part, size_t len)
{
	uint64_t total = 0;

	for (size_t i = 0; i < len; i++)
		total += part[i];
	return total;
}

START_TEST(scaling_keeps_shares)
{
	uint64_t part[] = {100, 0, 300, 600};

	divide_scale(part, 4, 10);
	ck_assert_uint_eq(part[0], 1);
	ck_assert_uint_eq(part[1], 0);
	ck_assert_uint_eq(part[2], 3);
	ck_assert_uint_eq(part[3], 6);
	divide_scale(part, 4, 0);
	ck_assert_uint_eq(sum(part, 4), 0);
	divide_scale(part, 4, 5);
	ck_assert_uint_eq(sum(part, 4), 0); /* nothing has no shares */
}
END_TEST

START_TEST(scaling_is_exact_for_any_numbers)
{
	uint64_t state = 3;

	for (int i = 0; i < 20000; i++) {
		uint64_t part[9];
		uint64_t before[9];
		uint64_t total = feed_random(&state) >> (feed_random(&state) % 64);
		bool any = false;

		for (int k = 0; k < 9; k++) {
			part[k] = feed_random(&state) >> (feed_random(&state) % 64);
			if (feed_random(&state) % 3 == 0)
				part[k] = 0;
			before[k] = part[k];
			any |= part[k] > 0;
		}
		divide_scale(part, 9, total);
		ck_assert_uint_eq(sum(part, 9), any ? total : 0);
		for (int k = 0; k < 9; k++)
			ck_assert(before[k] || !part[k]);
	}
}
END_TEST

START_TEST(what_is_missing_is_other)
{
	const uint64_t class_ns[CLASS_COUNT] = {[CLASS_RUN] = 40, [CLASS_DISK] = 10};
	const uint64_t futex_ns[CLASS_COUNT] = {[CLASS_LOCK] = 20, [CLASS_PEER] = 5};
	uint64_t got[CLASS_COUNT];

	/* 50 + 30 of futex time, of which 25 are divided; observed for 100 */
	divide_lifetime(class_ns, 30, futex_ns, 100, got);
	ck_assert_uint_eq(got[CLASS_RUN], 40);
	ck_assert_uint_eq(got[CLASS_DISK], 10);
	ck_assert_uint_eq(got[CLASS_LOCK], 20);
	ck_assert_uint_eq(got[CLASS_PEER], 5);
	ck_assert_uint_eq(got[CLASS_OTHER], 5 + 20);
}
END_TEST

START_TEST(waits_beyond_the_futex_time_are_scaled)
{
	const uint64_t class_ns[CLASS_COUNT] = {[CLASS_RUN] = 40};
	const uint64_t futex_ns[CLASS_COUNT] = {[CLASS_LOCK] = 90, [CLASS_POOL_IDLE] = 30};
	uint64_t got[CLASS_COUNT];

	divide_lifetime(class_ns, 60, futex_ns, 100, got);
	ck_assert_uint_eq(got[CLASS_RUN], 40);
	ck_assert_uint_eq(got[CLASS_LOCK], 45);
	ck_assert_uint_eq(got[CLASS_POOL_IDLE], 15);
	ck_assert_uint_eq(got[CLASS_OTHER], 0);
}
END_TEST

START_TEST(counters_beyond_the_lifetime_are_scaled)
{
	const uint64_t class_ns[CLASS_COUNT] = {[CLASS_RUN] = 300, [CLASS_SLEEP] = 100};
	const uint64_t futex_ns[CLASS_COUNT] = {0};
	uint64_t got[CLASS_COUNT];

	divide_lifetime(class_ns, 0, futex_ns, 100, got);
	ck_assert_uint_eq(got[CLASS_RUN], 75);
	ck_assert_uint_eq(got[CLASS_SLEEP], 25);
	ck_assert_uint_eq(sum(got, CLASS_COUNT), 100);
}
END_TEST

Suite *model_divide_suite(void)
{
	Suite *s = suite_create("model_divide");
	TCase *tc = tcase_create("divide");

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, scaling_keeps_shares);
	tcase_add_test(tc, scaling_is_exact_for_any_numbers);
	tcase_add_test(tc, what_is_missing_is_other);
	tcase_add_test(tc, waits_beyond_the_futex_time_are_scaled);
	tcase_add_test(tc, counters_beyond_the_lifetime_are_scaled);
	suite_add_tcase(s, tc);
	return s;
}
