/* SPDX-License-Identifier: GPL-2.0-only */
/* Who is to be named as the holder of a lock, everywhere the same. */
#ifndef MODEL_HELD_H
#define MODEL_HELD_H

#include "model/snapshot.h"

struct snap_held {
	uint32_t thread;	       /* SNAP_NONE = nobody is known */
	uint32_t others;	       /* threads that hold it at the same place, too */
	const struct snap_frame *site; /* NULL = not known */
	/* It is where the thread waited to take the lock; else where it was released. */
	bool taken;
	enum time_class main_class; /* what they did meanwhile .. */
	double main_ns;		    /* .. for so long; 0 = not known */
	double blame_ns;
};

/*
 * The place whose holders caused most of the waiting for @lock, and of these the thread that caused
 * the most there; of equals the one with the lowest tid.  Pointers lead into @snap.
 */
struct snap_held snap_held_of(const struct snapshot *snap, const struct snap_lock *lock);

#endif
