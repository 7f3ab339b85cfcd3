// SPDX-License-Identifier: GPL-2.0-only
/* Which member a lock may be, by the types of what the function that takes it was given. */
#include <dwarf.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "base/text.h"
#include "symbol/dwarf_internal.h"

/* Members of one type that are looked at, those of its members included. */
#define MEMBERS_MAX 4096
#define PATH_DEPTH_MAX 16

struct search {
	struct dwarf_info *info;
	enum dwarf_primitive primitive;
	unsigned looked_at;
	unsigned found; /* primitives of that kind; where there may be more than seen: 2 */
	uint64_t offset;
	const char *names[PATH_DEPTH_MAX]; /* on the way down; NULL = without one */
	size_t depth;
	char path[DWARF_NAME_MAX]; /* of the one found */
};

static void take_path(struct search *s, uint64_t offset)
{
	size_t len = 0;

	if (s->found++)
		return;
	s->offset = offset;
	for (size_t i = 0; i < s->depth; i++) {
		if (!s->names[i])
			continue;
		len += (size_t)snprintf(s->path + len, sizeof(s->path) - len, ".%s", s->names[i]);
		if (len >= sizeof(s->path)) {
			s->found = 2;
			return;
		}
	}
}

static void search_aggregate(struct search *s, Dwarf_Die *aggregate, uint64_t at);

/* What lies in a member of @type at @at. */
static void search_type(struct search *s, Dwarf_Die *type, uint64_t at)
{
	Dwarf_Die element;

	if (!dwarf_peel(type))
		return;
	if (dwarf_primitive_of(type) != DWARF_NO_PRIMITIVE) {
		if (dwarf_primitive_of(type) == s->primitive)
			take_path(s, at);
		return;
	}
	if (dwarf_tag(type) == DW_TAG_array_type) {
		const unsigned before = s->found;

		/* One in each element: which one cannot be told. */
		if (dwarf_type_of(type, &element))
			search_type(s, &element, at);
		if (s->found > before)
			s->found = 2;
		return;
	}
	if (!dwarf_is_aggregate(type))
		return;
	if (!dwarf_definition(s->info, type))
		s->found = 2; /* nobody knows what is in there */
	else
		search_aggregate(s, type, at);
}

static void search_aggregate(struct search *s, Dwarf_Die *aggregate, uint64_t at)
{
	Dwarf_Die member;
	int next = dwarf_child(aggregate, &member);

	if (s->depth == PATH_DEPTH_MAX) {
		s->found = 2;
		return;
	}
	for (; next == 0 && s->found < 2; next = dwarf_siblingof(&member, &member)) {
		const int tag = dwarf_tag(&member);
		Dwarf_Word offset = 0;
		Dwarf_Die type;

		if ((tag != DW_TAG_member && tag != DW_TAG_inheritance) ||
		    dwarf_hasattr(&member, DW_AT_external) || !dwarf_type_of(&member, &type))
			continue;
		if (++s->looked_at > MEMBERS_MAX ||
		    (dwarf_hasattr(&member, DW_AT_data_member_location) &&
		     !dwarf_constant(&member, DW_AT_data_member_location, &offset))) {
			s->found = 2;
			return;
		}
		s->names[s->depth++] = tag == DW_TAG_member ? dwarf_diename(&member) : NULL;
		search_type(s, &type, at + offset);
		s->depth--;
	}
}

/* The type of objects to which @parameter points or refers, and its name: of a struct without one
 * the typedef's. */
static bool pointee_of(struct dwarf_info *info, Dwarf_Die *parameter, Dwarf_Die *ret,
		       const char **ret_name)
{
	int tag;

	if (!dwarf_type_of(parameter, ret) || !dwarf_peel(ret))
		return false;
	tag = dwarf_tag(ret);
	if ((tag != DW_TAG_pointer_type && tag != DW_TAG_reference_type &&
	     tag != DW_TAG_rvalue_reference_type) ||
	    !dwarf_type_of(ret, ret))
		return false;
	*ret_name = NULL;
	for (int depth = 0; depth < DWARF_DEPTH_MAX && !dwarf_is_aggregate(ret); depth++) {
		tag = dwarf_tag(ret);
		if (tag != DW_TAG_typedef && tag != DW_TAG_const_type &&
		    tag != DW_TAG_volatile_type)
			return false;
		if (tag == DW_TAG_typedef)
			*ret_name = dwarf_diename(ret);
		if (!dwarf_type_of(ret, ret))
			return false;
	}
	if (!dwarf_is_aggregate(ret) || !dwarf_definition(info, ret))
		return false;
	if (dwarf_diename(ret))
		*ret_name = dwarf_diename(ret);
	return *ret_name != NULL;
}

/* Add what the parameter points to, if it has exactly one such primitive and is not there yet. */
static size_t add_object(struct dwarf_info *info, enum dwarf_primitive primitive,
			 Dwarf_Die *parameter, struct dwarf_object *objects, size_t len)
{
	struct search s = {.info = info, .primitive = primitive};
	struct dwarf_object *object = &objects[len];
	const char *name;
	Dwarf_Word bytes;
	Dwarf_Die type;

	if (!pointee_of(info, parameter, &type, &name) ||
	    dwarf_primitive_of(&type) != DWARF_NO_PRIMITIVE || !dwarf_size_of(info, &type, &bytes))
		return len;
	search_aggregate(&s, &type, 0);
	if (s.found != 1 || s.offset >= bytes ||
	    strlen(name) + strlen(s.path) >= sizeof(object->name))
		return len;
	*object = (struct dwarf_object){.bytes = bytes, .offset = s.offset};
	text_copy_cut(object->name, sizeof(object->name), name);
	text_copy_cut(object->name + strlen(object->name),
		      sizeof(object->name) - strlen(object->name), s.path);
	for (size_t i = 0; i < len; i++)
		if (!strcmp(objects[i].name, object->name) && objects[i].bytes == bytes)
			return len;
	return len + 1;
}

size_t dwarf_info_objects(struct dwarf_info *info, uint64_t vaddr, enum dwarf_primitive primitive,
			  struct dwarf_object objects[DWARF_OBJECTS_MAX])
{
	Dwarf_Die functions[DWARF_PLACES_MAX], die;
	size_t functions_len = dwarf_functions_at(info, vaddr, functions, DWARF_PLACES_MAX);
	size_t len = 0;

	for (size_t i = 0; i < functions_len && len == 0; i++) {
		int next = dwarf_child(&functions[i], &die);

		for (; next == 0; next = dwarf_siblingof(&die, &die)) {
			if (dwarf_tag(&die) != DW_TAG_formal_parameter)
				continue;
			if (len == DWARF_OBJECTS_MAX)
				return 0; /* too many to tell one from the others */
			len = add_object(info, primitive, &die, objects, len);
		}
	}
	return len;
}
