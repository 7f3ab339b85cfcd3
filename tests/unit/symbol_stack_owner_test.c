// SPDX-License-Identifier: GPL-2.0-only
/* What the symbolizer says of memory that is no file: stacks, the kernel's code, compiled code. */
#include "symbol/stack_owner.h"

#include "tests/unit/suites.h"
#include "tests/unit/symbol_fixture.h"

#include <dirent.h>
#include <inttypes.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "symbol/symbolizer.h"

static const char *const flags[] = {"-pthread", NULL};

static const char jit_source[] =
	"#include <stdio.h>\n"
	"#include <sys/mman.h>\n"
	"static void put(const char *name, int prot)\n"
	"{\n"
	"	printf(\"%s %lx\\n\", name, (long)mmap(NULL, 1 << 16, prot, MAP_PRIVATE | "
	"MAP_ANONYMOUS, -1, 0));\n"
	"}\n"
	"int main(void)\n"
	"{\n"
	"	put(\"code\", PROT_READ | PROT_EXEC);\n"
	"	mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);\n"
	"	put(\"data\", PROT_READ | PROT_WRITE);\n"
	"	puts(\"ready\");\n"
	"	fflush(stdout);\n"
	"	getchar();\n"
	"	return 0;\n"
	"}\n";

static char dir[FIXTURE_PATH_MAX];
static char threads[FIXTURE_PATH_MAX];
static char jit[FIXTURE_PATH_MAX];
static char map_path[64]; /* made by a test, to be removed */
static struct symbolizer *s;
static struct fixture_child child;

static void setup_files(void)
{
	fixture_dir_make(dir);
	fixture_compile(fixture_path(threads, dir, "threads"), flags);
	fixture_compile_source(fixture_path(jit, dir, "jit"), jit_source, flags);
}

static void teardown_files(void)
{
	fixture_dir_remove(dir);
}

static void setup(void)
{
	map_path[0] = '\0';
	s = symbolizer_new();
	ck_assert_ptr_nonnull(s);
}

static void teardown(void)
{
	symbolizer_free(s);
	if (map_path[0])
		unlink(map_path);
}

static void start(const char *program)
{
	const char *const argv[] = {program, NULL};

	fixture_start(&child, argv, NULL);
	fixture_talk(&child, "");
}

static void add(void)
{
	struct err err = {0};

	ck_assert_msg(symbolizer_add_process(s, child.pid, &err) == 0, "%s", err.msg);
}

/* The child's thread beside its first one. */
static pid_t second_thread(void)
{
	char path[64];
	struct dirent *entry;
	pid_t found = 0;
	DIR *tasks;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)child.pid);
	tasks = opendir(path);
	ck_assert_ptr_nonnull(tasks);
	while ((entry = readdir(tasks)))
		if (atoi(entry->d_name) > 0 && atoi(entry->d_name) != child.pid)
			found = atoi(entry->d_name);
	closedir(tasks);
	ck_assert_int_gt(found, 0);
	return found;
}

/* The mapping of @addr, as the kernel writes it. */
static void mapping_of(pid_t pid, uint64_t addr, uint64_t *ret_start, uint64_t *ret_end)
{
	char path[64], line[512];
	bool found = false;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
	f = fopen(path, "re");
	ck_assert_ptr_nonnull(f);
	while (!found && fgets(line, sizeof(line), f))
		found = sscanf(line, "%" SCNx64 "-%" SCNx64, ret_start, ret_end) == 2 &&
			addr >= *ret_start && addr < *ret_end;
	fclose(f);
	ck_assert(found);
}

