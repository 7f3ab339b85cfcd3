// SPDX-License-Identifier: GPL-2.0-only
/*
 * The entries of .eh_frame (Linux Standard Base 5, "Exception Frames") and .debug_frame (DWARF 5,
 * 6.4.1): CIEs and FDEs, one after the other.
 */
#include <dwarf.h>
#include <errno.h>
#include <stdlib.h>

#include "symbol/unwind_internal.h"

#define ENCODING_FORMAT 0x0f
#define ENCODING_SIGNED 0x08

struct entry {
	uint32_t at; /* of its length */
	bool cie;
	uint64_t cie_at;    /* of an FDE: in the section, may be nonsense */
	struct cursor body; /* behind the CIE's id or pointer */
};

static uint64_t vaddr_of(const struct unwind_section *s, const struct cursor *c)
{
	return s->vaddr + (uint64_t)(c->at - s->data);
}

/*
 * The entry at @c, which moves behind it.  Returns false at the end, or, having failed @c, where
 * the length makes no sense; an entry of length 0 has an empty body and is neither CIE nor FDE.
 */
static bool next_entry(const struct unwind_section *s, struct cursor *c, struct entry *ret)
{
	size_t at = (size_t)(c->at - s->data), width = 4, id_at;
	uint64_t len, id;

	if (cursor_left(c) == 0)
		return false;
	len = cursor_uint(c, 4);
	if (len == UINT32_MAX) {
		width = 8;
		len = cursor_uint(c, 8);
	}
	*ret = (struct entry){.at = (uint32_t)at, .body = cursor_take(c, len)};
	if (c->failed || (len == 0 && s->ends_at_zero))
		return false;
	if (len == 0)
		return true;
	id_at = (size_t)(ret->body.at - s->data);
	id = cursor_uint(&ret->body, width);
	if (s->eh_frame) {
		ret->cie = id == 0;
		ret->cie_at = id_at - id; /* wraps where it is nonsense, and is not found then */
	} else {
		ret->cie = id == (width == 8 ? UINT64_MAX : UINT32_MAX);
		ret->cie_at = id;
	}
	return true;
}

/*
 * What the letters of the augmentation string say, with the data that belongs to them in @data.
 * Returns false where an FDE of this CIE cannot be read.
 */
static bool read_augmentation(const struct unwind_section *s, struct unwind_cie *cie,
			      const char *letters, struct cursor *data)
{
	for (; *letters; letters++) {
		uint8_t encoding;

		switch (*letters) {
		case 'R':
			cie->encoding = cursor_u8(data);
			break;
		case 'L':
			cursor_skip(data, 1);
			break;
		case 'P':
			/* Of the personality routine only its width matters. */
			encoding = cursor_u8(data);
			if (encoding == DW_EH_PE_aligned)
				return false;
			if (encoding != DW_EH_PE_omit)
				(void)cursor_encoded(data, encoding & ENCODING_FORMAT,
						     vaddr_of(s, data));
			break;
		case 'S':
			cie->signal = true;
			break;
		default:
			/* Its data, and that of all that follow, has an unknown length. */
			return false;
		}
	}
	return !data->failed;
}

/* Fills in @cie from the body of its entry; false where it is of no use. */
static bool read_cie(const struct unwind_section *s, struct cursor body, struct unwind_cie *cie)
{
	uint8_t version = cursor_u8(&body);
	const char *letters = (const char *)body.at;
	struct cursor data;

	while (cursor_u8(&body) != '\0')
		;
	if (body.failed || (version != 1 && version != 3 && version != 4))
		return false;
	/* From version 4 on: the widths of an address and of a segment's number. */
	if (version == 4 && cursor_uint(&body, 2) != 8)
		return false;
	cie->code_align = cursor_uleb(&body);
	cie->data_align = cursor_sleb(&body);
	if ((version == 1 ? cursor_u8(&body) : cursor_uleb(&body)) != UNWIND_REG_RA)
		return false;
	if (*letters == 'z') {
		cie->has_data = true;
		data = cursor_take(&body, cursor_uleb(&body));
		if (!read_augmentation(s, cie, letters + 1, &data))
			return false;
	} else if (*letters) {
		return false;
	}
	return !body.failed && unwind_rows_prepare(s, cie, body);
}

