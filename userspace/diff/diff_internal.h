/* SPDX-License-Identifier: GPL-2.0-only */
/* Between the parts of diff/. */
#ifndef DIFF_DIFF_INTERNAL_H
#define DIFF_DIFF_INTERNAL_H

#include "diff/diff.h"

/* A number of @obj, 0 where there is none. */
double diff_number(const json_t *obj, const char *key);
/* A string of @obj, "" where there is none. */
const char *diff_string(const json_t *obj, const char *key);

/* The standard error of the time a second in classes @names over the parts of the window, as a part
 * of its mean; infinite where there are too few parts, or no such time. */
double diff_unrest(const struct diff_side *side, const char *const *names, size_t len);

/* What a change of two figures with these relative standard errors may be by chance. */
double diff_noise(double before, double before_unrest, double after, double after_unrest);

/* Add @row, whose subject is copied; judges its change.  False when memory is short. */
bool diff_add(struct diff *diff, const struct diff_row *row);

/* Rows of locks and of loops. */
bool diff_locks(struct diff *diff);
bool diff_loops(struct diff *diff);

#endif
