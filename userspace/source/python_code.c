// SPDX-License-Identifier: GPL-2.0-only
#include "source/python_code.h"

#include "base/num.h"
#include "model/python_word.h"

#define TEXT_WORDS (CP_PYTHON_TEXT_BYTES / 8)

bool python_code_part(const struct python_layout *l, struct cp_python *abi)
{
	const uint16_t name = l->code_qualname == PYTHON_NO_FIELD ? l->code_name : l->code_qualname;
	const uint16_t fields[] = {l->code_firstlineno, l->code_filename, name, l->code_linetable};
	uint16_t from = UINT16_MAX, to = 0;

	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		from = (uint16_t)num_min_u64(from, fields[i] & ~7U);
		to = (uint16_t)num_max_u64(to, fields[i] + 8U);
	}
	to = (uint16_t)((to + 7U) & ~7U);
	if (to - from > CP_PYTHON_CODE_BYTES || l->unicode_state < l->unicode_length ||
	    l->unicode_state - l->unicode_length > 16)
		return false;
	abi->code_from = from;
	abi->code_bytes = (uint16_t)(to - from);
	abi->code_firstlineno = (uint16_t)(l->code_firstlineno - from);
	abi->code_name = (uint16_t)(name - from);
	abi->code_filename = (uint16_t)(l->code_filename - from);
	abi->code_linetable = (uint16_t)(l->code_linetable - from);
	/* co_version of 3.12 and later; what is there before is as good as any other. */
	abi->code_number = (uint16_t)(((l->code_firstlineno + 24U) & ~7U) - from);
	if (abi->code_number >= abi->code_bytes)
		abi->code_number = 0;
	abi->text_len = l->unicode_length;
	abi->text_state = (uint16_t)(l->unicode_state - l->unicode_length);
	abi->text_kind_bit = l->unicode_kind_bit;
	abi->text_ascii = l->unicode_ascii;
	abi->text_compact = l->unicode_compact;
	abi->bytes_len = l->bytes_size;
	abi->bytes_data = l->bytes_data;
	return true;
}

/* Each of these adds to *hash; false where something cannot be read. */

static bool add_bytes(const struct python_memory *memory, uint64_t at, uint64_t len, uint64_t *hash)
{
	const uint64_t n = num_min_u64(len, CP_PYTHON_TEXT_BYTES - 1);
	uint64_t text[TEXT_WORDS] = {0};

	*hash = cp_stack_hash_step(*hash, len);
	if (n && !python_read(memory, at, 0, text, n))
		return false;
	for (size_t i = 0; i * 8 < n; i++)
		*hash = cp_stack_hash_step(*hash, text[i]);
	*hash = *hash ? *hash : 1;
	return true;
}

static bool add_text(const struct cp_python *abi, const struct python_memory *memory, uint64_t at,
		     bool tail, uint64_t *hash)
{
	uint64_t head[3], data = 0, bytes = 0;
	uint32_t state, kind;

	if (!python_read(memory, at, abi->text_len, head, sizeof(head)))
		return false;
	state = (uint32_t)head[(abi->text_state >> 3) & 3] >> (abi->text_kind_bit & 31);
	kind = state & 7;
	if ((state & 8) && (kind == 1 || kind == 2 || kind == 4)) {
		bytes = head[0] * kind;
		data = at + ((state & 16) ? abi->text_ascii : abi->text_compact);
	}
	if (tail && bytes > CP_PYTHON_TEXT_BYTES - 1)
		data += bytes - (CP_PYTHON_TEXT_BYTES - 1);
	return add_bytes(memory, data, bytes, hash);
}

static bool add_content(const struct cp_python *abi, const struct python_memory *memory,
			const uint8_t *code, uint64_t *hash)
{
	uint64_t lines, head[2];

	*hash = cp_stack_hash_begin((uint32_t)python_field_s32(code, abi->code_firstlineno));
	if (!add_text(abi, memory, python_field_u64(code, abi->code_name), false, hash) ||
	    !add_text(abi, memory, python_field_u64(code, abi->code_filename), true, hash))
		return false;
	lines = python_field_u64(code, abi->code_linetable);
	if (!python_read(memory, lines, abi->bytes_len, head, sizeof(head)))
		return false;
	*hash = cp_stack_hash_step(*hash, head[1]);
	return add_bytes(memory, lines + abi->bytes_data, head[0], hash);
}

/* The word that @offset is in. */
static uint64_t word_of(const uint8_t *part, uint16_t offset)
{
	return python_field_u64(part, offset & (CP_PYTHON_CODE_BYTES - 8U));
}

static uint64_t in_word(uint64_t hash)
{
	hash &= CP_PYTHON_CODE_MASK;
	return hash > CP_PYTHON_CODE_UNKNOWN ? hash : hash + CP_PYTHON_CODE_UNKNOWN + 1;
}

bool python_code_ids(const struct cp_python *abi, const struct python_memory *memory, uint64_t code,
		     struct python_code_ids *ret)
{
	uint8_t part[CP_PYTHON_CODE_BYTES];
	uint64_t own, content = 0;

	if (abi->code_bytes > sizeof(part) ||
	    !python_read(memory, code, abi->code_from, part, abi->code_bytes))
		return false;
	own = cp_python_own(code, word_of(part, abi->code_firstlineno),
			    word_of(part, abi->code_name), word_of(part, abi->code_filename),
			    word_of(part, abi->code_linetable), word_of(part, abi->code_number));
	ret->place = in_word(cp_stack_hash_step(CP_HASH_MULTIPLIER, own));
	ret->content = add_content(abi, memory, part, &content) ? in_word(content) : ret->place;
	return true;
}

uint64_t python_code_word(const struct cp_python *abi, const struct python_memory *memory,
			  uint64_t word)
{
	struct python_code_ids ids;
	const uint64_t rest = word & ~(uint64_t)CP_PYTHON_CODE_MASK;

	if (word == PYTHON_WORD_LEFT)
		return word;
	return rest | (python_code_ids(abi, memory, python_word_code(word), &ids)
			       ? ids.content
			       : CP_PYTHON_CODE_UNKNOWN);
}
