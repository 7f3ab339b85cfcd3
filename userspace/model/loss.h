/* SPDX-License-Identifier: GPL-2.0-only */
/* Every way in which an event, an entry or a name can be lost: counted by cause, shown in every
 * report. */
#ifndef MODEL_LOSS_H
#define MODEL_LOSS_H

#include <stdbool.h>

enum loss_cause {
	/* losses: figures are wrong */
	LOSS_THREAD_SLOTS, /* more threads than slots: threads not watched */
	LOSS_TID_RANGE,	   /* a tid beyond pid_max at attach */
	LOSS_WAITS_FULL,   /* map of waits full */
	LOSS_BLAMES_FULL,
	LOSS_LOCKS_FULL,
	LOSS_BLOCKS_FULL,
	LOSS_SAMPLES_FULL,
	LOSS_EDGES_FULL,
	LOSS_RING_FULL,	 /* exits and process events that did not fit in the ring */
	LOSS_TORN_SLOTS, /* a thread's counters could not be read whole */
	LOSS_RECURSION,	 /* programs skipped by the kernel because they interrupted themselves */
	LOSS_SLICES,	 /* capture ends before its end record */
	/* incomplete: known not to be known */
	LOSS_STACKS_FULL,
	LOSS_STACK_FAILED, /* no user stack could be read */
	LOSS_STACK_TRUNCATED,
	LOSS_STACK_BEFORE_ATTACH, /* blocked before attach */
	LOSS_OPEN_AT_START,
	LOSS_OPEN_AT_END,
	LOSS_HOLDER_UNKNOWN, /* waits for a lock whose holder nobody named */
	LOSS_UNRESOLVED_FRAMES,
	LOSS_UNRESOLVED_LOCKS,
	LOSS_SHARED_UNIDENTIFIED, /* shared futex whose file could not be told */
	LOSS_FILES_UNREADABLE,
	LOSS_LONG_WAITS_CAPPED,
	LOSS_WAIT_WORD_UNREAD,	  /* owner word not readable */
	LOSS_NEW_SYSCALL,	  /* blocked in a system call that no class claims */
	LOSS_STACK_FRAME_POINTER, /* followed by frame pointers: no unwind table for its module */
	LOSS_SAMPLES_SKIPPED,	  /* timer samples that followed each other too closely */
	LOSS_FUTEX_CALLS_FULL,	  /* map of --futex-calls full */
	LOSS_HOLDINGS_FULL,	  /* map of what holders did full */
	LOSS_LINES_SKIPPED,	  /* addresses whose source line was not looked up */
	LOSS_PYTHON_CUT,	  /* frames of Python that end before the outermost */
	LOSS_PYTHON_UNNAMED,	  /* frames of Python whose code object could not be read */
	LOSS_STALLS_CAPPED,	  /* stalls or samples of them that the ring could not take */
	LOSS_STALLS_NOT_KEPT,	  /* beyond the worst of their slice */
	LOSS_PYTHON_GILS,	  /* GILs beyond those that the source can tell */
	LOSS_SWITCH_IN_UNSEEN,	  /* the timer found a thread running that was not known to */
	LOSS_LOOPS_UNSEEN,	  /* the kernel refuses the hooks on the poll family */
	LOSS_EDGES_MERGED,	  /* waits for others whose thread is not told apart */
	LOSS_PROCESSES_BEYOND,	  /* more processes than one run can hold */
	LOSS_COUNT
};

/* The key in the report ("ring_full"), never NULL for a valid cause. */
const char *loss_name(enum loss_cause cause);
/* true: figures are wrong (`losses`); false: `incomplete`. */
bool loss_is_loss(enum loss_cause cause);
/* One sentence for people: what it means. */
const char *loss_meaning(enum loss_cause cause);

#endif
