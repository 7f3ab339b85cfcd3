// SPDX-License-Identifier: GPL-2.0-only
/* Tables of lines: what compilers wrote, and what none writes. */
#include "runtime/python_lines.h"

#include "tests/unit/suites.h"

#include "base/num.h"
#include "tests/unit/runtime_python_image.h"

/* As many code units as have one line, 0 = none. */
struct run {
	uint32_t units;
	uint32_t line;
};

/*
 * A function from line 7 on with jumps of 142 and 300 lines, to and fro, a loop, try and with, and
 * in 3.8 and 3.10 more than 255 bytes of code on one line: its table, and the lines that
 * PyCode_Addr2Line() of the same interpreter gives.
 */
/* CPython 3.8.18 */
static const uint8_t table_38[] = {0,	3,  2,	 127, 0,   14, 2,   128, 0,   242, 4,	127, 0,
				   16,	8,  1,	 2,   1,   2,  1,   2,	 255, 8,   127, 0,   127,
				   0,	50, 2,	 0,   2,   1,  2,   1,	 2,   254, 2,	128, 0,
				   128, 0,  211, 8,   127, 0,  127, 0,	 50,  6,   1,	212, 1};
static const struct run lines_38[] = {{1, 10},	{1, 151}, {2, 9},     {4, 152}, {1, 153}, {1, 154},
				      {1, 155}, {4, 154}, {2, 458},   {1, 459}, {1, 460}, {1, 458},
				      {4, 157}, {3, 461}, {106, 462}, {2, 463}};
/* CPython 3.10.13 */
static const uint8_t table_310[] = {
	2,   3,	  0,   127, 2,	 14,  0,   129, 4,  241, 0, 127, 8,   16,  2,	1,   2,	  1,   2,
	1,   6,	  255, 0,   127, 0,   127, 4,	50, 2,	 1, 2,	 1,   2,   254, 0,   129, 0,   129,
	6,   209, 0,   127, 0,	 127, 4,   47,	2,  1,	 2, 1,	 2,   254, 0,	129, 0,	  129, 6,
	209, 0,	  127, 0,   127, 6,   50,  254, 1,  14,	 0, 10,	 255, 4,   2,	16,  254, 4,   2};
static const struct run lines_310[] = {
	{1, 10},  {1, 151}, {2, 9},   {4, 152},	  {1, 153}, {1, 154}, {1, 155}, {3, 154},
	{2, 458}, {1, 459}, {1, 460}, {1, 458},	  {3, 157}, {2, 458}, {1, 459}, {1, 460},
	{1, 458}, {3, 157}, {3, 461}, {134, 462}, {5, 461}, {2, 463}, {8, 461}, {2, 463}};

/* CPython 3.11.7 */
static const uint8_t table_311[] = {
	128, 0,	  240, 6,   0,	 9,   10,  240, 90,  4,	  0,   9,   10,	 240, 93,  4,	78,
	2,   9,	  11,  128, 65,	 240, 94,  4,	0,   14,  15,  240, 0,	 116, 4,   5,	7,
	240, 0,	  116, 4,   5,	 7,   136, 1,	240, 2,	  115, 4,   9,	 7,   216, 17,	18,
	216, 17,  18,  241, 3,	 1,   18,  19,	136, 65,  240, 96,  9,	 0,   18,  19,	149,
	65,  216, 3,   4,   216, 3,   4,   241, 5,   2,	  21,  6,   244, 0,   2,   21,	6,
	240, 91,  9,   111, 4,	 17,  7,   136, 65,  136, 65,  248, 240, 90,  9,   0,	18,
	19,  149, 65,  216, 3,	 4,   216, 3,	4,   241, 5,   2,   21,	 6,   244, 0,	2,
	21,  6,	  240, 91,  9,	 111, 4,   17,	7,   136, 65,  240, 0,	 111, 4,   13,	7,
	240, 0,	  111, 4,   13,	 7,   240, 0,	111, 4,	  13,  7,   240, 0,   111, 4,	13,
	7,   240, 96,  9,   0,	 10,  11,  240, 0,   1,	  5,   35,  136, 97,  216, 13,	14,
	144, 1,	  144, 65,  144, 113, 144, 54,	152, 65,  152, 113, 152, 54,  208, 12,	34,
	136, 1,	  240, 3,   1,	 5,   35,  240, 0,   1,	  5,   35,  240, 0,   1,   5,	35,
	241, 0,	  1,   5,   35,	 244, 0,   1,	5,   35,  240, 0,   1,	 5,   35,  240, 0,
	1,   5,	  35,  240, 0,	 1,   5,   35,	240, 0,	  1,   5,   35,	 240, 0,   1,	5,
	35,  240, 0,   1,   5,	 35,  248, 248, 248, 240, 0,   1,   5,	 35,  240, 0,	1,
	5,   35,  240, 0,   1,	 5,   35,  240, 0,   1,	  5,   35,  224, 11,  12,  128, 72};
