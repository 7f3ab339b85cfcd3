// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/phrase.h"

#include "analysis/rules.h"
#include "base/num.h"
#include "base/text.h"
#include "base/units.h"
#include "model/site.h"

#include <inttypes.h>
#include <string.h>

/* Samples and blocks that are looked at: sorted, so that the rest cannot matter much. */
#define LOOK_MAX 64
/* A place with less of the samples than this is no hot one. */
#define HOT_SHARE 0.1
/* Less than this of the CPUs that it may use is worth a word on who uses the rest. */
#define OWN_SHARE 0.95

struct strbuf *phrase_evidence(struct finding *f)
{
	struct strbuf *last = &f->evidence[FINDING_EVIDENCE_MAX - 1];

	if (f->evidence_len < FINDING_EVIDENCE_MAX)
		return &f->evidence[f->evidence_len++];
	strbuf_puts(last, "; ");
	return last;
}

/* Tenths, without the locale's decimal point; whole numbers without a fraction. */
static void number(struct strbuf *sb, double value, bool always_tenths)
{
	uint64_t tenths = value > 0 && value < 1e9 ? (uint64_t)(value * 10 + 0.5) : 0;

	if (tenths % 10 == 0 && !always_tenths)
		strbuf_printf(sb, "%" PRIu64, tenths / 10);
	else
		strbuf_printf(sb, "%" PRIu64 ".%" PRIu64, tenths / 10, tenths % 10);
}

void phrase_cpus(struct strbuf *sb, double cpus)
{
	number(sb, cpus, false);
	strbuf_puts(sb, cpus > 0.95 && cpus < 1.05 ? " CPU" : " CPUs");
}

void phrase_busy(struct strbuf *sb, double busy, double cpus)
{
	number(sb, busy, true);
	strbuf_puts(sb, " of ");
	phrase_cpus(sb, cpus);
}

void phrase_share(struct strbuf *sb, const struct load *load, double ns)
{
	units_percent(sb, load_share(load, ns));
}

void phrase_threads(struct strbuf *sb, uint64_t count)
{
	units_count(sb, count);
	strbuf_puts(sb, count == 1 ? " thread" : " threads");
}

const char *phrase_while(enum time_class cls)
{
	switch (cls) {
	case CLASS_RUN:
		return "is computing";
	case CLASS_RUNQ_PREEMPT:
	case CLASS_RUNQ_WAKE:
		return "is runnable but has no CPU";
	case CLASS_LOCK:
		return "waits for another lock";
	case CLASS_GIL:
		return "waits for the GIL";
	case CLASS_PEER:
		return "waits for another thread";
	case CLASS_DISK:
		return "waits for the disk";
	case CLASS_NET:
		return "waits for a server";
	case CLASS_CLIENT_IDLE:
		return "waits for its client";
	case CLASS_LOOP_IDLE:
		return "waits for events";
	case CLASS_SLEEP:
		return "sleeps";
	case CLASS_POOL_IDLE:
		return "waits for work";
	case CLASS_CHILD:
		return "waits for a child process";
	case CLASS_STOPPED:
		return "is stopped";
	case CLASS_OTHER:
	case CLASS_COUNT:
		break;
	}
	return "does what was not seen";
}

static const struct snap_block *find_block(const struct snapshot *snap, uint32_t thread,
					   enum time_class cls)
{
	for (uint32_t i = 0; i < snap->blocks_len; i++) {
		const struct snap_block *block = &snap->blocks[i];

		if (block->cls == cls && (thread == SNAP_NONE || block->thread == thread))
			return block;
	}
	return NULL;
}

void phrase_syscall(struct strbuf *sb, const struct snapshot *snap, uint32_t thread,
		    enum time_class cls)
{
	const struct snap_block *block = find_block(snap, thread, cls);

	if (block && block->syscall_name && *block->syscall_name)
		strbuf_printf(sb, " in %s", block->syscall_name);
}

bool phrase_waiting_site(struct strbuf *sb, const struct snapshot *snap, enum time_class cls)
{
	const struct snap_block *block = find_block(snap, SNAP_NONE, cls);

	if (!block || !snap_site_frame(snap, block->stack))
		return false;
	snap_call_site(sb, snap, block->stack);
	return true;
}

bool phrase_same_function(const struct snap_frame *a, const struct snap_frame *b)
{
	if (*a->name || *b->name)
		return !strcmp(a->name, b->name);
	return a->ip == b->ip;
}

