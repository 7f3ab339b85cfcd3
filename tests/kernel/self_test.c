// SPDX-License-Identifier: GPL-2.0-only
/* The watcher itself: it is not in its own data, and leaves nothing behind, whatever happens. */
#include "tests/kernel/scene.h"
#include "tests/kernel/suites.h"

#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/num.h"

static void play_busy(struct stage *st, unsigned me)
{
	stage_wait(st, me, 1);
	while (st->actors[0].count == 0) {
		spin_ms(1);
		sleep_ms(1);
	}
	stage_wait(st, me, 2);
	stage_wait(st, me, 3);
}

/* A target of two threads that work until the test sets actor 0's count. */
static struct stage *start_busy(void)
{
	struct stage *st = stage_start(2, play_busy, NULL, 0);

	stage_await(st, 1);
	stage_go(st, 1);
	return st;
}

START_TEST(not_in_its_own_data)
{
	struct stage *st = start_busy();
	pid_t parent = getppid();
	struct watch w;

	/* Our own parent, whose tree holds us and our child. */
	watch_open(&w, &parent);
	for (int i = 0; i < 3; i++) {
		spin_ms(20);
		sleep_ms(20);
		watch_slice(&w);
	}
	watch_close(&w);
	ck_assert_ptr_null(watch_counters(&w, getpid()));
	ck_assert_ptr_null(watch_process(&w, getpid()));
	ck_assert_ptr_nonnull(watch_counters(&w, parent));
	ck_assert_ptr_nonnull(watch_counters(&w, st->actors[1].tid));
	watch_free(&w);
	stage_end(st);
}
END_TEST

/* --- what it has in the kernel, by the descriptors that it holds --- */

#define IDS_MAX 64

struct ids {
	uint32_t prog[IDS_MAX], map[IDS_MAX], link[IDS_MAX];
	unsigned progs, maps, links, fds;
};

static void add_id(const char *line, const char *key, uint32_t *ids, unsigned *len)
{
	unsigned id;

	if (strncmp(line, key, strlen(key)) != 0 || sscanf(line + strlen(key), "%u", &id) != 1)
		return;
	ck_assert_uint_lt(*len, IDS_MAX);
	ids[(*len)++] = id;
}

static void read_ids(struct ids *ret)
{
	_cleanup_closedir_ DIR *dir = opendir("/proc/self/fdinfo");
	const struct dirent *entry;

	memset(ret, 0, sizeof(*ret));
	ck_assert_ptr_nonnull(dir);
	while ((entry = readdir(dir))) {
		_cleanup_fclose_ FILE *f = NULL;
		char path[300], line[256];

		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "/proc/self/fdinfo/%s", entry->d_name);
		f = fopen(path, "re");
		ret->fds += f != NULL;
		while (f && fgets(line, sizeof(line), f)) {
			add_id(line, "prog_id:", ret->prog, &ret->progs);
			add_id(line, "map_id:", ret->map, &ret->maps);
			add_id(line, "link_id:", ret->link, &ret->links);
		}
	}
}

static bool gone(int fd)
{
	if (fd < 0)
		return true;
	close(fd);
	return false;
}

static bool links_gone(const struct ids *ids)
{
	for (unsigned i = 0; i < ids->links; i++)
		if (!gone(bpf_link_get_fd_by_id(ids->link[i])))
			return false;
	return true;
}

static bool all_gone(const struct ids *ids)
{
	for (unsigned i = 0; i < ids->progs; i++)
		if (!gone(bpf_prog_get_fd_by_id(ids->prog[i])))
			return false;
	for (unsigned i = 0; i < ids->maps; i++)
		if (!gone(bpf_map_get_fd_by_id(ids->map[i])))
			return false;
	return links_gone(ids);
}

START_TEST(nothing_stays)
{
	struct stage *st = start_busy();
	struct live_options opt = watch_options(&st->pid);
	struct ids before, open, after;
	struct watch w;

	opt.sample_hz = 99;
	opt.futex_calls = true;
	/* Once before it counts: what libraries open for good is not to be blamed on live_free. */
	watch_open_with(&w, &opt);
	watch_free(&w);
	read_ids(&before);
	ck_assert_uint_eq(before.progs + before.maps + before.links, 0);
	watch_open_with(&w, &opt);
	read_ids(&open);
	/* 5 programs that are attached, the iterator, the timer. */
	ck_assert_uint_ge(open.progs, 7);
	ck_assert_uint_ge(open.maps, 10);
	ck_assert_uint_ge(open.links, 5);
	ck_assert(!links_gone(&open));
	watch_close(&w);
	AWAIT(links_gone(&open)); /* the end of the window detaches everything */
	watch_free(&w);
	read_ids(&after);
	ck_assert_uint_eq(after.progs + after.maps + after.links, 0);
	ck_assert_uint_eq(after.fds, before.fds);
	/* The kernel frees them a little later. */
	AWAIT(all_gone(&open));
	stage_end(st);
}
END_TEST

