// SPDX-License-Identifier: GPL-2.0-only
/* Tables of real files, against libdw's reading of the same ones, and of an assembled one. */
#include "symbol/unwind_table.h"

#include "tests/unit/suites.h"
#include "tests/unit/symbol_fixture.h"
#include "tests/unit/symbol_unwind_oracle.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/err.h"
#include "base/num.h"
#include "symbol/maps.h"

/* So many rows of a file, and places in it, are compared at most: libdw takes a microsecond each.
 */
#define ROWS_COMPARED 60000
#define PLACES_COMPARED 60000

#ifdef __x86_64__

static char dir[FIXTURE_PATH_MAX];

static void setup(void)
{
	fixture_dir_make(dir);
}

static void teardown(void)
{
	fixture_dir_remove(dir);
}

static struct unwind_table *build(const char *path)
{
	struct unwind_table *table = NULL;
	struct err err = {0};
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_msg(unwind_table_build(fd, &table, &err) == 0, "%s: %s", path, err.msg);
	close(fd);
	oracle_check_shape(table);
	return table;
}

/* Returns how many frames have been compared. */
static size_t compare_with_libdw(struct oracle *o, const struct unwind_table *table)
{
	/* Odd, so that all places inside 16 bytes come up. */
	uint64_t stride = (table->text_bytes / PLACES_COMPARED) | 1;

	return oracle_check_all(o, table, table->rows_len / ROWS_COMPARED + 1, stride);
}

static void compare_file(const char *path, size_t rows_min)
{
	struct unwind_table *table = build(path);
	struct oracle o;

	oracle_open(&o, path);
	ck_assert_uint_ge(table->rows_len, rows_min);
	ck_assert_uint_ge(compare_with_libdw(&o, table), num_min_u64(rows_min, ROWS_COMPARED) / 2);
	/* A distribution's and this build's files leave nothing to count. */
	ck_assert_uint_eq(table->stats.entries_malformed, 0);
	ck_assert_uint_eq(table->stats.fdes_malformed, 0);
	ck_assert_uint_eq(table->stats.fdes_beyond_limit, 0);
	ck_assert_uint_lt(table->stats.rows_unsupported, 16 + table->rows_len / 100);
	ck_assert_uint_ne(table->build_id, 0);
	oracle_close(&o);
	unwind_table_free(table);
}

/* The file that holds @function in this process. */
static const char *file_of(const void *function)
{
	Dl_info info;

	ck_assert_int_ne(dladdr(function, &info), 0);
	return info.dli_fname;
}

START_TEST(libc_agrees)
{
	compare_file(file_of((const void *)strsignal), 10000);
}
END_TEST

START_TEST(dynamic_loader_agrees)
{
	compare_file(file_of((const void *)getauxval(AT_BASE)), 1000);
}
END_TEST

START_TEST(python_agrees)
{
	compare_file("/usr/bin/python3", 10000);
}
END_TEST

START_TEST(this_program_agrees)
{
	compare_file("/proc/self/exe", 500);
}
END_TEST

START_TEST(vdso_agrees)
{
	uint64_t start = getauxval(AT_SYSINFO_EHDR);
	struct unwind_table *table = NULL;
	const struct mapping *mapping;
	struct err err = {0};
	struct maps maps;
	struct oracle o;
	uint64_t delta;

	ck_assert_int_eq(maps_read(getpid(), &maps, &err), 0);
	mapping = maps_find(&maps, start);
	ck_assert(mapping && mapping->start == start);
	ck_assert_int_eq(
		unwind_table_build_memory((void *)start, mapping->end - start, &table, &err), 0);
	oracle_check_shape(table);
	oracle_open_memory(&o, (void *)start, mapping->end - start);
	ck_assert_uint_gt(oracle_check_all(&o, table, 1, 1), 10);
	ck_assert_int_eq(unwind_table_delta(table, 0, &delta), 0);
	ck_assert_uint_eq(delta, 0 - table->base_vaddr);
	oracle_close(&o);
	unwind_table_free(table);
	maps_free(&maps);
}
END_TEST

struct loaded {
	uint64_t addr;
	uint64_t bias; /* to subtract for a vaddr */
	bool found;
};

static int find_loaded(struct dl_phdr_info *info, size_t size, void *data)
{
	struct loaded *l = data;

	(void)size;
	for (unsigned int i = 0; i < info->dlpi_phnum; i++) {
		const Elf64_Phdr *p = &info->dlpi_phdr[i];

		if (p->p_type == PT_LOAD && l->addr - info->dlpi_addr - p->p_vaddr < p->p_memsz) {
			l->bias = info->dlpi_addr;
			l->found = true;
		}
	}
	return l->found;
}

