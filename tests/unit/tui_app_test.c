// SPDX-License-Identifier: GPL-2.0-only
/* Every view as text, at several sizes, and what keys and clicks do to them. */
#include "base/cleanup.h"
#include "base/num.h"
#include "tests/unit/report_fixture.h"
#include "tests/unit/suites.h"
#include "tui/app.h"
#include "tui/keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct report_fixture fix;
static struct app *app;
static struct canvas *canvas;
static struct strbuf dump;
static struct series series;
static struct snap_loop loops[1];
static struct snap_stall stalls[2];
static const struct app_status live = {
	.live = true, .running_ns = 72 * NS_PER_S, .window = "last 10 s"};

static void frame(void)
{
	app_frame(app, &fix.rep, &series, &live);
}

static void setup(void)
{
	report_fixture_server(&fix);
	series = (struct series){0};
	for (unsigned i = 0; i < 30; i++)
		series_add(&series, &fix.rep, i % fix.snap.slices_len);
	app = app_new(false);
	canvas = NULL;
	ck_assert_ptr_nonnull(app);
	frame();
}

static void setup_hostile(void)
{
	setup();
	report_fixture_free(&fix);
	report_fixture_hostile(&fix);
	frame();
}

static void teardown(void)
{
	app_free(app);
	canvas_free(canvas);
	strbuf_free(&dump);
	report_fixture_free(&fix);
}

static const char *draw(int columns, int rows)
{
	canvas_free(canvas);
	canvas = canvas_new(columns, rows, false);
	ck_assert_ptr_nonnull(canvas);
	app_draw(app, canvas);
	strbuf_reset(&dump);
	canvas_dump(canvas, &dump);
	return strbuf_str(&dump);
}

static void expect_has(const char *part)
{
	ck_assert_msg(strstr(strbuf_str(&dump), part) != NULL, "\"%s\" is missing in:\n%s", part,
		      strbuf_str(&dump));
}

static void expect_lacks(const char *part)
{
	ck_assert_msg(strstr(strbuf_str(&dump), part) == NULL, "\"%s\" should not be in:\n%s", part,
		      strbuf_str(&dump));
}

/* The row with @part, counted from the top; fails where there is none. */
static int row_of(const char *part)
{
	const char *found = strstr(strbuf_str(&dump), part);
	int row = 0;

	ck_assert_msg(found != NULL, "\"%s\" is missing in:\n%s", part, strbuf_str(&dump));
	for (const char *p = strbuf_str(&dump); p < found; p++)
		row += *p == '\n';
	return row;
}

/* Two stalls of a loop, which the fixture lacks. */
static void add_loop(void)
{
	loops[0] = (struct snap_loop){
		.thread = 0,
		.threads = 1,
		.kind = "asyncio",
		.is_loop = true,
		.observed_ns = 10 * NS_PER_S,
		.turns = 5000,
		.busy_ns = 6 * NS_PER_S,
		.idle_ns = 4 * NS_PER_S,
		.added_mean_ns = 40 * NS_PER_MS,
		.stalls = 2,
		.part_ns = {[PART_RUN] = 4 * NS_PER_S, [PART_BLOCKING] = 2 * NS_PER_S},
		.stall_part_ns = {[PART_BLOCKING] = 2 * NS_PER_S}};
	loops[0].hist = (struct snap_hist){.count = 5000, .max_ns = 1200 * NS_PER_MS};
	loops[0].hist.bucket[20] = 4998;
	loops[0].hist.bucket[30] = 2;
	for (unsigned i = 0; i < 2; i++)
		stalls[i] = (struct snap_stall){.at_ns = (2 + i) * NS_PER_S,
						.duration_ns = (1200 - 400 * i) * NS_PER_MS,
						.cause = PART_BLOCKING,
						.stack = 0,
						.syscall_name = "fsync",
						.task = i ? "" : "handle_upload"};
	stalls[0].part_ns[PART_BLOCKING] = 1200 * NS_PER_MS;
	stalls[1].part_ns[PART_BLOCKING] = 600 * NS_PER_MS;
	stalls[1].part_ns[PART_RUN] = 200 * NS_PER_MS;
	fix.snap.loops = loops;
	fix.snap.loops_len = 1;
	fix.snap.stalls = stalls;
	fix.snap.stalls_len = 2;
}

