// SPDX-License-Identifier: GPL-2.0-only
/* Names of frames and locks in the snapshot, worked out by hand from the records. */
#include "base/err.h"
#include "base/strbuf.h"
#include "model/model.h"
#include "model/site.h"

#include "tests/unit/record_feed.h"
#include "tests/unit/suites.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"

#define LIBC "/lib/x86_64-linux-gnu/libc.so.6"
#define PROG "/srv/prog"

static void frame(struct model *m, uint64_t ip, const char *name, const char *module)
{
	struct record rec = {.type = RECORD_FRAME,
			     .frame = {.pid = FEED_PID, .ip = ip, .offset = 0x123}};

	snprintf(rec.frame.name, sizeof(rec.frame.name), "%s", name);
	snprintf(rec.frame.module, sizeof(rec.frame.module), "%s", module);
	feed_put(m, &rec);
}

static int put_inlined(struct model *m, uint64_t ip, uint32_t depth, const char *name,
		       uint32_t line)
{
	struct record rec = {.type = RECORD_INLINED,
			     .inlined = {.pid = FEED_PID, .ip = ip, .depth = depth, .line = line}};
	struct err err = {0};

	snprintf(rec.inlined.name, sizeof(rec.inlined.name), "%s", name);
	snprintf(rec.inlined.file, sizeof(rec.inlined.file), "/src/%s.c", name);
	return model_apply(m, &rec, &err);
}

/* Stack @id: @name of @module at ip id * 0x100, called by "work" of the program. */
static void stack(struct model *m, uint64_t id, const char *name, const char *module)
{
	FEED(m, RECORD_STACK,
	     .stack = {.stack = id, .pid = FEED_PID, .len = 2, .ips = {id * 0x100, 0x9000}});
	frame(m, id * 0x100, name, module);
	frame(m, 0x9000, "work", PROG);
}

static void lock(struct model *m, uint64_t id, uint64_t address)
{
	FEED(m, RECORD_LOCK, .lock = {.lock = id, .address = address, .pid = FEED_PID});
}

/* A wait of 101 that looks like a mutex's unless the stack says otherwise. */
static void wait_at(struct model *m, uint64_t id, uint64_t stack_id, uint64_t ns)
{
	FEED(m, RECORD_WAIT,
	     .wait = {.lock = id,
		      .tid = 101,
		      .stack = stack_id,
		      .op = FUTEX_OP_WAIT,
		      .value = 2,
		      .waits = 1,
		      .owner_known = 1,
		      .blocked_ns = ns});
}

static void name(struct model *m, uint64_t id, const char *text)
{
	struct record rec = {.type = RECORD_LOCK_NAME,
			     .lock_name = {.lock = id, .module = PROG, .symbol = true}};

	snprintf(rec.lock_name.name, sizeof(rec.lock_name.name), "%s", text);
	feed_put(m, &rec);
}

static struct model *begin(void)
{
	struct model *m = feed_begin();

	feed_thread(m, 101, "waiter", 1000, 100, 900);
	return m;
}

static void check_frame(const struct snap_frame *got, const char *name_, uint32_t line, uint64_t ip,
			bool inlined)
{
	ck_assert_str_eq(got->name, name_);
	ck_assert_uint_eq(got->line, line);
	ck_assert_uint_eq(got->ip, ip);
	ck_assert_int_eq(got->inlined, inlined);
}

