// SPDX-License-Identifier: GPL-2.0-only
/*
 * COUNT threads that do nothing, half of them blocked on a condvar and half asleep, beside four
 * that hold a lock for 20 us about once a millisecond: what a profiler costs must follow from the
 * four.
 */
#include "sample.h"

#define WORKERS 4
#define INSIDE_US 20
#define PAUSE_US 1000
#define LONG_SLEEP_US 3600000000U

static pthread_mutex_t work_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t park_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t park_over = PTHREAD_COND_INITIALIZER;

static void worker(struct sample_thread *self)
{
	while (!sample_stopping(self->sample)) {
		struct sample_turn turn = sample_ask(&self->tally);
		pthread_mutex_lock(&work_lock);
		sample_got(&turn);
		sample_work_us(self->sample, INSIDE_US);
		sample_done(&turn);
		pthread_mutex_unlock(&work_lock);
		sample_sleep_us(PAUSE_US);
	}
}

static void parked(struct sample_thread *self)
{
	pthread_mutex_lock(&park_lock);
	while (!sample_stopping(self->sample))
		pthread_cond_wait(&park_over, &park_lock);
	pthread_mutex_unlock(&park_lock);
}

static void asleep(struct sample_thread *self)
{
	while (!sample_stopping(self->sample))
		sample_sleep_us(LONG_SLEEP_US); /* ended by pthread_cancel() */
}

int main(int argc, char **argv)
{
	static const struct sample_spec spec = {
		.name = "many-threads",
		.does = "COUNT (default 1000) blocked or sleeping threads, 4 with light lock work",
		.count = 1000,
		.count_max = 5000,
	};
	struct sample_thread *sleepers;
	struct sample s;

	sample_init(&s, &spec, argc, argv);
	sample_start(&s, WORKERS, "worker", worker);
	sample_start(&s, s.count - s.count / 2, "parked", parked);
	sleepers = sample_start(&s, s.count / 2, "asleep", asleep);
	sample_ready(&s);
	while (sample_wait(&s, UINT64_MAX))
		;
	for (unsigned i = 0; i < s.count / 2; i++)
		pthread_cancel(sleepers[i].handle);
	pthread_mutex_lock(&park_lock);
	pthread_cond_broadcast(&park_over);
	pthread_mutex_unlock(&park_lock);
	return sample_finish(&s);
}
