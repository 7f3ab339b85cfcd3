// SPDX-License-Identifier: GPL-2.0-only
#include "report/columns.h"

#include "base/num.h"
#include "base/strbuf.h"
#include "base/units.h"
#include "model/held.h"
#include "report/columns_tree.h"
#include "report/derived.h"

#include <inttypes.h>
#include <stdlib.h>

/* A single thread with this share of a lock's blame is named alone. */
#define MAIN_HOLDER_RATIO 0.9

static double per_second(const struct report *rep, uint64_t count)
{
	return num_ratio((double)count * (double)NS_PER_S, (double)rep->snap->duration_ns);
}

/* Locks */

static const struct snap_lock *lock_at(const struct report *rep, uint32_t row)
{
	return &rep->snap->locks[row];
}

static void lock_name(struct strbuf *sb, const struct report *rep, uint32_t row)
{
	strbuf_puts(sb, lock_at(rep, row)->name);
}

static void lock_kind(struct strbuf *sb, const struct report *rep, uint32_t row)
{
	strbuf_puts(sb, lock_kind_name(lock_at(rep, row)->kind));
}

static double lock_rate(const struct report *rep, uint32_t row)
{
	return per_second(rep, lock_at(rep, row)->waits);
}

static double lock_wait(const struct report *rep, uint32_t row)
{
	return (double)lock_at(rep, row)->wait_ns;
}

static double lock_p50(const struct report *rep, uint32_t row)
{
	return (double)snap_hist_quantile(&lock_at(rep, row)->hist, 0.5);
}

static double lock_p99(const struct report *rep, uint32_t row)
{
	return (double)snap_hist_quantile(&lock_at(rep, row)->hist, 0.99);
}

static double lock_max(const struct report *rep, uint32_t row)
{
	return (double)lock_at(rep, row)->hist.max_ns;
}

static double lock_gain(const struct report *rep, uint32_t row)
{
	const struct verdict *verdict = rep->verdict;

	return row < verdict->lock_gain_len ? verdict->lock_gain[row] : 0;
}

/* Known threads that caused waiting beside @main; 0 where that caused nearly all.  -1: no memory.
 */
static int64_t other_holders(const struct snapshot *snap, const struct snap_lock *lock,
			     uint32_t main)
{
	bool *seen = calloc((size_t)snap->threads_len + 1, sizeof(*seen));
	uint64_t main_ns = 0;
	int64_t others = 0;

	if (!seen)
		return -1;
	for (uint32_t i = 0; i < lock->holders_len; i++) {
		const struct snap_holder *holder = &lock->holders[i];

		if (holder->thread >= snap->threads_len || !holder->blame_ns)
			continue;
		if (holder->thread == main)
			main_ns = num_sat_add(main_ns, holder->blame_ns);
		else
			others += !seen[holder->thread];
		seen[holder->thread] = true;
	}
	free(seen);
	return (double)main_ns >= MAIN_HOLDER_RATIO * (double)lock->blame_ns ? 0 : others;
}

static enum time_class main_class(const struct snap_lock *lock)
{
	enum time_class main = CLASS_OTHER;

	for (unsigned cls = 0; cls < CLASS_COUNT; cls++)
		if (lock->while_ns[cls] > lock->while_ns[main])
			main = (enum time_class)cls;
	return main;
}

/* "con-17 (disk)", "w-1 +3 (running)": with several holders, what they did is over all of them. */
static void lock_held_by(struct strbuf *sb, const struct report *rep, uint32_t row)
{
	const struct snapshot *snap = rep->snap;
	const struct snap_lock *lock = lock_at(rep, row);
	uint32_t top = snap_held_of(snap, lock).thread;
	int64_t others;

	if (top == SNAP_NONE) {
		strbuf_puts(sb, lock->blame_ns ? "unknown" : "-");
		return;
	}
	others = other_holders(snap, lock, top);
	sb->failed |= others < 0;
	report_thread(sb, snap, top);
	if (others > 0)
		strbuf_printf(sb, " +%" PRId64, others);
	strbuf_printf(sb, " (%s)", while_name(main_class(lock)));
}

