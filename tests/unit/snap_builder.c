// SPDX-License-Identifier: GPL-2.0-only
#include "tests/unit/snap_builder.h"

#include "base/num.h"
#include "model/python_word.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t ns(double seconds)
{
	return (uint64_t)(seconds * (double)NS_PER_S + 0.5);
}

struct snap_builder *build_new(double seconds, unsigned cpus)
{
	struct snap_builder *b = calloc(1, sizeof(*b));

	ck_assert_ptr_nonnull(b);
	b->snap.duration_ns = ns(seconds);
	b->snap.run.cpus_online = cpus;
	b->snap.run.cpus_allowed = cpus;
	b->snap.complete = true;
	b->slices_planned = 10;
	return b;
}

void build_free(struct snap_builder *b)
{
	free(b);
}

uint32_t build_process(struct snap_builder *b, uint32_t parent)
{
	uint32_t i = b->snap.processes_len++;

	ck_assert_uint_lt(i, BUILD_PROCESSES);
	b->processes[i] = (struct snap_process){.pid = 100 + i,
						.ppid = parent,
						.comm = "python3",
						.runtime = "",
						.runtime_version = "",
						.libc = ""};
	return 100 + i;
}

uint32_t build_thread(struct snap_builder *b, const char *name)
{
	uint32_t process = b->snap.processes_len ? b->snap.processes_len - 1 : 0;
	uint32_t i = b->snap.threads_len++;

	ck_assert_uint_lt(i, BUILD_THREADS);
	b->threads[i] = (struct snap_thread){
		.pid = 100 + process, .tid = 100 + i, .process = process, .name = name};
	return i;
}

uint32_t build_threads(struct snap_builder *b, const char *name, unsigned count)
{
	uint32_t first = b->snap.threads_len;

	while (count-- > 0)
		build_thread(b, name);
	return first;
}

void build_time(struct snap_builder *b, uint32_t thread, enum time_class cls, double s)
{
	b->threads[thread].class_ns[cls] += ns(s);
	b->threads[thread].lifetime_ns += ns(s);
}

void build_switches(struct snap_builder *b, uint32_t thread, uint64_t count)
{
	b->threads[thread].voluntary_switches += count;
	b->threads[thread].wakeups += count;
}

void build_idle_holder(struct snap_builder *b, double s)
{
	b->extra_non_idle_ns += ns(s);
}

/* Files of Python frames, by what a frame's text begins with. */
static const struct {
	const char *begin, *file;
} python_files[] = {
	{"queues.py!", "/usr/lib/python3.11/multiprocessing/queues.py"},
	{"connection.py!", "/usr/lib/python3.11/multiprocessing/connection.py"},
	{"reduction.py!", "/usr/lib/python3.11/multiprocessing/reduction.py"},
	{"synchronize.py!", "/usr/lib/python3.11/multiprocessing/synchronize.py"},
	{"pool.py!", "/usr/lib/python3.11/multiprocessing/pool.py"},
	{"process.py!", "/usr/lib/python3.11/concurrent/futures/process.py"},
	{"mine.py!", "/srv/multiprocessing/mine.py"},
	{"myqueues.py!", "/srv/multiprocessing/myqueues.py"},
};

static const char *python_file(const char *text)
{
	for (size_t i = 0; i < ARRAY_LEN(python_files); i++)
		if (!strncmp(text, python_files[i].begin, strlen(python_files[i].begin)))
			return python_files[i].file;
	return "";
}

