// SPDX-License-Identifier: GPL-2.0-only
/*
 * 32 threads wait on a condvar for items; a producer puts one of 200 us each 100 us of its own CPU
 * time and wakes all 32: one takes it, 31 sleep again.  `waits` counts the wakeups, `sleeps` those
 * in vain. The cure wakes one: 2 CPUs could then do an item each 300 / 2 = 150 us.
 */
#include "sample.h"

#define THREADS 32
#define CAPACITY 4
#define ITEM_US 60
#define PRODUCE_US 20

static pthread_mutex_t items_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t items_ready = PTHREAD_COND_INITIALIZER;
static pthread_cond_t items_room = PTHREAD_COND_INITIALIZER;
static unsigned items;

static __attribute__((noinline)) bool item_take(struct sample_thread *self)
{
	bool taken = false;

	pthread_mutex_lock(&items_lock);
	while (items == 0 && !sample_stopping(self->sample)) {
		pthread_cond_wait(&items_ready, &items_lock);
		sample_woken(&self->tally, items == 0);
	}
	if (items > 0) {
		items--;
		taken = true;
		pthread_cond_signal(&items_room);
	}
	pthread_mutex_unlock(&items_lock);
	return taken;
}

static __attribute__((noinline)) void item_put(const struct sample *s)
{
	pthread_mutex_lock(&items_lock);
	while (items == CAPACITY && !sample_stopping(s))
		pthread_cond_wait(&items_room, &items_lock);
	items++;
	if (s->fixed)
		pthread_cond_signal(&items_ready);
	else
		pthread_cond_broadcast(&items_ready);
	pthread_mutex_unlock(&items_lock);
}

static void worker(struct sample_thread *self)
{
	while (item_take(self)) {
		sample_work_us(self->sample, ITEM_US);
		sample_count(&self->tally);
	}
}

static void producer(struct sample_thread *self)
{
	while (!sample_stopping(self->sample)) {
		sample_work_us(self->sample, PRODUCE_US);
		item_put(self->sample);
	}
}

int main(int argc, char **argv)
{
	static const struct sample_spec spec = {
		.name = "herd",
		.does = "32 threads wait for items, each item wakes all of them",
		.fixed = "each item wakes one",
		.pin_cpus = 2,
	};
	struct sample s;

	sample_init(&s, &spec, argc, argv);
	sample_start(&s, THREADS, "worker", worker);
	sample_start(&s, 1, "producer", producer);
	sample_ready(&s);
	while (sample_wait(&s, UINT64_MAX))
		;
	pthread_mutex_lock(&items_lock);
	pthread_cond_broadcast(&items_ready);
	pthread_cond_broadcast(&items_room);
	pthread_mutex_unlock(&items_lock);
	return sample_finish(&s);
}
