// SPDX-License-Identifier: GPL-2.0-only
#include "symbol/elf_syms.h"

#include "tests/unit/suites.h"
#include "tests/unit/symbol_fixture.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"

static const char *const pie_flags[] = {"-pie", "-fPIE", "-rdynamic", "-pthread", NULL};
static const char *const exec_flags[] = {"-no-pie", "-fno-pie", "-pthread", NULL};

static char dir[FIXTURE_PATH_MAX];
static char pie[FIXTURE_PATH_MAX];
static char fixed[FIXTURE_PATH_MAX];
static char stripped[FIXTURE_PATH_MAX];
static char library[FIXTURE_PATH_MAX];

static void setup(void)
{
	const char *const strip[] = {"strip", "-o", stripped, pie, NULL};

	fixture_dir_make(dir);
	fixture_compile(fixture_path(pie, dir, "pie"), pie_flags);
	fixture_compile(fixture_path(fixed, dir, "fixed"), exec_flags);
	fixture_compile_library(fixture_path(library, dir, "library.so"));
	fixture_path(stripped, dir, "stripped");
	fixture_run(strip);
}

static void teardown(void)
{
	fixture_dir_remove(dir);
}

static struct elf_syms *load(const char *path, int *ret_fd)
{
	struct elf_syms *es = NULL;
	struct err err = {0};

	*ret_fd = open(path, O_RDONLY | O_CLOEXEC);
	ck_assert_int_ge(*ret_fd, 0);
	ck_assert_msg(elf_syms_load(*ret_fd, &es, &err) == 0, "%s: %s", path, err.msg);
	return es;
}

static void unload(struct elf_syms *es, int fd)
{
	elf_syms_free(es);
	close(fd);
}

static int find(struct elf_syms *es, bool function, uint64_t vaddr, const char **name,
		uint64_t *offset)
{
	return function ? elf_syms_find_func(es, vaddr, name, offset)
			: elf_syms_find_object(es, vaddr, name, offset);
}

/* Whether readelf knows @name at @value; a local one only where there is no global one. */
static bool is_alias(const struct fixture_symbol *symbols, size_t len, uint64_t value,
		     const char *name)
{
	bool have_global = false, match = false, match_global = false;

	for (size_t i = 0; i < len; i++) {
		if (symbols[i].value != value)
			continue;
		have_global = have_global || !symbols[i].local;
		if (strcmp(symbols[i].name, name) != 0)
			continue;
		match = true;
		match_global = match_global || !symbols[i].local;
	}
	return match && (match_global || !have_global);
}

/* Every sized symbol that readelf knows is found by its first and its last byte. */
static void check_against_readelf(const char *path, const char *tables, size_t at_least)
{
	struct fixture_symbol *symbols;
	size_t len = fixture_symbols(path, tables, &symbols);
	int fd;
	struct elf_syms *es = load(path, &fd);

	ck_assert_uint_ge(len, at_least);
	for (size_t i = 0; i < len; i++) {
		const struct fixture_symbol *want = &symbols[i];
		const char *name;
		uint64_t offset;

		ck_assert_msg(find(es, want->function, want->value, &name, &offset) == 0,
			      "%s: nothing at %s", path, want->name);
		ck_assert_msg(is_alias(symbols, len, want->value, name), "%s: %s is called %s",
			      path, want->name, name);
		ck_assert_uint_eq(offset, 0);
		ck_assert_int_eq(
			find(es, want->function, want->value + want->size - 1, &name, &offset), 0);
		ck_assert_msg(offset == want->size - 1 ||
				      !is_alias(symbols, len, want->value, name),
			      "%s: offset %" PRIu64 " at the end of %s", path, offset, want->name);
	}
	free(symbols);
	unload(es, fd);
}

START_TEST(all_symbols_are_found)
{
	check_against_readelf(pie, "--syms", 20);
	check_against_readelf(fixed, "--syms", 20);
	check_against_readelf(library, "--syms", 3);
	check_against_readelf(stripped, "--dyn-syms", 8);
}
END_TEST

/* Real files of many shapes: whatever this machine has. */
START_TEST(system_libraries_are_read)
{
	static const char *const paths[] = {"/proc/self/exe", "/bin/sh", "/usr/bin/env"};

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		int fd;
		struct elf_syms *es = load(paths[i], &fd);
		struct elf_syms_info info;

		elf_syms_info(es, &info);
		ck_assert_uint_eq(info.dropped, 0);
		ck_assert_uint_eq(info.names_failed, 0);
		unload(es, fd);
	}
}
END_TEST

static void check_name(struct elf_syms *es, bool function, uint64_t vaddr, const char *want_name,
		       uint64_t want_offset)
{
	const char *name = NULL;
	uint64_t offset = 0;
	int r = find(es, function, vaddr, &name, &offset);

	if (!want_name) {
		ck_assert_msg(r == -ENOENT, "%" PRIx64 ": %d %s", vaddr, r, name ? name : "");
		return;
	}
	ck_assert_msg(r == 0, "%" PRIx64 " should be %s: %d", vaddr, want_name, r);
	ck_assert_str_eq(name, want_name);
	ck_assert_uint_eq(offset, want_offset);
}

