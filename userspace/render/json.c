// SPDX-License-Identifier: GPL-2.0-only
/*
 * concprof.report/1: the contract of docs/report.schema.json.
 *
 * Ids are small numbers of this report alone: locks by their place in the list, stacks in the order
 * of their first use, 0 = none.
 */
#include "base/err.h"
#include "base/num.h"
#include "render/formats.h"
#include "render/json_parts.h"
#include "report/derived.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define REAL_DIGITS 9

static json_t *named_pid(struct json_report *j, uint32_t i)
{
	return jr_num(j->snap->run.pids[i]);
}

static json_t *runtimes(const struct snapshot *snap)
{
	json_t *array = json_array();

	for (uint32_t i = 0; array && i < snap->processes_len; i++) {
		const struct snap_process *process = &snap->processes[i];

		if (*process->runtime)
			array = jr_push(array,
					json_pack("{s:o, s:o, s:o}", "pid", jr_num(process->pid),
						  "name", jr_text(process->runtime), "version",
						  jr_text(process->runtime_version)));
	}
	return array;
}

static json_t *target(struct json_report *j)
{
	const struct snapshot *snap = j->snap;
	const struct record_run *run = &snap->run;
	uint32_t pids = run->pids_len < RECORD_PIDS_MAX ? run->pids_len : RECORD_PIDS_MAX;
	json_t *ended = json_null();

	if (snap->complete && snap->end.exited)
		ended = json_pack("{s:i, s:i}", "code", (int)snap->end.exit_code, "signal",
				  (int)snap->end.exit_signal);
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "pids", jr_array(j, pids, named_pid),
			 "command",
			 jr_text_len(run->command, strnlen(run->command, sizeof(run->command))),
			 "exit", ended, "runtimes", runtimes(snap), "processes",
			 jr_num(snap->processes_len), "threads", jr_num(snap->threads_len));
}

static json_t *window(const struct json_report *j)
{
	const struct snapshot *snap = j->snap;
	const struct record_run *run = &snap->run;
	struct strbuf start = {0};
	json_t *obj;

	report_start(&start, j->rep);
	obj = json_pack("{s:o, s:o, s:o, s:o, s:o, s:b, s:b, s:b, s:o, s:o}", "start",
			start.failed ? NULL : jr_text(strbuf_str(&start)), "duration_ns",
			jr_num(snap->duration_ns), "kernel",
			jr_text_len(run->kernel, strnlen(run->kernel, sizeof(run->kernel))),
			"cpus_online", jr_num(run->cpus_online), "cpus_allowed",
			jr_num(run->cpus_allowed), "complete", snap->complete, "interrupted",
			snap->complete && snap->end.interrupted, "target_ended",
			snap->complete && snap->end.target_ended, "sample_hz",
			jr_num(run->sample_hz), "work_count",
			run->work_count ? jr_num(run->work_count) : json_null());
	strbuf_free(&start);
	return obj;
}

static json_t *finding_gain(const struct finding *finding)
{
	static const char *const without[] = {"none", "idle", "unclear"};

	for (size_t i = 0; i < ARRAY_LEN(without); i++)
		if (!strcmp(finding->bottleneck, without[i]))
			return json_null();
	return jr_gain(finding->gain_ratio, finding->bound, finding->limited_by);
}

static json_t *models_in_use(const struct report *rep)
{
	unsigned used = report_models_in_use(rep);
	json_t *array = json_array();

	for (unsigned model = 0; array && model < MODEL_COUNT; model++)
		if (used & 1U << model)
			array = jr_push(array, jr_text(report_model_name(model)));
	return array;
}

static json_t *evidence(struct json_report *j, uint32_t i)
{
	return jr_text(strbuf_str(&j->rep->verdict->main.evidence[i]));
}

/* The report's id of the lock at snapshot index @lock, 0 = none. */
static json_t *lock_ref(const struct json_report *j, uint32_t lock)
{
	for (uint32_t i = 0; i < j->locks_len; i++)
		if (j->lock_order[i] == lock)
			return jr_num(i + 1);
	return json_integer(0);
}

