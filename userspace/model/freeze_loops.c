// SPDX-License-Identifier: GPL-2.0-only
/* Event loops: threads that share a descriptor together, what each is, and its worst stalls. */
#include "base/num.h"
#include "model/freeze_priv.h"
#include "model/hist.h"
#include "model/loop_kind.h"
#include "model/syscalls.h"

#include <stdlib.h>
#include <string.h>

#define STALLS_SHOWN 64
/* Fewer descriptors: it takes one connection (and a way to be woken) at a time. */
#define MANY_FDS 3
#define LATE_NS (100 * NS_PER_MS) /* as the source counts late_ns */

/* What is known of the threads' stacks, by thread of the snapshot. */
struct kinds {
	uint32_t *of_stack;
	uint32_t *of_thread;
};

static void note_kind(const struct kinds *kinds, uint32_t thread, uint32_t stack)
{
	if (thread == SNAP_NONE || stack == SNAP_NONE)
		return;
	if (kinds->of_stack[stack] < kinds->of_thread[thread])
		kinds->of_thread[thread] = kinds->of_stack[stack];
}

static bool find_kinds(struct freeze *f, struct kinds *kinds)
{
	const struct snapshot *snap = f->snap;

	kinds->of_stack = freeze_temporary(f, snap->stacks_len, sizeof(uint32_t));
	kinds->of_thread = freeze_temporary(f, snap->threads_len, sizeof(uint32_t));
	if (f->failed)
		return false;
	for (uint32_t i = 0; i < snap->stacks_len; i++)
		kinds->of_stack[i] = loop_kind_of(&snap->stacks[i]);
	for (uint32_t i = 0; i < snap->threads_len; i++)
		kinds->of_thread[i] = LOOP_KIND_NONE;
	for (uint32_t i = 0; i < snap->blocks_len; i++)
		note_kind(kinds, snap->blocks[i].thread, snap->blocks[i].stack);
	for (uint32_t i = 0; i < snap->samples_len; i++)
		note_kind(kinds, snap->samples[i].thread, snap->samples[i].stack);
	return true;
}

/* "epoll", "poll", "select", "io_uring": what is left where nothing tells more. */
static const char *family_of(int32_t syscall)
{
	static const char *const families[] = {"epoll",	  "ppoll",  "poll",
					       "pselect", "select", "io_uring"};
	const char *name = syscall_name(syscall);

	for (size_t i = 0; name && i < ARRAY_LEN(families); i++)
		if (!strncmp(name, families[i], strlen(families[i])))
			return !strcmp(families[i], "ppoll")	 ? "poll"
			       : !strcmp(families[i], "pselect") ? "select"
								 : families[i];
	return "poll";
}

/* One thread's loop, as a loop of its own. */
static void fill(const struct record_loop *r, struct snap_loop *loop)
{
	uint64_t open_us = r->open_ns / NS_PER_US;
	uint64_t square_us = num_sat_add(r->square_us, num_sat_mul(open_us, open_us));
	bool open = r->open_ns > 0;

	loop->fds_max = r->fds_max;
	loop->observed_ns = num_sat_sub(r->until_ns, r->since_ns);
	loop->turns = num_sat_add(r->turns, open);
	loop->busy_ns = num_sat_add(r->busy_ns, r->open_ns);
	loop->idle_ns = r->idle_ns;
	loop->late_ns = num_sat_add(r->late_ns, num_sat_sub(r->open_ns, LATE_NS));
	loop->stalls = num_sat_add(r->stalls, open);
	for (int i = 0; i < PART_COUNT; i++) {
		loop->part_ns[i] = num_sat_add(r->part_ns[i], r->open_part_ns[i]);
		loop->stall_part_ns[i] = num_sat_add(r->stall_part_ns[i], r->open_part_ns[i]);
	}
	hist_merge(&loop->hist, r->turns, num_max_u64(r->max_ns, r->open_ns), r->hist);
	/* Squares of microseconds over twice the time: a random arrival waits for the rest of the
	 * turn that it falls into. */
	if (loop->observed_ns)
		loop->added_mean_ns =
			num_to_u64((double)square_us * 1e6 / (2.0 * (double)loop->observed_ns));
}

