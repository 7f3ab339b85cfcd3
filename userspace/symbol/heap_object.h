/* SPDX-License-Identifier: GPL-2.0-only */
/* Whether a process's heap says that a word lies in an object of a certain type. */
#ifndef SYMBOL_HEAP_OBJECT_H
#define SYMBOL_HEAP_OBJECT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "symbol/dwarf_info.h"

/*
 * Whether the futex word at @word of process @pid is that of a primitive of glibc's in an @object
 * that malloc() made by itself: the allocator's own note of the object's size, which lies before
 * it, is to agree, and the next one's that it is in use.  The process is read, not stopped: it may
 * change meanwhile.  False where that cannot be told, as with any other allocator.
 */
bool heap_object_fits(pid_t pid, uint64_t word, enum dwarf_primitive primitive,
		      const struct dwarf_object *object);

#endif