START_TEST(best_alias_is_chosen)
{
	int fd;
	struct elf_syms *es = load(pie, &fd);
	uint64_t value = fixture_symbol_value(pie, "__under_function");

	/*
	 * Of __under_function, global_function (global), weak_fn (weak) and aa (local): not the
	 * underscores, not the local one, and of the two left the shorter.
	 */
	ck_assert_uint_eq(value, fixture_symbol_value(pie, "aa"));
	ck_assert_uint_eq(value, fixture_symbol_value(pie, "global_function"));
	check_name(es, true, value + 1, "weak_fn", 1);
	unload(es, fd);
}
END_TEST

START_TEST(nested_and_unsized_symbols)
{
	uint64_t outer = fixture_symbol_value(pie, "outer_function");
	int fd;
	struct elf_syms *es = load(pie, &fd);

	check_name(es, true, outer + 3, "outer_function", 3);
	check_name(es, true, outer + 5, "inner_function", 1);
	check_name(es, true, outer + 8, "outer_function", 8);
	/* Without a size as far as the next symbol, which has one and ends there. */
	check_name(es, true, outer + 16, "unsized_function", 0);
	check_name(es, true, outer + 31, "unsized_function", 15);
	check_name(es, true, outer + 32, "first_sized", 0);
	/* unsized_alias, at the same place, has the size of first_sized. */
	check_name(es, true, outer + 39, "first_sized", 7);
	check_name(es, true, outer + 40, NULL, 0);
	unload(es, fd);

	es = load(stripped, &fd);
	check_name(es, true, outer + 5, "outer_function", 5);
	check_name(es, true, outer + 16, "unsized_function", 0);
	check_name(es, true, outer + 17, NULL, 0);
	unload(es, fd);
}
END_TEST

/* The start and the end of @section by readelf. */
static void section_bounds(const char *path, const char *section, uint64_t *ret_start,
			   uint64_t *ret_end)
{
	char command[2 * FIXTURE_PATH_MAX], line[512], name[64];
	uint64_t start, size;
	FILE *f;

	*ret_end = 0;
	snprintf(command, sizeof(command), "readelf -SW '%s' | sed 's/^ *\\[ *[0-9]*\\]//'", path);
	f = popen(command, "re");
	ck_assert_ptr_nonnull(f);
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, " %63s %*s %" SCNx64 " %*x %" SCNx64, name, &start, &size) == 3 &&
		    strcmp(name, section) == 0) {
			*ret_start = start;
			*ret_end = start + size;
		}
	}
	ck_assert_int_eq(pclose(f), 0);
	ck_assert_msg(*ret_end != 0, "readelf knows no %s", section);
}

START_TEST(an_unsized_symbol_ends_with_its_section)
{
	uint64_t start, end, plt, plt_end;
	int fd;
	struct elf_syms *es = load(pie, &fd);

	/* _init has no size and is all of .init; the procedure linkage table follows. */
	section_bounds(pie, ".init", &start, &end);
	section_bounds(pie, ".plt", &plt, &plt_end);
	ck_assert_uint_ge(plt, end);
	check_name(es, true, end - 1, "_init", end - 1 - start);
	check_name(es, true, plt, NULL, 0);
	check_name(es, true, plt_end - 1, NULL, 0);
	unload(es, fd);
}
END_TEST

START_TEST(kinds_are_kept_apart)
{
	uint64_t function = fixture_symbol_value(pie, "local_function");
	uint64_t data = fixture_symbol_value(pie, "big_bss");
	int fd;
	struct elf_syms *es = load(pie, &fd);

	check_name(es, false, function, NULL, 0);
	check_name(es, true, data, NULL, 0);
	check_name(es, false, data + (1 << 20) - 1, "big_bss", (1 << 20) - 1);
	/* tls_data's value is its offset among the thread's variables: 0. */
	check_name(es, false, 0, NULL, 0);
	check_name(es, true, UINT64_MAX, NULL, 0);
	check_name(es, false, UINT64_MAX, NULL, 0);
	unload(es, fd);
}
END_TEST

START_TEST(stripped_files_give_exported_names_alone)
{
	uint64_t function = fixture_symbol_value(pie, "local_function");
	uint64_t under = fixture_symbol_value(pie, "__under_function");
	uint64_t data = fixture_symbol_value(pie, "local_data");
	struct elf_syms_info info;
	int fd;
	struct elf_syms *es = load(stripped, &fd);

	elf_syms_info(es, &info);
	ck_assert(!info.has_symtab);
	check_name(es, true, under + 1, "weak_fn", 1);
	check_name(es, true, function, NULL, 0);
	check_name(es, false, data, NULL, 0);
	unload(es, fd);

	es = load(pie, &fd);
	elf_syms_info(es, &info);
	ck_assert(info.has_symtab);
	check_name(es, true, function, "local_function", 0);
	check_name(es, false, data, "local_data", 0);
	unload(es, fd);
}
END_TEST

