/* SPDX-License-Identifier: GPL-2.0-only */
/* Dividing time so that the parts sum to the whole, to the nanosecond. */
#ifndef MODEL_DIVIDE_H
#define MODEL_DIVIDE_H

#include "model/record.h"

#include <stddef.h>

/*
 * Scale the @len parts so that they sum to @total exactly, their shares kept but for rounding.
 * Parts that are all 0 stay 0.
 */
void divide_scale(uint64_t *part, size_t len, uint64_t total);

/*
 * Make the classes sum to @total exactly: what is missing is CLASS_OTHER, an excess is scaled away.
 */
void divide_fill(uint64_t class_ns[CLASS_COUNT], uint64_t total);

/*
 * The classes of a thread (or a slice) that was observed for @lifetime_ns.  @class_ns: without
 * futex waits; @futex_ns: those, undivided; @futex_class_ns: what the model knows of their
 * division. More than @futex_ns is scaled down to it, less leaves a rest: CLASS_OTHER.
 */
void divide_lifetime(const uint64_t class_ns[CLASS_COUNT], uint64_t futex_ns,
		     const uint64_t futex_class_ns[CLASS_COUNT], uint64_t lifetime_ns,
		     uint64_t ret[CLASS_COUNT]);

#endif
