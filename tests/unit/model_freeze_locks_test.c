// SPDX-License-Identifier: GPL-2.0-only
/* The snapshot's locks: known records, known numbers, each worked out by hand in the comment beside
 * it. */
#include "model/model.h"

#include "tests/unit/record_feed.h"
#include "tests/unit/suites.h"

#include <string.h>

static const struct snap_lock *lock_at(const struct snapshot *snap, uint64_t address)
{
	for (uint32_t i = 0; i < snap->locks_len; i++)
		if (snap->locks[i].address == address)
			return &snap->locks[i];
	ck_abort_msg("no lock at 0x%lx", (unsigned long)address);
	return NULL;
}

/* 102 waited twice for 200 in all, blamed on 101 for 180; since then it has waited for 700. */
static struct model *waiting_at_1000(void)
{
	struct model *m = feed_begin();

	FEED(m, RECORD_LOCK, .lock = {.lock = 1, .address = 0x10, .pid = FEED_PID});
	feed_thread(m, 101, "holder", 1000, 1000, 0);
	feed_thread(m, 102, "waiter", 1000, 100, 900);
	FEED(m, RECORD_WAIT,
	     .wait = {.lock = 1,
		      .tid = 102,
		      .op = FUTEX_OP_WAIT,
		      .value = 2,
		      .waits = 2,
		      .blocked_ns = 200,
		      .max_ns = 150,
		      .owner_known = 2,
		      .hist = {[6] = 1, [7] = 1}});
	FEED(m, RECORD_BLAME,
	     .blame = {.lock = 1,
		       .tid = 101,
		       .evidence = HOLDER_OWNER_WORD,
		       .waits = 2,
		       .blame_ns = 180,
		       .while_ns = {[CLASS_RUN] = 180}});
	FEED(m, RECORD_OPEN_WAIT,
	     .open_wait = {.lock = 1,
			   .tid = 102,
			   .op = FUTEX_OP_WAIT,
			   .value = 2,
			   .holder_tid = 101,
			   .evidence = HOLDER_OWNER_WORD,
			   .blocked_ns = 700});
	return m;
}

START_TEST(open_wait_counts_up_to_now)
{
	struct snapshot *snap = feed_end_at(waiting_at_1000(), 1000);
	const struct snap_lock *lock = &snap->locks[0];

	ck_assert_uint_eq(lock->waits, 3);
	ck_assert_uint_eq(lock->open_waits, 1);
	ck_assert_uint_eq(lock->blocked_ns, 900);
	ck_assert_uint_eq(lock->hist.count, 2);
	ck_assert_uint_eq(lock->hist.max_ns, 700);
	ck_assert_uint_eq(lock->waiters_len, 1);
	ck_assert(lock->waiters[0].open);
	ck_assert_uint_eq(lock->waiters[0].open_ns, 700);
	ck_assert_uint_eq(lock->waiters[0].longest_ns, 700);
	ck_assert_uint_eq(lock->waiters[0].waits, 3);
	/* 180 + 700 by the owner word, 20 that nobody is blamed for */
	ck_assert_uint_eq(lock->holders_len, 2);
	ck_assert_uint_eq(lock->holders[0].blame_ns, 880);
	ck_assert_int_eq(lock->holders[0].evidence, HOLDER_OWNER_WORD);
	ck_assert_uint_eq(lock->holders[0].while_ns[CLASS_RUN], 180);
	ck_assert_uint_eq(lock->holders[0].while_ns[CLASS_OTHER], 700);
	ck_assert_uint_eq(lock->holders[1].thread, SNAP_NONE);
	ck_assert_uint_eq(lock->holders[1].blame_ns, 20);
	ck_assert_uint_eq(lock->known_blame_ns, 880);
	ck_assert_uint_eq(feed_thread_of(snap, 102)->class_ns[CLASS_LOCK], 900);
	ck_assert_uint_eq(snap->loss[LOSS_OPEN_AT_END], 1);
	snapshot_free(snap);
}
END_TEST

