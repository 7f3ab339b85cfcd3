// SPDX-License-Identifier: GPL-2.0-only
/* GILs and the locks of Python's library in the snapshot, worked out by hand from the records. */
#include "base/num.h"
#include "model/model.h"
#include "model/python_word.h"
#include "tests/unit/record_feed.h"
#include "tests/unit/suites.h"

#include <stdio.h>
#include <string.h>

#define LIBRARY "/usr/lib/python3.11/"
#define PYTHON "/usr/bin/python3.11"

/* Where code is: each function of Python has its own code object. */
#define WORD(code, lasti) python_word_make(0x7f0000000000 + (code)*0x100, lasti, true)

static struct model *begin(void)
{
	struct model *m = feed_begin();

	feed_thread(m, 101, "a", 1000, 100, 900);
	feed_thread(m, 102, "b", 1000, 100, 900);
	feed_thread(m, 103, "c", 1000, 1000, 0);
	return m;
}

static void frame(struct model *m, uint64_t ip, const char *name, const char *where, uint32_t line)
{
	struct record rec = {.type = RECORD_FRAME,
			     .frame = {.pid = FEED_PID, .ip = ip, .line = line}};
	char *to = python_word(ip) ? rec.frame.file : rec.frame.module;
	size_t size = python_word(ip) ? sizeof(rec.frame.file) : sizeof(rec.frame.module);

	snprintf(rec.frame.name, sizeof(rec.frame.name), "%s", name);
	snprintf(to, size, "%s", where);
	feed_put(m, &rec);
}

/* The frames that the stacks below are made of. */
enum place {
	SEM_WAIT,
	TAKE_GIL,
	CONDITION_WAIT,
	EVENT_WAIT,
	QUEUE_GET,
	QUEUE_LOCK,
	APP_12,
	APP_13,
	APP_MAIN,
	LIBRARY_RUN,
	CRUNCH,
	PLACES
};

static uint64_t ip_of(enum place place)
{
	switch (place) {
	case SEM_WAIT:
	case TAKE_GIL:
	case CRUNCH:
		return 0x1000 + place;
	case APP_12: /* two places in one function */
		return WORD(99, 20);
	case APP_13:
		return WORD(99, 30);
	default:
		return WORD(place, 1);
	}
}

static void frames(struct model *m)
{
	frame(m, ip_of(SEM_WAIT), "PyThread_acquire_lock_timed", PYTHON, 0);
	frame(m, ip_of(TAKE_GIL), "take_gil", PYTHON, 0);
	frame(m, ip_of(CONDITION_WAIT), "Condition.wait", LIBRARY "threading.py", 324);
	frame(m, ip_of(EVENT_WAIT), "Event.wait", LIBRARY "threading.py", 622);
	frame(m, ip_of(QUEUE_GET), "Queue.get", LIBRARY "queue.py", 171);
	frame(m, ip_of(QUEUE_LOCK), "Condition.__enter__", LIBRARY "threading.py", 264);
	frame(m, ip_of(APP_12), "work", "/srv/app.py", 12);
	frame(m, ip_of(APP_13), "work", "/srv/app.py", 13);
	frame(m, ip_of(APP_MAIN), "main", "/srv/app.py", 40);
	frame(m, ip_of(LIBRARY_RUN), "Thread.run", LIBRARY "threading.py", 975);
	frame(m, ip_of(CRUNCH), "crunch", "/srv/_fast.so", 0);
}

/* Ends at PLACES. */
static void stack(struct model *m, uint64_t id, const enum place *places)
{
	struct record rec = {.type = RECORD_STACK, .stack = {.stack = id, .pid = FEED_PID}};

	while (*places != PLACES)
		rec.stack.ips[rec.stack.len++] = ip_of(*places++);
	feed_put(m, &rec);
}

#define STACK(m, id, ...) stack(m, id, (const enum place[]){__VA_ARGS__, PLACES})

static void lock(struct model *m, uint64_t id, uint64_t address, bool gil)
{
	FEED(m, RECORD_LOCK, .lock = {.lock = id, .address = address, .pid = FEED_PID, .gil = gil});
}

static void wait_of(struct model *m, uint32_t tid, uint64_t id, uint64_t stack_id, uint64_t ns)
{
	FEED(m, RECORD_WAIT,
	     .wait = {.lock = id,
		      .tid = tid,
		      .stack = stack_id,
		      .op = FUTEX_OP_WAIT_BITSET,
		      .waits = 1,
		      .handed_over = 1,
		      .contender_wakes = 1,
		      .blocked_ns = ns});
}