/* An address of this process, by its mapping, has the pc that the dynamic loader knows. */
START_TEST(addresses_find_their_rows)
{
	const uint64_t addrs[] = {
		(uint64_t)strsignal,
		(uint64_t)build,
		getauxval(AT_BASE) + 0x2000,
	};
	struct err err = {0};
	struct maps maps;

	ck_assert_int_eq(maps_read(getpid(), &maps, &err), 0);
	for (size_t i = 0; i < ARRAY_LEN(addrs); i++) {
		const struct mapping *mapping = maps_find(&maps, addrs[i]);
		struct loaded loaded = {.addr = addrs[i]};
		struct unwind_table *table;
		uint64_t delta;

		ck_assert(mapping && (mapping->perms & MAPPING_EXEC));
		ck_assert_int_eq(dl_iterate_phdr(find_loaded, &loaded), 1);
		table = build(maps_path(&maps, mapping));
		ck_assert_int_eq(unwind_table_delta(table, mapping->offset, &delta), 0);
		ck_assert_uint_eq(addrs[i] - mapping->start + delta,
				  addrs[i] - loaded.bias - table->base_vaddr);
		delta = 77;
		ck_assert_int_eq(unwind_table_delta(table, UINT64_C(1) << 40, &delta), -ENOENT);
		ck_assert_uint_eq(delta, 77);
		unwind_table_free(table);
	}
	maps_free(&maps);
}
END_TEST

/* Each piece of the functions is 4 bytes long, but where it says so. */
static const char assembly[] =
	"	.text\n"
	"	.balign 16\n"
	"	.globl tricky\n"
	"	.type tricky, @function\n"
	"tricky:\n"
	"	.cfi_startproc\n"
	"	.skip 4, 0x90\n"
	"	.cfi_def_cfa_offset 16\n"
	"	.cfi_offset 6, -16\n"
	"	.skip 4, 0x90\n"
	"	.cfi_def_cfa_register 6\n"
	"	.skip 4, 0x90\n"
	"	.cfi_remember_state\n"
	"	.cfi_def_cfa 7, 8\n"
	"	.cfi_restore 6\n"
	"	.skip 4, 0x90\n"
	"	.cfi_restore_state\n"
	"	.skip 4, 0x90\n"
	"	.cfi_escape 0x0f, 3, 0x76, 0x78, 0x06\n" /* *(rbp - 8) */
	"	.skip 4, 0x90\n"			 /* 20: rbp's old place is none of it */
	"	.cfi_escape 0x10, 6, 2, 0x76, 0\n"	 /* rbp at *rbp */
	"	.skip 4, 0x90\n"
	"	.cfi_escape 0x2e, 0x10\n" /* GNU_args_size: no new row */
	"	.skip 4, 0x90\n"
	"	.cfi_restore 6\n"
	"	.cfi_def_cfa 7, 12\n"
	"	.skip 4, 0x90\n" /* 32 */
	"	.cfi_def_cfa 7, 262136\n"
	"	.skip 4, 0x90\n"
	"	.cfi_def_cfa 7, 262144\n"
	"	.skip 4, 0x90\n"
	"	.cfi_def_cfa 10, 0\n"
	"	.skip 4, 0x90\n"
	"	.cfi_def_cfa 7, 64\n"
	"	.cfi_offset 6, -1024\n"
	"	.skip 4, 0x90\n" /* 48 */
	"	.cfi_offset 6, -1032\n"
	"	.skip 4, 0x90\n"
	"	.cfi_register 6, 9\n"
	"	.skip 4, 0x90\n"
	"	.cfi_same_value 6\n"
	"	.skip 4, 0x90\n"
	"	.cfi_escape 0x16, 6, 2, 0x76, 8\n" /* 64: rbp is rbp + 8 */
	"	.skip 4, 0x90\n"
	"	.cfi_undefined 6\n"
	"	.skip 4, 0x90\n"
	"	.cfi_escape 0x14, 7, 0\n" /* rsp is the CFA, as ever: no new row */
	"	.skip 4, 0x90\n"
	"	.cfi_escape 0x14, 7, 1\n" /* rsp is CFA - 8 */
	"	.skip 4, 0x90\n"
	"	.cfi_escape 0x14, 7, 0\n" /* 80 */
	"	.cfi_offset 16, -16\n"
	"	.skip 4, 0x90\n"
	"	.cfi_undefined 16\n"
	"	.skip 300, 0x90\n" /* 84 */
	"	.cfi_restore 16\n"
	"	.skip 70000, 0x90\n" /* 384 */
	"	.cfi_def_cfa_offset 8\n"
	"	.skip 16, 0x90\n" /* 70384 */
	"	.cfi_endproc\n"
	"	.size tricky, . - tricky\n"
	"	.skip 15, 0x90\n" /* too short for a gap */
	"	.cfi_startproc\n" /* 70415 */
	"	.cfi_escape 0x0f, 11, 0x77, 8, 0x80, 0, 0x3f, 0x1a, 0x3a, 0x2a, 0x33, 0x24, 0x22\n"
	"	.skip 17, 0x90\n"
	"	.cfi_endproc\n"
	"	.skip 16, 0x90\n" /* 70432: a gap */
	"	.cfi_startproc\n" /* 70448 */
	"	.cfi_signal_frame\n"
	"	.cfi_escape 0x0f, 4, 0x77, 0xa0, 0x01, 0x06\n"
	"	.cfi_escape 0x10, 6, 3, 0x77, 0xf8, 0x00\n"
	"	.cfi_escape 0x10, 7, 3, 0x77, 0xa0, 0x01\n"
	"	.cfi_escape 0x10, 16, 3, 0x77, 0xa8, 0x01\n"
	"	.skip 16, 0x90\n"
	"	.cfi_escape 0x10, 16, 3, 0x77, 0xb0, 0x01\n" /* none of the kernel's */
	"	.skip 16, 0x90\n"
	"	.cfi_endproc\n"
	"	.cfi_startproc\n" /* 70480 */
	"	.cfi_signal_frame\n"
	"	.skip 16, 0x90\n"
	"	.cfi_endproc\n"
	"	.skip 4096, 0x90\n" /* 70496 */
	"	.section .note.GNU-stack,\"\",@progbits\n";

