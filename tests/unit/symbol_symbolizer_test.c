// SPDX-License-Identifier: GPL-2.0-only
#include "symbol/symbolizer.h"

#include "tests/unit/suites.h"
#include "tests/unit/symbol_fixture.h"

#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"

static const char *const pie_flags[] = {"-pie", "-fPIE", "-pthread", NULL};
static const char *const exec_flags[] = {"-no-pie", "-fno-pie", "-pthread", NULL};
static const char *const static_flags[] = {"-static", "-no-pie", "-DSTATIC", "-pthread", NULL};

/* Code and data share a page of the file, which is mapped for each. */
static const char *const packed_flags[] = {"-pie", "-fPIE", "-Wl,-z,noseparate-code", "-pthread",
					   NULL};

static char dir[FIXTURE_PATH_MAX];
static char pie[FIXTURE_PATH_MAX];
static char fixed[FIXTURE_PATH_MAX];
static char fixed_static[FIXTURE_PATH_MAX];
static char packed[FIXTURE_PATH_MAX];
static char stripped[FIXTURE_PATH_MAX];
static char library[FIXTURE_PATH_MAX];
/* Exports its global functions, and has its other symbols in a debug file. */
static char exporting[FIXTURE_PATH_MAX];

static struct symbolizer *s;
static struct fixture_child child;

static void make_exporting(void)
{
	static const char *const flags[] = {"-pie", "-fPIE", "-pthread", "-rdynamic", NULL};
	char whole[FIXTURE_PATH_MAX], debug[FIXTURE_PATH_MAX], link[FIXTURE_PATH_MAX + 32];
	const char *const split[] = {"objcopy", "--only-keep-debug", whole, debug, NULL};
	const char *const strip[] = {"objcopy", "--strip-all", link, whole, exporting, NULL};

	fixture_compile(fixture_path(whole, dir, "whole"), flags);
	fixture_path(debug, dir, "exporting.debug");
	fixture_path(exporting, dir, "exporting");
	snprintf(link, sizeof(link), "--add-gnu-debuglink=%s", debug);
	fixture_run(split);
	fixture_run(strip);
}

static void setup_files(void)
{
	const char *const strip[] = {"strip", "-o", stripped, pie, NULL};

	fixture_dir_make(dir);
	fixture_compile(fixture_path(pie, dir, "pie"), pie_flags);
	fixture_compile(fixture_path(fixed, dir, "fixed"), exec_flags);
	fixture_compile(fixture_path(fixed_static, dir, "static"), static_flags);
	fixture_compile(fixture_path(packed, dir, "packed"), packed_flags);
	fixture_compile_library(fixture_path(library, dir, "library.so"));
	fixture_path(stripped, dir, "stripped");
	fixture_run(strip);
	make_exporting();
}

static void teardown_files(void)
{
	fixture_dir_remove(dir);
}

static void setup(void)
{
	s = symbolizer_new();
	ck_assert_ptr_nonnull(s);
}

static void teardown(void)
{
	symbolizer_free(s);
}

static void add(pid_t pid)
{
	struct err err = {0};

	ck_assert_msg(symbolizer_add_process(s, pid, &err) == 0, "%s", err.msg);
}

static void start(const char *program, const char *argument)
{
	const char *const argv[] = {program, argument, NULL};

	fixture_start(&child, argv, NULL);
	fixture_talk(&child, "");
}

static struct symbol function(uint64_t addr)
{
	struct symbol symbol;

	memset(&symbol, 0xaa, sizeof(symbol));
	symbolizer_function(s, child.pid, addr, &symbol);
	return symbol;
}

static struct symbol data(uint64_t addr)
{
	struct symbol symbol;

	memset(&symbol, 0xaa, sizeof(symbol));
	symbolizer_data(s, child.pid, addr, &symbol);
	return symbol;
}

static void check_named(struct symbol got, const char *name, uint64_t offset, const char *module)
{
	ck_assert_msg(got.kind == SYMBOL_NAMED, "%s in %s: kind %d", name, module, got.kind);
	ck_assert_str_eq(got.name, name);
	ck_assert_uint_eq(got.offset, offset);
	ck_assert_str_eq(got.module, module);
}

static void check_anon(struct symbol got, const char *module)
{
	ck_assert_msg(got.kind == SYMBOL_ANON, "%s: kind %d", module, got.kind);
	ck_assert_str_eq(got.module, module);
	ck_assert_ptr_null(got.name);
}

static struct symbolizer_stats stats(void)
{
	struct symbolizer_stats ret;

	symbolizer_get_stats(s, &ret);
	return ret;
}

