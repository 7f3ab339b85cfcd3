// SPDX-License-Identifier: GPL-2.0-only
#include "base/err.h"

#include "tests/unit/suites.h"

#include <errno.h>
#include <string.h>

START_TEST(set_stores_code_and_sentence)
{
	struct err err = {0};

	ck_assert_int_eq(err_set(&err, -ESRCH, "process %d: %s", 42, "it has ended"), -ESRCH);
	ck_assert_int_eq(err.code, -ESRCH);
	ck_assert_str_eq(err.msg, "process 42: it has ended");
}
END_TEST

START_TEST(set_replaces_and_may_quote_the_old_sentence)
{
	struct err err = {0};

	err_set(&err, -EIO, "read: failed");
	err_set(&err, -EPERM, "again: %s", err.msg);
	ck_assert_int_eq(err.code, -EPERM);
	ck_assert_str_eq(err.msg, "again: read: failed");
}
END_TEST

START_TEST(null_is_accepted)
{
	ck_assert_int_eq(err_set(NULL, -EINVAL, "x"), -EINVAL);
	ck_assert_int_eq(err_prefix(NULL, "x"), 0);
}
END_TEST

START_TEST(prefix_goes_before)
{
	struct err err = {0};

	err_set(&err, -ENOENT, "no such file");
	ck_assert_int_eq(err_prefix(&err, "thread %u", 7U), -ENOENT);
	ck_assert_int_eq(err_prefix(&err, "attach"), -ENOENT);
	ck_assert_int_eq(err.code, -ENOENT);
	ck_assert_str_eq(err.msg, "attach: thread 7: no such file");
}
END_TEST

START_TEST(prefix_leaves_an_empty_one_alone)
{
	struct err err = {0};

	ck_assert_int_eq(err_prefix(&err, "attach"), 0);
	ck_assert_int_eq(err.code, 0);
	ck_assert_str_eq(err.msg, "");
}
END_TEST

START_TEST(longest_sentence_is_kept_whole_and_a_longer_one_cut)
{
	char text[ERR_MSG_MAX + 1];
	struct err err = {0};

	memset(text, 'a', sizeof(text));
	text[ERR_MSG_MAX - 1] = '\0';
	err_set(&err, -EIO, "%s", text);
	ck_assert_str_eq(err.msg, text);

	text[ERR_MSG_MAX - 1] = 'a';
	text[ERR_MSG_MAX] = '\0';
	err_set(&err, -EIO, "%s", text);
	ck_assert_uint_eq(strlen(err.msg), ERR_MSG_MAX - 1);

	err_prefix(&err, "b");
	ck_assert_uint_eq(strlen(err.msg), ERR_MSG_MAX - 1);
	ck_assert_int_eq(strncmp(err.msg, "b: aaa", 6), 0);

	err_prefix(&err, "%s", text);
	ck_assert_uint_eq(strlen(err.msg), ERR_MSG_MAX - 1);
	ck_assert_int_eq(strncmp(err.msg, text, ERR_MSG_MAX - 1), 0);
}
END_TEST

/* A three-byte character that starts @_i bytes before the end of the room is kept or left out. */
START_TEST(cut_falls_between_characters)
{
	char text[ERR_MSG_MAX + 8] = {0};
	struct err err = {0};
	size_t start = ERR_MSG_MAX - 1 - (size_t)_i;

	memset(text, 'a', start);
	strcpy(text + start, "€€");
	err_set(&err, -EIO, "%s", text);
	ck_assert_uint_eq(strlen(err.msg), _i < 3 ? start : start + 3);
	ck_assert_int_eq(strncmp(err.msg, text, strlen(err.msg)), 0);

	err_set(&err, -EIO, "x");
	err_prefix(&err, "%s", text);
	ck_assert_uint_eq(strlen(err.msg), _i < 3 ? start : start + 3);
}
END_TEST

Suite *base_err_suite(void)
{
	Suite *suite = suite_create("base_err");
	TCase *tc = tcase_create("err");

	tcase_add_test(tc, set_stores_code_and_sentence);
	tcase_add_test(tc, set_replaces_and_may_quote_the_old_sentence);
	tcase_add_test(tc, null_is_accepted);
	tcase_add_test(tc, prefix_goes_before);
	tcase_add_test(tc, prefix_leaves_an_empty_one_alone);
	tcase_add_test(tc, longest_sentence_is_kept_whole_and_a_longer_one_cut);
	tcase_add_loop_test(tc, cut_falls_between_characters, 0, 5);
	suite_add_tcase(suite, tc);
	return suite;
}
