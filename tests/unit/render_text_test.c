// SPDX-License-Identifier: GPL-2.0-only
#include "base/cleanup.h"
#include "base/err.h"
#include "base/num.h"
#include "base/text.h"
#include "render/grid.h"
#include "render/render.h"
#include "tests/unit/report_fixture.h"
#include "tests/unit/suites.h"

#include <string.h>

/* From the top of the source tree, where the tests run.  UPDATE_GOLDEN=1 writes it anew. */
#define GOLDEN "tests/golden/text/server.txt"

static struct report_fixture fix;
static struct strbuf out;

static void setup_server(void)
{
	report_fixture_server(&fix);
}

static void setup_hostile(void)
{
	report_fixture_hostile(&fix);
}

static void setup_idle(void)
{
	report_fixture_idle(&fix);
}

static void teardown(void)
{
	strbuf_free(&out);
	report_fixture_free(&fix);
}

static const char *render(unsigned columns, bool ascii, bool color)
{
	struct render_options opt = {.columns = columns, .ascii = ascii, .color = color};
	struct err err = {0};

	strbuf_reset(&out);
	ck_assert_int_eq(render_by_name("text")->render(&fix.rep, &opt, &out, &err), 0);
	return strbuf_str(&out);
}

static void expect_line_widths(const char *text, unsigned columns)
{
	while (*text) {
		size_t len = strcspn(text, "\n");
		struct strbuf line = {0};

		ck_assert_int_eq(text[len], '\n');
		strbuf_add(&line, text, len);
		ck_assert_msg(text_width(strbuf_str(&line)) <= columns, "%zu > %u: %s",
			      text_width(strbuf_str(&line)), columns, strbuf_str(&line));
		ck_assert_msg(!len || text[len - 1] != ' ', "trailing space: %s",
			      strbuf_str(&line));
		strbuf_free(&line);
		text += len + 1;
	}
}

static void expect_widths(void)
{
	for (unsigned columns = 60; columns <= 250; columns++)
		for (int ascii = 0; ascii < 2; ascii++)
			expect_line_widths(render(columns, ascii, false), columns);
	expect_line_widths(render(1, false, false), 20);
}

START_TEST(no_line_exceeds_the_width)
{
	expect_widths();
}
END_TEST

START_TEST(wide_characters_do_not_exceed_the_width)
{
	fix.threads[0].name = "\xe6\xbc\xa2\xe5\xad\x97\xe6\xbc\xa2\xe5\xad\x97";
	fix.locks[0].name = "\xe6\xbc\xa2\xe5\xad\x97\xe6\xbc\xa2\xe5\xad\x97\xe6\xbc\xa2\xe5\xad"
			    "\x97\xe6\xbc\xa2\xe5\xad\x97\xe6\xbc\xa2\xe5\xad\x97\xe6\xbc\xa2";
	strbuf_reset(&fix.verdict.main.headline);
	for (unsigned i = 0; i < 200; i++)
		strbuf_puts(&fix.verdict.main.headline, "\xe6\xbc\xa2");
	expect_widths();
}
END_TEST

START_TEST(hostile_names_are_inert)
{
	const char *text;

	expect_widths();
	text = render(100, false, false);
	for (const char *p = text; *p; p++)
		ck_assert_msg(*p == '\n' || (unsigned char)*p >= ' ', "control byte %02x",
			      (unsigned char)*p);
	ck_assert_ptr_null(strstr(text, "\xe2\x80\xae"));
	ck_assert_ptr_null(strchr(text, '\xff'));
	ck_assert_ptr_nonnull(strstr(text, "x\\x1b[31m\\x0d\\x0a\\xe2\\x80\\xae\\xff\"\\<b>"));
}
END_TEST

START_TEST(ascii_mode_is_ascii)
{
	for (const char *p = render(100, true, true); *p; p++)
		ck_assert_msg(!((unsigned char)*p & 0x80), "at %.40s", p);
	ck_assert_ptr_nonnull(strstr(strbuf_str(&out), "LLLL"));
}
END_TEST

