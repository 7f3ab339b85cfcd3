// SPDX-License-Identifier: GPL-2.0-only
/* threads.imbalance of stages: who limits a pipeline, who waits for it through whom, and what
 * bounds the gain; and with whom chains of long waits end. */
#include "analysis/chain.h"
#include "analysis/pipeline.h"
#include "base/num.h"
#include "tests/unit/analysis_fixture.h"
#include "tests/unit/suites.h"

#include <string.h>

#define STAGES 4

static void expect_text(const struct strbuf *text, const char *part)
{
	ck_assert_msg(strstr(strbuf_str(text), part), "no '%s' in '%s'", part, strbuf_str(text));
}

static const struct strbuf *evidence_with(const struct finding *f, const char *part)
{
	for (uint32_t i = 0; i < f->evidence_len; i++)
		if (strstr(strbuf_str(&f->evidence[i]), part))
			return &f->evidence[i];
	ck_abort_msg("no evidence with '%s'", part);
	return NULL;
}

/* 4 of docs/VERDICTS.md: decode, resize, encode, store; @busy of 10 s each.  encode waits for
 * resize, store for encode; all of them in the one function that takes from a queue. */
static struct snap_builder *stages(const double *busy)
{
	static const char *const names[STAGES] = {"decode-0", "resize-0", "encode-0", "store-0"};
	static const uint32_t waits_for[STAGES] = {1, SNAP_NONE, 1, 2};
	static const char *const put[] = {"libc!pthread_cond_wait", "app!queue_put", "app!decode",
					  NULL};
	static const char *const take[] = {"libc!pthread_cond_wait", "app!queue_take", NULL};
	struct snap_builder *b = build_new(10, 2);
	uint32_t put_stack = build_stack(b, put), take_stack = build_stack(b, take);

	for (uint32_t i = 0; i < STAGES; i++) {
		uint32_t t = build_thread(b, names[i]);

		build_time(b, t, CLASS_RUN, busy[i]);
		build_time(b, t, CLASS_PEER, 10 - busy[i]);
		build_switches(b, t, 2000);
		b->threads[t].cmetric_ns = (i == 1 ? 7 : 1) * NS_PER_S;
	}
	for (uint32_t i = 0; i < STAGES; i++) {
		uint32_t cond;

		if (i == 1)
			continue;
		cond = build_lock(b, i ? "not_empty" : "not_full", LOCK_CONDVAR, false);
		build_wait(b, cond, i, 2000, 10 - busy[i], i ? take_stack : put_stack);
		build_hold(b, cond, waits_for[i], 10 - busy[i], CLASS_RUN, SNAP_NONE);
		build_contended(b, cond, 10 - busy[i]);
	}
	for (uint32_t i = 0; i < STAGES; i++)
		if (waits_for[i] != SNAP_NONE)
			build_edge(b, i, waits_for[i], 10 - busy[i]);
	return b;
}

static const double usual[STAGES] = {1, 9.9, 1.3, 1};

START_TEST(slow_stage)
{
	struct snap_builder *b = stages(usual);
	struct verdict v = judge_built(b);
	const struct strbuf *sb;

	ck_assert_str_eq(v.main.bottleneck, "threads.imbalance");
	ck_assert(!v.second.fired);
	ck_assert_uint_eq(v.main.thread, 1);
	ck_assert_double_eq_tol(v.main.gain_ratio, 20 / 13.2, 0.01);
	expect_text(&v.main.headline, "resize-0 runs 99% of the time");
	expect_text(&v.main.cause, "decode-0, encode-0 and store-0 wait for it");
	sb = evidence_with(&v.main, "of its time");
	expect_text(sb, "decode-0 waits 90% of its time in queue_put < decode;");
	expect_text(sb, "encode-0 waits 87% of its time in queue_take;");
	expect_text(sb,
		    "store-0 waits 90% of its time in queue_take, for threads that wait for it");
	/* all could run all the time, T = 2 CPUs, 1.32 of them ran */
	sb = evidence_with(&v.main, "lost parallelism");
	expect_text(sb, "34% stood still");
	expect_text(sb,
		    "resize-0 has 70% of the time weighted by how few run (CMetric), rank 1 of 4");
	verdict_free(&v);
	build_free(b);
}
END_TEST

/* encode waits at the place where store waits for it: in turn, if one looked no further. */
START_TEST(not_in_turn)
{
	const double even[STAGES] = {1, 9.9, 1.3, 1.3};
	struct snap_builder *b = stages(even);
	struct verdict v = judge_built(b);

	ck_assert_str_eq(v.main.bottleneck, "threads.imbalance");
	ck_assert(!v.second.fired);
	verdict_free(&v);
	build_free(b);
}
END_TEST

