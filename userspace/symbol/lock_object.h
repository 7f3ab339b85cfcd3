/* SPDX-License-Identifier: GPL-2.0-only */
/* The object that a lock on the heap is part of, from the code that waits for it. */
#ifndef SYMBOL_LOCK_OBJECT_H
#define SYMBOL_LOCK_OBJECT_H

#include "model/model.h"
#include "symbol/dwarf_info.h"
#include "symbol/symbolizer.h"

/* Functions whose parameters are looked at: who takes the lock, and its caller. */
#define LOCK_OBJECT_SITES 2

struct lock_code {
	uint64_t at[MODEL_LOCK_CODE_MAX];
	uint32_t len;
};

/*
 * What waits, by the functions of @code, and in @sites the first of these that are the program's
 * own. Returns how many; 0 where no primitive of glibc's waits.
 */
size_t lock_object_sites(struct symbolizer *symbolizer, uint32_t pid, const struct lock_code *code,
			 enum dwarf_primitive *ret_primitive,
			 struct symbol sites[LOCK_OBJECT_SITES]);

#endif
