// SPDX-License-Identifier: GPL-2.0-only
/* Interpreters, their GILs and threads; lists that lie. */
#include "tests/unit/suites.h"

#include <errno.h>
#include <unistd.h>

#include "base/num.h"
#include "symbol/maps.h"
#include "symbol/target_file.h"
#include "tests/unit/runtime_python_image.h"

#define THREADS_MAX 64

static struct python_image image;
static struct python_thread threads[THREADS_MAX + 1];

static size_t find_threads(size_t max)
{
	const struct python_memory memory = image_memory(&image);

	memset(threads, 0, sizeof(threads));
	return python_threads(&image.process, &memory, threads, max);
}

/* An interpreter with threads of these ids, newest first; *ret_last is the last one's state. */
static uint64_t interp_with(uint64_t next, const uint64_t *ids, size_t len, uint64_t *ret_last)
{
	uint64_t interp = image_interp(&image, next), tstate = 0;

	for (size_t i = len; i-- > 0;) {
		tstate = image_thread(&image, interp, tstate, ids[i], 0);
		if (i == len - 1 && ret_last)
			*ret_last = tstate;
	}
	image_put64(&image, interp + image.process.layout.interp_threads, tstate);
	return interp;
}

START_TEST(threads_of_all_interpreters)
{
	const uint64_t first[] = {0x7003, 0x7002, 0x7001}, second[] = {0x8002, 0x8001};

	for (unsigned int version = PYTHON_VERSION(3, 8); version <= PYTHON_VERSION(3, 13);
	     version++) {
		uint64_t interp;

		image_begin(&image, version);
		interp = interp_with(0, first, 3, NULL);
		interp_with(interp, second, 2, NULL);
		ck_assert_uint_eq(find_threads(THREADS_MAX), 5);
		for (size_t i = 0; i < 5; i++) {
			uint64_t id = i < 2 ? second[i] : first[i - 2];

			ck_assert_uint_eq(threads[i].thread_id, id);
			ck_assert_uint_eq(threads[i].native_id,
					  version < PYTHON_VERSION(3, 11) ? 0 : id);
			ck_assert_uint_ne(threads[i].tstate, 0);
		}
		ck_assert_uint_eq(find_threads(3), 3);
		ck_assert_uint_eq(threads[3].tstate, 0);
		ck_assert_uint_eq(find_threads(0), 0);
	}
}
END_TEST

START_TEST(lists_that_never_end)
{
	const uint64_t ids[] = {3, 2, 1};
	uint64_t interp, last;

	image_begin(&image, PYTHON_VERSION(3, 12));
	interp = interp_with(0, ids, 3, &last);
	/* The last thread leads to itself, then to the first. */
	image_put64(&image, last + image.process.layout.tstate_next, last);
	ck_assert_uint_eq(find_threads(THREADS_MAX), 3);
	image_put64(&image, last + image.process.layout.tstate_next, threads[0].tstate);
	ck_assert_uint_eq(find_threads(THREADS_MAX), 3);
	/* So does the interpreter. */
	image_put64(&image, interp + image.process.layout.interp_next, interp);
	ck_assert_uint_eq(find_threads(THREADS_MAX), 3);
	/* Another interpreter's thread, and what is no memory. */
	image_put64(&image, threads[1].tstate + image.process.layout.tstate_interp, interp + 8);
	ck_assert_uint_eq(find_threads(THREADS_MAX), 1);
	image_put64(&image, threads[0].tstate + image.process.layout.tstate_next, UINT64_MAX - 3);
	ck_assert_uint_eq(find_threads(THREADS_MAX), 1);
	image_put64(&image, image.process.runtime + 40, 1ULL << 47);
	ck_assert_uint_eq(find_threads(THREADS_MAX), 0);
	image.process.known = false;
	image_put64(&image, image.process.runtime + 40, interp);
	ck_assert_uint_eq(find_threads(THREADS_MAX), 0);
}
END_TEST

/* Memory that holds the same eight bytes everywhere: a thread, interpreter, list without end. */
static bool read_same(void *ctx, uint64_t addr, void *buf, size_t len)
{
	uint64_t value = *(const uint64_t *)ctx ? *(const uint64_t *)ctx : addr + 0x1000;

	memset(buf, 0, len);
	memcpy(buf, &value, num_min_u64(len, sizeof(value)));
	return true;
}

START_TEST(memory_of_one_word)
{
	static struct python_thread many[PYTHON_THREADS_MAX + 1];
	uint64_t value, gils[PYTHON_GILS_MAX + 1] = {0};
	const struct python_memory memory = {.read = read_same, .ctx = &value};

	for (unsigned int version = PYTHON_VERSION(3, 8); version <= PYTHON_VERSION(3, 13);
	     version++) {
		image_begin(&image, version);
		value = IMAGE_BASE;
		ck_assert_uint_le(
			python_threads(&image.process, &memory, many, PYTHON_THREADS_MAX + 1), 1);
		value = 0;
		ck_assert_uint_le(
			python_threads(&image.process, &memory, many, PYTHON_THREADS_MAX + 1),
			PYTHON_THREADS_MAX);
		ck_assert_uint_le(python_gils(&image.process, &memory, gils, PYTHON_GILS_MAX),
				  PYTHON_GILS_MAX);
		ck_assert_uint_eq(gils[PYTHON_GILS_MAX], 0);
	}
}
END_TEST

