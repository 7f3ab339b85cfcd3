// SPDX-License-Identifier: GPL-2.0-only
/* Threads and processes: their time, divided; their order. */
#include "base/num.h"
#include "model/divide.h"
#include "model/freeze_priv.h"
#include "model/hist.h"

#include <stdlib.h>
#include <string.h>

static uint64_t idle_sum(const uint64_t class_ns[CLASS_COUNT])
{
	uint64_t sum = 0;

	for (int i = 0; i < CLASS_COUNT; i++)
		if (time_class_idle((enum time_class)i))
			sum = num_sat_add(sum, class_ns[i]);
	return sum;
}

static void time_of(const struct freeze *f, const struct model_thread *t,
		    const uint64_t futex_class_ns[CLASS_COUNT], struct freeze_time *ret)
{
	const uint64_t window_end = f->snap->start_ns + f->snap->duration_ns;
	uint64_t until_ns = num_min_u64(t->rec.until_ns, window_end);

	ret->start_ns = num_min_u64(num_max_u64(t->rec.start_ns, f->snap->start_ns), window_end);
	ret->lifetime_ns = num_sat_sub(until_ns, ret->start_ns);
	divide_lifetime(t->rec.class_ns, t->rec.futex_ns, futex_class_ns, ret->lifetime_ns,
			ret->class_ns);
}

void freeze_times(struct freeze *f)
{
	const struct model *m = f->m;
	const struct model_open *open;
	uint64_t(*futex)[CLASS_COUNT] = freeze_temporary(f, m->threads.len, sizeof(*futex));

	f->times = freeze_temporary(f, m->threads.len, sizeof(*f->times));
	for (uint32_t i = 0; !f->failed && i < m->waits.len; i++) {
		const struct model_wait *wait = model_wait(m, i);

		/* The counters have kernel locks as class lock, apart from futex waits. */
		if (wait->rec.op != FUTEX_OP_KERNEL)
			freeze_wait_classes(&f->groups[f->group_of[wait->lock]],
					    wait->rec.blocked_ns, wait->rec.peer_ns,
					    futex[wait->thread]);
	}
	VEC_FOREACH (&m->open, open)
		if (!f->failed && open->rec.op != FUTEX_OP_KERNEL)
			freeze_wait_classes(&f->groups[f->group_of[open->lock]],
					    open->rec.blocked_ns, 0, futex[open->thread]);
	for (uint32_t i = 0; !f->failed && i < m->threads.len; i++)
		time_of(f, model_thread(m, i), futex[i], &f->times[i]);
	free(futex);
}

uint32_t freeze_known_thread(const struct freeze *f, uint32_t thread)
{
	if (thread == NO_THREAD)
		return NO_THREAD;
	if (!model_thread(f->m, thread)->counted && !model_thread(f->m, thread)->needed)
		return NO_THREAD; /* a tid that only holders are known by: not of the target */
	return thread;
}

struct order {
	uint64_t non_idle_ns;
	uint32_t id; /* tid or pid */
	uint32_t model;
};

static int compare_order(const void *pa, const void *pb)
{
	const struct order *a = pa;
	const struct order *b = pb;
	int r = freeze_falling(a->non_idle_ns, b->non_idle_ns);

	if (!r)
		r = freeze_rising(a->id, b->id);
	return r ? r : freeze_rising(a->model, b->model);
}

/*
 * Time that is not idle.  A thread that sleeps or waits for a client while it holds a lock keeps
 * those who wait for that lock from work: as much of its idle time as it is blamed for counts, too.
 */
static uint64_t non_idle_of(const struct freeze_time *time)
{
	uint64_t idle_ns = idle_sum(time->class_ns);

	return time->lifetime_ns - idle_ns + num_min_u64(idle_ns, time->idle_blame_ns);
}

static struct snap_thread thread_of(struct freeze *f, uint32_t i)
{
	const struct record_counters *rec = &model_thread(f->m, i)->rec;
	struct snap_thread t = {
		.pid = rec->pid,
		.tid = rec->tid,
		.name = freeze_text(f, rec->name),
		.start_ns = f->times[i].start_ns,
		.lifetime_ns = f->times[i].lifetime_ns,
		.ended = rec->ended,
		.cmetric_ns = rec->cmetric_ns,
		.voluntary_switches = rec->voluntary_switches,
		.involuntary_switches = rec->involuntary_switches,
		.wakeups = rec->wakeups,
	};