static const struct snap_lock *lock_at(const struct snapshot *snap, uint64_t address)
{
	for (uint32_t i = 0; i < snap->locks_len; i++)
		if (snap->locks[i].address == address)
			return &snap->locks[i];
	ck_abort_msg("no lock at 0x%lx", (unsigned long)address);
	return NULL;
}

/* No symbol and no stack: the record alone says what it is. */
START_TEST(a_gil_by_its_record)
{
	struct model *m = begin();
	struct snapshot *snap;

	lock(m, 1, 0x9000, true);
	wait_of(m, 101, 1, 0, 400);
	wait_of(m, 102, 1, 0, 500);
	lock(m, 2, 0xa000, false);
	wait_of(m, 102, 2, 0, 100);
	snap = feed_end_at(m, 1000);
	ck_assert_uint_eq(snap->locks_len, 2);
	ck_assert_int_eq(lock_at(snap, 0x9000)->kind, LOCK_GIL);
	ck_assert(lock_at(snap, 0x9000)->is_lock);
	ck_assert_str_eq(lock_at(snap, 0x9000)->name, "GIL");
	ck_assert_int_eq(lock_at(snap, 0xa000)->kind, LOCK_FUTEX);
	ck_assert_uint_eq(snap->class_ns[CLASS_GIL], 900);
	ck_assert_uint_eq(snap->class_ns[CLASS_LOCK], 0);
	snapshot_free(snap);
}
END_TEST

/* Each interpreter of 3.12 has its own; the names may be equal. */
START_TEST(two_gils_are_two)
{
	struct model *m = begin();
	struct snapshot *snap;

	lock(m, 1, 0x9000, true);
	lock(m, 2, 0xa000, true);
	wait_of(m, 101, 1, 0, 400);
	wait_of(m, 102, 2, 0, 500);
	snap = feed_end_at(m, 1000);
	ck_assert_uint_eq(snap->locks_len, 2);
	ck_assert_int_eq(lock_at(snap, 0x9000)->kind, LOCK_GIL);
	ck_assert_uint_eq(lock_at(snap, 0x9000)->blocked_ns, 400);
	ck_assert_int_eq(lock_at(snap, 0xa000)->kind, LOCK_GIL);
	ck_assert_uint_eq(lock_at(snap, 0xa000)->blocked_ns, 500);
	ck_assert_uint_eq(snap->class_ns[CLASS_GIL], 900);
	snapshot_free(snap);
}
END_TEST

static void name(struct model *m, uint64_t id, const char *text, uint64_t offset)
{
	struct record rec = {
		.type = RECORD_LOCK_NAME,
		.lock_name = {.lock = id, .module = PYTHON, .symbol = true, .offset = offset}};

	snprintf(rec.lock_name.name, sizeof(rec.lock_name.name), "%s", text);
	feed_put(m, &rec);
}

/* Words that were seen before the GIL was found: its condvar's (rt+360+32+..) and its mutex. */
START_TEST(words_in_the_runtime_are_the_gils)
{
	static const char *const names[] = {"_PyRuntime+0x168", "_PyRuntime+0x188", "_PyRuntime",
					    "_PyRuntime.gil+0x1b8"};
	static const uint64_t offsets[] = {0x168, 0x188, 0, 0x1b8};
	const uint64_t runtime = 0x50000, gil = runtime + 0x168;
	struct model *m = begin();
	struct snapshot *snap;

	for (uint32_t i = 0; i < ARRAY_LEN(names); i++) {
		lock(m, i + 1, runtime + offsets[i], i == 0);
		name(m, i + 1, names[i], offsets[i]);
		wait_of(m, 101 + i % 2, i + 1, 0, 100);
	}
	/* Another's object, whose name goes on. */
	lock(m, 9, 0x60010, false);
	name(m, 9, "_PyRuntimeState_table+0x10", 0x10);
	wait_of(m, 101, 9, 0, 50);
	snap = feed_end_at(m, 1000);
	/* What lies outside the GIL's struct is none of it. */
	ck_assert_uint_eq(snap->locks_len, 3);
	ck_assert_int_ne(lock_at(snap, runtime)->kind, LOCK_GIL);
	ck_assert_uint_eq(lock_at(snap, gil)->waits, 3);
	ck_assert_uint_eq(lock_at(snap, gil)->blocked_ns, 300);
	ck_assert_int_eq(lock_at(snap, gil)->kind, LOCK_GIL);
	ck_assert_str_eq(lock_at(snap, gil)->name, "GIL");
	ck_assert_str_eq(lock_at(snap, gil)->module, PYTHON);
	ck_assert(lock_at(snap, gil)->named);
	ck_assert_int_ne(lock_at(snap, 0x60010)->kind, LOCK_GIL);
	snapshot_free(snap);
}
END_TEST

