// SPDX-License-Identifier: GPL-2.0-only
/* Threads and processes that come and go while they are watched. */
#include "tests/kernel/scene.h"
#include "tests/kernel/suites.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/num.h"

#define NAP_MS 80

struct own {
	int tids[4]; /* of threads or processes that were made, in turn */
	uint64_t made_ns[4], ended_ns[4];
	unsigned len; /* threads made so far, .. */
	int stop;     /* .. of this many */
};

static struct own *own_of(struct stage *st)
{
	return (struct own *)st->own;
}

static void nap(void)
{
	sleep_ms(NAP_MS);
}

/* --- threads --- */

static void *live_shortly(void *arg)
{
	struct own *own = arg;

	own->tids[0] = (int)syscall(SYS_gettid);
	nap();
	spin_ms(20);
	own->ended_ns[0] = clock_ns();
	return NULL;
}

static void play_thread(struct stage *st, unsigned me)
{
	struct own *own = own_of(st);
	pthread_t thread;

	stage_wait(st, me, 1);
	own->made_ns[0] = clock_ns();
	REQUIRE(st, !pthread_create(&thread, NULL, live_shortly, own));
	REQUIRE(st, !pthread_join(thread, NULL));
	stage_wait(st, me, 2);
	stage_wait(st, me, 3);
}

START_TEST(thread_that_comes_later)
{
	const struct record_counters *c;
	const struct own *own;
	struct scene sc;

	scene_play(&sc, 1, play_thread, NULL, 0);
	own = own_of(sc.st);
	c = watch_counters(&sc.w, own->tids[0]);
	ck_assert_ptr_nonnull(c);
	ck_assert(c->ended);
	ck_assert_int_eq((int)c->pid, sc.st->pid);
	ck_assert_uint_ge(c->start_ns, own->made_ns[0]);
	check_near(c->start_ns, own->made_ns[0], 0, "start");
	ck_assert_uint_ge(c->until_ns, own->ended_ns[0]);
	check_near(c->class_ns[CLASS_SLEEP], NAP_MS * NS_PER_MS, 0, "sleep");
	check_near(c->class_ns[CLASS_RUN] + c->class_ns[CLASS_RUNQ_PREEMPT] +
			   c->class_ns[CLASS_RUNQ_WAKE],
		   c->until_ns - c->start_ns - NAP_MS * NS_PER_MS, 0, "the rest");
	scene_end(&sc);
}
END_TEST

static void *spin_and_end(void *arg)
{
	uint64_t end = clock_ns() + 200000;

	(void)arg;
	while (clock_ns() < end)
		;
	return NULL;
}

/* More threads in turn than there are slots: each must have got one that another gave back. */
static void play_many(struct stage *st, unsigned me)
{
	struct own *own = own_of(st);
	pthread_t thread;

	stage_wait(st, me, 1);
	for (; own->len < (unsigned)own->stop; own->len++) {
		REQUIRE(st, !pthread_create(&thread, NULL, spin_and_end, NULL));
		REQUIRE(st, !pthread_join(thread, NULL));
	}
	stage_wait(st, me, 2);
	stage_wait(st, me, 3);
}

static unsigned count_ended(const struct watch *w, uint64_t *ret_run_ns)
{
	unsigned ended = 0;

	*ret_run_ns = 0;
	for (size_t i = 0; i < w->records.len; i++) {
		const struct record_counters *c = &w->records.at[i].counters;

		if (w->records.at[i].type != RECORD_COUNTERS || !c->ended)
			continue;
		ended++;
		*ret_run_ns += c->class_ns[CLASS_RUN];
	}
	return ended;
}

START_TEST(three_hundred_threads)
{
	const struct own init = {.stop = 300};
	struct scene sc;
	uint64_t run_ns;

	/* The ring is not read meanwhile: it is to hold this many. */
	scene_play(&sc, 1, play_many, &init, sizeof(init));
	ck_assert_uint_eq(count_ended(&sc.w, &run_ns), 300);
	ck_assert_uint_ge(run_ns, 300 * 20000);
	scene_end(&sc);
}
END_TEST

