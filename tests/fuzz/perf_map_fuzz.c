// SPDX-License-Identifier: GPL-2.0-only
/* /tmp/perf-PID.map, which anybody may have written. */
#include "symbol/perf_map.h"

#include "tests/fuzz/fuzz.h"

static void look_up(const struct perf_map *map, uint64_t addr)
{
	uint64_t offset = 0;
	const char *name = perf_map_find(map, addr, &offset);

	if (!name)
		return;
	FUZZ_CHECK(strlen(name) <= PERF_MAP_NAME_MAX);
	FUZZ_CHECK(offset <= addr);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct perf_map_stats stats;
	struct perf_map *map;
	const uint8_t *at = data;

	FUZZ_CHECK(perf_map_parse((const char *)data, size, &map) == 0);
	perf_map_get_stats(map, &stats);
	FUZZ_CHECK(stats.entries <= PERF_MAP_ENTRIES_MAX);
	FUZZ_CHECK_SEED(stats.entries > 0);
	/* The first address of each line, and the ones beside it. */
	for (size_t lines = 0; at && at < data + size && lines < 256; lines++) {
		char number[20] = "";
		size_t left = (size_t)(data + size - at);
		uint64_t addr;

		memcpy(number, at, left < sizeof(number) - 1 ? left : sizeof(number) - 1);
		addr = strtoull(number, NULL, 16);
		look_up(map, addr - 1);
		look_up(map, addr);
		look_up(map, addr + 15);
		at = memchr(at, '\n', left);
		if (at)
			at++;
	}
	look_up(map, UINT64_MAX);
	perf_map_free(map);
	return 0;
}