/* ---- pictures ---- */

/* What leads to each picture; UPDATE_GOLDEN=1 writes them anew. */
static const struct {
	const char *name;
	const char *keys;
	bool loop;
} pictures[] = {
	{"overview", "1", false},      {"overview-loop", "1", true}, {"threads", "2", false},
	{"threads-tree", "2t", false}, {"thread", "2\r", false},     {"locks", "3", false},
	{"lock", "3\r", false},	       {"loops", "4", true},	     {"stall", "4\r", true},
	{"processes", "5", false},     {"stacks", "6", false},	     {"graph", "7", false},
	{"help", "?", false},
};
static const struct {
	int columns, rows;
} sizes[] = {{80, 24}, {120, 40}, {200, 60}, {59, 15}};

static void compare(const char *text, const char *path)
{
	static char golden[1 << 16];
	_cleanup_fclose_ FILE *file = fopen(path, getenv("UPDATE_GOLDEN") ? "w" : "r");
	size_t len;

	ck_assert_msg(file != NULL, "%s cannot be opened: run in the top directory", path);
	if (getenv("UPDATE_GOLDEN")) {
		ck_assert_int_ge(fputs(text, file), 0);
		return;
	}
	len = fread(golden, 1, sizeof(golden) - 1, file);
	golden[len] = '\0';
	ck_assert_msg(!strcmp(text, golden), "%s differs:\n%s", path, text);
}

START_TEST(every_view_is_as_in_its_picture)
{
	const size_t which = (size_t)_i / ARRAY_LEN(sizes);
	const size_t size = (size_t)_i % ARRAY_LEN(sizes);
	char path[128];

	if (pictures[which].loop)
		add_loop();
	draw(80, 24);
	for (const char *key = pictures[which].keys; *key; key++) {
		app_key(app, *key);
		draw(80, 24);
	}
	if (sizes[size].columns < APP_COLUMNS_MIN)
		snprintf(path, sizeof(path), "tests/screens/too-small.txt");
	else
		snprintf(path, sizeof(path), "tests/screens/%s-%dx%d.txt", pictures[which].name,
			 sizes[size].columns, sizes[size].rows);
	compare(draw(sizes[size].columns, sizes[size].rows), path);
}
END_TEST

/* The cause, the place and the next step without a key pressed, at 80x24. */
START_TEST(first_screen_answers_the_question)
{
	draw(80, 24);
	expect_has("log_sys.mutex");
	expect_has("confidence high");
	expect_has("log_write_up_to");
	expect_has("group commits");
	expect_has("nothing lost");
	expect_has("own cost");
}
END_TEST

START_TEST(losses_are_in_sight_in_every_view)
{
	fix.snap.loss[LOSS_RING_FULL] = 1234;
	for (int key = '1'; key <= '7'; key++) {
		app_key(app, key);
		draw(80, 24);
		expect_has("LOST ring_full 1,234");
	}
}
END_TEST

START_TEST(too_small_says_so_and_recovers)
{
	draw(APP_COLUMNS_MIN - 1, 24);
	expect_has("needs 60x16");
	ck_assert_int_eq(app_key(app, '2'), WISH_NONE);
	ck_assert_int_eq(app_key(app, 'q'), WISH_QUIT);
	draw(APP_COLUMNS_MIN, APP_ROWS_MIN);
	expect_has("VERDICT");
	draw(1, 1);
}
END_TEST

START_TEST(no_size_breaks_a_view)
{
	static const int widths[] = {60, 61, 79, 100, 160, 400};
	static const int heights[] = {16, 17, 23, 33, 100};

	add_loop();
	for (int key = '1'; key <= '7'; key++)
		for (size_t w = 0; w < ARRAY_LEN(widths); w++)
			for (size_t h = 0; h < ARRAY_LEN(heights); h++) {
				draw(80, 24);
				app_key(app, key);
				draw(widths[w], heights[h]);
				app_key(app, KEY_RETURN);
				draw(widths[w], heights[h]);
				app_key(app, KEY_ESCAPE);
			}
}
END_TEST