/* The next slowest stage is the limit then: 1 / 0.8. */
START_TEST(next_stage_bounds)
{
	const double close[STAGES] = {1, 9, 8, 0.5};
	struct snap_builder *b = stages(close);
	struct verdict v;

	b->snap.run.cpus_online = b->snap.run.cpus_allowed = 4;
	v = judge_built(b);
	ck_assert_str_eq(v.main.bottleneck, "threads.imbalance");
	ck_assert_double_eq_tol(v.main.gain_ratio, 1 / 0.8, 0.001);
	ck_assert_int_eq(v.main.limited_by, LIMIT_THREADS);
	verdict_free(&v);
	build_free(b);
}
END_TEST

static struct pipeline pipeline_of(struct snap_builder *b, const bool *full, uint32_t limiting)
{
	struct pipeline p;

	ck_assert_int_eq(pipeline_of_run(build_finish(b), full, limiting, &p), 0);
	return p;
}

static void expect_stage(const struct snap_builder *b, const struct stage *stage, const char *text)
{
	struct strbuf sb = {0};

	stage_text(&sb, &b->snap, stage);
	ck_assert_str_eq(strbuf_str(&sb), text);
	strbuf_free(&sb);
}

/* Roles are stems of names; one full thread of four is apart from the others. */
START_TEST(roles_by_name)
{
	static const char *const names[] = {"io-0",	 "io-1",      "cpu#10", "cpu#11",
					    "worker[1]", "worker[2]", "42",	"42"};
	static const bool full[] = {false, false, true, true, true, false, false, false};
	struct snap_builder *b = build_new(10, 4);
	struct pipeline p;

	for (uint32_t i = 0; i < ARRAY_LEN(names); i++) {
		uint32_t t = build_thread(b, names[i]);

		build_time(b, t, full[i] ? CLASS_RUN : CLASS_PEER, 10);
		if (!full[i])
			build_edge(b, t, 2 + i % 2, 10);
	}
	p = pipeline_of(b, full, 2);
	ck_assert_uint_eq(p.limiting.threads, 2);
	expect_stage(b, &p.limiting, "cpu (2 threads)");
	ck_assert_uint_eq(p.waiting_len, 3);
	expect_stage(b, &p.waiting[0], "io (2 threads)");
	/* "worker[1]" and "worker[2]" are one role, but one of them is full */
	ck_assert_uint_eq(p.waiting[1].thread, 5);
	ck_assert_uint_eq(p.waiting[1].threads, 1);
	expect_stage(b, &p.waiting[2], "42 (2 threads)");
	build_free(b);
}
END_TEST

/* Without names of their own: by the function that a thread starts in. */
START_TEST(roles_by_function)
{
	static const char *const produce[] = {"libc!futex_wait", "app!put", "app!produce",
					      "libc!start_thread", NULL};
	static const char *const consume[] = {"app!work", "app!consume", "libc!start_thread", NULL};
	static const bool full[] = {false, false, true, true};
	struct snap_builder *b = build_new(10, 4);
	uint32_t lock = build_lock(b, "room", LOCK_CONDVAR, false);
	uint32_t stack = build_stack(b, produce), other = build_stack(b, consume);
	struct pipeline p;

	build_threads(b, "app", 4);
	for (uint32_t i = 0; i < 4; i++) {
		build_time(b, i, full[i] ? CLASS_RUN : CLASS_PEER, 10);
		if (full[i]) {
			build_sample(b, i, other, 900);
			continue;
		}
		build_wait(b, lock, i, 100, 10, stack);
		build_edge(b, i, 2, 10);
	}
	p = pipeline_of(b, full, 3);
	expect_stage(b, &p.limiting, "consume (2 threads)");
	ck_assert_uint_eq(p.waiting_len, 1);
	expect_stage(b, &p.waiting[0], "produce (2 threads)");
	ck_assert_uint_eq(p.waiting[0].stack, stack);
	ck_assert(p.waiting[0].direct);
	build_free(b);
}
END_TEST

/* Who waits for hardly any of its time, for somebody else, or in a circle, does not wait for it. */
START_TEST(who_does_not_wait)
{
	static const bool full[] = {true, false, false, false, false, false};
	static const double waits[] = {0, 0.9, 1.1, 10, 10, 10};
	static const uint32_t whom[] = {SNAP_NONE, 0, 0, 4, 3, SNAP_NONE};
	struct snap_builder *b = build_new(10, 4);
	struct pipeline p;

	for (uint32_t i = 0; i < ARRAY_LEN(full); i++) {
		static const char *const names[] = {"a", "b", "c", "d", "e", "f"};
		uint32_t t = build_thread(b, names[i]);

		build_time(b, t, CLASS_PEER, waits[i]);
		build_time(b, t, CLASS_RUN, 10 - waits[i]);
		if (whom[i] != SNAP_NONE)
			build_edge(b, t, whom[i], waits[i]);
	}
	p = pipeline_of(b, full, 0);
	ck_assert_uint_eq(p.waiting_len, 1);
	ck_assert_uint_eq(p.waiting[0].thread, 2);
	ck_assert_double_eq_tol(p.next_occupied, 0.89, 0.001);
	/* nobody is full: no stage limits */
	ck_assert_int_eq(pipeline_of_run(&b->snap, full + 1, 0, &p), 0);
	ck_assert_uint_eq(p.limiting.thread, SNAP_NONE);
	ck_assert_uint_eq(p.waiting_len, 0);
	build_free(b);
}
END_TEST