START_TEST(open_wait_ends_in_the_next_slice)
{
	struct model *m = waiting_at_1000();
	const struct snap_lock *lock;
	struct snapshot *snap;

	FEED(m, RECORD_SLICE, .slice = {.end_ns = FEED_START + 1000});
	/* It ended after 800, nothing is open any more. */
	feed_thread(m, 101, "holder", 2000, 2000, 0);
	feed_thread(m, 102, "waiter", 2000, 1000, 1000);
	FEED(m, RECORD_WAIT,
	     .wait = {.lock = 1,
		      .tid = 102,
		      .op = FUTEX_OP_WAIT,
		      .value = 2,
		      .waits = 3,
		      .blocked_ns = 1000,
		      .max_ns = 800,
		      .owner_known = 3,
		      .hist = {[6] = 1, [7] = 1, [9] = 1}});
	snap = feed_end_at(m, 2000);
	lock = &snap->locks[0];
	ck_assert_uint_eq(lock->waits, 3);
	ck_assert_uint_eq(lock->open_waits, 0);
	ck_assert_uint_eq(lock->blocked_ns, 1000);
	ck_assert(!lock->waiters[0].open);
	/* 900 in the first slice, the other 100 in the second; the holder ran 1000 in each. */
	ck_assert_uint_eq(snap->slices_len, 2);
	ck_assert_uint_eq(snap->slices[0].top_lock_blocked_ns, 900);
	ck_assert_uint_eq(snap->slices[1].top_lock_blocked_ns, 100);
	ck_assert_uint_eq(snap->slices[0].class_ns[CLASS_LOCK], 900);
	ck_assert_uint_eq(snap->slices[1].class_ns[CLASS_LOCK], 100);
	ck_assert_uint_eq(snap->slices[0].top_thread_run_ns, 1000);
	ck_assert_uint_eq(snap->slices[1].top_thread_run_ns, 1000);
	ck_assert_uint_eq(snap->slices[1].at_ns, 1000);
	ck_assert_uint_eq(snap->slices[1].duration_ns, 1000);
	snapshot_free(snap);
}
END_TEST

START_TEST(blame_beyond_the_blocked_time_is_scaled)
{
	struct model *m = feed_begin();
	struct snapshot *snap;
	const struct snap_lock *lock;

	feed_thread(m, 101, "a", 1000, 1000, 0);
	feed_thread(m, 102, "b", 1000, 1000, 0);
	feed_thread(m, 103, "w", 1000, 700, 300);
	FEED(m, RECORD_WAIT,
	     .wait = {
		     .lock = 1, .tid = 103, .op = FUTEX_OP_LOCK_PI, .waits = 3, .blocked_ns = 300});
	FEED(m, RECORD_BLAME,
	     .blame = {.lock = 1,
		       .tid = 101,
		       .evidence = HOLDER_PI_WORD,
		       .waits = 2,
		       .blame_ns = 400,
		       .while_ns = {[CLASS_DISK] = 300, [CLASS_RUN] = 100}});
	FEED(m, RECORD_BLAME,
	     .blame = {.lock = 1,
		       .tid = 102,
		       .evidence = HOLDER_WAKER,
		       .waits = 1,
		       .blame_ns = 200,
		       .while_ns = {[CLASS_RUN] = 150}});
	snap = feed_end_at(m, 1000);
	lock = &snap->locks[0];
	/* 600 blamed of 300 blocked: half of each; so is what the holders did */
	ck_assert_uint_eq(lock->holders_len, 2);
	ck_assert_uint_eq(snap->threads[lock->holders[0].thread].tid, 101);
	ck_assert_uint_eq(lock->holders[0].blame_ns, 200);
	ck_assert_uint_eq(lock->holders[0].while_ns[CLASS_DISK], 150);
	ck_assert_uint_eq(lock->holders[0].while_ns[CLASS_RUN], 50);
	ck_assert_int_eq(lock->holders[0].main_class, CLASS_DISK);
	ck_assert_uint_eq(lock->holders[1].blame_ns, 100);
	ck_assert_uint_eq(lock->known_blame_ns, 300);
	snapshot_free(snap);
}
END_TEST

