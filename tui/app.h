/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The interactive screen, without terminal and clock: reports and keys in, a canvas and wishes out.
 *
 *   app_frame() whenever there is a new picture; app_key() for each key; app_draw() after either.
 */
#ifndef TUI_APP_H
#define TUI_APP_H

#include "report/report.h"
#include "tui/canvas.h"
#include "tui/cost.h"

#define APP_COLUMNS_MIN 60
#define APP_ROWS_MIN 16

struct app;

/* What is said of the picture. Strings are borrowed until the next app_frame(). */
struct app_status {
	bool live;  /* a run; else a capture */
	bool ended; /* of a run: this is its last picture */
	bool paused;
	bool past;	     /* stepped back in time */
	uint64_t running_ns; /* since the run began */
	const char *window;  /* what the figures cover: "last 10 s" */
};

/* What a key asks of the owner. */
enum app_wish {
	WISH_NONE,
	WISH_DRAW,
	WISH_REPAINT, /* the whole terminal */
	WISH_QUIT,
	WISH_PAUSE,
	WISH_ZERO,
	WISH_WINDOW,
	WISH_OLDER,
	WISH_NEWER,
	WISH_EXPORT,
};

struct app *app_new(bool ascii);
void app_free(struct app *app);

/* A new picture; @rep and @series are borrowed until the next one. */
void app_frame(struct app *app, const struct report *rep, const struct series *series,
	       const struct app_status *status);
/* One line at the bottom until the next key, "" = none: an export's path, an error. */
void app_say(struct app *app, const char *text);

enum app_wish app_key(struct app *app, int key);
/* A click at (x, y) of the canvas, @twice = a double click. */
enum app_wish app_click(struct app *app, int x, int y, bool twice);
enum app_wish app_wheel(struct app *app, int rows);

/* Draw the present picture. */
void app_draw(struct app *app, struct canvas *canvas);

#endif
