// SPDX-License-Identifier: GPL-2.0-only
/* Locks, who waited for them, who held them. */
#include "base/err.h"
#include "base/num.h"
#include "model/model_priv.h"

#include <errno.h>

struct blame_key {
	uint32_t lock;
	uint32_t holder;
	uint64_t stack;
	uint64_t evidence;
};

struct holding_key {
	uint32_t lock;
	uint32_t holder;
	uint64_t stack;
	uint64_t kind;
};

struct block_key {
	uint32_t thread;
	uint32_t class;
	int64_t syscall;
	uint64_t stack;
};

struct sample_key {
	uint64_t stack;
	uint32_t thread;
	uint32_t kind;
};

struct edge_key {
	uint32_t from;
	uint32_t to;
	uint64_t kind;
	uint64_t wait_stack;
	uint64_t wake_stack;
};

int model_lock_of(struct model *m, uint64_t id, uint32_t *ret, struct err *err)
{
	int r = table_put(&m->locks, &id, ret, err);

	if (r > 0)
		model_lock(m, *ret)->id = id;
	return r < 0 ? r : 0;
}

int model_apply_lock(struct model *m, const struct record *rec, struct err *err)
{
	const struct record_lock *from = &rec->lock;
	struct model_lock *lock;
	uint32_t path;
	uint32_t i;
	int r = model_lock_of(m, from->lock, &i, err);

	if (r < 0)
		return r;
	lock = model_lock(m, i);
	/* Again: by its address in a further process, or with what its mapping has told meanwhile.
	 */
	if (lock->identified && from->shared == lock->shared && !from->inode)
		return 0;
	r = strpool_put(&m->strings, from->path, &path, err);
	if (r < 0)
		return r;
	lock = model_lock(m, i);
	lock->identified = true;
	lock->shared = from->shared;
	lock->gil = from->gil;
	lock->pid = from->pid;
	lock->address = from->address;
	lock->dev = from->dev;
	lock->inode = from->inode;
	lock->file_offset = from->file_offset;
	lock->path = path;
	return 0;
}

int model_apply_lock_name(struct model *m, const struct record *rec, struct err *err)
{
	const struct record_lock_name *from = &rec->lock_name;
	struct model_lock *lock;
	uint32_t name;
	uint32_t module;
	uint32_t i;
	int r = model_lock_of(m, from->lock, &i, err);

	if (r < 0)
		return r;
	r = strpool_put(&m->strings, from->name, &name, err);
	if (r < 0)
		return r;
	r = strpool_put(&m->strings, from->module, &module, err);
	if (r < 0)
		return r;
	lock = model_lock(m, i);
	lock->name_seen = true;
	lock->symbol = from->symbol;
	lock->on_stack_tid = from->on_stack_tid;
	lock->offset = from->offset;
	lock->name = name;
	lock->module = module;
	return 0;
}

/* The thread that a record shows at work in the target. */
int model_needed_thread(struct model *m, uint32_t tid, uint32_t *ret, struct err *err)
{
	int r = model_thread_of(m, tid, ret, err);

	if (r == 0)
		model_thread(m, *ret)->needed = true;
	return r;
}

/* The lock and the waiter of a wait. A waiter without counters lives where its lock does. */
static int lock_and_thread(struct model *m, uint64_t id, uint32_t tid, uint32_t *ret_lock,
			   uint32_t *ret_thread, struct err *err)
{
	struct model_thread *t;
	int r = model_lock_of(m, id, ret_lock, err);

	if (r == 0)
		r = model_needed_thread(m, tid, ret_thread, err);
	if (r < 0)
		return r;
	t = model_thread(m, *ret_thread);
	if (!t->counted && !t->rec.pid)
		t->rec.pid = model_lock(m, *ret_lock)->pid;
	return 0;
}

int model_apply_wait(struct model *m, const struct record *rec, struct err *err)
{
	struct model_wait_key key = {.stack = rec->wait.stack};
	struct model_wait *wait;
	struct model_lock *lock;
	uint32_t i;
	int r = lock_and_thread(m, rec->wait.lock, rec->wait.tid, &key.lock, &key.thread, err);

	if (r < 0)
		return r;
	r = table_put(&m->waits, &key, &i, err);
	if (r >= 0)
		r = model_touch_lock(m, key.lock, err);
	if (r < 0)
		return r;
	wait = model_wait(m, i);
	lock = model_lock(m, key.lock);
	lock->slice_blocked_ns = num_sat_add(
		lock->slice_blocked_ns, num_sat_sub(rec->wait.blocked_ns, wait->rec.blocked_ns));
	lock->slice_peer_ns =
		num_sat_add(lock->slice_peer_ns, num_sat_sub(rec->wait.peer_ns, wait->rec.peer_ns));
	*wait = (struct model_wait){.lock = key.lock, .thread = key.thread, .rec = rec->wait};
	return 0;
}