static const char *module_of(const char *text)
{
	static const struct {
		const char *begin, *module;
	} modules[] = {
		{"libc!", "/usr/lib/libc.so.6"},
		{"libstdc++!", "libstdc++.so.6"},
		{"python!", "/usr/bin/python3.11"},
		{"libpython!", "/opt/py/lib/libpython3.12.so.1.0"},
		{"_queue!", "/usr/lib/python3.11/lib-dynload/"
			    "_queue.cpython-311-x86_64-linux-gnu.so"},
		{"_socket!", "/usr/lib/python3.11/lib-dynload/"
			     "_socket.cpython-311-x86_64-linux-gnu.so"},
		{"_fast!", "/srv/lib/_fast.cpython-311-x86_64-linux-gnu.so"},
		{"libjvm!", "/usr/lib/jvm/lib/server/libjvm.so"},
		{"_pickle!",
		 "/usr/lib/python3.11/lib-dynload/_pickle.cpython-311-x86_64-linux-gnu.so"},
		{"_multiprocessing!", "/usr/lib/python3.11/lib-dynload/"
				      "_multiprocessing.cpython-311-x86_64-linux-gnu.so"},
		{"!", ""},
	};

	for (size_t i = 0; i < ARRAY_LEN(modules); i++)
		if (!strncmp(text, modules[i].begin, strlen(modules[i].begin)))
			return modules[i].module;
	return *python_file(text) ? "" : "/usr/bin/app";
}

uint32_t build_stack(struct snap_builder *b, const char *const *frames)
{
	uint32_t i = b->snap.stacks_len++;
	struct snap_stack *stack = &b->stacks[i];

	ck_assert_uint_lt(i, BUILD_STACKS);
	stack->frames = b->frames[i];
	for (; *frames; frames++) {
		struct snap_frame *frame = &b->frames[i][stack->frames_len];
		const char *name = strchr(*frames, '!');

		ck_assert_uint_lt(stack->frames_len, BUILD_FRAMES);
		ck_assert_ptr_nonnull(name);
		frame->name = name + 1;
		frame->ip = 0x1000ULL * (i + 1) + stack->frames_len++;
		frame->offset = 0x12;
		frame->file = python_file(*frames);
		frame->python = *frame->file;
		/* modules are few: literals, so that nothing has to be freed */
		frame->kernel = !strncmp(*frames, "kernel!", 7);
		frame->module = frame->kernel ? "[kernel]" : module_of(*frames);
	}
	return i;
}

/* "a.py!f:12" in @text, which is cut up, to @frame; @file has room for the file's name. */
static void python_frame(struct snap_frame *frame, const char *library, char *text,
			 char file[static 96])
{
	char *name = strchr(text, '!'), *line = strrchr(text, ':');

	*name++ = '\0';
	if (line && line > name) {
		*line++ = '\0';
		frame->line = (uint32_t)strtoul(line, NULL, 10);
	}
	ck_assert_int_lt(snprintf(file, 96, "%s%s%s", *text == '/' ? "" : library,
				  *text == '/' ? "" : "/", text),
			 96);
	frame->python = true;
	frame->name = name;
	frame->module = "";
	frame->file = file;
}

uint32_t build_trace(struct snap_builder *b, const char *library, const char *trace)
{
	static const char between[] = " < ";
	uint32_t i = b->snap.stacks_len++, len = 0;
	char *next = b->traces[i];

	ck_assert_uint_lt(i, BUILD_STACKS);
	ck_assert_uint_lt(strlen(trace), BUILD_TRACE);
	strcpy(next, trace);
	for (char *text = next; next; text = next, len++) {
		struct snap_frame *frame = &b->frames[i][len];

		ck_assert_uint_lt(len, BUILD_FRAMES);
		next = strstr(text, between);
		if (next) {
			*next = '\0';
			next += strlen(between);
		}
		frame->ip = 0x1000ULL * (i + 1) + len;
		if (strstr(text, ".py!")) {
			frame->ip |= PYTHON_WORD_MARK;
			python_frame(frame, library, text, b->files[i][len]);
			continue;
		}
		ck_assert_ptr_nonnull(strchr(text, '!'));
		frame->kernel = !strncmp(text, "kernel!", 7);
		frame->name = strchr(text, '!') + 1;
		frame->module = frame->kernel ? "[kernel]" : module_of(text);
		frame->offset = 0x12;
		frame->file = "";
	}
	b->stacks[i] = (struct snap_stack){.frames = b->frames[i], .frames_len = len};
	return i;
}

