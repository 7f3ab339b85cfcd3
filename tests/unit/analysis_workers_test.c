// SPDX-License-Identifier: GPL-2.0-only
/* Workers of one parent: whether one of them does it all, and whether there are too many. */
#include "analysis/workers.h"

#include "tests/unit/analysis_fixture.h"
#include "tests/unit/snap_builder.h"
#include "tests/unit/suites.h"

#include <string.h>

/* A parent that waits, and @count workers of it: the first runs @first_s of 10 s, the others
 * @other_s, and want a CPU for as long again. */
static struct snap_builder *build_family(unsigned count, double first_s, double other_s)
{
	struct snap_builder *b = build_new(10, 2);
	uint32_t parent = build_process(b, 1);
	uint32_t t = build_thread(b, "master");

	build_time(b, t, CLASS_CHILD, 10);
	for (unsigned i = 0; i < count; i++) {
		double run_s = i ? other_s : first_s;

		build_process(b, parent);
		t = build_thread(b, "worker");
		build_time(b, t, CLASS_RUN, run_s);
		build_time(b, t, CLASS_RUNQ_PREEMPT, i ? other_s : 0);
		build_time(b, t, CLASS_CLIENT_IDLE, 10 - run_s - (i ? other_s : 0));
		build_switches(b, t, 1000);
	}
	return b;
}

static bool has_evidence(const struct verdict *v, const char *text)
{
	for (uint32_t i = 0; i < v->main.evidence_len; i++)
		if (strstr(strbuf_str(&v->main.evidence[i]), text))
			return true;
	return false;
}

START_TEST(one_of_four_is_busy)
{
	struct snap_builder *b = build_family(4, 9.7, 0.2);
	struct verdict v = judge_built(b);
	const struct snapshot *snap = &b->snap;
	struct workers w = workers_of(snap);

	ck_assert_uint_eq(w.count, 4);
	ck_assert_uint_eq(w.parent, snap->processes[0].pid);
	ck_assert_uint_eq(w.wanting, 1);
	ck_assert_uint_eq(snap->processes[w.busiest].pid, snap->processes[1].pid);
	ck_assert(workers_uneven(&w, 10e9));
	ck_assert_str_eq(v.main.bottleneck, "threads.imbalance");
	ck_assert(has_evidence(&v, "of the 4 workers of process 100 one, python3 (101), does 94%"));
	verdict_free(&v);
	build_free(b);
}
END_TEST

static const struct {
	double first_s, other_s;
	bool uneven;
} shares[] = {
	{6, 0.5, true},	 /* 6 of 7.5: 80% */
	{6, 0.6, false}, /* 6 of 7.8 */
	{4.9, 0, false}, /* all of it, but not half of the window */
};

START_TEST(thresholds_of_unevenness)
{
	struct snap_builder *b = build_family(4, shares[_i].first_s, shares[_i].other_s);
	const struct snapshot *snap = build_finish(b);
	struct workers w = workers_of(snap);

	ck_assert(workers_uneven(&w, 10e9) == shares[_i].uneven);
	build_free(b);
}
END_TEST

START_TEST(more_workers_than_cpus)
{
	struct snap_builder *b = build_family(4, 5, 5);
	struct verdict v = judge_built(b);

	ck_assert_str_eq(v.main.bottleneck, "cpu.saturated");
	ck_assert(has_evidence(&v, "4 of the 4 workers of process 100 want a CPU"));
	ck_assert(has_evidence(&v, "more workers than CPUs"));
	verdict_free(&v);
	build_free(b);
}
END_TEST

START_TEST(as_many_workers_as_cpus)
{
	struct snap_builder *b = build_family(2, 9.8, 4.9);
	struct verdict v = judge_built(b);

	ck_assert(!has_evidence(&v, "more workers than CPUs"));
	ck_assert(!has_evidence(&v, "does "));
	verdict_free(&v);
	build_free(b);
}
END_TEST

START_TEST(siblings_take_two)
{
	struct snap_builder *b = build_family(1, 9, 0);

	ck_assert_uint_eq(workers_of(build_finish(b)).count, 0);
	build_free(b);
}
END_TEST

/* Sockets of one port: @waiting connections at each, seen at ten looks. */
static uint32_t uneven_of(const uint64_t *waiting, uint32_t len, uint32_t *ret_sockets)
{
	struct snap_listener listeners[4] = {0};
	struct snapshot snap = {.listeners = listeners, .listeners_len = len};

	for (uint32_t i = 0; i < len; i++)
		listeners[i] = (struct snap_listener){.name = i < 3 ? "port 80" : "port 81",
						      .looks = 10,
						      .looks_waiting = waiting[i] ? 10 : 0,
						      .waiting_sum = waiting[i]};
	return workers_uneven_listener(&snap, ret_sockets);
}

START_TEST(queues_of_one_port)
{
	uint32_t sockets = 0;

	ck_assert_uint_eq(uneven_of((const uint64_t[]){80, 20, 0}, 3, &sockets), 0);
	ck_assert_uint_eq(sockets, 3);
	ck_assert_uint_eq(uneven_of((const uint64_t[]){79, 21, 0}, 3, &sockets), SNAP_NONE);
	ck_assert_uint_eq(uneven_of((const uint64_t[]){80}, 1, &sockets), SNAP_NONE);
	ck_assert_uint_eq(uneven_of((const uint64_t[]){0, 0, 0}, 3, &sockets), SNAP_NONE);
	/* The fourth is of another port. */
	ck_assert_uint_eq(uneven_of((const uint64_t[]){80, 0, 0, 90}, 4, &sockets), 0);
	ck_assert_uint_eq(sockets, 3);
}
END_TEST

Suite *analysis_workers_suite(void)
{
	Suite *suite = suite_create("analysis_workers");
	TCase *tc = tcase_create("workers");

	tcase_add_test(tc, one_of_four_is_busy);
	tcase_add_loop_test(tc, thresholds_of_unevenness, 0, 3);
	tcase_add_test(tc, more_workers_than_cpus);
	tcase_add_test(tc, as_many_workers_as_cpus);
	tcase_add_test(tc, siblings_take_two);
	tcase_add_test(tc, queues_of_one_port);
	suite_add_tcase(suite, tc);
	return suite;
}
