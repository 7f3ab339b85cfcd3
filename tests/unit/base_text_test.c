// SPDX-License-Identifier: GPL-2.0-only
#include "base/text.h"

#include "base/num.h"
#include "base/strbuf.h"
#include "tests/unit/suites.h"

#include <iconv.h>
#include <locale.h>
#include <stdint.h>
#include <string.h>
#include <wchar.h>

static const struct {
	const char *bytes;
	const char *text;
} escapes[] = {
	{"", ""},
	{"log_sys.mutex", "log_sys.mutex"},
	{" ~!\"'<>&;`$%", " ~!\"'<>&;`$%"},
	{"C:\\x1b", "C:\\x1b"},
	{"é€漢😀", "é€漢😀"},
	{"e\xcc\x81", "e\xcc\x81"},
	/* controls */
	{"a\x1b[2Jb", "a\\x1b[2Jb"},
	{"\t\r\n\x7f", "\\x09\\x0d\\x0a\\x7f"},
	{"\xc2\x80\xc2\x9f\xc2\xa0", "\\xc2\\x80\\xc2\\x9f\xc2\xa0"},
	{"\xd8\x9c", "\\xd8\\x9c"},
	{"\xe2\x80\x8b\xe2\x80\x8f\xe2\x80\x90", "\\xe2\\x80\\x8b\\xe2\\x80\\x8f\xe2\x80\x90"},
	{"\xe2\x80\xa7\xe2\x80\xa8\xe2\x80\xae", "\xe2\x80\xa7\\xe2\\x80\\xa8\\xe2\\x80\\xae"},
	{"\xe2\x81\xa0\xe2\x81\xaf\xe2\x81\xb0", "\\xe2\\x81\\xa0\\xe2\\x81\\xaf\xe2\x81\xb0"},
	{"\xef\xbb\xbf", "\\xef\\xbb\\xbf"},
	{"\xef\xbf\xb9\xef\xbf\xbd", "\\xef\\xbf\\xb9\xef\xbf\xbd"},
	{"\xf3\xa0\x81\x81", "\\xf3\\xa0\\x81\\x81"},
	/* overlong forms, and the shortest ones beside them */
	{"\xc0\x80\xc1\xbf", "\\xc0\\x80\\xc1\\xbf"},
	{"\xe0\x9f\xbf\xe0\xa0\x80", "\\xe0\\x9f\\xbf\xe0\xa0\x80"},
	{"\xf0\x8f\xbf\xbf\xf0\x90\x80\x80", "\\xf0\\x8f\\xbf\\xbf\xf0\x90\x80\x80"},
	/* surrogates and their neighbours */
	{"\xed\x9f\xbf\xee\x80\x80", "\xed\x9f\xbf\xee\x80\x80"},
	{"\xed\xa0\x80\xed\xbf\xbf", "\\xed\\xa0\\x80\\xed\\xbf\\xbf"},
	/* the end of Unicode */
	{"\xf4\x8f\xbf\xbf", "\xf4\x8f\xbf\xbf"},
	{"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"},
	{"\xf8\x88\x80\x80\x80\xff\xfe", "\\xf8\\x88\\x80\\x80\\x80\\xff\\xfe"},
	/* stray and missing continuation bytes; what follows is kept */
	{"\x80z\xbf", "\\x80z\\xbf"},
	{"\xe2\x82z", "\\xe2\\x82z"},
	{"\xf0\x9f\x98\xc3\xa9", "\\xf0\\x9f\\x98\xc3\xa9"},
	{"\xe2\x82", "\\xe2\\x82"},
	{"\xc3", "\\xc3"},
};

START_TEST(escape)
{
	struct strbuf sb = {0};

	text_escape(&sb, escapes[_i].bytes, strlen(escapes[_i].bytes));
	ck_assert_str_eq(strbuf_str(&sb), escapes[_i].text);
	strbuf_free(&sb);
}
END_TEST

START_TEST(escape_takes_len_bytes_and_appends)
{
	struct strbuf sb = {0};

	strbuf_puts(&sb, "[");
	text_escape(&sb, "a\0b\xe2\x82\xac", 5);
	ck_assert_str_eq(strbuf_str(&sb), "[a\\x00b\\xe2\\x82");
	text_escape(&sb, NULL, 0);
	ck_assert_uint_eq(sb.len, strlen("[a\\x00b\\xe2\\x82"));
	strbuf_free(&sb);
}
END_TEST

