// SPDX-License-Identifier: GPL-2.0-only
/* Chains of waits: the known answers are small enough to be worked out on paper. */
#include "analysis/cascade.h"
#include "base/num.h"
#include "tests/unit/snap_builder.h"
#include "tests/unit/suites.h"

#include <stdlib.h>

#define WINDOW 1000

static struct cascade cascade_over(const struct cascade_wait *waits, size_t len, uint32_t threads)
{
	struct cascade c;

	ck_assert_int_eq(cascade_of(waits, len, threads, WINDOW, &c), 0);
	ck_assert_uint_eq(c.threads_len, threads);
	return c;
}

/* Exclusive blame and what ends with nobody known are all of the waiting. */
static void check_sum(const struct cascade *c)
{
	uint64_t sum = c->unknown_ns;

	for (uint32_t i = 0; i < c->threads_len; i++)
		sum += c->threads[i].exclusive_ns;
	ck_assert_uint_eq(sum, c->wait_ns);
}

static const struct cascade_edge *edge(const struct cascade *c, uint32_t from, uint32_t to)
{
	for (uint32_t i = 0; i < c->edges_len; i++)
		if (c->edges[i].from == from && c->edges[i].to == to)
			return &c->edges[i];
	return NULL;
}

enum { USER, PARSER, NETWORK, FOURTH, THREADS };

/* The one of wPerf: of the user's 100 the parser keeps 20 and hands on 80. */
START_TEST(twenty_and_eighty)
{
	static const struct cascade_wait waits[] = {
		{USER, PARSER, 0, 100},
		{PARSER, NETWORK, 20, 100},
	};
	struct cascade c = cascade_over(waits, 2, THREADS);

	ck_assert_uint_eq(c.threads[PARSER].exclusive_ns, 20);
	/* of the user's wait 80, and the parser's own */
	ck_assert_uint_eq(c.threads[NETWORK].exclusive_ns, 80 + 80);
	ck_assert_uint_eq(c.threads[USER].exclusive_ns, 0);
	ck_assert_uint_eq(c.threads[PARSER].impact_ns, 100);
	ck_assert_uint_eq(c.threads[NETWORK].impact_ns, 160);
	ck_assert_uint_eq(c.threads[NETWORK].direct_ns, 80);
	ck_assert_uint_eq(c.threads[USER].waited_ns, 100);
	ck_assert_uint_eq(edge(&c, USER, PARSER)->ns, 100);
	ck_assert_uint_eq(edge(&c, USER, PARSER)->impact_ns, 100);
	ck_assert_uint_eq(edge(&c, PARSER, NETWORK)->ns, 80);
	ck_assert_uint_eq(edge(&c, PARSER, NETWORK)->impact_ns, 160);
	ck_assert_uint_eq(cascade_root(&c), NETWORK);
	/* the network waits for nobody: a knot of its own; the others lead there */
	ck_assert_uint_eq(c.knots_len, 1);
	ck_assert_uint_eq(c.threads[NETWORK].knot, 0);
	ck_assert_uint_eq(c.threads[PARSER].knot, SNAP_NONE);
	ck_assert_uint_eq(c.threads[USER].knot, SNAP_NONE);
	ck_assert(!c.cut);
	check_sum(&c);
	cascade_free(&c);
}
END_TEST

/* The parser's wait began before the user's and ends after it: only what lies inside counts. */
START_TEST(only_inside)
{
	static const struct cascade_wait waits[] = {
		{PARSER, NETWORK, 0, 30},
		{PARSER, NETWORK, 90, 200},
		{USER, PARSER, 10, 100},
	};
	struct cascade c = cascade_over(waits, 3, THREADS);

	ck_assert_uint_eq(c.threads[PARSER].exclusive_ns, 60);
	ck_assert_uint_eq(edge(&c, PARSER, NETWORK)->ns, 140);
	ck_assert_uint_eq(edge(&c, PARSER, NETWORK)->impact_ns, 140 + 20 + 10);
	check_sum(&c);
	cascade_free(&c);
}
END_TEST

/* Three in a row: the innermost stretch is the last one's. */
START_TEST(three_in_a_row)
{
	static const struct cascade_wait waits[] = {
		{USER, PARSER, 0, 100},
		{PARSER, NETWORK, 20, 100},
		{NETWORK, FOURTH, 50, 70},
	};
	struct cascade c = cascade_over(waits, 3, THREADS);

	ck_assert_uint_eq(c.threads[PARSER].exclusive_ns, 20);
	ck_assert_uint_eq(c.threads[NETWORK].exclusive_ns, 60 + 60);
	ck_assert_uint_eq(c.threads[FOURTH].exclusive_ns, 20 + 20 + 20);
	check_sum(&c);
	cascade_free(&c);
}
END_TEST