/* How many descriptors this process has open. */
static size_t descriptors(void)
{
	DIR *fds = opendir("/proc/self/fd");
	size_t count = 0;

	ck_assert_ptr_nonnull(fds);
	while (readdir(fds))
		count++;
	closedir(fds);
	return count;
}

/* What the running child says of itself is what we say, and readelf says it of the file. */
static void check_child(const char *path, const char *module)
{
	uint64_t at;

	check_named(function(fixture_address(&child, "main") + 5), "main", 5, module);
	at = fixture_address(&child, "local_function");
	check_named(function(at), "local_function", 0, module);
	ck_assert_uint_eq(function(at).module_offset, fixture_symbol_value(path, "local_function"));
	check_named(function(fixture_address(&child, "global_function")), "weak_fn", 0, module);
	check_named(data(fixture_address(&child, "global_data") + 3), "global_data", 3, module);
	check_named(data(fixture_address(&child, "local_data")), "local_data", 0, module);
	check_named(data(fixture_address(&child, "local_bss") + 63), "local_bss", 63, module);
	/* Its middle and end lie in the anonymous mapping behind the file's. */
	at = fixture_address(&child, "big_bss");
	check_named(data(at), "big_bss", 0, module);
	check_named(data(at + 0x80000), "big_bss", 0x80000, module);
	check_named(data(at + 0xfffff), "big_bss", 0xfffff, module);
	ck_assert_uint_eq(data(at + 0x80000).module_offset,
			  fixture_symbol_value(path, "big_bss") + 0x80000);
}

static void check_memory(void)
{
	struct symbol got;

	check_anon(data(fixture_address(&child, "heap")), "[heap]");
	check_anon(data(fixture_address(&child, "stack")), "[stack]");
	check_anon(data(fixture_address(&child, "thread_stack")), "[thread stack]");
	check_anon(data(fixture_address(&child, "anon") + 0x1000), "[anon]");
	check_anon(data(fixture_address(&child, "shared_anon")), "[shared memory]");
	check_anon(function(fixture_address(&child, "heap")), "[heap]");
	got = function(fixture_address(&child, "vdso") + 0x10);
	ck_assert_int_eq(got.kind, SYMBOL_MODULE_ONLY);
	ck_assert_str_eq(got.module, "[vdso]");
	ck_assert_uint_eq(got.module_offset, 0x10);
	ck_assert_int_eq(function(0).kind, SYMBOL_NONE);
	ck_assert_int_eq(data(UINT64_MAX).kind, SYMBOL_NONE);
	ck_assert_ptr_null(data(0).module);
}

START_TEST(programs_of_each_kind)
{
	const char *const programs[] = {pie, fixed, fixed_static, packed};

	start(programs[_i], NULL);
	add(child.pid);
	check_child(programs[_i], programs[_i]);
	check_memory();
	ck_assert_uint_eq(stats().files.unreadable, 0);
	ck_assert_uint_eq(stats().files.corrupt, 0);
	ck_assert_uint_eq(stats().files.mismatched, 0);
	ck_assert_uint_eq(stats().files.over_limit, 0);
	ck_assert_uint_eq(stats().mappings_dropped, 0);
	fixture_stop(&child);
}
END_TEST

/* Without randomisation the heap follows a fixed program's .bss, in one mapping with it. */
START_TEST(bss_and_heap_in_one_mapping)
{
	const char *const argv[] = {"setarch", "-R", fixed, NULL};

	fixture_start(&child, argv, NULL);
	fixture_talk(&child, "");
	add(child.pid);
	check_child(fixed, fixed);
	check_anon(data(fixture_address(&child, "heap")), "[heap]");
	fixture_stop(&child);
}
END_TEST

START_TEST(names_outlive_the_process)
{
	struct err err = {0};

	start(pie, NULL);
	add(child.pid);
	fixture_stop(&child);
	check_child(pie, pie);
	/* A refresh that fails takes nothing away. */
	ck_assert_int_eq(symbolizer_add_process(s, child.pid, &err), -ESRCH);
	ck_assert_int_eq(err.code, -ESRCH);
	check_child(pie, pie);
	check_memory();
}
END_TEST

START_TEST(an_unknown_process_has_no_names)
{
	struct symbol_mapping mapping = {.inode = 77};

	start(pie, NULL);
	ck_assert_int_eq(function(fixture_address(&child, "main")).kind, SYMBOL_NONE);
	ck_assert_int_eq(
		symbolizer_mapping(s, child.pid, fixture_address(&child, "main"), &mapping),
		-ENOENT);
	ck_assert_uint_eq(mapping.inode, 77);
	fixture_stop(&child);
}
END_TEST

