// SPDX-License-Identifier: GPL-2.0-only
/* Unwind information written byte by byte: rare forms against libdw, and what no compiler writes.
 */
#include "symbol/unwind_table.h"

#include "tests/unit/suites.h"
#include "tests/unit/symbol_unwind_image.h"

#include <errno.h>
#include <stdlib.h>

#include "base/num.h"

/* Below 2^14, in two bytes of LEB128; the same signed and unsigned below 2^13. */
static void put_leb(struct frames *f, uint64_t value)
{
	frames_put(f, (value & 0x7f) | 0x80, 1);
	frames_put(f, value >> 7, 1);
}

START_TEST(addresses_in_every_encoding)
{
	static const struct {
		uint8_t encoding;
		uint8_t width; /* 0 = LEB128 */
		bool relative;
	} cases[] = {
		{0x00, 8, false}, {0x10, 8, true},  {0x01, 0, false}, {0x02, 2, false},
		{0x03, 4, false}, {0x04, 8, false}, {0x09, 0, false}, {0x0a, 2, false},
		{0x0b, 4, false}, {0x0c, 8, false}, {0x1a, 2, true},  {0x1b, 4, true},
		{0x1c, 8, true},  {0x14, 8, true},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct frames f = {0};
		size_t cie = frames_cie(&f, "zR", BYTES(cases[i].encoding)), at = frames_begin(&f);
		struct unwind_table *table;

		frames_put_cie_pointer(&f, cie);
		if (cases[i].width) {
			frames_put(&f, cases[i].relative ? frames_pcrel(&f, 0x1100) : 0x1100,
				   cases[i].width);
			frames_put(&f, 0x40, cases[i].width);
		} else {
			put_leb(&f, 0x1100);
			put_leb(&f, 0x40);
		}
		frames_put(&f, 0, 1);
		frames_end(&f, at);
		table = frames_build_as_libdw(&f);
		ck_assert_uint_eq(table->stats.fdes, 1);
		image_check_row(table, 0x10ff, UNWIND_GAP, 0);
		image_check_row(table, 0x1100, UNWIND_RSP, 1);
		image_check_row(table, 0x113f, UNWIND_RSP, 1);
		image_check_row(table, 0x1140, UNWIND_GAP, 0);
		unwind_table_free(table);
		vec_free(&f.v);
	}
}
END_TEST

/* An address may be negative, a length not: 0x8100 bytes, by an encoding of two signed ones. */
START_TEST(lengths_have_no_sign)
{
	struct frames f = {.text_bytes = 0x20000};
	size_t cie = frames_cie(&f, "zR", BYTES(0x0a)), at = frames_begin(&f);
	struct unwind_table *table;

	frames_put_cie_pointer(&f, cie);
	frames_put(&f, 0x1100, 2);
	frames_put(&f, 0x8100, 2);
	frames_put(&f, 0, 1);
	frames_end(&f, at);
	table = frames_build(&f);
	image_check_row(table, 0x91ff, UNWIND_RSP, 1);
	image_check_row(table, 0x9200, UNWIND_GAP, 0);
	unwind_table_free(table);
	vec_free(&f.v);
}
END_TEST

/* A pointer that is to be read elsewhere, or counts from what is not known here. */
START_TEST(encodings_that_no_linker_uses)
{
	static const uint8_t encodings[] = {0x9b, 0x2b, 0x3b, 0x4b, 0x50, 0xff, 0x05, 0x0d};

	for (size_t i = 0; i < ARRAY_LEN(encodings); i++) {
		struct frames f = {0};
		size_t strange = frames_cie(&f, "zR", BYTES(encodings[i]));
		struct unwind_table *table;

		frames_fde(&f, strange, 0x1100, 0x40, BYTES(0));
		frames_fde(&f, frames_usual_cie(&f), 0x1200, 0x40, BYTES(0));
		table = frames_build(&f);
		ck_assert_uint_eq(table->stats.fdes, 1);
		ck_assert_uint_eq(table->stats.fdes_malformed, 1);
		image_check_row(table, 0x1100, UNWIND_GAP, 0);
		image_check_row(table, 0x1200, UNWIND_RSP, 1);
		unwind_table_free(table);
		vec_free(&f.v);
	}
}
END_TEST

