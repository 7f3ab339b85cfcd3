// SPDX-License-Identifier: GPL-2.0-only
#include "render/flames.h"

#include "base/num.h"

typedef bool put_fn(void *ctx, const struct flame *flame);

/* A sample stands for one period of the timer; without one there are no samples. */
static bool on_cpu(const struct report *rep, put_fn *put, void *ctx)
{
	const struct snapshot *snap = rep->snap;
	uint64_t period_ns = snap->run.sample_hz ? NS_PER_S / snap->run.sample_hz : 0;

	for (uint32_t i = 0; i < snap->samples_len; i++) {
		const struct snap_sample *s = &snap->samples[i];
		const struct flame flame = {.kind = FLAME_ON_CPU,
					    .cls = CLASS_RUN,
					    .detail = "",
					    .thread = s->thread,
					    .stack = s->stack,
					    .count = s->count,
					    .ns = num_sat_mul(s->count, period_ns)};

		if (!put(ctx, &flame))
			return false;
	}
	return true;
}

static bool off_cpu(const struct report *rep, put_fn *put, void *ctx)
{
	const struct snapshot *snap = rep->snap;

	for (uint32_t i = 0; i < snap->blocks_len; i++) {
		const struct snap_block *b = &snap->blocks[i];
		const struct flame flame = {.kind = FLAME_OFF_CPU,
					    .cls = b->cls,
					    .detail = b->syscall_name,
					    .thread = b->thread,
					    .stack = b->stack,
					    .count = b->count,
					    .ns = b->ns};

		if (!put(ctx, &flame))
			return false;
	}
	return true;
}

/* The class that a wait counts for: that of its lock. */
static enum time_class class_of(const struct snap_lock *lock)
{
	if (lock->kind == LOCK_GIL)
		return CLASS_GIL;
	if (lock->is_lock)
		return CLASS_LOCK;
	return lock->peer_ns >= num_sat_sub(lock->blocked_ns, lock->peer_ns) ? CLASS_PEER
									     : CLASS_POOL_IDLE;
}

static bool waits(const struct snap_lock *lock, put_fn *put, void *ctx)
{
	for (uint32_t i = 0; i < lock->waiters_len; i++) {
		const struct snap_waiter *w = &lock->waiters[i];
		const struct flame flame = {.kind = FLAME_LOCK,
					    .cls = class_of(lock),
					    .detail = lock->name,
					    .thread = w->thread,
					    .stack = w->stack,
					    .count = w->waits,
					    .ns = w->blocked_ns};

		if (!put(ctx, &flame))
			return false;
	}
	for (uint32_t i = 0; i < lock->holders_len; i++) {
		const struct snap_holder *h = &lock->holders[i];
		const struct flame flame = {.kind = FLAME_WAKE,
					    .cls = class_of(lock),
					    .detail = lock->name,
					    .thread = h->thread,
					    .stack = h->stack,
					    .count = h->waits,
					    .ns = h->blame_ns};

		if (!put(ctx, &flame))
			return false;
	}
	return true;
}

void flames_each(const struct report *rep, put_fn *put, void *ctx)
{
	bool more = on_cpu(rep, put, ctx) && off_cpu(rep, put, ctx);

	for (uint32_t i = 0; more && i < rep->snap->locks_len; i++)
		more = waits(&rep->snap->locks[i], put, ctx);
}