/* Who waits for somebody unknown keeps the blame for it. */
START_TEST(unknown_ends_the_chain)
{
	static const struct cascade_wait waits[] = {
		{USER, PARSER, 0, 100},
		{PARSER, SNAP_NONE, 20, 100},
		{FOURTH, FOURTH, 0, 5},
	};
	struct cascade c = cascade_over(waits, 3, THREADS);

	ck_assert_uint_eq(c.threads[PARSER].exclusive_ns, 100);
	ck_assert_uint_eq(c.unknown_ns, 85);
	ck_assert_uint_eq(c.threads[PARSER].knot, 0);
	check_sum(&c);
	cascade_free(&c);
}
END_TEST

/* A circle ends where it began, and is one knot; who waits for it is not in it. */
START_TEST(circle)
{
	static const struct cascade_wait waits[] = {
		{PARSER, NETWORK, 0, 100},
		{NETWORK, PARSER, 0, 100},
		{USER, PARSER, 0, 100},
	};
	struct cascade c = cascade_over(waits, 3, THREADS);

	ck_assert_uint_eq(c.knots_len, 1);
	ck_assert_uint_eq(c.threads[PARSER].knot, 0);
	ck_assert_uint_eq(c.threads[NETWORK].knot, 0);
	ck_assert_uint_eq(c.threads[USER].knot, SNAP_NONE);
	ck_assert_uint_eq(c.threads[FOURTH].knot, SNAP_NONE);
	check_sum(&c);
	cascade_free(&c);
}
END_TEST

/* Two apart, one of which is a thread that another group leads to: the group is no knot. */
START_TEST(two_knots)
{
	static const struct cascade_wait waits[] = {
		{0, 1, 0, 100},
		{1, 0, 100, 200},
		{1, 2, 200, 300},
		{3, 4, 0, 100},
	};
	struct cascade c = cascade_over(waits, 4, 5);

	ck_assert_uint_eq(c.knots_len, 2);
	ck_assert_uint_eq(c.threads[0].knot, SNAP_NONE);
	ck_assert_uint_eq(c.threads[1].knot, SNAP_NONE);
	ck_assert_uint_ne(c.threads[2].knot, SNAP_NONE);
	ck_assert_uint_eq(c.threads[3].knot, SNAP_NONE);
	ck_assert_uint_ne(c.threads[4].knot, SNAP_NONE);
	ck_assert_uint_ne(c.threads[4].knot, c.threads[2].knot);
	check_sum(&c);
	cascade_free(&c);
}
END_TEST

/* Under 1% of the window: no edge, so no knot; the blame stays. */
START_TEST(small_edges)
{
	static const struct cascade_wait waits[] = {
		{USER, PARSER, 0, 9},
		{FOURTH, NETWORK, 0, 10},
	};
	struct cascade c = cascade_over(waits, 2, THREADS);

	ck_assert_uint_eq(c.edges_len, 1);
	ck_assert_ptr_nonnull(edge(&c, FOURTH, NETWORK));
	ck_assert_uint_eq(c.threads[PARSER].exclusive_ns, 9);
	ck_assert_uint_eq(c.threads[PARSER].knot, SNAP_NONE);
	check_sum(&c);
	cascade_free(&c);
}
END_TEST

/* What a capture may claim: backwards, overlapping, of no such thread. */
START_TEST(hostile)
{
	static const struct cascade_wait waits[] = {
		{USER, PARSER, 100, 0},
		{USER, PARSER, 0, UINT64_MAX},
		{USER, NETWORK, 50, UINT64_MAX},
		{77, PARSER, 0, 100},
		{PARSER, 77, 0, 100},
		{NETWORK, FOURTH, UINT64_MAX - 1, UINT64_MAX},
	};
	struct cascade c = cascade_over(waits, 6, THREADS);

	ck_assert_uint_eq(c.unknown_ns, 100);
	ck_assert_uint_eq(c.threads[USER].waited_ns, UINT64_MAX);
	ck_assert_uint_eq(c.threads[FOURTH].exclusive_ns, 1);
	cascade_free(&c);
	c = cascade_over(waits, 0, 0);
	ck_assert_uint_eq(cascade_root(&c), SNAP_NONE);
	cascade_free(&c);
}
END_TEST

