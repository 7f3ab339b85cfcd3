// SPDX-License-Identifier: GPL-2.0-only
/*
 * What has happened since a moment, for a screen that shows the last seconds.  All counters are
 * cumulative and every table only grows, so a mark is a copy of the counters, and the snapshot of
 * what came after it is that of a model whose counters had the mark's subtracted.  Names, stacks
 * and identities stay as they are now.
 *
 * A maximum cannot be subtracted: where it has not grown since the mark, the histogram's highest
 * bucket stands in for it.
 */
#include "model/since.h"
#include "base/num.h"

#include <stdlib.h>
#include <string.h>

static uint64_t max_since(uint64_t now, uint64_t before, const uint64_t hist[HIST_BUCKETS])
{
	if (now > before)
		return now;
	for (unsigned i = HIST_BUCKETS; i > 0; i--)
		if (hist[i - 1])
			return num_min_u64(now, (2ULL << (i - 1)) - 1);
	return 0;
}

static void take(uint64_t *now, uint64_t before)
{
	*now = num_sat_sub(*now, before);
}

static void take_array(uint64_t *now, const uint64_t *before, size_t len)
{
	for (size_t i = 0; i < len; i++)
		take(&now[i], before[i]);
}

static bool thread_since(void *now_item, const void *before_item)
{
	struct model_thread *now = now_item;
	const struct model_thread *before = before_item;
	struct record_counters *rec = &now->rec;

	/* It was gone: it is no thread of this stretch of time. */
	if (before->rec.ended && before->rec.until_ns >= rec->until_ns)
		now->counted = now->needed = false;
	take_array(rec->class_ns, before->rec.class_ns, CLASS_COUNT);
	take(&rec->futex_ns, before->rec.futex_ns);
	take(&rec->voluntary_switches, before->rec.voluntary_switches);
	take(&rec->involuntary_switches, before->rec.involuntary_switches);
	take(&rec->wakeups, before->rec.wakeups);
	take(&rec->cmetric_ns, before->rec.cmetric_ns);
	take(&rec->migrations, before->rec.migrations);
	take(&rec->faults, before->rec.faults);
	take(&rec->major_faults, before->rec.major_faults);
	take(&rec->copy_faults, before->rec.copy_faults);
	take(&rec->runq_count, before->rec.runq_count);
	take_array(rec->runq_hist, before->rec.runq_hist, HIST_BUCKETS);
	rec->runq_max_ns = max_since(rec->runq_max_ns, before->rec.runq_max_ns, rec->runq_hist);
	return true;
}

static bool process_since(void *now_item, const void *before_item)
{
	struct record_process *now = now_item;
	const struct record_process *before = before_item;

	take(&now->forks, before->forks);
	take(&now->execs, before->execs);
	return true;
}

static bool lock_since(void *now_item, const void *before_item)
{
	struct model_lock *now = now_item;
	const struct model_lock *before = before_item;

	take(&now->contention.contended_ns, before->contention.contended_ns);
	return true;
}

static bool wait_since(void *now_item, const void *before_item)
{
	struct record_wait *now = &((struct model_wait *)now_item)->rec;
	const struct record_wait *before = &((const struct model_wait *)before_item)->rec;

	take(&now->waits, before->waits);
	take(&now->blocked_ns, before->blocked_ns);
	take(&now->runq_ns, before->runq_ns);
	take(&now->peer_ns, before->peer_ns);
	take(&now->handed_over, before->handed_over);
	take(&now->contender_wakes, before->contender_wakes);
	take(&now->timeouts, before->timeouts);
	take(&now->interrupted, before->interrupted);
	take(&now->owner_known, before->owner_known);
	take(&now->sleep_again, before->sleep_again);
	take(&now->again_ns, before->again_ns);
	take(&now->broadcasts, before->broadcasts);
	take_array(now->hist, before->hist, HIST_BUCKETS);
	now->max_ns = max_since(now->max_ns, before->max_ns, now->hist);
	return now->waits || now->blocked_ns;
}

