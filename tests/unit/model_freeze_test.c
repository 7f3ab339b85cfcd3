// SPDX-License-Identifier: GPL-2.0-only
/* The snapshot's times and lists: known records, known numbers, each worked out by hand in the
 * comment beside it. */
#include "model/model.h"

#include "tests/unit/record_feed.h"
#include "tests/unit/suites.h"

#include <string.h>

START_TEST(futex_time_is_divided_by_lock)
{
	struct model *m = feed_begin();
	struct snapshot *snap;
	const struct snap_thread *t;

	/* 1000 ns observed: 300 run, 650 in futexes, 50 that no class claims. */
	feed_thread(m, 101, "worker", 1000, 300, 650);
	FEED(m, RECORD_LOCK, .lock = {.lock = 1, .address = 0x10, .pid = FEED_PID});
	FEED(m, RECORD_LOCK, .lock = {.lock = 2, .address = 0x20, .pid = FEED_PID});
	/* A mutex (its owner was known): 400. */
	FEED(m, RECORD_WAIT,
	     .wait = {.lock = 1,
		      .tid = 101,
		      .op = FUTEX_OP_WAIT,
		      .value = 2,
		      .waits = 4,
		      .blocked_ns = 400,
		      .runq_ns = 8,
		      .peer_ns = 50,
		      .owner_known = 4});
	/* A condvar or semaphore: 200, of which 60 with work in hand. */
	FEED(m, RECORD_WAIT,
	     .wait = {.lock = 2,
		      .tid = 101,
		      .op = FUTEX_OP_WAIT_BITSET,
		      .waits = 2,
		      .blocked_ns = 200,
		      .peer_ns = 60});
	snap = feed_end_at(m, 1000);
	t = feed_thread_of(snap, 101);
	ck_assert_uint_eq(t->lifetime_ns, 1000);
	ck_assert_uint_eq(t->class_ns[CLASS_RUN], 300);
	ck_assert_uint_eq(t->class_ns[CLASS_LOCK], 400);
	ck_assert_uint_eq(t->class_ns[CLASS_PEER], 60);
	ck_assert_uint_eq(t->class_ns[CLASS_POOL_IDLE], 140);
	/* 650 - 600 of futexes that nobody recorded, and the 50 */
	ck_assert_uint_eq(t->class_ns[CLASS_OTHER], 100);
	ck_assert_uint_eq(snap->non_idle_ns, 1000 - 140);
	ck_assert_mem_eq(snap->slices[0].class_ns, t->class_ns, sizeof(t->class_ns));
	ck_assert_uint_eq(snap->processes_len, 1);
	ck_assert_str_eq(snap->processes[0].comm, "prog");
	ck_assert_mem_eq(snap->processes[0].class_ns, t->class_ns, sizeof(t->class_ns));
	/* is_lock goes first */
	ck_assert_uint_eq(snap->locks[0].address, 0x10);
	ck_assert_int_eq(snap->locks[0].kind, LOCK_MUTEX);
	ck_assert_uint_eq(snap->locks[0].wait_ns, 408);
	ck_assert_uint_eq(snap->locks[0].peer_ns, 0); /* there is none for a lock */
	ck_assert_uint_eq(snap->locks[1].peer_ns, 60);
	ck_assert_int_eq(snap->locks[1].kind, LOCK_FUTEX);
	ck_assert_str_eq(snap->locks[1].name, "futex 0x20");
	snapshot_free(snap);
}
END_TEST

START_TEST(waits_beyond_the_futex_time_are_scaled)
{
	struct model *m = feed_begin();
	struct snapshot *snap;

	feed_thread(m, 101, "worker", 1000, 700, 300);
	FEED(m, RECORD_WAIT,
	     .wait = {
		     .lock = 1, .tid = 101, .op = FUTEX_OP_LOCK_PI, .waits = 1, .blocked_ns = 400});
	FEED(m, RECORD_WAIT,
	     .wait = {.lock = 2,
		      .tid = 101,
		      .op = FUTEX_OP_WAIT_BITSET,
		      .waits = 1,
		      .blocked_ns = 200});
	snap = feed_end_at(m, 1000);
	/* 600 recorded of 300: half of each */
	ck_assert_uint_eq(snap->class_ns[CLASS_LOCK], 200);
	ck_assert_uint_eq(snap->class_ns[CLASS_POOL_IDLE], 100);
	ck_assert_uint_eq(snap->class_ns[CLASS_OTHER], 0);
	snapshot_free(snap);
}
END_TEST