START_TEST(a_deleted_binary_is_still_named)
{
	char copy[FIXTURE_PATH_MAX];

	fixture_copy(pie, fixture_path(copy, dir, "deleted"));
	start(copy, NULL);
	ck_assert_int_eq(unlink(copy), 0);
	add(child.pid);
	fixture_stop(&child);
	if (geteuid() == 0) {
		check_child(pie, copy);
	} else {
		/* Only the superuser may follow the kernel's own link to it. */
		ck_assert_int_eq(function(fixture_address(&child, "main")).kind,
				 SYMBOL_MODULE_ONLY);
		ck_assert_uint_eq(stats().files.unreadable, 1);
	}
}
END_TEST

START_TEST(stripped_programs_give_module_and_offset)
{
	struct symbol got;

	start(stripped, NULL);
	add(child.pid);
	got = function(fixture_address(&child, "local_function") + 2);
	ck_assert_int_eq(got.kind, SYMBOL_MODULE_ONLY);
	ck_assert_ptr_null(got.name);
	ck_assert_str_eq(got.module, stripped);
	ck_assert_uint_eq(got.module_offset, fixture_symbol_value(pie, "local_function") + 2);
	got = data(fixture_address(&child, "big_bss") + 0x80000);
	ck_assert_int_eq(got.kind, SYMBOL_MODULE_ONLY);
	ck_assert_uint_eq(got.module_offset, fixture_symbol_value(pie, "big_bss") + 0x80000);
	fixture_stop(&child);
}
END_TEST

START_TEST(a_debug_file_is_opened_for_names_that_the_program_lacks)
{
	size_t before;

	start(exporting, NULL);
	add(child.pid);
	before = descriptors();
	check_named(function(fixture_address(&child, "main")), "main", 0, exporting);
	ck_assert_uint_eq(descriptors(), before);
	check_named(function(fixture_address(&child, "local_function")), "local_function", 0,
		    exporting);
	ck_assert_uint_eq(descriptors(), before + 1);
	fixture_stop(&child);
}
END_TEST

START_TEST(a_refresh_sees_dlopen)
{
	char load[FIXTURE_PATH_MAX + 16];
	uint64_t at;

	snprintf(load, sizeof(load), "load %s\n", library);
	start(pie, NULL);
	add(child.pid);
	fixture_talk(&child, load);
	at = fixture_address(&child, "library_function");
	ck_assert_int_eq(function(at).kind, SYMBOL_NONE);
	add(child.pid);
	check_named(function(at), "library_function", 0, library);
	check_named(data(fixture_address(&child, "library_data") + 63), "library_data", 63,
		    library);
	check_child(pie, pie);
	fixture_stop(&child);
}
END_TEST

START_TEST(a_refresh_sees_exec)
{
	const char *const argv[] = {"/bin/sh", "-c", "echo ready; read x; exec \"$0\"", pie, NULL};

	fixture_start(&child, argv, NULL);
	fixture_talk(&child, "");
	add(child.pid);
	fixture_talk(&child, "\n");
	add(child.pid);
	check_child(pie, pie);
	fixture_stop(&child);
}
END_TEST

START_TEST(processes_share_files)
{
	struct fixture_child first;
	struct symbol a, b;
	size_t before, held;

	start(pie, NULL);
	first = child;
	start(pie, NULL);
	before = descriptors();
	add(first.pid);
	held = descriptors();
	ck_assert_uint_gt(held, before);
	add(child.pid);
	ck_assert_uint_eq(descriptors(), held);
	ck_assert_int_ne(first.pid, child.pid);
	symbolizer_function(s, first.pid, fixture_address(&first, "main"), &a);
	b = function(fixture_address(&child, "main"));
	check_named(b, "main", 0, pie);
	/* One copy of the name and of the path: one file. */
	ck_assert_ptr_eq(a.name, b.name);
	ck_assert_ptr_eq(a.module, b.module);
	symbolizer_free(s);
	s = NULL;
	ck_assert_uint_eq(descriptors(), before);
	fixture_stop(&first);
	fixture_stop(&child);
}
END_TEST

