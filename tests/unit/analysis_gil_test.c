// SPDX-License-Identifier: GPL-2.0-only
/* The verdict on the GIL: who and which line keeps it, and whom that holds up. */
#include "analysis/gil_seen.h"
#include "base/num.h"
#include "tests/unit/analysis_fixture.h"
#include "tests/unit/gil_fixture.h"
#include "tests/unit/suites.h"

#include <stdio.h>
#include <string.h>

#define LIBRARY GIL_LIBRARY
#define RUN " < threading.py!Thread.run:975"

static struct gil_seen seen_of(struct snap_builder *b)
{
	return gil_seen_of(build_finish(b), &b->locks[0]);
}

static void expect_evidence(const struct verdict *v, const char *const *want)
{
	uint32_t n = 0;

	while (want[n])
		n++;
	ck_assert_uint_eq(v->main.evidence_len, n);
	for (uint32_t i = 0; i < n; i++)
		ck_assert_str_eq(strbuf_str(&v->main.evidence[i]), want[i]);
}

#define WAITS "4,000 waits, 30.0 s in all; 99% of them shorter than 2.1 ms"
#define WANTED "4.0 threads ran Python code or wanted to, on average"
#define BUSY "busy: 1.0 of 2 CPUs that the program could use"

START_TEST(exact_words)
{
	static const char kept[] =
		"1,254 times a thread kept it for a whole interval (5 ms) with others waiting, "
		"1,234 of them in count";
	static const char *const evidence[] = {WAITS, WANTED, BUSY, kept, NULL};
	struct snap_builder *b = gil_fixture();
	struct verdict v;

	gil_fixture_seen(b);
	v = judge_built(b);
	ck_assert_str_eq(v.main.bottleneck, "gil");
	ck_assert(!v.second.fired);
	ck_assert_double_eq_tol(v.main.gain_ratio, 2, 0.05);
	ck_assert_int_eq(v.main.limited_by, LIMIT_CPUS);
	ck_assert_str_eq(strbuf_str(&v.main.headline),
			 "Python threads wait for the GIL, which lets one at a time run Python "
			 "code: it costs 75% of the time in which the program had work");
	ck_assert_str_eq(strbuf_str(&v.main.cause),
			 "held in count (app.py:27), called by work (app.py:34), for 60% of the "
			 "waiting; the longest by thread count-1 (40%)");
	ck_assert_str_eq(strbuf_str(&v.main.gain_text),
			 "running this work side by side would give up to 2.0x (then the 2 CPUs "
			 "are the limit)");
	expect_evidence(&v, evidence);
	ck_assert_uint_eq(v.main.thread, 1);
	ck_assert_uint_eq(v.main.lock, 0);
	verdict_free(&v);
	build_free(b);
}
END_TEST

START_TEST(without_a_line)
{
	static const char *const evidence[] = {WAITS, WANTED, BUSY, NULL};
	struct snap_builder *b = gil_fixture();
	struct verdict v = judge_built(b);

	ck_assert_str_eq(strbuf_str(&v.main.cause),
			 "kept the longest by thread count-1, for 40% of the waiting");
	expect_evidence(&v, evidence);
	verdict_free(&v);
	build_free(b);
}
END_TEST

START_TEST(without_a_holder)
{
	struct snap_builder *b = gil_fixture();
	struct verdict v;

	gil_fixture_seen(b);
	b->locks[0].holders_len = 0;
	v = judge_built(b);
	ck_assert_str_eq(strbuf_str(&v.main.cause),
			 "held in count (app.py:27), called by work (app.py:34), for 60% of the "
			 "waiting");
	ck_assert_uint_eq(v.main.thread, SNAP_NONE);
	verdict_free(&v);
	build_free(b);
}
END_TEST

/* Nobody kept it for an interval: nothing is said of intervals. */
START_TEST(never_kept)
{
	static const char *const evidence[] = {WAITS, WANTED, BUSY, NULL};
	struct snap_builder *b = gil_fixture();
	struct verdict v;

	build_seen(b, 0, 1, build_trace(b, LIBRARY, GIL_COUNT_27), 900, 8, 0);
	v = judge_built(b);
	expect_evidence(&v, evidence);
	verdict_free(&v);
	build_free(b);
}
END_TEST

