// SPDX-License-Identifier: GPL-2.0-only
#include "base/num.h"
#include "render/json_parts.h"
#include "report/derived.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

json_t *jr_stack(struct json_report *j, uint32_t stack)
{
	if (stack >= j->snap->stacks_len)
		return json_integer(0);
	if (!j->stack_id[stack]) {
		if (j->stacks_len == JSON_STACKS_MAX) {
			j->stacks_left_out++;
			return json_integer(0);
		}
		j->stack_use[j->stacks_len++] = stack;
		j->stack_id[stack] = j->stacks_len;
	}
	return json_integer(j->stack_id[stack]);
}

static json_t *thread(struct json_report *j, uint32_t i)
{
	const struct snap_thread *t = &j->snap->threads[i];

	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "pid", jr_num(t->pid),
			 "tid", jr_num(t->tid), "name", jr_text(t->name), "lifetime_ns",
			 jr_num(t->lifetime_ns), "classes", jr_classes(t->class_ns), "cmetric_ns",
			 jr_num(t->cmetric_ns), "voluntary_switches", jr_num(t->voluntary_switches),
			 "involuntary_switches", jr_num(t->involuntary_switches), "wakeups",
			 jr_num(t->wakeups));
}

static json_t *waiters(struct json_report *j, const struct snap_lock *lock)
{
	json_t *array = json_array();

	for (uint32_t i = 0; array && i < lock->waiters_len; i++) {
		const struct snap_waiter *w = &lock->waiters[i];
		json_t *obj =
			json_pack("{s:o, s:o, s:o, s:o, s:b}", "tid", jr_tid(j->snap, w->thread),
				  "stack", jr_stack(j, w->stack), "waits", jr_num(w->waits),
				  "wait_ns", jr_num(w->wait_ns), "open", w->open);

		array = jr_push(array, obj);
	}
	return array;
}

static const char *evidence_name(enum holder_evidence kind)
{
	switch (kind) {
	case HOLDER_PI_WORD:
		return "pi_word";
	case HOLDER_OWNER_WORD:
		return "owner_word";
	case HOLDER_WAKER:
		return "waker";
	case HOLDER_NONE:
	case HOLDER_EVIDENCE_COUNT:
		break;
	}
	return "none";
}

static json_t *holders(struct json_report *j, const struct snap_lock *lock)
{
	const struct snapshot *snap = j->snap;
	json_t *array = json_array();

	for (uint32_t i = 0; array && i < lock->holders_len; i++) {
		const struct snap_holder *h = &lock->holders[i];
		const char *name =
			h->thread < snap->threads_len ? snap->threads[h->thread].name : "";
		json_t *obj =
			json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "tid",
				  jr_tid(snap, h->thread), "thread", jr_text(name), "stack",
				  jr_stack(j, h->stack), "waits", jr_num(h->waits), "blame_ns",
				  jr_num(h->blame_ns), "while", jr_text(while_name(h->main_class)),
				  "evidence", jr_text(evidence_name(h->evidence)));

		array = jr_push(array, obj);
	}
	return array;
}

static json_t *holdings(struct json_report *j, const struct snap_lock *lock)
{
	static const char *const how[HOLDING_KIND_COUNT] = {"sampled", "blocked", "seen"};
	json_t *array = json_array();

	for (uint32_t i = 0; array && i < lock->holdings_len; i++) {
		const struct snap_holding *h = &lock->holdings[i];

		array = jr_push(array,
				json_pack("{s:o, s:s, s:o, s:o, s:o, s:o}", "tid",
					  jr_tid(j->snap, h->thread), "how", how[h->kind], "stack",
					  jr_stack(j, h->stack), "count", jr_num(h->count), "ns",
					  jr_num(h->ns), "kept", jr_num(h->kept)));
	}
	return array;
}

static json_t *lock_pids(const struct snap_lock *lock)
{
	json_t *array = json_array();

	for (uint32_t i = 0; array && i < lock->pids_len; i++)
		array = jr_push(array, jr_num(lock->pids[i]));
	return array;
}

static json_t *address(uint64_t value)
{
	char hex[20];

	snprintf(hex, sizeof(hex), "0x%" PRIx64, value);
	return json_string(hex);
}

static json_t *lock_gain(const struct json_report *j, uint32_t lock)
{
	const struct verdict *verdict = j->rep->verdict;
	const struct finding *finding = NULL;

	if (verdict->main.lock == lock)
		finding = &verdict->main;
	else if (verdict->second.fired && verdict->second.lock == lock)
		finding = &verdict->second;
	return jr_gain(lock < verdict->lock_gain_len ? verdict->lock_gain[lock] : 0,
		       finding && finding->bound ? finding->bound : "upper bound",
		       finding ? finding->limited_by : LIMIT_NONE);
}

