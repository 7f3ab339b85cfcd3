// SPDX-License-Identifier: GPL-2.0-only
/* What the model refuses, whom it takes a tid for, what it wants named. */
#include "model/model.h"

#include "base/err.h"
#include "base/num.h"
#include "tests/unit/record_feed.h"
#include "tests/unit/suites.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static struct model *model_with_run(uint64_t start_ns)
{
	struct model *m = model_new();
	struct record run = feed_run(start_ns);

	ck_assert_ptr_nonnull(m);
	feed_put(m, &run);
	return m;
}

static void check_refused(struct model *m, const struct record *rec, const char *why)
{
	struct err err = {0};

	ck_assert_int_eq(model_apply(m, rec, &err), -EPROTO);
	ck_assert_msg(strstr(err.msg, why) != NULL, "\"%s\" does not say \"%s\"", err.msg, why);
}

START_TEST(run_comes_first_and_once)
{
	struct model *m = model_new();
	struct record slice = {.type = RECORD_SLICE, .slice = {.end_ns = 5}};
	struct record run = feed_run(1);

	ck_assert_ptr_null(model_freeze(m));
	check_refused(m, &slice, "begins");
	feed_put(m, &run);
	feed_put(m, &slice);
	check_refused(m, &run, "begins");
	model_free(m);
	model_free(NULL);
	snapshot_free(NULL);
}
END_TEST

START_TEST(time_must_not_run_backwards)
{
	struct model *m = model_with_run(100);
	struct record slice = {.type = RECORD_SLICE, .slice = {.end_ns = 99}};
	struct record end = {.type = RECORD_END, .end = {.end_ns = 99}};

	check_refused(m, &slice, "slice");
	check_refused(m, &end, "end");
	slice.slice.end_ns = 200;
	feed_put(m, &slice);
	slice.slice.end_ns = 199;
	check_refused(m, &slice, "slice");
	model_free(m);
}
END_TEST

START_TEST(only_names_and_losses_follow_the_end)
{
	struct model *m = model_with_run(0);
	struct record wait = {.type = RECORD_WAIT, .wait = {.lock = 1, .tid = 1}};
	struct snapshot *snap;

	FEED(m, RECORD_END, .end = {.end_ns = 10});
	check_refused(m, &wait, "end of the run");
	FEED(m, RECORD_STACK, .stack = {.stack = 1, .pid = 1, .len = 1, .ips = {7}});
	FEED(m, RECORD_FRAME, .frame = {.pid = 1, .ip = 7, .name = "late"});
	FEED(m, RECORD_LOSS, .loss = {.cause = LOSS_RING_FULL, .count = 3});
	snap = model_freeze(m);
	ck_assert_str_eq(snap->stacks[0].frames[0].name, "late");
	ck_assert_uint_eq(snap->loss[LOSS_RING_FULL], 3);
	snapshot_free(snap);
	model_free(m);
}
END_TEST

START_TEST(invalid_record_is_refused)
{
	struct model *m = model_with_run(0);
	struct record loss = {.type = RECORD_LOSS, .loss = {.cause = LOSS_COUNT}};

	check_refused(m, &loss, "cause");
	model_free(m);
}
END_TEST

/* Feed numbered records; returns how many were taken. */
static uint32_t count_taken(struct model *m, struct record *rec, uint32_t *number, uint32_t most)
{
	struct err err = {0};

	for (uint32_t i = 0; i < most; i++) {
		*number = i + 1;
		if (model_apply(m, rec, &err) != 0)
			return i;
	}
	return most;
}

/* Feed notes, each on a file of its own, until one is refused; returns how many were taken. */
static uint32_t count_notes(struct model *m, struct record *rec, uint32_t most)
{
	struct err err = {0};

	for (uint32_t i = 0; i < most; i++) {
		snprintf(rec->note.module, sizeof(rec->note.module), "/lib/%u", i);
		if (model_apply(m, rec, &err) == 0)
			continue;
		ck_assert_int_eq(err.code, -EPROTO);
		ck_assert_ptr_nonnull(strstr(err.msg, "more than"));
		return i;
	}
	return most;
}

START_TEST(hostile_numbers_of_things_are_refused)
{
	struct model *m = model_with_run(0);
	struct record rec = {.type = RECORD_NOTE};

	ck_assert_uint_eq(count_notes(m, &rec, 70000), 65536);
	rec = (struct record){.type = RECORD_SLICE};
	for (uint32_t i = 0; i < 100000; i++)
		feed_put(m, &rec);
	check_refused(m, &rec, "more than 100000 slices");
	model_free(m);
}
END_TEST

