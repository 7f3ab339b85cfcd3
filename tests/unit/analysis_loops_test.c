// SPDX-License-Identifier: GPL-2.0-only
/* Verdicts on event loops, as runs of 10 s on 2 CPUs would show them. */
#include "analysis/loops.h"

#include "analysis/loop_advice.h"
#include "base/num.h"
#include "tests/unit/analysis_fixture.h"
#include "tests/unit/gil_fixture.h"
#include "tests/unit/suites.h"

#include <string.h>

#define LIBRARY GIL_LIBRARY
#define LOOP_FRAMES                                                             \
	" < /srv/app.py!handle_upload:14 < asyncio/events.py!Handle._run:80 < " \
	"asyncio/base_events.py!BaseEventLoop._run_once:1922 < "                \
	"asyncio/base_events.py!BaseEventLoop.run_forever:607"

/* A thread "loop" that is a loop of this kind. */
static struct snap_builder *one_loop(const char *kind)
{
	struct snap_builder *b = build_new(10, 2);

	build_loop(b, build_thread(b, "loop"), kind);
	build_switches(b, 0, 2000);
	return b;
}

static void has(const struct strbuf *sb, const char *part)
{
	ck_assert_msg(strstr(strbuf_str(sb), part), "no \"%s\" in \"%s\"", part, strbuf_str(sb));
}

static void has_evidence(const struct finding *f, const char *part)
{
	for (uint32_t i = 0; i < f->evidence_len; i++)
		if (strstr(strbuf_str(&f->evidence[i]), part))
			return;
	ck_abort_msg("no evidence \"%s\"", part);
}

/* The verdict and, unless NULL, the runner-up. */
static void expect(struct verdict *v, const char *word, const char *second)
{
	ck_assert_str_eq(v->main.bottleneck, word);
	if (second)
		ck_assert_str_eq(v->second.bottleneck, second);
	ck_assert_int_eq(v->second.fired, second != NULL);
	verdict_free(v);
}

static void judge_and_expect(struct snap_builder *b, const char *word, const char *second)
{
	struct verdict v = judge_built(b);

	expect(&v, word, second);
	build_free(b);
}

/* 12: asyncio, 50 ms of CPU 10 times a second. */
static struct snap_builder *computing(void)
{
	struct snap_builder *b = one_loop("asyncio");
	uint32_t stack = build_trace(b, LIBRARY, "/srv/app.py!burn:4" LOOP_FRAMES);

	build_time(b, 0, CLASS_RUN, 5.01);
	build_time(b, 0, CLASS_LOOP_IDLE, 4.99);
	build_turns(b, 0, 100, 50, PART_RUN);
	build_turns(b, 0, 100, 0.1, PART_RUN);
	build_stall(b, 0, 50, PART_RUN, stack, "");
	return b;
}

START_TEST(answer_12_computing)
{
	struct snap_builder *b = computing();
	struct verdict v;

	ck_assert_double_eq_tol(loops_of_run(build_finish(b)).added_mean_ns, 12.5e6, 1000);
	build_free(b);
	b = computing();
	v = judge_built(b);
	ck_assert_str_eq(v.main.model, "event_loop");
	ck_assert(v.main.latency);
	ck_assert_uint_eq(v.main.thread, 0);
	ck_assert_uint_eq(v.main.events, 100);
	ck_assert_int_eq(v.confidence, CONFIDENCE_HIGH);
	ck_assert_uint_eq(v.main.slices_agreeing, 10);
	ck_assert_double_eq_tol(v.main.gain_ratio, 0, 1e-9);
	ck_assert_str_eq(strbuf_str(&v.main.headline),
			 "The asyncio event loop is held up by computing: 100 turns over 50 ms, "
			 "the longest 50 ms; a request waits 13 ms longer on average");
	has(&v.main.cause, "it computes in burn (app.py:4), called by handle_upload (app.py:14), "
			   "for 100% of the time in stalls");
	has(&v.main.next_step, "ProcessPoolExecutor");
	has_evidence(&v.main, "200 turns, busy for 50% of the time");
	has_evidence(&v.main, "the stalls were: running 100%");
	expect(&v, "event_loop.cpu", NULL);
	build_free(b);
}
END_TEST