START_TEST(whose_stack)
{
	uint64_t low, high, main_low, main_high;

	start(threads);
	mapping_of(child.pid, fixture_address(&child, "thread_stack"), &low, &high);
	mapping_of(child.pid, fixture_address(&child, "stack"), &main_low, &main_high);
	/* Until it is blocked in its read. */
	while (stack_owner(child.pid, low, high) == 0)
		sched_yield();
	ck_assert_int_eq(stack_owner(child.pid, low, high), second_thread());
	while (stack_owner(child.pid, main_low, main_high) == 0)
		sched_yield();
	ck_assert_int_eq(stack_owner(child.pid, main_low, main_high), child.pid);
	/* Below it, above it, and where nothing is. */
	ck_assert_int_eq(stack_owner(child.pid, low - 4096, low), 0);
	ck_assert_int_eq(stack_owner(child.pid, high, high + 4096), 0);
	ck_assert_int_eq(stack_owner(child.pid, 0, 0), 0);
	fixture_stop(&child);
	ck_assert_int_eq(stack_owner(child.pid, low, high), 0);
}
END_TEST

START_TEST(the_symbolizer_knows_stacks)
{
	uint64_t at;

	start(threads);
	at = fixture_address(&child, "thread_stack");
	ck_assert_int_eq(symbolizer_stack_owner(s, child.pid, at), 0); /* not added yet */
	add();
	while (symbolizer_stack_owner(s, child.pid, at) == 0)
		sched_yield();
	ck_assert_int_eq(symbolizer_stack_owner(s, child.pid, at), second_thread());
	ck_assert_int_eq(symbolizer_stack_owner(s, child.pid, fixture_address(&child, "stack")),
			 child.pid);
	/* Memory that is no stack. */
	ck_assert_int_eq(symbolizer_stack_owner(s, child.pid, fixture_address(&child, "heap")), 0);
	ck_assert_int_eq(symbolizer_stack_owner(s, child.pid, fixture_address(&child, "main")), 0);
	ck_assert_int_eq(symbolizer_stack_owner(s, child.pid, 0), 0);
	fixture_stop(&child);
}
END_TEST

/* The vdso of all processes is ours, which readelf reads. */
START_TEST(functions_of_the_vdso)
{
	const char *image = (const char *)getauxval(AT_SYSINFO_EHDR);
	char path[FIXTURE_PATH_MAX];
	struct fixture_symbol *symbols;
	size_t len, checked = 0;
	uint64_t base, low, high;
	FILE *f;

	start(threads);
	add();
	base = fixture_address(&child, "vdso");
	f = fopen(fixture_path(path, dir, "vdso"), "we");
	ck_assert_ptr_nonnull(f);
	mapping_of(getpid(), (uintptr_t)image, &low, &high);
	ck_assert_uint_eq(fwrite(image, high - low, 1, f), 1);
	ck_assert_int_eq(fclose(f), 0);
	len = fixture_symbols(path, "--dyn-syms", &symbols);
	for (size_t i = 0; i < len; i++) {
		struct symbol got;
		bool known = false;

		if (!symbols[i].function)
			continue;
		symbolizer_function(s, child.pid, base + symbols[i].value + 1, &got);
		ck_assert_int_eq(got.kind, SYMBOL_NAMED);
		ck_assert_str_eq(got.module, "[vdso]");
		ck_assert_uint_eq(got.offset, 1);
		ck_assert_uint_eq(got.module_offset, symbols[i].value + 1);
		for (size_t k = 0; k < len; k++)
			known |= symbols[k].value == symbols[i].value &&
				 strcmp(symbols[k].name, got.name) == 0;
		ck_assert_msg(known, "%s is not %s", got.name, symbols[i].name);
		checked++;
	}
	ck_assert_uint_gt(checked, 2);
	free(symbols);
	fixture_stop(&child);
}
END_TEST

