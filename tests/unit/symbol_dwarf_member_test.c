// SPDX-License-Identifier: GPL-2.0-only
/* Members by what DWARF says, beside where the compiled program itself finds them. */
#include "symbol/dwarf_info.h"

#include "tests/unit/suites.h"
#include "tests/unit/symbol_fixture.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"

/* P(object, .path) prints ".path", the object's address, and the part's. */
#define PRINT                                                                                \
	"#include <stdio.h>\n"                                                               \
	"#define P(object, path) printf(\"%lx %lx %s\\n\", (long)&(object), (long)&(object " \
	"path), #path)\n"

static const char c_source[] =
	PRINT "#include <pthread.h>\n"
	      "#include <semaphore.h>\n"
	      "#include <threads.h>\n"
	      "typedef pthread_mutex_t my_lock;\n"
	      "struct inner { char pad; int word; my_lock lock; };\n"
	      "struct node { struct node *next; const volatile struct inner inner; };\n"
	      "typedef int row[4];\n"
	      "static struct table {\n"
	      "	long count;\n"
	      "	struct { int a; struct { pthread_cond_t cv; }; };\n"
	      "	struct node shards[3];\n"
	      "	int grid[5][7];\n"
	      "	int cube[3][4][5];\n"
	      "	my_lock deep[2][2][2][3];\n"
	      "	row rows[3];\n"
	      "	union { int first; long wide[4]; struct { char c; int later; } parts; } u;\n"
	      "	sem_t sems[2];\n"
	      "	_Atomic int atomic;\n"
	      "	struct node *pointer;\n"
	      "	int tail[1];\n"
	      "} table;\n"
	      "struct flags { unsigned long flag : 3; int lock; };\n"
	      "static struct flags flags;\n"
	      "pthread_mutex_t plain;\n"
	      "static mtx_t c11[2];\n"
	      "pthread_rwlock_t *pointer;\n"
	      "static inline void *inlined(void)\n"
	      "{\n"
	      "	static struct inner in_inlined;\n"
	      "	P(in_inlined, .lock);\n"
	      "	return &in_inlined;\n"
	      "}\n"
	      "__attribute__((noinline)) void *function(int x)\n"
	      "{\n"
	      "	static struct inner in_function;\n"
	      "	P(in_function, .lock);\n"
	      "	if (x) {\n"
	      "		static struct node in_block[2];\n"
	      "		P(in_block, [1].inner.word);\n"
	      "		return &in_block;\n"
	      "	}\n"
	      "	return &in_function;\n"
	      "}\n"
	      "int main(int argc, char **argv)\n"
	      "{\n"
	      "	P(table, .count);\n"
	      "	P(table, .a);\n"
	      "	P(table, .cv);\n"
	      "	P(table, .shards[0].next);\n"
	      "	P(table, .shards[1].inner.lock);\n"
	      "	P(table, .shards[2].inner.word);\n"
	      "	P(table, .grid[0][0]);\n"
	      "	P(table, .grid[3][6]);\n"
	      "	P(table, .grid[4][0]);\n"
	      "	P(table, .rows[2][1]);\n"
	      "	P(table, .cube[2][3][4]);\n"
	      "	P(table, .cube[1][0][3]);\n"
	      "	P(table, .deep[1][0][1][2]);\n"
	      "	P(table, .deep[0][1][0][0]);\n"
	      "	P(table, .u.first);\n"
	      "	P(table, .sems[1]);\n"
	      "	P(table, .atomic);\n"
	      "	P(table, .pointer);\n"
	      "	P(table, .tail[0]);\n"
	      "	P(flags, .lock);\n"
	      "	P(plain, );\n"
	      "	P(c11, [1]);\n"
	      "	P(pointer, );\n"
	      "	return !function(argc) || !inlined();\n"
	      "}\n";

