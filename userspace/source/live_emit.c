// SPDX-License-Identifier: GPL-2.0-only
/* What every part of the live source stands on: its clocks, its way out, the ids as concprof sees
 * them. */
#include "base/num.h"
#include "source/live_internal.h"

uint64_t live_clock_of(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

uint64_t live_clock_ns(void)
{
	return live_clock_of(CLOCK_MONOTONIC);
}

int live_emit(struct live *live, struct err *err)
{
	return live->sink.put(live->sink.ctx, &live->rec, err);
}

uint32_t live_view_pid(const struct live *live, uint32_t tgid)
{
	const uint32_t *pid = hashmap_get(&live->view_pids, &tgid);

	return pid ? *pid : tgid;
}

void live_note_pid(struct live *live, uint32_t tgid, uint32_t view_pid)
{
	uint32_t *pid = hashmap_put(&live->view_pids, &tgid, view_pid, NULL);

	if (pid)
		*pid = view_pid;
}