START_TEST(work_in_hand_is_part_of_the_blocked_time)
{
	struct model *m = feed_begin();
	struct snapshot *snap;

	feed_thread(m, 101, "w", 1000, 800, 200);
	FEED(m, RECORD_WAIT,
	     .wait = {.lock = 1,
		      .tid = 101,
		      .op = FUTEX_OP_WAIT_BITSET,
		      .waits = 1,
		      .blocked_ns = 150,
		      .peer_ns = 190});
	snap = feed_end_at(m, 1000);
	ck_assert_uint_eq(snap->class_ns[CLASS_PEER], 150);
	ck_assert_uint_eq(snap->class_ns[CLASS_POOL_IDLE], 0);
	ck_assert_uint_eq(snap->class_ns[CLASS_OTHER], 50);
	ck_assert_uint_eq(snap->locks[0].peer_ns, 150);
	snapshot_free(snap);
}
END_TEST

START_TEST(kernel_locks_are_in_the_classes_already)
{
	struct model *m = feed_begin();
	struct snapshot *snap;

	FEED(m, RECORD_COUNTERS,
	     .counters = {.pid = FEED_PID,
			  .tid = 101,
			  .name = "w",
			  .start_ns = FEED_START,
			  .until_ns = FEED_START + 150,
			  .class_ns = {[CLASS_RUN] = 60, [CLASS_LOCK] = 40},
			  .futex_ns = 50});
	FEED(m, RECORD_LOCK, .lock = {.lock = 1, .address = 1, .pid = FEED_PID});
	FEED(m, RECORD_WAIT,
	     .wait = {.lock = 1, .tid = 101, .op = FUTEX_OP_KERNEL, .waits = 1, .blocked_ns = 40});
	/* Beside it 50 in a futex: the kernel's 40 must not take a share of these. */
	FEED(m, RECORD_WAIT,
	     .wait = {.lock = 2,
		      .tid = 101,
		      .op = FUTEX_OP_WAIT_BITSET,
		      .waits = 1,
		      .blocked_ns = 50});
	snap = feed_end_at(m, 150);
	ck_assert_uint_eq(snap->class_ns[CLASS_LOCK], 40);
	ck_assert_uint_eq(snap->class_ns[CLASS_POOL_IDLE], 50);
	ck_assert_uint_eq(snap->class_ns[CLASS_OTHER], 0);
	ck_assert_uint_eq(snap->slices[0].class_ns[CLASS_LOCK], 40);
	ck_assert_uint_eq(snap->slices[0].class_ns[CLASS_POOL_IDLE], 50);
	ck_assert_int_eq(snap->locks[0].kind, LOCK_KERNEL);
	ck_assert(snap->locks[0].is_lock);
	ck_assert_str_eq(snap->locks[0].name, "mmap_lock of prog");
	snapshot_free(snap);
}
END_TEST

START_TEST(gil_time_is_its_own_class)
{
	struct model *m = feed_begin();
	struct snapshot *snap;

	feed_thread(m, 101, "py", 1000, 600, 400);
	FEED(m, RECORD_LOCK, .lock = {.lock = 1, .address = 0x10, .pid = FEED_PID});
	FEED(m, RECORD_STACK, .stack = {.stack = 5, .pid = FEED_PID, .len = 3, .ips = {1, 2, 3}});
	FEED(m, RECORD_FRAME, .frame = {.pid = FEED_PID, .ip = 3, .name = "take_gil"});
	FEED(m, RECORD_WAIT,
	     .wait = {.lock = 1,
		      .stack = 5,
		      .tid = 101,
		      .op = FUTEX_OP_WAIT_BITSET,
		      .timed = true,
		      .waits = 1,
		      .blocked_ns = 400,
		      .peer_ns = 400});
	snap = feed_end_at(m, 1000);
	ck_assert_int_eq(snap->locks[0].kind, LOCK_GIL);
	ck_assert_uint_eq(snap->class_ns[CLASS_GIL], 400);
	ck_assert_uint_eq(snap->class_ns[CLASS_PEER], 0);
	ck_assert_uint_eq(snap->slices[0].class_ns[CLASS_GIL], 400);
	snapshot_free(snap);
}
END_TEST

