// SPDX-License-Identifier: GPL-2.0-only
#include "model/held.h"

#include "base/num.h"
#include "report/columns.h"
#include "tests/unit/analysis_fixture.h"
#include "tests/unit/suites.h"

#include <string.h>

static struct snap_builder *b;
static uint32_t lock;

/* Three threads, of which the last has the lowest tid. */
static void setup(void)
{
	b = build_new(10, 2);
	build_threads(b, "t", 3);
	b->threads[2].tid = 7;
	lock = build_lock(b, "lock", LOCK_MUTEX, true);
}

static void teardown(void)
{
	build_free(b);
}

/* A stack of one frame in @function, at @line (0 = unknown) of x.c. */
static uint32_t stack(const char *function, uint32_t line)
{
	const char *const frames[] = {function, NULL};
	uint32_t i = build_stack(b, frames);

	b->frames[i][0].file = line ? "/src/x.c" : "";
	b->frames[i][0].line = line;
	return i;
}

static struct snap_held find(void)
{
	return snap_held_of(&b->snap, &b->locks[lock]);
}

START_TEST(nobody_is_known)
{
	b->snap.locks = b->locks;
	ck_assert_uint_eq(find().thread, SNAP_NONE);
	build_hold(b, lock, SNAP_NONE, 5, CLASS_OTHER, SNAP_NONE);
	ck_assert_uint_eq(find().thread, SNAP_NONE);
}
END_TEST

START_TEST(of_equals_the_lowest_tid)
{
	for (uint32_t i = 0; i < 3; i++)
		build_hold(b, lock, i, 2, CLASS_RUN, stack("app!f", 0));
	build_finish(b);
	ck_assert_uint_eq(find().thread, 2);
	ck_assert_uint_eq(find().others, 2);
	ck_assert_double_eq(find().blame_ns, 6e9);
	ck_assert_int_eq(find().main_class, CLASS_RUN);
}
END_TEST

/* 3 s of one thread in f; 2 + 2 s of two others in g, one of them by two stacks. */
START_TEST(the_place_that_causes_most)
{
	build_hold(b, lock, 0, 3, CLASS_RUN, stack("app!f", 0));
	build_hold(b, lock, 2, 2, CLASS_DISK, stack("app!g", 0));
	build_hold(b, lock, 1, 1.5, CLASS_DISK, stack("app!g", 0));
	build_hold(b, lock, 1, 0.7, CLASS_DISK, stack("app!g", 0));
	build_finish(b);
	ck_assert_uint_eq(find().thread, 1);
	ck_assert_uint_eq(find().others, 1);
	ck_assert_str_eq(find().site->name, "g");
	ck_assert_int_eq(find().main_class, CLASS_DISK);
}
END_TEST

/* Where the holder itself waits in the function that releases, that line is where it is taken. */
static const struct {
	const char *waits_in;
	uint32_t waiter, line;
	bool taken;
	const char *cause;
} takers[] = {
	{"app!f", 0, 11, true, "held by thread t (100), taken in f (x.c:11), mostly while"},
	{"app!g", 0, 11, false, "held by thread t (100), released in f (x.c:29), mostly while"},
	{"app!f", 1, 11, false, "held by thread t (100), released in f (x.c:29), mostly while"},
	{"app!f", 0, 0, true, "held by thread t (100) in f, mostly while"},
};

START_TEST(taken_or_released)
{
	struct verdict v;

	for (uint32_t i = 0; i < 3; i++) {
		build_time(b, i, CLASS_LOCK, i ? 7 : 2);
		build_time(b, i, CLASS_SLEEP, i ? 3 : 8);
		build_switches(b, i, 1000);
	}
	build_wait(b, lock, takers[_i].waiter, 500, takers[_i].waiter ? 7 : 2,
		   stack(takers[_i].waits_in, takers[_i].line));
	build_wait(b, lock, 2, 500, 7, SNAP_NONE);
	build_hold(b, lock, 0, takers[_i].waiter ? 14 : 9, CLASS_SLEEP, stack("app!f", 29));
	build_contended(b, lock, 9);
	build_idle_holder(b, 8);
	v = judge_built(b);
	ck_assert(find().taken == takers[_i].taken);
	ck_assert_str_eq(v.main.bottleneck, "threads.lock");
	ck_assert_msg(
		!strncmp(strbuf_str(&v.main.cause), takers[_i].cause, strlen(takers[_i].cause)),
		"%s", strbuf_str(&v.main.cause));
	verdict_free(&v);
}
END_TEST

/* Cause and table name the same one, however the holders are sorted. */
START_TEST(cause_and_table_agree)
{
	uint32_t at = stack("app!f", 0), len;
	struct strbuf cell = {0};
	struct verdict v;
	struct report rep;

	for (uint32_t i = 0; i < 3; i++) {
		build_time(b, i, CLASS_LOCK, 7);
		build_time(b, i, CLASS_RUN, 3);
		build_switches(b, i, 1000);
		build_wait(b, lock, i, 500, 7, at);
		build_hold(b, lock, (i + (uint32_t)_i) % 3, 7, CLASS_RUN, at);
	}
	build_contended(b, lock, 9.9);
	v = judge_built(b);
	rep = report_make(&b->snap, &v);
	for (const struct column *col = columns_of(TABLE_LOCKS, &len); len; col++, len--)
		if (!strcmp(col->key, "held_by"))
			column_format(&cell, col, &rep, lock);
	ck_assert_str_eq(strbuf_str(&cell), "t (7) +2 (running)");
	ck_assert_ptr_nonnull(
		strstr(strbuf_str(&v.main.cause), "held by thread t (7) and 2 others in f"));
	strbuf_free(&cell);
	verdict_free(&v);
}
END_TEST

Suite *model_held_suite(void)
{
	Suite *suite = suite_create("model_held");
	TCase *tc = tcase_create("held");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, nobody_is_known);
	tcase_add_test(tc, of_equals_the_lowest_tid);
	tcase_add_test(tc, the_place_that_causes_most);
	tcase_add_loop_test(tc, taken_or_released, 0, ARRAY_LEN(takers));
	tcase_add_loop_test(tc, cause_and_table_agree, 0, 3);
	suite_add_tcase(suite, tc);
	return suite;
}