/* The same without a record of the GIL, as of a version whose layout is not known. */
START_TEST(words_in_the_runtime_alone)
{
	struct model *m = begin();
	struct snapshot *snap;

	for (uint32_t i = 0; i < 2; i++) {
		lock(m, i + 1, 0x50188 + 4 * i, false);
		name(m, i + 1, i ? "_PyRuntime+0x18c" : "_PyRuntime+0x188", 0x188 + 4 * i);
		wait_of(m, 101, i + 1, 0, 100);
	}
	snap = feed_end_at(m, 1000);
	ck_assert_uint_eq(snap->locks_len, 1);
	ck_assert_int_eq(snap->locks[0].kind, LOCK_GIL);
	ck_assert_uint_eq(snap->locks[0].address, 0x50000);
	snapshot_free(snap);
}
END_TEST

/*
 * Three addresses, used again and again for whoever waits next: at each the line with the most
 * waiting counts.
 */
START_TEST(waits_on_reused_addresses_go_by_line)
{
	struct model *m = begin();
	const struct snap_lock *get, *event;
	struct snapshot *snap;

	frames(m);
	STACK(m, 1, SEM_WAIT, CONDITION_WAIT, QUEUE_GET, APP_12, APP_MAIN);
	STACK(m, 2, SEM_WAIT, CONDITION_WAIT, EVENT_WAIT, APP_13, APP_MAIN);
	for (uint64_t i = 1; i <= 3; i++)
		lock(m, i, 0x1000 * i, false);
	wait_of(m, 101, 1, 1, 100);
	wait_of(m, 102, 2, 1, 200);
	wait_of(m, 101, 2, 2, 10);
	wait_of(m, 101, 3, 2, 300);
	wait_of(m, 102, 3, 1, 40);
	snap = feed_end_at(m, 1000);
	ck_assert_uint_eq(snap->locks_len, 2);
	/* 1 and 2 are met first as 1. */
	get = lock_at(snap, 0x1000);
	event = lock_at(snap, 0x3000);
	ck_assert_uint_eq(get->blocked_ns, 310);
	ck_assert_uint_eq(event->blocked_ns, 340);
	ck_assert_str_eq(get->name, "queue.Queue.get in work (app.py:12)");
	ck_assert_str_eq(event->name, "threading.Event.wait in work (app.py:13)");
	snapshot_free(snap);
}
END_TEST

/* The same line in two processes is two locks. */
START_TEST(lines_of_two_processes_are_two)
{
	struct model *m = begin();
	struct snapshot *snap;

	frames(m);
	STACK(m, 1, SEM_WAIT, CONDITION_WAIT, APP_12);
	for (uint32_t i = 0; i < 2; i++) {
		FEED(m, RECORD_LOCK,
		     .lock = {.lock = i + 1, .address = 0x1000, .pid = FEED_PID + i});
		wait_of(m, 101 + i, i + 1, 1, 100);
	}
	snap = feed_end_at(m, 1000);
	ck_assert_uint_eq(snap->locks_len, 2);
	snapshot_free(snap);
}
END_TEST

/* A lock of the program is what it is by its address, however many lines wait for it. */
START_TEST(plain_locks_go_by_address)
{
	struct model *m = begin();
	struct snapshot *snap;

	frames(m);
	STACK(m, 1, SEM_WAIT, APP_12, APP_MAIN);
	STACK(m, 2, SEM_WAIT, QUEUE_LOCK, QUEUE_GET, APP_13);
	lock(m, 1, 0x1000, false);
	lock(m, 2, 0x2000, false);
	lock(m, 3, 0x3000, false);
	wait_of(m, 101, 1, 1, 100);
	wait_of(m, 102, 2, 1, 100);
	wait_of(m, 102, 3, 2, 50);
	snap = feed_end_at(m, 1000);
	ck_assert_uint_eq(snap->locks_len, 3);
	ck_assert_str_eq(lock_at(snap, 0x1000)->name, "Python lock in work (app.py:12) 0x1000");
	ck_assert_str_eq(lock_at(snap, 0x2000)->name, "Python lock in work (app.py:12) 0x2000");
	/* A queue's own mutex is contended for like any other. */
	ck_assert_str_eq(lock_at(snap, 0x3000)->name, "queue.Queue.get in work (app.py:13)");
	ck_assert_int_eq(lock_at(snap, 0x3000)->kind, LOCK_PYTHON);
	ck_assert(lock_at(snap, 0x3000)->is_lock);
	ck_assert_uint_eq(snap->class_ns[CLASS_LOCK], 250);
	snapshot_free(snap);
}
END_TEST