/* The function seen most is told, not the line: what is spread over it counts together. */
START_TEST(functions_go_before_lines)
{
	struct snap_builder *b = gil_fixture();
	struct gil_seen seen;

	gil_fixture_seen(b);
	seen = seen_of(b);
	ck_assert_str_eq(seen.site->name, "count");
	ck_assert_uint_eq(seen.site->line, 27);
	ck_assert_str_eq(seen.caller->name, "work");
	ck_assert_uint_eq(seen.caller->line, 34);
	ck_assert_double_eq_tol(seen.share, 0.6, 1e-9);
	ck_assert_uint_eq(seen.kept, 1234);
	ck_assert_uint_eq(seen.kept_all, 1254);
	build_free(b);
}
END_TEST

/* The same name in another file, or in another module of that name, is another function. */
START_TEST(functions_of_one_name)
{
	static const char *const traces[] = {"/srv/a/x.py!f:1", "/srv/b/x.py!f:1",
					     "/srv/b/x.py!g:1"};
	static const double s[] = {4, 3, 2};
	struct snap_builder *b = gil_fixture();
	struct gil_seen seen;

	for (int i = 0; i < 3; i++)
		build_seen(b, 0, 1, build_trace(b, LIBRARY, traces[i]), 1, s[i], 0);
	seen = seen_of(b);
	ck_assert_str_eq(seen.site->file, "/srv/a/x.py");
	ck_assert_double_eq_tol(seen.share, 4 / 9.0, 1e-9);
	ck_assert_ptr_null(seen.caller);
	build_free(b);
}
END_TEST

static const struct {
	const char *trace, *site, *caller;
} callers[] = {
	{"/srv/app.py!f:1 < /srv/app.py!g:2", "f", "g"},
	{"/srv/app.py!f:1", "f", NULL},
	/* The library runs threads; it is not who called. */
	{"/srv/app.py!f:1" RUN, "f", NULL},
	{"/srv/app.py!f:1 < concurrent/futures/thread.py!_WorkItem.run:58 < "
	 "concurrent/futures/thread.py!_worker:83" RUN,
	 "f", NULL},
	{"threading.py!Condition.notify:368 < queue.py!Queue.put:151 < /srv/app.py!f:1 < "
	 "/srv/app.py!g:2",
	 "f", "g"},
	/* called back by a function of the library, from the program's own code */
	{"/srv/app.py!key:1 < json/decoder.py!decode:337 < /srv/app.py!g:2", "key", "decode"},
	/* the library alone */
	{"threading.py!Event.set:585" RUN, "Event.set", NULL},
};

START_TEST(callers_are_the_programs_own)
{
	struct snap_builder *b = gil_fixture();
	struct gil_seen seen;

	build_seen(b, 0, 1, build_trace(b, LIBRARY, callers[_i].trace), 1, 1, 0);
	seen = seen_of(b);
	ck_assert_str_eq(seen.site->name, callers[_i].site);
	ck_assert_msg(!seen.caller == !callers[_i].caller &&
			      (!seen.caller || !strcmp(seen.caller->name, callers[_i].caller)),
		      "%s: %s", callers[_i].trace, seen.caller ? seen.caller->name : "(none)");
	build_free(b);
}
END_TEST

