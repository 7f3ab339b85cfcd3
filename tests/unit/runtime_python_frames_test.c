// SPDX-License-Identifier: GPL-2.0-only
/* Chains of frames and the code objects in them, laid out by hand for each version. */
#include "runtime/python_frames.h"

#include "tests/unit/suites.h"

#include <errno.h>

#include "base/num.h"
#include "model/python_word.h"
#include "tests/unit/runtime_python_image.h"

#define WORDS_MAX 16
#define FIRST PYTHON_VERSION(3, 8)
#define LAST PYTHON_VERSION(3, 13)
#define ENTRY PYTHON_WORD_ENTRY

static struct python_image image;
static uint64_t words[WORDS_MAX + 1], codes[4];
static bool complete;

/* The process, and a code object for each of f0 to f3 that begins at line 10, 20, .. */
static void begin(uint16_t version)
{
	image_begin(&image, version);
	ck_assert(image.process.known);
	for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
		/* Four units at 10 x i + 11, in each of the tables. */
		static const uint8_t pairs[] = {0, 1, 8, 1}, range[] = {8, 1}, place[] = {0xeb, 2};
		const uint8_t *table = version < PYTHON_VERSION(3, 10)	  ? pairs
				       : version == PYTHON_VERSION(3, 10) ? range
									  : place;
		char name[] = "f0";

		name[1] = (char)('0' + i);
		codes[i] = image_code(&image, image_ascii(&image, name),
				      image_ascii(&image, "a.py"), 10 * (uint32_t)i + 10, table,
				      version < PYTHON_VERSION(3, 10) ? 4 : 2);
	}
}

static size_t walk_max(uint64_t frame, size_t max)
{
	const struct python_memory memory = image_memory(&image);
	uint64_t thread = image_thread(&image, 0, 0, 1, frame);

	memset(words, 0, sizeof(words));
	return python_walk(&image.process, &memory, thread, words, max, &complete);
}

static size_t walk(uint64_t frame)
{
	return walk_max(frame, WORDS_MAX);
}

static int place_of(uint64_t word, struct python_place *ret)
{
	const struct python_memory memory = image_memory(&image);

	memset(ret, 0x5a, sizeof(*ret));
	return python_place_of(&image.process, &memory, word, ret);
}

static void expect_place(uint64_t word, const char *name, const char *file, uint32_t line)
{
	struct python_place place;

	ck_assert_int_eq(place_of(word, &place), 0);
	ck_assert_str_eq(place.name, name);
	ck_assert_str_eq(place.file, file);
	ck_assert_uint_eq(place.line, line);
}

static void expect_refusal(uint64_t word, int error)
{
	struct python_place place;

	ck_assert_int_eq(place_of(word, &place), error);
	for (size_t i = 0; i < sizeof(place); i++)
		ck_assert_uint_eq(((uint8_t *)&place)[i], 0x5a);
}

/* f0 called by f1, in a C call from f2. Returns the innermost. */
static uint64_t two_calls(void)
{
	uint64_t f2 = image_entry(&image, image_frame(&image, codes[2], 2, image_shim(&image, 0)));
	uint64_t f1 = image_entry(&image, image_frame(&image, codes[1], 3, image_shim(&image, f2)));

	return image_frame(&image, codes[0], -1, f1);
}

START_TEST(a_chain_of_two_c_calls)
{
	for (unsigned int version = FIRST; version <= LAST; version++) {
		uint64_t head;

		begin(version);
		head = two_calls();
		ck_assert_uint_eq(walk(head), 3);
		ck_assert(complete);
		ck_assert_uint_eq(words[0],
				  python_word_make(codes[0], -1, version < PYTHON_VERSION(3, 11)));
		ck_assert_uint_eq(words[1], python_word_make(codes[1], 3, true));
		ck_assert_uint_eq(words[2], python_word_make(codes[2], 2, true));
		/* What is being built has the line of its def. */
		expect_place(words[0], "f0", "a.py", 10);
		expect_place(words[1], "f1", "a.py", 21);
		expect_place(words[2], "f2", "a.py", 31);
		/* A C call that has left its last frame. */
		if (version >= PYTHON_VERSION(3, 12)) {
			ck_assert_uint_eq(walk(image_shim(&image, head)), 4);
			ck_assert(complete);
			ck_assert_uint_eq(words[0], PYTHON_WORD_LEFT);
			ck_assert_uint_eq(words[1], python_word_make(codes[0], -1, false));
			ck_assert_uint_eq(walk(image_shim(&image, 0)), 0);
		}
		ck_assert_uint_eq(walk(0), 0);
		ck_assert(complete);
	}
}
END_TEST

