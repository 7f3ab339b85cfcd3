// SPDX-License-Identifier: GPL-2.0-only
/* Where the frames of Python stand among the native ones. */
#include "source/python_merge.h"

#include "base/num.h"
#include "tests/unit/suites.h"

#include <string.h>

/* The evaluation function; a word of Python, the last of its call or not. */
static const struct python_eval eval = {0x5000, 0x6000};
#define IN_EVAL(i) (0x5100 + (i))
#define MORE(i) (1ULL << 62 | (i))
#define LAST(i) (3ULL << 61 | (i))

struct merge_case {
	const char *what;
	uint64_t ips[9]; /* 0 = the end */
	uint32_t native;
	uint64_t merged[9];
};

static const struct merge_case cases[] = {
	{"one call of Python that runs three frames",
	 {0x10, 0x20, IN_EVAL(0), 0x30, MORE(1), MORE(2), LAST(3)},
	 4,
	 {0x10, 0x20, MORE(1), MORE(2), LAST(3), 0x30}},
	{"C between two calls of Python: sorted(key=..)",
	 {IN_EVAL(0), 0x10, IN_EVAL(1), 0x20, MORE(1), LAST(2), LAST(3)},
	 4,
	 {MORE(1), LAST(2), 0x10, LAST(3), 0x20}},
	{"two calls without C between: each takes its own",
	 {0x10, IN_EVAL(0), IN_EVAL(1), LAST(1), LAST(2)},
	 3,
	 {0x10, LAST(1), LAST(2)}},
	{"the native part is cut: frames of outer calls come last",
	 {0x10, IN_EVAL(0), LAST(1), MORE(2), LAST(3), LAST(4)},
	 2,
	 {0x10, LAST(1), MORE(2), LAST(3), LAST(4)}},
	{"frames are cut: outer calls keep their addresses",
	 {0x10, IN_EVAL(0), 0x20, IN_EVAL(1), 0x30, MORE(1), MORE(2)},
	 5,
	 {0x10, MORE(1), MORE(2), 0x20, IN_EVAL(1), 0x30}},
	{"no frames of Python", {0x10, IN_EVAL(0), 0x20}, 3, {0x10, IN_EVAL(0), 0x20}},
	{"no call of Python", {0x10, 0x20, LAST(1), LAST(2)}, 2, {0x10, 0x20, LAST(1), LAST(2)}},
	{"no native frames: a holder, seen by a waiter",
	 {MORE(1), LAST(2), LAST(3)},
	 0,
	 {MORE(1), LAST(2), LAST(3)}},
	/* The innermost is where the thread stands, the others are where calls return to. */
	{"stands at the first instruction", {0x5000, 0x10, LAST(1)}, 2, {LAST(1), 0x10}},
	{"stands at the last", {0x5fff, 0x10, LAST(1)}, 2, {LAST(1), 0x10}},
	{"stands behind it", {0x6000, 0x10, LAST(1)}, 2, {0x6000, 0x10, LAST(1)}},
	{"stands before it", {0x4fff, 0x10, LAST(1)}, 2, {0x4fff, 0x10, LAST(1)}},
	{"a call that never returns is its last instruction",
	 {0x10, 0x6000, LAST(1)},
	 2,
	 {0x10, LAST(1)}},
	{"a call of the function before, which ends so",
	 {0x10, 0x5000, LAST(1)},
	 2,
	 {0x10, 0x5000, LAST(1)}},
	{"behind its last call", {0x10, 0x6001, LAST(1)}, 2, {0x10, 0x6001, LAST(1)}},
	{"nothing at all", {0}, 0, {0}},
};

static uint32_t length(const uint64_t *ips)
{
	uint32_t len = 0;

	while (ips[len])
		len++;
	return len;
}

START_TEST(frames_take_the_place_of_their_call)
{
	const struct merge_case *c = &cases[_i];
	const uint32_t want = length(c->merged);
	uint64_t got[16];

	for (uint32_t max = 0; max <= ARRAY_LEN(got); max++) {
		memset(got, 0xee, sizeof(got));
		ck_assert_msg(python_merge(&eval, c->ips, c->native, length(c->ips), got, max) ==
				      num_min_u64(want, max),
			      "%s: length with room for %u", c->what, max);
		for (uint32_t i = 0; i < ARRAY_LEN(got); i++)
			ck_assert_msg(got[i] == (i < want && i < max ? c->merged[i]
								     : 0xeeeeeeeeeeeeeeeeULL),
				      "%s: %u of %u", c->what, i, max);
	}
}
END_TEST

START_TEST(without_an_interpreter)
{
	static const uint64_t ips[] = {0, 1, ~0ULL, LAST(1)};
	const struct python_eval none = {0};
	uint64_t got[4];

	ck_assert_uint_eq(python_merge(&none, ips, 3, 4, got, 4), 4);
	ck_assert_mem_eq(got, ips, sizeof(ips));
}
END_TEST

/* Counts from outside that contradict each other read nothing beyond the list. */
START_TEST(more_native_frames_than_frames)
{
	const uint64_t ips[] = {0x10, IN_EVAL(0), 0x20};
	uint64_t got[8];

	ck_assert_uint_eq(python_merge(&eval, ips, 200, 3, got, 8), 3);
	ck_assert_mem_eq(got, ips, sizeof(ips));
}
END_TEST

Suite *source_python_merge_suite(void)
{
	Suite *s = suite_create("source_python_merge");
	TCase *tc = tcase_create("merge");

	tcase_add_loop_test(tc, frames_take_the_place_of_their_call, 0, ARRAY_LEN(cases));
	tcase_add_test(tc, without_an_interpreter);
	tcase_add_test(tc, more_native_frames_than_frames);
	suite_add_tcase(s, tc);
	return s;
}
