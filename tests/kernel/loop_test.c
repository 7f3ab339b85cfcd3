// SPDX-License-Identifier: GPL-2.0-only
/* Turns of event loops, what they are made of and what ends them, against the loops' own logs. */
#include "tests/kernel/loop_log.h"
#include "tests/kernel/scene.h"
#include "tests/kernel/suites.h"

#include <linux/futex.h>
#include <poll.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/num.h"

static unsigned stalls_told(const struct watch *w, int tid)
{
	unsigned count = 0;

	for (size_t i = 0; i < w->records.len; i++)
		count += w->records.at[i].type == RECORD_STALL &&
			 (int)w->records.at[i].stall.tid == tid && !w->records.at[i].stall.open;
	return count;
}

/* --- turns --- */

#define TURNS 150

static void play_turns(struct stage *st, unsigned me)
{
	struct loop l = make_loop(st, (enum way)log_of(st)->way);

	stage_wait(st, me, 1);
	/* poll and select are seen when a thread first sleeps there: not part of what is compared
	 */
	if (l.way != EPOLL) {
		turn(st, &l, 5);
		memset(log_of(st), 0, sizeof(struct log));
		stage_wait(st, me, 2);
	}
	for (int i = 0; i < TURNS; i++) {
		turn(st, &l, -1);
		if (i % 30 == 10) {
			spin_ms(70);
			continue;
		}
		for (uint64_t from = clock_ns(); clock_ns() - from < 1500 * NS_PER_US;)
			;
	}
	stage_wait(st, me, l.way != EPOLL ? 3 : 2);
	stage_wait(st, me, 9);
}

START_TEST(turns_of_an_epoll)
{
	struct log log = {.way = EPOLL};
	struct scene sc;

	scene_play(&sc, 1, play_turns, &log, sizeof(log));
	log = *log_of(sc.st);
	ck_assert_uint_eq(log.turns, TURNS - 1);
	check_loop(loop_of(&sc.w, scene_tid(&sc, 0)), &log);
	ck_assert_uint_eq(loop_of(&sc.w, scene_tid(&sc, 0))->fds_max, FDS + 1);
	ck_assert_uint_ne(loop_of(&sc.w, scene_tid(&sc, 0))->poll_id, 0);
	ck_assert_uint_eq(stalls_told(&sc.w, scene_tid(&sc, 0)), log.stalls);
	scene_end(&sc);
}
END_TEST

/* A process without an epoll: hooks come when a thread of it sleeps in its poll. */
START_TEST(turns_of_a_list)
{
	struct log log = {.way = _i == 0 ? POLL : SELECT};
	struct stage *st = stage_start(1, play_turns, &log, sizeof(log));
	const struct record_loop *got;
	uint64_t idle_before;
	struct watch w;

	stage_await(st, 1);
	watch_open(&w, &st->pid);
	stage_go(st, 1);
	stage_await(st, 2);
	watch_drain(&w);
	watch_slice(&w);
	idle_before = loop_of(&w, st->pid)->idle_ns;
	ck_assert_uint_eq(loop_of(&w, st->pid)->turns, 0);
	stage_go(st, 2);
	stage_await(st, 3);
	watch_close(&w);
	log = *log_of(st);
	log.idle_ns += idle_before;
	got = loop_of(&w, st->pid);
	check_loop(got, &log);
	ck_assert_uint_eq(got->fds_max, FDS + 1);
	ck_assert_uint_eq(got->poll_id, 0);
	watch_free(&w);
	stage_end(st);
}
END_TEST

/* --- what does not end a turn --- */

#define NESTED_TURNS 20

/* From deeper down than the loop's own poll. */
static __attribute__((noinline)) void call_deeper(struct stage *st, const struct loop *inner,
						  int timeout_ms)
{
	volatile char deep[4096];

	deep[0] = 0;
	poll_once(st, inner, timeout_ms);
	deep[1] = deep[0];
}

static void play_nested(struct stage *st, unsigned me)
{
	struct loop l = make_loop(st, EPOLL), inner = make_loop(st, EPOLL);
	struct pollfd fd = {.fd = l.pipes[0][0], .events = POLLIN};
	struct log nobodys = {0};
	bool longer = log_of(st)->variant;

	inner.log = &nobodys;
	stage_wait(st, me, 1);
	for (int i = 0; i < (longer ? 3 : NESTED_TURNS); i++) {
		turn(st, &l, -1);
		for (int k = 0; k < (longer ? 12 : 2); k++) {
			uint64_t from = clock_ns();

			poll(&fd, 1, longer ? 1 : 3);
			call_deeper(st, &inner, longer ? 120 : 4);
			l.log->parts_ns[PART_BLOCKING] += clock_ns() - from;
		}
	}
	turn(st, &l, 0);
	stage_wait(st, me, 2);
	stage_wait(st, me, 3);
}

