/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A frame of Python in a stack's list of addresses: one word that no address of user or kernel code
 * can be.
 *
 *   bit 63      0
 *   bit 62      1
 *   bit 61      the last frame of its C-level call: below it the stack goes on in native code
 *   bits 60..44 f_lasti in code units (2 bytes) + 1; 0 = not begun (f_lasti -1); all ones = too far
 *               to say
 *   bits 43..0  which code object: of a moment (runtime/), its address >> 3; in a record a hash of
 * its name, file and lines (source/python_code.h), 1 = not known
 */
#ifndef MODEL_PYTHON_WORD_H
#define MODEL_PYTHON_WORD_H

#include <stdbool.h>
#include <stdint.h>

#define PYTHON_WORD_MARK (1ULL << 62)
#define PYTHON_WORD_ENTRY (1ULL << 61)
/* No frame at all: a C-level call that has left its last frame, which is being cleared. */
#define PYTHON_WORD_LEFT (PYTHON_WORD_MARK | PYTHON_WORD_ENTRY)
#define PYTHON_WORD_LASTI_SHIFT 44
#define PYTHON_WORD_LASTI_MAX 0x1ffffU
#define PYTHON_WORD_CODE_MASK ((1ULL << PYTHON_WORD_LASTI_SHIFT) - 1)

static inline bool python_word(uint64_t ip)
{
	return ip >> 62 == 1;
}

static inline bool python_word_entry(uint64_t word)
{
	return word & PYTHON_WORD_ENTRY;
}

static inline uint64_t python_word_code(uint64_t word)
{
	return (word & PYTHON_WORD_CODE_MASK) << 3;
}

/* f_lasti in code units, -1 = not begun; INT32_MAX = not known. */
static inline int32_t python_word_lasti(uint64_t word)
{
	uint32_t field = (uint32_t)(word >> PYTHON_WORD_LASTI_SHIFT) & PYTHON_WORD_LASTI_MAX;

	return field == PYTHON_WORD_LASTI_MAX ? INT32_MAX : (int32_t)field - 1;
}

/* @lasti in code units, -1 = not begun. */
static inline uint64_t python_word_make(uint64_t code, int64_t lasti, bool entry)
{
	uint64_t field = lasti < 0 ? 0 : (uint64_t)lasti + 1;

	if (field > PYTHON_WORD_LASTI_MAX)
		field = PYTHON_WORD_LASTI_MAX;
	return PYTHON_WORD_MARK | (entry ? PYTHON_WORD_ENTRY : 0) |
	       (field << PYTHON_WORD_LASTI_SHIFT) | ((code >> 3) & PYTHON_WORD_CODE_MASK);
}

#endif