static size_t encode(uint32_t code, char *ret)
{
	if (code < 0x80) {
		ret[0] = (char)code;
		return 1;
	}
	if (code < 0x800) {
		ret[0] = (char)(0xc0 | code >> 6);
		ret[1] = (char)(0x80 | (code & 0x3f));
		return 2;
	}
	if (code < 0x10000) {
		ret[0] = (char)(0xe0 | code >> 12);
		ret[1] = (char)(0x80 | (code >> 6 & 0x3f));
		ret[2] = (char)(0x80 | (code & 0x3f));
		return 3;
	}
	ret[0] = (char)(0xf0 | code >> 18);
	ret[1] = (char)(0x80 | (code >> 12 & 0x3f));
	ret[2] = (char)(0x80 | (code >> 6 & 0x3f));
	ret[3] = (char)(0x80 | (code & 0x3f));
	return 4;
}

/* libc's converter is the judge of what is well-formed: what it refuses must be escaped. */
START_TEST(escape_agrees_with_iconv)
{
	static const unsigned char seconds[] = {0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90,
						0x9f, 0xa0, 0xaf, 0xbf, 0xc0, 0xff};
	iconv_t cd = iconv_open("UTF-32LE", "UTF-8");
	struct strbuf sb = {0};
	unsigned valid = 0;

	ck_assert(cd != (iconv_t)-1);
	for (unsigned lead = 0xa0; lead < 0x100; lead++) {
		for (size_t i = 0; i < ARRAY_LEN(seconds) * ARRAY_LEN(seconds); i++) {
			char bytes[] = {(char)lead, (char)seconds[i / ARRAY_LEN(seconds)],
					(char)seconds[i % ARRAY_LEN(seconds)], (char)0xbf};
			char *in = bytes;
			char out[4];
			char *to = out;
			size_t in_len = sizeof(bytes);
			size_t out_len = sizeof(out);
			bool kept;

			/* Room for one character: valid if it comes out. */
			iconv(cd, NULL, NULL, NULL, NULL);
			iconv(cd, &in, &in_len, &to, &out_len);
			strbuf_reset(&sb);
			text_escape(&sb, bytes, sizeof(bytes));
			kept = sb.str[0] != '\\';
			if (out_len == 0) {
				uint32_t code;

				memcpy(&code, out, sizeof(code));
				valid++;
				/* The controls among these inputs. */
				if (code < 0xa0 || (code >= 0x2028 && code <= 0x202e) ||
				    (code >= 0x200b && code <= 0x200f) || code == 0xfeff ||
				    (code >= 0x2060 && code <= 0x206f) ||
				    (code >= 0xe0000 && code <= 0xe007f))
					ck_assert_msg(!kept, "U+%04X", code);
				else
					ck_assert_msg(kept, "U+%04X", code);
			} else {
				ck_assert_msg(!kept, "lead %02x, case %zu", lead, i);
			}
		}
	}
	ck_assert_uint_gt(valid, 1000);
	strbuf_free(&sb);
	iconv_close(cd);
}
END_TEST

static const struct {
	const char *text;
	size_t width;
} widths[] = {
	{"", 0},
	{"abc", 3},
	{"é", 1},
	{"e\xcc\x81", 1}, /* combining acute */
	{"漢字", 4},
	{"ﾊﾝ", 2}, /* halfwidth katakana */
	{"Ａ", 2}, /* fullwidth A */
	{"😀", 2},
	{"가", 2},			 /* Hangul, composed */
	{"\xe1\x84\x80\xe1\x85\xa1", 2}, /* and from its letters */
	{"█▌", 2},
	{"…", 1},
	{"·│", 2},
	{"\xf0\xa0\x80\x80", 2}, /* U+20000 */
	{"\xc2\xad", 1},	 /* soft hyphen */
	{"a\xff\xe2\x82", 4},	 /* invalid bytes, one each */
};

/* The tests run in the C locale unless they ask for another. */
START_TEST(width)
{
	ck_assert_uint_eq(text_width(widths[_i].text), widths[_i].width);
}
END_TEST

/*
 * libc's wcwidth() as the reference, over all it calls printable. A newer libc knows characters
 * that Unicode 14.0 has not; their number is small, and none of them lies in the settled blocks.
 */
