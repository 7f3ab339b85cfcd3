// SPDX-License-Identifier: GPL-2.0-only
#include "base/num.h"
#include "base/text.h"
#include "model/freeze_priv.h"

#include <stdlib.h>
#include <string.h>

/* A snapshot and all that it points to. */
struct snapshot_box {
	struct snapshot snap; /* first: snapshot_free() gets its address */
	struct arena arena;
};

void *freeze_array(struct freeze *f, size_t count, size_t size)
{
	void *at = arena_alloc(f->arena, count, size);

	f->failed |= !at;
	return at;
}

void *freeze_temporary(struct freeze *f, size_t count, size_t size)
{
	void *at = calloc(count ? count : 1, size);

	f->failed |= !at;
	return at;
}

const char *freeze_scratch(struct freeze *f)
{
	char *text = arena_text(f->arena, strbuf_str(&f->scratch), f->scratch.len);

	f->failed |= !text || f->scratch.failed;
	return text ? text : "";
}

const char *freeze_text(struct freeze *f, const char *raw)
{
	strbuf_reset(&f->scratch);
	text_escape(&f->scratch, raw, strlen(raw));
	return freeze_scratch(f);
}

const char *freeze_string(struct freeze *f, uint32_t string)
{
	if (!f->texts[string])
		f->texts[string] = freeze_text(f, strpool_get(&f->m->strings, string));
	return f->texts[string];
}

/* Escape a buffer in place; what no longer fits is cut where a character or an escape begins. */
static void escape_buffer(struct freeze *f, char *buffer, size_t size)
{
	const char *text;
	size_t len;

	strbuf_reset(&f->scratch);
	text_escape(&f->scratch, buffer, strnlen(buffer, size));
	text = strbuf_str(&f->scratch);
	len = f->scratch.len;
	if (len >= size) {
		len = size - 1;
		while (len && ((unsigned char)text[len] & 0xc0) == 0x80)
			len--;
		for (size_t back = 1; back < 4 && back <= len; back++)
			if (text[len - back] == '\\' && text[len - back + 1] == 'x') {
				len -= back;
				break;
			}
	}
	memcpy(buffer, text, len);
	memset(buffer + len, 0, size - len);
	f->failed |= f->scratch.failed;
}

static void freeze_run(struct freeze *f)
{
	const struct model *m = f->m;
	struct snapshot *snap = f->snap;
	uint64_t end_ns = m->have_end ? m->end.end_ns : model_last_end(m);

	snap->run = m->run;
	escape_buffer(f, snap->run.tool_version, sizeof(snap->run.tool_version));
	escape_buffer(f, snap->run.kernel, sizeof(snap->run.kernel));
	escape_buffer(f, snap->run.command, sizeof(snap->run.command));
	snap->start_ns = m->run.start_ns;
	snap->duration_ns = end_ns - m->run.start_ns;
	snap->complete = m->have_end;
	snap->end = m->end;
	snap->host = m->host;
	snap->self = m->self;
	memcpy(snap->loss, m->loss, sizeof(snap->loss));
	snap->loss[LOSS_THREAD_SLOTS] =
		num_sat_add(snap->loss[LOSS_THREAD_SLOTS], m->threads_beyond);
	snap->loss[LOSS_PROCESSES_BEYOND] =
		num_sat_add(snap->loss[LOSS_PROCESSES_BEYOND], m->processes_beyond);
	snap->have_futex_calls = m->futex_calls.len > 0;
	for (size_t i = 0; i < m->futex_calls.len; i++) {
		const struct record_futex_calls *calls =
			(struct record_futex_calls *)m->futex_calls.at + i;
		struct record_futex_calls *sum = &snap->futex_calls;

		sum->pid = m->futex_calls.len == 1 ? calls->pid : 0;
		sum->waits = num_sat_add(sum->waits, calls->waits);
		sum->wakes = num_sat_add(sum->wakes, calls->wakes);
		sum->eagain = num_sat_add(sum->eagain, calls->eagain);
		sum->empty_wakes = num_sat_add(sum->empty_wakes, calls->empty_wakes);
	}
}

/* What the model itself can count; a source that counts it too may know of more. */
static void at_least(struct snapshot *snap, enum loss_cause cause, uint64_t count)
{
	snap->loss[cause] = num_max_u64(snap->loss[cause], count);
}

static void freeze_losses(struct freeze *f)
{
	struct snapshot *snap = f->snap;
	uint64_t count = 0;

	for (uint32_t i = 0; i < f->m->frames.len; i++)
		count += !*strpool_get(&f->m->strings, model_frame(f->m, i)->name);
	at_least(snap, LOSS_UNRESOLVED_FRAMES, count);
	count = 0;
	for (uint32_t i = 0; i < snap->stacks_len; i++)
		count += snap->stacks[i].truncated;
	at_least(snap, LOSS_STACK_TRUNCATED, count);
	at_least(snap, LOSS_OPEN_AT_END, f->m->open.len);
	count = 0;
	for (uint32_t i = 0; i < snap->locks_len; i++) {
		const struct snap_lock *lock = &snap->locks[i];

		for (uint32_t k = 0; lock->is_lock && k < lock->holders_len; k++)
			if (lock->holders[k].thread == SNAP_NONE)
				count = num_sat_add(count, lock->holders[k].waits);
	}
	at_least(snap, LOSS_HOLDER_UNKNOWN, count);
	count = 0;
	for (uint32_t i = 0; i < f->groups_len; i++)
		count += f->lock_of[i] != SNAP_NONE && f->groups[i].named == SNAP_NONE;
	at_least(snap, LOSS_UNRESOLVED_LOCKS, count);
}

static void run_steps(struct freeze *f)
{
	static void (*const steps[])(struct freeze * f) = {
		freeze_run,	 freeze_stacks,	   freeze_groups,      freeze_times,
		freeze_holders,	 freeze_threads,   freeze_supervisors, freeze_waiters,
		freeze_holdings, freeze_lock_list, freeze_lists,       freeze_edges,
		freeze_tree,	 freeze_slices,	   freeze_loops,       freeze_losses,
	};

	f->texts = freeze_temporary(f, f->m->strings.offsets.len, sizeof(*f->texts));
	for (size_t i = 0; i < ARRAY_LEN(steps) && !f->failed; i++)
		steps[i](f);
	free(f->texts);
	free(f->stack_sites);
	free(f->stack_glibc);
	free(f->objects);
	free(f->gils);
	free(f->python_lines);
	free(f->group_of);
	free(f->groups);
	free(f->lock_of);
	free(f->times);
	free(f->thread_of);
	strbuf_free(&f->scratch);
}

struct snapshot *model_freeze(const struct model *model)
{
	struct snapshot_box *box;
	struct freeze f = {.m = model};

	if (!model->have_run)
		return NULL;
	box = calloc(1, sizeof(*box));
	if (!box)
		return NULL;
	f.snap = &box->snap;
	f.arena = &box->arena;
	run_steps(&f);
	if (f.failed) {
		snapshot_free(&box->snap);
		return NULL;
	}
	return &box->snap;
}

void snapshot_free(struct snapshot *snap)
{
	struct snapshot_box *box = (struct snapshot_box *)(void *)snap;

	if (!box)
		return;
	arena_free(&box->arena);
	free(box);
}