/* 13: the same with time.sleep: hardly anything that is not idle, which must not hide it. */
START_TEST(answer_13_sleeping)
{
	struct snap_builder *b = one_loop("asyncio");
	struct verdict v;
	uint32_t stack =
		build_trace(b, LIBRARY, "libc!clock_nanosleep < /srv/app.py!nap:4" LOOP_FRAMES);

	build_time(b, 0, CLASS_RUN, 0.05);
	build_time(b, 0, CLASS_SLEEP, 5);
	build_time(b, 0, CLASS_LOOP_IDLE, 4.95);
	build_turns(b, 0, 100, 50, PART_SLEEP);
	build_stall(b, 0, 50, PART_SLEEP, stack, "clock_nanosleep");
	v = judge_built(b);
	ck_assert_int_eq(v.confidence, CONFIDENCE_HIGH);
	ck_assert_uint_eq(v.main.slices_agreeing, 10);
	has(&v.main.headline, "a request waits 13 ms longer on average");
	has(&v.main.cause, "it waits in nap (app.py:4)");
	has(&v.main.cause, "(clock_nanosleep)");
	has(&v.main.next_step, "asyncio.to_thread");
	has_evidence(&v.main, "the stalls were: sleeping 100%");
	expect(&v, "event_loop.blocking", NULL);
	build_free(b);
}
END_TEST

/* Without the loop's turns this is an idle program. */
START_TEST(sleep_outside_of_turns_is_idle)
{
	struct snap_builder *b = one_loop("asyncio");

	build_time(b, 0, CLASS_RUN, 0.05);
	build_time(b, 0, CLASS_SLEEP, 5);
	build_time(b, 0, CLASS_LOOP_IDLE, 4.95);
	build_turns(b, 0, 100, 0.5, PART_RUN);
	judge_and_expect(b, "idle", NULL);
}
END_TEST

/* 19: a loop beside a thread that computes in Python, which gives the GIL away each 5 ms. */
static struct snap_builder *beside_computing(uint64_t turns, double gil_ms, double run_ms)
{
	struct snap_builder *b = one_loop("asyncio");
	double gil_s = (double)turns * gil_ms / 1000, run_s = (double)turns * run_ms / 1000;
	uint32_t crunch = build_thread(b, "crunch"), gil, stack;

	build_time(b, 0, CLASS_RUN, run_s);
	build_time(b, 0, CLASS_GIL, gil_s);
	build_time(b, 0, CLASS_LOOP_IDLE, 10 - run_s - gil_s);
	build_time(b, crunch, CLASS_RUN, 10 - run_s);
	build_time(b, crunch, CLASS_GIL, run_s);
	build_switches(b, crunch, 2000);
	build_turns(b, 0, turns, gil_ms, PART_GIL);
	build_turns(b, 0, turns, run_ms, PART_RUN);
	gil = build_lock(b, "GIL", LOCK_GIL, true);
	build_wait(b, gil, 0, turns, gil_s, SNAP_NONE);
	build_wait(b, gil, crunch, turns, run_s, SNAP_NONE);
	build_hold(b, gil, crunch, gil_s, CLASS_RUN, SNAP_NONE);
	build_hold(b, gil, 0, run_s, CLASS_RUN, SNAP_NONE);
	build_contended(b, gil, gil_s + run_s);
	stack = build_trace(b, LIBRARY, "/srv/app.py!crunch:27 < threading.py!Thread.run:975");
	build_seen(b, gil, crunch, stack, turns, gil_s, turns);
	return b;
}

START_TEST(answer_19_gil)
{
	struct snap_builder *b = beside_computing(1600, 5, 0.2);
	struct verdict v = judge_built(b);

	has(&v.main.headline, "The asyncio event loop of thread loop waits for the GIL");
	has(&v.main.cause, "it is held in crunch (app.py:27), mostly by thread crunch");
	has(&v.main.next_step, "ProcessPoolExecutor");
	has_evidence(&v.main, "it waits for the GIL for 80% of its time, 96% of its turns");
	ck_assert_uint_eq(v.main.thread, 0);
	ck_assert_uint_eq(v.main.slices_agreeing, 10);
	expect(&v, "event_loop.gil", NULL);
	build_free(b);
}
END_TEST