START_TEST(threads_are_clipped_to_the_window)
{
	struct model *m = feed_begin();
	struct snapshot *snap;

	/* Cut in mid-slice: counters beyond the last slice's end. 2000 counted in a window of 1000.
	 */
	feed_thread(m, 101, "a", 2000, 1500, 0);
	FEED(m, RECORD_COUNTERS,
	     .counters = {.pid = FEED_PID,
			  .tid = 102,
			  .name = "early",
			  .start_ns = FEED_START - 500,
			  .until_ns = FEED_START + 400,
			  .ended = true,
			  .class_ns = {[CLASS_RUN] = 100, [CLASS_NET] = 100}});
	snap = feed_end_at(m, 1000);
	ck_assert(!snap->complete);
	ck_assert_uint_eq(snap->duration_ns, 1000);
	ck_assert_uint_eq(feed_thread_of(snap, 101)->lifetime_ns, 1000);
	ck_assert_uint_eq(feed_thread_of(snap, 101)->class_ns[CLASS_RUN], 1000);
	ck_assert_uint_eq(feed_thread_of(snap, 102)->start_ns, FEED_START);
	ck_assert_uint_eq(feed_thread_of(snap, 102)->lifetime_ns, 400);
	ck_assert_uint_eq(feed_thread_of(snap, 102)->class_ns[CLASS_OTHER], 200);
	snapshot_free(snap);
}
END_TEST

START_TEST(end_closes_what_the_last_slice_left)
{
	struct model *m = feed_begin();
	struct snapshot *snap;

	FEED(m, RECORD_HOST, .host = {.idle_ns = 70, .throttled_ns = 5});
	feed_thread(m, 101, "a", 1000, 1000, 0);
	FEED(m, RECORD_SLICE, .slice = {.end_ns = FEED_START + 1000});
	FEED(m, RECORD_HOST, .host = {.idle_ns = 100, .throttled_ns = 5});
	feed_thread(m, 101, "a", 1200, 1100, 0);
	FEED(m, RECORD_END, .end = {.end_ns = FEED_START + 1200, .interrupted = true});
	snap = model_freeze(m);
	feed_check_snapshot(snap);
	ck_assert(snap->complete);
	ck_assert(snap->end.interrupted);
	ck_assert_uint_eq(snap->duration_ns, 1200);
	ck_assert_uint_eq(snap->slices_len, 2);
	ck_assert_uint_eq(snap->slices[0].host_idle_ns, 70);
	ck_assert_uint_eq(snap->slices[0].throttled_ns, 5);
	ck_assert_uint_eq(snap->slices[1].duration_ns, 200);
	ck_assert_uint_eq(snap->slices[1].host_idle_ns, 30);
	ck_assert_uint_eq(snap->slices[1].throttled_ns, 0);
	ck_assert_uint_eq(snap->slices[1].class_ns[CLASS_RUN], 100);
	ck_assert_uint_eq(snap->slices[1].class_ns[CLASS_OTHER], 100);
	snapshot_free(snap);
	model_free(m);
	/* Nothing after it but the end at the same moment: no slice of its own. */
	m = feed_begin();
	feed_thread(m, 101, "a", 1000, 1000, 0);
	FEED(m, RECORD_SLICE, .slice = {.end_ns = FEED_START + 1000});
	feed_thread(m, 102, "b", 1000, 1000, 0);
	FEED(m, RECORD_END, .end = {.end_ns = FEED_START + 1000});
	snap = model_freeze(m);
	ck_assert_uint_eq(snap->slices_len, 1);
	ck_assert_uint_eq(snap->slices[0].class_ns[CLASS_RUN], 2000);
	snapshot_free(snap);
	model_free(m);
}
END_TEST