static bool blame_since(void *now_item, const void *before_item)
{
	struct record_blame *now = &((struct model_blame *)now_item)->rec;
	const struct record_blame *before = &((const struct model_blame *)before_item)->rec;

	take(&now->waits, before->waits);
	take(&now->blame_ns, before->blame_ns);
	take_array(now->while_ns, before->while_ns, CLASS_COUNT);
	return now->waits || now->blame_ns;
}

static bool block_since(void *now_item, const void *before_item)
{
	struct record_block *now = &((struct model_block *)now_item)->rec;
	const struct record_block *before = &((const struct model_block *)before_item)->rec;

	take(&now->count, before->count);
	take(&now->ns, before->ns);
	if (now->max_ns == before->max_ns)
		now->max_ns = num_min_u64(now->max_ns, now->ns);
	return now->count || now->ns;
}

static bool sample_since(void *now_item, const void *before_item)
{
	struct record_sample *now = &((struct model_sample *)now_item)->rec;

	take(&now->count, ((const struct model_sample *)before_item)->rec.count);
	return now->count;
}

static bool edge_since(void *now_item, const void *before_item)
{
	struct record_edge *now = &((struct model_edge *)now_item)->rec;
	const struct record_edge *before = &((const struct model_edge *)before_item)->rec;

	take(&now->waits, before->waits);
	take(&now->wait_ns, before->wait_ns);
	return now->waits || now->wait_ns;
}

static bool holding_since(void *now_item, const void *before_item)
{
	struct record_holding *now = &((struct model_holding *)now_item)->rec;
	const struct record_holding *before = &((const struct model_holding *)before_item)->rec;

	take(&now->count, before->count);
	take(&now->ns, before->ns);
	take(&now->kept, before->kept);
	return now->count || now->ns;
}

static bool listener_since(void *now_item, const void *before_item)
{
	struct model_listener *now = now_item;
	const struct model_listener *before = before_item;

	now->looks -= before->looks < now->looks ? before->looks : now->looks;
	now->looks_waiting -= before->looks_waiting < now->looks_waiting ? before->looks_waiting
									 : now->looks_waiting;
	take(&now->waiting_sum, before->waiting_sum);
	return true;
}

static bool loop_since(void *now_item, const void *before_item)
{
	struct record_loop *now = &((struct model_loop *)now_item)->rec;
	const struct record_loop *before = &((const struct model_loop *)before_item)->rec;

	now->since_ns = num_max_u64(now->since_ns, before->until_ns);
	take(&now->turns, before->turns);
	take(&now->busy_ns, before->busy_ns);
	take(&now->idle_ns, before->idle_ns);
	take(&now->square_us, before->square_us);
	take(&now->late_ns, before->late_ns);
	take(&now->stalls, before->stalls);
	take_array(now->part_ns, before->part_ns, PART_COUNT);
	take_array(now->stall_part_ns, before->stall_part_ns, PART_COUNT);
	take_array(now->hist, before->hist, HIST_BUCKETS);
	now->max_ns = max_since(now->max_ns, before->max_ns, now->hist);
	return now->until_ns > now->since_ns;
}

static bool futex_calls_since(void *now_item, const void *before_item)
{
	struct record_futex_calls *now = now_item;
	const struct record_futex_calls *before = before_item;

	take(&now->waits, before->waits);
	take(&now->wakes, before->wakes);
	take(&now->eagain, before->eagain);
	take(&now->empty_wakes, before->empty_wakes);
	return true;
}

