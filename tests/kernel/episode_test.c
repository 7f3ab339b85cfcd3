// SPDX-License-Identifier: GPL-2.0-only
/* Where one wait ends and the next begins, and the stream of long ones. */
#include "tests/kernel/scene.h"
#include "tests/kernel/suites.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/futex.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <time.h>

#include "base/num.h"
#include "model/loss.h"

#define WAKES 20

enum { WAITER, WAKER, LEN };

struct own {
	_Alignas(64) _Atomic uint32_t word;
	_Alignas(64) uint32_t value;
	uint64_t from_ns[WAKES], woken_ns[WAKES], to_ns[WAKES]; /* of single waits */
	_Atomic unsigned begun, done;
};

/* --- a thread that is woken, finds the lock taken again and sleeps again --- */

static void play_overtaken(struct stage *st, unsigned me)
{
	struct own *own = (struct own *)st->own;
	struct actor *a = &st->actors[me];
	uint64_t from;

	stage_wait(st, me, 1);
	if (me == WAITER) {
		from = clock_ns();
		while (own->word == own->value) {
			own->begun++;
			futex(&own->word, FUTEX_WAIT_PRIVATE, own->value, NULL, NULL, 0);
		}
		a->wait_ns = clock_ns() - from;
	} else {
		for (unsigned i = 0; i < WAKES; i++) {
			/* Woken, but not yet running, it still looks blocked. */
			while (own->begun <= i)
				sleep_ms(1);
			stage_await_blocked(st, WAITER, SYS_futex, &own->word);
			sleep_ms(5);
			if (i == WAKES - 1)
				own->word = 0;
			REQUIRE(st, futex(&own->word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0) == 1);
		}
	}
	stage_wait(st, me, 2);
	stage_wait(st, me, 3);
}

/* @value 2 is what a contended mutex holds: only then was it overtaken. */
static struct wait_sum play_value(struct scene *sc, uint32_t value)
{
	const struct own init = {.word = value, .value = value};
	const struct own *own;
	struct wait_sum sum;

	scene_play(sc, LEN, play_overtaken, &init, sizeof(init));
	own = (const struct own *)sc->st->own;
	sum = watch_waits(&sc->w, sc->st->pid, &own->word, scene_tid(sc, WAITER));
	ck_assert_msg(sum.handed_over == WAKES,
		      "%" PRIu64 " handed over, %" PRIu64 " timed out, %" PRIu64
		      " interrupted, %" PRIu64 " waits",
		      sum.handed_over, sum.timeouts, sum.interrupted, sum.waits);
	ck_assert_uint_eq(sum.in_hist, sum.waits);
	ck_assert_uint_le(sum.hist_least_ns, sum.blocked_ns + sum.runq_ns);
	ck_assert_uint_ge(sum.hist_most_ns, sum.blocked_ns + sum.runq_ns);
	check_near(sum.blocked_ns + sum.runq_ns, sc->st->actors[WAITER].wait_ns,
		   sc->during[WAITER].run_ns, "overtaken");
	return sum;
}

START_TEST(overtaken_waits_are_one)
{
	struct scene sc;
	struct wait_sum sum = play_value(&sc, 2);

	ck_assert_uint_ge(sum.waits, 1);
	/* A slow or busy machine may be off for longer than such a turn takes. */
	if (patience() > 1)
		ck_assert_uint_le(sum.waits, WAKES);
	else
		ck_assert_msg(sum.waits <= WAKES / 2, "%" PRIu64 " waits", sum.waits);
	ck_assert_uint_ge(sum.max_ns, (sum.blocked_ns + sum.runq_ns) / sum.waits);
	if (patience() == 1)
		ck_assert_uint_ge(sum.sleep_again, WAKES / 2);
	scene_end(&sc);
}
END_TEST

START_TEST(other_waits_are_apart)
{
	struct scene sc;
	struct wait_sum sum = play_value(&sc, 7);

	ck_assert_uint_eq(sum.waits, WAKES);
	ck_assert_uint_lt(sum.max_ns, sum.blocked_ns + sum.runq_ns);
	scene_end(&sc);
}
END_TEST

/* --- timed waits without end: musl's and the JVM's way to wait --- */

static void play_timed(struct stage *st, unsigned me)
{
	struct timespec rel = {.tv_nsec = 15 * 1000000};
	struct own *own = (struct own *)st->own;
	struct actor *a = &st->actors[me];
	uint64_t from;

	stage_wait(st, me, 1);
	from = clock_ns();
	for (int i = 0; i < WAKES; i++)
		if (futex(&own->word, FUTEX_WAIT_PRIVATE, 0, &rel, NULL, 0) < 0)
			REQUIRE(st, errno == ETIMEDOUT);
	a->wait_ns = clock_ns() - from;
	stage_wait(st, me, 2);
	stage_wait(st, me, 3);
}

START_TEST(chain_of_timed_waits)
{
	const struct own *own;
	struct wait_sum sum;
	struct scene sc;

	scene_play(&sc, 1, play_timed, NULL, 0);
	own = (const struct own *)sc.st->own;
	sum = watch_waits(&sc.w, sc.st->pid, &own->word, scene_tid(&sc, 0));
	ck_assert_uint_eq(sum.timeouts, WAKES);
	ck_assert_uint_eq(sum.in_hist, sum.waits);
	ck_assert_uint_ge(sum.waits, 1);
	ck_assert_uint_le(sum.waits, patience() > 1 ? WAKES : WAKES / 2);
	check_near(sum.blocked_ns + sum.runq_ns, sc.st->actors[0].wait_ns, sc.during[0].run_ns,
		   "timed");
	scene_end(&sc);
}
END_TEST

/* --- long waits --- */

