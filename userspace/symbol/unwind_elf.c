// SPDX-License-Identifier: GPL-2.0-only
/* What of an ELF file its unwind table needs: segments, build id, .eh_frame or .debug_frame. */
#include <dwarf.h>
#include <elf.h>
#include <errno.h>
#include <gelf.h>
#include <libelf.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/hashmap.h"
#include "base/num.h"
#include "symbol/unwind_internal.h"

/* Bytes read of the names of sections, and of each segment of notes. */
#define NAMES_BYTES_MAX (1U << 20)
#define NOTES_BYTES_MAX (64U << 10)

/* The page size of x86_64, to which the loader rounds a segment's start down. */
#define PAGE_BYTES 4096

static int damaged(struct err *err, const char *what)
{
	return err_set(err, -EBADMSG, "ELF file: %s (reinstall the program)", what);
}

/* Before libelf does: it allocates by the number of sections, which may be put at 2^32. */
static int check_header(const Elf64_Ehdr *h, size_t len, struct err *err)
{
	if (len < EI_NIDENT || memcmp(h->e_ident, ELFMAG, SELFMAG) != 0)
		return err_set(err, -ENOEXEC, "ELF file: not one (nothing to do)");
	if (len < sizeof(Elf32_Ehdr))
		return damaged(err, "cut short in its header");
	/* Both classes have the type and the machine at the same place. */
	if (h->e_ident[EI_CLASS] != ELFCLASS64 || h->e_ident[EI_DATA] != ELFDATA2LSB ||
	    le16toh(h->e_machine) != EM_X86_64)
		return err_set(err, -ENOTSUP,
			       "unwind table: not of an x86_64 program (use frame pointers)");
	if (len < sizeof(*h))
		return damaged(err, "cut short in its header");
	if (le16toh(h->e_type) != ET_EXEC && le16toh(h->e_type) != ET_DYN)
		return err_set(err, -ENOEXEC,
			       "ELF file: neither executable nor shared library (nothing to do)");
	if (le16toh(h->e_phnum) == PN_XNUM)
		return damaged(err, "claims more than 65,534 program headers");
	if (h->e_shoff && !h->e_shnum)
		return damaged(err, "claims more than 65,279 sections");
	return 0;
}

static int read_header(int fd, const void *image, size_t len, Elf64_Ehdr *ret, size_t *ret_len,
		       struct err *err)
{
	ssize_t n;

	if (image) {
		*ret_len = num_min_u64(len, sizeof(*ret));
		memcpy(ret, image, *ret_len);
		return 0;
	}
	n = pread(fd, ret, sizeof(*ret), 0);
	if (n < 0)
		return err_set(err, -errno, "ELF file: cannot be read: %s (check the disk)",
			       strerror(errno));
	*ret_len = (size_t)n;
	return 0;
}

int unwind_elf_open(int fd, const void *image, size_t len, struct unwind_elf *ret, struct err *err)
{
	struct unwind_elf elf = {.size = len};
	Elf64_Ehdr header = {0};
	size_t header_len = 0;
	struct stat st;
	int r;

	r = read_header(fd, image, len, &header, &header_len, err);
	if (r == 0)
		r = check_header(&header, header_len, err);
	if (r < 0)
		return r;
	if (!image) {
		if (fstat(fd, &st) < 0)
			return err_set(err, -errno,
				       "ELF file: cannot be examined: %s (check the disk)",
				       strerror(errno));
		elf.size = (uint64_t)st.st_size;
	}
	if (elf_version(EV_CURRENT) == EV_NONE)
		return err_set(err, -ENOTSUP, "libelf: too old (install elfutils' of this system)");
	/* libelf's interface knows no const; it writes to no image in the machine's byte order. */
	elf.elf = image ? elf_memory((char *)image, len) : elf_begin(fd, ELF_C_READ, NULL);
	if (!elf.elf || elf_kind(elf.elf) != ELF_K_ELF) {
		elf_end(elf.elf);
		return damaged(err, elf_errmsg(-1));
	}
	*ret = elf;
	return 0;
}

void unwind_elf_close(struct unwind_elf *elf)
{
	elf_end(elf->elf);
	elf->elf = NULL;
}

/* Bytes of the file, NULL where they are not in it. They live as long as @elf. */
static const uint8_t *chunk(const struct unwind_elf *elf, uint64_t offset, uint64_t len)
{
	Elf_Data *data;

	if (len == 0 || offset > elf->size || len > elf->size - offset)
		return NULL;
	data = elf_getdata_rawchunk(elf->elf, (int64_t)offset, len, ELF_T_BYTE);
	return data ? data->d_buf : NULL;
}

