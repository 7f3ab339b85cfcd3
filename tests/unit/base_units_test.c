// SPDX-License-Identifier: GPL-2.0-only
#include "base/units.h"

#include "base/num.h"
#include "base/strbuf.h"
#include "tests/unit/suites.h"

#include <math.h>

struct int_case {
	uint64_t value;
	const char *text;
};

struct real_case {
	double value;
	const char *text;
};

static void check_int(void (*format)(struct strbuf *, uint64_t), const struct int_case *c)
{
	struct strbuf sb = {0};

	strbuf_puts(&sb, "=");
	format(&sb, c->value);
	ck_assert_str_eq(strbuf_str(&sb) + 1, c->text);
	strbuf_free(&sb);
}

static void check_real(void (*format)(struct strbuf *, double), const struct real_case *c)
{
	struct strbuf sb = {0};

	strbuf_puts(&sb, "=");
	format(&sb, c->value);
	ck_assert_str_eq(strbuf_str(&sb) + 1, c->text);
	strbuf_free(&sb);
}

static const struct int_case durations[] = {
	{0, "0"},
	{1, "1 ns"},
	{412, "412 ns"},
	{999, "999 ns"},
	{1000, "1.0 us"},
	{1049, "1.0 us"},
	{1050, "1.1 us"},
	{8300, "8.3 us"},
	{9949, "9.9 us"},
	{9950, "10 us"},
	{10499, "10 us"},
	{999499, "999 us"},
	{999500, "1.0 ms"},
	{9200000, "9.2 ms"},
	{41000000, "41 ms"},
	{41450000, "41 ms"}, /* not rounded twice, by way of 41.5 */
	{999499999, "999 ms"},
	{999500000, "1.0 s"},
	{10 * NS_PER_S, "10.0 s"},
	{12900000000, "12.9 s"},
	{99949999999, "99.9 s"},
	{99950000000, "100 s"},
	{999 * NS_PER_S, "999 s"},
	{1000 * NS_PER_S, "16.7 min"},
	{59999 * NS_PER_S, "16.7 h"},
	{36000 * NS_PER_S, "600 min"},
	{UINT64_MAX, "5,124,096 h"},
};

START_TEST(duration)
{
	check_int(units_duration, &durations[_i]);
}
END_TEST

static const struct int_case counts[] = {
	{0, "0"},
	{7, "7"},
	{999, "999"},
	{1000, "1,000"},
	{12402, "12,402"},
	{100005, "100,005"},
	{1000000, "1,000,000"},
	{UINT64_MAX, "18,446,744,073,709,551,615"},
};

START_TEST(count)
{
	check_int(units_count, &counts[_i]);
}
END_TEST

static const struct int_case sizes[] = {
	{0, "0 B"},
	{1, "1 B"},
	{1023, "1,023 B"},
	{1024, "1.0 KiB"},
	{1536, "1.5 KiB"},
	{10188, "9.9 KiB"},
	{10189, "10 KiB"},
	{1023 * 1024, "1,023 KiB"},
	{1024 * 1024 - 1, "1.0 MiB"},
	{5ULL << 30, "5.0 GiB"},
	{64ULL << 40, "64 TiB"},
	{1ULL << 60, "1.0 EiB"},
	{UINT64_MAX, "16 EiB"},
};

START_TEST(bytes)
{
	check_int(units_bytes, &sizes[_i]);
}
END_TEST

static const struct real_case percents[] = {
	{0, "0%"},	 {-0.0, "0%"},	   {0.0004, "<0.1%"}, {1e-300, "<0.1%"}, {0.001, "0.1%"},
	{0.006, "0.6%"}, {0.0094, "0.9%"}, {0.0096, "1%"},    {0.04, "4%"},	 {0.414, "41%"},
	{0.996, "100%"}, {1, "100%"},	   {2.5, "250%"},     {-1e-17, "0%"},	 {-0.3, "0%"},
	{NAN, "-"},	 {INFINITY, "-"},  {-INFINITY, "-"},  {1e300, "-"},
};

START_TEST(percent)
{
	check_real(units_percent, &percents[_i]);
}
END_TEST

static const struct real_case factors[] = {
	{0, "0.0x"},   {1, "1.0x"},	 {1.62, "1.6x"}, {9.94, "9.9x"}, {9.96, "10x"},
	{12.4, "12x"}, {1234, "1,234x"}, {-0.1, "-"},	 {NAN, "-"},	 {INFINITY, "-"},
};

START_TEST(factor)
{
	check_real(units_factor, &factors[_i]);
}
END_TEST

static const struct {
	double ratio;
	unsigned columns;
	int ascii;
	const char *text;
} bars[] = {
	{0, 10, 0, ""},		{-1, 10, 0, ""},       {NAN, 10, 0, ""},
	{0.5, 0, 0, ""},	{1, 3, 0, "███"},      {7, 3, 0, "███"},
	{INFINITY, 2, 0, "██"}, {0.5, 3, 0, "█▌"},     {0.125, 1, 0, "▏"},
	{0.25, 1, 0, "▎"},	{0.375, 1, 0, "▍"},    {0.5, 1, 0, "▌"},
	{0.625, 1, 0, "▋"},	{0.75, 1, 0, "▊"},     {0.875, 1, 0, "▉"},
	{0.05, 1, 0, ""},	{0.07, 1, 0, "▏"},     {0.18, 26, 0, "████▋"},
	{0, 10, 1, ""},		{0.44, 10, 1, "####"}, {0.46, 10, 1, "#####"},
	{2, 3, 1, "###"},
};

START_TEST(bar)
{
	struct strbuf sb = {0};

	units_bar(&sb, bars[_i].ratio, bars[_i].columns, bars[_i].ascii);
	ck_assert_str_eq(strbuf_str(&sb), bars[_i].text);
	strbuf_free(&sb);
}
END_TEST

Suite *base_units_suite(void)
{
	Suite *suite = suite_create("base_units");
	TCase *tc = tcase_create("units");

	tcase_add_loop_test(tc, duration, 0, ARRAY_LEN(durations));
	tcase_add_loop_test(tc, count, 0, ARRAY_LEN(counts));
	tcase_add_loop_test(tc, bytes, 0, ARRAY_LEN(sizes));
	tcase_add_loop_test(tc, percent, 0, ARRAY_LEN(percents));
	tcase_add_loop_test(tc, factor, 0, ARRAY_LEN(factors));
	tcase_add_loop_test(tc, bar, 0, ARRAY_LEN(bars));
	suite_add_tcase(suite, tc);
	return suite;
}