START_TEST(augmentations)
{
	static const struct {
		const char *letters;
		uint8_t data[16];
		uint8_t len;
		bool usable;
		enum unwind_kind kind;
	} cases[] = {
		{"zR", {0x1b}, 1, true, UNWIND_RSP},
		{"zPLR", {0x9b, 1, 2, 3, 4, 0x1b, 0x1b}, 7, true, UNWIND_RSP},
		{"zPLR", {0x00, 1, 2, 3, 4, 5, 6, 7, 8, 0x1b, 0x1b}, 11, true, UNWIND_RSP},
		{"zPR", {0xff, 0x1b}, 2, true, UNWIND_RSP},
		{"zPR", {0x01, 0x80, 0x01, 0x1b}, 4, true, UNWIND_RSP},
		{"zR", {0x1b, 9, 9}, 3, true, UNWIND_RSP},
		/* A handler's frame, but not as the kernel makes it. */
		{"zRS", {0x1b}, 1, true, UNWIND_UNSUPPORTED},
		{"zPR", {0x50, 0, 0, 0, 0, 0, 0, 0, 0x1b}, 9, false, UNWIND_GAP},
		{"zPR", {0x9b, 1, 2}, 3, false, UNWIND_GAP},
		{"zRX", {0x1b}, 1, false, UNWIND_GAP},
		{"zR", {0}, 0, false, UNWIND_GAP},
		{"R", {0x1b}, 1, false, UNWIND_GAP},
		{"eh", {1, 2, 3, 4, 5, 6, 7, 8}, 8, false, UNWIND_GAP},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct frames f = {0};
		size_t cie = frames_cie(&f, cases[i].letters, cases[i].data, cases[i].len);
		struct unwind_table *table;

		frames_fde(&f, cie, 0x1100, 0x40, BYTES(0));
		frames_fde(&f, frames_usual_cie(&f), 0x1200, 0x40, BYTES(0));
		table = frames_build(&f);
		ck_assert_msg(table->stats.entries_malformed == !cases[i].usable &&
				      table->stats.fdes_malformed == !cases[i].usable,
			      "case %zu", i);
		image_check_row(table, 0x1100, cases[i].kind, cases[i].kind == UNWIND_RSP);
		image_check_row(table, 0x1200, UNWIND_RSP, 1);
		unwind_table_free(table);
		vec_free(&f.v);
	}
}
END_TEST

/* Spoil one byte of a good CIE: its version, the register of the return address, its string's end.
 */
START_TEST(cies_of_another_kind)
{
	static const struct {
		size_t at;
		uint8_t value;
	} cases[] = {{8, 0}, {8, 2}, {8, 5}, {14, 15}, {14, 17}};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct frames f = {0};
		size_t cie = frames_usual_cie(&f);
		struct unwind_table *table;

		ck_assert_uint_ne(f.v.at[cases[i].at], cases[i].value);
		f.v.at[cases[i].at] = cases[i].value;
		frames_fde(&f, cie, 0x1100, 0x40, BYTES(0));
		frames_fde(&f, frames_usual_cie(&f), 0x1200, 0x40, BYTES(0));
		table = frames_build(&f);
		ck_assert_uint_eq(table->stats.entries_malformed, 1);
		ck_assert_uint_eq(table->stats.fdes, 1);
		unwind_table_free(table);
		vec_free(&f.v);
	}
}
END_TEST

struct program {
	uint8_t bytes[24];
	size_t len;
	/* from the start of the function: at 0, 4, 8 and at its end */
	struct {
		enum unwind_kind kind;
		int cfa;
	} want[4];
};

#define RSP(n)                \
	{                     \
		UNWIND_RSP, n \
	}