static int by_place(const void *key, const void *element)
{
	const uint64_t at = *(const uint64_t *)key;
	const struct unwind_cie *cie = element;

	return at < cie->at ? -1 : at > cie->at;
}

/* The CIE at @at in the section, NULL where there is none of use. @last saves most searches. */
static const struct unwind_cie *find_cie(const struct unwind_builder *b, uint64_t at,
					 const struct unwind_cie *last)
{
	const struct unwind_cie *cie = last;

	if (!cie || cie->at != at)
		cie = b->cies.len ? bsearch(&at, b->cies.at, b->cies.len, sizeof(*cie), by_place)
				  : NULL;
	return cie && cie->usable ? cie : NULL;
}

/* Returns false where @entry makes no sense; *ret->len is 0 where its code is not in the text. */
static bool read_fde(const struct unwind_builder *b, const struct entry *entry,
		     const struct unwind_cie *cie, struct unwind_fde *ret)
{
	const struct unwind_table *table = b->table;
	struct cursor body = entry->body;
	uint64_t begin = cursor_encoded(&body, cie->encoding, vaddr_of(&b->section, &body));
	uint64_t len = cursor_encoded(&body, cie->encoding & ENCODING_FORMAT & ~ENCODING_SIGNED, 0);

	if (cie->has_data)
		cursor_skip(&body, cursor_uleb(&body));
	if (body.failed)
		return false;
	begin -= table->base_vaddr; /* wraps, and is outside then */
	*ret = (struct unwind_fde){
		.cie = (uint32_t)(cie - b->cies.at),
		.program_at = (uint32_t)(body.at - b->section.data),
		.program_len = (uint32_t)cursor_left(&body),
	};
	if (begin < table->text_bytes) {
		uint64_t left = table->text_bytes - begin;

		ret->pc = (uint32_t)begin;
		ret->len = (uint32_t)(len < left ? len : left);
	}
	return true;
}

static int take_cies(struct unwind_builder *b)
{
	struct cursor c = {.at = b->section.data, .end = b->section.data + b->section.len};
	struct entry entry;

	while (next_entry(&b->section, &c, &entry)) {
		struct unwind_cie *cie;

		if (!entry.cie)
			continue;
		if (b->cies.len == UNWIND_CIES_MAX) {
			b->table->stats.entries_malformed++;
			continue;
		}
		cie = vec_add(&b->cies);
		if (!cie)
			return -ENOMEM;
		cie->at = entry.at;
		cie->usable = read_cie(&b->section, entry.body, cie);
		if (!cie->usable)
			b->table->stats.entries_malformed++;
	}
	if (c.failed)
		b->table->stats.entries_malformed++;
	return 0;
}

static int take_fdes(struct unwind_builder *b)
{
	struct cursor c = {.at = b->section.data, .end = b->section.data + b->section.len};
	struct unwind_stats *stats = &b->table->stats;
	const struct unwind_cie *cie = NULL, *found;
	struct entry entry;

	while (next_entry(&b->section, &c, &entry)) {
		struct unwind_fde fde, *added;

		if (entry.cie || cursor_left(&entry.body) == 0)
			continue;
		found = find_cie(b, entry.cie_at, cie);
		cie = found ? found : cie;
		if (!found || !read_fde(b, &entry, found, &fde)) {
			stats->fdes_malformed++;
		} else if (fde.len == 0) {
			stats->fdes_outside++;
		} else if (b->fdes.len == UNWIND_FDES_MAX) {
			stats->fdes_beyond_limit++;
		} else {
			added = vec_add(&b->fdes);
			if (!added)
				return -ENOMEM;
			*added = fde;
		}
	}
	return 0;
}

/* By address, then by place in the section, so that the first of two alike is the one that counts.
 */
static int by_pc(const void *a, const void *b)
{
	const struct unwind_fde *x = a, *y = b;

	if (x->pc != y->pc)
		return x->pc < y->pc ? -1 : 1;
	return x->program_at < y->program_at ? -1 : x->program_at > y->program_at;
}

int unwind_cfi_collect(struct unwind_builder *b)
{
	int r = take_cies(b);

	if (r == 0)
		r = take_fdes(b);
	if (r == 0 && b->fdes.len)
		qsort(b->fdes.at, b->fdes.len, sizeof(*b->fdes.at), by_pc);
	return r;
}
