// SPDX-License-Identifier: GPL-2.0-only
/*
 * What happened in each slice.  The sums by class are kept as they are; how futex time divides is
 * known only when the kinds of all locks are, so the blocked time per lock is kept too, and for the
 * series of the busiest thread the run time per thread: as varints, and only where it is not 0.
 *
 * Bound: at most 16 bytes per lock with waits and 13 per thread that ran, per slice: 600 slices of
 * 1,000 threads that all run take 600 x 1,000 x 7 bytes (1 s slices) = 4 MB.
 */
#include "base/err.h"
#include "base/num.h"
#include "model/model_priv.h"
#include "model/varint.h"

#include <errno.h>
#include <inttypes.h>

static int no_memory(struct err *err)
{
	return err_set(err, -ENOMEM, "out of memory for slices");
}

int model_touch_thread(struct model *m, uint32_t thread, struct err *err)
{
	uint32_t *place;

	m->slice_touched = true;
	if (model_thread(m, thread)->slice_touched)
		return 0;
	place = vec_add(&m->slice_threads);
	if (!place)
		return no_memory(err);
	*place = thread;
	model_thread(m, thread)->slice_touched = true;
	return 0;
}

int model_touch_lock(struct model *m, uint32_t lock, struct err *err)
{
	uint32_t *place;

	m->slice_touched = true;
	if (model_lock(m, lock)->slice_touched)
		return 0;
	place = vec_add(&m->slice_locks);
	if (!place)
		return no_memory(err);
	*place = lock;
	model_lock(m, lock)->slice_touched = true;
	return 0;
}

static int put_series(struct model *m, uint64_t value, struct err *err)
{
	uint8_t bytes[VARINT_MAX];
	size_t n = varint_put(bytes, value);

	for (size_t i = 0; i < n; i++) {
		uint8_t *place = vec_add(&m->series);

		if (!place)
			return no_memory(err);
		*place = bytes[i];
	}
	return 0;
}

/* What was open before counts no more, what is open now counts from here on. */
static int touch_open(struct model *m, struct err *err)
{
	struct model_open *open;
	int r;

	VEC_FOREACH (&m->open, open) {
		r = model_touch_lock(m, open->lock, err);
		if (r < 0)
			return r;
	}
	VEC_FOREACH (&m->open_next, open) {
		struct model_lock *lock = model_lock(m, open->lock);

		r = model_touch_lock(m, open->lock, err);
		if (r < 0)
			return r;
		lock->open_next_ns = num_sat_add(lock->open_next_ns, open->rec.blocked_ns);
	}
	return 0;
}

static int close_lock(struct model *m, uint32_t i, struct err *err)
{
	struct model_lock *lock = model_lock(m, i);
	uint64_t blocked_ns =
		num_sat_sub(num_sat_add(lock->slice_blocked_ns, lock->open_next_ns), lock->open_ns);
	uint64_t peer_ns = num_min_u64(lock->slice_peer_ns, blocked_ns);
	int r;

	lock->open_ns = lock->open_next_ns;
	lock->open_next_ns = 0;
	lock->slice_blocked_ns = 0;
	lock->slice_peer_ns = 0;
	lock->slice_touched = false;
	if (!blocked_ns)
		return 0;
	m->slice.locks_len++;
	r = put_series(m, i, err);
	if (r == 0)
		r = put_series(m, blocked_ns, err);
	if (r == 0)
		r = put_series(m, peer_ns, err);
	return r;
}

static int close_thread(struct model *m, uint32_t i, struct err *err)
{
	struct model_thread *t = model_thread(m, i);
	uint64_t run_ns = t->slice_run_ns;
	int r;

	t->slice_run_ns = 0;
	t->slice_touched = false;
	if (!run_ns)
		return 0;
	m->slice.threads_len++;
	r = put_series(m, i, err);
	if (r == 0)
		r = put_series(m, run_ns, err);
	return r;
}

static void replace_open(struct model *m)
{
	__typeof__(m->open) emptied = m->open;

	m->open.at = m->open_next.at;
	m->open.len = m->open_next.len;
	m->open.cap = m->open_next.cap;
	m->open_next.at = emptied.at;
	m->open_next.len = 0;
	m->open_next.cap = emptied.cap;
}

static int close_series(struct model *m, struct err *err)
{
	uint32_t *i;
	int r = touch_open(m, err);

	if (r < 0)
		return r;
	m->slice.series = m->series.len;
	VEC_FOREACH (&m->slice_locks, i) {
		r = close_lock(m, *i, err);
		if (r < 0)
			return r;
	}
	VEC_FOREACH (&m->slice_threads, i) {
		r = close_thread(m, *i, err);
		if (r < 0)
			return r;
	}
	m->slice_locks.len = 0;
	m->slice_threads.len = 0;
	return 0;
}

int model_close_slice(struct model *m, uint64_t end_ns, struct err *err)
{
	struct model_slice *place;
	int r;

	if (end_ns < model_last_end(m))
		return err_set(err, -EPROTO,
			       "record slice: it ends at %" PRIu64 " ns, before the one before it",
			       end_ns);
	r = table_limit(m->slices.len, LIMIT_SLICES, "slices", err);
	if (r == 0)
		r = close_series(m, err);
	if (r < 0)
		return r;
	m->slice.end_ns = end_ns;
	m->slice.host_idle_ns = num_sat_sub(m->host.idle_ns, m->host_last.idle_ns);
	m->slice.throttled_ns = num_sat_sub(m->host.throttled_ns, m->host_last.throttled_ns);
	m->host_last = m->host;
	place = vec_add(&m->slices);
	if (!place)
		return no_memory(err);
	*place = m->slice;
	m->slice = (struct model_slice){0};
	m->slice_touched = false;
	replace_open(m);
	return 0;
}

int model_apply_backlog(struct model *m, const struct record *rec, struct err *err)
{
	const struct record_backlog *b = &rec->backlog;
	struct model_listener *l;
	uint32_t path, i = 0;
	int r = strpool_put(&m->strings, b->path, &path, err);

	if (r == 0)
		r = table_put(&m->listeners, &b->inode, &i, err);
	if (r < 0)
		return r;
	l = (struct model_listener *)m->listeners.at + i;
	l->port = b->port;
	l->path = path;
	l->looks++;
	l->looks_waiting += b->waiting > 0;
	l->waiting_sum = num_sat_add(l->waiting_sum, b->waiting);
	l->waiting_max = (uint32_t)num_max_u64(l->waiting_max, b->waiting);
	m->slice.waiting = num_sat_add(m->slice.waiting, b->waiting);
	return 0;
}

int model_apply_slice(struct model *m, const struct record *rec, struct err *err)
{
	return model_close_slice(m, rec->slice.end_ns, err);
}

int model_apply_end(struct model *m, const struct record *rec, struct err *err)
{
	int r = 0;

	if (rec->end.end_ns < m->run.start_ns)
		return err_set(err, -EPROTO, "record end: the run ends before it starts");
	/* What came after the last slice makes a shorter one of its own. */
	if (m->slice_touched)
		r = model_close_slice(m, num_max_u64(rec->end.end_ns, model_last_end(m)), err);
	if (r < 0)
		return r;
	m->end = rec->end;
	m->have_end = true;
	return 0;
}
