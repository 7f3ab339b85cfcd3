// SPDX-License-Identifier: GPL-2.0-only
/* Many questions at once, of files that are good, cut short meanwhile, or damaged. */
#include "symbol/source_lines.h"

#include "tests/unit/record_feed.h"
#include "tests/unit/suites.h"
#include "tests/unit/symbol_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/num.h"

#define LONG_NS (UINT64_C(60) * 1000 * 1000 * 1000)
/* Answers to so many questions fill the pipe and the child's buffer several times. */
#define MANY 6000
#define QUERIES_MAX (2 * MANY)
#define FILES_MAX 10

static const char source[] = "struct part { int a; int b; };\n"
			     "struct part object;\n"
			     "int helper(int x)\n"
			     "{\n"
			     "	return x + object.b;\n" /* line 5 */
			     "}\n"
			     "int main(void)\n"
			     "{\n"
			     "	return helper(1);\n"
			     "}\n";

static char dir[FIXTURE_PATH_MAX];
static char program[FIXTURE_PATH_MAX];
static char stripped[FIXTURE_PATH_MAX];
static uint64_t helper, object;

static struct line_query queries[QUERIES_MAX];
static size_t len;
static struct {
	unsigned places, members;
} calls[QUERIES_MAX];
static size_t last_query, calls_len;
static int cut_fds[FILES_MAX]; /* files to cut short when the answer to `cut_at` comes */
static size_t cut_len, cut_at;

static void setup_files(void)
{
	static const char *const flags[] = {"-g", "-no-pie", "-fno-pie", NULL};
	const char *const strip[] = {"strip", "-o", stripped, program, NULL};

	fixture_dir_make(dir);
	fixture_compile_source(fixture_path(program, dir, "program"), source, flags);
	fixture_path(stripped, dir, "stripped");
	fixture_run(strip);
	helper = fixture_symbol_value(program, "helper");
	object = fixture_symbol_value(program, "object");
}

static void teardown_files(void)
{
	fixture_dir_remove(dir);
}

/* The sanitizer's own handler would but print what is meant to happen. */
static void setup(void)
{
	signal(SIGBUS, SIG_DFL);
	signal(SIGSEGV, SIG_DFL);
	signal(SIGABRT, SIG_DFL);
	len = calls_len = cut_len = cut_at = 0;
	last_query = SIZE_MAX;
	memset(calls, 0, sizeof(calls));
}

static int open_file(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	return fd;
}

static int open_copy(const char *name)
{
	char path[FIXTURE_PATH_MAX];

	fixture_copy(program, fixture_path(path, dir, name));
	return open_file(path);
}

static void ask_code(int fd)
{
	ck_assert_uint_lt(len, QUERIES_MAX);
	queries[len++] = (struct line_query){.fd = fd, .vaddr = helper};
}

static void ask_member(int fd, uint64_t offset)
{
	ck_assert_uint_lt(len, QUERIES_MAX);
	queries[len++] = (struct line_query){
		.fd = fd, .kind = LINE_QUERY_MEMBER, .vaddr = object, .offset = offset};
}

static void in_order(size_t query)
{
	ck_assert_uint_lt(query, len);
	ck_assert(last_query == SIZE_MAX || query > last_query);
	last_query = query;
	calls_len++;
	for (size_t i = 0; query == cut_at && i < cut_len; i++)
		ck_assert_int_eq(ftruncate(cut_fds[i], 0), 0);
}

