// SPDX-License-Identifier: GPL-2.0-only
#include "base/cleanup.h"
#include "base/err.h"
#include "model/record_schema.h"
#include "source/capture.h"
#include "source/capture_codec.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#define BUFFER_BYTES (64 * 1024)

struct capture_writer {
	int fd;
	/* The first failure, which stays: after a write that stopped in the middle the file must
	 * not grow on, or its records could not be found again. */
	struct err failed;
	size_t len_bytes;
	uint8_t buffer[BUFFER_BYTES];
};

static int write_error(struct err *err, int code)
{
	if (code == -ENOSPC || code == -EDQUOT)
		return err_set(err, code,
			       "no space left (free some, or write the capture to another file "
			       "system)");
	return err_set(err, code, "cannot write the capture: %s", strerror(-code));
}

static int write_all(int fd, const uint8_t *data, size_t len_bytes, struct err *err)
{
	while (len_bytes) {
		ssize_t n = write(fd, data, len_bytes);

		if (n > 0) {
			data += n;
			len_bytes -= (size_t)n;
		} else if (n == 0) {
			return write_error(err, -EIO);
		} else if (errno == EAGAIN) {
			struct pollfd pfd = {.fd = fd, .events = POLLOUT};

			if (poll(&pfd, 1, -1) < 0 && errno != EINTR)
				return write_error(err, -errno);
		} else if (errno != EINTR) {
			return write_error(err, -errno);
		}
	}
	return 0;
}

int capture_writer_flush(struct capture_writer *w, struct err *err)
{
	int r;

	if (w->failed.code)
		return err_set(err, w->failed.code, "%s", w->failed.msg);
	r = write_all(w->fd, w->buffer, w->len_bytes, &w->failed);
	w->len_bytes = 0;
	return r < 0 ? err_set(err, r, "%s", w->failed.msg) : 0;
}

int capture_writer_new(int fd, struct capture_writer **ret, struct err *err)
{
	_cleanup_free_ struct capture_writer *w = calloc(1, sizeof(*w));
	int r;

	if (!w)
		return err_set(err, -ENOMEM, "cannot begin a capture: out of memory");
	w->fd = fd;
	memcpy(w->buffer, CAPTURE_MAGIC, CAPTURE_MAGIC_BYTES);
	capture_put_u16(w->buffer + 8, CAPTURE_MAJOR);
	capture_put_u16(w->buffer + 10, CAPTURE_MINOR);
	capture_put_u32(w->buffer + 12, capture_crc(w->buffer, 12));
	w->len_bytes = CAPTURE_HEADER_BYTES;
	/* At once: an unwritable file must be known before profiling starts. */
	r = capture_writer_flush(w, err);
	if (r < 0)
		return r;
	*ret = w;
	w = NULL;
	return 0;
}

int capture_writer_put(struct capture_writer *w, const struct record *rec, struct err *err)
{
	uint8_t *frame;
	int len;
	int r;

	if (w->failed.code)
		return err_set(err, w->failed.code, "%s", w->failed.msg);
	r = record_validate(rec, err);
	if (r < 0)
		return r;
	if (BUFFER_BYTES - w->len_bytes < CAPTURE_FRAME_BYTES + CAPTURE_ENCODED_MAX) {
		r = capture_writer_flush(w, err);
		if (r < 0)
			return r;
	}
	frame = w->buffer + w->len_bytes;
	len = capture_encode(rec, frame + CAPTURE_FRAME_BYTES, err);
	if (len < 0)
		return len;
	capture_put_u16(frame, (uint16_t)len);
	capture_put_u16(frame + 2, (uint16_t)len ^ 0xffff);
	capture_put_u32(frame + 4, capture_crc(frame + CAPTURE_FRAME_BYTES, (size_t)len));
	w->len_bytes += CAPTURE_FRAME_BYTES + (size_t)len;
	return 0;
}

void capture_writer_free(struct capture_writer *w)
{
	free(w);
}

static int sink_put(void *ctx, const struct record *rec, struct err *err)
{
	return capture_writer_put(ctx, rec, err);
}

struct record_sink capture_writer_sink(struct capture_writer *w)
{
	return (struct record_sink){.put = sink_put, .ctx = w};
}
