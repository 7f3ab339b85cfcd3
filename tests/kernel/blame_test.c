// SPDX-License-Identifier: GPL-2.0-only
/* Who is to blame for a wait, for how much of it, and what it did meanwhile. */
#include "tests/kernel/scene.h"
#include "tests/kernel/suites.h"

#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/num.h"

#define ROUNDS 5
#define HOLD_MS 30

enum { HOLDER, WAITER, LEN };
enum hold { SLEEPS, COMPUTES };

struct own {
	pthread_mutex_t mutex;
	enum hold hold;
	_Atomic unsigned turn, done;
};

static void __attribute__((noinline))
hold_section(struct stage *st, struct own *own, unsigned round)
{
	pthread_mutex_lock(&own->mutex);
	own->turn = round;
	/* The waiter queues up first: what follows is what it waits for. */
	while (!proc_blocked(st->pid, st->actors[WAITER].tid, SYS_futex, (uintptr_t)&own->mutex))
		;
	if (own->hold == SLEEPS)
		sleep_ms(HOLD_MS);
	else
		spin_ms(HOLD_MS);
	pthread_mutex_unlock(&own->mutex);
	while (own->done < round)
		sleep_ms(1);
}

static void play(struct stage *st, unsigned me)
{
	struct own *own = (struct own *)st->own;
	struct actor *a = &st->actors[me];
	uint64_t from;

	stage_wait(st, me, 1);
	for (unsigned i = 1; i <= ROUNDS; i++) {
		if (me == HOLDER) {
			hold_section(st, own, i);
			continue;
		}
		while (own->turn < i)
			sleep_ms(1);
		from = clock_ns();
		pthread_mutex_lock(&own->mutex);
		a->wait_ns += clock_ns() - from;
		pthread_mutex_unlock(&own->mutex);
		own->done = i;
	}
	stage_wait(st, me, 2);
	stage_wait(st, me, 3);
}

static uint64_t sum_of(const uint64_t *class_ns)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < CLASS_COUNT; i++)
		sum += class_ns[i];
	return sum;
}

START_TEST(what_the_holder_did)
{
	const struct own init = {.mutex = PTHREAD_MUTEX_INITIALIZER, .hold = (enum hold)_i};
	const struct own *own;
	struct blame_sum blame;
	struct record_edge edge;
	struct wait_sum sum;
	struct scene sc;
	uint64_t busy;

	scene_play(&sc, LEN, play, &init, sizeof(init));
	own = (const struct own *)sc.st->own;
	sum = watch_waits(&sc.w, sc.st->pid, &own->mutex, scene_tid(&sc, WAITER));
	blame = watch_blame(&sc.w, sc.st->pid, &own->mutex, scene_tid(&sc, HOLDER));
	ck_assert_uint_eq(sum.waits, ROUNDS);
	ck_assert_uint_eq(blame.waits, ROUNDS);
	ck_assert_uint_eq(blame.blame_ns, sum.blocked_ns);
	ck_assert_uint_eq(blame.without_stack, 0);
	ck_assert_uint_eq(sum.contender_wakes, 0); /* the holder itself never waits */
	/* All that it did while somebody waited is what it is blamed for. */
	check_near(sum_of(blame.while_ns), blame.blame_ns, 0, "the holder's time");
	busy = blame.while_ns[CLASS_RUN] + blame.while_ns[CLASS_RUNQ_PREEMPT] +
	       blame.while_ns[CLASS_RUNQ_WAKE];
	if (own->hold == SLEEPS) {
		ck_assert_uint_ge(blame.while_ns[CLASS_SLEEP],
				  ROUNDS * HOLD_MS * NS_PER_MS * 95 / 100);
		ck_assert_uint_le(blame.while_ns[CLASS_SLEEP], blame.blame_ns);
	} else {
		ck_assert_uint_eq(blame.while_ns[CLASS_SLEEP], 0);
		check_near(busy, blame.blame_ns, 0, "computed");
	}
	edge = watch_edge(&sc.w, scene_tid(&sc, WAITER), scene_tid(&sc, HOLDER));
	ck_assert_uint_eq(edge.kind, EDGE_LOCK);
	ck_assert_uint_eq(edge.waits, ROUNDS);
	ck_assert_uint_eq(edge.wait_ns, sum.blocked_ns);
	scene_end(&sc);
}
END_TEST

