/* SPDX-License-Identifier: GPL-2.0-only */
/* What the kernel itself counts for a thread, taken over at its switches: a load each. */
#ifndef CONCPROF_COUNTS_BPF_H
#define CONCPROF_COUNTS_BPF_H

#include "filter.bpf.h"

static __always_inline void begin_counts(struct cp_thread *t, struct task_struct *task)
{
	t->migrations0 = task->se.nr_migrations;
	t->major_faults0 = task->maj_flt;
	t->faults0 = task->min_flt + task->maj_flt;
	t->migrations = 0;
	t->major_faults = 0;
	t->faults = 0;
	t->copy_faults = 0;
	t->cpus_allowed = task->nr_cpus_allowed;
	t->forked_ns = 0;
	t->fork_copy = 0;
}

/* Faults come while it runs, so all of them are there when it is switched out. */
static __always_inline void count_faults(struct cp_thread *t, struct task_struct *task)
{
	t->major_faults = task->maj_flt - t->major_faults0;
	t->faults = task->min_flt + task->maj_flt - t->faults0;
	if (t->fork_copy)
		t->copy_faults = t->faults;
	t->cpus_allowed = task->nr_cpus_allowed;
}

/* It is moved to another CPU while it does not run. */
static __always_inline void count_migrations(struct cp_thread *t, struct task_struct *task)
{
	t->migrations = task->se.nr_migrations - t->migrations0;
}

#endif
