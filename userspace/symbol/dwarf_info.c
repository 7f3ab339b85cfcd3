// SPDX-License-Identifier: GPL-2.0-only
#include "symbol/dwarf_info.h"

#include <dwarf.h>
#include <errno.h>
#include <libelf.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "base/text.h"
#include "symbol/dwarf_internal.h"
#include "symbol/elf_file.h"

bool dwarf_info_present(int fd)
{
	struct elf_file file;
	bool present;

	if (elf_file_open(fd, NULL, 0, &file, NULL) < 0)
		return false;
	present = elf_file_has_section(&file, ".debug_info") &&
		  elf_file_has_section(&file, ".debug_line");
	elf_file_close(&file);
	return present;
}

static bool add_range(struct dwarf_ranges *ranges, size_t max, uint64_t low, uint64_t high,
		      Dwarf_Off item)
{
	struct dwarf_range *range;

	/* What the linker dropped stays behind at address 0 or 1. */
	if (low <= 1 || low >= high || ranges->v.len >= max)
		return true;
	range = vec_add(&ranges->v);
	if (range)
		*range = (struct dwarf_range){low, high, item};
	return range != NULL;
}

static bool add_ranges_of(struct dwarf_ranges *ranges, size_t max, Dwarf_Die *die, Dwarf_Off item)
{
	Dwarf_Addr base, low, high;
	ptrdiff_t at = 0;
	bool ok = true;

	while (ok && ranges->v.len < max && (at = dwarf_ranges(die, at, &base, &low, &high)) > 0)
		ok = add_range(ranges, max, low, high, item);
	return ok;
}

static int by_low(const void *a, const void *b)
{
	const struct dwarf_range *x = a, *y = b;

	return x->low < y->low ? -1 : x->low > y->low;
}

static void sort_ranges(struct dwarf_ranges *ranges)
{
	if (ranges->v.len)
		qsort(ranges->v.at, ranges->v.len, sizeof(*ranges->v.at), by_low);
}

/* The range with @addr; of nested ones the one that begins last. */
static const struct dwarf_range *find_range(const struct dwarf_ranges *ranges, uint64_t addr)
{
	const size_t look_back_max = 64; /* ranges that begin later and end before @addr */
	size_t low = 0, high = ranges->v.len;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (ranges->v.at[middle].low <= addr)
			low = middle + 1;
		else
			high = middle;
	}
	for (size_t i = low; i > 0 && low - i < look_back_max; i--)
		if (addr < ranges->v.at[i - 1].high)
			return &ranges->v.at[i - 1];
	return NULL;
}

/* Returns 0 or -ENOMEM. */
static int read_units(struct dwarf_info *info)
{
	Dwarf_CU *cu = NULL;
	Dwarf_Die die;
	uint8_t type;

	while (info->units.len < DWARF_UNITS_MAX &&
	       dwarf_get_units(info->dwarf, cu, &cu, NULL, &type, &die, NULL) == 0) {
		struct dwarf_unit *unit;

		if (type != DW_UT_compile && type != DW_UT_skeleton)
			continue;
		unit = vec_add(&info->units);
		if (!unit)
			return -ENOMEM;
		unit->die = die;
		if (!add_ranges_of(&info->ranges, DWARF_RANGES_MAX, &die, info->units.len - 1))
			return -ENOMEM;
	}
	sort_ranges(&info->ranges);
	return info->units.len ? 0 : -ENODATA;
}

int dwarf_info_open(int fd, struct dwarf_info **ret)
{
	struct dwarf_info *info;
	Elf *elf;
	int r;

	if (!dwarf_info_present(fd)) /* looks at the header, too */
		return -ENODATA;
	info = calloc(1, sizeof(*info));
	if (!info)
		return -ENOMEM;
	elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
	info->dwarf = elf ? dwarf_begin_elf(elf, DWARF_C_READ, NULL) : NULL;
	r = info->dwarf ? read_units(info) : -ENODATA;
	if (r == 0) {
		*ret = info;
		return 0;
	}
	if (!info->dwarf)
		elf_end(elf);
	dwarf_info_free(info);
	return r;
}

void dwarf_info_free(struct dwarf_info *info)
{
	struct dwarf_unit *unit;
	Elf *elf;

	if (!info)
		return;
	VEC_FOREACH (&info->units, unit)
		vec_free(&unit->functions.v);
	vec_free(&info->units);
	vec_free(&info->ranges.v);
	if (info->dwarf) {
		elf = dwarf_getelf(info->dwarf);
		dwarf_end(info->dwarf);
		elf_end(elf);
	}
	free(info);
}

/* The functions of a unit with code, as deep as namespaces, classes and functions nest: a lambda is
 * a function of a class in a function. */
static bool add_functions(struct dwarf_ranges *functions, Dwarf_Die *parent, int depth)
{
	Dwarf_Die die;
	int next = dwarf_child(parent, &die);

	for (; next == 0; next = dwarf_siblingof(&die, &die)) {
		switch (dwarf_tag(&die)) {
		case DW_TAG_subprogram:
			if (!add_ranges_of(functions, DWARF_FUNCTIONS_MAX, &die,
					   dwarf_dieoffset(&die)))
				return false;
			break;
		case DW_TAG_namespace:
		case DW_TAG_module:
		case DW_TAG_class_type:
		case DW_TAG_structure_type:
		case DW_TAG_union_type:
		case DW_TAG_lexical_block:
			break;
		default:
			continue;
		}
		if (depth < DWARF_DEPTH_MAX && !add_functions(functions, &die, depth + 1))
			return false;
	}
	return true;
}

