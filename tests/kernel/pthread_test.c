// SPDX-License-Identifier: GPL-2.0-only
/* What glibc makes of futexes: each primitive's word, who is named as its holder, and how waits
 * end. */
#include "tests/kernel/scene.h"
#include "tests/kernel/suites.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/num.h"

#define ROUNDS 3
#define HOLD_MS 25

/* One of each, apart from each other; only one row uses each. */
struct things {
	_Alignas(64) pthread_mutex_t mutex;
	_Alignas(64) pthread_mutex_t pi;
	_Alignas(64) pthread_mutex_t robust;
	_Alignas(64) pthread_mutex_t left; /* robust, its owner ends without unlocking */
	_Alignas(64) pthread_mutex_t guard;
	_Alignas(64) pthread_cond_t cond;
	_Alignas(64) sem_t sem;
	_Alignas(64) pthread_rwlock_t rw_read, rw_write;
	_Alignas(64) pthread_barrier_t barrier;
	_Alignas(64) _Atomic unsigned turn[16]; /* rounds begun, of each row */
	_Atomic unsigned done[16];
	uint64_t woken_ns[16];
	uint64_t address[16]; /* of the word, where only the waiter knows it */
};

struct row {
	const char *name;
	/* Before each round the other thread takes what the waiter is to wait for; then it gives it
	 * up. */
	void (*take)(struct stage *st, struct things *t);
	int (*wait)(struct stage *st, struct things *t);
	void (*give)(struct stage *st, struct things *t);
	int holder;	    /* enum holder_evidence */
	unsigned op, value; /* value 0 = whatever */
	size_t word;	    /* in struct things, +- where glibc puts it */
	size_t word_end;
};

static void nothing(struct stage *st, struct things *t)
{
	(void)st, (void)t;
}

static void mutex_take(struct stage *st, struct things *t)
{
	REQUIRE(st, !pthread_mutex_lock(&t->mutex));
}

static int mutex_wait(struct stage *st, struct things *t)
{
	(void)st;
	return pthread_mutex_lock(&t->mutex) || pthread_mutex_unlock(&t->mutex);
}

static void mutex_give(struct stage *st, struct things *t)
{
	REQUIRE(st, !pthread_mutex_unlock(&t->mutex));
}

static void pi_take(struct stage *st, struct things *t)
{
	REQUIRE(st, !pthread_mutex_lock(&t->pi));
}

static int pi_wait(struct stage *st, struct things *t)
{
	(void)st;
	return pthread_mutex_lock(&t->pi) || pthread_mutex_unlock(&t->pi);
}

static void pi_give(struct stage *st, struct things *t)
{
	REQUIRE(st, !pthread_mutex_unlock(&t->pi));
}

static void robust_take(struct stage *st, struct things *t)
{
	REQUIRE(st, !pthread_mutex_lock(&t->robust));
}

static int robust_wait(struct stage *st, struct things *t)
{
	(void)st;
	return pthread_mutex_lock(&t->robust) || pthread_mutex_unlock(&t->robust);
}

static void robust_give(struct stage *st, struct things *t)
{
	REQUIRE(st, !pthread_mutex_unlock(&t->robust));
}

static int sem_take_one(struct stage *st, struct things *t)
{
	(void)st;
	return sem_wait(&t->sem);
}

static void sem_give(struct stage *st, struct things *t)
{
	REQUIRE(st, !sem_post(&t->sem));
}

static int cond_wait(struct stage *st, struct things *t)
{
	(void)st;
	return pthread_mutex_lock(&t->guard) || pthread_cond_wait(&t->cond, &t->guard) ||
	       pthread_mutex_unlock(&t->guard);
}

static void cond_give(struct stage *st, struct things *t)
{
	REQUIRE(st, !pthread_cond_signal(&t->cond));
}

static void write_take(struct stage *st, struct things *t)
{
	REQUIRE(st, !pthread_rwlock_wrlock(&t->rw_read));
}

static int read_wait(struct stage *st, struct things *t)
{
	(void)st;
	return pthread_rwlock_rdlock(&t->rw_read) || pthread_rwlock_unlock(&t->rw_read);
}

static void write_give(struct stage *st, struct things *t)
{
	REQUIRE(st, !pthread_rwlock_unlock(&t->rw_read));
}