/* .dynsym repeats what .symtab has: both together are not more than .symtab alone. */
START_TEST(tables_are_merged_without_repetition)
{
	struct elf_syms_info before, after;
	char copy[FIXTURE_PATH_MAX];
	const char *const drop[] = {"objcopy", "--remove-section=.dynsym", pie, copy, NULL};
	int fd;
	struct elf_syms *es = load(pie, &fd);

	elf_syms_info(es, &before);
	unload(es, fd);
	fixture_path(copy, dir, "no-dynsym");
	fixture_run(drop);
	es = load(copy, &fd);
	elf_syms_info(es, &after);
	unload(es, fd);
	ck_assert_uint_eq(before.functions, after.functions);
	ck_assert_uint_eq(before.objects, after.objects);
}
END_TEST

START_TEST(long_and_versioned_names)
{
	char script[FIXTURE_PATH_MAX], option[FIXTURE_PATH_MAX + 32], path[FIXTURE_PATH_MAX];
	const char *const flags[] = {"-shared", "-fPIC", "-nostdlib", option, NULL};
	char source[2048], name[1001];
	struct elf_syms *es;
	int fd;

	memset(name, 'n', sizeof(name) - 1);
	name[1000] = '\0';
	snprintf(source, sizeof(source),
		 "int %s = 1; void versioned(void) {}\n"
		 "__asm__(\".symver versioned,other@@V1\");\n",
		 name);
	fixture_write(fixture_path(script, dir, "version-script"), "V1 { };");
	snprintf(option, sizeof(option), "-Wl,--version-script=%s", script);
	fixture_compile_source(fixture_path(path, dir, "names.so"), source, flags);

	es = load(path, &fd);
	check_name(es, true, fixture_symbol_value(path, "other"), "other", 0);
	/* As far as the fixture keeps names. */
	memset(source, 'n', 127);
	source[127] = '\0';
	check_name(es, false, fixture_symbol_value(path, source), name, 0);
	unload(es, fd);
}
END_TEST

START_TEST(addresses_are_translated)
{
	const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), base = 0x7f0000000000;
	Elf64_Ehdr header;
	Elf64_Phdr p[32];
	int fd, seen = 0;
	struct elf_syms *es = load(library, &fd);

	ck_assert_int_eq(pread(fd, &header, sizeof(header), 0), sizeof(header));
	ck_assert_uint_le(header.e_phnum, 32);
	ck_assert_int_gt(pread(fd, p, sizeof(p), (off_t)header.e_phoff), 0);
	for (unsigned int i = 0; i < header.e_phnum; i++) {
		/* As the loader maps a segment: whole pages, at the bias. */
		const uint64_t skew = p[i].p_offset % page;
		const struct elf_mapping m = {
			.start = base + p[i].p_vaddr - skew,
			.end = base + (p[i].p_vaddr + p[i].p_filesz + page - 1) / page * page,
			.offset = p[i].p_offset - skew,
			.writable = p[i].p_flags & PF_W,
		};
		uint64_t vaddr = 77;

		if (p[i].p_type != PT_LOAD)
			continue;
		seen++;
		ck_assert_int_eq(elf_syms_vaddr(es, &m, base, base + p[i].p_vaddr, &vaddr), 0);
		ck_assert_uint_eq(vaddr, p[i].p_vaddr);
		vaddr = p[i].p_vaddr + p[i].p_memsz - 1;
		ck_assert_int_eq(elf_syms_vaddr(es, &m, base, base + vaddr, &vaddr), 0);
		ck_assert_uint_eq(vaddr, p[i].p_vaddr + p[i].p_memsz - 1);
		ck_assert_int_eq(elf_syms_vaddr(es, &m, base, base + (1 << 30), &vaddr), -ENOENT);
		ck_assert_uint_eq(vaddr, p[i].p_vaddr + p[i].p_memsz - 1);
	}
	ck_assert_int_ge(seen, 2);
	unload(es, fd);
}
END_TEST

Suite *symbol_elf_syms_suite(void)
{
	Suite *suite = suite_create("symbol_elf_syms");
	TCase *tcase = tcase_create("elf_syms");

	tcase_set_timeout(tcase, 30);
	tcase_add_unchecked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, all_symbols_are_found);
	tcase_add_test(tcase, system_libraries_are_read);
	tcase_add_test(tcase, best_alias_is_chosen);
	tcase_add_test(tcase, nested_and_unsized_symbols);
	tcase_add_test(tcase, an_unsized_symbol_ends_with_its_section);
	tcase_add_test(tcase, kinds_are_kept_apart);
	tcase_add_test(tcase, stripped_files_give_exported_names_alone);
	tcase_add_test(tcase, tables_are_merged_without_repetition);
	tcase_add_test(tcase, long_and_versioned_names);
	tcase_add_test(tcase, addresses_are_translated);
	suite_add_tcase(suite, tcase);
	return suite;
}