/* Another thread (or an earlier program of the same one) at the same descriptor. */
static void join(struct snap_loop *into, const struct snap_loop *from)
{
	double sum = (double)into->added_mean_ns * (double)into->observed_ns +
		     (double)from->added_mean_ns * (double)from->observed_ns;

	into->fds_max = (uint32_t)num_max_u64(into->fds_max, from->fds_max);
	into->observed_ns = num_sat_add(into->observed_ns, from->observed_ns);
	into->turns = num_sat_add(into->turns, from->turns);
	into->busy_ns = num_sat_add(into->busy_ns, from->busy_ns);
	into->idle_ns = num_sat_add(into->idle_ns, from->idle_ns);
	into->late_ns = num_sat_add(into->late_ns, from->late_ns);
	into->stalls = num_sat_add(into->stalls, from->stalls);
	for (int i = 0; i < PART_COUNT; i++) {
		into->part_ns[i] = num_sat_add(into->part_ns[i], from->part_ns[i]);
		into->stall_part_ns[i] =
			num_sat_add(into->stall_part_ns[i], from->stall_part_ns[i]);
	}
	hist_merge(&into->hist, from->hist.count, from->hist.max_ns, from->hist.bucket);
	if (into->observed_ns)
		into->added_mean_ns = num_to_u64(sum / (double)into->observed_ns);
}

/* A loop of the model on its way into one of the snapshot. */
struct part {
	uint32_t pid;
	uint32_t thread; /* of the snapshot */
	uint64_t poll_id;
	int32_t syscall;
	struct snap_loop loop;
};

/* Same process and descriptor, else same thread: next to each other. */
static int compare_part(const void *pa, const void *pb)
{
	const struct part *a = pa, *b = pb;
	int r = freeze_rising(a->pid, b->pid);

	if (!r)
		r = freeze_rising(a->poll_id, b->poll_id);
	return r ? r : freeze_rising(a->thread, b->thread);
}

static bool together(const struct part *a, const struct part *b)
{
	return a->pid == b->pid && a->poll_id == b->poll_id &&
	       (a->poll_id || a->thread == b->thread);
}

static struct part *collect(struct freeze *f, uint32_t *ret_len)
{
	const size_t len = f->m->loops.len;
	struct part *parts = freeze_temporary(f, len, sizeof(*parts));

	*ret_len = 0;
	for (size_t i = 0; parts && i < len; i++) {
		const struct model_loop *from = (struct model_loop *)f->m->loops.at + i;
		uint32_t thread = f->thread_of[from->thread];
		struct part *part = &parts[*ret_len];

		if (thread == SNAP_NONE ||
		    (!from->rec.turns && !from->rec.idle_ns && !from->rec.open_ns))
			continue;
		part->pid = f->snap->threads[thread].pid;
		part->thread = thread;
		part->poll_id = from->rec.poll_id;
		part->syscall = from->rec.syscall;
		part->loop.thread = thread;
		part->loop.threads = 1;
		fill(&from->rec, &part->loop);
		(*ret_len)++;
	}
	if (parts)
		qsort(parts, *ret_len, sizeof(*parts), compare_part);
	return parts;
}

static void judge(const struct kinds *kinds, int32_t syscall, struct snap_loop *loop)
{
	const struct loop_kind *kind = loop_kind_row(kinds->of_thread[loop->thread]);

	loop->kind = kind ? kind->name : family_of(syscall);
	loop->is_loop = kind ? kind->is_loop : loop->fds_max >= MANY_FDS;
	/* While one of several threads is busy another one takes what comes. */
	if (loop->threads > 1)
		loop->is_loop = false;
}

static int compare_loop(const void *pa, const void *pb)
{
	const struct snap_loop *a = pa, *b = pb;
	int r = freeze_falling(a->is_loop, b->is_loop);

	if (!r)
		r = freeze_falling(a->added_mean_ns, b->added_mean_ns);
	if (!r)
		r = freeze_falling(a->busy_ns, b->busy_ns);
	return r ? r : freeze_rising(a->thread, b->thread);
}

/* The first of @parts and those after it that go together with it, as one loop.  Returns how many
 * they are. */
static uint32_t merge(const struct kinds *kinds, const struct part *parts, uint32_t len,
		      struct snap_loop *loop)
{
	const struct part *chief = parts;
	uint32_t n = 1;