/* The function of @unit with @vaddr. */
static bool find_function(struct dwarf_info *info, struct dwarf_unit *unit, uint64_t vaddr,
			  Dwarf_Die *ret)
{
	const struct dwarf_range *range;

	if (!unit->functions_read) {
		unit->functions_read = true;
		if (!add_functions(&unit->functions, &unit->die, 0))
			vec_free(&unit->functions.v);
		sort_ranges(&unit->functions);
	}
	range = find_range(&unit->functions, vaddr);
	return range && dwarf_offdie(info->dwarf, range->item, ret);
}

static void name_of(Dwarf_Die *die, char to[DWARF_NAME_MAX])
{
	Dwarf_Attribute attr;
	const char *name = NULL;

	if (dwarf_attr_integrate(die, DW_AT_linkage_name, &attr) ||
	    dwarf_attr_integrate(die, DW_AT_MIPS_linkage_name, &attr))
		name = dwarf_formstring(&attr);
	text_copy_cut(to, DWARF_NAME_MAX, name ? name : dwarf_diename(die));
}

/* The line that the code at @vaddr was made of. */
static void set_line(struct dwarf_unit *unit, uint64_t vaddr, struct dwarf_place *place)
{
	Dwarf_Line *line = dwarf_getsrc_die(&unit->die, vaddr);
	int number = 0;

	if (!line || dwarf_lineno(line, &number) != 0 || number <= 0)
		return;
	place->line = (uint32_t)number;
	text_copy_cut(place->file, sizeof(place->file), dwarf_linesrc(line, NULL, NULL));
}

static bool unsigned_attr(Dwarf_Die *die, unsigned int name, Dwarf_Word *ret)
{
	Dwarf_Attribute attr;

	return dwarf_attr(die, name, &attr) && dwarf_formudata(&attr, ret) == 0;
}

/* Where the inlined function @die was called. */
static void set_call(struct dwarf_unit *unit, Dwarf_Die *die, struct dwarf_place *place)
{
	Dwarf_Word number, file;
	Dwarf_Files *files;
	size_t files_len;

	if (!unsigned_attr(die, DW_AT_call_line, &number) || number > UINT32_MAX)
		return;
	place->line = (uint32_t)number;
	if (unsigned_attr(die, DW_AT_call_file, &file) &&
	    dwarf_getsrcfiles(&unit->die, &files, &files_len) == 0 && file < files_len)
		text_copy_cut(place->file, sizeof(place->file),
			      dwarf_filesrc(files, file, NULL, NULL));
}

/*
 * The inlined functions with @vaddr below @parent, outermost first; returns how many.  Of more than
 * @max the innermost ones, whose line is known, and *ret_first is the outermost of all.
 */
static size_t find_inlined(Dwarf_Die *parent, uint64_t vaddr, Dwarf_Die *chain, size_t max,
			   Dwarf_Die *ret_first)
{
	const int blocks_max = 4 * DWARF_DEPTH_MAX; /* each may have several around it */
	Dwarf_Die inside = *parent;
	size_t len = 0;

	for (int depth = 0; depth < blocks_max; depth++) {
		Dwarf_Die die;
		int next = dwarf_child(&inside, &die);
		bool found = false;

		for (; next == 0 && !found; next = found ? 1 : dwarf_siblingof(&die, &die)) {
			int tag = dwarf_tag(&die);

			found = (tag == DW_TAG_inlined_subroutine || tag == DW_TAG_lexical_block ||
				 tag == DW_TAG_try_block || tag == DW_TAG_catch_block) &&
				dwarf_haspc(&die, vaddr) > 0;
		}
		if (!found)
			break;
		inside = die;
		if (dwarf_tag(&die) != DW_TAG_inlined_subroutine)
			continue;
		if (len == 0)
			*ret_first = die;
		if (len == max)
			memmove(chain, chain + 1, --len * sizeof(*chain));
		chain[len++] = die;
	}
	return len;
}

size_t dwarf_info_places(struct dwarf_info *info, uint64_t vaddr,
			 struct dwarf_place places[DWARF_PLACES_MAX])
{
	const struct dwarf_range *range = find_range(&info->ranges, vaddr);
	Dwarf_Die function, first, chain[DWARF_PLACES_MAX - 1];
	struct dwarf_unit *unit;
	size_t inlined;

	if (!range)
		return 0;
	unit = &info->units.at[range->item];
	unit->used = true;
	memset(places, 0, DWARF_PLACES_MAX * sizeof(*places));
	set_line(unit, vaddr, &places[0]);
	if (!find_function(info, unit, vaddr, &function))
		return places[0].line ? 1 : 0;
	inlined = find_inlined(&function, vaddr, chain, DWARF_PLACES_MAX - 1, &first);
	for (size_t i = 0; i < inlined; i++) {
		name_of(&chain[inlined - 1 - i], places[i].function);
		set_call(unit, i + 1 < inlined ? &chain[inlined - 1 - i] : &first, &places[i + 1]);
	}
	name_of(&function, places[inlined].function);
	return inlined + 1;
}

size_t dwarf_functions_at(struct dwarf_info *info, uint64_t vaddr, Dwarf_Die *functions, size_t max)
{
	const struct dwarf_range *range = find_range(&info->ranges, vaddr);
	Dwarf_Die function, first, chain[DWARF_PLACES_MAX - 1];
	size_t inlined, len = 0;

	if (!range || !find_function(info, &info->units.at[range->item], vaddr, &function))
		return 0;
	inlined = find_inlined(&function, vaddr, chain, DWARF_PLACES_MAX - 1, &first);
	for (size_t i = inlined; i-- > 0 && len < max;)
		functions[len++] = chain[i];
	if (len < max)
		functions[len++] = function;
	return len;
}