static json_t *lock(struct json_report *j, uint32_t i)
{
	const struct snap_lock *l = &j->snap->locks[j->lock_order[i]];
	/* Stack ids go by first use: the order of these two must not be the compiler's. */
	json_t *waiting = waiters(j, l);
	json_t *holding = holders(j, l);
	json_t *meanwhile = holdings(j, l);
	json_t *obj = json_pack(
		"{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "id",
		jr_num(i + 1), "kind", jr_text(lock_kind_name(l->kind)), "name", jr_text(l->name),
		"address", address(l->address), "pids", lock_pids(l), "waits", jr_num(l->waits),
		"wait_ns", jr_num(l->wait_ns), "max_wait_ns", jr_num(l->hist.max_ns), "p50_wait_ns",
		jr_num(snap_hist_quantile(&l->hist, 0.5)), "p99_wait_ns",
		jr_num(snap_hist_quantile(&l->hist, 0.99)), "timeouts", jr_num(l->timeouts),
		"open_waits", jr_num(l->open_waits), "blame_ns", jr_num(l->blame_ns));
	json_t *more = json_pack(
		"{s:b, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, "
		"s:o}",
		"is_lock", l->is_lock, "shared", l->shared, "module", jr_text(l->module),
		"blocked_ns", jr_num(l->blocked_ns), "runq_ns", jr_num(l->runq_ns), "peer_ns",
		jr_num(l->peer_ns), "contended_ns", jr_num(l->contended_ns), "known_blame_ns",
		jr_num(l->known_blame_ns), "waiters_max", jr_num(l->waiters_max), "handed_over",
		jr_num(l->handed_over), "sleep_again", jr_num(l->sleep_again), "again_ns",
		jr_num(l->again_ns), "broadcasts", jr_num(l->broadcasts), "waiters", waiting,
		"holders", holding, "holdings", meanwhile, "gain", lock_gain(j, j->lock_order[i]));

	return jr_joined(obj, more);
}

static json_t *blocks(struct json_report *j)
{
	bool failed = false;
	uint32_t len = 0;
	struct report_block *all = report_blocks(j->rep, &len, &failed);
	json_t *array = failed ? NULL : json_array();

	for (uint32_t i = 0; array && i < len; i++) {
		json_t *obj =
			json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "class",
				  jr_text(time_class_name(all[i].cls)), "syscall",
				  jr_text(all[i].syscall_name), "stack", jr_stack(j, all[i].stack),
				  "threads", jr_num(all[i].threads), "count", jr_num(all[i].count),
				  "ns", jr_num(all[i].ns), "max_ns", jr_num(all[i].max_ns));

		array = jr_push(array, obj);
	}
	free(all);
	return array;
}

static json_t *sample(struct json_report *j, uint32_t i)
{
	const struct snap_sample *s = &j->snap->samples[i];

	return json_pack("{s:o, s:o, s:o, s:s}", "tid", jr_tid(j->snap, s->thread), "stack",
			 jr_stack(j, s->stack), "count", jr_num(s->count), "kind",
			 sample_kind_name(s->kind));
}

/* A frame with neither name nor module has its address as offset. */
static json_t *frame(const struct snap_frame *f)
{
	bool bare = !*f->name && !*f->module;
	char address[24];

	snprintf(address, sizeof(address), "0x%" PRIx64, f->ip);
	return json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:s, s:b}", "kind",
			 f->python   ? "python"
			 : f->kernel ? "kernel"
				     : "native",
			 "name", jr_text(f->name), "file", jr_text(f->file), "line",
			 jr_num(f->line), "module", jr_text(f->module), "offset",
			 jr_num(bare ? f->ip : f->offset), "address", address, "inlined",
			 f->inlined);
}

static json_t *stack(struct json_report *j, uint32_t i)
{
	const struct snap_stack *s = &j->snap->stacks[j->stack_use[i]];
	json_t *frames = json_array();

	for (uint32_t k = 0; frames && k < s->frames_len; k++)
		frames = jr_push(frames, frame(&s->frames[k]));
	return json_pack("{s:o, s:b, s:b, s:o}", "id", jr_num(i + 1), "truncated", s->truncated,
			 "frame_pointers", s->frame_pointers, "frames", frames);
}

static json_t *listener(struct json_report *j, uint32_t i)
{
	const struct snap_listener *l = &j->snap->listeners[i];

	return json_pack("{s:o, s:o, s:o, s:o, s:o}", "name", jr_text(l->name), "looks",
			 jr_num(l->looks), "looks_waiting", jr_num(l->looks_waiting), "waiting_sum",
			 jr_num(l->waiting_sum), "waiting_max", jr_num(l->waiting_max));
}

static json_t *slice(struct json_report *j, uint32_t i)
{
	const struct snap_slice *s = &j->snap->slices[i];
	const struct verdict *verdict = j->rep->verdict;
	const char *word = i < verdict->slices_len ? verdict->slice_bottleneck[i] : "unclear";

	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "at_ns", jr_num(s->at_ns),
			 "duration_ns", jr_num(s->duration_ns), "classes", jr_classes(s->class_ns),
			 "bottleneck", jr_text(word), "host_idle_ns", jr_num(s->host_idle_ns),
			 "throttled_ns", jr_num(s->throttled_ns), "waiting", jr_num(s->waiting));
}

json_t *jr_lists(struct json_report *j)
{
	const struct snapshot *snap = j->snap;
	json_t *obj = json_object();

	obj = jr_with(obj, "processes", jr_array(j, snap->processes_len, jr_process));
	obj = jr_with(obj, "tree", jr_tree(snap));
	obj = jr_with(obj, "threads", jr_array(j, snap->threads_len, thread));
	obj = jr_with(obj, "locks", jr_array(j, j->locks_len, lock));
	obj = jr_with(obj, "loops", jr_array(j, snap->loops_len, jr_loop));
	obj = jr_with(obj, "edges", jr_array(j, snap->edges_len, jr_edge));
	obj = jr_with(obj, "blocks", blocks(j));
	obj = jr_with(obj, "samples", jr_array(j, snap->samples_len, sample));
	obj = jr_with(obj, "stacks", jr_array(j, j->stacks_len, stack));
	obj = jr_with(obj, "listeners", jr_array(j, snap->listeners_len, listener));
	return jr_with(obj, "slices", jr_array(j, snap->slices_len, slice));
}
