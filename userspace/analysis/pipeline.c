// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/pipeline.h"

#include "base/cleanup.h"
#include "base/hashmap.h"
#include "base/num.h"
#include "base/units.h"
#include "base/vec.h"
#include "model/site.h"

#include <errno.h>
#include <string.h>

/* Chains of threads are followed so far. */
#define HOPS_MAX 16
/* A stage waits for the limiting one when it waits for it so much of its time. */
#define WAITING_SHARE 0.1

struct work {
	const struct snapshot *snap;
	const bool *full;
	const struct snap_frame **start; /* by thread: the function it starts in, or NULL */
	uint32_t *target;		 /* by thread: waited for the most, SNAP_NONE = nobody */
	uint32_t *stage_of;		 /* by thread */
	VEC(struct stage) stages;
	struct hashmap by_role;
};

static void work_free(struct work *w)
{
	free(w->start);
	free(w->target);
	free(w->stage_of);
	vec_free(&w->stages);
	hashmap_free(&w->by_role);
}

/* The length of @name without the number at its end and what sets it off; all of it where nothing
 * else would be left. */
static size_t stem_len(const char *name)
{
	size_t len = strlen(name);

	while (len > 0 && name[len - 1] >= '0' && name[len - 1] <= '9')
		len--;
	while (len > 0 && strchr("-_:/#. ([", name[len - 1]))
		len--;
	return len > 0 ? len : strlen(name);
}

/* Threads that were given no name have their process's. */
static bool named(const struct snapshot *snap, uint32_t thread)
{
	const struct snap_thread *t = &snap->threads[thread];

	return *t->name && (t->process >= snap->processes_len ||
			    strcmp(t->name, snap->processes[t->process].comm));
}

/* The outermost function of the program's own. */
static const struct snap_frame *start_frame(const struct snapshot *snap, uint32_t stack)
{
	const struct snap_stack *s;

	if (stack >= snap->stacks_len || snap->stacks[stack].truncated)
		return NULL;
	s = &snap->stacks[stack];
	for (uint32_t i = s->frames_len; i > 0; i--) {
		const struct snap_frame *frame = &s->frames[i - 1];

		if (*frame->name && !frame->kernel && !site_in_runtime(frame->module, frame->name))
			return frame;
	}
	return NULL;
}

static void note_start(const struct work *w, uint32_t thread, uint32_t stack)
{
	if (thread < w->snap->threads_len && !w->start[thread] && !named(w->snap, thread))
		w->start[thread] = start_frame(w->snap, stack);
}

static void find_starts(const struct work *w)
{
	const struct snapshot *snap = w->snap;

	for (uint32_t i = 0; i < snap->samples_len; i++)
		note_start(w, snap->samples[i].thread, snap->samples[i].stack);
	for (uint32_t i = 0; i < snap->blocks_len; i++)
		note_start(w, snap->blocks[i].thread, snap->blocks[i].stack);
	for (uint32_t i = 0; i < snap->locks_len; i++) {
		const struct snap_lock *lock = &snap->locks[i];

		for (uint32_t k = 0; k < lock->waiters_len; k++)
			note_start(w, lock->waiters[k].thread, lock->waiters[k].stack);
	}
}

static uint64_t role_of(const struct work *w, uint32_t thread)
{
	const struct snap_thread *t = &w->snap->threads[thread];
	uint64_t parts[4] = {t->process, w->full[thread]};

	if (w->start[thread])
		parts[2] = hash_bytes(w->start[thread]->name, strlen(w->start[thread]->name));
	else
		parts[3] = hash_bytes(t->name, stem_len(t->name));
	return hash_bytes(parts, sizeof(parts));
}

static double waiting_ns(const struct snap_thread *t)
{
	return (double)t->class_ns[CLASS_LOCK] + (double)t->class_ns[CLASS_PEER] +
	       (double)t->class_ns[CLASS_POOL_IDLE] + (double)t->class_ns[CLASS_GIL];
}

static int group_threads(struct work *w)
{
	const struct snapshot *snap = w->snap;

	hashmap_init(&w->by_role, sizeof(uint64_t));
	for (uint32_t i = 0; i < snap->threads_len; i++) {
		const struct snap_thread *t = &snap->threads[i];
		uint64_t role = role_of(w, i);
		struct stage *stage;
		uint32_t *place;
		bool added;

		place = hashmap_put(&w->by_role, &role, (uint32_t)w->stages.len, &added);
		if (!place)
			return -ENOMEM;
		w->stage_of[i] = *place;
		if (added) {
			stage = vec_add(&w->stages);
			if (!stage)
				return -ENOMEM;
			*stage = (struct stage){
				.thread = i, .start = w->start[i], .stack = SNAP_NONE};
		}
		stage = &w->stages.at[w->stage_of[i]];
		stage->threads++;
		stage->life_ns += (double)t->lifetime_ns;
		stage->run_ns += (double)t->class_ns[CLASS_RUN];
		stage->waiting_ns += waiting_ns(t);
	}
	return 0;
}

/* Edges come with the longest first: the first one of a thread is the one it waited for the most.
 */
