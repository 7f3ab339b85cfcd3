// SPDX-License-Identifier: GPL-2.0-only
/*
 * Eight pool threads on a condvar and one item of 100 us each 20 ms: 0.5% of one CPU. Nothing holds
 * this program back, it has nothing to do.
 */
#include "sample.h"

#define THREADS 8
#define ITEM_US 100
#define PERIOD_NS (20 * SAMPLE_NS_PER_MS)

struct pool {
	pthread_mutex_t lock;
	pthread_cond_t ready;
	unsigned backlog;
};

static struct pool pool = {.lock = PTHREAD_MUTEX_INITIALIZER, .ready = PTHREAD_COND_INITIALIZER};

static __attribute__((noinline)) bool pool_take(struct sample_thread *self)
{
	bool taken = false;

	pthread_mutex_lock(&pool.lock);
	while (pool.backlog == 0 && !sample_stopping(self->sample))
		pthread_cond_wait(&pool.ready, &pool.lock);
	if (pool.backlog > 0) {
		pool.backlog--;
		taken = true;
	}
	pthread_mutex_unlock(&pool.lock);
	return taken;
}

static void pool_thread(struct sample_thread *self)
{
	while (pool_take(self)) {
		sample_work_us(self->sample, ITEM_US);
		sample_count(&self->tally);
	}
}

int main(int argc, char **argv)
{
	static const struct sample_spec spec = {
		.name = "pool-idle",
		.does = "8 pool threads on a condvar, an item of 100 us each 20 ms",
		.pin_cpus = 2,
	};
	struct sample s;

	sample_init(&s, &spec, argc, argv);
	sample_start(&s, THREADS, "pool", pool_thread);
	sample_ready(&s);
	while (sample_wait(&s, PERIOD_NS)) {
		pthread_mutex_lock(&pool.lock);
		pool.backlog++;
		pthread_cond_signal(&pool.ready);
		pthread_mutex_unlock(&pool.lock);
	}
	pthread_mutex_lock(&pool.lock);
	pthread_cond_broadcast(&pool.ready);
	pthread_mutex_unlock(&pool.lock);
	return sample_finish(&s);
}
