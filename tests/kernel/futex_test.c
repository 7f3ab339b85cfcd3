// SPDX-License-Identifier: GPL-2.0-only
/* Every futex operation by the bare system call: who waited, for how long, and how it ended. */
#include "tests/kernel/scene.h"
#include "tests/kernel/suites.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/num.h"

#define ROUNDS 4
#define HOLD_MS 20
#ifndef FUTEX_LOCK_PI2 /* Linux 5.14 */
#define FUTEX_LOCK_PI2 13
#endif
/* Linux 5.16 and 6.7; Debian 12's headers lack the latter. */
enum { NR_FUTEX_WAITV = 449, NR_FUTEX_WAKE = 454, NR_FUTEX_WAIT = 455 };
#define FUTEX2_U32_PRIVATE (2 | FUTEX_PRIVATE_FLAG)

struct waitv { /* struct futex_waitv */
	uint64_t val, uaddr;
	uint32_t flags, reserved;
};

/* A word of its own for each row, far from the next: what lies behind a word is read as a mutex's
 * owner. */
struct words {
	_Alignas(64) _Atomic uint32_t word;
	_Alignas(64) _Atomic uint32_t other;
	_Alignas(64) _Atomic uint32_t turn; /* rounds that the waiter has begun */
	uint64_t woken_ns;
};

static struct words *words_of(struct stage *st, unsigned row)
{
	return (struct words *)st->own + row;
}

static struct timespec in_ms(clockid_t clock, unsigned ms)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	ts.tv_nsec += (long)(ms % 1000) * 1000000;
	ts.tv_sec += ms / 1000 + ts.tv_nsec / 1000000000;
	ts.tv_nsec %= 1000000000;
	return ts;
}

/* --- ways to wait; 0, or the errno with which the kernel gave up --- */

