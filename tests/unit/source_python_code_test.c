// SPDX-License-Identifier: GPL-2.0-only
/* What stands in a word for a code object: the same for equal ones, another for any other. */
#include "source/python_code.h"

#include "base/num.h"
#include "tests/unit/runtime_python_image.h"
#include "tests/unit/suites.h"

static struct python_image image;
static struct python_memory memory;
static struct cp_python abi;

static const uint16_t versions[] = {
	PYTHON_VERSION(3, 8),  PYTHON_VERSION(3, 9),  PYTHON_VERSION(3, 10),
	PYTHON_VERSION(3, 11), PYTHON_VERSION(3, 12), PYTHON_VERSION(3, 13),
};

#define LONG_TEXT 4000
#define NOT_MAPPED 0x10

static void begin(int version)
{
	image_begin(&image, versions[version]);
	memory = image_memory(&image);
	abi = (struct cp_python){0};
	ck_assert(python_code_part(&image.process.layout, &abi));
}

static struct python_code_ids ids_of(uint64_t code)
{
	struct python_code_ids ids;

	ck_assert(python_code_ids(&abi, &memory, code, &ids));
	ck_assert_uint_gt(ids.content, CP_PYTHON_CODE_UNKNOWN);
	ck_assert_uint_le(ids.content, CP_PYTHON_CODE_MASK);
	return ids;
}

static uint64_t plain(void)
{
	return image_code(&image, image_ascii(&image, "f"), image_ascii(&image, "a.py"), 7,
			  "\x80\x00\x01", 3);
}

START_TEST(equal_ones_at_other_addresses_are_the_same)
{
	begin(_i);
	const struct python_code_ids one = ids_of(plain()), other = ids_of(plain());

	ck_assert_uint_eq(one.content, other.content);
	ck_assert_uint_ne(one.place, other.place);
}
END_TEST

/* Each differs from plain() in one point. */
START_TEST(others_are_others)
{
	const uint16_t wide[] = {'f' + 0x400};
	uint64_t f, file, codes[8], ids[ARRAY_LEN(codes)];

	begin(_i);
	f = image_ascii(&image, "f");
	file = image_ascii(&image, "a.py");
	codes[0] = plain();
	codes[1] = image_code(&image, image_ascii(&image, "g"), file, 7, "\x80\x00\x01", 3);
	codes[2] = image_code(&image, image_ascii(&image, "ff"), file, 7, "\x80\x00\x01", 3);
	codes[3] = image_code(&image, f, image_ascii(&image, "b.py"), 7, "\x80\x00\x01", 3);
	codes[4] = image_code(&image, f, file, 8, "\x80\x00\x01", 3);
	codes[5] = image_code(&image, f, file, 7, "\x80\x00\x02", 3);
	codes[6] = image_code(&image, f, file, 7, "\x80\x00\x01\x00", 4);
	codes[7] = image_code(&image, image_str(&image, 2, false, wide, 1), file, 7, "\x80\x00\x01",
			      3);
	for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
		ids[i] = ids_of(codes[i]).content;
		for (size_t k = 0; k < i; k++)
			ck_assert_msg(ids[i] != ids[k], "%zu is as %zu", i, k);
	}
}
END_TEST

/* As the report shows them: the beginning of a name, the end of a file. */
START_TEST(long_texts_differ_where_they_are_shown)
{
	static char text[LONG_TEXT + 1];
	uint64_t f, file, one, other;

	begin(_i);
	memset(text, 'x', LONG_TEXT);
	f = image_ascii(&image, "f");
	file = image_ascii(&image, text);
	one = image_code(&image, f, file, 7, "", 0);
	text[LONG_TEXT - 1] = 'y';
	other = image_code(&image, f, image_ascii(&image, text), 7, "", 0);
	ck_assert_uint_ne(ids_of(one).content, ids_of(other).content);
	text[LONG_TEXT - 1] = 'x';
	one = image_code(&image, image_ascii(&image, text), f, 7, "", 0);
	text[0] = 'y';
	other = image_code(&image, image_ascii(&image, text), f, 7, "", 0);
	ck_assert_uint_ne(ids_of(one).content, ids_of(other).content);
}
END_TEST

/* What the one before had at this address is no matter. */
START_TEST(another_at_the_same_address_is_another)
{
	uint64_t code, first, text;

	begin(_i);
	text = image_ascii(&image, "first");
	code = image_code(&image, text, text, 7, "", 0);
	first = ids_of(code).content;
	memcpy(image.bytes + (text - IMAGE_BASE) + image.process.layout.unicode_ascii, "other", 5);
	ck_assert_uint_ne(ids_of(code).content, first);
	memcpy(image.bytes + (text - IMAGE_BASE) + image.process.layout.unicode_ascii, "first", 5);
	ck_assert_uint_eq(ids_of(code).content, first);
}
END_TEST

START_TEST(what_cannot_be_read_goes_by_its_place)
{
	struct python_code_ids ids;
	uint64_t code;

	begin(_i);
	code = image_code(&image, image_ascii(&image, "f"), NOT_MAPPED, 7, "", 0);
	ids = ids_of(code);
	ck_assert_uint_eq(ids.content, ids.place);
	ck_assert(!python_code_ids(&abi, &memory, NOT_MAPPED, &ids));
	ck_assert_uint_eq(python_code_word(&abi, &memory, CP_PYTHON_WORD_MARK | NOT_MAPPED),
			  CP_PYTHON_WORD_MARK | CP_PYTHON_CODE_UNKNOWN);
}
END_TEST

START_TEST(a_word_keeps_all_but_its_code)
{
	const uint64_t rest = CP_PYTHON_WORD_LEFT | 5ULL << CP_PYTHON_LASTI_SHIFT;
	uint64_t code, word;

	begin(_i);
	code = plain();
	word = python_code_word(&abi, &memory, rest | code >> 3);
	ck_assert_uint_eq(word, rest | ids_of(code).content);
	ck_assert_uint_eq(python_code_word(&abi, &memory, CP_PYTHON_WORD_LEFT),
			  CP_PYTHON_WORD_LEFT);
}
END_TEST

Suite *source_python_code_suite(void)
{
	Suite *suite = suite_create("source_python_code");
	TCase *tc = tcase_create("identity");
	const int n = ARRAY_LEN(versions);

	tcase_add_loop_test(tc, equal_ones_at_other_addresses_are_the_same, 0, n);
	tcase_add_loop_test(tc, others_are_others, 0, n);
	tcase_add_loop_test(tc, long_texts_differ_where_they_are_shown, 0, n);
	tcase_add_loop_test(tc, another_at_the_same_address_is_another, 0, n);
	tcase_add_loop_test(tc, what_cannot_be_read_goes_by_its_place, 0, n);
	tcase_add_loop_test(tc, a_word_keeps_all_but_its_code, 0, n);
	suite_add_tcase(suite, tc);
	return suite;
}