/* A process for each request: the run goes on, and says how many are missing. */
START_TEST(processes_beyond_the_limit_are_counted)
{
	struct model *m = model_with_run(0);
	struct record rec = {.type = RECORD_PROCESS};
	struct snapshot *snap;

	ck_assert_uint_eq(count_taken(m, &rec, &rec.process.pid, 70000), 70000);
	snap = model_freeze(m);
	ck_assert_uint_eq(snap->processes_len, 65536);
	ck_assert_uint_eq(snap->loss[LOSS_PROCESSES_BEYOND], 70000 - 65536);
	snapshot_free(snap);
	model_free(m);
}
END_TEST

/* A thread for each request: the run goes on, and says how many are missing. */
START_TEST(threads_beyond_the_limit_are_counted)
{
	struct model *m = model_with_run(0);
	struct record rec = {
		.type = RECORD_COUNTERS,
		.counters = {.pid = 1, .until_ns = 10, .class_ns = {10}, .ended = true}};
	struct record sample = {.type = RECORD_SAMPLE, .sample = {.tid = 70000, .count = 1}};
	struct snapshot *snap;

	ck_assert_uint_eq(count_taken(m, &rec, &rec.counters.tid, 70000), 70000);
	feed_put(m, &sample); /* of one of those: no trace of it */
	snap = model_freeze(m);
	ck_assert_uint_eq(snap->threads_len, 65536);
	ck_assert_uint_eq(snap->loss[LOSS_THREAD_SLOTS], 70000 - 65536);
	ck_assert_uint_eq(snap->samples_len, 0);
	snapshot_free(snap);
	model_free(m);
}
END_TEST

START_TEST(hostile_locks_and_stacks_are_refused)
{
	struct model *m = model_with_run(0);
	struct record rec = {.type = RECORD_CONTENTION, .contention = {.lock = 1}};
	uint32_t taken = 0;

	while (model_apply(m, &rec, NULL) == 0 && taken < 300000) {
		rec.contention.lock++;
		taken++;
	}
	ck_assert_uint_eq(taken, 262144);
	rec = (struct record){.type = RECORD_STACK, .stack = {.stack = 1}};
	for (taken = 0; model_apply(m, &rec, NULL) == 0 && taken < 300000; taken++)
		rec.stack.stack++;
	ck_assert_uint_eq(taken, 262144);
	model_free(m);
}
END_TEST

static const struct snap_thread *thread_of(const struct snapshot *snap, uint32_t tid,
					   const char *name)
{
	for (uint32_t i = 0; i < snap->threads_len; i++)
		if (snap->threads[i].tid == tid && strcmp(snap->threads[i].name, name) == 0)
			return &snap->threads[i];
	ck_abort_msg("no thread %u named %s", tid, name);
	return NULL;
}

START_TEST(tid_given_again_is_another_thread)
{
	struct model *m = model_with_run(0);
	struct snapshot *snap;
	const struct snap_thread *first;
	const struct snap_thread *second;

	FEED(m, RECORD_COUNTERS,
	     .counters = {.pid = 10,
			  .tid = 7,
			  .name = "first",
			  .start_ns = 0,
			  .until_ns = 40,
			  .ended = true,
			  .class_ns = {[CLASS_RUN] = 40}});
	FEED(m, RECORD_COUNTERS,
	     .counters = {.pid = 20,
			  .tid = 7,
			  .name = "second",
			  .start_ns = 50,
			  .until_ns = 100,
			  .class_ns = {[CLASS_RUN] = 10}});
	/* By tid alone: the newest. */
	FEED(m, RECORD_SAMPLE, .sample = {.tid = 7, .count = 5});
	/* The first one's last counters arrive late, on their way through the ring. */
	FEED(m, RECORD_COUNTERS,
	     .counters = {.pid = 10,
			  .tid = 7,
			  .name = "first",
			  .start_ns = 0,
			  .until_ns = 45,
			  .ended = true,
			  .class_ns = {[CLASS_RUN] = 45}});
	FEED(m, RECORD_SAMPLE, .sample = {.tid = 7, .count = 6});
	FEED(m, RECORD_SAMPLE, .sample = {.tid = 7, .kind = SAMPLE_IPC, .count = 2});
	FEED(m, RECORD_SLICE, .slice = {.end_ns = 100});
	snap = model_freeze(m);
	feed_check_snapshot(snap);
	ck_assert_uint_eq(snap->threads_len, 2);
	first = thread_of(snap, 7, "first");
	second = thread_of(snap, 7, "second");
	ck_assert_uint_eq(first->lifetime_ns, 45);
	ck_assert(first->ended);
	ck_assert_uint_eq(second->lifetime_ns, 50);
	ck_assert_uint_eq(second->pid, 20);
	ck_assert(!second->ended);
	ck_assert_uint_eq(snap->samples_len, 2);
	ck_assert_ptr_eq(&snap->threads[snap->samples[0].thread], second);
	ck_assert_uint_eq(snap->samples[0].count, 6);
	ck_assert_int_eq(snap->samples[0].kind, SAMPLE_USER);
	ck_assert_int_eq(snap->samples[1].kind, SAMPLE_IPC);
	ck_assert_uint_eq(snap->samples[1].count, 2);
	ck_assert_uint_eq(snap->processes_len, 2);
	snapshot_free(snap);
	model_free(m);
}
END_TEST