static const struct run lines_311[] = {
	{1, 7},	  {1, 10},  {1, 151}, {2, 9},	 {4, 152},  {1, 153}, {1, 154}, {1, 155}, {3, 154},
	{7, 458}, {1, 459}, {1, 460}, {7, 458},	 {3, 157},  {1, 0},   {7, 458}, {1, 459}, {1, 460},
	{7, 458}, {6, 157}, {3, 461}, {10, 462}, {16, 461}, {3, 0},   {4, 461}, {2, 463}};
/* CPython 3.13.0 */
static const uint8_t table_313[] = {
	128, 0,	  240, 6,   0,	 9,   10,  240, 90,  4,	  0,   9,   10,	 240, 93,  4,	78,
	2,   9,	  11,  128, 65,	 243, 94,  4,	0,   14,  15,  136, 1,	 240, 2,   115, 4,
	9,   7,	  216, 17,  18,	 216, 17,  18,	241, 3,	  1,   18,  19,	 136, 65,  240, 96,
	9,   0,	  18,  19,  148, 65,  216, 3,	4,   216, 3,   4,   243, 5,   2,   21,	6,
	240, 91,  9,   111, 4,	 17,  7,   138, 65,  241, 11,  0,   14,	 15,  241, 106, 9,
	0,   10,  11,  136, 97,	 216, 13,  14,	144, 1,	  144, 65,  144, 113, 144, 54,	152,
	65,  152, 113, 152, 54,	 208, 12,  34,	136, 1,	  247, 3,   0,	 10,  11,  224, 11,
	12,  128, 72,  248, 240, 11,  0,   18,	19,  148, 65,  216, 3,	 4,   216, 3,	4,
	243, 5,	  2,   21,  6,	 240, 91,  9,	111, 4,	  17,  7,   137, 65,  250, 247, 96,
	9,   0,	  10,  11,  140, 17,  224, 11,	12,  128, 72,  250};
static const struct run lines_313[] = {{1, 7},	 {1, 10},  {1, 151},  {2, 9},	{5, 152},  {1, 153},
				       {1, 154}, {1, 155}, {3, 154},  {6, 458}, {1, 459},  {1, 460},
				       {4, 458}, {4, 157}, {2, 152},  {3, 461}, {10, 462}, {8, 461},
				       {2, 463}, {1, 0},   {6, 458},  {1, 459}, {1, 460},  {4, 458},
				       {3, 157}, {3, 0},   {13, 461}, {2, 463}, {3, 0}};

static struct python_image image;

static uint32_t line_in(uint64_t table, int32_t first, uint32_t offset)
{
	const struct python_memory memory = image_memory(&image);

	return python_line(&image.process.layout, &memory, table, first, offset);
}

static uint32_t line_of(const void *table, size_t len, int32_t first, uint32_t offset)
{
	return line_in(image_byte_string(&image, table, len), first, offset);
}

