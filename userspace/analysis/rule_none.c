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

void none_tell(const struct load *load, struct finding *f)
{
	double waiting_ns = load->class_ns[CLASS_LOCK] + load->class_ns[CLASS_PEER];
	struct strbuf *sb = &f->headline;

	strbuf_puts(sb, "No concurrency bottleneck: ");
	phrase_busy(sb, load->busy_cpus, load->limit_cpus);
	strbuf_puts(sb, " are busy with work, ");
	phrase_share(sb, load, waiting_ns);
	strbuf_puts(sb, " of the time in which the program had work is waiting for threads");

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
	strbuf_puts(sb, ", disk ");
	phrase_share(sb, load, load->class_ns[CLASS_DISK]);
	strbuf_puts(sb, ", servers ");
	phrase_share(sb, load, load->class_ns[CLASS_NET]);
	strbuf_puts(&f->next_step,
		    "nothing to change in its concurrency at this load; measure again under more "
		    "load to see what becomes the limit");
}
