/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Work on hostile data in a process of its own: it may crash, hang or exhaust memory, and all that
 * is lost is the rest of its answer.
 */
#ifndef SYMBOL_ISOLATE_H
#define SYMBOL_ISOLATE_H

#include <stddef.h>
#include <stdint.h>

/* Private memory that the work may have beyond what it was forked with. */
#define ISOLATE_MEMORY_MAX (UINT64_C(512) << 20)

struct isolate {
	/* Runs in the child, with a copy of all memory; writes the answer to @out and returns. */
	void (*work)(void *ctx, int out);
	void *ctx;
	/* Runs in the parent for each piece of the answer, as it comes; returns 0, or a negative
	 * errno to end it. */
	int (*take)(void *ctx, const uint8_t *bytes, size_t len);
	/* The child's, besides @out and the standard ones; all others are closed there. */
	const int *keep_fds;
	size_t keep_fds_len;
	uint64_t limit_ns; /* from now; then the child is killed */
};

/*
 * Returns 0 when the work came to its end; -ETIME when the time was over, -EIO when the child died,
 * -ENOMEM, or what take() gave.  In all cases the child is gone.
 */
int isolate_run(const struct isolate *iso);

/* CLOCK_MONOTONIC, which limit_ns goes by. */
uint64_t isolate_now_ns(void);

#endif