/* The GIL's share of turns (at least half) and of time (at least a tenth), both sides. */
START_TEST(starved_of_the_gil_or_not)
{
	static const struct {
		uint64_t turns;
		double gil_ms, run_ms;
		bool starved;
	} cases[] = {
		{1000, 1, 0.9, true},	  {1000, 1, 1, true},	{1000, 1, 1.01, false},
		{1000, 0.99, 0.9, false}, {1000, 2, 1.9, true}, {1000, 2, 2.1, false},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct snap_builder *b =
			beside_computing(cases[i].turns, cases[i].gil_ms, cases[i].run_ms);
		struct loop_load loop = loops_of_run(build_finish(b));

		ck_assert_uint_eq(loop.loop, 0);
		ck_assert(!loop_stalls(&loop));
		ck_assert_int_eq(loop_starved_of_gil(&loop), cases[i].starved);
		build_free(b);
	}
}
END_TEST

/* The threads that compute wait for the GIL much longer than the loop does: that is told first. */
START_TEST(gil_of_more_than_the_loop)
{
	struct snap_builder *b = gil_fixture();
	uint32_t thread = build_thread(b, "loop");

	build_loop(b, thread, "asyncio");
	build_time(b, thread, CLASS_RUN, 0.2);
	build_time(b, thread, CLASS_GIL, 8);
	build_time(b, thread, CLASS_LOOP_IDLE, 1.8);
	build_wait(b, 0, thread, 1600, 8, SNAP_NONE);
	build_hold(b, 0, 0, 8, CLASS_RUN, SNAP_NONE);
	build_turns(b, 0, 1600, 5, PART_GIL);
	judge_and_expect(b, "gil", "event_loop.gil");
}
END_TEST

/* 100 turns of x ms in 10 s add 5 x^2 us to the mean: 44.72 ms add 10 ms. */
START_TEST(both_sides_of_the_mean)
{
	static const struct {
		double ms;
		const char *word;
	} cases[] = {{44.7, "none"}, {44.8, "event_loop.cpu"}};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct snap_builder *b = one_loop("node");

		build_time(b, 0, CLASS_RUN, cases[i].ms / 10);
		build_time(b, 0, CLASS_LOOP_IDLE, 10 - cases[i].ms / 10);
		build_turns(b, 0, 100, cases[i].ms, PART_RUN);
		judge_and_expect(b, cases[i].word, NULL);
	}
}
END_TEST

/* One turn of 200 ms in 10 s keeps 1% of arrivals waiting for more than 100 ms; where somebody
 * looks at a screen one of 110 ms is a tenth of that. */
START_TEST(both_sides_of_late_arrivals)
{
	static const struct {
		const char *kind;
		double ms;
		bool stalls;
	} cases[] = {
		{"redis", 200, false}, {"redis", 201, true},  {"redis", 111, false},
		{"glib", 110, false},  {"glib", 111, true},   {"Qt", 110, false},
		{"Qt", 111, true},     {"tcl/tk", 111, true}, {"epoll", 111, false},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct snap_builder *b = one_loop(cases[i].kind);
		struct loop_load loop;
		struct verdict v;

		build_time(b, 0, CLASS_RUN, 1);
		build_time(b, 0, CLASS_LOOP_IDLE, 9);
		build_turns(b, 0, 1, cases[i].ms, PART_RUN);
		loop = loops_of_run(build_finish(b));
		ck_assert_int_eq(loop_stalls(&loop), cases[i].stalls);
		build_free(b);

		b = one_loop(cases[i].kind);
		build_time(b, 0, CLASS_RUN, 1);
		build_time(b, 0, CLASS_LOOP_IDLE, 9);
		build_turns(b, 0, 1, cases[i].ms, PART_RUN);
		v = judge_built(b);
		ck_assert_int_eq(!strcmp(v.main.bottleneck, "event_loop.cpu"), cases[i].stalls);
		verdict_free(&v);
		build_free(b);
	}
}
END_TEST

