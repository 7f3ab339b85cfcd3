/* SPDX-License-Identifier: GPL-2.0-only */
/* Small things that several views draw: bars, sparklines, histograms, wrapped text. */
#ifndef TUI_WIDGETS_H
#define TUI_WIDGETS_H

#include "model/snapshot.h"
#include "tui/canvas.h"

/* "── title ───────── right ──" over the whole width of row @y. @right may be NULL. */
void widget_rule(const struct pane *pane, int y, const char *title, const char *right,
		 enum role right_role);

/* The time classes as one bar of exactly @width cells, by group; empty where there is no time. */
void widget_class_bar(const struct pane *pane, int x, int y, int width,
		      const uint64_t class_ns[CLASS_COUNT]);
/* "█ run 22%  ▓ lock 49% .." for groups of at least half a percent.  Returns the column behind. */
int widget_class_legend(const struct pane *pane, int x, int y,
			const uint64_t class_ns[CLASS_COUNT]);

/* A share of one as a bar. */
void widget_bar(const struct pane *pane, int x, int y, int width, enum role role, double ratio);

/*
 * The last of @len shares (0..1, negative = not known) as a line of @width cells, two values a cell
 * in braille; newest at the right.
 */
void widget_spark(const struct pane *pane, int x, int y, int width, enum role role,
		  const float *values, int len);

/* A log2 histogram of durations, one row a bucket that counts; returns the rows drawn. */
int widget_hist(const struct pane *pane, int y, const struct snap_hist *hist, enum role role);

/*
 * @text word by word from (x, y) in at most @rows rows (the last one ends in an ellipsis where more
 * follows); later rows begin at @x too.  Returns the rows it took.
 */
int widget_wrap(const struct pane *pane, int x, int y, int rows, enum role role, const char *text);
/* How many rows that takes in @width columns. */
int widget_wrap_rows(const char *text, int width);

#endif
