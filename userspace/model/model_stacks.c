// SPDX-License-Identifier: GPL-2.0-only
/* Stacks and the names of their frames. */
#include "base/err.h"
#include "model/kernel_address.h"
#include "model/model_priv.h"

#include <errno.h>

struct frame_key {
	uint64_t ip;
	uint64_t pid; /* 0 for the kernel, which is one and the same for all */
};

static int frame_of(struct model *m, uint32_t pid, uint64_t ip, uint32_t *ret, struct err *err)
{
	const struct frame_key key = {.ip = ip, .pid = kernel_address(ip) ? 0 : pid};
	int r = table_put(&m->frames, &key, ret, err);

	if (r > 0) {
		model_frame(m, *ret)->pid = pid;
		model_frame(m, *ret)->ip = ip;
	}
	return r;
}

int model_apply_stack(struct model *m, const struct record *rec, struct err *err)
{
	const struct record_stack *from = &rec->stack;
	const size_t first = m->stack_frames.len;
	uint32_t i;
	int r;

	if (table_find(&m->stacks, &from->stack))
		return 0; /* named after its frames: the same ones again */
	r = table_limit(first + from->len, LIMIT_FRAMES, "frames of stacks", err);
	if (r < 0)
		return r;
	for (uint32_t k = 0; k < from->len; k++) {
		/* The frame below a call holds where it returns to; the innermost one, and the user
		 * code that entered the kernel, where it stands. */
		bool caller = k && kernel_address(from->ips[k]) == kernel_address(from->ips[k - 1]);
		uint32_t *place = vec_add(&m->stack_frames);

		if (!place)
			return err_set(err, -ENOMEM, "out of memory for stacks");
		r = frame_of(m, from->pid, from->ips[k], place, err);
		if (r < 0)
			return r;
		if (r > 0)
			model_frame(m, *place)->return_address = caller;
	}
	r = table_put(&m->stacks, &from->stack, &i, err);
	if (r < 0)
		return r;
	*model_stack(m, i) = (struct model_stack){.id = from->stack,
						  .truncated = from->truncated,
						  .frame_pointers = from->frame_pointers,
						  .len = from->len,
						  .first = first};
	return 0;
}

int model_apply_frame(struct model *m, const struct record *rec, struct err *err)
{
	const struct record_frame *from = &rec->frame;
	struct model_frame *frame;
	uint32_t name;
	uint32_t module;
	uint32_t file;
	uint32_t i;
	int r = strpool_put(&m->strings, from->name, &name, err);

	if (r == 0)
		r = strpool_put(&m->strings, from->module, &module, err);
	if (r == 0)
		r = strpool_put(&m->strings, from->file, &file, err);
	if (r == 0)
		r = frame_of(m, from->pid, from->ip, &i, err);
	if (r < 0)
		return r;
	frame = model_frame(m, i);
	frame->seen = true;
	frame->name = name;
	frame->module = module;
	frame->offset = from->offset;
	frame->file = file;
	frame->line = from->line;
	return 0;
}

int model_apply_note(struct model *m, const struct record *rec, struct err *err)
{
	struct model_note note = {.note = rec->note.note};
	uint32_t i;
	int r = strpool_put(&m->strings, rec->note.module, &note.module, err);

	if (r == 0)
		r = table_put(&m->notes, &note, &i, err);
	if (r > 0)
		((struct model_note *)m->notes.at)[i] = note;
	return r < 0 ? r : 0;
}

int model_apply_inlined(struct model *m, const struct record *rec, struct err *err)
{
	const struct record_inlined *from = &rec->inlined;
	struct model_inlined inlined = {.line = from->line};
	struct model_inlined *place;
	struct model_frame *frame;
	uint32_t i;
	int r = frame_of(m, from->pid, from->ip, &i, err);

	if (r < 0)
		return r;
	frame = model_frame(m, i);
	if (from->depth < frame->inlined_len)
		return 0; /* the same again */
	if (from->depth == 0)
		frame->inlined_first = (uint32_t)m->inlined.len;
	if (from->depth > frame->inlined_len ||
	    frame->inlined_first + frame->inlined_len != m->inlined.len)
		return err_set(err, -EPROTO, "inlined functions are not in their order");
	r = table_limit(m->inlined.len, LIMIT_FRAMES, "inlined functions", err);
	if (r == 0)
		r = strpool_put(&m->strings, from->name, &inlined.name, err);
	if (r == 0)
		r = strpool_put(&m->strings, from->file, &inlined.file, err);
	if (r < 0)
		return r;
	place = vec_add(&m->inlined);
	if (!place)
		return err_set(err, -ENOMEM, "out of memory for inlined functions");
	*place = inlined;
	frame->inlined_len++;
	return 0;
}
