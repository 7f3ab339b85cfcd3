// SPDX-License-Identifier: GPL-2.0-only
#include "tui/theme.h"

/* The eight colours of every terminal that has any. */
enum { BLACK, RED, GREEN, YELLOW, BLUE, MAGENTA, CYAN, WHITE, NONE = COLOR_NONE };

/* clang-format off */
static const struct look looks[ROLE_COUNT] = {
/*				     256: fg, bg     16: fg, bg	     attributes			   without colours */
	[ROLE_PLAIN]		  = {NONE, NONE,     NONE, NONE,     0,				   0},
	[ROLE_DIM]		  = {245, NONE,	     WHITE, NONE,    LOOK_DIM,			   LOOK_DIM},
	[ROLE_BOLD]		  = {NONE, NONE,     NONE, NONE,     LOOK_BOLD,			   LOOK_BOLD},
	[ROLE_TITLE]		  = {81, NONE,	     CYAN, NONE,     LOOK_BOLD,			   LOOK_BOLD},
	[ROLE_RULE]		  = {240, NONE,	     BLUE, NONE,     0,				   LOOK_DIM},
	[ROLE_TAB]		  = {250, 236,	     WHITE, NONE,    0,				   0},
	[ROLE_TAB_OPEN]		  = {16, 81,	     BLACK, CYAN,    LOOK_BOLD,			   LOOK_REVERSE | LOOK_BOLD},
	[ROLE_HEADING]		  = {16, 71,	     BLACK, GREEN,   0,				   LOOK_REVERSE},
	[ROLE_SORTED]		  = {16, 81,	     BLACK, CYAN,    LOOK_BOLD,			   LOOK_REVERSE | LOOK_BOLD},
	[ROLE_KEY]		  = {252, NONE,	     WHITE, NONE,    LOOK_BOLD,			   LOOK_BOLD},
	[ROLE_KEY_TEXT]		  = {16, 37,	     BLACK, CYAN,    0,				   LOOK_REVERSE},
	[ROLE_GOOD]		  = {78, NONE,	     GREEN, NONE,    LOOK_BOLD,			   LOOK_BOLD},
	[ROLE_WARN]		  = {221, NONE,	     YELLOW, NONE,   LOOK_BOLD,			   LOOK_BOLD},
	[ROLE_BAD]		  = {203, NONE,	     RED, NONE,	     LOOK_BOLD,			   LOOK_BOLD},
	[ROLE_MATCH]		  = {16, 226,	     BLACK, YELLOW,  LOOK_BOLD,			   LOOK_REVERSE | LOOK_BOLD},
	[ROLE_GROUP + GROUP_RUN]  = {71, NONE,	     GREEN, NONE,    0,				   0},
	[ROLE_GROUP + GROUP_LOCK] = {203, NONE,	     RED, NONE,	     0,				   LOOK_BOLD},
	[ROLE_GROUP + GROUP_GIL]  = {170, NONE,	     MAGENTA, NONE,  0,				   LOOK_BOLD},
	[ROLE_GROUP + GROUP_DISK] = {179, NONE,	     YELLOW, NONE,   0,				   0},
	[ROLE_GROUP + GROUP_NET]  = {68, NONE,	     BLUE, NONE,     0,				   0},
	[ROLE_GROUP + GROUP_PEER] = {44, NONE,	     CYAN, NONE,     0,				   0},
	[ROLE_GROUP + GROUP_RUNQ] = {215, NONE,	     YELLOW, NONE,   LOOK_BOLD,			   LOOK_BOLD},
	[ROLE_GROUP + GROUP_OTHER] = {250, NONE,     WHITE, NONE,    0,				   0},
	[ROLE_GROUP + GROUP_IDLE] = {239, NONE,	     WHITE, NONE,    LOOK_DIM,			   LOOK_DIM},
	[ROLE_FRAME_NATIVE]	  = {16, 179,	     BLACK, YELLOW,  0,				   LOOK_REVERSE},
	[ROLE_FRAME_PYTHON]	  = {16, 114,	     BLACK, GREEN,   0,				   LOOK_REVERSE},
	[ROLE_FRAME_KERNEL]	  = {16, 173,	     BLACK, RED,     0,				   LOOK_REVERSE},
	[ROLE_FRAME_ROOT]	  = {16, 110,	     BLACK, BLUE,    LOOK_BOLD,			   LOOK_REVERSE | LOOK_BOLD},
};
/* clang-format on */

static const struct {
	const char *block;
	const char *letter;
} signs[GROUP_COUNT] = {
	[GROUP_RUN] = {"█", "#"},  [GROUP_LOCK] = {"▓", "L"},  [GROUP_GIL] = {"▚", "G"},
	[GROUP_DISK] = {"▒", "D"}, [GROUP_NET] = {"▞", "N"},   [GROUP_PEER] = {"▌", "P"},
	[GROUP_RUNQ] = {"▄", "q"}, [GROUP_OTHER] = {"?", "?"}, [GROUP_IDLE] = {"░", "."},
};

const struct look *theme_look(enum role role)
{
	return &looks[role];
}

enum time_group group_of_class(enum time_class cls)
{
	for (unsigned group = 0; group < GROUP_COUNT; group++)
		if (time_group_has((enum time_group)group, cls))
			return (enum time_group)group;
	return GROUP_OTHER;
}

enum role role_of_class(enum time_class cls)
{
	return role_of_group(group_of_class(cls));
}

const char *theme_group_sign(enum time_group group, bool ascii)
{
	return ascii ? signs[group].letter : signs[group].block;
}
