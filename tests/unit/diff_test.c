// SPDX-License-Identifier: GPL-2.0-only
/* Two reports side by side: what counts as a change, what is matched, and gates. */
#include "diff/diff.h"

#include "base/err.h"
#include "base/num.h"
#include "base/strbuf.h"
#include "diff/gate.h"
#include "tests/unit/json_schema.h"
#include "tests/unit/suites.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static struct diff diff;
static json_t *before, *after;

/* A run of ten parts of 1 s: class lock takes @lock_s a second, now @unrest more, now less. */
static json_t *run(double lock_s, double unrest, double work, const char *bottleneck)
{
	json_t *slices = json_array();

	for (int i = 0; i < 10; i++) {
		double lock_ns = (lock_s + (i % 2 ? unrest : -unrest)) * 1e9;

		json_array_append_new(slices, json_pack("{s:I, s:{s:f, s:f}}", "duration_ns",
							(json_int_t)NS_PER_S, "classes", "lock",
							lock_ns, "run", 1e9));
	}
	return json_pack("{s:s, s:{s:I, s:f}, s:{s:s, s:s, s:{s:f}}, s:{s:f, s:{s:f, s:f, s:f}}, "
			 "s:o, s:[], s:[], s:[]}",
			 "schema", "concprof.report/1", "window", "duration_ns",
			 (json_int_t)(10 * NS_PER_S), "work_count", work, "verdict", "bottleneck",
			 bottleneck, "headline", "what it is", "gain", "ratio", 1.6, "time",
			 "wall_thread_ns", 40e9, "classes", "lock", lock_s * 10e9, "run", 10e9,
			 "sleep", 20e9, "slices", slices, "locks", "loops", "stacks");
}

static void add_lock(json_t *root, const char *name, double wait_s)
{
	json_array_append_new(json_object_get(root, "locks"),
			      json_pack("{s:s, s:s, s:b, s:f, s:f, s:i}", "name", name, "kind",
					"mutex", "is_lock", 1, "wait_ns", wait_s * 1e9, "waits",
					100000.0, "p99_wait_ns", 1000000));
}

static void add_loop(json_t *root, double p99_ms, int stalls)
{
	json_array_append_new(json_object_get(root, "loops"),
			      json_pack("{s:s, s:s, s:b, s:f, s:f, s:f, s:i, s:f}", "name", "web",
					"kind", "asyncio", "is_loop", 1, "p99_ns", p99_ms * 1e6,
					"max_ns", p99_ms * 2e6, "turns", 100000.0, "stall_count",
					stalls, "added_mean_ns", p99_ms * 1e5));
}

static void make(void)
{
	struct err err = {0};

	diff_free(&diff);
	ck_assert_msg(diff_make(before, after, &diff, &err) == 0, "%s", err.msg);
}

static void setup(void)
{
	before = run(1, 0.01, 1000, "threads.lock");
	after = run(0.5, 0.01, 1600, "none");
}

static void teardown(void)
{
	diff_free(&diff);
	json_decref(before);
	json_decref(after);
}

static const struct diff_row *find(enum diff_section section, const char *subject, const char *key)
{
	const struct diff_row *row;

	VEC_FOREACH (&diff.rows, row) {
		if (row->section == section && !strcmp(row->subject, subject) &&
		    !strcmp(row->key, key))
			return row;
	}
	ck_abort_msg("no row %s %s", subject, key);
	return NULL;
}

START_TEST(classes_are_compared_by_second_and_by_work)
{
	make();
	ck_assert_double_eq_tol(find(SECTION_TIME, "", "lock")->before, 1, 1e-9);
	ck_assert_double_eq_tol(find(SECTION_TIME, "", "lock")->after, 0.5, 1e-9);
	ck_assert_int_eq(find(SECTION_TIME, "", "lock")->change, CHANGE_BETTER);
	ck_assert_int_eq(find(SECTION_TIME, "", "run")->change, CHANGE_NONE);
	ck_assert_double_eq_tol(find(SECTION_WORK, "", "work_per_s")->after, 160, 1e-9);
	ck_assert_int_eq(find(SECTION_WORK, "", "work_per_s")->change, CHANGE_BETTER);
	ck_assert_double_eq_tol(find(SECTION_PER_WORK, "", "run")->before, 1e7, 1);
	ck_assert_double_eq_tol(find(SECTION_PER_WORK, "", "run")->after, 6.25e6, 1);
	ck_assert_int_eq(find(SECTION_PER_WORK, "", "run")->change, CHANGE_BETTER);
}
END_TEST