START_TEST(idle_holder_is_not_idle)
{
	struct model *m = feed_begin();
	struct snapshot *snap;

	/* The holder sleeps for 800 of 1000, 500 of these with the lock. */
	FEED(m, RECORD_COUNTERS,
	     .counters = {.pid = FEED_PID,
			  .tid = 101,
			  .name = "holder",
			  .start_ns = FEED_START,
			  .until_ns = FEED_START + 1000,
			  .class_ns = {[CLASS_RUN] = 200, [CLASS_SLEEP] = 800}});
	feed_thread(m, 102, "waiter", 1000, 500, 500);
	FEED(m, RECORD_WAIT,
	     .wait = {
		     .lock = 1, .tid = 102, .op = FUTEX_OP_LOCK_PI, .waits = 1, .blocked_ns = 500});
	FEED(m, RECORD_BLAME,
	     .blame = {.lock = 1,
		       .tid = 101,
		       .evidence = HOLDER_PI_WORD,
		       .waits = 1,
		       .blame_ns = 500,
		       .while_ns = {[CLASS_SLEEP] = 500}});
	snap = feed_end_at(m, 1000);
	/* waiter 1000, holder 200 + 500 of its idle 800 */
	ck_assert_uint_eq(snap->non_idle_ns, 1700);
	ck_assert_uint_eq(snap->threads[0].tid, 102);
	snapshot_free(snap);
	/* Two waiters blame it for 1600: it cannot count for more than its 800. */
	m = feed_begin();
	FEED(m, RECORD_COUNTERS,
	     .counters = {.pid = FEED_PID,
			  .tid = 101,
			  .name = "holder",
			  .start_ns = FEED_START,
			  .until_ns = FEED_START + 1000,
			  .class_ns = {[CLASS_RUN] = 200, [CLASS_SLEEP] = 800}});
	feed_thread(m, 102, "waiter", 1000, 200, 800);
	feed_thread(m, 103, "waiter", 1000, 200, 800);
	for (uint32_t tid = 102; tid <= 103; tid++)
		FEED(m, RECORD_WAIT,
		     .wait = {.lock = 1,
			      .tid = tid,
			      .op = FUTEX_OP_LOCK_PI,
			      .waits = 1,
			      .blocked_ns = 800});
	FEED(m, RECORD_BLAME,
	     .blame = {.lock = 1,
		       .tid = 101,
		       .evidence = HOLDER_PI_WORD,
		       .waits = 2,
		       .blame_ns = 1600,
		       .while_ns = {[CLASS_SLEEP] = 1600}});
	snap = feed_end_at(m, 1000);
	ck_assert_uint_eq(snap->non_idle_ns, 3000);
	snapshot_free(snap);
}
END_TEST

START_TEST(waker_of_a_pool_stays_idle)
{
	struct model *m = feed_begin();
	struct snapshot *snap;

	FEED(m, RECORD_COUNTERS,
	     .counters = {.pid = FEED_PID,
			  .tid = 101,
			  .name = "acceptor",
			  .start_ns = FEED_START,
			  .until_ns = FEED_START + 1000,
			  .class_ns = {[CLASS_CLIENT_IDLE] = 1000}});
	feed_thread(m, 102, "worker", 1000, 0, 1000);
	FEED(m, RECORD_WAIT,
	     .wait = {.lock = 1,
		      .tid = 102,
		      .op = FUTEX_OP_WAIT_BITSET,
		      .waits = 1,
		      .blocked_ns = 1000,
		      .handed_over = 1});
	FEED(m, RECORD_BLAME,
	     .blame = {.lock = 1,
		       .tid = 101,
		       .evidence = HOLDER_WAKER,
		       .waits = 1,
		       .blame_ns = 1000,
		       .while_ns = {[CLASS_CLIENT_IDLE] = 1000}});
	snap = feed_end_at(m, 1000);
	ck_assert_uint_eq(snap->non_idle_ns, 0);
	ck_assert_uint_eq(snap->loss[LOSS_HOLDER_UNKNOWN], 0);
	snapshot_free(snap);
}
END_TEST

