// SPDX-License-Identifier: GPL-2.0-only
#include "tests/unit/report_fixture.h"

#include "base/num.h"

#include <stdio.h>
#include <string.h>

/* Escape sequence, line break, bidirectional override, invalid byte. */
#define HOSTILE "x\033[31m\r\n\xe2\x80\xae\xff\"\\<b>"

static const uint32_t pids[] = {4711};

static const struct snap_frame flush_frames[] = {
	{.name = "fsync", .module = "/lib/libc.so.6", .offset = 0x17, .file = ""},
	{.name = "log_write_up_to",
	 .module = "/usr/sbin/mariadbd",
	 .offset = 0x812,
	 .file = "log/log0log.cc",
	 .line = 812},
	{.name = "trx_commit", .module = "/usr/sbin/mariadbd", .offset = 0x44, .file = ""},
};
static const struct snap_frame wait_frames[] = {
	{.name = "__lll_lock_wait", .module = "/lib/libc.so.6", .offset = 0x2a, .file = ""},
	{.name = "log_write_up_to", .module = "/usr/sbin/mariadbd", .offset = 0x120, .file = ""},
	{.name = "trx_commit", .module = "/usr/sbin/mariadbd", .offset = 0x44, .file = ""},
	{.name = "", .module = "/usr/sbin/mariadbd", .offset = 0xbeef0, .file = ""},
};
static const struct snap_frame page_frames[] = {
	{.name = "buf_page_get", .module = "/usr/sbin/mariadbd", .offset = 0x99, .file = ""},
	{.name = "row_search", .module = "/usr/sbin/mariadbd", .offset = 0x31, .file = ""},
};
static const struct snap_frame bare_frames[] = {
	{.name = "", .module = "", .ip = 0x7f00dead, .file = ""},
	{.name = "schedule", .module = "", .kernel = true, .file = ""},
};

static struct snap_hist hist_of(uint64_t count, unsigned bucket, uint64_t max_ns)
{
	struct snap_hist hist = {.count = count, .max_ns = max_ns};

	hist.bucket[bucket] = count;
	return hist;
}

static void run_record(struct snapshot *snap)
{
	struct record_run *run = &snap->run;

	strcpy(run->tool_version, "1.0.0");
	strcpy(run->kernel, "6.1.0-18-amd64");
	strcpy(run->command, "/usr/sbin/mariadbd --user=mysql");
	run->start_realtime_ns = 1714566896123456789ULL;
	run->start_ns = 500 * NS_PER_S;
	run->slice_ns = NS_PER_S;
	run->cpus_online = run->cpus_allowed = 2;
	run->sample_hz = 99;
	run->stall_ns = 50 * NS_PER_MS;
	run->pids_len = 1;
	run->pids[0] = 4711;
	snap->start_ns = run->start_ns + NS_PER_MS;
	snap->duration_ns = 10 * NS_PER_S;
	snap->complete = true;
	snap->end.end_ns = snap->start_ns + snap->duration_ns;
	snap->host = (struct record_host){.idle_ns = 9 * NS_PER_S, .busy_ns = 11 * NS_PER_S};
	snap->self = (struct record_self){
		.cpu_ns = 20 * NS_PER_MS,
		.bpf_ns = 40 * NS_PER_MS,
		.bpf_calls = 1000,
		.bpf_calls_ns = 250000,
		.events = 160000,
		.rss_bytes = 12 << 20,
		.map_bytes = 4 << 20,
	};
}

