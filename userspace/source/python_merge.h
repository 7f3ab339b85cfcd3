/* SPDX-License-Identifier: GPL-2.0-only */
/* The frames of Python of a stack in their places among its native ones. */
#ifndef SOURCE_PYTHON_MERGE_H
#define SOURCE_PYTHON_MERGE_H

#include <stdint.h>

/* [start, end) of _PyEval_EvalFrameDefault; both 0 where there is none. */
struct python_eval {
	uint64_t start, end;
};

/*
 * @ips: @native addresses, innermost first, and behind them frames of Python up to @len.  Each call
 * of the evaluation function gives its place to the frames that it runs: those up to the next one
 * that is marked as its last, and none where it has left that already.  Calls without frames keep
 * their address; frames without a call (the native part is cut, or has no such function) come last.
 * Returns how many of at most @max it wrote to @ret.
 */
uint32_t python_merge(const struct python_eval *eval, const uint64_t *ips, uint32_t native,
		      uint32_t len, uint64_t *ret, uint32_t max);

#endif