/* The stacks of the waiter and of the release lead through the functions that called. */
START_TEST(stacks_lead_to_the_callers)
{
	const struct own init = {.mutex = PTHREAD_MUTEX_INITIALIZER, .hold = SLEEPS};
	const struct record_stack *stack;
	const struct record_blame *blame = NULL;
	struct scene sc;
	bool found = false;

	scene_play(&sc, LEN, play, &init, sizeof(init));
	for (size_t i = sc.w.final; i < sc.w.records.len; i++)
		if (sc.w.records.at[i].type == RECORD_BLAME &&
		    (int)sc.w.records.at[i].blame.tid == scene_tid(&sc, HOLDER))
			blame = &sc.w.records.at[i].blame;
	ck_assert_ptr_nonnull(blame);
	stack = watch_stack(&sc.w, blame->release_stack);
	ck_assert_ptr_nonnull(stack);
	ck_assert_int_eq((int)stack->pid, sc.st->pid);
	ck_assert(!stack->truncated);
	/* libc's unlock may lack a frame of its own; ours, which called it, does not. */
	for (uint32_t i = 0; i < stack->len; i++)
		found |= stack->ips[i] > (uintptr_t)hold_section &&
			 stack->ips[i] < (uintptr_t)hold_section + 1024;
	ck_assert_msg(found, "hold_section is not among the %u frames", stack->len);
	scene_end(&sc);
}
END_TEST

/* --- the holder changes while a third thread waits on --- */

enum { FIRST, SECOND, THIRD, TURNS };

static void play_turns(struct stage *st, unsigned me)
{
	struct own *own = (struct own *)st->own;
	struct actor *a = &st->actors[me];

	stage_wait(st, me, 1);
	while (own->turn < me) /* they queue up in this order */
		sleep_ms(1);
	a->from_ns = clock_ns();
	pthread_mutex_lock(&own->mutex);
	a->wait_ns = clock_ns() - a->from_ns;
	if (me == FIRST) {
		for (unsigned next = SECOND; next < TURNS; next++) {
			own->turn = next;
			stage_await_blocked(st, next, SYS_futex, &own->mutex);
		}
	}
	sleep_ms(me == FIRST ? HOLD_MS : me == SECOND ? 3 * HOLD_MS : 0);
	a->to_ns = clock_ns();
	pthread_mutex_unlock(&own->mutex);
	stage_wait(st, me, 2);
	stage_wait(st, me, 3);
}

START_TEST(holder_changes_in_mid_wait)
{
	const struct own init = {.mutex = PTHREAD_MUTEX_INITIALIZER};
	const struct actor *a;
	const struct own *own;
	struct blame_sum first, second;
	struct wait_sum sum;
	struct scene sc;
	uint64_t late_ns;

	scene_play(&sc, TURNS, play_turns, &init, sizeof(init));
	a = sc.st->actors;
	own = (const struct own *)sc.st->own;
	sum = watch_waits(&sc.w, sc.st->pid, &own->mutex, 0);
	first = watch_blame(&sc.w, sc.st->pid, &own->mutex, scene_tid(&sc, FIRST));
	second = watch_blame(&sc.w, sc.st->pid, &own->mutex, scene_tid(&sc, SECOND));
	ck_assert_uint_eq(sum.waits, 2);
	ck_assert_uint_eq(first.blame_ns + second.blame_ns, sum.blocked_ns);
	late_ns = sc.during[FIRST].runq_ns + sc.during[SECOND].runq_ns + sc.during[THIRD].runq_ns +
		  sc.during[SECOND].run_ns + sc.during[THIRD].run_ns;
	check_near(first.blame_ns, 2 * a[FIRST].to_ns - a[SECOND].from_ns - a[THIRD].from_ns,
		   2 * late_ns, "the first holder, for two waiters");
	check_near(second.blame_ns, a[SECOND].to_ns - a[FIRST].to_ns, late_ns,
		   "the second holder, for one");
	check_near(second.while_ns[CLASS_SLEEP], 3 * HOLD_MS * NS_PER_MS, 0,
		   "the second holder slept");
	ck_assert_uint_ge(first.while_ns[CLASS_SLEEP], 2 * HOLD_MS * NS_PER_MS);
	scene_end(&sc);
}
END_TEST

/* --- blocked and run queue are kept apart: the waiter's CPU is busy when it is woken --- */

struct crowd {
	_Alignas(64) _Atomic uint32_t word;
	_Alignas(64) _Atomic unsigned turn, done;
	uint64_t woken_ns;
	_Atomic int over;
};

enum { CROWD_WAITER, CROWD_WAKER, CROWD_BUSY, CROWD_LEN };

