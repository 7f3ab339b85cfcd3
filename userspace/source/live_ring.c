// SPDX-License-Identifier: GPL-2.0-only
/* The ring: threads that ended, processes that came, waits over the threshold. */
#include <errno.h>
#include <string.h>

#include "base/num.h"
#include "source/live_internal.h"

/* About 50 bytes of capture each: a run of hours keeps those of its beginning, and says so. */
#define LONG_WAITS_MAX 500000

static int on_exit_record(struct live *live, const struct cp_ring_exit *e, struct err *err)
{
	const struct cp_thread *t = &e->thread;
	struct live_process *p = live_process_get(live, t->view_tgid, t->start_ns);

	if (p) {
		p->forks_ended += t->forks;
		if (!p->ppid)
			p->ppid = t->view_ppid;
		if (!p->comm[0])
			memcpy(p->comm, t->comm, CP_COMM_LEN);
	}
	live_note_pid(live, t->tgid, t->view_tgid);
	live->events_ended += t->voluntary + t->involuntary + t->wakeups;
	return live_emit_thread(live, t, t->since_ns, true, err);
}

/* Told at once: it may have ended by the next slice, and its names are to be had while it lives. */
static int on_process(struct live *live, const struct cp_ring_process *r, struct err *err)
{
	struct live_process *p = live_process_get(live, r->view_pid, r->at_ns);
	int rc;

	if (p && r->type == CP_RING_PROCESS && p->start_ns < r->at_ns) {
		/* Forked now, so the one before has ended, though no slice has found it out. */
		p->end_ns = r->at_ns;
		rc = live_emit_process(live, p, err);
		if (rc)
			return rc;
		live_unwind_drop(live, p);
		live_python_drop(live, p->pid);
		p = live_process_get(live, r->view_pid, r->at_ns);
	}
	if (!p)
		return err_set(err, -ENOMEM, "out of memory");
	live_note_pid(live, r->pid, r->view_pid);
	p->ppid = r->view_ppid;
	memcpy(p->comm, r->comm, CP_COMM_LEN);
	p->tgid = r->pid;
	p->tables_due = true;
	if (r->type == CP_RING_EXEC) {
		p->execs++;
	} else {
		live_python_inherit(live, p);
		live_unwind_forked(live, p, r->at_ns);
	}
	p->dirty = true;
	return live_emit_process(live, p, err);
}

static int on_long_wait(struct live *live, const struct cp_ring_long_wait *w, struct err *err)
{
	struct record_long_wait out = {
		.stack = w->stack,
		.release_stack = w->release_stack,
		.tid = w->tid,
		.holder_tid = w->holder_tid,
		.waker_tid = w->waker_tid,
		.start_ns = w->start_ns,
		.woken_ns = w->woken_ns,
		.end_ns = w->end_ns,
	};
	int rc;

	if (live->long_waits == LONG_WAITS_MAX) {
		live->long_waits_dropped++;
		return 0;
	}
	live->long_waits++;
	out.lock = live_lock_id(live, &w->lock, err);
	if (!out.lock)
		return -ENOMEM;
	rc = live_send_stack(live, w->stack, err);
	if (!rc)
		rc = live_send_stack(live, w->release_stack, err);
	if (rc)
		return rc;
	memset(&live->rec, 0, sizeof(live->rec));
	live->rec.type = RECORD_LONG_WAIT;
	live->rec.long_wait = out;
	return live_emit(live, err);
}

static bool told_whole(const struct cp_ring_stack *told, size_t size)
{
	return size >= CP_RING_STACK_HEAD && size >= CP_RING_STACK_HEAD + 8 * (size_t)told->len;
}

/* An error is kept for live_drain: libbpf passes its code on, not our sentence. */
static int on_record(void *ctx, void *data, size_t size)
{
	struct live *live = ctx;
	uint32_t type;
	int rc = 0;

	if (live->ring_error || size < sizeof(type))
		return 0;
	memcpy(&type, data, sizeof(type));
	if (type == CP_RING_EXIT && size >= sizeof(struct cp_ring_exit))
		rc = on_exit_record(live, data, &live->ring_err);
	else if (type == CP_RING_LONG_WAIT && size >= sizeof(struct cp_ring_long_wait))
		rc = on_long_wait(live, data, &live->ring_err);
	else if (type == CP_RING_STACK && told_whole(data, size))
		rc = live_python_told(live, data, &live->ring_err);
	else if (type == CP_RING_POLLER)
		live_polls_wanted(live);
	else if (type == CP_RING_TURN_SAMPLE && size >= sizeof(struct cp_ring_turn_sample))
		rc = live_loop_sampled(live, data, &live->ring_err);
	else if (type == CP_RING_STALL && size >= sizeof(struct cp_ring_stall))
		rc = live_loop_stalled(live, data, &live->ring_err);
	else if (type == CP_RING_LOOP && size >= sizeof(struct cp_ring_loop))
		rc = live_loop_ended(live, data, &live->ring_err);
	else if ((type == CP_RING_PROCESS || type == CP_RING_EXEC) &&
		 size >= sizeof(struct cp_ring_process))
		rc = on_process(live, data, &live->ring_err);
	live->ring_error = rc;
	return 0;
}

int live_ring_open(struct live *live, struct err *err)
{
	live->ring = ring_buffer__new(bpf_map__fd(live->skel->maps.ring), on_record, live, NULL);
	if (!live->ring)
		return err_set(err, -errno, "cannot open the event ring: %s", strerror(errno));
	return 0;
}

int live_fd(const struct live *live)
{
	return ring_buffer__epoll_fd(live->ring);
}

int live_drain(struct live *live, struct err *err)
{
	int rc = ring_buffer__consume(live->ring);

	if (live->ring_error) {
		if (err)
			*err = live->ring_err;
		return live->ring_error;
	}
	if (rc < 0)
		return err_set(err, rc, "cannot read the event ring: %s", strerror(-rc));
	live_unwind_refresh(live, false);
	return 0;
}