START_TEST(hostile_names_are_inert)
{
	for (int key = '1'; key <= '7'; key++) {
		app_key(app, key);
		draw(200, 60);
		for (const char *p = strbuf_str(&dump); *p; p++)
			ck_assert_msg((unsigned char)*p >= 0x20 || *p == '\n',
				      "control byte %d in view %c", *p, key);
	}
}
END_TEST

/* ---- keys and clicks ---- */

START_TEST(selection_follows_what_it_is)
{
	draw(80, 24);
	app_key(app, '2');
	draw(80, 24);
	app_key(app, 'j');
	app_key(app, 'j');
	draw(80, 24);
	expect_has(">con (4713)");
	/* Worst first becomes worst last: another place, the same thread. */
	app_key(app, 'r');
	draw(80, 24);
	expect_has(">con (4713)");
	ck_assert_int_eq(row_of(">con (4713)"), 4);
	/* The same after it has become the first of the report. */
	app_key(app, 'r');
	fix.threads[3] = fix.threads[0];
	fix.threads[0] = fix.threads[2];
	fix.threads[2] = fix.threads[3];
	draw(80, 24);
	ck_assert_int_eq(row_of(">con (4713)"), 3);
}
END_TEST

START_TEST(sorting_goes_by_column_and_click)
{
	bool clicked = false;

	draw(120, 40);
	app_key(app, '2');
	draw(120, 40);
	ck_assert_int_lt(row_of("con-17"), row_of("signal"));
	app_key(app, 's');
	draw(120, 40);
	/* By name. */
	ck_assert_int_lt(row_of("con (4712)"), row_of("con-17"));
	/* A click on the heading that is sorted by turns the order. */
	clicked = app_click(app, 3, 2, false) == WISH_DRAW;
	ck_assert(clicked);
	draw(120, 40);
	ck_assert_int_gt(row_of("con (4712)"), row_of("con-17"));
}
END_TEST

static void type(const char *text)
{
	for (; *text; text++)
		app_key(app, (unsigned char)*text);
}

START_TEST(filter_hides_rows_and_says_so)
{
	draw(80, 24);
	app_key(app, '3');
	draw(80, 24);
	expect_has("buf_pool.hash[3]");
	type("/LOG_");
	draw(80, 24);
	expect_has("filter: LOG_");
	expect_lacks("buf_pool.hash[3]");
	app_key(app, KEY_RETURN);
	draw(80, 24);
	expect_has("log_sys.mutex");
	app_key(app, KEY_ESCAPE);
	draw(80, 24);
	expect_has("buf_pool.hash[3]");
	/* Letters that are keys elsewhere are text here. */
	type("/q");
	draw(80, 24);
	expect_has("no row contains");
	app_key(app, KEY_ESCAPE);
	draw(80, 24);
	expect_has("buf_pool.hash[3]");
}
END_TEST

START_TEST(enter_opens_and_escape_closes)
{
	draw(80, 24);
	app_key(app, '3');
	draw(80, 24);
	app_key(app, KEY_RETURN);
	draw(80, 24);
	expect_has("LOCK log_sys.mutex");
	expect_has("WAITERS");
	app_key(app, KEY_ESCAPE);
	draw(80, 24);
	expect_lacks("WAITERS");
}
END_TEST

START_TEST(overview_leads_to_the_lock_to_blame)
{
	draw(80, 24);
	fix.verdict.main.lock = 0;
	app_key(app, KEY_RETURN);
	draw(80, 24);
	expect_has("LOCK log_sys.mutex");
}
END_TEST

