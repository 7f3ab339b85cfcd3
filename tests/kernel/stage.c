// SPDX-License-Identifier: GPL-2.0-only
#include "tests/kernel/stage.h"

#include <check.h>
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/kernel/proc.h"

/* No value of the word may look like a mutex's (1, 2, 3). */
#define STEP_BASE 1000

struct entrance {
	struct stage *st;
	stage_body *body;
	unsigned me;
};

long futex(void *word, int op, uint32_t val, const void *timeout_or_val2, void *word2,
	   uint32_t val3)
{
	return syscall(SYS_futex, word, op, val, timeout_or_val2, word2, val3);
}

_Noreturn void stage_fail(struct stage *st, const char *file, int line, const char *what)
{
	int error = errno;

	if (!atomic_exchange(&st->failed, 1))
		snprintf(st->failure, sizeof(st->failure), "%s:%d: %s (%s)", file, line, what,
			 strerror(error));
	_exit(1);
}

static void *enter(void *arg)
{
	const struct entrance *e = arg;

	e->st->actors[e->me].tid = (int)syscall(SYS_gettid);
	e->body(e->st, e->me);
	return NULL;
}

static _Noreturn void run_target(struct stage *st, stage_body *body)
{
	static struct entrance entrances[ACTORS_MAX];
	pthread_t threads[ACTORS_MAX];
	pthread_attr_t attr;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 256 * 1024);
	for (unsigned i = 0; i < st->len; i++)
		entrances[i] = (struct entrance){st, body, i};
	for (unsigned i = 1; i < st->len; i++)
		REQUIRE(st, !pthread_create(&threads[i], &attr, enter, &entrances[i]));
	enter(&entrances[0]);
	for (unsigned i = 1; i < st->len; i++)
		pthread_join(threads[i], NULL);
	_exit(0);
}

struct stage *stage_start(unsigned len, stage_body *body, const void *own, size_t own_size)
{
	struct stage *st =
		mmap(NULL, sizeof(*st), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pid;

	ck_assert_ptr_ne(st, MAP_FAILED);
	ck_assert_uint_le(len, ACTORS_MAX);
	ck_assert_uint_le(own_size, STAGE_OWN_MAX);
	st->step = STEP_BASE;
	st->len = len;
	if (own)
		memcpy(st->own, own, own_size);
	fflush(NULL);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		st->pid = getpid();
		run_target(st, body);
	}
	st->pid = pid;
	return st;
}

void stage_wait(struct stage *st, unsigned me, uint32_t step)
{
	uint32_t now;

	st->actors[me].reached = step;
	while ((now = st->step) < STEP_BASE + step)
		futex(&st->step, FUTEX_WAIT, now, NULL, NULL, 0);
}

void stage_go(struct stage *st, uint32_t step)
{
	st->step = STEP_BASE + step;
	futex(&st->step, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

int stage_rests(struct stage *st, uint32_t step)
{
	ck_assert_msg(!st->failed, "the target gave up: %s", st->failure);
	ck_assert_msg(proc_exists(st->pid, st->pid), "the target ended");
	for (unsigned i = 0; i < st->len; i++) {
		const struct actor *a = &st->actors[i];

		if (!a->tid || a->reached != step ||
		    !proc_blocked(st->pid, a->tid, SYS_futex, (uintptr_t)&st->step))
			return 0;
	}
	return 1;
}

void stage_await(struct stage *st, uint32_t step)
{
	AWAIT(stage_rests(st, step));
}

void stage_end(struct stage *st)
{
	pid_t pid = st->pid;

	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	munmap(st, sizeof(*st));
}

void stage_await_blocked(struct stage *st, unsigned who, long nr, const void *word)
{
	uint64_t end = clock_ns() + AWAIT_S * 1000000000ULL * patience();

	while (!proc_blocked(st->pid, st->actors[who].tid, nr, (uintptr_t)word)) {
		REQUIRE(st, clock_ns() < end);
		sleep_ms(1);
	}
}

void stage_pin(struct stage *st)
{
	cpu_set_t allowed, one;
	int cpu = 0;

	REQUIRE(st, !sched_getaffinity(0, sizeof(allowed), &allowed));
	while (!CPU_ISSET(cpu, &allowed))
		cpu++;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	REQUIRE(st, !sched_setaffinity(0, sizeof(one), &one));
}
