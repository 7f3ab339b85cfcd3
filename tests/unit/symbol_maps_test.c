// SPDX-License-Identifier: GPL-2.0-only
#include "symbol/maps.h"

#include "tests/unit/suites.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/strbuf.h"

static struct maps parse(const char *text)
{
	struct err err = {0};
	struct maps maps = {0};

	ck_assert_msg(maps_parse(text, strlen(text), &maps, &err) == 0, "%s", err.msg);
	return maps;
}

/* As the kernel writes them: fs/proc/task_mmu.c pads the name to column 73. */
static const char example[] =
	"00400000-00401000 r-xp 00002000 08:1f 131 /usr/bin/a program (deleted)\n"
	"00600000-00602000 rw-p 00003000 08:1f 131                  /usr/bin/a program (deleted)\n"
	"00602000-00610000 rw-p 00000000 00:00 0 \n"
	"01000000-01100000 rw-p 00000000 00:00 0                          [heap]\n"
	"7f0000000000-7f0000001000 rw-s 00000000 00:01 4                  /dev/zero (deleted)\n"
	"7f0000001000-7f0000002000 ---p 00000000 00:00 0                  [anon:guard x]\n"
	"7f0000003000-7f0000004000 r--p 00000000 103:ffff 18446744073709551615  /a\\012b\\c\n"
	"7ffc00000000-7ffc00021000 rw-p 00000000 00:00 0                          [stack]\n"
	"7ffc00100000-7ffc00102000 r-xp 00000000 00:00 0                          [vdso]\n"
	"ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]\n";

START_TEST(example_is_understood)
{
	static const struct {
		uint8_t perms;
		enum mapping_kind kind;
		bool deleted;
		const char *path;
	} want[] = {
		{MAPPING_READ | MAPPING_EXEC, MAPPING_FILE, true, "/usr/bin/a program"},
		{MAPPING_READ | MAPPING_WRITE, MAPPING_FILE, true, "/usr/bin/a program"},
		{MAPPING_READ | MAPPING_WRITE, MAPPING_ANON, false, ""},
		{MAPPING_READ | MAPPING_WRITE, MAPPING_HEAP, false, "[heap]"},
		{MAPPING_READ | MAPPING_WRITE | MAPPING_SHARED, MAPPING_FILE, true, "/dev/zero"},
		{0, MAPPING_ANON, false, "[anon:guard x]"},
		{MAPPING_READ, MAPPING_FILE, false, "/a\nb\\c"},
		{MAPPING_READ | MAPPING_WRITE, MAPPING_STACK, false, "[stack]"},
		{MAPPING_READ | MAPPING_EXEC, MAPPING_SPECIAL, false, "[vdso]"},
		{MAPPING_EXEC, MAPPING_SPECIAL, false, "[vsyscall]"},
	};
	const size_t want_len = sizeof(want) / sizeof(want[0]);
	struct maps maps = parse(example);

	ck_assert_uint_eq(maps.len, want_len);
	ck_assert_uint_eq(maps.dropped, 0);
	for (size_t i = 0; i < want_len; i++) {
		ck_assert_uint_eq(maps.at[i].perms, want[i].perms);
		ck_assert_uint_eq(maps.at[i].kind, want[i].kind);
		ck_assert_int_eq(maps.at[i].deleted, want[i].deleted);
		ck_assert_str_eq(maps_path(&maps, &maps.at[i]), want[i].path);
	}
	ck_assert_uint_eq(maps.at[0].start, 0x400000);
	ck_assert_uint_eq(maps.at[0].end, 0x401000);
	ck_assert_uint_eq(maps.at[0].offset, 0x2000);
	ck_assert_uint_eq(maps.at[0].inode, 131);
	ck_assert_uint_eq(maps.at[6].dev_major, 0x103);
	ck_assert_uint_eq(maps.at[6].dev_minor, 0xffff);
	ck_assert_uint_eq(maps.at[6].inode, UINT64_MAX);
	ck_assert_uint_eq(maps.at[0].path, maps.at[1].path);
	maps_free(&maps);
}
END_TEST

