// SPDX-License-Identifier: GPL-2.0-only
/* Loops and stalls in the snapshot, worked out by hand from the records. */
#include "base/num.h"
#include "model/python_word.h"
#include "model/syscalls.h"
#include "tests/unit/record_feed.h"
#include "tests/unit/suites.h"

#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

#define WINDOW_NS (1000 * NS_PER_MS)
#define OTHER_PID 200

/* What the stacks below are made of. */
enum place {
	SLEEP,
	BURN,
	BURN_DEEP,
	HANDLER,
	RARE,
	HANDLE_RUN,
	RUN_ONCE,
	NATIVE_TURN,
	NATIVE_HANDLER,
	NATIVE_WORK,
	PLACES
};

static const struct {
	const char *name, *where;
	bool python;
} places[PLACES] = {
	[SLEEP] = {"clock_nanosleep", "/usr/lib/libc.so.6", false},
	[BURN] = {"burn", "/srv/app.py", true},
	[BURN_DEEP] = {"burn_deep", "/srv/app.py", true},
	[HANDLER] = {"handle_upload", "/srv/app.py", true},
	[RARE] = {"rare", "/srv/app.py", true},
	[HANDLE_RUN] = {"Handle._run", "/usr/lib/python3.11/asyncio/events.py", true},
	[RUN_ONCE] = {"BaseEventLoop._run_once", "/usr/lib/python3.11/asyncio/base_events.py",
		      true},
	[NATIVE_TURN] = {"aeProcessEvents", "/usr/bin/redis-server", false},
	[NATIVE_HANDLER] = {"readQueryFromClient", "/usr/bin/redis-server", false},
	[NATIVE_WORK] = {"keysCommand", "/usr/bin/redis-server", false},
};

static uint64_t ip_of(enum place place)
{
	return places[place].python ? python_word_make(0x7f0000000000 + place * 0x100, 2, true)
				    : 0x1000 + place;
}

static struct model *begin(void)
{
	struct model *m = feed_begin();

	for (uint32_t tid = 101; tid <= 104; tid++)
		feed_thread(m, tid, "loop", WINDOW_NS, WINDOW_NS, 0);
	for (int i = 0; i < PLACES; i++) {
		struct record rec = {.type = RECORD_FRAME,
				     .frame = {.pid = FEED_PID, .ip = ip_of((enum place)i)}};
		char *to = places[i].python ? rec.frame.file : rec.frame.module;

		snprintf(rec.frame.name, sizeof(rec.frame.name), "%s", places[i].name);
		snprintf(to, sizeof(rec.frame.module), "%s", places[i].where);
		feed_put(m, &rec);
	}
	return m;
}

static void stack(struct model *m, uint64_t id, const enum place *frames)
{
	struct record rec = {.type = RECORD_STACK, .stack = {.stack = id, .pid = FEED_PID}};

	while (*frames != PLACES)
		rec.stack.ips[rec.stack.len++] = ip_of(*frames++);
	feed_put(m, &rec);
}

#define STACK(m, id, ...) stack(m, id, (const enum place[]){__VA_ARGS__, PLACES})

/* A loop that polls @poll_id with @fds, whose @turns took 1 ms each. */
static struct record_loop loop_of(uint32_t tid, uint64_t poll_id, uint32_t fds, uint64_t turns)
{
	return (struct record_loop){.tid = tid,
				    .syscall = SYS_epoll_pwait,
				    .poll_id = poll_id,
				    .fds_max = fds,
				    .since_ns = FEED_START,
				    .until_ns = FEED_START + WINDOW_NS,
				    .turns = turns,
				    .busy_ns = turns * NS_PER_MS,
				    .idle_ns = WINDOW_NS - turns * NS_PER_MS,
				    .square_us = turns * 1000000,
				    .max_ns = NS_PER_MS,
				    .part_ns = {[PART_RUN] = turns * NS_PER_MS}};
}

static void put(struct model *m, struct record_loop loop)
{
	FEED(m, RECORD_LOOP, .loop = loop);
}

