// SPDX-License-Identifier: GPL-2.0-only
/* The layouts against what debuggers say of real builds, and debug offsets that lie. */
#include "runtime/python_layout.h"

#include "tests/unit/suites.h"

#include <errno.h>

#include "base/num.h"
#include "tests/unit/runtime_python_image.h"

static struct python_layout layout;

static int get(uint16_t version, const uint64_t *words, size_t len)
{
	memset(&layout, 0x5a, sizeof(layout));
	return python_layout_get(version, (const uint8_t *)words, len * 8, &layout);
}

static void untouched(void)
{
	const uint8_t *bytes = (const uint8_t *)&layout;

	for (size_t i = 0; i < sizeof(layout); i++)
		ck_assert_uint_eq(bytes[i], 0x5a);
}

/* gdb's `ptype /o` of libpython with its debug information: 3.8.18, 3.9.18, 3.10.13, 3.11.7,
 * 3.12.1. */
START_TEST(what_debuggers_say)
{
	static const struct {
		uint16_t version;
		uint32_t runtime_gil, interp_gil, head, threads;
		uint16_t thread_id, native_id, frame, code, back, lasti, owner, first, table,
			adaptive;
	} want[] = {
		{0x308, 1152, UINT32_MAX, 32, 8, 176, 0xffff, 24, 32, 24, 104, 0xffff, 40, 120, 0},
		{0x309, 352, UINT32_MAX, 32, 8, 176, 0xffff, 24, 32, 24, 104, 0xffff, 40, 120, 0},
		{0x30a, 352, UINT32_MAX, 32, 8, 176, 0xffff, 24, 32, 24, 96, 0xffff, 40, 120, 0},
		{0x30b, 360, UINT32_MAX, 40, 16, 152, 160, 56, 32, 48, 56, 69, 72, 136, 184},
		{0x30c, UINT32_MAX, 384, 40, 72, 136, 144, 56, 0, 8, 56, 70, 68, 136, 192},
	};

	for (size_t i = 0; i < ARRAY_LEN(want); i++) {
		ck_assert_int_eq(get(want[i].version, NULL, 0), 0);
		ck_assert_uint_eq(layout.version, want[i].version);
		ck_assert_uint_eq(layout.runtime_gil, want[i].runtime_gil);
		ck_assert_uint_eq(layout.interp_gil, want[i].interp_gil);
		ck_assert_uint_eq(layout.interpreters_head, want[i].head);
		ck_assert_uint_eq(layout.interp_threads, want[i].threads);
		ck_assert_uint_eq(layout.tstate_thread_id, want[i].thread_id);
		ck_assert_uint_eq(layout.tstate_native_id, want[i].native_id);
		ck_assert_uint_eq(layout.tstate_frame, want[i].frame);
		ck_assert_uint_eq(layout.frame_code, want[i].code);
		ck_assert_uint_eq(layout.frame_back, want[i].back);
		ck_assert_uint_eq(layout.frame_lasti, want[i].lasti);
		ck_assert_uint_eq(layout.frame_owner, want[i].owner);
		ck_assert_uint_eq(layout.code_firstlineno, want[i].first);
		ck_assert_uint_eq(layout.code_linetable, want[i].table);
		ck_assert_uint_eq(layout.code_adaptive, want[i].adaptive);
		ck_assert_uint_eq(layout.gil_cond, 32);
		ck_assert_uint_eq(layout.gil_switch_mutex, 168);
		ck_assert_uint_eq(layout.gil_end, 208);
		ck_assert_uint_eq(layout.gil_enabled, PYTHON_NO_FIELD);
	}
}
END_TEST

START_TEST(versions_that_are_not_known)
{
	const uint16_t versions[] = {0, 0x207, 0x307, 0x30f, 0x400, 0xffff};

	for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
		ck_assert_int_eq(get(versions[i], image_313, IMAGE_313_WORDS), -ENOTSUP);
		untouched();
	}
}
END_TEST