START_TEST(find_is_exact_at_the_edges)
{
	static const struct {
		uint64_t addr;
		int index; /* -1: none */
	} want[] = {
		{0, -1},
		{0x3fffff, -1},
		{0x400000, 0},
		{0x400fff, 0},
		{0x401000, -1},
		{0x601fff, 1},
		{0x602000, 2},
		{0x7f0000002000, -1},
		{0xffffffffff600fff, 9},
		{0xffffffffff601000, -1},
		{UINT64_MAX, -1},
	};
	struct maps maps = parse(example), none = {0};

	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		const struct mapping *m = maps_find(&maps, want[i].addr);

		ck_assert_msg(m == (want[i].index < 0 ? NULL : &maps.at[want[i].index]),
			      "address %" PRIx64, want[i].addr);
	}
	ck_assert_ptr_null(maps_find(&none, 0));
	maps_free(&maps);
}
END_TEST

START_TEST(disorder_is_sorted_and_overlaps_are_dropped)
{
	struct maps maps = parse("3000-4000 r--p 0 8:1 3 /c\n"
				 "1000-2000 r--p 0 8:1 1 /a\n"
				 "1800-2800 r--p 0 8:1 2 /b\n"
				 "2800-3000 r--p 0 8:1 4 /d\n");

	ck_assert_uint_eq(maps.len, 3);
	ck_assert_uint_eq(maps.dropped, 1);
	ck_assert_str_eq(maps_path(&maps, &maps.at[0]), "/a");
	ck_assert_str_eq(maps_path(&maps, &maps.at[1]), "/d");
	ck_assert_str_eq(maps_path(&maps, &maps.at[2]), "/c");
	maps_free(&maps);
}
END_TEST

START_TEST(bad_lines_are_dropped_and_counted)
{
	static const char *const bad[] = {
		"",
		" ",
		"1000",
		"1000-",
		"1000-2000",
		"1000-2000 r--p",
		"1000-2000 r--p 0 8:1",
		"1000-2000 r--p 0 8:1 3",
		"1000-2000 r-? 0 8:1 3 /x",
		"1000-2000 rwzp 0 8:1 3 /x",
		"2000-1000 r--p 0 8:1 3 /x",
		"1000-1000 r--p 0 8:1 3 /x",
		"1g00-2000 r--p 0 8:1 3 /x",
		"1000-2000 r--p 0 8:1 3f /x",
		"-1000-2000 r--p 0 8:1 3 /x",
		"1000-2000 r--p 0 800000000:1 3 /x",
		"10000000000000000-20000000000000000 r--p 0 8:1 3 /x",
		"1000-2000 r--p 0 8:1 18446744073709551616 /x",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct strbuf text = {0};
		struct maps maps;

		strbuf_printf(&text, "%s\n8000-9000 r--p 0 8:1 3 /good\n", bad[i]);
		maps = parse(strbuf_str(&text));
		ck_assert_msg(maps.len == 1 && maps.dropped == 1, "\"%s\": %zu, %zu", bad[i],
			      maps.len, maps.dropped);
		ck_assert_str_eq(maps_path(&maps, &maps.at[0]), "/good");
		maps_free(&maps);
		strbuf_free(&text);
	}
}
END_TEST

START_TEST(text_without_mappings_is_refused)
{
	struct maps maps = {.len = 77};
	struct err err = {0};

	ck_assert_int_eq(maps_parse("nonsense\n", 9, &maps, &err), -EINVAL);
	ck_assert_uint_eq(maps.len, 77);
	ck_assert_ptr_nonnull(strstr(err.msg, "/proc/PID/maps"));
}
END_TEST

START_TEST(odd_paths_survive)
{
	static const char nul[] = "1000-2000 r--p 0 8:1 3 /a\0b\n";
	struct maps maps = parse("1000-2000 r--p 0 8:1 3  (deleted)\n"
				 "2000-3000 r--p 0 8:1 3 [heap]\n"
				 "3000-4000 rw-s 0 0:1 9 [anon_shmem:x]\n"
				 "4000-5000 r--p 0 8:1 3 /x\\01\n"
				 "5000-6000 r--p 0 8:1 3 /no newline");

	ck_assert_uint_eq(maps.len, 5);
	ck_assert_str_eq(maps_path(&maps, &maps.at[0]), "(deleted)");
	/* A file may be called like the heap: its inode tells. */
	ck_assert_uint_eq(maps.at[1].kind, MAPPING_FILE);
	ck_assert_uint_eq(maps.at[2].kind, MAPPING_FILE);
	ck_assert_str_eq(maps_path(&maps, &maps.at[3]), "/x\\01");
	ck_assert_str_eq(maps_path(&maps, &maps.at[4]), "/no newline");
	maps_free(&maps);

	ck_assert_int_eq(maps_parse(nul, sizeof(nul) - 1, &maps, NULL), 0);
	ck_assert_str_eq(maps_path(&maps, &maps.at[0]), "/a?b");
	maps_free(&maps);
}
END_TEST

