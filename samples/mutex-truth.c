// SPDX-License-Identifier: GPL-2.0-only
/*
 * Six threads on three locks with different holds, each thread using two of them, so that each lock
 * has four users. The waits of each thread for each lock are taken by the program's own clock: the
 * difference of two SIGUSR1 snapshots is what a profiler must find between them.
 */
#include "sample.h"

#define THREADS 6
#define LOCKS 3
#define OUTSIDE_US 200

static pthread_mutex_t index_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t journal_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t session_lock = PTHREAD_MUTEX_INITIALIZER;

struct lock_use {
	const char *name;
	pthread_mutex_t *mutex;
	unsigned work_us;  /* CPU inside */
	unsigned sleep_us; /* off the CPU inside */
	pid_t tids[THREADS];
	struct sample_tally tallies[THREADS];
};

static __attribute__((noinline)) void use_lock(struct sample_thread *self, struct lock_use *use)
{
	struct sample_turn turn = sample_ask(&use->tallies[self->index]);

	pthread_mutex_lock(use->mutex);
	sample_got(&turn);
	sample_work_us(self->sample, use->work_us);
	if (use->sleep_us > 0)
		sample_sleep_us(use->sleep_us);
	sample_done(&turn);
	pthread_mutex_unlock(use->mutex);
}

static void worker(struct sample_thread *self)
{
	struct lock_use *uses = self->sample->context;
	struct lock_use *first = &uses[self->index % LOCKS];
	struct lock_use *second = &uses[(self->index + 1) % LOCKS];

	first->tids[self->index] = self->tid;
	second->tids[self->index] = self->tid;
	while (!sample_stopping(self->sample)) {
		use_lock(self, first);
		use_lock(self, second);
		sample_work_us(self->sample, OUTSIDE_US);
	}
}

static void report(const struct sample *s)
{
	const struct lock_use *uses = s->context;

	for (unsigned i = 0; i < LOCKS; i++) {
		struct sample_tally total = {0};
		for (unsigned j = 0; j < THREADS; j++) {
			struct sample_tally tally =
				sample_tally_read(&uses[i].tallies[j], sample_now_ns());
			if (tally.ops == 0 && tally.wait_ns == 0)
				continue;
			printf("truth lock=%s thread=%d", uses[i].name, uses[i].tids[j]);
			sample_tally_print(&tally);
			putchar('\n');
			sample_tally_add(&total, &tally);
		}
		printf("truth lock=%s addr=%p", uses[i].name, (void *)uses[i].mutex);
		sample_tally_print(&total);
		putchar('\n');
	}
}

int main(int argc, char **argv)
{
	static const struct sample_spec spec = {
		.name = "mutex-truth",
		.does = "6 threads on 3 locks, with waits for each thread and lock",
		.report = report,
	};
	struct lock_use uses[LOCKS] = {
		{.name = "index_lock", .mutex = &index_lock, .work_us = 300},
		{.name = "journal_lock", .mutex = &journal_lock, .work_us = 50, .sleep_us = 3000},
		{.name = "session_lock", .mutex = &session_lock, .work_us = 100, .sleep_us = 1000},
	};
	struct sample s;

	sample_init(&s, &spec, argc, argv);
	s.context = uses;
	sample_start(&s, THREADS, "worker", worker);
	return sample_run(&s);
}
