// SPDX-License-Identifier: GPL-2.0-only
#include "model/model_priv.h"

#include <stdio.h>

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

void model_for_unnamed(const struct model *model, const struct model_names *names)
{
	/* By index and length read again: the callback may apply the name at once. */
	for (uint32_t i = 0; i < model->frames.len; i++) {
		const struct model_frame *frame = model_frame(model, i);

		if (!frame->seen)
			names->frame(names->ctx, frame->pid, frame->ip, frame->return_address);
	}
	for (uint32_t i = 0; i < model->locks.len; i++) {
		const struct model_lock *lock = model_lock(model, i);

		if (lock->identified && !lock->name_seen)
			unnamed_lock(model, lock, names);
	}
}