static const char cxx_source[] =
	PRINT "#include <condition_variable>\n"
	      "#include <mutex>\n"
	      "#include <shared_mutex>\n"
	      "#include <pthread.h>\n"
	      "struct Base { virtual ~Base() {} std::mutex base_lock; };\n"
	      "struct Second { long filler; int second_word; };\n"
	      "namespace shop { namespace inner {\n"
	      "struct Shelf : Base, Second {\n"
	      "	static std::mutex shared;\n"
	      "	static inline std::recursive_mutex in_class;\n"
	      "	std::condition_variable cv;\n"
	      "	std::shared_mutex rw[2];\n"
	      "	union { int number; pthread_mutex_t raw; };\n"
	      "	void *touch()\n"
	      "	{\n"
	      "		static std::mutex in_method[2];\n"
	      "		P(in_method, [1]);\n"
	      "		return this;\n"
	      "	}\n"
	      "};\n"
	      "std::mutex Shelf::shared;\n"
	      "Shelf shelves[2];\n"
	      "} }\n"
	      "namespace { struct { int pad[3]; std::timed_mutex lock; } hidden; }\n"
	      "template <typename T> struct Pool { T head; std::mutex guard; };\n"
	      "Pool<Pool<char>> pools;\n"
	      "int main()\n"
	      "{\n"
	      "	P(shop::inner::shelves, [0].base_lock);\n"
	      "	P(shop::inner::shelves, [1].base_lock);\n"
	      "	P(shop::inner::shelves, [1].second_word);\n"
	      /* Of this class clang tells but that there is one. */
	      "#ifndef __clang__\n"
	      "	P(shop::inner::shelves, [1].cv);\n"
	      "#endif\n"
	      "	P(shop::inner::shelves, [0].rw[1]);\n"
	      "	P(shop::inner::shelves, [0].number);\n"
	      "	P(shop::inner::Shelf::shared, );\n"
	      "	P(shop::inner::Shelf::in_class, );\n"
	      "	P(hidden, .lock);\n"
	      "	P(pools, .head.guard);\n"
	      "	P(pools, .guard);\n"
	      "	auto lambda = [] { static std::mutex in_lambda[2]; P(in_lambda, [1]); };\n"
	      "	lambda();\n"
	      "	return !shop::inner::shelves[0].touch();\n"
	      "}\n";

/* Clang describes a class where its constructor is; the other unit has its variable. */
static const char cxx_class[] = "#include <pthread.h>\n"
				"namespace shop {\n"
				"struct Till { Till(); long coins; pthread_mutex_t lock; };\n"
				"}\n";
static const char cxx_constructor[] = "#include \"class.h\"\n"
				      "shop::Till::Till() : coins(1) {}\n";
static const char cxx_variable[] =
	PRINT "#include \"class.h\"\n"
	      "namespace { struct Hall { int number; shop::Till tills[2]; } hall; }\n"
	      "shop::Till till;\n"
	      "int main()\n"
	      "{\n"
	      "	P(till, .lock);\n"
	      "	P(till, .coins);\n"
	      "	P(hall, .tills[1].lock);\n"
	      "	return 0;\n"
	      "}\n";

/* Another class of that name, of another size: of which one the variable is nobody can tell. */
static const char cxx_other[] = "#include <pthread.h>\n"
				"namespace shop {\n"
				"struct Till { Till(int); pthread_mutex_t lock; };\n"
				"Till::Till(int) {}\n"
				"}\n";

static const struct build {
	const char *compiler;
	const char *suffix;
	const char *flags[8];
	size_t parts; /* that the program prints */
} builds[] = {
	{"cc", ".c", {"-O2", "-g", "-no-pie", "-fno-pie", "-pthread"}, 26},
	{"cc", ".c", {"-O0", "-g", "-gdwarf-4", "-no-pie", "-fno-pie", "-pthread"}, 26},
	{"clang", ".c", {"-O2", "-g", "-gz", "-no-pie", "-fno-pie", "-pthread"}, 26},
	{"c++", ".cpp", {"-O2", "-g", "-std=c++17", "-no-pie", "-fno-pie", "-pthread"}, 13},
	{"c++", ".cpp", {"-O1", "-gdwarf-4", "-std=c++17", "-no-pie", "-fno-pie", "-pthread"}, 13},
	{"clang++", ".cpp", {"-O1", "-g", "-std=c++17", "-no-pie", "-fno-pie", "-pthread"}, 12},
};

static char dir[FIXTURE_PATH_MAX];
static char program[FIXTURE_PATH_MAX];
static struct dwarf_info *info;
static int fd;

static void setup(void)
{
	fixture_dir_make(dir);
	fixture_path(program, dir, "program");
	fd = -1;
	info = NULL;
}

static void teardown(void)
{
	dwarf_info_free(info);
	close(fd);
	fixture_dir_remove(dir);
}