START_TEST(nothing_stays_without_a_window_end)
{
	struct stage *st = start_busy();
	struct ids open;
	struct watch w;

	watch_open(&w, &st->pid);
	read_ids(&open);
	ck_assert_uint_gt(open.links, 0);
	watch_free(&w); /* as after an error */
	AWAIT(all_gone(&open));
	live_free(NULL);
	stage_end(st);
}
END_TEST

/* --- errors --- */

static int count_and_fail(void *ctx, const struct record *rec, struct err *err)
{
	int *left = ctx;

	(void)rec;
	return (*left)-- > 0 ? 0 : err_set(err, -ENOSPC, "no room");
}

/* Records that the receiver takes before it fails: the first, some while opening, some of a slice.
 */
static const int records_taken[] = {0, 2, 5, 12};

START_TEST(errors_of_the_receiver_come_back)
{
	struct stage *st = start_busy();
	struct live_options opt = watch_options(&st->pid);
	int left = records_taken[_i];
	struct record_sink sink = {.put = count_and_fail, .ctx = &left};
	struct err err = {0};
	struct live *live = NULL;
	struct ids after;
	int rc = live_open(&opt, &sink, &live, &err);

	ck_assert((rc == 0) == (live != NULL));
	ck_assert(_i > 0 || rc != 0);
	for (int i = 0; i < 20 && rc == 0; i++)
		rc = live_slice(live, &err);
	ck_assert_int_eq(rc, -ENOSPC);
	ck_assert_str_eq(err.msg, "no room");
	live_free(live);
	read_ids(&after);
	ck_assert_uint_eq(after.progs + after.maps + after.links, 0);
	stage_end(st);
}
END_TEST

START_TEST(target_that_is_gone)
{
	struct live_options opt;
	struct record_sink sink;
	struct err err = {0};
	struct live *live = NULL;
	struct ids after;
	int left = 1000;
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	opt = watch_options(&pid);
	sink = (struct record_sink){.put = count_and_fail, .ctx = &left};
	ck_assert_int_eq(live_open(&opt, &sink, &live, &err), -ESRCH);
	ck_assert_ptr_null(live);
	ck_assert(err.msg[0]);
	read_ids(&after);
	ck_assert_uint_eq(after.progs + after.maps + after.links, 0);
}
END_TEST

/* --- more than one --- */

START_TEST(twice_in_a_row)
{
	struct stage *st = start_busy();
	const struct record_counters *c;
	uint64_t since;
	struct watch w;

	for (int i = 0; i < 2; i++) {
		since = clock_ns();
		watch_open(&w, &st->pid);
		sleep_ms(100);
		watch_close(&w);
		c = watch_counters(&w, st->actors[1].tid);
		ck_assert_ptr_nonnull(c);
		/* From zero each time. */
		ck_assert_uint_ge(c->start_ns, since);
		ck_assert_uint_gt(c->class_ns[CLASS_RUN], 0);
		ck_assert_uint_gt(c->class_ns[CLASS_SLEEP], 0);
		watch_free(&w);
	}
	stage_end(st);
}
END_TEST

START_TEST(two_at_once)
{
	struct stage *st = start_busy();
	const struct record_counters *c[2];
	struct watch w[2];

	watch_open(&w[0], &st->pid);
	watch_open(&w[1], &st->pid);
	sleep_ms(100);
	st->actors[0].count = 1;
	stage_await(st, 2);
	for (int i = 1; i >= 0; i--)
		watch_close(&w[i]);
	/* What the second saw the first saw, too. */
	for (unsigned i = 0; i < st->len; i++) {
		for (int k = 0; k < 2; k++)
			c[k] = watch_counters(&w[k], st->actors[i].tid);
		ck_assert(c[0] && c[1]);
		ck_assert_uint_le(c[1]->voluntary_switches, c[0]->voluntary_switches);
		ck_assert_uint_gt(c[1]->voluntary_switches, 0);
	}
	watch_free(&w[0]);
	watch_free(&w[1]);
	stage_end(st);
}
END_TEST

/* --- a target in a PID namespace of its own: its owner words hold other numbers than ours --- */

#define ROUNDS 3

struct inner {
	pthread_mutex_t mutex;
	_Atomic int pid;			  /* of the process, as we see it */
	_Atomic int tid[2];			  /* of its threads, as they see themselves */
	_Atomic unsigned go, held, release, done; /* rounds */
	_Atomic int refused;
};

static void *wait_inside(void *arg)
{
	struct inner *in = arg;

	in->tid[1] = (int)syscall(SYS_gettid);
	for (unsigned i = 1; i <= ROUNDS; i++) {
		while (in->held < i)
			sleep_ms(1);
		pthread_mutex_lock(&in->mutex);
		pthread_mutex_unlock(&in->mutex);
		in->done = i;
	}
	return NULL;
}

