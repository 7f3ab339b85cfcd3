// SPDX-License-Identifier: GPL-2.0-only
/*
 * Eight threads with a short lock (2 us of 22), while a process outside of the target computes with
 * eight threads on the same two CPUs. The scheduler gives each side half: without the others the
 * target would do twice as much. The waits for the lock follow from holders that were preempted.
 */
#include "sample.h"

#define THREADS 8
#define HOGS \
	8 /* as many as the target has: half of the CPU, be sessions scheduled as groups or not */
#define INSIDE_US 2
#define OUTSIDE_US 20

static pthread_mutex_t counter_lock = PTHREAD_MUTEX_INITIALIZER;

static __attribute__((noinline)) void counter_add(struct sample_thread *self)
{
	struct sample_turn turn = sample_ask(&self->tally);

	pthread_mutex_lock(&counter_lock);
	sample_got(&turn);
	sample_work_us(self->sample, INSIDE_US);
	sample_done(&turn);
	pthread_mutex_unlock(&counter_lock);
}

static void worker(struct sample_thread *self)
{
	while (!sample_stopping(self->sample)) {
		counter_add(self);
		sample_work_us(self->sample, OUTSIDE_US);
	}
}

static void hog(struct sample_thread *self)
{
	while (!sample_stopping(self->sample))
		sample_work_us(self->sample, 1000);
}

static void hogs(struct sample *s)
{
	sample_start(s, HOGS, "hog", hog);
}

int main(int argc, char **argv)
{
	static const struct sample_spec spec = {
		.name = "lock-hogs",
		.does = "8 threads with a short lock, and 8 CPU hogs of another process beside "
			"them",
		.fixed = "no hogs",
		.pin_cpus = 2,
	};
	struct sample s;

	sample_init(&s, &spec, argc, argv);
	if (!s.fixed)
		sample_outside(&s, "hogs", hogs);
	sample_start(&s, THREADS, "worker", worker);
	return sample_run(&s);
}
