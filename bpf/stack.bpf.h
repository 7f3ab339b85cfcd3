/* SPDX-License-Identifier: GPL-2.0-only */
/* User stacks, kept once each under the hash of their own frames; Python's behind the native ones.
 */
#ifndef CONCPROF_STACK_BPF_H
#define CONCPROF_STACK_BPF_H

#include "filter.bpf.h"
#include "python.bpf.h"
#include "unwind.bpf.h"

/* By the kernel's own helper, which follows frame pointers; number of frames. */
static __always_inline u32 follow_frame_pointers(void *ctx, struct cp_stack *s)
{
	long bytes = bpf_get_stack(ctx, s->ips, sizeof(s->ips), BPF_F_USER_STACK);

	s->flags = CP_STACK_BY_FRAME_POINTER;
	count_loss(CP_LOST_STACK_NO_TABLE);
	return bytes > 0 ? (u32)bytes / sizeof(u64) : 0;
}

/* The id of the cached stack if its native frames are still those that current has; else 0. Without
 * @python its frames of Python, where it has such, are those of before. */
static __always_inline u64 same_stack_again(const struct cp_stack_cache *c, struct pt_regs *regs,
					    struct cp_walk *w, bool python)
{
	struct cp_stack *s;
	u32 bytes = c->bytes, i;
	u64 id = c->id;

	if (!id || c->ip != regs->ip || c->sp != regs->sp || c->bp != regs->bp)
		return 0;
	s = bpf_map_lookup_elem(&stacks, &id);
	if (!s || bytes > CP_WALK_WINDOW || (!python && s->len > s->native))
		return 0;
	if (bytes && bpf_probe_read_user(w->window, bytes, (void *)regs->sp))
		return 0;
	for (i = 0; i < CP_CACHE_FRAMES && i < c->len; i++)
		if (*(u64 *)&w->window[c->off[i] & (CP_WALK_WINDOW - 1)] != s->ips[i + 1])
			return 0;
	return id;
}

static __always_inline void remember_stack(struct cp_stack_cache *c, struct pt_regs *regs,
					   const struct cp_walk *w, u64 id)
{
	c->id = 0;
	if (!w->cacheable || !w->len || w->len - 1 > CP_CACHE_FRAMES)
		return;
	c->ip = regs->ip;
	c->sp = regs->sp;
	c->bp = regs->bp;
	c->len = w->len - 1;
	c->bytes = w->bytes;
	__builtin_memcpy(c->off, w->off, sizeof(c->off));
	c->id = id;
}

/* The tables of the process of @t, or until they are there those of the process it was forked from.
 */
static __always_inline struct cp_unwind_process *tables_of(const struct cp_thread *t)
{
	struct cp_unwind_process *p;
	u32 tgid = t->tgid;

	if (!use_unwind)
		return NULL;
	p = bpf_map_lookup_elem(&unwind_processes, &tgid);
	if (p)
		return p;
	tgid = t->unwind_tgid;
	return bpf_map_lookup_elem(&unwind_processes, &tgid);
}

/*
 * User space is to read the code objects of a new stack while they live; woken for it not more
 * often than it can make use of.
 */
#define STACK_TELL_NS 20000000

static __always_inline void tell_stack(struct cp_walk *w, u64 id, u32 len)
{
	u64 now = bpf_ktime_get_ns();
	bool wake = now - stack_told_ns > STACK_TELL_NS;

	w->told.type = CP_RING_STACK;
	w->told.len = len & 127;
	w->told.stack = id;
	if (bpf_ringbuf_output(&ring, &w->told, CP_RING_STACK_HEAD + 8 * (u64)(len & 127),
			       wake ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP)) {
		count_loss(CP_LOST_RING);
		return;
	}
	if (wake)
		stack_told_ns = now;
}

/*
 * Keep the stack of @user (enum scratch_user) with its @len frames; its id, 0 where it could not be
 * kept (counted).  It looks the stack up itself: what a global function gets as an argument is no
 * value for a map before Linux 6.2.
 */
__noinline u64 keep_stack(u32 user, u32 len, const struct cp_thread *t)
{
	struct cp_stack *s = bpf_map_lookup_elem(&scratch, &user), *known;
	struct cp_walk *w = bpf_map_lookup_elem(&walks, &user);
	u64 id;
	u32 i;

	if (!s || !w || !t)
		return 0;
	id = cp_stack_hash_begin(t->tgid);

	if (!len) {
		count_loss(CP_LOST_STACK_FAILED);
		return 0;
	}
	if (len >= CP_STACK_MAX)
		s->flags |= CP_STACK_TRUNCATED;
	for (i = 0; i < CP_STACK_MAX && i < len; i++)
		id = cp_stack_hash_step(id, s->ips[i]);
	if (!id)
		id = 1;
	if (s->flags & CP_STACK_TRUNCATED)
		count_loss(CP_LOST_STACK_TRUNCATED);
	known = bpf_map_lookup_elem(&stacks, &id);
	if (known) {
		if (known->flags & CP_STACK_WANTED) {
			known->flags &= ~CP_STACK_WANTED;
			tell_stack(w, id, len - s->native);
		}
		return id;
	}
	s->view_tgid = t->view_tgid;
	s->len = len;
	if (bpf_map_update_elem(&stacks, &id, s, BPF_ANY)) {
		count_loss(CP_LOST_STACKS);
		return 0;
	}
	if (len > s->native)
		tell_stack(w, id, len - s->native);
	return id;
}

