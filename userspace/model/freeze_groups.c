// SPDX-License-Identifier: GPL-2.0-only
/* Which of the model's locks are one, what each is, and its sums. */
#include "base/num.h"
#include "model/freeze_priv.h"
#include "model/hist.h"
#include "model/python_site.h"
#include "model/site.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum identity { IDENTITY_ADDRESS, IDENTITY_FILE, IDENTITY_LINE, IDENTITY_NONE };

struct group_key {
	uint64_t where[3];
	uint32_t pid;
	uint32_t identity;
};

static bool of_file(const struct model_lock *lock)
{
	return lock->shared && (lock->dev || lock->inode);
}

/* N of "glibc 2.N", which the process runs on; 0 where that is not known. */
static unsigned glibc_minor_of(const struct freeze *f, uint32_t pid)
{
	const struct record_process *process = model_process_of(f->m, pid);
	unsigned minor = 0;

	if (process && sscanf(process->libc, "glibc 2.%3u", &minor) != 1)
		minor = 0;
	return minor;
}

/* What a wait at this call site says of the object that the word is in. */
static void note_object(struct freeze *f, uint32_t lock, uint64_t stack_id)
{
	uint32_t stack = freeze_stack(f, stack_id);

	if (stack != SNAP_NONE && f->stack_glibc[stack])
		f->objects[lock] = lock_glibc_object(
			(enum lock_kind)f->stack_sites[stack], model_lock(f->m, lock)->address,
			glibc_minor_of(f, model_lock(f->m, lock)->pid));
}

/* Of struct _gil_runtime_state, 3.8 to 3.14: 208, in free-threaded builds 216. */
#define GIL_BYTES 256

/* Whether the word has a name inside CPython's _PyRuntime, where it keeps the GIL. */
static bool in_runtime(const struct freeze *f, const struct model_lock *lock)
{
	static const char name[] = "_PyRuntime";
	const char *found = strpool_get(&f->m->strings, lock->name);

	return lock->symbol && !strncmp(found, name, sizeof(name) - 1) &&
	       (!found[sizeof(name) - 1] || strchr("+.", found[sizeof(name) - 1]));
}

/* The GILs that the source knows as such: few. */
struct gils {
	VEC(uint32_t) locks;
	struct hashmap pids;
};

static void find_gils(struct freeze *f, struct gils *ret)
{
	hashmap_init(&ret->pids, sizeof(uint32_t));
	for (uint32_t i = 0; i < f->m->locks.len && !f->failed; i++) {
		uint32_t *place = model_lock(f->m, i)->gil ? vec_add(&ret->locks) : NULL;

		if (!model_lock(f->m, i)->gil)
			continue;
		f->failed = !place || !hashmap_put(&ret->pids, &model_lock(f->m, i)->pid, 0, NULL);
		if (place)
			*place = i;
	}
}

/*
 * A GIL's condvars and mutexes lie in one object.  The source knows where; before it did, and where
 * it cannot, a word inside _PyRuntime is the GIL's: to 3.12 nothing else in there is waited for.
 */
static void note_gil(struct freeze *f, const struct gils *gils, uint32_t i)
{
	const struct model_lock *lock = model_lock(f->m, i);
	const uint32_t *gil;

	if (lock->gil) {
		f->gils[i] = true;
		f->objects[i] = lock->address;
		return;
	}
	if (!in_runtime(f, lock))
		return;
	if (!hashmap_get(&gils->pids, &lock->pid)) {
		f->gils[i] = true;
		f->objects[i] = lock->address - lock->offset;
	}
	VEC_FOREACH (&gils->locks, gil) {
		const struct model_lock *known = model_lock(f->m, *gil);

		if (known->pid != lock->pid || lock->address - known->address >= GIL_BYTES)
			continue;
		f->gils[i] = true;
		f->objects[i] = known->address;
	}
}

/* Condition, Event and Queue of Python make a lock for each waiter, at an address that is used
 * again for others: the line that waits is what tells them apart. */
