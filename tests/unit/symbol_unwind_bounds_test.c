// SPDX-License-Identifier: GPL-2.0-only
/* Files that are no help, too large, damaged, or made to do harm. */
#include "symbol/unwind_table.h"

#include "tests/unit/suites.h"
#include "tests/unit/symbol_unwind_image.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/err.h"
#include "base/num.h"

#define MUTATIONS 12000

/* Frames of all kinds, in a small space. */
static void put_rich_frames(struct frames *f)
{
	size_t cie = frames_usual_cie(f), signal;

	frames_fde(f, cie, 0x1100, 0x40,
		   BYTES(0x44, 0x0e, 16, 0x86, 2, 0x43, 0x0d, 6, 0x0a, 0x48, 0x0c, 7, 8, 0xc6, 0x41,
			 0x0b));
	frames_fde(f, cie, 0x1140, 0x20,
		   BYTES(0x0f, 11, 0x77, 8, 0x80, 0, 0x3f, 0x1a, 0x3b, 0x2a, 0x33, 0x24, 0x22));
	frames_fde(f, cie, 0x1200, 0x300,
		   BYTES(0x02, 0x50, 0x0f, 3, 0x76, 0x78, 0x06, 0x10, 6, 2, 0x76, 0, 0x03, 0, 1,
			 0x2e, 16, 0x04, 4, 0, 0, 0, 0x05, 6, 3, 0x06, 6, 0x11, 6, 0x7e, 0x13,
			 0x7c));
	signal = frames_cie(f, "zPLRS", BYTES(0x9b, 1, 2, 3, 4, 0x1b, 0x1b));
	frames_fde(f, signal, 0x1800, 0x10,
		   BYTES(0x0f, 4, 0x77, 0xa0, 1, 0x06, 0x10, 6, 3, 0x77, 0xf8, 0, 0x10, 7, 3, 0x77,
			 0xa0, 1, 0x10, 16, 3, 0x77, 0xa8, 1));
	frames_fde(f, cie, 0x1900, 0x80, BYTES(0x44, 0x07, 16, 0x48, 0xd0, 0x16, 6, 2, 0x76, 8));
}

/* The same by a file descriptor, of a file with a hole at its end. */
static int build_file(const struct image *image, size_t hole_bytes, struct unwind_table **ret)
{
	int fd = memfd_create("image", MFD_CLOEXEC), r;
	struct err err = {0};

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, image->bytes, image->len), (ssize_t)image->len);
	ck_assert_int_eq(ftruncate(fd, (off_t)(image->len + hole_bytes)), 0);
	r = unwind_table_build(fd, ret, &err);
	ck_assert_int_eq(r, err.code);
	ck_assert(r == 0 || err.msg[0]);
	close(fd);
	return r;
}

START_TEST(file_and_memory_give_the_same)
{
	struct frames f = {0};
	struct unwind_table *a, *b = NULL;
	struct image image;

	put_rich_frames(&f);
	a = frames_build_as_libdw(&f);
	image = image_make(&f);
	ck_assert_int_eq(build_file(&image, 0, &b), 0);
	ck_assert_uint_gt(a->rows_len, 15);
	ck_assert_uint_eq(a->rows_len, b->rows_len);
	ck_assert_mem_eq(a->rows, b->rows, a->rows_len * sizeof(*a->rows));
	ck_assert_mem_eq(&a->stats, &b->stats, sizeof(a->stats));
	for (int kind = UNWIND_GAP; kind <= UNWIND_UNSUPPORTED; kind++) {
		uint32_t i = 0;

		while (i < a->rows_len && (int)unwind_row_kind(a->rows[i]) != kind)
			i++;
		ck_assert_msg(i < a->rows_len, "no row of kind %d", kind);
	}
	unwind_table_free(a);
	unwind_table_free(b);
	free(image.bytes);
	vec_free(&f.v);
}
END_TEST

