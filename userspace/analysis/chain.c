// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/chain.h"

#include "analysis/cascade.h"
#include "analysis/phrase.h"
#include "base/cleanup.h"
#include "base/num.h"
#include "base/units.h"
#include "model/site.h"

/* Long waits of less than this share of the window in all say nothing. */
#define WAITED_SHARE 0.1
/* A thread that hands on so much of the waiting for it is not the one to blame. */
#define HANDED_SHARE 0.5
/* With the root ends at least this share of all the waiting. */
#define ROOT_SHARE 0.5

bool chain_of(const struct load *load, uint32_t thread, struct chain *ret)
{
	_cleanup_(cascade_free) struct cascade c = {0};
	struct chain chain = {.next = SNAP_NONE};
	const struct cascade_thread *t;

	if (thread >= load->snap->threads_len || cascade_of_run(load->snap, &c))
		return false;
	chain.root = cascade_root(&c);
	chain.known_ns = num_sat_sub(c.wait_ns, c.unknown_ns);
	if (chain.root == SNAP_NONE || (double)chain.known_ns < WAITED_SHARE * load->window_ns)
		return false;
	t = &c.threads[thread];
	chain.own_ns = t->exclusive_ns;
	chain.handed_share =
		num_ratio((double)num_sat_sub(t->impact_ns, t->exclusive_ns), (double)t->impact_ns);
	chain.root_ns = c.threads[chain.root].exclusive_ns;
	/* edges come with the most waiting first */
	for (uint32_t i = 0; i < c.edges_len && chain.next == SNAP_NONE; i++) {
		if (c.edges[i].from == thread)
			chain.next = c.edges[i].to;
	}
	for (uint32_t i = 0; i < c.threads_len; i++)
		chain.knot += c.threads[chain.root].knot != SNAP_NONE &&
			      c.threads[i].knot == c.threads[chain.root].knot;
	*ret = chain;
	return true;
}

void chain_tell(const struct load *load, struct finding *f, uint32_t thread)
{
	struct chain chain;
	struct strbuf *sb;

	if (!chain_of(load, thread, &chain) ||
	    (double)chain.root_ns < ROOT_SHARE * (double)chain.known_ns)
		return;
	sb = phrase_evidence(f);
	strbuf_puts(sb, "of the waits of over 1 ms, ");
	units_duration(sb, chain.known_ns);
	strbuf_puts(sb, " in all, ");
	units_percent(sb, num_ratio((double)chain.root_ns, (double)chain.known_ns));
	strbuf_puts(sb, " end with ");
	snap_thread_text(sb, load->snap, chain.root);
	strbuf_puts(sb, ", waits for threads that wait for it themselves included");
	if (chain.knot > 1) {
		strbuf_puts(sb, "; ");
		phrase_threads(sb, chain.knot);
		strbuf_puts(sb, ", it among them, wait for each other and for nobody else");
	}
	if (load->snap->loss[LOSS_LONG_WAITS_CAPPED])
		strbuf_puts(sb, "; not all such waits were kept");
}

void chain_cause(struct strbuf *sb, const struct load *load, uint32_t thread)
{
	struct chain chain;

	if (!chain_of(load, thread, &chain) || chain.next == SNAP_NONE ||
	    chain.handed_share < HANDED_SHARE)
		return;
	strbuf_puts(sb, ", which itself waited for ");
	snap_thread_text(sb, load->snap, chain.next);
	strbuf_puts(sb, " most of that time");
}