START_TEST(older_thread_met_last_does_not_take_the_tid)
{
	struct model *m = model_with_run(0);
	struct snapshot *snap;

	FEED(m, RECORD_COUNTERS,
	     .counters = {.pid = 20, .tid = 7, .name = "second", .start_ns = 50, .until_ns = 100});
	/* It ended before the first slice did: its exit is all that there is of it. */
	FEED(m, RECORD_COUNTERS,
	     .counters = {.pid = 10,
			  .tid = 7,
			  .name = "first",
			  .start_ns = 5,
			  .until_ns = 40,
			  .ended = true});
	FEED(m, RECORD_SAMPLE, .sample = {.tid = 7, .count = 5});
	FEED(m, RECORD_SLICE, .slice = {.end_ns = 100});
	snap = model_freeze(m);
	feed_check_snapshot(snap);
	ck_assert_uint_eq(snap->threads_len, 2);
	ck_assert_str_eq(snap->threads[snap->samples[0].thread].name, "second");
	snapshot_free(snap);
	model_free(m);
}
END_TEST

START_TEST(waits_may_come_before_the_counters)
{
	struct model *m = model_with_run(0);
	struct snapshot *snap;

	FEED(m, RECORD_LOCK, .lock = {.lock = 1, .address = 0x1000, .pid = 10});
	FEED(m, RECORD_WAIT,
	     .wait = {.lock = 1, .tid = 7, .op = FUTEX_OP_LOCK_PI, .waits = 1, .blocked_ns = 30});
	FEED(m, RECORD_COUNTERS,
	     .counters = {.pid = 10,
			  .tid = 7,
			  .name = "w",
			  .until_ns = 100,
			  .futex_ns = 30,
			  .class_ns = {[CLASS_RUN] = 70}});
	FEED(m, RECORD_SLICE, .slice = {.end_ns = 100});
	snap = model_freeze(m);
	feed_check_snapshot(snap);
	ck_assert_uint_eq(snap->threads_len, 1);
	ck_assert_uint_eq(snap->threads[0].class_ns[CLASS_LOCK], 30);
	snapshot_free(snap);
	model_free(m);
}
END_TEST

START_TEST(overtaken_counters_change_nothing)
{
	struct model *m = model_with_run(0);
	struct record rec = {.type = RECORD_COUNTERS,
			     .counters = {.pid = 1,
					  .tid = 1,
					  .until_ns = 100,
					  .ended = true,
					  .class_ns = {[CLASS_RUN] = 100}}};
	struct snapshot *snap;

	feed_put(m, &rec);
	rec.counters.until_ns = 60;
	rec.counters.ended = false;
	rec.counters.class_ns[CLASS_RUN] = 60;
	feed_put(m, &rec);
	FEED(m, RECORD_SLICE, .slice = {.end_ns = 100});
	snap = model_freeze(m);
	feed_check_snapshot(snap);
	ck_assert_uint_eq(snap->threads[0].class_ns[CLASS_RUN], 100);
	ck_assert(snap->threads[0].ended);
	ck_assert_uint_eq(snap->slices[0].class_ns[CLASS_RUN], 100);
	snapshot_free(snap);
	model_free(m);
}
END_TEST

struct wanted {
	uint32_t frames;
	uint32_t locks;
	uint64_t ips[8];
	bool returns[8];
	struct record_lock lock;
};