static void take_places(void *ctx, size_t query, const struct dwarf_place *places,
			size_t places_len)
{
	ck_assert_ptr_eq(ctx, queries);
	in_order(query);
	ck_assert(queries[query].kind == LINE_QUERY_PLACES);
	ck_assert_uint_ge(places_len, 1);
	calls[query].places++;
	/* What a damaged file says may be anything, but whole strings. */
	for (size_t i = 0; i < places_len; i++) {
		ck_assert_uint_lt(strlen(places[i].function), DWARF_NAME_MAX);
		ck_assert_uint_lt(strlen(places[i].file), DWARF_FILE_MAX);
	}
	if (queries[query].offset)
		return;
	ck_assert_uint_eq(places_len, 1);
	ck_assert_str_eq(places[0].function, "helper");
	ck_assert_ptr_nonnull(strstr(places[0].file, "program.c"));
	ck_assert(places[0].line >= 3 && places[0].line <= 6);
}

static void take_member(void *ctx, size_t query, const char *path)
{
	ck_assert_ptr_eq(ctx, queries);
	in_order(query);
	ck_assert(queries[query].kind == LINE_QUERY_MEMBER);
	calls[query].members++;
	ck_assert_str_eq(path, queries[query].offset == 4 ? ".b" : ".a");
}

static long find(uint64_t limit_ns)
{
	const struct line_sink sink = {
		.places = take_places, .member = take_member, .ctx = queries};
	long missing = source_lines_find(queries, len, limit_ns, &sink);

	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
	return missing;
}

START_TEST(answers_in_order)
{
	int fd = open_file(program), without = open_file(stripped), null;

	null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	for (size_t i = 0; i < MANY / 5; i++) {
		ask_code(fd);
		ask_member(fd, 4);
		ask_member(fd, 2); /* inside of a number: has no name */
		ask_code(without);
		ask_code(null);
	}
	ck_assert_int_eq(find(LONG_NS), 0);
	for (size_t i = 0; i < len; i++) {
		ck_assert_uint_eq(calls[i].places, i % 5 == 0);
		ck_assert_uint_eq(calls[i].members, i % 5 == 1);
	}
	close(fd);
	close(without);
	close(null);
}
END_TEST

START_TEST(nothing_to_ask)
{
	ck_assert_int_eq(find(LONG_NS), 0);
	ck_assert_uint_eq(calls_len, 0);
}
END_TEST

START_TEST(no_time)
{
	int fd = open_file(program);

	for (int i = 0; i < 7; i++)
		ask_code(fd);
	ck_assert_int_eq(find(0), 7);
	ck_assert_uint_eq(calls_len, 0);
	close(fd);
}
END_TEST

/*
 * While we are in a call of the sink we read nothing: the child, which has answered one question of
 * the file that we cut, cannot have come beyond what the pipe holds.
 */
START_TEST(a_file_cut_short_under_the_mapping)
{
	int good = open_file(program), cut = open_copy("cut");

	cut_fds[cut_len++] = cut;
	ask_code(cut);
	for (size_t i = 0; i < MANY; i++)
		ask_code(good);
	for (int i = 0; i < 3; i++)
		ask_code(cut);
	ask_member(good, 0);
	ask_code(cut);
	ask_member(good, 4);
	/* What had its answer before is not missing. */
	ck_assert_int_eq(find(LONG_NS), 4);
	for (size_t i = 0; i < len; i++) {
		bool had = queries[i].fd == good || i == 0;

		ck_assert_msg(calls[i].places + calls[i].members == had, "query %zu", i);
	}
	close(good);
	close(cut);
}
END_TEST

START_TEST(many_files_cut_short)
{
	int good = open_file(program), fds[FILES_MAX];

	for (int i = 0; i < FILES_MAX; i++) {
		char name[32];

		snprintf(name, sizeof(name), "cut%d", i);
		fds[i] = open_copy(name);
		ask_code(fds[i]);
	}
	memcpy(cut_fds, fds, sizeof(fds));
	cut_len = FILES_MAX;
	cut_at = FILES_MAX - 1; /* all of them are mapped by then */
	for (size_t i = 0; i < MANY; i++)
		ask_code(good);
	for (int i = 0; i < FILES_MAX; i++) {
		ask_code(fds[i]);
		ask_code(good);
	}
	/* The first one brings the reader down; the next reader finds the others empty. */
	ck_assert_int_eq(find(LONG_NS), 1);
	for (size_t i = 0; i < len; i++) {
		bool had = queries[i].fd == good || i < FILES_MAX;

		ck_assert_msg(calls[i].places == had, "query %zu", i);
	}
	for (int i = 0; i < FILES_MAX; i++)
		close(fds[i]);
	close(good);
}
END_TEST

