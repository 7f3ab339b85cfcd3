// SPDX-License-Identifier: GPL-2.0-only
/* The text of /proc/PID/maps. */
#include "symbol/maps.h"

#include "tests/fuzz/fuzz.h"

#include "base/err.h"

static void check_mapping(const struct maps *maps, size_t i)
{
	const struct mapping *m = &maps->at[i];

	FUZZ_CHECK(m->start < m->end);
	FUZZ_CHECK(i == 0 || maps->at[i - 1].end <= m->start);
	FUZZ_CHECK(maps_find(maps, m->start) == m && maps_find(maps, m->end - 1) == m);
	FUZZ_CHECK(maps_find(maps, m->end) != m);
	FUZZ_CHECK(strlen(maps_path(maps, m)) < MAPS_PATHS_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct maps maps;
	struct err err = {0};
	int r = maps_parse((const char *)data, size, &maps, &err);

	FUZZ_CHECK(r == err.code);
	FUZZ_CHECK_SEED(r == 0);
	if (r < 0)
		return 0;
	FUZZ_CHECK(maps.len <= MAPS_MAX);
	for (size_t i = 0; i < maps.len; i++)
		check_mapping(&maps, i);
	(void)maps_find(&maps, 0);
	(void)maps_find(&maps, UINT64_MAX);
	maps_free(&maps);
	return 0;
}
