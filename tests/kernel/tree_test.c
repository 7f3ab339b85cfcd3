// SPDX-License-Identifier: GPL-2.0-only
/* Trees of processes: deep ones, pids that are used again, and what the kernel counts for each. */
#include "tests/kernel/scene.h"
#include "tests/kernel/suites.h"

#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/num.h"
#include "model/loss.h"

#define DEPTH 60 /* more than the BPF side walks up at once */
#define REUSED 5
#define PAGES 300
#define MOVES 20
#define STORM 2600 /* children: more than a quarter of the smallest map of edges, 8192 */
#define STORM_TOLD_APART 2048

struct own {
	volatile int deep[DEPTH];
	volatile int pid; /* used again and again, or of the child that faults */
	volatile uint64_t faults;
	volatile int skipped;
	volatile int done;
};

static struct own *own_of(struct stage *st)
{
	return (struct own *)st->own;
}

static void descend(struct own *own, int depth)
{
	pid_t pid = fork();

	if (pid > 0)
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	own->deep[depth] = getpid();
	if (depth + 1 < DEPTH)
		descend(own, depth + 1);
	for (;;)
		pause();
}

static void play_deep(struct stage *st, unsigned me)
{
	struct own *own = own_of(st);

	descend(own, 0);
	while (!own->deep[DEPTH - 1])
		sleep_ms(1);
	stage_wait(st, me, 1);
	stage_wait(st, me, 2);
	stage_wait(st, me, 3);
}

START_TEST(deep_tree)
{
	const struct own *own;
	struct scene sc;

	scene_play(&sc, 1, play_deep, NULL, 0);
	own = own_of(sc.st);
	for (int i = 0; i < DEPTH; i++) {
		const struct record_process *p = watch_process(&sc.w, own->deep[i]);

		ck_assert_msg(p, "process %d below the target is not watched", i + 1);
		ck_assert_int_eq((int)p->ppid, i ? own->deep[i - 1] : sc.st->pid);
	}
	scene_end(&sc);
}
END_TEST

/* The kernel gives the next pid after this one. */
static bool set_last_pid(int pid)
{
	char text[16];
	int fd = open("/proc/sys/kernel/ns_last_pid", O_WRONLY), len;
	bool done;

	len = snprintf(text, sizeof(text), "%d", pid);
	done = fd >= 0 && write(fd, text, (size_t)len) == len;
	if (fd >= 0)
		close(fd);
	return done;
}

static void play_reuse(struct stage *st, unsigned me)
{
	struct own *own = own_of(st);
	pid_t pid;

	stage_wait(st, me, 1);
	for (int i = 0; i < REUSED && !own->skipped; i++) {
		own->skipped |= i && !set_last_pid(own->pid - 1);
		pid = fork();
		REQUIRE(st, pid >= 0);
		if (!pid)
			_exit(0);
		REQUIRE(st, waitpid(pid, NULL, 0) == pid);
		own->skipped |= i && pid != own->pid; /* another was quicker to take it */
		own->pid = pid;
	}
	stage_wait(st, me, 2);
	stage_wait(st, me, 3);
}

START_TEST(pids_used_again)
{
	uint64_t start_ns[REUSED] = {0};
	const struct own *own;
	unsigned seen = 0;
	struct scene sc;

	scene_play(&sc, 1, play_reuse, NULL, 0);
	own = own_of(sc.st);
	if (own->skipped) {
		kernel_skip("pids used again", "this kernel gives no pid that is asked for");
		scene_end(&sc);
		return;
	}
	for (size_t i = 0; i < sc.w.records.len; i++) {
		const struct record_process *p = &sc.w.records.at[i].process;
		unsigned k = 0;

		if (sc.w.records.at[i].type != RECORD_PROCESS || (int)p->pid != own->pid)
			continue;
		while (k < seen && start_ns[k] != p->start_ns)
			k++;
		ck_assert_uint_lt(k, REUSED);
		start_ns[k] = p->start_ns;
		seen += k == seen;
	}
	ck_assert_uint_eq(seen, REUSED);
	ck_assert_uint_eq(watch_process(&sc.w, sc.st->pid)->forks, REUSED);
	scene_end(&sc);
}
END_TEST

/* A child that writes to pages which the fork has made shared; the kernel says how often it
 * faulted. */
static void play_faults(struct stage *st, unsigned me)
{
	struct own *own = own_of(st);
	size_t size = PAGES * 4096;
	struct rusage usage;
	pid_t pid;
	char *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	REQUIRE(st, at != MAP_FAILED);
	madvise(at, size, MADV_NOHUGEPAGE);
	memset(at, 1, size);
	stage_wait(st, me, 1);
	pid = fork();
	REQUIRE(st, pid >= 0);
	if (!pid) {
		for (size_t i = 0; i < size; i += 4096)
			at[i] = 2;
		_exit(0);
	}
	own->pid = pid;
	REQUIRE(st, wait4(pid, NULL, 0, &usage) == pid);
	own->faults = (uint64_t)usage.ru_minflt + (uint64_t)usage.ru_majflt;
	stage_wait(st, me, 2);
	stage_wait(st, me, 3);
}

