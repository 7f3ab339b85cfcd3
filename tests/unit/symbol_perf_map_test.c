// SPDX-License-Identifier: GPL-2.0-only
#include "symbol/perf_map.h"

#include "tests/unit/suites.h"
#include "tests/unit/symbol_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/strbuf.h"

/* The map that /tmp/perf-4711.map would be below the directory `root`. */
#define NS_PID 4711

static char root[FIXTURE_PATH_MAX];
static char tmp[FIXTURE_PATH_MAX];
static char path[FIXTURE_PATH_MAX];
static int root_fd;
static struct perf_map *map;

static void setup(void)
{
	fixture_dir_make(root);
	ck_assert_int_eq(mkdir(fixture_path(tmp, root, "tmp"), 0700), 0);
	fixture_path(path, tmp, "perf-4711.map");
	root_fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(root_fd, 0);
	map = NULL;
}

static void teardown(void)
{
	perf_map_free(map);
	close(root_fd);
	fixture_dir_remove(tmp);
	fixture_dir_remove(root);
}

static void parse(const char *text)
{
	perf_map_free(map);
	map = NULL;
	ck_assert_int_eq(perf_map_parse(text, strlen(text), &map), 0);
}

static int load(void)
{
	return perf_map_load(root_fd, NS_PID, geteuid(), &map);
}

static struct perf_map_stats stats(void)
{
	struct perf_map_stats ret;

	perf_map_get_stats(map, &ret);
	return ret;
}

static void check_name(uint64_t addr, const char *name, uint64_t offset)
{
	uint64_t got_offset = 0xdead;
	const char *got = perf_map_find(map, addr, &got_offset);

	ck_assert_msg(got != NULL, "nothing at %#lx", (unsigned long)addr);
	ck_assert_str_eq(got, name);
	ck_assert_uint_eq(got_offset, offset);
}

static void check_none(uint64_t addr)
{
	uint64_t offset = 0xdead;

	ck_assert_ptr_null(perf_map_find(map, addr, &offset));
	ck_assert_uint_eq(offset, 0xdead);
}

START_TEST(lines_of_each_form)
{
	parse("7f0000001000 20 plain\n"
	      "0x7f0000002000 0x30 LazyCompile:*work /srv/app.js:12:5\n"
	      "7F0000003000 0X4F  upper case, two blanks\n"
	      "00007f0000004000 0000000000000010 zeros\n"
	      "7f0000005000 8 no newline at the end");
	ck_assert_uint_eq(stats().entries, 5);
	ck_assert_uint_eq(stats().malformed, 0);
	check_name(0x7f0000001000, "plain", 0);
	check_name(0x7f000000101f, "plain", 0x1f);
	check_none(0x7f0000001020);
	check_none(0x7f0000000fff);
	check_name(0x7f000000202f, "LazyCompile:*work /srv/app.js:12:5", 0x2f);
	check_none(0x7f0000002030);
	check_name(0x7f000000304e, "upper case, two blanks", 0x4e);
	check_name(0x7f000000400f, "zeros", 15);
	check_name(0x7f0000005007, "no newline at the end", 7);
	check_none(0);
	check_none(UINT64_MAX);
}
END_TEST

START_TEST(code_compiled_again)
{
	/* Of the same place, of a place inside, of one around; out of order in the file. */
	parse("3000 100 third\n"
	      "1000 100 first\n"
	      "1000 80 first again\n"
	      "2000 100 outer\n"
	      "2040 10 inner\n"
	      "30f0 20 later, over the end of third\n"
	      "2ff0 20 latest, over its start\n");
	check_name(0x1000, "first again", 0);
	check_name(0x107f, "first again", 0x7f);
	check_name(0x1080, "first", 0x80);
	check_name(0x203f, "outer", 0x3f);
	check_name(0x2040, "inner", 0);
	check_name(0x204f, "inner", 15);
	check_name(0x2050, "outer", 0x50);
	check_name(0x30f0, "later, over the end of third", 0);
	check_name(0x310f, "later, over the end of third", 0x1f);
	check_name(0x2fff, "latest, over its start", 15);
	check_name(0x300f, "latest, over its start", 31);
	check_name(0x3010, "third", 16);
	ck_assert_uint_eq(stats().entries, 7);
}
END_TEST