static size_t find_gils(uint64_t ret[4], size_t max)
{
	const struct python_memory memory = image_memory(&image);

	memset(ret, 0, 4 * sizeof(*ret));
	return python_gils(&image.process, &memory, ret, max);
}

START_TEST(gils)
{
	uint64_t found[4], interp[4] = {0};
	uint32_t field;

	image_begin(&image, PYTHON_VERSION(3, 8));
	ck_assert_uint_eq(find_gils(found, 4), 1);
	ck_assert_uint_eq(found[0], IMAGE_BASE + 1152);
	ck_assert_uint_eq(find_gils(found, 0), 0);
	image_begin(&image, PYTHON_VERSION(3, 12));
	field = image.process.layout.interp_gil;
	ck_assert_uint_eq(find_gils(found, 4), 0);
	for (size_t i = 0; i < 4; i++)
		interp[i] = image_interp(&image, i ? interp[i - 1] : 0);
	/* One of its own, one that two share, and one that has none yet. */
	image_put64(&image, interp[3] + field, 0x200000);
	image_put64(&image, interp[2] + field, 0x300000);
	image_put64(&image, interp[1] + field, 0x200000);
	ck_assert_uint_eq(find_gils(found, 4), 2);
	ck_assert_uint_eq(found[0], 0x200000);
	ck_assert_uint_eq(found[1], 0x300000);
	ck_assert_uint_eq(find_gils(found, 1), 1);
	ck_assert_uint_eq(found[1], 0);
}
END_TEST

START_TEST(a_gil_that_is_off)
{
	uint64_t found[4], interp, gil;

	image_begin(&image, PYTHON_VERSION(3, 13));
	image.process.layout.gil_enabled = 0;
	interp = image_interp(&image, 0);
	gil = image_take(&image, 256);
	image_put64(&image, interp + image.process.layout.interp_gil, gil);
	ck_assert_uint_eq(find_gils(found, 4), 0);
	image_put64(&image, gil, INT32_MAX);
	ck_assert_uint_eq(find_gils(found, 4), 1);
	ck_assert_uint_eq(found[0], gil);
}
END_TEST

/* struct pthread of glibc: a pair of words for each key from 784 on, the second is the data. */
#define SLOT(key) (784 + (key)*16 + 8)

static uint16_t find_slot(size_t len)
{
	const struct python_memory memory = image_memory(&image);

	return python_thread_slot(&memory, threads, len);
}

START_TEST(where_a_thread_keeps_its_state)
{
	uint64_t ids[3];

	image_begin(&image, PYTHON_VERSION(3, 11));
	for (size_t i = 0; i < 3; i++)
		ids[i] = image_take(&image, 2048);
	interp_with(0, ids, 3, NULL);
	ck_assert_uint_eq(find_threads(THREADS_MAX), 3);
	ck_assert_uint_eq(find_slot(3), 0);
	/* Another thread's state is no witness, nor is what lies behind the last key. */
	image_put64(&image, ids[0] + SLOT(2), threads[1].tstate);
	image_put64(&image, ids[0] + SLOT(32), threads[0].tstate);
	ck_assert_uint_eq(find_slot(3), 0);
	image_put64(&image, ids[0] + SLOT(31), threads[0].tstate);
	ck_assert_uint_eq(find_slot(3), SLOT(31));
	/* One that has ended, one that agrees, one that does not. */
	threads[1].thread_id = 16;
	ck_assert_uint_eq(find_slot(3), SLOT(31));
	image_put64(&image, ids[2] + SLOT(31), threads[2].tstate);
	ck_assert_uint_eq(find_slot(3), SLOT(31));
	image_put64(&image, ids[2] + SLOT(0), threads[2].tstate);
	ck_assert_uint_eq(find_slot(3), 0);
	ck_assert_uint_eq(find_slot(0), 0);
}
END_TEST

static bool read_nothing(void *ctx, uint64_t addr, void *buf, size_t len)
{
	(void)ctx, (void)addr, (void)buf, (void)len;
	return false;
}

/* This very program is no Python, and holds none. */
START_TEST(no_python)
{
	const struct python_memory memory = {.read = read_nothing};
	struct python_process p;
	struct target_root root;
	struct maps maps;

	memset(&p, 0x5a, sizeof(p));
	ck_assert_int_eq(target_root_open(getpid(), &root, NULL), 0);
	ck_assert_int_eq(maps_read(getpid(), &maps, NULL), 0);
	ck_assert_int_eq(python_find(getpid(), &root, &maps, &memory, &p), -ENOENT);
	for (size_t i = 0; i < sizeof(p); i++)
		ck_assert_uint_eq(((uint8_t *)&p)[i], 0x5a);
	maps_free(&maps);
	target_root_close(&root);
}
END_TEST

Suite *runtime_python_state_suite(void)
{
	Suite *suite = suite_create("runtime_python_state");
	TCase *tcase = tcase_create("state");

	tcase_add_test(tcase, threads_of_all_interpreters);
	tcase_add_test(tcase, lists_that_never_end);
	tcase_add_test(tcase, memory_of_one_word);
	tcase_add_test(tcase, gils);
	tcase_add_test(tcase, where_a_thread_keeps_its_state);
	tcase_add_test(tcase, a_gil_that_is_off);
	tcase_add_test(tcase, no_python);
	suite_add_tcase(suite, tcase);
	return suite;
}
