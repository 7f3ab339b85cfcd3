/* SPDX-License-Identifier: GPL-2.0-only */
/* dwarf_info.c finds units and functions by address, dwarf_member.c data objects and their parts.
 */
#ifndef SYMBOL_DWARF_INTERNAL_H
#define SYMBOL_DWARF_INTERNAL_H

#include <elfutils/libdw.h>

#include "base/vec.h"
#include "symbol/dwarf_info.h"

/* Nested namespaces, classes, blocks and types that are followed. */
#define DWARF_DEPTH_MAX 64
#define DWARF_UNITS_MAX (1U << 20)
#define DWARF_RANGES_MAX (4U << 20)
#define DWARF_FUNCTIONS_MAX (1U << 20) /* of one unit */

/* Code from @low up to before @high; @item: a unit's index, or a function's DIE offset. */
struct dwarf_range {
	uint64_t low;
	uint64_t high;
	Dwarf_Off item;
};

struct dwarf_ranges {
	VEC(struct dwarf_range) v; /* by low, once sorted */
};

struct dwarf_unit {
	Dwarf_Die die;
	bool functions_read;
	bool used; /* an address was looked up in it */
	struct dwarf_ranges functions;
};

struct dwarf_info {
	Dwarf *dwarf;
	VEC(struct dwarf_unit) units;
	struct dwarf_ranges ranges; /* item: index in units */
};

#endif
