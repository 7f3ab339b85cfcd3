// SPDX-License-Identifier: GPL-2.0-only
/* .gnu_debugdata, .gnu_debuglink and the build id of an ELF file. */
#include "symbol/debug_file.h"

#include "tests/fuzz/elf_mutate.h"

#include <errno.h>
#include <sys/stat.h>

#include "symbol/elf_syms.h"

/* What was unpacked is the target's, too. */
static void read_unpacked(int fd)
{
	struct elf_syms *es;
	struct stat st;

	FUZZ_CHECK(fstat(fd, &st) == 0 && st.st_size <= DEBUG_MINI_BYTES_MAX);
	if (elf_syms_load(fd, &es, NULL) == 0)
		elf_syms_free(es);
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t size_max, unsigned int seed)
{
	return elf_mutate(data, size, size_max, seed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = fuzz_file(data, size);
	int mini = debug_file_open_mini(fd);
	int debug = debug_file_open(fd, "/nowhere/program", NULL);

	FUZZ_CHECK(mini != 0 && debug != 0);
	FUZZ_CHECK_SEED(mini > 0);
	if (mini > 0) {
		read_unpacked(mini);
		close(mini);
	}
	if (debug > 0)
		close(debug);
	close(fd);
	return 0;
}