static void check_runs(const void *table, size_t len, const struct run *runs, size_t runs_len)
{
	uint64_t at = image_byte_string(&image, table, len);
	uint32_t offset = 0;

	for (size_t i = 0; i < runs_len; i++) {
		for (uint32_t n = 0; n < runs[i].units; n++, offset += 2) {
			uint32_t line = line_in(at, 7, offset);

			ck_assert_msg(line == runs[i].line, "byte %u: line %u, not %u", offset,
				      line, runs[i].line);
		}
	}
}

#define CHECK_RUNS(version, table, runs)                                 \
	do {                                                             \
		image_begin(&image, version);                            \
		check_runs(table, sizeof(table), runs, ARRAY_LEN(runs)); \
	} while (0)

START_TEST(what_compilers_wrote)
{
	CHECK_RUNS(PYTHON_VERSION(3, 8), table_38, lines_38);
	CHECK_RUNS(PYTHON_VERSION(3, 9), table_38, lines_38);
	CHECK_RUNS(PYTHON_VERSION(3, 10), table_310, lines_310);
	CHECK_RUNS(PYTHON_VERSION(3, 11), table_311, lines_311);
	CHECK_RUNS(PYTHON_VERSION(3, 12), table_311, lines_311);
	CHECK_RUNS(PYTHON_VERSION(3, 13), table_313, lines_313);
}
END_TEST

#define LINE(first, offset, ...)                                \
	({                                                      \
		const uint8_t bytes_[] = {__VA_ARGS__};         \
		line_of(bytes_, sizeof(bytes_), first, offset); \
	})

START_TEST(lnotab_edges)
{
	image_begin(&image, PYTHON_VERSION(3, 8));
	ck_assert_uint_eq(line_of("", 0, 5, 0), 5);
	ck_assert_uint_eq(line_of("", 0, 5, 1000), 5);
	/* Behind the last pair its line goes on; half a pair is none. */
	ck_assert_uint_eq(LINE(5, 9, 2, 3), 8);
	ck_assert_uint_eq(LINE(5, 9, 2, 3, 2), 8);
	ck_assert_uint_eq(LINE(5, 1, 2, 3), 5);
	/* -128 is a number like others here. */
	ck_assert_uint_eq(LINE(500, 2, 2, 0x80), 372);
	/* Lines before the first. */
	ck_assert_uint_eq(LINE(5, 2, 2, 0xf0), 0);
}
END_TEST

START_TEST(linetable_edges)
{
	image_begin(&image, PYTHON_VERSION(3, 10));
	ck_assert_uint_eq(line_of("", 0, 5, 0), 0);
	ck_assert_uint_eq(LINE(5, 1, 2, 3), 8);
	ck_assert_uint_eq(LINE(5, 2, 2, 3), 0);
	ck_assert_uint_eq(LINE(5, 0, 0, 100, 0, 100, 2, 1), 206);
	/* No line, and what follows counts from the last that there was. */
	ck_assert_uint_eq(LINE(5, 2, 2, 3, 2, 0x80, 2, 1), 0);
	ck_assert_uint_eq(LINE(5, 4, 2, 3, 2, 0x80, 2, 1), 9);
	ck_assert_uint_eq(LINE(5, 2, 2, 3, 2), 0);
}
END_TEST

START_TEST(locations_edges)
{
	image_begin(&image, PYTHON_VERSION(3, 12));
	ck_assert_uint_eq(line_of("", 0, 5, 0), 0);
	/* Form 13: -3 lines, one unit; then form 11: +1. */
	ck_assert_uint_eq(LINE(5, 0, 0xe8, 7), 2);
	ck_assert_uint_eq(LINE(5, 2, 0xe8, 7, 0xd8, 0, 0), 3);
	/* Form 15: no line for 8 units, and nothing added. */
	ck_assert_uint_eq(LINE(5, 14, 0xff, 0x80, 0), 0);
	ck_assert_uint_eq(LINE(5, 16, 0xff, 0x80, 0), 5);
	/* A head without the highest bit; a number without its end, and one too long. */
	ck_assert_uint_eq(LINE(5, 0, 0x68, 7), 0);
	ck_assert_uint_eq(LINE(5, 0, 0xe8, 0x42), 6);
	ck_assert_uint_eq(LINE(5, 0, 0xe8, 0x7e, 0x7f, 0x7f, 0x7f, 0x7f, 0x7f, 0x7f, 0x7f, 0x7f),
			  0);
	/* A number of 16 bits: +32,768. */
	ck_assert_uint_eq(LINE(5, 0, 0xe8, 0x40, 0x40, 0x10), 32773);
}
END_TEST

