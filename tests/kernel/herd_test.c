// SPDX-License-Identifier: GPL-2.0-only
/* Which wakeups were in vain, and which came from a call that wakes many. */
#include "tests/kernel/scene.h"
#include "tests/kernel/suites.h"

#include <inttypes.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdbool.h>
#include <sys/syscall.h>

#include "base/num.h"

#define WAKES 20
#define WORK_MS 2 /* far longer than what is in vain */

enum { WAITER, WAKER, LEN };

struct own {
	/* As in glibc's condition variables: one beside the other, waited on in turn.  The third
	 * lies apart. */
	_Alignas(64) _Atomic uint32_t words[2];
	_Alignas(64) _Atomic uint32_t other;
	_Alignas(64) uint32_t wake; /* so many by each call */
	bool one_word;
	bool works;
	bool elsewhere; /* every second wait is on the other word */
	_Atomic unsigned begun;
};

static _Atomic uint32_t *word_of(struct own *own, unsigned i)
{
	if (own->elsewhere && i % 2)
		return &own->other;
	return &own->words[own->one_word || own->elsewhere ? 0 : i % 2];
}

static void play_woken(struct stage *st, unsigned me)
{
	struct own *own = (struct own *)st->own;

	stage_wait(st, me, 1);
	for (unsigned i = 0; i < WAKES; i++) {
		_Atomic uint32_t *word = word_of(own, i);

		if (me == WAITER) {
			own->begun++;
			futex(word, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
			if (own->works)
				spin_ms(WORK_MS);
			continue;
		}
		while (own->begun <= i)
			sleep_ms(1);
		stage_await_blocked(st, WAITER, SYS_futex, word);
		REQUIRE(st, futex(word, FUTEX_WAKE_PRIVATE, own->wake, NULL, NULL, 0) == 1);
	}
	stage_wait(st, me, 2);
	stage_wait(st, me, 3);
}

static struct wait_sum play(const struct own *init)
{
	struct wait_sum sum = {0};
	struct scene sc;

	scene_play(&sc, LEN, play_woken, init, sizeof(*init));
	for (unsigned i = 0; i < 3; i++) {
		const struct own *own = (const struct own *)sc.st->own;
		const void *word = i < 2 ? &own->words[i] : &own->other;
		struct wait_sum of = watch_waits(&sc.w, sc.st->pid, word, scene_tid(&sc, WAITER));

		sum.handed_over += of.handed_over;
		sum.sleep_again += of.sleep_again;
		sum.again_ns += of.again_ns;
		sum.broadcasts += of.broadcasts;
	}
	ck_assert_uint_eq(sum.handed_over, WAKES);
	scene_end(&sc);
	return sum;
}

/* All but the first wait begin after a wakeup in vain; a slow machine may take longer for some. */
static void expect_vain(const struct wait_sum *sum)
{
	ck_assert_uint_le(sum->sleep_again, WAKES - 1);
	if (patience() == 1)
		ck_assert_uint_ge(sum->sleep_again, WAKES / 2);
	ck_assert_uint_le(sum->again_ns, sum->sleep_again * 50 * NS_PER_US);
}

START_TEST(one_word)
{
	const struct own init = {.wake = 1, .one_word = true};
	struct wait_sum sum = play(&init);

	expect_vain(&sum);
	ck_assert_uint_eq(sum.broadcasts, 0);
}
END_TEST

START_TEST(two_words_of_one_condition)
{
	const struct own init = {.wake = INT_MAX};
	struct wait_sum sum = play(&init);

	expect_vain(&sum);
	ck_assert_uint_eq(sum.broadcasts, WAKES);
}
END_TEST

START_TEST(work_in_between)
{
	const struct own init = {.wake = INT_MAX, .works = true};
	struct wait_sum sum = play(&init);

	ck_assert_uint_eq(sum.sleep_again, 0);
	ck_assert_uint_eq(sum.again_ns, 0);
	ck_assert_uint_eq(sum.broadcasts, WAKES);
}
END_TEST

/* Whoever waits for something else in between was woken for something. */
START_TEST(another_wait_in_between)
{
	const struct own init = {.wake = 2, .elsewhere = true};
	struct wait_sum sum = play(&init);

	ck_assert_uint_eq(sum.sleep_again, 0);
	ck_assert_uint_eq(sum.broadcasts, WAKES);
}
END_TEST

Suite *kernel_herd_suite(void)
{
	Suite *suite = suite_create("kernel_herd");

	KERNEL_TEST(suite, one_word, 1);
	KERNEL_TEST(suite, two_words_of_one_condition, 1);
	KERNEL_TEST(suite, work_in_between, 1);
	KERNEL_TEST(suite, another_wait_in_between, 1);
	return suite;
}
