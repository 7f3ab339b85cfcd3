// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/judge.h"

#include "base/num.h"
#include "base/units.h"

#include <string.h>

#define OTHER_SHARE_MAX 0.05
#define EVENTS_MIN 200
#define STALLS_MIN 30 /* a latency verdict's events are stalls */
#define HOLDER_KNOWN_MIN 0.8
#define AGREEING_MIN 0.8
#define WINDOW_MIN_NS ((double)NS_PER_S) /* where a verdict rests on time, not on events */
/* Up to so many weak points make it medium, more make it low. */
#define WEAK_POINTS_MEDIUM 2

/* Begin one more reason. */
static struct strbuf *because(struct strbuf *why, unsigned *weak_points)
{
	if ((*weak_points)++ > 0)
		strbuf_puts(why, "; ");
	return why;
}

static void check_losses(const struct snapshot *snap, struct strbuf *why, unsigned *weak)
{
	uint64_t lost = 0, most = 0;
	enum loss_cause cause = LOSS_THREAD_SLOTS;

	for (int c = 0; c < LOSS_COUNT; c++) {
		if (!loss_is_loss((enum loss_cause)c))
			continue;
		lost = num_sat_add(lost, snap->loss[c]);
		if (snap->loss[c] > most) {
			most = snap->loss[c];
			cause = (enum loss_cause)c;
		}
	}
	if (lost == 0)
		return;
	units_count(because(why, weak), lost);
	strbuf_printf(why, lost == 1 ? " event was lost (%s)" : " events were lost (mostly %s)",
		      loss_name(cause));
}

static void check_other(const struct load *load, struct strbuf *why, unsigned *weak)
{
	double share = num_ratio(load->class_ns[CLASS_OTHER], load->wall_thread_ns);

	if (share <= OTHER_SHARE_MAX)
		return;
	units_percent(because(why, weak), share);
	strbuf_puts(why, " of thread time is of an unknown kind");
}

static void check_amount(const struct load *load, const struct finding *f, struct strbuf *why,
			 unsigned *weak)
{
	uint64_t need = f->latency ? STALLS_MIN : EVENTS_MIN;

	if (f->by_time) {
		if (load->window_ns >= WINDOW_MIN_NS)
			return;
		strbuf_puts(because(why, weak), "the window was only ");
		units_duration(why, num_to_u64(load->window_ns));
		return;
	}
	if (f->events >= need)
		return;
	strbuf_puts(because(why, weak), "it rests on ");
	units_count(why, f->events);
	strbuf_puts(why, f->events == 1 ? " event only (" : " events only (");
	units_count(why, need);
	strbuf_puts(why, " make it certain)");
}

static void check_holder(const struct finding *f, struct strbuf *why, unsigned *weak)
{
	if (f->holder_known_ratio >= HOLDER_KNOWN_MIN)
		return;
	strbuf_puts(because(why, weak), "the holder is known for only ");
	units_percent(why, f->holder_known_ratio);
	strbuf_puts(why, " of the waiting");
}

static void check_doubt(const struct load *load, const struct finding *f, struct strbuf *why,
			unsigned *weak)
{
	if (!f->in_doubt)
		return;
	strbuf_printf(
		because(why, weak),
		"threads end each other's waits at `%s`: a lock that is built of it looks just "
		"like idleness",
		load->snap->locks[f->lock].name);
}

static void check_sub_windows(const struct finding *f, struct strbuf *why, unsigned *weak)
{
	if (f->slices_judged == 0) {
		strbuf_puts(because(why, weak), "the window was not divided into slices");
		return;
	}
	if (f->slices_agreeing >= AGREEING_MIN * f->slices_judged)
		return;
	strbuf_puts(because(why, weak), "it holds in only ");
	units_count(why, f->slices_agreeing);
	strbuf_puts(why, " of ");
	units_count(why, f->slices_judged);
	strbuf_puts(why, " parts of the window");
}

enum confidence judge_confidence(const struct load *load, const struct finding *f,
				 struct strbuf *why)
{
	unsigned weak = 0;

	if (!strcmp(f->bottleneck, "unclear")) {
		strbuf_puts(why, "not enough was seen");
		return CONFIDENCE_LOW;
	}
	check_losses(load->snap, why, &weak);
	check_other(load, why, &weak);
	check_amount(load, f, why, &weak);
	check_holder(f, why, &weak);
	check_doubt(load, f, why, &weak);
	check_sub_windows(f, why, &weak);
	if (weak == 0)
		return CONFIDENCE_HIGH;
	return weak <= WEAK_POINTS_MEDIUM ? CONFIDENCE_MEDIUM : CONFIDENCE_LOW;
}