/* The native frames of the stack @id, which is still the one that current has: their number. */
static __always_inline u32 copy_native(struct cp_stack *to, u64 id)
{
	struct cp_stack *from = bpf_map_lookup_elem(&stacks, &id);
	u32 len;

	if (!from)
		return 0;
	len = from->native;
	if (len > CP_STACK_NATIVE_MAX ||
	    bpf_probe_read_kernel(to->ips, len * sizeof(u64), from->ips))
		return 0;
	to->flags = from->flags & ~CP_STACK_PYTHON_CUT;
	return len;
}

/* Current's thread state where it is a thread of CPython, else 0. */
static __always_inline u64 current_tstate(struct cp_thread *t, struct cp_unwind_process *p)
{
	if (!use_python || !p->python.runtime)
		return 0;
	return python_tstate(t, &p->python, bpf_ktime_get_ns());
}

/* Its interval for the GIL is over and another one begins: meanwhile it has run no Python. */
static __always_inline bool waits_on_for_gil(const struct cp_thread *t, u32 use)
{
	return use == CP_CACHE_BLOCK && t->block_cls == CP_GIL && t->fx.timed && !t->fx.proven;
}

/* Behind the @len native frames of @s those of Python; the number of all. */
static __always_inline u32 add_python(struct cp_stack *s, struct cp_walk *w, u32 len,
				      struct cp_unwind_process *p, u64 tstate)
{
	if (len > CP_STACK_NATIVE_MAX) {
		len = CP_STACK_NATIVE_MAX;
		s->flags |= CP_STACK_TRUNCATED;
	}
	s->native = len;
	return python_walk(&p->python, w, s, tstate, len);
}

/* By tables; number of frames. */
static __always_inline u32 walk_whole(struct pt_regs *regs, struct cp_unwind_process *p,
				      struct cp_walk *w, struct cp_stack *s)
{
	u32 len = walk_stack(regs, p, w, s);

	s->flags = w->complete ? 0 : CP_STACK_TRUNCATED;
	if (w->by_frame_pointer) { /* in part: JIT regions, files whose table is missing */
		s->flags |= CP_STACK_BY_FRAME_POINTER;
		count_loss(CP_LOST_STACK_NO_TABLE);
	}
	return len;
}

/* The id of current's user stack, by a walk or by the cache of @use (enum cp_cache_use; any other:
 * none). */
static __noinline u64 take_stack(void *ctx, struct cp_thread *t, u32 user, u32 use)
{
	struct cp_stack *s = bpf_map_lookup_elem(&scratch, &user);
	struct cp_walk *w = bpf_map_lookup_elem(&walks, &user);
	struct cp_stack_cache *cache = NULL;
	struct cp_unwind_process *p;
	struct pt_regs *regs;
	u32 len = 0;
	u64 id, tstate;

	if (!s || !w || !t)
		return 0;
	p = tables_of(t);
	if (!p) {
		len = follow_frame_pointers(ctx, s);
		s->native = len;
		return keep_stack(user, len, t);
	}
	tstate = current_tstate(t, p);
	regs = compat_regs(bpf_get_current_task_btf());
	if (use == CP_CACHE_BLOCK)
		cache = &t->cache[CP_CACHE_BLOCK];
	else if (use == CP_CACHE_RELEASE)
		cache = &t->cache[CP_CACHE_RELEASE];
	id = cache ? same_stack_again(cache, regs, w, tstate) : 0;
	if (id && (!tstate || waits_on_for_gil(t, use)))
		return id;
	if (id)
		len = copy_native(s, id);
	if (!len) {
		len = walk_whole(regs, p, w, s);
		id = 0;
	}
	s->native = len;
	if (tstate)
		len = add_python(s, w, len, p, tstate);
	if (id && cache) {
		id = keep_stack(user, len, t);
		cache->id = id;
		return id;
	}
	id = keep_stack(user, len, t);
	if (cache)
		remember_stack(cache, regs, w, id);
	return id;
}

/* What the thread of @tstate does in Python, read from another thread of its process: a stack of
 * these frames alone. */
static __always_inline u64 take_python_stack(struct cp_thread *t, struct cp_unwind_process *p,
					     u64 tstate)
{
	u32 user = SCRATCH_SCHED, len;
	struct cp_stack *s = bpf_map_lookup_elem(&scratch, &user);
	struct cp_walk *w = bpf_map_lookup_elem(&walks, &user);

	if (!s || !w || !t || !p)
		return 0;
	s->flags = 0;
	s->native = 0;
	len = python_walk(&p->python, w, s, tstate, 0);
	return len ? keep_stack(user, len, t) : 0;
}

#endif
