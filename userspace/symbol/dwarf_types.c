// SPDX-License-Identifier: GPL-2.0-only
/* What a type is, behind its names; primitives; where a type that is but declared is defined. */
#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "symbol/dwarf_internal.h"

/* Entries that are looked at for definitions, in all. */
#define DEFINITION_WORK_MAX (4U << 20)
#define SCOPES_MAX 16

/*
 * Types at which a path ends: what lies inside is the library's own.  In C the typedef's name, in
 * C++ the class's.
 */
static const struct {
	const char *name;
	enum dwarf_primitive primitive;
} primitives[] = {
	{"pthread_mutex_t", DWARF_MUTEX},
	{"pthread_cond_t", DWARF_CONDVAR},
	{"pthread_rwlock_t", DWARF_RWLOCK},
	{"pthread_barrier_t", DWARF_BARRIER},
	{"pthread_spinlock_t", DWARF_OTHER},
	{"pthread_once_t", DWARF_OTHER},
	{"sem_t", DWARF_SEMAPHORE},
	{"mtx_t", DWARF_MUTEX},
	{"cnd_t", DWARF_CONDVAR},
	{"once_flag", DWARF_OTHER},
	{"mutex", DWARF_MUTEX},
	{"timed_mutex", DWARF_MUTEX},
	{"recursive_mutex", DWARF_MUTEX},
	{"recursive_timed_mutex", DWARF_MUTEX},
	{"shared_mutex", DWARF_RWLOCK},
	{"shared_timed_mutex", DWARF_OTHER},
	{"condition_variable", DWARF_CONDVAR},
	{"condition_variable_any", DWARF_OTHER},
};

enum dwarf_primitive dwarf_primitive_of(Dwarf_Die *type)
{
	const char *name = dwarf_diename(type);

	for (size_t i = 0; name && i < ARRAY_LEN(primitives); i++)
		if (strcmp(name, primitives[i].name) == 0)
			return primitives[i].primitive;
	return DWARF_NO_PRIMITIVE;
}

static bool of_rust(Dwarf_Die *type)
{
	Dwarf_Die unit;

	return dwarf_diecu(type, &unit, NULL, NULL) && dwarf_srclang(&unit) == DW_LANG_Rust;
}

/*
 * Rust's wrap each other: sync::Mutex<T> { inner: sys::Mutex, .. }.  The inner one is no template.
 * An rwlock has two words, that of writers behind the other: it keeps its own name.
 */
static bool is_rust_primitive(Dwarf_Die *type, uint64_t offset)
{
	static const char *const names[] = {"Mutex", "Condvar", "Once", "RwLock"};
	const char *name = dwarf_diename(type);

	for (size_t i = 0; name && i < ARRAY_LEN(names); i++)
		if (strcmp(name, names[i]) == 0)
			return (offset < sizeof(uint32_t) || strcmp(name, "RwLock") != 0) &&
			       of_rust(type);
	return name && (!strcmp(name, "AtomicU32") || !strcmp(name, "Atomic<u32>")) &&
	       of_rust(type);
}

bool dwarf_is_primitive(Dwarf_Die *type, uint64_t offset)
{
	return dwarf_primitive_of(type) != DWARF_NO_PRIMITIVE || is_rust_primitive(type, offset);
}

bool dwarf_wraps(Dwarf_Die *aggregate, const char *member)
{
	static const char *const names[] = {"Mutex<", "RwLock<"};
	const char *name = dwarf_diename(aggregate);

	for (size_t i = 0; name && i < ARRAY_LEN(names); i++)
		if (strncmp(name, names[i], strlen(names[i])) == 0)
			return strcmp(member, "inner") == 0 && of_rust(aggregate);
	return false;
}

bool dwarf_type_of(Dwarf_Die *die, Dwarf_Die *ret)
{
	Dwarf_Attribute attr;

	return dwarf_attr_integrate(die, DW_AT_type, &attr) && dwarf_formref_die(&attr, ret);
}

/* The type behind qualifiers and names; stops at a primitive. */
bool dwarf_peel(Dwarf_Die *type)
{
	for (int depth = 0; depth < DWARF_DEPTH_MAX; depth++) {
		switch (dwarf_tag(type)) {
		case DW_TAG_typedef:
			if (dwarf_primitive_of(type) != DWARF_NO_PRIMITIVE)
				return true;
			break;
		case DW_TAG_const_type:
		case DW_TAG_volatile_type:
		case DW_TAG_atomic_type:
			break;
		default:
			return true;
		}
		if (!dwarf_type_of(type, type))
			return false;
	}
	return false;
}

bool dwarf_constant(Dwarf_Die *die, unsigned int name, Dwarf_Word *ret)
{
	Dwarf_Attribute attr;

	return dwarf_attr_integrate(die, name, &attr) && dwarf_formudata(&attr, ret) == 0;
}

bool dwarf_is_aggregate(Dwarf_Die *type)
{
	const int tag = dwarf_tag(type);

	return tag == DW_TAG_structure_type || tag == DW_TAG_class_type || tag == DW_TAG_union_type;
}

/* ---- definitions in other units ---- */

