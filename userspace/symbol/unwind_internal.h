/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From a file to its table: unwind_elf.c finds the section, unwind_cfi.c its CIEs and FDEs,
 * unwind_rows.c runs their instructions, unwind_table.c puts the rows together.
 */
#ifndef SYMBOL_UNWIND_INTERNAL_H
#define SYMBOL_UNWIND_INTERNAL_H

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/vec.h"
#include "symbol/elf_file.h"
#include "symbol/unwind_format.h"

struct err;

/* Registers by DWARF's numbers: System V ABI, AMD64 supplement, figure 3.36. */
#define UNWIND_REG_RBP 6
#define UNWIND_REG_RSP 7
#define UNWIND_REG_RA 16

/* What the file holds, in memory that its reader owns. */
struct unwind_section {
	const uint8_t *data;
	size_t len; /* <= UNWIND_SECTION_MAX */
	uint64_t vaddr;
	bool eh_frame;	   /* else .debug_frame */
	bool ends_at_zero; /* its true length is unknown */
};

/* Bytes to read; once one is missing it has failed, gives zeros and is at its end. */
struct cursor {
	const uint8_t *at;
	const uint8_t *end;
	bool failed;
};

static inline size_t cursor_left(const struct cursor *c)
{
	return (size_t)(c->end - c->at);
}

static inline void cursor_fail(struct cursor *c)
{
	c->at = c->end;
	c->failed = true;
}

/* A little-endian number of @bytes <= 8. */
static inline uint64_t cursor_uint(struct cursor *c, size_t bytes)
{
	uint64_t value = 0;

	if (cursor_left(c) < bytes) {
		cursor_fail(c);
		return 0;
	}
	memcpy(&value, c->at, bytes);
	c->at += bytes;
	return le64toh(value);
}

static inline uint8_t cursor_u8(struct cursor *c)
{
	return (uint8_t)cursor_uint(c, 1);
}

static inline void cursor_skip(struct cursor *c, uint64_t bytes)
{
	if (cursor_left(c) < bytes)
		cursor_fail(c);
	else
		c->at += bytes;
}

/* The next @bytes of @c as a cursor of their own. */
static inline struct cursor cursor_take(struct cursor *c, uint64_t bytes)
{
	struct cursor part = {.at = c->at};

	cursor_skip(c, bytes);
	part.failed = c->failed;
	part.end = part.failed ? part.at : c->at;
	return part;
}

/* LEB128; bits beyond 64 are lost, as DWARF's readers do it. */
static inline uint64_t cursor_leb(struct cursor *c, bool is_signed)
{
	uint64_t value = 0;
	unsigned int shift = 0;
	uint8_t byte;

	do {
		byte = cursor_u8(c);
		if (shift < 64)
			value |= (uint64_t)(byte & 0x7f) << shift;
		shift += 7;
	} while (byte & 0x80);
	if (is_signed && (byte & 0x40) && shift < 64)
		value |= UINT64_MAX << shift;
	return value;
}

static inline uint64_t cursor_uleb(struct cursor *c)
{
	return cursor_leb(c, false);
}

static inline int64_t cursor_sleb(struct cursor *c)
{
	return (int64_t)cursor_leb(c, true);
}

/*
 * A pointer encoded as DW_EH_PE_* (Linux Standard Base, "DWARF Extensions"); @vaddr is that of the
 * cursor's place.  Fails on what needs memory or bases that no linker of x86_64 uses: indirect,
 * relative to text, data or function, aligned.
 */
uint64_t cursor_encoded(struct cursor *c, uint8_t encoding, uint64_t vaddr);

/* Where a register of the caller is. */
struct unwind_rule {
	enum {
		RULE_DEFAULT, /* rbp: unchanged; rsp: the CFA; the return address: nowhere */
		RULE_UNDEFINED,
		RULE_SAME,
		RULE_OFFSET, /* at CFA + value */
		RULE_AT_RBP, /* at rbp + value */
		RULE_AT_RSP,
		RULE_OTHER,
	} kind;
	int64_t value;
};

enum unwind_tracked { TRACKED_RBP, TRACKED_RSP, TRACKED_RA, TRACKED_COUNT };

struct unwind_state {
	enum {
		CFA_OTHER,
		CFA_REG,   /* reg + offset */
		CFA_DEREF, /* *(reg + offset) */
		CFA_PLT,   /* offset is the threshold */
	} cfa;
	uint64_t cfa_reg;
	int64_t cfa_offset;
	struct unwind_rule rules[TRACKED_COUNT];
};

struct unwind_cie {
	uint32_t at; /* in the section */
	bool usable;
	bool has_data; /* its FDEs have augmentation data */
	bool signal;
	uint8_t encoding; /* of addresses in its FDEs */
	uint64_t code_align;
	int64_t data_align;
	struct unwind_state initial;
};

struct unwind_fde {
	uint32_t pc;  /* from base_vaddr */
	uint32_t len; /* > 0, inside the text */
	uint32_t cie;
	uint32_t program_at; /* in the section */
	uint32_t program_len;
};

struct unwind_builder {
	struct unwind_section section;
	struct unwind_table *table;
	VEC(struct unwind_cie) cies; /* by `at` */
	VEC(struct unwind_fde) fdes; /* by pc, once collected */
	VEC(uint64_t) rows;
	bool full; /* no row more, the last one is a gap */
};

/* elf_file_open() of an x86_64 program. Errors as unwind_table_build(). */
int unwind_elf_open(int fd, const void *image, size_t len, struct elf_file *ret, struct err *err);
/* Fill in the table's segments, base_vaddr, text_bytes and build_id. */
int unwind_elf_describe(struct elf_file *elf, struct unwind_table *table, struct err *err);
/* Returns -ENODATA where there is no such section; *ret lives as long as @elf. */
int unwind_elf_section(struct elf_file *elf, bool eh_frame, struct unwind_section *ret);

/* Read the builder's section into its cies and fdes. Returns 0 or -ENOMEM. */
int unwind_cfi_collect(struct unwind_builder *b);

/* Run a CIE's own instructions; false where they make no sense. */
bool unwind_rows_prepare(const struct unwind_section *section, struct unwind_cie *cie,
			 struct cursor program);
/* Append the rows of @fde, which ends at @end (exclusive, from base_vaddr). Returns 0 or -ENOMEM.
 */
int unwind_rows_run(struct unwind_builder *b, const struct unwind_fde *fde, uint64_t end);
/* Append a row with its pc still 0, merged with the one before where equal. Returns 0 or -ENOMEM.
 */
int unwind_rows_add(struct unwind_builder *b, uint64_t pc, uint64_t row);

#endif
