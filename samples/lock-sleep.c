// SPDX-License-Identifier: GPL-2.0-only
/*
 * Four threads that sleep 5 ms inside one lock: 200 operations a second, however many threads and
 * CPUs there are. With the sleep moved out of the section the four sleep side by side: up to 4x.
 */
#include "sample.h"

#define THREADS 4
#define SLEEP_US 5000
#define OUTSIDE_US 50

static pthread_mutex_t state_lock = PTHREAD_MUTEX_INITIALIZER;

static __attribute__((noinline)) void state_save(struct sample_thread *self)
{
	struct sample_turn turn = sample_ask(&self->tally);

	pthread_mutex_lock(&state_lock);
	sample_got(&turn);
	if (!self->sample->fixed)
		sample_sleep_us(SLEEP_US);
	sample_done(&turn);
	pthread_mutex_unlock(&state_lock);
	if (self->sample->fixed)
		sample_sleep_us(SLEEP_US);
}

static void worker(struct sample_thread *self)
{
	while (!sample_stopping(self->sample)) {
		state_save(self);
		sample_work_us(self->sample, OUTSIDE_US);
	}
}

int main(int argc, char **argv)
{
	static const struct sample_spec spec = {
		.name = "lock-sleep",
		.does = "4 threads: sleep 5 ms inside state_lock, 50 us of CPU outside",
		.fixed = "the sleep is outside of the lock",
		.pin_cpus = 2,
	};
	struct sample s;

	sample_init(&s, &spec, argc, argv);
	sample_start(&s, THREADS, "worker", worker);
	return sample_run(&s);
}