static json_t *verdict(struct json_report *j)
{
	const struct verdict *verdict = j->rep->verdict;
	const struct finding *main = &verdict->main;
	json_t *second = json_null();
	json_t *obj;

	if (verdict->second.fired)
		second = json_pack("{s:o, s:o, s:o}", "bottleneck",
				   jr_text(verdict->second.bottleneck), "gain",
				   finding_gain(&verdict->second), "summary",
				   jr_text(strbuf_str(&verdict->second.summary)));
	obj = json_pack(
		"{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "bottleneck",
		jr_text(main->bottleneck), "model", jr_text(main->model), "models_in_use",
		models_in_use(j->rep), "confidence", jr_text(confidence_name(verdict->confidence)),
		"confidence_why", jr_text(strbuf_str(&verdict->confidence_why)), "summary",
		jr_text(strbuf_str(&main->summary)), "evidence",
		jr_array(j, main->evidence_len, evidence), "next_step",
		jr_text(strbuf_str(&main->next_step)), "gain", finding_gain(main), "runner_up",
		second, "lock", lock_ref(j, main->lock), "tid", jr_tid(j->snap, main->thread));
	obj = jr_with(obj, "headline", jr_text(strbuf_str(&main->headline)));
	obj = jr_with(obj, "cause", jr_text(strbuf_str(&main->cause)));
	return jr_with(obj, "gain_text", jr_text(strbuf_str(&main->gain_text)));
}

/* Causes that occurred, of one sort. */
static json_t *causes(const struct json_report *j, bool is_loss)
{
	json_t *obj = json_object();

	for (unsigned cause = 0; obj && cause < LOSS_COUNT; cause++)
		if (loss_is_loss(cause) == is_loss && j->snap->loss[cause])
			obj = jr_with(obj, loss_name(cause), jr_num(j->snap->loss[cause]));
	if (obj && !is_loss && j->stacks_left_out)
		obj = jr_with(obj, "report_stacks", jr_num(j->stacks_left_out));
	return obj;
}

static json_t *note(struct json_report *j, uint32_t i)
{
	const struct snap_note *n = &j->snap->notes[i];

	return json_pack("{s:o, s:s, s:s}", "module", jr_text(n->module), "note",
			 note_name(n->note), "meaning", note_meaning(n->note));
}

static json_t *futex_calls(const struct snapshot *snap)
{
	const struct record_futex_calls *calls = &snap->futex_calls;

	if (!snap->have_futex_calls)
		return json_null();
	return json_pack("{s:o, s:o, s:o, s:o}", "waits", jr_num(calls->waits), "wakes",
			 jr_num(calls->wakes), "eagain", jr_num(calls->eagain), "empty_wakes",
			 jr_num(calls->empty_wakes));
}

static json_t *host(const struct snapshot *snap)
{
	const struct record_host *h = &snap->host;

	return json_pack("{s:o, s:o, s:o, s:o, s:o}", "idle_ns", jr_num(h->idle_ns), "busy_ns",
			 jr_num(h->busy_ns), "throttled_ns", jr_num(h->throttled_ns),
			 "throttled_periods", jr_num(h->throttled_periods), "quota_cpus",
			 h->quota_milli_cpus ? json_real((double)h->quota_milli_cpus / 1000)
					     : json_null());
}

static json_t *self(const struct report *rep)
{
	const struct record_self *cost = &rep->snap->self;

	return json_pack("{s:f, s:f, s:f, s:f, s:o, s:o, s:o, s:o}", "cpu_ratio",
			 rep->self_cpu_ratio + rep->self_bpf_ratio, "collector_cpu_ratio",
			 rep->self_cpu_ratio, "bpf_cpu_ratio", rep->self_bpf_ratio,
			 "bpf_ns_per_event", rep->bpf_ns_per_event, "events", jr_num(cost->events),
			 "rss_bytes", jr_num(cost->rss_bytes), "map_bytes", jr_num(cost->map_bytes),
			 "polls_hooked_ns", jr_num(cost->polls_hooked_ns));
}

