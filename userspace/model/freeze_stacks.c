// SPDX-License-Identifier: GPL-2.0-only
#include "model/freeze_priv.h"
#include "model/kernel_address.h"

#include <stdlib.h>

static struct snap_frame frame_of(struct freeze *f, const struct model_frame *frame)
{
	return (struct snap_frame){
		.name = freeze_string(f, frame->name),
		.module = freeze_string(f, frame->module),
		.offset = frame->offset,
		.ip = frame->ip,
		.kernel = kernel_address(frame->ip),
	};
}

/* What the user part of a stack says about the word that it waits on: raw names, as in ELF. */
static enum lock_kind site_of(const struct freeze *f, const struct model_stack *stack)
{
	const char *names[LOCK_SITE_FRAMES];
	size_t len = 0;

	for (uint32_t i = 0; i < stack->len && len < LOCK_SITE_FRAMES; i++) {
		const struct model_frame *frame =
			model_frame(f->m, f->m->stack_frames.at[stack->first + i]);

		if (!kernel_address(frame->ip))
			names[len++] = strpool_get(&f->m->strings, frame->name);
	}
	return lock_kind_of_site(names, len);
}

void freeze_stacks(struct freeze *f)
{
	const struct model *m = f->m;
	struct snap_stack *stacks = freeze_array(f, m->stacks.len, sizeof(*stacks));

	f->stack_sites = freeze_temporary(f, m->stacks.len, sizeof(*f->stack_sites));
	if (f->failed)
		return;
	for (uint32_t i = 0; i < m->stacks.len; i++) {
		const struct model_stack *from = model_stack(m, i);
		struct snap_frame *frames = freeze_array(f, from->len, sizeof(*frames));

		if (!frames)
			return;
		for (uint32_t k = 0; k < from->len; k++)
			frames[k] =
				frame_of(f, model_frame(m, m->stack_frames.at[from->first + k]));
		stacks[i] = (struct snap_stack){
			.truncated = from->truncated, .frames_len = from->len, .frames = frames};
		f->stack_sites[i] = (uint8_t)site_of(f, from);
	}
	f->snap->stacks = stacks;
	f->snap->stacks_len = (uint32_t)m->stacks.len;
}

uint32_t freeze_stack(const struct freeze *f, uint64_t id)
{
	const uint32_t *i = id ? table_find(&f->m->stacks, &id) : NULL;

	return i ? *i : SNAP_NONE;
}