/* Of a declared type: its name, and those of the scopes around it, innermost first. */
struct wanted {
	const char *names[SCOPES_MAX];
	size_t len;
	Dwarf_Die found;
	Dwarf_Word bytes;
	bool ambiguous;
};

static bool names_of(Dwarf_Die *type, struct wanted *want)
{
	Dwarf_Die *scopes = NULL;
	int len = dwarf_getscopes_die(type, &scopes);
	bool ok = len > 1 && len - 1 <= SCOPES_MAX;

	/* The last one is the unit. */
	for (int i = 0; ok && i < len - 1; i++) {
		const int tag = dwarf_tag(&scopes[i]);

		/* Where a function or something without a name is around it, there is but one. */
		ok = tag == DW_TAG_namespace || tag == DW_TAG_structure_type ||
		     tag == DW_TAG_class_type || tag == DW_TAG_union_type;
		want->names[i] = ok ? dwarf_diename(&scopes[i]) : NULL;
		ok = want->names[i] != NULL;
	}
	want->len = ok ? (size_t)(len - 1) : 0;
	free(scopes);
	return ok;
}

/* The definitions of @want below @parent, @depth of whose names it is. */
static void find_definitions(struct dwarf_info *info, struct wanted *want, Dwarf_Die *parent,
			     size_t depth)
{
	const char *wanted = want->names[want->len - 1 - depth];
	Dwarf_Die die;
	int next = dwarf_child(parent, &die);

	for (; next == 0 && !want->ambiguous; next = dwarf_siblingof(&die, &die)) {
		const int tag = dwarf_tag(&die);
		Dwarf_Word bytes;
		const char *name;

		if (++info->definition_work > DEFINITION_WORK_MAX) {
			want->ambiguous = true; /* what was not looked at may be another one */
			return;
		}
		if (tag != DW_TAG_namespace && !dwarf_is_aggregate(&die))
			continue;
		name = dwarf_diename(&die);
		if (!name || strcmp(name, wanted) != 0)
			continue;
		if (depth + 1 < want->len) {
			find_definitions(info, want, &die, depth + 1);
			continue;
		}
		if (!dwarf_is_aggregate(&die) || dwarf_hasattr(&die, DW_AT_declaration) ||
		    dwarf_aggregate_size(&die, &bytes) != 0)
			continue;
		/* In C units may call different things the same. */
		want->ambiguous = want->bytes && want->bytes != bytes;
		want->bytes = bytes;
		want->found = die;
	}
}

bool dwarf_definition(struct dwarf_info *info, Dwarf_Die *type)
{
	struct wanted want = {.len = 0};

	if (!dwarf_is_aggregate(type) || !dwarf_hasattr(type, DW_AT_declaration))
		return true;
	if (!names_of(type, &want))
		return false;
	for (size_t i = 0; i < info->units.len && !want.ambiguous; i++)
		find_definitions(info, &want, &info->units.at[i].die, 0);
	if (want.ambiguous || !want.bytes)
		return false;
	*type = want.found;
	return true;
}

/* ---- sizes ---- */

/* How many elements the dimension @dim has, 0 = not known. */
static uint64_t elements_of(Dwarf_Die *dim)
{
	Dwarf_Word count;

	if (dwarf_constant(dim, DW_AT_count, &count))
		return count;
	return dwarf_constant(dim, DW_AT_upper_bound, &count) && count < UINT64_MAX ? count + 1 : 0;
}

size_t dwarf_dimensions_of(Dwarf_Die *array, uint64_t elements[DWARF_DIMENSIONS_MAX])
{
	Dwarf_Die dim;
	size_t len = 0;
	int next = dwarf_child(array, &dim);

	for (; next == 0; next = dwarf_siblingof(&dim, &dim)) {
		if (dwarf_tag(&dim) != DW_TAG_subrange_type)
			continue;
		if (len == DWARF_DIMENSIONS_MAX)
			return 0;
		elements[len] = elements_of(&dim);
		if (len > 0 && elements[len] == 0)
			return 0;
		len++;
	}
	return len;
}

bool dwarf_size_of(struct dwarf_info *info, Dwarf_Die *type, Dwarf_Word *ret)
{
	uint64_t elements[DWARF_DIMENSIONS_MAX];
	Dwarf_Die inner = *type;
	size_t len;

	/* libdw knows all but what has a class in it that another unit defines. */
	if (dwarf_aggregate_size(type, ret) == 0)
		return true;
	if (!dwarf_peel(&inner) || !dwarf_definition(info, &inner))
		return false;
	if (dwarf_tag(&inner) != DW_TAG_array_type)
		return dwarf_aggregate_size(&inner, ret) == 0;
	len = dwarf_dimensions_of(&inner, elements);
	if (!len || !dwarf_type_of(&inner, &inner) || !dwarf_peel(&inner) ||
	    !dwarf_definition(info, &inner) || dwarf_aggregate_size(&inner, ret) != 0)
		return false;
	for (size_t i = 0; i < len; i++)
		if (__builtin_mul_overflow(*ret, elements[i], ret))
			return false;
	return true;
}