static void write_map(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void write_map(const char *format, ...)
{
	char text[512];
	va_list ap;

	snprintf(map_path, sizeof(map_path), "/tmp/perf-%d.map", (int)child.pid);
	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	fixture_write(map_path, text);
}

static struct symbol function(uint64_t addr)
{
	struct symbol got;

	memset(&got, 0xaa, sizeof(got));
	symbolizer_function(s, child.pid, addr, &got);
	return got;
}

START_TEST(names_of_compiled_code)
{
	struct symbolizer_stats stats;
	uint64_t code, data;
	struct symbol got;

	start(jit);
	code = fixture_address(&child, "code");
	data = fixture_address(&child, "data");
	write_map("%" PRIx64 " 100 LazyCompile:*work app.js:1\n"
		  "%" PRIx64 " 100 data is no code\nnonsense\n",
		  code + 0x200, data);
	add();
	got = function(code + 0x210);
	ck_assert_int_eq(got.kind, SYMBOL_NAMED);
	ck_assert_str_eq(got.name, "LazyCompile:*work app.js:1");
	ck_assert_uint_eq(got.offset, 0x10);
	ck_assert_str_eq(got.module, "[jit]");
	ck_assert_int_eq(symbolizer_dwarf(s, &got), -1);
	/* Beside it, and where nothing can run. */
	ck_assert_int_eq(function(code + 0x1ff).kind, SYMBOL_ANON);
	ck_assert_int_eq(function(code + 0x300).kind, SYMBOL_ANON);
	ck_assert_ptr_null(function(code + 0x300).name);
	ck_assert_int_eq(function(data).kind, SYMBOL_ANON);
	symbolizer_get_stats(s, &stats);
	ck_assert_uint_eq(stats.perf_map_lines_left_out, 1);
	ck_assert_uint_eq(stats.perf_maps_refused, 0);
	fixture_stop(&child);
}
END_TEST

struct noted {
	unsigned count;
	enum note note;
	char path[64];
};

static void take_note(void *ctx, enum note note, const char *path)
{
	struct noted *to = ctx;

	to->count++;
	to->note = note;
	snprintf(to->path, sizeof(to->path), "%s", path);
}

START_TEST(a_map_that_is_refused)
{
	struct symbolizer_stats stats;
	struct noted noted = {0};

	start(jit);
	snprintf(map_path, sizeof(map_path), "/tmp/perf-%d.map", (int)child.pid);
	ck_assert_int_eq(mkfifo(map_path, 0600), 0);
	add();
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(function(fixture_address(&child, "code")).kind, SYMBOL_ANON);
	symbolizer_get_stats(s, &stats);
	ck_assert_uint_eq(stats.perf_maps_refused, 1);
	symbolizer_notes(s, take_note, &noted);
	ck_assert_uint_eq(noted.count, 1);
	ck_assert_int_eq(noted.note, NOTE_PERF_MAP_REFUSED);
	ck_assert_str_eq(noted.path, map_path);
	fixture_stop(&child);
}
END_TEST

START_TEST(no_map_at_all)
{
	struct symbolizer_stats stats;
	struct noted noted = {0};

	start(jit);
	add();
	ck_assert_int_eq(function(fixture_address(&child, "code")).kind, SYMBOL_ANON);
	symbolizer_get_stats(s, &stats);
	ck_assert_uint_eq(stats.perf_maps_refused, 0);
	symbolizer_notes(s, take_note, &noted);
	ck_assert_uint_eq(noted.count, 0);
	fixture_stop(&child);
}
END_TEST

Suite *symbol_stack_owner_suite(void)
{
	Suite *suite = suite_create("symbol_stack_owner");
	TCase *tcase = tcase_create("stack_owner");

	tcase_set_timeout(tcase, 60);
	tcase_add_unchecked_fixture(tcase, setup_files, teardown_files);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, whose_stack);
	tcase_add_test(tcase, the_symbolizer_knows_stacks);
	tcase_add_test(tcase, functions_of_the_vdso);
	tcase_add_test(tcase, names_of_compiled_code);
	tcase_add_test(tcase, a_map_that_is_refused);
	tcase_add_test(tcase, no_map_at_all);
	suite_add_tcase(suite, tcase);
	return suite;
}