START_TEST(same_holder_by_two_evidences_is_one)
{
	/* The evidence for the larger part of the blame is the holder's. */
	static const uint64_t by_waker_ns[] = {90, 200};
	static const enum holder_evidence kept[] = {HOLDER_PI_WORD, HOLDER_WAKER};

	for (int i = 0; i < 2; i++) {
		struct model *m = feed_begin();
		const struct snap_lock *lock;
		struct snapshot *snap;

		feed_thread(m, 101, "a", 1000, 1000, 0);
		feed_thread(m, 103, "w", 1000, 700, 300);
		FEED(m, RECORD_WAIT,
		     .wait = {.lock = 1,
			      .tid = 103,
			      .op = FUTEX_OP_LOCK_PI,
			      .waits = 7,
			      .blocked_ns = 300});
		FEED(m, RECORD_BLAME,
		     .blame = {.lock = 1,
			       .tid = 101,
			       .evidence = HOLDER_WAKER,
			       .waits = 1,
			       .blame_ns = by_waker_ns[i]});
		FEED(m, RECORD_BLAME,
		     .blame = {.lock = 1,
			       .tid = 101,
			       .evidence = HOLDER_PI_WORD,
			       .waits = 2,
			       .blame_ns = 290 - by_waker_ns[i]});
		/* A holder that is no thread of the target is unknown. */
		FEED(m, RECORD_BLAME,
		     .blame = {.lock = 1,
			       .tid = 9999,
			       .evidence = HOLDER_WAKER,
			       .waits = 1,
			       .blame_ns = 4});
		snap = feed_end_at(m, 1000);
		lock = &snap->locks[0];
		ck_assert_uint_eq(snap->threads_len, 2);
		ck_assert_uint_eq(lock->holders_len, 2);
		ck_assert_uint_eq(lock->holders[0].blame_ns, 290);
		ck_assert_uint_eq(lock->holders[0].waits, 3);
		ck_assert_int_eq(lock->holders[0].evidence, kept[i]);
		ck_assert_uint_eq(lock->holders[1].thread, SNAP_NONE);
		ck_assert_int_eq(lock->holders[1].evidence, HOLDER_NONE);
		ck_assert_uint_eq(lock->holders[1].blame_ns, 10);
		/* 7 waits, 3 by the known holder */
		ck_assert_uint_eq(lock->holders[1].waits, 4);
		ck_assert_uint_eq(snap->loss[LOSS_HOLDER_UNKNOWN], 4);
		snapshot_free(snap);
	}
}
END_TEST

START_TEST(shared_word_is_one_lock_in_all_processes)
{
	struct model *m = feed_begin();
	struct snapshot *snap;
	const struct snap_lock *lock;

	for (uint32_t i = 0; i < 3; i++) {
		FEED(m, RECORD_LOCK,
		     .lock = {.lock = 1 + i,
			      .address = 0x7000 + i,
			      .pid = 30 - 10 * i,
			      .shared = true,
			      .dev = 8,
			      .inode = 42,
			      .file_offset = 64,
			      .path = "/dev/shm/sem.q"});
		FEED(m, RECORD_COUNTERS,
		     .counters = {.pid = 30 - 10 * i,
				  .tid = 30 - 10 * i,
				  .name = "p",
				  .start_ns = FEED_START,
				  .until_ns = FEED_START + 100,
				  .futex_ns = 100});
		FEED(m, RECORD_WAIT,
		     .wait = {.lock = 1 + i,
			      .tid = 30 - 10 * i,
			      .op = FUTEX_OP_WAIT_BITSET,
			      .waits = 1,
			      .blocked_ns = 100,
			      .max_ns = 100,
			      .hist = {[6] = 1}});
	}
	/* Another word of that file, and a private one at the address of the first. */
	FEED(m, RECORD_LOCK,
	     .lock = {.lock = 8,
		      .address = 0x7000,
		      .pid = 30,
		      .shared = true,
		      .dev = 8,
		      .inode = 42,
		      .file_offset = 96,
		      .path = "/dev/shm/sem.q"});
	FEED(m, RECORD_WAIT,
	     .wait = {.lock = 8, .tid = 30, .op = FUTEX_OP_WAIT_BITSET, .waits = 1});
	FEED(m, RECORD_LOCK, .lock = {.lock = 9, .address = 0x7000, .pid = 30});
	FEED(m, RECORD_WAIT,
	     .wait = {.lock = 9, .tid = 30, .op = FUTEX_OP_WAIT_BITSET, .waits = 1});
	snap = feed_end_at(m, 100);
	ck_assert_uint_eq(snap->locks_len, 3);
	lock = &snap->locks[0];
	ck_assert_uint_eq(lock->waits, 3);
	ck_assert_uint_eq(lock->blocked_ns, 300);
	ck_assert_int_eq(lock->kind, LOCK_SHARED_SEMAPHORE);
	ck_assert_str_eq(lock->name, "sem.q+0x40");
	ck_assert_uint_eq(lock->pids_len, 3);
	for (uint32_t i = 0; i < 3; i++)
		ck_assert_uint_eq(lock->pids[i], 10 * (i + 1));
	ck_assert_uint_eq(lock->waiters_len, 3);
	snapshot_free(snap);
}
END_TEST