/* Of ten parts at m +- u the standard error is u / 3: three of each run's make the noise. */
START_TEST(noise_is_that_of_the_parts)
{
	make();
	ck_assert_double_eq_tol(find(SECTION_TIME, "", "lock")->noise,
				fmax(3 * sqrt(2 * 0.01 * 0.01 / 9), 0.02), 1e-9);
	json_decref(after);
	after = run(0.8, 0.3, 1600, "none");
	make();
	ck_assert_double_eq_tol(find(SECTION_TIME, "", "lock")->noise,
				3 * sqrt((0.01 * 0.01 + 0.3 * 0.3) / 9), 1e-6);
	ck_assert_int_eq(find(SECTION_TIME, "", "lock")->change, CHANGE_NONE);
	ck_assert_double_eq_tol(find(SECTION_TIME, "", "lock")->after, 0.8, 1e-9);
}
END_TEST

START_TEST(no_change_is_claimed_without_parts)
{
	json_array_clear(json_object_get(after, "slices"));
	make();
	ck_assert(isinf(find(SECTION_TIME, "", "lock")->noise));
	ck_assert_int_eq(find(SECTION_TIME, "", "lock")->change, CHANGE_NONE);
}
END_TEST

START_TEST(locks_match_whatever_their_address)
{
	const struct diff_row *row;

	add_lock(before, "mutex in serve 0x7f001234", 2);
	add_lock(before, "mutex in serve 0x7f005678", 1);
	add_lock(before, "cache.lock", 4);
	add_lock(after, "mutex in serve 0x55d0aaaa", 3);
	add_lock(after, "queue.lock", 2);
	make();
	row = find(SECTION_LOCK, "mutex in serve", "wait_ratio");
	ck_assert_double_eq_tol(row->before, 3.0 / 20, 1e-9);
	ck_assert_double_eq_tol(row->after, 3.0 / 20, 1e-9);
	ck_assert_int_eq(row->change, CHANGE_NONE);
	row = find(SECTION_LOCK, "cache.lock", "wait_ratio");
	ck_assert(row->in_before && !row->in_after);
	ck_assert_int_eq(row->change, CHANGE_BETTER);
	row = find(SECTION_LOCK, "queue.lock", "wait_ratio");
	ck_assert(!row->in_before && row->in_after);
	ck_assert_int_eq(row->change, CHANGE_WORSE);
	ck_assert_double_eq_tol(find(SECTION_LOCK, "", "wait_ratio")->before, 7.0 / 20, 1e-9);
}
END_TEST

/* Without a name the program's own function that waits says which one it is. */
START_TEST(nameless_locks_match_by_call_site)
{
	json_t *const roots[] = {before, after};

	for (size_t i = 0; i < ARRAY_LEN(roots); i++) {
		json_t *locks = json_object_get(roots[i], "locks");

		add_lock(roots[i], i ? "0x7f001234" : "0x7f005678", 1);
		json_object_set_new(json_array_get(locks, 0), "waiters",
				    json_pack("[{s:i}]", "stack", 1));
		json_array_append_new(json_object_get(roots[i], "stacks"),
				      json_pack("{s:[{s:s, s:s, s:s}, {s:s, s:s, s:s}]}", "frames",
						"kind", "native", "name", "pthread_mutex_lock",
						"module", "/lib/libc.so.6", "kind", "native",
						"name", "put_order", "module", "/srv/shop"));
	}
	make();
	ck_assert(find(SECTION_LOCK, "mutex in put_order", "wait_ratio")->in_before);
	ck_assert(find(SECTION_LOCK, "mutex in put_order", "wait_ratio")->in_after);
}
END_TEST

