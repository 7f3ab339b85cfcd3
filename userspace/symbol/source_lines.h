/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Source lines, inlined functions and members for many addresses at once, looked up in a process of
 * its own (symbol/isolate.h): DWARF is hostile, large, and read by a mapping.
 */
#ifndef SYMBOL_SOURCE_LINES_H
#define SYMBOL_SOURCE_LINES_H

#include <stddef.h>
#include <stdint.h>

#include "symbol/dwarf_info.h"

enum line_query_kind {
	LINE_QUERY_PLACES,
	LINE_QUERY_MEMBER,  /* a part of a data object */
	LINE_QUERY_OBJECTS, /* that a function gets */
};

struct line_query {
	int fd; /* of the file with DWARF, to stay open meanwhile */
	enum line_query_kind kind;
	uint64_t vaddr;			/* of the code, or of the object */
	uint64_t offset;		/* of the part in the object, bytes */
	enum dwarf_primitive primitive; /* that the objects have */
};

/* Each is called at most once for a query, in their order; what is not known has no call. */
struct line_sink {
	/* dwarf_info_places(): @len > 0 */
	void (*places)(void *ctx, size_t query, const struct dwarf_place *places, size_t len);
	/* dwarf_info_member() */
	void (*member)(void *ctx, size_t query, const char *path);
	/* dwarf_info_objects(): @len > 0 */
	void (*objects)(void *ctx, size_t query, const struct dwarf_object *objects, size_t len);
	void *ctx;
};

/*
 * Answer @queries, the important ones first: after @limit_ns what is left has no answer.  A file
 * that brings its reader down is left out, and the rest goes on without it.
 * Returns how many queries were not looked at, or a negative errno when none could be.
 */
long source_lines_find(const struct line_query *queries, size_t len, uint64_t limit_ns,
		       const struct line_sink *sink);

#endif
