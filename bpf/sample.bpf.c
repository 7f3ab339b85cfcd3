// SPDX-License-Identifier: GPL-2.0-only
/* Timer samples: what the target's threads do on the CPU. */
#include "account.bpf.h"
#include "stack.bpf.h"

static const u64 zero_count;

SEC("perf_event")
int on_timer(void *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct cp_thread *t = slot_of(task);
	struct cp_sample_key key = {};
	u64 *count;

	if (!t || !window_now())
		return 0;
	key.tid = t->view_tid;
	key.stack = take_stack(ctx, t, SCRATCH_TIMER, CP_CACHE_COUNT);
	count = map_entry(&samples, &key, &zero_count, CP_LOST_SAMPLES);
	if (count)
		__sync_fetch_and_add(count, 1);
	return 0;
}
