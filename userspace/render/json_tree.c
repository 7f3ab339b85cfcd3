// SPDX-License-Identifier: GPL-2.0-only
/* Processes, their tree and who waited for whom, of the JSON report. */
#include "render/json_parts.h"

/* Up to the last bucket that counts something. */
static json_t *buckets(const struct snap_hist *hist)
{
	json_t *array = json_array();
	unsigned len = HIST_BUCKETS;

	while (len && !hist->bucket[len - 1])
		len--;
	for (unsigned i = 0; array && i < len; i++)
		array = jr_push(array, jr_num(hist->bucket[i]));
	return array;
}

static json_t *runq(const struct snap_hist *hist)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o}", "count", jr_num(hist->count), "p50_ns",
			 jr_num(snap_hist_quantile(hist, 0.5)), "p99_ns",
			 jr_num(snap_hist_quantile(hist, 0.99)), "max_ns", jr_num(hist->max_ns),
			 "log2_ns", buckets(hist));
}

static json_t *cost(const struct snap_cost *c)
{
	return json_pack("{s:o, s:o, s:o, s:o}", "fork_ns", jr_num(c->fork_ns), "exec_ns",
			 jr_num(c->exec_ns), "exit_ns", jr_num(c->exit_ns), "copy_ns",
			 jr_num(c->copy_ns));
}

json_t *jr_process(struct json_report *j, uint32_t i)
{
	const struct snap_process *p = &j->snap->processes[i];
	json_t *obj = json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "pid",
				jr_num(p->pid), "ppid", jr_num(p->ppid), "comm", jr_text(p->comm),
				"threads", jr_num(p->threads), "classes", jr_classes(p->class_ns),
				"voluntary_switches", jr_num(p->voluntary_switches),
				"involuntary_switches", jr_num(p->involuntary_switches), "forks",
				jr_num(p->forks), "execs", jr_num(p->execs), "workers",
				jr_num(p->workers), "runq", runq(&p->runq));

	return jr_joined(obj,
			 json_pack("{s:o, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "exits",
				   jr_num(p->exits), "ended", p->ended, "depth", jr_num(p->depth),
				   "migrations", jr_num(p->migrations), "faults", jr_num(p->faults),
				   "major_faults", jr_num(p->major_faults), "faults_after_fork",
				   jr_num(p->copy_faults), "cpus_allowed", jr_num(p->cpus_allowed),
				   "cost", cost(&p->cost)));
}

json_t *jr_tree(const struct snapshot *snap)
{
	const struct snap_tree *t = &snap->tree;
	json_t *obj = json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "processes",
				jr_num(snap->processes_len), "ended", jr_num(t->ended), "depth",
				jr_num(t->depth), "forks", jr_num(t->forks), "execs",
				jr_num(t->execs), "voluntary_switches",
				jr_num(t->voluntary_switches), "involuntary_switches",
				jr_num(t->involuntary_switches), "runq", runq(&t->runq));

	return jr_joined(
		obj, json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "migrations",
			       jr_num(t->migrations), "faults", jr_num(t->faults), "major_faults",
			       jr_num(t->major_faults), "faults_after_fork", jr_num(t->copy_faults),
			       "cpus_allowed", jr_num(t->cpus_allowed), "throttled_ns",
			       jr_num(snap->host.throttled_ns), "throttled_periods",
			       jr_num(snap->host.throttled_periods), "cost", cost(&t->cost)));
}

/* {pid, tid} of a thread, zeros when it is not known. */
static json_t *thread_ref(const struct snapshot *snap, uint32_t thread)
{
	return json_pack("{s:o, s:o}", "pid",
			 jr_num(thread < snap->threads_len ? snap->threads[thread].pid : 0), "tid",
			 jr_tid(snap, thread));
}

static json_t *sites(struct json_report *j, const struct snap_edge *e)
{
	json_t *array = json_array();

	for (uint32_t i = 0; array && i < e->sites_len; i++) {
		const struct snap_edge_site *s = &e->sites[i];
		/* Stack ids go by first use: the order of these two must not be the compiler's. */
		json_t *waiting = jr_stack(j, s->wait_stack);
		json_t *waking = jr_stack(j, s->wake_stack);

		array = jr_push(array, json_pack("{s:o, s:o, s:o, s:o}", "stack", waiting,
						 "waker_stack", waking, "waits", jr_num(s->waits),
						 "wait_ns", jr_num(s->wait_ns)));
	}
	return array;
}

json_t *jr_edge(struct json_report *j, uint32_t i)
{
	const struct snap_edge *e = &j->snap->edges[i];

	return json_pack(
		"{s:o, s:o, s:s, s:o, s:o, s:o}", "from", thread_ref(j->snap, e->from_thread), "to",
		thread_ref(j->snap, e->to_thread), "kind", edge_kind_name(e->kind), "waits",
		jr_num(e->waits), "wait_ns", jr_num(e->wait_ns), "sites", sites(j, e));
}
