/* SPDX-License-Identifier: GPL-2.0-only */
/* THE table of keys: the bar at the bottom and the help are made from the same rows that keys are
 * looked up in. */
#ifndef TUI_KEYS_H
#define TUI_KEYS_H

#include <stdbool.h>
#include <stdint.h>

/* Keys that are no character. */
enum key {
	KEY_NONE = 0,
	KEY_TABULATOR = '\t',
	KEY_RETURN = '\r',
	KEY_ESCAPE = 0x1b,
	KEY_RUBOUT = 0x7f,
	KEY_SPECIAL = 0x110000, /* above every character */
	KEY_ARROW_UP,
	KEY_ARROW_DOWN,
	KEY_ARROW_LEFT,
	KEY_ARROW_RIGHT,
	KEY_PAGE_UP,
	KEY_PAGE_DOWN,
	KEY_HOME_KEY,
	KEY_END_KEY,
	KEY_BACK_TAB,
	KEY_F1_KEY,
	KEY_F3_KEY,
	KEY_F4_KEY,
	KEY_F5_KEY,
	KEY_F6_KEY,
	KEY_F10_KEY,
};

enum action {
	ACTION_NONE,
	ACTION_UP,
	ACTION_DOWN,
	ACTION_LEFT,
	ACTION_RIGHT,
	ACTION_PAGE_UP,
	ACTION_PAGE_DOWN,
	ACTION_HOME,
	ACTION_END,
	ACTION_OPEN,
	ACTION_BACK,
	ACTION_NEXT_VIEW,
	ACTION_LAST_VIEW,
	ACTION_VIEW,
	ACTION_FILTER,
	ACTION_NEXT_MATCH,
	ACTION_SORT,
	ACTION_REVERSE,
	ACTION_TREE,
	ACTION_WINDOW,
	ACTION_PAUSE,
	ACTION_ZERO,
	ACTION_OLDER,
	ACTION_NEWER,
	ACTION_EXPORT,
	ACTION_REDRAW,
	ACTION_HELP,
	ACTION_QUIT,
};

#define KEYS_EACH 4

struct key_row {
	enum action action;
	int keys[KEYS_EACH]; /* 0 = no further one */
	const char *shown;   /* how they are written */
	const char *label;   /* in the bar; NULL = not in the bar */
	const char *help;
	bool live; /* has no meaning for a capture */
};

/* All rows, ended by one of ACTION_NONE. */
const struct key_row *keys_table(void);
enum action keys_action(int key);

#endif