START_TEST(what_3_13_says_of_itself)
{
	ck_assert_int_eq(get(0x30d, image_313, IMAGE_313_WORDS), 0);
	ck_assert(!layout.free_threaded);
	ck_assert_uint_eq(layout.interpreters_head, 632);
	ck_assert_uint_eq(layout.interp_next, 7264);
	ck_assert_uint_eq(layout.interp_threads, 7344);
	ck_assert_uint_eq(layout.interp_gil, 16);
	ck_assert_uint_eq(layout.tstate_next, 8);
	ck_assert_uint_eq(layout.tstate_interp, 16);
	ck_assert_uint_eq(layout.tstate_frame, 72);
	ck_assert_uint_eq(layout.frame_via, PYTHON_NO_FIELD);
	ck_assert_uint_eq(layout.tstate_thread_id, 152);
	ck_assert_uint_eq(layout.tstate_native_id, 160);
	ck_assert_uint_eq(layout.frame_owner, 70);
	ck_assert_uint_eq(layout.frame_pointer_tag, 0);
	ck_assert_uint_eq(layout.code_qualname, 128);
	ck_assert_uint_eq(layout.code_adaptive, 200);
	ck_assert_uint_eq(layout.unicode_ascii, 40);
	ck_assert_uint_eq(layout.unicode_compact, 56);
	ck_assert_uint_eq(layout.bytes_data, 32);
	ck_assert_uint_eq(layout.gil_locked, 16);
}
END_TEST

/* An int more at the start of the GIL, and heads of objects of 32 bytes. */
static void make_free_threaded(uint64_t words[IMAGE_313_WORDS])
{
	memcpy(words, image_313, sizeof(image_313));
	words[2] = 1;
	words[17] += 8;
	words[18] += 8;
	words[44] = 32;
	words[45] = 24;
	for (size_t i = 64; i < 71; i++)
		words[i] += 16;
}

START_TEST(free_threaded)
{
	uint64_t words[IMAGE_313_WORDS];

	make_free_threaded(words);
	ck_assert_int_eq(get(0x30d, words, IMAGE_313_WORDS), 0);
	ck_assert(layout.free_threaded);
	ck_assert_uint_eq(layout.gil_enabled, 0);
	ck_assert_uint_eq(layout.gil_last_holder, 16);
	ck_assert_uint_eq(layout.gil_locked, 24);
	ck_assert_uint_eq(layout.gil_cond, 40);
	ck_assert_uint_eq(layout.gil_mutex, 88);
	ck_assert_uint_eq(layout.gil_end, 216);
	ck_assert_uint_eq(layout.object_type, 24);
	ck_assert_uint_eq(layout.unicode_compact, 72);
	ck_assert_uint_eq(layout.unicode_kind_bit, 2);
	ck_assert_uint_eq(layout.frame_copy, PYTHON_NO_FIELD);
	/* The offsets of a build with a GIL, and the other way round. */
	words[2] = 0;
	ck_assert_int_eq(get(0x30d, words, IMAGE_313_WORDS), -EBADMSG);
	words[2] = 2;
	ck_assert_int_eq(get(0x30d, words, IMAGE_313_WORDS), -EBADMSG);
	memcpy(words, image_313, sizeof(image_313));
	words[2] = 1;
	ck_assert_int_eq(get(0x30d, words, IMAGE_313_WORDS), -EBADMSG);
	untouched();
}
END_TEST

/* As 3.14 publishes them; the numbers of 3.13's structs where they are the same. */
static void make_314(uint64_t words[95], bool without_gil)
{
	const uint64_t shift = without_gil ? 16 : 0, gil = without_gil ? 8 : 0;
	const uint64_t made[95] = {
		image_313[0], 0x030e00f0, without_gil, 300000, 600, 648,
		/* PyInterpreterState, with threads_main, and two more at the end */
		140000, 8, 0x1cf0, 0x1d40, 0x1d48, 0x1e00, 0x1f00, 0x1f08, 0x1f10, 16, 0x2000, 0,
		0x2010 + gil, 0x2008 + gil, 0x2200, 0,
		/* PyThreadState */
		400, 0, 8, 16, 72, 152, 160, 232, 32,
		/* _PyInterpreterFrame */
		88, 8, 0, 56, 80, without_gil ? 78 : 74, 64, without_gil ? 72 : 0,
		/* PyCodeObject */
		224 + shift, 112 + shift, 120 + shift, 128 + shift, 136 + shift, 68 + shift,
		52 + shift, 96 + shift, 104 + shift, 208 + shift, without_gil ? 200 + shift : 0,
		/* PyObject, types, tuples, lists, sets, dicts, floats, ints */
		16 + shift, 8 + shift, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
		0, 0,
		/* bytes, str */
		40 + shift, 16 + shift, 32 + shift, 64 + shift, 32 + shift, 16 + shift, 40 + shift};

	memcpy(words, made, sizeof(made));
}

