// SPDX-License-Identifier: GPL-2.0-only
/*
 * As many threads as CPUs (two), each computing 2.5 ms in 25 slices, with 1 us in a shared lock
 * after each slice (1% of the time: hardly ever contended), then a pause of about 0.1 ms. Both CPUs
 * are over 90% busy, and no lock is to blame. Under a CPU quota the same program is throttled.
 */
#include "sample.h"

#define THREADS 2
#define SLICES 25
#define SLICE_US 100
#define INSIDE_US 1
#define PAUSE_US 50 /* plus the kernel's timer slack */

static pthread_mutex_t total_lock = PTHREAD_MUTEX_INITIALIZER;

static __attribute__((noinline)) void total_add(struct sample_thread *self)
{
	struct sample_turn turn = sample_ask(&self->tally);

	pthread_mutex_lock(&total_lock);
	sample_got(&turn);
	sample_work_us(self->sample, INSIDE_US);
	sample_done(&turn);
	pthread_mutex_unlock(&total_lock);
}

static void worker(struct sample_thread *self)
{
	while (!sample_stopping(self->sample)) {
		for (int i = 0; i < SLICES; i++) {
			sample_work_us(self->sample, SLICE_US);
			total_add(self);
		}
		sample_sleep_us(PAUSE_US);
	}
}

int main(int argc, char **argv)
{
	static const struct sample_spec spec = {
		.name = "healthy-cpu",
		.does = "2 threads on 2 CPUs: compute, a rarely contended lock, short pauses",
		.pin_cpus = 2,
	};
	struct sample s;

	sample_init(&s, &spec, argc, argv);
	sample_start(&s, THREADS, "worker", worker);
	return sample_run(&s);
}