START_TEST(lists_refer_to_the_snapshot)
{
	struct model *m = feed_begin();
	struct snapshot *snap;

	feed_thread(m, 101, "busy", 1000, 900, 0);
	feed_thread(m, 102, "idle", 1000, 100, 0);
	FEED(m, RECORD_LOCK, .lock = {.lock = 4, .address = 0x10, .pid = FEED_PID});
	FEED(m, RECORD_WAIT, .wait = {.lock = 4, .tid = 102, .op = FUTEX_OP_LOCK_PI, .waits = 1});
	FEED(m, RECORD_STACK, .stack = {.stack = 50, .pid = FEED_PID, .len = 1, .ips = {1}});
	FEED(m, RECORD_STACK, .stack = {.stack = 51, .pid = FEED_PID, .len = 1, .ips = {2}});
	FEED(m, RECORD_BLOCK,
	     .block = {.tid = 102,
		       .class = CLASS_DISK,
		       .syscall = -1,
		       .stack = 51,
		       .count = 1,
		       .ns = 10,
		       .max_ns = 10});
	FEED(m, RECORD_BLOCK,
	     .block = {.tid = 102, .class = CLASS_OTHER, .syscall = 9999, .count = 2, .ns = 20});
	/* Cumulative: the later record replaces the earlier. */
	FEED(m, RECORD_BLOCK,
	     .block = {.tid = 102,
		       .class = CLASS_DISK,
		       .syscall = -1,
		       .stack = 51,
		       .count = 3,
		       .ns = 30,
		       .max_ns = 15});
	FEED(m, RECORD_EDGE,
	     .edge = {.from_tid = 102, .to_tid = 101, .kind = EDGE_PIPE, .waits = 3, .wait_ns = 9});
	FEED(m, RECORD_LONG_WAIT,
	     .long_wait = {.lock = 4,
			   .stack = 51,
			   .release_stack = 50,
			   .tid = 102,
			   .holder_tid = 101,
			   .end_ns = 900});
	FEED(m, RECORD_LONG_WAIT, .long_wait = {.lock = 5, .tid = 102, .end_ns = 800});
	snap = feed_end_at(m, 1000);
	ck_assert_uint_eq(snap->blocks_len, 2);
	ck_assert_str_eq(snap->blocks[0].syscall_name, "page fault");
	ck_assert_uint_eq(snap->blocks[0].ns, 30);
	ck_assert_uint_eq(snap->blocks[0].stack, 1);
	ck_assert_uint_eq(snap->blocks[0].thread, 1);
	ck_assert_str_eq(snap->blocks[1].syscall_name, "syscall 9999");
	ck_assert_uint_eq(snap->blocks[1].stack, SNAP_NONE);
	ck_assert_uint_eq(snap->edges_len, 1);
	ck_assert_uint_eq(snap->edges[0].from_thread, 1);
	ck_assert_uint_eq(snap->edges[0].to_thread, 0);
	ck_assert_int_eq(snap->edges[0].kind, EDGE_PIPE);
	ck_assert_uint_eq(snap->long_waits_len, 2);
	ck_assert_uint_eq(snap->long_waits[0].lock, SNAP_NONE);
	ck_assert_uint_eq(snap->long_waits[1].lock, 0);
	ck_assert_uint_eq(snap->long_waits[1].stack, 1);
	ck_assert_uint_eq(snap->long_waits[1].release_stack, 0);
	ck_assert_uint_eq(snap->long_waits[1].holder_tid, 101);
	snapshot_free(snap);
}
END_TEST

