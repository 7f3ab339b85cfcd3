// SPDX-License-Identifier: GPL-2.0-only
/*
 * The stacks of threads that were blocked before concprof attached, and may stay so: no event will
 * show them.  Their registers are in their slots since they were seeded; their stacks stand still
 * and are read from here, without stopping them.
 */
#include <string.h>
#include <sys/uio.h>

#include "base/num.h"
#include "source/live_internal.h"
#include "symbol/unwind_walk.h"

#define PAGE_BYTES 4096
/* One page for most; deep stacks take some. */
#define PAGES_MAX 64

struct reader {
	struct live *live;
	pid_t pid; /* as concprof sees it */
	const struct cp_unwind_process *tables;
	uint64_t page_at; /* of what `page` holds, 0 = nothing */
	unsigned pages;
	uint8_t page[PAGE_BYTES];
};

static bool read_page(struct reader *r, uint64_t at)
{
	struct iovec local = {r->page, PAGE_BYTES};
	struct iovec remote = {(void *)at, PAGE_BYTES};

	if (r->page_at == at)
		return true;
	r->page_at = 0;
	if (r->pages++ >= PAGES_MAX ||
	    process_vm_readv(r->pid, &local, 1, &remote, 1, 0) != PAGE_BYTES)
		return false;
	r->page_at = at;
	return true;
}

static bool read_word(void *ctx, uint64_t addr, uint64_t *ret)
{
	struct reader *r = ctx;
	const uint64_t page = addr & ~(uint64_t)(PAGE_BYTES - 1), off = addr - page;

	if (off > PAGE_BYTES - sizeof(*ret) || !page || !read_page(r, page))
		return false;
	memcpy(ret, r->page + off, sizeof(*ret));
	return true;
}

static uint64_t row_of(void *ctx, uint64_t ip)
{
	struct reader *r = ctx;

	return live_unwind_row(r->live, r->tables, ip);
}

/* Whether the thread of @slot is still in the wait that it was seeded in. */
static bool stands_still(const struct cp_thread *t)
{
	return t->view_tid && t->blocked && t->seed_sp && t->run_from_ns == t->start_ns;
}

/* Keep @stack under the name that the BPF side would give it; 0 where it cannot be kept. */
static uint64_t keep(struct live *live, struct cp_stack *stack, uint32_t tgid)
{
	uint64_t id = cp_stack_hash_begin(tgid);

	for (uint32_t i = 0; i < stack->len; i++)
		id = cp_stack_hash_step(id, stack->ips[i]);
	id = id ? id : 1;
	return bpf_map_update_elem(bpf_map__fd(live->skel->maps.stacks), &id, stack, BPF_ANY) ? 0
											      : id;
}

uint64_t live_attach_stack(const struct live *live, const struct cp_thread *t)
{
	struct cp_attach_stack a;

	if (bpf_map_lookup_elem(bpf_map__fd(live->skel->maps.attach_stacks), &t->slot, &a))
		return 0;
	return a.start_ns == t->start_ns ? a.stack : 0;
}

/* Returns false where the thread keeps no stack: it has run, or its memory cannot be read. */
static bool walk_thread(struct live *live, const struct cp_thread *t,
			const struct cp_unwind_process *tables)
{
	struct reader r = {.live = live, .pid = (pid_t)t->view_tgid, .tables = tables};
	const struct unwind_view view = {.read = read_word, .row = row_of, .ctx = &r};
	const struct unwind_regs regs = {t->seed_ip, t->seed_sp, t->seed_bp};
	struct cp_attach_stack attach = {.start_ns = t->start_ns};
	struct cp_stack stack = {.view_tgid = t->view_tgid};
	uint64_t ips[CP_STACK_MAX];
	struct cp_thread now;
	struct unwind_outcome outcome;

	stack.native = stack.len = (uint8_t)unwind_walk(&view, &regs, ips, CP_STACK_MAX, &outcome);
	memcpy(stack.ips, ips, stack.len * sizeof(ips[0]));
	stack.flags = (uint8_t)((outcome.complete ? 0 : CP_STACK_TRUNCATED) |
				(outcome.frame_pointers ? CP_STACK_BY_FRAME_POINTER : 0));
	live_python_add(live, t->seed_thread, &stack);
	/* Had it run meanwhile, this may be parts of two stacks. */
	if (!live_copy_slot(live, t->slot, &now) || !stands_still(&now) ||
	    now.start_ns != t->start_ns)
		return false;
	attach.stack = keep(live, &stack, t->tgid);
	return attach.stack && !bpf_map_update_elem(bpf_map__fd(live->skel->maps.attach_stacks),
						    &t->slot, &attach, BPF_ANY);
}

void live_stacks_before_attach(struct live *live)
{
	static struct cp_unwind_process tables;
	uint32_t tables_of = 0;
	struct cp_thread t;

	if (!live->unwind)
		return;
	live_python_threads_changed(live);
	for (uint32_t slot = 1; slot < live->slots_len; slot++) {
		if (!live_copy_slot(live, slot, &t) || !t.view_tid || !t.seed_sp ||
		    live_attach_stack(live, &t))
			continue;
		if (t.tgid != tables_of &&
		    bpf_map_lookup_elem(bpf_map__fd(live->skel->maps.unwind_processes), &t.tgid,
					&tables))
			tables.len = 0;
		tables_of = t.tgid;
		if (!tables.len || !stands_still(&t) || !walk_thread(live, &t, &tables))
			live->stacks_before_attach++;
	}
}