/*
 * Woken by others that wait at that line themselves, as by threads that put and get: by these a
 * lock, but no such lock is anybody's to hold.
 */
START_TEST(a_worker_at_its_queue_is_idle)
{
	struct model *m = begin();
	struct snapshot *snap;

	frames(m);
	STACK(m, 1, SEM_WAIT, CONDITION_WAIT, QUEUE_GET, APP_12, LIBRARY_RUN);
	lock(m, 1, 0x1000, false);
	wait_of(m, 101, 1, 1, 300);
	FEED(m, RECORD_OPEN_WAIT,
	     .open_wait = {.lock = 1,
			   .tid = 102,
			   .stack = 1,
			   .op = FUTEX_OP_WAIT_BITSET,
			   .blocked_ns = 200});
	FEED(m, RECORD_BLAME,
	     .blame = {
		     .lock = 1, .tid = 102, .evidence = HOLDER_WAKER, .waits = 1, .blame_ns = 300});
	snap = feed_end_at(m, 1000);
	ck_assert_uint_eq(snap->locks_len, 1);
	ck_assert_int_eq(snap->locks[0].kind, LOCK_PYTHON);
	ck_assert(!snap->locks[0].is_lock);
	ck_assert_uint_eq(snap->locks[0].open_waits, 1);
	ck_assert_uint_eq(snap->class_ns[CLASS_POOL_IDLE], 500);
	ck_assert_uint_eq(snap->class_ns[CLASS_LOCK], 0);
	snapshot_free(snap);
}
END_TEST

/* A wait that never ended tells its line, too. */
START_TEST(an_open_wait_alone_has_its_line)
{
	struct model *m = begin();
	struct snapshot *snap;

	frames(m);
	STACK(m, 1, SEM_WAIT, CONDITION_WAIT, EVENT_WAIT, APP_13);
	for (uint32_t i = 0; i < 2; i++) {
		lock(m, i + 1, 0x1000 * (i + 1), false);
		FEED(m, RECORD_OPEN_WAIT,
		     .open_wait = {.lock = i + 1,
				   .tid = 101 + i,
				   .stack = 1,
				   .op = FUTEX_OP_WAIT_BITSET,
				   .blocked_ns = 200});
	}
	snap = feed_end_at(m, 1000);
	ck_assert_uint_eq(snap->locks_len, 1);
	ck_assert_uint_eq(snap->locks[0].open_waits, 2);
	ck_assert_str_eq(snap->locks[0].name, "threading.Event.wait in work (app.py:13)");
	snapshot_free(snap);
}
END_TEST

/* What waits below an extension of the program is the extension's, in Python or not. */
START_TEST(extensions_name_their_locks)
{
	struct model *m = begin();
	struct snapshot *snap;

	frames(m);
	STACK(m, 1, SEM_WAIT, CRUNCH, APP_12);
	lock(m, 1, 0x1000, false);
	wait_of(m, 101, 1, 1, 100);
	snap = feed_end_at(m, 1000);
	ck_assert_str_eq(snap->locks[0].name, "python_lock in crunch");
	snapshot_free(snap);
}
END_TEST

START_TEST(frames_of_python_are_marked)
{
	struct model *m = begin();
	const struct snap_frame *at;
	struct snapshot *snap;

	frames(m);
	STACK(m, 1, TAKE_GIL, APP_12, CRUNCH, APP_MAIN);
	lock(m, 1, 0x9000, true);
	wait_of(m, 101, 1, 1, 100);
	snap = feed_end_at(m, 1000);
	ck_assert_uint_eq(snap->stacks[0].frames_len, 4);
	at = snap->stacks[0].frames;
	ck_assert(!at[0].python && at[1].python && !at[2].python && at[3].python);
	ck_assert(!at[0].kernel && !at[1].kernel);
	ck_assert_str_eq(at[1].name, "work");
	ck_assert_str_eq(at[1].file, "/srv/app.py");
	ck_assert_uint_eq(at[1].line, 12);
	ck_assert_uint_eq(at[1].ip, ip_of(APP_12));
	snapshot_free(snap);
}
END_TEST

