/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which stacks are in the code that carries data between processes: Python's queues, connections,
 * pools and pickle, known by the files and modules of their frames.  The kernel's part of it is
 * told by samples (enum sample_kind), not by stacks.
 */
#ifndef ANALYSIS_IPC_CODE_H
#define ANALYSIS_IPC_CODE_H

#include "model/snapshot.h"

/* @stack: an index or SNAP_NONE, which is in no such code. */
bool ipc_code_stack(const struct snapshot *snap, uint32_t stack);

/* @stack is that of the thread that pickles and writes for a multiprocessing.Queue, which Python
 * names QueueFeederThread. */
bool ipc_code_feeder(const struct snapshot *snap, uint32_t stack);

/*
 * @lock is a semaphore of multiprocessing in such code; one of the program's own, a Lock between
 * its processes, is none.  Without Python frames they cannot be told apart: then all count unless
 * the caller wants it @certain.
 */
bool ipc_code_lock(const struct snapshot *snap, const struct snap_lock *lock, bool certain);

#endif
