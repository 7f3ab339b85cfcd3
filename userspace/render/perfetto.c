// SPDX-License-Identifier: GPL-2.0-only
/*
 * The run in time, in Chrome's JSON trace format, which Perfetto loads: the verdict and the classes
 * of each slice, stalls of event loops, and the longest single waits where the capture has them,
 * with a flow from the waker.  Timestamps are microseconds from the window's start.
 */
#include "base/err.h"
#include "base/hashmap.h"
#include "base/num.h"
#include "render/formats.h"
#include "render/json_parts.h"
#include "report/derived.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define WAITS_MAX 40000 /* the longest ones: about 25 MB */
#define OWN_PID 0	/* of the tracks that are about the whole run */
#define TID_VERDICT 1
#define REAL_DIGITS 15

struct trace {
	const struct snapshot *snap;
	const struct report *rep;
	struct strbuf *out; /* events are written one by one: all at once would take much memory */
	bool any;
	struct hashmap threads; /* tid -> index */
	bool *shown;		/* by thread index: it has events */
	uint64_t left_out;
};

static json_t *micros(uint64_t ns)
{
	return json_real((double)ns / (double)NS_PER_US);
}

static int append(const char *buffer, size_t size, void *data)
{
	strbuf_add(data, buffer, size);
	return ((struct strbuf *)data)->failed ? -1 : 0;
}

/* Takes over @event. */
static void add(struct trace *t, json_t *event)
{
	strbuf_puts(t->out, t->any ? ",\n" : "\n");
	t->any = true;
	if (!event || json_dump_callback(event, append, t->out,
					 JSON_COMPACT | JSON_REAL_PRECISION(REAL_DIGITS)))
		t->out->failed = true;
	json_decref(event);
}

/* A name or title of a process or thread, which viewers show beside its track. */
static void add_title(struct trace *t, const char *what, uint64_t pid, uint64_t tid,
		      const char *title)
{
	add(t, json_pack("{s:s, s:s, s:o, s:o, s:{s:o}}", "name", what, "ph", "M", "pid",
			 jr_num(pid), "tid", jr_num(tid), "args", "name", jr_text(title)));
}

/* A stretch of time on a thread's track; takes over @args. */
static void add_span(struct trace *t, const char *name, const char *category, uint64_t pid,
		     uint64_t tid, uint64_t at_ns, uint64_t ns, json_t *args)
{
	add(t, json_pack("{s:o, s:s, s:s, s:o, s:o, s:o, s:o, s:o}", "name", jr_text(name), "cat",
			 category, "ph", "X", "ts", micros(at_ns), "dur", micros(ns), "pid",
			 jr_num(pid), "tid", jr_num(tid), "args", args ? args : json_object()));
}

static void add_slices(struct trace *t)
{
	const struct verdict *verdict = t->rep->verdict;

	add_title(t, "process_name", OWN_PID, 0, "concprof");
	add_title(t, "thread_name", OWN_PID, TID_VERDICT, "verdict");
	for (uint32_t i = 0; i < t->snap->slices_len; i++) {
		const struct snap_slice *s = &t->snap->slices[i];
		json_t *args = json_object();

		if (!s->duration_ns) {
			json_decref(args);
			continue;
		}
		add_span(t, i < verdict->slices_len ? verdict->slice_bottleneck[i] : "unclear",
			 "verdict", OWN_PID, TID_VERDICT, s->at_ns, s->duration_ns, NULL);
		/* Threads in each class, on the average. */
		for (unsigned group = 0; args && group < GROUP_COUNT; group++)
			args = jr_with(args, time_group_title((enum time_group)group),
				       json_real((double)time_group_ns((enum time_group)group,
								       s->class_ns) /
						 (double)s->duration_ns));
		add(t,
		    json_pack("{s:s, s:s, s:o, s:i, s:i, s:o}", "name", "threads by class", "ph",
			      "C", "ts", micros(s->at_ns), "pid", OWN_PID, "tid", 0, "args", args));
	}
}

static const struct snap_thread *show(struct trace *t, uint32_t thread)
{
	if (thread >= t->snap->threads_len)
		return NULL;
	t->shown[thread] = true;
	return &t->snap->threads[thread];
}

static void add_stalls(struct trace *t)
{
	for (uint32_t i = 0; i < t->snap->stalls_len; i++) {
		const struct snap_stall *s = &t->snap->stalls[i];
		const struct snap_thread *thread = show(t, s->thread);
		struct strbuf site = {0};
		json_t *args = json_object();

		for (unsigned part = 0; args && part < PART_COUNT; part++)
			args = jr_with(args, loop_part_name((enum loop_part)part),
				       micros(s->part_ns[part]));
		report_call_site(&site, t->snap, s->stack);
		args = jr_with(args, "in", jr_text(strbuf_str(&site)));
		args = jr_with(args, "task", jr_text(s->task));
		if (thread)
			add_span(t, "stall", "stall", thread->pid, thread->tid, s->at_ns,
				 s->duration_ns, args);
		else
			json_decref(args);
		strbuf_free(&site);
	}
}

static const struct snap_thread *by_tid(struct trace *t, uint32_t tid)
{
	const uint32_t *at = hashmap_get(&t->threads, &tid);

	return at ? show(t, *at) : NULL;
}

/*
 * The waiter's time off the CPU and on the run queue, from @from on; from the waker a flow to the
 * moment at which it may run again.  Returns its end.
 */