static void fill_threads(struct report_fixture *fix)
{
	static const uint64_t class_ms[4][CLASS_COUNT] = {
		{[CLASS_RUN] = 3100,
		 [CLASS_LOCK] = 800,
		 [CLASS_DISK] = 5200,
		 [CLASS_RUNQ_PREEMPT] = 300,
		 [CLASS_RUNQ_WAKE] = 100,
		 [CLASS_POOL_IDLE] = 500},
		{[CLASS_RUN] = 2000,
		 [CLASS_LOCK] = 7000,
		 [CLASS_RUNQ_WAKE] = 500,
		 [CLASS_POOL_IDLE] = 500},
		{[CLASS_RUN] = 1900,
		 [CLASS_LOCK] = 5400,
		 [CLASS_DISK] = 200,
		 [CLASS_NET] = 1500,
		 [CLASS_OTHER] = 100,
		 [CLASS_CLIENT_IDLE] = 900},
		{[CLASS_RUN] = 4, [CLASS_LOOP_IDLE] = 9996},
	};
	static const char *const names[] = {"con-17", "con", "con", "signal"};

	for (unsigned i = 0; i < 4; i++) {
		struct snap_thread *t = &fix->threads[i];

		*t = (struct snap_thread){.pid = 4711,
					  .tid = 4711 + i,
					  .name = names[i],
					  .start_ns = fix->snap.start_ns,
					  .lifetime_ns = 10 * NS_PER_S,
					  .cmetric_ns = (4 - i) * 700 * NS_PER_MS,
					  .voluntary_switches = 20000 >> i,
					  .involuntary_switches = 1130,
					  .wakeups = 21000 >> i};
		for (unsigned cls = 0; cls < CLASS_COUNT; cls++) {
			t->class_ns[cls] = class_ms[i][cls] * NS_PER_MS;
			fix->snap.class_ns[cls] += t->class_ns[cls];
			if (!time_class_idle(cls))
				fix->snap.non_idle_ns += t->class_ns[cls];
		}
		fix->snap.wall_thread_ns += t->lifetime_ns;
	}
	fix->snap.threads = fix->threads;
	fix->snap.threads_len = 4;
}

static void fill_processes(struct report_fixture *fix)
{
	struct snap_process *p = &fix->processes[0];

	*p = (struct snap_process){.pid = 4711,
				   .ppid = 1,
				   .comm = "mariadbd",
				   .runtime = "",
				   .runtime_version = "",
				   .libc = "glibc 2.36",
				   .threads = 4,
				   .voluntary_switches = 37500,
				   .involuntary_switches = 4520,
				   .runq = hist_of(42000, 14, 900000)};
	memcpy(p->class_ns, fix->snap.class_ns, sizeof(p->class_ns));
	fix->snap.processes = fix->processes;
	fix->snap.processes_len = 1;
}

static void fill_stacks(struct report_fixture *fix)
{
	fix->stacks[0] = (struct snap_stack){.frames_len = 2, .frames = bare_frames};
	fix->stacks[1] = (struct snap_stack){.frames_len = 3, .frames = flush_frames};
	fix->stacks[2] =
		(struct snap_stack){.frames_len = 4, .frames = wait_frames, .truncated = true};
	fix->stacks[3] = (struct snap_stack){.frames_len = 2, .frames = page_frames};
	fix->snap.stacks = fix->stacks;
	fix->snap.stacks_len = 4;
}

