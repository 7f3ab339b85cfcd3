// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/load.h"

#include "analysis/turns.h"
#include "base/cleanup.h"
#include "base/num.h"

#include <errno.h>

/* A full thread runs this share of its time, .. */
#define FULL_RUN 0.8
/* .. wants to run for this share, and .. */
#define FULL_RUNNABLE 0.9
/* .. was there for this share of the window. */
#define FULL_PRESENT 0.5
#define IDLE_SHARE 0.05
#define IDLE_CPUS_MAX 0.5
/* Idle waits that end so often a second, and take this share of a thread's time, are worth a
 * thought. */
#define IDLE_TURNS_PER_S 5
#define IDLE_TURNS_SHARE 0.5

static double lesser(double a, double b)
{
	return a < b ? a : b;
}

static double not_negative(double value)
{
	return value > 0 ? value : 0;
}

double load_share(const struct load *load, double ns)
{
	return num_ratio(ns, load->non_idle_ns);
}

bool load_idle(const struct load *load)
{
	return load->non_idle_ns < IDLE_SHARE * load->wall_thread_ns &&
	       load->non_idle_ns < IDLE_CPUS_MAX * load->window_ns;
}

/* From this share of the looks on a backlog is no chance. */
#define BACKLOG_RATIO 0.9

bool load_backlogged(const struct load *load)
{
	return load->backlog_ratio >= BACKLOG_RATIO;
}

static void sum_classes(struct load *load)
{
	load->wall_thread_ns = 0;
	for (int c = 0; c < CLASS_COUNT; c++)
		load->wall_thread_ns += load->class_ns[c];
	load->runq_ns = load->class_ns[CLASS_RUNQ_PREEMPT] + load->class_ns[CLASS_RUNQ_WAKE];
}

static double sum_non_idle(const double *class_ns)
{
	double sum = 0;

	for (int c = 0; c < CLASS_COUNT; c++) {
		if (!time_class_idle((enum time_class)c))
			sum += class_ns[c];
	}
	return sum;
}

/* Needs window_ns, class_ns, the limits; @host_busy_cpus < 0 = the machine was not observed. */
static void set_cpus(struct load *load, double host_idle_cpus, double host_busy_cpus)
{
	load->busy_cpus = num_ratio(load->class_ns[CLASS_RUN], load->window_ns);
	if (host_busy_cpus < 0) {
		load->idle_cpus = not_negative(load->machine_cpus - load->busy_cpus);
		load->other_cpus = 0;
	} else {
		load->idle_cpus = lesser(host_idle_cpus, load->machine_cpus);
		load->other_cpus = not_negative(host_busy_cpus - load->busy_cpus);
	}
}

/* Below this share of run-queue waiting a program gets a CPU when it wants one. */
#define RUNQ_SHORT 0.1
/* C of verdict.md, section 3. Needs set_cpus() and A. */
static void set_usable(struct load *load)
{
	double idle = load->idle_cpus;

	if (load_share(load, load->runq_ns) < RUNQ_SHORT)
		idle += FAIR_SHARE * load->other_cpus;
	load->usable_cpus =
		gain_usable_cpus(load->busy_cpus, idle, load->allowed_cpus, load->quota_cpus);
}

static void set_limits(struct load *load)
{
	const struct record_run *run = &load->snap->run;

	load->machine_cpus = run->cpus_online ? run->cpus_online : 1;
	load->allowed_cpus = run->cpus_allowed ? run->cpus_allowed : load->machine_cpus;
	load->allowed_cpus = lesser(load->allowed_cpus, load->machine_cpus);
	load->quota_cpus = (double)load->snap->host.quota_milli_cpus / 1000;
	load->limit_cpus = load->allowed_cpus;
	if (load->quota_cpus > 0)
		load->limit_cpus = lesser(load->limit_cpus, load->quota_cpus);
}

/* Fills in wait->gain. */
static void set_gain(const struct load *load, struct load_wait *wait)
{
	struct gain_wait in = {
		.removed = 1,
		.rho = num_ratio(wait->contended_ns, load->window_ns),
		.busy_cpus = load->busy_cpus,
		.usable_cpus = load->usable_cpus,
		.non_idle_ns = load->non_idle_ns,
		.wait_ns = wait->wait_ns,
		.least_own_ns = wait->contended_ns, /* somebody holds it all that time */
		.io_ns = load->class_ns[CLASS_DISK] + load->class_ns[CLASS_NET],
	};

	wait->gain = gain_remove_wait(&in);
}