/* A table whose items count something. */
static const struct since_row {
	size_t offset; /* in struct model */
	/* Subtract; false: nothing has happened since. */
	bool (*since)(void *now, const void *before);
	bool drop; /* such items are left out; nothing refers to them by their place */
} rows[SINCE_TABLES] = {
#define WAITS_ROW 0
	{offsetof(struct model, waits), wait_since, true},
	{offsetof(struct model, processes), process_since, false},
	{offsetof(struct model, threads), thread_since, false},
	{offsetof(struct model, locks), lock_since, false},
	{offsetof(struct model, blames), blame_since, true},
	{offsetof(struct model, blocks), block_since, true},
	{offsetof(struct model, samples), sample_since, true},
	{offsetof(struct model, edges), edge_since, true},
	{offsetof(struct model, holdings), holding_since, true},
	{offsetof(struct model, listeners), listener_since, false},
	{offsetof(struct model, futex_calls), futex_calls_since, false},
	{offsetof(struct model, loops), loop_since, true},
};

static struct table *table_of(struct model *m, size_t i)
{
	return (struct table *)(void *)((char *)m + rows[i].offset);
}

const struct table *since_table(const struct model *m, size_t i)
{
	return (const struct table *)(const void *)((const char *)m + rows[i].offset);
}

static bool copy(struct copied *to, const void *at, size_t len, size_t size)
{
	to->at = malloc(len * size + 1);
	if (!to->at)
		return false;
	if (len)
		memcpy(to->at, at, len * size);
	to->len = len;
	return true;
}

struct model_mark *model_mark_new(const struct model *model)
{
	struct model_mark *mark = calloc(1, sizeof(*mark));
	bool done = mark != NULL;

	if (!mark)
		return NULL;
	mark->at_ns = model_last_end(model);
	mark->slices_len = model->slices.len;
	mark->long_waits_len = model->long_waits.len;
	mark->host = model->host;
	mark->self = model->self;
	for (size_t i = 0; i < ARRAY_LEN(rows) && done; i++) {
		const struct table *t = since_table(model, i);

		done = copy(&mark->tables[i], t->at, t->len, t->item_size);
	}
	if (done)
		done = copy(&mark->open, model->open.at, model->open.len,
			    sizeof(struct model_open));
	if (done)
		return mark;
	model_mark_free(mark);
	return NULL;
}

void model_mark_free(struct model_mark *mark)
{
	if (!mark)
		return;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		free(mark->tables[i].at);
	free(mark->open.at);
	free(mark);
}

uint64_t model_mark_ns(const struct model_mark *mark)
{
	return mark->at_ns;
}

/* The items of @t with the mark's subtracted, as an array of its own. */
static bool table_since(struct table *t, const struct since_row *row, const struct copied *before)
{
	char *now = malloc(t->len * t->item_size + 1);
	size_t kept = 0;

	if (!now)
		return false;
	for (size_t i = 0; i < t->len; i++) {
		char *item = now + kept * t->item_size;
		bool some = true;

		memcpy(item, (const char *)t->at + i * t->item_size, t->item_size);
		if (i < before->len)
			some = row->since(item, (const char *)before->at + i * t->item_size);
		kept += some || !row->drop;
	}
	t->at = now;
	t->len = kept;
	return true;
}

/*
 * A wait that was open at the mark and has ended was counted whole at its end: the part before the
 * mark goes.  In @waits, by the places that the whole model has them at.
 */
static void cut_ended(const struct copied *waits, const struct model *model,
		      const struct model_mark *mark)
{
	const struct model_open *open = mark->open.at;

	for (size_t i = 0; i < mark->open.len; i++) {
		const struct model_wait_key key = {open[i].lock, open[i].thread, open[i].rec.stack};
		const uint32_t *at = table_find(&model->waits, &key);
		const struct copied *before = &mark->tables[WAITS_ROW];
		const struct model_wait *was = before->at;
		struct record_wait *rec;

		if (!at || *at >= waits->len)
			continue;
		rec = &((struct model_wait *)waits->at)[*at].rec;
		if (rec->waits > (*at < before->len ? was[*at].rec.waits : 0)) {
			take(&rec->blocked_ns, open[i].rec.blocked_ns);
			rec->peer_ns = num_min_u64(rec->peer_ns, rec->blocked_ns);
		}
	}
}

