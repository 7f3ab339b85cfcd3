// SPDX-License-Identifier: GPL-2.0-only
/* Event loops and their stalls. */
#include "base/err.h"
#include "base/num.h"
#include "model/model_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* An exec ends what a thread was before: the same tid, another beginning. */
struct loop_key {
	uint32_t tid;
	uint32_t pad;
	uint64_t since_ns;
};

/* Stalls of a long run: when there are so many the shorter half goes, they are in the sums. */
#define STALLS_MAX 4096
/* An open stall is told again, longer, among the latest ones. */
#define STALLS_LATEST 64

static uint64_t square_us(uint64_t ns)
{
	return num_sat_mul(ns / NS_PER_US, ns / NS_PER_US);
}

/* With the one that goes on. */
static uint64_t stalls_of(const struct record_loop *r)
{
	return num_sat_add(r->stalls, r->open_ns > 0);
}

int model_apply_loop(struct model *m, const struct record *rec, struct err *err)
{
	const struct record_loop *r = &rec->loop;
	const struct loop_key key = {.tid = r->tid, .since_ns = r->since_ns};
	struct model_loop *loop;
	uint64_t square;
	uint32_t i = 0;
	int rc = table_put(&m->loops, &key, &i, err);

	if (rc < 0)
		return rc;
	loop = (struct model_loop *)m->loops.at + i;
	if (rc == 1) {
		uint32_t thread;

		rc = model_needed_thread(m, r->tid, &thread, err);
		if (rc < 0)
			return rc;
		loop->thread = thread;
	}
	square = num_sat_add(r->square_us, square_us(r->open_ns));
	m->slice.loop_square_us =
		num_sat_add(m->slice.loop_square_us, num_sat_sub(square, loop->square_us));
	m->slice.loop_stalls =
		num_sat_add(m->slice.loop_stalls, num_sat_sub(stalls_of(r), stalls_of(&loop->rec)));
	loop->square_us = num_max_u64(square, loop->square_us);
	loop->rec = *r;
	return 0;
}

static uint64_t length_ns(const struct record_stall *stall)
{
	return num_sat_sub(stall->end_ns, stall->start_ns);
}

static int compare_stall(const void *pa, const void *pb)
{
	uint64_t a = length_ns(&((const struct model_stall *)pa)->rec);
	uint64_t b = length_ns(&((const struct model_stall *)pb)->rec);

	return (a < b) - (a > b);
}

static struct model_stall *told_before(struct model *m, const struct record_stall *r)
{
	size_t first = m->stalls.len > STALLS_LATEST ? m->stalls.len - STALLS_LATEST : 0;

	for (size_t i = m->stalls.len; i > first; i--) {
		struct model_stall *stall = &m->stalls.at[i - 1];

		if (stall->rec.tid == r->tid && stall->rec.start_ns == r->start_ns)
			return stall;
	}
	return NULL;
}

int model_apply_stall(struct model *m, const struct record *rec, struct err *err)
{
	struct model_stall *stall = told_before(m, &rec->stall);
	uint32_t thread;
	int rc = model_needed_thread(m, rec->stall.tid, &thread, err);

	if (rc < 0)
		return rc;
	if (!stall && m->stalls.len >= STALLS_MAX) {
		qsort(m->stalls.at, m->stalls.len, sizeof(*m->stalls.at), compare_stall);
		m->stalls.len /= 2;
	}
	if (!stall)
		stall = vec_add(&m->stalls);
	if (!stall)
		return err_set(err, -ENOMEM, "out of memory for stalls");
	stall->thread = thread;
	stall->rec = rec->stall;
	return 0;
}