START_TEST(an_old_name_that_was_written_over)
{
	/* The old code began later, the new code covers it: written last wins, not nearest. */
	parse("2080 10 old\n"
	      "2000 100 new\n");
	check_name(0x2080, "new", 0x80);
}
END_TEST

START_TEST(malformed_lines)
{
	parse("\n"
	      "zzz 10 no number\n"
	      "1000\n"
	      "1000 \n"
	      "1000 20\n"
	      "1000 20 \n"
	      " 1000 20 begins with a blank\n"
	      "1000 0 empty\n"
	      "0x 20 no digits\n"
	      "1000 0x name\n"
	      "-1000 20 negative\n"
	      "11112222333344445 20 seventeen digits\n"
	      "ffffffffffffff00 200 beyond the end of memory\n"
	      "1000\t20\ttabs\n"
	      "1000,20,commas\n"
	      "5000 10 good\n"
	      "x");
	ck_assert_uint_eq(stats().entries, 1);
	ck_assert_uint_eq(stats().malformed, 15);
	ck_assert_uint_eq(stats().dropped, 0);
	check_name(0x5000, "good", 0);
	check_none(0x1000);
	parse("");
	ck_assert_uint_eq(stats().entries, 0);
	check_none(0);
}
END_TEST

START_TEST(bytes_that_are_no_text)
{
	static const char bytes[] = "1000 10 a\0b\n2000 10 \xff\xfe\x1b[31m\n\0\0\0\n3000 10 c\r\n";

	ck_assert_int_eq(perf_map_parse(bytes, sizeof(bytes) - 1, &map), 0);
	ck_assert_uint_eq(stats().entries, 3);
	ck_assert_uint_eq(stats().malformed, 1);
	check_name(0x1000, "a", 0);
	check_name(0x2000, "\xff\xfe\x1b[31m", 0);
	check_name(0x300f, "c\r", 15);
}
END_TEST

START_TEST(long_names_are_cut)
{
	struct strbuf text = {0};
	char name[PERF_MAP_NAME_MAX + 1];

	memset(name, 'n', sizeof(name));
	strbuf_puts(&text, "1000 10 ");
	strbuf_add(&text, name, PERF_MAP_NAME_MAX);
	strbuf_puts(&text, "tail\n2000 10 next\n3000 10 ");
	strbuf_add(&text, name, PERF_MAP_NAME_MAX);
	name[PERF_MAP_NAME_MAX] = '\0';
	parse(strbuf_str(&text));
	check_name(0x1000, name, 0);
	check_name(0x2000, "next", 0);
	check_name(0x3000, name, 0);
	strbuf_free(&text);
}
END_TEST

START_TEST(a_size_beyond_32_bits)
{
	parse("100000000 ffffffffff huge\n");
	check_name(0x100000000 + 0xfffffffe, "huge", 0xfffffffe);
}
END_TEST

START_TEST(too_many_entries)
{
	const size_t lines = PERF_MAP_ENTRIES_MAX + 3;
	char *text = malloc(lines * 16 + 1), *at = text;

	ck_assert_ptr_nonnull(text);
	for (size_t i = 0; i < lines; i++)
		at += sprintf(at, "%zx 4 f\n", 0x10000000 + i * 4);
	parse(text);
	free(text);
	ck_assert_uint_eq(stats().entries, PERF_MAP_ENTRIES_MAX);
	ck_assert_uint_eq(stats().dropped, 3);
	check_name(0x10000000 + 4 * (PERF_MAP_ENTRIES_MAX - 1) + 3, "f", 3);
	check_none(0x10000000 + 4 * PERF_MAP_ENTRIES_MAX);
}
END_TEST

