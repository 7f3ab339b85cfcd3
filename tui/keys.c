// SPDX-License-Identifier: GPL-2.0-only
#include "tui/keys.h"

#include <stddef.h>

#define CTRL(letter) ((letter)&0x1f)

/* clang-format off */
/* In the order of the bar and of the help. */
static const struct key_row rows[] = {
	{ACTION_HELP,	    {'?', KEY_F1_KEY},		 "?",		"Help",	  "this help", false},
	{ACTION_VIEW,	    {0},			 "1-7",		NULL,	  "go to the view of that number", false},
	{ACTION_NEXT_VIEW,  {KEY_TABULATOR},		 "Tab",		"View",	  "the next view; Shift-Tab the one before", false},
	{ACTION_LAST_VIEW,  {KEY_BACK_TAB},		 "",		NULL,	  NULL, false},
	{ACTION_UP,	    {KEY_ARROW_UP, 'k'},	 "up k",	NULL,	  "one row up", false},
	{ACTION_DOWN,	    {KEY_ARROW_DOWN, 'j'},	 "down j",	NULL,	  "one row down", false},
	{ACTION_LEFT,	    {KEY_ARROW_LEFT, 'h'},	 "left h",	NULL,	  "sort by the column to the left; Stacks: the frame to the left", false},
	{ACTION_RIGHT,	    {KEY_ARROW_RIGHT, 'l'},	 "right l",	NULL,	  "the same to the right", false},
	{ACTION_PAGE_UP,    {KEY_PAGE_UP, CTRL('b')},	 "PgUp",	NULL,	  "one screen up", false},
	{ACTION_PAGE_DOWN,  {KEY_PAGE_DOWN, CTRL('f')},	 "PgDn",	NULL,	  "one screen down", false},
	{ACTION_HOME,	    {KEY_HOME_KEY, 'g'},	 "Home g",	NULL,	  "the first row", false},
	{ACTION_END,	    {KEY_END_KEY, 'G'},		 "End G",	NULL,	  "the last row", false},
	{ACTION_OPEN,	    {KEY_RETURN, '\n'},		 "Enter",	"Open",	  "open the selected row, or zoom into the selected frame", false},
	{ACTION_BACK,	    {KEY_ESCAPE, KEY_RUBOUT, '\b'}, "Esc",	NULL,	  "back: close what is open, undo the zoom, end the filter", false},
	{ACTION_FILTER,	    {'/', KEY_F3_KEY, KEY_F4_KEY}, "/",		"Filter", "show only rows that contain a text; in Stacks search for it", false},
	{ACTION_NEXT_MATCH, {'n'},			 "n",		NULL,	  "Stacks: the next frame that matches", false},
	{ACTION_SORT,	    {'s', KEY_F6_KEY},		 "s",		"Sort",	  "sort by the next column", false},
	{ACTION_REVERSE,    {'r', 'I'},			 "r",		"Reverse", "reverse the order", false},
	{ACTION_TREE,	    {'t', KEY_F5_KEY},		 "t",		"Tree",	  "Threads: by process; Stacks: on the CPU, off it, or both", false},
	{ACTION_WINDOW,	    {'w'},			 "w",		"Window", "figures of the last seconds, or since the start", true},
	{ACTION_PAUSE,	    {' '},			 "Space",	"Pause",  "hold the picture; collecting goes on", true},
	{ACTION_ZERO,	    {'z'},			 "z",		"Zero",	  "count from now on; again: since the start", true},
	{ACTION_OLDER,	    {'['},			 "[ ]",		"Back",	  "step back and forth through the last ten minutes", true},
	{ACTION_NEWER,	    {']'},			 "",		NULL,	  NULL, true},
	{ACTION_EXPORT,	    {'e'},			 "e",		"Export", "write what is shown in every format", false},
	{ACTION_REDRAW,	    {CTRL('l')},		 "Ctrl-L",	NULL,	  "draw the screen anew", false},
	{ACTION_QUIT,	    {'q', KEY_F10_KEY},		 "q",		"Quit",	  "quit", false},
	{ACTION_NONE,	    {0},			 NULL,		NULL,	  NULL, false},
};
/* clang-format on */

const struct key_row *keys_table(void)
{
	return rows;
}

enum action keys_action(int key)
{
	if (key >= '1' && key <= '7')
		return ACTION_VIEW;
	for (const struct key_row *row = rows; row->action != ACTION_NONE; row++)
		for (size_t i = 0; i < KEYS_EACH && row->keys[i]; i++)
			if (row->keys[i] == key)
				return row->action;
	return ACTION_NONE;
}