#define RBP(n)                \
	{                     \
		UNWIND_RBP, n \
	}
#define UNSUPPORTED                   \
	{                             \
		UNWIND_UNSUPPORTED, 0 \
	}

static void check_program(const struct program *p, bool sane)
{
	static const uint64_t at[] = {0, 4, 8, 0x3f};
	struct frames f = {0};
	struct unwind_table *table;

	frames_fde(&f, frames_usual_cie(&f), 0x1100, 0x40, p->bytes, p->len);
	frames_fde(&f, 0, 0x1140, 0x40, BYTES(0x0e, 24));
	table = sane ? frames_build_as_libdw(&f) : frames_build(&f);
	for (size_t i = 0; i < ARRAY_LEN(at); i++)
		image_check_row(table, 0x1100 + at[i], p->want[i].kind, p->want[i].cfa);
	image_check_row(table, 0x1140, UNWIND_RSP, 3);
	unwind_table_free(table);
	vec_free(&f.v);
}

START_TEST(rare_instructions)
{
	static const struct program programs[] = {
		/* advance by 1, 2 and 4 bytes' operands, and by 0 */
		{{0x02, 4, 0x0e, 16, 0x03, 4, 0, 0x0e, 32, 0x04, 4, 0, 0, 0, 0x0e, 40},
		 16,
		 {RSP(1), RSP(2), RSP(4), RSP(5)}},
		{{0x44, 0x0e, 16, 0x40, 0x0e, 32, 0x02, 0, 0x0e, 48},
		 10,
		 {RSP(1), RSP(6), RSP(6), RSP(6)}},
		/* beyond the function's end */
		{{0x44, 0x0e, 16, 0x02, 0xff, 0x0e, 32}, 7, {RSP(1), RSP(2), RSP(2), RSP(2)}},
		{{0x44, 0x0e, 16, 0x04, 0xff, 0xff, 0xff, 0xff, 0x0e, 32},
		 10,
		 {RSP(1), RSP(2), RSP(2), RSP(2)}},
		/* def_cfa_sf, def_cfa_offset_sf, def_cfa_register */
		{{0x44, 0x12, 7, 0x7e, 0x44, 0x13, 0x7c, 0x44, 0x0d, 6},
		 10,
		 {RSP(1), RSP(2), RSP(4), RBP(4)}},
		/* offset_extended of rbp, restore_extended; of the return address, not at CFA - 8
		 */
		{{0x44, 0x05, 6, 2, 0x44, 0x06, 6, 0x44, 0x05, 16, 2},
		 11,
		 {RSP(1), RSP(1), RSP(1), UNSUPPORTED}},
		/* offset_extended_sf, GNU_negative_offset_extended: rbp above the CFA */
		{{0x44, 0x11, 6, 0x7e, 0x44, 0x11, 16, 2, 0x44, 0x11, 16, 1, 0x2f, 6, 2},
		 15,
		 {RSP(1), RSP(1), UNSUPPORTED, RSP(1)}},
		/* val_offset_sf of rbp; restore */
		{{0x44, 0x15, 6, 2, 0x44, 0xc6}, 6, {RSP(1), UNSUPPORTED, RSP(1), RSP(1)}},
		/* states kept in states, other registers */
		{{0x0a, 0x44, 0x0e, 16, 0x0a, 0x44, 0x0e, 24, 0x83, 2, 0x44, 0x0b, 0x44, 0x0b},
		 14,
		 {RSP(1), RSP(2), RSP(3), RSP(1)}},
		/* an expression that is no more than rsp + 32; one of a literal */
		{{0x44, 0x0f, 2, 0x77, 32, 0x44, 0x0f, 1, 0x35},
		 9,
		 {RSP(1), RSP(4), UNSUPPORTED, UNSUPPORTED}},
		/* *(rsp + 8), as hand-written assembly has it */
		{{0x44, 0x0f, 3, 0x77, 8, 0x06},
		 6,
		 {RSP(1), UNSUPPORTED, UNSUPPORTED, UNSUPPORTED}},
	};

	for (size_t i = 0; i < ARRAY_LEN(programs); i++)
		check_program(&programs[i], true);
}
END_TEST