START_TEST(slots_are_used_again)
{
	/* live_load.c plans 512, twice the target's threads, and one for each thread of the
	 * machine. */
	const struct own init = {.stop = (int)num_min_u64(700 + proc_threads() * 5 / 4, 3000)};
	struct scene sc;
	uint64_t run_ns;

	scene_open(&sc, 1, play_many, &init, sizeof(init));
	while (!stage_rests(sc.st, 2)) {
		watch_drain(&sc.w);
		sleep_ms(5);
	}
	scene_close(&sc);
	ck_assert_int_eq((int)count_ended(&sc.w, &run_ns), init.stop);
	scene_end(&sc);
}
END_TEST

/* --- processes --- */

/* A child that dies with the target, does @what for a while and ends. */
static pid_t fork_child(struct stage *st, void (*what)(void))
{
	pid_t child = fork();

	REQUIRE(st, child >= 0);
	if (child)
		return child;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	what();
	_exit(0);
}

static void play_fork(struct stage *st, unsigned me)
{
	struct own *own = own_of(st);

	stage_wait(st, me, 1);
	own->made_ns[0] = clock_ns();
	own->tids[0] = fork_child(st, nap);
	REQUIRE(st, waitpid(own->tids[0], NULL, 0) == own->tids[0]);
	own->ended_ns[0] = clock_ns();
	stage_wait(st, me, 2);
	stage_wait(st, me, 3);
}

static bool appears(const struct watch *w, int pid)
{
	for (size_t i = 0; i < w->records.len; i++)
		if (w->records.at[i].type == RECORD_COUNTERS &&
		    ((int)w->records.at[i].counters.pid == pid ||
		     (int)w->records.at[i].counters.tid == pid))
			return true;
	return watch_process(w, pid);
}

START_TEST(child_is_followed)
{
	const struct record_counters *c;
	const struct record_process *p;
	const struct own *own;
	struct scene sc;

	scene_play(&sc, 1, play_fork, NULL, 0);
	own = own_of(sc.st);
	c = watch_counters(&sc.w, own->tids[0]);
	ck_assert_ptr_nonnull(c);
	ck_assert(c->ended);
	ck_assert_uint_ge(c->start_ns, own->made_ns[0]);
	ck_assert_uint_le(c->until_ns, own->ended_ns[0] + slack_ns());
	check_near(c->class_ns[CLASS_SLEEP], NAP_MS * NS_PER_MS, 0, "sleep");
	check_near(scene_counters(&sc, 0)->class_ns[CLASS_CHILD],
		   own->ended_ns[0] - own->made_ns[0], sc.during[0].run_ns + sc.during[0].runq_ns,
		   "waits for its child");
	p = watch_process(&sc.w, own->tids[0]);
	ck_assert_ptr_nonnull(p);
	ck_assert_int_eq((int)p->ppid, sc.st->pid);
	ck_assert_uint_ne(p->end_ns, 0);
	ck_assert_uint_eq(p->execs, 0);
	p = watch_process(&sc.w, sc.st->pid);
	ck_assert_ptr_nonnull(p);
	ck_assert_uint_eq(p->forks, 1);
	ck_assert_uint_eq(p->end_ns, 0);
	ck_assert_int_eq((int)p->ppid, getpid());
	scene_end(&sc);
}
END_TEST

START_TEST(child_is_not_followed)
{
	struct stage *st = stage_start(1, play_fork, NULL, 0);
	struct live_options opt;
	struct watch w;

	stage_await(st, 1);
	opt = watch_options(&st->pid);
	opt.follow_children = false;
	watch_open_with(&w, &opt);
	stage_go(st, 1);
	stage_await(st, 2);
	watch_close(&w);
	ck_assert(!appears(&w, own_of(st)->tids[0]));
	ck_assert(appears(&w, st->pid));
	check_near(watch_counters(&w, st->pid)->class_ns[CLASS_CHILD],
		   own_of(st)->ended_ns[0] - own_of(st)->made_ns[0], 5 * slack_ns(),
		   "waits for its child");
	watch_free(&w);
	stage_end(st);
}
END_TEST

/* --- vfork and exec --- */