START_TEST(no_more_than_asked_for)
{
	for (unsigned int version = FIRST; version <= LAST; version++) {
		begin(version);
		ck_assert_uint_eq(walk_max(two_calls(), 2), 2);
		ck_assert(!complete);
		ck_assert_uint_eq(words[2], 0);
		ck_assert_uint_eq(walk_max(two_calls(), 3), 3);
		ck_assert(complete);
		ck_assert_uint_eq(walk_max(two_calls(), 0), 0);
		ck_assert(!complete);
	}
}
END_TEST

START_TEST(a_generator_that_yields_meanwhile)
{
	/* From 3.11 on such an end can be told from the true one. */
	for (unsigned int version = PYTHON_VERSION(3, 11); version <= LAST; version++) {
		uint64_t frame;

		begin(version);
		frame = image_frame(&image, codes[1], 1, 0);
		image_put(&image, frame + image.process.layout.frame_owner, IMAGE_OWNER_GENERATOR,
			  1);
		ck_assert_uint_eq(walk(image_frame(&image, codes[0], 1, frame)), 2);
		ck_assert(!complete);
		ck_assert(python_word_entry(words[1]));
	}
}
END_TEST

START_TEST(chains_that_never_end)
{
	for (unsigned int version = FIRST; version <= LAST; version++) {
		uint64_t frame;

		begin(version);
		frame = image_frame(&image, codes[1], 1, 0);
		image_put64(&image, frame + image.process.layout.frame_back, frame);
		ck_assert_uint_eq(walk(frame), WORDS_MAX);
		ck_assert(!complete);
		if (version < PYTHON_VERSION(3, 12))
			continue;
		/* C calls alone give no words, and end all the same. */
		frame = image_shim(&image, 0);
		image_put64(&image, frame + image.process.layout.frame_back, frame);
		ck_assert_uint_eq(walk(frame), 0);
		ck_assert(!complete);
	}
}
END_TEST

START_TEST(frames_that_make_no_sense)
{
	static const uint64_t nowhere[] = {1, 0xfff, IMAGE_BASE + IMAGE_BYTES - 16, 1ULL << 47,
					   UINT64_MAX - 30};

	for (unsigned int version = FIRST; version <= LAST; version++) {
		uint64_t frame;

		begin(version);
		for (size_t i = 0; i < ARRAY_LEN(nowhere); i++) {
			ck_assert_uint_eq(walk(nowhere[i]), 0);
			ck_assert(!complete);
			ck_assert_uint_eq(walk(image_frame(&image, codes[0], 1, nowhere[i])), 1);
			ck_assert(!complete);
		}
		/* What is no code object. */
		frame = image_frame(&image, IMAGE_BASE + 4096, 1, 0);
		ck_assert_uint_eq(walk(image_frame(&image, codes[0], 1, frame)), 1);
		ck_assert(!complete);
		image.process.code_type = 0;
		ck_assert_uint_eq(walk(image_frame(&image, codes[0], 1, frame)), 2);
		image.process.known = false;
		ck_assert_uint_eq(walk(frame), 0);
	}
}
END_TEST

START_TEST(instructions_far_away)
{
	for (unsigned int version = PYTHON_VERSION(3, 11); version <= LAST; version++) {
		const uint32_t at = (begin(version), image.process.layout.frame_lasti);
		const uint64_t first = codes[0] + image.process.layout.code_adaptive;
		const uint64_t pointers[] = {0, first - 4, first + 1, first + (1 << 20),
					     UINT64_MAX};
		uint64_t frame = image_frame(&image, codes[0], 1, 0);

		for (size_t i = 0; i < ARRAY_LEN(pointers); i++) {
			image_put64(&image, frame + at, pointers[i]);
			ck_assert_uint_eq(walk(frame), 1);
			ck_assert_int_eq(python_word_lasti(words[0]), INT32_MAX);
			expect_place(words[0], "f0", "a.py", 0);
		}
		/* The farthest that a word holds. */
		image_put64(&image, frame + at, first + 2 * 0x1fffd);
		ck_assert_uint_eq(walk(frame), 1);
		ck_assert_int_eq(python_word_lasti(words[0]), 0x1fffd);
	}
}
END_TEST

