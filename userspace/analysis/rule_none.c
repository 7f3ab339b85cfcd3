// SPDX-License-Identifier: GPL-2.0-only
/* none: work was seen and nothing that holds it back.  Always fires: the last row of the table. */
#include "analysis/phrase.h"
#include "analysis/rules.h"
#include "base/num.h"
#include "base/units.h"

void none_find(const struct load *load, struct finding *f)
{
	(void)load;
	f->fired = true;
	f->by_time = true;
}

/* From this share of busy time on a reader asks why waiting is no bottleneck .. */
#define MUCH_WAITING 0.3
/* .. and the answer is the other programs, where they leave less than this share of the CPUs idle.
 */
#define NO_CPU_IDLE 0.1

static bool others_fill_the_machine(const struct load *load, double waiting_ns)
{
	return load_share(load, waiting_ns) >= MUCH_WAITING &&
	       load->idle_cpus < NO_CPU_IDLE * load->machine_cpus &&
	       load->other_cpus > load->idle_cpus;
}

/* Waiting that costs nothing now: no CPU is left for the work that would come of ending it. */
static void tell_no_cpu_left(const struct load *load, struct finding *f, double waiting_ns)
{
	struct strbuf *sb = &f->headline;

	strbuf_printf(sb, "Nothing to gain beside the other programs: threads wait for %s for ",
		      2 * load->class_ns[CLASS_GIL] > waiting_ns ? "the GIL" : "each other");
	phrase_share(sb, load, waiting_ns);
	strbuf_puts(sb, " of the time in which the program had work, but no CPU is idle");
	strbuf_puts(&f->cause, "other programs take ");
	phrase_busy(&f->cause, load->other_cpus, load->machine_cpus);
	strbuf_puts(&f->next_step,
		    "measure again while the program has the CPUs for itself: then it shows "
		    "which wait limits it");
}

static void tell_healthy(const struct load *load, struct finding *f, double waiting_ns)
{
	struct strbuf *sb = &f->headline;

	strbuf_puts(sb, "No concurrency bottleneck: ");
	phrase_busy(sb, load->busy_cpus, load->limit_cpus);
	strbuf_puts(sb, " are busy with work, ");
	phrase_share(sb, load, waiting_ns);
	strbuf_puts(sb, " of the time in which the program had work is waiting for threads");
	strbuf_puts(&f->next_step,
		    "nothing to change in its concurrency at this load; measure again under more "
		    "load to see what becomes the limit");
}

void none_tell(const struct load *load, struct finding *f)
{
	double waiting_ns =
		load->class_ns[CLASS_LOCK] + load->class_ns[CLASS_PEER] + load->class_ns[CLASS_GIL];
	struct strbuf *sb;

	if (others_fill_the_machine(load, waiting_ns))
		tell_no_cpu_left(load, f, waiting_ns);
	else
		tell_healthy(load, f, waiting_ns);

	sb = phrase_evidence(f);
	strbuf_puts(sb, "threads were idle for ");
	units_percent(sb, 1 - num_ratio(load->non_idle_ns, load->wall_thread_ns));
	strbuf_puts(sb, " of their time");
	sb = phrase_evidence(f);
	strbuf_puts(sb, "of the rest: running ");
	phrase_share(sb, load, load->class_ns[CLASS_RUN]);
	strbuf_puts(sb, ", without a CPU ");
	phrase_share(sb, load, load->runq_ns);
	strbuf_puts(sb, ", lock ");
	phrase_share(sb, load, load->class_ns[CLASS_LOCK]);
	if (load->class_ns[CLASS_GIL] > 0) {
		strbuf_puts(sb, ", GIL ");
		phrase_share(sb, load, load->class_ns[CLASS_GIL]);
	}
	strbuf_puts(sb, ", other threads ");
	phrase_share(sb, load, load->class_ns[CLASS_PEER]);
	strbuf_puts(sb, ", disk ");
	phrase_share(sb, load, load->class_ns[CLASS_DISK]);
	strbuf_puts(sb, ", servers ");
	phrase_share(sb, load, load->class_ns[CLASS_NET]);
}