static struct load_wait no_wait(void)
{
	return (struct load_wait){.lock = SNAP_NONE, .gain = {1, LIMIT_NONE}};
}

/* Where the source did not tell for how long there were waiters: no more than all waiting. */
static double contended_or_bound(double contended_ns, double wait_ns, double window_ns)
{
	return lesser(contended_ns > 0 ? contended_ns : wait_ns, window_ns);
}

static bool is_thread_lock(const struct snap_lock *lock)
{
	return lock->is_lock && lock->kind != LOCK_GIL;
}

/* Waiting for @lock while its (known) holders were runnable without a CPU. */
static double preempted_ns(const struct snap_lock *lock)
{
	/* Not CLASS_RUNQ_WAKE: who was woken to take the lock next is its holder, too. */
	return (double)lock->while_ns[CLASS_RUNQ_PREEMPT];
}

/*
 * Waiting for @lock while its holders waited for the GIL is the GIL's doing (the cascade of wPerf):
 * whoever takes a lock of Python between two lines may lose the GIL before it lets go.
 */
static double gil_part_ns(const struct snap_lock *lock)
{
	return lesser((double)lock->while_ns[CLASS_GIL], (double)lock->blocked_ns);
}

/* @sum names the first one that is added: it has the most blame. */
static void add_wait(struct load_wait *sum, const struct load_wait *wait, double window_ns)
{
	if (sum->lock == SNAP_NONE)
		sum->lock = wait->lock;
	sum->locks_len++;
	sum->wait_ns += wait->wait_ns;
	sum->known_ns += wait->known_ns;
	sum->waits = num_sat_add(sum->waits, wait->waits);
	sum->contended_ns = lesser(sum->contended_ns + wait->contended_ns, window_ns);
}

static void judge_locks(struct load *load, double *lock_gain)
{
	const struct snapshot *snap = load->snap;

	load->top_lock = no_wait();
	load->all_locks = no_wait();
	for (uint32_t i = 0; i < snap->locks_len; i++) {
		const struct snap_lock *lock = &snap->locks[i];
		struct load_wait wait = {.lock = i, .locks_len = 1};
		double own; /* the part that is no other lock's doing */

		if (lock_gain)
			lock_gain[i] = 0;
		if (!is_thread_lock(lock) || lock->blocked_ns == 0)
			continue;
		own = 1 - num_ratio(gil_part_ns(lock), (double)lock->blocked_ns);
		wait.wait_ns = own * (double)lock->blocked_ns;
		wait.known_ns = own * (double)lock->known_blame_ns;
		wait.waits = lock->waits;
		wait.contended_ns = contended_or_bound(own * (double)lock->contended_ns,
						       wait.wait_ns, load->window_ns);
		set_gain(load, &wait);
		if (lock_gain)
			lock_gain[i] = wait.gain.ratio;
		/* Equal gains (all 1 where the CPUs are full): the earlier one has more blame. */
		if (load->top_lock.lock == SNAP_NONE || wait.gain.ratio > load->top_lock.gain.ratio)
			load->top_lock = wait;
		add_wait(&load->all_locks, &wait, load->window_ns);
		load->preempted_ns += preempted_ns(lock);
	}
	if (load->all_locks.lock != SNAP_NONE)
		set_gain(load, &load->all_locks);
	if (load->top_lock.lock != SNAP_NONE)
		load->top_lock_preempted = num_ratio(
			preempted_ns(&snap->locks[load->top_lock.lock]), load->top_lock.wait_ns);
}

/*
 * Waits for a peer are handed on to what that peer waited for meanwhile (the cascade of wPerf);
 * waits for a lock are not: to hold a lock across I/O is the lock's fault. But see gil_part_ns().
 */
static void hand_on(struct load *load, const struct turns *turns)
{
	const struct snapshot *snap = load->snap;

	load->disk_ns = load->class_ns[CLASS_DISK];
	load->net_ns = load->class_ns[CLASS_NET];
	load->gil_ns = load->class_ns[CLASS_GIL];
	for (uint32_t i = 0; i < snap->locks_len; i++) {
		const struct snap_lock *lock = &snap->locks[i];
		double with_work = num_ratio((double)lock->peer_ns, (double)lock->blocked_ns);

		if (lock->kind != LOCK_GIL)
			load->gil_ns += (lock->is_lock ? 1 : with_work) * gil_part_ns(lock);
		if (lock->is_lock || (turns->member && turns->member[i]))
			continue;
		load->disk_ns += with_work * (double)lock->while_ns[CLASS_DISK];
		load->net_ns += with_work * (double)lock->while_ns[CLASS_NET];
	}
	load->disk_ns = lesser(load->disk_ns, load->non_idle_ns);
	load->net_ns = lesser(load->net_ns, load->non_idle_ns);
	load->gil_ns = lesser(load->gil_ns, load->non_idle_ns);
}