static void lock_waiting_in(struct strbuf *sb, const struct report *rep, uint32_t row)
{
	const struct snap_lock *lock = lock_at(rep, row);

	for (uint32_t i = 0; i < lock->waiters_len; i++)
		if (lock->waiters[i].stack != SNAP_NONE) {
			report_call_site(sb, rep->snap, lock->waiters[i].stack);
			return;
		}
	report_call_site(sb, rep->snap, SNAP_NONE);
}

/* Threads */

static const struct snap_thread *thread_at(const struct report *rep, uint32_t row)
{
	return &rep->snap->threads[row];
}

static void thread_name(struct strbuf *sb, const struct report *rep, uint32_t row)
{
	report_thread(sb, rep->snap, row);
}

static void thread_process(struct strbuf *sb, const struct report *rep, uint32_t row)
{
	strbuf_printf(sb, "%" PRIu32, thread_at(rep, row)->pid);
}

static double thread_switches(const struct report *rep, uint32_t row)
{
	const struct snap_thread *thread = thread_at(rep, row);

	return per_second(rep,
			  num_sat_add(thread->voluntary_switches, thread->involuntary_switches));
}

static double thread_cmetric(const struct report *rep, uint32_t row)
{
	return (double)thread_at(rep, row)->cmetric_ns;
}

/* Processes */

static const struct snap_process *process_at(const struct report *rep, uint32_t row)
{
	return &rep->snap->processes[row];
}

static void process_name(struct strbuf *sb, const struct report *rep, uint32_t row)
{
	const struct snap_process *process = process_at(rep, row);

	strbuf_printf(sb, "%s (%" PRIu32 ")", process->comm, process->pid);
}

static void process_runtime(struct strbuf *sb, const struct report *rep, uint32_t row)
{
	const struct snap_process *process = process_at(rep, row);

	if (!*process->runtime)
		strbuf_puts(sb, "-");
	else if (!*process->runtime_version)
		strbuf_puts(sb, process->runtime);
	else
		strbuf_printf(sb, "%s %s", process->runtime, process->runtime_version);
}

static double process_threads(const struct report *rep, uint32_t row)
{
	return process_at(rep, row)->threads;
}

static double process_switches(const struct report *rep, uint32_t row)
{
	const struct snap_process *process = process_at(rep, row);

	return per_second(rep,
			  num_sat_add(process->voluntary_switches, process->involuntary_switches));
}

static double process_runq_p99(const struct report *rep, uint32_t row)
{
	return (double)snap_hist_quantile(&process_at(rep, row)->runq, 0.99);
}

static double process_forks(const struct report *rep, uint32_t row)
{
	return (double)process_at(rep, row)->forks;
}

static double process_execs(const struct report *rep, uint32_t row)
{
	return (double)process_at(rep, row)->execs;
}

/* Shares of a thread's or a process's time, one pair of functions a group of classes. */

static double group_ratio(const uint64_t *class_ns, enum time_group group)
{
	uint64_t all = 0;

	for (unsigned cls = 0; cls < CLASS_COUNT; cls++)
		all = num_sat_add(all, class_ns[cls]);
	return num_ratio((double)time_group_ns(group, class_ns), (double)all);
}

#define SHARE(name, group)                                                   \
	static double thread_##name(const struct report *rep, uint32_t row)  \
	{                                                                    \
		return group_ratio(thread_at(rep, row)->class_ns, group);    \
	}                                                                    \
	static double process_##name(const struct report *rep, uint32_t row) \
	{                                                                    \
		return group_ratio(process_at(rep, row)->class_ns, group);   \
	}
SHARE(run, GROUP_RUN)
SHARE(lock, GROUP_LOCK)
SHARE(gil, GROUP_GIL)
SHARE(disk, GROUP_DISK)
SHARE(net, GROUP_NET)
SHARE(peer, GROUP_PEER)
SHARE(runq, GROUP_RUNQ)
SHARE(other, GROUP_OTHER)
SHARE(idle, GROUP_IDLE)

