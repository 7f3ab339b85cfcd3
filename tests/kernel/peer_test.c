// SPDX-License-Identifier: GPL-2.0-only
/* Waiting for another thread: it counts as `peer` as far as that thread had work in hand, else as
 * idle. */
#include "tests/kernel/scene.h"
#include "tests/kernel/suites.h"

#include <fcntl.h>
#include <semaphore.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/num.h"

#define ROUNDS 6
#define ROUND_MS 30

enum giver { BUSY, IDLE, OUTSIDE };
enum channel { PIPE, PAIR, EVENT };

struct plan {
	enum channel channel;
	enum giver giver;
	int fd[2]; /* to read, to write */
};

static void open_channel(struct plan *plan)
{
	if (plan->channel == PIPE)
		ck_assert_int_eq(pipe2(plan->fd, O_CLOEXEC), 0);
	else if (plan->channel == PAIR)
		ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, plan->fd), 0);
	else
		plan->fd[0] = plan->fd[1] = eventfd(0, EFD_CLOEXEC);
	ck_assert_int_ge(plan->fd[0], 0);
}

/* Until the reader begins its round @i and is blocked: else it would find the word, or not block.
 */
static void await_reader(struct stage *st, unsigned i, long nr, const void *word)
{
	while (*(volatile uint64_t *)&st->actors[0].count < i)
		sleep_ms(1);
	stage_await_blocked(st, 0, nr, word);
}

static void read_all(struct stage *st, const struct plan *plan, struct actor *a)
{
	uint64_t word, from;

	for (int i = 0; i < ROUNDS; i++) {
		from = clock_ns();
		REQUIRE(st, read(plan->fd[0], &word, sizeof(word)) == sizeof(word));
		a->wait_ns += clock_ns() - from;
		a->count++;
	}
}

static void write_all(struct stage *st, const struct plan *plan)
{
	uint64_t one = 1;

	for (unsigned i = 0; i < ROUNDS; i++) {
		if (plan->giver == BUSY)
			spin_ms(ROUND_MS);
		else
			sleep_ms(ROUND_MS);
		await_reader(st, i, SYS_read, NULL);
		REQUIRE(st, write(plan->fd[1], &one, sizeof(one)) == sizeof(one));
	}
}

static void play_channel(struct stage *st, unsigned me)
{
	const struct plan *plan = (const struct plan *)st->own;

	stage_wait(st, me, 1);
	if (me == 0)
		read_all(st, plan, &st->actors[me]);
	else if (plan->giver != OUTSIDE)
		write_all(st, plan);
	stage_wait(st, me, 2);
	stage_wait(st, me, 3);
}

static const struct row {
	const char *name;
	struct plan plan;
	enum time_class class;
} rows[] = {
	{"pipe, busy writer", {.channel = PIPE, .giver = BUSY}, CLASS_PEER},
	{"pipe, idle writer", {.channel = PIPE, .giver = IDLE}, CLASS_POOL_IDLE},
	{"pipe, writer outside", {.channel = PIPE, .giver = OUTSIDE}, CLASS_POOL_IDLE},
	{"socketpair, busy writer", {.channel = PAIR, .giver = BUSY}, CLASS_PEER},
	{"eventfd, busy writer", {.channel = EVENT, .giver = BUSY}, CLASS_PEER},
};

/* From outside the target: a word whenever the reader waits for one. */
static void write_from_outside(const struct scene *sc, const struct plan *plan)
{
	uint64_t one = 1;

	for (unsigned i = 0; i < ROUNDS; i++) {
		AWAIT(*(volatile uint64_t *)&sc->st->actors[0].count == i);
		AWAIT(proc_blocked(sc->st->pid, scene_tid(sc, 0), SYS_read, 0));
		sleep_ms(ROUND_MS);
		ck_assert_int_eq(write(plan->fd[1], &one, sizeof(one)), sizeof(one));
	}
}

