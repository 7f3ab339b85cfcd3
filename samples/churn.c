// SPDX-License-Identifier: GPL-2.0-only
/*
 * About 500 threads and 50 child processes a second begin, take a lock, and end: what a profiler
 * keeps for each thread and process must be given back, and no wait of a short life be lost.
 */
#define _GNU_SOURCE
#include "sample.h"

#include <errno.h>
#include <inttypes.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PERIOD_US 20000
#define THREADS_A_PERIOD 10
#define THREAD_US 50
#define CHILD_LOCKS 5
#define CHILD_US 100

static pthread_mutex_t churn_lock = PTHREAD_MUTEX_INITIALIZER;

struct churn {
	const struct sample *sample;
	pthread_mutex_t *shared_lock; /* between processes; robust, as a holder may be killed */
	uint64_t threads;
	uint64_t children;
	uint64_t sections;
};

static pthread_mutex_t *make_shared_lock(void)
{
	pthread_mutex_t *lock = mmap(NULL, sizeof(*lock), PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pthread_mutexattr_t attr;

	if (lock == MAP_FAILED)
		sample_die("mmap", errno);
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(lock, &attr);
	pthread_mutexattr_destroy(&attr);
	return lock;
}

static void shared_section(const struct churn *churn)
{
	if (pthread_mutex_lock(churn->shared_lock) == EOWNERDEAD)
		pthread_mutex_consistent(churn->shared_lock);
	sample_work_us(churn->sample, CHILD_US);
	pthread_mutex_unlock(churn->shared_lock);
}

static void *brief_thread(void *arg)
{
	struct churn *churn = arg;

	pthread_setname_np(pthread_self(), "brief");
	pthread_mutex_lock(&churn_lock);
	sample_work_us(churn->sample, THREAD_US);
	churn->sections++;
	pthread_mutex_unlock(&churn_lock);
	return NULL;
}

static _Noreturn void brief_child(const struct churn *churn)
{
	for (int i = 0; i < CHILD_LOCKS; i++) {
		shared_section(churn);
		sample_sleep_us(CHILD_US);
	}
	_exit(0);
}

static void one_period(struct churn *churn)
{
	pthread_t threads[THREADS_A_PERIOD];
	pid_t child = fork();

	if (child < 0)
		sample_die("fork", errno);
	if (child == 0)
		brief_child(churn);
	for (int i = 0; i < THREADS_A_PERIOD; i++) {
		int error = pthread_create(&threads[i], NULL, brief_thread, churn);
		if (error != 0)
			sample_die("pthread_create", error);
	}
	shared_section(churn);
	for (int i = 0; i < THREADS_A_PERIOD; i++)
		pthread_join(threads[i], NULL);
	waitpid(child, NULL, 0);
	__atomic_fetch_add(&churn->threads, THREADS_A_PERIOD, __ATOMIC_RELAXED);
	__atomic_fetch_add(&churn->children, 1, __ATOMIC_RELAXED);
}

static void spawner(struct sample_thread *self)
{
	while (!sample_stopping(self->sample)) {
		uint64_t end_ns = sample_now_ns() + PERIOD_US * SAMPLE_NS_PER_US;
		one_period(self->sample->context);
		sample_count(&self->tally);
		uint64_t now_ns = sample_now_ns();
		if (now_ns < end_ns)
			sample_sleep_us((unsigned)((end_ns - now_ns) / SAMPLE_NS_PER_US));
	}
}

static void report(const struct sample *s)
{
	struct churn *churn = s->context;

	pthread_mutex_lock(&churn_lock);
	uint64_t sections = churn->sections;
	pthread_mutex_unlock(&churn_lock);
	printf("truth threads_ended=%" PRIu64 " children_ended=%" PRIu64
	       " churn_lock_sections=%" PRIu64 "\n",
	       __atomic_load_n(&churn->threads, __ATOMIC_RELAXED),
	       __atomic_load_n(&churn->children, __ATOMIC_RELAXED), sections);
}

int main(int argc, char **argv)
{
	static const struct sample_spec spec = {
		.name = "churn",
		.does = "500 threads and 50 children a second begin, take a lock, and end",
		.report = report,
	};
	struct churn churn = {.shared_lock = make_shared_lock()};
	struct sample s;

	sample_init(&s, &spec, argc, argv);
	churn.sample = &s;
	s.context = &churn;
	sample_start(&s, 1, "spawner", spawner);
	return sample_run(&s);
}
