// SPDX-License-Identifier: GPL-2.0-only
/* The verdicts of programs of several processes, as a run of 10 s on 2 CPUs would show them. */
#include "analysis/ipc.h"
#include "analysis/ipc_code.h"
#include "tests/unit/analysis_fixture.h"
#include "tests/unit/suites.h"

#include <string.h>

#define WORKERS 4

static const struct {
	const char *frames[4]; /* innermost first */
	bool ipc;
} code_cases[] = {
	{{"queues.py!Queue.get", "mine.py!work"}, true},
	{{"libc!memcpy", "_pickle!save_bytes", "mine.py!store"}, true},
	/* called by pickle: the program's __reduce__ is part of what pickling costs */
	{{"mine.py!Item.__reduce__", "reduction.py!ForkingPickler.dumps", "queues.py!Queue._feed"},
	 true},
	{{"libc!read", "app!os_read", "connection.py!Connection._recv", "queues.py!get"}, true},
	/* the workers' loops run the program's functions */
	{{"mine.py!compute", "pool.py!mapstar", "pool.py!worker"}, false},
	{{"app!hash", "pool.py!mapstar", "pool.py!worker"}, false},
	{{"app!hash", "process.py!_process_worker"}, false},
	{{"mine.py!compute", "process.py!_process_worker"}, false},
	{{"pool.py!Pool._handle_tasks", "mine.py!run"}, true},
	{{"process.py!_ExecutorManagerThread.run"}, true},
	/* waits for its workers to be done */
	{{"queues.py!JoinableQueue.join", "mine.py!main"}, false},
	/* a lock of the program's own */
	{{"_multiprocessing!acquire", "synchronize.py!Lock.__enter__", "mine.py!work"}, false},
	{{"myqueues.py!get", "mine.py!work"}, false},
	{{"app!main"}, false},
};

START_TEST(which_code_hands_data_over)
{
	struct snap_builder *b = build_new(10, 2);
	const char *frames[5] = {0};
	uint32_t stack;

	memcpy(frames, code_cases[_i].frames, sizeof(code_cases[_i].frames));
	stack = build_stack(b, frames);
	build_thread(b, "t");
	ck_assert_msg(ipc_code_stack(build_finish(b), stack) == code_cases[_i].ipc, "%s",
		      frames[0]);
	ck_assert(!ipc_code_stack(&b->snap, SNAP_NONE));
	build_free(b);
}
END_TEST

START_TEST(which_thread_feeds)
{
	static const char *const feed[] = {"libc!write", "connection.py!Connection._send",
					   "queues.py!Queue._feed", NULL};
	static const char *const feed_3_8[] = {"queues.py!_feed", NULL};
	static const char *const put[] = {"queues.py!Queue.put", "mine.py!_feed", NULL};
	struct snap_builder *b = build_new(10, 2);
	uint32_t yes = build_stack(b, feed), old = build_stack(b, feed_3_8);
	uint32_t no = build_stack(b, put);

	ck_assert(ipc_code_feeder(build_finish(b), yes));
	ck_assert(ipc_code_feeder(&b->snap, old));
	ck_assert(!ipc_code_feeder(&b->snap, no));
	ck_assert(!ipc_code_feeder(&b->snap, SNAP_NONE));
	build_free(b);
}
END_TEST

/* A semaphore at which @stack waits. */
static bool counts(const char *const *stack, enum lock_kind kind, bool shared, bool certain)
{
	struct snap_builder *b = build_new(10, 2);
	uint32_t thread = build_thread(b, "t");
	uint32_t lock = build_lock(b, "sem.abc", kind, false);
	bool ipc;

	b->locks[lock].shared = shared;
	build_wait(b, lock, thread, 10, 1, build_stack(b, stack));
	build_finish(b);
	ipc = ipc_code_lock(&b->snap, &b->snap.locks[lock], certain);
	build_free(b);
	return ipc;
}

START_TEST(which_semaphores_belong_to_a_queue)
{
	static const char *const native[] = {"libc!sem_wait", "_multiprocessing!acquire",
					     "app!eval", NULL};
	static const char *const queue[] = {"_multiprocessing!acquire",
					    "synchronize.py!Lock.__enter__", "queues.py!Queue.get",
					    NULL};
	static const char *const own[] = {"_multiprocessing!acquire",
					  "synchronize.py!Lock.__enter__", "mine.py!work", NULL};
	static const char *const other[] = {"libc!sem_wait", "app!main", NULL};

	ck_assert(counts(queue, LOCK_SHARED_SEMAPHORE, true, true));
	ck_assert(!counts(own, LOCK_SHARED_SEMAPHORE, true, false));
	ck_assert(counts(native, LOCK_SHARED_SEMAPHORE, true, false));
	ck_assert(!counts(native, LOCK_SHARED_SEMAPHORE, true, true));
	ck_assert(!counts(other, LOCK_SHARED_SEMAPHORE, true, false));
	ck_assert(!counts(queue, LOCK_SEMAPHORE, false, false));
	ck_assert(!counts(queue, LOCK_MUTEX, true, false));
}
END_TEST