START_TEST(mouse_reaches_tabs_and_rows)
{
	int x = 0;

	draw(120, 40);
	while (x < 120 && strcmp(canvas_row(canvas, 1)[x].text, "L") != 0)
		x++;
	ck_assert_int_eq(app_click(app, x, 1, false), WISH_DRAW);
	draw(120, 40);
	expect_has("buf_pool.hash[3]");
	ck_assert_int_eq(app_click(app, 5, row_of("buf_pool.hash[3]"), false), WISH_DRAW);
	draw(120, 40);
	expect_has(">buf_pool.hash[3]");
	app_wheel(app, -1);
	draw(120, 40);
	expect_has(">log_sys.mutex");
	app_click(app, 5, row_of("buf_pool.hash[3]"), true);
	draw(120, 40);
	expect_has("LOCK buf_pool.hash[3]");
}
END_TEST

START_TEST(owner_is_asked_for_what_is_its)
{
	draw(80, 24);
	ck_assert_int_eq(app_key(app, 'q'), WISH_QUIT);
	ck_assert_int_eq(app_key(app, ' '), WISH_PAUSE);
	ck_assert_int_eq(app_key(app, 'z'), WISH_ZERO);
	ck_assert_int_eq(app_key(app, 'w'), WISH_WINDOW);
	ck_assert_int_eq(app_key(app, 'e'), WISH_EXPORT);
	app_say(app, "wrote /tmp/x (.txt .json)");
	draw(80, 24);
	expect_has("wrote /tmp/x (.txt .json)");
	app_key(app, 'j');
	draw(80, 24);
	expect_lacks("wrote /tmp/x");
}
END_TEST

/* Help and bar come from the table: every row that has a text is in the help. */
START_TEST(help_has_every_key)
{
	draw(120, 60);
	app_key(app, '?');
	draw(120, 60);
	for (const struct key_row *row = keys_table(); row->action != ACTION_NONE; row++)
		if (row->help)
			expect_has(row->help);
	/* No key means two things. */
	for (const struct key_row *row = keys_table(); row->action != ACTION_NONE; row++)
		for (size_t i = 0; i < KEYS_EACH && row->keys[i]; i++)
			ck_assert_int_eq(keys_action(row->keys[i]), row->action);
}
END_TEST

START_TEST(flame_graph_zooms_and_searches)
{
	draw(120, 40);
	app_key(app, '6');
	draw(120, 40);
	expect_has("all: ");
	type("/trx_commit");
	app_key(app, KEY_RETURN);
	draw(120, 40);
	expect_has("trx_commit in mariadbd: ");
	app_key(app, KEY_RETURN);
	draw(120, 40);
	ck_assert_int_eq(row_of("trx_commit"), 3);
	app_key(app, KEY_ESCAPE);
	draw(120, 40);
	ck_assert_int_gt(row_of(" trx_commit"), 3);
}
END_TEST

static void add_keys(TCase *tc)
{
	tcase_add_test(tc, selection_follows_what_it_is);
	tcase_add_test(tc, sorting_goes_by_column_and_click);
	tcase_add_test(tc, filter_hides_rows_and_says_so);
	tcase_add_test(tc, enter_opens_and_escape_closes);
	tcase_add_test(tc, overview_leads_to_the_lock_to_blame);
	tcase_add_test(tc, mouse_reaches_tabs_and_rows);
	tcase_add_test(tc, owner_is_asked_for_what_is_its);
	tcase_add_test(tc, help_has_every_key);
	tcase_add_test(tc, flame_graph_zooms_and_searches);
}

Suite *tui_app_suite(void)
{
	Suite *suite = suite_create("tui_app");
	TCase *tc = tcase_create("screens");
	TCase *hostile = tcase_create("hostile");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, every_view_is_as_in_its_picture, 0,
			    (int)(ARRAY_LEN(pictures) * ARRAY_LEN(sizes)));
	tcase_add_test(tc, first_screen_answers_the_question);
	tcase_add_test(tc, losses_are_in_sight_in_every_view);
	tcase_add_test(tc, too_small_says_so_and_recovers);
	tcase_add_test(tc, no_size_breaks_a_view);
	add_keys(tc);
	tcase_add_checked_fixture(hostile, setup_hostile, teardown);
	tcase_add_test(hostile, hostile_names_are_inert);
	suite_add_tcase(suite, tc);
	suite_add_tcase(suite, hostile);
	return suite;
}
