// SPDX-License-Identifier: GPL-2.0-only
/* The part of a data object at an offset, by its type. */
#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "base/strbuf.h"
#include "symbol/dwarf_internal.h"

/* One index for each dimension, as the source writes them. */
static bool step_array(struct dwarf_info *info, Dwarf_Die *array, uint64_t *offset,
		       struct strbuf *path, Dwarf_Die *ret)
{
	uint64_t elements[DWARF_DIMENSIONS_MAX], index[DWARF_DIMENSIONS_MAX], at;
	size_t len = dwarf_dimensions_of(array, elements);
	Dwarf_Word element_bytes;

	if (!len || !dwarf_type_of(array, ret) || !dwarf_size_of(info, ret, &element_bytes) ||
	    !element_bytes)
		return false;
	at = *offset / element_bytes;
	*offset %= element_bytes;
	for (size_t i = len; i-- > 1; at /= elements[i])
		index[i] = at % elements[i];
	index[0] = at;
	for (size_t i = 0; i < len; i++)
		strbuf_printf(path, "[%llu]", (unsigned long long)index[i]);
	return true;
}

/* The member or base class of @aggregate with *offset, the first one in a union. */
static bool step_member(struct dwarf_info *info, Dwarf_Die *aggregate, uint64_t *offset,
			struct strbuf *path, Dwarf_Die *ret)
{
	Dwarf_Die member;
	int next = dwarf_child(aggregate, &member);

	for (; next == 0; next = dwarf_siblingof(&member, &member)) {
		int tag = dwarf_tag(&member);
		Dwarf_Word at = 0, bytes;
		Dwarf_Die type;
		const char *name;

		if ((tag != DW_TAG_member && tag != DW_TAG_inheritance) ||
		    dwarf_hasattr(&member, DW_AT_external) || /* static: lies elsewhere */
		    dwarf_hasattr(&member, DW_AT_bit_size) || /* no lock */
		    !dwarf_type_of(&member, &type) || !dwarf_size_of(info, &type, &bytes))
			continue;
		/* In a union it has none; a virtual base's is computed. */
		if (dwarf_hasattr(&member, DW_AT_data_member_location) &&
		    !dwarf_constant(&member, DW_AT_data_member_location, &at))
			continue;
		if (*offset < at || *offset - at >= bytes)
			continue;
		name = tag == DW_TAG_member ? dwarf_diename(&member) : NULL;
		if (name && !dwarf_wraps(aggregate, name))
			strbuf_printf(path, ".%s", name);
		*offset -= at;
		*ret = type;
		return true;
	}
	return false;
}

/* From an object of @type down to a primitive, or as deep as types have parts. */
static bool descend(struct dwarf_info *info, Dwarf_Die *type, uint64_t offset, struct strbuf *path)
{
	for (int depth = 0; depth < DWARF_DEPTH_MAX && dwarf_peel(type); depth++) {
		Dwarf_Die part;

		if (dwarf_is_primitive(type, offset))
			return true;
		if (!dwarf_definition(info, type))
			return false;
		switch (dwarf_tag(type)) {
		case DW_TAG_array_type:
			if (!step_array(info, type, &offset, path, &part))
				return false;
			break;
		case DW_TAG_structure_type:
		case DW_TAG_class_type:
		case DW_TAG_union_type:
			if (!step_member(info, type, &offset, path, &part))
				return false; /* padding */
			break;
		default: /* a number or pointer: the word itself */
			return offset == 0;
		}
		*type = part;
	}
	return false;
}

/* Whether the variable @die lies at @address for good. */
static bool lies_at(Dwarf_Die *die, uint64_t address)
{
	Dwarf_Attribute attr, in_table;
	Dwarf_Addr at;
	Dwarf_Op *ops;
	size_t len;

	if (!dwarf_attr(die, DW_AT_location, &attr) || dwarf_getlocation(&attr, &ops, &len) != 0 ||
	    len != 1)
		return false;
	if (ops[0].atom == DW_OP_addr)
		return ops[0].number == address;
	/* clang's DWARF 5 has all addresses in a table. */
	return ops[0].atom == DW_OP_addrx &&
	       dwarf_getlocation_attr(&attr, &ops[0], &in_table) == 0 &&
	       dwarf_formaddr(&in_table, &at) == 0 && at == address;
}

/* The variable at @address below @parent: of the file, a namespace, or static in a function. */
static bool find_variable(Dwarf_Die *parent, uint64_t address, int depth, Dwarf_Die *ret)
{
	const bool in_code =
		dwarf_tag(parent) == DW_TAG_subprogram || dwarf_tag(parent) == DW_TAG_lexical_block;
	Dwarf_Die die;
	int next = dwarf_child(parent, &die);

	for (; next == 0; next = dwarf_siblingof(&die, &die)) {
		switch (dwarf_tag(&die)) {
		case DW_TAG_variable:
			if (lies_at(&die, address)) {
				*ret = die;
				return true;
			}
			break;
		case DW_TAG_class_type:
		case DW_TAG_structure_type:
			if (!in_code) /* else a lambda's, with its code inside */
				break;
			/* fall through */
		case DW_TAG_namespace:
		case DW_TAG_module:
		case DW_TAG_subprogram:
		case DW_TAG_lexical_block:
			if (depth < DWARF_DEPTH_MAX && dwarf_haschildren(&die) &&
			    find_variable(&die, address, depth + 1, ret))
				return true;
			break;
		default:
			break;
		}
	}
	return false;
}

bool dwarf_info_member(struct dwarf_info *info, uint64_t object, uint64_t offset, char *to,
		       size_t size)
{
	struct strbuf path = {0};
	Dwarf_Die variable, type;
	bool found = false;

	/* A unit whose code was met is the likeliest place of what that code locks. */
	for (int pass = 0; pass < 2 && !found; pass++)
		for (size_t i = 0; i < info->units.len && !found; i++)
			found = info->units.at[i].used == (pass == 0) &&
				find_variable(&info->units.at[i].die, object, 0, &variable);
	found = found && dwarf_type_of(&variable, &type) && descend(info, &type, offset, &path) &&
		!path.failed && path.len < size;
	if (found)
		memcpy(to, strbuf_str(&path), path.len + 1);
	strbuf_free(&path);
	return found;
}