START_TEST(inlined_functions_are_frames)
{
	struct model *m = begin();
	struct snapshot *snap;
	const struct snap_frame *frames;
	struct strbuf text = {0};

	FEED(m, RECORD_STACK,
	     .stack = {.stack = 1, .pid = FEED_PID, .len = 3, .ips = {0x10, 0x20, 0x10}});
	FEED(m, RECORD_FRAME,
	     .frame = {.pid = FEED_PID,
		       .ip = 0x10,
		       .name = "outer",
		       .module = PROG,
		       .offset = 7,
		       .file = "outer\n.c",
		       .line = 30});
	/* Twice: what was read again changes nothing. */
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(put_inlined(m, 0x10, 0, "in\x1b", 10), 0);
		ck_assert_int_eq(put_inlined(m, 0x10, 1, "middle", 20), 0);
		ck_assert_int_eq(put_inlined(m, 0x20, 0, "other", 0), 0);
	}
	snap = feed_end_at(m, 1000);
	ck_assert_uint_eq(snap->stacks[0].frames_len, 3 + 3 + 2);
	frames = snap->stacks[0].frames;
	for (int i = 0; i < 2; i++) {
		const struct snap_frame *at = frames + 5 * i;

		check_frame(&at[0], "in\\x1b", 10, 0x10, true);
		check_frame(&at[1], "middle", 20, 0x10, true);
		check_frame(&at[2], "outer", 30, 0x10, false);
		ck_assert_str_eq(at[0].file, "/src/in\\x1b.c");
		ck_assert_str_eq(at[1].file, "/src/middle.c");
		ck_assert_str_eq(at[2].file, "outer\\x0a.c");
		/* They share where they are. */
		ck_assert_str_eq(at[0].module, PROG);
		ck_assert_uint_eq(at[0].offset, 7);
	}
	check_frame(&frames[3], "other", 0, 0x20, true);
	check_frame(&frames[4], "", 0, 0x20, false);
	/* What is inlined is where the code is; files without their folders. */
	snap_call_site_lines(&text, snap, 0);
	ck_assert_str_eq(strbuf_str(&text), "in\\x1b (in\\x1b.c:10) < middle (middle.c:20)");
	strbuf_free(&text);
	snapshot_free(snap);
}
END_TEST

START_TEST(inlined_functions_out_of_order)
{
	struct model *m = begin();

	ck_assert_int_eq(put_inlined(m, 0x10, 1, "no first", 1), -EPROTO);
	ck_assert_int_eq(put_inlined(m, 0x10, 0, "a", 1), 0);
	ck_assert_int_eq(put_inlined(m, 0x10, 2, "a gap", 1), -EPROTO);
	ck_assert_int_eq(put_inlined(m, 0x20, 0, "b", 1), 0);
	/* Those of one address are together. */
	ck_assert_int_eq(put_inlined(m, 0x10, 1, "too late", 1), -EPROTO);
	ck_assert_int_eq(put_inlined(m, 0x20, 1, "b", 1), 0);
	model_free(m);
}
END_TEST

START_TEST(notes_once_and_in_order)
{
	struct model *m = begin();
	struct snapshot *snap;

	FEED(m, RECORD_NOTE, .note = {.note = NOTE_FILE_CORRUPT, .module = "/b"});
	FEED(m, RECORD_NOTE, .note = {.note = NOTE_NO_UNWIND_TABLE, .module = "/c\x1b"});
	FEED(m, RECORD_NOTE, .note = {.note = NOTE_FILE_CORRUPT, .module = "/a"});
	FEED(m, RECORD_NOTE, .note = {.note = NOTE_FILE_CORRUPT, .module = "/b"});
	FEED(m, RECORD_NOTE, .note = {.note = NOTE_PERF_MAP_REFUSED, .module = "/b"});
	snap = feed_end_at(m, 1000);
	ck_assert_uint_eq(snap->notes_len, 4);
	ck_assert_int_eq(snap->notes[0].note, NOTE_NO_UNWIND_TABLE);
	ck_assert_str_eq(snap->notes[0].module, "/c\\x1b");
	ck_assert_int_eq(snap->notes[1].note, NOTE_FILE_CORRUPT);
	ck_assert_str_eq(snap->notes[1].module, "/a");
	ck_assert_int_eq(snap->notes[2].note, NOTE_FILE_CORRUPT);
	ck_assert_str_eq(snap->notes[2].module, "/b");
	ck_assert_int_eq(snap->notes[3].note, NOTE_PERF_MAP_REFUSED);
	snapshot_free(snap);
}
END_TEST

/* The lock's name after the waits at @address; the test fails without such a lock. */
static const char *name_at(const struct snapshot *snap, uint64_t address)
{
	for (uint32_t i = 0; i < snap->locks_len; i++)
		if (snap->locks[i].address == address)
			return snap->locks[i].name;
	ck_abort_msg("no lock at 0x%lx", (unsigned long)address);
	return NULL;
}

