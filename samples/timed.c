// SPDX-License-Identifier: GPL-2.0-only
/*
 * A pair of threads (or a thread and a child process) for each primitive of POSIX threads, blocking
 * each other some milliseconds at a time. The truth lines say which object is which, so that what a
 * profiler says of an address can be checked; timed waits give up after 3 ms where 8 ms are needed.
 */
#include "sample.h"

#include <errno.h>
#include <inttypes.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define HOLD_US 5000
#define PAUSE_US 1000
#define EVENT_US 8000
#define TIMEOUT_NS (3 * SAMPLE_NS_PER_MS)

static pthread_mutex_t timed_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t cond_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t timed_cond = PTHREAD_COND_INITIALIZER;
static sem_t timed_sem;
static pthread_rwlock_t table_rwlock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_barrier_t step_barrier;
static pthread_mutex_t pi_mutex;
static pthread_mutex_t robust_mutex;

/* In a file mapped by parent and child. */
struct shared {
	pthread_mutex_t mutex;
	struct sample_tally child;
	bool stopping;
};

struct timed {
	struct shared *shared;
	pid_t child;
	bool signalled;
	uint64_t last_round; /* of the barrier: both leave after it */
	uint64_t joined;     /* the last thread joined */
	uint64_t timeouts[3];
};

enum { TIMEOUTS_MUTEX, TIMEOUTS_COND, TIMEOUTS_SEM, TIMEOUTS_NONE };

static void count_timeout(struct sample_thread *self, int which)
{
	struct timed *timed = self->sample->context;

	__atomic_fetch_add(&timed->timeouts[which], 1, __ATOMIC_RELAXED);
}

static void hold(struct sample_tally *tally, pthread_mutex_t *mutex)
{
	struct sample_turn turn = sample_ask(tally);

	pthread_mutex_lock(mutex);
	sample_got(&turn);
	sample_sleep_us(HOLD_US);
	sample_done(&turn);
	pthread_mutex_unlock(mutex);
	sample_sleep_us(PAUSE_US);
}

static void timedlock_holder(struct sample_thread *self)
{
	while (!sample_stopping(self->sample))
		hold(&self->tally, &timed_mutex);
}

static void timedlock_waiter(struct sample_thread *self)
{
	while (!sample_stopping(self->sample)) {
		struct timespec deadline = sample_deadline(TIMEOUT_NS);
		struct sample_turn turn = sample_ask(&self->tally);
		int error = pthread_mutex_timedlock(&timed_mutex, &deadline);
		sample_got(&turn);
		if (error == ETIMEDOUT) {
			count_timeout(self, TIMEOUTS_MUTEX);
			continue;
		}
		sample_done(&turn);
		pthread_mutex_unlock(&timed_mutex);
		sample_sleep_us(PAUSE_US);
	}
}

static void cond_signaller(struct sample_thread *self)
{
	struct timed *timed = self->sample->context;

	while (!sample_stopping(self->sample)) {
		sample_sleep_us(EVENT_US);
		pthread_mutex_lock(&cond_mutex);
		timed->signalled = true;
		pthread_cond_signal(&timed_cond);
		pthread_mutex_unlock(&cond_mutex);
	}
}

static void cond_waiter(struct sample_thread *self)
{
	struct timed *timed = self->sample->context;

	pthread_mutex_lock(&cond_mutex);
	while (!sample_stopping(self->sample)) {
		struct timespec deadline = sample_deadline(TIMEOUT_NS);
		struct sample_turn turn = sample_ask(&self->tally);
		int error = pthread_cond_timedwait(&timed_cond, &cond_mutex, &deadline);
		sample_got(&turn);
		if (error == ETIMEDOUT)
			count_timeout(self, TIMEOUTS_COND);
		if (timed->signalled)
			sample_count(&self->tally);
		timed->signalled = false;
	}
	pthread_mutex_unlock(&cond_mutex);
}

static void sem_poster(struct sample_thread *self)
{
	while (!sample_stopping(self->sample)) {
		sample_sleep_us(EVENT_US);
		sem_post(&timed_sem);
	}
}

static void sem_waiter(struct sample_thread *self)
{
	while (!sample_stopping(self->sample)) {
		struct timespec deadline = sample_deadline(TIMEOUT_NS);
		struct sample_turn turn = sample_ask(&self->tally);
		int error = sem_timedwait(&timed_sem, &deadline) == 0 ? 0 : errno;
		sample_got(&turn);
		if (error == 0)
			sample_count(&self->tally);
		else if (error == ETIMEDOUT)
			count_timeout(self, TIMEOUTS_SEM);
	}
}

