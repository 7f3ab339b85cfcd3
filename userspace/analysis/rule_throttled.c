// SPDX-License-Identifier: GPL-2.0-only
/*
 * cpu.throttled: the cgroup's CPU quota stopped the program for at least 10% of the window.
 *
 * The kernel adds up throttled time over CPUs, so the share is clipped to all of the window.
 * gain: gain_cpu_time() without the quota: idle CPUs and a fair share of what others take, as far
 * as threads want them.
 */
#include "analysis/phrase.h"
#include "analysis/rules.h"
#include "analysis/workers.h"
#include "base/num.h"
#include "base/units.h"

#define THROTTLED_SHARE 0.1

void throttled_find(const struct load *load, struct finding *f)
{
	double wanted = num_ratio(load->runq_ns, load->window_ns);
	double withheld = load->idle_cpus + FAIR_SHARE * load->other_cpus;

	if (load->throttled_ratio < THROTTLED_SHARE)
		return;
	/* While a group is throttled at least one of its threads wants to run. */
	if (wanted < load->throttled_ratio)
		wanted = load->throttled_ratio;
	f->fired = true;
	f->by_time = true;
	finding_set_gain(f, gain_cpu_time(load->busy_cpus, load->allowed_cpus, withheld, wanted));
}

void throttled_tell(const struct load *load, struct finding *f)
{
	const struct record_host *host = &load->snap->host;
	struct load without = *load; /* the quota */
	struct strbuf *sb = &f->headline;

	without.limit_cpus = load->allowed_cpus;
	without.usable_cpus = load->allowed_cpus;
	strbuf_puts(sb, "The CPU quota stops the program: its cgroup was throttled ");
	units_percent(sb, load->throttled_ratio);
	strbuf_puts(sb, " of the time");
	if (load->quota_cpus > 0) {
		strbuf_puts(&f->cause, "the quota is ");
		phrase_cpus(&f->cause, load->quota_cpus);
	}
	phrase_gain(&without, f, "a quota that is large enough");

	sb = phrase_evidence(f);
	strbuf_puts(sb, "throttled for ");
	units_duration(sb, host->throttled_ns);
	strbuf_puts(sb, " (added up over CPUs) in ");
	units_count(sb, host->throttled_periods);
	strbuf_puts(sb, " periods");
	sb = phrase_evidence(f);
	strbuf_puts(sb, "the program used ");
	phrase_cpus(sb, load->busy_cpus);
	strbuf_puts(sb, ", its threads were runnable without a CPU for ");
	units_duration(sb, num_to_u64(load->runq_ns));
	sb = phrase_evidence(f);
	strbuf_puts(sb, "idle on this machine: ");
	phrase_busy(sb, load->idle_cpus, load->machine_cpus);
	workers_tell(load, f);
	strbuf_puts(&f->next_step,
		    "raise the quota (cpu.max; the CPU limit of the container), or run fewer "
		    "threads at once so that a period's quota is not used up in its first moments");
}