static void play_long(struct stage *st, unsigned me)
{
	struct own *own = (struct own *)st->own;

	stage_wait(st, me, 1);
	for (unsigned i = 0; i < WAKES / 2; i++) {
		if (me == WAITER) {
			own->from_ns[i] = clock_ns();
			futex(&own->word, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
			own->to_ns[i] = clock_ns();
			own->done = i + 1;
			continue;
		}
		stage_await_blocked(st, WAITER, SYS_futex, &own->word);
		sleep_ms(8);
		own->woken_ns[i] = clock_ns();
		REQUIRE(st, futex(&own->word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0) == 1);
		while (own->done <= i)
			sleep_ms(1);
	}
	stage_wait(st, me, 2);
	stage_wait(st, me, 3);
}

START_TEST(long_waits_are_streamed)
{
	const struct record_lock *lock;
	const struct own *own;
	struct scene sc;
	unsigned seen = 0;
	uint64_t last = 0;

	scene_play(&sc, LEN, play_long, NULL, 0);
	own = (const struct own *)sc.st->own;
	lock = watch_lock(&sc.w, sc.st->pid, &own->word);
	ck_assert_ptr_nonnull(lock);
	for (size_t i = 0; i < sc.w.records.len; i++) {
		const struct record_long_wait *r = &sc.w.records.at[i].long_wait;

		if (sc.w.records.at[i].type != RECORD_LONG_WAIT)
			continue;
		/* In the order of their ends; on two CPUs at once that is a matter of microseconds.
		 */
		ck_assert_uint_ge(r->end_ns + slack_ns() / 10, last);
		last = r->end_ns;
		if (r->lock != lock->lock)
			continue;
		ck_assert_uint_lt(seen, WAKES / 2);
		ck_assert_int_eq((int)r->tid, scene_tid(&sc, WAITER));
		ck_assert_int_eq((int)r->waker_tid, scene_tid(&sc, WAKER));
		ck_assert_uint_eq(r->holder_tid, 0);
		ck_assert_ptr_nonnull(watch_stack(&sc.w, r->stack));
		ck_assert_ptr_nonnull(watch_stack(&sc.w, r->release_stack));
		/* Each of its moments lies where the threads' own clocks say. */
		ck_assert_uint_ge(r->start_ns, own->from_ns[seen]);
		ck_assert_uint_lt(r->start_ns, own->woken_ns[seen]);
		ck_assert_uint_ge(r->woken_ns, own->woken_ns[seen]);
		ck_assert_uint_le(r->woken_ns, r->end_ns);
		ck_assert_uint_le(r->end_ns, own->to_ns[seen]);
		check_near(r->end_ns - r->start_ns, own->to_ns[seen] - own->from_ns[seen],
			   sc.during[WAITER].run_ns + sc.during[WAITER].runq_ns, "long wait");
		seen++;
	}
	ck_assert_uint_eq(seen, WAKES / 2);
	scene_end(&sc);
}
END_TEST

/* --- more long waits in a second than are sent --- */

#define CROWD 60
#define CAP 2000 /* long_waits_per_s */
#define SECONDS 64
#define ENOUGH 6000

struct crowd {
	struct {
		_Alignas(64) _Atomic uint32_t word;
	} of[CROWD];
	_Atomic uint64_t total;
	_Atomic uint64_t ended[SECONDS]; /* waits, by the second in which they ended */
};

static void play_crowd(struct stage *st, unsigned me)
{
	struct timespec rel = {.tv_nsec = 1500000};
	struct crowd *c = (struct crowd *)st->own;
	uint64_t end;

	stage_wait(st, me, 1);
	end = clock_ns() + 2 * NS_PER_S;
	while (c->total < ENOUGH && clock_ns() < end) {
		futex(&c->of[me].word, FUTEX_WAIT_PRIVATE, 0, &rel, NULL, 0);
		c->ended[clock_ns() / NS_PER_S % SECONDS]++;
		c->total++;
	}
	stage_wait(st, me, 2);
	stage_wait(st, me, 3);
}

START_TEST(long_waits_are_capped)
{
	const struct crowd *c;
	uint64_t sent = 0, over = 0, capped;
	struct scene sc;

	scene_play(&sc, CROWD, play_crowd, NULL, 0);
	c = (const struct crowd *)sc.st->own;
	for (size_t i = 0; i < sc.w.records.len; i++)
		sent += sc.w.records.at[i].type == RECORD_LONG_WAIT;
	capped = watch_loss(&sc.w, LOSS_LONG_WAITS_CAPPED);
	for (unsigned i = 0; i < SECONDS; i++)
		over += num_sat_sub(c->ended[i], CAP);
	if (!over)
		kernel_skip("long_waits_are_capped", "this machine is too slow to reach the cap");
	/* The threads' rests and starts are waits, too. */
	ck_assert_msg(
		sent + capped + CROWD / 4 >= c->total && sent + capped <= c->total + 4 * CROWD,
		"%" PRIu64 " sent and %" PRIu64 " capped of %" PRIu64, sent, capped, c->total);
	ck_assert_msg(capped + over / 10 + CROWD >= over && capped <= over + over / 10 + 4 * CROWD,
		      "%" PRIu64 " capped, in truth %" PRIu64, capped, over);
	scene_end(&sc);
}
END_TEST

Suite *kernel_episode_suite(void)
{
	Suite *suite = suite_create("kernel_episode");

	KERNEL_TEST(suite, overtaken_waits_are_one, 1);
	KERNEL_TEST(suite, other_waits_are_apart, 1);
	KERNEL_TEST(suite, chain_of_timed_waits, 1);
	KERNEL_TEST(suite, long_waits_are_streamed, 1);
	KERNEL_TEST(suite, long_waits_are_capped, 1);
	return suite;
}
