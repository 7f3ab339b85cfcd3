// SPDX-License-Identifier: GPL-2.0-only
/*
 * unclear: not enough was seen to tell: a capture cut off at its start, a window under 0.2 s, next
 * to no events although threads were not idle, or most of the time that counts in no known class.
 */
#include "analysis/phrase.h"
#include "analysis/rules.h"
#include "base/num.h"
#include "base/units.h"

#define WINDOW_MIN_NS (0.2 * (double)NS_PER_S)
#define SWITCHES_MIN 20
#define RUN_SHARE_MIN 0.05 /* of the window */
#define OTHER_SHARE_MAX 0.5

enum reason { CLEAR, CUT_EARLY, SHORT_WINDOW, NO_THREADS, FEW_EVENTS, UNKNOWN_WAITS };

/* A lock wait that lasts for half of the window, as in a deadlock, needs no further events. */
static bool waits_on(const struct load *load)
{
	const struct load_wait *wait = &load->top_lock;

	return wait->lock != SNAP_NONE && load->snap->locks[wait->lock].open_waits > 0 &&
	       wait->contended_ns >= load->window_ns / 2;
}

static enum reason find_reason(const struct load *load)
{
	if (!load->slice && !load->snap->complete && !(load->window_ns > 0))
		return CUT_EARLY;
	if (!(load->wall_thread_ns > 0))
		return NO_THREADS;
	/* The run as a whole has enough of both. */
	if (load->slice)
		return CLEAR;
	if (load->window_ns < WINDOW_MIN_NS)
		return SHORT_WINDOW;
	if (load_idle(load))
		return CLEAR;
	if (load->class_ns[CLASS_OTHER] >= OTHER_SHARE_MAX * load->non_idle_ns)
		return UNKNOWN_WAITS;
	if (load->switches < SWITCHES_MIN &&
	    load->class_ns[CLASS_RUN] < RUN_SHARE_MIN * load->window_ns && !waits_on(load))
		return FEW_EVENTS;
	return CLEAR;
}

void unclear_find(const struct load *load, struct finding *f)
{
	f->fired = find_reason(load) != CLEAR;
	f->by_time = true;
}

void unclear_tell(const struct load *load, struct finding *f)
{
	struct strbuf *sb = &f->headline;

	switch (find_reason(load)) {
	case CUT_EARLY:
		strbuf_puts(sb, "Not enough seen to tell: the capture was cut off before the first "
				"figures of the run");
		strbuf_puts(&f->next_step, "record it again");
		break;
	case SHORT_WINDOW:
		strbuf_puts(sb, "Not enough seen to tell: the window was only ");
		units_duration(sb, num_to_u64(load->window_ns));
		strbuf_puts(&f->next_step, "measure for longer, at least a second");
		break;
	case NO_THREADS:
		strbuf_puts(sb, "Not enough seen to tell: no thread of the program was observed");
		strbuf_puts(&f->next_step, "measure while the program runs");
		break;
	case FEW_EVENTS:
		strbuf_puts(sb, "Not enough load to tell: ");
		units_count(sb, load->switches);
		strbuf_puts(sb, load->switches == 1 ? " context switch" : " context switches");
		strbuf_puts(sb, " in ");
		units_duration(sb, num_to_u64(load->window_ns));
		strbuf_puts(&f->next_step, "measure for longer or while the program is under load");
		break;
	case UNKNOWN_WAITS:
		strbuf_puts(sb, "Not enough known to tell: threads spend ");
		phrase_share(sb, load, load->class_ns[CLASS_OTHER]);
		strbuf_puts(sb, " of the time in which the program had work in waits of an unknown "
				"kind");
		strbuf_puts(&f->next_step, "look at the system calls in which the threads block, "
					   "listed in the report");
		break;
	case CLEAR:
		break;
	}
	sb = phrase_evidence(f);
	phrase_threads(sb, load->snap->threads_len);
	if (find_reason(load) == CUT_EARLY)
		return;
	strbuf_puts(sb, ", ");
	units_duration(sb, num_to_u64(load->class_ns[CLASS_RUN]));
	strbuf_puts(sb, " of CPU time, ");
	units_count(sb, load->switches);
	strbuf_puts(sb, " context switches");
}