static void want_frame(void *ctx, uint32_t pid, uint64_t ip, bool return_address)
{
	struct wanted *wanted = ctx;

	ck_assert_uint_eq(pid, 10);
	ck_assert_uint_lt(wanted->frames, ARRAY_LEN(wanted->ips));
	wanted->ips[wanted->frames] = ip;
	wanted->returns[wanted->frames++] = return_address;
}

static void want_lock(void *ctx, const struct record_lock *lock)
{
	struct wanted *wanted = ctx;

	wanted->lock = *lock;
	wanted->locks++;
}

START_TEST(each_unnamed_thing_is_asked_for_once)
{
	struct model *m = model_with_run(0);
	struct wanted wanted = {0};
	const struct model_names names = {.frame = want_frame, .lock = want_lock, .ctx = &wanted};
	const uint64_t in_kernel = 0xffffffff81000000;

	FEED(m, RECORD_STACK,
	     .stack = {.stack = 1, .pid = 10, .len = 4, .ips = {in_kernel, 0x100, 0x200, 0x300}});
	FEED(m, RECORD_STACK, .stack = {.stack = 2, .pid = 10, .len = 2, .ips = {0x400, 0x300}});
	FEED(m, RECORD_FRAME, .frame = {.pid = 10, .ip = 0x200, .name = "known"});
	FEED(m, RECORD_LOCK,
	     .lock = {.lock = 5, .address = 0x1234, .pid = 10, .path = "/dev/shm/x"});
	FEED(m, RECORD_LOCK, .lock = {.lock = 6, .address = 0x5678, .pid = 10});
	FEED(m, RECORD_LOCK_NAME, .lock_name = {.lock = 6, .name = "cache"});
	model_for_unnamed(m, &names);
	/* All but 0x200, and 0x300 once though it is in two stacks. */
	ck_assert_uint_eq(wanted.frames, 4);
	ck_assert_uint_eq(wanted.ips[0], in_kernel);
	ck_assert(!wanted.returns[0]); /* innermost */
	ck_assert_uint_eq(wanted.ips[1], 0x100);
	ck_assert(!wanted.returns[1]); /* where user code entered the kernel */
	ck_assert_uint_eq(wanted.ips[2], 0x300);
	ck_assert(wanted.returns[2]);
	ck_assert_uint_eq(wanted.ips[3], 0x400);
	ck_assert(!wanted.returns[3]);
	ck_assert_uint_eq(wanted.locks, 1);
	ck_assert_uint_eq(wanted.lock.lock, 5);
	ck_assert_uint_eq(wanted.lock.address, 0x1234);
	ck_assert_str_eq(wanted.lock.path, "/dev/shm/x");
	/* Nothing found is an answer, too: not asked again. */
	FEED(m, RECORD_FRAME, .frame = {.pid = 10, .ip = 0x400});
	FEED(m, RECORD_LOCK_NAME, .lock_name = {.lock = 5});
	wanted = (struct wanted){0};
	model_for_unnamed(m, &names);
	ck_assert_uint_eq(wanted.frames, 3);
	ck_assert_uint_eq(wanted.locks, 0);
	model_free(m);
}
END_TEST

static struct record random_step(uint64_t *state)
{
	enum record_type type = (enum record_type)(
		RECORD_PROCESS + feed_random(state) % (RECORD_SLICE - RECORD_PROCESS));
	struct record rec = feed_random_record(type, state);
	/* Few ids, so that records meet each other. */
	const uint32_t tid = 1 + (uint32_t)(feed_random(state) % 6);
	const uint64_t id = 1 + feed_random(state) % 5;

	switch (type) {
	case RECORD_COUNTERS:
		rec.counters.tid = tid;
		rec.counters.pid = 1 + tid % 2;
		rec.counters.start_ns %= 4;
		break;
	case RECORD_LOCK:
		rec.lock.lock = id;
		rec.lock.inode %= 2;
		rec.lock.dev = 0;
		rec.lock.address %= 3;
		break;
	case RECORD_WAIT:
		rec.wait.lock = id;
		rec.wait.tid = tid;
		rec.wait.stack %= 3;
		break;
	case RECORD_BLAME:
		rec.blame.lock = id;
		rec.blame.tid = tid - 1;
		rec.blame.release_stack %= 3;
		break;
	case RECORD_OPEN_WAIT:
		rec.open_wait.lock = id;
		rec.open_wait.tid = tid;
		rec.open_wait.holder_tid %= 8;
		break;
	case RECORD_BLOCK:
		rec.block.tid = tid;
		break;
	case RECORD_STACK:
		rec.stack.stack = id;
		break;
	default:
		break;
	}
	return rec;
}