uint32_t build_lock(struct snap_builder *b, const char *name, enum lock_kind kind, bool is_lock)
{
	uint32_t i = b->snap.locks_len++;

	ck_assert_uint_lt(i, BUILD_LOCKS);
	b->locks[i] = (struct snap_lock){.kind = kind,
					 .is_lock = is_lock,
					 .name = name,
					 .module = "app",
					 .named = true,
					 .waiters = b->waiters[i],
					 .holdings = b->holdings[i],
					 .holders = b->holders[i]};
	return i;
}

void build_wait(struct snap_builder *b, uint32_t lock, uint32_t thread, uint64_t waits, double s,
		uint32_t stack)
{
	struct snap_lock *l = &b->locks[lock];

	ck_assert_uint_lt(l->waiters_len, BUILD_PER_LOCK);
	b->waiters[lock][l->waiters_len++] =
		(struct snap_waiter){.thread = thread,
				     .stack = stack,
				     .waits = waits,
				     .wait_ns = ns(s),
				     .blocked_ns = ns(s),
				     .longest_ns = waits ? ns(s) / waits : 0};
	l->waits += waits;
	l->wait_ns += ns(s);
	l->blocked_ns += ns(s);
	l->blame_ns += ns(s);
	if (!l->is_lock)
		l->peer_ns += ns(s);
	l->hist.count += waits;
	l->hist.max_ns = num_max_u64(l->hist.max_ns, waits ? ns(s) / waits : 0);
	if (waits)
		l->hist.bucket[20] += waits;
}

void build_hold(struct snap_builder *b, uint32_t lock, uint32_t thread, double s,
		enum time_class cls, uint32_t stack)
{
	struct snap_lock *l = &b->locks[lock];
	struct snap_holder *h = &b->holders[lock][l->holders_len++];

	ck_assert_uint_le(l->holders_len, BUILD_PER_LOCK);
	*h = (struct snap_holder){.thread = thread,
				  .stack = stack,
				  .evidence = HOLDER_OWNER_WORD,
				  .waits = 1,
				  .blame_ns = ns(s),
				  .main_class = cls};
	if (thread == SNAP_NONE)
		return;
	h->while_ns[cls] = ns(s);
	l->while_ns[cls] += ns(s);
	l->known_blame_ns += ns(s);
}

void build_seen(struct snap_builder *b, uint32_t lock, uint32_t thread, uint32_t stack,
		uint64_t count, double s, uint64_t kept)
{
	struct snap_lock *l = &b->locks[lock];
	struct snap_holding *h = &b->holdings[lock][l->holdings_len];

	ck_assert_uint_lt(l->holdings_len, BUILD_HOLDINGS);
	ck_assert(!l->holdings_len || h[-1].kind != HOLDING_SEEN || h[-1].ns >= ns(s));
	l->holdings_len++;
	*h = (struct snap_holding){.thread = thread,
				   .stack = stack,
				   .kind = HOLDING_SEEN,
				   .count = count,
				   .ns = ns(s),
				   .kept = kept};
}

void build_contended(struct snap_builder *b, uint32_t lock, double s)
{
	b->locks[lock].contended_ns = ns(s);
}

void build_block(struct snap_builder *b, uint32_t thread, enum time_class cls, const char *syscall,
		 uint32_t stack, uint64_t count, double s)
{
	ck_assert_uint_lt(b->snap.blocks_len, BUILD_ROWS);
	b->blocks[b->snap.blocks_len++] = (struct snap_block){.thread = thread,
							      .cls = cls,
							      .syscall_name = syscall,
							      .stack = stack,
							      .count = count,
							      .ns = ns(s)};
}

void build_sample(struct snap_builder *b, uint32_t thread, uint32_t stack, uint64_t count)
{
	build_sample_of(b, thread, stack, SAMPLE_USER, count);
}

void build_sample_of(struct snap_builder *b, uint32_t thread, uint32_t stack, enum sample_kind kind,
		     uint64_t count)
{
	ck_assert_uint_lt(b->snap.samples_len, BUILD_ROWS);
	b->samples[b->snap.samples_len++] = (struct snap_sample){thread, stack, kind, count};
}