START_TEST(named_by_the_site)
{
	struct model *m = begin();
	struct snapshot *snap;

	stack(m, 1, "__lll_lock_wait", LIBC);
	stack(m, 2, "cache_get", PROG);
	stack(m, 3, "", PROG);
	FEED(m, RECORD_STACK, .stack = {.stack = 4, .pid = FEED_PID, .len = 1, .ips = {0x444}});
	for (uint64_t i = 1; i <= 4; i++) {
		lock(m, i, 0x1000 * i);
		wait_at(m, i, i, 10);
	}
	/* Of two sites the one with the longer waits. */
	wait_at(m, 2, 3, 20);
	lock(m, 5, 0x5000);
	wait_at(m, 5, 0, 10);
	snap = feed_end_at(m, 1000);
	ck_assert_str_eq(name_at(snap, 0x1000), "mutex in work");
	ck_assert_str_eq(name_at(snap, 0x2000), "mutex in prog+0x123 0x2000");
	ck_assert_str_eq(name_at(snap, 0x3000), "mutex in prog+0x123 0x3000");
	/* Nothing is known of the frame, or of the stack. */
	ck_assert_str_eq(name_at(snap, 0x4000), "futex 0x4000");
	ck_assert_str_eq(name_at(snap, 0x5000), "futex 0x5000");
	for (uint32_t i = 0; i < snap->locks_len; i++)
		ck_assert(!snap->locks[i].named && !*snap->locks[i].module);
	snapshot_free(snap);
}
END_TEST

START_TEST(equal_names_are_told_apart)
{
	struct model *m = begin();
	struct snapshot *snap;

	stack(m, 1, "cache_get", PROG);
	stack(m, 2, "log_write", PROG);
	for (uint64_t i = 1; i <= 3; i++) {
		lock(m, i, 0x1000 * i);
		wait_at(m, i, i == 3 ? 2 : 1, 10 * i);
	}
	/* Two of one symbol are as they are: in two processes, say. */
	for (uint64_t i = 4; i <= 5; i++) {
		lock(m, i, 0x1000 * i);
		wait_at(m, i, 1, 10);
		name(m, i, "log_mutex");
	}
	snap = feed_end_at(m, 1000);
	ck_assert_str_eq(name_at(snap, 0x1000), "mutex in cache_get 0x1000");
	ck_assert_str_eq(name_at(snap, 0x2000), "mutex in cache_get 0x2000");
	ck_assert_str_eq(name_at(snap, 0x3000), "mutex in log_write");
	ck_assert_str_eq(name_at(snap, 0x4000), "log_mutex");
	ck_assert_str_eq(name_at(snap, 0x5000), "log_mutex");
	snapshot_free(snap);
}
END_TEST

START_TEST(on_the_stack_of_a_thread)
{
	const uint32_t tids[] = {101, 555, 77};
	struct model *m = begin();
	struct snapshot *snap;

	/* 77 is a thread of another process. */
	FEED(m, RECORD_PROCESS, .process = {.pid = 70, .ppid = 1, .comm = "other"});
	FEED(m, RECORD_COUNTERS,
	     .counters = {.pid = 70,
			  .tid = 77,
			  .name = "foreign",
			  .start_ns = FEED_START,
			  .until_ns = FEED_START + 1000,
			  .class_ns = {[CLASS_RUN] = 1000}});
	stack(m, 1, "cache_get", PROG);
	for (uint64_t i = 0; i < ARRAY_LEN(tids); i++) {
		lock(m, i + 1, 0x1000 * (i + 1));
		wait_at(m, i + 1, 1, 10);
		FEED(m, RECORD_LOCK_NAME, .lock_name = {.lock = i + 1, .on_stack_tid = tids[i]});
	}
	snap = feed_end_at(m, 1000);
	ck_assert_str_eq(name_at(snap, 0x1000), "mutex on the stack of waiter in cache_get");
	ck_assert_str_eq(name_at(snap, 0x2000), "mutex on the stack of thread 555 in cache_get");
	ck_assert_str_eq(name_at(snap, 0x3000), "mutex on the stack of thread 77 in cache_get");
	snapshot_free(snap);
}
END_TEST

/* Where glibc's objects have their futex words: pthread_cond_t 40 and 44, pthread_rwlock_t 8 and
 * 12, pthread_barrier_t 4. */