START_TEST(faults_after_a_fork)
{
	const struct record_counters *c;
	const struct own *own;
	struct scene sc;

	scene_play(&sc, 1, play_faults, NULL, 0);
	own = own_of(sc.st);
	c = watch_counters(&sc.w, own->pid);
	ck_assert_ptr_nonnull(c);
	ck_assert_uint_ge(own->faults, PAGES);
	ck_assert_uint_eq(c->faults, own->faults);
	ck_assert_uint_eq(c->copy_faults, own->faults);
	ck_assert_uint_eq(scene_counters(&sc, 0)->copy_faults, 0);
	scene_end(&sc);
}
END_TEST

static void play_storm(struct stage *st, unsigned me)
{
	struct own *own = own_of(st);
	pid_t pid;

	stage_wait(st, me, 1);
	for (int i = 0; i < STORM; i++) {
		pid = fork();
		REQUIRE(st, pid >= 0);
		if (!pid)
			_exit(0);
		REQUIRE(st, waitpid(pid, NULL, 0) == pid);
	}
	own->done = 1;
	stage_wait(st, me, 2);
	stage_wait(st, me, 3);
}

/* Nothing is lost: whom it waited for is told apart as far as there is room, and counted beyond. */
START_TEST(storm_of_children)
{
	uint64_t waits = 0, merged = 0;
	unsigned apart = 0;
	struct scene sc;

	scene_open(&sc, 1, play_storm, NULL, 0);
	while (!own_of(sc.st)->done) {
		watch_drain(&sc.w);
		sleep_ms(1);
	}
	scene_close(&sc);
	ck_assert_uint_eq(watch_process(&sc.w, sc.st->pid)->forks, STORM);
	for (size_t i = sc.w.final; i < sc.w.records.len; i++) {
		const struct record_edge *e = &sc.w.records.at[i].edge;

		if (sc.w.records.at[i].type != RECORD_EDGE)
			continue;
		ck_assert_uint_eq(e->kind, EDGE_CHILD);
		waits += e->waits;
		if (e->to_tid)
			apart++;
		else
			merged += e->waits;
	}
	/* A child that has ended before the parent comes to wait for it is no wait. */
	ck_assert_uint_le(waits, STORM);
	ck_assert_uint_le(apart, STORM_TOLD_APART);
	ck_assert_uint_eq(merged, watch_loss(&sc.w, LOSS_EDGES_MERGED));
	ck_assert(apart == STORM_TOLD_APART || !merged);
	scene_end(&sc);
}
END_TEST

static bool move_to(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((unsigned)cpu, &set);
	return !sched_setaffinity(0, sizeof(set), &set);
}

/* From one CPU to the other, which takes a migration each time. */
static void play_moves(struct stage *st, unsigned me)
{
	struct own *own = own_of(st);
	int cpu[2], found = 0;
	cpu_set_t set;

	sched_getaffinity(0, sizeof(set), &set);
	for (int i = 0; i < CPU_SETSIZE && found < 2; i++)
		if (CPU_ISSET((unsigned)i, &set))
			cpu[found++] = i;
	own->skipped = found < 2;
	if (found == 2)
		REQUIRE(st, move_to(cpu[0]));
	stage_wait(st, me, 1);
	for (int i = 1; i <= MOVES && found == 2; i++)
		REQUIRE(st, move_to(cpu[i % 2]));
	stage_wait(st, me, 2);
	stage_wait(st, me, 3);
}

START_TEST(migrations)
{
	struct scene sc;

	scene_play(&sc, 1, play_moves, NULL, 0);
	if (own_of(sc.st)->skipped) {
		kernel_skip("migrations", "there is one CPU alone");
	} else {
		ck_assert_uint_eq(scene_counters(&sc, 0)->migrations, MOVES);
		ck_assert_uint_eq(scene_counters(&sc, 0)->cpus_allowed, 1);
	}
	scene_end(&sc);
}
END_TEST

Suite *kernel_tree_suite(void)
{
	Suite *suite = suite_create("kernel_tree");

	KERNEL_TEST(suite, deep_tree, 1);
	KERNEL_TEST(suite, pids_used_again, 1);
	KERNEL_TEST(suite, faults_after_a_fork, 1);
	KERNEL_TEST(suite, migrations, 1);
	KERNEL_TEST(suite, storm_of_children, 1);
	return suite;
}