static uint64_t add_wait(struct trace *t, const struct record_long_wait *w, uint64_t from,
			 uint64_t id)
{
	const struct snap_thread *waiter = by_tid(t, w->tid);
	const struct snap_thread *waker = w->waker_tid ? by_tid(t, w->waker_tid) : NULL;
	uint64_t woken = num_max_u64(num_sat_sub(w->woken_ns, t->snap->start_ns), from);
	uint64_t end = num_max_u64(num_sat_sub(w->end_ns, t->snap->start_ns), woken);

	if (!waiter || end == from)
		return from;
	add_span(t, w->lock < t->snap->locks_len ? t->snap->locks[w->lock].name : "wait", "wait",
		 waiter->pid, waiter->tid, from, woken - from,
		 json_pack("{s:o, s:o}", "holder", jr_num(w->holder_tid), "waker",
			   jr_num(w->waker_tid)));
	add_span(t, "run queue", "wait", waiter->pid, waiter->tid, woken, end - woken, NULL);
	if (!waker)
		return end;
	add_span(t, "wakes", "wake", waker->pid, waker->tid, woken, 0, NULL);
	add(t, json_pack("{s:s, s:s, s:s, s:o, s:o, s:o, s:o}", "name", "wakes", "cat", "wake",
			 "ph", "s", "id", jr_num(id), "ts", micros(woken), "pid",
			 jr_num(waker->pid), "tid", jr_num(waker->tid)));
	add(t, json_pack("{s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:o}", "name", "wakes", "cat", "wake",
			 "ph", "f", "bp", "e", "id", jr_num(id), "ts", micros(woken), "pid",
			 jr_num(waiter->pid), "tid", jr_num(waiter->tid)));
	return end;
}

static uint64_t length(const struct record_long_wait *w)
{
	return num_sat_sub(w->end_ns, w->start_ns);
}

static int longer_first(const void *left, const void *right)
{
	uint64_t a = length(*(const struct record_long_wait *const *)left);
	uint64_t b = length(*(const struct record_long_wait *const *)right);

	return (a < b) - (a > b);
}

/* By thread, in time; of those that began together the longest first. */
static int in_time(const void *left, const void *right)
{
	const struct record_long_wait *a = *(const struct record_long_wait *const *)left;
	const struct record_long_wait *b = *(const struct record_long_wait *const *)right;

	if (a->tid != b->tid)
		return a->tid < b->tid ? -1 : 1;
	if (a->start_ns != b->start_ns)
		return a->start_ns < b->start_ns ? -1 : 1;
	return longer_first(left, right);
}

/*
 * The longest WAITS_MAX.  A wait that went on after its end was told (woken, overtaken, asleep
 * again) was told again, from its beginning: the last time counts.
 */
static void add_waits(struct trace *t)
{
	const struct snapshot *snap = t->snap;
	uint32_t len = snap->long_waits_len;
	const struct record_long_wait **order = calloc((size_t)len + 1, sizeof(*order));
	uint64_t until = 0;

	if (!order) {
		t->out->failed = true;
		return;
	}
	for (uint32_t i = 0; i < len; i++)
		order[i] = &snap->long_waits[i];
	if (len > WAITS_MAX) {
		qsort(order, len, sizeof(*order), longer_first);
		t->left_out = len - WAITS_MAX;
		len = WAITS_MAX;
	}
	qsort(order, len, sizeof(*order), in_time);
	for (uint32_t i = 0; i < len; i++) {
		bool same_thread = i && order[i]->tid == order[i - 1]->tid;
		uint64_t from = num_sat_sub(order[i]->start_ns, snap->start_ns);

		if (same_thread && order[i]->start_ns == order[i - 1]->start_ns)
			continue;
		if (same_thread)
			from = num_max_u64(from, until);
		until = add_wait(t, order[i], from, i + 1ULL);
	}
	free(order);
}

static void add_titles(struct trace *t)
{
	const struct snapshot *snap = t->snap;

	for (uint32_t i = 0; i < snap->processes_len; i++)
		add_title(t, "process_name", snap->processes[i].pid, 0, snap->processes[i].comm);
	for (uint32_t i = 0; i < snap->threads_len; i++)
		if (t->shown[i])
			add_title(t, "thread_name", snap->threads[i].pid, snap->threads[i].tid,
				  snap->threads[i].name);
}

static bool index_threads(struct trace *t)
{
	hashmap_init(&t->threads, sizeof(uint32_t));
	t->shown = calloc((size_t)t->snap->threads_len + 1, sizeof(*t->shown));
	for (uint32_t i = 0; t->shown && i < t->snap->threads_len; i++)
		if (!hashmap_put(&t->threads, &t->snap->threads[i].tid, i, NULL))
			return false;
	return t->shown != NULL;
}

int render_perfetto(const struct report *rep, const struct render_options *opt, struct strbuf *sb,
		    struct err *err)
{
	struct trace t = {.snap = rep->snap, .rep = rep, .out = sb};

	(void)opt;
	strbuf_puts(sb, "{\"displayTimeUnit\":\"ms\",\"traceEvents\":[");
	if (index_threads(&t)) {
		add_slices(&t);
		add_stalls(&t);
		add_waits(&t);
		add_titles(&t);
	} else {
		sb->failed = true;
	}
	strbuf_printf(sb,
		      "],\n\"otherData\":{\"tool\":\"concprof\",\"waits_left_out\":%" PRIu64 "}}\n",
		      t.left_out);
	hashmap_free(&t.threads);
	free(t.shown);
	if (sb->failed)
		return err_set(err, -ENOMEM, "Perfetto trace: out of memory");
	return 0;
}
