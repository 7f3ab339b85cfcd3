// SPDX-License-Identifier: GPL-2.0-only
/* Names of symbols, as a hostile program may choose them. */
#include "symbol/demangle.h"

#include "tests/fuzz/fuzz.h"

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
