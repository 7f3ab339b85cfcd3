// SPDX-License-Identifier: GPL-2.0-only
/* Event loops and stalls in tables, text and JSON. */
#include "base/err.h"
#include "base/num.h"
#include "render/render.h"
#include "report/columns.h"
#include "tests/unit/json_schema.h"
#include "tests/unit/report_fixture.h"
#include "tests/unit/suites.h"

#include <jansson.h>
#include <string.h>

static struct report_fixture fix;
static struct strbuf out;

static void setup(void)
{
	report_fixture_server(&fix);
	report_fixture_loops(&fix, "asyncio", "handle_upload");
}

static void teardown(void)
{
	strbuf_free(&out);
	report_fixture_free(&fix);
}

static const char *render(const char *format, unsigned columns)
{
	struct render_options opt = {.columns = columns};
	struct err err = {0};

	strbuf_reset(&out);
	ck_assert_int_eq(render_by_name(format)->render(&fix.rep, &opt, &out, &err), 0);
	return strbuf_str(&out);
}

static void expect(enum column_table table, const char *key, uint32_t row, const char *want)
{
	struct strbuf sb = {0};
	uint32_t len;
	const struct column *cols = columns_of(table, &len);
	uint32_t i = 0;

	while (i < len && strcmp(cols[i].key, key) != 0)
		i++;
	ck_assert_msg(i < len, "no column %s", key);
	column_format(&sb, &cols[i], &fix.rep, row);
	ck_assert_str_eq(strbuf_str(&sb), want);
	strbuf_free(&sb);
}

START_TEST(cells_read_well)
{
	expect(TABLE_LOOPS, "name", 0, "signal");
	expect(TABLE_LOOPS, "name", 1, "con-17 +2");
	expect(TABLE_LOOPS, "kind", 0, "asyncio");
	expect(TABLE_LOOPS, "utilization", 0, "40%");
	expect(TABLE_LOOPS, "utilization", 1, "67%");
	expect(TABLE_LOOPS, "turns_per_s", 0, "200");
	expect(TABLE_LOOPS, "max_ns", 0, "200 ms");
	expect(TABLE_LOOPS, "added_mean_ns", 0, "13 ms");
	expect(TABLE_LOOPS, "stalls", 0, "3");
	expect(TABLE_LOOPS, "stalled_by", 0, "run 75%");
	expect(TABLE_LOOPS, "stalled_by", 1, "-");
	expect(TABLE_STALLS, "at_ns", 0, "2.0 s");
	expect(TABLE_STALLS, "duration_ns", 0, "200 ms");
	expect(TABLE_STALLS, "cause", 0, "run");
	expect(TABLE_STALLS, "cause_share", 0, "75%");
	expect(TABLE_STALLS, "site", 0, "handle_upload: buf_page_get < row_search");
	expect(TABLE_STALLS, "site", 2, "fsync in log_write_up_to < trx_commit");
}
END_TEST

START_TEST(text_shows_loops_and_their_stalls_alone)
{
	const char *text = render("text", 0);

	ck_assert_ptr_nonnull(strstr(text, "  LOOPS"));
	ck_assert_ptr_nonnull(strstr(text, "  STALLS"));
	ck_assert_ptr_nonnull(strstr(text, "handle_upload: buf_page_get"));
	ck_assert_ptr_null(strstr(text, "con-17 +2"));
	ck_assert_ptr_null(strstr(text, "150 ms"));
	fix.loops[0].is_loop = false;
	text = render("text", 0);
	ck_assert_ptr_null(strstr(text, "  LOOPS"));
	ck_assert_ptr_null(strstr(text, "  STALLS"));
}
END_TEST

static json_t *parsed(void)
{
	json_error_t where;
	json_t *root = json_loads(render("json", 0), JSON_REJECT_DUPLICATES, &where);

	ck_assert_msg(root != NULL, "line %d: %s", where.line, where.text);
	return root;
}

START_TEST(json_obeys_the_schema)
{
	json_error_t where;
	json_t *schema = json_load_file("docs/report.schema.json", 0, &where);
	json_t *root = parsed();
	struct json_schema s = {.root = schema};

	ck_assert_msg(schema != NULL, "line %d: %s", where.line, where.text);
	ck_assert_msg(json_schema_obeys(&s, schema, root), "%s: %s", s.where, s.what);
	json_decref(root);
	json_decref(schema);
}
END_TEST

static json_int_t int_of(const json_t *obj, const char *key)
{
	ck_assert_msg(json_is_integer(json_object_get(obj, key)), "%s", key);
	return json_integer_value(json_object_get(obj, key));
}

START_TEST(json_has_the_values)
{
	json_t *root = parsed();
	json_t *loop = json_array_get(json_object_get(root, "loops"), 0);
	json_t *stalls = json_object_get(loop, "stalls");
	json_t *second = json_array_get(stalls, 1);

	ck_assert_int_eq(int_of(loop, "tid"), 4714);
	ck_assert_int_eq(int_of(loop, "turns"), 2000);
	ck_assert_double_eq_tol(json_real_value(json_object_get(loop, "utilization")), 0.4, 1e-9);
	ck_assert_int_eq(int_of(loop, "stall_threshold_ns"), 50 * NS_PER_MS);
	ck_assert_int_eq(int_of(loop, "stall_count"), 3);
	ck_assert_int_eq(int_of(json_object_get(loop, "split"), "blocking"), NS_PER_S);
	ck_assert_uint_eq(json_array_size(stalls), 2);
	ck_assert_int_eq(int_of(second, "at_ns"), 9900 * NS_PER_MS);
	ck_assert_str_eq(json_string_value(json_object_get(second, "cause")), "blocking");
	ck_assert_str_eq(json_string_value(json_object_get(second, "syscall")), "fsync");
	ck_assert(json_is_true(json_object_get(second, "open")));
	ck_assert_int_gt(int_of(second, "stack"), 0);
	json_decref(root);
}
END_TEST

Suite *render_loops_suite(void)
{
	Suite *suite = suite_create("render_loops");
	TCase *tcase = tcase_create("loops");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, cells_read_well);
	tcase_add_test(tcase, text_shows_loops_and_their_stalls_alone);
	tcase_add_test(tcase, json_obeys_the_schema);
	tcase_add_test(tcase, json_has_the_values);
	suite_add_tcase(suite, tcase);
	return suite;
}