static long wait_private(struct words *w)
{
	return futex(&w->word, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
}

static long wait_shared(struct words *w)
{
	return futex(&w->word, FUTEX_WAIT, 0, NULL, NULL, 0);
}

static long wait_bitset(struct words *w)
{
	return futex(&w->word, FUTEX_WAIT_BITSET_PRIVATE, 0, NULL, NULL, 5);
}

static long wait_bitset_shared(struct words *w)
{
	struct timespec until = in_ms(CLOCK_MONOTONIC, 60000);

	return futex(&w->word, FUTEX_WAIT_BITSET, 0, &until, NULL, FUTEX_BITSET_MATCH_ANY);
}

static long wait_bitset_timeout(struct words *w)
{
	struct timespec until = in_ms(CLOCK_REALTIME, HOLD_MS);

	return futex(&w->word, FUTEX_WAIT_BITSET_PRIVATE | FUTEX_CLOCK_REALTIME, 0, &until, NULL,
		     FUTEX_BITSET_MATCH_ANY);
}

static long wait_timeout(struct words *w)
{
	struct timespec rel = {.tv_nsec = HOLD_MS * 1000000};

	return futex(&w->word, FUTEX_WAIT_PRIVATE, 0, &rel, NULL, 0);
}

static long lock_pi(struct words *w)
{
	long rc = futex(&w->word, FUTEX_LOCK_PI_PRIVATE, 0, NULL, NULL, 0);

	return rc ? rc : futex(&w->word, FUTEX_UNLOCK_PI_PRIVATE, 0, NULL, NULL, 0);
}

static long lock_pi2(struct words *w)
{
	long rc = futex(&w->word, FUTEX_LOCK_PI2 | FUTEX_PRIVATE_FLAG, 0, NULL, NULL, 0);

	return rc ? rc : futex(&w->word, FUTEX_UNLOCK_PI_PRIVATE, 0, NULL, NULL, 0);
}

static long wait_requeue_pi(struct words *w)
{
	long rc = futex(&w->word, FUTEX_WAIT_REQUEUE_PI_PRIVATE, 0, NULL, &w->other, 0);

	return rc ? rc : futex(&w->other, FUTEX_UNLOCK_PI_PRIVATE, 0, NULL, NULL, 0);
}

static long waitv(struct words *w)
{
	struct waitv list[2] = {
		{.uaddr = (uintptr_t)&w->word, .flags = FUTEX2_U32_PRIVATE},
		{.uaddr = (uintptr_t)&w->other, .flags = FUTEX2_U32_PRIVATE},
	};

	return syscall(NR_FUTEX_WAITV, list, 2, 0, NULL, CLOCK_MONOTONIC) < 0 ? -1 : 0;
}

static long wait2(struct words *w)
{
	return syscall(NR_FUTEX_WAIT, &w->word, 0UL, 1UL, FUTEX2_U32_PRIVATE, NULL,
		       CLOCK_MONOTONIC);
}

/* --- ways to wake; true when the waiter was told --- */

static bool wake_private(struct words *w)
{
	return futex(&w->word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0) == 1;
}

static bool wake_shared(struct words *w)
{
	return futex(&w->word, FUTEX_WAKE, 1, NULL, NULL, 0) == 1;
}

static bool wake_bitset(struct words *w)
{
	return futex(&w->word, FUTEX_WAKE_BITSET_PRIVATE, 1, NULL, NULL, 4) == 1;
}

static bool wake_other(struct words *w)
{
	return futex(&w->other, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0) == 1;
}

static bool wake_by_op(struct words *w)
{
	/* Adds 0 to the second word, which is the one waited for, and wakes there as it is >= 0. */
	uint32_t op = FUTEX_OP(FUTEX_OP_ADD, 0, FUTEX_OP_CMP_GE, 0);

	return futex(&w->other, FUTEX_WAKE_OP_PRIVATE, 1, (void *)1UL, &w->word, op) == 1;
}

static bool wake_by_requeue(struct words *w)
{
	return futex(&w->word, FUTEX_CMP_REQUEUE_PRIVATE, 1, (void *)1UL, &w->other, 0) == 1;
}

static bool requeue_then_wake(struct words *w)
{
	return futex(&w->word, FUTEX_CMP_REQUEUE_PRIVATE, 0, (void *)1UL, &w->other, 0) == 1 &&
	       wake_other(w);
}

static bool wake_requeue_pi(struct words *w)
{
	return futex(&w->word, FUTEX_CMP_REQUEUE_PI_PRIVATE, 1, NULL, &w->other, 0) == 1;
}

static bool unlock_pi(struct words *w)
{
	return !futex(&w->word, FUTEX_UNLOCK_PI_PRIVATE, 0, NULL, NULL, 0);
}

static bool wake2(struct words *w)
{
	return syscall(NR_FUTEX_WAKE, &w->word, 1UL, 1, FUTEX2_U32_PRIVATE) == 1;
}

enum end { HANDED, TIMED_OUT, SIGNALLED };

/* Traits of a row. */
enum { SHARED = 1, TIMED = 2, PI = 4 };

static const struct row {
	const char *name;
	long (*wait)(struct words *w);
	bool (*wake)(struct words *w); /* NULL = nobody does */
	uint32_t op;		       /* enum futex_op */
	enum end end;
	unsigned traits;
	long nr; /* of the waiter's system call */
} rows[] = {
	{"WAIT private", wait_private, wake_private, FUTEX_OP_WAIT, HANDED, 0, SYS_futex},
	{"WAIT shared", wait_shared, wake_shared, FUTEX_OP_WAIT, HANDED, SHARED, SYS_futex},
	{"WAIT_BITSET", wait_bitset, wake_bitset, FUTEX_OP_WAIT_BITSET, HANDED, 0, SYS_futex},
	{"WAIT_BITSET shared", wait_bitset_shared, wake_shared, FUTEX_OP_WAIT_BITSET, HANDED,
	 SHARED | TIMED, SYS_futex},
	{"WAIT_BITSET timed out", wait_bitset_timeout, NULL, FUTEX_OP_WAIT_BITSET, TIMED_OUT, TIMED,
	 SYS_futex},
	{"WAIT timed out", wait_timeout, NULL, FUTEX_OP_WAIT, TIMED_OUT, TIMED, SYS_futex},
	{"WAIT interrupted", wait_private, NULL, FUTEX_OP_WAIT, SIGNALLED, 0, SYS_futex},
	{"LOCK_PI", lock_pi, unlock_pi, FUTEX_OP_LOCK_PI, HANDED, PI, SYS_futex},
	{"LOCK_PI2", lock_pi2, unlock_pi, FUTEX_OP_LOCK_PI, HANDED, PI, SYS_futex},
	{"WAKE_OP", wait_private, wake_by_op, FUTEX_OP_WAIT, HANDED, 0, SYS_futex},
	{"CMP_REQUEUE", wait_private, wake_by_requeue, FUTEX_OP_WAIT, HANDED, 0, SYS_futex},
	{"WAIT_REQUEUE_PI", wait_requeue_pi, wake_requeue_pi, FUTEX_OP_REQUEUE_PI, HANDED, 0,
	 SYS_futex},
	{"futex_waitv", waitv, wake_private, FUTEX_OP_WAITV, HANDED, 0, NR_FUTEX_WAITV},
	{"futex_wait", wait2, wake2, FUTEX_OP_WAIT_BITSET, HANDED, 0, NR_FUTEX_WAIT},
	/* The waiter's registers do not name the word by which it is woken. */
	{"CMP_REQUEUE, then WAKE", wait_private, requeue_then_wake, FUTEX_OP_WAIT, HANDED, 0,
	 SYS_futex},
	{"futex_waitv, second word", waitv, wake_other, FUTEX_OP_WAITV, HANDED, 0, NR_FUTEX_WAITV},
};

#define ROWS ARRAY_LEN(rows)
#define ROW_REQUEUED (ROWS - 2)
#define ROW_SECOND_WORD (ROWS - 1)
_Static_assert(2 * ARRAY_LEN(rows) <= ACTORS_MAX,
	       "an actor that waits and one that wakes for each row");

static void on_signal(int sig)
{
	(void)sig;
}

/* Wait ROUNDS times, each after the waker says that it is ready (it may hold the lock). */
static void play_waiter(struct stage *st, const struct row *row, struct words *w, struct actor *a)
{
	uint64_t from;
	long rc;

	for (unsigned i = 1; i <= ROUNDS && !a->skipped; i++) {
		/* The nap also keeps waits that time out apart: else they are one, which goes on.
		 */
		do
			sleep_ms(1);
		while (row->end != TIMED_OUT && w->turn < i);
		from = clock_ns();
		rc = row->wait(w);
		a->wait_ns += clock_ns() - from;
		a->until_wake_ns += w->woken_ns > from ? w->woken_ns - from : 0;
		a->count++;
		if (rc && errno == ENOSYS)
			a->skipped = 1;
		else if (rc)
			REQUIRE(st, errno == (row->end == HANDED      ? 0
					      : row->end == TIMED_OUT ? ETIMEDOUT
								      : EINTR));
	}
}

static void play_waker(struct stage *st, const struct row *row, struct words *w, unsigned waiter)
{
	struct actor *a = &st->actors[waiter];
	const void *word = row->nr == NR_FUTEX_WAITV ? NULL : &w->word;

	for (unsigned i = 1; i <= ROUNDS && row->end != TIMED_OUT && !a->skipped; i++) {
		if (row->traits & PI)
			REQUIRE(st, !futex(&w->word, FUTEX_LOCK_PI_PRIVATE, 0, NULL, NULL, 0));
		w->turn = i;
		while (!proc_blocked(st->pid, a->tid, row->nr, (uintptr_t)word)) {
			if (a->skipped)
				return;
			sleep_ms(1);
		}
		sleep_ms(HOLD_MS);
		w->woken_ns = clock_ns();
		if (row->wake)
			REQUIRE(st, row->wake(w));
		else
			REQUIRE(st, !syscall(SYS_tgkill, st->pid, (pid_t)a->tid, SIGUSR1));
		while (a->count < i) /* the next round is its turn to wait, not ours */
			sleep_ms(1);
	}
}

static void play(struct stage *st, unsigned me)
{
	struct sigaction sa = {.sa_handler = on_signal}; /* without SA_RESTART */
	unsigned at = me / 2;

	sigaction(SIGUSR1, &sa, NULL);
	stage_wait(st, me, 1);
	if (me % 2 == 0)
		play_waiter(st, &rows[at], words_of(st, at), &st->actors[me]);
	else
		play_waker(st, &rows[at], words_of(st, at), me - 1);
	stage_wait(st, me, 2);
	stage_wait(st, me, 3);
}

static void check_outcome(const struct row *row, const struct wait_sum *sum)
{
	ck_assert_msg(sum->handed_over == (row->end == HANDED ? ROUNDS : 0) &&
			      sum->timeouts == (row->end == TIMED_OUT ? ROUNDS : 0) &&
			      sum->interrupted == (row->end == SIGNALLED ? ROUNDS : 0),
		      "%s: %d handed over, %d timed out, %d interrupted", row->name,
		      (int)sum->handed_over, (int)sum->timeouts, (int)sum->interrupted);
}

static void check_times(const struct scene *sc, unsigned at, const struct wait_sum *sum)
{
	const struct proc_clock *p = &sc->during[2 * at];
	const struct actor *a = &sc->st->actors[2 * at];

	check_near(sum->blocked_ns + sum->runq_ns, a->wait_ns, p->run_ns + p->runq_ns,
		   rows[at].name);
	if (rows[at].end == HANDED)
		check_near(sum->blocked_ns, a->until_wake_ns,
			   p->run_ns + p->runq_ns + sc->during[2 * at + 1].runq_ns, rows[at].name);
	ck_assert_uint_le(sum->hist_least_ns, sum->blocked_ns + sum->runq_ns);
	ck_assert_uint_ge(sum->hist_most_ns, sum->blocked_ns + sum->runq_ns);
	ck_assert_uint_ge(sum->max_ns, (sum->blocked_ns + sum->runq_ns) / ROUNDS);
}

static void check_row(const struct scene *sc, unsigned at)
{
	const struct row *row = &rows[at];
	const struct words *w = words_of(sc->st, at);
	int waiter = scene_tid(sc, 2 * at), waker = scene_tid(sc, 2 * at + 1);
	struct wait_sum sum = watch_waits(&sc->w, sc->st->pid, &w->word, waiter);
	struct blame_sum blame =
		watch_blame(&sc->w, sc->st->pid, &w->word, (row->traits & PI) ? waker : -1);

	ck_assert_msg(sum.waits == ROUNDS, "%s: %d waits", row->name, (int)sum.waits);
	ck_assert_uint_eq(sum.in_hist, ROUNDS);
	ck_assert_uint_eq(sum.without_stack, 0);
	ck_assert_msg(sum.op == row->op, "%s: operation %u", row->name, sum.op);
	ck_assert_msg(sum.timed == !!(row->traits & TIMED), "%s: timed %d", row->name, sum.timed);
	ck_assert_msg(watch_lock(&sc->w, sc->st->pid, &w->word)->shared == !!(row->traits & SHARED),
		      "%s: shared", row->name);
	check_times(sc, at, &sum);
	check_outcome(row, &sum);
	if (row->traits & PI) {
		ck_assert_uint_eq(sum.owner_known, ROUNDS);
		ck_assert_uint_eq(blame.evidence, HOLDER_PI_WORD);
	} else {
		ck_assert_uint_eq(sum.owner_known, 0);
	}
	ck_assert_msg(blame.waits == ROUNDS && blame.blame_ns == sum.blocked_ns,
		      "%s: blame for %d waits, %.3f ms, blocked for %.3f ms", row->name,
		      (int)blame.waits, blame.blame_ns / 1e6, sum.blocked_ns / 1e6);
	if (row->end == HANDED)
		ck_assert_msg(
			watch_blame(&sc->w, sc->st->pid, &w->word, waker).without_stack == 0 &&
				watch_blame(&sc->w, sc->st->pid, &w->word, waker).waits == ROUNDS,
			"%s: who woke it is not who did, or from nowhere", row->name);
}

/* One window for all rows: each has two threads and a word of its own. */
static void check_rows(unsigned from, unsigned to)
{
	struct scene sc;

	scene_play(&sc, 2 * ROWS, play, NULL, 0);
	for (unsigned at = from; at < to; at++) {
		if (sc.st->actors[2 * at].skipped)
			kernel_skip(rows[at].name, "this kernel has no such system call");
		else
			check_row(&sc, at);
	}
	scene_end(&sc);
}

START_TEST(operations)
{
	check_rows(0, ROW_REQUEUED);
}
END_TEST

START_TEST(requeued_to_another_word)
{
	check_rows(ROW_REQUEUED, ROW_REQUEUED + 1);
}
END_TEST

START_TEST(one_of_several_words)
{
	check_rows(ROW_SECOND_WORD, ROW_SECOND_WORD + 1);
}
END_TEST

Suite *kernel_futex_suite(void)
{
	Suite *suite = suite_create("kernel_futex");

	KERNEL_TEST(suite, operations, 1);
	KERNEL_TEST(suite, requeued_to_another_word, 1);
	KERNEL_TEST(suite, one_of_several_words, 1);
	return suite;
}