/* Sum of what was noted of this kind at the function of @site. */
static uint64_t weight_of(const struct snapshot *snap, const struct snap_lock *lock,
			  enum holding_kind kind, const struct snap_frame *site)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < lock->holdings_len && i < LOOK_MAX; i++) {
		const struct snap_holding *h = &lock->holdings[i];
		const struct snap_frame *other = snap_site_frame(snap, h->stack);

		if (h->kind == kind && other && phrase_same_function(site, other))
			sum = num_sat_add(sum, kind == HOLDING_SAMPLED ? h->count : h->ns);
	}
	return sum;
}

void phrase_holding(struct strbuf *sb, const struct snapshot *snap, const struct snap_lock *lock,
		    enum time_class doing, const struct snap_frame *release)
{
	enum holding_kind kind = doing == CLASS_RUN ? HOLDING_SAMPLED : HOLDING_BLOCKED;
	const struct snap_frame *best = NULL;
	uint64_t most = 0;

	for (uint32_t i = 0; i < lock->holdings_len && i < LOOK_MAX; i++) {
		const struct snap_holding *h = &lock->holdings[i];
		const struct snap_frame *site = snap_site_frame(snap, h->stack);
		uint64_t weight = h->kind == kind && site ? weight_of(snap, lock, kind, site) : 0;

		if (weight > most) {
			most = weight;
			best = site; /* the first of its function has the most */
		}
	}
	if (!best)
		return;
	if (!release || !phrase_same_function(best, release)) {
		strbuf_puts(sb, kind == HOLDING_SAMPLED ? " in " : ", called by ");
		snap_frame_line_text(sb, best);
	} else if (*best->file && best->line) {
		strbuf_printf(sb, " at %s:%" PRIu32, text_base_name(best->file), best->line);
	}
}

double phrase_hottest(struct strbuf *sb, const struct snapshot *snap, uint32_t thread)
{
	struct {
		const struct snap_frame *site;
		uint64_t count;
	} seen[LOOK_MAX] = {{0}};
	unsigned seen_len = 0, best = 0;
	uint64_t all = 0;
	double share;

	for (uint32_t i = 0; i < snap->samples_len; i++) {
		const struct snap_sample *sample = &snap->samples[i];
		const struct snap_frame *site = snap_site_frame(snap, sample->stack);
		unsigned at = 0;

		if (thread != SNAP_NONE && sample->thread != thread)
			continue;
		all = num_sat_add(all, sample->count);
		if (!site || !(*site->name || *site->module))
			continue; /* a bare address helps nobody */
		while (at < seen_len && !phrase_same_function(seen[at].site, site))
			at++;
		if (at == LOOK_MAX)
			continue;
		if (at == seen_len)
			seen[seen_len++].site = site;
		seen[at].count = num_sat_add(seen[at].count, sample->count);
		if (seen[at].count > seen[best].count)
			best = at;
	}
	share = num_ratio((double)seen[best].count, (double)all);
	if (share < HOT_SHARE)
		return 0;
	snap_frame_text(sb, seen[best].site);
	return share;
}

static void add_limit(struct strbuf *sb, const struct load *load, const struct finding *f)
{
	double reached = f->gain_ratio * load->busy_cpus;

	/* Work that goes away gives a gain without another CPU. */
	if (reached > load->usable_cpus && load->usable_cpus > 0)
		reached = load->usable_cpus;

	switch (f->limited_by) {
	case LIMIT_CPUS:
		if (reached < 0.05)
			return; /* what waits for something else than CPUs is not bound by none */
		strbuf_puts(sb, " (then the ");
		phrase_cpus(sb, reached);
		if (reached < load->limit_cpus * OWN_SHARE)
			strbuf_puts(sb, " that others leave");
		strbuf_puts(sb, reached < 1.05 ? " is the limit)" : " are the limit)");
		return;
	case LIMIT_THREADS:
		strbuf_puts(sb, " (then the threads' own work is the limit)");
		return;
	case LIMIT_LOCK:
		strbuf_puts(sb, " (threads wait for it only part of the time)");
		return;
	case LIMIT_IO:
		strbuf_puts(sb, " (then waiting for disk or network is the limit)");
		return;
	case LIMIT_NONE:
		return;
	}
}

void phrase_gain(const struct load *load, struct finding *f, const char *cure)
{
	struct strbuf *sb = &f->gain_text;

	if (f->gain_share < GAIN_SHARE_MINOR)
		return;
	strbuf_printf(sb, "%s would give up to ", cure);
	units_factor(sb, f->gain_ratio);
	if (f->gain_ratio >= GAIN_RATIO_MAX)
		strbuf_puts(sb, " or more");
	else
		add_limit(sb, load, f);
}
