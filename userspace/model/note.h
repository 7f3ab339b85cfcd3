/* SPDX-License-Identifier: GPL-2.0-only */
/* What a file of the target lacks, so that names or stacks with it are poorer: shown by module. */
#ifndef MODEL_NOTE_H
#define MODEL_NOTE_H

enum note {
	NOTE_NO_UNWIND_TABLE,	/* the file has no .eh_frame or .debug_frame */
	NOTE_UNWIND_UNREADABLE, /* it could not be read, or is damaged */
	NOTE_UNWIND_NO_ROOM,	/* the tables of other files take all room */
	NOTE_FILE_UNREADABLE,	/* no symbols: it could not be opened or read */
	NOTE_FILE_CORRUPT,	/* no symbols: it is damaged */
	NOTE_FILE_REPLACED,	/* no symbols: another file has its path now */
	NOTE_DEBUG_OTHER_BUILD, /* its debug file is of another build, and not used */
	NOTE_SYMBOLS_DROPPED,	/* more symbols than are kept, or some that make no sense */
	NOTE_PERF_MAP_REFUSED, /* the names of compiled code are not the target's user's, or no file
				*/
	NOTE_PYTHON_UNKNOWN,   /* CPython of a version that is not known */
	NOTE_PYTHON_NO_GIL,    /* a free-threaded CPython whose GIL is off */
	NOTE_COUNT
};

/* The report's key, and what it means: the module is the subject. */
const char *note_name(enum note note);
const char *note_meaning(enum note note);

#endif
