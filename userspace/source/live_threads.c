// SPDX-License-Identifier: GPL-2.0-only
/* Threads and processes: the slots that the BPF side writes, read without a system call. */
#include <errno.h>
#include <string.h>

#include "base/num.h"
#include "source/live_internal.h"

_Static_assert((int)CP_OTHER == (int)CLASS_OTHER && (int)CP_FUTEX == (int)CLASS_COUNT,
	       "the classes of the ABI begin with the model's");
_Static_assert(CP_HIST_BUCKETS == HIST_BUCKETS, "the same histograms");

struct live_process *live_process_get(struct live *live, uint32_t pid, uint64_t start_ns)
{
	bool added;
	uint32_t *index = hashmap_put(&live->process_by_pid, &pid, live->processes.len, &added);
	struct live_process *p;

	if (!index)
		return NULL;
	/* A pid that is used again is a new process. */
	if (!added && !live->processes.at[*index].end_ns)
		return &live->processes.at[*index];
	p = vec_add(&live->processes);
	if (!p)
		return NULL;
	*index = live->processes.len - 1;
	p->pid = pid;
	p->start_ns = start_ns;
	p->dirty = true;
	p->tables_due = true;
	return p;
}

/* The time since the last change of class belongs to the present one. */
static void close_open_class(struct cp_thread *t, uint64_t now_ns)
{
	if (t->cls < CP_CLASS_COUNT && now_ns > t->since_ns)
		t->class_ns[t->cls] += now_ns - t->since_ns;
	if (t->cls == CP_SEED && now_ns > t->since_ns)
		t->class_ns[CP_OTHER] += now_ns - t->since_ns;
	t->since_ns = num_max_u64(t->since_ns, now_ns);
}

/* A thread that runs, or could, has not been booked since it last blocked; one that never blocks
 * never is. The clock has stood still since parallel_at_ns, as then the last one became active or
 * ceased to be. */
static void close_open_cmetric(const struct live *live, struct cp_thread *t, uint64_t now_ns)
{
	uint64_t clock = live->skel->bss->parallel_clock;
	uint64_t at_ns = live->skel->bss->parallel_at_ns;
	int64_t active = live->skel->bss->active_threads;

	if (t->cls > CP_RUNQ_WAKE)
		return;
	if (at_ns && now_ns > at_ns && active > 0)
		clock += ((now_ns - at_ns) << 10) / (uint64_t)active;
	if (clock > t->active_from)
		t->cmetric_ns += (clock - t->active_from) >> 10;
}

int live_emit_thread(struct live *live, const struct cp_thread *slot, uint64_t now_ns, bool ended,
		     struct err *err)
{
	struct record_counters *c = &live->rec.counters;
	struct cp_thread t = *slot;

	if (!ended) {
		close_open_cmetric(live, &t, now_ns);
		close_open_class(&t, now_ns);
	}
	memset(&live->rec, 0, sizeof(live->rec));
	live->rec.type = RECORD_COUNTERS;
	c->pid = t.view_tgid;
	c->tid = t.view_tid;
	memcpy(c->name, t.comm, CP_COMM_LEN);
	c->name[CP_COMM_LEN] = '\0';
	c->start_ns = t.start_ns;
	c->until_ns = t.since_ns;
	c->ended = ended;
	memcpy(c->class_ns, t.class_ns, sizeof(c->class_ns));
	/* A pipe or queue wait that is open: nobody has handed anything over yet. */
	c->class_ns[CLASS_POOL_IDLE] += t.class_ns[CP_IPC];
	/* Both are divided by the model, from the waits. */
	c->futex_ns = t.class_ns[CP_FUTEX] + t.class_ns[CP_GIL];
	c->class_ns[CLASS_GIL] = 0;
	c->voluntary_switches = t.voluntary;
	c->involuntary_switches = t.involuntary;
	c->wakeups = t.wakeups;
	c->cmetric_ns = t.cmetric_ns;
	c->runq_count = t.runq_count;
	c->runq_max_ns = t.runq_max_ns;
	for (int i = 0; i < HIST_BUCKETS; i++)
		c->runq_hist[i] = t.runq_hist[i];
	c->migrations = t.migrations;
	c->faults = t.faults;
	c->major_faults = t.major_faults;
	c->copy_faults = t.copy_faults;
	c->cpus_allowed = t.cpus_allowed;
	return live_emit(live, err);
}