START_TEST(what_was_not_seen_does_not_count)
{
	struct snap_builder *b = gil_fixture();
	struct snap_holding *h = b->holdings[0];
	uint32_t line = build_trace(b, LIBRARY, GIL_PARSE);
	struct gil_seen seen;

	/* sampled, blocked; then seen: of the last the stack is empty */
	build_seen(b, 0, 1, line, 10, 900, 50);
	h[0].kind = HOLDING_SAMPLED;
	build_seen(b, 0, 1, line, 100, 800, 50);
	h[1].kind = HOLDING_BLOCKED;
	seen = seen_of(b);
	ck_assert_ptr_null(seen.site);
	ck_assert_ptr_null(seen.caller);
	ck_assert_uint_eq(seen.kept_all, 0);
	ck_assert_double_eq(seen.share, 0);
	build_seen(b, 0, 1, build_trace(b, LIBRARY, GIL_COUNT_27), 1, 3, 4);
	build_seen(b, 0, 1, BUILD_STACKS - 1, 1, 1, 1);
	seen = gil_seen_of(&b->snap, &b->locks[0]);
	ck_assert_str_eq(seen.site->name, "count");
	ck_assert_double_eq_tol(seen.share, 0.75, 1e-9);
	ck_assert_uint_eq(seen.kept, 4);
	ck_assert_uint_eq(seen.kept_all, 5);
	build_free(b);
}
END_TEST

/* A thread that ran for @run_s and waited for the GIL so often and so long in all. */
static struct gil_convoy convoy_with(double run_s, uint64_t waits, double wait_s)
{
	struct snap_builder *b = gil_fixture();
	uint32_t ui = build_thread(b, "ui");
	struct gil_convoy convoy;

	build_time(b, ui, CLASS_RUN, run_s);
	build_time(b, ui, CLASS_GIL, wait_s);
	build_time(b, ui, CLASS_SLEEP, 10 - run_s - wait_s);
	build_wait(b, 0, ui, waits, wait_s, SNAP_NONE);
	convoy = gil_convoy_of(build_finish(b), &b->locks[0]);
	ck_assert(convoy.thread == SNAP_NONE || convoy.thread == ui);
	build_free(b);
	return convoy;
}

START_TEST(who_is_in_a_convoy)
{
	struct gil_convoy convoy = convoy_with(0.1, 1000, 6);

	ck_assert_uint_ne(convoy.thread, SNAP_NONE);
	ck_assert_uint_eq(convoy.waits, 1000);
	ck_assert_uint_eq(convoy.wait_ns, 6 * NS_PER_S);
	ck_assert_double_eq_tol(convoy.run_share, 0.01, 1e-9);
	/* a fifth of a CPU is no short moment; three fifths of 5 ms is most of an interval */
	ck_assert_uint_ne(convoy_with(2, 1000, 6).thread, SNAP_NONE);
	ck_assert_uint_eq(convoy_with(2.001, 1000, 6).thread, SNAP_NONE);
	ck_assert_uint_ne(convoy_with(0.1, 1000, 3).thread, SNAP_NONE);
	ck_assert_uint_eq(convoy_with(0.1, 1000, 2.999).thread, SNAP_NONE);
	/* 20 times are no accident */
	ck_assert_uint_ne(convoy_with(0.1, 20, 1).thread, SNAP_NONE);
	ck_assert_uint_eq(convoy_with(0.1, 19, 1).thread, SNAP_NONE);
	ck_assert_uint_eq(convoy_with(0.1, 0, 0).thread, SNAP_NONE);
}
END_TEST

/* Waits of one thread at several places are one; of several threads the worst is told. */
START_TEST(the_worst_of_a_convoy)
{
	static const char convoy[] =
		"convoy: thread net needs a CPU for 0.5% of the time, but waits 9.0 ms for the GIL "
		"each time";
	static const char *const evidence[] = {
		"6,100 waits, 47.0 s in all; 99% of them shorter than 2.1 ms",
		"5.7 threads ran Python code or wanted to, on average", BUSY, convoy, NULL};
	struct snap_builder *b = gil_fixture();
	uint32_t low = build_thread(b, "low"), net = build_thread(b, "net");
	uint32_t ui = build_thread(b, "ui");
	struct verdict v;

	build_time(b, low, CLASS_RUN, 0.05);
	build_time(b, low, CLASS_GIL, 1);
	build_time(b, low, CLASS_SLEEP, 8.95);
	build_wait(b, 0, low, 100, 1, SNAP_NONE);
	build_time(b, ui, CLASS_RUN, 0.05);
	build_time(b, ui, CLASS_GIL, 7);
	build_time(b, ui, CLASS_SLEEP, 2.95);
	build_wait(b, 0, ui, 1000, 7, SNAP_NONE);
	build_time(b, net, CLASS_RUN, 0.05);
	build_time(b, net, CLASS_GIL, 9);
	build_time(b, net, CLASS_SLEEP, 0.95);
	build_wait(b, 0, net, 600, 4, SNAP_NONE);
	build_wait(b, 0, net, 400, 5, SNAP_NONE);
	v = judge_built(b);
	ck_assert_str_eq(v.main.bottleneck, "gil");
	expect_evidence(&v, evidence);
	verdict_free(&v);
	build_free(b);
}
END_TEST