/* Both ways of building refuse @image, and leave the table alone. */
static void refuse(const struct image *image, int want)
{
	struct unwind_table *table = (void *)1;

	ck_assert_int_eq(image_build(image, &table), want);
	ck_assert_int_eq(build_file(image, 0, &table), want);
	ck_assert_ptr_eq(table, (void *)1);
}

START_TEST(headers_that_are_refused)
{
	static const Elf32_Ehdr i386 = {
		.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS32, ELFDATA2LSB,
			    EV_CURRENT},
		.e_type = ET_DYN,
		.e_machine = EM_386,
		.e_version = EV_CURRENT,
	};
	struct frames f = {0};
	struct image image;
	Elf64_Ehdr good;
	Elf64_Phdr text;

	put_rich_frames(&f);
	image = image_make(&f);
	good = *image.header;
	text = image.segments[0];
	image.header->e_machine = EM_AARCH64;
	refuse(&image, -ENOTSUP);
	*image.header = good;
	memset(image.header, 0, sizeof(good));
	memcpy(image.header, &i386, sizeof(i386));
	refuse(&image, -ENOTSUP);
	*image.header = good;
	image.header->e_ident[EI_DATA] = ELFDATA2MSB;
	refuse(&image, -ENOEXEC);
	*image.header = good;
	image.header->e_ident[EI_MAG1] = 'e';
	refuse(&image, -ENOEXEC);
	*image.header = good;
	image.header->e_type = ET_REL;
	refuse(&image, -ENOEXEC);
	*image.header = good;
	image.header->e_phnum = PN_XNUM;
	refuse(&image, -EBADMSG);
	*image.header = good;
	image.header->e_shnum = 0;
	refuse(&image, -EBADMSG);
	*image.header = good;
	image.segments[0].p_flags = PF_R;
	refuse(&image, -ENOEXEC);
	image.segments[0] = text;
	image.segments[0].p_offset = image.len;
	refuse(&image, -ENOEXEC);
	image.segments[0] = text;
	for (image.len = 0; image.len < sizeof(good); image.len++)
		refuse(&image, image.len < EI_NIDENT ? -ENOEXEC : -EBADMSG);
	free(image.bytes);
	vec_free(&f.v);
}
END_TEST

START_TEST(too_many_segments)
{
	struct frames f = {.text_bytes = (UNWIND_SEGMENTS_MAX + 1) * sizeof(Elf64_Phdr)};
	struct unwind_table *table = NULL;
	struct image image;

	put_rich_frames(&f);
	image = image_make(&f);
	for (size_t i = 0; i <= UNWIND_SEGMENTS_MAX; i++)
		memcpy(image.bytes + IMAGE_TEXT_AT + i * sizeof(*image.segments), image.segments,
		       sizeof(*image.segments));
	image.header->e_phoff = IMAGE_TEXT_AT;
	image.header->e_phnum = UNWIND_SEGMENTS_MAX + 1;
	refuse(&image, -EBADMSG);
	image.header->e_phnum--;
	ck_assert_int_eq(image_build(&image, &table), 0);
	ck_assert_uint_eq(table->segments_len, UNWIND_SEGMENTS_MAX);
	unwind_table_free(table);
	free(image.bytes);
	vec_free(&f.v);
}
END_TEST

/* A file with a hole of 2 GiB between its two pieces of code, the second out of reach. */
START_TEST(text_that_is_too_long)
{
	struct frames f = {0};
	struct unwind_table *table = NULL;
	struct image image;

	frames_fde(&f, frames_usual_cie(&f), 0x1100, 0x40, BYTES(0));
	image = image_make(&f);
	image.segments[2] = image.segments[0];
	image.segments[2].p_vaddr += UINT64_C(2) << 30;
	ck_assert_int_eq(image_build(&image, &table), 0);
	ck_assert_uint_eq(table->text_bytes, UNWIND_TEXT_MAX);
	image_check_row(table, 0x1100, UNWIND_RSP, 1);
	image_check_row(table, image.segments[2].p_vaddr + 0x100, UNWIND_GAP, 0);
	unwind_table_free(table);
	image.segments[2].p_vaddr = UINT64_MAX;
	ck_assert_int_eq(image_build(&image, &table), 0);
	unwind_table_free(table);
	free(image.bytes);
	vec_free(&f.v);
}
END_TEST