/* A worker of a pool that polls between items of work makes nobody wait. */
START_TEST(what_is_no_loop_is_not_judged)
{
	struct snap_builder *b = one_loop("gunicorn sync worker");

	b->loops[0].is_loop = false;
	build_time(b, 0, CLASS_RUN, 5);
	build_time(b, 0, CLASS_LOOP_IDLE, 5);
	build_turns(b, 0, 10, 500, PART_RUN);
	judge_and_expect(b, "none", NULL);
}
END_TEST

/* One thread is full; that it is a loop whose turns are short changes nothing. */
START_TEST(a_full_loop_that_never_stalls)
{
	struct snap_builder *b = one_loop("redis");

	build_time(b, 0, CLASS_RUN, 9.9);
	build_time(b, 0, CLASS_LOOP_IDLE, 0.1);
	build_turns(b, 0, 9900, 1, PART_RUN);
	judge_and_expect(b, "threads.imbalance", NULL);
}
END_TEST

/* It is full by turns so long that others wait for them: that is told, not that it is full. */
START_TEST(a_full_loop_that_stalls)
{
	struct snap_builder *b = one_loop("redis");

	build_time(b, 0, CLASS_RUN, 9.9);
	build_time(b, 0, CLASS_LOOP_IDLE, 0.1);
	build_turns(b, 0, 99, 100, PART_RUN);
	judge_and_expect(b, "event_loop.cpu", NULL);
}
END_TEST

/* Another thread is full: both are told. */
START_TEST(a_full_thread_beside_a_loop)
{
	struct snap_builder *b = build_new(10, 2);
	uint32_t full = build_thread(b, "crunch"), thread = build_thread(b, "loop");

	build_time(b, full, CLASS_RUN, 10);
	build_switches(b, full, 1000);
	build_loop(b, thread, "redis");
	build_time(b, thread, CLASS_SLEEP, 5);
	build_time(b, thread, CLASS_LOOP_IDLE, 5);
	build_turns(b, 0, 100, 50, PART_SLEEP);
	judge_and_expect(b, "threads.imbalance", "event_loop.blocking");
}
END_TEST

/* The loop waits for a server or the disk in its turns, and others for @others_s besides. */
static struct snap_builder *waiting(enum time_class cls, double others_s)
{
	struct snap_builder *b = one_loop("node");

	build_time(b, 0, CLASS_RUN, 0.5);
	build_time(b, 0, cls, 5);
	build_time(b, 0, CLASS_LOOP_IDLE, 4.5);
	build_block(b, 0, cls, "read", SNAP_NONE, 100, 5);
	build_turns(b, 0, 100, 50, PART_BLOCKING);
	if (others_s > 0) {
		uint32_t other = build_thread(b, "client");

		build_time(b, other, cls, others_s);
		build_time(b, other, CLASS_POOL_IDLE, 10 - others_s);
		build_switches(b, other, 1000);
		build_block(b, other, cls, "read", SNAP_NONE, 1000, others_s);
	}
	return b;
}

START_TEST(waiting_in_the_loop_explains_waiting)
{
	judge_and_expect(waiting(CLASS_NET, 0), "event_loop.blocking", NULL);
	judge_and_expect(waiting(CLASS_DISK, 0), "event_loop.blocking", NULL);
	judge_and_expect(waiting(CLASS_NET, 4.9), "event_loop.blocking", NULL);
	judge_and_expect(waiting(CLASS_DISK, 4.9), "event_loop.blocking", NULL);
	judge_and_expect(waiting(CLASS_NET, 5.1), "external", "event_loop.blocking");
	judge_and_expect(waiting(CLASS_DISK, 5.1), "storage", "event_loop.blocking");
}
END_TEST