static json_t *tool(const struct json_report *j)
{
	const struct record_run *run = &j->snap->run;

	return json_pack("{s:o}", "version",
			 jr_text_len(run->tool_version,
				     strnlen(run->tool_version, sizeof(run->tool_version))));
}

/* In the order of the contract, which has all that refers to a stack before the stacks, and these
 * before the count of those left out. */
static json_t *whole(struct json_report *j)
{
	const struct snapshot *snap = j->snap;
	json_t *root =
		json_pack("{s:s, s:o, s:o, s:o, s:o}", "schema", "concprof.report/1", "tool",
			  tool(j), "target", target(j), "window", window(j), "verdict", verdict(j));

	root = jr_with(root, "time",
		       json_pack("{s:o, s:o}", "wall_thread_ns", jr_num(snap->wall_thread_ns),
				 "classes", jr_classes(snap->class_ns)));
	root = jr_joined(root, jr_lists(j));
	root = jr_with(root, "losses", causes(j, true));
	root = jr_with(root, "incomplete", causes(j, false));
	root = jr_with(root, "notes", jr_array(j, snap->notes_len, note));
	root = jr_with(root, "self", self(j->rep));
	root = jr_with(root, "host", host(snap));
	return jr_with(root, "futex_calls", futex_calls(snap));
}

struct lock_key {
	uint64_t blame_ns;
	uint64_t wait_ns;
	uint32_t index;
};

static int lock_compare(const void *left, const void *right)
{
	const struct lock_key *a = left;
	const struct lock_key *b = right;

	if (a->blame_ns != b->blame_ns)
		return a->blame_ns < b->blame_ns ? 1 : -1;
	if (a->wait_ns != b->wait_ns)
		return a->wait_ns < b->wait_ns ? 1 : -1;
	return (a->index > b->index) - (a->index < b->index);
}

/* Locks that were waited for, by blame and then by wait: the snapshot has true locks first, the
 * contract does not. */
static int order_locks(struct json_report *j)
{
	const struct snapshot *snap = j->snap;
	struct lock_key *keys = calloc((size_t)snap->locks_len + 1, sizeof(*keys));

	j->lock_order = calloc((size_t)snap->locks_len + 1, sizeof(*j->lock_order));
	if (!keys || !j->lock_order) {
		free(keys);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < snap->locks_len; i++) {
		const struct snap_lock *l = &snap->locks[i];

		if (l->waits || l->wait_ns || l->open_waits)
			keys[j->locks_len++] = (struct lock_key){l->blame_ns, l->wait_ns, i};
	}
	qsort(keys, j->locks_len, sizeof(*keys), lock_compare);
	for (uint32_t i = 0; i < j->locks_len; i++)
		j->lock_order[i] = keys[i].index;
	free(keys);
	return 0;
}

static int append(const char *buffer, size_t size, void *data)
{
	strbuf_add(data, buffer, size);
	return ((struct strbuf *)data)->failed ? -1 : 0;
}

int render_json(const struct report *rep, const struct render_options *opt, struct strbuf *sb,
		struct err *err)
{
	size_t stacks = (size_t)rep->snap->stacks_len + 1;
	struct json_report j = {
		.rep = rep,
		.snap = rep->snap,
		.stack_id = calloc(stacks, sizeof(*j.stack_id)),
		.stack_use = calloc(stacks, sizeof(*j.stack_use)),
	};
	json_t *root = NULL;
	int done = -1;

	(void)opt;
	if (j.stack_id && j.stack_use && !order_locks(&j))
		root = whole(&j);
	if (root)
		done = json_dump_callback(root, append, sb,
					  JSON_INDENT(2) | JSON_REAL_PRECISION(REAL_DIGITS));
	json_decref(root);
	free(j.stack_id);
	free(j.stack_use);
	free(j.lock_order);
	strbuf_putc(sb, '\n');
	if (done || sb->failed)
		return err_set(err, -ENOMEM, "JSON report: out of memory");
	return 0;
}
