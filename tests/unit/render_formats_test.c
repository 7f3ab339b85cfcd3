// SPDX-License-Identifier: GPL-2.0-only
/* The formats for other programs and for reviews: each by the rules of who reads it. */
#include "base/cleanup.h"
#include "base/err.h"
#include "base/num.h"
#include "render/render.h"
#include "tests/unit/report_fixture.h"
#include "tests/unit/suites.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "proto/profile.pb-c.h"

static struct report_fixture fix;
static struct strbuf out;

static void setup_server(void)
{
	report_fixture_server(&fix);
	report_fixture_loops(&fix, "asyncio", "handle_upload");
}

static void setup_hostile(void)
{
	report_fixture_hostile(&fix);
	report_fixture_loops(&fix, "</script><b>|`@x", "=1+1,\"\n");
	fix.locks[0].name = "</script><script>alert(1)</script>|`a``b @all #1 =x";
	fix.threads[0].name = "=cmd|' /C calc'!A0";
}

static void teardown(void)
{
	strbuf_free(&out);
	report_fixture_free(&fix);
}

static const char *render(const char *format)
{
	struct render_options opt = {0};
	struct err err = {0};

	strbuf_reset(&out);
	ck_assert_int_eq(render_by_name(format)->render(&fix.rep, &opt, &out, &err), 0);
	return strbuf_str(&out);
}

static void expect_has(const char *part)
{
	ck_assert_msg(strstr(strbuf_str(&out), part) != NULL, "\"%s\" is missing in:\n%s", part,
		      strbuf_str(&out));
}

static void expect_lacks(const char *part)
{
	ck_assert_msg(strstr(strbuf_str(&out), part) == NULL, "\"%s\" should not be in:\n%s", part,
		      strbuf_str(&out));
}

/* One field of RFC 4180 at @at into @to; returns what follows it. */
static const char *csv_field(const char *at, char *to, size_t room)
{
	bool quoted = *at == '"';
	size_t len = 0;

	at += quoted;
	while (*at && (quoted ? *at != '"' || at[1] == '"' : !strchr(",\n", *at))) {
		at += quoted && *at == '"';
		ck_assert_uint_lt(len, room - 1);
		to[len++] = *at++;
	}
	to[len] = '\0';
	return at + quoted;
}

#define CSV_COLUMNS 64
#define CSV_ROWS 32
static char csv[CSV_ROWS][CSV_COLUMNS][400];
static unsigned csv_columns, csv_rows;

static void csv_read(const char *text)
{
	unsigned column = 0;

	csv_rows = csv_columns = 0;
	while (*text) {
		ck_assert_uint_lt(csv_rows, CSV_ROWS);
		ck_assert_uint_lt(column, CSV_COLUMNS);
		text = csv_field(text, csv[csv_rows][column++], sizeof(csv[0][0]));
		if (*text == ',') {
			text++;
			continue;
		}
		ck_assert_int_eq(*text, '\n');
		text++;
		if (!csv_rows++)
			csv_columns = column;
		ck_assert_uint_eq(column, csv_columns);
		column = 0;
	}
}

/* The cell of the @nth row of @table under the heading @key. */
static const char *csv_at(const char *table, unsigned nth, const char *key)
{
	unsigned column = 0;

	while (column < csv_columns && strcmp(csv[0][column], key) != 0)
		column++;
	ck_assert_msg(column < csv_columns, "no column %s", key);
	for (unsigned row = 1; row < csv_rows; row++)
		if (!strcmp(csv[row][0], table) && !nth--)
			return csv[row][column];
	ck_abort_msg("no such row of %s", table);
	return "";
}

START_TEST(csv_is_one_table_with_raw_figures)
{
	csv_read(render("csv"));
	ck_assert_uint_eq(csv_rows, 1 + 4 + 3 + 2 + 1);
	ck_assert_str_eq(csv[0][0], "table");
	ck_assert_str_eq(csv_at("thread", 0, "name"), "con-17");
	ck_assert_str_eq(csv_at("thread", 1, "tid"), "4712");
	ck_assert_str_eq(csv_at("thread", 0, "disk_ns"), "5200000000");
	ck_assert_str_eq(csv_at("thread", 0, "turns"), "");
	ck_assert_str_eq(csv_at("lock", 0, "name"), "log_sys.mutex");
	ck_assert_str_eq(csv_at("lock", 0, "waits"), "43100");
	ck_assert_str_eq(csv_at("lock", 0, "wait_ns"), "13400000000");
	ck_assert_str_eq(csv_at("lock", 0, "gain"), "1.6");
	ck_assert_str_eq(csv_at("lock", 0, "waiting_in"), "log_write_up_to < trx_commit");
	ck_assert_str_eq(csv_at("lock", 2, "gain"), "");
	ck_assert_str_eq(csv_at("loop", 0, "kind"), "asyncio");
	ck_assert_str_eq(csv_at("loop", 0, "turns"), "2000");
	ck_assert_str_eq(csv_at("loop", 1, "is_loop"), "0");
	ck_assert_str_eq(csv_at("edge", 0, "tid"), "4712");
	ck_assert_str_eq(csv_at("edge", 0, "to_name"), "con-17");
}
END_TEST