START_TEST(channels)
{
	const struct row *row = &rows[_i];
	struct plan plan = row->plan;
	struct record_edge edge;
	struct scene sc;

	open_channel(&plan);
	scene_open(&sc, 2, play_channel, &plan, sizeof(plan));
	if (plan.giver == OUTSIDE)
		write_from_outside(&sc, &plan);
	scene_close(&sc);
	ck_assert_uint_ge(sc.st->actors[0].wait_ns, ROUNDS * ROUND_MS * NS_PER_MS / 2);
	/* Between its timer and its write an idle writer waits for a CPU: work in hand, in truth.
	 */
	sc.during[0].runq_ns += sc.during[1].runq_ns + sc.during[1].run_ns;
	scene_check_class(&sc, 0, row->class, row->name);
	edge = watch_edge(&sc.w, scene_tid(&sc, 0), scene_tid(&sc, 1));
	if (plan.giver == OUTSIDE) {
		ck_assert_uint_eq(edge.waits, 0);
	} else {
		ck_assert_uint_eq(edge.waits, ROUNDS);
		check_near(edge.wait_ns, sc.st->actors[0].wait_ns,
			   sc.during[0].run_ns + sc.during[0].runq_ns, row->name);
	}
	scene_end(&sc);
}
END_TEST

/* The same through a futex: a semaphore posted by a thread that computes, or that slept. */
struct posts {
	sem_t sem;
	enum giver giver;
};

static void play_semaphore(struct stage *st, unsigned me)
{
	struct posts *posts = (struct posts *)st->own;
	struct actor *a = &st->actors[me];
	uint64_t from;

	if (me == 0)
		sem_init(&posts->sem, 0, 0);
	stage_wait(st, me, 1);
	for (unsigned i = 0; i < ROUNDS; i++) {
		if (me == 0) {
			from = clock_ns();
			REQUIRE(st, !sem_wait(&posts->sem));
			a->wait_ns += clock_ns() - from;
			a->count++;
			continue;
		}
		if (posts->giver == BUSY)
			spin_ms(ROUND_MS);
		else
			sleep_ms(ROUND_MS);
		await_reader(st, i, SYS_futex, &posts->sem);
		sem_post(&posts->sem);
	}
	stage_wait(st, me, 2);
	stage_wait(st, me, 3);
}

START_TEST(semaphore)
{
	struct posts posts = {.giver = _i ? IDLE : BUSY};
	const struct posts *shared;
	struct wait_sum sum;
	struct scene sc;
	uint64_t off_cpu;

	scene_play(&sc, 2, play_semaphore, &posts, sizeof(posts));
	shared = (const struct posts *)sc.st->own;
	sum = watch_waits(&sc.w, sc.st->pid, &shared->sem, scene_tid(&sc, 0));
	ck_assert_uint_eq(sum.waits, ROUNDS);
	ck_assert_uint_eq(sum.handed_over, ROUNDS);
	ck_assert_uint_eq(sum.owner_known, 0);
	off_cpu = sc.during[0].run_ns + sc.during[0].runq_ns;
	check_near(sum.blocked_ns, sc.st->actors[0].wait_ns, off_cpu, "semaphore");
	if (posts.giver == BUSY)
		check_near(sum.peer_ns, sum.blocked_ns, 0, "busy poster: peer");
	else
		check_near(sum.peer_ns, sc.during[1].run_ns + sc.during[1].runq_ns,
			   sc.during[1].run_ns + sc.during[1].runq_ns, "idle poster: peer");
	ck_assert_uint_le(sum.peer_ns, sum.blocked_ns);
	scene_end(&sc);
}
END_TEST

Suite *kernel_peer_suite(void)
{
	Suite *suite = suite_create("kernel_peer");

	KERNEL_TEST(suite, channels, ARRAY_LEN(rows));
	KERNEL_TEST(suite, semaphore, 2);
	return suite;
}