/* What held before stays; from there on nothing is claimed. */
START_TEST(programs_that_make_no_sense)
{
	static const struct program programs[] = {
		{{0x44, 0x0b}, 2, {RSP(1), UNSUPPORTED, UNSUPPORTED, UNSUPPORTED}},
		{{0x44, 0x3f}, 2, {RSP(1), UNSUPPORTED, UNSUPPORTED, UNSUPPORTED}},
		{{0x44, 0x0e, 16, 0x44, 0x0e}, 5, {RSP(1), RSP(2), UNSUPPORTED, UNSUPPORTED}},
		{{0x44, 0x0f, 0x7f, 0x77, 8}, 5, {RSP(1), UNSUPPORTED, UNSUPPORTED, UNSUPPORTED}},
		/* an offset where there is no register to add it to */
		{{0x0f, 3, 0x76, 0x78, 0x06, 0x10, 6, 2, 0x76, 0, 0x44, 0x0e, 16},
		 13,
		 {{UNWIND_DEREF_RBP, -1}, UNSUPPORTED, UNSUPPORTED, UNSUPPORTED}},
		/* the expression of a PLT, but of another offset */
		{{0x44, 0x0f, 11, 0x77, 16, 0x80, 0, 0x3f, 0x1a, 0x3b, 0x2a, 0x33, 0x24, 0x22},
		 14,
		 {RSP(1), UNSUPPORTED, UNSUPPORTED, UNSUPPORTED}},
		/* 17 states kept */
		{{0x44, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a,
		  0x0a, 0x0a, 0x0a, 0x0a, 0x0a},
		 18,
		 {RSP(1), UNSUPPORTED, UNSUPPORTED, UNSUPPORTED}},
	};

	for (size_t i = 0; i < ARRAY_LEN(programs); i++)
		check_program(&programs[i], false);
}
END_TEST

/* DW_CFA_set_loc, forth and back. */
START_TEST(places_set_outright)
{
	struct frames f = {0};
	size_t cie = frames_usual_cie(&f), at = frames_begin(&f);
	struct unwind_table *table;

	frames_put_cie_pointer(&f, cie);
	frames_put(&f, frames_pcrel(&f, 0x1100), 4);
	frames_put_bytes(&f, BYTES(0x40, 0, 0, 0, 0, 0x01));
	frames_put(&f, frames_pcrel(&f, 0x1120), 4);
	frames_put_bytes(&f, BYTES(0x0e, 16));
	frames_end(&f, at);
	table = frames_build_as_libdw(&f);
	image_check_row(table, 0x111f, UNWIND_RSP, 1);
	image_check_row(table, 0x1120, UNWIND_RSP, 2);
	unwind_table_free(table);

	f.v.len -= 2;
	frames_put(&f, 0x01, 1);
	frames_put(&f, frames_pcrel(&f, 0x1110), 4);
	frames_end(&f, at);
	table = frames_build(&f);
	image_check_row(table, 0x111f, UNWIND_RSP, 1);
	image_check_row(table, 0x1120, UNWIND_UNSUPPORTED, 0);
	unwind_table_free(table);
	vec_free(&f.v);
}
END_TEST

