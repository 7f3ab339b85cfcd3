// SPDX-License-Identifier: GPL-2.0-only
/*
 * cpu.saturated: the target's own threads use at least 90% of the CPUs that it could use, and at
 * least half of those that it may use (else others use them).  There is nothing to gain by changing
 * its concurrency.
 */
#include "analysis/phrase.h"
#include "analysis/rules.h"
#include "analysis/workers.h"
#include "base/num.h"
#include "base/units.h"

#define SATURATED_SHARE 0.9
#define LIMIT_SHARE 0.5

void saturated_find(const struct load *load, struct finding *f)
{
	f->fired = load->busy_cpus > 0 && load->busy_cpus >= SATURATED_SHARE * load->usable_cpus &&
		   load->busy_cpus >= LIMIT_SHARE * load->limit_cpus;
	f->by_time = true;
	finding_set_gain(f, (struct gain){1, LIMIT_CPUS});
}

void saturated_tell(const struct load *load, struct finding *f)
{
	bool by_quota = load->quota_cpus > 0 && load->quota_cpus < load->allowed_cpus;
	struct strbuf hottest = {0};
	double hot = phrase_hottest(&hottest, load->snap, SNAP_NONE);
	struct strbuf *sb = &f->headline;

	strbuf_puts(sb, "The CPUs are the limit: ");
	phrase_busy(sb, load->busy_cpus, load->limit_cpus);
	strbuf_puts(sb, by_quota ? " that the quota allows are busy with the program's own work"
				 : " are busy with the program's own work");
	if (hot > 0) {
		units_percent(&f->cause, hot);
		strbuf_printf(&f->cause, " of it in %s", strbuf_str(&hottest));
	}

	sb = phrase_evidence(f);
	strbuf_puts(sb, "idle on this machine: ");
	phrase_busy(sb, load->idle_cpus, load->machine_cpus);
	strbuf_puts(sb, "; used by other programs: ");
	phrase_cpus(sb, load->other_cpus);
	sb = phrase_evidence(f);
	strbuf_puts(sb, "runnable without a CPU for ");
	phrase_share(sb, load, load->runq_ns);
	strbuf_puts(sb, ", waiting for locks for ");
	phrase_share(sb, load, load->class_ns[CLASS_LOCK]);
	strbuf_puts(sb, " of the time in which the program had work");
	workers_tell(load, f);
	strbuf_printf(&f->next_step,
		      "more threads would not help: make the work cheaper%s%s, or add CPUs",
		      hot > 0 ? ", first in " : "", strbuf_str(&hottest));
	f->next_step.failed |= hottest.failed;
	strbuf_free(&hottest);
}