	*loop = parts->loop;
	for (; n < len && together(parts, &parts[n]); n++) {
		loop->threads += parts[n].thread != parts[n - 1].thread;
		join(loop, &parts[n].loop);
		if (parts[n].loop.turns > chief->loop.turns)
			chief = &parts[n];
	}
	loop->thread = chief->thread;
	judge(kinds, chief->syscall, loop);
	return n;
}

/* @loop_of: by thread of the snapshot, for the stalls. */
static void loop_list(struct freeze *f, const struct kinds *kinds, uint32_t *loop_of)
{
	uint32_t len = 0, n = 0;
	struct part *parts = collect(f, &len);
	/* By part: the thread that its loop goes by, which stays when they are sorted. */
	uint32_t *chief = freeze_temporary(f, len, sizeof(*chief));
	struct snap_loop *list = freeze_array(f, len, sizeof(*list));

	for (uint32_t i = 0; !f->failed && i < len; n++) {
		uint32_t end = i + merge(kinds, &parts[i], len - i, &list[n]);

		while (i < end)
			chief[i++] = list[n].thread;
	}
	if (!f->failed) {
		qsort(list, n, sizeof(*list), compare_loop);
		for (uint32_t i = 0; i < n; i++)
			loop_of[list[i].thread] = i;
		for (uint32_t i = 0; i < len; i++)
			loop_of[parts[i].thread] = loop_of[chief[i]];
		f->snap->loops = list;
		f->snap->loops_len = n;
	}
	free(chief);
	free(parts);
}

static enum loop_part part_of(enum time_class cls)
{
	switch (cls) {
	case CLASS_RUN:
		return PART_RUN;
	case CLASS_RUNQ_PREEMPT:
	case CLASS_RUNQ_WAKE:
		return PART_RUNQ;
	case CLASS_GIL:
		return PART_GIL;
	case CLASS_LOCK:
		return PART_LOCK;
	case CLASS_SLEEP:
		return PART_SLEEP;
	case CLASS_PEER:
	case CLASS_DISK:
	case CLASS_NET:
	case CLASS_CLIENT_IDLE:
	case CLASS_LOOP_IDLE:
	case CLASS_POOL_IDLE:
	case CLASS_CHILD:
	case CLASS_STOPPED:
	case CLASS_OTHER:
	case CLASS_COUNT:
		break;
	}
	return PART_BLOCKING;
}

static bool same_frame(const struct snap_frame *a, const struct snap_frame *b)
{
	return a->name == b->name && a->module == b->module && a->python == b->python &&
	       (a->name[0] || a->ip == b->ip);
}

/* Frames that two stacks share from the outermost one on. */
static uint32_t shared_frames(const struct snap_stack *a, const struct snap_stack *b)
{
	uint32_t len = a->frames_len < b->frames_len ? a->frames_len : b->frames_len, n = 0;

	while (n < len &&
	       same_frame(&a->frames[a->frames_len - 1 - n], &b->frames[b->frames_len - 1 - n]))
		n++;
	return n;
}

/* The sample that has the most in common with the others; the length of its own is no merit. */
static uint32_t typical(const struct freeze *f, const struct record_stall *r)
{
	uint32_t best = SNAP_NONE, best_score = 0;

	for (uint32_t i = 0; i < r->stacks_len; i++) {
		uint32_t stack = freeze_stack(f, r->stacks[i]), score = 1;

		if (stack == SNAP_NONE)
			continue;
		for (uint32_t k = 0; k < r->stacks_len; k++) {
			uint32_t other = freeze_stack(f, r->stacks[k]);

			if (k != i && other != SNAP_NONE)
				score += shared_frames(&f->snap->stacks[stack],
						       &f->snap->stacks[other]);
		}
		if (score > best_score) {
			best = stack;
			best_score = score;
		}
	}
	return best;
}

static const char *task_text(struct freeze *f, uint32_t stack)
{
	const struct snap_frame *frame =
		stack == SNAP_NONE ? NULL : loop_task_frame(&f->snap->stacks[stack]);

	return frame ? frame->name : "";
}

