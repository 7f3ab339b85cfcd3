// SPDX-License-Identifier: GPL-2.0-only
#include "cli/options.h"

#include "base/err.h"
#include "base/num.h"
#include "base/strbuf.h"
#include "render/render.h"

#include "tests/unit/suites.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define ARGS_MAX 12
#define ARGV(...) ((char *const[ARGS_MAX]){"concprof", __VA_ARGS__})

static int parse(char *const *argv, struct options *ret, struct err *err)
{
	int argc = 0;

	while (argc < ARGS_MAX && argv[argc])
		argc++;
	return options_parse(argc, argv, ret, err);
}

/* Wrong use, and what its sentence must say. */
static const struct {
	char *const argv[ARGS_MAX];
	const char *says;
} wrong[] = {
	{{"concprof"}, "no target"},
	{{"concprof", "-d", "1"}, "no target"},
	{{"concprof", "1234"}, "concprof -p 1234"},
	{{"concprof", "mysqld"}, "not expected"},
	{{"concprof", "-p"}, "needs an argument"},
	{{"concprof", "-p", "abc"}, "no process ID"},
	{{"concprof", "-p", "0"}, "no process ID"},
	{{"concprof", "-p", "-1"}, "no process ID"},
	{{"concprof", "-p", ""}, "no process ID"},
	{{"concprof", "-p", "1,"}, "no process ID"},
	{{"concprof", "-p", ",1"}, "no process ID"},
	{{"concprof", "-p", "1,,2"}, "no process ID"},
	{{"concprof", "-p", "1 2"}, "no process ID"},
	{{"concprof", "-p", "0x10"}, "no process ID"},
	{{"concprof", "-p", "2147483648"}, "no process ID"},
	{{"concprof", "-p", "99999999999999999999999"}, "no process ID"},
	{{"concprof", "-p", "1", "-d"}, "needs an argument"},
	{{"concprof", "-p", "1", "-d", "0"}, "out of range"},
	{{"concprof", "-p", "1", "-d", "0.0000"}, "out of range"},
	{{"concprof", "-p", "1", "-d", "-1"}, "not a number"},
	{{"concprof", "-p", "1", "-d", "abc"}, "not a number"},
	{{"concprof", "-p", "1", "-d", "5s"}, "not a number"},
	{{"concprof", "-p", "1", "-d", "nan"}, "not a number"},
	{{"concprof", "-p", "1", "-d", "1e3"}, "not a number"},
	{{"concprof", "-p", "1", "-d", ""}, "not a number"},
	{{"concprof", "-p", "1", "-d", "604801"}, "out of range"},
	{{"concprof", "-p", "1", "--freq", "10001"}, "out of range"},
	{{"concprof", "-p", "1", "--freq=-1"}, "not a number"},
	{{"concprof", "-p", "1", "--stall", "0"}, "out of range"},
	{{"concprof", "-p", "1", "--work", "0"}, "out of range"},
	{{"concprof", "-p", "1", "--nonsense"}, "unknown option"},
	{{"concprof", "-p", "1", "--fre", "9"}, "unknown option"},
	{{"concprof", "-p", "1", "-x"}, "unknown option"},
	{{"concprof", "-p", "1", "--ascii=yes"}, "no argument"},
	{{"concprof", "-p", "1", "-f", "yaml"}, "unknown format (one of text"},
	{{"concprof", "-p", "1", "-f", "cprof"}, "unknown format"},
	{{"concprof", "-p", "1", "-o", "report"}, "ending"},
	{{"concprof", "-p", "1", "-o", "report.docx"}, "ending"},
	{{"concprof", "-p", "1", "-o", ""}, "ending"},
	{{"concprof", "-p", "1", "--comm", "x"}, "more than one target"},
	{{"concprof", "--comm", "x", "--", "ls"}, "more than one target"},
	{{"concprof", "--comm", ""}, "empty"},
	{{"concprof", "--cgroup", ""}, "empty"},
	{{"concprof", "--"}, "no command"},
	{{"concprof", "--", ""}, "no command"},
	{{"concprof", "--tui", "--", "ls"}, "needs the terminal itself"},
	{{"concprof", "diff", "a"}, "takes two captures"},
	{{"concprof", "diff", "a", "b", "c"}, "not expected"},
	{{"concprof", "diff", "a", "b", "-f", "csv"}, "no such format"},
	{{"concprof", "diff", "a", "b", "--fail-if", "lock.cost > 1"}, "no such figure"},
	{{"concprof", "report", "a", "--fail-if", "verdict != none"}, "no meaning"},
	{{"concprof", "report"}, "no capture"},
	{{"concprof", "report", "a.cprof", "b.cprof"}, "not expected"},
	{{"concprof", "report", "a.cprof", "-p", "1"}, "no meaning for concprof report"},
	{{"concprof", "report", "a.cprof", "-d", "1"}, "no meaning for concprof report"},
	{{"concprof", "doctor", "--freq", "9"}, "no meaning for concprof doctor"},
	{{"concprof", "doctor", "me"}, "not expected"},
};