static struct snapshot *end(struct model *m)
{
	return feed_end_at(m, WINDOW_NS);
}

static uint32_t tid_of(const struct snapshot *snap, uint32_t thread)
{
	return snap->threads[thread].tid;
}

/* Three threads at one epoll, with 10, 9 and 15 turns: the last one had the most. */
START_TEST(threads_of_one_descriptor_are_one_loop)
{
	struct model *m = begin();
	struct snapshot *snap;
	const struct snap_loop *loop;

	put(m, loop_of(101, 5, 4, 10));
	put(m, loop_of(102, 5, 9, 9));
	put(m, loop_of(103, 5, 3, 15));
	put(m, loop_of(104, 6, 3, 1));
	snap = end(m);
	ck_assert_uint_eq(snap->loops_len, 2);
	/* Where another thread takes over while one is busy, nobody waits for it. */
	ck_assert(snap->loops[0].is_loop);
	ck_assert_uint_eq(tid_of(snap, snap->loops[0].thread), 104);
	loop = &snap->loops[1];
	ck_assert(!loop->is_loop);
	ck_assert_uint_eq(loop->threads, 3);
	ck_assert_uint_eq(tid_of(snap, loop->thread), 103);
	ck_assert_uint_eq(loop->fds_max, 9);
	ck_assert_uint_eq(loop->turns, 34);
	ck_assert_uint_eq(loop->busy_ns, 34 * NS_PER_MS);
	ck_assert_uint_eq(loop->idle_ns, 3 * WINDOW_NS - 34 * NS_PER_MS);
	ck_assert_uint_eq(loop->observed_ns, 3 * WINDOW_NS);
	ck_assert_uint_eq(loop->part_ns[PART_RUN], 34 * NS_PER_MS);
	/* 34 turns of 1 ms in 3 s: 34 * 10^-6 / 6 s; each of the three is cut to a ns */
	ck_assert_uint_ge(loop->added_mean_ns, 5665);
	ck_assert_uint_le(loop->added_mean_ns, 5667);
	snapshot_free(snap);
}
END_TEST

/* A stall of any of them is the loop's, whoever the loop goes by. */
START_TEST(stalls_of_all_its_threads)
{
	struct model *m = begin();
	struct snapshot *snap;

	put(m, loop_of(101, 5, 4, 10));
	put(m, loop_of(102, 5, 4, 20));
	put(m, loop_of(103, 5, 4, 5));
	for (uint32_t tid = 101; tid <= 103; tid++)
		FEED(m, RECORD_STALL,
		     .stall = {.tid = tid,
			       .start_ns = FEED_START,
			       .end_ns = FEED_START + tid * NS_PER_MS});
	snap = end(m);
	ck_assert_uint_eq(snap->loops_len, 1);
	ck_assert_uint_eq(snap->stalls_len, 3);
	for (uint32_t i = 0; i < 3; i++) {
		ck_assert_uint_eq(snap->stalls[i].loop, 0);
		ck_assert_uint_eq(tid_of(snap, snap->stalls[i].thread), 103 - i);
	}
	snapshot_free(snap);
}
END_TEST

/* poll and select have no descriptor of their own: each thread for itself. */
START_TEST(lists_of_descriptors_are_apart)
{
	struct model *m = begin();
	struct snapshot *snap;

	put(m, loop_of(101, 0, 4, 10));
	put(m, loop_of(102, 0, 4, 20));
	snap = end(m);
	ck_assert_uint_eq(snap->loops_len, 2);
	for (uint32_t i = 0; i < 2; i++)
		ck_assert_uint_eq(snap->loops[i].threads, 1);
	snapshot_free(snap);
}
END_TEST