void build_pipe(struct snap_builder *b, uint32_t from, uint32_t to, enum edge_kind kind,
		uint64_t waits, double s)
{
	ck_assert_uint_lt(b->snap.edges_len, BUILD_ROWS);
	b->edges[b->snap.edges_len++] = (struct snap_edge){.from_thread = from,
							   .to_thread = to,
							   .kind = kind,
							   .waits = waits,
							   .wait_ns = ns(s)};
}

void build_edge(struct snap_builder *b, uint32_t from, uint32_t to, double s)
{
	ck_assert_uint_lt(b->snap.edges_len, BUILD_ROWS);
	b->edges[b->snap.edges_len++] = (struct snap_edge){.from_thread = from,
							   .to_thread = to,
							   .kind = EDGE_PEER,
							   .waits = 1,
							   .wait_ns = ns(s)};
}

void build_host(struct snap_builder *b, double idle_s, double busy_s)
{
	b->snap.host.idle_ns = ns(idle_s);
	b->snap.host.busy_ns = ns(busy_s);
}

void build_backlog(struct snap_builder *b, uint32_t waiting)
{
	b->listener = (struct snap_listener){.name = "port 8000",
					     .looks = b->slices_planned,
					     .looks_waiting = waiting,
					     .waiting_sum = 5ULL * waiting,
					     .waiting_max = waiting ? 5 : 0};
	b->snap.listeners = &b->listener;
	b->snap.listeners_len = 1;
}

#define STALL_MS 50
#define LATE_NS (100 * NS_PER_MS)

uint32_t build_loop(struct snap_builder *b, uint32_t thread, const char *kind)
{
	uint32_t i = b->snap.loops_len++;

	ck_assert_uint_lt(i, BUILD_LOOPS);
	b->snap.run.stall_ns = STALL_MS * NS_PER_MS;
	b->loops[i] = (struct snap_loop){.thread = thread,
					 .threads = 1,
					 .kind = kind,
					 .is_loop = true,
					 .fds_max = 5,
					 .observed_ns = b->snap.duration_ns,
					 .idle_ns = b->snap.duration_ns};
	return i;
}

void build_turns(struct snap_builder *b, uint32_t loop, uint64_t count, double ms,
		 enum loop_part part)
{
	struct snap_loop *l = &b->loops[loop];
	uint64_t turn_ns = ns(ms / 1000);
	unsigned bucket = 63 - (unsigned)__builtin_clzll(turn_ns | 1);

	l->turns += count;
	l->busy_ns += count * turn_ns;
	l->idle_ns = l->observed_ns - l->busy_ns;
	l->part_ns[part] += count * turn_ns;
	l->late_ns += count * num_sat_sub(turn_ns, LATE_NS);
	l->hist.count += count;
	l->hist.bucket[bucket] += count;
	l->hist.max_ns = num_max_u64(l->hist.max_ns, turn_ns);
	if (turn_ns >= STALL_MS * NS_PER_MS) {
		l->stalls += count;
		l->stall_part_ns[part] += count * turn_ns;
	}
	b->loop_square_us[loop] += count * (turn_ns / NS_PER_US) * (turn_ns / NS_PER_US);
	l->added_mean_ns =
		num_to_u64((double)b->loop_square_us[loop] * 1e6 / (2.0 * (double)l->observed_ns));
}

void build_stall(struct snap_builder *b, uint32_t loop, double ms, enum loop_part part,
		 uint32_t stack, const char *syscall)
{
	uint32_t i = b->snap.stalls_len++;

	ck_assert_uint_lt(i, BUILD_ROWS);
	b->stalls[i] = (struct snap_stall){.loop = loop,
					   .thread = b->loops[loop].thread,
					   .duration_ns = ns(ms / 1000),
					   .cause = part,
					   .stack = stack,
					   .syscall_name = syscall,
					   .task = ""};
	b->stalls[i].part_ns[part] = b->stalls[i].duration_ns;
}

struct snap_builder *build_workers(const struct build_each *each)
{
	struct snap_builder *b = build_new(10, 2);
	uint32_t first = build_threads(b, "worker", each->count);

