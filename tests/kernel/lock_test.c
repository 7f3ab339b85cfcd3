// SPDX-License-Identifier: GPL-2.0-only
/* Locks inside the kernel that the target's own calls wait for: mmap_lock and file locks. */
#include "tests/kernel/scene.h"
#include "tests/kernel/suites.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/num.h"

#define HOLD_MS 120
#define MMAP_THREADS 4
#define REGION (16UL * 1024 * 1024)
/* Addresses by which bpf/wait.bpf.h names these locks. */
#define MMAP_LOCK ((const void *)1)
#define FILE_LOCK ((const void *)2)

enum { HOLDER, WAITER };

struct own {
	char path[64];
	int by_fcntl;
	_Atomic int held;
};

static int take(int fd, int by_fcntl)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	/* F_OFD_SETLKW belongs to the open file, so that two threads can fight over it. */
	return by_fcntl ? fcntl(fd, F_OFD_SETLKW, &lock) : flock(fd, LOCK_EX);
}

static void play_file_lock(struct stage *st, unsigned me)
{
	struct own *own = (struct own *)st->own;
	struct actor *a = &st->actors[me];
	int fd = open(own->path, O_RDWR | O_CLOEXEC);
	uint64_t from;

	REQUIRE(st, fd >= 0);
	stage_wait(st, me, 1);
	if (me == HOLDER) {
		REQUIRE(st, !take(fd, own->by_fcntl));
		own->held = 1;
		stage_await_blocked(st, WAITER, own->by_fcntl ? SYS_fcntl : SYS_flock, NULL);
		sleep_ms(HOLD_MS);
	} else {
		while (!own->held)
			sleep_ms(1);
		from = clock_ns();
		REQUIRE(st, !take(fd, own->by_fcntl));
		a->wait_ns = clock_ns() - from;
	}
	close(fd);
	stage_wait(st, me, 2);
	stage_wait(st, me, 3);
}

START_TEST(file_lock)
{
	struct own own = {.path = "/tmp/concprof-test-XXXXXX", .by_fcntl = _i};
	int fd = mkstemp(own.path);
	struct wait_sum sum;
	struct scene sc;

	ck_assert_int_ge(fd, 0);
	scene_play(&sc, 2, play_file_lock, &own, sizeof(own));
	close(fd);
	unlink(own.path);
	ck_assert_uint_ge(sc.st->actors[WAITER].wait_ns, HOLD_MS * NS_PER_MS);
	scene_check_class(&sc, WAITER, CLASS_LOCK, "file lock");
	sum = watch_waits(&sc.w, sc.st->pid, FILE_LOCK, scene_tid(&sc, WAITER));
	ck_assert_uint_eq(sum.op, FUTEX_OP_KERNEL);
	ck_assert_uint_eq(sum.waits, 1);
	ck_assert_uint_eq(sum.in_hist, 1);
	ck_assert_uint_eq(sum.without_stack, 0);
	ck_assert_uint_eq(sum.blocked_ns, scene_counters(&sc, WAITER)->class_ns[CLASS_LOCK]);
	ck_assert_uint_eq(scene_counters(&sc, HOLDER)->class_ns[CLASS_LOCK], 0);
	scene_end(&sc);
}
END_TEST

/* Change the protection of a populated region again and again: that holds mmap_lock for writing. */
static void play_mmap(struct stage *st, unsigned me)
{
	char *region =
		mmap(NULL, REGION, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint64_t end;

	REQUIRE(st, region != MAP_FAILED);
	madvise(region, REGION, MADV_NOHUGEPAGE);
	for (size_t i = 0; i < REGION; i += 4096)
		region[i] = 1;
	stage_wait(st, me, 1);
	end = clock_ns() + 300 * NS_PER_MS;
	while (clock_ns() < end) {
		REQUIRE(st, !mprotect(region, REGION, PROT_READ));
		REQUIRE(st, !mprotect(region, REGION, PROT_READ | PROT_WRITE));
		for (size_t i = 0; i < REGION; i += 64 * 4096)
			region[i]++; /* page faults */
		st->actors[me].count++;
	}
	stage_wait(st, me, 2);
	stage_wait(st, me, 3);
}

START_TEST(mmap_lock)
{
	struct scene sc;
	uint64_t slept = 0, waits = 0, lock_ns = 0, in_class = 0;
	struct wait_sum sum;

	scene_play(&sc, MMAP_THREADS, play_mmap, NULL, 0);
	for (unsigned i = 0; i < MMAP_THREADS; i++) {
		sum = watch_waits(&sc.w, sc.st->pid, MMAP_LOCK, scene_tid(&sc, i));
		ck_assert_uint_eq(sum.in_hist, sum.waits);
		waits += sum.waits;
		lock_ns += sum.blocked_ns;
		in_class += scene_counters(&sc, i)->class_ns[CLASS_LOCK];
		slept += num_sat_sub(sc.during[i].voluntary, 1); /* but for the rest */
	}
	if (slept < 4) {
		kernel_skip("mmap_lock", "its waiters spin here and never sleep");
	} else {
		/* They did nothing else that could block. */
		ck_assert_msg(waits > 0 && waits <= slept, "%llu waits, %llu sleeps",
			      (unsigned long long)waits, (unsigned long long)slept);
		check_near(lock_ns, in_class, 0, "waits against class");
		ck_assert_uint_gt(in_class, 0);
	}
	scene_end(&sc);
}
END_TEST

Suite *kernel_lock_suite(void)
{
	Suite *suite = suite_create("kernel_lock");

	KERNEL_TEST(suite, file_lock, 2);
	KERNEL_TEST(suite, mmap_lock, 1);
	return suite;
}