/* Of two interpreters the one whose GIL costs more. */
START_TEST(the_worse_of_two_gils)
{
	static const double wait_s[] = {29, 31};

	for (uint32_t i = 0; i < 2; i++) {
		struct snap_builder *b = gil_fixture();
		uint32_t other = build_lock(b, "GIL", LOCK_GIL, true);
		struct verdict v;

		build_wait(b, other, 0, 10, wait_s[i], SNAP_NONE);
		v = judge_built(b);
		ck_assert_str_eq(v.main.bottleneck, "gil");
		ck_assert_uint_eq(v.main.lock, i);
		verdict_free(&v);
		build_free(b);
	}
}
END_TEST

/* Where there are enough, timer samples of holders tell the line, not what waiters saw. */
START_TEST(samples_go_before_what_was_seen)
{
	static const uint64_t counts[] = {49, 50};

	for (uint32_t i = 0; i < 2; i++) {
		struct snap_builder *b = gil_fixture();
		struct gil_seen seen;

		build_seen(b, 0, 1, build_trace(b, LIBRARY, GIL_COUNT_27), counts[i], 0, 0);
		b->holdings[0][0].kind = HOLDING_SAMPLED;
		build_seen(b, 0, 1, build_trace(b, LIBRARY, GIL_PARSE), 1000, 1000000, 7);
		seen = seen_of(b);
		ck_assert(seen.sampled == (i == 1));
		ck_assert_str_eq(seen.site->name, i ? "count" : "parse");
		ck_assert_uint_eq(seen.kept, i ? 0 : 7);
		ck_assert_uint_eq(seen.kept_all, 7);
		build_free(b);
	}
}
END_TEST

/* Many, each of them little. */
START_TEST(many_places)
{
	struct snap_builder *b = gil_fixture();
	uint32_t parse = build_trace(b, LIBRARY, GIL_PARSE),
		 count = build_trace(b, LIBRARY, GIL_COUNT_27);
	struct gil_seen seen;

	for (unsigned i = 0; i < BUILD_HOLDINGS; i++)
		build_seen(b, 0, 1, i < 128 ? parse : count, 1, 1, 1);
	seen = seen_of(b);
	ck_assert_uint_eq(seen.kept_all, BUILD_HOLDINGS);
	ck_assert_double_eq_tol(seen.share, (BUILD_HOLDINGS - 128.0) / BUILD_HOLDINGS, 1e-9);
	build_free(b);
}
END_TEST

Suite *analysis_gil_suite(void)
{
	Suite *s = suite_create("analysis_gil");
	TCase *tc = tcase_create("gil");

	tcase_add_test(tc, exact_words);
	tcase_add_test(tc, without_a_line);
	tcase_add_test(tc, without_a_holder);
	tcase_add_test(tc, never_kept);
	tcase_add_test(tc, functions_go_before_lines);
	tcase_add_test(tc, functions_of_one_name);
	tcase_add_loop_test(tc, callers_are_the_programs_own, 0, ARRAY_LEN(callers));
	tcase_add_test(tc, what_was_not_seen_does_not_count);
	tcase_add_test(tc, who_is_in_a_convoy);
	tcase_add_test(tc, the_worst_of_a_convoy);
	tcase_add_test(tc, the_worse_of_two_gils);
	tcase_add_test(tc, samples_go_before_what_was_seen);
	tcase_add_test(tc, many_places);
	suite_add_tcase(s, tc);
	return s;
}