/* Loops */

static const struct snap_loop *loop_at(const struct report *rep, uint32_t row)
{
	return &rep->snap->loops[row];
}

/* "gateway", "worker-3 +7": of several threads with one descriptor the one with the most turns. */
static void loop_name(struct strbuf *sb, const struct report *rep, uint32_t row)
{
	const struct snap_loop *loop = loop_at(rep, row);

	report_thread(sb, rep->snap, loop->thread);
	if (loop->threads > 1)
		strbuf_printf(sb, " +%" PRIu32, loop->threads - 1);
}

static void loop_kind(struct strbuf *sb, const struct report *rep, uint32_t row)
{
	strbuf_puts(sb, loop_at(rep, row)->kind);
}

static double loop_busy(const struct report *rep, uint32_t row)
{
	const struct snap_loop *loop = loop_at(rep, row);

	return num_ratio((double)loop->busy_ns, (double)loop->observed_ns);
}

static double loop_turns(const struct report *rep, uint32_t row)
{
	return per_second(rep, loop_at(rep, row)->turns);
}

static double loop_p50(const struct report *rep, uint32_t row)
{
	return (double)snap_hist_quantile(&loop_at(rep, row)->hist, 0.5);
}

static double loop_p99(const struct report *rep, uint32_t row)
{
	return (double)snap_hist_quantile(&loop_at(rep, row)->hist, 0.99);
}

static double loop_max(const struct report *rep, uint32_t row)
{
	return (double)loop_at(rep, row)->hist.max_ns;
}

static double loop_added(const struct report *rep, uint32_t row)
{
	return (double)loop_at(rep, row)->added_mean_ns;
}

static double loop_stalls(const struct report *rep, uint32_t row)
{
	return (double)loop_at(rep, row)->stalls;
}

/* "run 71%", of the stalls; "-" without any. */
static void loop_stalled_by(struct strbuf *sb, const struct report *rep, uint32_t row)
{
	const uint64_t *part_ns = loop_at(rep, row)->stall_part_ns;
	enum loop_part main = PART_RUN;
	uint64_t all = 0;

	for (unsigned part = 0; part < PART_COUNT; part++) {
		all = num_sat_add(all, part_ns[part]);
		if (part_ns[part] > part_ns[main])
			main = (enum loop_part)part;
	}
	if (!all) {
		strbuf_putc(sb, '-');
		return;
	}
	strbuf_printf(sb, "%s ", loop_part_name(main));
	units_percent(sb, num_ratio((double)part_ns[main], (double)all));
}

/* Stalls */

static const struct snap_stall *stall_at(const struct report *rep, uint32_t row)
{
	return &rep->snap->stalls[row];
}

static void stall_name(struct strbuf *sb, const struct report *rep, uint32_t row)
{
	report_thread(sb, rep->snap, stall_at(rep, row)->thread);
}

static double stall_when(const struct report *rep, uint32_t row)
{
	return (double)stall_at(rep, row)->at_ns;
}

static double stall_duration(const struct report *rep, uint32_t row)
{
	return (double)stall_at(rep, row)->duration_ns;
}

static void stall_cause(struct strbuf *sb, const struct report *rep, uint32_t row)
{
	strbuf_puts(sb, loop_part_name(stall_at(rep, row)->cause));
}

static double stall_share(const struct report *rep, uint32_t row)
{
	const struct snap_stall *stall = stall_at(rep, row);

	return num_ratio((double)stall->part_ns[stall->cause], (double)stall->duration_ns);
}

/* "handle_upload: fsync in save < commit": what of it is known. */
static void stall_site(struct strbuf *sb, const struct report *rep, uint32_t row)
{
	const struct snap_stall *stall = stall_at(rep, row);

	if (*stall->task)
		strbuf_printf(sb, "%s: ", stall->task);
	if (*stall->syscall_name)
		strbuf_printf(sb, "%s in ", stall->syscall_name);
	report_call_site(sb, rep->snap, stall->stack);
}