static void crowd_wait(struct stage *st, struct crowd *c, struct actor *a)
{
	uint64_t from, to;

	for (unsigned i = 1; i <= ROUNDS; i++) {
		c->turn = i;
		from = clock_ns();
		futex(&c->word, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
		to = clock_ns();
		REQUIRE(st, c->woken_ns > from && c->woken_ns < to);
		a->until_wake_ns += c->woken_ns - from;
		a->wait_ns += to - c->woken_ns; /* here: the run queue */
		c->done = i;
	}
	c->over = 1;
}

static void crowd_wake(struct stage *st, struct crowd *c)
{
	for (unsigned i = 1; i <= ROUNDS; i++) {
		stage_await_blocked(st, CROWD_WAITER, SYS_futex, &c->word);
		sleep_ms(HOLD_MS);
		c->woken_ns = clock_ns();
		REQUIRE(st, futex(&c->word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0) == 1);
		while (c->done < i)
			sleep_ms(1);
	}
}

static void play_crowd(struct stage *st, unsigned me)
{
	struct crowd *c = (struct crowd *)st->own;
	struct sched_param none = {0};

	if (me != CROWD_WAKER)
		stage_pin(st);
	/* Woken threads of this kind, and low in rank, leave the CPU to who runs. */
	if (me == CROWD_WAITER)
		REQUIRE(st, !sched_setscheduler(0, SCHED_BATCH, &none) &&
				    !setpriority(PRIO_PROCESS, 0, 10));
	stage_wait(st, me, 1);
	if (me == CROWD_WAITER)
		crowd_wait(st, c, &st->actors[me]);
	else if (me == CROWD_WAKER)
		crowd_wake(st, c);
	else
		while (!c->over)
			;
	stage_wait(st, me, 2);
	stage_wait(st, me, 3);
}

START_TEST(blocked_and_runq_apart)
{
	const struct crowd *c;
	const struct actor *a;
	struct wait_sum sum;
	struct scene sc;

	scene_play(&sc, CROWD_LEN, play_crowd, NULL, 0);
	c = (const struct crowd *)sc.st->own;
	a = &sc.st->actors[CROWD_WAITER];
	sum = watch_waits(&sc.w, sc.st->pid, &c->word, scene_tid(&sc, CROWD_WAITER));
	ck_assert_uint_eq(sum.waits, ROUNDS);
	/* The waker may itself be put off the CPU between its clock and its call. */
	check_near(sum.blocked_ns, a->until_wake_ns, sc.during[CROWD_WAITER].run_ns, "blocked");
	check_near(sum.runq_ns, a->wait_ns, sc.during[CROWD_WAKER].runq_ns, "run queue");
	ck_assert_uint_gt(sum.runq_ns, 0);
	ck_assert_uint_ge(sum.max_ns, (sum.blocked_ns + sum.runq_ns) / ROUNDS);
	scene_end(&sc);
}
END_TEST

/* --- one address, two processes --- */

#define CHILD_WORDS 2

struct twins {
	_Alignas(64) _Atomic uint32_t shared; /* in memory that both map */
	int child_tid;
	_Atomic int blocked;
};

/* In memory of each process alone, at the same address in both. */
static _Atomic uint32_t twin_private[32];

static void wait_twice(struct twins *t)
{
	struct timespec rel = {.tv_nsec = HOLD_MS * 1000000};

	futex(&twin_private[0], FUTEX_WAIT_PRIVATE, 0, &rel, NULL, 0);
	futex(&t->shared, FUTEX_WAIT, 0, &rel, NULL, 0);
}

static void play_twins(struct stage *st, unsigned me)
{
	struct twins *t = (struct twins *)st->own;
	int status;
	pid_t child;

	stage_wait(st, me, 1);
	child = fork();
	REQUIRE(st, child >= 0);
	if (!child) {
		t->child_tid = getpid();
		wait_twice(t);
		_exit(0);
	}
	wait_twice(t);
	REQUIRE(st, waitpid(child, &status, 0) == child && status == 0);
	stage_wait(st, me, 2);
	stage_wait(st, me, 3);
}

START_TEST(same_address_in_two_processes)
{
	const struct record_lock *lock[2][CHILD_WORDS];
	const struct twins *t;
	struct scene sc;
	pid_t pid[2];

	scene_play(&sc, 1, play_twins, NULL, 0);
	t = (const struct twins *)sc.st->own;
	pid[0] = sc.st->pid;
	pid[1] = t->child_tid;
	for (int i = 0; i < 2; i++) {
		lock[i][0] = watch_lock(&sc.w, pid[i], (void *)&twin_private[0]);
		lock[i][1] = watch_lock(&sc.w, pid[i], &t->shared);
		for (int k = 0; k < CHILD_WORDS; k++) {
			ck_assert_ptr_nonnull(lock[i][k]);
			ck_assert(lock[i][k]->shared == (k == 1));
			ck_assert_uint_eq(
				watch_waits(&sc.w, pid[i], (void *)lock[i][k]->address, pid[i])
					.timeouts,
				1);
		}
	}
	/* Private ones are two locks; shared ones are told to be one by their file, user space's
	 * task. */
	ck_assert_uint_eq(lock[0][0]->address, lock[1][0]->address);
	ck_assert_uint_ne(lock[0][0]->lock, lock[1][0]->lock);
	ck_assert_uint_ne(lock[0][1]->lock, lock[0][0]->lock);
	scene_end(&sc);
}
END_TEST

Suite *kernel_blame_suite(void)
{
	Suite *suite = suite_create("kernel_blame");

	KERNEL_TEST(suite, what_the_holder_did, 2);
	KERNEL_TEST(suite, stacks_lead_to_the_callers, 1);
	KERNEL_TEST(suite, holder_changes_in_mid_wait, 1);
	KERNEL_TEST(suite, blocked_and_runq_apart, 1);
	KERNEL_TEST(suite, same_address_in_two_processes, 1);
	return suite;
}