static void note_process(struct live *live, const struct cp_thread *t)
{
	struct live_process *p = live_process_get(live, t->view_tgid, t->start_ns);

	if (!p)
		return;
	live_note_pid(live, t->tgid, t->view_tgid);
	p->tgid = t->tgid;
	p->threads++;
	p->forks_alive += t->forks;
	if (!p->ppid)
		p->ppid = t->view_ppid;
	/* The leader's name is the process's; until the leader is met anyone's. */
	if (!p->comm[0] ||
	    (t->view_tid == t->view_tgid && strncmp(p->comm, t->comm, CP_COMM_LEN) != 0)) {
		memcpy(p->comm, t->comm, CP_COMM_LEN);
		p->dirty = true;
	}
}

static void end_processes(struct live *live, uint64_t now_ns)
{
	struct live_process *p;

	VEC_FOREACH (&live->processes, p) {
		if (!p->threads && !p->end_ns) {
			p->end_ns = now_ns;
			p->dirty = true;
			live_unwind_drop(live, p);
			live_python_drop(live, p->pid);
		}
	}
}

int live_read_threads(struct live *live, uint64_t now_ns, struct err *err)
{
	struct live_process *p;
	struct cp_thread t;
	int rc;

	live->threads_alive = 0;
	VEC_FOREACH (&live->processes, p) {
		p->threads = 0;
		p->forks_alive = 0;
	}
	for (uint32_t i = 1; i < live->slots_len; i++) {
		const struct cp_thread *slot =
			(const struct cp_thread *)(live->slots + i * live->slot_size);

		if (!__atomic_load_n(&slot->view_tid, __ATOMIC_RELAXED))
			continue;
		if (!live_copy_slot(live, i, &t)) {
			live->torn++;
			continue;
		}
		if (!t.view_tid || t.cls == CP_DEAD)
			continue; /* ended meanwhile: its record is in the ring */
		live->threads_alive++;
		note_process(live, &t);
		if (!live->skel->bss->window_end_ns)
			continue; /* concprof's own child, which has yet to become the command */
		rc = live_emit_thread(live, &t, now_ns, false, err);
		if (!rc &&
		    (t.cls == CP_FUTEX || t.cls == CP_GIL || (t.cls == CP_LOCK && t.fx.key.word)))
			rc = live_emit_open_wait(live, &t, now_ns, err);
		if (rc)
			return rc;
	}
	end_processes(live, now_ns);
	return 0;
}

int live_emit_process(struct live *live, struct live_process *p, struct err *err)
{
	struct record_process *r = &live->rec.process;

	memset(&live->rec, 0, sizeof(live->rec));
	live->rec.type = RECORD_PROCESS;
	r->pid = p->pid;
	r->ppid = p->ppid;
	memcpy(r->comm, p->comm, sizeof(p->comm));
	memcpy(r->libc, p->libc, sizeof(p->libc));
	memcpy(r->runtime, p->runtime, sizeof(p->runtime));
	memcpy(r->runtime_version, p->runtime_version, sizeof(p->runtime_version));
	r->start_ns = p->start_ns;
	r->end_ns = p->end_ns;
	r->forks = p->forks_ended + p->forks_alive;
	r->execs = p->execs;
	p->dirty = false;
	return live_emit(live, err);
}

int live_emit_processes(struct live *live, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; i < live->processes.len && !rc; i++) {
		struct live_process *p = &live->processes.at[i];

		if (p->dirty || p->forks_alive || p->forks_ended)
			rc = live_emit_process(live, p, err);
	}
	return rc;
}