START_TEST(two_processes_with_one_address_have_two_locks)
{
	struct model *m = feed_begin();
	struct snapshot *snap;

	for (uint32_t pid = 1; pid <= 2; pid++) {
		FEED(m, RECORD_LOCK, .lock = {.lock = pid, .address = 0x10, .pid = pid});
		FEED(m, RECORD_WAIT,
		     .wait = {.lock = pid, .tid = pid, .op = FUTEX_OP_WAIT, .waits = 1});
	}
	snap = feed_end_at(m, 100);
	ck_assert_uint_eq(snap->locks_len, 2);
	ck_assert_uint_eq(snap->locks[0].pids_len, 1);
	ck_assert_uint_eq(snap->locks[0].pids[0], 1);
	ck_assert_uint_eq(snap->locks[1].pids[0], 2);
	snapshot_free(snap);
}
END_TEST

START_TEST(function_names_tell_what_numbers_cannot)
{
	struct model *m = feed_begin();
	struct snapshot *snap;
	const struct snap_lock *lock;

	feed_thread(m, 101, "main", 1000, 0, 1000);
	feed_thread(m, 102, "it\x1b[2J", 1000, 1000, 0);
	FEED(m, RECORD_LOCK, .lock = {.lock = 1, .address = 0x10, .pid = FEED_PID});
	FEED(m, RECORD_STACK,
	     .stack = {.stack = 5, .pid = FEED_PID, .truncated = true, .len = 3, .ips = {1, 2, 3}});
	FEED(m, RECORD_FRAME,
	     .frame = {.pid = FEED_PID,
		       .ip = 2,
		       .name = "__pthread_clockjoin_ex",
		       .module = "libc.so.6",
		       .offset = 9});
	FEED(m, RECORD_WAIT,
	     .wait = {.lock = 1,
		      .stack = 5,
		      .tid = 101,
		      .op = FUTEX_OP_WAIT_BITSET,
		      .value = 102,
		      .waits = 1,
		      .blocked_ns = 400,
		      .handed_over = 1});
	/* The same ip in another process is another frame. */
	FEED(m, RECORD_FRAME, .frame = {.pid = 999, .ip = 3, .name = "other"});
	snap = feed_end_at(m, 1000);
	lock = &snap->locks[0];
	ck_assert_int_eq(lock->kind, LOCK_JOIN);
	ck_assert(!lock->is_lock);
	ck_assert(!lock->named);
	ck_assert_str_eq(lock->name, "join of it\\x1b[2J");
	ck_assert_uint_eq(lock->waiters[0].stack, 0);
	ck_assert_uint_eq(snap->stacks_len, 1);
	ck_assert(snap->stacks[0].truncated);
	ck_assert_uint_eq(snap->stacks[0].frames_len, 3);
	ck_assert_str_eq(snap->stacks[0].frames[0].name, "");
	ck_assert_str_eq(snap->stacks[0].frames[1].name, "__pthread_clockjoin_ex");
	ck_assert_str_eq(snap->stacks[0].frames[1].module, "libc.so.6");
	ck_assert_uint_eq(snap->stacks[0].frames[1].offset, 9);
	ck_assert_str_eq(snap->stacks[0].frames[2].name, "");
	ck_assert_uint_eq(snap->loss[LOSS_UNRESOLVED_FRAMES], 2);
	ck_assert_uint_eq(snap->loss[LOSS_STACK_TRUNCATED], 1);
	ck_assert_uint_eq(snap->loss[LOSS_UNRESOLVED_LOCKS], 1);
	snapshot_free(snap);
}
END_TEST

