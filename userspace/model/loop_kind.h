/* SPDX-License-Identifier: GPL-2.0-only */
/* Which event loop a stack runs in: by the functions and files of the loops that are known. */
#ifndef MODEL_LOOP_KIND_H
#define MODEL_LOOP_KIND_H

#include "model/snapshot.h"

struct loop_kind {
	const char *name; /* "asyncio", "node", .. */
	/*
	 * It serves many at once.  Else what looks like a loop is a worker that polls between items
	 * of work, of which it has one at a time.
	 */
	bool is_loop;
	bool is_gui; /* of a window system: whoever clicks sees each long turn */
};

/* Rows of the table, the most telling first. */
#define LOOP_KIND_NONE UINT32_MAX

/* The row that @stack tells, LOOP_KIND_NONE without one. Of several stacks the smallest counts. */
uint32_t loop_kind_of(const struct snap_stack *stack);
/* Of a window system; by the kind's name, as in a snapshot. */
bool loop_kind_is_gui(const char *name);
/* NULL for LOOP_KIND_NONE. */
const struct loop_kind *loop_kind_row(uint32_t row);

/*
 * The frame of @stack that is what the loop called: a coroutine, a callback, a handler; NULL where
 * it cannot be told.
 */
const struct snap_frame *loop_task_frame(const struct snap_stack *stack);

#endif