/*
 * Records that are valid one by one and contradict each other in all ways, with numbers up to 2^64
 * whose sums no window can hold: the snapshot still adds up.
 */
START_TEST(any_records_make_a_consistent_snapshot)
{
	uint64_t state = 1000 + (uint64_t)_i;
	struct model *m = model_with_run(0);
	uint64_t end_ns = 0;

	for (int i = 0; i < 400; i++) {
		struct record rec = random_step(&state);
		struct snapshot *snap;

		feed_put(m, &rec);
		if (i % 20)
			continue;
		end_ns += feed_random(&state) % 1000000;
		FEED(m, RECORD_SLICE, .slice = {.end_ns = end_ns});
		snap = model_freeze(m);
		ck_assert_ptr_nonnull(snap);
		for (uint32_t k = 0; k < snap->threads_len; k++) {
			uint64_t sum = 0;

			for (int c = 0; c < CLASS_COUNT; c++)
				sum += snap->threads[k].class_ns[c];
			ck_assert_uint_eq(sum, snap->threads[k].lifetime_ns);
		}
		feed_check_snapshot(snap);
		snapshot_free(snap);
	}
	model_free(m);
}
END_TEST

START_TEST(same_records_give_the_same_snapshot)
{
	struct snapshot *snaps[2];

	for (int run = 0; run < 2; run++) {
		uint64_t state = 77;
		struct model *m = model_with_run(0);

		for (int i = 0; i < 300; i++) {
			struct record rec = random_step(&state);

			feed_put(m, &rec);
		}
		FEED(m, RECORD_END, .end = {.end_ns = 1000000});
		snaps[run] = model_freeze(m);
		model_free(m); /* the snapshot does not need it */
	}
	ck_assert_uint_eq(snaps[0]->threads_len, snaps[1]->threads_len);
	ck_assert_uint_gt(snaps[0]->locks_len, 1);
	ck_assert_uint_eq(snaps[0]->locks_len, snaps[1]->locks_len);
	for (uint32_t i = 0; i < snaps[0]->locks_len; i++) {
		const struct snap_lock *a = &snaps[0]->locks[i];
		const struct snap_lock *b = &snaps[1]->locks[i];

		ck_assert_str_eq(a->name, b->name);
		ck_assert_uint_eq(a->blame_ns, b->blame_ns);
		ck_assert_uint_eq(a->holders_len, b->holders_len);
		ck_assert_mem_eq(a->holders, b->holders, a->holders_len * sizeof(*a->holders));
	}
	for (uint32_t i = 0; i < snaps[0]->threads_len; i++) {
		ck_assert_uint_eq(snaps[0]->threads[i].tid, snaps[1]->threads[i].tid);
		ck_assert_mem_eq(snaps[0]->threads[i].class_ns, snaps[1]->threads[i].class_ns,
				 sizeof(snaps[0]->threads[i].class_ns));
	}
	snapshot_free(snaps[0]);
	snapshot_free(snaps[1]);
}
END_TEST

Suite *model_apply_suite(void)
{
	Suite *s = suite_create("model_apply");
	TCase *tc = tcase_create("refused");

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, run_comes_first_and_once);
	tcase_add_test(tc, time_must_not_run_backwards);
	tcase_add_test(tc, only_names_and_losses_follow_the_end);
	tcase_add_test(tc, invalid_record_is_refused);
	tcase_add_test(tc, hostile_numbers_of_things_are_refused);
	tcase_add_test(tc, threads_beyond_the_limit_are_counted);
	tcase_add_test(tc, processes_beyond_the_limit_are_counted);
	tcase_add_test(tc, hostile_locks_and_stacks_are_refused);
	suite_add_tcase(s, tc);
	tc = tcase_create("taken");
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, tid_given_again_is_another_thread);
	tcase_add_test(tc, older_thread_met_last_does_not_take_the_tid);
	tcase_add_test(tc, waits_may_come_before_the_counters);
	tcase_add_test(tc, overtaken_counters_change_nothing);
	tcase_add_test(tc, each_unnamed_thing_is_asked_for_once);
	tcase_add_loop_test(tc, any_records_make_a_consistent_snapshot, 0, 40);
	tcase_add_test(tc, same_records_give_the_same_snapshot);
	suite_add_tcase(s, tc);
	return s;
}