START_TEST(too_many_are_counted)
{
	struct strbuf text = {0};
	struct maps maps;

	for (uint64_t i = 1; i <= MAPS_MAX + 5; i++)
		strbuf_printf(&text, "%" PRIx64 "000-%" PRIx64 "000 r--p 0 8:1 3 /x\n", i, i + 1);
	maps = parse(strbuf_str(&text));
	ck_assert_uint_eq(maps.len, MAPS_MAX);
	ck_assert_uint_eq(maps.dropped, 5);
	ck_assert_ptr_nonnull(maps_find(&maps, (uint64_t)MAPS_MAX << 12));
	ck_assert_ptr_null(maps_find(&maps, (uint64_t)(MAPS_MAX + 1) << 12));
	maps_free(&maps);
	strbuf_free(&text);
}
END_TEST

START_TEST(long_paths_are_bounded_together)
{
	struct strbuf text = {0};
	struct maps maps;
	char name[4001];
	size_t lines = MAPS_PATHS_MAX / 4000 + 100;

	memset(name, 'n', 4000);
	name[4000] = '\0';
	for (uint64_t i = 1; i <= lines; i++)
		strbuf_printf(&text, "%" PRIx64 "000-%" PRIx64 "000 r--p 0 8:1 3 /%" PRIu64 "%s\n",
			      i, i + 1, i, name);
	maps = parse(strbuf_str(&text));
	ck_assert_uint_ge(maps.dropped, 90);
	ck_assert_uint_eq(maps.len + maps.dropped, lines);
	maps_free(&maps);
	strbuf_free(&text);
}
END_TEST

START_TEST(own_map_is_read)
{
	struct maps maps;
	struct err err = {0};
	struct stat exe;
	const struct mapping *m;
	int local = 0;

	ck_assert_int_eq(stat("/proc/self/exe", &exe), 0);
	ck_assert_msg(maps_read(getpid(), &maps, &err) == 0, "%s", err.msg);
	m = maps_find(&maps, (uintptr_t)&parse);
	ck_assert_ptr_nonnull(m);
	ck_assert_uint_eq(m->perms, MAPPING_READ | MAPPING_EXEC);
	ck_assert_uint_eq(m->inode, exe.st_ino);
	ck_assert_uint_eq(makedev(m->dev_major, m->dev_minor), exe.st_dev);
	m = maps_find(&maps, (uintptr_t)&local);
	ck_assert_ptr_nonnull(m);
	ck_assert_uint_eq(m->kind, MAPPING_STACK);
	ck_assert_uint_eq(maps.dropped, 0);
	maps_free(&maps);
	maps_free(&maps);
	maps_free(NULL);
}
END_TEST

START_TEST(an_ended_process_is_said_so)
{
	struct maps maps = {.len = 77};
	struct err err = {0};
	siginfo_t info;
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	ck_assert_int_gt(pid, 0);
	/* First as a zombie, which still has a PID but no memory, then gone. */
	ck_assert_int_eq(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	ck_assert_int_eq(maps_read(pid, &maps, &err), -ESRCH);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	ck_assert_int_eq(maps_read(pid, &maps, &err), -ESRCH);
	ck_assert_uint_eq(maps.len, 77);
	ck_assert_ptr_nonnull(strstr(err.msg, "has ended"));
}
END_TEST

Suite *symbol_maps_suite(void)
{
	Suite *suite = suite_create("symbol_maps");
	TCase *tcase = tcase_create("maps");

	tcase_add_test(tcase, example_is_understood);
	tcase_add_test(tcase, find_is_exact_at_the_edges);
	tcase_add_test(tcase, disorder_is_sorted_and_overlaps_are_dropped);
	tcase_add_test(tcase, bad_lines_are_dropped_and_counted);
	tcase_add_test(tcase, text_without_mappings_is_refused);
	tcase_add_test(tcase, odd_paths_survive);
	tcase_add_test(tcase, too_many_are_counted);
	tcase_add_test(tcase, long_paths_are_bounded_together);
	tcase_add_test(tcase, own_map_is_read);
	tcase_add_test(tcase, an_ended_process_is_said_so);
	suite_add_tcase(suite, tcase);
	return suite;
}
