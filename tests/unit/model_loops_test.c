// SPDX-License-Identifier: GPL-2.0-only
/* Loops as cumulative records: what adds up, what replaces, and what each slice had of it. */
#include "base/num.h"
#include "tests/unit/record_feed.h"
#include "tests/unit/suites.h"

#define SLICE_NS (1000 * NS_PER_MS)
#define TID 101

static struct model *begin(void)
{
	struct model *m = feed_begin();

	feed_thread(m, TID, "loop", SLICE_NS, SLICE_NS, 0);
	return m;
}

static struct record_loop loop_until(uint64_t until_ns)
{
	return (struct record_loop){.tid = TID,
				    .poll_id = 7,
				    .fds_max = 3,
				    .since_ns = FEED_START,
				    .until_ns = FEED_START + until_ns};
}

static void put(struct model *m, struct record_loop loop)
{
	FEED(m, RECORD_LOOP, .loop = loop);
}

static void slice(struct model *m, unsigned end)
{
	FEED(m, RECORD_SLICE, .slice = {.end_ns = FEED_START + end * SLICE_NS});
}

/* @turns of @ms each, @stalls of them over the threshold. */
static struct record_loop turns_of(uint64_t until_ns, uint64_t turns, uint64_t ms, uint64_t stalls)
{
	struct record_loop loop = loop_until(until_ns);

	loop.turns = turns;
	loop.busy_ns = turns * ms * NS_PER_MS;
	loop.square_us = turns * ms * ms * 1000000;
	loop.max_ns = ms * NS_PER_MS;
	loop.stalls = stalls;
	loop.part_ns[PART_RUN] = loop.busy_ns;
	loop.stall_part_ns[PART_RUN] = stalls * ms * NS_PER_MS;
	loop.hist[20] = turns;
	return loop;
}

START_TEST(the_last_record_counts)
{
	struct model *m = begin();
	struct snapshot *snap;

	put(m, turns_of(SLICE_NS, 4, 1, 0));
	slice(m, 1);
	feed_thread(m, TID, "loop", 2 * SLICE_NS, 2 * SLICE_NS, 0);
	put(m, turns_of(2 * SLICE_NS, 10, 1, 0));
	snap = feed_end_at(m, 2 * SLICE_NS);
	ck_assert_uint_eq(snap->loops_len, 1);
	ck_assert_uint_eq(snap->loops[0].turns, 10);
	ck_assert_uint_eq(snap->loops[0].busy_ns, 10 * NS_PER_MS);
	ck_assert_uint_eq(snap->loops[0].part_ns[PART_RUN], 10 * NS_PER_MS);
	ck_assert_uint_eq(snap->loops[0].hist.count, 10);
	ck_assert_uint_eq(snap->loops[0].hist.bucket[20], 10);
	ck_assert_uint_eq(snap->loops[0].hist.max_ns, NS_PER_MS);
	ck_assert_uint_eq(snap->loops[0].observed_ns, 2 * SLICE_NS);
	snapshot_free(snap);
}
END_TEST

START_TEST(slices_have_the_differences)
{
	struct model *m = begin();
	struct snapshot *snap;

	put(m, turns_of(SLICE_NS, 2, 60, 2));
	slice(m, 1);
	slice(m, 2); /* nothing has changed: no record */
	put(m, turns_of(3 * SLICE_NS, 5, 60, 5));
	snap = feed_end_at(m, 3 * SLICE_NS);
	ck_assert_uint_eq(snap->slices_len, 3);
	ck_assert_uint_eq(snap->slices[0].loop_square_us, 2 * 3600000000ULL);
	ck_assert_uint_eq(snap->slices[0].loop_stalls, 2);
	ck_assert_uint_eq(snap->slices[1].loop_square_us, 0);
	ck_assert_uint_eq(snap->slices[1].loop_stalls, 0);
	ck_assert_uint_eq(snap->slices[2].loop_square_us, 3 * 3600000000ULL);
	ck_assert_uint_eq(snap->slices[2].loop_stalls, 3);
	snapshot_free(snap);
}
END_TEST