int model_apply_blame(struct model *m, const struct record *rec, struct err *err)
{
	struct blame_key key = {.stack = rec->blame.release_stack, .evidence = rec->blame.evidence};
	uint32_t i;
	int r = model_lock_of(m, rec->blame.lock, &key.lock, err);

	if (r == 0)
		r = model_thread_of(m, rec->blame.tid, &key.holder, err);
	if (r == 0)
		r = table_put(&m->blames, &key, &i, err);
	if (r < 0)
		return r;
	((struct model_blame *)m->blames.at)[i] =
		(struct model_blame){.lock = key.lock, .holder = key.holder, .rec = rec->blame};
	return 0;
}

int model_apply_holding(struct model *m, const struct record *rec, struct err *err)
{
	struct holding_key key = {.stack = rec->holding.stack, .kind = rec->holding.kind};
	uint32_t i;
	int r = model_lock_of(m, rec->holding.lock, &key.lock, err);

	if (r == 0)
		r = model_thread_of(m, rec->holding.tid, &key.holder, err);
	if (r == 0)
		r = table_put(&m->holdings, &key, &i, err);
	if (r < 0)
		return r;
	((struct model_holding *)m->holdings.at)[i] =
		(struct model_holding){.lock = key.lock, .holder = key.holder, .rec = rec->holding};
	return 0;
}

int model_apply_contention(struct model *m, const struct record *rec, struct err *err)
{
	uint32_t i;
	int r = model_lock_of(m, rec->contention.lock, &i, err);

	if (r < 0)
		return r;
	model_lock(m, i)->contention = rec->contention;
	return 0;
}

int model_apply_open_wait(struct model *m, const struct record *rec, struct err *err)
{
	struct model_open open = {.rec = rec->open_wait};
	struct model_open *place;
	int r = table_limit(m->open_next.len, LIMIT_WAITS, "open waits", err);

	if (r == 0)
		r = lock_and_thread(m, open.rec.lock, open.rec.tid, &open.lock, &open.thread, err);
	if (r == 0)
		r = model_thread_of(m, open.rec.holder_tid, &open.holder, err);
	if (r < 0)
		return r;
	place = vec_add(&m->open_next);
	if (!place)
		return err_set(err, -ENOMEM, "out of memory for open waits");
	*place = open;
	m->slice_touched = true;
	return 0;
}

int model_apply_block(struct model *m, const struct record *rec, struct err *err)
{
	struct block_key key = {.class = rec->block.class,
				.syscall = rec->block.syscall,
				.stack = rec->block.stack};
	uint32_t i;
	int r = model_needed_thread(m, rec->block.tid, &key.thread, err);

	if (r == 0)
		r = table_put(&m->blocks, &key, &i, err);
	if (r < 0)
		return r;
	((struct model_block *)m->blocks.at)[i] =
		(struct model_block){.thread = key.thread, .rec = rec->block};
	return 0;
}

int model_apply_sample(struct model *m, const struct record *rec, struct err *err)
{
	struct sample_key key = {.stack = rec->sample.stack, .kind = rec->sample.kind};
	uint32_t thread;
	uint32_t i;
	int r = model_needed_thread(m, rec->sample.tid, &thread, err);

	if (r < 0)
		return r;
	key.thread = thread;
	r = table_put(&m->samples, &key, &i, err);
	if (r < 0)
		return r;
	((struct model_sample *)m->samples.at)[i] =
		(struct model_sample){.thread = thread, .rec = rec->sample};
	return 0;
}

int model_apply_edge(struct model *m, const struct record *rec, struct err *err)
{
	struct edge_key key = {.to = NO_THREAD,
			       .kind = rec->edge.kind,
			       .wait_stack = rec->edge.wait_stack,
			       .wake_stack = rec->edge.wake_stack};
	uint32_t i;
	int r = model_needed_thread(m, rec->edge.from_tid, &key.from, err);

	if (r == 0 && rec->edge.to_tid)
		r = model_needed_thread(m, rec->edge.to_tid, &key.to, err);
	if (r == 0)
		r = table_put(&m->edges, &key, &i, err);
	if (r < 0)
		return r;
	((struct model_edge *)m->edges.at)[i] =
		(struct model_edge){.from = key.from, .to = key.to, .rec = rec->edge};
	return 0;
}

int model_apply_long_wait(struct model *m, const struct record *rec, struct err *err)
{
	struct record_long_wait *wait;
	int r = table_limit(m->long_waits.len, LIMIT_WAITS, "long waits", err);

	if (r < 0)
		return r;
	wait = vec_add(&m->long_waits);
	if (!wait)
		return err_set(err, -ENOMEM, "out of memory for long waits");
	*wait = rec->long_wait;
	return 0;
}

int model_apply_futex_calls(struct model *m, const struct record *rec, struct err *err)
{
	uint32_t i;
	int r = table_put(&m->futex_calls, &rec->futex_calls.pid, &i, err);

	if (r < 0)
		return r;
	((struct record_futex_calls *)m->futex_calls.at)[i] = rec->futex_calls;
	return 0;
}
