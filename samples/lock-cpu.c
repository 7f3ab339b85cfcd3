// SPDX-License-Identifier: GPL-2.0-only
/*
 * Four threads, 200 us of CPU inside one lock and 50 us outside. One thread at a time can be
 * inside: one operation each 200 us, where two CPUs could do one each 125 us. The cure gains 1.6x.
 */
#include "sample.h"

#define THREADS 4
#define INSIDE_US 200
#define OUTSIDE_US 50

static pthread_mutex_t cache_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t cache_shards[THREADS] = {
	PTHREAD_MUTEX_INITIALIZER,
	PTHREAD_MUTEX_INITIALIZER,
	PTHREAD_MUTEX_INITIALIZER,
	PTHREAD_MUTEX_INITIALIZER,
};

static __attribute__((noinline)) void cache_update(struct sample_thread *self,
						   pthread_mutex_t *lock)
{
	struct sample_turn turn = sample_ask(&self->tally);

	pthread_mutex_lock(lock);
	sample_got(&turn);
	sample_work_us(self->sample, INSIDE_US);
	sample_done(&turn);
	pthread_mutex_unlock(lock);
}

static void worker(struct sample_thread *self)
{
	pthread_mutex_t *lock = self->sample->fixed ? &cache_shards[self->index] : &cache_lock;

	while (!sample_stopping(self->sample)) {
		cache_update(self, lock);
		sample_work_us(self->sample, OUTSIDE_US);
	}
}

int main(int argc, char **argv)
{
	static const struct sample_spec spec = {
		.name = "lock-cpu",
		.does = "4 threads: 200 us of CPU inside cache_lock, 50 us outside",
		.fixed = "each thread has a lock of its own",
		.pin_cpus = 2,
	};
	struct sample s;

	sample_init(&s, &spec, argc, argv);
	sample_start(&s, THREADS, "worker", worker);
	return sample_run(&s);
}