/* Without its escape sequences the coloured report is the plain one: colour carries nothing. */
START_TEST(colour_is_never_the_only_carrier)
{
	struct strbuf stripped = {0};
	struct strbuf plain = {0};
	bool any = false;

	strbuf_puts(&plain, render(100, false, false));
	ck_assert_ptr_null(strchr(strbuf_str(&plain), '\033'));
	for (const char *p = render(100, false, true); *p;) {
		if (*p == '\033') {
			p += strcspn(p, "m") + 1;
			any = true;
		} else {
			strbuf_putc(&stripped, *p++);
		}
	}
	ck_assert(any);
	ck_assert_str_eq(strbuf_str(&stripped), strbuf_str(&plain));
	strbuf_free(&stripped);
	strbuf_free(&plain);
}
END_TEST

static char *read_golden(void)
{
	static char buf[1 << 16];
	_cleanup_fclose_ FILE *file = fopen(GOLDEN, "r");
	size_t len;

	ck_assert_msg(file != NULL, "%s cannot be opened: run in the top directory", GOLDEN);
	len = fread(buf, 1, sizeof(buf) - 1, file);
	buf[len] = '\0';
	return buf;
}

START_TEST(report_is_the_golden_one)
{
	const char *text = render(100, false, false);

	if (getenv("UPDATE_GOLDEN")) {
		_cleanup_fclose_ FILE *file = fopen(GOLDEN, "w");

		ck_assert_ptr_nonnull(file);
		ck_assert_int_ge(fputs(text, file), 0);
		return;
	}
	ck_assert_str_eq(text, read_golden());
}
END_TEST

static void expect_has(const char *text, const char *part)
{
	ck_assert_msg(strstr(text, part) != NULL, "\"%s\" is missing in:\n%s", part, text);
}

static void expect_lacks(const char *text, const char *part)
{
	ck_assert_msg(strstr(text, part) == NULL, "\"%s\" should not be in:\n%s", part, text);
}

START_TEST(losses_are_told)
{
	expect_has(render(100, false, false), "nothing lost");
	fix.snap.loss[LOSS_RING_FULL] = 1234;
	fix.snap.loss[LOSS_TORN_SLOTS] = 5;
	render(250, false, false);
	expect_lacks(strbuf_str(&out), "nothing lost");
	expect_has(strbuf_str(&out), "LOST ring_full 1,234: ");
	expect_has(strbuf_str(&out), loss_meaning(LOSS_RING_FULL));
	expect_has(strbuf_str(&out), "LOST torn_slots 5: ");
	expect_has(strbuf_str(&out), "incomplete: stack_truncated 7, holder_unknown 3,100");
}
END_TEST

START_TEST(early_ends_are_told)
{
	expect_lacks(render(100, false, false), "before the end of the window");
	fix.snap.end.interrupted = true;
	expect_has(render(100, false, false), "Interrupted by the user");
	fix.snap.end.interrupted = false;
	fix.snap.end.target_ended = true;
	fix.snap.end.exited = true;
	fix.snap.end.exit_code = 3;
	expect_has(render(100, false, false), "The target ended before the end of the window. The "
					      "command ended with status 3.");
	fix.snap.end.exit_signal = 9;
	expect_has(render(100, false, false), "ended by signal 9.");
	fix.snap.complete = false;
	expect_has(render(100, false, false), "The capture was cut off");
}
END_TEST

/* Cut off before its first slice: nothing is known of the run but what began it. */
START_TEST(unknown_figures_are_not_zero)
{
	struct snapshot none = {.processes = fix.snap.processes,
				.processes_len = fix.snap.processes_len,
				.threads = fix.snap.threads,
				.threads_len = fix.snap.threads_len};

	fix.rep = report_make(&none, &fix.verdict);
	expect_has(render(0, false, false), "1 process, 4 threads, duration unknown, 0 CPUs");
	expect_has(strbuf_str(&out), "The capture was cut off");
	expect_has(strbuf_str(&out), "own cost unknown\n");
	expect_lacks(strbuf_str(&out), "THREADS");
	expect_lacks(strbuf_str(&out), "LOCKS");
	expect_lacks(strbuf_str(&out), "waits aggregated");
	none.complete = true;
	expect_lacks(render(0, false, false), "unknown");
	expect_has(strbuf_str(&out), "THREADS");
}
END_TEST

