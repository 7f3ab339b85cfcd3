/* SPDX-License-Identifier: GPL-2.0-only */
/* dwarf_info.c finds units and functions by address, dwarf_member.c data objects and their parts,
 * dwarf_object.c the objects that a function gets, dwarf_types.c says what types are. */
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
	unsigned definition_work;   /* entries looked at for definitions */
};

/* ---- dwarf_info.c ---- */

/*
 * The functions with @vaddr: those inlined there, innermost first, then the one around them.
 * Returns how many there are.
 */
size_t dwarf_functions_at(struct dwarf_info *info, uint64_t vaddr, Dwarf_Die *functions,
			  size_t max);

/* ---- dwarf_types.c ---- */

enum dwarf_primitive dwarf_primitive_of(Dwarf_Die *type);
/* Whether a path ends at @type, whatever lies @offset bytes inside. */
bool dwarf_is_primitive(Dwarf_Die *type, uint64_t offset);
/* Whether @member is the primitive of which @aggregate is but a wrapper. */
bool dwarf_wraps(Dwarf_Die *aggregate, const char *member);
bool dwarf_type_of(Dwarf_Die *die, Dwarf_Die *ret);
bool dwarf_peel(Dwarf_Die *type);
bool dwarf_constant(Dwarf_Die *die, unsigned int name, Dwarf_Word *ret);
bool dwarf_size_of(struct dwarf_info *info, Dwarf_Die *type, Dwarf_Word *ret);
#define DWARF_DIMENSIONS_MAX 16
/* How many elements each dimension has, the first one's 0 where that is not known; returns how many
 * dimensions there are, 0 where that or another one's length is not known. */
size_t dwarf_dimensions_of(Dwarf_Die *array, uint64_t elements[DWARF_DIMENSIONS_MAX]);
bool dwarf_is_aggregate(Dwarf_Die *type);
/*
 * Turn a class that is but declared into its definition, which another unit has.  False where there
 * is none, or several that differ.
 */
bool dwarf_definition(struct dwarf_info *info, Dwarf_Die *type);

#endif
