// SPDX-License-Identifier: GPL-2.0-only
/* Objects that functions get, beside what the compiled program itself says of their types. */
#include "symbol/dwarf_info.h"

#include "tests/unit/suites.h"
#include "tests/unit/symbol_fixture.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"

/* Each function is called as the type and member it is to be told by; S prints name, size, offset.
 */
static const char c_source[] =
	"#include <pthread.h>\n"
	"#include <semaphore.h>\n"
	"#include <stddef.h>\n"
	"#include <stdio.h>\n"
	"#define S(f, type, member) \\\n"
	"	printf(\"%s %zu %zu\\n\", #f, sizeof(type), offsetof(type, member))\n"
	"#define FN __attribute__((noinline, noipa)) void\n"
	"struct cache { long hits; pthread_mutex_t lock; pthread_cond_t cv; };\n"
	"struct shelf { char c; struct { int n; struct cache cache; } in; };\n"
	"struct pair { pthread_mutex_t a, b; };\n"
	"struct row { long n; pthread_mutex_t locks[4]; };\n"
	"struct plain { int n; };\n"
	"struct node { struct node *next; struct cache *cache; };\n"
	"typedef struct { int x; pthread_rwlock_t rw; } table_t;\n"
	"typedef const struct cache *cache_ref;\n"
	"static volatile int sink;\n"
	"FN get(struct cache *c) { sink = c->hits; }\n"
	"FN get_const(int n, const cache_ref c) { sink = n + c->hits; }\n"
	"FN nested(struct shelf *s) { sink = s->in.n; }\n"
	"FN read_table(table_t *t) { sink = t->x; }\n"
	"FN two_locks(struct pair *p) { sink = p->a.__data.__lock; }\n"
	"FN array(struct row *r) { sink = r->n; }\n"
	"FN none(struct plain *p, int n) { sink = p->n + n; }\n"
	"FN lock(pthread_mutex_t *m) { sink = m->__data.__lock; }\n"
	"FN pointers(struct node *n) { sink = n->next != 0; }\n"
	"FN twice(struct cache *a, struct cache *b) { sink = a->hits + b->hits; }\n"
	"FN both(struct cache *a, struct shelf *b) { sink = a->hits + b->in.n; }\n"
	"FN by_value(struct cache a) { sink = a.hits; }\n"
	"int main(void)\n"
	"{\n"
	"	struct cache c = {1}; struct shelf s = {1}; table_t t = {1};\n"
	"	struct pair p = {0}; struct row r = {1}; struct plain q = {1}; struct node n = "
	"{0};\n"
	"	S(cache.lock, struct cache, lock);\n"
	"	S(shelf.in.cache.lock, struct shelf, in.cache.lock);\n"
	"	S(table_t.rw, table_t, rw);\n"
	"	S(cache.cv, struct cache, cv);\n"
	"	get(&c); get_const(1, &c); nested(&s); read_table(&t); two_locks(&p); array(&r);\n"
	"	none(&q, 1); lock(&c.lock); pointers(&n); twice(&c, &c); both(&c, &s); "
	"by_value(c);\n"
	"	return 0;\n"
	"}\n";

static const struct expected {
	const char *function;
	enum dwarf_primitive primitive;
	const char *names[2]; /* none: nothing can be told */
} expected[] = {
	{"get", DWARF_MUTEX, {"cache.lock"}},
	{"get", DWARF_CONDVAR, {"cache.cv"}},
	{"get", DWARF_RWLOCK, {NULL}},
	{"get_const", DWARF_MUTEX, {"cache.lock"}},
	{"nested", DWARF_MUTEX, {"shelf.in.cache.lock"}},
	{"read_table", DWARF_RWLOCK, {"table_t.rw"}},
	{"read_table", DWARF_MUTEX, {NULL}},
	{"two_locks", DWARF_MUTEX, {NULL}},
	{"array", DWARF_MUTEX, {NULL}},
	{"none", DWARF_MUTEX, {NULL}},
	{"lock", DWARF_MUTEX, {NULL}},
	{"pointers", DWARF_MUTEX, {NULL}},
	{"twice", DWARF_MUTEX, {"cache.lock"}},
	{"both", DWARF_MUTEX, {"cache.lock", "shelf.in.cache.lock"}},
	{"by_value", DWARF_MUTEX, {NULL}},
};

static const struct {
	const char *compiler;
	const char *flags[6];
} builds[] = {
	{"gcc", {"-O0", "-g", "-no-pie", "-fno-pie", NULL}},
	{"gcc", {"-O2", "-g", "-gdwarf-4", "-no-pie", "-fno-pie", NULL}},
};

static char dir[FIXTURE_PATH_MAX];
static char program[FIXTURE_PATH_MAX];

static void setup(void)
{
	fixture_dir_make(dir);
	fixture_path(program, dir, "program");
}

static void teardown(void)
{
	fixture_dir_remove(dir);
}

/* What the program says of @name: its object's size and the member's offset. */
static void ask_program(const char *name, uint64_t *bytes, uint64_t *offset)
{
	FILE *f = popen(program, "re");
	char line[256], got[128];
	bool found = false;

	ck_assert_ptr_nonnull(f);
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "%127s %" SCNu64 " %" SCNu64, got, bytes, offset) == 3 &&
		    strcmp(got, name) == 0) {
			found = true;
			break;
		}
	while (fgets(line, sizeof(line), f))
		;
	ck_assert_int_eq(pclose(f), 0);
	ck_assert_msg(found, "%s", name);
}

START_TEST(as_the_program_says)
{
	struct dwarf_info *info;
	int fd;

	fixture_compile_as(builds[_i].compiler, ".c", program, c_source, builds[_i].flags);
	fd = open(program, O_RDONLY | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(dwarf_info_open(fd, &info), 0);
	for (size_t i = 0; i < ARRAY_LEN(expected); i++) {
		const struct expected *want = &expected[i];
		struct dwarf_object objects[DWARF_OBJECTS_MAX];
		size_t len =
			dwarf_info_objects(info, fixture_symbol_value(program, want->function) + 1,
					   want->primitive, objects);
		size_t names = 0;

		while (names < 2 && want->names[names])
			names++;
		ck_assert_msg(len == names, "%s: %zu of %zu", want->function, len, names);
		for (size_t k = 0; k < len; k++) {
			uint64_t bytes, offset;

			ck_assert_str_eq(objects[k].name, want->names[k]);
			ask_program(objects[k].name, &bytes, &offset);
			ck_assert_uint_eq(objects[k].bytes, bytes);
			ck_assert_uint_eq(objects[k].offset, offset);
		}
	}
	dwarf_info_free(info);
	close(fd);
}
END_TEST

Suite *symbol_dwarf_object_suite(void)
{
	Suite *s = suite_create("symbol/dwarf_object");
	TCase *tc = tcase_create("dwarf_object");

	tcase_set_timeout(tc, 120);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, as_the_program_says, 0, (int)ARRAY_LEN(builds));
	suite_add_tcase(s, tc);
	return s;
}
