/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What DWARF says of one file: the source line of an address, the functions inlined there, and the
 * member at an offset in a data object.
 *
 * elfutils' libdw reads it, by a mapping of the file: a debug file of a gigabyte costs the pages
 * that are looked at.  The file is hostile, and one that is cut short under the mapping ends the
 * process by SIGBUS: call this in a process that may end (symbol/isolate.h).
 */
#ifndef SYMBOL_DWARF_INFO_H
#define SYMBOL_DWARF_INFO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dwarf_info;

#define DWARF_PLACES_MAX 16 /* inlined functions of one address, the one around them included */
#define DWARF_NAME_MAX 256
#define DWARF_FILE_MAX 512

struct dwarf_place {
	char function[DWARF_NAME_MAX]; /* as linkers know it, else as in the source; "" = unknown */
	char file[DWARF_FILE_MAX];     /* "" = unknown */
	uint32_t line;		       /* 0 = unknown */
};

/*
 * Whether @fd has what it takes: .debug_info and .debug_line, also compressed.
 */
bool dwarf_info_present(int fd);

/* Returns 0, -ENODATA (nothing of use), -ENOMEM. The file @fd must stay open until the end. */
int dwarf_info_open(int fd, struct dwarf_info **ret);
void dwarf_info_free(struct dwarf_info *info);

/*
 * The places of the ELF virtual address @vaddr, innermost first: the line in the innermost inlined
 * function, then for each function around it the line of the call.  The last one is the function
 * that has the address by the symbol table.  Of more than there is room for, those between it and
 * the innermost ones are left out.  Returns how many there are, 0 = nothing is known.
 */
size_t dwarf_info_places(struct dwarf_info *info, uint64_t vaddr,
			 struct dwarf_place places[DWARF_PLACES_MAX]);

/*
 * The path from the data object at the ELF virtual address @object to its part at @offset bytes:
 * ".shards[1].lock"; "" for an object that is a lock by itself.  It ends at a primitive of the C or
 * C++ library, whatever the offset inside.  Returns false where DWARF does not tell.
 */
bool dwarf_info_member(struct dwarf_info *info, uint64_t object, uint64_t offset, char *to,
		       size_t size);

/* Primitives of the C and C++ library. */
enum dwarf_primitive {
	DWARF_NO_PRIMITIVE,
	DWARF_MUTEX,
	DWARF_RWLOCK,
	DWARF_CONDVAR,
	DWARF_SEMAPHORE,
	DWARF_BARRIER,
	DWARF_OTHER,
};

#define DWARF_OBJECTS_MAX 4

/* A type of objects that a function gets, with exactly one primitive of the kind asked for. */
struct dwarf_object {
	char name[DWARF_NAME_MAX]; /* the type's, and the member's path: "cache.lock" */
	uint64_t bytes;		   /* of an object */
	uint64_t offset;	   /* of the primitive in it */
};

/*
 * Types of objects to which the parameters of the function at the ELF virtual address @vaddr point
 * and which have exactly one primitive of kind @primitive.  Of functions that are inlined there the
 * innermost one with such a parameter counts.  Returns how many types there are.
 */
size_t dwarf_info_objects(struct dwarf_info *info, uint64_t vaddr, enum dwarf_primitive primitive,
			  struct dwarf_object objects[DWARF_OBJECTS_MAX]);

#endif