static void read_take(struct stage *st, struct things *t)
{
	REQUIRE(st, !pthread_rwlock_rdlock(&t->rw_write));
}

static int write_wait(struct stage *st, struct things *t)
{
	(void)st;
	return pthread_rwlock_wrlock(&t->rw_write) || pthread_rwlock_unlock(&t->rw_write);
}

static void read_give(struct stage *st, struct things *t)
{
	REQUIRE(st, !pthread_rwlock_unlock(&t->rw_write));
}

static int barrier_wait(struct stage *st, struct things *t)
{
	int rc = pthread_barrier_wait(&t->barrier);

	(void)st;
	return rc == PTHREAD_BARRIER_SERIAL_THREAD ? 0 : rc;
}

static void barrier_give(struct stage *st, struct things *t)
{
	REQUIRE(st, !barrier_wait(st, t));
}

#define WORDS_OF(member)                 \
	offsetof(struct things, member), \
		offsetof(struct things, member) + sizeof(((struct things *)0)->member)

static const struct row rows[] = {
	{"mutex", mutex_take, mutex_wait, mutex_give, HOLDER_OWNER_WORD, FUTEX_OP_WAIT, 2,
	 WORDS_OF(mutex)},
	{"PI mutex", pi_take, pi_wait, pi_give, HOLDER_PI_WORD, FUTEX_OP_LOCK_PI, 0, WORDS_OF(pi)},
	{"robust mutex", robust_take, robust_wait, robust_give, HOLDER_PI_WORD, FUTEX_OP_WAIT, 0,
	 WORDS_OF(robust)},
	{"semaphore", nothing, sem_take_one, sem_give, HOLDER_WAKER, FUTEX_OP_WAIT_BITSET, 0,
	 WORDS_OF(sem)},
	{"condvar", nothing, cond_wait, cond_give, HOLDER_WAKER, FUTEX_OP_WAIT_BITSET, 0,
	 WORDS_OF(cond)},
	{"rwlock, reader", write_take, read_wait, write_give, HOLDER_OWNER_WORD,
	 FUTEX_OP_WAIT_BITSET, 3, WORDS_OF(rw_read)},
	{"rwlock, writer", read_take, write_wait, read_give, HOLDER_WAKER, FUTEX_OP_WAIT_BITSET, 2,
	 WORDS_OF(rw_write)},
	{"barrier", nothing, barrier_wait, barrier_give, HOLDER_WAKER, FUTEX_OP_WAIT, 0,
	 WORDS_OF(barrier)},
};
#define ROWS ARRAY_LEN(rows)
/* Two rows that end a thread. */
enum { JOIN = ROWS, ROBUST_LEFT, PAIRS };

static void init(struct things *t)
{
	pthread_mutexattr_t attr;

	memset(t, 0, sizeof(*t));
	pthread_mutex_init(&t->mutex, NULL);
	pthread_mutex_init(&t->guard, NULL);
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_INHERIT);
	pthread_mutex_init(&t->pi, &attr);
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(&t->robust, &attr);
	pthread_mutex_init(&t->left, &attr);
	pthread_cond_init(&t->cond, NULL);
	sem_init(&t->sem, 0, 0);
	pthread_rwlock_init(&t->rw_read, NULL);
	pthread_rwlock_init(&t->rw_write, NULL);
	pthread_barrier_init(&t->barrier, NULL, 2);
}

static void until(const _Atomic unsigned *count, unsigned least)
{
	while (*count < least)
		sleep_ms(1);
}

static void play_waiter(struct stage *st, unsigned at, struct actor *a)
{
	struct things *t = (struct things *)st->own;
	uint64_t from;

	for (unsigned i = 1; i <= ROUNDS; i++) {
		until(&t->turn[at], i);
		from = clock_ns();
		REQUIRE(st, !rows[at].wait(st, t));
		a->wait_ns += clock_ns() - from;
		a->until_wake_ns += t->woken_ns[at] - from;
		t->done[at] = i;
	}
}

static void play_holder(struct stage *st, unsigned at, unsigned waiter)
{
	struct things *t = (struct things *)st->own;

	for (unsigned i = 1; i <= ROUNDS; i++) {
		rows[at].take(st, t);
		t->turn[at] = i;
		stage_await_blocked(st, waiter, SYS_futex, NULL);
		sleep_ms(HOLD_MS);
		t->woken_ns[at] = clock_ns();
		rows[at].give(st, t);
		until(&t->done[at], i);
	}
}