/* Each of many threads waits for the next one all the time: the chain is cut at its bound, no blame
 * is lost. */
START_TEST(long_chain)
{
	static struct cascade_wait waits[200];
	struct cascade c;

	for (uint32_t i = 0; i < ARRAY_LEN(waits); i++)
		waits[i] = (struct cascade_wait){i, i + 1, 0, 100};
	c = cascade_over(waits, ARRAY_LEN(waits), ARRAY_LEN(waits) + 1);
	ck_assert_uint_eq(c.threads[0].exclusive_ns, 0);
	ck_assert_uint_eq(c.threads[CASCADE_DEPTH].exclusive_ns, 100);
	ck_assert_uint_eq(c.threads[ARRAY_LEN(waits)].exclusive_ns, 100 * CASCADE_DEPTH);
	ck_assert_uint_eq(c.knots_len, 1);
	ck_assert_uint_eq(c.threads[ARRAY_LEN(waits)].knot, 0);
	check_sum(&c);
	cascade_free(&c);
}
END_TEST

/* A thousand short waits inside each of a thousand long ones, four threads deep: more than the
 * steps that are allowed. */
START_TEST(many_steps)
{
	enum { LONG = 3000, SHORT = 3000 };
	struct cascade_wait *waits = calloc(LONG + SHORT, sizeof(*waits));
	struct cascade c;

	ck_assert_ptr_nonnull(waits);
	for (uint32_t i = 0; i < LONG; i++)
		waits[i] = (struct cascade_wait){2 + i, 0, 0, 2 * SHORT};
	for (uint32_t i = 0; i < SHORT; i++)
		waits[LONG + i] = (struct cascade_wait){0, 1, 2UL * i, 2UL * i + 1};
	c = cascade_over(waits, LONG + SHORT, LONG + 2);
	ck_assert(c.cut);
	ck_assert_uint_gt(c.threads[0].exclusive_ns, c.threads[1].exclusive_ns);
	check_sum(&c);
	cascade_free(&c);
	free(waits);
}
END_TEST

/* From a snapshot: the holder goes before the waker, the wait ends at the wakeup, and of two
 * threads that had one number the later one counts from its beginning on. */
START_TEST(of_a_run)
{
	static const struct record_long_wait waits[] = {
		{.tid = 100,
		 .holder_tid = 101,
		 .waker_tid = 102,
		 .start_ns = 100,
		 .woken_ns = 150,
		 .end_ns = 190},
		{.tid = 100, .waker_tid = 102, .start_ns = 200, .woken_ns = 240, .end_ns = 290},
		{.tid = 100, .waker_tid = 102, .start_ns = 500, .woken_ns = 570, .end_ns = 590},
		{.tid = 100, .start_ns = 600, .woken_ns = 607, .end_ns = 609},
	};
	struct snap_builder *b = build_new(10, 2);
	struct cascade c;

	build_threads(b, "worker", 4);
	b->threads[3].tid = 102;
	b->threads[3].start_ns = 400;
	b->snap.long_waits = waits;
	b->snap.long_waits_len = ARRAY_LEN(waits);
	ck_assert_int_eq(cascade_of_run(build_finish(b), &c), 0);
	ck_assert_uint_eq(c.threads[1].exclusive_ns, 50);
	ck_assert_uint_eq(c.threads[2].exclusive_ns, 40);
	ck_assert_uint_eq(c.threads[3].exclusive_ns, 70);
	ck_assert_uint_eq(c.unknown_ns, 7);
	cascade_free(&c);
	build_free(b);
}
END_TEST

Suite *analysis_cascade_suite(void)
{
	Suite *s = suite_create("analysis_cascade");
	TCase *tc = tcase_create("cascade");

	tcase_add_test(tc, twenty_and_eighty);
	tcase_add_test(tc, only_inside);
	tcase_add_test(tc, three_in_a_row);
	tcase_add_test(tc, unknown_ends_the_chain);
	tcase_add_test(tc, circle);
	tcase_add_test(tc, two_knots);
	tcase_add_test(tc, small_edges);
	tcase_add_test(tc, hostile);
	tcase_add_test(tc, long_chain);
	tcase_add_test(tc, many_steps);
	tcase_add_test(tc, of_a_run);
	suite_add_tcase(s, tc);
	return s;
}