/*
 * A queue of large items: its parent's feeder pickles and writes, 4 workers read in turn and
 * compute for @work_s of their 10 s.  @ipc_s: what each of the five takes for handing over.
 */
static struct snap_builder *queue_bound(double ipc_s, double work_s, bool python)
{
	static const char *const feed[] = {"reduction.py!ForkingPickler.dumps",
					   "queues.py!Queue._feed", NULL};
	static const char *const compute[] = {"app!crc32", "mine.py!work", NULL};
	static const char *const get[] = {"_multiprocessing!acquire", "queues.py!Queue.get",
					  "mine.py!work", NULL};
	struct snap_builder *b = build_new(10, 2);
	uint32_t feeder, stack, lock, waits;

	build_process(b, 1);
	feeder = build_thread(b, "python3");
	build_time(b, feeder, CLASS_RUN, ipc_s);
	build_time(b, feeder, CLASS_PEER, 10 - ipc_s);
	build_switches(b, feeder, 10000);
	stack = build_stack(b, python ? feed : compute + 1);
	build_sample_of(b, feeder, stack, SAMPLE_USER, 50);
	build_sample_of(b, feeder, stack, SAMPLE_IPC, 50);
	lock = build_lock(b, "multiprocessing lock sem.abc", LOCK_SHARED_SEMAPHORE, false);
	b->locks[lock].shared = true;
	stack = build_stack(b, compute);
	waits = build_stack(b, get);
	for (int i = 0; i < WORKERS; i++) {
		uint32_t worker;

		build_process(b, 100);
		worker = build_thread(b, "python3");
		build_time(b, worker, CLASS_RUN, ipc_s + work_s);
		build_time(b, worker, CLASS_PEER, 10 - ipc_s - work_s);
		build_switches(b, worker, 10000);
		build_sample_of(b, worker, stack, SAMPLE_USER, (uint64_t)(work_s * 99));
		build_sample_of(b, worker, stack, SAMPLE_IPC, (uint64_t)(ipc_s * 99));
		build_pipe(b, worker, feeder, EDGE_PIPE, 2000, 1);
		build_pipe(b, feeder, worker, EDGE_PIPE, 2000, (10 - ipc_s) / WORKERS);
		build_wait(b, lock, worker, 700, 9 - ipc_s - work_s, waits);
	}
	return b;
}

/* 14: U = 5 x 0.2 + 4 x 0.2 = 1.8 CPUs, of which the queue takes 1.0. */
START_TEST(answer_14_queue_of_large_items)
{
	struct snap_builder *b = queue_bound(2, 2, true);
	struct verdict v = judge_built(b);

	ck_assert_str_eq(v.main.bottleneck, "processes.ipc");
	ck_assert_str_eq(v.main.model, "processes");
	ck_assert(!v.second.fired);
	ck_assert_double_eq_tol(v.main.gain_ratio, 2 / 0.8, 0.05);
	ck_assert_int_eq(v.main.limited_by, LIMIT_CPUS);
	ck_assert_uint_eq(v.main.thread, 0);
	ck_assert_ptr_nonnull(strstr(strbuf_str(&v.main.headline), "python3 (100) spends 100%"));
	ck_assert_ptr_nonnull(strstr(strbuf_str(&v.main.cause), "QueueFeederThread"));
	ck_assert_str_eq(strbuf_str(&v.main.evidence[0]),
			 "python3 (100): 2.0 s of computing and 8.0 s of waiting in that code, of "
			 "10.0 s with work in hand");
	ck_assert_ptr_nonnull(strstr(strbuf_str(&v.main.evidence[2]),
				     "python3 (100) waited 2.0 s at pipes for python3 (101), in "
				     "2,000 waits"));
	ck_assert_uint_eq(v.main.slices_agreeing, 10);
	verdict_free(&v);
	build_free(b);
}
END_TEST

/* Full CPUs: U / (U - its part). Without Python frames the pickling is not seen. */
START_TEST(a_queue_on_full_cpus)
{
	struct snap_builder *b = queue_bound(2, 2.5, false);
	struct verdict v = judge_built(b);

	ck_assert_str_eq(v.main.bottleneck, "processes.ipc");
	ck_assert_double_eq_tol(v.main.gain_ratio, 2 / 1.1, 0.05);
	ck_assert_ptr_null(strstr(strbuf_str(&v.main.cause), "QueueFeederThread"));
	verdict_free(&v);
	build_free(b);
}
END_TEST