static void note_line(struct freeze *f, uint32_t lock, uint64_t stack_id, uint64_t blocked_ns,
		      uint64_t *most_ns)
{
	uint32_t stack = freeze_stack(f, stack_id);

	if (stack == SNAP_NONE || blocked_ns < most_ns[lock])
		return;
	most_ns[lock] = blocked_ns;
	f->python_lines[lock] = f->stack_sites[stack] == LOCK_PYTHON &&
						python_lock_per_waiter(&f->snap->stacks[stack])
					? snap_site_frame(f->snap, stack)->ip
					: 0;
}

static void find_lines(struct freeze *f)
{
	uint64_t *most_ns = freeze_temporary(f, f->m->locks.len, sizeof(*most_ns));
	const struct model_open *open;

	f->python_lines = freeze_temporary(f, f->m->locks.len, sizeof(*f->python_lines));
	for (uint32_t i = 0; !f->failed && i < f->m->waits.len; i++) {
		const struct model_wait *wait = model_wait(f->m, i);

		note_line(f, wait->lock, wait->rec.stack, wait->rec.blocked_ns, most_ns);
	}
	VEC_FOREACH (&f->m->open, open) {
		if (!f->failed)
			note_line(f, open->lock, open->rec.stack, open->rec.blocked_ns, most_ns);
	}
	free(most_ns);
}

/* Several words may be one condvar's. */
static void find_objects(struct freeze *f)
{
	const struct model_open *open;
	struct gils gils = {0};

	f->objects = freeze_temporary(f, f->m->locks.len, sizeof(*f->objects));
	f->gils = freeze_temporary(f, f->m->locks.len, sizeof(*f->gils));
	if (f->failed)
		return;
	for (uint32_t i = 0; i < f->m->locks.len; i++)
		f->objects[i] = model_lock(f->m, i)->address;
	for (uint32_t i = 0; i < f->m->waits.len; i++)
		note_object(f, model_wait(f->m, i)->lock, model_wait(f->m, i)->rec.stack);
	VEC_FOREACH (&f->m->open, open)
		note_object(f, open->lock, open->rec.stack);
	find_gils(f, &gils);
	for (uint32_t i = 0; i < f->m->locks.len && !f->failed; i++)
		note_gil(f, &gils, i);
	vec_free(&gils.locks);
	hashmap_free(&gils.pids);
}

/*
 * A private object is one in its process; a shared one, wherever it is mapped, one in its file.
 */
static struct group_key key_of(const struct model_lock *lock, uint64_t object, uint64_t line)
{
	/* How far the word lies from the object's start is the same in the file. */
	const uint64_t inside = lock->address - object;

	if (!lock->identified)
		return (struct group_key){.where = {lock->id}, .identity = IDENTITY_NONE};
	if (of_file(lock))
		return (struct group_key){
			.where = {lock->dev, lock->inode, lock->file_offset - inside},
			.identity = IDENTITY_FILE};
	if (line)
		return (struct group_key){
			.where = {line}, .pid = lock->pid, .identity = IDENTITY_LINE};
	return (struct group_key){
		.where = {object}, .pid = lock->pid, .identity = IDENTITY_ADDRESS};
}

static void join_group(struct freeze *f, uint32_t i, uint32_t group, bool added)
{
	const struct model_lock *lock = model_lock(f->m, i);
	struct freeze_group *g = &f->groups[group];

	f->group_of[i] = group;
	if (added) {
		g->first = i;
		g->named = SNAP_NONE;
		g->lock.address = f->objects[i];
		g->lock.shared = lock->shared;
		g->evidence.shared = of_file(lock);
	}
	if (*strpool_get(&f->m->strings, lock->name) &&
	    (g->named == SNAP_NONE || (lock->symbol && !model_lock(f->m, g->named)->symbol)))
		g->named = i;
	g->evidence.in_python |= f->gils[i];
	g->evidence.per_waiter |= f->python_lines[i] != 0;
	if (lock->on_stack_tid)
		g->on_stack_tid = lock->on_stack_tid;
	g->lock.waiters_max =
		(uint32_t)num_max_u64(g->lock.waiters_max, lock->contention.waiters_max);
	/* Counted by process they may overlap: an upper bound, as a share of time at most 1. */
	g->lock.contended_ns =
		num_min_u64(num_sat_add(g->lock.contended_ns, lock->contention.contended_ns),
			    f->snap->duration_ns);
}

