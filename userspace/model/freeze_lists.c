// SPDX-License-Identifier: GPL-2.0-only
/* The plain lists: off-CPU blocks, samples, long waits, notes. */
#include "model/freeze_priv.h"
#include "model/syscalls.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static int compare_block(const void *pa, const void *pb)
{
	const struct snap_block *a = pa;
	const struct snap_block *b = pb;
	int r = freeze_falling(a->ns, b->ns);

	if (!r)
		r = freeze_falling(a->count, b->count);
	if (!r)
		r = freeze_rising(a->thread, b->thread);
	if (!r)
		r = freeze_rising(a->cls, b->cls);
	if (!r)
		r = (a->syscall > b->syscall) - (a->syscall < b->syscall);
	return r ? r : freeze_rising(a->stack, b->stack);
}

static int compare_sample(const void *pa, const void *pb)
{
	const struct snap_sample *a = pa;
	const struct snap_sample *b = pb;
	int r = freeze_falling(a->count, b->count);

	if (!r)
		r = freeze_rising(a->thread, b->thread);
	if (!r)
		r = freeze_rising(a->stack, b->stack);
	return r ? r : freeze_rising(a->kind, b->kind);
}

static int compare_long_wait(const void *pa, const void *pb)
{
	const struct record_long_wait *a = pa;
	const struct record_long_wait *b = pb;
	int r = freeze_rising(a->end_ns, b->end_ns);

	if (!r)
		r = freeze_rising(a->start_ns, b->start_ns);
	if (!r)
		r = freeze_rising(a->tid, b->tid);
	return r ? r : freeze_rising(a->lock, b->lock);
}

static const char *name_of_syscall(struct freeze *f, int32_t nr)
{
	const char *name = syscall_name(nr);

	if (name)
		return name;
	strbuf_reset(&f->scratch);
	strbuf_printf(&f->scratch, "syscall %" PRId32, nr);
	return freeze_scratch(f);
}

static void block_list(struct freeze *f)
{
	const size_t len = f->m->blocks.len;
	struct snap_block *list = freeze_array(f, len, sizeof(*list));

	for (size_t i = 0; !f->failed && i < len; i++) {
		const struct model_block *from = (struct model_block *)f->m->blocks.at + i;

		list[i] = (struct snap_block){
			.thread = f->thread_of[from->thread],
			.cls = (enum time_class)from->rec.class,
			.syscall = from->rec.syscall,
			.syscall_name = name_of_syscall(f, from->rec.syscall),
			.stack = freeze_stack(f, from->rec.stack),
			.count = from->rec.count,
			.ns = from->rec.ns,
			.max_ns = from->rec.max_ns,
		};
	}
	if (f->failed)
		return;
	qsort(list, len, sizeof(*list), compare_block);
	f->snap->blocks = list;
	f->snap->blocks_len = (uint32_t)len;
}

static void sample_list(struct freeze *f)
{
	const size_t len = f->m->samples.len;
	struct snap_sample *list = freeze_array(f, len, sizeof(*list));

	for (size_t i = 0; !f->failed && i < len; i++) {
		const struct model_sample *from = (struct model_sample *)f->m->samples.at + i;

		list[i] = (struct snap_sample){
			.thread = f->thread_of[from->thread],
			.stack = freeze_stack(f, from->rec.stack),
			.kind = (enum sample_kind)from->rec.kind,
			.count = from->rec.count,
		};
	}
	if (f->failed)
		return;
	qsort(list, len, sizeof(*list), compare_sample);
	f->snap->samples = list;
	f->snap->samples_len = (uint32_t)len;
}

static int compare_note(const void *pa, const void *pb)
{
	const struct snap_note *a = pa;
	const struct snap_note *b = pb;
	int r = freeze_rising(a->note, b->note);

	return r ? r : strcmp(a->module, b->module);
}

static void note_list(struct freeze *f)
{
	const size_t len = f->m->notes.len;
	struct snap_note *list = freeze_array(f, len, sizeof(*list));

	for (size_t i = 0; !f->failed && i < len; i++) {
		const struct model_note *from = (struct model_note *)f->m->notes.at + i;

		list[i] = (struct snap_note){.note = (enum note)from->note,
					     .module = freeze_string(f, from->module)};
	}
	if (f->failed)
		return;
	qsort(list, len, sizeof(*list), compare_note);
	f->snap->notes = list;
	f->snap->notes_len = (uint32_t)len;
}

static int compare_listener(const void *pa, const void *pb)
{
	const struct snap_listener *a = pa;
	const struct snap_listener *b = pb;
	int r = freeze_falling(a->waiting_sum, b->waiting_sum);

	return r ? r : strcmp(a->name, b->name);
}

static const char *name_of_listener(struct freeze *f, const struct model_listener *l)
{
	if (!l->port)
		return freeze_string(f, l->path);
	strbuf_reset(&f->scratch);
	strbuf_printf(&f->scratch, "port %" PRIu32, l->port);
	return freeze_scratch(f);
}

static void listener_list(struct freeze *f)
{
	const size_t len = f->m->listeners.len;
	struct snap_listener *list = freeze_array(f, len, sizeof(*list));

	for (size_t i = 0; !f->failed && i < len; i++) {
		const struct model_listener *l = (struct model_listener *)f->m->listeners.at + i;

		list[i] = (struct snap_listener){.name = name_of_listener(f, l),
						 .looks = l->looks,
						 .looks_waiting = l->looks_waiting,
						 .waiting_sum = l->waiting_sum,
						 .waiting_max = l->waiting_max};
	}
	if (f->failed)
		return;
	qsort(list, len, sizeof(*list), compare_listener);
	f->snap->listeners = list;
	f->snap->listeners_len = (uint32_t)len;
}

static uint32_t lock_index(const struct freeze *f, uint64_t id)
{
	const uint32_t *i = table_find(&f->m->locks, &id);

	return i ? f->lock_of[f->group_of[*i]] : SNAP_NONE;
}

/* Locks and stacks become indexes of the snapshot, SNAP_NONE included; threads stay tids. */
static void long_wait_list(struct freeze *f)
{
	const size_t len = f->m->long_waits.len;
	struct record_long_wait *list = freeze_array(f, len, sizeof(*list));

	if (!list)
		return;
	for (size_t i = 0; i < len; i++) {
		list[i] = f->m->long_waits.at[i];
		list[i].lock = lock_index(f, list[i].lock);
		list[i].stack = freeze_stack(f, list[i].stack);
		list[i].release_stack = freeze_stack(f, list[i].release_stack);
	}
	qsort(list, len, sizeof(*list), compare_long_wait);
	f->snap->long_waits = list;
	f->snap->long_waits_len = (uint32_t)len;
}

void freeze_lists(struct freeze *f)
{
	block_list(f);
	sample_list(f);
	long_wait_list(f);
	note_list(f);
	listener_list(f);
}