START_TEST(futex_calls_are_shown_when_counted)
{
	expect_lacks(render(100, false, false), "FUTEX CALLS");
	fix.snap.have_futex_calls = true;
	fix.snap.futex_calls =
		(struct record_futex_calls){.waits = 5000, .wakes = 700, .eagain = 12};
	expect_has(render(120, false, false),
		   "FUTEX CALLS  waits 5,000 (12 came too late: the word had changed), wakes 700 "
		   "(0 woke nobody)");
}
END_TEST

START_TEST(a_word_on_which_threads_idle_is_no_lock)
{
	expect_lacks(render(200, false, false), "pool.cond");
	fix.locks[2].peer_ns = NS_PER_MS;
	expect_has(render(200, false, false), "pool.cond");
}
END_TEST

START_TEST(blocking_calls_show_when_they_matter)
{
	expect_has(render(120, false, false), "BLOCKING CALLS");
	expect_lacks(strbuf_str(&out), "poll");
	fix.snap.class_ns[CLASS_DISK] = fix.snap.class_ns[CLASS_NET] = 0;
	fix.snap.class_ns[CLASS_OTHER] = 0;
	expect_lacks(render(120, false, false), "BLOCKING CALLS");
}
END_TEST

START_TEST(processes_show_when_there_are_several)
{
	expect_lacks(render(100, false, false), "PROCESSES");
	fix.processes[1] = fix.processes[0];
	fix.processes[1].pid = 4800;
	fix.snap.processes_len = 2;
	expect_has(render(120, false, false), "PROCESSES");
	expect_has(strbuf_str(&out), "mariadbd (4800)");
	expect_has(strbuf_str(&out), "2 processes");
}
END_TEST

START_TEST(idle_program_says_so_first)
{
	render(100, false, false);
	expect_has(strbuf_str(&out), "Idle: waiting for requests 97% of the time.");
	expect_has(strbuf_str(&out), "confidence medium");
	expect_has(strbuf_str(&out), "LOCKS  no thread waited for one");
	expect_has(strbuf_str(&out), "only 20 events");
	expect_lacks(strbuf_str(&out), "Gain");
	expect_lacks(strbuf_str(&out), "Also");
	expect_widths();
}
END_TEST

START_TEST(an_empty_report_is_rendered)
{
	struct snapshot none = {.duration_ns = 0};

	fix.rep = report_make(&none, &fix.verdict);
	expect_has(render(80, false, false), "0 processes, 0 threads");
	expect_widths();
}
END_TEST

/* The columns of lower rank go first, and come back as there is room. */
START_TEST(narrow_tables_keep_what_matters)
{
	expect_has(render(60, false, false), "held by (while)");
	expect_lacks(strbuf_str(&out), "waiting in");
	expect_has(render(100, false, false), "waiting in");
	expect_lacks(strbuf_str(&out), "p50");
	expect_has(render(160, false, false), "p50");
}
END_TEST

START_TEST(numbers_are_never_cut)
{
	fix.locks[0].waits = UINT64_MAX;
	expect_has(render(200, false, false), "1,844,674,407,370,955,");
	fix.locks[0].waits = 123456789012;
	expect_has(render(80, false, false), "12,345,678,901");
}
END_TEST

