// SPDX-License-Identifier: GPL-2.0-only
/*
 * Four readers hold table_lock for 5 ms asleep of each 5.1 ms, a writer wants it once a
 * millisecond.  A glibc rwlock lets readers in while others read: the writer gets in when all four
 * are outside at once, which is once in (0.1 / 5.1)^4 = 1e-7 of the time, so hardly ever.  The cure
 * is the kind of rwlock that lets a waiting writer go first: it then waits for the readers inside,
 * 5 ms at most.
 */
#include "sample.h"

#define READERS 4
#define READ_US 5000
#define BETWEEN_US 20 /* of CPU; the readers' sleep may take 80 us longer than asked for */
#define WRITE_US 20
#define PAUSE_US 1000

static pthread_rwlock_t table_lock;

/* The reader's wait is not counted: there is none without the cure, and with it the writer's is the
 * matter. */
static __attribute__((noinline)) void table_read(const struct sample *s)
{
	pthread_rwlock_rdlock(&table_lock);
	sample_sleep_us(READ_US);
	pthread_rwlock_unlock(&table_lock);
	sample_work_us(s, BETWEEN_US);
}

static __attribute__((noinline)) void table_write(struct sample_thread *self)
{
	struct sample_turn turn = sample_ask(&self->tally);

	pthread_rwlock_wrlock(&table_lock);
	sample_got(&turn);
	sample_work_us(self->sample, WRITE_US);
	sample_done(&turn);
	pthread_rwlock_unlock(&table_lock);
}

static void reader(struct sample_thread *self)
{
	/* Not all at the same time. */
	sample_sleep_us(1 + self->index * READ_US / READERS);
	while (!sample_stopping(self->sample))
		table_read(self->sample);
}

static void writer(struct sample_thread *self)
{
	while (!sample_stopping(self->sample)) {
		table_write(self);
		sample_sleep_us(PAUSE_US);
	}
}

int main(int argc, char **argv)
{
	static const struct sample_spec spec = {
		.name = "rwlock-starve",
		.does = "4 readers hold table_lock nearly all the time, a writer waits for it",
		.fixed = "a waiting writer goes first",
		.pin_cpus = 2,
	};
	pthread_rwlockattr_t attr;
	struct sample s;

	sample_init(&s, &spec, argc, argv);
	pthread_rwlockattr_init(&attr);
	if (s.fixed)
		pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	pthread_rwlock_init(&table_lock, &attr);
	sample_start(&s, READERS, "reader", reader);
	sample_start(&s, 1, "writer", writer);
	return sample_run(&s);
}