/* What a stall is of: the largest of computing, waiting (calls, sleep and locks together), GIL. */
START_TEST(causes)
{
	static const struct {
		uint64_t part_ns[PART_COUNT];
		enum loop_cause cause;
	} cases[] = {
		{{[PART_RUN] = 5, [PART_GIL] = 4}, LOOP_CPU},
		{{[PART_RUN] = 5, [PART_GIL] = 6}, LOOP_GIL},
		{{[PART_RUN] = 5, [PART_BLOCKING] = 2, [PART_SLEEP] = 2, [PART_LOCK] = 2},
		 LOOP_BLOCKING},
		{{[PART_RUN] = 5, [PART_BLOCKING] = 2, [PART_SLEEP] = 2}, LOOP_CPU},
		{{[PART_RUN] = 5, [PART_RUNQ] = 6}, LOOP_NO_CPU},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct snap_builder *b = one_loop("node");
		struct loop_load loop;

		build_turns(b, 0, 1, 60, PART_RUN);
		memcpy(b->loops[0].stall_part_ns, cases[i].part_ns, sizeof(cases[i].part_ns));
		loop = loops_of_run(build_finish(b));
		ck_assert_int_eq(loop.cause, cases[i].cause);
		build_free(b);
	}
}
END_TEST

/* The one that adds the most is short of both thresholds, the next one is not. */
START_TEST(a_lesser_loop_may_be_the_one)
{
	struct snap_builder *b = build_new(10, 2);
	struct loop_load loop;

	build_threads(b, "loop", 2);
	build_loop(b, 0, "node");
	build_loop(b, 1, "node");
	build_turns(b, 0, 90, 44, PART_RUN);
	build_turns(b, 1, 1, 250, PART_SLEEP);
	loop = loops_of_run(build_finish(b));
	ck_assert_uint_eq(loop.loop, 1);
	ck_assert_int_eq(loop.cause, LOOP_BLOCKING);
	build_free(b);
}
END_TEST

/* By time, not by number, and of the stalls of that cause alone. */
START_TEST(the_place_to_blame)
{
	struct snap_builder *b = one_loop("asyncio");
	uint32_t twice = build_trace(b, LIBRARY, "/srv/app.py!twice:4" LOOP_FRAMES);
	uint32_t long_one = build_trace(b, LIBRARY, "/srv/app.py!long_one:9" LOOP_FRAMES);
	uint32_t line_5 = build_trace(b, LIBRARY, "/srv/app.py!twice:5" LOOP_FRAMES);
	const struct snap_stall *stall;

	build_stall(b, 0, 200, PART_SLEEP, long_one, "");
	build_stall(b, 0, 100, PART_RUN, long_one, "");
	build_stall(b, 0, 80, PART_RUN, line_5, "");
	build_stall(b, 0, 70, PART_RUN, twice, "");
	ck_assert_double_eq_tol(loop_blame(build_finish(b), 0, LOOP_CPU, &stall), 0.6, 1e-9);
	ck_assert_ptr_eq(stall, &b->stalls[2]);
	ck_assert_double_eq_tol(loop_blame(&b->snap, 0, LOOP_GIL, &stall), 0, 1e-9);
	ck_assert_ptr_null(stall);
	ck_assert_double_eq_tol(loop_blame(&b->snap, 1, LOOP_CPU, &stall), 0, 1e-9);
	build_free(b);
}
END_TEST

/* Rare, but in one slice each: the others do not bear it out. */
START_TEST(slices_have_their_own_stalls)
{
	struct snap_builder *b = one_loop("node");
	struct verdict v;

	build_time(b, 0, CLASS_RUN, 1);
	build_time(b, 0, CLASS_LOOP_IDLE, 9);
	build_turns(b, 0, 1, 500, PART_RUN);
	v = judge_built(b);
	ck_assert_str_eq(v.main.bottleneck, "event_loop.cpu");
	ck_assert_int_lt(v.confidence, CONFIDENCE_HIGH);
	verdict_free(&v);
	build_free(b);
}
END_TEST

