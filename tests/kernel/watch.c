// SPDX-License-Identifier: GPL-2.0-only
#include "tests/kernel/watch.h"

#include <check.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/num.h"
#include "model/loss.h"

static int keep(void *ctx, const struct record *rec, struct err *err)
{
	struct watch *w = ctx;
	struct record *copy = vec_add(&w->records);

	if (!copy)
		return err_set(err, -ENOMEM, "out of memory");
	*copy = *rec;
	return 0;
}

struct live_options watch_options(const pid_t *pid)
{
	return (struct live_options){
		.pids = pid,
		.pids_len = 1,
		.command = "test",
		.tool_version = "test",
		.follow_children = true,
		.stall_ns = 50 * NS_PER_MS,
		.slice_ns = NS_PER_S,
	};
}

void watch_open_with(struct watch *w, const struct live_options *opt)
{
	struct err err = {0};
	int rc;

	memset(w, 0, sizeof(*w));
	rc = live_open(opt, &(struct record_sink){.put = keep, .ctx = w}, &w->live, &err);
	ck_assert_msg(rc == 0, "live_open: %d %s", rc, err.msg);
}

void watch_open(struct watch *w, const pid_t *pid)
{
	struct live_options opt = watch_options(pid);

	watch_open_with(w, &opt);
}

void watch_slice(struct watch *w)
{
	struct err err = {0};
	int rc = live_slice(w->live, &err);

	ck_assert_msg(rc == 0, "live_slice: %d %s", rc, err.msg);
}

void watch_drain(struct watch *w)
{
	struct err err = {0};
	int rc = live_drain(w->live, &err);

	ck_assert_msg(rc == 0, "live_drain: %d %s", rc, err.msg);
}

const char *class_name(unsigned class)
{
	static const char *const names[] = {
		"run",	 "runq_preempt", "runq_wake", "lock",	     "gil",
		"peer",	 "disk",	 "net",	      "client_idle", "loop_idle",
		"sleep", "pool_idle",	 "child",     "stopped",     "other",
	};

	return class < ARRAY_LEN(names) ? names[class] : "?";
}

static void check_sum(const struct record_counters *c)
{
	uint64_t sum = c->futex_ns;

	for (unsigned i = 0; i < CLASS_COUNT; i++)
		sum += c->class_ns[i];
	ck_assert_msg(sum == c->until_ns - c->start_ns,
		      "thread %u: classes sum to %" PRIu64 " ns, observed for %" PRIu64 " ns",
		      c->tid, sum, c->until_ns - c->start_ns);
}

static void check_invariants(const struct watch *w)
{
	const struct record *r;

	for (size_t i = 0; i < w->records.len; i++) {
		r = &w->records.at[i];
		if (r->type == RECORD_COUNTERS) {
			check_sum(&r->counters);
			ck_assert_int_ne((int)r->counters.tid, getpid());
			ck_assert_uint_ne(r->counters.tid, 0);
			ck_assert_uint_le(r->counters.until_ns, w->end_ns);
			if (i >= w->final && !r->counters.ended)
				ck_assert_uint_eq(r->counters.until_ns, w->end_ns);
		}
		if (r->type == RECORD_LONG_WAIT)
			ck_assert_uint_le(r->long_wait.end_ns, w->end_ns);
	}
	for (uint32_t cause = 0; cause < LOSS_COUNT; cause++)
		ck_assert_msg(!loss_is_loss(cause) || !watch_loss(w, cause), "lost: %s %" PRIu64,
			      loss_name(cause), watch_loss(w, cause));
}

void watch_close(struct watch *w)
{
	struct err err = {0};
	int rc;

	w->final = w->records.len;
	rc = live_close_window(w->live, &err);
	ck_assert_msg(rc == 0, "live_close_window: %d %s", rc, err.msg);
	ck_assert_uint_eq(w->records.at[w->records.len - 1].type, RECORD_SLICE);
	w->end_ns = w->records.at[w->records.len - 1].slice.end_ns;
	check_invariants(w);
}

void watch_free(struct watch *w)
{
	live_free(w->live);
	w->live = NULL;
	vec_free(&w->records);
}

/* The latest record of @type of which @match says yes. */
#define FIND_LAST(w, wanted, it, match)                             \
	for (size_t find_i = (w)->records.len; find_i-- > 0;) {     \
		const struct record *it = &(w)->records.at[find_i]; \
		if (it->type == (wanted) && (match))                \
			return it;                                  \
	}                                                           \
	return NULL

static const struct record *last_counters(const struct watch *w, int tid)
{
	FIND_LAST(w, RECORD_COUNTERS, r, (int)r->counters.tid == tid);
}

static const struct record *last_process(const struct watch *w, pid_t pid)
{
	FIND_LAST(w, RECORD_PROCESS, r, (pid_t)r->process.pid == pid);
}