/* What is open now counts from the mark on. */
static bool open_since(struct model *view, uint64_t window_ns)
{
	struct copied open;

	if (!copy(&open, view->open.at, view->open.len, sizeof(struct model_open)))
		return false;
	view->open.at = open.at;
	for (size_t i = 0; i < view->open.len; i++) {
		struct record_open_wait *rec = &view->open.at[i].rec;

		rec->blocked_ns = num_min_u64(rec->blocked_ns, window_ns);
	}
	return true;
}

/* Those that ended after the mark. */
static bool stalls_since(struct model *view, uint64_t mark_ns, uint64_t until_ns)
{
	struct copied stalls;
	struct model_stall *all;

	if (!copy(&stalls, view->stalls.at, view->stalls.len, sizeof(struct model_stall)))
		return false;
	all = stalls.at;
	view->stalls.at = all;
	view->stalls.len = 0;
	for (size_t i = 0; i < stalls.len; i++)
		if (all[i].rec.end_ns > mark_ns && all[i].rec.start_ns < until_ns)
			all[view->stalls.len++] = all[i];
	return true;
}

static void totals_since(struct model *view, const struct model_mark *mark)
{
	view->run.start_realtime_ns = num_sat_add(view->run.start_realtime_ns,
						  num_sat_sub(mark->at_ns, view->run.start_ns));
	view->run.start_ns = mark->at_ns;
	take(&view->host.idle_ns, mark->host.idle_ns);
	take(&view->host.busy_ns, mark->host.busy_ns);
	take(&view->host.throttled_ns, mark->host.throttled_ns);
	take(&view->host.throttled_periods, mark->host.throttled_periods);
	take(&view->self.cpu_ns, mark->self.cpu_ns);
	take(&view->self.bpf_ns, mark->self.bpf_ns);
	take(&view->self.bpf_calls, mark->self.bpf_calls);
	take(&view->self.bpf_calls_ns, mark->self.bpf_calls_ns);
	take(&view->self.events, mark->self.events);
	view->slices.at += mark->slices_len;
	view->slices.len -= mark->slices_len;
	if (view->long_waits.len) {
		view->long_waits.at += mark->long_waits_len;
		view->long_waits.len -= mark->long_waits_len;
	}
}

static struct snapshot *freeze_view(const struct model_mark *from, struct model *view)
{
	struct snapshot *snap = NULL;
	size_t made = 0;

	while (made < ARRAY_LEN(rows) &&
	       table_since(table_of(view, made), &rows[made], &from->tables[made]))
		made++;
	if (made == ARRAY_LEN(rows) && open_since(view, model_last_end(view) - from->at_ns)) {
		if (stalls_since(view, from->at_ns, model_last_end(view))) {
			totals_since(view, from);
			snap = model_freeze(view);
			free(view->stalls.at);
		}
		free(view->open.at);
	}
	while (made > 0)
		free(table_of(view, --made)->at);
	return snap;
}

struct snapshot *model_freeze_since(const struct model *model, const struct model_mark *from)
{
	struct model view = *model;
	struct snapshot *snap;
	struct copied waits;

	/* Without a slice since then there is nothing to show. */
	if (!model->have_run || from->slices_len >= model->slices.len)
		return NULL;
	if (!copy(&waits, model->waits.at, model->waits.len, sizeof(struct model_wait)))
		return NULL;
	cut_ended(&waits, model, from);
	view.waits.at = waits.at;
	snap = freeze_view(from, &view);
	free(waits.at);
	return snap;
}

struct snapshot *model_freeze_between(const struct model *model, const struct model_mark *from,
				      const struct model_mark *to)
{
	struct model past = *model;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		table_of(&past, i)->at = to->tables[i].at;
		table_of(&past, i)->len = to->tables[i].len;
	}
	past.open.at = to->open.at;
	past.open.len = to->open.len;
	past.slices.len = to->slices_len;
	past.long_waits.len = to->long_waits_len;
	past.host = to->host;
	past.self = to->self;
	past.have_end = false;
	return model_freeze_since(&past, from);
}
