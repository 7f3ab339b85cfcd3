/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The interactive screen of a run or of a capture: which stretch of time it shows, what its keys
 * do to that, and the terminal's own signals.
 */
#ifndef CLI_SCREEN_H
#define CLI_SCREEN_H

#include "cli/env.h"

#include <stdbool.h>
#include <stdint.h>

struct err;
struct model;
struct screen;

/* Whether there is a terminal to draw on. */
bool screen_possible(void);

/* @model is borrowed; @live: records still come. Takes the terminal over. */
int screen_open(const struct cli_env *env, const struct model *model, bool live,
		struct screen **ret, struct err *err);
/* Gives the terminal back; takes NULL. */
void screen_close(struct screen *screen);

/* Readable when a key, a click or a signal of the terminal is there: then call screen_input(). */
int screen_fd(const struct screen *screen);
int screen_input(struct screen *screen, bool *ret_quit, struct err *err);

/* A slice has ended: show it, unless the picture is held. */
int screen_slice(struct screen *screen, struct err *err);

/* No more records will come; @ended: the target has ended, else the window. */
int screen_last(struct screen *screen, bool ended, struct err *err);
/* Go on with keys alone until the user quits, or a signal comes on @signal_fd. */
int screen_stay(struct screen *screen, int signal_fd, struct err *err);

#endif