static const struct {
	const char *kind, *cpu, *blocking, *full;
} advice[] = {
	{"asyncio", "ProcessPoolExecutor", "asyncio.to_thread", "--workers"},
	{"uvloop", "ProcessPoolExecutor", "asyncio.to_thread", "--workers"},
	{"aiohttp", "ProcessPoolExecutor", "asyncio.to_thread", "--workers"},
	{"uvicorn", "ProcessPoolExecutor", "asyncio.to_thread", "--workers"},
	{"tornado", "IOLoop.run_in_executor", "AsyncHTTPClient", "HTTPServer.start(0)"},
	{"trio", "trio.sleep(0)", "trio.to_thread", "processes"},
	{"gevent", "process", "cooperative", "processes"},
	{"eventlet", "process", "cooperative", "processes"},
	{"twisted", "process", "cooperative", "processes"},
	{"node", "worker_threads", "fs.promises", "cluster"},
	{"libuv", "worker_threads", "fs.promises", "cluster"},
	{"redis", "SLOWLOG", "appendfsync", "cluster"},
	{"valkey", "SLOWLOG", "appendfsync", "cluster"},
	{"ae", "SLOWLOG", "appendfsync", "cluster"},
	{"nginx", "gzip_comp_level", "aio threads", "worker_processes"},
	{"glib", "g_idle_add", "GIO", "threads"},
	{"Qt", "QThread", "QThread", "threads"},
	{"tcl/tk", "after()", "after()", "threads"},
	/* Others, a part of a known name and the beginning of one among them. */
	{"epoll", "worker thread", "non-blocking", "several loops"},
	{"go", "worker thread", "non-blocking", "several loops"},
	{"", "worker thread", "non-blocking", "several loops"},
	{"io", "worker thread", "non-blocking", "several loops"},
	{"async", "worker thread", "non-blocking", "several loops"},
};

START_TEST(advice_by_kind)
{
	const char *kind = advice[_i].kind;

	ck_assert_ptr_nonnull(strstr(loop_advice(kind, LOOP_CPU), advice[_i].cpu));
	ck_assert_ptr_nonnull(strstr(loop_advice(kind, LOOP_BLOCKING), advice[_i].blocking));
	ck_assert_ptr_nonnull(strstr(loop_advice_full(kind), advice[_i].full));
	ck_assert_ptr_nonnull(strstr(loop_advice(kind, LOOP_GIL), "processes"));
	/* They are parts of a sentence. */
	for (int c = 0; c < LOOP_CAUSE_COUNT; c++) {
		const char *text = loop_advice(kind, (enum loop_cause)c);

		ck_assert_ptr_null(strstr(text, "  "));
		ck_assert_ptr_null(strchr(text, '\n'));
		ck_assert_int_ne(text[strlen(text) - 1], '.');
	}
}
END_TEST

static void add_rule_tests(TCase *tc)
{
	tcase_add_test(tc, both_sides_of_the_mean);
	tcase_add_test(tc, both_sides_of_late_arrivals);
	tcase_add_test(tc, starved_of_the_gil_or_not);
	tcase_add_test(tc, what_is_no_loop_is_not_judged);
	tcase_add_test(tc, a_full_loop_that_never_stalls);
	tcase_add_test(tc, a_full_loop_that_stalls);
	tcase_add_test(tc, a_full_thread_beside_a_loop);
	tcase_add_test(tc, gil_of_more_than_the_loop);
	tcase_add_test(tc, waiting_in_the_loop_explains_waiting);
	tcase_add_test(tc, slices_have_their_own_stalls);
}

Suite *analysis_loops_suite(void)
{
	Suite *s = suite_create("analysis_loops");
	TCase *tc = tcase_create("loops");

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, answer_12_computing);
	tcase_add_test(tc, answer_13_sleeping);
	tcase_add_test(tc, sleep_outside_of_turns_is_idle);
	tcase_add_test(tc, answer_19_gil);
	add_rule_tests(tc);
	tcase_add_test(tc, causes);
	tcase_add_test(tc, a_lesser_loop_may_be_the_one);
	tcase_add_test(tc, the_place_to_blame);
	tcase_add_loop_test(tc, advice_by_kind, 0, ARRAY_LEN(advice));
	suite_add_tcase(s, tc);
	return s;
}
