// SPDX-License-Identifier: GPL-2.0-only
/* The list of locks in its order, their names, their holders as threads of the snapshot. */
#include "base/num.h"
#include "base/text.h"
#include "model/freeze_priv.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct order {
	bool is_lock;
	uint64_t blame_ns;
	uint64_t wait_ns;
	uint64_t address;
	uint32_t group;
};

static int compare_order(const void *pa, const void *pb)
{
	const struct order *a = pa;
	const struct order *b = pb;
	int r = freeze_falling(a->is_lock, b->is_lock);

	if (!r)
		r = freeze_falling(a->blame_ns, b->blame_ns);
	if (!r)
		r = freeze_falling(a->wait_ns, b->wait_ns);
	if (!r)
		r = freeze_rising(a->address, b->address);
	return r ? r : freeze_rising(a->group, b->group);
}

static int compare_holder(const void *pa, const void *pb)
{
	const struct snap_holder *a = pa;
	const struct snap_holder *b = pb;
	int r = freeze_falling(a->blame_ns, b->blame_ns);

	if (!r)
		r = freeze_rising(a->thread, b->thread);
	return r ? r : freeze_rising(a->stack, b->stack);
}

static void add_text(struct freeze *f, const char *raw)
{
	text_escape(&f->scratch, raw, strlen(raw));
}

static const struct model_thread *thread_by_tid(const struct freeze *f, uint32_t tid, uint32_t pid)
{
	const uint32_t *i = hashmap_get(&f->m->tids, &tid);

	return i && model_thread(f->m, *i)->rec.pid == pid ? model_thread(f->m, *i) : NULL;
}

static void name_join(struct freeze *f, const struct freeze_group *group)
{
	const struct model_thread *joined = thread_by_tid(f, group->value, group->value_pid);

	strbuf_puts(&f->scratch, "join of ");
	if (joined && joined->rec.name[0])
		add_text(f, joined->rec.name);
	else
		strbuf_printf(&f->scratch, "thread %" PRIu32, group->value);
}

static void name_kernel(struct freeze *f, const struct model_lock *lock)
{
	const uint32_t *i = table_find(&f->m->processes, &lock->pid);
	const struct record_process *process =
		i ? (const struct record_process *)f->m->processes.at + *i : NULL;

	strbuf_puts(&f->scratch, "mmap_lock of ");
	if (process && process->comm[0])
		add_text(f, process->comm);
	else
		strbuf_printf(&f->scratch, "process %" PRIu32, lock->pid);
}

static void name_file(struct freeze *f, const struct model_lock *lock)
{
	const char *path = strpool_get(&f->m->strings, lock->path);
	const char *slash = strrchr(path, '/');

	/* What the kernel calls memory that is shared without a file. */
	if (strcmp(path, "/dev/zero") == 0)
		path = "shared memory";
	else if (slash && slash[1])
		path = slash + 1;
	if (*path)
		add_text(f, path);
	else
		strbuf_printf(&f->scratch, "inode %" PRIu64, lock->inode);
	strbuf_printf(&f->scratch, "+0x%" PRIx64, lock->file_offset);
}

const char *freeze_lock_name(struct freeze *f, const struct freeze_group *group)
{
	const struct model_lock *lock = model_lock(f->m, group->first);

	strbuf_reset(&f->scratch);
	if (group->judgement.kind == LOCK_KERNEL)
		name_kernel(f, lock);
	else if (group->judgement.kind == LOCK_JOIN && group->value)
		name_join(f, group);
	else if (group->evidence.shared)
		name_file(f, lock);
	else if (lock->identified)
		strbuf_printf(&f->scratch, "futex 0x%" PRIx64, lock->address);
	else
		strbuf_puts(&f->scratch, "futex at an unknown address");
	return freeze_scratch(f);
}

static struct snap_lock finish_lock(struct freeze *f, struct freeze_group *g)
{
	struct snap_lock lock = g->lock;

	for (uint32_t i = 0; i < lock.holders_len; i++)
		if (g->holders[i].thread != NO_THREAD)
			g->holders[i].thread = f->thread_of[g->holders[i].thread];
	qsort(g->holders, lock.holders_len, sizeof(*g->holders), compare_holder);
	lock.holders = g->holders;
	lock.waiters = g->waiters;
	lock.pids = g->pids;
	if (g->named == SNAP_NONE) {
		lock.name = freeze_lock_name(f, g);
		lock.module = "";
	} else {
		const struct model_lock *named = model_lock(f->m, g->named);

		lock.name = freeze_string(f, named->name);
		lock.module = freeze_string(f, named->module);
		lock.named = named->symbol;
	}
	return lock;
}

void freeze_lock_list(struct freeze *f)
{
	struct order *order = freeze_temporary(f, f->groups_len, sizeof(*order));
	struct snap_lock *locks = NULL;
	uint32_t n = 0;

	for (uint32_t i = 0; !f->failed && i < f->groups_len; i++) {
		const struct snap_lock *lock = &f->groups[i].lock;

		f->lock_of[i] = SNAP_NONE;
		/* Met, but nobody waited in the window. */
		if (lock->waits)
			order[n++] = (struct order){lock->is_lock, lock->blame_ns, lock->wait_ns,
						    lock->address, i};
	}
	if (!f->failed) {
		qsort(order, n, sizeof(*order), compare_order);
		locks = freeze_array(f, n, sizeof(*locks));
	}
	for (uint32_t i = 0; !f->failed && i < n; i++) {
		locks[i] = finish_lock(f, &f->groups[order[i].group]);
		f->lock_of[order[i].group] = i;
	}
	f->snap->locks = locks;
	f->snap->locks_len = n;
	free(order);
}
