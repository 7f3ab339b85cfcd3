/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A walk over a stack that stands still, by unwind tables: for threads that were blocked before
 * concprof came, whose stacks no event will show.  The same steps as bpf/unwind.bpf.h.  x86_64.
 */
#ifndef SYMBOL_UNWIND_WALK_H
#define SYMBOL_UNWIND_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct unwind_regs {
	uint64_t ip;
	uint64_t sp;
	uint64_t bp;
};

struct unwind_view {
	/* The eight bytes at @addr of the target; false where they cannot be read. */
	bool (*read)(void *ctx, uint64_t addr, uint64_t *ret);
	/* The row of the instruction at @ip (symbol/unwind_table.h), 0 = a gap or no table. */
	uint64_t (*row)(void *ctx, uint64_t ip);
	void *ctx;
};

struct unwind_outcome {
	bool complete;	     /* it came to the outermost frame */
	bool frame_pointers; /* it followed one where there is no row: what is further out may be
				wrong */
};

/*
 * The addresses of the frames, innermost first, from @regs on; at most @max.
 * Returns how many there are, at least one where @max is not 0.
 */
size_t unwind_walk(const struct unwind_view *view, const struct unwind_regs *regs, uint64_t *ips,
		   size_t max, struct unwind_outcome *ret);

#endif
