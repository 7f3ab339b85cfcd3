// SPDX-License-Identifier: GPL-2.0-only
/* SIGSTOP and SIGCONT: the time between them is `stopped`, and what was waited for before goes on
 * after. */
#include "tests/kernel/scene.h"
#include "tests/kernel/suites.h"

#include <linux/futex.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <time.h>

#include "base/num.h"

#define STOP_MS 120
#define PLAY_MS 400

enum { SPINS, SLEEPS, POLLS, WAITS_TIMED, WAITS_UNTIL, LEN };

struct own {
	_Alignas(64) uint32_t timed;
	_Alignas(64) uint32_t until;
	_Alignas(64) uint32_t end;
};

static void play(struct stage *st, unsigned me)
{
	struct timespec rel = {.tv_nsec = PLAY_MS * 1000000}, until;
	struct own *own = (struct own *)st->own;
	struct actor *a = &st->actors[me];

	stage_wait(st, me, 1);
	a->from_ns = clock_ns();
	switch (me) {
	case SPINS:
		spin_ms(PLAY_MS);
		break;
	case SLEEPS:
		nanosleep(&rel, NULL);
		break;
	case POLLS:
		poll(NULL, 0, PLAY_MS);
		break;
	case WAITS_TIMED: /* goes on by restart_syscall */
		futex(&own->timed, FUTEX_WAIT_PRIVATE, 0, &rel, NULL, 0);
		break;
	case WAITS_UNTIL:
		clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_nsec += rel.tv_nsec;
		until.tv_sec += until.tv_nsec / 1000000000;
		until.tv_nsec %= 1000000000;
		futex(&own->until, FUTEX_WAIT_BITSET_PRIVATE, 0, &until, NULL,
		      FUTEX_BITSET_MATCH_ANY);
		break;
	}
	a->to_ns = clock_ns();
	a->wait_ns = a->to_ns - a->from_ns;
	stage_wait(st, me, 2);
	stage_wait(st, me, 3);
}

static int all_in_state(const struct scene *sc, char state)
{
	for (unsigned i = 0; i < sc->st->len; i++)
		if (proc_state(sc->st->pid, scene_tid(sc, i)) != state)
			return 0;
	return 1;
}

static int playing(const struct scene *sc)
{
	pid_t pid = sc->st->pid;
	const struct own *own = (const struct own *)sc->st->own;

	return sc->st->actors[SPINS].from_ns && proc_state(pid, scene_tid(sc, SLEEPS)) == 'S' &&
	       sc->st->actors[SLEEPS].from_ns && sc->st->actors[POLLS].from_ns &&
	       proc_blocked(pid, scene_tid(sc, WAITS_TIMED), SYS_futex, (uintptr_t)&own->timed) &&
	       proc_blocked(pid, scene_tid(sc, WAITS_UNTIL), SYS_futex, (uintptr_t)&own->until);
}

/* Play with one stop of at least STOP_MS in it; *ret_ns is how long all were stopped. */
static void play_with_stop(struct scene *sc, uint64_t *ret_ns)
{
	uint64_t from;

	scene_open(sc, LEN, play, NULL, 0);
	AWAIT(playing(sc));
	ck_assert_int_eq(kill(sc->st->pid, SIGSTOP), 0);
	AWAIT(all_in_state(sc, 'T'));
	from = clock_ns();
	sleep_ms(STOP_MS);
	*ret_ns = clock_ns() - from;
	ck_assert_int_eq(kill(sc->st->pid, SIGCONT), 0);
	scene_close(sc);
}

/* Not all stop at the same moment: a thread may have stopped this long before the last one did. */
static uint64_t stop_slack_ns(const struct scene *sc, unsigned who)
{
	return 4 * slack_ns() + sc->during[who].runq_ns;
}

START_TEST(stopped)
{
	struct scene sc;
	uint64_t stop_ns, got;

	play_with_stop(&sc, &stop_ns);
	for (unsigned i = 0; i < LEN; i++) {
		got = scene_counters(&sc, i)->class_ns[CLASS_STOPPED];
		ck_assert_msg(got >= stop_ns - slack_ns() && got <= stop_ns + stop_slack_ns(&sc, i),
			      "actor %u stopped for %.1f ms, in truth %.1f", i, got / 1e6,
			      stop_ns / 1e6);
	}
	scene_end(&sc);
}
END_TEST

START_TEST(waits_go_on_after_a_stop)
{
	struct scene sc;
	uint64_t stop_ns;

	play_with_stop(&sc, &stop_ns);
	for (unsigned i = SLEEPS; i <= POLLS; i++) {
		sc.during[i].runq_ns += stop_slack_ns(&sc, i);
		sc.st->actors[i].wait_ns -= stop_ns;
		scene_check_class(&sc, i, CLASS_SLEEP, i == POLLS ? "poll" : "nanosleep");
	}
	scene_end(&sc);
}
END_TEST

START_TEST(futex_waits_go_on_after_a_stop)
{
	struct scene sc;
	const struct own *own;
	uint64_t stop_ns;
	struct wait_sum sum;

	play_with_stop(&sc, &stop_ns);
	own = (const struct own *)sc.st->own;
	for (unsigned i = WAITS_TIMED; i <= WAITS_UNTIL; i++) {
		sum = watch_waits(&sc.w, sc.st->pid, i == WAITS_UNTIL ? &own->until : &own->timed,
				  0);
		ck_assert_uint_ge(sum.waits, 1);
		ck_assert_uint_eq(sum.in_hist, sum.waits);
		check_near(sum.blocked_ns, sc.st->actors[i].wait_ns - stop_ns,
			   sc.during[i].run_ns + sc.during[i].runq_ns + stop_slack_ns(&sc, i),
			   i == WAITS_UNTIL ? "wait until" : "timed wait");
	}
	scene_end(&sc);
}
END_TEST

Suite *kernel_stop_suite(void)
{
	Suite *suite = suite_create("kernel_stop");

	KERNEL_TEST(suite, stopped, 1);
	KERNEL_TEST(suite, waits_go_on_after_a_stop, 1);
	KERNEL_TEST(suite, futex_waits_go_on_after_a_stop, 1);
	return suite;
}
