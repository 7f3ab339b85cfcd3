/* SPDX-License-Identifier: GPL-2.0-only */
/* What it costs a program that its processes hand data to each other. */
#ifndef ANALYSIS_IPC_H
#define ANALYSIS_IPC_H

#include "model/snapshot.h"

/* CPU time, and waiting for the other end, in pipe, queue and pickle code (see ipc_code.h). */
struct ipc_part {
	double run_ns;
	double wait_ns;
};

struct ipc {
	struct ipc_part all; /* of all processes */
	double kernel_ns;    /* of all.run_ns: in the kernel */
	/*
	 * The process that limits the others: of those that run at least half as much as the
	 * busiest one, the one that other processes wait for the longest at pipes.  SNAP_NONE =
	 * there is none.
	 */
	uint32_t process;
	struct ipc_part part; /* of it */
	double non_idle_ns;   /* of it */
	double share;	      /* part, of non_idle_ns */
	uint32_t thread;      /* of it: with the most of part, SNAP_NONE = none has any */
	uint32_t feeder;      /* a thread that feeds a multiprocessing.Queue, there if possible */
	uint64_t waits;	      /* of all processes */
};

/* Threads of different processes between which there is this edge, over a pipe or the like. */
bool ipc_edge(const struct snapshot *snap, const struct snap_edge *edge);

/* Returns 0 or -ENOMEM, @ret untouched. */
int ipc_of_run(const struct snapshot *snap, struct ipc *ret);

#endif