START_TEST(wrong_use_is_told)
{
	struct options opt = {.input = "untouched", .pids_len = 17};
	struct err err = {0};

	ck_assert_int_eq(parse(wrong[_i].argv, &opt, &err), -EINVAL);
	ck_assert_msg(strstr(err.msg, wrong[_i].says), "'%s' in '%s'", wrong[_i].says, err.msg);
	ck_assert_ptr_null(strchr(err.msg, '\n'));
	ck_assert_str_eq(opt.input, "untouched");
	ck_assert_uint_eq(opt.pids_len, 17);
}
END_TEST

START_TEST(defaults)
{
	struct options opt;

	ck_assert_int_eq(parse(ARGV("-p", "17"), &opt, NULL), 0);
	ck_assert_int_eq(opt.command, COMMAND_RUN);
	ck_assert_uint_eq(opt.pids_len, 1);
	ck_assert_int_eq(opt.pids[0], 17);
	ck_assert_uint_eq(opt.duration_ns, 10 * NS_PER_S);
	ck_assert_uint_eq(opt.sample_hz, 99);
	ck_assert_uint_eq(opt.stall_ns, 50 * NS_PER_MS);
	ck_assert_uint_eq(opt.work_count, 0);
	ck_assert_uint_eq(opt.outputs_len, 0);
	ck_assert_ptr_null(opt.format);
	ck_assert(!opt.futex_calls && !opt.no_children && !opt.ascii && !opt.no_color);
	ck_assert(!opt.verbose && !opt.help && !opt.version);
	options_free(&opt);
}
END_TEST

START_TEST(every_option)
{
	struct options opt;

	ck_assert_int_eq(parse(ARGV("-p1,2", "--pid=3", "-d", "0.25", "--freq", "0", "--stall=7",
				    "--work", "1000", "-ffoo"),
			       &opt, NULL),
			 -EINVAL);
	ck_assert_int_eq(parse(ARGV("-p1,2", "--pid=3", "-d", "0.25", "--freq", "0", "--stall=7",
				    "--work", "1000", "-fjson"),
			       &opt, NULL),
			 0);
	ck_assert_uint_eq(opt.pids_len, 3);
	ck_assert_int_eq(opt.pids[0], 1);
	ck_assert_int_eq(opt.pids[1], 2);
	ck_assert_int_eq(opt.pids[2], 3);
	ck_assert_uint_eq(opt.duration_ns, 250 * NS_PER_MS);
	ck_assert_uint_eq(opt.sample_hz, 0);
	ck_assert_uint_eq(opt.stall_ns, 7 * NS_PER_MS);
	ck_assert_uint_eq(opt.work_count, 1000);
	ck_assert_str_eq(opt.format->name, "json");
	options_free(&opt);
}
END_TEST

START_TEST(flags)
{
	struct options opt;

	ck_assert_int_eq(parse(ARGV("--comm", "-odd-", "--futex-calls", "--no-children", "--ascii",
				    "--no-color", "-v"),
			       &opt, NULL),
			 0);
	ck_assert_str_eq(opt.comm, "-odd-");
	ck_assert(opt.futex_calls && opt.no_children && opt.ascii && opt.no_color && opt.verbose);
	options_free(&opt);
}
END_TEST

START_TEST(outputs_by_ending)
{
	struct options opt;

	ck_assert_int_eq(parse(ARGV("--cgroup", "/a", "-o", "x.cprof", "-o", "d/y.json", "-oz.txt"),
			       &opt, NULL),
			 0);
	ck_assert_str_eq(opt.cgroup, "/a");
	ck_assert_uint_eq(opt.outputs_len, 3);
	ck_assert_str_eq(opt.outputs[0].path, "x.cprof");
	ck_assert_ptr_null(opt.outputs[0].format);
	ck_assert_str_eq(opt.outputs[1].path, "d/y.json");
	ck_assert_str_eq(opt.outputs[1].format->name, "json");
	ck_assert_str_eq(opt.outputs[2].path, "z.txt");
	ck_assert_str_eq(opt.outputs[2].format->name, "text");
	options_free(&opt);
}
END_TEST

