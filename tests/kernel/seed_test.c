// SPDX-License-Identifier: GPL-2.0-only
/* What was so before concprof came, and what is still so when it goes. */
#include "tests/kernel/scene.h"
#include "tests/kernel/suites.h"

#include <check.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/num.h"

#define WINDOW_MS 200
#define FOREVER_MS 600000

enum { OWNER, LOCKER, SLEEPER, POLLER, READER, SPINNER, WAITS_CHILD, LEN };

struct own {
	pthread_mutex_t mutex;
	_Atomic int locked;
	_Atomic int go; /* tells the locker that it is time */
	uint64_t lock_from_ns;
};

static void wait_for_child(struct stage *st)
{
	pid_t child = fork();

	REQUIRE(st, child >= 0);
	if (!child) {
		/* The target's end takes it along. */
		while (getppid() == st->pid)
			sleep_ms(10);
		_exit(0);
	}
	waitpid(child, NULL, 0);
}

/* Each does its thing without end, without rests. */
static void play_forever(struct stage *st, unsigned me)
{
	struct own *own = (struct own *)st->own;
	char byte;
	int fd[2];

	st->actors[me].from_ns = clock_ns();
	switch (me) {
	case OWNER:
		pthread_mutex_lock(&own->mutex);
		own->locked = 1;
		sleep_ms(FOREVER_MS);
		break;
	case LOCKER:
		while (!own->locked || !own->go)
			sleep_ms(1);
		own->lock_from_ns = clock_ns();
		pthread_mutex_lock(&own->mutex);
		break;
	case SLEEPER:
		sleep_ms(FOREVER_MS);
		break;
	case POLLER:
		REQUIRE(st, !pipe(fd));
		poll((struct pollfd[]){{.fd = fd[0]}, {.fd = fd[1]}}, 2, FOREVER_MS);
		break;
	case READER:
		REQUIRE(st, !pipe(fd));
		REQUIRE(st, read(fd[0], &byte, 1) == 1);
		break;
	case SPINNER:
		spin_ms(FOREVER_MS);
		break;
	case WAITS_CHILD:
		wait_for_child(st);
		break;
	}
}

static int all_play(const struct stage *st)
{
	static const long call[LEN] = {
		[POLLER] = SYS_poll, [READER] = SYS_read, [WAITS_CHILD] = SYS_wait4};

	for (unsigned i = 0; i < LEN; i++) {
		if (!st->actors[i].from_ns)
			return 0;
		if (call[i] && !proc_blocked(st->pid, st->actors[i].tid, call[i], 0))
			return 0;
	}
	return proc_state(st->pid, st->actors[OWNER].tid) == 'S' &&
	       proc_state(st->pid, st->actors[SLEEPER].tid) == 'S';
}

static struct stage *start(int contended)
{
	const struct own own = {.mutex = PTHREAD_MUTEX_INITIALIZER, .go = contended};
	struct stage *st = stage_start(LEN, play_forever, &own, sizeof(own));
	struct own *shared = (struct own *)st->own;

	AWAIT(all_play(st));
	if (contended)
		AWAIT(proc_blocked(st->pid, st->actors[LOCKER].tid, SYS_futex,
				   (uintptr_t)&shared->mutex));
	return st;
}

static const struct record_counters *counters(const struct watch *w, const struct stage *st,
					      unsigned who)
{
	const struct record_counters *c = watch_counters(w, st->actors[who].tid);

	ck_assert_msg(c, "actor %u never appeared", who);
	return c;
}

START_TEST(states_before_attach)
{
	static const int class[LEN] = {
		[OWNER] = CLASS_SLEEP,	    [SLEEPER] = CLASS_SLEEP,	 [POLLER] = CLASS_LOOP_IDLE,
		[READER] = CLASS_POOL_IDLE, [WAITS_CHILD] = CLASS_CHILD, [LOCKER] = -1,
		[SPINNER] = CLASS_RUN};
	struct stage *st = start(1);
	struct proc_clock before, after;
	struct watch w;
	uint64_t opening = clock_ns(), opened, off_cpu;

	watch_open(&w, &st->pid);
	opened = clock_ns();
	ck_assert(proc_clock(st->pid, st->actors[SPINNER].tid, &before));
	sleep_ms(WINDOW_MS);
	ck_assert(proc_clock(st->pid, st->actors[SPINNER].tid, &after));
	watch_close(&w);
	off_cpu = after.runq_ns - before.runq_ns;
	for (unsigned i = 0; i < LEN; i++) {
		const struct record_counters *c = counters(&w, st, i);
		uint64_t span = c->until_ns - c->start_ns;

		ck_assert_uint_ge(c->start_ns, opening);
		ck_assert_uint_le(c->start_ns, opened);
		ck_assert_uint_ge(span, WINDOW_MS * NS_PER_MS);
		/* Nothing happened to those that sleep: all of their time is in one class. */
		if (i == SPINNER)
			check_near(c->class_ns[class[i]], span,
				   off_cpu + opened - opening + 8 * NS_PER_MS, "spinner");
		else if (class[i] >= 0)
			ck_assert_msg(c->class_ns[class[i]] == span,
				      "actor %u: %" PRIu64 " of %" PRIu64 " ns in %s", i,
				      c->class_ns[class[i]], span, class_name(class[i]));
		else
			ck_assert_uint_eq(c->futex_ns, span);
	}
	watch_free(&w);
	stage_end(st);
}
END_TEST

