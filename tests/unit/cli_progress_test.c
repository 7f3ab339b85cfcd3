// SPDX-License-Identifier: GPL-2.0-only
#include "cli/progress.h"

#include "base/num.h"
#include "tests/unit/suites.h"

static const struct {
	uint64_t done_s, all_s;
	unsigned columns;
	const char *line;
} lines[] = {
	{3, 10, 200, "concprof: profiling, 3 s of 10 s (Ctrl-C ends it early and reports)"},
	{3, 10, 67, "concprof: profiling, 3 s of 10 s (Ctrl-C ends it early and reports)"},
	{3, 10, 66, "concprof: profiling, 3 s of 10 s"},
	{3, 10, 32, "concprof: profiling, 3 s of 10 s"},
	{3, 10, 31, "concprof: profiling, 3 s of 10 "},
	{3, 10, 8, "concprof"},
	{3, 10, 0, ""},
	{77, 0, 59, "concprof: profiling, 77 s"},
	{77, 0, 60, "concprof: profiling, 77 s (Ctrl-C ends it early and reports)"},
};

START_TEST(line)
{
	struct strbuf sb = {0};

	progress_line(&sb, lines[_i].done_s * NS_PER_S, lines[_i].all_s * NS_PER_S,
		      lines[_i].columns);
	ck_assert_str_eq(strbuf_str(&sb), lines[_i].line);
	strbuf_free(&sb);
}
END_TEST

Suite *cli_progress_suite(void)
{
	Suite *suite = suite_create("cli_progress");
	TCase *tc = tcase_create("progress");

	tcase_add_loop_test(tc, line, 0, ARRAY_LEN(lines));
	suite_add_tcase(suite, tc);
	return suite;
}
