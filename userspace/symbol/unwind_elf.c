// SPDX-License-Identifier: GPL-2.0-only
/* What of an ELF file its unwind table needs: segments, build id, .eh_frame or .debug_frame. */
#include <dwarf.h>
#include <elf.h>
#include <errno.h>
#include <gelf.h>
#include <libelf.h>
#include <string.h>

#include "base/err.h"
#include "base/hashmap.h"
#include "base/num.h"
#include "symbol/unwind_internal.h"

static int damaged(struct err *err, const char *what)
{
	return err_set(err, -EBADMSG, "ELF file: %s (reinstall the program)", what);
}

int unwind_elf_open(int fd, const void *image, size_t len, struct elf_file *ret, struct err *err)
{
	struct elf_file file;
	int r = elf_file_open(fd, image, len, &file, err);

	if (r < 0)
		return r;
	if (!file.wide || file.machine != EM_X86_64) {
		elf_file_close(&file);
		return err_set(err, -ENOTSUP,
			       "unwind table: not of an x86_64 program (use frame pointers)");
	}
	*ret = file;
	return 0;
}

/* Keep an executable segment. Returns 0 or -ENOMEM. */
static int add_segment(struct unwind_table *t, uint64_t size, const GElf_Phdr *p)
{
	VEC(struct unwind_segment) v = {t->segments, t->segments_len, t->segments_len};
	struct unwind_segment *added = vec_add(&v);

	if (!added)
		return -ENOMEM;
	*added = (struct unwind_segment){
		.offset = p->p_offset,
		.vaddr = p->p_vaddr,
		/* What the file does not hold cannot run. */
		.filesz = num_min_u64(p->p_filesz, num_sat_sub(size, p->p_offset)),
	};
	t->segments = v.at;
	t->segments_len++;
	return 0;
}

static int measure_text(struct unwind_table *t, struct err *err)
{
	uint64_t end = 0;

	t->base_vaddr = UINT64_MAX;
	for (uint32_t i = 0; i < t->segments_len; i++) {
		const struct unwind_segment *s = &t->segments[i];

		t->base_vaddr = num_min_u64(t->base_vaddr, s->vaddr);
		end = num_max_u64(end, num_sat_add(s->vaddr, s->filesz));
	}
	if (end <= t->base_vaddr)
		return err_set(err, -ENOEXEC,
			       "ELF file: nothing in it can be executed (nothing to do)");
	t->text_bytes = num_min_u64(end - t->base_vaddr, UNWIND_TEXT_MAX);
	return 0;
}

int unwind_elf_describe(struct elf_file *elf, struct unwind_table *table, struct err *err)
{
	struct elf_build_id id;
	size_t count;

	elf_file_build_id(elf, &id);
	if (id.len)
		table->build_id = num_max_u64(hash_bytes(id.bytes, id.len), 1);
	if (elf_getphdrnum(elf->elf, &count) < 0)
		return damaged(err, elf_errmsg(-1));
	for (size_t i = 0; i < count; i++) {
		GElf_Phdr p;

		if (!gelf_getphdr(elf->elf, (int)i, &p))
			return damaged(err, elf_errmsg(-1));
		if (p.p_type != PT_LOAD || !(p.p_flags & PF_X) || !p.p_filesz)
			continue;
		if (table->segments_len == UNWIND_SEGMENTS_MAX)
			return damaged(err, "too many executable segments");
		if (add_segment(table, elf->size, &p) < 0)
			return err_set(err, -ENOMEM, "unwind table: out of memory (free some)");
	}
	return measure_text(table, err);
}

/* The segment that the file says holds @vaddr: from there to the segment's end. */
static int section_at(const struct elf_file *elf, uint64_t vaddr, struct unwind_section *ret)
{
	size_t count;
	GElf_Phdr p;

	if (elf_getphdrnum(elf->elf, &count) < 0)
		return -ENODATA;
	for (size_t i = 0; i < count && gelf_getphdr(elf->elf, (int)i, &p); i++) {
		if (p.p_type != PT_LOAD || vaddr < p.p_vaddr || vaddr - p.p_vaddr >= p.p_filesz)
			continue;
		ret->vaddr = vaddr;
		ret->len = num_min_u64(p.p_filesz - (vaddr - p.p_vaddr), UNWIND_SECTION_MAX);
		ret->data = elf_file_chunk(elf, p.p_offset + (vaddr - p.p_vaddr), ret->len);
		ret->ends_at_zero = true;
		return ret->data ? 0 : -ENODATA;
	}
	return -ENODATA;
}

/* In a file without section headers: by PT_GNU_EH_FRAME, as the program itself finds it. */
static int section_by_segment(const struct elf_file *elf, struct unwind_section *ret)
{
	/* version, three encodings, and .eh_frame's address: Linux Standard Base 5, 10.6.2 */
	const size_t header_bytes = 4, header_bytes_max = 12;
	size_t count;
	GElf_Phdr p;

	if (elf_getphdrnum(elf->elf, &count) < 0)
		return -ENODATA;
	for (size_t i = 0; i < count && gelf_getphdr(elf->elf, (int)i, &p); i++) {
		size_t len = num_min_u64(p.p_filesz, header_bytes_max);
		const uint8_t *bytes;
		struct cursor c;
		uint64_t vaddr;

		if (p.p_type != PT_GNU_EH_FRAME)
			continue;
		bytes = elf_file_chunk(elf, p.p_offset, len);
		if (!bytes || len < header_bytes || bytes[0] != 1)
			return -ENODATA;
		c = (struct cursor){.at = bytes + header_bytes, .end = bytes + len};
		vaddr = cursor_encoded(&c, bytes[1], p.p_vaddr + header_bytes);
		return c.failed ? -ENODATA : section_at(elf, vaddr, ret);
	}
	return -ENODATA;
}

int unwind_elf_section(struct elf_file *elf, bool eh_frame, struct unwind_section *ret)
{
	struct unwind_section section = {.eh_frame = eh_frame};
	struct elf_section named;
	int r = elf_file_section(elf, eh_frame ? ".eh_frame" : ".debug_frame", UNWIND_SECTION_MAX,
				 &named);

	if (r == 0) {
		section.data = named.data;
		section.len = named.len;
		section.vaddr = named.vaddr;
	} else if (eh_frame) {
		r = section_by_segment(elf, &section);
	}
	if (r == 0)
		*ret = section;
	return r;
}
