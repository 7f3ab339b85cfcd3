// SPDX-License-Identifier: GPL-2.0-only
#include "symbol/kallsyms.h"

#include "tests/unit/suites.h"

#include <stdbool.h>
#include <string.h>

/* Not in the order of addresses: modules follow the kernel, whatever lies where. */
static const char text[] = "ffffffff81000000 T first\n"
			   "ffffffff81000000 T alias_of_first\n"
			   "ffffffff81000100 D data_here\n"
			   "ffffffff81000200 t second\n"
			   "ffffffff81ff0000 W last\n"
			   "garbage\n"
			   "\n"
			   "0000000000000000 T hidden\n"
			   "ffffffff80f00000 t in_module\t[nf_tables]\n"
			   "ffffffff81000300 T no_newline_at_the_end";

static void resolve(const char *from, struct kallsyms_query *queries, size_t len)
{
	FILE *file = fmemopen((void *)from, strlen(from), "r");

	ck_assert_ptr_nonnull(file);
	kallsyms_resolve(file, queries, len);
	fclose(file);
}

static const struct {
	uint64_t addr;
	const char *name; /* NULL: none */
	uint64_t start;
	const char *module;
} cases[] = {
	{0xffffffff81000000, "first", 0xffffffff81000000, ""},
	{0xffffffff81000001, "first", 0xffffffff81000000, ""},
	{0xffffffff81000150, "first", 0xffffffff81000000, ""},
	{0xffffffff810001ff, "first", 0xffffffff81000000, ""},
	{0xffffffff81000200, "second", 0xffffffff81000200, ""},
	{0xffffffff810002ff, "second", 0xffffffff81000200, ""},
	{0xffffffff81000300, "no_newline_at_the_end", 0xffffffff81000300, ""},
	{0xffffffff80f00010, "in_module", 0xffffffff80f00000, "nf_tables"},
	{0xffffffff80efffff, NULL, 0, ""},
	{0xffffffff81ff0000 + KALLSYMS_REACH_BYTES - 1, "last", 0xffffffff81ff0000, ""},
	{0xffffffff81ff0000 + KALLSYMS_REACH_BYTES, NULL, 0, ""},
	{0x400000, NULL, 0, ""},
};
#define CASES (sizeof(cases) / sizeof(cases[0]))

static void check(const struct kallsyms_query *q)
{
	bool found = false;

	for (size_t i = 0; i < CASES; i++) {
		if (cases[i].addr != q->addr)
			continue;
		found = true;
		if (!cases[i].name) {
			ck_assert_msg(q->start == 0, "%#lx: %s", q->addr, q->name);
			continue;
		}
		ck_assert_str_eq(q->name, cases[i].name);
		ck_assert_str_eq(q->module, cases[i].module);
		ck_assert_uint_eq(q->start, cases[i].start);
	}
	ck_assert(found);
}

START_TEST(each_alone)
{
	struct kallsyms_query q = {.addr = cases[_i].addr};

	resolve(text, &q, 1);
	check(&q);
}
END_TEST

/* All in one pass, twice each, backwards. */
START_TEST(all_together)
{
	struct kallsyms_query queries[2 * CASES] = {0};

	for (size_t i = 0; i < 2 * CASES; i++)
		queries[i].addr = cases[CASES - 1 - i / 2].addr;
	resolve(text, queries, 2 * CASES);
	for (size_t i = 0; i < 2 * CASES; i++) {
		check(&queries[i]);
		ck_assert(i == 0 || queries[i - 1].addr <= queries[i].addr);
	}
}
END_TEST

START_TEST(long_names_are_cut)
{
	struct kallsyms_query q = {.addr = 0xffffffff81000010};
	char line[3000];
	int at = sprintf(line, "ffffffff81000000 T ");

	memset(line + at, 'x', 2000);
	/* what follows the limit of a line must not be taken for a line */
	snprintf(line + at + 2000, sizeof(line) - 2000 - (size_t)at, "ffffffff81000008 T fake\n");
	resolve(line, &q, 1);
	ck_assert_uint_eq(q.start, 0xffffffff81000000);
	ck_assert_uint_eq(strlen(q.name), KALLSYMS_NAME_MAX - 1);
}
END_TEST

START_TEST(nothing_asked)
{
	resolve(text, NULL, 0);
}
END_TEST

Suite *symbol_kallsyms_suite(void)
{
	Suite *suite = suite_create("symbol_kallsyms");
	TCase *tc = tcase_create("kallsyms");

	tcase_add_loop_test(tc, each_alone, 0, (int)CASES);
	tcase_add_test(tc, all_together);
	tcase_add_test(tc, long_names_are_cut);
	tcase_add_test(tc, nothing_asked);
	suite_add_tcase(suite, tc);
	return suite;
}
