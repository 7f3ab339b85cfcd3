/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Output files that are there whole or not at all: written beside their final place, then renamed.
 *
 * concprof runs as root in folders of others, so: no link is followed in the last component, the
 * file is new, mode 0600, and belongs to the user behind sudo.
 */
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

#include <stddef.h>

struct err;
struct output;

/*
 * Prepare writing to @path: proves that the folder takes a file and that the disk has room for a
 * small one.  Nothing is at @path yet; what was there stays until output_commit().  Returns 0,
 * -EEXIST (@path is something else than a regular file), or what the system gives.
 */
int output_open(const char *path, struct output **ret, struct err *err);

/* For writers of their own, until output_commit(); owned by @out. */
int output_fd(const struct output *out);
const char *output_path(const struct output *out);

int output_write(struct output *out, const char *data, size_t len, struct err *err);

/*
 * Put the file in its place now, to be completed there: for a capture, whose beginning is worth
 * having when concprof is killed.  output_commit() remains to be called.
 */
int output_publish(struct output *out, struct err *err);

/* What is in its place stays there as it is, whatever follows: writing failed, what came before is
 * worth having. */
void output_keep(struct output *out);

/* All is written: see it to the disk, and put the file in its place. */
int output_commit(struct output *out, struct err *err);

/* Remove what is not committed; safe beside another thread that is at work on @out. */
void output_discard(struct output *out);

/* Discard unless committed, and free; takes NULL. */
void output_free(struct output *out);

/* Write all of @data to @fd, which messages call @name; -EPIPE when nobody reads any more. */
int output_write_fd(int fd, const char *name, const char *data, size_t len, struct err *err);

#endif
