// SPDX-License-Identifier: GPL-2.0-only
#include "model/model.h"

#include "base/err.h"
#include "base/num.h"
#include "model/model_priv.h"
#include "model/record_schema.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

struct table_row {
	size_t offset; /* in struct model */
	size_t key_size;
	size_t item_size;
	size_t limit;
	const char *what;
};

/* Key sizes as the model_*.c that fill the table build them: sums of u32 and u64 without padding.
 */
static const struct table_row tables[] = {
	{offsetof(struct model, processes), 16, sizeof(struct record_process), LIMIT_PROCESSES,
	 "processes"},
	{offsetof(struct model, threads), 16, sizeof(struct model_thread), LIMIT_THREADS,
	 "threads"},
	{offsetof(struct model, locks), 8, sizeof(struct model_lock), LIMIT_LOCKS, "locks"},
	{offsetof(struct model, waits), 16, sizeof(struct model_wait), LIMIT_WAITS, "waits"},
	{offsetof(struct model, blames), 24, sizeof(struct model_blame), LIMIT_WAITS, "holders"},
	{offsetof(struct model, blocks), 24, sizeof(struct model_block), LIMIT_WAITS, "blocks"},
	{offsetof(struct model, samples), 16, sizeof(struct model_sample), LIMIT_WAITS, "samples"},
	{offsetof(struct model, edges), 32, sizeof(struct model_edge), LIMIT_WAITS, "edges"},
	{offsetof(struct model, futex_calls), 4, sizeof(struct record_futex_calls), LIMIT_PROCESSES,
	 "processes"},
	{offsetof(struct model, stacks), 8, sizeof(struct model_stack), LIMIT_STACKS, "stacks"},
	{offsetof(struct model, frames), 16, sizeof(struct model_frame), LIMIT_FRAMES, "frames"},
	{offsetof(struct model, notes), 8, sizeof(struct model_note), LIMIT_NOTES, "notes"},
	{offsetof(struct model, listeners), 8, sizeof(struct model_listener), LIMIT_LISTENERS,
	 "listeners"},
	{offsetof(struct model, loops), 16, sizeof(struct model_loop), LIMIT_THREADS, "loops"},
	{offsetof(struct model, holdings), 24, sizeof(struct model_holding), LIMIT_WAITS,
	 "holdings"},
};

static struct table *table_of(struct model *m, const struct table_row *row)
{
	return (struct table *)(void *)((char *)m + row->offset);
}

struct model *model_new(void)
{
	struct model *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	for (size_t i = 0; i < ARRAY_LEN(tables); i++)
		table_init(table_of(m, &tables[i]), tables[i].key_size, tables[i].item_size,
			   tables[i].limit, tables[i].what);
	hashmap_init(&m->tids, sizeof(uint32_t));
	hashmap_init(&m->pids, sizeof(uint32_t));
	if (strpool_init(&m->strings, NULL) < 0) {
		model_free(m);
		return NULL;
	}
	return m;
}

void model_free(struct model *model)
{
	if (!model)
		return;
	for (size_t i = 0; i < ARRAY_LEN(tables); i++)
		table_free(table_of(model, &tables[i]));
	hashmap_free(&model->tids);
	hashmap_free(&model->pids);
	strpool_free(&model->strings);
	vec_free(&model->stack_frames);
	vec_free(&model->inlined);
	vec_free(&model->long_waits);
	vec_free(&model->stalls);
	vec_free(&model->open);
	vec_free(&model->open_next);
	vec_free(&model->slice_locks);
	vec_free(&model->slice_threads);
	vec_free(&model->slices);
	vec_free(&model->series);
	free(model);
}

static int apply_run(struct model *m, const struct record *rec, struct err *err)
{
	(void)err;
	m->run = rec->run;
	m->have_run = true;
	return 0;
}

static int apply_host(struct model *m, const struct record *rec, struct err *err)
{
	(void)err;
	m->host = rec->host;
	return 0;
}

static int apply_self(struct model *m, const struct record *rec, struct err *err)
{
	(void)err;
	m->self = rec->self;
	return 0;
}

static int apply_loss(struct model *m, const struct record *rec, struct err *err)
{
	(void)err;
	m->loss[rec->loss.cause] = rec->loss.count;
	return 0;
}

struct apply_row {
	model_apply_fn *apply;
	bool after_end; /* names and losses may follow the end record: they are found later */
};

static const struct apply_row apply_table[RECORD_TYPE_COUNT] = {
	[RECORD_RUN] = {apply_run, false},
	[RECORD_PROCESS] = {model_apply_process, false},
	[RECORD_COUNTERS] = {model_apply_counters, false},
	[RECORD_LOCK] = {model_apply_lock, false},
	[RECORD_WAIT] = {model_apply_wait, false},
	[RECORD_BLAME] = {model_apply_blame, false},
	[RECORD_CONTENTION] = {model_apply_contention, false},
	[RECORD_OPEN_WAIT] = {model_apply_open_wait, false},
	[RECORD_BLOCK] = {model_apply_block, false},
	[RECORD_SAMPLE] = {model_apply_sample, false},
	[RECORD_EDGE] = {model_apply_edge, false},
	[RECORD_STACK] = {model_apply_stack, true},
	[RECORD_FRAME] = {model_apply_frame, true},
	[RECORD_INLINED] = {model_apply_inlined, true},
	[RECORD_NOTE] = {model_apply_note, true},
	[RECORD_HOLDING] = {model_apply_holding, false},
	[RECORD_BACKLOG] = {model_apply_backlog, false},
	[RECORD_LOOP] = {model_apply_loop, false},
	[RECORD_STALL] = {model_apply_stall, false},
	[RECORD_LOCK_NAME] = {model_apply_lock_name, true},
	[RECORD_LONG_WAIT] = {model_apply_long_wait, false},
	[RECORD_FUTEX_CALLS] = {model_apply_futex_calls, false},
	[RECORD_HOST] = {apply_host, false},
	[RECORD_LOSS] = {apply_loss, true},
	[RECORD_SELF] = {apply_self, true},
	[RECORD_SLICE] = {model_apply_slice, false},
	[RECORD_END] = {model_apply_end, false},
};

int model_apply(struct model *model, const struct record *rec, struct err *err)
{
	const struct apply_row *row;
	int r = record_validate(rec, err);

	if (r < 0)
		return r;
	row = &apply_table[rec->type];
	if (model->have_run == (rec->type == RECORD_RUN))
		return err_set(err, -EPROTO,
			       "record %s: a run begins with exactly one record of its own",
			       record_schema_of(rec->type)->name);
	if (model->have_end && !row->after_end)
		return err_set(err, -EPROTO, "record %s: follows the end of the run",
			       record_schema_of(rec->type)->name);
	r = row->apply(model, rec, err);
	/* A target that makes threads or processes without end: those beyond the limit are counted,
	 * the run goes on. */
	if (r == -EOVERFLOW) {
		model->threads_beyond += rec->type == RECORD_COUNTERS;
		model->processes_beyond += rec->type == RECORD_PROCESS;
		return 0;
	}
	return r;
}

uint64_t model_start_ns(const struct model *model)
{
	return model->run.start_ns;
}

uint64_t model_end_ns(const struct model *model)
{
	return model_last_end(model);
}

static int sink_put(void *ctx, const struct record *rec, struct err *err)
{
	return model_apply(ctx, rec, err);
}

struct record_sink model_sink(struct model *model)
{
	return (struct record_sink){.put = sink_put, .ctx = model};
}