	for (uint32_t i = 0; i < each->count; i++) {
		build_time(b, first + i, CLASS_RUN, each->run);
		build_time(b, first + i, CLASS_RUNQ_PREEMPT, each->runq);
		build_time(b, first + i, CLASS_LOCK, each->lock);
		build_time(b, first + i, CLASS_CLIENT_IDLE, each->idle);
		build_switches(b, first + i, 1000);
	}
	return b;
}

uint32_t build_lock_for_all(struct snap_builder *b, const char *name, double contended_s)
{
	uint32_t lock = build_lock(b, name, LOCK_MUTEX, true);

	for (uint32_t i = 0; i < b->snap.threads_len; i++) {
		double s = (double)b->threads[i].class_ns[CLASS_LOCK] / (double)NS_PER_S;

		build_wait(b, lock, i, 1000, s, SNAP_NONE);
		build_hold(b, lock, i, s, CLASS_RUN, SNAP_NONE);
	}
	build_contended(b, lock, contended_s);
	return lock;
}

static void sum_threads(struct snap_builder *b)
{
	struct snapshot *snap = &b->snap;

	for (uint32_t i = 0; i < snap->threads_len; i++) {
		for (int c = 0; c < CLASS_COUNT; c++) {
			snap->class_ns[c] += b->threads[i].class_ns[c];
			snap->wall_thread_ns += b->threads[i].class_ns[c];
			if (!time_class_idle((enum time_class)c))
				snap->non_idle_ns += b->threads[i].class_ns[c];
		}
	}
	snap->non_idle_ns += b->extra_non_idle_ns;
}

static void sum_processes(struct snap_builder *b)
{
	for (uint32_t i = 0; i < b->snap.threads_len; i++) {
		struct snap_process *p = &b->processes[b->threads[i].process];

		p->threads++;
		for (int c = 0; c < CLASS_COUNT; c++)
			p->class_ns[c] += b->threads[i].class_ns[c];
	}
}

static void fill_slices(struct snap_builder *b)
{
	struct snapshot *snap = &b->snap;
	uint32_t len = b->slices_planned;
	uint64_t top_run = 0;

	ck_assert_uint_le(len, BUILD_SLICES);
	snap->slices_len = len;
	for (uint32_t i = 0; i < snap->threads_len; i++)
		top_run = num_max_u64(top_run, b->threads[i].class_ns[CLASS_RUN]);
	for (uint32_t i = 0; i < len; i++) {
		struct snap_slice *slice = &b->slices[i];

		slice->duration_ns = snap->duration_ns / len;
		for (uint32_t k = 0; k < snap->loops_len; k++) {
			slice->loop_square_us += b->loop_square_us[k] / len;
			slice->loop_stalls += b->loops[k].stalls / len;
		}
		slice->waiting = i < b->listener.looks_waiting ? 5 : 0;
		slice->at_ns = i * slice->duration_ns;
		if (i < b->slices_quiet) {
			slice->class_ns[CLASS_POOL_IDLE] = snap->wall_thread_ns / len;
			slice->host_idle_ns = slice->duration_ns * snap->run.cpus_online;
			continue;
		}
		for (int c = 0; c < CLASS_COUNT; c++)
			slice->class_ns[c] = snap->class_ns[c] / len;
		slice->host_idle_ns = snap->host.idle_ns / len;
		slice->throttled_ns = snap->host.throttled_ns / len;
		slice->top_thread_run_ns = top_run / len;
		if (snap->locks_len > 0)
			slice->top_lock_blocked_ns = b->locks[0].blocked_ns / len;
	}
}

const struct snapshot *build_finish(struct snap_builder *b)
{
	struct snapshot *snap = &b->snap;

	sum_threads(b);
	fill_slices(b);
	if (!snap->processes_len) {
		build_process(b, 0);
		b->processes[0].comm = "app";
	}
	sum_processes(b);
	snap->processes = b->processes;
	snap->threads = b->threads;
	snap->locks = b->locks;
	snap->stacks = b->stacks;
	snap->blocks = b->blocks;
	snap->samples = b->samples;
	snap->edges = b->edges;
	snap->slices = b->slices;
	snap->loops = b->loops;
	snap->stalls = b->stalls;
	return snap;
}
