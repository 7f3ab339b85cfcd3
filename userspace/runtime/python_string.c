// SPDX-License-Identifier: GPL-2.0-only
#include "runtime/python_string.h"

#include <errno.h>

#include "base/num.h"

#define UTF8_MAX 4
#define NO_CHARACTER 0xfffd

/* The characters of a string that are read. */
struct characters {
	unsigned int kind; /* bytes of each */
	size_t len;
	uint8_t bytes[PYTHON_STRING_MAX * 4];
};

static bool read_characters(const struct python_layout *l, const struct python_memory *memory,
			    uint64_t addr, bool tail, struct characters *ret)
{
	uint64_t length, from = 0, offset;
	uint32_t state;
	bool ascii, compact;

	if (!python_read(memory, addr, l->unicode_length, &length, sizeof(length)) ||
	    !python_read(memory, addr, l->unicode_state, &state, sizeof(state)))
		return false;
	ret->kind = state >> l->unicode_kind_bit & 7;
	compact = state >> (l->unicode_kind_bit + 3) & 1;
	ascii = state >> (l->unicode_kind_bit + 4) & 1;
	if (!compact || (ret->kind != 1 && ret->kind != 2 && ret->kind != 4) ||
	    (ascii && ret->kind != 1) || length > PYTHON_STRING_LENGTH_MAX)
		return false;
	ret->len = num_min_u64(length, PYTHON_STRING_MAX);
	if (tail)
		from = length - ret->len;
	offset = (ascii ? l->unicode_ascii : l->unicode_compact) + from * ret->kind;
	return ret->len == 0 || python_read(memory, addr, offset, ret->bytes, ret->len * ret->kind);
}

static uint32_t character(const struct characters *from, size_t index)
{
	const uint8_t *at = from->bytes + index * from->kind;
	uint32_t value = at[0];

	if (from->kind > 1)
		value |= (uint32_t)at[1] << 8;
	if (from->kind > 2)
		value |= (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
	if (value == 0 || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))
		return NO_CHARACTER;
	return value;
}

static size_t encode(uint32_t value, char to[UTF8_MAX])
{
	size_t len = value < 0x80 ? 1 : value < 0x800 ? 2 : value < 0x10000 ? 3 : 4;
	static const uint8_t lead[UTF8_MAX + 1] = {0, 0, 0xc0, 0xe0, 0xf0};

	for (size_t i = len; i-- > 1; value >>= 6)
		to[i] = (char)(0x80 | (value & 0x3f));
	to[0] = (char)(lead[len] | value);
	return len;
}

int python_string(const struct python_layout *l, const struct python_memory *memory, uint64_t addr,
		  bool tail, char *to, size_t size)
{
	struct characters from;
	size_t first = 0, end, bytes = 0;
	char utf8[UTF8_MAX];

	if (!read_characters(l, memory, addr, tail, &from))
		return -EBADMSG;
	if (tail) {
		for (first = from.len; first > 0; first--) {
			bytes += encode(character(&from, first - 1), utf8);
			if (bytes >= size)
				break;
		}
	}
	bytes = 0;
	for (end = first; end < from.len; end++) {
		size_t len = encode(character(&from, end), utf8);

		if (bytes + len >= size)
			break;
		memcpy(to + bytes, utf8, len);
		bytes += len;
	}
	to[bytes] = '\0';
	return 0;
}