/* Within vfork: the parent waits there until the exec. */
static int nap_and_exec(void *arg)
{
	(void)arg;
	nap();
	execl("/bin/sleep", "sleep", "0.08", (char *)NULL);
	_exit(127);
}

static void play_vfork(struct stage *st, unsigned me)
{
	struct own *own = own_of(st);
	static _Alignas(16) char stack[64 * 1024];
	pid_t child;

	stage_wait(st, me, 1);
	own->made_ns[0] = clock_ns();
	/* As vfork(2) does, and as posix_spawn does it. */
	child = clone(nap_and_exec, stack + sizeof(stack), CLONE_VM | CLONE_VFORK | SIGCHLD, NULL);
	REQUIRE(st, child > 0);
	own->ended_ns[0] = clock_ns();
	own->tids[0] = child;
	REQUIRE(st, waitpid(child, NULL, 0) == child);
	own->ended_ns[1] = clock_ns();
	stage_wait(st, me, 2);
	stage_wait(st, me, 3);
}

START_TEST(vfork_and_exec)
{
	const struct record_counters *c;
	const struct record_process *p;
	const struct own *own;
	struct scene sc;

	scene_play(&sc, 1, play_vfork, NULL, 0);
	own = own_of(sc.st);
	ck_assert_uint_ge(own->ended_ns[0] - own->made_ns[0], NAP_MS * NS_PER_MS);
	check_near(scene_counters(&sc, 0)->class_ns[CLASS_CHILD],
		   own->ended_ns[1] - own->made_ns[0], sc.during[0].run_ns + sc.during[0].runq_ns,
		   "in vfork and waitpid");
	c = watch_counters(&sc.w, own->tids[0]);
	ck_assert_ptr_nonnull(c);
	ck_assert(c->ended);
	ck_assert_str_eq(c->name, "sleep");
	/* One nap before and one after the exec: the thread goes on. */
	check_near(c->class_ns[CLASS_SLEEP], 2 * NAP_MS * NS_PER_MS, 0, "sleep");
	p = watch_process(&sc.w, own->tids[0]);
	ck_assert_ptr_nonnull(p);
	ck_assert_str_eq(p->comm, "sleep");
	ck_assert_uint_eq(p->execs, 1);
	scene_end(&sc);
}
END_TEST

/* The child's second thread execs: it takes its process's PID over, its leader ends. */
static void *exec_sleep(void *arg)
{
	struct own *own = arg;

	own->tids[2] = (int)syscall(SYS_gettid);
	nap();
	own->made_ns[2] = clock_ns();
	execl("/bin/sleep", "sleep", "0.15", (char *)NULL);
	_exit(127);
}

static void play_exec_by_thread(struct stage *st, unsigned me)
{
	struct own *own = own_of(st);
	pthread_t thread;
	pid_t child;

	stage_wait(st, me, 1);
	child = fork();
	REQUIRE(st, child >= 0);
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		pthread_create(&thread, NULL, exec_sleep, own);
		pthread_join(thread, NULL);
		_exit(126);
	}
	own->tids[1] = child;
	REQUIRE(st, waitpid(child, NULL, 0) == child);
	own->ended_ns[1] = clock_ns();
	stage_wait(st, me, 2);
	stage_wait(st, me, 3);
}

/* Threads whose latest record says that they live, though they do not. */
static void check_the_living(const struct watch *w)
{
	for (size_t i = 0; i < w->records.len; i++) {
		const struct record_counters *c = &w->records.at[i].counters;

		if (w->records.at[i].type != RECORD_COUNTERS)
			continue;
		ck_assert_msg(watch_counters(w, (int)c->tid)->ended ||
				      proc_exists((pid_t)c->pid, (pid_t)c->tid),
			      "thread %u of process %u never ended, but is gone", c->tid, c->pid);
	}
}

/* All time that was observed of process @pid: what its threads sum to, each counted once. */
static uint64_t observed_ns(const struct watch *w, int pid)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < w->records.len; i++) {
		const struct record *r = &w->records.at[i];

		if (r->type == RECORD_COUNTERS && (int)r->counters.pid == pid &&
		    (r->counters.ended || &r->counters == watch_counters(w, (int)r->counters.tid)))
			sum += r->counters.until_ns - r->counters.start_ns;
	}
	return sum;
}

