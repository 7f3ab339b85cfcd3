/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The capture file (.cprof): a header and a stream of records, each with its length and checksum,
 * so that a file cut anywhere yields all records before the cut.  Format: docs/CAPTURE.md.
 */
#ifndef SOURCE_CAPTURE_H
#define SOURCE_CAPTURE_H

#include "model/record.h"

struct err;
struct capture_writer;

/*
 * Begin a capture on @fd (borrowed, seekable or not; written from where it stands).  Returns 0 or
 * -errno.  Records go through a buffer of 64 KiB that capture_writer_flush empties.
 */
int capture_writer_new(int fd, struct capture_writer **ret, struct err *err);
int capture_writer_put(struct capture_writer *w, const struct record *rec, struct err *err);
/* Push buffered records to the file; called at each slice so that a kill loses at most one. */
int capture_writer_flush(struct capture_writer *w, struct err *err);
void capture_writer_free(struct capture_writer *w);
struct record_sink capture_writer_sink(struct capture_writer *w);

struct capture_info {
	bool truncated; /* the file ends inside a record or before the end record */
	uint64_t records;
};

/*
 * Read a whole capture from @fd into @sink.  A cut file is no error (info->truncated).  Errors:
 * -EINVAL not a capture; -ENOTSUP written by a newer version; -EBADMSG corrupted (checksum, length,
 * value out of range): the sentence names the byte offset.
 */
int capture_read(int fd, const struct record_sink *sink, struct capture_info *ret, struct err *err);

#endif
