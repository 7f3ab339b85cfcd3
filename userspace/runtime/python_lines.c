// SPDX-License-Identifier: GPL-2.0-only
#include "runtime/python_lines.h"

#include "base/num.h"

/* Read at once: few tables are longer. */
#define PIECE_BYTES 1024
/* What stands for "no line". */
#define NO_LINE INT64_MIN
#define NO_LINE_BYTE 0x80 /* -128 */
/* Bits of a number of the location table: more than any that a compiler writes. */
#define NUMBER_BITS_MAX 30

struct table {
	const struct python_memory *memory;
	uint64_t at;   /* of what is not in `piece` yet */
	uint64_t left; /* bytes of it */
	size_t next;   /* in `piece` */
	size_t len;
	uint8_t piece[PIECE_BYTES];
};

static bool open_table(const struct python_layout *l, const struct python_memory *memory,
		       uint64_t bytes, struct table *ret)
{
	uint64_t size;

	if (!python_read(memory, bytes, l->bytes_size, &size, sizeof(size)) || size > INT32_MAX)
		return false; /* no line table is so long: it is none */
	ret->memory = memory;
	ret->at = bytes + l->bytes_data;
	ret->left = num_min_u64(size, PYTHON_TABLE_MAX);
	ret->next = ret->len = 0;
	return true;
}

/* The next byte, -1 at the end. */
static int peek(struct table *t)
{
	if (t->next == t->len) {
		t->next = 0;
		t->len = num_min_u64(t->left, sizeof(t->piece));
		if (t->len && !python_read(t->memory, t->at, 0, t->piece, t->len))
			t->len = t->left = 0;
		t->at += t->len;
		t->left -= t->len;
		if (t->len == 0)
			return -1;
	}
	return t->piece[t->next];
}

static int take(struct table *t)
{
	int byte = peek(t);

	if (byte >= 0)
		t->next++;
	return byte;
}

/* To 3.9: pairs of bytes to advance and lines to add. */
static int64_t by_lnotab(struct table *t, int64_t line, uint32_t offset)
{
	uint64_t at = 0;

	for (;;) {
		int bytes = take(t), lines = take(t);

		if (lines < 0)
			return line;
		at += (uint64_t)bytes;
		if (at > offset)
			return line;
		line += (int8_t)lines;
	}
}

/* 3.10: pairs of a range's bytes and lines to add before it; -128 = the range has no line. */
static int64_t by_linetable(struct table *t, int64_t line, uint32_t offset)
{
	uint64_t end = 0;

	for (;;) {
		int bytes = take(t), lines = take(t);

		if (lines < 0)
			return NO_LINE;
		end += (uint64_t)bytes;
		if (lines != NO_LINE_BYTE)
			line += (int8_t)lines;
		if (offset < end)
			return lines == NO_LINE_BYTE ? NO_LINE : line;
	}
}

/* A signed number of the location table: six bits a byte, the sign in the lowest. */
static int64_t take_signed(struct table *t)
{
	uint64_t value = 0;

	for (unsigned int bit = 0; bit <= NUMBER_BITS_MAX; bit += 6) {
		int byte = peek(t);

		if (byte < 0 || byte & 0x80)
			break;
		take(t);
		value |= (uint64_t)(byte & 0x3f) << bit;
		if (!(byte & 0x40))
			break;
	}
	return value & 1 ? -(int64_t)(value >> 1) : (int64_t)(value >> 1);
}

/* From 3.11 on: entries of a head, which alone has the highest bit set, and what its form says. */
static int64_t by_locations(struct table *t, int64_t line, uint32_t offset)
{
	uint64_t end = 0;

	for (;;) {
		int head = take(t);
		int form = head >> 3 & 15;

		if (head < 0 || !(head & 0x80))
			return NO_LINE;
		end += 2 * ((uint64_t)(head & 7) + 1);
		if (form >= 10 && form <= 12)
			line += form - 10;
		else if (form == 13 || form == 14)
			line += take_signed(t);
		if (offset < end)
			return form == 15 ? NO_LINE : line;
		for (int byte = peek(t); byte >= 0 && !(byte & 0x80); byte = peek(t))
			take(t);
	}
}

uint32_t python_line(const struct python_layout *l, const struct python_memory *memory,
		     uint64_t table, int32_t first, uint32_t offset)
{
	int64_t line = NO_LINE;
	struct table t;

	if (!open_table(l, memory, table, &t))
		return 0;
	switch (l->lines) {
	case PYTHON_LNOTAB:
		line = by_lnotab(&t, first, offset);
		break;
	case PYTHON_LINETABLE:
		line = by_linetable(&t, first, offset);
		break;
	case PYTHON_LOCATIONS:
		line = by_locations(&t, first, offset);
		break;
	}
	return line > 0 && line <= INT32_MAX ? (uint32_t)line : 0;
}