/* Hash the build id among the notes of one PT_NOTE; 0 where there is none. */
static uint64_t build_id_of(const struct unwind_elf *elf, const GElf_Phdr *p)
{
	uint64_t len = num_min_u64(p->p_filesz, NOTES_BYTES_MAX);
	size_t at = 0, next, name_at, desc_at;
	GElf_Nhdr note;
	Elf_Data *data;
	uint64_t hash;

	if (p->p_offset > elf->size || len > elf->size - p->p_offset || len == 0)
		return 0;
	data = elf_getdata_rawchunk(elf->elf, (int64_t)p->p_offset, len,
				    p->p_align == 8 ? ELF_T_NHDR8 : ELF_T_NHDR);
	while (data && (next = gelf_getnote(data, at, &note, &name_at, &desc_at)) > at) {
		const uint8_t *bytes = data->d_buf;

		at = next;
		if (note.n_type != NT_GNU_BUILD_ID || note.n_descsz == 0 ||
		    note.n_namesz != sizeof(ELF_NOTE_GNU) ||
		    memcmp(bytes + name_at, ELF_NOTE_GNU, sizeof(ELF_NOTE_GNU)) != 0)
			continue;
		hash = hash_bytes(bytes + desc_at, note.n_descsz);
		return hash ? hash : 1;
	}
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

int unwind_elf_describe(struct unwind_elf *elf, struct unwind_table *table, struct err *err)
{
	size_t count;

	if (elf_getphdrnum(elf->elf, &count) < 0)
		return damaged(err, elf_errmsg(-1));
	for (size_t i = 0; i < count; i++) {
		GElf_Phdr p;

		if (!gelf_getphdr(elf->elf, (int)i, &p))
			return damaged(err, elf_errmsg(-1));
		if (p.p_type == PT_NOTE && !table->build_id)
			table->build_id = build_id_of(elf, &p);
		if (p.p_type != PT_LOAD || !(p.p_flags & PF_X) || !p.p_filesz)
			continue;
		if (table->segments_len == UNWIND_SEGMENTS_MAX)
			return damaged(err, "too many executable segments");
		if (add_segment(table, elf->size, &p) < 0)
			return err_set(err, -ENOMEM, "unwind table: out of memory (free some)");
	}
	return measure_text(table, err);
}

int unwind_table_delta(const struct unwind_table *table, uint64_t offset, uint64_t *ret_delta)
{
	for (uint32_t i = 0; i < table->segments_len; i++) {
		const struct unwind_segment *s = &table->segments[i];

		if (offset < (s->offset & ~(uint64_t)(PAGE_BYTES - 1)) ||
		    offset >= num_sat_add(s->offset, s->filesz))
			continue;
		*ret_delta = s->vaddr - s->offset + offset - table->base_vaddr;
		return 0;
	}
	return -ENOENT;
}

/* Go's linker compresses .debug_frame. */
static int read_compressed(Elf_Scn *scn, struct unwind_section *ret)
{
	GElf_Chdr header;
	Elf_Data *data;

	if (!gelf_getchdr(scn, &header) || header.ch_size > UNWIND_SECTION_MAX ||
	    elf_compress(scn, 0, 0) < 0)
		return -ENODATA;
	data = elf_rawdata(scn, NULL);
	if (!data || !data->d_buf || data->d_size > UNWIND_SECTION_MAX)
		return -ENODATA;
	ret->data = data->d_buf;
	ret->len = data->d_size;
	return 0;
}

static int read_section(const struct unwind_elf *elf, Elf_Scn *scn, const GElf_Shdr *s,
			struct unwind_section *ret)
{
	if (s->sh_type == SHT_NOBITS || s->sh_size > UNWIND_SECTION_MAX)
		return -ENODATA;
	ret->vaddr = s->sh_addr;
	if (s->sh_flags & SHF_COMPRESSED)
		return read_compressed(scn, ret);
	ret->data = chunk(elf, s->sh_offset, s->sh_size);
	ret->len = s->sh_size;
	return ret->data ? 0 : -ENODATA;
}

static int section_by_name(const struct unwind_elf *elf, const char *name,
			   struct unwind_section *ret)
{
	const size_t name_bytes = strlen(name) + 1;
	size_t names_index;
	const uint8_t *names;
	Elf_Scn *scn = NULL;
	GElf_Shdr n, s;

	if (elf_getshdrstrndx(elf->elf, &names_index) < 0 ||
	    !gelf_getshdr(elf_getscn(elf->elf, names_index), &n) || n.sh_size > NAMES_BYTES_MAX)
		return -ENODATA;
	names = chunk(elf, n.sh_offset, n.sh_size);
	while (names && (scn = elf_nextscn(elf->elf, scn))) {
		if (gelf_getshdr(scn, &s) && s.sh_name < n.sh_size &&
		    n.sh_size - s.sh_name >= name_bytes &&
		    memcmp(names + s.sh_name, name, name_bytes) == 0)
			return read_section(elf, scn, &s, ret);
	}
	return -ENODATA;
}

/* The segment that the file says holds @vaddr: from there to the segment's end. */
static int section_at(const struct unwind_elf *elf, uint64_t vaddr, struct unwind_section *ret)
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
		ret->data = chunk(elf, p.p_offset + (vaddr - p.p_vaddr), ret->len);
		ret->ends_at_zero = true;
		return ret->data ? 0 : -ENODATA;
	}
	return -ENODATA;
}

/* In a file without section headers: by PT_GNU_EH_FRAME, as the program itself finds it. */
static int section_by_segment(const struct unwind_elf *elf, struct unwind_section *ret)
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
		bytes = chunk(elf, p.p_offset, len);
		if (!bytes || len < header_bytes || bytes[0] != 1)
			return -ENODATA;
		c = (struct cursor){.at = bytes + header_bytes, .end = bytes + len};
		vaddr = cursor_encoded(&c, bytes[1], p.p_vaddr + header_bytes);
		return c.failed ? -ENODATA : section_at(elf, vaddr, ret);
	}
	return -ENODATA;
}

int unwind_elf_section(struct unwind_elf *elf, bool eh_frame, struct unwind_section *ret)
{
	struct unwind_section section = {.eh_frame = eh_frame};
	int r = section_by_name(elf, eh_frame ? ".eh_frame" : ".debug_frame", &section);

	if (r < 0 && eh_frame)
		r = section_by_segment(elf, &section);
	if (r == 0)
		*ret = section;
	return r;
}