START_TEST(futex_calls_are_summed)
{
	struct model *m = feed_begin();
	struct snapshot *snap;

	FEED(m, RECORD_FUTEX_CALLS, .futex_calls = {.pid = FEED_PID, .waits = 5});
	FEED(m, RECORD_FUTEX_CALLS, .futex_calls = {.pid = 200, .waits = 6, .eagain = 1});
	snap = feed_end_at(m, 1000);
	ck_assert(snap->have_futex_calls);
	ck_assert_uint_eq(snap->futex_calls.waits, 11);
	ck_assert_uint_eq(snap->futex_calls.eagain, 1);
	snapshot_free(snap);
	snap = feed_end_at(feed_begin(), 1000);
	ck_assert(!snap->have_futex_calls);
	snapshot_free(snap);
}
END_TEST

START_TEST(order_is_by_time_that_is_not_idle)
{
	struct model *m = feed_begin();
	struct snapshot *snap;

	feed_thread(m, 103, "even", 1000, 500, 0);
	feed_thread(m, 102, "even", 1000, 500, 0);
	FEED(m, RECORD_COUNTERS,
	     .counters = {.pid = 300,
			  .tid = 300,
			  .name = "sleeper",
			  .start_ns = FEED_START,
			  .until_ns = FEED_START + 1000,
			  .class_ns = {[CLASS_SLEEP] = 1000}});
	FEED(m, RECORD_PROCESS, .process = {.pid = 400, .comm = "gone", .end_ns = 5});
	snap = feed_end_at(m, 1000);
	/* All of their time counts, the 500 of class other too; ties by tid. */
	ck_assert_uint_eq(snap->threads[0].tid, 102);
	ck_assert_uint_eq(snap->threads[1].tid, 103);
	ck_assert_uint_eq(snap->threads[2].tid, 300);
	ck_assert_uint_eq(snap->processes_len, 3);
	ck_assert_uint_eq(snap->processes[0].pid, FEED_PID);
	ck_assert_uint_eq(snap->processes[0].threads, 2);
	/* No record of it: called as its first thread is. */
	ck_assert_uint_eq(snap->processes[1].pid, 300);
	ck_assert_str_eq(snap->processes[1].comm, "sleeper");
	ck_assert_uint_eq(snap->processes[2].threads, 0);
	snapshot_free(snap);
}
END_TEST

START_TEST(texts_of_the_run_are_escaped_and_cut_whole)
{
	struct model *m = model_new();
	struct record run = feed_run(FEED_START);
	struct snapshot *snap;

	memset(run.run.kernel, '\x01', sizeof(run.run.kernel) - 1); /* 127 x 4 bytes escaped */
	strcpy(run.run.command, "a\xff b\xc3\xa9");
	feed_put(m, &run);
	snap = feed_end_at(m, 0);
	/* 31 escapes of 4 bytes fit the 127 bytes, and no half one */
	ck_assert_uint_eq(strlen(snap->run.kernel), 124);
	ck_assert_str_eq(snap->run.kernel + 120, "\\x01");
	ck_assert_str_eq(snap->run.command, "a\\xff b\xc3\xa9");
	snapshot_free(snap);
}
END_TEST

/* Looked at in three slices; the second listener only in the last one. */
START_TEST(backlogs)
{
	struct model *m = feed_begin();
	struct snapshot *snap;

	FEED(m, RECORD_BACKLOG, .backlog = {.inode = 5, .port = 8000, .waiting = 2});
	FEED(m, RECORD_SLICE, .slice = {.end_ns = FEED_START + 100});
	FEED(m, RECORD_BACKLOG, .backlog = {.inode = 5, .port = 8000});
	FEED(m, RECORD_SLICE, .slice = {.end_ns = FEED_START + 200});
	FEED(m, RECORD_BACKLOG, .backlog = {.inode = 5, .port = 8000, .waiting = 7});
	FEED(m, RECORD_BACKLOG, .backlog = {.inode = 6, .path = "/run/\x1b.sock", .waiting = 1});
	snap = feed_end_at(m, 300);
	ck_assert_uint_eq(snap->listeners_len, 2);
	ck_assert_str_eq(snap->listeners[0].name, "port 8000");
	ck_assert_uint_eq(snap->listeners[0].looks, 3);
	ck_assert_uint_eq(snap->listeners[0].looks_waiting, 2);
	ck_assert_uint_eq(snap->listeners[0].waiting_sum, 9);
	ck_assert_uint_eq(snap->listeners[0].waiting_max, 7);
	ck_assert_str_eq(snap->listeners[1].name, "/run/\\x1b.sock");
	ck_assert_uint_eq(snap->listeners[1].looks, 1);
	ck_assert_uint_eq(snap->slices_len, 3);
	ck_assert_uint_eq(snap->slices[0].waiting, 2);
	ck_assert_uint_eq(snap->slices[1].waiting, 0);
	ck_assert_uint_eq(snap->slices[2].waiting, 8);
	snapshot_free(snap);
}
END_TEST