/* A second poll of one descriptor and a second epoll within a turn, for 14 ms or for 1.5 s. */
START_TEST(polls_within_a_turn)
{
	struct log log = {.variant = _i};
	const struct record_loop *got;
	struct scene sc;

	scene_play(&sc, 1, play_nested, &log, sizeof(log));
	log = *log_of(sc.st);
	got = loop_of(&sc.w, scene_tid(&sc, 0));
	check_loop(got, &log);
	check_near(got->part_ns[PART_BLOCKING], log.parts_ns[PART_BLOCKING],
		   sc.during[0].run_ns + sc.during[0].runq_ns, "blocked in other polls");
	scene_end(&sc);
}
END_TEST

/* --- a loop that never sleeps --- */

static void play_busy_loop(struct stage *st, unsigned me)
{
	struct loop l = make_loop(st, EPOLL);

	stage_wait(st, me, 1);
	while (!l.log->stop) {
		turn(st, &l, 0);
		for (uint64_t from = clock_ns(); clock_ns() - from < 50 * NS_PER_US;)
			;
	}
	stage_wait(st, me, 2);
	stage_wait(st, me, 3);
}

/* However many slices go by, the hooks stay. */
START_TEST(polls_that_never_sleep)
{
	struct log log = {0};
	const struct record_loop *got;
	struct scene sc;

	scene_open(&sc, 1, play_busy_loop, &log, sizeof(log));
	for (int i = 0; i < 25; i++) {
		uint64_t polls = log_of(sc.st)->polls;

		AWAIT(*(volatile uint64_t *)&log_of(sc.st)->polls > polls + 100);
		watch_slice(&sc.w);
	}
	log_of(sc.st)->stop = 1;
	scene_close(&sc);
	log = *log_of(sc.st);
	got = loop_of(&sc.w, scene_tid(&sc, 0));
	ck_assert_uint_eq(got->turns, log.turns);
	/* It is in its turns all the time; by its own clock its polls are none of them. */
	near(got->busy_ns, log.busy_ns + log.idle_ns, slack_ns(), "busy");
	ck_assert_uint_eq(sum_parts(got->part_ns), got->busy_ns);
	ck_assert_uint_le(got->idle_ns, slack_ns());
	scene_end(&sc);
}
END_TEST

/* --- stalls --- */

#define STALL_MS 80

/* Actor 1 lets actor 0's read end. */
static void play_stalls(struct stage *st, unsigned me)
{
	static int ends[2];
	static _Atomic int asleep;
	static uint32_t word;
	struct timespec rest = {.tv_nsec = STALL_MS * 1000000L};
	uint64_t *part_ns = log_of(st)->parts_ns, from;
	struct loop l;
	char byte;

	if (me == 1) {
		stage_wait(st, me, 1);
		while (!asleep)
			sleep_ms(1);
		sleep_ms(STALL_MS);
		REQUIRE(st, write(ends[1], "x", 1) == 1);
		stage_wait(st, me, 2);
		stage_wait(st, me, 3);
		return;
	}
	l = make_loop(st, EPOLL);
	REQUIRE(st, !pipe(ends));
	stage_wait(st, me, 1);
	turn(st, &l, -1);
	from = clock_ns();
	spin_ms(STALL_MS);
	part_ns[PART_RUN] = clock_ns() - from;
	turn(st, &l, -1);
	from = clock_ns();
	nanosleep(&rest, NULL);
	part_ns[PART_SLEEP] = clock_ns() - from;
	turn(st, &l, -1);
	from = clock_ns();
	asleep = 1;
	REQUIRE(st, read(ends[0], &byte, 1) == 1);
	part_ns[PART_BLOCKING] = clock_ns() - from;
	turn(st, &l, -1);
	from = clock_ns();
	futex(&word, FUTEX_WAIT, 0, &rest, NULL, 0);
	part_ns[PART_LOCK] = clock_ns() - from;
	turn(st, &l, -1);
	stage_wait(st, me, 2);
	stage_wait(st, me, 3);
}

/* The kept stall with the most of @part. */
static const struct record_stall *stall_of(const struct watch *w, int tid, enum loop_part part)
{
	const struct record_stall *most = NULL;

	for (size_t i = 0; i < w->records.len; i++) {
		const struct record_stall *r = &w->records.at[i].stall;

		if (w->records.at[i].type == RECORD_STALL && (int)r->tid == tid && !r->open &&
		    (!most || r->part_ns[part] > most->part_ns[part]))
			most = r;
	}
	ck_assert_ptr_nonnull(most);
	return most;
}