/* clang-format off */
/* The rows of one table stand together, in the order of display. */
static const struct column columns[] = {
/*	table		 key		    title		 unit	     width rank number	text */
	{TABLE_LOCKS,	 "name",	    "name",		 UNIT_TEXT,	 0,  1, NULL, lock_name},
	{TABLE_LOCKS,	 "kind",	    "kind",		 UNIT_TEXT,	16,  4, NULL, lock_kind},
	{TABLE_LOCKS,	 "waits_per_s",	    "waits/s",		 UNIT_RATE,	 9,  5, lock_rate, NULL},
	{TABLE_LOCKS,	 "wait_ns",	    "total",		 UNIT_DURATION,	 8,  2, lock_wait, NULL},
	{TABLE_LOCKS,	 "p50_wait_ns",	    "p50",		 UNIT_DURATION,	 7, 10, lock_p50, NULL},
	{TABLE_LOCKS,	 "p99_wait_ns",	    "p99",		 UNIT_DURATION,	 7,  7, lock_p99, NULL},
	{TABLE_LOCKS,	 "max_wait_ns",	    "max",		 UNIT_DURATION,	 7,  8, lock_max, NULL},
	{TABLE_LOCKS,	 "gain",	    "gain",		 UNIT_FACTOR,	 5,  9, lock_gain, NULL},
	{TABLE_LOCKS,	 "held_by",	    "held by (while)",	 UNIT_TEXT,	 0,  3, NULL, lock_held_by},
	{TABLE_LOCKS,	 "waiting_in",	    "waiting in",	 UNIT_TEXT,	 0,  6, NULL, lock_waiting_in},

	{TABLE_THREADS,	 "name",	    "name",		 UNIT_TEXT,	 0,  1, NULL, thread_name},
	{TABLE_THREADS,	 "pid",		    "pid",		 UNIT_TEXT,	 8, 13, NULL, thread_process},
	{TABLE_THREADS,	 "run",		    "run",		 UNIT_SHARE,	 5,  2, thread_run, NULL},
	{TABLE_THREADS,	 "lock",	    "lock",		 UNIT_SHARE,	 5,  3, thread_lock, NULL},
	{TABLE_THREADS,	 "gil",		    "GIL",		 UNIT_SHARE,	 5,  6, thread_gil, NULL},
	{TABLE_THREADS,	 "disk",	    "disk",		 UNIT_SHARE,	 5,  7, thread_disk, NULL},
	{TABLE_THREADS,	 "net",		    "net",		 UNIT_SHARE,	 5,  8, thread_net, NULL},
	{TABLE_THREADS,	 "peer",	    "peer",		 UNIT_SHARE,	 5,  9, thread_peer, NULL},
	{TABLE_THREADS,	 "runq",	    "runq",		 UNIT_SHARE,	 5,  5, thread_runq, NULL},
	{TABLE_THREADS,	 "other",	    "other",		 UNIT_SHARE,	 5, 10, thread_other, NULL},
	{TABLE_THREADS,	 "idle",	    "idle",		 UNIT_SHARE,	 5,  4, thread_idle, NULL},
	{TABLE_THREADS,	 "switches_per_s",  "switches/s",	 UNIT_RATE,	10, 11, thread_switches, NULL},
	{TABLE_THREADS,	 "cmetric_ns",	    "cmetric",		 UNIT_DURATION,	 8, 12, thread_cmetric, NULL},

	{TABLE_PROCESSES, "name",	    "name",		 UNIT_TEXT,	 0,  1, NULL, process_name},
	{TABLE_PROCESSES, "runtime",	    "runtime",		 UNIT_TEXT,	16, 13, NULL, process_runtime},
	{TABLE_PROCESSES, "threads",	    "threads",		 UNIT_COUNT,	 7,  5, process_threads, NULL},
	{TABLE_PROCESSES, "run",	    "run",		 UNIT_SHARE,	 5,  2, process_run, NULL},
	{TABLE_PROCESSES, "lock",	    "lock",		 UNIT_SHARE,	 5,  3, process_lock, NULL},
	{TABLE_PROCESSES, "gil",	    "GIL",		 UNIT_SHARE,	 5,  7, process_gil, NULL},
	{TABLE_PROCESSES, "disk",	    "disk",		 UNIT_SHARE,	 5,  8, process_disk, NULL},
	{TABLE_PROCESSES, "net",	    "net",		 UNIT_SHARE,	 5,  9, process_net, NULL},
	{TABLE_PROCESSES, "peer",	    "peer",		 UNIT_SHARE,	 5, 10, process_peer, NULL},
	{TABLE_PROCESSES, "runq",	    "runq",		 UNIT_SHARE,	 5,  6, process_runq, NULL},
	{TABLE_PROCESSES, "other",	    "other",		 UNIT_SHARE,	 5, 11, process_other, NULL},
	{TABLE_PROCESSES, "idle",	    "idle",		 UNIT_SHARE,	 5,  4, process_idle, NULL},
	{TABLE_PROCESSES, "runq_p99_ns",    "runq p99",		 UNIT_DURATION,	 8, 14, process_runq_p99, NULL},
	{TABLE_PROCESSES, "switches_per_s", "switches/s",	 UNIT_RATE,	10, 12, process_switches, NULL},
	{TABLE_PROCESSES, "forks",	    "forks",		 UNIT_COUNT,	 7, 15, process_forks, NULL},
	{TABLE_PROCESSES, "execs",	    "execs",		 UNIT_COUNT,	 7, 16, process_execs, NULL},
	{TABLE_PROCESSES, "exits",	    "exits",		 UNIT_COUNT,	 7, 17, column_process_exits, NULL},
	{TABLE_PROCESSES, "forking",	    "forking",		 UNIT_SHARE,	 7, 18, column_process_forking, NULL},
	{TABLE_PROCESSES, "copy_faults_per_s", "fork faults/s",	 UNIT_RATE,	10, 19, column_process_copy_faults, NULL},
	{TABLE_PROCESSES, "migrations_per_s", "migrations/s",	 UNIT_RATE,	10, 20, column_process_migrations, NULL},
	{TABLE_PROCESSES, "cpus_allowed",   "CPUs",		 UNIT_COUNT,	 4, 21, column_process_cpus, NULL},

	{TABLE_EDGES,	 "from",	    "waits",		 UNIT_TEXT,	 0,  1, NULL, column_edge_from},
	{TABLE_EDGES,	 "to",		    "for",		 UNIT_TEXT,	 0,  2, NULL, column_edge_to},
	{TABLE_EDGES,	 "kind",	    "kind",		 UNIT_TEXT,	 6,  4, NULL, column_edge_kind},
	{TABLE_EDGES,	 "waits_per_s",	    "waits/s",		 UNIT_RATE,	 9,  5, column_edge_rate, NULL},
	{TABLE_EDGES,	 "wait_ns",	    "total",		 UNIT_DURATION,	 8,  3, column_edge_wait, NULL},
	{TABLE_EDGES,	 "waiting_in",	    "waiting in",	 UNIT_TEXT,	 0,  6, NULL, column_edge_waiting_in},
	{TABLE_EDGES,	 "woken_in",	    "woken in",		 UNIT_TEXT,	 0,  7, NULL, column_edge_woken_in},

	{TABLE_LOOPS,	 "name",	    "name",		 UNIT_TEXT,	 0,  1, NULL, loop_name},
	{TABLE_LOOPS,	 "kind",	    "kind",		 UNIT_TEXT,	12,  7, NULL, loop_kind},
	{TABLE_LOOPS,	 "utilization",	    "busy",		 UNIT_SHARE,	 5,  2, loop_busy, NULL},
	{TABLE_LOOPS,	 "turns_per_s",	    "turns/s",		 UNIT_RATE,	 9,  6, loop_turns, NULL},
	{TABLE_LOOPS,	 "p50_ns",	    "p50",		 UNIT_DURATION,	 7,  9, loop_p50, NULL},
	{TABLE_LOOPS,	 "p99_ns",	    "p99",		 UNIT_DURATION,	 7,  3, loop_p99, NULL},
	{TABLE_LOOPS,	 "max_ns",	    "max",		 UNIT_DURATION,	 7,  8, loop_max, NULL},
	{TABLE_LOOPS,	 "added_mean_ns",   "mean added",	 UNIT_DURATION,	10,  4, loop_added, NULL},
	{TABLE_LOOPS,	 "stalls",	    "stalls",		 UNIT_COUNT,	 7,  5, loop_stalls, NULL},
	{TABLE_LOOPS,	 "stalled_by",	    "mostly",		 UNIT_TEXT,	14, 10, NULL, loop_stalled_by},

	{TABLE_STALLS,	 "name",	    "name",		 UNIT_TEXT,	 0,  1, NULL, stall_name},
	{TABLE_STALLS,	 "at_ns",	    "at",		 UNIT_DURATION,	 8,  5, stall_when, NULL},
	{TABLE_STALLS,	 "duration_ns",	    "lasted",		 UNIT_DURATION,	 8,  2, stall_duration, NULL},
	{TABLE_STALLS,	 "cause",	    "mostly",		 UNIT_TEXT,	 8,  3, NULL, stall_cause},
	{TABLE_STALLS,	 "cause_share",	    "of it",		 UNIT_SHARE,	 5,  6, stall_share, NULL},
	{TABLE_STALLS,	 "site",	    "in",		 UNIT_TEXT,	 0,  4, NULL, stall_site},
};
/* clang-format on */

