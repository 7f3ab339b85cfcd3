// SPDX-License-Identifier: GPL-2.0-only
/* Lines and inlined functions of every few bytes of real code, beside what binutils' addr2line
 * reads in the same file. */
#include "symbol/dwarf_info.h"

#include "tests/unit/suites.h"
#include "tests/unit/symbol_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"
#include "base/vec.h"

static const char c_source[] =
	"#include <stdio.h>\n"
	"#include <stdlib.h>\n"
	"static int depth;\n"
	"static inline __attribute__((always_inline)) int innermost(int x)\n"
	"{\n"
	"	if (x & 1)\n"
	"		depth += x;\n"
	"	return depth * 3;\n"
	"}\n"
	"static inline __attribute__((always_inline)) int middle(int x)\n"
	"{\n"
	"	int sum = 0;\n"
	"	for (int i = 0; i < x; i++) {\n"
	"		int part = innermost(i);\n"
	"		sum += part;\n"
	"	}\n"
	"	return sum + innermost(x);\n"
	"}\n"
	"__attribute__((noinline)) int outer(int x)\n"
	"{\n"
	"	return middle(x) + middle(x + 1);\n"
	"}\n"
	"__attribute__((cold, noinline)) void rarely(int x)\n"
	"{\n"
	"	fprintf(stderr, \"%d\\n\", innermost(x));\n"
	"	abort();\n"
	"}\n"
	"static __attribute__((noinline)) int leaf(const int *at) { return *at + 1; }\n"
	"int main(int argc, char **argv)\n"
	"{\n"
	"	if (argc > 100)\n"
	"		rarely(argc);\n"
	"	printf(\"%d %d\\n\", outer(argc), leaf(&argc));\n"
	"	return 0;\n"
	"}\n";

static const char cxx_source[] =
	"#include <map>\n"
	"#include <mutex>\n"
	"#include <string>\n"
	"#include <vector>\n"
	"#include <algorithm>\n"
	"namespace shop {\n"
	"struct Base { virtual int cost(int x) { return x; } virtual ~Base() {} };\n"
	"template <typename T> struct Item : Base {\n"
	"	T value;\n"
	"	std::mutex guard;\n"
	"	Item(T v) : value(v) {}\n"
	"	int cost(int x) override\n"
	"	{\n"
	"		std::lock_guard<std::mutex> held(guard);\n"
	"		return (int)value + x;\n"
	"	}\n"
	"};\n"
	"namespace {\n"
	"__attribute__((noinline)) int hidden(std::vector<int> &v)\n"
	"{\n"
	"	std::sort(v.begin(), v.end(), [](int a, int b) { return a % 7 < b % 7; });\n"
	"	return v[0];\n"
	"}\n"
	"}\n"
	"int total(const std::map<std::string, int> &m)\n"
	"{\n"
	"	int sum = 0;\n"
	"	for (const auto &e : m) {\n"
	"		try {\n"
	"			sum += std::stoi(e.first) * e.second;\n"
	"		} catch (const std::exception &) {\n"
	"			sum--;\n"
	"		}\n"
	"	}\n"
	"	return sum;\n"
	"}\n"
	"}\n"
	"int main(int argc, char **argv)\n"
	"{\n"
	"	shop::Item<int> a(argc);\n"
	"	shop::Item<double> b(argc / 2.0);\n"
	"	std::vector<int> v{3, 1, argc};\n"
	"	std::map<std::string, int> m{{argv[0], 1}};\n"
	"	shop::Base *items[] = {&a, &b};\n"
	"	auto later = [&](int x) __attribute__((noinline)) { return items[x % 2]->cost(x); "
	"};\n"
	"	return later(argc) + shop::hidden(v) + shop::total(m);\n"
	"}\n";

static const struct build {
	const char *compiler;
	const char *suffix;
	const char *flags[8];
	/* binutils 2.40 finds no inlined functions in clang's DWARF 5: it reads the same code's
	 * DWARF 4 instead. */
	bool oracle_dwarf4;
	size_t deepest; /* functions at one address, at least */
} builds[] = {
	{"cc", ".c", {"-O2", "-g"}, false, 3},
	{"cc", ".c", {"-O2", "-g", "-gdwarf-4"}, false, 3},
	{"cc", ".c", {"-O2", "-g", "-gz"}, false, 3},
	{"cc", ".c", {"-O0", "-g", "-no-pie", "-fno-pie"}, false, 3},
	{"clang", ".c", {"-O2", "-g", "-gdwarf-5"}, true, 3},
	{"clang", ".c", {"-O2", "-g", "-gdwarf-4"}, false, 3},
	{"c++", ".cpp", {"-O2", "-g"}, false, 17},
	{"c++", ".cpp", {"-O1", "-g", "-gdwarf-4"}, false, 5},
	{"clang++", ".cpp", {"-O2", "-g", "-gdwarf-5", "-Wl,--gc-sections"}, true, 9},
};

