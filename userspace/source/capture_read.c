// SPDX-License-Identifier: GPL-2.0-only
#include "base/cleanup.h"
#include "base/err.h"
#include "model/loss.h"
#include "source/capture.h"
#include "source/capture_codec.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <string.h>

/* Holds the largest frame whole. */
#define BUFFER_BYTES (2 * (CAPTURE_FRAME_BYTES + CAPTURE_PAYLOAD_MAX))

struct input {
	int fd;
	uint64_t offset; /* in the file, of the first byte not yet consumed */
	size_t start;
	size_t end;
	bool eof;
	uint8_t buffer[BUFFER_BYTES];
};

/* Have @want bytes in the buffer, fewer at the end of the file.  Returns how many there are. */
static ssize_t fill(struct input *in, size_t want, struct err *err)
{
	if (in->end - in->start < want && in->start) {
		memmove(in->buffer, in->buffer + in->start, in->end - in->start);
		in->end -= in->start;
		in->start = 0;
	}
	while (in->end - in->start < want && !in->eof) {
		ssize_t n = read(in->fd, in->buffer + in->end, BUFFER_BYTES - in->end);

		if (n > 0) {
			in->end += (size_t)n;
		} else if (n == 0) {
			in->eof = true;
		} else if (errno == EAGAIN) {
			struct pollfd pfd = {.fd = in->fd, .events = POLLIN};

			if (poll(&pfd, 1, -1) < 0 && errno != EINTR)
				return err_set(err, -errno, "cannot read the capture: %s",
					       strerror(errno));
		} else if (errno != EINTR) {
			return err_set(err, -errno, "cannot read the capture: %s", strerror(errno));
		}
	}
	return (ssize_t)(in->end - in->start);
}

static const uint8_t *consume(struct input *in, size_t len_bytes)
{
	const uint8_t *at = in->buffer + in->start;

	in->start += len_bytes;
	in->offset += len_bytes;
	return at;
}

static int corrupted(const struct input *in, struct err *err, const char *why)
{
	return err_set(err, -EBADMSG, "corrupted at byte %" PRIu64 ": %s (take a new capture)",
		       in->offset, why);
}

static int read_header(struct input *in, bool *ret_newer, struct err *err)
{
	ssize_t have = fill(in, CAPTURE_HEADER_BYTES, err);
	const uint8_t *header = in->buffer;
	unsigned major;
	unsigned minor;

	if (have < 0)
		return (int)have;
	if (!have)
		return err_set(err, -EINVAL, "not a concprof capture (the file is empty)");
	if (memcmp(header, CAPTURE_MAGIC,
		   have < CAPTURE_MAGIC_BYTES ? (size_t)have : CAPTURE_MAGIC_BYTES) != 0)
		return err_set(err, -EINVAL,
			       "not a concprof capture (it does not begin as a .cprof file does)");
	if (have < CAPTURE_HEADER_BYTES)
		return err_set(err, -EINVAL,
			       "not a concprof capture (cut in its header, after %zd bytes)", have);
	if (capture_get_u32(header + 12) != capture_crc(header, 12))
		return corrupted(in, err, "wrong checksum of the header");
	major = capture_get_u16(header + 8);
	minor = capture_get_u16(header + 10);
	if (major != CAPTURE_MAJOR)
		return err_set(err, -ENOTSUP,
			       "format %u.%u is not supported, this concprof reads format %d (use "
			       "the concprof that wrote it)",
			       major, minor, CAPTURE_MAJOR);
	*ret_newer = minor > CAPTURE_MINOR;
	consume(in, CAPTURE_HEADER_BYTES);
	return 0;
}

/* Next payload: 1 and *ret; 0 at a clean end of the file; -ENODATA when it ends inside. */
static int read_frame(struct input *in, const uint8_t **ret, size_t *ret_len, struct err *err)
{
	ssize_t have = fill(in, CAPTURE_FRAME_BYTES, err);
	const uint8_t *frame;
	uint16_t len;

	if (have <= 0)
		return (int)have;
	if (have < CAPTURE_FRAME_BYTES)
		return -ENODATA;
	frame = in->buffer + in->start;
	len = capture_get_u16(frame);
	/* The inverted copy tells a damaged length from a cut file. */
	if (len + capture_get_u16(frame + 2) != 0xffff)
		return corrupted(in, err, "wrong length of a record");
	have = fill(in, CAPTURE_FRAME_BYTES + (size_t)len, err);
	if (have < 0)
		return (int)have;
	if (have < CAPTURE_FRAME_BYTES + (ssize_t)len)
		return -ENODATA;
	frame = in->buffer + in->start; /* fill() may have moved it */
	if (capture_get_u32(frame + 4) != capture_crc(frame + CAPTURE_FRAME_BYTES, len))
		return corrupted(in, err, "wrong checksum of a record");
	*ret = frame + CAPTURE_FRAME_BYTES;
	*ret_len = len;
	return 1;
}

static int read_records(struct input *in, bool newer, const struct record_sink *sink,
			struct capture_info *info, struct err *err)
{
	bool ended = false;
	struct record rec;
	const uint8_t *payload = NULL;
	size_t len = 0;
	int r;

	while ((r = read_frame(in, &payload, &len, err)) > 0) {
		r = capture_decode(payload, len, newer, &rec, err);
		if (r > 0)
			r = sink->put(sink->ctx, &rec, err);
		else if (r == 0)
			rec.type = 0; /* of a newer version: skipped */
		if (r < 0) {
			err_prefix(err, "record at byte %" PRIu64, in->offset);
			return r;
		}
		ended |= rec.type == RECORD_END;
		info->records += rec.type != 0;
		consume(in, CAPTURE_FRAME_BYTES + len);
	}
	if (r < 0 && r != -ENODATA)
		return r;
	info->truncated = r == -ENODATA || !ended;
	if (!info->truncated || !info->records)
		return 0;
	/* Losses travel with the records: whoever reads on must not take this for the whole. */
	rec = (struct record){.type = RECORD_LOSS, .loss = {.cause = LOSS_SLICES, .count = 1}};
	return sink->put(sink->ctx, &rec, err);
}

int capture_read(int fd, const struct record_sink *sink, struct capture_info *ret, struct err *err)
{
	_cleanup_free_ struct input *in = malloc(sizeof(*in));
	struct capture_info info = {0};
	bool newer = false;
	int r;

	if (!in)
		return err_set(err, -ENOMEM, "cannot read the capture: out of memory");
	in->fd = fd;
	in->offset = 0;
	in->start = in->end = 0;
	in->eof = false;
	r = read_header(in, &newer, err);
	if (r < 0)
		return r;
	r = read_records(in, newer, sink, &info, err);
	if (r < 0)
		return r;
	*ret = info;
	return 0;
}
