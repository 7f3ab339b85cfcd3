// SPDX-License-Identifier: GPL-2.0-only
/*
 * processes.pool_exhausted: connections wait at a listener at nearly every look, and CPUs are free.
 *
 * The kernel gives a waiting connection at once to who waits for one: a backlog that lasts says
 * that all workers are busy, whatever they do.  A pool that gets its work in another way
 * (multiprocessing.Pool, an executor) keeps its tasks in its own memory, where they cannot be
 * counted from outside.
 *
 * gain: C / U: more workers may use the CPUs that are idle.
 */
#include "analysis/phrase.h"
#include "analysis/rules.h"
#include "analysis/workers.h"
#include "base/num.h"
#include "base/units.h"

/* Who is stopped for this share of its time serves nobody, whatever the number of workers. */
#define STOPPED_SHARE 0.5

void pool_find(const struct load *load, struct finding *f)
{
	if (load->snap->processes_len < 2 || !load_backlogged(load) || !(load->busy_cpus > 0) ||
	    load->class_ns[CLASS_STOPPED] > STOPPED_SHARE * load->wall_thread_ns)
		return;
	f->fired = true;
	f->by_time = true;
	finding_set_gain(f, gain_spread(load->busy_cpus, load->usable_cpus, load->limit_cpus));
}

/* Of the processes that are there to work: their number, and their time by class. */
static uint32_t sum_workers(const struct snapshot *snap, double *class_ns, double *ret_sum_ns)
{
	uint32_t count = 0;

	*ret_sum_ns = 0;
	for (uint32_t i = 0; i < snap->processes_len; i++) {
		const struct snap_process *p = &snap->processes[i];

		if (p->workers)
			continue;
		count++;
		for (int c = 0; c < CLASS_COUNT; c++) {
			class_ns[c] += (double)p->class_ns[c];
			*ret_sum_ns += (double)p->class_ns[c];
		}
	}
	return count;
}

static const struct snap_process *find_supervisor(const struct snapshot *snap)
{
	for (uint32_t i = 0; i < snap->processes_len; i++)
		if (snap->processes[i].workers)
			return &snap->processes[i];
	return NULL;
}

static enum time_class largest(const double *class_ns)
{
	enum time_class best = CLASS_RUN;

	for (int c = 0; c < CLASS_COUNT; c++)
		if (class_ns[c] > class_ns[best])
			best = (enum time_class)c;
	return best;
}

static void tell_evidence(const struct load *load, struct finding *f, const double *class_ns,
			  double sum_ns)
{
	const struct snap_listener *l = &load->snap->listeners[0];
	struct strbuf *sb = phrase_evidence(f);

	strbuf_printf(sb, "at %s connections waited at ", l->name);
	units_count(sb, l->looks_waiting);
	strbuf_puts(sb, " of ");
	units_count(sb, l->looks);
	strbuf_puts(sb, " looks, ");
	units_count(sb, l->looks ? (l->waiting_sum + l->looks / 2) / l->looks : 0);
	strbuf_puts(sb, " of them on average, ");
	units_count(sb, l->waiting_max);
	strbuf_puts(sb, " at most");
	sb = phrase_evidence(f);
	strbuf_puts(sb, "a thread of the workers ");
	strbuf_puts(sb, phrase_while(largest(class_ns)));
	strbuf_puts(sb, " ");
	units_percent(sb, num_ratio(class_ns[largest(class_ns)], sum_ns));
	strbuf_puts(sb, " of its time, and is computing ");
	units_percent(sb, num_ratio(class_ns[CLASS_RUN], sum_ns));
	sb = phrase_evidence(f);
	strbuf_puts(sb, "busy: ");
	phrase_busy(sb, load->busy_cpus, load->usable_cpus);
	strbuf_puts(sb, " that the program could use");
}

void pool_tell(const struct load *load, struct finding *f)
{
	const struct snap_process *supervisor = find_supervisor(load->snap);
	double class_ns[CLASS_COUNT] = {0}, sum_ns;
	uint32_t workers = sum_workers(load->snap, class_ns, &sum_ns);
	struct strbuf *sb = &f->headline;

	strbuf_puts(sb, "All workers are busy while clients wait and CPUs are free: ");
	units_count(sb, workers);
	strbuf_puts(sb, workers == 1 ? " process serves " : " processes serve ");
	strbuf_puts(sb, load->snap->listeners[0].name);
	if (supervisor)
		strbuf_printf(&f->cause, "%s (%u) has started no more workers than these",
			      supervisor->comm, supervisor->pid);
	phrase_gain(load, f, "enough workers");
	tell_evidence(load, f, class_ns, sum_ns);
	workers_tell(load, f);
	if (class_ns[CLASS_RUN] * 2 > sum_ns)
		strbuf_puts(&f->next_step,
			    "start more worker processes (gunicorn --workers, uvicorn --workers, "
			    "pm.max_children), up to the number of CPUs that are free");
	else
		strbuf_puts(
			&f->next_step,
			"have more requests under way at a time, as they mostly wait: more worker "
			"processes (gunicorn --workers, uvicorn --workers, pm.max_children) or "
			"several threads in each (gunicorn --threads); then look at what they wait "
			"for");
}