static void make_groups(struct freeze *f)
{
	struct hashmap map;
	const size_t len = f->m->locks.len;

	f->groups = freeze_temporary(f, len, sizeof(*f->groups));
	f->group_of = freeze_temporary(f, len, sizeof(*f->group_of));
	f->lock_of = freeze_temporary(f, len, sizeof(*f->lock_of));
	if (f->failed)
		return;
	hashmap_init(&map, sizeof(struct group_key));
	for (uint32_t i = 0; i < len; i++) {
		struct group_key key =
			key_of(model_lock(f->m, i), f->objects[i], f->python_lines[i]);
		bool added;
		const uint32_t *group = hashmap_put(&map, &key, f->groups_len, &added);

		if (!group) {
			f->failed = true;
			break;
		}
		f->groups_len += added;
		join_group(f, i, *group, added);
	}
	hashmap_free(&map);
}

/* Whether @value is the tid of another thread of the waiter's process: pthread_join() waits so. */
static bool joins(const struct freeze *f, uint32_t waiter, uint32_t value)
{
	const uint32_t *joined = value ? hashmap_get(&f->m->tids, &value) : NULL;

	return joined && *joined != waiter &&
	       model_thread(f->m, *joined)->rec.pid == model_thread(f->m, waiter)->rec.pid;
}

/* @waits waits of one thread at one call site. */
static void add_evidence(struct freeze *f, struct freeze_group *g, uint32_t thread, uint32_t op,
			 uint32_t value, uint64_t stack_id, uint64_t waits)
{
	struct lock_evidence *e = &g->evidence;
	uint32_t stack = freeze_stack(f, stack_id);

	e->waits = num_sat_add(e->waits, waits);
	e->op_waits[op] = num_sat_add(e->op_waits[op], waits);
	if (value < ARRAY_LEN(e->value_waits))
		e->value_waits[value] = num_sat_add(e->value_waits[value], waits);
	if (joins(f, thread, value))
		e->join_waits = num_sat_add(e->join_waits, waits);
	if (stack != SNAP_NONE && python_waits_for_work(&f->snap->stacks[stack]))
		e->work_waits = num_sat_add(e->work_waits, waits);
	if (stack != SNAP_NONE && f->stack_sites[stack] < LOCK_KIND_COUNT) {
		uint64_t *site = &e->site_waits[f->stack_sites[stack]];

		*site = num_sat_add(*site, waits);
	}
	g->value = value;
	g->value_pid = model_thread(f->m, thread)->rec.pid;
}

static void add_wait(struct freeze *f, const struct model_wait *wait)
{
	struct freeze_group *g = &f->groups[f->group_of[wait->lock]];
	const struct record_wait *rec = &wait->rec;
	struct snap_lock *lock = &g->lock;

	add_evidence(f, g, wait->thread, rec->op, rec->value, rec->stack, rec->waits);
	g->evidence.owner_known = num_sat_add(g->evidence.owner_known, rec->owner_known);
	g->evidence.contender_wakes =
		num_sat_add(g->evidence.contender_wakes, rec->contender_wakes);
	g->evidence.handed_over = num_sat_add(g->evidence.handed_over, rec->handed_over);
	lock->waits = num_sat_add(lock->waits, rec->waits);
	lock->blocked_ns = num_sat_add(lock->blocked_ns, rec->blocked_ns);
	lock->runq_ns = num_sat_add(lock->runq_ns, rec->runq_ns);
	lock->peer_ns = num_sat_add(lock->peer_ns, num_min_u64(rec->peer_ns, rec->blocked_ns));
	lock->timeouts = num_sat_add(lock->timeouts, rec->timeouts);
	lock->interrupted = num_sat_add(lock->interrupted, rec->interrupted);
	lock->handed_over = num_sat_add(lock->handed_over, rec->handed_over);
	lock->sleep_again = num_sat_add(lock->sleep_again, rec->sleep_again);
	lock->again_ns = num_sat_add(lock->again_ns, rec->again_ns);
	lock->broadcasts = num_sat_add(lock->broadcasts, rec->broadcasts);
	hist_merge(&lock->hist, rec->waits, rec->max_ns, rec->hist);
}

