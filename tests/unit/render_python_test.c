// SPDX-License-Identifier: GPL-2.0-only
/* Reports on a program that its GIL binds: from the snapshot on, all is the real thing. */
#include "base/cleanup.h"
#include "base/err.h"
#include "base/num.h"
#include "render/render.h"
#include "tests/unit/analysis_fixture.h"
#include "tests/unit/gil_fixture.h"
#include "tests/unit/json_schema.h"
#include "tests/unit/report_fixture.h"
#include "tests/unit/suites.h"

#include <stdio.h>
#include <string.h>

/* From the top of the source tree, where the tests run.  UPDATE_GOLDEN=1 writes it anew. */
#define GOLDEN "tests/golden/text/gil.txt"
#define SCHEMA "docs/report.schema.json"

static struct snap_builder *b;
static struct verdict verdict;
static struct report rep;
static struct strbuf out;

static void setup(void)
{
	static const uint32_t pids[] = {100};
	struct record_run *run;
	uint32_t ui, wait;

	b = gil_fixture();
	gil_fixture_seen(b);
	ui = build_thread(b, "ui");
	build_time(b, ui, CLASS_RUN, 0.1);
	build_time(b, ui, CLASS_GIL, 6);
	build_time(b, ui, CLASS_SLEEP, 3.9);
	build_switches(b, ui, 1000);
	wait = build_trace(b, GIL_LIBRARY,
			   "libc!__futex_abstimed_wait_common < python!take_gil < "
			   "/srv/ui.py!draw:5 < /srv/ui.py!main:50");
	build_wait(b, 0, ui, 1000, 6, wait);
	build_hold(b, 0, SNAP_NONE, 6, CLASS_OTHER, SNAP_NONE);
	/* One whose code object could not be read. */
	build_seen(b, 0, 2, build_trace(b, GIL_LIBRARY, "/srv/app.py! < /srv/app.py!work:34"), 2,
		   0.5, 0);
	b->frames[b->snap.stacks_len - 1][0].file = "";
	b->locks[0].pids = pids;
	b->locks[0].pids_len = 1;
	b->locks[0].address = 0x9f2b28;
	b->locks[0].module = "/usr/bin/python3.11";
	build_process(b, 1);
	b->processes[0].runtime = "cpython";
	b->processes[0].runtime_version = "3.11.2";
	b->processes[0].libc = "glibc 2.36";
	run = &b->snap.run;
	strcpy(run->tool_version, "1.0.0");
	strcpy(run->kernel, "6.1.0-18-amd64");
	strcpy(run->command, "python3 app.py");
	run->pids_len = 1;
	run->pids[0] = 100;
	run->start_realtime_ns = 1714566896123456789ULL;
	build_host(b, 9, 11);
	verdict = judge_built(b);
	rep = report_make(&b->snap, &verdict);
}

static void teardown(void)
{
	strbuf_free(&out);
	verdict_free(&verdict);
	build_free(b);
}

static const char *render(const struct report *report, const char *format)
{
	struct render_options opt = {.columns = 100};
	struct err err = {0};

	strbuf_reset(&out);
	ck_assert_int_eq(render_by_name(format)->render(report, &opt, &out, &err), 0);
	return strbuf_str(&out);
}

START_TEST(report_is_the_golden_one)
{
	static char want[1 << 16];
	const char *text = render(&rep, "text");
	_cleanup_fclose_ FILE *file = fopen(GOLDEN, getenv("UPDATE_GOLDEN") ? "w" : "r");

	ck_assert_msg(file != NULL, "%s cannot be opened: run in the top directory", GOLDEN);
	if (getenv("UPDATE_GOLDEN")) {
		ck_assert_int_ge(fputs(text, file), 0);
		return;
	}
	want[fread(want, 1, sizeof(want) - 1, file)] = '\0';
	ck_assert_str_eq(text, want);
}
END_TEST

static json_t *json_of(const struct report *report)
{
	json_t *root = json_loads(render(report, "json"), JSON_REJECT_DUPLICATES, NULL);

	ck_assert_ptr_nonnull(root);
	return root;
}

/* What is wrong with it by the schema; "" = nothing. */
static const char *broken(json_t *report)
{
	static char text[600];
	struct json_schema s = {.root = json_load_file(SCHEMA, 0, NULL)};

	ck_assert_msg(s.root != NULL, "%s cannot be read", SCHEMA);
	if (json_schema_obeys(&s, s.root, report))
		s.where[0] = s.what[0] = '\0';
	snprintf(text, sizeof(text), "%s: %s", s.where, s.what);
	json_decref(s.root);
	return strcmp(text, ": ") ? text : "";
}

START_TEST(json_obeys_its_schema)
{
	static void (*const fixtures[])(struct report_fixture *) = {
		report_fixture_server, report_fixture_hostile, report_fixture_idle};
	json_t *root = json_of(&rep);

	ck_assert_str_eq(broken(root), "");
	json_decref(root);
	for (size_t i = 0; i < ARRAY_LEN(fixtures); i++) {
		struct report_fixture fix;

		fixtures[i](&fix);
		root = json_of(&fix.rep);
		ck_assert_str_eq(broken(root), "");
		json_decref(root);
		report_fixture_free(&fix);
	}
}
END_TEST

static json_t *first(json_t *obj, const char *list)
{
	return json_array_get(json_object_get(obj, list), 0);
}

