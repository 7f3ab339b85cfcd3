// SPDX-License-Identifier: GPL-2.0-only
/*
 * Four stages with bounded queues between them, one thread each: decode 0.3 ms, resize 3 ms, encode
 * 0.4 ms, store 0.3 ms of CPU for an item.  resize limits it: an item each 3 ms, 1.33 of 2 CPUs
 * busy. With resize spread over two threads, both CPUs are the limit: an item each 4 / 2 = 2
 * ms, 1.5x.
 */
#include "sample.h"

#define STAGES 4
#define CAPACITY 4
#define WIDE_STAGE 1
#define WIDE_FIXED 2

static const char *const stage_names[STAGES] = {"decode", "resize", "encode", "store"};
static const unsigned stage_us[STAGES] = {300, 3000, 400, 300};

struct queue {
	pthread_mutex_t lock;
	pthread_cond_t not_empty;
	pthread_cond_t not_full;
	unsigned items;
};

/* Between stage i and i + 1. */
static struct queue queues[STAGES - 1];

static __attribute__((noinline)) bool queue_take(const struct sample *s, struct queue *q)
{
	bool taken = false;

	pthread_mutex_lock(&q->lock);
	while (q->items == 0 && !sample_stopping(s))
		pthread_cond_wait(&q->not_empty, &q->lock);
	if (q->items > 0) {
		q->items--;
		taken = true;
		pthread_cond_signal(&q->not_full);
	}
	pthread_mutex_unlock(&q->lock);
	return taken;
}

static __attribute__((noinline)) void queue_put(const struct sample *s, struct queue *q)
{
	pthread_mutex_lock(&q->lock);
	while (q->items == CAPACITY && !sample_stopping(s))
		pthread_cond_wait(&q->not_full, &q->lock);
	if (q->items < CAPACITY) {
		q->items++;
		pthread_cond_signal(&q->not_empty);
	}
	pthread_mutex_unlock(&q->lock);
}

static __attribute__((noinline)) void process_item(const struct sample *s, unsigned stage)
{
	sample_work_us(s, stage_us[stage]);
}

/* An item is done when the last stage has processed it. */
static void run_stage(struct sample_thread *self, unsigned stage)
{
	const struct sample *s = self->sample;

	while (!sample_stopping(s)) {
		if (stage > 0 && !queue_take(s, &queues[stage - 1]))
			return;
		process_item(s, stage);
		if (stage < STAGES - 1)
			queue_put(s, &queues[stage]);
		else
			sample_count(&self->tally);
	}
}

static void decode(struct sample_thread *self)
{
	run_stage(self, 0);
}

static void resize(struct sample_thread *self)
{
	run_stage(self, 1);
}

static void encode(struct sample_thread *self)
{
	run_stage(self, 2);
}

static void store(struct sample_thread *self)
{
	run_stage(self, 3);
}

static void (*const stage_bodies[STAGES])(struct sample_thread *self) = {decode, resize, encode,
									 store};

int main(int argc, char **argv)
{
	static const struct sample_spec spec = {
		.name = "pipeline",
		.does = "4 stages with queues between them, the second one takes 3 of 4 ms",
		.fixed = "the slow stage has 2 threads",
		.pin_cpus = 2,
	};
	struct sample s;

	sample_init(&s, &spec, argc, argv);
	for (unsigned i = 0; i < STAGES - 1; i++) {
		pthread_mutex_init(&queues[i].lock, NULL);
		pthread_cond_init(&queues[i].not_empty, NULL);
		pthread_cond_init(&queues[i].not_full, NULL);
	}
	for (unsigned i = 0; i < STAGES; i++)
		sample_start(&s, s.fixed && i == WIDE_STAGE ? WIDE_FIXED : 1, stage_names[i],
			     stage_bodies[i]);
	sample_ready(&s);
	while (sample_wait(&s, UINT64_MAX))
		;
	for (unsigned i = 0; i < STAGES - 1; i++) {
		pthread_mutex_lock(&queues[i].lock);
		pthread_cond_broadcast(&queues[i].not_empty);
		pthread_cond_broadcast(&queues[i].not_full);
		pthread_mutex_unlock(&queues[i].lock);
	}
	return sample_finish(&s);
}