START_TEST(functions_that_overlap)
{
	struct frames f = {0};
	size_t cie = frames_usual_cie(&f);
	struct unwind_table *table;

	frames_fde(&f, cie, 0x1ff0, 0x100, BYTES(0x0e, 48)); /* cut at the text's end */
	frames_fde(&f, cie, 0x1100, 0x80, BYTES(0x0e, 16));
	frames_fde(&f, cie, 0x1140, 0x10, BYTES(0x0e, 24));
	frames_fde(&f, cie, 0x1140, 0x20, BYTES(0x0e, 32)); /* dropped */
	frames_fde(&f, cie, 0x1900, 0, BYTES(0));
	frames_fde(&f, cie, 0x9000, 0x10, BYTES(0));
	frames_fde(&f, cie, 0, 0x10, BYTES(0));
	table = frames_build(&f);
	ck_assert_uint_eq(table->stats.fdes, 3);
	ck_assert_uint_eq(table->stats.fdes_overlapping, 2);
	ck_assert_uint_eq(table->stats.fdes_outside, 3);
	ck_assert_uint_eq(table->stats.fdes_malformed, 0);
	image_check_row(table, 0x113f, UNWIND_RSP, 2);
	image_check_row(table, 0x1140, UNWIND_RSP, 3);
	image_check_row(table, 0x1150, UNWIND_GAP, 0);
	image_check_row(table, 0x1fef, UNWIND_GAP, 0);
	image_check_row(table, 0x1ff0, UNWIND_RSP, 6);
	image_check_row(table, 0x1fff, UNWIND_RSP, 6);
	image_check_row(table, 0x2000, UNWIND_GAP, 0);
	image_check_row(table, 0x0fff, UNWIND_GAP, 0);
	image_check_row(table, UINT64_MAX, UNWIND_GAP, 0);
	unwind_table_free(table);
	vec_free(&f.v);
}
END_TEST

/* Uncovered bytes: at the start always a gap, between functions from 16 on. */
START_TEST(gaps)
{
	struct frames f = {0};
	size_t cie = frames_usual_cie(&f);
	struct unwind_table *table;

	frames_fde(&f, cie, 0x1004, 0x0c, BYTES(0));
	frames_fde(&f, cie, 0x101f, 0x11, BYTES(0));
	frames_fde(&f, cie, 0x1040, 0xfb0, BYTES(0));
	table = frames_build(&f);
	image_check_row(table, 0x1000, UNWIND_GAP, 0);
	image_check_row(table, 0x1004, UNWIND_RSP, 1);
	image_check_row(table, 0x101e, UNWIND_RSP, 1);
	image_check_row(table, 0x1030, UNWIND_GAP, 0);
	image_check_row(table, 0x103f, UNWIND_GAP, 0);
	image_check_row(table, 0x1fef, UNWIND_RSP, 1);
	image_check_row(table, 0x1ff0, UNWIND_GAP, 0);
	ck_assert_uint_eq(table->rows_len, 5);
	ck_assert_uint_eq(table->stats.rows_gap, 3);
	unwind_table_free(table);
	vec_free(&f.v);
}
END_TEST

/* Lengths of 64 bits, empty entries, and one that reaches behind the section. */
START_TEST(entries_and_their_lengths)
{
	struct frames f = {0};
	struct unwind_table *table;
	size_t cie = frames_usual_cie(&f);

	frames_put(&f, 0, 4);
	frames_put_bytes(&f, BYTES(0xff, 0xff, 0xff, 0xff, 8 + 4 + 4 + 3, 0, 0, 0, 0, 0, 0, 0));
	frames_put(&f, f.v.len - cie, 8);
	frames_put(&f, frames_pcrel(&f, 0x1100), 4);
	frames_put(&f, 0x40, 4);
	frames_put_bytes(&f, BYTES(0, 0x0e, 16));
	frames_fde(&f, cie, 0x1140, 0x40, BYTES(0x0e, 24));
	table = frames_build(&f);
	ck_assert_uint_eq(table->stats.fdes, 2);
	ck_assert_uint_eq(table->stats.entries_malformed, 0);
	image_check_row(table, 0x1100, UNWIND_RSP, 2);
	image_check_row(table, 0x1140, UNWIND_RSP, 3);
	unwind_table_free(table);

	frames_put(&f, 0x7fffffff, 4);
	frames_fde(&f, cie, 0x1180, 0x40, BYTES(0x0e, 32));
	table = frames_build(&f);
	ck_assert_uint_eq(table->stats.fdes, 2);
	ck_assert_uint_eq(table->stats.entries_malformed, 1);
	unwind_table_free(table);
	vec_free(&f.v);
}
END_TEST