static const struct {
	const char *function, *module;
	uint64_t words[2];
	uint32_t locks;
	enum lock_kind kind;
	const char *names[2]; /* of the words: symbol and offset */
	const char *name;
} objects[] = {
	{"__pthread_cond_wait", LIBC, {40, 44}, 1, LOCK_CONDVAR, {"cv+0x28", "cv+0x2c"}, "cv"},
	{"pthread_cond_timedwait@@GLIBC_2.3.2",
	 "/usr/lib/libpthread-2.31.so",
	 {44, 40},
	 1,
	 LOCK_CONDVAR,
	 {"pool+0x6c", "pool+0x68"},
	 "pool+0x40"},
	{"pthread_rwlock_wrlock", LIBC, {8, 12}, 1, LOCK_RWLOCK, {"t.rw[1]+0x8", ""}, "t.rw[1]"},
	{"pthread_barrier_wait", LIBC, {4, 4}, 1, LOCK_BARRIER, {"gate+0x4", ""}, "gate"},
	/* A mutex's word is its address, and another libc's objects are its own. */
	{"pthread_mutex_lock", LIBC, {0, 4}, 2, LOCK_MUTEX, {"m", "n"}, "m"},
	{"pthread_cond_wait",
	 "/lib/ld-musl-x86_64.so.1",
	 {40, 44},
	 2,
	 LOCK_CONDVAR,
	 {"cv+0x28", "cv+0x2c"},
	 "cv+0x28"},
};

START_TEST(words_of_one_object)
{
	const uint64_t object = 0x4000;
	struct model *m = begin();
	struct snapshot *snap;
	bool merged = objects[_i].locks == 1;

	stack(m, 1, objects[_i].function, objects[_i].module);
	for (uint64_t i = 0; i < 2; i++) {
		lock(m, i + 1, object + objects[_i].words[i]);
		wait_at(m, i + 1, 1, 100 * (i + 1));
		if (*objects[_i].names[i])
			name(m, i + 1, objects[_i].names[i]);
	}
	snap = feed_end_at(m, 1000);
	ck_assert_uint_eq(snap->locks_len, objects[_i].locks);
	ck_assert_int_eq(snap->locks[0].kind, objects[_i].kind);
	ck_assert_str_eq(name_at(snap, merged ? object : object + objects[_i].words[0]),
			 objects[_i].name);
	if (merged) {
		ck_assert_uint_eq(snap->locks[0].waits, 2);
		ck_assert_uint_eq(snap->locks[0].blocked_ns, 300);
	}
	snapshot_free(snap);
}
END_TEST

/* Stack @id: the functions of @names, innermost first, all of the program but the first. */
static void deep_stack(struct model *m, uint64_t id, const char *module, const char *const names[4])
{
	struct record rec = {.type = RECORD_STACK, .stack = {.stack = id, .pid = FEED_PID}};

	for (; rec.stack.len < 4 && names[rec.stack.len]; rec.stack.len++)
		rec.stack.ips[rec.stack.len] = 0x10000 * id + rec.stack.len + 1;
	feed_put(m, &rec);
	for (uint32_t i = 0; i < rec.stack.len; i++)
		frame(m, 0x10000 * id + i + 1, names[i], i ? PROG : module);
}

/* Rust builds its primitives of the system call: nothing in them lies where glibc has it. */
START_TEST(words_of_others_are_not_glibcs)
{
	struct model *m = begin();
	struct snapshot *snap;

	deep_stack(m, 1, LIBC,
		   (const char *const[4]){"syscall",
					  "std::sys::sync::condvar::futex::Condvar::wait",
					  "take_turn"});
	deep_stack(m, 2, LIBC,
		   (const char *const[4]){"syscall",
					  "std::sys::sync::mutex::futex::Mutex::lock_contended",
					  "take"});
	lock(m, 1, 0x4028);
	wait_at(m, 1, 1, 100);
	lock(m, 2, 0x4000);
	wait_at(m, 2, 2, 100);
	snap = feed_end_at(m, 1000);
	ck_assert_uint_eq(snap->locks_len, 2);
	ck_assert_str_eq(name_at(snap, 0x4000), "mutex in take");
	ck_assert_str_eq(name_at(snap, 0x4028), "condvar in take_turn");
	snapshot_free(snap);
}
END_TEST

START_TEST(what_is_no_lock_says_so)
{
	struct model *m = begin();
	struct snapshot *snap;

	deep_stack(m, 1, PROG,
		   (const char *const[4]){"runtime.futex.abi0", "runtime.notesleep",
					  "runtime.mPark", "runtime.stopm"});
	deep_stack(m, 2, LIBC, (const char *const[4]){"__pthread_once_slow", "open_file", "main"});
	lock(m, 1, 0x1000);
	wait_at(m, 1, 1, 100);
	name(m, 1, "runtime.m0+0x148");
	lock(m, 2, 0x2000);
	wait_at(m, 2, 2, 100);
	lock(m, 3, 0x3000);
	wait_at(m, 3, 2, 100);
	name(m, 3, "file_flag");
	snap = feed_end_at(m, 1000);
	ck_assert_str_eq(name_at(snap, 0x1000), "idle worker of the Go runtime");
	ck_assert_str_eq(name_at(snap, 0x2000), "call_once in open_file");
	ck_assert_str_eq(name_at(snap, 0x3000), "file_flag");
	for (uint32_t i = 0; i < snap->locks_len; i++)
		ck_assert_int_eq(snap->locks[i].is_lock, snap->locks[i].address != 0x1000);
	snapshot_free(snap);
}
END_TEST

