// SPDX-License-Identifier: GPL-2.0-only
#include "base/strbuf.h"

#include "tests/unit/suites.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

START_TEST(empty_one_is_an_empty_string)
{
	struct strbuf sb = {0};
	char *text;

	ck_assert_str_eq(strbuf_str(&sb), "");
	strbuf_puts(&sb, "");
	strbuf_add(&sb, NULL, 0);
	strbuf_printf(&sb, "%s", "");
	strbuf_reset(&sb);
	ck_assert_str_eq(strbuf_str(&sb), "");
	ck_assert(!sb.failed);
	text = strbuf_steal(&sb);
	ck_assert_ptr_nonnull(text);
	ck_assert_str_eq(text, "");
	free(text);
	strbuf_free(&sb);
	strbuf_free(NULL);
}
END_TEST

START_TEST(additions_append)
{
	struct strbuf sb = {0};

	strbuf_puts(&sb, "lock ");
	strbuf_add(&sb, "mutexes", 5);
	strbuf_putc(&sb, ' ');
	strbuf_printf(&sb, "%d of %s", 3, "five");
	ck_assert_str_eq(strbuf_str(&sb), "lock mutex 3 of five");
	ck_assert_uint_eq(sb.len, strlen("lock mutex 3 of five"));
	strbuf_free(&sb);
	ck_assert_ptr_null(sb.str);
}
END_TEST

START_TEST(any_length_is_kept_and_terminated)
{
	struct strbuf sb = {0};

	for (size_t i = 0; i < 5000; i++) {
		ck_assert_uint_eq(sb.len, i);
		ck_assert_uint_eq(strlen(strbuf_str(&sb)), i);
		strbuf_putc(&sb, (char)('a' + i % 26));
	}
	for (size_t i = 0; i < 5000; i++)
		ck_assert_int_eq(sb.str[i], (char)('a' + i % 26));
	strbuf_printf(&sb, "%10000s|", "right");
	ck_assert_uint_eq(sb.len, 15001);
	ck_assert_str_eq(sb.str + 14995, "right|");
	strbuf_free(&sb);
}
END_TEST

START_TEST(steal_hands_over)
{
	struct strbuf sb = {0};
	char *text;

	strbuf_puts(&sb, "first");
	text = strbuf_steal(&sb);
	ck_assert_str_eq(text, "first");
	ck_assert_uint_eq(sb.len, 0);
	strbuf_puts(&sb, "second");
	ck_assert_str_eq(strbuf_str(&sb), "second");
	ck_assert_str_eq(text, "first");
	free(text);
	strbuf_free(&sb);
}
END_TEST

/* A length that no memory can hold stands in for memory running short. */
START_TEST(failure_sticks_until_reset)
{
	struct strbuf sb = {0};

	strbuf_puts(&sb, "kept");
	strbuf_add(&sb, "", SIZE_MAX - 2);
	ck_assert(sb.failed);
	strbuf_puts(&sb, "lost");
	strbuf_printf(&sb, "lost %d", 1);
	ck_assert_str_eq(strbuf_str(&sb), "kept");
	strbuf_reset(&sb);
	ck_assert(!sb.failed);
	strbuf_puts(&sb, "new");
	ck_assert_str_eq(strbuf_str(&sb), "new");
	strbuf_add(&sb, "", SIZE_MAX - 2);
	ck_assert_ptr_null(strbuf_steal(&sb));
	ck_assert_str_eq(strbuf_str(&sb), "");
	ck_assert(!sb.failed);
	strbuf_free(&sb);
}
END_TEST

Suite *base_strbuf_suite(void)
{
	Suite *suite = suite_create("base_strbuf");
	TCase *tc = tcase_create("strbuf");

	tcase_add_test(tc, empty_one_is_an_empty_string);
	tcase_add_test(tc, additions_append);
	tcase_add_test(tc, any_length_is_kept_and_terminated);
	tcase_add_test(tc, steal_hands_over);
	tcase_add_test(tc, failure_sticks_until_reset);
	suite_add_tcase(suite, tc);
	return suite;
}
