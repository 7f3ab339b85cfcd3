// SPDX-License-Identifier: GPL-2.0-only
#include "base/num.h"
#include "model/freeze_priv.h"
#include "model/kernel_address.h"
#include "model/python_word.h"

#include <stdlib.h>
#include <string.h>

/* The frame of the code at an address, and before it those that were inlined there. */
static void add_frames(struct freeze *f, const struct model_frame *frame, struct snap_frame *to)
{
	const struct snap_frame whole = {
		.name = freeze_string(f, frame->name),
		.module = freeze_string(f, frame->module),
		.offset = frame->offset,
		.ip = frame->ip,
		.file = freeze_string(f, frame->file),
		.line = frame->line,
		.kernel = kernel_address(frame->ip),
		.python = python_word(frame->ip),
	};

	for (uint32_t i = 0; i < frame->inlined_len; i++) {
		const struct model_inlined *inlined = &f->m->inlined.at[frame->inlined_first + i];

		*to = whole;
		to->name = freeze_string(f, inlined->name);
		to->file = freeze_string(f, inlined->file);
		to->line = inlined->line;
		to->inlined = true;
		to++;
	}
	*to = whole;
}

static uint32_t count_frames(const struct freeze *f, const struct model_stack *stack)
{
	uint32_t count = stack->len;

	for (uint32_t i = 0; i < stack->len; i++)
		count += model_frame(f->m, f->m->stack_frames.at[stack->first + i])->inlined_len;
	return count;
}

/* What the user part of a stack says about the word that it waits on: raw names, as in ELF. */
static enum lock_kind site_of(const struct freeze *f, const struct model_stack *stack)
{
	const char *names[LOCK_SITE_FRAMES];
	size_t len = 0;

	for (uint32_t i = 0; i < stack->len && len < LOCK_SITE_FRAMES; i++) {
		const struct model_frame *frame =
			model_frame(f->m, f->m->stack_frames.at[stack->first + i]);

		if (!kernel_address(frame->ip) && !python_word(frame->ip))
			names[len++] = strpool_get(&f->m->strings, frame->name);
	}
	return lock_kind_of_site(names, len);
}

/* Whether a primitive of glibc's waits: what others build of system calls passes its syscall(). */
static bool waits_in_glibc(const struct freeze *f, const struct model_stack *stack)
{
	/* Since 2.34, and before. */
	static const char *const files[] = {"/libc.so.6", "/libc-2.", "/libpthread-2."};

	for (uint32_t i = 0; i < stack->len; i++) {
		const struct model_frame *frame =
			model_frame(f->m, f->m->stack_frames.at[stack->first + i]);
		const char *module = strpool_get(&f->m->strings, frame->module);

		if (kernel_address(frame->ip))
			continue;
		if (!strcmp(strpool_get(&f->m->strings, frame->name), "syscall"))
			return false;
		for (size_t k = 0; k < ARRAY_LEN(files); k++)
			if (strstr(module, files[k]))
				return true;
		return false;
	}
	return false;
}

void freeze_stacks(struct freeze *f)
{
	const struct model *m = f->m;
	struct snap_stack *stacks = freeze_array(f, m->stacks.len, sizeof(*stacks));

	f->stack_sites = freeze_temporary(f, m->stacks.len, sizeof(*f->stack_sites));
	f->stack_glibc = freeze_temporary(f, m->stacks.len, sizeof(*f->stack_glibc));
	if (f->failed)
		return;
	for (uint32_t i = 0; i < m->stacks.len; i++) {
		const struct model_stack *from = model_stack(m, i);
		uint32_t len = count_frames(f, from), at = 0;
		struct snap_frame *frames = freeze_array(f, len, sizeof(*frames));

		if (!frames)
			return;
		for (uint32_t k = 0; k < from->len; k++) {
			const struct model_frame *frame =
				model_frame(m, m->stack_frames.at[from->first + k]);

			add_frames(f, frame, &frames[at]);
			at += 1 + frame->inlined_len;
		}
		stacks[i] = (struct snap_stack){.truncated = from->truncated,
						.frame_pointers = from->frame_pointers,
						.frames_len = len,
						.frames = frames};
		f->stack_sites[i] = (uint8_t)site_of(f, from);
		f->stack_glibc[i] = waits_in_glibc(f, from);
	}
	f->snap->stacks = stacks;
	f->snap->stacks_len = (uint32_t)m->stacks.len;
}

uint32_t freeze_stack(const struct freeze *f, uint64_t id)
{
	const uint32_t *i = id ? table_find(&f->m->stacks, &id) : NULL;

	return i ? *i : SNAP_NONE;
}