/* A forked child has the same epoll; it polls for itself. */
START_TEST(processes_are_apart)
{
	struct model *m = begin();
	struct snapshot *snap;

	FEED(m, RECORD_PROCESS, .process = {.pid = OTHER_PID, .ppid = FEED_PID, .comm = "prog"});
	FEED(m, RECORD_COUNTERS,
	     .counters = {.pid = OTHER_PID,
			  .tid = OTHER_PID,
			  .start_ns = FEED_START,
			  .until_ns = FEED_START + WINDOW_NS,
			  .class_ns = {[CLASS_RUN] = WINDOW_NS}});
	put(m, loop_of(101, 5, 4, 10));
	put(m, loop_of(OTHER_PID, 5, 4, 20));
	snap = end(m);
	ck_assert_uint_eq(snap->loops_len, 2);
	for (uint32_t i = 0; i < 2; i++)
		ck_assert(snap->loops[i].is_loop);
	snapshot_free(snap);
}
END_TEST

/* Nothing known of its code: three descriptors make a loop, as two do not. */
START_TEST(a_loop_by_its_descriptors)
{
	struct model *m = begin();
	struct snapshot *snap;

	put(m, loop_of(101, 0, 2, 10));
	put(m, loop_of(102, 0, 3, 5));
	snap = end(m);
	ck_assert(snap->loops[0].is_loop);
	ck_assert_uint_eq(snap->loops[0].fds_max, 3);
	ck_assert(!snap->loops[1].is_loop);
	ck_assert_uint_eq(snap->loops[1].fds_max, 2);
	snapshot_free(snap);
}
END_TEST

/* A known loop is one with whatever it polls. */
START_TEST(a_loop_by_its_code)
{
	struct model *m = begin();
	struct snapshot *snap;

	put(m, loop_of(101, 5, 1, 10));
	STACK(m, 1, NATIVE_TURN);
	FEED(m, RECORD_SAMPLE, .sample = {.tid = 101, .stack = 1, .count = 1});
	snap = end(m);
	ck_assert(snap->loops[0].is_loop);
	ck_assert_str_eq(snap->loops[0].kind, "redis");
	snapshot_free(snap);
}
END_TEST

START_TEST(families_by_the_call)
{
	static const struct {
		long nr;
		const char *kind;
	} cases[] = {{SYS_epoll_pwait, "epoll"},
		     {SYS_epoll_pwait2, "epoll"},
		     {SYS_ppoll, "poll"},
		     {SYS_pselect6, "select"},
#ifdef SYS_poll
		     {SYS_poll, "poll"},
		     {SYS_select, "select"},
		     {SYS_epoll_wait, "epoll"},
#endif
		     {SYS_io_uring_enter, "io_uring"}};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct model *m = begin();
		struct record_loop loop = loop_of(101, 5, 3, 10);
		struct snapshot *snap;

		loop.syscall = (int32_t)cases[i].nr;
		put(m, loop);
		snap = end(m);
		ck_assert_str_eq(snap->loops[0].kind, cases[i].kind);
		snapshot_free(snap);
	}
}
END_TEST

START_TEST(who_neither_polled_nor_turned_is_no_loop)
{
	struct model *m = begin();
	struct record_loop loop = loop_of(101, 5, 3, 0);
	struct snapshot *snap;

	loop.idle_ns = 0;
	put(m, loop);
	snap = end(m);
	ck_assert_uint_eq(snap->loops_len, 0);
	snapshot_free(snap);
}
END_TEST

static struct record_stall stall_of(uint64_t ms)
{
	return (struct record_stall){.tid = 101,
				     .start_ns = FEED_START + 5 * NS_PER_MS,
				     .end_ns = FEED_START + (5 + ms) * NS_PER_MS,
				     .block_syscall = -1};
}

/* The one stall of a loop with stacks 1 (asleep) and 2.. (samples). */
static struct snapshot *freeze_stall(struct model *m, struct record_stall stall)
{
	STACK(m, 1, SLEEP, HANDLER, HANDLE_RUN, RUN_ONCE);
	STACK(m, 2, BURN, HANDLER, HANDLE_RUN, RUN_ONCE);
	STACK(m, 3, BURN_DEEP, BURN, HANDLER, HANDLE_RUN, RUN_ONCE);
	STACK(m, 4, BURN, BURN, BURN, BURN, BURN, RARE, RUN_ONCE);
	put(m, loop_of(101, 5, 1, 10));
	FEED(m, RECORD_STALL, .stall = stall);
	return end(m);
}