/* The workers run for as long as there are CPUs, their hand-over is a tenth: not the limit. */
START_TEST(busy_workers_are_not_limited_by_their_queue)
{
	struct snap_builder *b = build_new(10, 2);
	static const char *const compute[] = {"app!crc32", "mine.py!work", NULL};
	uint32_t parent, stack = build_stack(b, compute);
	struct verdict v;

	build_process(b, 1);
	parent = build_thread(b, "python3");
	build_time(b, parent, CLASS_RUN, 0.5);
	build_time(b, parent, CLASS_PEER, 9.5);
	build_sample_of(b, parent, stack, SAMPLE_IPC, 50);
	for (int i = 0; i < 2; i++) {
		uint32_t worker;

		build_process(b, 100);
		worker = build_thread(b, "python3");
		build_time(b, worker, CLASS_RUN, 9.5);
		build_time(b, worker, CLASS_PEER, 0.5);
		build_switches(b, worker, 1000);
		build_sample_of(b, worker, stack, SAMPLE_USER, 900);
		build_sample_of(b, worker, stack, SAMPLE_IPC, 90);
		build_pipe(b, parent, worker, EDGE_PIPE, 500, 4.7);
		build_pipe(b, worker, parent, EDGE_PIPE, 500, 0.5);
	}
	v = judge_built(b);
	ck_assert_str_eq(v.main.bottleneck, "cpu.saturated");
	verdict_free(&v);
	build_free(b);
}
END_TEST

/* @share of the limiting process's 10 s is IPC; the rest is its own computing. */
static const char *word_at(double share)
{
	static const char *const compute[] = {"mine.py!work", NULL};
	struct snap_builder *b = build_new(10, 2);
	uint32_t parent, worker, stack = build_stack(b, compute);
	struct verdict v;
	const char *word;

	build_process(b, 1);
	parent = build_thread(b, "python3");
	build_time(b, parent, CLASS_RUN, 9);
	build_time(b, parent, CLASS_PEER, 1);
	build_switches(b, parent, 1000);
	build_sample_of(b, parent, stack, SAMPLE_USER,
			(uint64_t)(1000 - 1000 * (share * 10 - 1) / 9));
	build_sample_of(b, parent, stack, SAMPLE_IPC, (uint64_t)(1000 * (share * 10 - 1) / 9));
	build_process(b, 100);
	worker = build_thread(b, "python3");
	build_time(b, worker, CLASS_RUN, 1);
	build_time(b, worker, CLASS_PEER, 9);
	build_pipe(b, parent, worker, EDGE_PIPE, 500, 1);
	build_pipe(b, worker, parent, EDGE_PIPE, 500, 9);
	v = judge_built(b);
	word = v.main.bottleneck;
	verdict_free(&v);
	build_free(b);
	return word;
}

START_TEST(from_three_tenths_on)
{
	ck_assert_str_eq(word_at(0.28), "threads.imbalance");
	ck_assert_str_eq(word_at(0.32), "processes.ipc");
}
END_TEST

/* Sockets between unrelated processes are a service and its client; pipes inside one are no IPC. */
START_TEST(edges_between_processes)
{
	struct snap_builder *b = build_new(10, 2);
	uint32_t proxy, worker, sibling, own;
	struct snap_edge *e = b->edges;

	build_process(b, 1);
	proxy = build_thread(b, "nginx");
	build_process(b, 7);
	worker = build_thread(b, "python3");
	own = build_thread(b, "python3");
	build_process(b, 7);
	sibling = build_thread(b, "python3");
	build_pipe(b, proxy, worker, EDGE_SOCKET, 1, 1);
	build_pipe(b, proxy, worker, EDGE_PIPE, 1, 1);
	build_pipe(b, worker, own, EDGE_PIPE, 1, 1);
	build_pipe(b, worker, sibling, EDGE_SOCKET, 1, 1);
	build_pipe(b, worker, sibling, EDGE_LOCK, 1, 1);
	build_pipe(b, worker, SNAP_NONE, EDGE_PIPE, 1, 1);
	build_finish(b);
	ck_assert(!ipc_edge(&b->snap, &e[0]));
	ck_assert(ipc_edge(&b->snap, &e[1]));
	ck_assert(!ipc_edge(&b->snap, &e[2]));
	ck_assert(ipc_edge(&b->snap, &e[3]));
	ck_assert(!ipc_edge(&b->snap, &e[4]));
	ck_assert(!ipc_edge(&b->snap, &e[5]));
	build_free(b);
}
END_TEST

/* A master and 2 workers, each of which sleeps @sleep_s and runs @run_s of 10 s. */
static struct snap_builder *forked_server(double sleep_s, double run_s, uint32_t waiting)
{
	struct snap_builder *b = build_new(10, 2);
	uint32_t master;