static const struct record *last_lock(const struct watch *w, pid_t pid, const void *address)
{
	FIND_LAST(w, RECORD_LOCK, r,
		  (pid_t)r->lock.pid == pid && r->lock.address == (uintptr_t)address);
}

static const struct record *last_stack(const struct watch *w, uint64_t stack)
{
	FIND_LAST(w, RECORD_STACK, r, r->stack.stack == stack);
}

static const struct record *last_loss(const struct watch *w, uint32_t cause)
{
	FIND_LAST(w, RECORD_LOSS, r, r->loss.cause == cause);
}

const struct record_counters *watch_counters(const struct watch *w, int tid)
{
	const struct record *r = last_counters(w, tid);

	return r ? &r->counters : NULL;
}

const struct record_process *watch_process(const struct watch *w, pid_t pid)
{
	const struct record *r = last_process(w, pid);

	return r ? &r->process : NULL;
}

const struct record_lock *watch_lock(const struct watch *w, pid_t pid, const void *address)
{
	const struct record *r = last_lock(w, pid, address);

	return r ? &r->lock : NULL;
}

const struct record_stack *watch_stack(const struct watch *w, uint64_t stack)
{
	const struct record *r = last_stack(w, stack);

	return r ? &r->stack : NULL;
}

uint64_t watch_loss(const struct watch *w, uint32_t cause)
{
	const struct record *r = last_loss(w, cause);

	return r ? r->loss.count : 0;
}

static void add_hist(struct wait_sum *sum, const struct record_wait *r)
{
	for (unsigned i = 0; i < HIST_BUCKETS; i++) {
		sum->in_hist += r->hist[i];
		sum->hist_least_ns += i ? r->hist[i] << i : 0;
		sum->hist_most_ns += r->hist[i] << (i + 1);
	}
}

struct wait_sum watch_waits(const struct watch *w, pid_t pid, const void *address, int tid)
{
	const struct record_lock *lock = watch_lock(w, pid, address);
	struct wait_sum sum = {0};

	for (size_t i = w->final; lock && i < w->records.len; i++) {
		const struct record_wait *r = &w->records.at[i].wait;

		if (w->records.at[i].type != RECORD_WAIT || r->lock != lock->lock ||
		    (tid && (int)r->tid != tid))
			continue;
		sum.entries++;
		sum.without_stack += !r->stack;
		sum.op = r->op;
		sum.value = r->value;
		sum.timed = r->timed;
		sum.waits += r->waits;
		sum.blocked_ns += r->blocked_ns;
		sum.runq_ns += r->runq_ns;
		sum.peer_ns += r->peer_ns;
		sum.max_ns = num_max_u64(sum.max_ns, r->max_ns);
		sum.handed_over += r->handed_over;
		sum.contender_wakes += r->contender_wakes;
		sum.timeouts += r->timeouts;
		sum.interrupted += r->interrupted;
		sum.owner_known += r->owner_known;
		sum.sleep_again += r->sleep_again;
		sum.again_ns += r->again_ns;
		sum.broadcasts += r->broadcasts;
		add_hist(&sum, r);
	}
	return sum;
}

struct blame_sum watch_blame(const struct watch *w, pid_t pid, const void *address, int holder)
{
	const struct record_lock *lock = watch_lock(w, pid, address);
	struct blame_sum sum = {0};

	for (size_t i = w->final; lock && i < w->records.len; i++) {
		const struct record_blame *r = &w->records.at[i].blame;

		if (w->records.at[i].type != RECORD_BLAME || r->lock != lock->lock ||
		    (holder >= 0 && (int)r->tid != holder))
			continue;
		sum.entries++;
		sum.without_stack += !r->release_stack;
		sum.evidence = r->evidence;
		sum.waits += r->waits;
		sum.blame_ns += r->blame_ns;
		for (unsigned k = 0; k < CLASS_COUNT; k++)
			sum.while_ns[k] += r->while_ns[k];
	}
	return sum;
}

const struct record_open_wait *watch_open_wait(const struct watch *w, int tid)
{
	for (size_t i = w->final; i < w->records.len; i++)
		if (w->records.at[i].type == RECORD_OPEN_WAIT &&
		    (int)w->records.at[i].open_wait.tid == tid)
			return &w->records.at[i].open_wait;
	return NULL;
}

struct record_edge watch_edge(const struct watch *w, int from, int to)
{
	struct record_edge sum = {.from_tid = (uint32_t)from, .to_tid = (uint32_t)to};

	for (size_t i = w->final; i < w->records.len; i++) {
		const struct record_edge *r = &w->records.at[i].edge;

		if (w->records.at[i].type != RECORD_EDGE || (int)r->from_tid != from ||
		    (int)r->to_tid != to)
			continue;
		sum.kind = r->kind;
		sum.waits += r->waits;
		sum.wait_ns += r->wait_ns;
	}
	return sum;
}
