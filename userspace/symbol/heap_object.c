// SPDX-License-Identifier: GPL-2.0-only
#include "symbol/heap_object.h"

#include <string.h>
#include <sys/uio.h>

#include "base/num.h"

/*
 * glibc's malloc, 64 bits: a chunk's size and three flags lie in the word before the object, and an
 * object begins at a multiple of 16; the size is that of object and word, rounded up to 16.  That a
 * chunk is in use is a flag of the next one.
 */
#define ALIGNMENT 16
#define CHUNK_MIN 32
#define FLAG_IN_USE 1 /* the chunk before this one */
#define FLAG_MAPPED 2
#define FLAGS 7
#define OBJECT_BYTES_MAX (1U << 24)
#define WORDS_MAX 4

/* Where the words on which threads wait lie in a primitive: the table of model/lock_kind.c. */
static const struct {
	uint8_t len;
	uint8_t at[WORDS_MAX];
} words[] = {
	[DWARF_MUTEX] = {1, {0}},
	[DWARF_RWLOCK] = {2, {8, 12}},
	[DWARF_CONDVAR] = {4, {32, 36, 40, 44}},
	[DWARF_SEMAPHORE] = {1, {0}},
	[DWARF_BARRIER] = {1, {4}},
};

static bool read_word(pid_t pid, uint64_t address, uint64_t *ret)
{
	struct iovec to = {ret, sizeof(*ret)};
	struct iovec from = {(void *)(uintptr_t)address, sizeof(*ret)};

	return process_vm_readv(pid, &to, 1, &from, 1, 0) == (ssize_t)sizeof(*ret);
}

static bool is_chunk(pid_t pid, uint64_t start, uint64_t bytes)
{
	const uint64_t need =
		(bytes + sizeof(uint64_t) + ALIGNMENT - 1) & ~(uint64_t)(ALIGNMENT - 1);
	const uint64_t chunk = num_max_u64(need, CHUNK_MIN);
	uint64_t size, next;

	return start % ALIGNMENT == 0 && read_word(pid, start - sizeof(uint64_t), &size) &&
	       (size & ~(uint64_t)FLAGS) == chunk && !(size & FLAG_MAPPED) &&
	       read_word(pid, start - sizeof(uint64_t) + chunk, &next) && next & FLAG_IN_USE;
}

bool heap_object_fits(pid_t pid, uint64_t word, enum dwarf_primitive primitive,
		      const struct dwarf_object *object)
{
	if ((size_t)primitive >= ARRAY_LEN(words) || object->bytes > OBJECT_BYTES_MAX ||
	    object->offset > object->bytes)
		return false;
	for (unsigned i = 0; i < words[primitive].len; i++) {
		const uint64_t inside = object->offset + words[primitive].at[i];

		if (word > inside + ALIGNMENT && is_chunk(pid, word - inside, object->bytes))
			return true;
	}
	return false;
}
