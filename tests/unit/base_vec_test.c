// SPDX-License-Identifier: GPL-2.0-only
#include "base/vec.h"

#include "tests/unit/suites.h"

#include <stdint.h>

struct item {
	uint64_t id;
	char name[9];
};

START_TEST(elements_keep_their_values_while_it_grows)
{
	VEC(struct item) items = {0};
	struct item *it;
	uint64_t want = 0;

	for (uint64_t i = 0; i < 1000; i++) {
		it = vec_add(&items);
		ck_assert_ptr_nonnull(it);
		ck_assert_ptr_eq(it, &items.at[i]);
		it->id = i * 3;
		it->name[8] = (char)i;
	}
	ck_assert_uint_eq(items.len, 1000);
	ck_assert_uint_ge(items.cap, items.len);
	VEC_FOREACH (&items, it) {
		ck_assert_uint_eq(it->id, want * 3);
		ck_assert_int_eq(it->name[8], (char)want);
		want++;
	}
	ck_assert_uint_eq(want, 1000);
	vec_free(&items);
	ck_assert_ptr_null(items.at);
	ck_assert_uint_eq(items.len + items.cap, 0);
}
END_TEST

START_TEST(new_element_is_zeroed_where_memory_is_reused)
{
	VEC(uint32_t) numbers = {0};
	uint32_t *n = vec_add(&numbers);

	ck_assert_ptr_nonnull(n);
	*n = 0xdeadbeef;
	numbers.len = 0;
	n = vec_add(&numbers);
	ck_assert_ptr_nonnull(n);
	ck_assert_uint_eq(*n, 0);
	vec_free(&numbers);
}
END_TEST

START_TEST(empty_one_is_walked_and_freed)
{
	VEC(struct item) items = {0};
	struct item *it;
	int seen = 0;

	VEC_FOREACH (&items, it)
		seen++;
	ck_assert_int_eq(seen, 0);
	vec_free(&items);
	vec_free(&items);
}
END_TEST

START_TEST(impossible_size_is_refused)
{
	void *at = NULL;
	size_t len = 0;
	size_t cap = 0;

	ck_assert_ptr_null(vec_grow(&at, &len, &cap, SIZE_MAX / 4));
	ck_assert_ptr_null(at);
	ck_assert_uint_eq(len + cap, 0);
}
END_TEST

Suite *base_vec_suite(void)
{
	Suite *suite = suite_create("base_vec");
	TCase *tc = tcase_create("vec");

	tcase_add_test(tc, elements_keep_their_values_while_it_grows);
	tcase_add_test(tc, new_element_is_zeroed_where_memory_is_reused);
	tcase_add_test(tc, empty_one_is_walked_and_freed);
	tcase_add_test(tc, impossible_size_is_refused);
	suite_add_tcase(suite, tc);
	return suite;
}