/* 3.14: code objects with a tag, and free-threaded copies of the instructions for each thread. */
START_TEST(tags_and_copies)
{
	struct python_layout *l = &image.process.layout;
	uint64_t copies, frame;

	image_begin(&image, PYTHON_VERSION(3, 13));
	l->version = PYTHON_VERSION(3, 14);
	l->frame_pointer_tag = 3;
	l->frame_owner = 78;
	l->frame_copy = 72;
	l->code_copies = 208;
	l->unicode_kind_bit = 8;
	codes[0] = image_code(&image, image_ascii(&image, "f"), image_ascii(&image, "a.py"), 10,
			      "\xeb\x02", 2);
	copies = image_take(&image, 64);
	image_put64(&image, codes[0] + 208, copies);
	image_put64(&image, copies, 3);
	image_put64(&image, copies + 8, codes[0] + l->code_adaptive);
	image_put64(&image, copies + 8 + 2 * 8, 0x555000);
	frame = image_frame(&image, codes[0], 2, image_shim(&image, 0));
	ck_assert_uint_eq(walk(frame), 1);
	ck_assert_uint_eq(words[0], python_word_make(codes[0], 2, true));
	expect_place(words[0], "f", "a.py", 11);
	image_put64(&image, frame + l->frame_lasti, 0x555000 + 2 * 3);
	image_put(&image, frame + l->frame_copy, 2, 4);
	ck_assert_uint_eq(walk(frame), 1);
	ck_assert_uint_eq(words[0], python_word_make(codes[0], 3, true));
	/* No such copy. */
	image_put(&image, frame + l->frame_copy, 3, 4);
	ck_assert_uint_eq(walk(frame), 1);
	ck_assert_int_eq(python_word_lasti(words[0]), INT32_MAX);
	image_put(&image, frame + l->frame_copy, UINT32_MAX, 4);
	ck_assert_uint_eq(walk(frame), 1);
	ck_assert_int_eq(python_word_lasti(words[0]), INT32_MAX);
}
END_TEST

/* Running on between the first read and the last: what was read is of no one moment. */
static bool read_and_move(void *ctx, uint64_t addr, void *buf, size_t len)
{
	bool ok = image_read(ctx, addr, buf, len);

	if (image.reads == 4)
		image_put64(&image, words[WORDS_MAX], 0);
	return ok;
}

START_TEST(a_thread_that_runs)
{
	const struct python_memory memory = {.read = read_and_move, .ctx = &image};
	uint64_t thread;

	begin(PYTHON_VERSION(3, 13));
	thread = image_thread(&image, 0, 0, 1, two_calls());
	words[WORDS_MAX] = thread + image.process.layout.tstate_frame;
	image.reads = 0;
	ck_assert_uint_eq(python_walk(&image.process, &memory, thread, words, WORDS_MAX, &complete),
			  3);
	ck_assert(!complete);
}
END_TEST

START_TEST(code_that_is_gone)
{
	for (unsigned int version = FIRST; version <= LAST; version++) {
		begin(version);
		expect_refusal(python_word_make(0, 1, false), -ESTALE);
		expect_refusal(python_word_make(IMAGE_BASE - 16, 1, false), -ESTALE);
		expect_refusal(python_word_make(IMAGE_BASE + IMAGE_BYTES - 64, 1, false), -ESTALE);
		expect_refusal(python_word_make(IMAGE_BASE + 4096, 1, false), -ESTALE);
		image_put64(&image, codes[0] + 8, IMAGE_CODE_TYPE + 8);
		expect_refusal(python_word_make(codes[0], 1, false), -ESTALE);
		image.process.code_type = 0;
		expect_place(python_word_make(codes[0], 1, false), "f0", "a.py", 11);
		image_put64(&image, codes[0] + 8, 0);
		expect_refusal(python_word_make(codes[0], 1, false), -ESTALE);
		image.process.known = false;
		expect_refusal(python_word_make(codes[1], 1, false), -ESTALE);
	}
}
END_TEST

static uint64_t code_named(uint64_t name, uint64_t file)
{
	return python_word_make(image_code(&image, name, file, 10, "", 0), -1, false);
}

START_TEST(names_in_all_kinds)
{
	static const uint8_t latin[] = {'g', 'r', 0xf6, 0xdf, 'e'};
	static const uint16_t two[] = {0x51fd, 'x', 0x3c0, 0x7ff, 0x800, 0xd83d, 0xdcff, 0, 0xffff};
	static const uint32_t four[] = {0x1d487, 0x10000, 0x10ffff, 0x110000, UINT32_MAX, 'y'};

	for (unsigned int version = FIRST; version <= LAST; version++) {
		uint64_t file;

		begin(version);
		file = image_ascii(&image, "");
		expect_place(code_named(image_str(&image, 1, false, latin, 5), file),
			     "gr\xc3\xb6\xc3\x9f"
			     "e",
			     "", 10);
		expect_place(code_named(file, image_str(&image, 2, false, two, 9)), "",
			     "\xe5\x87\xbdx\xcf\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbd\xef\xbf\xbd"
			     "\xef\xbf\xbd\xef\xbf\xbf",
			     10);
		expect_place(code_named(image_str(&image, 4, false, four, 6), file),
			     "\xf0\x9d\x92\x87\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\xef\xbf\xbd"
			     "\xef\xbf\xbdy",
			     "", 10);
	}
}
END_TEST