START_TEST(nothing_to_read)
{
	struct frames f = {0};
	struct image image;
	size_t cie;

	put_rich_frames(&f);
	image = image_make(&f);
	image.sections[1].sh_size = (uint64_t)UNWIND_SECTION_MAX + 1;
	image.segments[2].p_type = PT_NULL;
	refuse(&image, -ENODATA);
	image.sections[1].sh_size = 0;
	refuse(&image, -ENODATA);
	image.sections[1].sh_size = f.v.len + 1;
	refuse(&image, -ENODATA);
	image.sections[1].sh_size = f.v.len;
	image.sections[1].sh_type = SHT_NOBITS;
	refuse(&image, -ENODATA);
	free(image.bytes);
	vec_free(&f.v);

	cie = frames_usual_cie(&f);
	image = image_make(&f);
	refuse(&image, -ENODATA);
	free(image.bytes);
	frames_fde(&f, cie, 0x9000, 16, BYTES(0));
	image = image_make(&f);
	refuse(&image, -ENODATA);
	free(image.bytes);
	vec_free(&f.v);
}
END_TEST

/* A file may be large by holes alone. */
START_TEST(section_that_is_too_large)
{
	struct frames f = {0};
	struct unwind_table *table = NULL;
	struct image image;

	put_rich_frames(&f);
	image = image_make(&f);
	image.segments[2].p_type = PT_NULL;
	image.sections[1].sh_size = UNWIND_SECTION_MAX;
	ck_assert_int_eq(build_file(&image, UNWIND_SECTION_MAX, &table), 0);
	unwind_table_free(table);
	image.sections[1].sh_size++;
	ck_assert_int_eq(build_file(&image, UNWIND_SECTION_MAX, &table), -ENODATA);
	free(image.bytes);
	vec_free(&f.v);
}
END_TEST

/* Two pieces of code whose order in memory is not the file's, neither at a page's start. */
START_TEST(mappings_find_their_segment)
{
	static const Elf64_Phdr code[] = {
		{PT_LOAD, PF_R | PF_X, 0x1080, 0x402080, 0x402080, 0x680, 0x680, 4096},
		{PT_LOAD, PF_R | PF_X, 0x3700, 0x401700, 0x401700, 0x1000, 0x1000, 4096},
	};
	struct frames f = {.text_bytes = 0x4000};
	struct unwind_table *table = NULL;
	struct image image;
	uint64_t delta = 77;

	frames_fde(&f, frames_usual_cie(&f), 0x402080, 0x40, BYTES(0));
	image = image_make(&f);
	image.segments[0] = code[0];
	image.segments[2] = code[1];
	ck_assert_int_eq(image_build(&image, &table), 0);
	ck_assert_uint_eq(table->base_vaddr, 0x401700);
	ck_assert_uint_eq(table->text_bytes, 0x1000);
	ck_assert_int_eq(unwind_table_delta(table, 0, &delta), -ENOENT);
	ck_assert_int_eq(unwind_table_delta(table, 0x2000, &delta), -ENOENT);
	ck_assert_int_eq(unwind_table_delta(table, 0x5000, &delta), -ENOENT);
	ck_assert_uint_eq(delta, 77);
	ck_assert_int_eq(unwind_table_delta(table, 0x1000, &delta), 0);
	ck_assert_uint_eq(delta, 0x402000 - 0x401700);
	ck_assert_int_eq(unwind_table_delta(table, 0x3000, &delta), 0);
	ck_assert_uint_eq(delta, UINT64_C(0) - 0x700);
	ck_assert_int_eq(unwind_table_delta(table, 0x4000, &delta), 0);
	ck_assert_uint_eq(delta, 0x900);
	unwind_table_free(table);
	free(image.bytes);
	vec_free(&f.v);
}
END_TEST