static void fill_main_lock(struct report_fixture *fix)
{
	struct snap_lock *l = &fix->locks[0];

	fix->waiters[0] = (struct snap_waiter){.thread = 1,
					       .stack = 2,
					       .waits = 23000,
					       .wait_ns = 7500 * NS_PER_MS,
					       .blocked_ns = 7 * NS_PER_S,
					       .open = true};
	fix->waiters[1] = (struct snap_waiter){.thread = 2,
					       .stack = 2,
					       .waits = 20100,
					       .wait_ns = 5900 * NS_PER_MS,
					       .blocked_ns = 5900 * NS_PER_MS};
	fix->holders[0] = (struct snap_holder){.thread = 0,
					       .stack = 1,
					       .evidence = HOLDER_OWNER_WORD,
					       .waits = 30000,
					       .blame_ns = 8 * NS_PER_S,
					       .main_class = CLASS_DISK};
	fix->holders[1] = (struct snap_holder){.thread = 1,
					       .stack = 2,
					       .evidence = HOLDER_WAKER,
					       .waits = 10000,
					       .blame_ns = 4 * NS_PER_S,
					       .main_class = CLASS_RUN};
	fix->holders[2] = (struct snap_holder){.thread = SNAP_NONE,
					       .stack = SNAP_NONE,
					       .evidence = HOLDER_NONE,
					       .waits = 3100,
					       .blame_ns = 900 * NS_PER_MS,
					       .main_class = CLASS_OTHER};
	*l = (struct snap_lock){.kind = LOCK_MUTEX,
				.is_lock = true,
				.name = "log_sys.mutex",
				.module = "/usr/sbin/mariadbd",
				.named = true,
				.address = 0x55d0c0ffee40,
				.pids_len = 1,
				.pids = pids,
				.waits = 43100,
				.wait_ns = 13400 * NS_PER_MS,
				.blocked_ns = 12900 * NS_PER_MS,
				.runq_ns = 500 * NS_PER_MS,
				.blame_ns = 12900 * NS_PER_MS,
				.known_blame_ns = 12 * NS_PER_S,
				.contended_ns = 8 * NS_PER_S,
				.waiters_max = 2,
				.handed_over = 40000,
				.open_waits = 1,
				.hist = hist_of(43100, 18, 41 * NS_PER_MS),
				.waiters_len = 2,
				.waiters = fix->waiters,
				.holders_len = 3,
				.holders = fix->holders};
	l->while_ns[CLASS_DISK] = 9 * NS_PER_S;
	l->while_ns[CLASS_RUN] = 3 * NS_PER_S;
}

static void fill_locks(struct report_fixture *fix)
{
	fill_main_lock(fix);
	fix->waiters[2] = (struct snap_waiter){.thread = 2,
					       .stack = 3,
					       .waits = 2120,
					       .wait_ns = 300 * NS_PER_MS,
					       .blocked_ns = 300 * NS_PER_MS,
					       .open = false};
	fix->holders[3] = (struct snap_holder){.thread = 0,
					       .stack = SNAP_NONE,
					       .evidence = HOLDER_WAKER,
					       .waits = 2120,
					       .blame_ns = 300 * NS_PER_MS,
					       .main_class = CLASS_RUN};
	fix->locks[1] = (struct snap_lock){.kind = LOCK_RWLOCK,
					   .is_lock = true,
					   .name = "buf_pool.hash[3]",
					   .module = "/usr/sbin/mariadbd",
					   .named = true,
					   .address = 0x55d0c0fff000,
					   .pids_len = 1,
					   .pids = pids,
					   .waits = 2120,
					   .wait_ns = 300 * NS_PER_MS,
					   .blocked_ns = 300 * NS_PER_MS,
					   .blame_ns = 300 * NS_PER_MS,
					   .known_blame_ns = 300 * NS_PER_MS,
					   .contended_ns = 280 * NS_PER_MS,
					   .waiters_max = 1,
					   .handed_over = 2120,
					   .hist = hist_of(2120, 17, 6 * NS_PER_MS),
					   .waiters_len = 1,
					   .waiters = &fix->waiters[2],
					   .holders_len = 1,
					   .holders = &fix->holders[3]};
	fix->locks[1].while_ns[CLASS_RUN] = 300 * NS_PER_MS;
	fix->waiters[3] = (struct snap_waiter){.thread = 0,
					       .stack = SNAP_NONE,
					       .waits = 900,
					       .wait_ns = 500 * NS_PER_MS,
					       .blocked_ns = 500 * NS_PER_MS,
					       .open = false};
	fix->locks[2] = (struct snap_lock){.kind = LOCK_CONDVAR,
					   .name = "pool.cond",
					   .module = "",
					   .address = 0x7f0011223344,
					   .pids_len = 1,
					   .pids = pids,
					   .waits = 900,
					   .wait_ns = 500 * NS_PER_MS,
					   .blocked_ns = 500 * NS_PER_MS,
					   .blame_ns = 0,
					   .hist = hist_of(900, 19, 9 * NS_PER_MS),
					   .waiters_len = 1,
					   .waiters = &fix->waiters[3]};
	fix->snap.locks = fix->locks;
	fix->snap.locks_len = 3;
}