START_TEST(locks_have_their_recorded_names)
{
	struct model *m = feed_begin();
	struct snapshot *snap;

	FEED(m, RECORD_LOCK, .lock = {.lock = 1, .address = 0x10, .pid = FEED_PID});
	FEED(m, RECORD_LOCK_NAME,
	     .lock_name = {.lock = 1, .name = "cache\n+0x40", .module = "prog", .symbol = true});
	FEED(m, RECORD_WAIT, .wait = {.lock = 1, .tid = 101, .op = FUTEX_OP_LOCK_PI, .waits = 2});
	/* No identity at all: not in the format, yet a report must not lose the waits. */
	FEED(m, RECORD_WAIT, .wait = {.lock = 77, .tid = 101, .op = FUTEX_OP_WAIT, .waits = 1});
	FEED(m, RECORD_LOCK,
	     .lock = {.lock = 3, .address = 0x30, .pid = FEED_PID}); /* nobody waited */
	snap = feed_end_at(m, 1000);
	ck_assert_uint_eq(snap->locks_len, 2);
	ck_assert_str_eq(snap->locks[0].name, "cache\\x0a+0x40");
	ck_assert_str_eq(snap->locks[0].module, "prog");
	ck_assert(snap->locks[0].named);
	ck_assert_str_eq(snap->locks[1].name, "futex at an unknown address");
	snapshot_free(snap);
}
END_TEST

START_TEST(contended_time_fits_the_window)
{
	struct model *m = feed_begin();
	struct snapshot *snap;

	for (uint32_t i = 1; i <= 2; i++) {
		FEED(m, RECORD_LOCK,
		     .lock = {.lock = i,
			      .address = i,
			      .pid = i,
			      .shared = true,
			      .dev = 1,
			      .inode = 1});
		FEED(m, RECORD_WAIT, .wait = {.lock = i, .tid = 101, .waits = 1});
		FEED(m, RECORD_CONTENTION,
		     .contention = {.lock = i, .contended_ns = 400 * i, .waiters_max = i});
	}
	snap = feed_end_at(m, 1000);
	ck_assert_uint_eq(lock_at(snap, 1)->contended_ns, 1000); /* 400 + 800 */
	ck_assert_uint_eq(lock_at(snap, 1)->waiters_max, 2);
	snapshot_free(snap);
}
END_TEST

Suite *model_freeze_locks_suite(void)
{
	Suite *s = suite_create("model_freeze_locks");
	TCase *tc;

	tc = tcase_create("locks");
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, open_wait_counts_up_to_now);
	tcase_add_test(tc, open_wait_ends_in_the_next_slice);
	tcase_add_test(tc, blame_beyond_the_blocked_time_is_scaled);
	tcase_add_test(tc, same_holder_by_two_evidences_is_one);
	tcase_add_test(tc, shared_word_is_one_lock_in_all_processes);
	tcase_add_test(tc, two_processes_with_one_address_have_two_locks);
	tcase_add_test(tc, function_names_tell_what_numbers_cannot);
	tcase_add_test(tc, locks_have_their_recorded_names);
	tcase_add_test(tc, contended_time_fits_the_window);
	suite_add_tcase(s, tc);
	return s;
}
