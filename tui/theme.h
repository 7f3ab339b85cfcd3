/* SPDX-License-Identifier: GPL-2.0-only */
/* How what is drawn looks: roles, and for each role its colours and attributes in one table. */
#ifndef TUI_THEME_H
#define TUI_THEME_H

#include "report/derived.h"

#include <stdbool.h>

/* What a cell is for.  Views name roles, never colours. */
enum role {
	ROLE_PLAIN,
	ROLE_DIM,
	ROLE_BOLD,
	ROLE_TITLE,    /* of the program, of boxes */
	ROLE_RULE,     /* lines between parts */
	ROLE_TAB,      /* a view that is not shown */
	ROLE_TAB_OPEN, /* the one that is */
	ROLE_HEADING,  /* of a table */
	ROLE_SORTED,   /* of the column by which it is sorted */
	ROLE_KEY,      /* in the bar at the bottom */
	ROLE_KEY_TEXT,
	ROLE_GOOD,
	ROLE_WARN,
	ROLE_BAD,
	ROLE_MATCH, /* what was searched for */
	/* one for each group of time, in their order */
	ROLE_GROUP,
	ROLE_GROUP_END = ROLE_GROUP + GROUP_COUNT,
	/* frames of a flame graph: native, Python's, the kernel's, why it is off the CPU */
	ROLE_FRAME_NATIVE = ROLE_GROUP_END,
	ROLE_FRAME_PYTHON,
	ROLE_FRAME_KERNEL,
	ROLE_FRAME_ROOT,
	ROLE_COUNT
};

#define COLOR_NONE (-1)

enum look_attribute { LOOK_BOLD = 1, LOOK_DIM = 2, LOOK_REVERSE = 4, LOOK_UNDERLINE = 8 };

struct look {
	short fg256, bg256; /* of 256 colours, or COLOR_NONE */
	short fg16, bg16;   /* of 8 (16: with bold) */
	unsigned attributes;
	unsigned mono; /* attributes where there are no colours */
};

const struct look *theme_look(enum role role);

static inline enum role role_of_group(enum time_group group)
{
	return (enum role)(ROLE_GROUP + (int)group);
}

/* The role of the group that @cls belongs to. */
enum role role_of_class(enum time_class cls);
enum time_group group_of_class(enum time_class cls);

/* The sign of a group: a pattern of its own, since colour is never the only carrier of meaning. */
const char *theme_group_sign(enum time_group group, bool ascii);

#endif