/* Append @count copies of the @len bytes at @at. */
static void repeat(struct frames *f, size_t at, size_t len, size_t count)
{
	uint8_t *grown = realloc(f->v.at, f->v.len + len * count);

	ck_assert_ptr_nonnull(grown);
	for (size_t i = 0; i < count; i++)
		memcpy(grown + f->v.len + i * len, grown + at, len);
	f->v.at = grown;
	f->v.len += len * count;
	f->v.cap = f->v.len;
}

START_TEST(too_many_rows)
{
	struct frames f = {.text_bytes = UNWIND_ROWS_MAX + 0x1000};
	size_t cie = frames_usual_cie(&f), at, program;
	struct unwind_table *table;
	uint64_t next;

	/* A row for each byte. */
	at = frames_begin(&f);
	frames_put_cie_pointer(&f, cie);
	frames_put(&f, frames_pcrel(&f, IMAGE_TEXT_AT), 4);
	frames_put(&f, UNWIND_ROWS_MAX + 0x100, 4);
	frames_put(&f, 0, 1);
	program = f.v.len;
	frames_put_bytes(&f, BYTES(0x41, 0x0e, 16, 0x41, 0x0e, 8));
	repeat(&f, program, 6, UNWIND_ROWS_MAX / 2 + 0x80);
	frames_end(&f, at);
	next = IMAGE_TEXT_AT + UNWIND_ROWS_MAX + 0x200;
	/* The repetition has moved the section's end, not the text's. */
	frames_fde(&f, cie, next, 0x40, BYTES(0));
	table = frames_build(&f);
	ck_assert_uint_eq(table->rows_len, UNWIND_ROWS_MAX);
	ck_assert_uint_eq(table->stats.fdes, 1);
	ck_assert_uint_eq(table->stats.fdes_beyond_limit, 1);
	image_check_row(table, IMAGE_TEXT_AT + UNWIND_ROWS_MAX - 2, UNWIND_RSP, 1);
	image_check_row(table, IMAGE_TEXT_AT + UNWIND_ROWS_MAX - 1, UNWIND_GAP, 0);
	image_check_row(table, next, UNWIND_GAP, 0);
	unwind_table_free(table);
	vec_free(&f.v);
}
END_TEST

/* In .debug_frame, where copies of an entry mean the same everywhere. */
START_TEST(too_many_entries)
{
	struct frames f = {.debug_frame = true};
	size_t cie = frames_cie(&f, "", NULL, 0), len = f.v.len, at;
	struct unwind_table *table;

	repeat(&f, cie, len, UNWIND_CIES_MAX);
	at = frames_begin(&f);
	frames_put_cie_pointer(&f, f.v.len - 4 - len);
	frames_put(&f, 0x1100, 8);
	frames_put(&f, 0x40, 8);
	frames_end(&f, at);
	at = frames_begin(&f);
	frames_put_cie_pointer(&f, cie);
	frames_put(&f, 0x1200, 8);
	frames_put(&f, 0x40, 8);
	frames_end(&f, at);
	repeat(&f, at, f.v.len - at, UNWIND_FDES_MAX);
	table = frames_build(&f);
	ck_assert_uint_eq(table->stats.entries_malformed, 1);
	ck_assert_uint_eq(table->stats.fdes_malformed, 1);
	ck_assert_uint_eq(table->stats.fdes, 1);
	ck_assert_uint_eq(table->stats.fdes_overlapping, UNWIND_FDES_MAX - 1);
	ck_assert_uint_eq(table->stats.fdes_beyond_limit, 1);
	image_check_row(table, 0x1100, UNWIND_GAP, 0);
	image_check_row(table, 0x1200, UNWIND_RSP, 1);
	unwind_table_free(table);
	vec_free(&f.v);
}
END_TEST

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* Spoil up to six bytes, mostly of the frames. */
static void spoil(const struct image *image, size_t frames_at, uint64_t *state)
{
	uint64_t flips = 1 + next_random(state) % 6;

	for (uint64_t i = 0; i < flips; i++) {
		size_t start = 0, end = 0x900;
		uint64_t at;

		if (next_random(state) % 8 != 0) {
			start = frames_at;
			end = image->len;
		}
		at = start + next_random(state) % (end - start);
		/* Zeros and ones all over make the edge values that random bits do not. */
		switch (next_random(state) % 4) {
		case 0:
			image->bytes[at] = 0;
			break;
		case 1:
			image->bytes[at] = 0xff;
			break;
		case 2:
			image->bytes[at] = (uint8_t)next_random(state);
			break;
		default:
			image->bytes[at] ^= (uint8_t)(1 << next_random(state) % 8);
		}
	}
}

