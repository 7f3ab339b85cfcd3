/* SPDX-License-Identifier: GPL-2.0-only */
/* The terminal: canvases out, keys in.  One at a time. */
#ifndef TUI_TERM_H
#define TUI_TERM_H

#include "tui/canvas.h"

#include <stdbool.h>

struct err;
struct terminal;

enum term_event_type { TERM_NONE, TERM_KEY, TERM_CLICK, TERM_WHEEL, TERM_RESIZE };

struct term_event {
	enum term_event_type type;
	int key;  /* a character or enum key */
	int x, y; /* of a click */
	bool twice;
	int rows; /* of the wheel: negative = up */
};

/* Whether TERM names a terminal that can be drawn on. */
bool term_usable(void);

/*
 * Take over the terminal on standard input and output.  Whatever way the process ends from here on,
 * crashes included, the terminal is put back.  Returns 0 or a negative errno with @err.
 */
int term_open(bool color, struct terminal **ret, struct err *err);
/* Put the terminal back; takes NULL. */
void term_close(struct terminal *term);

void term_size(const struct terminal *term, int *ret_columns, int *ret_rows);
/* Show @canvas: what changed since the last one is sent. */
void term_show(struct terminal *term, const struct canvas *canvas);
/* Forget what is on the screen: all of it is sent next time. */
void term_forget(struct terminal *term);
/* The next event that is there; TERM_NONE = none is. Never waits. */
struct term_event term_read(struct terminal *term);
/* The size of the terminal has changed. */
void term_resize(struct terminal *term);
/* Give the terminal back and stop, as Ctrl-Z asks; returns when continued. */
void term_stop(struct terminal *term);

#endif