/* Where a section lies in the file, by readelf. */
static bool section_of(const char *path, const char *name, uint64_t *ret_offset, uint64_t *ret_size)
{
	char command[2 * FIXTURE_PATH_MAX], line[512];
	bool found = false;
	FILE *f;

	snprintf(command, sizeof(command), "readelf -SW '%s'", path);
	f = popen(command, "re");
	ck_assert_ptr_nonnull(f);
	while (fgets(line, sizeof(line), f)) {
		const char *bracket = strchr(line, ']');
		char got[64];
		uint64_t offset, size;

		if (bracket &&
		    sscanf(bracket + 1, " %63s %*s %*x %" SCNx64 " %" SCNx64, got, &offset,
			   &size) == 3 &&
		    strcmp(got, name) == 0) {
			*ret_offset = offset;
			*ret_size = size;
			found = true;
		}
	}
	ck_assert_int_eq(pclose(f), 0);
	return found;
}

#define DAMAGED 8 /* files a run */

/* Whatever the damage: we are still there, and the good file's answers are all right. */
START_TEST(damaged_sections)
{
	static const char *const sections[] = {".debug_info", ".debug_abbrev", ".debug_line",
					       ".debug_str"};
	int good = open_file(program), fds[DAMAGED];
	uint64_t state = 0x9e3779b97f4a7c15U + (uint64_t)_i, offset, size;
	long missing, of_good = 0;

	ck_assert(section_of(program, sections[_i % (int)ARRAY_LEN(sections)], &offset, &size));
	for (int i = 0; i < DAMAGED; i++) {
		char name[32];

		snprintf(name, sizeof(name), "damaged%d", i);
		fds[i] = open_copy(name);
		for (int k = 0; k < 1 + 3 * i; k++) {
			uint8_t byte = (uint8_t)feed_random(&state);
			off_t at = (off_t)(offset + feed_random(&state) % size);

			ck_assert_int_eq(pwrite(fds[i], &byte, 1, at), 1);
		}
	}
	ask_code(good);
	for (int i = 0; i < DAMAGED; i++) {
		for (uint64_t k = 0; k < 16; k++) {
			ask_code(fds[i]);
			queries[len - 1].vaddr = helper + k;
			queries[len - 1].offset = 1; /* its answer may be anything */
		}
		ask_code(good);
		ask_member(good, 4);
	}
	missing = find(LONG_NS);
	ck_assert(missing >= 0 && missing <= 16 * DAMAGED);
	for (size_t i = 0; i < len; i++)
		of_good += queries[i].fd == good && calls[i].places + calls[i].members == 1;
	ck_assert_int_eq(of_good, 1 + 2 * DAMAGED);
	for (int i = 0; i < DAMAGED; i++)
		close(fds[i]);
	close(good);
}
END_TEST

Suite *symbol_source_lines_suite(void)
{
	Suite *suite = suite_create("symbol_source_lines");
	TCase *tcase = tcase_create("source_lines");

	tcase_set_timeout(tcase, 120);
	tcase_add_unchecked_fixture(tcase, setup_files, teardown_files);
	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_add_test(tcase, answers_in_order);
	tcase_add_test(tcase, nothing_to_ask);
	tcase_add_test(tcase, no_time);
	tcase_add_test(tcase, a_file_cut_short_under_the_mapping);
	tcase_add_test(tcase, many_files_cut_short);
	tcase_add_loop_test(tcase, damaged_sections, 0, 12);
	suite_add_tcase(suite, tcase);
	return suite;
}
