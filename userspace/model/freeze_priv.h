/* SPDX-License-Identifier: GPL-2.0-only */
/* The work in hand while a snapshot is made; shared by freeze*.c alone. */
#ifndef MODEL_FREEZE_PRIV_H
#define MODEL_FREEZE_PRIV_H

#include "base/strbuf.h"
#include "model/arena.h"
#include "model/lock_kind.h"
#include "model/model_priv.h"
#include "model/snapshot.h"

/* One lock of the snapshot: one or several of the model's that are the same word. */
struct freeze_group {
	struct snap_lock lock; /* sums; its arrays are filled in last */
	struct lock_evidence evidence;
	struct lock_judgement judgement;
	uint32_t first;	       /* the model's lock that it was first met as */
	uint32_t named;	       /* .. that has the best name, or SNAP_NONE */
	uint32_t value;	       /* futex value of a wait on it */
	uint32_t value_pid;    /* .. by a thread of this process */
	uint32_t on_stack_tid; /* it lies on this thread's stack, 0 = not known to */
	struct snap_waiter *waiters;
	struct snap_holder *holders; /* .thread: the model's until freeze_lock_list() */
	uint32_t *pids;
};

/* A thread's time, divided. */
struct freeze_time {
	uint64_t start_ns;
	uint64_t lifetime_ns;
	uint64_t class_ns[CLASS_COUNT];
	uint64_t idle_blame_ns; /* others waited for a lock that it held while in an idle class */
	uint64_t non_idle_ns;
};

struct freeze {
	const struct model *m;
	struct arena *arena;
	struct snapshot *snap;
	bool failed; /* out of memory; sticky, checked between the steps */
	struct strbuf scratch;
	const char **texts;   /* by string of the model: escaped, NULL until first used */
	uint8_t *stack_sites; /* by stack: enum lock_kind by its function names */
	bool *stack_glibc;    /* by stack: its innermost user frame is glibc's */
	uint64_t *objects;    /* by lock of the model: address of the object that its word is in */
	bool *gils;	      /* by lock of the model: its word is part of a GIL of CPython */
	uint64_t *python_lines; /* by lock of the model, of those made for one waiter alone: the
				   frame of Python that waits; 0 = it is none */
	uint32_t *group_of;	/* by lock of the model */
	struct freeze_group *groups;
	uint32_t groups_len;
	uint32_t *lock_of;	   /* by group: index in the snapshot or SNAP_NONE */
	struct freeze_time *times; /* by thread of the model */
	uint32_t *thread_of;	   /* by thread of the model: index in the snapshot or SNAP_NONE */
};

/* Zeroed array from the snapshot's arena; NULL marks the freeze as failed. */
void *freeze_array(struct freeze *f, size_t count, size_t size);
/* The same for the time of the freeze alone: free() it. */
void *freeze_temporary(struct freeze *f, size_t count, size_t size);
/* Escaped copies in the arena; "" when memory is short. */
const char *freeze_text(struct freeze *f, const char *raw);
const char *freeze_string(struct freeze *f, uint32_t string);
/* What is in f->scratch, as a text of the arena. */
const char *freeze_scratch(struct freeze *f);

/* The steps, in this order. */
void freeze_stacks(struct freeze *f);
void freeze_groups(struct freeze *f);
void freeze_times(struct freeze *f);
void freeze_holders(struct freeze *f);
void freeze_threads(struct freeze *f);
void freeze_supervisors(struct freeze *f);
void freeze_waiters(struct freeze *f);
void freeze_holdings(struct freeze *f);
void freeze_lock_list(struct freeze *f);
void freeze_lists(struct freeze *f);
void freeze_edges(struct freeze *f);
void freeze_tree(struct freeze *f);
void freeze_slices(struct freeze *f);
void freeze_loops(struct freeze *f);

/* Index of a stack in the snapshot by the source's id, or SNAP_NONE. */
uint32_t freeze_stack(const struct freeze *f, uint64_t id);
/* Fill in name, module and named of @lock, whose waiters are there. */
void freeze_lock_name(struct freeze *f, const struct freeze_group *group, struct snap_lock *lock);
/* Add the address to names that several locks without a symbol share. */
void freeze_tell_apart(struct freeze *f, struct snap_lock *locks, uint32_t len);
/* Thread of the model that is in the snapshot, or NO_THREAD. */
uint32_t freeze_known_thread(const struct freeze *f, uint32_t thread);
/* The time of waits on a word of this group, by class: @peer_ns of @blocked_ns had work in hand. */
void freeze_wait_classes(const struct freeze_group *group, uint64_t blocked_ns, uint64_t peer_ns,
			 uint64_t class_ns[CLASS_COUNT]);

/* For sorting: largest first, and smallest first. */
static inline int freeze_falling(uint64_t a, uint64_t b)
{
	return (a < b) - (a > b);
}

static inline int freeze_rising(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

#endif