/* A function of the program that is called like the interpreter's says nothing of its lock. */
START_TEST(names_of_python_tell_no_kind)
{
	struct model *m = begin();
	struct snapshot *snap;

	frame(m, WORD(1, 1), "take_gil", "/srv/app.py", 3);
	frame(m, WORD(2, 1), "pthread_mutex_lock", "/srv/app.py", 3);
	FEED(m, RECORD_STACK,
	     .stack = {.stack = 1, .pid = FEED_PID, .len = 2, .ips = {WORD(1, 1), WORD(2, 1)}});
	lock(m, 1, 0x1000, false);
	wait_of(m, 101, 1, 1, 100);
	snap = feed_end_at(m, 1000);
	ck_assert_int_eq(snap->locks[0].kind, LOCK_FUTEX);
	snapshot_free(snap);
}
END_TEST

static void holding(struct model *m, uint64_t id, uint32_t tid, uint64_t stack_id,
		    enum holding_kind kind, uint64_t ns, uint64_t kept)
{
	FEED(m, RECORD_HOLDING,
	     .holding = {.lock = id,
			 .tid = tid,
			 .stack = stack_id,
			 .kind = kind,
			 .count = 2,
			 .ns = ns,
			 .kept = kept});
}

/* By kind, then the longest first; two words of one GIL have one list. */
START_TEST(what_was_seen_of_holders)
{
	static const uint64_t want_ns[] = {0, 70, 500, 300, 200};
	static const uint64_t want_kept[] = {0, 0, 3, 0, 1};
	struct model *m = begin();
	struct snapshot *snap;

	frames(m);
	STACK(m, 1, APP_12, APP_MAIN);
	STACK(m, 2, APP_13, APP_MAIN);
	lock(m, 1, 0x50168, true);
	name(m, 1, "_PyRuntime+0x168", 0x168);
	lock(m, 2, 0x50188, false);
	name(m, 2, "_PyRuntime+0x188", 0x188);
	wait_of(m, 101, 1, 0, 900);
	holding(m, 1, 103, 1, HOLDING_SEEN, 300, 0);
	holding(m, 1, 103, 2, HOLDING_SEEN, 500, 3);
	holding(m, 2, 102, 1, HOLDING_SEEN, 200, 1);
	holding(m, 1, 103, 1, HOLDING_BLOCKED, 70, 0);
	holding(m, 1, 103, 1, HOLDING_SAMPLED, 0, 0);
	/* A stack or a thread that is not known says nothing. */
	holding(m, 1, 103, 77, HOLDING_SEEN, 900, 9);
	holding(m, 1, 999, 1, HOLDING_SEEN, 900, 9);
	snap = feed_end_at(m, 1000);
	ck_assert_uint_eq(snap->locks_len, 1);
	ck_assert_uint_eq(snap->locks[0].holdings_len, 5);
	for (uint32_t i = 0; i < 5; i++) {
		const struct snap_holding *h = &snap->locks[0].holdings[i];

		ck_assert_uint_eq(h->ns, want_ns[i]);
		ck_assert_uint_eq(h->kept, want_kept[i]);
		ck_assert_uint_eq(h->count, 2);
		ck_assert_int_eq(h->kind, i < 2 ? (int)i : HOLDING_SEEN);
		ck_assert_uint_eq(snap->threads[h->thread].tid, i == 4 ? 102 : 103);
		ck_assert_uint_eq(h->stack, i == 2);
	}
	snapshot_free(snap);
}
END_TEST

Suite *model_freeze_python_suite(void)
{
	Suite *s = suite_create("model_freeze_python");
	TCase *tc = tcase_create("python");

	tcase_add_test(tc, a_gil_by_its_record);
	tcase_add_test(tc, two_gils_are_two);
	tcase_add_test(tc, words_in_the_runtime_are_the_gils);
	tcase_add_test(tc, words_in_the_runtime_alone);
	tcase_add_test(tc, waits_on_reused_addresses_go_by_line);
	tcase_add_test(tc, lines_of_two_processes_are_two);
	tcase_add_test(tc, plain_locks_go_by_address);
	tcase_add_test(tc, a_worker_at_its_queue_is_idle);
	tcase_add_test(tc, an_open_wait_alone_has_its_line);
	tcase_add_test(tc, extensions_name_their_locks);
	tcase_add_test(tc, frames_of_python_are_marked);
	tcase_add_test(tc, names_of_python_tell_no_kind);
	tcase_add_test(tc, what_was_seen_of_holders);
	suite_add_tcase(s, tc);
	return s;
}
