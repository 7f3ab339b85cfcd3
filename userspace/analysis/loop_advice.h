/* SPDX-License-Identifier: GPL-2.0-only */
/* What to do about a loop that stalls, in its own runtime's words. */
#ifndef ANALYSIS_LOOP_ADVICE_H
#define ANALYSIS_LOOP_ADVICE_H

#include "analysis/loops.h"

/* @kind as in snap_loop.kind; never NULL. */
const char *loop_advice(const char *kind, enum loop_cause cause);
/* For a loop that is full, but never stalls: how to use more than one CPU. */
const char *loop_advice_full(const char *kind);

#endif
