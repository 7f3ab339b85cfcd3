// SPDX-License-Identifier: GPL-2.0-only
#include "model/python_word.h"

#include "base/num.h"
#include "model/kernel_address.h"
#include "tests/unit/suites.h"

/* Words written out by the layout: 01, entry, 17 bits of lasti + 1, 44 bits of address / 8. */
static const struct {
	uint64_t code;
	int64_t lasti;
	bool entry;
	uint64_t word;
	int32_t back; /* lasti as it is read from the word */
} words[] = {
	{0, -1, false, 0x4000000000000000, -1},
	{0, -1, true, 0x6000000000000000, -1},
	/* the lowest and the highest address, and one in the middle: 0x7f0102030408 / 8 */
	{8, 0, false, 0x4000100000000001, 0},
	{0x7ffffffffff8, 0, true, 0x60001fffffffffff, 0},
	{0x7f0102030408, 12, true, 0x6000dfe020406081, 12},
	/* f_lasti up to what 17 bits hold, of which all ones say "too far" */
	{8, 1, false, 0x4000200000000001, 1},
	{8, 0x1fffd, false, 0x5fffe00000000001, 0x1fffd},
	{8, 0x1fffe, false, 0x5ffff00000000001, INT32_MAX},
	{8, 0x1ffff, false, 0x5ffff00000000001, INT32_MAX},
	{8, INT64_MAX, true, 0x7ffff00000000001, INT32_MAX},
	/* nonsense from a frame that changes: as if not begun */
	{8, -2, false, 0x4000000000000001, -1},
	{8, INT64_MIN, true, 0x6000000000000001, -1},
};

START_TEST(words_are_laid_out_so)
{
	uint64_t word = python_word_make(words[_i].code, words[_i].lasti, words[_i].entry);

	ck_assert_msg(word == words[_i].word, "0x%lx, expected 0x%lx", (unsigned long)word,
		      (unsigned long)words[_i].word);
	ck_assert(python_word(word));
	ck_assert_uint_eq(python_word_code(word), words[_i].code);
	ck_assert_int_eq(python_word_lasti(word), words[_i].back);
	ck_assert_int_eq(python_word_entry(word), words[_i].entry);
	ck_assert(!kernel_address(word));
}
END_TEST

/* What addresses can be: user space's half, and the kernel's, in 48 and in 57 bits. */
START_TEST(addresses_are_no_words)
{
	static const uint64_t addresses[] = {
		0,
		1,
		0x7fffffffffff,
		0x00ffffffffffffff,
		0x3fffffffffffffff,
		0x8000000000000000,
		0xff00000000000000,
		0xffff800000000000,
		0xffffffffffffffff,
	};

	for (size_t i = 0; i < ARRAY_LEN(addresses); i++)
		ck_assert_msg(!python_word(addresses[i]), "0x%lx", (unsigned long)addresses[i]);
	ck_assert(python_word(0x4000000000000000));
	ck_assert(python_word(0x7fffffffffffffff));
}
END_TEST

/* An address that does not fit must not reach into the other fields. */
START_TEST(addresses_out_of_range_are_cut)
{
	uint64_t word = python_word_make(~0ULL, 5, false);

	ck_assert_uint_eq(word, 0x40006fffffffffff);
	ck_assert_uint_eq(python_word_code(word), 0x7ffffffffff8);
	ck_assert_int_eq(python_word_lasti(word), 5);
	ck_assert(!python_word_entry(word));
}
END_TEST

Suite *model_python_word_suite(void)
{
	Suite *s = suite_create("model_python_word");
	TCase *tc = tcase_create("word");

	tcase_add_loop_test(tc, words_are_laid_out_so, 0, ARRAY_LEN(words));
	tcase_add_test(tc, addresses_are_no_words);
	tcase_add_test(tc, addresses_out_of_range_are_cut);
	suite_add_tcase(s, tc);
	return s;
}
