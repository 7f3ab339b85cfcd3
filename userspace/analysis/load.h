/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The figures that rules judge by, of a whole run or of a part of it.
 *
 * A rule's predicate sees nothing else, so the same predicate judges the run and each slice: what
 * a slice does not record (which lock, who held it) is taken in proportion from the whole run.
 */
#ifndef ANALYSIS_LOAD_H
#define ANALYSIS_LOAD_H

#include "analysis/gain.h"
#include "analysis/herd.h"
#include "analysis/ipc.h"
#include "analysis/loops.h"
#include "analysis/pipeline.h"
#include "analysis/starved.h"
#include "model/snapshot.h"

#include <stdbool.h>

/* Waiting for one thing (or several of a kind). */
struct load_wait {
	uint32_t lock; /* index of the one to name, SNAP_NONE = there is none */
	uint32_t locks_len;
	double wait_ns;	     /* W */
	double contended_ns; /* wall time with at least one waiter, at most the window */
	double known_ns;     /* of wait_ns: the holder is known */
	uint64_t waits;	     /* of the whole run */
	struct gain gain;
};

/* The share of what others take now that the program could win: a further runnable thread shares
 * a CPU with one of theirs, one against one by the fair scheduler. */
#define FAIR_SHARE 0.5

struct load {
	const struct snapshot *snap;
	bool slice; /* a part of the run, judged by cheap evidence */
	double window_ns;
	double class_ns[CLASS_COUNT];
	double wall_thread_ns; /* sum of class_ns */
	double non_idle_ns;    /* A */

	/* in CPUs */
	double machine_cpus;
	double allowed_cpus; /* by affinity */
	double quota_cpus;   /* of the cgroup, 0 = none */
	double limit_cpus;   /* the lesser of both and of the machine */
	double busy_cpus;    /* U */
	double idle_cpus;    /* of the whole machine */
	double other_cpus;   /* kept busy by anything but the target */
	double usable_cpus;  /* C */

	double runq_ns;		/* both run-queue classes */
	double throttled_ratio; /* of the window, clipped to 1 */

	struct load_wait top_lock;  /* the lock with the largest gain */
	struct load_wait all_locks; /* all of them cured at once */
	/* Not a lock, but used like one: threads that wait for each other in turn at one place. */
	struct load_wait turns;
	/* Idle time that may be waiting in turn, too: the lock with the most of it, or SNAP_NONE.
	 */
	uint32_t idle_turns;
	double top_lock_preempted; /* share of the waiting in which its holder had no CPU */
	double preempted_ns;	   /* waiting for locks whose holder had no CPU */

	/* Waiting for disk or net, directly or through a thread that does. */
	double disk_ns;
	double net_ns;
	/* Waiting for a GIL, directly or for what a thread holds or does that waits for one. */
	double gil_ns;

	struct starved starved; /* of the whole run */
	struct herd herd;	/* of the whole run, but for .. */
	double herd_cpus;	/* .. of busy_cpus: for wakeups in vain */

	struct ipc ipc;	 /* of the whole run */
	double ipc_cpus; /* of busy_cpus: in pipe, queue and pickle code */

	double fork_cpus; /* of busy_cpus: for making and ending processes */
	/* Of the looks at the listener with the most waiting connections: those at which some
	 * waited; of a slice: of all listeners together. */
	double backlog_ratio;

	struct loop_load loop; /* the worst event loop */

	uint32_t full_threads; /* that need a CPU of their own all the time */
	uint32_t full_thread;  /* index of the fullest one, else of the one that ran most */
	double full_ratio;     /* of its time that that one ran */

	struct pipeline pipeline; /* of the whole run: who waits for the full ones */

	uint64_t switches;
};

/*
 * Figures of the whole run.  Where @lock_gain is given (one double per lock) it receives each
 * lock's S, 0 for what is no lock.  Returns 0 or -ENOMEM, @ret untouched.
 */
int load_of_run(const struct snapshot *snap, double *lock_gain, struct load *ret);

/* Figures of slices [@first, @first + @count) of the run that @whole describes. */
struct load load_of_slices(const struct load *whole, uint32_t first, uint32_t count);

/* Non-idle time under 5%, and never as much as half a CPU's worth (one full thread among a hundred
 * idle ones is not an idle program). */
bool load_idle(const struct load *load);

/* Clients wait for the program although it does little: it is not idle. */
bool load_backlogged(const struct load *load);

/* @ns as a share of A; 0 when A is 0. */
double load_share(const struct load *load, double ns);

#endif