START_TEST(shared_memory_is_identified)
{
	char path[FIXTURE_PATH_MAX];
	struct symbol_mapping got, again;
	struct stat st;
	struct fixture_child first;
	size_t open_before;
	int fd = open(fixture_path(path, dir, "shared"), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

	ck_assert(fd >= 0 && ftruncate(fd, 8192) == 0 && fstat(fd, &st) == 0);
	close(fd);
	start(pie, path);
	first = child;
	start(pie, path);
	add(first.pid);
	add(child.pid);
	ck_assert_int_eq(
		symbolizer_mapping(s, child.pid, fixture_address(&child, "shared_file") + 24, &got),
		0);
	ck_assert_uint_eq(got.dev, st.st_dev);
	ck_assert_uint_eq(got.inode, st.st_ino);
	ck_assert_uint_eq(got.file_offset, 4096 + 24);
	ck_assert_str_eq(got.path, path);
	ck_assert(got.shared && !got.anonymous);
	ck_assert_int_eq(symbolizer_mapping(s, first.pid,
					    fixture_address(&first, "shared_file") + 24, &again),
			 0);
	ck_assert(again.dev == got.dev && again.inode == got.inode &&
		  again.file_offset == got.file_offset);
	/* Shared memory without a file has an identity, too. */
	ck_assert_int_eq(
		symbolizer_mapping(s, child.pid, fixture_address(&child, "shared_anon"), &got), 0);
	ck_assert(got.shared && !got.anonymous && got.inode);
	ck_assert_int_eq(symbolizer_mapping(s, child.pid, fixture_address(&child, "heap"), &got),
			 0);
	ck_assert(!got.shared && got.anonymous && !got.inode);
	/* It is named by its path, and not opened for that. */
	open_before = descriptors();
	ck_assert_int_eq(data(fixture_address(&child, "shared_file") + 24).kind,
			 SYMBOL_MODULE_ONLY);
	ck_assert_uint_eq(descriptors(), open_before);
	ck_assert_str_eq(data(fixture_address(&child, "shared_file")).module, path);
	ck_assert_uint_eq(data(fixture_address(&child, "shared_file") + 24).module_offset,
			  4096 + 24);
	ck_assert_uint_eq(stats().files.unreadable, 0);
	fixture_stop(&first);
	fixture_stop(&child);
}
END_TEST

START_TEST(a_chroot_is_looked_into)
{
	const char *const argv[] = {"/static", NULL};

	if (geteuid() != 0)
		return; /* chroot() is the superuser's */
	fixture_start(&child, argv, dir);
	fixture_talk(&child, "");
	add(child.pid);
	check_child(fixed_static, fixed_static);
	fixture_stop(&child);
}
END_TEST

START_TEST(damaged_files_are_counted)
{
	char copy[FIXTURE_PATH_MAX], load[FIXTURE_PATH_MAX + 16];
	const uint16_t impossible = PN_XNUM;
	struct symbol got;
	int fd;

	fixture_copy(library, fixture_path(copy, dir, "damaged.so"));
	snprintf(load, sizeof(load), "load %s\n", copy);
	start(pie, NULL);
	fixture_talk(&child, load);
	fd = open(copy, O_WRONLY | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(pwrite(fd, &impossible, sizeof(impossible), offsetof(Elf64_Ehdr, e_phnum)),
			 sizeof(impossible));
	close(fd);
	add(child.pid);
	for (int i = 0; i < 2; i++) {
		got = function(fixture_address(&child, "library_function"));
		ck_assert_int_eq(got.kind, SYMBOL_MODULE_ONLY);
		ck_assert_str_eq(got.module, copy);
		/* Once a file, not once a question. */
		ck_assert_uint_eq(stats().files.corrupt, 1);
	}
	check_child(pie, pie);
	fixture_stop(&child);
}
END_TEST

START_TEST(own_libraries_are_named)
{
	/* The addresses of data and functions by our own linker; the library is stripped or not. */
	child.pid = getpid();
	add(child.pid);
	check_named(function((uintptr_t)&suite_create), "suite_create", 0,
		    function((uintptr_t)&suite_create).module);
	check_named(data((uintptr_t)&dir + 1), "dir", 1, data((uintptr_t)&dir).module);
	child.pid = 0;
}
END_TEST

Suite *symbol_symbolizer_suite(void)
{
	Suite *suite = suite_create("symbol_symbolizer");
	TCase *tcase = tcase_create("symbolizer");

	tcase_set_timeout(tcase, 30);
	tcase_add_unchecked_fixture(tcase, setup_files, teardown_files);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_loop_test(tcase, programs_of_each_kind, 0, 4);
	tcase_add_test(tcase, bss_and_heap_in_one_mapping);
	tcase_add_test(tcase, names_outlive_the_process);
	tcase_add_test(tcase, an_unknown_process_has_no_names);
	tcase_add_test(tcase, a_deleted_binary_is_still_named);
	tcase_add_test(tcase, stripped_programs_give_module_and_offset);
	tcase_add_test(tcase, a_debug_file_is_opened_for_names_that_the_program_lacks);
	tcase_add_test(tcase, a_refresh_sees_dlopen);
	tcase_add_test(tcase, a_refresh_sees_exec);
	tcase_add_test(tcase, processes_share_files);
	tcase_add_test(tcase, shared_memory_is_identified);
	tcase_add_test(tcase, a_chroot_is_looked_into);
	tcase_add_test(tcase, damaged_files_are_counted);
	tcase_add_test(tcase, own_libraries_are_named);
	suite_add_tcase(suite, tcase);
	return suite;
}
