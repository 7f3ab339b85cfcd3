// SPDX-License-Identifier: GPL-2.0-only
/* The table of views, and what several of them say in the same way. */
#include "base/num.h"
#include "model/site.h"
#include "report/columns.h"
#include "tui/view.h"

#include <inttypes.h>
#include <string.h>

/* clang-format off */
static const struct view views[VIEW_COUNT] = {
	[VIEW_OVERVIEW]	 = {.title = "Overview", .short_title = "Over", .draw = overview_draw, .act = overview_act},
	[VIEW_THREADS]	 = {.title = "Threads", .short_title = "Thr", .table = threads_table, .detail = threads_detail},
	[VIEW_LOCKS]	 = {.title = "Locks", .short_title = "Lock", .table = locks_table, .detail = locks_detail},
	[VIEW_LOOPS]	 = {.title = "Loops", .short_title = "Loop", .draw = loops_draw, .table = loops_table, .detail = loops_detail},
	[VIEW_PROCESSES] = {.title = "Processes", .short_title = "Proc", .draw = processes_draw, .table = processes_table, .tree = true},
	[VIEW_STACKS]	 = {.title = "Stacks", .short_title = "Stk", .draw = stacks_draw, .act = stacks_act, .click = stacks_click},
	[VIEW_GRAPH]	 = {.title = "Graph", .short_title = "Grph", .draw = graph_draw},
};
/* clang-format on */

const struct view *view_of(enum view_id id)
{
	return &views[id];
}

/* Locks have no number of their own that would stay: what they are, where, and whose. */
uint64_t view_lock_identity(const struct report *rep, uint32_t lock)
{
	const struct snap_lock *l = &rep->snap->locks[lock];
	uint64_t hash = 1469598103934665603ULL ^ l->address;

	if (l->pids_len)
		hash = hash * 1099511628211ULL ^ l->pids[0];
	/* Its name may become known later; its address does not change. */
	if (!l->address)
		for (const char *p = l->name; *p; p++)
			hash = hash * 1099511628211ULL ^ (unsigned char)*p;
	return hash;
}

uint64_t view_thread_identity(const struct report *rep, uint32_t thread)
{
	const struct snap_thread *t = &rep->snap->threads[thread];

	return (uint64_t)t->pid << 32 | t->tid;
}

uint32_t view_waits_for(const struct report *rep, uint32_t thread)
{
	for (uint32_t i = 0; i < rep->snap->locks_len; i++) {
		const struct snap_lock *lock = &rep->snap->locks[i];

		for (uint32_t k = 0; lock->open_waits && k < lock->waiters_len; k++)
			if (lock->waiters[k].open && lock->waiters[k].thread == thread)
				return i;
	}
	return SNAP_NONE;
}

/* Where it is off the CPU for the longest in @cls: the system call. */
static const char *syscall_of(const struct snapshot *snap, uint32_t thread, enum time_class cls)
{
	for (uint32_t i = 0; i < snap->blocks_len; i++)
		if (snap->blocks[i].thread == thread && snap->blocks[i].cls == cls)
			return snap->blocks[i].syscall_name;
	return "";
}

/* In its last slice; of waits for futexes, and in a capture without slices, of the whole window. */
static enum time_class now_class(const struct snap_thread *t)
{
	static const enum time_class futex[] = {CLASS_LOCK, CLASS_GIL, CLASS_PEER, CLASS_POOL_IDLE};
	enum time_class most = t->last_futex ? CLASS_LOCK : CLASS_RUN;

	if (t->last_known && !t->last_futex)
		return t->last_class;
	if (t->last_futex) {
		for (size_t i = 0; i < ARRAY_LEN(futex); i++)
			if (t->class_ns[futex[i]] > t->class_ns[most])
				most = futex[i];
		return most;
	}
	for (unsigned cls = 0; cls < CLASS_COUNT; cls++)
		if (t->class_ns[cls] > t->class_ns[most])
			most = (enum time_class)cls;
	return most;
}

void view_thread_now(struct strbuf *sb, const struct report *rep, uint32_t thread)
{
	const struct snap_thread *t = &rep->snap->threads[thread];
	uint32_t lock = view_waits_for(rep, thread);
	enum time_class cls;
	const char *call;

	if (t->ended) {
		strbuf_puts(sb, "ended");
		return;
	}
	if (lock != SNAP_NONE) {
		strbuf_printf(sb, "%s %s", rep->snap->locks[lock].is_lock ? "waits:" : "idle on",
			      rep->snap->locks[lock].name);
		return;
	}
	cls = now_class(t);
	if (cls == CLASS_RUN) {
		strbuf_puts(sb, "runs");
	} else if (cls == CLASS_RUNQ_PREEMPT || cls == CLASS_RUNQ_WAKE) {
		strbuf_puts(sb, "wants a CPU");
	} else {
		call = syscall_of(rep->snap, thread, cls);
		strbuf_printf(sb, "%s%s%s", time_class_name(cls), *call ? ": " : "", call);
	}
}

int view_stack(const struct pane *pane, int y, const struct report *rep, uint32_t stack, int most)
{
	const struct snap_stack *s;
	int rows = 0;

	if (stack >= rep->snap->stacks_len) {
		pane_text(pane, 4, y, ROLE_DIM, "(stack unknown)");
		return 1;
	}
	s = &rep->snap->stacks[stack];
	for (uint32_t i = 0; i < s->frames_len && rows < most; i++) {
		struct strbuf text = {0};
		const struct snap_frame *frame = &s->frames[i];
		bool runtime = frame->kernel || site_in_runtime(frame->module, frame->name);

		snap_frame_line_text(&text, frame);
		pane_fit(pane, 4, y + rows, pane->width - 4, TEXT_LEFT,
			 runtime ? ROLE_DIM : ROLE_PLAIN, strbuf_str(&text));
		strbuf_free(&text);
		rows++;
	}
	if (s->truncated && rows < most)
		pane_text(pane, 4, y + rows++, ROLE_WARN, "(cut off here)");
	return rows;
}