static void rwlock_side(struct sample_thread *self, int (*acquire)(pthread_rwlock_t *rwlock))
{
	while (!sample_stopping(self->sample)) {
		struct sample_turn turn = sample_ask(&self->tally);
		acquire(&table_rwlock);
		sample_got(&turn);
		sample_sleep_us(HOLD_US);
		sample_done(&turn);
		pthread_rwlock_unlock(&table_rwlock);
		sample_sleep_us(PAUSE_US);
	}
}

static void rwlock_writer(struct sample_thread *self)
{
	rwlock_side(self, pthread_rwlock_wrlock);
}

static void rwlock_reader(struct sample_thread *self)
{
	rwlock_side(self, pthread_rwlock_rdlock);
}

static void barrier_step(struct sample_thread *self)
{
	struct sample_turn turn = sample_ask(&self->tally);

	pthread_barrier_wait(&step_barrier);
	sample_got(&turn);
	sample_count(&self->tally);
}

static void barrier_slow(struct sample_thread *self)
{
	struct timed *timed = self->sample->context;
	bool last = false;

	/* The round is named before the barrier: the other side must not leave one round early. */
	for (uint64_t round = 0; !last; round++) {
		sample_sleep_us(HOLD_US);
		last = sample_stopping(self->sample);
		if (last)
			__atomic_store_n(&timed->last_round, round, __ATOMIC_RELEASE);
		barrier_step(self);
	}
}

static void barrier_fast(struct sample_thread *self)
{
	struct timed *timed = self->sample->context;
	uint64_t round = 0;

	do
		barrier_step(self);
	while (round++ < __atomic_load_n(&timed->last_round, __ATOMIC_ACQUIRE));
}

static void pi_side(struct sample_thread *self)
{
	while (!sample_stopping(self->sample))
		hold(&self->tally, &pi_mutex);
}

static void robust_side(struct sample_thread *self)
{
	while (!sample_stopping(self->sample))
		hold(&self->tally, &robust_mutex);
}

static void shared_parent(struct sample_thread *self)
{
	struct timed *timed = self->sample->context;

	while (!sample_stopping(self->sample))
		hold(&self->tally, &timed->shared->mutex);
}

static _Noreturn void shared_child(struct shared *shared, pid_t parent)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1); /* it ended before the prctl */
	while (!__atomic_load_n(&shared->stopping, __ATOMIC_ACQUIRE))
		hold(&shared->child, &shared->mutex);
	_exit(0);
}

static void *joined_thread(void *arg)
{
	sample_sleep_us(HOLD_US);
	return arg;
}

static void joiner(struct sample_thread *self)
{
	struct timed *timed = self->sample->context;

	while (!sample_stopping(self->sample)) {
		pthread_t thread;
		int error = pthread_create(&thread, NULL, joined_thread, NULL);
		if (error != 0)
			sample_die("pthread_create", error);
		__atomic_store_n(&timed->joined, (uint64_t)thread, __ATOMIC_RELAXED);
		struct sample_turn turn = sample_ask(&self->tally);
		pthread_join(thread, NULL);
		sample_got(&turn);
		sample_count(&self->tally);
	}
}

/* No second: the other side is a child process or a short-lived thread. */
static const struct primitive {
	const char *name;
	void *object; /* NULL: known when running */
	void (*first)(struct sample_thread *self);
	void (*second)(struct sample_thread *self);
	int timeouts;
} primitives[] = {
	{"timedlock", &timed_mutex, timedlock_holder, timedlock_waiter, TIMEOUTS_MUTEX},
	{"cond", &timed_cond, cond_signaller, cond_waiter, TIMEOUTS_COND},
	{"sem", &timed_sem, sem_poster, sem_waiter, TIMEOUTS_SEM},
	{"rwlock", &table_rwlock, rwlock_writer, rwlock_reader, TIMEOUTS_NONE},
	{"barrier", &step_barrier, barrier_slow, barrier_fast, TIMEOUTS_NONE},
	{"pi", &pi_mutex, pi_side, pi_side, TIMEOUTS_NONE},
	{"robust", &robust_mutex, robust_side, robust_side, TIMEOUTS_NONE},
	{"shared", NULL, shared_parent, NULL, TIMEOUTS_NONE},
	{"join", NULL, joiner, NULL, TIMEOUTS_NONE},
};

#define PRIMITIVES (sizeof(primitives) / sizeof(primitives[0]))
#define PAIRS (PRIMITIVES - 2) /* the last two have no second thread */