/* Else the test above would prove nothing. */
START_TEST(what_breaks_the_schema_is_found)
{
	json_t *root = json_of(&rep), *lock = first(root, "locks");
	json_t *frame = first(first(root, "stacks"), "frames");

	json_object_set_new(frame, "kind", json_string("perl"));
	ck_assert_str_eq(broken(root), ".stacks.0.frames.0.kind: enum");
	json_object_set_new(frame, "kind", json_string("python"));
	json_object_set_new(frame, "line", json_integer(-1));
	ck_assert_str_eq(broken(root), ".stacks.0.frames.0.line: minimum");
	json_object_set_new(frame, "line", json_real(1.5));
	ck_assert_str_eq(broken(root), ".stacks.0.frames.0.line: type");
	json_object_set_new(frame, "line", json_integer(0));
	json_object_set_new(frame, "address", json_string("12"));
	ck_assert_str_eq(broken(root), ".stacks.0.frames.0.address: pattern");
	json_object_set_new(frame, "address", json_string("0x12"));
	json_object_set_new(first(lock, "holdings"), "how", json_string("heard"));
	ck_assert_str_eq(broken(root), ".locks.0.holdings.0.how: enum");
	json_object_set_new(first(lock, "holdings"), "how", json_string("seen"));
	json_object_set_new(first(lock, "holdings"), "color", json_string("red"));
	ck_assert_str_eq(broken(root), ".locks.0.holdings.0: color is not in the schema");
	json_object_del(first(lock, "holdings"), "color");
	json_object_del(lock, "wait_ns");
	ck_assert_str_eq(broken(root), ".locks.0: required wait_ns");
	json_decref(root);
}
END_TEST

static const json_t *stack_of(const json_t *root, const json_t *user)
{
	json_int_t id = json_integer_value(json_object_get(user, "stack"));

	ck_assert_int_gt(id, 0);
	return json_array_get(json_object_get(root, "stacks"), (size_t)id - 1);
}

static void expect_frame(const json_t *stack, size_t i, const char *kind, const char *name,
			 const char *file, json_int_t line)
{
	const json_t *f = json_array_get(json_object_get(stack, "frames"), i);

	ck_assert_str_eq(json_string_value(json_object_get(f, "kind")), kind);
	ck_assert_str_eq(json_string_value(json_object_get(f, "name")), name);
	ck_assert_str_eq(json_string_value(json_object_get(f, "file")), file);
	ck_assert_int_eq(json_integer_value(json_object_get(f, "line")), line);
}

START_TEST(frames_of_python_in_json)
{
	json_t *root = json_of(&rep), *lock = first(root, "locks");
	const json_t *waiters = json_object_get(lock, "waiters");
	const json_t *stack = stack_of(root, json_array_get(waiters, 4));

	ck_assert_str_eq(json_string_value(json_object_get(lock, "kind")), "gil");
	ck_assert_uint_eq(json_array_size(json_object_get(stack, "frames")), 4);
	expect_frame(stack, 0, "native", "__futex_abstimed_wait_common", "", 0);
	expect_frame(stack, 1, "native", "take_gil", "", 0);
	expect_frame(stack, 2, "python", "draw", "/srv/ui.py", 5);
	expect_frame(stack, 3, "python", "main", "/srv/ui.py", 50);
	json_decref(root);
}
END_TEST

START_TEST(what_was_seen_in_json)
{
	static const struct {
		json_int_t tid, count, ns, kept;
		const char *name;
	} want[] = {{101, 900, 8000000000, 20, "parse"},
		    {101, 500, 5000000000, 700, "count"},
		    {102, 400, 4000000000, 300, "count"},
		    {103, 300, 3000000000, 234, "count"},
		    {102, 2, 500000000, 0, ""}};
	json_t *root = json_of(&rep);
	const json_t *holdings = json_object_get(first(root, "locks"), "holdings");

	ck_assert_uint_eq(json_array_size(holdings), ARRAY_LEN(want));
	for (size_t i = 0; i < ARRAY_LEN(want); i++) {
		const json_t *h = json_array_get(holdings, i);
		const json_t *frame =
			json_array_get(json_object_get(stack_of(root, h), "frames"), 0);

		ck_assert_str_eq(json_string_value(json_object_get(h, "how")), "seen");
		ck_assert_int_eq(json_integer_value(json_object_get(h, "tid")), want[i].tid);
		ck_assert_int_eq(json_integer_value(json_object_get(h, "count")), want[i].count);
		ck_assert_int_eq(json_integer_value(json_object_get(h, "ns")), want[i].ns);
		ck_assert_int_eq(json_integer_value(json_object_get(h, "kept")), want[i].kept);
		ck_assert_str_eq(json_string_value(json_object_get(frame, "name")), want[i].name);
		ck_assert_str_eq(json_string_value(json_object_get(frame, "kind")), "python");
	}
	json_decref(root);
}
END_TEST

Suite *render_python_suite(void)
{
	Suite *s = suite_create("render_python");
	TCase *tc = tcase_create("gil");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, report_is_the_golden_one);
	tcase_add_test(tc, json_obeys_its_schema);
	tcase_add_test(tc, what_breaks_the_schema_is_found);
	tcase_add_test(tc, frames_of_python_in_json);
	tcase_add_test(tc, what_was_seen_in_json);
	suite_add_tcase(s, tc);
	return s;
}