static void fill_rest(struct report_fixture *fix)
{
	struct snapshot *snap = &fix->snap;

	fix->blocks[0] = (struct snap_block){0, CLASS_DISK, 74,		  "fsync",
					     1, 2100,	    5 * NS_PER_S, 40 * NS_PER_MS};
	fix->blocks[1] = (struct snap_block){
		2, CLASS_NET, 45, "recvfrom", 3, 300, 1500 * NS_PER_MS, 11 * NS_PER_MS};
	fix->blocks[2] = (struct snap_block){
		2, CLASS_DISK, 74, "fsync", 1, 100, 200 * NS_PER_MS, 50 * NS_PER_MS};
	fix->blocks[3] = (struct snap_block){3,	 CLASS_LOOP_IDLE,  7,	    "poll", SNAP_NONE,
					     10, 9996 * NS_PER_MS, NS_PER_S};
	snap->blocks = fix->blocks;
	snap->blocks_len = 4;
	fix->samples[0] = (struct snap_sample){0, 3, SAMPLE_USER, 310};
	fix->samples[1] = (struct snap_sample){1, 0, SAMPLE_KERNEL, 12};
	snap->samples = fix->samples;
	snap->samples_len = 2;
	fix->edges[0] = (struct snap_edge){.from_thread = 1,
					   .to_thread = 0,
					   .kind = EDGE_LOCK,
					   .waits = 30000,
					   .wait_ns = 8 * NS_PER_S};
	snap->edges = fix->edges;
	snap->edges_len = 1;
	for (unsigned i = 0; i < 2; i++) {
		fix->slices[i] = (struct snap_slice){.at_ns = i * 5 * NS_PER_S,
						     .duration_ns = 5 * NS_PER_S,
						     .host_idle_ns = NS_PER_S};
		fix->slices[i].class_ns[CLASS_LOCK] = 6600 * NS_PER_MS;
		fix->slice_bottleneck[i] = i ? "none" : "threads.lock";
	}
	snap->slices = fix->slices;
	snap->slices_len = 2;
	snap->loss[LOSS_STACK_TRUNCATED] = 7;
	snap->loss[LOSS_HOLDER_UNKNOWN] = 3100;
}

static void fill_verdict(struct report_fixture *fix)
{
	struct finding *main = &fix->verdict.main;
	struct finding *second = &fix->verdict.second;

	main->bottleneck = "threads.lock";
	main->model = "threads";
	main->fired = true;
	main->gain_ratio = 1.6;
	main->gain_share = 0.375;
	main->bound = "upper bound";
	main->limited_by = LIMIT_CPUS;
	main->lock = 0;
	main->thread = 0;
	strbuf_puts(&main->summary, "Threads wait for one lock: `log_sys.mutex` costs 41% of the "
				    "time in which the program had work.");
	strbuf_puts(&main->headline, "Threads wait for one lock: `log_sys.mutex` costs 41% of the "
				     "time in which the program had work");
	strbuf_puts(&main->cause, "held by thread con-17 in log_write_up_to, mostly while it waits "
				  "for the disk in fsync");
	strbuf_puts(&main->gain_text, "taking the flush out of this section would give up to 1.6x "
				      "(then the 2 CPUs are the limit)");
	strbuf_puts(&main->evidence[0], "43,100 waits in log_write_up_to < trx_commit, 12.9 s in "
					"all, at most 41 ms");
	strbuf_puts(&main->evidence[1], "while others waited, con-17 was blocked on the disk for "
					"70% of the time");
	main->evidence_len = 2;
	strbuf_puts(&main->next_step,
		    "group commits, or innodb_flush_log_at_trx_commit=2 if a second of loss is "
		    "acceptable.");
	second->bottleneck = "storage";
	second->model = "none";
	second->fired = true;
	second->gain_ratio = 1.2;
	second->bound = "upper bound";
	second->limited_by = LIMIT_IO;
	second->lock = second->thread = SNAP_NONE;
	strbuf_puts(&second->headline, "The disk takes 19% of the time with work");
	strbuf_puts(&second->summary, "The disk takes 19% of the time with work.");
	fix->verdict.confidence = CONFIDENCE_HIGH;
	fix->lock_gain[0] = 1.6;
	fix->lock_gain[1] = 1.01;
	fix->verdict.lock_gain = fix->lock_gain;
	fix->verdict.lock_gain_len = 3;
	fix->verdict.slice_bottleneck = fix->slice_bottleneck;
	fix->verdict.slices_len = 2;
}