static void hold_inside(struct inner *in)
{
	pthread_t thread;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	in->tid[0] = (int)syscall(SYS_gettid);
	pthread_create(&thread, NULL, wait_inside, in);
	for (unsigned i = 1; i <= ROUNDS; i++) {
		while (in->go < i)
			sleep_ms(1);
		pthread_mutex_lock(&in->mutex);
		in->held = i;
		while (in->release < i)
			sleep_ms(1);
		pthread_mutex_unlock(&in->mutex);
		while (in->done < i)
			sleep_ms(1);
	}
	pthread_join(thread, NULL);
	for (;;)
		sleep_ms(100);
}

static void play_namespace(struct stage *st, unsigned me)
{
	struct inner *in = (struct inner *)st->own;
	pid_t child;

	stage_wait(st, me, 1);
	if (unshare(CLONE_NEWPID)) {
		in->refused = errno;
	} else {
		child = fork();
		REQUIRE(st, child >= 0);
		if (child == 0) {
			hold_inside(in);
			_exit(0);
		}
		in->pid = child;
	}
	stage_wait(st, me, 2);
	stage_wait(st, me, 3);
}

/* The thread of @pid that calls itself @inner_tid, as we see it; 0 if there is none. */
static int outer_tid(pid_t pid, int inner_tid)
{
	_cleanup_closedir_ DIR *dir = NULL;
	const struct dirent *entry;
	char path[400], line[256];
	int outer, inner;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		_cleanup_fclose_ FILE *f = NULL;

		snprintf(path, sizeof(path), "/proc/%d/task/%s/status", pid, entry->d_name);
		f = fopen(path, "re");
		while (f && fgets(line, sizeof(line), f))
			if (sscanf(line, "NSpid: %d %d", &outer, &inner) == 2 && inner == inner_tid)
				return outer;
	}
	return 0;
}

static void run_rounds(struct inner *in, int waiter)
{
	for (unsigned i = 1; i <= ROUNDS; i++) {
		in->go = i;
		AWAIT(in->held == i);
		AWAIT(proc_blocked(in->pid, waiter, SYS_futex, (uintptr_t)&in->mutex));
		sleep_ms(20);
		in->release = i;
		AWAIT(in->done == i);
	}
}

START_TEST(target_in_another_pid_namespace)
{
	const struct inner init = {.mutex = PTHREAD_MUTEX_INITIALIZER};
	struct stage *st = stage_start(1, play_namespace, &init, sizeof(init));
	struct inner *in = (struct inner *)st->own;
	struct blame_sum blame;
	struct wait_sum sum;
	struct watch w;
	int holder, waiter;
	pid_t pid;

	stage_await(st, 1);
	stage_go(st, 1);
	stage_await(st, 2);
	if (in->refused) {
		kernel_skip("target_in_another_pid_namespace", strerror(in->refused));
		stage_end(st);
		return;
	}
	pid = in->pid;
	AWAIT(in->tid[0] && in->tid[1]);
	holder = outer_tid(pid, in->tid[0]);
	waiter = outer_tid(pid, in->tid[1]);
	ck_assert_int_eq(in->tid[0], 1);
	ck_assert(holder > 2 && waiter > 2);
	watch_open(&w, &pid);
	run_rounds(in, waiter);
	watch_close(&w);
	sum = watch_waits(&w, pid, &in->mutex, waiter);
	ck_assert_uint_eq(sum.waits, ROUNDS);
	ck_assert_uint_eq(sum.owner_known, ROUNDS);
	blame = watch_blame(&w, pid, &in->mutex, holder);
	ck_assert_uint_eq(blame.waits, ROUNDS);
	ck_assert_uint_eq(blame.evidence, HOLDER_OWNER_WORD);
	ck_assert_ptr_nonnull(watch_counters(&w, holder));
	ck_assert_ptr_nonnull(watch_process(&w, pid));
	watch_free(&w);
	stage_end(st);
}
END_TEST

Suite *kernel_self_suite(void)
{
	Suite *suite = suite_create("kernel_self");

	KERNEL_TEST(suite, not_in_its_own_data, 1);
	KERNEL_TEST(suite, nothing_stays, 1);
	KERNEL_TEST(suite, nothing_stays_without_a_window_end, 1);
	KERNEL_TEST(suite, errors_of_the_receiver_come_back, ARRAY_LEN(records_taken));
	KERNEL_TEST(suite, target_that_is_gone, 1);
	KERNEL_TEST(suite, twice_in_a_row, 1);
	KERNEL_TEST(suite, two_at_once, 1);
	KERNEL_TEST(suite, target_in_another_pid_namespace, 1);
	return suite;
}
