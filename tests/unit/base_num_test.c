// SPDX-License-Identifier: GPL-2.0-only
#include "base/num.h"

#include "tests/unit/suites.h"

#include <errno.h>
#include <math.h>

START_TEST(arithmetic_saturates)
{
	ck_assert_uint_eq(num_sat_add(2, 3), 5);
	ck_assert_uint_eq(num_sat_add(UINT64_MAX, 0), UINT64_MAX);
	ck_assert_uint_eq(num_sat_add(UINT64_MAX - 1, 2), UINT64_MAX);
	ck_assert_uint_eq(num_sat_sub(5, 3), 2);
	ck_assert_uint_eq(num_sat_sub(3, 5), 0);
	ck_assert_uint_eq(num_sat_mul(6, 7), 42);
	ck_assert_uint_eq(num_sat_mul(1ULL << 32, 1ULL << 32), UINT64_MAX);
	ck_assert_uint_eq(num_sat_mul(UINT64_MAX, 0), 0);
	ck_assert_uint_eq(num_min_u64(1, UINT64_MAX), 1);
	ck_assert_uint_eq(num_max_u64(1, UINT64_MAX), UINT64_MAX);
}
END_TEST

START_TEST(ratio_of_nothing_is_zero)
{
	ck_assert_double_eq(num_ratio(1, 4), 0.25);
	ck_assert_double_eq(num_ratio(3, 0), 0);
	ck_assert_double_eq(num_ratio(0, 0), 0);
}
END_TEST

START_TEST(whole_part_of_any_double)
{
	ck_assert_uint_eq(num_to_u64(0), 0);
	ck_assert_uint_eq(num_to_u64(2.9), 2);
	ck_assert_uint_eq(num_to_u64(-1), 0);
	ck_assert_uint_eq(num_to_u64(-INFINITY), 0);
	ck_assert_uint_eq(num_to_u64(NAN), 0);
	ck_assert_uint_eq(num_to_u64(0x1.fffffffffffffp63), 0xfffffffffffff800);
	ck_assert_uint_eq(num_to_u64((double)UINT64_MAX), UINT64_MAX);
	ck_assert_uint_eq(num_to_u64(INFINITY), UINT64_MAX);
}
END_TEST

static const struct {
	const char *text;
	uint64_t min, max;
	int rc;
	uint64_t value;
} u64_cases[] = {
	{"0", 0, 10, 0, 0},
	{"10", 0, 10, 0, 10},
	{"007", 0, 10, 0, 7},
	{"18446744073709551615", 0, UINT64_MAX, 0, UINT64_MAX},
	{"11", 0, 10, -ERANGE, 0},
	{"1", 2, 10, -ERANGE, 0},
	{"18446744073709551616", 0, UINT64_MAX, -ERANGE, 0},
	{"100000000000000000000", 0, UINT64_MAX, -ERANGE, 0}, /* the multiplication alone wraps */
	{NULL, 0, 10, -EINVAL, 0},
	{"", 0, 10, -EINVAL, 0},
	{" 1", 0, 10, -EINVAL, 0},
	{"1 ", 0, 10, -EINVAL, 0},
	{"1\n", 0, 10, -EINVAL, 0},
	{"+1", 0, 10, -EINVAL, 0},
	{"-1", 0, UINT64_MAX, -EINVAL, 0},
	{"0x1", 0, 10, -EINVAL, 0},
	{"1.0", 0, 10, -EINVAL, 0},
	{"1e1", 0, 10, -EINVAL, 0},
	{"99999999999999999999x", 0, 10, -EINVAL, 0},
};

START_TEST(parse_u64)
{
	uint64_t value = 4711;
	int rc = num_parse_u64(u64_cases[_i].text, u64_cases[_i].min, u64_cases[_i].max, &value);

	ck_assert_int_eq(rc, u64_cases[_i].rc);
	ck_assert_uint_eq(value, rc ? 4711 : u64_cases[_i].value);
}
END_TEST

static const struct {
	const char *text;
	double min, max;
	int rc;
	double value;
} double_cases[] = {
	{"0", 0, 1, 0, 0},
	{"2", 0, 10, 0, 2},
	{"0.5", 0, 1, 0, 0.5},
	{"0.1", 0, 1, 0, 0.1},
	{"00.30", 0, 1, 0, 0.3},
	{"123456.789", 0, 1e9, 0, 123456.789},
	{"0.000000000000001", 0, 1, 0, 1e-15},
	{"1.000", 0, 1, 0, 1},
	{"1.001", 0, 1, -ERANGE, 0},
	{"0.09", 0.1, 1, -ERANGE, 0},
	{"1", NAN, NAN, -ERANGE, 0},
	{NULL, 0, 1, -EINVAL, 0},
	{"", 0, 1, -EINVAL, 0},
	{".", 0, 1, -EINVAL, 0},
	{".5", 0, 1, -EINVAL, 0},
	{"1.", 0, 1, -EINVAL, 0},
	{"0,5", 0, 1, -EINVAL, 0},
	{"0.5.5", 0, 1, -EINVAL, 0},
	{"0.5x", 0, 1, -EINVAL, 0},
	{" 0.5", 0, 1, -EINVAL, 0},
	{"0.5 ", 0, 1, -EINVAL, 0},
	{"+0.5", 0, 1, -EINVAL, 0},
	{"-0.5", -1, 1, -EINVAL, 0},
	{"1e0", 0, 1, -EINVAL, 0},
	{"0x1p0", 0, 1, -EINVAL, 0},
	{"inf", 0, INFINITY, -EINVAL, 0},
	{"nan", 0, 1, -EINVAL, 0},
};

START_TEST(parse_double)
{
	double value = 4711;
	int rc = num_parse_double(double_cases[_i].text, double_cases[_i].min, double_cases[_i].max,
				  &value);

	ck_assert_int_eq(rc, double_cases[_i].rc);
	ck_assert_double_eq(value, rc ? 4711 : double_cases[_i].value);
}
END_TEST

START_TEST(parse_double_survives_many_digits)
{
	char text[512];
	double value = 4711;

	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = '3';
	text[sizeof(text) - 1] = '\0';
	ck_assert_int_eq(num_parse_double(text, 0, INFINITY, &value), -ERANGE);
	ck_assert_double_eq(value, 4711);
	text[1] = '.';
	ck_assert_int_eq(num_parse_double(text, 0, 10, &value), 0);
	ck_assert_double_eq_tol(value, 10.0 / 3.0, 1e-14);
}
END_TEST

Suite *base_num_suite(void)
{
	Suite *suite = suite_create("base_num");
	TCase *tc = tcase_create("num");

	tcase_add_test(tc, arithmetic_saturates);
	tcase_add_test(tc, ratio_of_nothing_is_zero);
	tcase_add_test(tc, whole_part_of_any_double);
	tcase_add_loop_test(tc, parse_u64, 0, ARRAY_LEN(u64_cases));
	tcase_add_loop_test(tc, parse_double, 0, ARRAY_LEN(double_cases));
	tcase_add_test(tc, parse_double_survives_many_digits);
	suite_add_tcase(suite, tc);
	return suite;
}
