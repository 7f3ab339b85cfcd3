/* SPDX-License-Identifier: GPL-2.0-only */
/* The interpreter inside a process: which version, where, and its state at this moment. */
#ifndef RUNTIME_PYTHON_FIND_H
#define RUNTIME_PYTHON_FIND_H

#include <sys/types.h>

#include "runtime/python_layout.h"
#include "runtime/python_memory.h"

struct maps;
struct target_root;

#define PYTHON_GILS_MAX 8
#define PYTHON_INTERPRETERS_MAX 64
#define PYTHON_THREADS_MAX 4096

struct python_process {
	char version[32];    /* "3.11.2", "3.13.0t" */
	uint64_t runtime;    /* address of _PyRuntime */
	uint64_t code_type;  /* of PyCode_Type, 0 = not found */
	uint64_t eval_start; /* _PyEval_EvalFrameDefault, 0 = not found */
	uint64_t eval_end;
	bool known; /* `layout` is valid; else all that is known is that this is Python */
	struct python_layout layout;
};

/*
 * The interpreter of process @pid, whose mappings are @maps: by the symbols of its executable or
 * its libpython (or what else has a name that begins with "python" or "libpython").  Nothing is
 * read from its memory but, from 3.13 on, the debug offsets, by @memory.  An executable of another
 * name that holds CPython 3.9 or older without exporting it is not recognised. Returns 0 (also with
 * ret->known false), -ENOENT (no Python), or an error; *ret untouched then.
 */
int python_find(pid_t pid, const struct target_root *root, const struct maps *maps,
		const struct python_memory *memory, struct python_process *ret);

/*
 * The GILs that the interpreters use now, each once: their addresses; how many.  None in a
 * free-threaded process that has not switched its GIL on.
 */
size_t python_gils(const struct python_process *p, const struct python_memory *memory,
		   uint64_t *ret, size_t max);

struct python_thread {
	uint64_t tstate;
	uint64_t thread_id; /* pthread_self() */
	uint32_t native_id; /* as its own PID namespace shows it, 0 = not known */
};

/*
 * The thread states of all interpreters, each once; how many.  Bounded, and safe against cycles.
 *
 * Each interpreter's newest comes first.  Several may have the ids of one thread: in one
 * interpreter the last is the thread's own (to 3.11 one that has not yet started has its
 * creator's), and a thread that runs another interpreter has a state there, too: the one that holds
 * a GIL is running.
 */
size_t python_threads(const struct python_process *p, const struct python_memory *memory,
		      struct python_thread *ret, size_t max);

/*
 * Where each thread keeps its state among its thread-specific data (gilstate.autoTSSkey): bytes
 * from pthread_self(), by @threads, all of which must agree.  It is the state that the thread has
 * last run with from 3.12 on, and the first that it had before.  0 = not found: not glibc on
 * x86_64.
 */
uint16_t python_thread_slot(const struct python_memory *memory, const struct python_thread *threads,
			    size_t len);

/* How many interpreters there are, PYTHON_INTERPRETERS_MAX at most. */
size_t python_interpreters(const struct python_process *p, const struct python_memory *memory);

#endif
