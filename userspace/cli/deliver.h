/* SPDX-License-Identifier: GPL-2.0-only */
/* From a finished model to everything the user asked for: files, captures, standard output. */
#ifndef CLI_DELIVER_H
#define CLI_DELIVER_H

#include "cli/env.h"
#include "cli/options.h"
#include "model/record.h"

struct err;
struct delivery;
struct model;

/* Prepare every -o of @opt (borrowed), so that one that cannot be written shows before the run. */
int delivery_open(const struct options *opt, struct delivery **ret, struct err *err);

/* Give a record to every capture that is being written. */
int delivery_record(struct delivery *d, const struct record *rec, struct err *err);
/* Push what the captures hold to their files and put these in place: a kill leaves them readable.
 */
int delivery_flush(struct delivery *d, struct err *err);

/*
 * Judge @model, which has had its last record, render it for every output and for standard output,
 * and commit the files.  -EPIPE when nobody reads standard output.
 */
int delivery_finish(struct delivery *d, const struct model *model, const struct cli_env *env,
		    struct err *err);

/* Remove what is not committed; safe beside another thread that is at work on it.
 * @ctx is a struct delivery. */
void delivery_discard(void *ctx);
/* Discard what is not committed, and free; takes NULL. */
void delivery_free(struct delivery *d);

#endif
