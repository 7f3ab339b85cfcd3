// SPDX-License-Identifier: GPL-2.0-only
/* Slices: their time by class, divided as the kinds of all locks, known only now, say. */
#include "base/num.h"
#include "model/divide.h"
#include "model/freeze_priv.h"
#include "model/varint.h"

/* The group that became lock 0, and the model's thread that ran the most. */
struct tops {
	uint32_t group;
	uint32_t thread;
};

static struct tops find_tops(const struct freeze *f)
{
	struct tops tops = {SNAP_NONE, NO_THREAD};
	uint64_t most_ns = 0;

	for (uint32_t i = 0; i < f->groups_len; i++)
		if (f->lock_of[i] == 0)
			tops.group = i;
	for (uint32_t i = 0; i < f->m->threads.len; i++) {
		if (f->times[i].class_ns[CLASS_RUN] <= most_ns)
			continue;
		most_ns = f->times[i].class_ns[CLASS_RUN];
		tops.thread = i;
	}
	return tops;
}

static uint64_t next_value(const struct model *m, size_t *pos)
{
	uint64_t value = 0;

	*pos += varint_get(m->series.at + *pos, m->series.len - *pos, &value);
	return value;
}

static struct snap_slice slice_of(const struct freeze *f, const struct model_slice *from,
				  const struct tops *tops)
{
	struct snap_slice slice = {.host_idle_ns = from->host_idle_ns,
				   .throttled_ns = from->throttled_ns,
				   .waiting = from->waiting,
				   .loop_square_us = from->loop_square_us,
				   .loop_stalls = from->loop_stalls};
	uint64_t futex[CLASS_COUNT] = {0};
	size_t pos = from->series;

	for (uint32_t i = 0; i < from->locks_len; i++) {
		uint32_t group = f->group_of[next_value(f->m, &pos)];
		uint64_t blocked_ns = next_value(f->m, &pos);
		uint64_t peer_ns = next_value(f->m, &pos);

		/* Kernel locks are in the classes already. */
		if (f->groups[group].judgement.kind != LOCK_KERNEL)
			freeze_wait_classes(&f->groups[group], blocked_ns, peer_ns, futex);
		if (group == tops->group)
			slice.top_lock_blocked_ns =
				num_sat_add(slice.top_lock_blocked_ns, blocked_ns);
	}
	for (uint32_t i = 0; i < from->threads_len; i++) {
		uint64_t thread = next_value(f->m, &pos);
		uint64_t run_ns = next_value(f->m, &pos);

		if (thread == tops->thread)
			slice.top_thread_run_ns = run_ns;
	}
	divide_lifetime(from->class_ns, from->futex_ns, futex, from->lifetime_ns, slice.class_ns);
	return slice;
}

static void merge(struct snap_slice *into, const struct snap_slice *from)
{
	for (int i = 0; i < CLASS_COUNT; i++)
		into->class_ns[i] = num_sat_add(into->class_ns[i], from->class_ns[i]);
	into->host_idle_ns = num_sat_add(into->host_idle_ns, from->host_idle_ns);
	into->throttled_ns = num_sat_add(into->throttled_ns, from->throttled_ns);
	into->loop_square_us = num_sat_add(into->loop_square_us, from->loop_square_us);
	into->loop_stalls = num_sat_add(into->loop_stalls, from->loop_stalls);
	into->waiting = num_max_u64(into->waiting, from->waiting);
	into->top_lock_blocked_ns =
		num_sat_add(into->top_lock_blocked_ns, from->top_lock_blocked_ns);
	into->top_thread_run_ns = num_sat_add(into->top_thread_run_ns, from->top_thread_run_ns);
}

void freeze_slices(struct freeze *f)
{
	const struct tops tops = find_tops(f);
	struct snap_slice *slices = freeze_array(f, f->m->slices.len, sizeof(*slices));
	uint64_t start_ns = f->snap->start_ns;
	uint32_t n = 0;

	if (!slices)
		return;
	for (size_t i = 0; i < f->m->slices.len; i++) {
		const struct model_slice *from = &f->m->slices.at[i];
		struct snap_slice slice = slice_of(f, from, &tops);

		slice.at_ns = start_ns - f->snap->start_ns;
		slice.duration_ns = from->end_ns - start_ns;
		start_ns = from->end_ns;
		/* Counters that came after the last slice's own belong to it: no rate over 0 s. */
		if (n && !slice.duration_ns)
			merge(&slices[n - 1], &slice);
		else
			slices[n++] = slice;
	}
	f->snap->slices = slices;
	f->snap->slices_len = n;
}