	memcpy(t.class_ns, f->times[i].class_ns, sizeof(t.class_ns));
	hist_merge(&t.runq, rec->runq_count, rec->runq_max_ns, rec->runq_hist);
	t.last_known = model_thread(f->m, i)->last_known;
	t.last_futex = model_thread(f->m, i)->last_futex;
	t.last_class = model_thread(f->m, i)->last_class;
	return t;
}

static void thread_list(struct freeze *f)
{
	const size_t len = f->m->threads.len;
	struct order *order = freeze_temporary(f, len, sizeof(*order));
	struct snap_thread *threads = freeze_array(f, len, sizeof(*threads));
	uint32_t n = 0;

	f->thread_of = freeze_temporary(f, len, sizeof(*f->thread_of));
	for (uint32_t i = 0; !f->failed && i < len; i++) {
		f->thread_of[i] = SNAP_NONE;
		f->times[i].non_idle_ns = non_idle_of(&f->times[i]);
		if (freeze_known_thread(f, i) != NO_THREAD)
			order[n++] = (struct order){f->times[i].non_idle_ns,
						    model_thread(f->m, i)->rec.tid, i};
	}
	if (!f->failed)
		qsort(order, n, sizeof(*order), compare_order);
	for (uint32_t i = 0; !f->failed && i < n; i++) {
		threads[i] = thread_of(f, order[i].model);
		f->thread_of[order[i].model] = i;
		f->snap->non_idle_ns = num_sat_add(f->snap->non_idle_ns, order[i].non_idle_ns);
	}
	f->snap->threads = threads;
	f->snap->threads_len = n;
	free(order);
}

struct gathered {
	struct snap_process process;
	uint64_t start_ns;
	uint32_t older; /* that had its pid before, or SNAP_NONE */
	uint64_t non_idle_ns;
};

/* How often a pid may have been given again for its threads to be told apart. */
#define OLDER_MAX 1000

static void add_classes(uint64_t into[CLASS_COUNT], const uint64_t from[CLASS_COUNT])
{
	for (int i = 0; i < CLASS_COUNT; i++)
		into[i] = num_sat_add(into[i], from[i]);
}

static void add_thread(struct freeze *f, struct gathered *g, uint32_t i)
{
	const struct record_counters *rec = &model_thread(f->m, i)->rec;
	struct snap_process *p = &g->process;

	p->threads++;
	add_classes(p->class_ns, f->times[i].class_ns);
	p->voluntary_switches = num_sat_add(p->voluntary_switches, rec->voluntary_switches);
	p->involuntary_switches = num_sat_add(p->involuntary_switches, rec->involuntary_switches);
	hist_merge(&p->runq, rec->runq_count, rec->runq_max_ns, rec->runq_hist);
	p->migrations = num_sat_add(p->migrations, rec->migrations);
	p->faults = num_sat_add(p->faults, rec->faults);
	p->major_faults = num_sat_add(p->major_faults, rec->major_faults);
	p->copy_faults = num_sat_add(p->copy_faults, rec->copy_faults);
	if (rec->cpus_allowed > p->cpus_allowed)
		p->cpus_allowed = rec->cpus_allowed;
	g->non_idle_ns = num_sat_add(g->non_idle_ns, f->times[i].non_idle_ns);
	/* Without a record of the process its first thread, else any, says what it is called. */
	if (!*p->comm || (rec->tid == rec->pid && !model_process_of(f->m, rec->pid)))
		p->comm = f->snap->threads[f->thread_of[i]].name;
}

static struct snap_process process_of(struct freeze *f, const struct record_process *rec)
{
	return (struct snap_process){
		.pid = rec->pid,
		.ppid = rec->ppid,
		.comm = freeze_text(f, rec->comm),
		.runtime = freeze_text(f, rec->runtime),
		.runtime_version = freeze_text(f, rec->runtime_version),
		.libc = freeze_text(f, rec->libc),
		.forks = rec->forks,
		.execs = rec->execs,
		.ended = rec->end_ns,
		.parent = SNAP_NONE,
	};
}