/* Threads that end each other's waits take turns at a lock that is built of a condition variable;
 * or they are a pool whose workers wake each other. */
static int judge_idle_turns(struct load *load)
{
	const struct snapshot *snap = load->snap;
	_cleanup_free_ uint64_t *waited = NULL;
	uint64_t most_ns = 0;

	load->idle_turns = SNAP_NONE;
	if (snap->threads_len == 0)
		return 0;
	waited = calloc(snap->threads_len, sizeof(*waited));
	if (!waited)
		return -ENOMEM;
	for (uint32_t i = 0; i < snap->locks_len; i++) {
		const struct snap_lock *lock = &snap->locks[i];

		if (lock->is_lock || lock->blocked_ns <= most_ns ||
		    (double)lock->waits < IDLE_TURNS_PER_S * load->window_ns / NS_PER_S ||
		    (double)lock->blocked_ns < IDLE_TURNS_SHARE * load->window_ns ||
		    !turns_mutual(snap, NULL, i, waited))
			continue;
		most_ns = lock->blocked_ns;
		load->idle_turns = i;
	}
	return 0;
}

static int judge_turns(struct load *load)
{
	_cleanup_(turns_free) struct turns turns = {.lock = SNAP_NONE};
	int err = turns_find(load->snap, &turns);

	if (err)
		return err;
	load->turns = no_wait();
	if (turns.lock != SNAP_NONE) {
		load->turns.lock = turns.lock;
		load->turns.locks_len = turns.locks_len;
		load->turns.wait_ns = (double)turns.wait_ns;
		load->turns.known_ns = turns.known_ratio * (double)turns.wait_ns;
		load->turns.waits = turns.waits;
		load->turns.contended_ns = contended_or_bound(
			(double)turns.contended_ns, (double)turns.wait_ns, load->window_ns);
		set_gain(load, &load->turns);
	}
	hand_on(load, &turns);
	return judge_idle_turns(load);
}

/* Needs a CPU of its own all the time. */
static bool thread_full(const struct load *load, const struct snap_thread *thread)
{
	double life = (double)thread->lifetime_ns;
	double run = (double)thread->class_ns[CLASS_RUN];
	double runq = (double)thread->class_ns[CLASS_RUNQ_PREEMPT] +
		      (double)thread->class_ns[CLASS_RUNQ_WAKE];

	return life > 0 && life >= FULL_PRESENT * load->window_ns && run >= FULL_RUN * life &&
	       run + runq >= FULL_RUNNABLE * life;
}

static int judge_threads(struct load *load)
{
	const struct snapshot *snap = load->snap;
	_cleanup_free_ bool *full = calloc(snap->threads_len + 1UL, sizeof(*full));
	double most_run = 0;

	if (!full)
		return -ENOMEM;
	load->full_thread = SNAP_NONE;
	for (uint32_t i = 0; i < snap->threads_len; i++) {
		const struct snap_thread *thread = &snap->threads[i];
		double run = (double)thread->class_ns[CLASS_RUN];

		load->switches += thread->voluntary_switches + thread->involuntary_switches;
		full[i] = thread_full(load, thread);
		load->full_threads += full[i];
		if (run > most_run) {
			most_run = run;
			load->full_thread = i;
			load->full_ratio = num_ratio(run, (double)thread->lifetime_ns);
		}
	}
	return pipeline_of_run(snap, full, load->full_thread, &load->pipeline);
}

/* By samples: what goes to making processes, ending them, and copying what a fork has made shared.
 */
static double fork_ratio(const struct snapshot *snap)
{
	uint64_t all = 0, fork = 0;

	for (uint32_t i = 0; i < snap->samples_len; i++) {
		enum sample_kind kind = snap->samples[i].kind;

		all = num_sat_add(all, snap->samples[i].count);
		if (kind == SAMPLE_FORK || kind == SAMPLE_EXEC || kind == SAMPLE_EXIT ||
		    kind == SAMPLE_COPY)
			fork = num_sat_add(fork, snap->samples[i].count);
	}
	return num_ratio((double)fork, (double)all);
}