/* A file has no edge: every column is there, and no name is cut; sentences wrap all the same. */
START_TEST(files_lose_nothing)
{
	char name[400];

	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	fix.locks[0].name = name;
	fix.snap.run.pids_len = 0;
	strbuf_reset(&fix.verdict.main.cause);
	strbuf_printf(&fix.verdict.main.cause, "held in %s by many others that are not told", name);
	render(0, false, false);
	expect_lacks(strbuf_str(&out), "…");
	expect_has(strbuf_str(&out), "p50");
	expect_has(strbuf_str(&out), "waiting in");
	expect_has(strbuf_str(&out), name);
	expect_has(strbuf_str(&out), "Cause  held in\n         nnn");
	expect_has(strbuf_str(&out), "nnn\n         by many others that are not told\n");
	expect_has(render(100, false, false), "…");
	expect_lacks(strbuf_str(&out), name);
}
END_TEST

static const char *wrapped(const char *text, unsigned columns)
{
	struct page page = {.out = &out, .columns = columns};

	strbuf_reset(&out);
	page_wrap(&page, STYLE_PLAIN, 2, text, NULL);
	return strbuf_str(&out);
}

START_TEST(lines_break_between_words)
{
	ck_assert_str_eq(wrapped("one two three", 7), "one two\n  three\n");
	ck_assert_str_eq(wrapped("one two", 7), "one two\n");
	ck_assert_str_eq(wrapped("abcdefghijkl", 7), "abcdefg\n  hijkl\n");
	ck_assert_str_eq(wrapped("took 12.9 s now", 9), "took\n  12.9 s\n  now\n");
	ck_assert_str_eq(wrapped("a=2 if b", 4), "a=2\n  if\n  b\n");
	ck_assert_str_eq(wrapped("", 7), "\n");
}
END_TEST

START_TEST(formats_are_found_by_name_and_ending)
{
	ck_assert_str_eq(render_by_name("json")->ending, ".json");
	ck_assert_ptr_null(render_by_name("yaml"));
	ck_assert_ptr_null(render_by_name(""));
	ck_assert_str_eq(render_by_path("/tmp/a.txt")->name, "text");
	ck_assert_str_eq(render_by_path("a.b.json")->name, "json");
	ck_assert_ptr_null(render_by_path("a.jso"));
	ck_assert_ptr_null(render_by_path("json"));
	ck_assert_ptr_null(render_by_path(""));
}
END_TEST

static TCase *add_case(Suite *suite, const char *name, SFun setup)
{
	TCase *tcase = tcase_create(name);

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 60);
	suite_add_tcase(suite, tcase);
	return tcase;
}

Suite *render_text_suite(void)
{
	Suite *suite = suite_create("render_text");
	TCase *server = add_case(suite, "server", setup_server);
	TCase *hostile = add_case(suite, "hostile", setup_hostile);
	TCase *idle = add_case(suite, "idle", setup_idle);

	tcase_add_test(server, no_line_exceeds_the_width);
	tcase_add_test(server, wide_characters_do_not_exceed_the_width);
	tcase_add_test(server, ascii_mode_is_ascii);
	tcase_add_test(server, colour_is_never_the_only_carrier);
	tcase_add_test(server, report_is_the_golden_one);
	tcase_add_test(server, losses_are_told);
	tcase_add_test(server, early_ends_are_told);
	tcase_add_test(server, unknown_figures_are_not_zero);
	tcase_add_test(server, futex_calls_are_shown_when_counted);
	tcase_add_test(server, a_word_on_which_threads_idle_is_no_lock);
	tcase_add_test(server, blocking_calls_show_when_they_matter);
	tcase_add_test(server, processes_show_when_there_are_several);
	tcase_add_test(server, narrow_tables_keep_what_matters);
	tcase_add_test(server, numbers_are_never_cut);
	tcase_add_test(server, files_lose_nothing);
	tcase_add_test(server, lines_break_between_words);
	tcase_add_test(server, formats_are_found_by_name_and_ending);
	tcase_add_test(hostile, hostile_names_are_inert);
	tcase_add_test(idle, idle_program_says_so_first);
	tcase_add_test(idle, an_empty_report_is_rendered);
	return suite;
}