/* A wait that goes on counts as one, and up to now; it has no length yet for the histogram. */
static void add_open(struct freeze *f, const struct model_open *open)
{
	struct freeze_group *g = &f->groups[f->group_of[open->lock]];
	const struct record_open_wait *rec = &open->rec;

	add_evidence(f, g, open->thread, rec->op, rec->value, rec->stack, 1);
	g->evidence.owner_known += rec->holder_tid && (rec->evidence == HOLDER_OWNER_WORD ||
						       rec->evidence == HOLDER_PI_WORD);
	g->lock.waits = num_sat_add(g->lock.waits, 1);
	g->lock.blocked_ns = num_sat_add(g->lock.blocked_ns, rec->blocked_ns);
	g->lock.hist.max_ns = num_max_u64(g->lock.hist.max_ns, rec->blocked_ns);
	g->lock.open_waits++;
}

struct waiter_key {
	uint32_t group;
	uint32_t thread;
};

/*
 * Wakes by threads that wait for the word themselves at times.  The BPF side knows of each waker's
 * last wait alone, which may have been for another lock (in Python: for the GIL).
 */
static void count_contenders(struct freeze *f)
{
	uint64_t *wakes = freeze_temporary(f, f->groups_len, sizeof(*wakes));
	struct hashmap waits;

	hashmap_init(&waits, sizeof(struct waiter_key));
	for (uint32_t i = 0; !f->failed && i < f->m->waits.len; i++) {
		const struct model_wait *wait = model_wait(f->m, i);
		const struct waiter_key key = {f->group_of[wait->lock], wait->thread};

		f->failed |= !hashmap_put(&waits, &key, 0, NULL);
	}
	for (uint32_t i = 0; !f->failed && i < f->m->blames.len; i++) {
		const struct model_blame *blame = (struct model_blame *)f->m->blames.at + i;
		const struct waiter_key key = {f->group_of[blame->lock], blame->holder};

		if (blame->rec.evidence == HOLDER_WAKER && hashmap_get(&waits, &key))
			wakes[key.group] = num_sat_add(wakes[key.group], blame->rec.waits);
	}
	for (uint32_t i = 0; !f->failed && i < f->groups_len; i++) {
		struct lock_evidence *e = &f->groups[i].evidence;

		e->contender_wakes =
			num_min_u64(num_max_u64(e->contender_wakes, wakes[i]), e->handed_over);
	}
	hashmap_free(&waits);
	free(wakes);
}

void freeze_groups(struct freeze *f)
{
	const struct model_open *open;

	find_objects(f);
	find_lines(f);
	if (!f->failed)
		make_groups(f);
	if (f->failed)
		return;
	for (uint32_t i = 0; i < f->m->waits.len; i++)
		add_wait(f, model_wait(f->m, i));
	VEC_FOREACH (&f->m->open, open)
		add_open(f, open);
	count_contenders(f);
	for (uint32_t i = 0; i < f->groups_len; i++) {
		struct freeze_group *g = &f->groups[i];

		g->judgement = lock_judge(&g->evidence);
		g->lock.kind = g->judgement.kind;
		g->lock.is_lock = g->judgement.is_lock;
		g->lock.wait_ns = num_sat_add(g->lock.blocked_ns, g->lock.runq_ns);
		g->lock.blame_ns = g->lock.blocked_ns;
		if (g->lock.is_lock)
			g->lock.peer_ns = 0;
	}
}

void freeze_wait_classes(const struct freeze_group *group, uint64_t blocked_ns, uint64_t peer_ns,
			 uint64_t class_ns[CLASS_COUNT])
{
	enum time_class cls = lock_time_class(group->judgement);

	if (cls != CLASS_COUNT) {
		class_ns[cls] = num_sat_add(class_ns[cls], blocked_ns);
		return;
	}
	peer_ns = num_min_u64(peer_ns, blocked_ns);
	class_ns[CLASS_PEER] = num_sat_add(class_ns[CLASS_PEER], peer_ns);
	class_ns[CLASS_POOL_IDLE] = num_sat_add(class_ns[CLASS_POOL_IDLE], blocked_ns - peer_ns);
}
