// SPDX-License-Identifier: GPL-2.0-only
/* idle: next to nothing to do in the window (load_idle()). */
#include "analysis/phrase.h"
#include "analysis/rules.h"
#include "base/num.h"
#include "base/units.h"

#define ALL_BUT 0.995 /* would be rounded to 100% */

void idle_find(const struct load *load, struct finding *f)
{
	f->fired = load_idle(load) && !load_backlogged(load) && !loop_stalls(&load->loop);
	f->by_time = true;
	if (!f->fired || load->slice || load->idle_turns == SNAP_NONE)
		return;
	f->in_doubt = true;
	f->lock = load->idle_turns;
}

/* What it mainly waits for. */
static const char *waiting_for(const struct load *load)
{
	static const struct {
		enum time_class cls;
		const char *text;
	} kinds[] = {
		{CLASS_LOOP_IDLE, "waiting for requests"},
		{CLASS_POOL_IDLE, "waiting for work"},
		{CLASS_SLEEP, "sleeping"},
		{CLASS_CHILD, "waiting for child processes"},
		{CLASS_STOPPED, "stopped"},
	};
	/* Both are how a server waits for requests. */
	double most_ns = load->class_ns[CLASS_LOOP_IDLE] + load->class_ns[CLASS_CLIENT_IDLE];
	const char *text = kinds[0].text;

	for (size_t i = 1; i < ARRAY_LEN(kinds); i++) {
		if (load->class_ns[kinds[i].cls] > most_ns) {
			most_ns = load->class_ns[kinds[i].cls];
			text = kinds[i].text;
		}
	}
	return text;
}

/* Not "100%" as long as there was something to do. */
static void add_idle_share(struct strbuf *sb, const struct load *load)
{
	double share = 1 - num_ratio(load->non_idle_ns, load->wall_thread_ns);

	if (load->non_idle_ns > 0 && share >= ALL_BUT)
		strbuf_puts(sb, "over 99%");
	else
		units_percent(sb, share);
}

void idle_tell(const struct load *load, struct finding *f)
{
	struct strbuf *sb = &f->headline;

	strbuf_printf(sb, "Idle: %s ", waiting_for(load));
	add_idle_share(sb, load);
	strbuf_puts(sb, " of the time");
	sb = phrase_evidence(f);
	phrase_threads(sb, load->snap->threads_len);
	strbuf_puts(sb, " had work for ");
	units_duration(sb, num_to_u64(load->non_idle_ns));
	strbuf_puts(sb, " of ");
	units_duration(sb, num_to_u64(load->wall_thread_ns));
	strbuf_puts(sb, " of thread time");
	sb = phrase_evidence(f);
	phrase_busy(sb, load->busy_cpus, load->limit_cpus);
	strbuf_puts(sb, " busy with the program, ");
	units_count(sb, load->switches);
	strbuf_puts(sb, " context switches");
	strbuf_puts(&f->next_step, "measure while the program is under load");
	if (f->in_doubt)
		strbuf_printf(&f->next_step,
			      "; if it was, and its clients were slow all the same, look at where "
			      "threads wait for `%s` and who wakes them",
			      load->snap->locks[f->lock].name);
}