static void put_absolute_fde(struct frames *f, size_t cie, uint64_t vaddr)
{
	size_t at = frames_begin(f);

	frames_put_cie_pointer(f, cie);
	frames_put(f, vaddr, 8);
	frames_put(f, 0x40, 8);
	frames_put_bytes(f, BYTES(0x44, 0x0e, 16));
	frames_end(f, at);
}

/* DWARF 4 and 5, of 32 and 64 bits; addresses of another width are another machine's. */
START_TEST(debug_frame_of_version_4)
{
	for (int i = 0; i < 4; i++) {
		struct frames f = {.debug_frame = true};
		bool wide = i & 1, usable = i < 2;
		struct unwind_table *table;

		if (wide)
			frames_put(&f, UINT32_MAX, 4);
		frames_put(&f, (wide ? 8 : 4) + 1 + 1 + 2 + 3 + 5, wide ? 8 : 4);
		frames_put(&f, UINT64_MAX, wide ? 8 : 4);
		frames_put_bytes(&f,
				 BYTES(4, 0, usable ? 8 : 4, 0, 1, 0x78, 16, 0x0c, 7, 8, 0x90, 1));
		put_absolute_fde(&f, 0, 0x1100);
		put_absolute_fde(&f, frames_cie(&f, "", NULL, 0), 0x1200);
		table = usable ? frames_build_as_libdw(&f) : frames_build(&f);
		ck_assert_uint_eq(table->stats.entries_malformed, !usable);
		image_check_row(table, 0x1103, usable ? UNWIND_RSP : UNWIND_GAP, usable);
		image_check_row(table, 0x1104, usable ? UNWIND_RSP : UNWIND_GAP, usable ? 2 : 0);
		image_check_row(table, 0x1204, UNWIND_RSP, 2);
		unwind_table_free(table);
		vec_free(&f.v);
	}
}
END_TEST

/* By .eh_frame_hdr, whose length nobody tells: up to the first empty entry. */
START_TEST(without_section_headers)
{
	struct frames f = {0};
	size_t cie = frames_usual_cie(&f);
	struct unwind_table *table = NULL;
	struct image image;

	frames_fde(&f, cie, 0x1100, 0x40, BYTES(0x0e, 16));
	frames_put(&f, 0, 4);
	frames_fde(&f, cie, 0x1200, 0x40, BYTES(0x0e, 16));
	image = image_make(&f);
	image.header->e_shoff = 0;
	image.header->e_shnum = 0;
	ck_assert_int_eq(image_build(&image, &table), 0);
	image_check_row(table, 0x1100, UNWIND_RSP, 2);
	image_check_row(table, 0x1200, UNWIND_GAP, 0);
	unwind_table_free(table);
	image.segments[2].p_type = PT_NULL;
	ck_assert_int_eq(image_build(&image, &table), -ENODATA);
	free(image.bytes);
	vec_free(&f.v);
}
END_TEST

Suite *symbol_unwind_cfi_suite(void)
{
	Suite *suite = suite_create("symbol_unwind_cfi");
	TCase *tcase = tcase_create("unwind_cfi");

	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, addresses_in_every_encoding);
	tcase_add_test(tcase, lengths_have_no_sign);
	tcase_add_test(tcase, encodings_that_no_linker_uses);
	tcase_add_test(tcase, augmentations);
	tcase_add_test(tcase, cies_of_another_kind);
	tcase_add_test(tcase, rare_instructions);
	tcase_add_test(tcase, programs_that_make_no_sense);
	tcase_add_test(tcase, places_set_outright);
	tcase_add_test(tcase, functions_that_overlap);
	tcase_add_test(tcase, gaps);
	tcase_add_test(tcase, entries_and_their_lengths);
	tcase_add_test(tcase, debug_frame_of_version_4);
	tcase_add_test(tcase, without_section_headers);
	suite_add_tcase(suite, tcase);
	return suite;
}