START_TEST(what_3_14_publishes)
{
	uint64_t words[95];

	make_314(words, false);
	ck_assert_int_eq(get(0x30e, words, 95), 0);
	ck_assert_uint_eq(layout.interpreters_head, 648);
	ck_assert_uint_eq(layout.interp_threads, 0x1d40);
	ck_assert_uint_eq(layout.interp_gil, 16);
	ck_assert_uint_eq(layout.tstate_native_id, 160);
	ck_assert_uint_eq(layout.frame_owner, 74);
	ck_assert_uint_eq(layout.frame_owner_shim, 3);
	ck_assert_uint_eq(layout.frame_pointer_tag, 3);
	ck_assert_uint_eq(layout.frame_copy, PYTHON_NO_FIELD);
	ck_assert_uint_eq(layout.code_adaptive, 208);
	ck_assert_uint_eq(layout.code_copies, PYTHON_NO_FIELD);
	ck_assert_uint_eq(layout.bytes_data, 32);
	ck_assert_uint_eq(layout.unicode_kind_bit, 2);
	make_314(words, true);
	ck_assert_int_eq(get(0x30e, words, 95), 0);
	ck_assert_uint_eq(layout.frame_owner, 78);
	ck_assert_uint_eq(layout.frame_copy, 72);
	ck_assert_uint_eq(layout.code_copies, 216);
	ck_assert_uint_eq(layout.unicode_kind_bit, 8);
	ck_assert_uint_eq(layout.unicode_compact, 72);
	ck_assert_uint_eq(layout.object_type, 24);
	/* Too few of them, and another version's. */
	ck_assert_int_eq(get(0x30e, words, 94), -EBADMSG);
	ck_assert_int_eq(get(0x30d, words, 95), -EBADMSG);
	untouched();
}
END_TEST

START_TEST(no_debug_offsets)
{
	uint64_t words[IMAGE_313_WORDS];

	ck_assert_int_eq(get(0x30d, NULL, 0), -EBADMSG);
	ck_assert_int_eq(get(0x30d, image_313, 0), -EBADMSG);
	ck_assert_int_eq(get(0x30d, image_313, IMAGE_313_WORDS - 1), -EBADMSG);
	memcpy(words, image_313, sizeof(image_313));
	words[0] ^= 1;
	ck_assert_int_eq(get(0x30d, words, IMAGE_313_WORDS), -EBADMSG);
	memset(words, 0, sizeof(words));
	ck_assert_int_eq(get(0x30d, words, IMAGE_313_WORDS), -EBADMSG);
	untouched();
}
END_TEST

/* Each word that is used, made what no offset can be. */
START_TEST(debug_offsets_that_lie)
{
	static const uint8_t used[] = {0,  1,  2,  3,  5,  6,  8,  9,  14, 15, 17, 18, 19,
				       21, 22, 23, 24, 25, 28, 29, 30, 31, 33, 34, 35, 36,
				       37, 38, 39, 43, 44, 45, 64, 65, 66, 67, 68, 69, 70};
	static const uint64_t lies[] = {UINT64_MAX, UINT64_MAX - 7, 1ULL << 32, 1ULL << 31,
					IMAGE_BYTES * 1024};
	uint64_t words[IMAGE_313_WORDS];

	for (size_t i = 0; i < ARRAY_LEN(used); i++) {
		for (size_t j = 0; j < ARRAY_LEN(lies); j++) {
			memcpy(words, image_313, sizeof(words));
			words[used[i]] = lies[j];
			ck_assert_msg(get(0x30d, words, IMAGE_313_WORDS) == -EBADMSG,
				      "word %u may be %#lx", used[i], (unsigned long)lies[j]);
			untouched();
		}
	}
	/* Off by one: no pointer lies so. */
	memcpy(words, image_313, sizeof(words));
	words[23]++;
	ck_assert_int_eq(get(0x30d, words, IMAGE_313_WORDS), -EBADMSG);
	/* The last field of the frame, and one beyond it. */
	memcpy(words, image_313, sizeof(words));
	words[33] = 79;
	ck_assert_int_eq(get(0x30d, words, IMAGE_313_WORDS), 0);
	words[33] = 80;
	ck_assert_int_eq(get(0x30d, words, IMAGE_313_WORDS), -EBADMSG);
}
END_TEST

Suite *runtime_python_layout_suite(void)
{
	Suite *suite = suite_create("runtime_python_layout");
	TCase *tcase = tcase_create("layout");

	tcase_add_test(tcase, what_debuggers_say);
	tcase_add_test(tcase, versions_that_are_not_known);
	tcase_add_test(tcase, what_3_13_says_of_itself);
	tcase_add_test(tcase, free_threaded);
	tcase_add_test(tcase, what_3_14_publishes);
	tcase_add_test(tcase, no_debug_offsets);
	tcase_add_test(tcase, debug_offsets_that_lie);
	suite_add_tcase(suite, tcase);
	return suite;
}