START_TEST(an_open_turn_counts)
{
	struct record_loop loop = turns_of(SLICE_NS, 2, 1, 0);
	struct model *m = begin();
	struct snapshot *snap;

	loop.open_ns = 600 * NS_PER_MS;
	loop.open_part_ns[PART_SLEEP] = 600 * NS_PER_MS;
	put(m, loop);
	snap = feed_end_at(m, SLICE_NS);
	ck_assert_uint_eq(snap->loops[0].turns, 3);
	ck_assert_uint_eq(snap->loops[0].busy_ns, 602 * NS_PER_MS);
	ck_assert_uint_eq(snap->loops[0].stalls, 1);
	ck_assert_uint_eq(snap->loops[0].late_ns, 500 * NS_PER_MS);
	ck_assert_uint_eq(snap->loops[0].hist.max_ns, 600 * NS_PER_MS);
	ck_assert_uint_eq(snap->loops[0].part_ns[PART_RUN], 2 * NS_PER_MS);
	ck_assert_uint_eq(snap->loops[0].part_ns[PART_SLEEP], 600 * NS_PER_MS);
	ck_assert_uint_eq(snap->loops[0].stall_part_ns[PART_SLEEP], 600 * NS_PER_MS);
	/* (0.6^2 + 2 * 0.001^2) / 2 s, to the us */
	ck_assert_uint_eq(snap->loops[0].added_mean_ns / 1000, 180001);
	ck_assert_uint_eq(snap->slices[0].loop_square_us, 360002000000ULL);
	ck_assert_uint_eq(snap->slices[0].loop_stalls, 1);
	snapshot_free(snap);
}
END_TEST

/* It was open at the end of two slices and then ended: one stall of 250 ms in all. */
START_TEST(an_open_turn_counts_once)
{
	struct model *m = begin();
	struct record_loop loop = loop_until(SLICE_NS);
	struct snapshot *snap;
	uint64_t square = 0;

	loop.open_ns = 100 * NS_PER_MS;
	put(m, loop);
	slice(m, 1);
	loop.open_ns = 200 * NS_PER_MS;
	put(m, loop);
	slice(m, 2);
	put(m, turns_of(3 * SLICE_NS, 1, 250, 1));
	snap = feed_end_at(m, 3 * SLICE_NS);
	ck_assert_uint_eq(snap->slices[0].loop_square_us, 10000000000ULL);
	ck_assert_uint_eq(snap->slices[0].loop_stalls, 1);
	ck_assert_uint_eq(snap->slices[1].loop_square_us, 30000000000ULL);
	ck_assert_uint_eq(snap->slices[1].loop_stalls, 0);
	ck_assert_uint_eq(snap->slices[2].loop_stalls, 0);
	for (uint32_t i = 0; i < 3; i++)
		square += snap->slices[i].loop_square_us;
	ck_assert_uint_eq(square, 62500000000ULL);
	ck_assert_uint_eq(snap->loops[0].stalls, 1);
	ck_assert_uint_eq(snap->loops[0].turns, 1);
	snapshot_free(snap);
}
END_TEST

/* After an exec the same thread begins again from nothing: both lives count. */
START_TEST(another_beginning_is_another_life)
{
	struct model *m = begin();
	struct record_loop second = turns_of(2 * SLICE_NS, 3, 2, 0);
	struct snapshot *snap;

	put(m, turns_of(SLICE_NS, 5, 1, 0));
	slice(m, 1);
	second.since_ns = FEED_START + SLICE_NS;
	put(m, second);
	snap = feed_end_at(m, 2 * SLICE_NS);
	ck_assert_uint_eq(snap->loops_len, 1);
	ck_assert_uint_eq(snap->loops[0].threads, 1);
	ck_assert_uint_eq(snap->loops[0].turns, 8);
	ck_assert_uint_eq(snap->loops[0].busy_ns, 11 * NS_PER_MS);
	ck_assert_uint_eq(snap->loops[0].observed_ns, 2 * SLICE_NS);
	ck_assert_uint_eq(snap->slices[0].loop_square_us, 5000000);
	ck_assert_uint_eq(snap->slices[1].loop_square_us, 12000000);
	snapshot_free(snap);
}
END_TEST

/* Numbers of a broken or hostile source stay at their bound, and do not come round to small ones.
 */
