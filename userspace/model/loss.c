// SPDX-License-Identifier: GPL-2.0-only
#include "model/loss.h"

#include <stddef.h>

struct loss_row {
	const char *name;
	bool is_loss;
	const char *meaning;
};

/* One row a cause: report key, whether figures are wrong because of it, what it means. */
static const struct loss_row loss_table[LOSS_COUNT] = {
	[LOSS_THREAD_SLOTS] = {"thread_slots", true,
			       "threads were not watched because all thread slots were taken"},
	[LOSS_TID_RANGE] = {"tid_range", true,
			    "threads were not watched because their ids exceed the pid_max that "
			    "was in force at attach"},
	[LOSS_WAITS_FULL] = {"waits_full", true,
			     "waits were not counted because the map of waits was full"},
	[LOSS_BLAMES_FULL] = {"blames_full", true,
			      "holders were not blamed because the map of holders was full"},
	[LOSS_LOCKS_FULL] = {"locks_full", true,
			     "locks were not recorded because the map of locks was full"},
	[LOSS_BLOCKS_FULL] = {"blocks_full", true,
			      "off-CPU times were not broken down because their map was full"},
	[LOSS_SAMPLES_FULL] = {"samples_full", true,
			       "timer samples were dropped because their map was full"},
	[LOSS_EDGES_FULL] = {"edges_full", true,
			     "who waited for whom was not recorded because that map was full"},
	[LOSS_RING_FULL] =
		{"ring_full", true,
		 "exits and process events were dropped because the ring buffer was full"},
	[LOSS_TORN_SLOTS] = {"torn_slots", true,
			     "counters of a thread could not be read whole at the end of a slice"},
	[LOSS_RECURSION] =
		{"recursion", true,
		 "the kernel skipped a program because it would have interrupted itself"},
	[LOSS_SLICES] = {"slices", true,
			 "the capture ends before its end record, so the last moments are missing"},
	[LOSS_STACKS_FULL] = {"stacks_full", false,
			      "stacks were not kept because the map of stacks was full"},
	[LOSS_STACK_FAILED] = {"stack_failed", false, "no user stack could be read"},
	[LOSS_STACK_TRUNCATED] = {"stack_truncated", false,
				  "stacks end before the outermost function"},
	[LOSS_STACK_BEFORE_ATTACH] = {"stack_before_attach", false,
				      "waits have no stack because they began before concprof "
				      "attached"},
	[LOSS_OPEN_AT_START] = {"open_at_start", false,
				"waits had begun before concprof attached: their start is unknown"},
	[LOSS_OPEN_AT_END] = {"open_at_end", false,
			      "waits were still going on at the end: they are counted up to there"},
	[LOSS_HOLDER_UNKNOWN] = {"holder_unknown", false,
				 "waits for locks could not be blamed on any thread"},
	[LOSS_UNRESOLVED_FRAMES] = {"unresolved_frames", false,
				    "code addresses have no function name"},
	[LOSS_UNRESOLVED_LOCKS] = {"unresolved_locks", false,
				   "locks have no name and appear by their address"},
	[LOSS_SHARED_UNIDENTIFIED] = {"shared_unidentified", false,
				      "the file behind shared futexes could not be told, so each "
				      "process shows its own"},
	[LOSS_FILES_UNREADABLE] = {"files_unreadable", false,
				   "files that hold names or unwind tables could not be read"},
	[LOSS_LONG_WAITS_CAPPED] = {"long_waits_capped", false,
				    "long waits beyond the cap per second are in the sums alone"},
	[LOSS_WAIT_WORD_UNREAD] = {"wait_word_unread", false,
				   "the owner word of a lock could not be read"},
	[LOSS_NEW_SYSCALL] = {"new_syscall", false,
			      "threads were blocked in system calls that no class claims: class "
			      "other"},
	[LOSS_STACK_FRAME_POINTER] = {"stack_frame_pointer", false,
				      "stacks followed by frame pointers alone, as no unwind table "
				      "was there: they may be cut or wrong"},
	[LOSS_FUTEX_CALLS_FULL] = {"futex_calls_full", true,
				   "futex calls of some processes were not counted because "
				   "their map was full"},
	[LOSS_HOLDINGS_FULL] = {"holdings_full", false,
				"what holders did while others waited was not noted because its "
				"map was full"},
	[LOSS_LINES_SKIPPED] = {"lines_skipped", false,
				"source lines were not looked up: the time for it was over, or the "
				"debug information is damaged"},
	[LOSS_PYTHON_CUT] = {"python_cut", false,
			     "walks along the frames of Python ended before the outermost one"},
	[LOSS_PYTHON_UNNAMED] = {"python_unnamed", false,
				 "frames of Python have no name, as their code objects were gone "
				 "or made no sense when they were read"},
	[LOSS_STALLS_CAPPED] = {"stalls_capped", false,
				"stalls of event loops beyond the cap per second are in the sums "
				"alone, or lack samples"},
	[LOSS_STALLS_NOT_KEPT] = {"stalls_not_kept", false,
				  "stalls of event loops are in the sums alone: the worst 16 of "
				  "each slice are listed"},
	[LOSS_PYTHON_GILS] = {"python_gils", false,
			      "interpreters of one process with a GIL of their own, beyond eight: "
			      "waits for these count as waits for unknown locks"},
	[LOSS_SWITCH_IN_UNSEEN] =
		{"switch_in_unseen", false,
		 "the kernel did not tell of switches to a thread; the timer found "
		 "it running, 10 to 20 ms of that count as waiting for the CPU"},
	[LOSS_LOOPS_UNSEEN] = {"loops_unseen", false,
			       "threads poll, but the kernel refuses the hooks that see their "
			       "turns"},
	[LOSS_EDGES_MERGED] = {"edges_merged", false,
			       "waits are shown without whom they were for, since there were too "
			       "many to tell apart"},
	[LOSS_PROCESSES_BEYOND] = {"processes_beyond", false,
				   "processes are not listed, since there were too many"},
	[LOSS_SAMPLES_SKIPPED] =
		{"samples_skipped", false,
		 "timer samples left out, as the machine was too slow for their rate"},
};

static const struct loss_row *row_of(enum loss_cause cause)
{
	static const struct loss_row unknown = {"unknown", true, "unknown cause"};

	return (unsigned)cause < LOSS_COUNT ? &loss_table[cause] : &unknown;
}

const char *loss_name(enum loss_cause cause)
{
	return row_of(cause)->name;
}

bool loss_is_loss(enum loss_cause cause)
{
	return row_of(cause)->is_loss;
}

const char *loss_meaning(enum loss_cause cause)
{
	return row_of(cause)->meaning;
}