static char dir[FIXTURE_PATH_MAX];
static char program[FIXTURE_PATH_MAX];
static char oracle[FIXTURE_PATH_MAX]; /* what addr2line reads */
static struct dwarf_info *info;
static int fd;

static void setup(void)
{
	fixture_dir_make(dir);
	fd = -1;
	info = NULL;
}

static void teardown(void)
{
	dwarf_info_free(info);
	close(fd);
	fixture_dir_remove(dir);
}

static void open_info(const char *path)
{
	fd = open(path, O_RDONLY | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	ck_assert(dwarf_info_present(fd));
	ck_assert_int_eq(dwarf_info_open(fd, &info), 0);
}

static void build(const struct build *how)
{
	const char *source = strcmp(how->suffix, ".cpp") == 0 ? cxx_source : c_source;
	const char *flags[ARRAY_LEN(how->flags) + 1] = {NULL};
	size_t len = 0;

	fixture_path(program, dir, "program");
	fixture_path(oracle, dir, "oracle");
	for (; how->flags[len]; len++)
		flags[len] = how->flags[len];
	flags[len] = how->oracle_dwarf4 ? "-gdwarf-4" : NULL; /* the last one counts */
	fixture_compile_as(how->compiler, how->suffix, program, source, flags);
	fixture_copy(program, oracle);
	if (how->oracle_dwarf4)
		fixture_compile_as(how->compiler, how->suffix, program, source, how->flags);
	open_info(program);
	ck_assert_uint_eq(fixture_symbol_value(program, "main"),
			  fixture_symbol_value(oracle, "main"));
}

/* Every third byte of each function that readelf knows: into the file @path, one a line. */
static size_t write_addresses(const char *path)
{
	struct fixture_symbol *symbols;
	size_t len = fixture_symbols(program, "--syms", &symbols), written = 0;
	FILE *f = fopen(path, "we");

	ck_assert_ptr_nonnull(f);
	for (size_t i = 0; i < len; i++)
		for (uint64_t k = 0; symbols[i].function && k < symbols[i].size; k += 3, written++)
			fprintf(f, "0x%" PRIx64 "\n", symbols[i].value + k);
	ck_assert_int_eq(fclose(f), 0);
	free(symbols);
	return written;
}

#define SAID_MAX 64

/* What addr2line says of one address. */
struct said {
	uint64_t addr;
	size_t len;
	struct {
		char function[1024];
		char file[DWARF_FILE_MAX];
		unsigned line;
	} at[SAID_MAX];
};

static bool read_line(FILE *f, char *line, size_t size)
{
	if (!fgets(line, (int)size, f))
		return false;
	ck_assert_ptr_nonnull(strchr(line, '\n'));
	line[strcspn(line, "\n")] = '\0';
	return true;
}

/* @line is the address's; leaves the next one's there. */
static bool read_said(FILE *f, char *line, size_t size, struct said *ret)
{
	char *colon;

	*ret = (struct said){.addr = strtoull(line, NULL, 16)};
	while (read_line(f, line, size)) {
		if (strncmp(line, "0x", 2) == 0)
			return true;
		ck_assert_uint_lt(ret->len, SAID_MAX);
		snprintf(ret->at[ret->len].function, sizeof(ret->at[0].function), "%.1023s", line);
		ck_assert(read_line(f, line, size));
		colon = strrchr(line, ':');
		ck_assert_ptr_nonnull(colon);
		ret->at[ret->len].line = (unsigned)strtoul(colon + 1, NULL, 10);
		*colon = '\0';
		snprintf(ret->at[ret->len++].file, sizeof(ret->at[0].file), "%.*s",
			 DWARF_FILE_MAX - 1, line);
	}
	return false;
}

/*
 * "outer" and "outer.cold", "leaf.isra.0" are one: addr2line has the symbol's name, DWARF the
 * source's.  What belongs to a type that is local to a file has but the source's there, for which
 * addr2line writes the symbol's at the innermost place.
 */
static bool same_name(const char *ours, const char *theirs, const char *symbol)
{
	size_t len = strcspn(theirs, "."), source_len = strcspn(ours, "<(");
	char identifier[DWARF_NAME_MAX];

	if (strncmp(theirs, "_Z", 2) == 0 && strncmp(ours, "_Z", 2) != 0) {
		memcpy(identifier, ours, source_len);
		identifier[source_len] = '\0';
		return strcmp(theirs, symbol) == 0 ||
		       strstr(theirs, strcmp(identifier, "operator") ? identifier : "cl");
	}
	if (len > DWARF_NAME_MAX - 1)
		len = DWARF_NAME_MAX - 1;
	return strncmp(ours, theirs, len) == 0 && (ours[len] == '\0' || ours[len] == '.');
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static void complain(const struct said *said, const struct dwarf_place *places, size_t len)
{
	fprintf(stderr, "%#" PRIx64 ":\n", said->addr);
	for (size_t i = 0; i < said->len; i++)
		fprintf(stderr, "  theirs %s %s:%u\n", said->at[i].function, said->at[i].file,
			said->at[i].line);
	for (size_t i = 0; i < len; i++)
		fprintf(stderr, "  ours   %s %s:%u\n", places[i].function, places[i].file,
			places[i].line);
}

static bool agree(const struct said *said, const struct dwarf_place *places, size_t len)
{
	const char *symbol = said->at[said->len - 1].function;

	if (said->at[0].line == 0 && said->len == 1) /* start files: without DWARF */
		return len == 0 || places[0].line == 0;
	/* What there is no room for lies between the innermost ones and the last. */
	if (len != num_min_u64(said->len, DWARF_PLACES_MAX))
		return false;
	for (size_t i = 0; i < len; i++) {
		size_t k = i + 1 < len ? i : said->len - 1;

		if (!same_name(places[i].function, said->at[k].function, symbol) ||
		    places[i].line != said->at[k].line ||
		    (places[i].line &&
		     strcmp(base_name(places[i].file), base_name(said->at[k].file)) != 0))
			return false;
	}
	return true;
}

/* Compare all; returns how many do not agree. */
static size_t compare(size_t *ret_asked, size_t *ret_deepest)
{
	char list[FIXTURE_PATH_MAX], command[3 * FIXTURE_PATH_MAX], line[4096];
	struct dwarf_place places[DWARF_PLACES_MAX];
	size_t differ = 0, written;
	static struct said said;
	bool more;
	FILE *f;

	written = write_addresses(fixture_path(list, dir, "addresses"));
	snprintf(command, sizeof(command), "addr2line -a -f -i -e '%s' < '%s'", oracle, list);
	f = popen(command, "re");
	ck_assert_ptr_nonnull(f);
	more = read_line(f, line, sizeof(line));
	while (more) {
		size_t len;

		more = read_said(f, line, sizeof(line), &said);
		len = dwarf_info_places(info, said.addr, places);
		++*ret_asked;
		if (said.len > *ret_deepest)
			*ret_deepest = said.len;
		if (!agree(&said, places, len) && ++differ <= 5)
			complain(&said, places, len);
	}
	ck_assert_int_eq(pclose(f), 0);
	ck_assert_uint_eq(*ret_asked, written);
	return differ;
}

START_TEST(as_addr2line_says)
{
	size_t asked = 0, deepest = 0, differ;

	build(&builds[_i]);
	differ = compare(&asked, &deepest);
	ck_assert_uint_gt(asked, 50);
	ck_assert_uint_ge(deepest, builds[_i].deepest);
	ck_assert_msg(differ == 0, "%s %s: %zu of %zu addresses differ", builds[_i].compiler,
		      builds[_i].flags[2] ? builds[_i].flags[2] : "", differ, asked);
}
END_TEST

Suite *symbol_dwarf_places_suite(void)
{
	Suite *suite = suite_create("symbol_dwarf_places");
	TCase *tcase = tcase_create("dwarf_places");

	tcase_set_timeout(tcase, 120);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_loop_test(tcase, as_addr2line_says, 0, (int)ARRAY_LEN(builds));
	suite_add_tcase(suite, tcase);
	return suite;
}
