// SPDX-License-Identifier: GPL-2.0-only
#include "tests/unit/gil_fixture.h"

struct snap_builder *gil_fixture(void)
{
	static const char *const names[] = {"count-0", "count-1", "count-2", "count-3"};
	struct snap_builder *b = build_new(10, 2);
	uint32_t gil;

	for (uint32_t i = 0; i < 4; i++) {
		build_thread(b, names[i]);
		build_time(b, i, CLASS_RUN, 2.5);
		build_time(b, i, CLASS_GIL, 7.5);
		build_switches(b, i, 1000);
	}
	gil = build_lock(b, "GIL", LOCK_GIL, true);
	for (uint32_t i = 0; i < 4; i++)
		build_wait(b, gil, i, 1000, 7.5, SNAP_NONE);
	build_hold(b, gil, 1, 12, CLASS_RUN, SNAP_NONE);
	for (uint32_t i = 0; i < 4; i++)
		if (i != 1)
			build_hold(b, gil, i, 6, CLASS_RUN, SNAP_NONE);
	build_contended(b, gil, 10);
	return b;
}

void gil_fixture_seen(struct snap_builder *b)
{
	uint32_t parse = build_trace(b, GIL_LIBRARY, GIL_PARSE);
	uint32_t line_27 = build_trace(b, GIL_LIBRARY, GIL_COUNT_27);
	uint32_t line_28 = build_trace(b, GIL_LIBRARY, GIL_COUNT_28);

	build_seen(b, 0, 1, parse, 900, 8, 20);
	build_seen(b, 0, 1, line_27, 500, 5, 700);
	build_seen(b, 0, 2, line_28, 400, 4, 300);
	build_seen(b, 0, 3, line_27, 300, 3, 234);
}