START_TEST(names_too_long)
{
	uint8_t text[2000];
	struct python_place place;

	begin(PYTHON_VERSION(3, 13));
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (uint8_t)('a' + i % 26);
	ck_assert_int_eq(place_of(code_named(image_str(&image, 1, true, text, sizeof(text)),
					     image_str(&image, 1, true, text, sizeof(text))),
				  &place),
			 0);
	ck_assert_uint_eq(strlen(place.name), sizeof(place.name) - 1);
	ck_assert_mem_eq(place.name, text, sizeof(place.name) - 1);
	ck_assert_uint_eq(strlen(place.file), sizeof(place.file) - 1);
	ck_assert_mem_eq(place.file, text + sizeof(text) - 511, 511);
	/* Two bytes each: whole ones, as many as fit. */
	memset(text, 0xe9, sizeof(text));
	ck_assert_int_eq(place_of(code_named(image_str(&image, 1, false, text, 300),
					     image_str(&image, 1, false, text, 300)),
				  &place),
			 0);
	ck_assert_uint_eq(strlen(place.name), 254);
	ck_assert_uint_eq(strlen(place.file), 510);
	ck_assert_mem_eq(place.name + 252, "\xc3\xa9", 3);
	ck_assert_mem_eq(place.file, "\xc3\xa9", 2);
}
END_TEST

START_TEST(strings_that_make_no_sense)
{
	for (unsigned int version = FIRST; version <= LAST; version++) {
		static const uint32_t states[] = {0, 8, 4 | 16, 8 | 3, 8 | 16 | 2, 8 | 5, 8 | 7};
		const struct python_layout *l = (begin(version), &image.process.layout);
		uint64_t good = image_ascii(&image, "good"), bad = image_ascii(&image, "bad");

		for (size_t i = 0; i < ARRAY_LEN(states); i++) {
			image_put(&image, bad + l->unicode_state, states[i] << l->unicode_kind_bit,
				  4);
			expect_refusal(code_named(bad, good), -EBADMSG);
			expect_refusal(code_named(good, bad), -EBADMSG);
		}
		bad = image_ascii(&image, "bad");
		image_put64(&image, bad + l->unicode_length, (1U << 24) + 1);
		expect_refusal(code_named(good, bad), -EBADMSG);
		image_put64(&image, bad + l->unicode_length, UINT64_MAX);
		expect_refusal(code_named(bad, good), -EBADMSG);
		expect_refusal(code_named(0, good), -EBADMSG);
		expect_refusal(code_named(good, UINT64_MAX), -EBADMSG);
	}
}
END_TEST

/* Whatever the memory holds, walks end and words are words. */
START_TEST(random_memory)
{
	const struct python_memory memory = image_memory(&image);
	uint64_t state = 88172645463325252ULL;

	for (unsigned int round = 0; round < 300; round++) {
		begin((uint16_t)(FIRST + round % (LAST - FIRST + 1)));
		for (size_t i = 4096; i + 8 <= IMAGE_BYTES; i += 8) {
			uint64_t value;

			state ^= state << 13, state ^= state >> 7, state ^= state << 17;
			value = round % 2 ? state : IMAGE_BASE + state % IMAGE_BYTES;
			memcpy(image.bytes + i, &value, 8);
		}
		image.process.code_type = 0;
		for (uint64_t at = IMAGE_BASE; at < IMAGE_BASE + IMAGE_BYTES; at += 1009) {
			size_t len = python_walk(&image.process, &memory, at, words, WORDS_MAX,
						 &complete);
			struct python_place place;

			ck_assert_uint_le(len, WORDS_MAX);
			for (size_t i = 0; i < len; i++) {
				ck_assert(python_word(words[i]));
				if (place_of(words[i], &place) == 0)
					ck_assert_uint_lt(strlen(place.file), sizeof(place.file));
			}
		}
	}
}
END_TEST

Suite *runtime_python_frames_suite(void)
{
	Suite *suite = suite_create("runtime_python_frames");
	TCase *walks = tcase_create("walk"), *places = tcase_create("place");

	tcase_add_test(walks, a_chain_of_two_c_calls);
	tcase_add_test(walks, no_more_than_asked_for);
	tcase_add_test(walks, a_generator_that_yields_meanwhile);
	tcase_add_test(walks, chains_that_never_end);
	tcase_add_test(walks, frames_that_make_no_sense);
	tcase_add_test(walks, instructions_far_away);
	tcase_add_test(walks, tags_and_copies);
	tcase_add_test(walks, a_thread_that_runs);
	tcase_add_test(places, code_that_is_gone);
	tcase_add_test(places, names_in_all_kinds);
	tcase_add_test(places, names_too_long);
	tcase_add_test(places, strings_that_make_no_sense);
	tcase_add_test(places, random_memory);
	suite_add_tcase(suite, walks);
	suite_add_tcase(suite, places);
	return suite;
}