const struct column *columns_of(enum column_table table, uint32_t *ret_len)
{
	const struct column *first = NULL;
	uint32_t len = 0;

	for (size_t i = 0; i < ARRAY_LEN(columns); i++) {
		if (columns[i].table != table)
			continue;
		if (!first)
			first = &columns[i];
		len++;
	}
	*ret_len = len;
	return first;
}

uint32_t columns_rows(const struct report *rep, enum column_table table)
{
	switch (table) {
	case TABLE_LOCKS:
		return rep->snap->locks_len;
	case TABLE_THREADS:
		return rep->snap->threads_len;
	case TABLE_PROCESSES:
		return rep->snap->processes_len;
	case TABLE_EDGES:
		return rep->snap->edges_len;
	case TABLE_LOOPS:
		return rep->snap->loops_len;
	case TABLE_STALLS:
		return rep->snap->stalls_len;
	case TABLE_COUNT:
		break;
	}
	return 0;
}

/* A double as a count: rounded, never out of range (the conversion would be undefined). */
static uint64_t whole(double value)
{
	if (!(value > 0))
		return 0;
	return value >= 0x1p63 ? INT64_MAX : (uint64_t)(value + 0.5);
}

/* "4,310", "0.3", "<0.1": below ten one decimal, from integers so that no locale interferes. */
static void format_rate(struct strbuf *sb, double rate)
{
	uint64_t tenths = whole(rate * 10);

	if (rate > 0 && !tenths)
		strbuf_puts(sb, "<0.1");
	else if (tenths > 0 && tenths < 100)
		strbuf_printf(sb, "%" PRIu64 ".%" PRIu64, tenths / 10, tenths % 10);
	else
		units_count(sb, whole(rate));
}

void column_format(struct strbuf *sb, const struct column *col, const struct report *rep,
		   uint32_t row)
{
	double value = col->number ? col->number(rep, row) : 0;

	switch (col->unit) {
	case UNIT_TEXT:
		col->text(sb, rep, row);
		break;
	case UNIT_COUNT:
		units_count(sb, whole(value));
		break;
	case UNIT_RATE:
		format_rate(sb, value);
		break;
	case UNIT_DURATION:
		units_duration(sb, whole(value));
		break;
	case UNIT_SHARE:
		units_percent(sb, value);
		break;
	case UNIT_FACTOR:
		if (value > 0)
			units_factor(sb, value);
		else
			strbuf_puts(sb, "-");
		break;
	}
}
