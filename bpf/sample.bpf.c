// SPDX-License-Identifier: GPL-2.0-only
/* Timer samples: what the target's threads do on the CPU. */
#include "account.bpf.h"
#include "holder.bpf.h"
#include "loop.bpf.h"
#include "sample_kind.bpf.h"
#include "stack.bpf.h"

static const u64 zero_count;

/*
 * On a machine so slow (emulated, overcommitted) that a sample takes longer than the time between
 * two, the timer would leave the CPU nothing else: after such a one the next is left out.
 */
const volatile __u64 timer_rest_ns = 0; /* a tenth of the period; set before load */

/*
 * The kernel does not call us for every switch (a program that interrupts itself is skipped, and
 * what runs on a CPU may hide events).  A thread whose switch in was not seen would wait for the
 * CPU in our books until its next one, which a thread that computes may not have for long.  Two
 * samples that find it running in one and the same other state say that it was missed; in one
 * alone it may be on its way out, as the timer may be an NMI.
 */
static __always_inline void make_good(struct cp_thread *t, u64 now)
{
	if (t->cls == CP_RUN || t->cls >= CP_CLASS_COUNT)
		return;
	if (t->unseen_since_ns != t->since_ns) {
		t->unseen_since_ns = t->since_ns;
		t->unseen_at_ns = now;
		return;
	}
	count_loss(CP_LOST_SWITCH_IN);
	switch_in(t, t->unseen_at_ns);
}

static __always_inline void take_sample(void *ctx, struct cp_thread *t, u64 now)
{
	struct cp_sample_key key = {};
	u64 *count;

	key.tid = t->view_tid;
	key.kind = sample_kind(ctx, t, now);
	if (key.kind != CP_SAMPLE_EXIT) /* whose memory may be gone */
		key.stack = take_stack(ctx, t, SCRATCH_TIMER, CP_CACHE_COUNT);
	count = map_entry(&samples, &key, &zero_count, CP_LOST_SAMPLES);
	if (count)
		__sync_fetch_and_add(count, 1);
	note_holding(t, CP_HOLDING_SAMPLED, key.stack, 0);
	find_poller(ctx, t, now);
	note_turn_sample(t, key.stack, now);
}

SEC("perf_event")
int on_timer(void *ctx)
{
	struct cp_thread *t = slot_of(bpf_get_current_task_btf());
	u64 now = window_now();
	u32 zero = 0;
	u64 *done;

	if (!t || !now)
		return 0;
	done = bpf_map_lookup_elem(&timer_done, &zero);
	if (!done)
		return 0;
	if (now - *done < timer_rest_ns) {
		count_loss(CP_LOST_SAMPLES_SKIPPED);
		return 0;
	}
	make_good(t, now);
	take_sample(ctx, t, now);
	*done = bpf_ktime_get_ns();
	return 0;
}