void report_fixture_server(struct report_fixture *fix)
{
	memset(fix, 0, sizeof(*fix));
	run_record(&fix->snap);
	fill_threads(fix);
	fill_processes(fix);
	fill_stacks(fix);
	fill_locks(fix);
	fill_rest(fix);
	fill_verdict(fix);
	fix->rep = report_make(&fix->snap, &fix->verdict);
}

void report_fixture_loops(struct report_fixture *fix, const char *kind, const char *task)
{
	fix->loops[0] = (struct snap_loop){
		.thread = 3,
		.threads = 1,
		.kind = kind,
		.is_loop = true,
		.fds_max = 12,
		.observed_ns = 10 * NS_PER_S,
		.turns = 2000,
		.busy_ns = 4 * NS_PER_S,
		.idle_ns = 6 * NS_PER_S,
		.part_ns = {[PART_RUN] = 3 * NS_PER_S, [PART_BLOCKING] = NS_PER_S},
		.hist = hist_of(2000, 20, 200 * NS_PER_MS),
		.added_mean_ns = 12500 * NS_PER_US,
		.late_ns = 150 * NS_PER_MS,
		.stalls = 3,
		.stall_part_ns = {[PART_RUN] = 300 * NS_PER_MS, [PART_BLOCKING] = 100 * NS_PER_MS}};
	fix->loops[1] = (struct snap_loop){.thread = 0,
					   .threads = 3,
					   .kind = "poll",
					   .observed_ns = 30 * NS_PER_S,
					   .turns = 50,
					   .busy_ns = 20 * NS_PER_S,
					   .stalls = 1};
	fix->stalls[0] = (struct snap_stall){
		.loop = 0,
		.thread = 3,
		.at_ns = 2 * NS_PER_S,
		.duration_ns = 200 * NS_PER_MS,
		.part_ns = {[PART_RUN] = 150 * NS_PER_MS, [PART_RUNQ] = 50 * NS_PER_MS},
		.cause = PART_RUN,
		.stack = 3,
		.syscall_name = "",
		.task = task};
	fix->stalls[1] = (struct snap_stall){.loop = 1,
					     .thread = 0,
					     .duration_ns = 150 * NS_PER_MS,
					     .part_ns = {[PART_SLEEP] = 150 * NS_PER_MS},
					     .cause = PART_SLEEP,
					     .stack = SNAP_NONE,
					     .syscall_name = "",
					     .task = ""};
	fix->stalls[2] = (struct snap_stall){.loop = 0,
					     .thread = 3,
					     .at_ns = 9900 * NS_PER_MS,
					     .duration_ns = 100 * NS_PER_MS,
					     .part_ns = {[PART_BLOCKING] = 100 * NS_PER_MS},
					     .cause = PART_BLOCKING,
					     .stack = 1,
					     .syscall_name = "fsync",
					     .task = "",
					     .open = true};
	fix->snap.loops = fix->loops;
	fix->snap.loops_len = 2;
	fix->snap.stalls = fix->stalls;
	fix->snap.stalls_len = 3;
}