struct expected {
	uint32_t pc;
	enum unwind_kind kind;
	int cfa;
	int rbp;
};

static const struct expected expected[] = {
	{0, UNWIND_RSP, 1, 0},
	{4, UNWIND_RSP, 2, -2},
	{8, UNWIND_RBP, 2, -2},
	{12, UNWIND_RSP, 1, 0},
	{16, UNWIND_RBP, 2, -2},
	{20, UNWIND_UNSUPPORTED, 0, 0},
	{24, UNWIND_DEREF_RBP, -1, 0},
	{32, UNWIND_UNSUPPORTED, 0, 0},
	{36, UNWIND_RSP, 32767, 0},
	{40, UNWIND_UNSUPPORTED, 0, 0},
	{48, UNWIND_RSP, 8, -128},
	{52, UNWIND_UNSUPPORTED, 0, 0},
	{60, UNWIND_RSP, 8, 0},
	{64, UNWIND_UNSUPPORTED, 0, 0},
	{68, UNWIND_RSP, 8, 0},
	{76, UNWIND_UNSUPPORTED, 0, 0},
	{84, UNWIND_END, 0, 0},
	{384, UNWIND_RSP, 8, 0},
	{70384, UNWIND_RSP, 1, 0},
	{70415, UNWIND_PLT, 10, 0},
	{70432, UNWIND_GAP, 0, 0},
	{70448, UNWIND_SIGNAL, 0, 0},
	{70464, UNWIND_UNSUPPORTED, 0, 0},
	{70496, UNWIND_GAP, 0, 0},
};

/* Assemble it to "@name" in the test's directory. */
static const char *assemble(char path[FIXTURE_PATH_MAX], const char *name, const char *flag)
{
	char source[FIXTURE_PATH_MAX];
	const char *argv[] = {"cc", "-shared", "-nostdlib", "-Wl,--build-id=sha1", flag, "-o",
			      path, source,    NULL};

	fixture_path(path, dir, name);
	ck_assert_int_lt(snprintf(source, sizeof(source), "%s.S", path), FIXTURE_PATH_MAX);
	fixture_write(source, assembly);
	fixture_run(argv);
	return path;
}

START_TEST(assembled_rows_are_as_written)
{
	char path[FIXTURE_PATH_MAX];
	struct unwind_table *table = build(assemble(path, "tricky.so", "-Wl,-z,separate-code"));
	uint64_t start = fixture_symbol_value(path, "tricky") - table->base_vaddr;
	uint32_t row = 0;
	struct oracle o;

	/* The linker may have put something before it. */
	while (row < table->rows_len && unwind_row_pc(table->rows[row]) < start)
		row++;
	ck_assert_uint_eq(table->rows_len - row, ARRAY_LEN(expected));
	for (size_t i = 0; i < ARRAY_LEN(expected); i++) {
		uint64_t got = table->rows[row + i];

		ck_assert_msg(unwind_row_pc(got) == start + expected[i].pc &&
				      unwind_row_kind(got) == expected[i].kind &&
				      unwind_row_cfa_field(got) == expected[i].cfa &&
				      unwind_row_rbp_field(got) == expected[i].rbp,
			      "row %zu, pc %u: %016lx", i, expected[i].pc, (unsigned long)got);
	}
	oracle_open(&o, path);
	oracle_check_all(&o, table, 1, 7);
	ck_assert_uint_gt(table->stats.rows_merged, 0);
	oracle_close(&o);
	unwind_table_free(table);
}
END_TEST