START_TEST(the_summary_names_what_went_away)
{
	struct strbuf sb = {0};

	add_lock(before, "cache.lock", 4);
	make();
	diff_summary(&sb, &diff);
	ck_assert_str_eq(strbuf_str(&sb),
			 "Before: threads.lock: what it is, up to 1.6x without it.\n"
			 "After: none: what it is, up to 1.6x without it.\n"
			 "Better: work done 100 /s -> 160 /s (1.6x).\n"
			 "Better: all locks: waiting 20% -> 0% (-100%).\n"
			 "Better: lock cache.lock: waiting 20% -> 0% (gone).\n");
	strbuf_free(&sb);
}
END_TEST

static bool holds(const char *text)
{
	struct strbuf said = {0};
	struct err err = {0};
	struct gate gate;
	bool result;

	ck_assert_msg(gate_parse(text, &gate, &err) == 0, "%s", err.msg);
	result = gate_holds(&gate, &diff, &said);
	ck_assert_uint_gt(said.len, 0);
	strbuf_free(&said);
	return result;
}

START_TEST(gates_compare)
{
	add_lock(before, "cache.lock", 4);
	add_lock(after, "cache.lock", 5);
	add_loop(before, 50, 0);
	add_loop(after, 150, 30);
	make();
	ck_assert(!holds("verdict != none"));
	ck_assert(holds("verdict == none"));
	ck_assert(!holds("verdict==threads.lock"));
	ck_assert(holds("lock.wait_ratio > +10%"));
	ck_assert(!holds("lock.wait_ratio > +30%"));
	ck_assert(holds("lock[cache.lock].wait_ratio>=25%"));
	ck_assert(!holds("lock[cache.lock].wait_ratio > 0.25"));
	ck_assert(!holds("lock[no.such].wait_ratio > 0"));
	ck_assert(holds("loop.p99 > 100ms"));
	ck_assert(!holds("loop.p99 > 0.2 s"));
	ck_assert(holds("loop[web (asyncio)].stalls_per_s >= 3 /s"));
	ck_assert(holds("work_per_s > +50%"));
	ck_assert(!holds("work_per_s < -1%"));
	ck_assert(holds("time.lock < -40%"));
	ck_assert(holds("per_work.run <= 7ms"));
}
END_TEST

START_TEST(gates_know_no_change_inside_the_noise)
{
	json_decref(after);
	after = run(1.2, 0.5, 1000, "none");
	make();
	ck_assert(!holds("time.lock > +10%"));
	ck_assert(holds("time.lock > 1.1 s/s"));
}
END_TEST

static const struct {
	const char *text;
	const char *says;
} wrong[] = {
	{"", "no such figure"},
	{"lock", "no such figure"},
	{"lock.", "no such figure"},
	{"lock.wait", "no such figure"},
	{"time[x].lock > 1", "of a lock or loop"},
	{"lock[].wait_ratio > 1", "is to end with ]"},
	{"lock[x.wait_ratio > 1", "is to end with ]"},
	{"lock.wait_ratio", "takes one of > >="},
	{"lock.wait_ratio ~ 1", "takes one of > >="},
	{"lock.wait_ratio >", "number is missing"},
	{"lock.wait_ratio > x", "number is missing"},
	{"lock.wait_ratio > 1.2.3", "number is none"},
	{"lock.wait_ratio > 5ms", "wrong unit"},
	{"lock.wait_ratio > +5", "takes a percentage"},
	{"loop.p99 > 100", "takes a unit"},
	{"loop.p99 > 100%", "takes a unit"},
	{"verdict > none", "== or !="},
	{"verdict != threads", "no such verdict"},
	{"verdict != none at all", "no such verdict"},
};

START_TEST(wrong_gates_are_told)
{
	struct gate gate;
	struct err err = {0};

	ck_assert_int_eq(gate_parse(wrong[_i].text, &gate, &err), -EINVAL);
	ck_assert_msg(strstr(err.msg, wrong[_i].says), "'%s' in '%s'", wrong[_i].says, err.msg);
}
END_TEST