/* User waits for Parser [0,100), Parser for Network [20,100), in tenths of a second of 10 s. */
static struct snap_builder *user_parser_network(struct record_long_wait waits[2])
{
	struct snap_builder *b = build_new(10, 2);
	uint32_t user = build_thread(b, "User"), parser = build_thread(b, "Parser");
	uint32_t network = build_thread(b, "Network");
	uint32_t lock = build_lock(b, "parser.lock", LOCK_MUTEX, true);
	uint32_t other = build_lock(b, "network.lock", LOCK_MUTEX, true);

	build_time(b, user, CLASS_LOCK, 10);
	build_time(b, parser, CLASS_RUN, 2);
	build_time(b, parser, CLASS_LOCK, 8);
	build_time(b, network, CLASS_RUN, 0.5);
	build_time(b, network, CLASS_SLEEP, 9.5);
	build_switches(b, parser, 1000);
	build_wait(b, lock, user, 100, 10, SNAP_NONE);
	build_hold(b, lock, parser, 10, CLASS_LOCK, SNAP_NONE);
	build_contended(b, lock, 10);
	build_wait(b, other, parser, 100, 8, SNAP_NONE);
	build_hold(b, other, network, 8, CLASS_SLEEP, SNAP_NONE);
	build_contended(b, other, 8);
	waits[0] = (struct record_long_wait){.tid = 100, .holder_tid = 101, .woken_ns = 100};
	waits[1] = (struct record_long_wait){
		.tid = 101, .holder_tid = 102, .start_ns = 20, .woken_ns = 100};
	for (int i = 0; i < 2; i++) {
		waits[i].start_ns *= NS_PER_S / 10;
		waits[i].woken_ns *= NS_PER_S / 10;
		waits[i].end_ns = waits[i].woken_ns;
	}
	b->snap.long_waits = waits;
	b->snap.long_waits_len = 2;
	return b;
}

START_TEST(chain_of_two)
{
	struct record_long_wait waits[2];
	struct snap_builder *b = user_parser_network(waits);
	struct load load;
	struct chain chain;

	ck_assert_int_eq(load_of_run(build_finish(b), NULL, &load), 0);
	ck_assert(chain_of(&load, 1, &chain));
	ck_assert_uint_eq(chain.next, 2);
	ck_assert_uint_eq(chain.own_ns, 2 * NS_PER_S);
	ck_assert_double_eq_tol(chain.handed_share, 0.8, 1e-9);
	ck_assert_uint_eq(chain.root, 2);
	ck_assert_uint_eq(chain.root_ns, 16 * NS_PER_S);
	ck_assert_uint_eq(chain.known_ns, 18 * NS_PER_S);
	ck_assert_uint_eq(chain.knot, 1);
	ck_assert(!chain_of(&load, SNAP_NONE, &chain));
	build_free(b);
}
END_TEST

/* The verdict on the lock that the User waits for names whom its holder waited for. */
START_TEST(holder_that_waits)
{
	struct record_long_wait waits[2];
	struct snap_builder *b = user_parser_network(waits);
	struct verdict v = judge_built(b);

	ck_assert_str_eq(v.main.bottleneck, "threads.lock");
	ck_assert_uint_eq(v.main.lock, 0);
	expect_text(&v.main.cause, "which itself waited for Network most of that time");
	expect_text(evidence_with(&v.main, "of the waits of over 1 ms"),
		    "18.0 s in all, 89% end with Network");
	verdict_free(&v);
	build_free(b);
	/* without the stream nothing is said of it */
	b = user_parser_network(waits);
	b->snap.long_waits_len = 0;
	v = judge_built(b);
	ck_assert_ptr_null(strstr(strbuf_str(&v.main.cause), "itself"));
	verdict_free(&v);
	build_free(b);
}
END_TEST

Suite *analysis_pipeline_suite(void)
{
	Suite *s = suite_create("analysis_pipeline");
	TCase *pipelines = tcase_create("pipeline");
	TCase *chains = tcase_create("chain");

	tcase_add_test(pipelines, slow_stage);
	tcase_add_test(pipelines, not_in_turn);
	tcase_add_test(pipelines, next_stage_bounds);
	tcase_add_test(pipelines, roles_by_name);
	tcase_add_test(pipelines, roles_by_function);
	tcase_add_test(pipelines, who_does_not_wait);
	suite_add_tcase(s, pipelines);
	tcase_add_test(chains, chain_of_two);
	tcase_add_test(chains, holder_that_waits);
	suite_add_tcase(s, chains);
	return s;
}
