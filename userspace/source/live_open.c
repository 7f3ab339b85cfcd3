// SPDX-License-Identifier: GPL-2.0-only
/* Waits and blocks that are still going on: they are in the slots, in no map yet. */
#include <string.h>

#include "base/num.h"
#include "source/live_internal.h"

int live_emit_open_wait(struct live *live, const struct cp_thread *t, uint64_t now_ns,
			struct err *err)
{
	struct record_open_wait open = {
		.stack = t->fx.before_attach ? live_attach_stack(live, t) : t->fx.stack,
		.tid = t->view_tid,
		.op = t->fx.op,
		.value = t->fx.value,
		.timed = t->fx.timed,
		.holder_tid = t->fx.holder_tid,
		.evidence = t->fx.holder_tid ? t->fx.evidence : HOLDER_NONE,
		.since_ns = t->fx.episode_start_ns,
		.blocked_ns = num_sat_sub(now_ns, t->block_ns),
		.before_attach = t->fx.before_attach,
	};
	int rc;

	open.lock = live_lock_id(live, &t->fx.key, err);
	if (!open.lock)
		return -ENOMEM;
	rc = live_send_stack(live, open.stack, err);
	if (rc)
		return rc;
	memset(&live->rec, 0, sizeof(live->rec));
	live->rec.type = RECORD_OPEN_WAIT;
	live->rec.open_wait = open;
	return live_emit(live, err);
}

/* The block that thread @t is in now, with those of the same kind that have ended. */
static int emit_open_block(struct live *live, const struct cp_thread *t, struct err *err)
{
	const struct cp_block_key key = {
		.stack = t->block_stack ? t->block_stack : live_attach_stack(live, t),
		.tid = t->view_tid,
		.cls = live_class_of_block(t->cls),
		.syscall = t->block_syscall,
	};
	uint64_t ns = num_sat_sub(live->end_ns, t->block_ns);
	struct cp_block sum;

	if (bpf_map_lookup_elem(bpf_map__fd(live->skel->maps.blocks), &key, &sum))
		memset(&sum, 0, sizeof(sum));
	sum.count++;
	sum.ns += ns;
	sum.max_ns = num_max_u64(sum.max_ns, ns);
	return live_emit_block(live, &key, &sum, err);
}

int live_emit_open_blocks(struct live *live, struct err *err)
{
	struct cp_thread t;
	int rc = 0;

	for (uint32_t slot = 1; slot < live->slots_len && !rc; slot++)
		if (live_copy_slot(live, slot, &t) && t.view_tid && t.blocked &&
		    t.cls != CP_FUTEX && t.cls != CP_GIL && t.cls != CP_LOCK &&
		    t.cls != CP_RUNQ_WAKE)
			rc = emit_open_block(live, &t, err);
	return rc;
}