/* Build from a copy that ends where the file does, so that the sanitizer sees what is behind. */
static int build_spoiled(const struct image *image, size_t frames_at, int i, uint64_t *state,
			 struct unwind_table **ret)
{
	struct image spoiled = {.len = image->len, .bytes = malloc(image->len)};
	int r;

	ck_assert_ptr_nonnull(spoiled.bytes);
	memcpy(spoiled.bytes, image->bytes, image->len);
	spoil(&spoiled, frames_at, state);
	if (i % 8 == 0) {
		spoiled.len -= next_random(state) % (image->len - frames_at);
		spoiled.bytes = realloc(spoiled.bytes, spoiled.len);
	}
	r = i % 16 == 1 ? build_file(&spoiled, 0, ret) : image_build(&spoiled, ret);
	free(spoiled.bytes);
	return r;
}

START_TEST(spoiled_files_do_no_harm)
{
	size_t built = 0, refused = 0, malformed = 0, unsupported = 0;
	uint64_t state = 0x9e3779b97f4a7c15;
	struct frames f = {0};
	struct image image;

	put_rich_frames(&f);
	image = image_make(&f);
	for (int i = 0; i < MUTATIONS; i++) {
		struct unwind_table *table = NULL;
		int r = build_spoiled(&image, image.len - f.v.len, i, &state, &table);

		if (r < 0) {
			if (r != -ENOEXEC && r != -EBADMSG && r != -ENODATA && r != -ENOTSUP)
				ck_abort_msg("mutation %d: %d", i, r);
			refused++;
			continue;
		}
		built++;
		malformed += table->stats.fdes_malformed > 0 || table->stats.entries_malformed > 0;
		unsupported += table->stats.rows_unsupported > 2;
		for (uint64_t at = 0; at < 0x3000; at += 0x61)
			(void)unwind_table_find(table, at);
		unwind_table_free(table);
	}
	/* All ways have been taken often. */
	ck_assert_uint_gt(built, MUTATIONS / 4);
	ck_assert_uint_gt(refused, MUTATIONS / 50);
	ck_assert_uint_gt(malformed, MUTATIONS / 10);
	ck_assert_uint_gt(unsupported, MUTATIONS / 50);
	free(image.bytes);
	vec_free(&f.v);
}
END_TEST

Suite *symbol_unwind_bounds_suite(void)
{
	Suite *suite = suite_create("symbol_unwind_bounds");
	TCase *tcase = tcase_create("unwind_bounds");

	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, file_and_memory_give_the_same);
	tcase_add_test(tcase, headers_that_are_refused);
	tcase_add_test(tcase, too_many_segments);
	tcase_add_test(tcase, text_that_is_too_long);
	tcase_add_test(tcase, nothing_to_read);
	tcase_add_test(tcase, section_that_is_too_large);
	tcase_add_test(tcase, mappings_find_their_segment);
	tcase_add_test(tcase, too_many_rows);
	tcase_add_test(tcase, too_many_entries);
	tcase_add_test(tcase, spoiled_files_do_no_harm);
	suite_add_tcase(suite, tcase);
	return suite;
}