START_TEST(csv_of_hostile_names_is_inert)
{
	csv_read(render("csv"));
	ck_assert_str_eq(csv_at("thread", 0, "name"), "'=cmd|' /C calc'!A0");
	ck_assert_str_eq(csv_at("thread", 1, "name"),
			 "x\\x1b[31m\\x0d\\x0a\\xe2\\x80\\xae\\xff\"\\<b>");
	ck_assert_str_eq(csv_at("loop", 0, "kind"), "</script><b>|`@x");
}
END_TEST

/* flamegraph.pl takes what follows the last space as the value, and ";" between frames. */
START_TEST(folded_lines_have_frames_and_a_value)
{
	char *line;
	char *rest = NULL;
	uint64_t lock_us = 0;

	fix.stacks[3].frames_len = 2;
	render("folded");
	expect_has("run;mariadbd (4711);con-17 (4711);row_search;buf_page_get 3131313\n");
	expect_has("disk;mariadbd (4711);con-17 (4711);trx_commit;log_write_up_to;fsync;[fsync] "
		   "5000000\n");
	expect_has("lock;mariadbd (4711);con (4712);(cut);");
	for (line = strtok_r(out.str, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		char *value = strrchr(line, ' ');
		uint64_t us;

		ck_assert_msg(value != NULL, "%s", line);
		ck_assert_int_eq(num_parse_u64(value + 1, 1, INT64_MAX, &us), 0);
		ck_assert_msg(strchr(line, ';') < value, "%s", line);
		if (!strncmp(line, "lock;", 5))
			lock_us += us;
	}
	/* blocked: 7 + 5.9 + 0.3 s, by the waiters of both locks */
	ck_assert_uint_eq(lock_us, 13200000);
}
END_TEST

START_TEST(folded_names_end_no_frame)
{
	fix.locks[0].name = "a;b c 12";
	render("folded");
	expect_has(";[a:b c 12] ");
	expect_lacks("a;b");
	expect_lacks("\033");
}
END_TEST

START_TEST(markdown_says_it_first)
{
	const char *text = render("md");

	expect_has("## concprof: mariadbd (4711), 1 process, 4 threads, 10.0 s, 2 CPUs\n");
	ck_assert_ptr_nonnull(strstr(text, "**Threads wait for one lock: `log_sys.mutex` costs"));
	ck_assert(strstr(text, "- **Next**") < strstr(text, "### Where thread time went"));
	expect_has("| `log_sys.mutex` | `mutex` | 4,310 | 13.4 s |");
	expect_has("### Event loops\n");
	expect_has("| run | 18% | 7.0 s |");
	expect_has("nothing lost");
	expect_lacks("pool.cond");
}
END_TEST

/* Each row of a table has as many bars, not counting those behind a backslash, as its heading. */
START_TEST(markdown_of_hostile_names_is_inert)
{
	unsigned columns = 0;
	char *rest = NULL;

	render("md");
	expect_has("| ```</script><script>alert(1)</script>\\|`a``b @all #1 =x ``` |");
	expect_has("`=cmd\\|' /C calc'!A0");
	for (char *line = strtok_r(out.str, "\n", &rest); line;
	     line = strtok_r(NULL, "\n", &rest)) {
		unsigned bars = 0;

		for (char *c = line; *c; c++)
			bars += *c == '|' && (c == line || c[-1] != '\\');
		if (*line != '|') {
			columns = 0;
			/* Outside tables no tag of the target's is left. */
			ck_assert_msg(!strstr(line, "<b>") || strstr(line, "\\<b\\>"), "%s", line);
			continue;
		}
		columns = columns ? columns : bars;
		ck_assert_msg(bars == columns, "%u bars, not %u: %s", bars, columns, line);
	}
}
END_TEST

static json_t *event_named(json_t *events, const char *ph, const char *name)
{
	size_t i;
	json_t *event;

	json_array_foreach(events, i, event)
	{
		if (!strcmp(json_string_value(json_object_get(event, "ph")), ph) &&
		    !strcmp(json_string_value(json_object_get(event, "name")), name))
			return event;
	}
	ck_abort_msg("no event %s %s", ph, name);
	return NULL;
}

static double num_of(const json_t *event, const char *key)
{
	ck_assert_msg(json_is_number(json_object_get(event, key)), "%s", key);
	return json_number_value(json_object_get(event, key));
}

/* The rules of the format: what each phase must have, and that spans of a track do not cross. */
static void check_events(json_t *events)
{
	size_t i, k;
	json_t *event, *other;

	json_array_foreach(events, i, event)
	{
		const char *ph = json_string_value(json_object_get(event, "ph"));

		ck_assert_msg(ph && strchr("MXCsf", *ph), "%s", ph);
		num_of(event, "pid");
		num_of(event, "tid");
		if (*ph != 'M')
			ck_assert(num_of(event, "ts") >= 0);
		if (*ph == 's' || *ph == 'f')
			num_of(event, "id");
		if (*ph != 'X')
			continue;
		ck_assert(num_of(event, "dur") >= 0);
		json_array_foreach(events, k, other)
		{
			double from = num_of(event, "ts"), to = from + num_of(event, "dur"), start;

			if (k == i || *json_string_value(json_object_get(other, "ph")) != 'X' ||
			    num_of(other, "tid") != num_of(event, "tid"))
				continue;
			start = num_of(other, "ts");
			ck_assert_msg(start < from || start >= to ||
					      start + num_of(other, "dur") <= to + 1e-6,
				      "spans cross");
		}
	}
}

START_TEST(perfetto_obeys_the_format)
{
	struct record_long_wait waits[] = {
		{.lock = 0,
		 .tid = 4712,
		 .waker_tid = 4711,
		 .start_ns = fix.snap.start_ns + NS_PER_S,
		 .woken_ns = fix.snap.start_ns + 2 * NS_PER_S,
		 .end_ns = fix.snap.start_ns + 2500 * NS_PER_MS},
		/* The same, told before it went on; and one that seems to begin before its end. */
		{.lock = 0,
		 .tid = 4712,
		 .waker_tid = 4711,
		 .start_ns = fix.snap.start_ns + NS_PER_S,
		 .woken_ns = fix.snap.start_ns + 1500 * NS_PER_MS,
		 .end_ns = fix.snap.start_ns + 2100 * NS_PER_MS},
		{.lock = 1,
		 .tid = 4712,
		 .start_ns = fix.snap.start_ns + 2400 * NS_PER_MS,
		 .woken_ns = fix.snap.start_ns + 3 * NS_PER_S,
		 .end_ns = fix.snap.start_ns + 3 * NS_PER_S},
	};
	json_error_t where;
	json_t *root, *events, *flow;

	fix.snap.long_waits = waits;
	fix.snap.long_waits_len = 3;
	root = json_loads(render("perfetto"), JSON_REJECT_DUPLICATES, &where);
	ck_assert_msg(root != NULL, "line %d: %s", where.line, where.text);
	events = json_object_get(root, "traceEvents");
	check_events(events);
	ck_assert_double_eq_tol(num_of(event_named(events, "X", "log_sys.mutex"), "dur"), 1e6, 1);
	ck_assert_double_eq_tol(num_of(event_named(events, "X", "run queue"), "dur"), 5e5, 1);
	ck_assert_double_eq_tol(num_of(event_named(events, "X", "buf_pool.hash[3]"), "dur"), 5e5,
				1);
	ck_assert_double_eq_tol(num_of(event_named(events, "X", "threads.lock"), "dur"), 5e6, 1);
	ck_assert_double_eq_tol(num_of(event_named(events, "X", "stall"), "dur"), 2e5, 1);
	flow = event_named(events, "s", "wakes");
	ck_assert_double_eq(num_of(flow, "tid"), 4711);
	ck_assert_double_eq_tol(num_of(flow, "ts"), 2e6, 1);
	flow = event_named(events, "f", "wakes");
	ck_assert_double_eq(num_of(flow, "tid"), 4712);
	ck_assert_double_eq(
		num_of(json_object_get(event_named(events, "C", "threads by class"), "args"),
		       "lock"),
		1.32);
	json_decref(root);
}
END_TEST

static Pprof__Profile *unpacked(void)
{
	static unsigned char raw[1 << 20];
	z_stream stream = {.next_out = raw, .avail_out = sizeof(raw)};
	Pprof__Profile *profile;

	render("pprof");
	stream.next_in = (unsigned char *)out.str;
	stream.avail_in = (uInt)out.len;
	ck_assert_int_eq(inflateInit2(&stream, 15 + 16), Z_OK);
	ck_assert_int_eq(inflate(&stream, Z_FINISH), Z_STREAM_END);
	inflateEnd(&stream);
	profile = pprof__profile__unpack(NULL, stream.total_out, raw);
	ck_assert_ptr_nonnull(profile);
	return profile;
}

/* Every reference leads somewhere, as pprof's own check of a profile wants it. */
START_TEST(pprof_is_whole)
{
	Pprof__Profile *p = unpacked();
	int64_t sum[4] = {0};

	ck_assert_str_eq(p->string_table[0], "");
	ck_assert_uint_eq(p->n_sample_type, 4);
	ck_assert_str_eq(p->string_table[p->sample_type[2]->type], "delay");
	ck_assert_str_eq(p->string_table[p->sample_type[3]->unit], "count");
	for (size_t i = 0; i < p->n_function; i++)
		ck_assert_uint_eq(p->function[i]->id, i + 1);
	for (size_t i = 0; i < p->n_location; i++) {
		ck_assert_uint_eq(p->location[i]->id, i + 1);
		ck_assert_uint_le(p->location[i]->mapping_id, p->n_mapping);
		ck_assert_uint_le(p->location[i]->line[0]->function_id, p->n_function);
	}
	for (size_t i = 0; i < p->n_sample; i++) {
		ck_assert_uint_eq(p->sample[i]->n_value, 4);
		ck_assert_uint_gt(p->sample[i]->n_location_id, 0);
		for (size_t k = 0; k < p->sample[i]->n_location_id; k++)
			ck_assert_uint_le(p->sample[i]->location_id[k], p->n_location);
		for (size_t k = 0; k < p->sample[i]->n_label; k++)
			ck_assert_uint_lt(p->sample[i]->label[k]->key, p->n_string_table);
		for (unsigned k = 0; k < 4; k++)
			sum[k] += p->sample[i]->value[k];
	}
	/* 322 samples at 99 Hz; blocks of 16.696 s and waits of 13.7; of these 13.2 for locks */
	ck_assert_int_eq(sum[0], 322 * (1000000000LL / 99));
	ck_assert_int_eq(sum[1], 16696000000LL + 13700000000LL);
	ck_assert_int_eq(sum[2], 13200000000);
	ck_assert_int_eq(sum[3], 23000 + 20100 + 2120);
	pprof__profile__free_unpacked(p, NULL);
}
END_TEST

START_TEST(html_stands_alone_and_says_it_first)
{
	const char *text = render("html");

	ck_assert(!strncmp(text, "<!DOCTYPE html>", 15));
	ck_assert(strstr(text, "class=\"verdict bad\"") < strstr(text, "id=\"time\""));
	expect_has("<dt>Next</dt><dd>group commits, or innodb");
	expect_has("<th scope=\"row\">log_sys.mutex</th>");
	expect_has("<svg class=\"graph\"");
	expect_has("<svg class=\"timeline\"");
	expect_has("data-graph=\"lock-waits\"");
	expect_has("<dt>Kernel</dt><dd>6.1.0-18-amd64</dd>");
	expect_has("handle_upload");
	expect_lacks("http:");
	expect_lacks("https:");
	expect_lacks("src=\"");
	ck_assert_uint_lt(out.len, 100000);
}
END_TEST

/* What the target calls itself opens no tag, ends no script and begins no attribute. */
START_TEST(html_of_hostile_names_is_inert)
{
	const char *text = render("html");
	unsigned scripts = 0, ends = 0;

	for (const char *c = text; (c = strstr(c, "<script")) != NULL; c++)
		scripts++;
	for (const char *c = text; (c = strstr(c, "</script")) != NULL; c++)
		ends++;
	ck_assert_uint_eq(scripts, 2); /* data and code, as without hostile names */
	ck_assert_uint_eq(ends, 2);
	expect_lacks("\\<b>");
	expect_lacks("\033");
	expect_has("&lt;/script&gt;&lt;script&gt;alert(1)&lt;/script&gt;");
	expect_has("\\u003c/script\\u003e\\u003cscript\\u003e");
}
END_TEST

/* For check_html.py: the page of hostile names, where it asks for it. */
START_TEST(html_of_hostile_names_goes_to_the_browser)
{
	const char *path = getenv("CONCPROF_HOSTILE_HTML");
	_cleanup_fclose_ FILE *file = path ? fopen(path, "w") : NULL;

	ck_assert_int_eq(!path, !file);
	if (file)
		ck_assert_int_ge(fputs(render("html"), file), 0);
}
END_TEST

/* The data of the flame graphs: JSON whose sums hold. */
START_TEST(flames_sum_up)
{
	static const char begin[] = "id=\"flame-data\">";
	const char *data = strstr(render("html"), begin);
	json_error_t where;
	json_t *root, *graph;

	ck_assert_ptr_nonnull(data);
	data += sizeof(begin) - 1;
	root = json_loads(data, JSON_DISABLE_EOF_CHECK, &where);
	ck_assert_msg(root != NULL, "line %d: %s", where.line, where.text);
	graph = json_object_get(json_object_get(root, "graphs"), "lock-waits");
	ck_assert_int_eq(json_integer_value(json_array_get(graph, 1)), 13700000);
	graph = json_object_get(json_object_get(root, "graphs"), "off-cpu");
	ck_assert_int_eq(json_integer_value(json_array_get(graph, 1)), 16696000);
	graph = json_object_get(json_object_get(root, "graphs"), "wakes");
	ck_assert_int_eq(json_integer_value(json_array_get(graph, 1)), 13200000);
	json_decref(root);
}
END_TEST

static const char *const golden[] = {"md", "csv", "folded", "perfetto"};

/* UPDATE_GOLDEN=1 writes them anew. */
START_TEST(outputs_are_the_golden_ones)
{
	static char expected[1 << 17];
	char path[64];
	_cleanup_fclose_ FILE *file = NULL;
	size_t len;

	snprintf(path, sizeof(path), "tests/golden/formats/server.%s", golden[_i]);
	file = fopen(path, getenv("UPDATE_GOLDEN") ? "w" : "r");
	ck_assert_msg(file != NULL, "%s cannot be opened: run in the top directory", path);
	if (getenv("UPDATE_GOLDEN")) {
		ck_assert_int_ge(fputs(render(golden[_i]), file), 0);
		return;
	}
	len = fread(expected, 1, sizeof(expected) - 1, file);
	expected[len] = '\0';
	ck_assert_str_eq(render(golden[_i]), expected);
}
END_TEST

START_TEST(an_idle_program_and_an_empty_report_render)
{
	struct snapshot none = {.duration_ns = 0};

	for (const struct render_format *f = render_formats(); f->name; f++)
		render(f->name);
	report_fixture_free(&fix);
	report_fixture_idle(&fix);
	for (const struct render_format *f = render_formats(); f->name; f++)
		render(f->name);
	fix.rep = report_make(&none, &fix.verdict);
	for (const struct render_format *f = render_formats(); f->name; f++)
		render(f->name);
}
END_TEST

Suite *render_formats_suite(void)
{
	Suite *suite = suite_create("render_formats");
	TCase *server = tcase_create("server");
	TCase *hostile = tcase_create("hostile");

	tcase_add_checked_fixture(server, setup_server, teardown);
	tcase_add_test(server, csv_is_one_table_with_raw_figures);
	tcase_add_test(server, folded_lines_have_frames_and_a_value);
	tcase_add_test(server, folded_names_end_no_frame);
	tcase_add_test(server, markdown_says_it_first);
	tcase_add_test(server, perfetto_obeys_the_format);
	tcase_add_test(server, pprof_is_whole);
	tcase_add_test(server, html_stands_alone_and_says_it_first);
	tcase_add_test(server, flames_sum_up);
	tcase_add_loop_test(server, outputs_are_the_golden_ones, 0, ARRAY_LEN(golden));
	tcase_add_test(server, an_idle_program_and_an_empty_report_render);
	suite_add_tcase(suite, server);
	tcase_add_checked_fixture(hostile, setup_hostile, teardown);
	tcase_add_test(hostile, csv_of_hostile_names_is_inert);
	tcase_add_test(hostile, markdown_of_hostile_names_is_inert);
	tcase_add_test(hostile, html_of_hostile_names_is_inert);
	tcase_add_test(hostile, html_of_hostile_names_goes_to_the_browser);
	suite_add_tcase(suite, hostile);
	return suite;
}