#define SECOND 1000000000ULL

/* A process of one thread that ran for @run_ns. */
static void put_process(struct model *m, uint32_t pid, uint32_t ppid, uint64_t forks,
			uint64_t run_ns)
{
	FEED(m, RECORD_PROCESS, .process = {.pid = pid, .ppid = ppid, .forks = forks});
	FEED(m, RECORD_COUNTERS,
	     .counters = {.pid = pid,
			  .tid = pid,
			  .start_ns = FEED_START,
			  .until_ns = FEED_START + SECOND,
			  .class_ns = {[CLASS_RUN] = run_ns, [CLASS_CHILD] = SECOND - run_ns}});
}

static const struct {
	uint64_t own_ns, child_ns, forks;
	uint32_t workers;
} supervisor_cases[] = {
	{SECOND / 100, SECOND / 2, 0, 2},
	{SECOND / 100, SECOND / 2, 1, 2},  /* a worker was started anew */
	{SECOND / 100, SECOND / 2, 2, 0},  /* a process for each task */
	{SECOND / 10, SECOND, 0, 0},	   /* works itself */
	{SECOND / 100, SECOND / 25, 0, 0}, /* they hardly work more than it does */
};

START_TEST(supervisors)
{
	struct model *m = feed_begin();
	struct snapshot *snap;

	put_process(m, 7, 1, supervisor_cases[_i].forks, supervisor_cases[_i].own_ns);
	put_process(m, 8, 7, 0, supervisor_cases[_i].child_ns);
	put_process(m, 9, 7, 0, supervisor_cases[_i].child_ns);
	snap = feed_end_at(m, SECOND);
	for (uint32_t i = 0; i < snap->processes_len; i++)
		ck_assert_uint_eq(snap->processes[i].workers,
				  snap->processes[i].pid == 7 ? supervisor_cases[_i].workers : 0);
	snapshot_free(snap);
}
END_TEST

Suite *model_freeze_suite(void)
{
	Suite *s = suite_create("model_freeze");
	TCase *tc;

	tc = tcase_create("time");
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, futex_time_is_divided_by_lock);
	tcase_add_test(tc, waits_beyond_the_futex_time_are_scaled);
	tcase_add_test(tc, work_in_hand_is_part_of_the_blocked_time);
	tcase_add_test(tc, kernel_locks_are_in_the_classes_already);
	tcase_add_test(tc, gil_time_is_its_own_class);
	tcase_add_test(tc, threads_are_clipped_to_the_window);
	tcase_add_test(tc, end_closes_what_the_last_slice_left);
	tcase_add_test(tc, idle_holder_is_not_idle);
	tcase_add_test(tc, waker_of_a_pool_stays_idle);
	suite_add_tcase(s, tc);
	tc = tcase_create("lists");
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, lists_refer_to_the_snapshot);
	tcase_add_test(tc, futex_calls_are_summed);
	tcase_add_test(tc, order_is_by_time_that_is_not_idle);
	tcase_add_test(tc, texts_of_the_run_are_escaped_and_cut_whole);
	tcase_add_test(tc, backlogs);
	tcase_add_loop_test(tc, supervisors, 0,
			    sizeof(supervisor_cases) / sizeof(supervisor_cases[0]));
	suite_add_tcase(s, tc);
	return s;
}
