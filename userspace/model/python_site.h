/* SPDX-License-Identifier: GPL-2.0-only */
/* What the frames of Python say about a wait: the standard library's own ones, and what they are
 * for. */
#ifndef MODEL_PYTHON_SITE_H
#define MODEL_PYTHON_SITE_H

#include "model/snapshot.h"

/* A module of the standard library in which every program waits: says how, not why. */
bool python_waits_there(const char *file);

/* A file of the interpreter itself, by its module's name: "python3.11", "libpython3.11.so.1.0". */
bool python_interpreter(const char *module);

/*
 * What @stack waits for, in Python's terms: "queue.Queue.get", "threading.Event.wait"; NULL where
 * its frames of Python begin with the program's own, or there are none.
 */
const char *python_primitive(const struct snap_stack *stack);

/* It waits for something to do (a queue, a pool's own): whoever else waits there is no rival. */
bool python_waits_for_work(const struct snap_stack *stack);

/* Such a wait is on a lock made for this waiter, or for one thread to be joined: the line tells it
 * from others, its address does not. */
bool python_lock_per_waiter(const struct snap_stack *stack);

#endif