void report_fixture_hostile(struct report_fixture *fix)
{
	static const struct snap_frame frame = {
		.name = HOSTILE, .module = HOSTILE, .file = HOSTILE, .line = 7};

	report_fixture_server(fix);
	snprintf(fix->snap.run.command, sizeof(fix->snap.run.command), "%s", HOSTILE);
	snprintf(fix->snap.run.kernel, sizeof(fix->snap.run.kernel), "%s", HOSTILE);
	memset(fix->snap.run.tool_version, '\x1b', sizeof(fix->snap.run.tool_version));
	fix->processes[0].comm = fix->processes[0].libc = HOSTILE;
	fix->processes[0].runtime = fix->processes[0].runtime_version = HOSTILE;
	for (unsigned i = 0; i < 4; i++) {
		fix->threads[i].name = HOSTILE;
		fix->stacks[i] = (struct snap_stack){.frames_len = 1, .frames = &frame};
		fix->blocks[i].syscall_name = HOSTILE;
	}
	for (unsigned i = 0; i < 3; i++)
		fix->locks[i].name = fix->locks[i].module = HOSTILE;
	strbuf_puts(&fix->verdict.main.summary, HOSTILE);
	strbuf_puts(&fix->verdict.main.headline, HOSTILE);
	strbuf_puts(&fix->verdict.main.cause, HOSTILE);
	strbuf_puts(&fix->verdict.main.gain_text, HOSTILE);
	strbuf_puts(&fix->verdict.main.evidence[0], HOSTILE);
	strbuf_puts(&fix->verdict.main.next_step, HOSTILE);
	strbuf_puts(&fix->verdict.second.summary, HOSTILE);
	strbuf_puts(&fix->verdict.confidence_why, HOSTILE);
}

void report_fixture_idle(struct report_fixture *fix)
{
	struct finding *main = &fix->verdict.main;

	memset(fix, 0, sizeof(*fix));
	run_record(&fix->snap);
	fix->threads[0] = (struct snap_thread){
		.pid = 4711, .tid = 4711, .name = "httpd", .lifetime_ns = 10 * NS_PER_S};
	fix->threads[0].class_ns[CLASS_CLIENT_IDLE] = 9700 * NS_PER_MS;
	fix->threads[0].class_ns[CLASS_RUN] = 300 * NS_PER_MS;
	memcpy(fix->snap.class_ns, fix->threads[0].class_ns, sizeof(fix->snap.class_ns));
	fix->snap.wall_thread_ns = 10 * NS_PER_S;
	fix->snap.non_idle_ns = 300 * NS_PER_MS;
	fix->snap.threads = fix->threads;
	fix->snap.threads_len = 1;
	fix->processes[0] = (struct snap_process){.pid = 4711,
						  .comm = "httpd",
						  .runtime = "",
						  .runtime_version = "",
						  .libc = "",
						  .threads = 1};
	fix->snap.processes = fix->processes;
	fix->snap.processes_len = 1;
	main->bottleneck = "idle";
	main->model = "none";
	main->limited_by = LIMIT_NONE;
	main->lock = main->thread = SNAP_NONE;
	strbuf_puts(&main->headline, "Idle: waiting for requests 97% of the time");
	strbuf_puts(&main->summary, "Idle: waiting for requests 97% of the time.");
	fix->verdict.second.lock = fix->verdict.second.thread = SNAP_NONE;
	fix->verdict.second.limited_by = LIMIT_NONE;
	fix->verdict.confidence = CONFIDENCE_MEDIUM;
	strbuf_puts(&fix->verdict.confidence_why, "only 20 events");
	fix->rep = report_make(&fix->snap, &fix->verdict);
}

static void free_finding(struct finding *finding)
{
	strbuf_free(&finding->headline);
	strbuf_free(&finding->cause);
	strbuf_free(&finding->gain_text);
	strbuf_free(&finding->summary);
	strbuf_free(&finding->next_step);
	for (unsigned i = 0; i < FINDING_EVIDENCE_MAX; i++)
		strbuf_free(&finding->evidence[i]);
}

void report_fixture_free(struct report_fixture *fix)
{
	free_finding(&fix->verdict.main);
	free_finding(&fix->verdict.second);
	strbuf_free(&fix->verdict.confidence_why);
}
