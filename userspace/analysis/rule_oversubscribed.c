// SPDX-License-Identifier: GPL-2.0-only
/*
 * cpu.oversubscribed: threads are runnable without a CPU, or wait for a lock whose holder is, for
 * at least 30% of the time in which the program had work, because others use the CPUs.
 *
 * gain: gain_cpu_time(): the CPUs that others take now, as far as the target's threads want them.
 * Threads of the target that only compete with each other gain nothing: that is cpu.saturated.
 */
#include "analysis/phrase.h"
#include "analysis/rules.h"
#include "analysis/workers.h"
#include "base/num.h"
#include "base/units.h"

#define WITHOUT_CPU_SHARE 0.3
#define PREEMPTED_NOTED 0.3

/* With more of the machine idle than this nobody was kept from it by others: the run queue is then
 * the way from the wake-up to the CPU.  Unless the target may not go there. */
#define IDLE_SHARE 0.2

static bool others_in_the_way(const struct load *load)
{
	return load->allowed_cpus < load->machine_cpus ||
	       load->idle_cpus < IDLE_SHARE * load->machine_cpus;
}

static double without_cpu_ns(const struct load *load)
{
	return load->runq_ns + load->preempted_ns;
}

void oversubscribed_find(const struct load *load, struct finding *f)
{
	double wanted = num_ratio(without_cpu_ns(load), load->window_ns);
	struct gain gain;

	if (!others_in_the_way(load) || load_share(load, without_cpu_ns(load)) < WITHOUT_CPU_SHARE)
		return;
	gain = gain_cpu_time(load->busy_cpus, load->limit_cpus, load->other_cpus, wanted);
	if (!(gain.ratio > 1))
		return;
	f->fired = true;
	for (uint32_t i = 0; !load->slice && i < load->snap->threads_len; i++) {
		const struct snap_thread *thread = &load->snap->threads[i];

		f->events = num_sat_add(f->events, thread->involuntary_switches);
		f->events = num_sat_add(f->events, thread->wakeups);
	}
	finding_set_gain(f, gain);
}

/* Processes that hand data back and forth are often runnable; who spends less on it needs less CPU.
 */
bool oversubscribed_explained(const struct load *load, const struct finding *f,
			      const struct findings *all)
{
	(void)load, (void)f;
	return findings_called(all, "processes.ipc");
}

void oversubscribed_tell(const struct load *load, struct finding *f)
{
	bool preempted = load->top_lock_preempted >= PREEMPTED_NOTED;
	const char *lock = preempted ? load->snap->locks[load->top_lock.lock].name : NULL;
	struct strbuf *sb = &f->headline;

	strbuf_puts(sb, "Other programs take the CPUs: for ");
	phrase_share(sb, load, without_cpu_ns(load));
	strbuf_puts(sb, " of the time in which the program had work its threads lack a CPU");
	if (preempted)
		strbuf_puts(sb, ", or wait for one that does");
	sb = &f->cause;
	strbuf_puts(sb, "other programs take ");
	phrase_busy(sb, load->other_cpus, load->machine_cpus);
	strbuf_puts(sb, ", this one gets ");
	phrase_cpus(sb, load->busy_cpus);
	phrase_gain(load, f, "having the CPUs for itself");

	sb = phrase_evidence(f);
	strbuf_puts(sb, "runnable without a CPU for ");
	units_duration(sb, num_to_u64(load->runq_ns));
	strbuf_puts(sb, ", ");
	phrase_share(sb, load, load->runq_ns);
	strbuf_puts(sb, " of the time in which the program had work");
	sb = phrase_evidence(f);
	strbuf_puts(sb, "busy with the program: ");
	phrase_busy(sb, load->busy_cpus, load->machine_cpus);
	strbuf_puts(sb, "; with others: ");
	phrase_cpus(sb, load->other_cpus);
	strbuf_puts(sb, "; idle: ");
	phrase_cpus(sb, load->idle_cpus);
	workers_tell(load, f);
	strbuf_puts(&f->next_step, "move the other programs elsewhere or give this one a larger "
				   "share of the CPUs (cpuset, cpu.weight, nice)");
	if (!preempted)
		return;
	sb = phrase_evidence(f);
	strbuf_printf(sb, "threads wait for `%s`, but during ", lock);
	units_percent(sb, load->top_lock_preempted);
	strbuf_puts(sb, " of that its holder was runnable without a CPU");
	strbuf_printf(&f->next_step, "; the lock `%s` is not to blame", lock);
}