int load_of_run(const struct snapshot *snap, double *lock_gain, struct load *ret)
{
	struct load load = {.snap = snap, .window_ns = (double)snap->duration_ns};
	const struct record_host *host = &snap->host;
	bool host_known = host->idle_ns > 0 || host->busy_ns > 0;
	int err;

	for (int c = 0; c < CLASS_COUNT; c++)
		load.class_ns[c] = (double)snap->class_ns[c];
	sum_classes(&load);
	load.loop = loops_of_run(snap);
	load.non_idle_ns =
		lesser((double)snap->non_idle_ns + load.loop.hidden_ns, load.wall_thread_ns);
	set_limits(&load);
	set_cpus(&load, num_ratio((double)host->idle_ns, load.window_ns),
		 host_known ? num_ratio((double)host->busy_ns, load.window_ns) : -1);
	set_usable(&load);
	load.throttled_ratio = lesser(num_ratio((double)host->throttled_ns, load.window_ns), 1);
	judge_locks(&load, lock_gain);
	err = judge_threads(&load);
	if (!err)
		err = judge_turns(&load);
	if (!err)
		err = ipc_of_run(snap, &load.ipc);
	if (err)
		return err;
	load.starved = starved_of_run(snap);
	load.herd = herd_of_run(snap);
	load.herd_cpus = num_ratio((double)load.herd.run_ns, load.window_ns);
	load.ipc_cpus = num_ratio(load.ipc.all.run_ns, load.window_ns);
	load.fork_cpus = fork_ratio(snap) * load.busy_cpus;
	if (snap->listeners_len)
		load.backlog_ratio =
			num_ratio(snap->listeners[0].looks_waiting, snap->listeners[0].looks);
	*ret = load;
	return 0;
}

/* @of the whole run's waiting as far as it fell into the slice, where a sum of the same kind was
 * @slice_ns of @whole_ns. */
static struct load_wait part_of(const struct load *slice, const struct load_wait *of,
				double slice_ns, double whole_ns)
{
	struct load_wait part = *of;
	double ratio = num_ratio(slice_ns, whole_ns);

	if (of->lock == SNAP_NONE)
		return part;
	part.wait_ns = of->wait_ns * ratio;
	part.known_ns = of->known_ns * ratio;
	part.contended_ns =
		lesser(lesser(of->contended_ns * ratio, part.wait_ns), slice->window_ns);
	set_gain(slice, &part);
	return part;
}

static void scale_waits(struct load *load, const struct load *whole, double top_lock_ns)
{
	const struct snapshot *snap = load->snap;
	double lock_ns = load->class_ns[CLASS_LOCK];
	double whole_lock_ns = whole->class_ns[CLASS_LOCK];

	load->all_locks = part_of(load, &whole->all_locks, lock_ns, whole_lock_ns);
	if (whole->top_lock.lock == 0)
		load->top_lock = part_of(load, &whole->top_lock, top_lock_ns,
					 (double)snap->locks[0].blocked_ns);
	else
		load->top_lock = part_of(load, &whole->top_lock, lock_ns, whole_lock_ns);
	load->top_lock_preempted = whole->top_lock_preempted;
	load->preempted_ns = whole->preempted_ns * num_ratio(lock_ns, whole_lock_ns);
	load->turns = part_of(load, &whole->turns, load->class_ns[CLASS_PEER],
			      whole->class_ns[CLASS_PEER]);
}

/* What the whole run handed on from peers to disk or net, in proportion to the slice's own. */
static double scale_io(const struct load *load, const struct load *whole, enum time_class cls,
		       double whole_ns)
{
	double direct = whole->class_ns[cls];
	double handed = not_negative(whole_ns - direct);
	double ns = load->class_ns[cls] + handed * num_ratio(load->class_ns[cls], direct);

	return lesser(ns, load->non_idle_ns);
}

/* Idle classes that the snapshot counts as not idle since others wait for that thread: shared out
 * by the waiting. */
static double slice_non_idle(const struct load *load, const struct load *whole)
{
	double waiting = load->class_ns[CLASS_LOCK] + load->class_ns[CLASS_PEER];
	double whole_waiting = whole->class_ns[CLASS_LOCK] + whole->class_ns[CLASS_PEER];
	double extra = not_negative(whole->non_idle_ns - whole->loop.hidden_ns -
				    sum_non_idle(whole->class_ns));
	double ns = sum_non_idle(load->class_ns) + load->loop.hidden_ns +
		    extra * num_ratio(waiting, whole_waiting);

	return lesser(ns, load->wall_thread_ns);
}