static void fill_stall(struct freeze *f, const struct model_stall *from, const uint32_t *loop_of,
		       struct snap_stall *stall)
{
	const struct record_stall *r = &from->rec;
	const char *name = syscall_name(r->block_syscall);
	uint32_t block = freeze_stack(f, r->block_stack), run = typical(f, r);
	enum loop_part blocked = part_of((enum time_class)r->block_class);

	stall->thread = f->thread_of[from->thread];
	stall->loop = loop_of[stall->thread];
	stall->at_ns = num_sat_sub(r->start_ns, f->snap->start_ns);
	stall->duration_ns = num_sat_sub(r->end_ns, r->start_ns);
	stall->open = r->open;
	memcpy(stall->part_ns, r->part_ns, sizeof(stall->part_ns));
	for (int i = 1; i < PART_COUNT; i++)
		if (r->part_ns[i] > r->part_ns[stall->cause])
			stall->cause = (enum loop_part)i;
	stall->syscall_name = "";
	if (stall->cause == PART_RUN || stall->cause == PART_RUNQ) {
		stall->stack = run != SNAP_NONE ? run : block;
	} else {
		stall->stack = block != SNAP_NONE ? block : run;
		if (blocked == stall->cause && name)
			stall->syscall_name = name;
	}
	stall->task = task_text(f, stall->stack);
}

static int compare_stall(const void *pa, const void *pb)
{
	const struct snap_stall *a = pa, *b = pb;
	int r = freeze_falling(a->duration_ns, b->duration_ns);

	if (!r)
		r = freeze_rising(a->at_ns, b->at_ns);
	return r ? r : freeze_rising(a->thread, b->thread);
}

static int compare_model_stall(const void *pa, const void *pb)
{
	const struct record_stall *a = &(*(struct model_stall *const *)pa)->rec;
	const struct record_stall *b = &(*(struct model_stall *const *)pb)->rec;
	int r = freeze_falling(num_sat_sub(a->end_ns, a->start_ns),
			       num_sat_sub(b->end_ns, b->start_ns));

	return r ? r : freeze_rising(a->start_ns, b->start_ns);
}

/* The worst ones of all loops; a stall whose loop told nothing else is left out. */
static void stall_list(struct freeze *f, const uint32_t *loop_of)
{
	const size_t len = f->m->stalls.len;
	const struct model_stall **order = freeze_temporary(f, len, sizeof(struct model_stall *));
	struct snap_stall *list = freeze_array(f, STALLS_SHOWN, sizeof(*list));
	uint32_t n = 0;

	for (size_t i = 0; order && i < len; i++)
		order[i] = &f->m->stalls.at[i];
	if (!f->failed)
		qsort(order, len, sizeof(struct model_stall *), compare_model_stall);
	for (size_t i = 0; !f->failed && i < len && n < STALLS_SHOWN; i++) {
		uint32_t thread = f->thread_of[order[i]->thread];

		if (thread != SNAP_NONE && loop_of[thread] != SNAP_NONE)
			fill_stall(f, order[i], loop_of, &list[n++]);
	}
	free(order);
	if (f->failed)
		return;
	qsort(list, n, sizeof(*list), compare_stall);
	f->snap->stalls = list;
	f->snap->stalls_len = n;
}

void freeze_loops(struct freeze *f)
{
	struct kinds kinds = {NULL, NULL};
	uint32_t *loop_of = freeze_temporary(f, f->snap->threads_len, sizeof(*loop_of));

	for (uint32_t i = 0; loop_of && i < f->snap->threads_len; i++)
		loop_of[i] = SNAP_NONE;
	if (f->m->loops.len && loop_of && find_kinds(f, &kinds)) {
		for (size_t i = 0; i < f->m->stalls.len; i++) {
			const struct record_stall *r = &f->m->stalls.at[i].rec;
			uint32_t thread = f->thread_of[f->m->stalls.at[i].thread];

			note_kind(&kinds, thread, freeze_stack(f, r->block_stack));
			for (uint32_t k = 0; k < r->stacks_len; k++)
				note_kind(&kinds, thread, freeze_stack(f, r->stacks[k]));
		}
		loop_list(f, &kinds, loop_of);
		if (!f->failed)
			stall_list(f, loop_of);
	}
	free(kinds.of_stack);
	free(kinds.of_thread);
	free(loop_of);
}