static const char *innermost(const struct snapshot *snap, uint32_t index)
{
	return snap->stacks[index].frames[0].name;
}

START_TEST(a_stall_that_computes)
{
	struct record_stall stall = stall_of(80);
	struct snapshot *snap;

	stall.part_ns[PART_RUN] = 50 * NS_PER_MS;
	stall.part_ns[PART_SLEEP] = 30 * NS_PER_MS;
	stall.block_stack = 1;
	stall.block_ns = 30 * NS_PER_MS;
	stall.block_class = CLASS_SLEEP;
	stall.block_syscall = SYS_clock_nanosleep;
	stall.stacks_len = 1;
	stall.stacks[0] = 2;
	snap = freeze_stall(begin(), stall);
	ck_assert_uint_eq(snap->stalls_len, 1);
	ck_assert_int_eq(snap->stalls[0].cause, PART_RUN);
	ck_assert_uint_eq(snap->stalls[0].at_ns, 5 * NS_PER_MS);
	ck_assert_uint_eq(snap->stalls[0].duration_ns, 80 * NS_PER_MS);
	ck_assert_uint_eq(snap->stalls[0].part_ns[PART_SLEEP], 30 * NS_PER_MS);
	ck_assert_str_eq(innermost(snap, snap->stalls[0].stack), "burn");
	ck_assert_str_eq(snap->stalls[0].syscall_name, "");
	ck_assert_str_eq(snap->stalls[0].task, "handle_upload");
	ck_assert_str_eq(snap->loops[0].kind, "asyncio");
	snapshot_free(snap);
}
END_TEST

START_TEST(a_stall_that_sleeps)
{
	struct record_stall stall = stall_of(80);
	struct snapshot *snap;

	stall.part_ns[PART_RUN] = 30 * NS_PER_MS;
	stall.part_ns[PART_SLEEP] = 50 * NS_PER_MS;
	stall.block_stack = 1;
	stall.block_ns = 50 * NS_PER_MS;
	stall.block_class = CLASS_SLEEP;
	stall.block_syscall = SYS_clock_nanosleep;
	stall.stacks_len = 1;
	stall.stacks[0] = 2;
	stall.open = true;
	snap = freeze_stall(begin(), stall);
	ck_assert_int_eq(snap->stalls[0].cause, PART_SLEEP);
	ck_assert_str_eq(innermost(snap, snap->stalls[0].stack), "clock_nanosleep");
	ck_assert_str_eq(snap->stalls[0].syscall_name, syscall_name(SYS_clock_nanosleep));
	ck_assert_str_eq(snap->stalls[0].task, "handle_upload");
	ck_assert(snap->stalls[0].open);
	snapshot_free(snap);
}
END_TEST

/* Many short reads, and one longer sleep: the call that is known is not the cause. */
START_TEST(a_call_of_another_sort_is_not_named)
{
	struct record_stall stall = stall_of(80);
	struct snapshot *snap;

	stall.part_ns[PART_BLOCKING] = 60 * NS_PER_MS;
	stall.part_ns[PART_SLEEP] = 20 * NS_PER_MS;
	stall.block_stack = 1;
	stall.block_ns = 20 * NS_PER_MS;
	stall.block_class = CLASS_SLEEP;
	stall.block_syscall = SYS_clock_nanosleep;
	snap = freeze_stall(begin(), stall);
	ck_assert_int_eq(snap->stalls[0].cause, PART_BLOCKING);
	ck_assert_str_eq(snap->stalls[0].syscall_name, "");
	snapshot_free(snap);
}
END_TEST

START_TEST(a_stall_without_stacks)
{
	struct record_stall stall = stall_of(80);
	struct snapshot *snap;

	stall.part_ns[PART_RUN] = 80 * NS_PER_MS;
	stall.stacks_len = 1;
	stall.stacks[0] = 99; /* never told */
	snap = freeze_stall(begin(), stall);
	ck_assert_uint_eq(snap->stalls[0].stack, SNAP_NONE);
	ck_assert_str_eq(snap->stalls[0].task, "");
	snapshot_free(snap);
}
END_TEST

