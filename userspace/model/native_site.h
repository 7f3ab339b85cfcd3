/* SPDX-License-Identifier: GPL-2.0-only */
/* What a stack of native code waits for, where its primitive has a name that says more than its
 * kind. Pure. */
#ifndef MODEL_NATIVE_SITE_H
#define MODEL_NATIVE_SITE_H

#include <stdbool.h>

#include "model/snapshot.h"

struct native_wait {
	const char *what; /* "call_once" */
	/* A thread of a runtime that has nothing to do: it waits for no lock, and where its word
	 * lies says nothing. */
	bool idle;
};

/* NULL where the kind of the lock says all there is to say. */
const struct native_wait *native_wait_of(const struct snap_stack *stack);

#endif
