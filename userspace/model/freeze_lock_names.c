// SPDX-License-Identifier: GPL-2.0-only
/* What locks are called: by their data symbol, else by what tells them apart. */
#include "base/text.h"
#include "model/freeze_priv.h"
#include "model/native_site.h"
#include "model/python_site.h"
#include "model/site.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

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
	const struct record_process *process = model_process_of(f->m, lock->pid);

	strbuf_puts(&f->scratch, "mmap_lock of ");
	if (process && process->comm[0])
		add_text(f, process->comm);
	else
		strbuf_printf(&f->scratch, "process %" PRIu32, lock->pid);
}

/*
 * A semaphore of Python's multiprocessing: its file in /dev/shm is called after it, or, in the
 * process that made it and those forked from that, as the C library called it before; then who
 * waits tells.
 */
static bool of_multiprocessing(const struct freeze *f, const struct model_lock *lock,
			       const struct snap_lock *snap_lock)
{
	const char *path = strpool_get(&f->m->strings, lock->path);
	uint32_t stack = snap_lock->waiters_len ? snap_lock->waiters[0].stack : SNAP_NONE;

	if (strstr(path, "/sem.mp-"))
		return true;
	if (!strstr(path, "/sem.") || stack >= f->snap->stacks_len)
		return false;
	for (uint32_t i = 0; i < f->snap->stacks[stack].frames_len; i++)
		if (strstr(f->snap->stacks[stack].frames[i].module, "/_multiprocessing."))
			return true;
	return false;
}

/* @object is the address of what the word is in, which the name is of. */
static void name_file(struct freeze *f, const struct model_lock *lock, uint64_t object)
{
	const char *path = strpool_get(&f->m->strings, lock->path);

	/* What the kernel calls memory that is shared without a file. */
	if (strcmp(path, "/dev/zero") == 0)
		path = "shared memory";
	if (*path)
		add_text(f, text_base_name(path));
	else
		strbuf_printf(&f->scratch, "inode %" PRIu64, lock->inode);
	strbuf_printf(&f->scratch, "+0x%" PRIx64, lock->file_offset - (lock->address - object));
}

/* What the stack that waits the longest waits for; NULL: what the lock's kind says. */
static const struct native_wait *native_wait(const struct freeze *f, const struct snap_lock *lock)
{
	const uint32_t stack = lock->waiters_len ? lock->waiters[0].stack : SNAP_NONE;

	return stack < f->snap->stacks_len ? native_wait_of(&f->snap->stacks[stack]) : NULL;
}

static const char *primitive_name(const struct freeze *f, const struct freeze_group *group,
				  const struct snap_lock *lock, const struct snap_frame *site)
{
	const struct native_wait *native = site->python ? NULL : native_wait(f, lock);
	const char *python =
		site->python ? python_primitive(&f->snap->stacks[lock->waiters[0].stack]) : NULL;

	if (site->python)
		return python ? python : "Python lock";
	/* A thread that has nothing to do may find its queue's lock taken. */
	return native && !native->idle ? native->what : lock_kind_name(group->judgement.kind);
}

/* By what it is and the line that waits for it the longest: "mutex in cache_get". */
static bool name_site(struct freeze *f, const struct freeze_group *group,
		      const struct snap_lock *lock)
{
	const struct snap_frame *site =
		lock->waiters_len ? snap_site_frame(f->snap, lock->waiters[0].stack) : NULL;

	if (!site || (!*site->name && !*site->module))
		return false;
	strbuf_puts(&f->scratch, primitive_name(f, group, lock, site));
	if (group->on_stack_tid && !site->python) {
		const struct model_thread *thread =
			thread_by_tid(f, group->on_stack_tid, model_lock(f->m, group->first)->pid);

		strbuf_puts(&f->scratch, " on the stack of ");
		if (thread && thread->rec.name[0])
			add_text(f, thread->rec.name);
		else
			strbuf_printf(&f->scratch, "thread %" PRIu32, group->on_stack_tid);
	}
	strbuf_puts(&f->scratch, " in ");
	if (site->python)
		snap_frame_line_text(&f->scratch, site);
	else
		snap_frame_text(&f->scratch, site);
	return true;
}