static void first_side(struct sample_thread *self)
{
	char name[sizeof(self->name)];

	snprintf(name, sizeof(name), "%s-1", primitives[self->index].name);
	sample_rename(self, name);
	primitives[self->index].first(self);
}

static void second_side(struct sample_thread *self)
{
	char name[sizeof(self->name)];

	snprintf(name, sizeof(name), "%s-2", primitives[self->index].name);
	sample_rename(self, name);
	primitives[self->index].second(self);
}

static const void *object_of(const struct timed *timed, const struct primitive *primitive)
{
	if (primitive->object != NULL)
		return primitive->object;
	if (primitive->first == shared_parent)
		return &timed->shared->mutex;
	return (const void *)(uintptr_t)__atomic_load_n(&timed->joined, __ATOMIC_RELAXED);
}

static void report(const struct sample *s)
{
	const struct timed *timed = s->context;
	const struct sample_thread *first = s->groups->threads;
	const struct sample_thread *second = s->groups->next->threads;
	uint64_t now_ns = sample_now_ns();

	for (unsigned i = 0; i < PRIMITIVES; i++) {
		const struct primitive *primitive = &primitives[i];
		struct sample_tally total = sample_tally_read(&first[i].tally, now_ns);
		struct sample_tally other = {0};
		if (primitive->second != NULL)
			other = sample_tally_read(&second[i].tally, now_ns);
		else if (primitive->first == shared_parent)
			other = sample_tally_read(&timed->shared->child, now_ns);
		sample_tally_add(&total, &other);
		printf("truth primitive=%s addr=%p", primitive->name, object_of(timed, primitive));
		sample_tally_print(&total);
		if (primitive->timeouts != TIMEOUTS_NONE)
			printf(" timeouts=%" PRIu64,
			       __atomic_load_n(&timed->timeouts[primitive->timeouts],
					       __ATOMIC_RELAXED));
		putchar('\n');
	}
	printf("truth shared_child=%d\n", timed->child);
}

static void init_mutex(pthread_mutex_t *mutex, int protocol, int robust, int shared)
{
	pthread_mutexattr_t attr;

	pthread_mutexattr_init(&attr);
	int error = pthread_mutexattr_setprotocol(&attr, protocol);
	if (error == 0)
		error = pthread_mutexattr_setrobust(&attr, robust);
	if (error == 0)
		error = pthread_mutexattr_setpshared(&attr, shared);
	if (error == 0)
		error = pthread_mutex_init(mutex, &attr);
	if (error != 0)
		sample_die("pthread_mutex_init", error);
	pthread_mutexattr_destroy(&attr);
}

static struct shared *map_shared(const struct sample *s)
{
	int fd = sample_open_file(s);
	struct shared *shared;

	if (ftruncate(fd, sizeof(*shared)) != 0)
		sample_die("ftruncate", errno);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (shared == MAP_FAILED)
		sample_die("mmap", errno);
	close(fd);
	*shared = (struct shared){0};
	init_mutex(&shared->mutex, PTHREAD_PRIO_NONE, PTHREAD_MUTEX_STALLED,
		   PTHREAD_PROCESS_SHARED);
	return shared;
}

int main(int argc, char **argv)
{
	static const struct sample_spec spec = {
		.name = "timed",
		.does = "a pair of threads for each primitive: timed, rwlock, barrier, PI, ..",
		.takes_file = true,
		.report = report,
	};
	struct timed timed = {.last_round = UINT64_MAX};
	struct sample s;

	sample_init(&s, &spec, argc, argv);
	s.context = &timed;
	sem_init(&timed_sem, 0, 0);
	pthread_barrier_init(&step_barrier, NULL, 2);
	init_mutex(&pi_mutex, PTHREAD_PRIO_INHERIT, PTHREAD_MUTEX_STALLED, PTHREAD_PROCESS_PRIVATE);
	init_mutex(&robust_mutex, PTHREAD_PRIO_NONE, PTHREAD_MUTEX_ROBUST, PTHREAD_PROCESS_PRIVATE);
	timed.shared = map_shared(&s);
	pid_t parent = getpid();
	timed.child = fork();
	if (timed.child < 0)
		sample_die("fork", errno);
	if (timed.child == 0)
		shared_child(timed.shared, parent);
	sample_start(&s, PRIMITIVES, "first", first_side);
	sample_start(&s, PAIRS, "second", second_side);
	sample_ready(&s);
	while (sample_wait(&s, UINT64_MAX))
		;
	__atomic_store_n(&timed.shared->stopping, true, __ATOMIC_RELEASE);
	waitpid(timed.child, NULL, 0);
	return sample_finish(&s);
}