START_TEST(wait_open_at_both_ends)
{
	struct stage *st = start(1);
	const struct own *own = (const struct own *)st->own;
	const struct record_open_wait *open;
	const struct record_counters *c;
	struct watch w;

	watch_open(&w, &st->pid);
	sleep_ms(WINDOW_MS);
	watch_close(&w);
	c = counters(&w, st, LOCKER);
	open = watch_open_wait(&w, st->actors[LOCKER].tid);
	ck_assert_ptr_nonnull(open);
	ck_assert(open->before_attach);
	ck_assert_uint_eq(open->lock, watch_lock(&w, st->pid, &own->mutex)->lock);
	ck_assert_uint_eq(open->op, FUTEX_OP_WAIT);
	ck_assert_uint_eq(open->value, 2);
	ck_assert(!open->timed);
	ck_assert_uint_eq(open->since_ns, c->start_ns);
	ck_assert_uint_eq(open->blocked_ns, w.end_ns - open->since_ns);
	/* It never ended, so it is no wait of the table. */
	ck_assert_uint_eq(watch_waits(&w, st->pid, &own->mutex, 0).waits, 0);
	watch_free(&w);
	stage_end(st);
}
END_TEST

START_TEST(wait_open_at_the_end)
{
	struct stage *st = start(0);
	struct own *own = (struct own *)st->own;
	int locker = st->actors[LOCKER].tid;
	const struct record_open_wait *open;
	struct watch w;

	watch_open(&w, &st->pid);
	own->go = 1;
	AWAIT(proc_blocked(st->pid, locker, SYS_futex, (uintptr_t)&own->mutex));
	sleep_ms(WINDOW_MS);
	watch_close(&w);
	open = watch_open_wait(&w, locker);
	ck_assert_ptr_nonnull(open);
	ck_assert(!open->before_attach);
	ck_assert_uint_eq(open->lock, watch_lock(&w, st->pid, &own->mutex)->lock);
	ck_assert_int_eq((int)open->holder_tid, st->actors[OWNER].tid);
	ck_assert_uint_eq(open->evidence, HOLDER_OWNER_WORD);
	ck_assert_uint_ge(open->since_ns, own->lock_from_ns);
	check_near(open->blocked_ns, w.end_ns - own->lock_from_ns, 0, "open wait");
	ck_assert_uint_eq(open->blocked_ns, w.end_ns - open->since_ns);
	ck_assert_uint_eq(counters(&w, st, LOCKER)->futex_ns, open->blocked_ns);
	ck_assert_ptr_nonnull(watch_stack(&w, open->stack));
	watch_free(&w);
	stage_end(st);
}
END_TEST

#define ROUNDS 3

static void play_rounds(struct stage *st, unsigned me)
{
	struct own *own = (struct own *)st->own;
	struct actor *a = &st->actors[me];
	uint64_t from;

	for (int i = 1; i <= ROUNDS; i++) {
		if (me == OWNER) {
			pthread_mutex_lock(&own->mutex);
			own->locked = i;
			while (own->go < i)
				sleep_ms(1);
			pthread_mutex_unlock(&own->mutex);
			while (st->actors[LOCKER].count < (unsigned)i)
				sleep_ms(1);
			continue;
		}
		while (own->locked < i)
			sleep_ms(1);
		from = clock_ns();
		pthread_mutex_lock(&own->mutex);
		a->to_ns = i == 1 ? clock_ns() : a->to_ns;
		a->wait_ns += i == 1 ? 0 : clock_ns() - from;
		pthread_mutex_unlock(&own->mutex);
		a->count = i;
	}
	stage_wait(st, me, 2);
	stage_wait(st, me, 3);
}

/* A wait that began before and ends in the window is counted once, from attach on; then come
 * others. */
