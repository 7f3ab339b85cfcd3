/* SPDX-License-Identifier: GPL-2.0-only */
/* What the two ends of a capture file share: its header, its frames, the form of a record. */
#ifndef SOURCE_CAPTURE_CODEC_H
#define SOURCE_CAPTURE_CODEC_H

#include "model/record.h"

#include <stddef.h>

struct err;

/* As in PNG, a byte above 127 and a line end in the magic show files mangled as text. */
#define CAPTURE_MAGIC \
	"\x89"        \
	"CPROF\r\n"
#define CAPTURE_MAGIC_BYTES 8
/* A reader refuses a newer major version and skips what a newer minor one added. */
#define CAPTURE_MAJOR 1
#define CAPTURE_MINOR 3

/* magic, u16 major, u16 minor, u32 CRC of the 12 bytes before */
#define CAPTURE_HEADER_BYTES 16
/* u16 length of the payload, u16 the same inverted, u32 CRC of the payload */
#define CAPTURE_FRAME_BYTES 8
#define CAPTURE_PAYLOAD_MAX 65535
/* The largest payload that this version can write; asserted by a unit test over every type. */
#define CAPTURE_ENCODED_MAX 8192

void capture_put_u16(uint8_t *ret, uint16_t value);
void capture_put_u32(uint8_t *ret, uint32_t value);
uint16_t capture_get_u16(const uint8_t *from);
uint32_t capture_get_u32(const uint8_t *from);
uint32_t capture_crc(const uint8_t *data, size_t len_bytes);

/*
 * Write @rec, already validated, as a payload to @ret (CAPTURE_ENCODED_MAX bytes).
 * Returns its length in bytes, or -EMSGSIZE.
 */
int capture_encode(const struct record *rec, uint8_t *ret, struct err *err);

/*
 * Read a payload.  @newer: the file's minor version is above ours, so types, fields and values
 * beyond ours may occur.  Returns 1 for a record; 0 for one to skip; -EBADMSG; -ENOTSUP.
 */
int capture_decode(const uint8_t *payload, size_t len_bytes, bool newer, struct record *ret,
		   struct err *err);

#endif