static void slice_threads(struct load *load, const struct load *whole, double top_run_ns)
{
	const struct snap_thread *top;
	double runnable;

	load->full_thread = whole->full_thread;
	load->full_ratio = num_ratio(top_run_ns, load->window_ns);
	if (whole->full_thread == SNAP_NONE)
		return;
	top = &whole->snap->threads[whole->full_thread];
	runnable = load->full_ratio * num_ratio((double)top->class_ns[CLASS_RUN] +
							(double)top->class_ns[CLASS_RUNQ_PREEMPT] +
							(double)top->class_ns[CLASS_RUNQ_WAKE],
						(double)top->class_ns[CLASS_RUN]);
	if (load->full_ratio >= FULL_RUN && runnable >= FULL_RUNNABLE)
		load->full_threads = whole->full_threads ? whole->full_threads : 1;
}

/* The worst loop of the run, by the share of the squares of turns that fell into the slices. */
static struct loop_load slice_loop(const struct load *load, const struct load *whole,
				   uint32_t first, uint32_t count)
{
	const struct snapshot *snap = whole->snap;
	struct loop_load loop = whole->loop;
	double part = 0, all = 0, scale;

	for (uint32_t i = 0; i < snap->slices_len; i++) {
		double square = (double)snap->slices[i].loop_square_us;

		all += square;
		if (i >= first && i - first < count)
			part += square;
	}
	scale = num_ratio(num_ratio(part, all), num_ratio(load->window_ns, whole->window_ns));
	loop.hidden_ns *= num_ratio(part, all);
	loop.added_mean_ns *= scale;
	loop.late_ratio *= scale;
	loop.gil_ratio *= num_ratio(num_ratio(load->class_ns[CLASS_GIL], load->window_ns),
				    num_ratio(whole->class_ns[CLASS_GIL], whole->window_ns));
	return loop;
}

struct load load_of_slices(const struct load *whole, uint32_t first, uint32_t count)
{
	const struct snapshot *snap = whole->snap;
	struct load load = {
		.snap = snap, .slice = true, .idle_turns = SNAP_NONE, .switches = whole->switches};
	double host_idle = 0, throttled = 0, top_lock = 0, top_run = 0, looks = 0, waiting = 0;
	bool host_known = snap->host.idle_ns > 0 || snap->host.busy_ns > 0;
	double idle_cpus;

	for (uint32_t i = first; i < first + count && i < snap->slices_len; i++) {
		const struct snap_slice *slice = &snap->slices[i];

		load.window_ns += (double)slice->duration_ns;
		for (int c = 0; c < CLASS_COUNT; c++)
			load.class_ns[c] += (double)slice->class_ns[c];
		host_idle += (double)slice->host_idle_ns;
		throttled += (double)slice->throttled_ns;
		top_lock += (double)slice->top_lock_blocked_ns;
		top_run += (double)slice->top_thread_run_ns;
		looks++;
		waiting += slice->waiting > 0;
	}
	sum_classes(&load);
	load.loop = slice_loop(&load, whole, first, count);
	load.non_idle_ns = slice_non_idle(&load, whole);
	set_limits(&load);
	idle_cpus = lesser(num_ratio(host_idle, load.window_ns), load.machine_cpus);
	set_cpus(&load, idle_cpus, host_known ? load.machine_cpus - idle_cpus : -1);
	set_usable(&load);
	load.throttled_ratio = lesser(num_ratio(throttled, load.window_ns), 1);
	scale_waits(&load, whole, top_lock);
	load.fork_cpus = whole->fork_cpus * num_ratio(load.busy_cpus, whole->busy_cpus);
	load.backlog_ratio = num_ratio(waiting, looks);
	load.pipeline = whole->pipeline;
	load.starved = whole->starved;
	load.herd = whole->herd;
	load.herd_cpus = whole->herd_cpus * num_ratio(load.busy_cpus, whole->busy_cpus);
	load.ipc = whole->ipc;
	load.ipc_cpus = whole->ipc_cpus * num_ratio(load.busy_cpus, whole->busy_cpus);
	load.disk_ns = scale_io(&load, whole, CLASS_DISK, whole->disk_ns);
	load.net_ns = scale_io(&load, whole, CLASS_NET, whole->net_ns);
	load.gil_ns = scale_io(&load, whole, CLASS_GIL, whole->gil_ns);
	slice_threads(&load, whole, top_run);
	return load;
}