START_TEST(a_file_is_read)
{
	ck_assert_int_eq(load(), -ENOENT);
	ck_assert_ptr_null(map);
	fixture_write(path, "1000 10 compiled\n");
	ck_assert_int_eq(load(), 0);
	check_name(0x1008, "compiled", 8);
	/* It is the one of that number alone. */
	ck_assert_int_eq(perf_map_load(root_fd, NS_PID + 1, geteuid(), &map), -ENOENT);
	check_name(0x1008, "compiled", 8);
}
END_TEST

START_TEST(a_file_that_is_empty)
{
	fixture_write(path, "");
	ck_assert_int_eq(load(), 0);
	ck_assert_uint_eq(stats().entries + stats().malformed + stats().dropped, 0);
	check_none(0x1000);
}
END_TEST

START_TEST(a_huge_file_is_read_in_part)
{
	int fd;

	fixture_write(path, "1000 10 first\n");
	/* A hole: a line of NUL bytes, and behind the bound a name. */
	fd = open(path, O_WRONLY | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(pwrite(fd, "\n2000 10 last\n", 14, PERF_MAP_BYTES_MAX - 1), 14);
	close(fd);
	ck_assert_int_eq(load(), 0);
	check_name(0x1000, "first", 0);
	check_none(0x2000);
	ck_assert_uint_eq(stats().entries, 1);
	ck_assert_uint_eq(stats().malformed, 1);
	ck_assert_uint_eq(stats().dropped, 1);
}
END_TEST

START_TEST(what_is_no_regular_file)
{
	/* Opening a FIFO for reading would wait for a writer for ever. */
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	ck_assert_int_eq(load(), -ENOTSUP);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	ck_assert_int_eq(load(), -ENOTSUP);
	ck_assert_int_eq(rmdir(path), 0);
	ck_assert_ptr_null(map);
}
END_TEST

START_TEST(another_owner)
{
	fixture_write(path, "1000 10 forged\n");
	ck_assert_int_eq(perf_map_load(root_fd, NS_PID, geteuid() + 1, &map), -EPERM);
	ck_assert_ptr_null(map);
	if (geteuid() != 0)
		return; /* to give a file away is the superuser's */
	ck_assert_int_eq(chown(path, 65534, (gid_t)-1), 0);
	ck_assert_int_eq(load(), -EPERM);
	ck_assert_int_eq(perf_map_load(root_fd, NS_PID, 65534, &map), 0);
}
END_TEST

/* Whoever may write to /tmp can put a link there: none is followed, wherever it leads. */
START_TEST(links)
{
	static const char *const to[] = {"/other", "../../../../etc/passwd", "perf-4711.map"};
	char other[FIXTURE_PATH_MAX];

	fixture_write(fixture_path(other, root, "other"), "1000 10 linked\n");
	for (size_t i = 0; i < sizeof(to) / sizeof(to[0]); i++) {
		ck_assert_int_eq(symlink(to[i], path), 0);
		ck_assert_int_eq(load(), -ENOTSUP);
		ck_assert_ptr_null(map);
		ck_assert_int_eq(unlink(path), 0);
	}
}
END_TEST

Suite *symbol_perf_map_suite(void)
{
	Suite *suite = suite_create("symbol_perf_map");
	TCase *tcase = tcase_create("perf_map");

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, lines_of_each_form);
	tcase_add_test(tcase, code_compiled_again);
	tcase_add_test(tcase, an_old_name_that_was_written_over);
	tcase_add_test(tcase, malformed_lines);
	tcase_add_test(tcase, bytes_that_are_no_text);
	tcase_add_test(tcase, long_names_are_cut);
	tcase_add_test(tcase, a_size_beyond_32_bits);
	tcase_add_test(tcase, too_many_entries);
	tcase_add_test(tcase, a_file_is_read);
	tcase_add_test(tcase, a_file_that_is_empty);
	tcase_add_test(tcase, a_huge_file_is_read_in_part);
	tcase_add_test(tcase, what_is_no_regular_file);
	tcase_add_test(tcase, another_owner);
	tcase_add_test(tcase, links);
	suite_add_tcase(suite, tcase);
	return suite;
}