START_TEST(width_agrees_with_libc)
{
	static const struct {
		uint32_t first, last;
	} settled[] = {{0x20, 0x7e},	 {0xa0, 0x36f},	     {0x400, 0x52f},
		       {0x3041, 0x3096}, {0x4e00, 0x9fff},   {0xac00, 0xd7a3},
		       {0xff01, 0xffe6}, {0x1f600, 0x1f64f}, {0xe0100, 0xe01ef}};
	unsigned differing = 0;
	unsigned compared = 0;

	ck_assert_ptr_nonnull(setlocale(LC_CTYPE, "C.UTF-8"));
	for (uint32_t code = 0x20; code < 0x110000; code++) {
		char text[5] = {0};
		int want = wcwidth((wchar_t)code);
		bool equal;

		if (want < 0)
			continue;
		encode(code, text);
		equal = text_width(text) == (size_t)want;
		compared++;
		differing += !equal;
		for (size_t i = 0; i < ARRAY_LEN(settled); i++) {
			if (code >= settled[i].first && code <= settled[i].last)
				ck_assert_msg(equal, "U+%04X: libc says %d", code, want);
		}
	}
	ck_assert_uint_gt(compared, 100000);
	ck_assert_uint_lt(differing, 256);
}
END_TEST

static const struct {
	const char *text;
	size_t columns;
	enum text_align align;
	int ascii;
	const char *fitted;
} fits[] = {
	{"", 0, TEXT_LEFT, 0, ""},
	{"", 3, TEXT_LEFT, 0, "   "},
	{"abc", 0, TEXT_LEFT, 0, ""},
	{"abc", 1, TEXT_LEFT, 0, "…"},
	{"abc", 2, TEXT_LEFT, 0, "a…"},
	{"abc", 2, TEXT_RIGHT, 0, "a…"},
	{"abc", 2, TEXT_LEFT, 1, "a~"},
	{"abc", 3, TEXT_LEFT, 0, "abc"},
	{"abc", 5, TEXT_LEFT, 0, "abc  "},
	{"abc", 5, TEXT_RIGHT, 0, "  abc"},
	{"漢字", 4, TEXT_LEFT, 0, "漢字"},
	{"漢字", 5, TEXT_RIGHT, 0, " 漢字"},
	{"漢字", 3, TEXT_LEFT, 0, "漢…"},
	{"漢字漢", 4, TEXT_LEFT, 0, "漢 …"},
	{"漢字", 2, TEXT_LEFT, 1, " ~"},
	{"漢字", 1, TEXT_LEFT, 0, "…"},
	{"e\xcc\x81o\xcc\x81", 2, TEXT_LEFT, 0, "e\xcc\x81o\xcc\x81"},
	{"e\xcc\x81o\xcc\x81u", 2, TEXT_LEFT, 0, "e\xcc\x81…"},
};

START_TEST(fit)
{
	struct strbuf sb = {0};

	text_fit(&sb, fits[_i].text, fits[_i].columns, fits[_i].align, fits[_i].ascii);
	ck_assert_str_eq(strbuf_str(&sb), fits[_i].fitted);
	ck_assert_uint_eq(text_width(strbuf_str(&sb)), fits[_i].columns);
	strbuf_free(&sb);
}
END_TEST

START_TEST(base_name)
{
	ck_assert_str_eq(text_base_name("/usr/lib/libc.so.6"), "libc.so.6");
	ck_assert_str_eq(text_base_name("./x"), "x");
	ck_assert_str_eq(text_base_name("/x"), "x");
	ck_assert_str_eq(text_base_name("x"), "x");
	ck_assert_str_eq(text_base_name(""), "");
	ck_assert_str_eq(text_base_name("/"), "/");
	ck_assert_str_eq(text_base_name("a/b/"), "a/b/");
}
END_TEST

Suite *base_text_suite(void)
{
	Suite *suite = suite_create("base_text");
	TCase *tc = tcase_create("text");

	tcase_add_loop_test(tc, escape, 0, ARRAY_LEN(escapes));
	tcase_add_test(tc, escape_takes_len_bytes_and_appends);
	tcase_add_test(tc, escape_agrees_with_iconv);
	tcase_add_loop_test(tc, width, 0, ARRAY_LEN(widths));
	tcase_add_test(tc, width_agrees_with_libc);
	tcase_add_loop_test(tc, fit, 0, ARRAY_LEN(fits));
	tcase_add_test(tc, base_name);
	suite_add_tcase(suite, tc);
	return suite;
}
