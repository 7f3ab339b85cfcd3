/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Snapshots made by hand, for tests of what reads them.  Times in seconds.  Names are borrowed.
 *
 *   struct snap_builder *b = build_new(10, 2);
 *   uint32_t t = build_thread(b, "worker");
 *   build_time(b, t, CLASS_RUN, 10);
 *   const struct snapshot *snap = build_finish(b);
 *   ..
 *   build_free(b);
 */
#ifndef TESTS_SNAP_BUILDER_H
#define TESTS_SNAP_BUILDER_H

#include "model/snapshot.h"

#define BUILD_PROCESSES 32
#define BUILD_THREADS 128
#define BUILD_LOCKS 64
#define BUILD_PER_LOCK 64
#define BUILD_HOLDINGS 300
#define BUILD_STACKS 64
#define BUILD_FRAMES 12
#define BUILD_TRACE 640 /* bytes */
#define BUILD_ROWS 64
#define BUILD_SLICES 64
#define BUILD_LOOPS 8

struct snap_builder {
	struct snapshot snap;
	struct snap_process processes[BUILD_PROCESSES];
	struct snap_thread threads[BUILD_THREADS];
	struct snap_lock locks[BUILD_LOCKS];
	struct snap_waiter waiters[BUILD_LOCKS][BUILD_PER_LOCK];
	struct snap_holder holders[BUILD_LOCKS][BUILD_PER_LOCK];
	struct snap_stack stacks[BUILD_STACKS];
	struct snap_frame frames[BUILD_STACKS][BUILD_FRAMES];
	char traces[BUILD_STACKS][BUILD_TRACE];
	char files[BUILD_STACKS][BUILD_FRAMES][96];
	struct snap_holding holdings[BUILD_LOCKS][BUILD_HOLDINGS];
	struct snap_block blocks[BUILD_ROWS];
	struct snap_sample samples[BUILD_ROWS];
	struct snap_edge edges[BUILD_ROWS];
	struct snap_slice slices[BUILD_SLICES];
	struct snap_loop loops[BUILD_LOOPS];
	uint64_t loop_square_us[BUILD_LOOPS];
	struct snap_stall stalls[BUILD_ROWS];
	struct snap_listener listener;
	uint64_t extra_non_idle_ns;
	uint32_t slices_planned;
	uint32_t slices_quiet; /* the first so many: all of their time is pool_idle */
};

/* A window of @seconds on a machine with @cpus, all of them allowed, in ten equal slices. */
struct snap_builder *build_new(double seconds, unsigned cpus);
void build_free(struct snap_builder *b);

/* Threads from here on belong to this process, "python3" (pids start at 100, so does @parent's);
 * without one all are of one process. Returns its pid. */
uint32_t build_process(struct snap_builder *b, uint32_t parent);

uint32_t build_thread(struct snap_builder *b, const char *name);
/* @count threads of one name; returns the first. */
uint32_t build_threads(struct snap_builder *b, const char *name, unsigned count);
void build_time(struct snap_builder *b, uint32_t thread, enum time_class cls, double s);
void build_switches(struct snap_builder *b, uint32_t thread, uint64_t count);
/* Idle time of a thread for which others wait: counts as not idle. */
void build_idle_holder(struct snap_builder *b, double s);

/* @frames: "module!name" innermost first, NULL at the end; Python frames as "queues.py!get", of the
 * files that python_files[] knows. */
uint32_t build_stack(struct snap_builder *b, const char *const *frames);

/* A trace as Python prints it, innermost first: "threading.py!Event.wait:655 < /srv/app.py!f:5 <
 * libc!read". Python's are those with ".py!"; their files lie below @library unless they begin with
 * a slash, and a line is optional. */
uint32_t build_trace(struct snap_builder *b, const char *library, const char *trace);

/* A lock (@is_lock), or a condition variable and the like. */
uint32_t build_lock(struct snap_builder *b, const char *name, enum lock_kind kind, bool is_lock);
/* @thread waits for it: adds to the lock's waits and, unless @lock is no lock, peer time. */
void build_wait(struct snap_builder *b, uint32_t lock, uint32_t thread, uint64_t waits, double s,
		uint32_t stack);
/* @thread (SNAP_NONE = unknown) causes @s of waiting and is in class @cls meanwhile. */
void build_hold(struct snap_builder *b, uint32_t lock, uint32_t thread, double s,
		enum time_class cls, uint32_t stack);
/* @thread was seen to hold it at @stack by @count who then waited @s in all; largest first. */
void build_seen(struct snap_builder *b, uint32_t lock, uint32_t thread, uint32_t stack,
		uint64_t count, double s, uint64_t kept);
void build_contended(struct snap_builder *b, uint32_t lock, double s);

void build_block(struct snap_builder *b, uint32_t thread, enum time_class cls, const char *syscall,
		 uint32_t stack, uint64_t count, double s);
void build_sample(struct snap_builder *b, uint32_t thread, uint32_t stack, uint64_t count);
void build_sample_of(struct snap_builder *b, uint32_t thread, uint32_t stack, enum sample_kind kind,
		     uint64_t count);
void build_pipe(struct snap_builder *b, uint32_t from, uint32_t to, enum edge_kind kind,
		uint64_t waits, double s);
void build_edge(struct snap_builder *b, uint32_t from, uint32_t to, double s);
/* Of the machine: idle and busy CPU seconds.  Without this all but the target is idle. */
void build_host(struct snap_builder *b, double idle_s, double busy_s);

/* Connections wait at a listener, 5 each time, at the first @waiting of the slices' ends. */
void build_backlog(struct snap_builder *b, uint32_t waiting);

/* @thread is a loop of this kind, with many descriptors; the worst loop first.  What it did is the
 * caller's to give to the thread, too. */
uint32_t build_loop(struct snap_builder *b, uint32_t thread, const char *kind);
/* Of its turns @count lasted for @ms each, all of it @part; those of 50 ms and more are stalls. */
void build_turns(struct snap_builder *b, uint32_t loop, uint64_t count, double ms,
		 enum loop_part part);
/* One of these stalls is kept; the longest first. @syscall "" = none. */
void build_stall(struct snap_builder *b, uint32_t loop, double ms, enum loop_part part,
		 uint32_t stack, const char *syscall);

/* @count threads "worker" with these seconds each, runq as preempted and idle as client_idle. */
struct build_each {
	unsigned count;
	double run, runq, lock, idle;
};
/* A run of 10 s on 2 CPUs with such threads, of 1000 switches each. */
struct snap_builder *build_workers(const struct build_each *each);
/* A mutex for which each thread waits as long as its class lock says, while its holder runs. */
uint32_t build_lock_for_all(struct snap_builder *b, const char *name, double contended_s);

/* Totals and slices; owned by @b. */
const struct snapshot *build_finish(struct snap_builder *b);

#endif
