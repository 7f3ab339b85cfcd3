// SPDX-License-Identifier: GPL-2.0-only
/* Processes and threads: who a tid means, and their cumulative counters. */
#include "base/err.h"
#include "base/num.h"
#include "model/model_priv.h"

#include <errno.h>
#include <string.h>

/* A tid alone does not name a thread: it is given again, to another process or a later thread. */
struct thread_key {
	uint32_t tid;
	uint32_t pid;
	uint64_t start_ns;
};

/* Pids are given again, too. */
struct process_key {
	uint64_t pid;
	uint64_t start_ns;
};

static int no_memory(struct err *err)
{
	return err_set(err, -ENOMEM, "out of memory for threads");
}

int model_apply_process(struct model *m, const struct record *rec, struct err *err)
{
	const struct process_key key = {.pid = rec->process.pid, .start_ns = rec->process.start_ns};
	uint32_t *newest, i;
	int r;

	if (m->processes.len >= LIMIT_PROCESSES && !table_find(&m->processes, &key))
		return -EOVERFLOW;
	r = table_put(&m->processes, &key, &i, err);
	if (r < 0)
		return r;
	*model_process(m, i) = rec->process;
	newest = hashmap_put(&m->pids, &rec->process.pid, i, NULL);
	if (!newest)
		return no_memory(err);
	if (rec->process.start_ns >= model_process(m, *newest)->start_ns)
		*newest = i;
	return 0;
}

/* -EOVERFLOW for a new thread when there are as many as there may be. */
static int put_thread(struct model *m, const struct thread_key *key, uint32_t *ret, struct err *err)
{
	if (m->threads.len >= LIMIT_THREADS && !hashmap_get(&m->threads.index, key))
		return -EOVERFLOW;
	return table_put(&m->threads, key, ret, err);
}

int model_thread_of(struct model *m, uint32_t tid, uint32_t *ret, struct err *err)
{
	struct thread_key key = {.tid = tid};
	const uint32_t *newest;
	uint32_t i;
	int r;

	if (!tid) {
		*ret = NO_THREAD;
		return 0;
	}
	newest = hashmap_get(&m->tids, &tid);
	if (newest) {
		*ret = *newest;
		return 0;
	}
	r = put_thread(m, &key, &i, err);
	if (r < 0)
		return r;
	if (!hashmap_put(&m->tids, &tid, i, NULL))
		return no_memory(err);
	model_thread(m, i)->rec.tid = tid;
	*ret = i;
	return 0;
}

/*
 * The thread that @c counts.  A thread that was met by its tid before its first counters takes them
 * over; else other start, other thread, the newest one by its start.
 */
static int find_counted(struct model *m, const struct record_counters *c, uint32_t *ret,
			struct err *err)
{
	const struct thread_key key = {.tid = c->tid, .pid = c->pid, .start_ns = c->start_ns};
	uint32_t *newest = hashmap_get(&m->tids, &c->tid);
	int r;

	if (newest && !model_thread(m, *newest)->counted) {
		*ret = *newest;
		return hashmap_put(&m->threads.index, &key, *ret, NULL) ? 0 : no_memory(err);
	}
	r = put_thread(m, &key, ret, err);
	if (r < 0)
		return r;
	if (!newest)
		return hashmap_put(&m->tids, &c->tid, *ret, NULL) ? 0 : no_memory(err);
	if (c->start_ns >= model_thread(m, *newest)->rec.start_ns)
		*newest = *ret;
	return 0;
}

static void add_delta(uint64_t *sum, uint64_t now, uint64_t before)
{
	*sum = num_sat_add(*sum, num_sat_sub(now, before));
}

static void note_last(struct model_thread *t, const struct record_counters *c)
{
	uint64_t most_ns = num_sat_sub(c->futex_ns, t->rec.futex_ns);

	t->last_known = t->last_futex = most_ns > 0;
	for (int k = 0; k < CLASS_COUNT; k++) {
		uint64_t ns = num_sat_sub(c->class_ns[k], t->rec.class_ns[k]);

		if (ns <= most_ns)
			continue;
		most_ns = ns;
		t->last_known = true;
		t->last_futex = false;
		t->last_class = (enum time_class)k;
	}
}

int model_apply_counters(struct model *m, const struct record *rec, struct err *err)
{
	const struct record_counters *c = &rec->counters;
	struct model_slice *slice = &m->slice;
	struct model_thread *t;
	uint64_t until_ns;
	uint32_t i;
	int r = find_counted(m, c, &i, err);

	if (r < 0)
		return r;
	t = model_thread(m, i);
	until_ns = num_max_u64(c->start_ns, m->run.start_ns);
	if (t->counted) {
		t->rec.ended |= c->ended;
		if (c->until_ns < t->rec.until_ns)
			return 0; /* overtaken by a later one on another way: an exit */
		until_ns = t->rec.until_ns;
	}
	r = model_touch_thread(m, i, err);
	if (r < 0)
		return r;
	for (int k = 0; k < CLASS_COUNT; k++)
		add_delta(&slice->class_ns[k], c->class_ns[k], t->rec.class_ns[k]);
	add_delta(&slice->futex_ns, c->futex_ns, t->rec.futex_ns);
	add_delta(&slice->lifetime_ns, c->until_ns, until_ns);
	add_delta(&t->slice_run_ns, c->class_ns[CLASS_RUN], t->rec.class_ns[CLASS_RUN]);
	note_last(t, c);
	r = t->rec.ended;
	t->rec = *c;
	t->rec.ended |= r;
	t->counted = true;
	return 0;
}
