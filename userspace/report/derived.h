/* SPDX-License-Identifier: GPL-2.0-only */
/* Small things that several renderers and views derive from a report in the same way. */
#ifndef REPORT_DERIVED_H
#define REPORT_DERIVED_H

#include "report/report.h"

/*
 * The time classes as people are shown them: both run-queue classes are one group, all idle ones
 * another.  Every class is in exactly one group; the order is that of display.
 */
enum time_group {
	GROUP_RUN,
	GROUP_LOCK,
	GROUP_GIL,
	GROUP_DISK,
	GROUP_NET,
	GROUP_PEER,
	GROUP_RUNQ,
	GROUP_OTHER,
	GROUP_IDLE,
	GROUP_COUNT
};
/* "run", "lock", .., "run queue", "other", "idle" */
const char *time_group_title(enum time_group group);
bool time_group_has(enum time_group group, enum time_class cls);
/* Sum of the group's classes in @class_ns[CLASS_COUNT]. */
uint64_t time_group_ns(enum time_group group, const uint64_t *class_ns);

/* A word on which threads only idle (the condvar of an empty queue) is no lock anybody lacks. */
bool report_lock_matters(const struct snap_lock *lock);

/* The concurrency models that the target uses, as bits 1 << enum report_model. */
enum report_model { MODEL_THREADS, MODEL_GIL, MODEL_PROCESSES, MODEL_EVENT_LOOP, MODEL_COUNT };
unsigned report_models_in_use(const struct report *rep);
/* The contract's word: "threads", "gil", "processes", "event_loop". */
const char *report_model_name(enum report_model model);

/* Start of the window as ISO 8601 in UTC with nanoseconds, "2024-05-01T12:34:56.123456789Z".
 * Appends. */
void report_start(struct strbuf *sb, const struct report *rep);

/* Off-CPU time over all threads, by class, system call and stack. */
struct report_block {
	enum time_class cls;
	int32_t syscall;
	const char *syscall_name; /* borrowed from the snapshot */
	uint32_t stack;		  /* index or SNAP_NONE */
	uint32_t threads;
	uint64_t count;
	uint64_t ns;
	uint64_t max_ns;
};
/* All of them, by ns, largest first; free() the array.  NULL with *ret_len = 0 when there are none
 * or memory is short, which *ret_failed tells apart. */
struct report_block *report_blocks(const struct report *rep, uint32_t *ret_len, bool *ret_failed);

#endif