static void build(const struct build *how)
{
	const bool cxx = strcmp(how->suffix, ".cpp") == 0;

	fixture_compile_as(how->compiler, how->suffix, program, cxx ? cxx_source : c_source,
			   how->flags);
	fd = open(program, O_RDONLY | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(dwarf_info_open(fd, &info), 0);
}

static const char *member(uint64_t object, uint64_t offset)
{
	static char path[DWARF_NAME_MAX];

	strcpy(path, "untouched");
	return dwarf_info_member(info, object, offset, path, sizeof(path)) ? path : NULL;
}

/* What the program prints, beside what is found; returns how many parts are not as it says. */
static size_t count_wrong(size_t want_parts)
{
	FILE *f = popen(program, "re");
	size_t parts = 0, wrong = 0;
	char line[256];

	ck_assert_ptr_nonnull(f);
	for (; fgets(line, sizeof(line), f); parts++) {
		uint64_t object, part;
		const char *got;
		int end;

		line[strcspn(line, "\n")] = '\0';
		ck_assert_int_eq(sscanf(line, "%" SCNx64 " %" SCNx64 "%n", &object, &part, &end),
				 2);
		got = member(object, part - object);
		if (got && strcmp(got, line + end + 1) == 0)
			continue;
		fprintf(stderr, "%s for '%s'\n", got ? got : "nothing", line);
		wrong++;
	}
	ck_assert_int_eq(pclose(f), 0);
	ck_assert_uint_eq(parts, want_parts);
	return wrong;
}

START_TEST(as_the_program_says)
{
	build(&builds[_i]);
	ck_assert_uint_eq(count_wrong(builds[_i].parts), 0);
}
END_TEST

static void write_text(const char *name, const char *text)
{
	char path[FIXTURE_PATH_MAX];
	FILE *f;

	fixture_path(path, dir, name);
	f = fopen(path, "we");
	ck_assert_ptr_nonnull(f);
	ck_assert_int_ge(fputs(text, f), 0);
	ck_assert_int_eq(fclose(f), 0);
}

/* Units of their own, linked. */
static void build_units(bool with_other)
{
	char command[4 * FIXTURE_PATH_MAX];

	write_text("class.h", cxx_class);
	write_text("constructor.cc", cxx_constructor);
	write_text("variable.cc", cxx_variable);
	write_text("other.cc", cxx_other);
	snprintf(command, sizeof(command),
		 "cd %s && clang++ -g -O1 -no-pie -fno-pie -pthread -o program variable.cc "
		 "constructor.cc %s",
		 dir, with_other ? "other.cc" : "");
	ck_assert_int_eq(system(command), 0);
	fd = open(program, O_RDONLY | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(dwarf_info_open(fd, &info), 0);
}

START_TEST(classes_of_other_units)
{
	build_units(false);
	ck_assert_uint_eq(count_wrong(3), 0);
}
END_TEST

START_TEST(classes_that_differ)
{
	build_units(true);
	ck_assert_uint_eq(count_wrong(3), 3);
}
END_TEST

static void check_member(uint64_t object, uint64_t offset, const char *want)
{
	const char *got = member(object, offset);

	ck_assert_msg(got != NULL, "nothing for %s", want);
	ck_assert_str_eq(got, want);
}

/* The offsets are those of the System V ABI and glibc's headers for 64 bits. */
START_TEST(inside_and_beside_a_lock)
{
	uint64_t table, plain, flags;

	build(&builds[0]);
	table = fixture_symbol_value(program, "table");
	plain = fixture_symbol_value(program, "plain");
	flags = fixture_symbol_value(program, "flags");
	/* Whatever the word inside, the mutex it is. */
	for (uint64_t word = 0; word < 40; word += 4)
		check_member(plain, word, "");
	/* count, a, pad, cv of 48 bytes. */
	check_member(table, 8, ".a");
	ck_assert_ptr_null(member(table, 12));
	check_member(table, 16, ".cv");
	check_member(table, 16 + 44, ".cv");
	/* shards[0]: next, then inner at 8 with pad, word at 4, lock at 8. */
	check_member(table, 64, ".shards[0].next");
	check_member(table, 64 + 8, ".shards[0].inner.pad");
	ck_assert_ptr_null(member(table, 64 + 9));
	check_member(table, 64 + 56 + 8 + 8 + 12, ".shards[1].inner.lock");
	/* In the middle of a number, and behind the end. */
	ck_assert_ptr_null(member(table, 4));
	ck_assert_ptr_null(member(table, 1 << 20));
	ck_assert_ptr_null(member(flags, 8));
	/* No object begins there. */
	ck_assert_ptr_null(member(table + 4, 0));
	ck_assert_ptr_null(member(0, 0));
	ck_assert_ptr_null(member(fixture_symbol_value(program, "main"), 0));
}
END_TEST

START_TEST(no_room_for_the_path)
{
	char path[32];
	uint64_t table;

	build(&builds[0]);
	table = fixture_symbol_value(program, "table");
	memset(path, 'x', sizeof(path));
	/* ".count" and its NUL are seven bytes. */
	ck_assert(!dwarf_info_member(info, table, 0, path, 6));
	ck_assert_int_eq(path[0], 'x');
	ck_assert(dwarf_info_member(info, table, 0, path, 7));
	ck_assert_str_eq(path, ".count");
	ck_assert_int_eq(path[7], 'x');
}
END_TEST

Suite *symbol_dwarf_member_suite(void)
{
	Suite *suite = suite_create("symbol_dwarf_member");
	TCase *tcase = tcase_create("dwarf_member");

	tcase_set_timeout(tcase, 120);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_loop_test(tcase, as_the_program_says, 0, (int)ARRAY_LEN(builds));
	tcase_add_test(tcase, classes_of_other_units);
	tcase_add_test(tcase, classes_that_differ);
	tcase_add_test(tcase, inside_and_beside_a_lock);
	tcase_add_test(tcase, no_room_for_the_path);
	suite_add_tcase(suite, tcase);
	return suite;
}
