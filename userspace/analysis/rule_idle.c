// SPDX-License-Identifier: GPL-2.0-only
/* idle: next to nothing to do in the window (load_idle()). */
#include "analysis/phrase.h"
#include "analysis/rules.h"
#include "base/num.h"
#include "base/units.h"

#define ALL_BUT 0.995 /* would be rounded to 100% */

/* Waits that end so often a second, and take this share of a thread's time, are worth a thought. */
#define TURNS_PER_S 5
#define TURNS_SHARE 0.5

static bool waits_there(const struct snap_lock *lock, uint32_t thread)
{
	for (uint32_t i = 0; i < lock->waiters_len; i++)
		if (lock->waiters[i].thread == thread)
			return true;
	return false;
}

/* Are most of its waits ended by threads that wait there, too?  So are those for a lock that is
 * built of a condition variable; and those of a pool whose workers wake each other. */
static bool in_turn(const struct load *load, const struct snap_lock *lock)
{
	uint64_t mutual = 0;

	if (lock->is_lock || (double)lock->waits < TURNS_PER_S * load->window_ns / NS_PER_S ||
	    (double)lock->blocked_ns < TURNS_SHARE * load->window_ns)
		return false;
	for (uint32_t i = 0; i < lock->holders_len; i++) {
		const struct snap_holder *holder = &lock->holders[i];

		if (holder->thread != SNAP_NONE && waits_there(lock, holder->thread))
			mutual = num_sat_add(mutual, holder->waits);
	}
	return mutual > lock->waits / 2;
}

void idle_find(const struct load *load, struct finding *f)
{
	f->fired = load_idle(load) && !load_backlogged(load);
	f->by_time = true;
	if (!f->fired || load->slice)
		return;
	for (uint32_t i = 0; i < load->snap->locks_len; i++) {
		const struct snap_lock *lock = &load->snap->locks[i];

		if (in_turn(load, lock) &&
		    (!f->in_doubt || lock->blocked_ns > load->snap->locks[f->lock].blocked_ns)) {
			f->in_doubt = true;
			f->lock = i;
		}
	}
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