/* With a slice before the exec (@_i) the thread has already been told of by its old name. */
START_TEST(exec_by_another_thread)
{
	const struct record_counters *c, *before;
	const struct record_process *p;
	const struct own *own;
	struct scene sc;
	uint64_t leader_ns;

	scene_open(&sc, 1, play_exec_by_thread, NULL, 0);
	own = own_of(sc.st);
	if (_i) {
		AWAIT(*(volatile int *)&own->tids[2]);
		watch_slice(&sc.w);
	}
	scene_close(&sc);
	c = watch_counters(&sc.w, own->tids[1]);
	ck_assert_ptr_nonnull(c);
	ck_assert(c->ended);
	ck_assert_int_eq((int)c->pid, own->tids[1]);
	ck_assert_str_eq(c->name, "sleep");
	ck_assert_uint_le(c->until_ns, own->ended_ns[1] + slack_ns());
	check_near(c->class_ns[CLASS_SLEEP], 150 * NS_PER_MS, 0, "sleep");
	/* Under its old id it ended with the exec. */
	before = watch_counters(&sc.w, own->tids[2]);
	ck_assert_ptr_nonnull(before);
	ck_assert(before->ended);
	check_near(before->class_ns[CLASS_SLEEP], NAP_MS * NS_PER_MS, 0, "sleep before the exec");
	ck_assert_uint_eq(before->until_ns, c->start_ns);
	p = watch_process(&sc.w, own->tids[1]);
	ck_assert_ptr_nonnull(p);
	ck_assert_uint_eq(p->execs, 1);
	ck_assert_str_eq(p->comm, "sleep");
	check_the_living(&sc.w);
	/* Its leader lived until the exec, too, a little longer than the thread. */
	leader_ns = before->until_ns - before->start_ns;
	check_near(observed_ns(&sc.w, own->tids[1]), c->until_ns - before->start_ns + leader_ns, 0,
		   "time of the process's threads");
	scene_end(&sc);
}
END_TEST

/* --- the end --- */

static void play_end(struct stage *st, unsigned me)
{
	stage_wait(st, me, 1);
	if (me == 0)
		_exit(0);
	for (;;)
		nap();
}

START_TEST(end_of_the_target)
{
	struct stage *st = stage_start(3, play_end, NULL, 0);
	const struct record_process *p;
	struct watch w;
	siginfo_t info;

	stage_await(st, 1);
	watch_open(&w, &st->pid);
	ck_assert(!live_target_ended(w.live));
	watch_slice(&w);
	ck_assert(!live_target_ended(w.live));
	stage_go(st, 1);
	ck_assert_int_eq(waitid(P_PID, (id_t)st->pid, &info, WEXITED | WNOWAIT), 0);
	/* Its threads' last switches come soon after. */
	do {
		watch_slice(&w);
	} while (!live_target_ended(w.live) && proc_state(st->pid, st->pid) == 'Z');
	ck_assert(live_target_ended(w.live));
	watch_close(&w);
	for (unsigned i = 0; i < st->len; i++) {
		ck_assert_ptr_nonnull(watch_counters(&w, st->actors[i].tid));
		ck_assert(watch_counters(&w, st->actors[i].tid)->ended);
	}
	p = watch_process(&w, st->pid);
	ck_assert_ptr_nonnull(p);
	ck_assert_uint_ne(p->end_ns, 0);
	watch_free(&w);
	stage_end(st);
}
END_TEST

Suite *kernel_life_suite(void)
{
	Suite *suite = suite_create("kernel_life");

	KERNEL_TEST(suite, thread_that_comes_later, 1);
	KERNEL_TEST(suite, three_hundred_threads, 1);
	KERNEL_TEST(suite, slots_are_used_again, 1);
	KERNEL_TEST(suite, child_is_followed, 1);
	KERNEL_TEST(suite, child_is_not_followed, 1);
	KERNEL_TEST(suite, vfork_and_exec, 1);
	KERNEL_TEST(suite, exec_by_another_thread, 2);
	KERNEL_TEST(suite, end_of_the_target, 1);
	return suite;
}
