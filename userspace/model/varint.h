/* SPDX-License-Identifier: GPL-2.0-only */
/* LEB128: seven bits a byte, lowest first, the top bit says that more follow.  (DWARF 5, 7.6.) */
#ifndef MODEL_VARINT_H
#define MODEL_VARINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VARINT_MAX 10 /* bytes of a 64-bit value */

/* Write @value to @ret (room for VARINT_MAX bytes); returns the bytes used. */
static inline size_t varint_put(uint8_t *ret, uint64_t value)
{
	size_t n = 0;

	while (value >= 0x80) {
		ret[n++] = (uint8_t)(value | 0x80);
		value >>= 7;
	}
	ret[n++] = (uint8_t)value;
	return n;
}

/* Read one of the @len bytes at @from.  Returns the bytes used; 0 (*ret untouched) if it does not
 * end within @len, or does not fit 64 bits. */
static inline size_t varint_get(const uint8_t *from, size_t len, uint64_t *ret)
{
	uint64_t value = 0;

	for (size_t n = 0; n < len && n < VARINT_MAX; n++) {
		uint64_t bits = from[n] & 0x7f;

		if (n == VARINT_MAX - 1 && bits > 1)
			return 0;
		value |= bits << (7 * n);
		if (!(from[n] & 0x80)) {
			*ret = value;
			return n + 1;
		}
	}
	return 0;
}

/* Small numbers of either sign as small numbers: 0, -1, 1, -2, .. as 0, 1, 2, 3, .. */
static inline uint64_t varint_zigzag(int64_t value)
{
	return (uint64_t)value << 1 ^ (value < 0 ? UINT64_MAX : 0);
}

static inline int64_t varint_unzigzag(uint64_t value)
{
	return (int64_t)(value >> 1 ^ (value & 1 ? UINT64_MAX : 0));
}

#endif
