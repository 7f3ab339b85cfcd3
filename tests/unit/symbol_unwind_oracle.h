/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What elfutils' libdw says of a frame, and what a row says of it, both worked out with made-up
 * registers and memory: so that they are compared by what a walk would do, and not by their forms.
 */
#ifndef TESTS_UNIT_SYMBOL_UNWIND_ORACLE_H
#define TESTS_UNIT_SYMBOL_UNWIND_ORACLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "symbol/unwind_table.h"

struct oracle {
	int fd; /* -1: in memory */
	struct Elf *elf;
	struct Dwarf_CFI_s *cfi; /* of .eh_frame */
	struct Dwarf *dwarf;
};

/* Open a file, or an image that stays the caller's. Fails the test on error. */
void oracle_open(struct oracle *ret, const char *path);
void oracle_open_memory(struct oracle *ret, void *image, size_t len);
/* Look into .debug_frame instead. */
void oracle_use_debug_frame(struct oracle *o);
void oracle_close(struct oracle *o);

/* Fail the test unless the table's row at @vaddr means what libdw says. */
void oracle_check(struct oracle *o, const struct unwind_table *table, uint64_t vaddr);

/*
 * The same for the first and the last byte of each @step'th row, and for each @stride'th byte of
 * the text; returns the number of frames that libdw knew.
 */
size_t oracle_check_all(struct oracle *o, const struct unwind_table *table, uint32_t step,
			uint64_t stride);

/* Fail the test unless rows and index are as unwind_table.h promises. */
void oracle_check_shape(const struct unwind_table *table);

#endif
