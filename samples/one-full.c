// SPDX-License-Identifier: GPL-2.0-only
/*
 * One thread computes without a pause, 1 ms a result; three others wait on a condvar for its
 * results and need 20 us for each. One CPU of two idles. With the computing spread over all four
 * threads both CPUs are busy: 2 / 1.02 = 1.96x.
 */
#include "sample.h"

#define CONSUMERS 3
#define COMPUTE_US 1000
#define CONSUME_US 20

static pthread_mutex_t result_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t result_ready = PTHREAD_COND_INITIALIZER;

static __attribute__((noinline)) void compute_result(const struct sample *s)
{
	sample_work_us(s, COMPUTE_US);
}

static void result_put(unsigned *results)
{
	pthread_mutex_lock(&result_lock);
	(*results)++;
	pthread_cond_signal(&result_ready);
	pthread_mutex_unlock(&result_lock);
}

static __attribute__((noinline)) bool result_take(const struct sample *s, unsigned *results)
{
	bool taken = false;

	pthread_mutex_lock(&result_lock);
	while (*results == 0 && !sample_stopping(s))
		pthread_cond_wait(&result_ready, &result_lock);
	if (*results > 0) {
		(*results)--;
		taken = true;
	}
	pthread_mutex_unlock(&result_lock);
	return taken;
}

static void all_in_one(struct sample_thread *self)
{
	while (!sample_stopping(self->sample)) {
		compute_result(self->sample);
		sample_work_us(self->sample, CONSUME_US);
		sample_count(&self->tally);
	}
}

static void compute(struct sample_thread *self)
{
	while (!sample_stopping(self->sample)) {
		compute_result(self->sample);
		result_put(self->sample->context);
	}
}

static void consume(struct sample_thread *self)
{
	while (result_take(self->sample, self->sample->context)) {
		sample_work_us(self->sample, CONSUME_US);
		sample_count(&self->tally);
	}
}

int main(int argc, char **argv)
{
	static const struct sample_spec spec = {
		.name = "one-full",
		.does = "one thread computes all the time, 3 wait on a condvar for its results",
		.fixed = "all 4 threads compute",
		.pin_cpus = 2,
	};
	struct sample s;
	unsigned results = 0;

	sample_init(&s, &spec, argc, argv);
	s.context = &results;
	sample_start(&s, 1, "compute", s.fixed ? all_in_one : compute);
	sample_start(&s, CONSUMERS, "consumer", s.fixed ? all_in_one : consume);
	sample_ready(&s);
	while (sample_wait(&s, UINT64_MAX))
		;
	pthread_mutex_lock(&result_lock);
	pthread_cond_broadcast(&result_ready);
	pthread_mutex_unlock(&result_lock);
	return sample_finish(&s);
}
