// SPDX-License-Identifier: GPL-2.0-only
/* Names of symbols, as a hostile program may choose them. */
#include "symbol/demangle.h"

#include "tests/fuzz/fuzz.h"

/* Pieces of mangled names (C++ ABI, Rust RFC 2603, D's ABI): libiberty has no coverage to be led
 * by. */
static const char *const pieces[] = {
	"S_", "S0_", "S1_", "SA_", "St", "Sa",	"T_",	"T0_", "1A",   "2bc", "I",   "E",  "N",
	"Z",  "L",   "X",   "J",   "F",	 "P",	"R",	"K",   "i",    "v",   "Dp",  "DT", "Ul",
	"cl", "pl",  "C1",  "D0",  "cv", "fp_", "Li1E", "B1t", "M",    "A3_", "NvC", "B_", "B0_",
	"u3", "G_",  "p",   "Q",   "Qb", "__T", "99",	"17h", "$LT$", "..",  "_",   "sr", "tl",
};

/* Put one to four pieces somewhere, or mutate it as any bytes. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t size_max, unsigned int seed)
{
	uint64_t random = seed;

	if (seed % 4 == 0 || size == 0)
		return LLVMFuzzerMutate(data, size, size_max);
	for (unsigned int i = 0; i <= seed / 4 % 4; i++) {
		const char *piece;
		size_t len, at;

		random = random * UINT64_C(6364136223846793005) + 1442695040888963407;
		piece = pieces[(random >> 33) % (sizeof(pieces) / sizeof(pieces[0]))];
		len = strlen(piece);
		if (size_max - size < len)
			break;
		at = (random >> 40) % (size + 1);
		memmove(data + at + len, data + at, size - at);
		memcpy(data + at, piece, len);
		size += len;
	}
	return size;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const size_t sizes[] = {1, 16, 256};
	char *name = malloc(size + 1);

	FUZZ_CHECK(name);
	memcpy(name, data, size);
	name[size] = '\0';
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		char *to = malloc(sizes[i]);

		FUZZ_CHECK(to);
		demangle(name, to, sizes[i]);
		FUZZ_CHECK(memchr(to, '\0', sizes[i]));
		free(to);
	}
	free(name);
	return 0;
}
