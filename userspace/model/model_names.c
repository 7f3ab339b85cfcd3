// SPDX-License-Identifier: GPL-2.0-only
#include "model/model_priv.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "model/kernel_address.h"
#include "model/python_word.h"

/* Of each lock the wait that took the longest. */
struct longest {
	uint64_t ns;
	uint64_t stack; /* the source's id, 0 = none */
};

static void unnamed_lock(const struct model *model, const struct model_lock *lock,
			 const struct model_names *names)
{
	struct record_lock rec = {
		.lock = lock->id,
		.address = lock->address,
		.pid = lock->pid,
		.shared = lock->shared,
		.gil = lock->gil,
		.dev = lock->dev,
		.inode = lock->inode,
		.file_offset = lock->file_offset,
	};

	snprintf(rec.path, sizeof(rec.path), "%s", strpool_get(&model->strings, lock->path));
	names->lock(names->ctx, &rec);
}

static void note_wait(struct longest *longest, uint64_t ns, uint64_t stack)
{
	if (stack && (ns > longest->ns || !longest->stack))
		*longest = (struct longest){.ns = ns, .stack = stack};
}

/* Where memory is short there is none. */
static struct longest *find_longest(const struct model *model)
{
	struct longest *longest = calloc(model->locks.len + 1, sizeof(*longest));
	const struct model_open *open;

	if (!longest)
		return NULL;
	for (uint32_t i = 0; i < model->waits.len; i++) {
		const struct model_wait *wait = model_wait(model, i);

		note_wait(&longest[wait->lock], wait->rec.blocked_ns, wait->rec.stack);
	}
	VEC_FOREACH (&model->open, open)
		note_wait(&longest[open->lock], open->rec.blocked_ns, open->rec.stack);
	return longest;
}

static void lock_code(const struct model *model, uint64_t stack_id, const struct model_names *names)
{
	const uint32_t *found = stack_id ? table_find(&model->stacks, &stack_id) : NULL;
	const struct model_stack *stack = found ? model_stack(model, *found) : NULL;
	uint64_t code[MODEL_LOCK_CODE_MAX];
	size_t len = 0;

	for (uint32_t i = 0; stack && i < stack->len && len < MODEL_LOCK_CODE_MAX; i++) {
		const struct model_frame *frame =
			model_frame(model, model->stack_frames.at[stack->first + i]);

		if (!kernel_address(frame->ip) && !python_word(frame->ip))
			code[len++] = frame->ip - (frame->return_address && frame->ip);
	}
	if (len)
		names->lock_code(names->ctx, code, len);
}

void model_for_unnamed(const struct model *model, const struct model_names *names)
{
	_cleanup_free_ struct longest *longest = names->lock_code ? find_longest(model) : NULL;
	const uint32_t locks = model->locks.len;

	/* By index and length read again: the callback may apply the name at once. */
	for (uint32_t i = 0; i < model->frames.len; i++) {
		const struct model_frame *frame = model_frame(model, i);

		if (!frame->seen)
			names->frame(names->ctx, frame->pid, frame->ip, frame->return_address);
	}
	for (uint32_t i = 0; i < model->locks.len; i++) {
		const struct model_lock *lock = model_lock(model, i);

		if (!lock->identified || lock->name_seen)
			continue;
		unnamed_lock(model, lock, names);
		if (longest && i < locks)
			lock_code(model, longest[i].stack, names);
	}
}