static void *end_soon(void *arg)
{
	struct stage *st = arg;
	struct things *t = (struct things *)st->own;

	t->address[JOIN] = (uint64_t)syscall(SYS_gettid);
	stage_await_blocked(st, 2 * JOIN, SYS_futex, NULL);
	sleep_ms(HOLD_MS);
	t->woken_ns[JOIN] = clock_ns();
	return NULL;
}

static void *end_with_lock(void *arg)
{
	struct stage *st = arg;
	struct things *t = (struct things *)st->own;

	REQUIRE(st, !pthread_mutex_lock(&t->left));
	t->address[ROBUST_LEFT] = (uint64_t)syscall(SYS_gettid);
	t->turn[ROBUST_LEFT] = 1;
	stage_await_blocked(st, 2 * ROBUST_LEFT, SYS_futex, &t->left);
	sleep_ms(HOLD_MS);
	t->woken_ns[ROBUST_LEFT] = clock_ns();
	return NULL;
}

static void play_end_of_thread(struct stage *st, unsigned at, struct actor *a)
{
	struct things *t = (struct things *)st->own;
	pthread_t thread;
	uint64_t from;

	REQUIRE(st, !pthread_create(&thread, NULL, at == JOIN ? end_soon : end_with_lock, st));
	if (at == ROBUST_LEFT)
		until(&t->turn[at], 1);
	from = clock_ns();
	if (at == JOIN)
		REQUIRE(st, !pthread_join(thread, NULL));
	else
		REQUIRE(st, pthread_mutex_lock(&t->left) == EOWNERDEAD);
	a->wait_ns = clock_ns() - from;
	a->until_wake_ns = t->woken_ns[at] - from;
	a->count = thread; /* the address of its control block */
}

static void play(struct stage *st, unsigned me)
{
	unsigned at = me / 2;

	if (me == 0)
		init((struct things *)st->own);
	stage_wait(st, me, 1);
	if (at >= ROWS) {
		if (me % 2 == 0)
			play_end_of_thread(st, at, &st->actors[me]);
	} else if (me % 2 == 0) {
		play_waiter(st, at, &st->actors[me]);
	} else {
		play_holder(st, at, me - 1);
	}
	stage_wait(st, me, 2);
	stage_wait(st, me, 3);
}

/* All waits of @tid on words from @from to @to: which word of a condvar it is differs. */
static struct wait_sum waits_between(const struct scene *sc, int tid, const void **ret_word,
				     uintptr_t from, uintptr_t to)
{
	struct wait_sum sum = {0};

	for (size_t i = 0; i < sc->w.records.len; i++) {
		const struct record *r = &sc->w.records.at[i];
		struct wait_sum one;

		if (r->type != RECORD_LOCK || r->lock.address < from || r->lock.address >= to)
			continue;
		one = watch_waits(&sc->w, sc->st->pid, (void *)r->lock.address, tid);
		if (!one.waits)
			continue;
		one.waits += sum.waits;
		one.handed_over += sum.handed_over;
		one.owner_known += sum.owner_known;
		one.blocked_ns += sum.blocked_ns;
		one.runq_ns += sum.runq_ns;
		one.without_stack += sum.without_stack;
		sum = one;
		*ret_word = (void *)r->lock.address;
	}
	return sum;
}

static void check_times(const struct scene *sc, unsigned at, const struct wait_sum *sum,
			const char *name)
{
	const struct proc_clock *p = &sc->during[2 * at], *other = &sc->during[2 * at + 1];
	const struct actor *a = &sc->st->actors[2 * at];

	check_near(sum->blocked_ns + sum->runq_ns, a->wait_ns, p->run_ns + p->runq_ns, name);
	check_near(sum->blocked_ns, a->until_wake_ns,
		   p->run_ns + p->runq_ns + other->run_ns + other->runq_ns, name);
}