/* Whatever stands in a file that calls itself a report, nothing breaks. */
START_TEST(reports_are_not_trusted)
{
	struct err err = {0};
	struct strbuf sb = {0};
	struct diff_render_input in = {.diff = &diff};
	json_t *bad = json_pack("{s:s, s:i}", "schema", "concprof.report/2", "window", 7);

	ck_assert_int_eq(diff_make(before, bad, &diff, &err), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.msg, "the second one: not a report"));
	json_decref(bad);
	json_object_set_new(
		after, "locks",
		json_pack("[i, {s:i}, {s:b, s:s}]", 7, "name", 3, "is_lock", 1, "kind", "<b>"));
	json_object_set_new(after, "slices", json_string("none"));
	json_object_set_new(after, "loops", json_pack("{s:i}", "x", 1));
	add_lock(after, "</script><b>|\033[31m", 9);
	make();
	ck_assert_int_eq(diff_render_html(&in, &sb), 0);
	ck_assert_ptr_null(strstr(strbuf_str(&sb), "<b>"));
	ck_assert_ptr_null(strchr(strbuf_str(&sb), '\033'));
	strbuf_reset(&sb);
	ck_assert_int_eq(diff_render_text(&in, &sb), 0);
	ck_assert_ptr_null(strchr(strbuf_str(&sb), '\033'));
	strbuf_free(&sb);
}
END_TEST

START_TEST(every_format_has_the_change)
{
	struct gate_result gate = {"verdict != none", true, (char[]){"the verdict is x"}};
	struct diff_render_input in = {.diff = &diff, .gates = &gate, .gates_len = 1};
	static const char *const formats[] = {"text", "md", "json", "html"};

	add_lock(before, "cache.lock", 4);
	make();
	for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
		struct strbuf sb = {0};

		ck_assert_int_eq(diff_render_by_name(formats[i])(&in, &sb), 0);
		ck_assert_ptr_nonnull(strstr(strbuf_str(&sb), "cache.lock"));
		ck_assert_ptr_nonnull(strstr(strbuf_str(&sb), "the verdict is x"));
		strbuf_free(&sb);
	}
	ck_assert_ptr_null(diff_render_by_name("csv"));
}
END_TEST

START_TEST(json_obeys_its_schema)
{
	struct diff_render_input in = {.diff = &diff};
	struct strbuf sb = {0};
	json_error_t where;
	json_t *schema = json_load_file("docs/diff.schema.json", 0, &where);
	json_t *root;
	struct json_schema s = {.root = schema};

	ck_assert_msg(schema != NULL, "line %d: %s", where.line, where.text);
	json_array_clear(json_object_get(after, "slices"));
	add_lock(before, "cache.lock", 4);
	add_loop(after, 50, 0);
	make();
	ck_assert_int_eq(diff_render_json(&in, &sb), 0);
	root = json_loads(strbuf_str(&sb), JSON_REJECT_DUPLICATES, &where);
	ck_assert_msg(root != NULL, "line %d: %s", where.line, where.text);
	ck_assert_msg(json_schema_obeys(&s, schema, root), "%s: %s", s.where, s.what);
	json_decref(root);
	json_decref(schema);
	strbuf_free(&sb);
}
END_TEST

Suite *diff_suite(void)
{
	Suite *suite = suite_create("diff");
	TCase *tcase = tcase_create("diff");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, classes_are_compared_by_second_and_by_work);
	tcase_add_test(tcase, noise_is_that_of_the_parts);
	tcase_add_test(tcase, no_change_is_claimed_without_parts);
	tcase_add_test(tcase, locks_match_whatever_their_address);
	tcase_add_test(tcase, nameless_locks_match_by_call_site);
	tcase_add_test(tcase, the_summary_names_what_went_away);
	tcase_add_test(tcase, gates_compare);
	tcase_add_test(tcase, gates_know_no_change_inside_the_noise);
	tcase_add_loop_test(tcase, wrong_gates_are_told, 0, ARRAY_LEN(wrong));
	tcase_add_test(tcase, reports_are_not_trusted);
	tcase_add_test(tcase, every_format_has_the_change);
	tcase_add_test(tcase, json_obeys_its_schema);
	suite_add_tcase(suite, tcase);
	return suite;
}