	build_process(b, 1);
	b->processes[0].workers = 2;
	master = build_thread(b, "gunicorn");
	build_time(b, master, CLASS_LOOP_IDLE, 10);
	for (int i = 0; i < 2; i++) {
		uint32_t worker;

		build_process(b, 100);
		worker = build_thread(b, "gunicorn");
		build_time(b, worker, CLASS_SLEEP, sleep_s);
		build_time(b, worker, CLASS_RUN, run_s);
		build_time(b, worker, CLASS_RUNQ_WAKE, 10 - sleep_s - run_s);
		build_switches(b, worker, 1000);
	}
	build_backlog(b, waiting);
	return b;
}

/* 17: the workers sleep, which would be idleness if nobody waited for them. U = 0.4 CPUs. */
START_TEST(answer_17_pool_exhausted)
{
	struct snap_builder *b = forked_server(8, 2, 10);
	struct verdict v = judge_built(b);

	ck_assert_str_eq(v.main.bottleneck, "processes.pool_exhausted");
	ck_assert_str_eq(v.main.model, "processes");
	ck_assert(!v.second.fired);
	ck_assert_double_eq_tol(v.main.gain_ratio, 5, 0.01);
	ck_assert_int_eq(v.main.limited_by, LIMIT_CPUS);
	ck_assert_int_eq(v.confidence, CONFIDENCE_HIGH);
	ck_assert_str_eq(strbuf_str(&v.main.headline),
			 "All workers are busy while clients wait and CPUs are free: 2 processes "
			 "serve port 8000");
	ck_assert_str_eq(strbuf_str(&v.main.cause),
			 "python3 (100) has started no more workers than these");
	ck_assert_str_eq(strbuf_str(&v.main.evidence[0]),
			 "at port 8000 connections waited at 10 of 10 looks, 5 of them on average, "
			 "5 at most");
	ck_assert_str_eq(strbuf_str(&v.main.evidence[1]),
			 "a thread of the workers sleeps 80% of its time, and is computing 20%");
	ck_assert_ptr_nonnull(strstr(strbuf_str(&v.main.next_step), "--threads"));
	verdict_free(&v);
	build_free(b);
}
END_TEST

static const char *server_word(double sleep_s, double run_s, uint32_t waiting)
{
	struct snap_builder *b = forked_server(sleep_s, run_s, waiting);
	struct verdict v = judge_built(b);
	const char *word = v.main.bottleneck;

	verdict_free(&v);
	build_free(b);
	return word;
}

START_TEST(when_a_pool_is_exhausted)
{
	ck_assert_str_eq(server_word(8, 2, 9), "processes.pool_exhausted");
	ck_assert_str_eq(server_word(8, 2, 8), "none");
	/* hardly any load of their own, with and without clients that wait */
	ck_assert_str_eq(server_word(9.9, 0.05, 10), "processes.pool_exhausted");
	ck_assert_str_eq(server_word(9.9, 0.05, 0), "idle");
	/* no CPU is free: more workers would only queue for them */
	ck_assert_str_eq(server_word(0.2, 9.7, 10), "cpu.saturated");
}
END_TEST

START_TEST(no_pool_without_processes_or_when_stopped)
{
	static const struct build_each each = {2, 1, 0, 0, 9};
	struct snap_builder *b = build_workers(&each);
	struct verdict v;

	build_backlog(b, 10);
	v = judge_built(b);
	ck_assert_str_eq(v.main.bottleneck, "none");
	verdict_free(&v);
	build_free(b);

	b = forked_server(1, 1, 10);
	for (uint32_t i = 0; i < 3; i++)
		build_time(b, i, CLASS_STOPPED, 20);
	v = judge_built(b);
	ck_assert_str_ne(v.main.bottleneck, "processes.pool_exhausted");
	verdict_free(&v);
	build_free(b);
}
END_TEST

Suite *analysis_processes_suite(void)
{
	Suite *suite = suite_create("analysis_processes");
	TCase *tc = tcase_create("handing data over");

	tcase_add_loop_test(tc, which_code_hands_data_over, 0,
			    sizeof(code_cases) / sizeof(code_cases[0]));
	tcase_add_test(tc, which_thread_feeds);
	tcase_add_test(tc, which_semaphores_belong_to_a_queue);
	tcase_add_test(tc, answer_14_queue_of_large_items);
	tcase_add_test(tc, a_queue_on_full_cpus);
	tcase_add_test(tc, busy_workers_are_not_limited_by_their_queue);
	tcase_add_test(tc, from_three_tenths_on);
	tcase_add_test(tc, edges_between_processes);
	suite_add_tcase(suite, tc);
	tc = tcase_create("workers");
	tcase_add_test(tc, answer_17_pool_exhausted);
	tcase_add_test(tc, when_a_pool_is_exhausted);
	tcase_add_test(tc, no_pool_without_processes_or_when_stopped);
	suite_add_tcase(suite, tc);
	return suite;
}
