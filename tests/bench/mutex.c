// SPDX-License-Identifier: GPL-2.0-only
/*
 * Threads that lock a mutex, work, unlock it and work again; an op is one such turn.  All share
 * one mutex, or, with --uncontended, each has its own and never waits.
 */
#include "bench.h"

#define WORK_MAX 100000000
#define UNCONTENDED_BATCH 64 /* ops between two updates of the counter */

struct padded_mutex {
	_Alignas(BENCH_CACHE_LINE) pthread_mutex_t lock;
};

struct contest {
	struct bench bench; /* first: the workers' callbacks get this */
	uint64_t threads;
	uint64_t uncontended;
	uint64_t yields;
	uint64_t inside;
	uint64_t outside;
	struct padded_mutex locks[BENCH_WORKERS_MAX];
};

static void *run_contended(void *arg)
{
	struct bench_worker *w = arg;
	const struct contest *c = (const struct contest *)w->bench;
	pthread_mutex_t *lock = w->data;

	bench_pin(w->bench, w->index);
	for (;;) {
		pthread_mutex_lock(lock);
		bench_spin(c->inside);
		if (c->yields)
			sched_yield();
		pthread_mutex_unlock(lock);
		bench_spin(c->outside);
		bench_did(w, 1);
	}
	return NULL;
}

static void *run_uncontended(void *arg)
{
	struct bench_worker *w = arg;
	pthread_mutex_t *lock = w->data;

	bench_pin(w->bench, w->index);
	for (;;) {
		for (int i = 0; i < UNCONTENDED_BATCH; i++) {
			pthread_mutex_lock(lock);
			bench_spin(1);
			pthread_mutex_unlock(lock);
		}
		bench_did(w, UNCONTENDED_BATCH);
	}
	return NULL;
}

static void *lock_of(struct bench *b, uint32_t index)
{
	struct contest *c = (struct contest *)b;

	return &c->locks[c->uncontended ? index : 0].lock;
}

int main(int argc, char **argv)
{
	static struct contest c = {
		.bench = {.name = "mutex", .does = "Threads that lock and unlock a mutex."},
		.threads = 4,
		.inside = 2000,
		.outside = 2000,
	};
	const struct bench_option options[] = {
		{"threads", "number of threads (default 4)", &c.threads, BENCH_WORKERS_MAX},
		{"uncontended", "each thread locks a mutex of its own", &c.uncontended, 0},
		{"yield", "give up the CPU under the mutex, so that others come to wait", &c.yields,
		 0},
		{"inside", "iterations of work under the mutex (default 2000)", &c.inside,
		 WORK_MAX},
		{"outside", "iterations of work outside it (default 2000)", &c.outside, WORK_MAX},
	};

	bench_parse(&c.bench, options, sizeof(options) / sizeof(options[0]), argc, argv);
	for (uint32_t i = 0; i < BENCH_WORKERS_MAX; i++)
		pthread_mutex_init(&c.locks[i].lock, NULL);
	bench_start(&c.bench, (uint32_t)c.threads, c.uncontended ? run_uncontended : run_contended,
		    lock_of);
	bench_finish(&c.bench);
}