static void find_targets(const struct work *w)
{
	const struct snapshot *snap = w->snap;

	for (uint32_t i = 0; i < snap->threads_len; i++)
		w->target[i] = SNAP_NONE;
	for (uint32_t i = 0; i < snap->edges_len; i++) {
		uint32_t from = snap->edges[i].from_thread, to = snap->edges[i].to_thread;

		if (from < snap->threads_len && to < snap->threads_len && from != to &&
		    w->target[from] == SNAP_NONE)
			w->target[from] = to;
	}
}

/* Hops from @thread to the stage @limiting, 0 = it does not lead there. */
static unsigned hops_to(const struct work *w, uint32_t thread, uint32_t limiting)
{
	for (unsigned hops = 1; hops <= HOPS_MAX; hops++) {
		thread = w->target[thread];
		if (thread == SNAP_NONE)
			return 0;
		if (w->stage_of[thread] == limiting)
			return hops;
	}
	return 0;
}

/* Where the first thread of each stage waits for the longest. */
static int find_stacks(struct work *w)
{
	const struct snapshot *snap = w->snap;
	_cleanup_free_ uint64_t *most = calloc(w->stages.len, sizeof(*most));

	if (!most)
		return -ENOMEM;
	for (uint32_t i = 0; i < snap->locks_len; i++) {
		const struct snap_lock *lock = &snap->locks[i];

		for (uint32_t k = 0; k < lock->waiters_len; k++) {
			const struct snap_waiter *waiter = &lock->waiters[k];
			uint32_t s;

			if (waiter->thread >= snap->threads_len)
				continue;
			s = w->stage_of[waiter->thread];
			if (w->stages.at[s].thread != waiter->thread || waiter->wait_ns <= most[s])
				continue;
			most[s] = waiter->wait_ns;
			w->stages.at[s].stack = waiter->stack;
		}
	}
	return 0;
}

static void add_waiting(struct pipeline *p, const struct stage *stage, bool full)
{
	double occupied = 1 - num_ratio(stage->waiting_ns, stage->life_ns);
	uint32_t at = p->waiting_len < PIPELINE_STAGES_TOLD ? p->waiting_len : PIPELINE_STAGES_TOLD;

	p->waiting_len++;
	if (!full && occupied > p->next_occupied)
		p->next_occupied = occupied;
	/* stages come by their first threads, the busiest first: those after these are left out */
	if (at < PIPELINE_STAGES_TOLD)
		p->waiting[at] = *stage;
}

static int find_waiting(struct work *w, uint32_t limiting, struct pipeline *p)
{
	_cleanup_free_ double *leads_ns = calloc(w->stages.len, sizeof(*leads_ns));

	if (!leads_ns)
		return -ENOMEM;
	for (uint32_t i = 0; i < w->snap->threads_len; i++) {
		unsigned hops = w->stage_of[i] == limiting ? 0 : hops_to(w, i, limiting);

		if (!hops)
			continue;
		leads_ns[w->stage_of[i]] += waiting_ns(&w->snap->threads[i]);
		w->stages.at[w->stage_of[i]].direct |= hops == 1;
	}
	for (uint32_t s = 0; s < w->stages.len; s++) {
		if (leads_ns[s] > 0 && leads_ns[s] >= WAITING_SHARE * w->stages.at[s].life_ns)
			add_waiting(p, &w->stages.at[s], w->full[w->stages.at[s].thread]);
	}
	return 0;
}

int pipeline_of_run(const struct snapshot *snap, const bool *full, uint32_t limiting,
		    struct pipeline *ret)
{
	_cleanup_(work_free) struct work w = {.snap = snap, .full = full};
	struct pipeline p = {.limiting = {.thread = SNAP_NONE, .stack = SNAP_NONE}};
	size_t len = snap->threads_len + 1UL;
	int err;

	if (limiting >= snap->threads_len || !full[limiting]) {
		*ret = p;
		return 0;
	}
	w.start = calloc(len, sizeof(*w.start));
	w.target = calloc(len, sizeof(*w.target));
	w.stage_of = calloc(len, sizeof(*w.stage_of));
	if (!w.start || !w.target || !w.stage_of)
		return -ENOMEM;
	find_starts(&w);
	err = group_threads(&w);
	if (err)
		return err;
	find_targets(&w);
	err = find_stacks(&w);
	if (err)
		return err;
	p.limiting = w.stages.at[w.stage_of[limiting]];
	err = find_waiting(&w, w.stage_of[limiting], &p);
	if (err)
		return err;
	*ret = p;
	return 0;
}

void stage_text(struct strbuf *sb, const struct snapshot *snap, const struct stage *stage)
{
	const char *name = snap->threads[stage->thread].name;

	if (stage->threads == 1) {
		snap_thread_text(sb, snap, stage->thread);
		return;
	}
	if (stage->start)
		snap_frame_text(sb, stage->start);
	else
		strbuf_printf(sb, "%.*s", (int)stem_len(name), name);
	strbuf_puts(sb, " (");
	units_count(sb, stage->threads);
	strbuf_puts(sb, " threads)");
}
