// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/workers.h"

#include "analysis/phrase.h"
#include "base/num.h"
#include "base/units.h"

#include <inttypes.h>
#include <string.h>

/* One of several that has this share of what all have, has nearly all. */
#define NEARLY_ALL 0.8
#define PRESENT_SHARE 0.5
#define WANTING_SHARE 0.5
/* Waiting for a CPU for less of the time with work is the way from the wake-up to the CPU. */
#define CROWDED_SHARE 0.1

static double sum_ns(const struct snap_process *p)
{
	double sum = 0;

	for (int i = 0; i < CLASS_COUNT; i++)
		sum += (double)p->class_ns[i];
	return sum;
}

/* The children of @pid that are there for long enough. */
static struct workers children_of(const struct snapshot *snap, uint32_t pid)
{
	struct workers w = {.parent = pid, .busiest = SNAP_NONE};
	const double window_ns = (double)snap->duration_ns;

	for (uint32_t i = 0; i < snap->processes_len; i++) {
		const struct snap_process *p = &snap->processes[i];
		double run_ns = (double)p->class_ns[CLASS_RUN];
		double wants_ns = run_ns + (double)p->class_ns[CLASS_RUNQ_PREEMPT] +
				  (double)p->class_ns[CLASS_RUNQ_WAKE];

		if (p->ppid != pid || sum_ns(p) < PRESENT_SHARE * window_ns)
			continue;
		w.count++;
		w.wanting += wants_ns >= WANTING_SHARE * window_ns;
		w.run_ns += run_ns;
		if (w.busiest == SNAP_NONE || run_ns > w.busiest_ns) {
			w.busiest = i;
			w.busiest_ns = run_ns;
		}
	}
	return w;
}

/* Parents are many at most where children are short-lived: the first few by their work will do. */
#define PARENTS_MAX 64
#define LISTENERS_MAX 64

struct workers workers_of(const struct snapshot *snap)
{
	struct workers best = {.busiest = SNAP_NONE};
	uint32_t looked[PARENTS_MAX], len = 0;

	for (uint32_t i = 0; i < snap->processes_len && len < PARENTS_MAX; i++) {
		uint32_t parent = snap->processes[i].ppid, k = 0;
		struct workers w;

		while (k < len && looked[k] != parent)
			k++;
		if (!parent || k < len)
			continue;
		looked[len++] = parent;
		w = children_of(snap, parent);
		if (w.count > 1 && (!best.count || w.run_ns > best.run_ns))
			best = w;
	}
	return best;
}

bool workers_uneven(const struct workers *w, double window_ns)
{
	return w->count > 1 && w->busiest_ns >= NEARLY_ALL * w->run_ns &&
	       w->busiest_ns >= WANTING_SHARE * window_ns;
}

static bool met_before(const struct snapshot *snap, uint32_t listener)
{
	for (uint32_t i = 0; i < listener; i++)
		if (!strcmp(snap->listeners[i].name, snap->listeners[listener].name))
			return true;
	return false;
}

uint32_t workers_uneven_listener(const struct snapshot *snap, uint32_t *ret_sockets)
{
	for (uint32_t i = 0; i < snap->listeners_len && i < LISTENERS_MAX; i++) {
		const struct snap_listener *most = &snap->listeners[i];
		uint64_t sum = most->waiting_sum;
		uint32_t sockets = 1;

		if (met_before(snap, i))
			continue;
		/* By waiting_sum: those that follow have less. */
		for (uint32_t k = i + 1; k < snap->listeners_len; k++) {
			if (strcmp(snap->listeners[k].name, most->name) != 0)
				continue;
			sockets++;
			sum = num_sat_add(sum, snap->listeners[k].waiting_sum);
		}
		if (sockets > 1 && most->looks_waiting * 2 >= most->looks &&
		    (double)most->waiting_sum >= NEARLY_ALL * (double)sum) {
			*ret_sockets = sockets;
			return i;
		}
	}
	return SNAP_NONE;
}

static void tell_uneven(struct strbuf *sb, const struct snapshot *snap, const struct workers *w)
{
	const struct snap_process *p = &snap->processes[w->busiest];

	strbuf_printf(sb,
		      "of the %" PRIu32 " workers of process %" PRIu32 " one, %s (%" PRIu32
		      "), does ",
		      w->count, w->parent, p->comm, p->pid);
	units_percent(sb, num_ratio(w->busiest_ns, w->run_ns));
	strbuf_puts(sb, " of the computing; the others could take a part of it");
}

static void tell_crowded(struct strbuf *sb, const struct load *load, const struct workers *w)
{
	strbuf_printf(sb,
		      "%" PRIu32 " of the %" PRIu32 " workers of process %" PRIu32
		      " want a CPU for half of the time or more, and there ",
		      w->wanting, w->count, w->parent);
	strbuf_puts(sb, load->limit_cpus < 1.05 ? "is " : "are ");
	phrase_cpus(sb, load->limit_cpus);
	strbuf_puts(sb, ": more workers than CPUs");
}

void workers_tell(const struct load *load, struct finding *f)
{
	const struct snapshot *snap = load->snap;
	const struct workers w = workers_of(snap);
	uint32_t sockets = 0, listener = workers_uneven_listener(snap, &sockets);

	if (workers_uneven(&w, load->window_ns))
		tell_uneven(phrase_evidence(f), snap, &w);
	if (w.wanting > load->limit_cpus && load_share(load, load->runq_ns) >= CROWDED_SHARE)
		tell_crowded(phrase_evidence(f), load, &w);
	if (listener != SNAP_NONE)
		strbuf_printf(
			phrase_evidence(f),
			"of the %" PRIu32
			" sockets of %s one has nearly all of the connections that wait: each "
			"worker serves its own alone (SO_REUSEPORT)",
			sockets, snap->listeners[listener].name);
}