/* Files with the same build id are the same file, whatever else was stripped of them. */
START_TEST(build_ids_tell_files_apart)
{
	char a[FIXTURE_PATH_MAX], b[FIXTURE_PATH_MAX], c[FIXTURE_PATH_MAX], d[FIXTURE_PATH_MAX];
	struct unwind_table *tables[4];

	assemble(a, "a.so", "-Wl,-z,separate-code");
	fixture_run((const char *const[]){"strip", "-o", fixture_path(b, dir, "b.so"), a, NULL});
	assemble(c, "c.so", "-Wl,--soname=c");
	assemble(d, "d.so", "-Wl,--build-id=none");
	tables[0] = build(a);
	tables[1] = build(b);
	tables[2] = build(c);
	tables[3] = build(d);
	ck_assert_uint_ne(tables[0]->build_id, 0);
	ck_assert_uint_eq(tables[0]->build_id, tables[1]->build_id);
	ck_assert_uint_ne(tables[0]->build_id, tables[2]->build_id);
	ck_assert_uint_eq(tables[3]->build_id, 0);
	ck_assert_uint_eq(tables[0]->rows_len, tables[1]->rows_len);
	ck_assert_mem_eq(tables[0]->rows, tables[1]->rows, tables[0]->rows_len * sizeof(uint64_t));
	for (size_t i = 0; i < ARRAY_LEN(tables); i++)
		unwind_table_free(tables[i]);
}
END_TEST

/* As Go's programs have it: no .eh_frame, and .debug_frame compressed or not. */
START_TEST(debug_frame_stands_in)
{
	static const char source[] =
		"#define APART __attribute__((noinline))\n"
		"APART int g(volatile int *x) { return *x * 3; }\n"
		"APART int f(int x) { volatile int y[x]; y[0] = x; return g(y) + g(y + 1); }\n"
		"APART int h(int x, int z) { return f(x) + f(z); }\n";
	static const char *const flags[] = {
		"-shared",
		"-fPIC",
		"-nostdlib",
		"-g",
		"-fvisibility=hidden", /* no PLT, for which the linker would write .eh_frame */
		"-fno-asynchronous-unwind-tables",
		"-fno-unwind-tables",
		NULL};
	char path[FIXTURE_PATH_MAX], packed[FIXTURE_PATH_MAX];
	struct unwind_table *table, *from_packed;
	struct oracle o;

	fixture_compile_source(fixture_path(path, dir, "debug.so"), source, flags);
	fixture_run((const char *const[]){"objcopy", "--compress-debug-sections=zlib-gabi", path,
					  fixture_path(packed, dir, "packed.so"), NULL});
	table = build(path);
	from_packed = build(packed);
	ck_assert_uint_ge(table->stats.fdes, 3);
	ck_assert_uint_eq(table->rows_len, from_packed->rows_len);
	ck_assert_mem_eq(table->rows, from_packed->rows, table->rows_len * sizeof(uint64_t));
	oracle_open(&o, path);
	oracle_use_debug_frame(&o);
	ck_assert_uint_gt(oracle_check_all(&o, table, 1, 1), 6);
	oracle_close(&o);
	unwind_table_free(table);
	unwind_table_free(from_packed);
}
END_TEST

#endif

Suite *symbol_unwind_table_suite(void)
{
	Suite *suite = suite_create("symbol_unwind_table");
	TCase *tcase = tcase_create("unwind_table");

	tcase_set_timeout(tcase, 60);
#ifdef __x86_64__
	tcase_add_unchecked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, libc_agrees);
	tcase_add_test(tcase, dynamic_loader_agrees);
	tcase_add_test(tcase, python_agrees);
	tcase_add_test(tcase, this_program_agrees);
	tcase_add_test(tcase, vdso_agrees);
	tcase_add_test(tcase, addresses_find_their_rows);
	tcase_add_test(tcase, assembled_rows_are_as_written);
	tcase_add_test(tcase, build_ids_tell_files_apart);
	tcase_add_test(tcase, debug_frame_stands_in);
#endif
	suite_add_tcase(suite, tcase);
	return suite;
}
