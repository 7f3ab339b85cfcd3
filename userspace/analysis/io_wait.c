// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/io_wait.h"

#include "analysis/phrase.h"
#include "analysis/rules.h"
#include "base/num.h"
#include "base/units.h"

/* Well below half: wake-ups after I/O put a good part of the time into the run queue, and what can
 * be gained is named by the gain, not by this. */
#define IO_SHARE 0.25

static uint64_t count_blocks(const struct snapshot *snap, enum time_class cls)
{
	uint64_t count = 0;

	for (uint32_t i = 0; i < snap->blocks_len; i++) {
		if (snap->blocks[i].cls == cls)
			count = num_sat_add(count, snap->blocks[i].count);
	}
	return count;
}

void io_wait_find(const struct load *load, struct finding *f, enum time_class cls, double wait_ns)
{
	struct gain_wait in = {
		.removed = 1,
		.rho = 1,
		.busy_cpus = load->busy_cpus,
		.usable_cpus = load->usable_cpus,
		.non_idle_ns = load->non_idle_ns,
		.wait_ns = wait_ns,
		/* the other one of the two is what may remain */
		.io_ns = load->class_ns[cls == CLASS_DISK ? CLASS_NET : CLASS_DISK],
	};

	if (!(wait_ns > 0) || load_share(load, wait_ns) < IO_SHARE)
		return;
	f->fired = true;
	if (!load->slice)
		f->events = count_blocks(load->snap, cls);
	finding_set_gain(f, gain_remove_wait(&in));
}

/* "mostly in fsync from log_flush < commit" */
static void tell_cause(const struct load *load, struct finding *f, enum time_class cls)
{
	struct strbuf call = {0}, site = {0};
	bool site_known = phrase_waiting_site(&site, load->snap, cls);

	phrase_syscall(&call, load->snap, SNAP_NONE, cls);
	if (call.len > 0 || site_known)
		strbuf_printf(&f->cause, "mostly%s%s%s", strbuf_str(&call),
			      site_known ? " from " : "", strbuf_str(&site));
	f->cause.failed |= call.failed || site.failed;
	strbuf_free(&call);
	strbuf_free(&site);
}

void io_wait_tell(const struct load *load, struct finding *f, enum time_class cls, double wait_ns,
		  const char *what, const char *cure)
{
	double direct_ns = load->class_ns[cls];
	struct strbuf *sb = &f->headline;

	strbuf_printf(sb, "%s: it costs ", what);
	phrase_share(sb, load, wait_ns);
	strbuf_puts(sb, " of the time in which the program had work");
	tell_cause(load, f, cls);
	phrase_gain(load, f, cure);

	sb = phrase_evidence(f);
	units_count(sb, f->events);
	strbuf_puts(sb, f->events == 1 ? " wait, " : " waits, ");
	units_duration(sb, num_to_u64(direct_ns));
	strbuf_puts(sb, " in all");
	if (wait_ns > direct_ns * 1.01) {
		sb = phrase_evidence(f);
		strbuf_puts(sb, "another ");
		units_duration(sb, num_to_u64(wait_ns - direct_ns));
		strbuf_puts(sb, " of waiting for threads that did this meanwhile");
	}
	sb = phrase_evidence(f);
	strbuf_puts(sb, "busy: ");
	phrase_busy(sb, load->busy_cpus, load->usable_cpus);
	strbuf_puts(sb, " that the program could use");
}