/* What most samples have in common, not the one that is deepest. */
START_TEST(the_typical_sample)
{
	static const uint64_t samples[][5] = {
		{2, 2, 2, 4}, {4, 2, 2}, {2, 3, 3, 2, 4}, {4, 3, 2, 3, 3}, {4, 3},
	};
	static const char *const want[] = {"burn", "burn", "burn_deep", "burn_deep", "burn"};

	for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
		struct record_stall stall = stall_of(80);
		struct snapshot *snap;
		const struct snap_stack *at;

		stall.part_ns[PART_RUN] = 80 * NS_PER_MS;
		for (int k = 0; k < 5 && samples[i][k]; k++)
			stall.stacks[stall.stacks_len++] = samples[i][k];
		snap = freeze_stall(begin(), stall);
		at = &snap->stacks[snap->stalls[0].stack];
		ck_assert_str_eq(at->frames[0].name, want[i]);
		/* Only where there are two that have as little in common is it the first. */
		ck_assert_int_eq(!strcmp(at->frames[at->frames_len - 2].name, "rare"), i == 4);
		snapshot_free(snap);
	}
}
END_TEST

/* A native loop: the handler is what it called. */
START_TEST(the_task_of_a_native_loop)
{
	struct record_stall stall = stall_of(80);
	struct model *m = begin();
	struct snapshot *snap;

	stall.part_ns[PART_RUN] = 80 * NS_PER_MS;
	stall.stacks_len = 1;
	stall.stacks[0] = 9;
	STACK(m, 9, NATIVE_WORK, NATIVE_HANDLER, NATIVE_TURN);
	snap = freeze_stall(m, stall);
	ck_assert_str_eq(innermost(snap, snap->stalls[0].stack), "keysCommand");
	ck_assert_str_eq(snap->stalls[0].task, "readQueryFromClient");
	ck_assert_str_eq(snap->loops[0].kind, "redis");
	snapshot_free(snap);
}
END_TEST

/* By what they add to the delay, real loops first. */
START_TEST(the_worst_loop_is_first)
{
	struct model *m = begin();
	struct record_loop slow = loop_of(103, 7, 3, 10);
	struct snapshot *snap;

	put(m, loop_of(101, 5, 3, 20));
	put(m, loop_of(102, 6, 1, 500));
	slow.square_us = 50000000; /* fewer turns, one of them longer */
	put(m, slow);
	snap = end(m);
	ck_assert_uint_eq(snap->loops_len, 3);
	ck_assert_uint_eq(tid_of(snap, snap->loops[0].thread), 103);
	ck_assert_uint_eq(tid_of(snap, snap->loops[1].thread), 101);
	ck_assert_uint_eq(tid_of(snap, snap->loops[2].thread), 102);
	snapshot_free(snap);
}
END_TEST

static void add_stall_tests(TCase *tc)
{
	tcase_add_test(tc, a_stall_that_computes);
	tcase_add_test(tc, a_stall_that_sleeps);
	tcase_add_test(tc, a_call_of_another_sort_is_not_named);
	tcase_add_test(tc, a_stall_without_stacks);
	tcase_add_test(tc, the_typical_sample);
	tcase_add_test(tc, the_task_of_a_native_loop);
}

Suite *model_freeze_loops_suite(void)
{
	Suite *s = suite_create("model_freeze_loops");
	TCase *tc = tcase_create("loops");

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, threads_of_one_descriptor_are_one_loop);
	tcase_add_test(tc, stalls_of_all_its_threads);
	tcase_add_test(tc, lists_of_descriptors_are_apart);
	tcase_add_test(tc, processes_are_apart);
	tcase_add_test(tc, a_loop_by_its_descriptors);
	tcase_add_test(tc, a_loop_by_its_code);
	tcase_add_test(tc, families_by_the_call);
	tcase_add_test(tc, who_neither_polled_nor_turned_is_no_loop);
	tcase_add_test(tc, the_worst_loop_is_first);
	add_stall_tests(tc);
	suite_add_tcase(s, tc);
	return s;
}