START_TEST(parts_of_stalls)
{
	static const struct {
		enum loop_part part;
		unsigned class;
		int nr;
	} parts[] = {{PART_SLEEP, CLASS_SLEEP, SYS_clock_nanosleep},
		     {PART_BLOCKING, CLASS_COUNT, SYS_read},
		     {PART_LOCK, CLASS_COUNT, SYS_futex}};
	const struct record_stall *stall;
	const struct record_loop *got;
	struct log log = {0};
	struct scene sc;

	scene_play(&sc, 2, play_stalls, &log, sizeof(log));
	log = *log_of(sc.st);
	got = loop_of(&sc.w, scene_tid(&sc, 0));
	check_loop(got, &log);
	ck_assert_uint_eq(got->stalls, 4);
	check_near(got->stall_part_ns[PART_RUN], log.parts_ns[PART_RUN], sc.during[0].runq_ns,
		   "running");
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		enum loop_part part = parts[i].part;

		check_near(got->stall_part_ns[part], log.parts_ns[part], sc.during[0].runq_ns,
			   "asleep");
		stall = stall_of(&sc.w, scene_tid(&sc, 0), part);
		check_near(stall->part_ns[part], log.parts_ns[part], sc.during[0].runq_ns, "stall");
		ck_assert_uint_eq(sum_parts(stall->part_ns), stall->end_ns - stall->start_ns);
		ck_assert_int_eq(stall->block_syscall, parts[i].nr);
		ck_assert_uint_le(stall->block_ns, stall->part_ns[part]);
		ck_assert_uint_ne(stall->block_stack, 0);
		ck_assert_ptr_nonnull(watch_stack(&sc.w, stall->block_stack));
		if (parts[i].class != CLASS_COUNT)
			ck_assert_uint_eq(stall->block_class, parts[i].class);
	}
	stall = stall_of(&sc.w, scene_tid(&sc, 0), PART_RUN);
	ck_assert_uint_ge(stall->end_ns - stall->start_ns, STALL_MS * NS_PER_MS);
	scene_end(&sc);
}
END_TEST

/* Asleep in a turn when the window ends: told as it is by then. */
static void play_open(struct stage *st, unsigned me)
{
	struct loop l = make_loop(st, EPOLL);

	stage_wait(st, me, 1);
	turn(st, &l, -1);
	turn(st, &l, -1);
	st->actors[me].count = 1;
	while (!log_of(st)->stop)
		sleep_ms(1000);
	stage_wait(st, me, 2);
}

START_TEST(a_turn_that_goes_on)
{
	struct stage *st = stage_start(1, play_open, NULL, 0);
	const struct record_stall *stall = NULL;
	const struct record_loop *got;
	struct watch w;

	stage_await(st, 1);
	watch_open(&w, &st->pid);
	stage_go(st, 1);
	AWAIT(*(volatile uint64_t *)&st->actors[0].count == 1);
	spin_ms(120);
	watch_slice(&w);
	got = loop_of(&w, st->pid);
	ck_assert_uint_ge(got->open_ns, 120 * NS_PER_MS);
	spin_ms(50);
	watch_close(&w);
	got = loop_of(&w, st->pid);
	ck_assert_uint_eq(got->turns, 1);
	ck_assert_uint_eq(got->stalls, 0);
	near(got->open_ns, w.end_ns - log_of(st)->turn_ns, slack_ns(), "open");
	ck_assert_uint_eq(sum_parts(got->open_part_ns), got->open_ns);
	check_near(got->open_part_ns[PART_SLEEP], got->open_ns, 0, "asleep");
	for (size_t i = 0; i < w.records.len; i++)
		if (w.records.at[i].type == RECORD_STALL)
			stall = &w.records.at[i].stall;
	ck_assert_ptr_nonnull(stall);
	ck_assert(stall->open);
	ck_assert_uint_eq(stall->end_ns, w.end_ns);
	ck_assert_uint_eq(stall->end_ns - stall->start_ns, got->open_ns);
	ck_assert_uint_eq(stall->block_class, CLASS_SLEEP);
	watch_free(&w);
	stage_end(st);
}
END_TEST

Suite *kernel_loop_suite(void)
{
	Suite *suite = suite_create("kernel_loop");

	KERNEL_TEST(suite, turns_of_an_epoll, 1);
	KERNEL_TEST(suite, turns_of_a_list, 2);
	KERNEL_TEST(suite, polls_within_a_turn, 2);
	KERNEL_TEST(suite, polls_that_never_sleep, 1);
	KERNEL_TEST(suite, parts_of_stalls, 1);
	KERNEL_TEST(suite, a_turn_that_goes_on, 1);
	return suite;
}