START_TEST(sums_do_not_overflow)
{
	struct record_loop loop = loop_until(1);
	struct model *m = begin();
	struct snapshot *snap;

	loop.turns = UINT64_MAX;
	loop.busy_ns = UINT64_MAX;
	loop.square_us = UINT64_MAX;
	loop.stalls = UINT64_MAX;
	loop.open_ns = UINT64_MAX;
	put(m, loop);
	snap = feed_end_at(m, 1);
	ck_assert_uint_eq(snap->slices[0].loop_square_us, UINT64_MAX);
	ck_assert_uint_eq(snap->slices[0].loop_stalls, UINT64_MAX);
	ck_assert_uint_eq(snap->loops[0].busy_ns, UINT64_MAX);
	ck_assert_uint_eq(snap->loops[0].turns, UINT64_MAX);
	ck_assert_uint_eq(snap->loops[0].added_mean_ns, UINT64_MAX);
	snapshot_free(snap);
}
END_TEST

static void stall(struct model *m, uint64_t start_ms, uint64_t ns, bool open)
{
	FEED(m, RECORD_STALL,
	     .stall = {.tid = TID,
		       .open = open,
		       .start_ns = FEED_START + start_ms * NS_PER_MS,
		       .end_ns = FEED_START + start_ms * NS_PER_MS + ns,
		       .part_ns = {[PART_RUN] = ns}});
}

/* Told while open, then as it ended: one. */
START_TEST(a_stall_told_twice_is_one)
{
	struct model *m = begin();
	struct snapshot *snap;

	put(m, turns_of(SLICE_NS, 2, 100, 2));
	stall(m, 10, 60 * NS_PER_MS, true);
	stall(m, 500, 70 * NS_PER_MS, false);
	stall(m, 10, 80 * NS_PER_MS, false);
	snap = feed_end_at(m, SLICE_NS);
	ck_assert_uint_eq(snap->stalls_len, 2);
	ck_assert_uint_eq(snap->stalls[0].duration_ns, 80 * NS_PER_MS);
	ck_assert_uint_eq(snap->stalls[0].at_ns, 10 * NS_PER_MS);
	ck_assert(!snap->stalls[0].open);
	ck_assert_uint_eq(snap->stalls[1].duration_ns, 70 * NS_PER_MS);
	snapshot_free(snap);
}
END_TEST

#define MANY 5000
#define SHOWN 64
/* More than are kept, in any order: the longest are told, longest first. */
START_TEST(the_longest_stalls_are_kept)
{
	struct model *m = begin();
	struct snapshot *snap;

	put(m, turns_of(SLICE_NS, MANY, 100, MANY));
	for (uint64_t i = 0; i < MANY; i++) {
		/* rising; falling; all over (MANY and 4099 have no common factor) */
		const uint64_t lengths[] = {i, MANY - 1 - i, i * 4099 % MANY};

		stall(m, i, 1000 + lengths[_i], false);
	}
	snap = feed_end_at(m, MANY * NS_PER_MS);
	ck_assert_uint_eq(snap->stalls_len, SHOWN);
	for (uint32_t i = 0; i < SHOWN; i++)
		ck_assert_uint_eq(snap->stalls[i].duration_ns, 1000 + MANY - 1 - i);
	ck_assert_uint_eq(snap->loops[0].stalls, MANY);
	snapshot_free(snap);
}
END_TEST

/* Of a thread that told nothing else. */
START_TEST(a_stall_without_a_loop_is_left_out)
{
	struct model *m = begin();
	struct snapshot *snap;

	stall(m, 10, 60 * NS_PER_MS, false);
	snap = feed_end_at(m, SLICE_NS);
	ck_assert_uint_eq(snap->loops_len, 0);
	ck_assert_uint_eq(snap->stalls_len, 0);
	snapshot_free(snap);
}
END_TEST

Suite *model_loops_suite(void)
{
	Suite *s = suite_create("model_loops");
	TCase *tc = tcase_create("loops");

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, the_last_record_counts);
	tcase_add_test(tc, slices_have_the_differences);
	tcase_add_test(tc, an_open_turn_counts);
	tcase_add_test(tc, an_open_turn_counts_once);
	tcase_add_test(tc, another_beginning_is_another_life);
	tcase_add_test(tc, sums_do_not_overflow);
	tcase_add_test(tc, a_stall_told_twice_is_one);
	tcase_add_loop_test(tc, the_longest_stalls_are_kept, 0, 3);
	tcase_add_test(tc, a_stall_without_a_loop_is_left_out);
	suite_add_tcase(s, tc);
	return s;
}
