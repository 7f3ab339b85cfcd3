/* SPDX-License-Identifier: GPL-2.0-only */
/* What a futex word is, judged by how it was waited for.  Pure: evidence in, judgement out. */
#ifndef MODEL_LOCK_KIND_H
#define MODEL_LOCK_KIND_H

#include "model/snapshot.h"

#include <stddef.h>

/* All waits on one word, the open ones included.  LOCK_KIND_COUNT as a kind means: none. */
struct lock_evidence {
	bool shared;	     /* between processes, by a file */
	bool in_python;	     /* the word is part of a GIL, or lies in CPython's _PyRuntime */
	uint64_t work_waits; /* for something to do, as the frames of Python say */
	bool per_waiter;     /* made for one waiter alone: Condition, Event, Queue of Python */
	uint64_t waits;
	uint64_t op_waits[FUTEX_OP_COUNT];
	uint64_t owner_known;	  /* the owner word named a live thread of the target */
	uint64_t handed_over;	  /* ended by a futex wake on the word .. */
	uint64_t contender_wakes; /* .. of a thread that itself waits for it at times */
	uint64_t value_waits[4];  /* with the futex value 0, 1, 2, 3 */
	uint64_t join_waits;	  /* with the tid of a thread of the same process as value */
	uint64_t site_waits[LOCK_KIND_COUNT]; /* by the function names on their stacks */
};

struct lock_judgement {
	enum lock_kind kind;
	bool is_lock; /* its blocked time is time lost to a lock (the GIL's: to the GIL) */
};

struct lock_judgement lock_judge(const struct lock_evidence *evidence);

/*
 * What the function names of a stack (innermost first, user space only, "" where unresolved) say
 * about the word that it waits on; LOCK_KIND_COUNT = nothing.
 */
enum lock_kind lock_kind_of_site(const char *const *names, size_t len);
/*
 * The address of the object of this kind (by lock_kind_of_site()) with the futex word @word in
 * glibc 2.@glibc_minor (0 = not known): a condvar has two words, a rwlock two, a barrier's lies
 * behind its start.  @word itself for any other kind.
 */
uint64_t lock_glibc_object(enum lock_kind kind, uint64_t word, unsigned glibc_minor);
/* How many frames from the innermost one lock_kind_of_site() looks at. */
#define LOCK_SITE_FRAMES 8

/*
 * The class of the time blocked on such a word: lock, gil, or CLASS_COUNT for one that is peer as
 * far as the waker had work in hand and pool_idle for the rest.
 */
enum time_class lock_time_class(struct lock_judgement judgement);

#endif
