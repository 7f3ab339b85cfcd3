/* SPDX-License-Identifier: GPL-2.0-only */
/* Tracepoints by name, from wherever tracefs is, mounted or not. */
#ifndef SOURCE_TRACEFS_H
#define SOURCE_TRACEFS_H

/*
 * A perf event on one CPU of the tracepoint @name ("sched/sched_switch"): a program attached to it
 * runs on all CPUs.  Its descriptor, the caller's to close, or a negative errno: -ENOENT where the
 * kernel has no such tracepoint.
 */
int tracefs_open_event(const char *name);

#endif
