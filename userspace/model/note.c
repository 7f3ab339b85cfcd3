// SPDX-License-Identifier: GPL-2.0-only
#include "model/note.h"

struct note_row {
	const char *name;
	const char *meaning;
};

static const struct note_row note_table[NOTE_COUNT] = {
	[NOTE_NO_UNWIND_TABLE] = {"no_unwind_table",
				  "has no unwind information: stacks through it follow frame "
				  "pointers and may be cut or wrong"},
	[NOTE_UNWIND_UNREADABLE] = {"unwind_unreadable",
				    "could not be read for unwind information: stacks through it "
				    "follow frame pointers"},
	[NOTE_UNWIND_NO_ROOM] = {"unwind_no_room",
				 "found no room for its unwind table: stacks through it follow "
				 "frame pointers"},
	[NOTE_FILE_UNREADABLE] = {"unreadable", "could not be read: it has no names"},
	[NOTE_FILE_CORRUPT] = {"corrupt", "is damaged: it has no names"},
	[NOTE_FILE_REPLACED] = {"replaced", "was replaced by another file: it has no names"},
	[NOTE_DEBUG_OTHER_BUILD] = {"debug_other_build",
				    "has a debug file of another build, which was not used"},
	[NOTE_SYMBOLS_DROPPED] =
		{"symbols_dropped",
		 "has symbols that were left out, being too many or making no sense"},
	[NOTE_PERF_MAP_REFUSED] = {"perf_map_refused",
				   "was not used: it is another user's, no regular file, or "
				   "unreadable"},
	[NOTE_PYTHON_UNKNOWN] = {"python_unknown",
				 "is a version that is not known (3.8 to 3.14 are): its functions, "
				 "lines and the GIL's holder are not shown, all else is"},
	[NOTE_PYTHON_NO_GIL] = {"python_free_threaded",
				"is free-threaded: it has no GIL to wait for"},
};

static const struct note_row *row_of(enum note note)
{
	static const struct note_row unknown = {"unknown", "unknown"};

	return (unsigned)note < NOTE_COUNT ? &note_table[note] : &unknown;
}

const char *note_name(enum note note)
{
	return row_of(note)->name;
}

const char *note_meaning(enum note note)
{
	return row_of(note)->meaning;
}