/* The process that had the pid when a thread of it began at @start_ns. */
static uint32_t holder_of_pid(const struct gathered *all, uint32_t newest, uint64_t start_ns)
{
	uint32_t i = newest;

	for (int steps = 0; steps < OLDER_MAX; steps++) {
		if (all[i].start_ns <= start_ns || all[i].older == SNAP_NONE)
			break;
		i = all[i].older;
	}
	return i;
}

static void gather_one(struct freeze *f, struct hashmap *pids, struct gathered *all, uint32_t n,
		       const struct record_process *rec)
{
	uint32_t *newest;
	bool added;

	all[n].process = process_of(f, rec);
	all[n].start_ns = rec->start_ns;
	all[n].older = SNAP_NONE;
	newest = hashmap_put(pids, &rec->pid, n, &added);
	f->failed |= !newest;
	if (!newest || added)
		return;
	all[n].older = *newest;
	*newest = n;
}

/*
 * All processes with a record, then those that only threads tell of.  Says in @process_of, by
 * thread of the snapshot, which one it is in.  Returns how many.
 */
static uint32_t gather(struct freeze *f, struct gathered *all, uint32_t *ret_process_of)
{
	const struct model *m = f->m;
	struct hashmap pids;
	uint32_t n = 0;

	hashmap_init(&pids, sizeof(uint32_t));
	for (; !f->failed && n < m->processes.len; n++)
		gather_one(f, &pids, all, n, model_process(m, n));
	for (uint32_t i = 0; !f->failed && i < m->threads.len; i++) {
		const struct record_counters *rec = &model_thread(m, i)->rec;
		const struct record_process unknown = {.pid = rec->pid};
		const uint32_t *newest;
		uint32_t at;

		if (f->thread_of[i] == SNAP_NONE)
			continue;
		if (!hashmap_get(&pids, &rec->pid))
			gather_one(f, &pids, all, n++, &unknown);
		newest = hashmap_get(&pids, &rec->pid);
		if (!newest)
			break; /* memory is short: said by then */
		at = holder_of_pid(all, *newest, rec->start_ns);
		add_thread(f, &all[at], i);
		ret_process_of[f->thread_of[i]] = at;
	}
	hashmap_free(&pids);
	return n;
}

/* Put the processes in order; threads know theirs by index. */
static void sort_processes(struct freeze *f, const struct gathered *all, uint32_t n,
			   const uint32_t *process_of_thread)
{
	struct order *order = freeze_temporary(f, n, sizeof(*order));
	uint32_t *place = freeze_temporary(f, n, sizeof(*place));
	struct snap_process *processes = freeze_array(f, n, sizeof(*processes));
	struct snap_thread *threads = (struct snap_thread *)f->snap->threads;

	for (uint32_t i = 0; !f->failed && i < n; i++)
		order[i] = (struct order){all[i].non_idle_ns, all[i].process.pid, i};
	if (!f->failed)
		qsort(order, n, sizeof(*order), compare_order);
	for (uint32_t i = 0; !f->failed && i < n; i++) {
		processes[i] = all[order[i].model].process;
		place[order[i].model] = i;
	}
	for (uint32_t i = 0; !f->failed && i < f->snap->threads_len; i++)
		threads[i].process = place[process_of_thread[i]];
	f->snap->processes = processes;
	f->snap->processes_len = f->failed ? 0 : n;
	free(order);
	free(place);
}

static void process_list(struct freeze *f)
{
	const size_t most = f->m->processes.len + f->snap->threads_len;
	struct gathered *all = freeze_temporary(f, most, sizeof(*all));
	uint32_t *process_of_thread =
		freeze_temporary(f, f->snap->threads_len, sizeof(*process_of_thread));
	uint32_t n = 0;

	if (!f->failed)
		n = gather(f, all, process_of_thread);
	if (!f->failed)
		sort_processes(f, all, n, process_of_thread);
	free(process_of_thread);
	free(all);
}

void freeze_threads(struct freeze *f)
{
	struct snapshot *snap = f->snap;

	thread_list(f);
	if (!f->failed)
		process_list(f);
	for (uint32_t i = 0; !f->failed && i < snap->threads_len; i++) {
		snap->wall_thread_ns =
			num_sat_add(snap->wall_thread_ns, snap->threads[i].lifetime_ns);
		add_classes(snap->class_ns, snap->threads[i].class_ns);
	}
}
