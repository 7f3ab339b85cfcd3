// SPDX-License-Identifier: GPL-2.0-only
#include "tests/unit/suites.h"
#include "tui/canvas.h"
#include "tui/widgets.h"

#include <string.h>

static struct canvas *canvas;
static struct pane whole;
static struct strbuf dump;

static void make(int columns, int rows, bool ascii)
{
	canvas_free(canvas);
	canvas = canvas_new(columns, rows, ascii);
	ck_assert_ptr_nonnull(canvas);
	whole = pane_whole(canvas);
}

static void setup(void)
{
	canvas = NULL;
	make(10, 3, false);
}

static void teardown(void)
{
	canvas_free(canvas);
	strbuf_free(&dump);
}

static void expect(const char *text)
{
	strbuf_reset(&dump);
	canvas_dump(canvas, &dump);
	ck_assert_str_eq(strbuf_str(&dump), text);
}

START_TEST(text_is_cut_at_the_edge)
{
	ck_assert_int_eq(pane_text(&whole, 7, 0, ROLE_PLAIN, "abcdef"), 10);
	pane_text(&whole, 0, 3, ROLE_PLAIN, "below");
	pane_text(&whole, 0, -1, ROLE_PLAIN, "above");
	expect("       abc\n\n\n");
}
END_TEST

START_TEST(a_part_has_its_own_origin_and_clips)
{
	const struct pane part = pane_part(&whole, 2, 1, 4, 5);

	pane_text(&part, 0, 0, ROLE_PLAIN, "abcdef");
	pane_text(&part, 1, 1, ROLE_PLAIN, "xyz123");
	pane_text(&part, 0, 2, ROLE_PLAIN, "gone");
	expect("\n  abcd\n   xyz\n");
}
END_TEST

START_TEST(scrolling_moves_rows_out_of_the_clip)
{
	const struct pane part = pane_part(&whole, 0, 1, 10, 2);
	const struct pane moved = pane_scrolled(&part, 1);

	pane_text(&moved, 0, 0, ROLE_PLAIN, "first");
	pane_text(&moved, 0, 1, ROLE_PLAIN, "second");
	pane_text(&moved, 0, 2, ROLE_PLAIN, "third");
	pane_text(&moved, 0, 3, ROLE_PLAIN, "fourth");
	expect("\nsecond\nthird\n");
}
END_TEST

/* U+4E2D takes two columns; U+0301 joins the character before it. */
START_TEST(wide_and_combining_characters_are_measured)
{
	ck_assert_int_eq(pane_text(&whole, 0, 0, ROLE_PLAIN, "a\u4e2db"), 4);
	ck_assert_int_eq(pane_text(&whole, 0, 1, ROLE_PLAIN, "e\u0301x"), 2);
	/* Half of a wide character does not fit: the column stays free. */
	ck_assert_int_eq(pane_text(&whole, 9, 2, ROLE_PLAIN, "\u4e2d"), 9);
	expect("a\u4e2db\ne\u0301x\n\n");
}
END_TEST

START_TEST(overwriting_half_of_a_wide_character_blanks_the_other)
{
	pane_text(&whole, 0, 0, ROLE_PLAIN, "\u4e2d\u4e2d");
	pane_text(&whole, 1, 0, ROLE_PLAIN, "x");
	pane_text(&whole, 0, 1, ROLE_PLAIN, "\u4e2d\u4e2d");
	pane_text(&whole, 2, 1, ROLE_PLAIN, "y");
	expect(" x\u4e2d\n\u4e2dy\n\n");
}
END_TEST

START_TEST(control_bytes_are_shown_harmlessly)
{
	pane_text(&whole, 0, 0, ROLE_PLAIN, "a\033[2Jb");
	pane_text(&whole, 0, 1, ROLE_PLAIN, "\xff\x01");
	expect("a\\x1b[2Jb\n\\xff\\x01\n\n");
}
END_TEST

START_TEST(ascii_has_nothing_else)
{
	make(12, 2, true);
	pane_text(&whole, 0, 0, ROLE_PLAIN, "a\u4e2de\u0301");
	pane_fit(&whole, 0, 1, 5, TEXT_LEFT, ROLE_PLAIN, "longer");
	expect("a??e\nlong~\n");
}
END_TEST

START_TEST(fitted_text_fills_exactly_its_columns)
{
	pane_fit(&whole, 0, 0, 5, TEXT_RIGHT, ROLE_PLAIN, "ab");
	pane_text(&whole, 5, 0, ROLE_PLAIN, "|");
	pane_fit(&whole, 0, 1, 4, TEXT_LEFT, ROLE_PLAIN, "abcdef");
	pane_text(&whole, 4, 1, ROLE_PLAIN, "|");
	pane_fit(&whole, 0, 2, 4, TEXT_LEFT, ROLE_PLAIN, "ab\u4e2dd");
	pane_text(&whole, 4, 2, ROLE_PLAIN, "|");
	expect("   ab|\nabc…|\nab …|\n");
}
END_TEST

START_TEST(a_class_bar_is_filled_to_the_cell)
{
	const uint64_t thirds[CLASS_COUNT] = {[CLASS_RUN] = 1, [CLASS_LOCK] = 1, [CLASS_SLEEP] = 1};

	widget_class_bar(&whole, 0, 0, 10, thirds);
	expect("███▓▓▓▓░░░\n\n\n");
}
END_TEST

/* Two values a cell, four levels each, newest at the right: 1, 0, 0.5 -> full, nothing, half. */
START_TEST(a_sparkline_has_two_values_a_cell)
{
	const float values[] = {1, 0, 0.5F};

	widget_spark(&whole, 0, 0, 2, ROLE_PLAIN, values, 3);
	ck_assert_str_eq(canvas_row(canvas, 0)[0].text, "\u28b8");
	ck_assert_str_eq(canvas_row(canvas, 0)[1].text, "\u28a0");
	make(6, 1, true);
	widget_spark(&whole, 0, 0, 4, ROLE_PLAIN, values, 3);
	expect(" @ +\n");
}
END_TEST

START_TEST(text_wraps_between_words)
{
	ck_assert_int_eq(widget_wrap_rows("one two three four", 8), 3);
	ck_assert_int_eq(widget_wrap(&whole, 2, 0, 2, ROLE_PLAIN, "one two three four"), 2);
	expect("  one two\n  three f…\n\n");
}
END_TEST

Suite *tui_canvas_suite(void)
{
	Suite *suite = suite_create("tui_canvas");
	TCase *tc = tcase_create("canvas");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, text_is_cut_at_the_edge);
	tcase_add_test(tc, a_part_has_its_own_origin_and_clips);
	tcase_add_test(tc, scrolling_moves_rows_out_of_the_clip);
	tcase_add_test(tc, wide_and_combining_characters_are_measured);
	tcase_add_test(tc, overwriting_half_of_a_wide_character_blanks_the_other);
	tcase_add_test(tc, control_bytes_are_shown_harmlessly);
	tcase_add_test(tc, ascii_has_nothing_else);
	tcase_add_test(tc, fitted_text_fills_exactly_its_columns);
	tcase_add_test(tc, a_class_bar_is_filled_to_the_cell);
	tcase_add_test(tc, a_sparkline_has_two_values_a_cell);
	tcase_add_test(tc, text_wraps_between_words);
	suite_add_tcase(suite, tc);
	return suite;
}