/* Two processes map a page of a file at different addresses; each was seen at another word. */
START_TEST(words_of_one_shared_object)
{
	struct model *m = begin();
	struct snapshot *snap;

	stack(m, 1, "pthread_cond_wait", LIBC);
	for (uint32_t i = 0; i < 2; i++) {
		FEED(m, RECORD_LOCK,
		     .lock = {.lock = i + 1,
			      .address = 0x4000 + 0x10000 * i + 40 + 4 * i,
			      .pid = FEED_PID + i,
			      .shared = true,
			      .dev = 8,
			      .inode = 9,
			      .file_offset = 0x200 + 40 + 4 * i,
			      .path = "/dev/shm/queue"});
		wait_at(m, i + 1, 1, 100);
	}
	snap = feed_end_at(m, 1000);
	ck_assert_uint_eq(snap->locks_len, 1);
	ck_assert_uint_eq(snap->locks[0].waits, 2);
	ck_assert(snap->locks[0].shared);
	/* As it is mapped where it was met first. */
	ck_assert_uint_eq(snap->locks[0].address, 0x4000);
	ck_assert_str_eq(snap->locks[0].name, "queue+0x200");
	snapshot_free(snap);
}
END_TEST

static const struct {
	const char *path, *module, *name;
} semaphore_cases[] = {
	/* opened by its name, as a spawned process does; as the C library made it; not Python's */
	{"/dev/shm/sem.mp-x1y2", PROG, "multiprocessing lock sem.mp-x1y2"},
	{"/dev/shm/sem.aB3xYz", "/usr/lib/_multiprocessing.cpython-311-x86_64-linux-gnu.so",
	 "multiprocessing lock sem.aB3xYz"},
	{"/dev/shm/sem.aB3xYz", PROG, "sem.aB3xYz"},
	{"/dev/shm/queue", "/usr/lib/_multiprocessing.cpython-311-x86_64-linux-gnu.so", "queue"},
};

START_TEST(semaphores_of_multiprocessing)
{
	struct model *m = begin();
	struct snapshot *snap;
	struct record name = {.type = RECORD_LOCK_NAME, .lock_name = {.lock = 1}};
	struct record lock = {
		.type = RECORD_LOCK,
		.lock = {
			.lock = 1, .address = 0x4000, .pid = FEED_PID, .shared = true, .inode = 7}};

	stack(m, 1, "sem_acquire", semaphore_cases[_i].module);
	snprintf(lock.lock.path, sizeof(lock.lock.path), "%s", semaphore_cases[_i].path);
	feed_put(m, &lock);
	wait_at(m, 1, 1, 100);
	snprintf(name.lock_name.name, sizeof(name.lock_name.name), "%s",
		 strrchr(semaphore_cases[_i].path, '/') + 1);
	feed_put(m, &name);
	snap = feed_end_at(m, 1000);
	ck_assert_str_eq(snap->locks[0].name, semaphore_cases[_i].name);
	snapshot_free(snap);
}
END_TEST

Suite *model_freeze_names_suite(void)
{
	Suite *s = suite_create("model_freeze_names");
	TCase *tc = tcase_create("names");

	tcase_add_test(tc, inlined_functions_are_frames);
	tcase_add_test(tc, inlined_functions_out_of_order);
	tcase_add_test(tc, notes_once_and_in_order);
	tcase_add_test(tc, named_by_the_site);
	tcase_add_test(tc, equal_names_are_told_apart);
	tcase_add_test(tc, on_the_stack_of_a_thread);
	tcase_add_loop_test(tc, words_of_one_object, 0, 6);
	tcase_add_test(tc, words_of_others_are_not_glibcs);
	tcase_add_test(tc, what_is_no_lock_says_so);
	tcase_add_test(tc, words_of_one_shared_object);
	tcase_add_loop_test(tc, semaphores_of_multiprocessing, 0,
			    sizeof(semaphore_cases) / sizeof(semaphore_cases[0]));
	suite_add_tcase(s, tc);
	return s;
}
