/* SPDX-License-Identifier: GPL-2.0-only */
/* What the harnesses share: libFuzzer's entry points, and checks that end the run. */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* libFuzzer's interface (LLVM: docs/LibFuzzer.rst). */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(const int *argc, char ***argv);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t size_max, unsigned int seed);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t size_max);

/* What must hold whatever the input is. */
#define FUZZ_CHECK(condition)                                                             \
	do {                                                                              \
		if (!(condition)) {                                                       \
			fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, \
				#condition);                                              \
			abort();                                                          \
		}                                                                         \
	} while (0)

/* What must hold of a seed, which is good input: else a harness could fuzz what refuses everything.
 * run.sh reads each seed once with FUZZ_SEEDS set. */
#define FUZZ_CHECK_SEED(condition) FUZZ_CHECK(!getenv("FUZZ_SEEDS") || (condition))

/* A file in memory with these bytes, read from its start. The caller closes it. */
static inline int fuzz_file(const uint8_t *data, size_t size)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	FUZZ_CHECK(fd >= 0);
	FUZZ_CHECK(size == 0 || write(fd, data, size) == (ssize_t)size);
	FUZZ_CHECK(lseek(fd, 0, SEEK_SET) == 0);
	return fd;
}

/* Bytes of the input as numbers; zeros behind its end. */
struct fuzz_bytes {
	const uint8_t *at;
	size_t left;
};

static inline uint64_t fuzz_take(struct fuzz_bytes *in, size_t bytes)
{
	size_t len = bytes < in->left ? bytes : in->left;
	uint64_t value = 0;

	if (len)
		memcpy(&value, in->at, len);
	in->at += len;
	in->left -= len;
	return value;
}

#endif
