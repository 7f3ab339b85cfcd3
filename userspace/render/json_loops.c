// SPDX-License-Identifier: GPL-2.0-only
/* Event loops and their stalls, of the JSON report. */
#include "base/num.h"
#include "render/json_parts.h"

static json_t *parts(const uint64_t *part_ns)
{
	json_t *obj = json_object();

	for (unsigned part = 0; obj && part < PART_COUNT; part++)
		obj = jr_with(obj, loop_part_name(part), jr_num(part_ns[part]));
	return obj;
}

static json_t *stall(struct json_report *j, const struct snap_stall *s)
{
	return json_pack("{s:o, s:o, s:o, s:s, s:o, s:o, s:o, s:o, s:b}", "at_ns", jr_num(s->at_ns),
			 "duration_ns", jr_num(s->duration_ns), "split", parts(s->part_ns), "cause",
			 loop_part_name(s->cause), "stack", jr_stack(j, s->stack), "tid",
			 jr_tid(j->snap, s->thread), "syscall", jr_text(s->syscall_name), "task",
			 jr_text(s->task), "open", s->open);
}

static json_t *stalls(struct json_report *j, uint32_t loop)
{
	const struct snapshot *snap = j->snap;
	json_t *array = json_array();

	for (uint32_t i = 0; array && i < snap->stalls_len; i++)
		if (snap->stalls[i].loop == loop)
			array = jr_push(array, stall(j, &snap->stalls[i]));
	return array;
}

json_t *jr_loop(struct json_report *j, uint32_t i)
{
	const struct snapshot *snap = j->snap;
	const struct snap_loop *l = &snap->loops[i];
	const struct snap_thread *t =
		l->thread < snap->threads_len ? &snap->threads[l->thread] : NULL;
	json_t *obj = json_pack(
		"{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:f, s:o, s:o, s:o, s:o, s:o, s:o}", "pid",
		jr_num(t ? t->pid : 0), "tid", jr_num(t ? t->tid : 0), "name",
		jr_text(t ? t->name : ""), "kind", jr_text(l->kind), "turns", jr_num(l->turns),
		"busy_ns", jr_num(l->busy_ns), "idle_ns", jr_num(l->idle_ns), "utilization",
		num_ratio((double)l->busy_ns, (double)l->observed_ns), "p50_ns",
		jr_num(snap_hist_quantile(&l->hist, 0.5)), "p99_ns",
		jr_num(snap_hist_quantile(&l->hist, 0.99)), "max_ns", jr_num(l->hist.max_ns),
		"added_mean_ns", jr_num(l->added_mean_ns), "stall_threshold_ns",
		jr_num(snap->run.stall_ns), "stalls", stalls(j, i));

	return jr_joined(obj, json_pack("{s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "is_loop",
					l->is_loop, "threads", jr_num(l->threads), "fds_max",
					jr_num(l->fds_max), "observed_ns", jr_num(l->observed_ns),
					"late_ns", jr_num(l->late_ns), "split", parts(l->part_ns),
					"stall_count", jr_num(l->stalls), "stall_split",
					parts(l->stall_part_ns)));
}
