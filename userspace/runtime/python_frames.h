/* SPDX-License-Identifier: GPL-2.0-only */
/* The frames of a thread of Python, and what a frame's code object says. */
#ifndef RUNTIME_PYTHON_FRAMES_H
#define RUNTIME_PYTHON_FRAMES_H

#include "runtime/python_find.h"

/*
 * The frames of the thread whose state is @tstate, innermost first, as python words
 * (model/python_word.h); at most @max.  *ret_complete: the last one is the thread's outermost.
 * Returns their number.  (bpf/python.bpf.h walks in the same way.)
 */
size_t python_walk(const struct python_process *p, const struct python_memory *memory,
		   uint64_t tstate, uint64_t *ret, size_t max, bool *ret_complete);

struct python_place {
	char name[256]; /* the qualified name from 3.11 on; UTF-8, hostile */
	char file[512]; /* co_filename; of one too long, its end */
	uint32_t line;	/* 0 = not known */
};

/*
 * What the code object of python word @word says, read from the live process.
 * Returns 0; -ESTALE (there is no code object, or none any more), -EBADMSG (it makes no sense);
 * *ret untouched on failure.  A line that cannot be told is 0.
 */
int python_place_of(const struct python_process *p, const struct python_memory *memory,
		    uint64_t word, struct python_place *ret);

#endif
