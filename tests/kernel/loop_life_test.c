// SPDX-License-Identifier: GPL-2.0-only
/* Event loops that come and go, and the hooks on polls that come and go with them. */
#include "tests/kernel/loop_log.h"
#include "tests/kernel/scene.h"
#include "tests/kernel/suites.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/num.h"

#define LIVES 3

static void play_lives(struct stage *st, unsigned me)
{
	struct loop none = make_loop(st, EPOLL); /* hooks from the first moment on */

	(void)none;
	stage_wait(st, me, 1);
	for (int life = 0; life < LIVES; life++) {
		struct loop l = make_loop(st, EPOLL);

		for (int i = 0; i < 20; i++) {
			turn(st, &l, -1);
			spin_ms(1);
		}
		/* Between two of them nobody knows what is whose. */
		l.log->turn_ns = 0;
		close(l.epfd);
	}
	stage_wait(st, me, 2);
	stage_wait(st, me, 3);
}

START_TEST(one_epoll_after_another)
{
	const struct record_loop *got;
	struct log log = {0};
	struct scene sc;

	scene_play(&sc, 1, play_lives, &log, sizeof(log));
	log = *log_of(sc.st);
	got = loop_of(&sc.w, scene_tid(&sc, 0));
	/* The kernel may give the next one the place of the last: then it goes on. */
	ck_assert_uint_ge(got->turns, log.turns);
	ck_assert_uint_le(got->turns, log.turns + LIVES - 1);
	ck_assert_uint_ge(got->idle_ns, log.asleep_ns / 50 * 49);
	ck_assert_uint_le(got->idle_ns, log.idle_ns + slack_ns());
	scene_end(&sc);
}
END_TEST

static void *run_thread(void *arg)
{
	struct stage *st = arg;
	struct loop l = make_loop(st, EPOLL);

	st->actors[1].tid = (int)syscall(SYS_gettid);
	for (int i = 0; i < 50; i++) {
		turn(st, &l, -1);
		spin_ms(1);
	}
	turn(st, &l, 0);
	return NULL;
}

static void play_thread(struct stage *st, unsigned me)
{
	struct loop l = make_loop(st, EPOLL); /* hooks from the first moment on */
	pthread_t thread;

	(void)l;
	stage_wait(st, me, 1);
	REQUIRE(st, !pthread_create(&thread, NULL, run_thread, st));
	pthread_join(thread, NULL);
	stage_wait(st, me, 2);
	stage_wait(st, me, 3);
}

START_TEST(a_thread_that_ends_has_told_its_loop)
{
	struct log log = {0};
	struct scene sc;

	scene_play(&sc, 1, play_thread, &log, sizeof(log));
	log = *log_of(sc.st);
	check_loop(loop_of(&sc.w, sc.st->actors[1].tid), &log);
	ck_assert_uint_eq(log.turns, 50);
	scene_end(&sc);
}
END_TEST

#define EPOLLS 1000
#define ROUNDS 20

/* A thousand epolls in turn: a turn is from one poll of the first to the next. */
static void play_many(struct stage *st, unsigned me)
{
	static int epfds[EPOLLS];
	struct loop l = make_loop(st, EPOLL);
	struct epoll_event ev;

	for (int i = 0; i < EPOLLS; i++) {
		epfds[i] = epoll_create1(0);
		REQUIRE(st, epfds[i] >= 0);
		watch_fd(st, epfds[i], l.timer);
	}
	stage_wait(st, me, 1);
	for (int i = 0; i < ROUNDS; i++) {
		turn(st, &l, 0);
		for (int k = 0; k < EPOLLS; k++)
			REQUIRE(st, epoll_wait(epfds[k], &ev, 1, 0) == 0);
	}
	turn(st, &l, 0);
	stage_wait(st, me, 2);
	stage_wait(st, me, 3);
}

START_TEST(a_thousand_epolls)
{
	const struct record_loop *got;
	struct log log = {0};
	struct scene sc;

	scene_play(&sc, 1, play_many, &log, sizeof(log));
	log = *log_of(sc.st);
	got = loop_of(&sc.w, scene_tid(&sc, 0));
	ck_assert_uint_eq(got->turns, ROUNDS);
	near(got->busy_ns, log.busy_ns, slack_ns(), "busy");
	scene_end(&sc);
}
END_TEST

/* --- hooks --- */

/* Tracepoints that this process has open: without timers the hooks are all of them. */
static unsigned hooks(void)
{
	char path[64], target[64];
	unsigned count = 0;

	for (int fd = 0; fd < 1024; fd++) {
		ssize_t len;

		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		len = readlink(path, target, sizeof(target) - 1);
		target[len > 0 ? len : 0] = '\0';
		count += !strcmp(target, "anon_inode:[perf_event]");
	}
	return count;
}

static void *poll_once_in_thread(void *arg)
{
	struct stage *st = arg;
	struct loop l = make_loop(st, POLL);

	turn(st, &l, 5);
	return NULL;
}

/* At each step but the first a thread comes, sleeps in a poll, and goes. */
static void play_polls(struct stage *st, unsigned me)
{
	pthread_t thread;

	stage_wait(st, me, 1);
	sleep_ms(1);
	for (uint32_t step = 2; step < 100; step++) {
		stage_wait(st, me, step);
		REQUIRE(st, !pthread_create(&thread, NULL, poll_once_in_thread, st));
		pthread_join(thread, NULL);
	}
}

#define SLICES_MAX 50 /* more than it takes */

START_TEST(hooks_while_somebody_polls)
{
	struct stage *st = stage_start(1, play_polls, NULL, 0);
	struct watch w;
	unsigned all;

	stage_await(st, 1);
	watch_open(&w, &st->pid);
	stage_go(st, 1);
	stage_await(st, 2);
	watch_drain(&w);
	watch_slice(&w);
	ck_assert_uint_eq(hooks(), 0);
	for (uint32_t step = 2; step < 4; step++) {
		stage_go(st, step);
		stage_await(st, step + 1);
		watch_drain(&w);
		all = hooks();
		ck_assert_uint_ge(all, 4); /* of the calls that every architecture has */
		for (int i = 0; i < SLICES_MAX && hooks(); i++)
			watch_slice(&w);
		ck_assert_uint_eq(hooks(), 0);
	}
	/* Told of so late that it is read when all is detached. */
	stage_go(st, 4);
	stage_await(st, 5);
	watch_close(&w);
	ck_assert_uint_eq(hooks(), 0);
	watch_free(&w);
	stage_end(st);
}
END_TEST

START_TEST(hooks_go_with_the_window)
{
	struct log log = {.way = EPOLL};
	struct scene sc;

	scene_open(&sc, 1, play_thread, &log, sizeof(log));
	ck_assert_uint_ge(hooks(), 4);
	scene_close(&sc);
	ck_assert_uint_eq(hooks(), 0);
	scene_end(&sc);
}
END_TEST

Suite *kernel_loop_life_suite(void)
{
	Suite *suite = suite_create("kernel_loop_life");

	KERNEL_TEST(suite, one_epoll_after_another, 1);
	KERNEL_TEST(suite, a_thread_that_ends_has_told_its_loop, 1);
	KERNEL_TEST(suite, a_thousand_epolls, 1);
	KERNEL_TEST(suite, hooks_while_somebody_polls, 1);
	KERNEL_TEST(suite, hooks_go_with_the_window, 1);
	return suite;
}
