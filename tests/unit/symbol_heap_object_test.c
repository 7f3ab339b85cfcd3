// SPDX-License-Identifier: GPL-2.0-only
/* Memory as glibc's malloc leaves it, written by hand; this process is the target. */
#include "symbol/heap_object.h"

#include "tests/unit/suites.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/num.h"

#define HEAP_WORDS 512
#define PAGE 4096

static uint64_t *heap;

static void setup(void)
{
	/* A page that cannot be read is behind it. */
	heap = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(heap, MAP_FAILED);
	ck_assert_int_eq(mprotect(heap + HEAP_WORDS, PAGE, PROT_NONE), 0);
}

static void teardown(void)
{
	munmap(heap, 2 * PAGE);
}

/* A chunk of @bytes at word @at, which is odd: its object begins behind it. */
static uint64_t chunk(size_t at, uint64_t bytes, uint64_t flags, uint64_t next)
{
	heap[at] = bytes | flags;
	heap[at + bytes / 8] = next;
	return (uint64_t)(uintptr_t)&heap[at + 1];
}

static bool fits(uint64_t word, enum dwarf_primitive primitive, uint64_t bytes, uint64_t offset)
{
	const struct dwarf_object object = {.name = "x.lock", .bytes = bytes, .offset = offset};

	return heap_object_fits(getpid(), word, primitive, &object);
}

/* Sizes as malloc_usable_size() + 8 has them: 24 bytes are in a chunk of 32, 25 in one of 48. */
START_TEST(sizes)
{
	const uint64_t in32 = chunk(1, 32, 1, 0x21), in48 = chunk(101, 48, 0, 0x21);

	for (uint64_t bytes = 1; bytes <= 24; bytes++)
		ck_assert(fits(in32, DWARF_MUTEX, bytes, 0));
	ck_assert(!fits(in32, DWARF_MUTEX, 25, 0));
	ck_assert(!fits(in48, DWARF_MUTEX, 24, 0));
	ck_assert(fits(in48, DWARF_MUTEX, 25, 0));
	ck_assert(fits(in48, DWARF_MUTEX, 40, 0));
	ck_assert(!fits(in48, DWARF_MUTEX, 41, 0));
}
END_TEST

START_TEST(where_the_word_lies)
{
	const uint64_t object = chunk(1, 128, 1, 0x31);

	ck_assert(fits(object + 16, DWARF_MUTEX, 120, 16));
	ck_assert(!fits(object + 16, DWARF_MUTEX, 120, 8));
	ck_assert(!fits(object + 20, DWARF_MUTEX, 120, 16));
	/* The reader's word and the writers'. */
	ck_assert(fits(object + 16 + 8, DWARF_RWLOCK, 120, 16));
	ck_assert(fits(object + 16 + 12, DWARF_RWLOCK, 120, 16));
	ck_assert(!fits(object + 16, DWARF_RWLOCK, 120, 16));
	for (uint64_t word = 0; word < 48; word += 4)
		ck_assert_int_eq(fits(object + word, DWARF_CONDVAR, 120, 0), word >= 32);
	ck_assert(!fits(object + 16, DWARF_OTHER, 120, 16));
	ck_assert(!fits(object + 16, DWARF_NO_PRIMITIVE, 120, 16));
}
END_TEST

START_TEST(what_is_no_object_in_use)
{
	uint64_t object = chunk(1, 64, 1, 0x30);

	ck_assert(!fits(object, DWARF_MUTEX, 56, 0)); /* the next chunk says: freed */
	object = chunk(1, 64, 3, 0x31);
	ck_assert(!fits(object, DWARF_MUTEX, 56, 0)); /* mapped by itself */
	object = chunk(1, 64, 5, 0x31);
	ck_assert(fits(object, DWARF_MUTEX, 56, 0)); /* in a thread's arena */
	/* Behind a word that is not a chunk's, and not on 16. */
	ck_assert(!fits((uint64_t)(uintptr_t)&heap[9], DWARF_MUTEX, 56, 0));
	heap[2] = 65;
	heap[10] = 65;
	ck_assert(!fits((uint64_t)(uintptr_t)&heap[3], DWARF_MUTEX, 56, 0));
}
END_TEST

START_TEST(what_cannot_be_read)
{
	const uint64_t end = (uint64_t)(uintptr_t)&heap[HEAP_WORDS];

	/* Its next chunk would lie behind the end. */
	heap[HEAP_WORDS - 7] = 65;
	ck_assert(!fits(end - 48, DWARF_MUTEX, 56, 0));
	ck_assert(!fits(end + 64, DWARF_MUTEX, 56, 0));
	ck_assert(!fits(0, DWARF_MUTEX, 56, 0));
	ck_assert(!fits(8, DWARF_MUTEX, 56, 8));
	ck_assert(!fits(UINT64_MAX, DWARF_MUTEX, 56, 0));
	ck_assert(!fits(end - 480, DWARF_MUTEX, UINT64_MAX, 0));
	ck_assert(!fits(end - 480, DWARF_MUTEX, 56, UINT64_MAX));
	ck_assert(!heap_object_fits(0x7fffffff, end - 480, DWARF_MUTEX,
				    &(struct dwarf_object){.bytes = 56}));
}
END_TEST

Suite *symbol_heap_object_suite(void)
{
	Suite *s = suite_create("symbol/heap_object");
	TCase *tc = tcase_create("heap_object");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, sizes);
	tcase_add_test(tc, where_the_word_lies);
	tcase_add_test(tc, what_is_no_object_in_use);
	tcase_add_test(tc, what_cannot_be_read);
	suite_add_tcase(s, tc);
	return s;
}