START_TEST(command_behind_dashes)
{
	char *const *argv = ARGV("-f", "text", "--", "ls", "-p", "--", "--bad");
	struct options opt;

	ck_assert_int_eq(parse(argv, &opt, NULL), 0);
	ck_assert_uint_eq(opt.duration_ns, 0);
	ck_assert_uint_eq(opt.pids_len, 0);
	ck_assert_str_eq(opt.argv[0], "ls");
	ck_assert_str_eq(opt.argv[1], "-p");
	ck_assert_str_eq(opt.argv[2], "--");
	ck_assert_str_eq(opt.argv[3], "--bad");
	ck_assert_ptr_null(opt.argv[4]);
	options_free(&opt);
	ck_assert_int_eq(parse(ARGV("-d", "3", "--", "ls"), &opt, NULL), 0);
	ck_assert_uint_eq(opt.duration_ns, 3 * NS_PER_S);
	options_free(&opt);
}
END_TEST

START_TEST(report_and_doctor)
{
	struct options opt;

	ck_assert_int_eq(parse(ARGV("report", "-f", "json", "x.cprof"), &opt, NULL), 0);
	ck_assert_int_eq(opt.command, COMMAND_REPORT);
	ck_assert_str_eq(opt.input, "x.cprof");
	options_free(&opt);
	ck_assert_int_eq(parse(ARGV("report", "--", "-x.cprof"), &opt, NULL), -EINVAL);
	ck_assert_int_eq(parse(ARGV("report", "./-x.cprof"), &opt, NULL), 0);
	options_free(&opt);
	ck_assert_int_eq(parse(ARGV("doctor"), &opt, NULL), 0);
	ck_assert_int_eq(opt.command, COMMAND_DOCTOR);
	ck_assert_uint_eq(opt.pids_len, 0);
	options_free(&opt);
	ck_assert_int_eq(parse(ARGV("doctor", "-p", "5"), &opt, NULL), 0);
	ck_assert_int_eq(opt.pids[0], 5);
	options_free(&opt);
}
END_TEST

START_TEST(help_needs_nothing_else)
{
	struct options opt;

	ck_assert_int_eq(parse(ARGV("--help"), &opt, NULL), 0);
	ck_assert(opt.help);
	options_free(&opt);
	ck_assert_int_eq(parse(ARGV("-V"), &opt, NULL), 0);
	ck_assert(opt.version);
	options_free(&opt);
	ck_assert_int_eq(parse(ARGV("report", "-h"), &opt, NULL), 0);
	ck_assert(opt.help);
	options_free(&opt);
}
END_TEST

/* Each row is what its index says, and the help mentions every option and format. */
START_TEST(table_and_help_agree)
{
	const struct option_row *rows = options_table();
	struct strbuf help = {0};

	options_help(&help);
	for (size_t i = 0; i < OPT_COUNT; i++) {
		char name[64];

		ck_assert_uint_eq(rows[i].id, i);
		ck_assert(!rows[i].arg == (rows[i].type == OPTION_FLAG));
		ck_assert(rows[i].min <= rows[i].max);
		snprintf(name, sizeof(name), "--%s%s%s", rows[i].name, rows[i].arg ? " " : "",
			 rows[i].arg ? rows[i].arg : "");
		ck_assert_msg(strstr(strbuf_str(&help), name), "%s", name);
		for (size_t k = 0; k < i; k++) {
			ck_assert_str_ne(rows[i].name, rows[k].name);
			ck_assert(!rows[i].short_name || rows[i].short_name != rows[k].short_name);
		}
	}
	for (const struct render_format *f = render_formats(); f->name; f++)
		ck_assert_ptr_nonnull(strstr(strbuf_str(&help), f->ending));
	strbuf_free(&help);
}
END_TEST

START_TEST(free_takes_nothing)
{
	struct options opt = {0};

	options_free(NULL);
	options_free(&opt);
}
END_TEST

Suite *cli_options_suite(void)
{
	Suite *suite = suite_create("cli_options");
	TCase *tc = tcase_create("options");

	tcase_add_loop_test(tc, wrong_use_is_told, 0, (int)ARRAY_LEN(wrong));
	tcase_add_test(tc, defaults);
	tcase_add_test(tc, every_option);
	tcase_add_test(tc, flags);
	tcase_add_test(tc, outputs_by_ending);
	tcase_add_test(tc, command_behind_dashes);
	tcase_add_test(tc, report_and_doctor);
	tcase_add_test(tc, help_needs_nothing_else);
	tcase_add_test(tc, table_and_help_agree);
	tcase_add_test(tc, free_takes_nothing);
	suite_add_tcase(suite, tc);
	return suite;
}