START_TEST(wait_open_at_the_start)
{
	const struct own init = {.mutex = PTHREAD_MUTEX_INITIALIZER};
	struct stage *st = stage_start(2, play_rounds, &init, sizeof(init));
	struct own *own = (struct own *)st->own;
	const struct actor *locker = &st->actors[LOCKER];
	const struct record_open_wait *open;
	const struct record_counters *c;
	struct blame_sum blame;
	struct wait_sum sum;
	struct watch w;

	AWAIT(locker->tid && proc_blocked(st->pid, locker->tid, SYS_futex, (uintptr_t)&own->mutex));
	watch_open(&w, &st->pid);
	for (int i = 1; i <= ROUNDS; i++) {
		AWAIT(own->locked == i);
		AWAIT(proc_blocked(st->pid, locker->tid, SYS_futex, (uintptr_t)&own->mutex));
		sleep_ms(WINDOW_MS / 4);
		own->go = i;
	}
	stage_await(st, 2);
	watch_close(&w);
	c = counters(&w, st, LOCKER);
	sum = watch_waits(&w, st->pid, &own->mutex, locker->tid);
	ck_assert_uint_eq(sum.waits, ROUNDS);
	ck_assert_uint_eq(sum.in_hist, ROUNDS);
	ck_assert_uint_eq(sum.handed_over, ROUNDS);
	ck_assert_uint_eq(sum.owner_known, ROUNDS - 1);
	check_near(sum.blocked_ns + sum.runq_ns, locker->to_ns - c->start_ns + locker->wait_ns, 0,
		   "waits from attach on");
	open = watch_open_wait(&w, locker->tid); /* its rest, by now */
	ck_assert(!open || open->lock != watch_lock(&w, st->pid, &own->mutex)->lock);
	/* Whoever is blamed for the first, on whatever evidence: each wait is blamed once. */
	blame = watch_blame(&w, st->pid, &own->mutex, -1);
	ck_assert_msg(blame.waits == ROUNDS && blame.blame_ns == sum.blocked_ns,
		      "blame for %d waits, %.3f ms, blocked for %.3f ms", (int)blame.waits,
		      blame.blame_ns / 1e6, sum.blocked_ns / 1e6);
	watch_free(&w);
	stage_end(st);
}
END_TEST

/* A stopped process is attached to, too. */
START_TEST(stopped_before_attach)
{
	struct stage *st = start(0);
	const struct record_counters *c;
	struct watch w;

	ck_assert_int_eq(kill(st->pid, SIGSTOP), 0);
	for (unsigned i = 0; i < LEN; i++)
		AWAIT(proc_state(st->pid, st->actors[i].tid) == 'T');
	watch_open(&w, &st->pid);
	sleep_ms(WINDOW_MS / 2);
	watch_close(&w);
	for (unsigned i = 0; i < LEN; i++) {
		c = counters(&w, st, i);
		ck_assert_msg(c->class_ns[CLASS_STOPPED] == c->until_ns - c->start_ns,
			      "actor %u: %" PRIu64 " of %" PRIu64 " ns stopped", i,
			      c->class_ns[CLASS_STOPPED], c->until_ns - c->start_ns);
	}
	watch_free(&w);
	stage_end(st);
}
END_TEST

/* What it waited for before the stop, which nobody saw begin, goes on after it. */
START_TEST(goes_on_after_a_stop_before_attach)
{
	static const struct {
		unsigned who, class;
	} rows[] = {{SLEEPER, CLASS_SLEEP}, {POLLER, CLASS_LOOP_IDLE}, {READER, CLASS_POOL_IDLE}};
	struct stage *st = start(0);
	struct watch w;
	uint64_t from, window;

	ck_assert_int_eq(kill(st->pid, SIGSTOP), 0);
	for (unsigned i = 0; i < LEN; i++)
		AWAIT(proc_state(st->pid, st->actors[i].tid) == 'T');
	watch_open(&w, &st->pid);
	ck_assert_int_eq(kill(st->pid, SIGCONT), 0);
	from = clock_ns();
	for (unsigned i = 0; i < ARRAY_LEN(rows); i++)
		AWAIT(proc_state(st->pid, st->actors[rows[i].who].tid) == 'S');
	sleep_ms(WINDOW_MS);
	watch_close(&w);
	window = w.end_ns - from;
	for (unsigned i = 0; i < ARRAY_LEN(rows); i++)
		check_near(counters(&w, st, rows[i].who)->class_ns[rows[i].class], window,
			   5 * slack_ns(), class_name(rows[i].class));
	watch_free(&w);
	stage_end(st);
}
END_TEST

Suite *kernel_seed_suite(void)
{
	Suite *suite = suite_create("kernel_seed");

	KERNEL_TEST(suite, states_before_attach, 1);
	KERNEL_TEST(suite, wait_open_at_both_ends, 1);
	KERNEL_TEST(suite, wait_open_at_the_end, 1);
	KERNEL_TEST(suite, wait_open_at_the_start, 1);
	KERNEL_TEST(suite, stopped_before_attach, 1);
	KERNEL_TEST(suite, goes_on_after_a_stop_before_attach, 1);
	return suite;
}