/* Read in pieces: an entry may lie across two. */
START_TEST(long_tables)
{
	enum { PAIRS = 20000 };
	static uint8_t pairs[PAIRS * 2];

	for (size_t i = 0; i < PAIRS; i++) {
		pairs[2 * i] = 2;
		pairs[2 * i + 1] = 1;
	}
	image_begin(&image, PYTHON_VERSION(3, 9));
	ck_assert_uint_eq(line_of(pairs, sizeof(pairs), 1, 2 * PAIRS - 1), PAIRS);
	image_begin(&image, PYTHON_VERSION(3, 11));
	for (size_t i = 0; i < PAIRS; i++) {
		pairs[2 * i] = 0xe8;
		pairs[2 * i + 1] = 2;
	}
	ck_assert_uint_eq(line_of(pairs + 1, sizeof(pairs) - 1, 1, 2), 0);
	image_begin(&image, PYTHON_VERSION(3, 11));
	ck_assert_uint_eq(line_of(pairs, sizeof(pairs), 1, 2 * PAIRS - 1), PAIRS + 1);
}
END_TEST

/* Zeros without end: what is read of them has one. */
static bool read_zeros(void *ctx, uint64_t addr, void *buf, size_t len)
{
	uint64_t *bytes = ctx;

	memset(buf, addr == IMAGE_BASE + image.process.layout.bytes_size ? 0x7f : 0, len);
	*bytes += len;
	return true;
}

START_TEST(tables_that_never_end)
{
	for (unsigned int version = PYTHON_VERSION(3, 8); version <= PYTHON_VERSION(3, 13);
	     version++) {
		uint64_t bytes = 0;
		struct python_memory memory = {.read = read_zeros, .ctx = &bytes};

		image_begin(&image, version);
		python_line(&image.process.layout, &memory, IMAGE_BASE, 5, 100);
		ck_assert_uint_ge(bytes, 8);
		ck_assert_uint_le(bytes, PYTHON_TABLE_MAX + 8);
	}
}
END_TEST

START_TEST(tables_that_cannot_be_read)
{
	uint64_t at;

	for (unsigned int version = PYTHON_VERSION(3, 8); version <= PYTHON_VERSION(3, 13);
	     version++) {
		image_begin(&image, version);
		ck_assert_uint_eq(line_in(0, 5, 2), 0);
		ck_assert_uint_eq(line_in(IMAGE_BASE - 64, 5, 2), 0);
		ck_assert_uint_eq(line_in(UINT64_MAX - 15, 5, 2), 0);
		at = image_byte_string(&image, "", 0);
		image_put64(&image, at + image.process.layout.bytes_size, UINT64_MAX);
		ck_assert_uint_eq(line_in(at, 5, 2), 0);
		/* A length with nothing behind it. */
		image_put64(&image, at + image.process.layout.bytes_size, INT64_MAX);
		if (version >= PYTHON_VERSION(3, 10))
			ck_assert_uint_eq(line_in(at, 5, 2), 0);
	}
}
END_TEST

Suite *runtime_python_lines_suite(void)
{
	Suite *suite = suite_create("runtime_python_lines");
	TCase *tcase = tcase_create("lines");

	tcase_add_test(tcase, what_compilers_wrote);
	tcase_add_test(tcase, lnotab_edges);
	tcase_add_test(tcase, linetable_edges);
	tcase_add_test(tcase, locations_edges);
	tcase_add_test(tcase, long_tables);
	tcase_add_test(tcase, tables_that_never_end);
	tcase_add_test(tcase, tables_that_cannot_be_read);
	suite_add_tcase(suite, tcase);
	return suite;
}