static void check_row(const struct scene *sc, unsigned at)
{
	const struct row *row = &rows[at];
	uintptr_t own = (uintptr_t)sc->st->own;
	int waiter = scene_tid(sc, 2 * at), holder = scene_tid(sc, 2 * at + 1);
	const void *word = NULL;
	struct wait_sum sum =
		waits_between(sc, waiter, &word, own + row->word, own + row->word_end);
	struct blame_sum blame, any;

	ck_assert_msg(sum.waits == ROUNDS && sum.handed_over == ROUNDS,
		      "%s: %d waits, %d handed over", row->name, (int)sum.waits,
		      (int)sum.handed_over);
	ck_assert_msg(sum.op == row->op && (!row->value || sum.value == row->value),
		      "%s: operation %u, value %u", row->name, sum.op, sum.value);
	ck_assert_uint_eq(sum.without_stack, 0);
	/* The kernel may have to wake waiters of a robust one, and does not know where they are. */
	ck_assert_msg(watch_lock(&sc->w, sc->st->pid, word)->shared ==
			      (strcmp(row->name, "robust mutex") == 0),
		      "%s: shared", row->name);
	check_times(sc, at, &sum, row->name);
	ck_assert_msg(sum.owner_known == (row->holder == HOLDER_WAKER ? 0 : ROUNDS),
		      "%s: owner known %d times", row->name, (int)sum.owner_known);
	if (strcmp(row->name, "condvar") == 0)
		return; /* two words take turns: its blame is split */
	blame = watch_blame(&sc->w, sc->st->pid, word, holder);
	any = watch_blame(&sc->w, sc->st->pid, word, -1);
	ck_assert_msg(blame.waits == ROUNDS && any.waits == ROUNDS,
		      "%s: blame on the holder %d times of %d", row->name, (int)blame.waits,
		      (int)any.waits);
	ck_assert_msg((int)blame.evidence == row->holder, "%s: evidence %u", row->name,
		      blame.evidence);
	ck_assert_msg(!blame.without_stack, "%s: no release stack", row->name);
	ck_assert_msg(blame.blame_ns == sum.blocked_ns, "%s: blame %.3f ms, blocked for %.3f ms",
		      row->name, blame.blame_ns / 1e6, sum.blocked_ns / 1e6);
}

START_TEST(primitives)
{
	struct scene sc;

	scene_play(&sc, 2 * ROWS, play, NULL, 0);
	for (unsigned at = 0; at < ROWS; at++)
		check_row(&sc, at);
	scene_end(&sc);
}
END_TEST

/* A thread that ends wakes who joins it and who waits for its robust mutex. */
START_TEST(end_of_a_thread)
{
	const struct things *t;
	const void *word = NULL;
	struct wait_sum sum;
	struct blame_sum blame;
	struct scene sc;
	uintptr_t from;

	scene_play(&sc, 2 * PAIRS, play, NULL, 0);
	t = (const struct things *)sc.st->own;
	for (unsigned at = JOIN; at < PAIRS; at++) {
		/* glibc's struct pthread is smaller than a page. */
		from = at == JOIN ? sc.st->actors[2 * at].count : (uintptr_t)&t->left;
		sum = waits_between(&sc, scene_tid(&sc, 2 * at), &word, from, from + 4096);
		ck_assert_msg(sum.waits == 1 && sum.handed_over == 1,
			      "%s: %d waits, %d handed over", at == JOIN ? "join" : "robust",
			      (int)sum.waits, (int)sum.handed_over);
		ck_assert_uint_eq(sum.op, at == JOIN ? FUTEX_OP_WAIT_BITSET : FUTEX_OP_WAIT);
		check_times(&sc, at, &sum, at == JOIN ? "join" : "robust");
		blame = watch_blame(&sc.w, sc.st->pid, word, (int)t->address[at]);
		ck_assert_uint_eq(blame.waits, 1);
		ck_assert_uint_eq(blame.blame_ns, sum.blocked_ns);
		if (at == JOIN) {
			ck_assert_uint_eq(sum.value, t->address[at]);
			ck_assert(watch_lock(&sc.w, sc.st->pid, word)->shared);
		} else {
			ck_assert_uint_eq(blame.evidence, HOLDER_PI_WORD);
		}
		ck_assert_ptr_nonnull(watch_counters(&sc.w, (int)t->address[at]));
		ck_assert(watch_counters(&sc.w, (int)t->address[at])->ended);
	}
	scene_end(&sc);
}
END_TEST

Suite *kernel_pthread_suite(void)
{
	Suite *suite = suite_create("kernel_pthread");

	KERNEL_TEST(suite, primitives, 1);
	KERNEL_TEST(suite, end_of_a_thread, 1);
	return suite;
}