/* A thread without work waits for no lock, wherever its word lies. */
static bool name_idle(struct freeze *f, const struct freeze_group *group,
		      const struct snap_lock *lock)
{
	const struct native_wait *native = native_wait(f, lock);

	if (group->judgement.is_lock || group->evidence.shared || !native || !native->idle)
		return false;
	strbuf_puts(&f->scratch, native->what);
	return true;
}

static void name_unnamed(struct freeze *f, const struct freeze_group *group,
			 const struct snap_lock *snap_lock)
{
	const struct model_lock *lock = model_lock(f->m, group->first);

	if (group->judgement.kind == LOCK_KERNEL)
		name_kernel(f, lock);
	else if (group->judgement.kind == LOCK_JOIN && group->value)
		name_join(f, group);
	else if (group->evidence.shared)
		name_file(f, lock, snap_lock->address);
	else if (name_site(f, group, snap_lock))
		return;
	else if (lock->identified)
		strbuf_printf(&f->scratch, "futex 0x%" PRIx64, snap_lock->address);
	else
		strbuf_puts(&f->scratch, "futex at an unknown address");
}

/* The name of a word in an object, "queue_ready+0x28", as one of the object. */
static void name_object(struct freeze *f, const char *name, uint64_t word_offset)
{
	const char *plus = strrchr(name, '+');
	uint64_t offset = plus ? strtoull(plus + 1, NULL, 0) : 0;

	if (!word_offset || !plus || offset < word_offset) {
		add_text(f, name);
		return;
	}
	text_escape(&f->scratch, name, (size_t)(plus - name));
	if (offset > word_offset)
		strbuf_printf(&f->scratch, "+0x%" PRIx64, offset - word_offset);
}

void freeze_lock_name(struct freeze *f, const struct freeze_group *group, struct snap_lock *lock)
{
	strbuf_reset(&f->scratch);
	lock->module = "";
	if (group->judgement.kind == LOCK_GIL) {
		const struct model_lock *first = model_lock(f->m, group->first);

		lock->module = freeze_string(f, first->module);
		lock->named = true;
		strbuf_reset(&f->scratch);
		strbuf_puts(&f->scratch, "GIL");
	} else if (name_idle(f, group, lock)) {
		;
	} else if (group->named == SNAP_NONE) {
		name_unnamed(f, group, lock);
	} else {
		const struct model_lock *named = model_lock(f->m, group->named);

		lock->module = freeze_string(f, named->module);
		lock->named = named->symbol;
		strbuf_reset(&f->scratch);
		if (of_multiprocessing(f, named, lock))
			strbuf_puts(&f->scratch, "multiprocessing lock ");
		name_object(f, strpool_get(&f->m->strings, named->name),
			    named->address - lock->address);
	}
	lock->name = freeze_scratch(f);
}

struct same_name {
	const char *name;
	uint32_t lock;
};

static int by_name(const void *pa, const void *pb)
{
	const struct same_name *a = pa;
	const struct same_name *b = pb;
	int r = strcmp(a->name, b->name);

	return r ? r : freeze_rising(a->lock, b->lock);
}

void freeze_tell_apart(struct freeze *f, struct snap_lock *locks, uint32_t len)
{
	struct same_name *names = freeze_temporary(f, len, sizeof(*names));
	uint32_t n = 0;

	for (uint32_t i = 0; !f->failed && i < len; i++)
		if (!locks[i].named && !*locks[i].module)
			names[n++] = (struct same_name){locks[i].name, i};
	if (!f->failed)
		qsort(names, n, sizeof(*names), by_name);
	for (uint32_t i = 0, same; !f->failed && i < n; i += same) {
		for (same = 1; i + same < n && !strcmp(names[i].name, names[i + same].name);)
			same++;
		for (uint32_t k = i; same > 1 && k < i + same; k++) {
			struct snap_lock *lock = &locks[names[k].lock];

			strbuf_reset(&f->scratch);
			strbuf_printf(&f->scratch, "%s 0x%" PRIx64, lock->name, lock->address);
			lock->name = freeze_scratch(f);
		}
	}
	free(names);
}
