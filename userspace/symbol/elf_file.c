// SPDX-License-Identifier: GPL-2.0-only
#include "symbol/elf_file.h"

#include <elf.h>
#include <errno.h>
#include <gelf.h>
#include <libelf.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/num.h"

union header {
	unsigned char ident[EI_NIDENT];
	Elf32_Ehdr e32;
	Elf64_Ehdr e64;
};

static int damaged(struct err *err, const char *what)
{
	return err_set(err, -EBADMSG, "ELF file: %s (reinstall the program, or name it by hand)",
		       what);
}

/*
 * Look at the header before libelf does: it allocates by the number of sections, which a file of
 * "extended numbering" may put at 2^32.  No linker writes executables like that.
 */
static int check_header(const union header *h, size_t len, struct err *err)
{
	static const unsigned char native =
		__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? ELFDATA2LSB : ELFDATA2MSB;
	bool wide = h->ident[EI_CLASS] == ELFCLASS64;
	unsigned int type;

	if (len < EI_NIDENT || memcmp(h->ident, ELFMAG, SELFMAG) != 0 ||
	    h->ident[EI_DATA] != native || (!wide && h->ident[EI_CLASS] != ELFCLASS32))
		return err_set(err, -ENOEXEC,
			       "ELF file: not one of this machine (nothing to do: it has no "
			       "symbols to read)");
	if (len < (wide ? sizeof(h->e64) : sizeof(h->e32)))
		return damaged(err, "cut short in its header");
	type = wide ? h->e64.e_type : h->e32.e_type;
	if (type != ET_EXEC && type != ET_DYN)
		return err_set(err, -ENOEXEC,
			       "ELF file: neither executable nor shared library (nothing to do)");
	if ((wide ? h->e64.e_phnum : h->e32.e_phnum) == PN_XNUM)
		return damaged(err, "claims more than 65,534 program headers");
	if (wide ? h->e64.e_shoff && !h->e64.e_shnum : h->e32.e_shoff && !h->e32.e_shnum)
		return damaged(err, "claims more than 65,279 sections");
	return 0;
}

static int read_header(int fd, const void *image, size_t len, union header *ret, size_t *ret_len,
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

int elf_file_open(int fd, const void *image, size_t len, struct elf_file *ret, struct err *err)
{
	struct elf_file file = {.size = len};
	union header header = {0};
	size_t header_len = 0;
	struct stat st;
	int r = read_header(fd, image, len, &header, &header_len, err);

	if (r == 0)
		r = check_header(&header, header_len, err);
	if (r < 0)
		return r;
	if (!image) {
		if (fstat(fd, &st) < 0)
			return err_set(err, -errno,
				       "ELF file: cannot be examined: %s (check the disk)",
				       strerror(errno));
		file.size = (uint64_t)st.st_size;
	}
	file.wide = header.ident[EI_CLASS] == ELFCLASS64;
	file.sections = file.wide ? header.e64.e_shnum : header.e32.e_shnum;
	file.machine = file.wide ? header.e64.e_machine : header.e32.e_machine;
	if (elf_version(EV_CURRENT) == EV_NONE)
		return err_set(err, -ENOTSUP, "libelf: too old (install elfutils' of this system)");
	/* libelf's interface knows no const; it writes to no image in the machine's byte order. */
	file.elf = image ? elf_memory((char *)image, len) : elf_begin(fd, ELF_C_READ, NULL);
	if (!file.elf || elf_kind(file.elf) != ELF_K_ELF) {
		elf_end(file.elf);
		return damaged(err, elf_errmsg(-1));
	}
	*ret = file;
	return 0;
}

void elf_file_close(struct elf_file *file)
{
	elf_end(file->elf);
	file->elf = NULL;
}

const uint8_t *elf_file_chunk(const struct elf_file *file, uint64_t offset, uint64_t len)
{
	Elf_Data *data;

	if (len == 0 || offset > file->size || len > file->size - offset)
		return NULL;
	data = elf_getdata_rawchunk(file->elf, (int64_t)offset, len, ELF_T_BYTE);
	return data ? data->d_buf : NULL;
}

/* Go's linker compresses .debug_frame, and some distributions all of their debug files. */
static int read_compressed(Elf_Scn *scn, uint64_t max, struct elf_section *ret)
{
	GElf_Chdr header;
	Elf_Data *data;

	if (!gelf_getchdr(scn, &header) || header.ch_size > max || elf_compress(scn, 0, 0) < 0)
		return -ENODATA;
	data = elf_rawdata(scn, NULL);
	if (!data || !data->d_buf || data->d_size > max)
		return -ENODATA;
	ret->data = data->d_buf;
	ret->len = data->d_size;
	return 0;
}

static int read_section(const struct elf_file *file, Elf_Scn *scn, const GElf_Shdr *s, uint64_t max,
			struct elf_section *ret)
{
	if (s->sh_type == SHT_NOBITS || s->sh_size > max)
		return -ENODATA;
	ret->vaddr = s->sh_addr;
	if (s->sh_flags & SHF_COMPRESSED)
		return read_compressed(scn, max, ret);
	ret->data = elf_file_chunk(file, s->sh_offset, s->sh_size);
	ret->len = s->sh_size;
	return ret->data ? 0 : -ENODATA;
}

static Elf_Scn *find_section(const struct elf_file *file, const char *name, GElf_Shdr *ret)
{
	const size_t name_bytes = strlen(name) + 1;
	size_t names_index;
	const uint8_t *names;
	Elf_Scn *scn = NULL;
	GElf_Shdr n;

	if (elf_getshdrstrndx(file->elf, &names_index) < 0 ||
	    !gelf_getshdr(elf_getscn(file->elf, names_index), &n) || n.sh_size > ELF_FILE_NAMES_MAX)
		return NULL;
	names = elf_file_chunk(file, n.sh_offset, n.sh_size);
	while (names && (scn = elf_nextscn(file->elf, scn))) {
		if (gelf_getshdr(scn, ret) && ret->sh_name < n.sh_size &&
		    n.sh_size - ret->sh_name >= name_bytes &&
		    memcmp(names + ret->sh_name, name, name_bytes) == 0)
			return scn;
	}
	return NULL;
}

int elf_file_section(const struct elf_file *file, const char *name, uint64_t max,
		     struct elf_section *ret)
{
	GElf_Shdr header;
	Elf_Scn *scn = find_section(file, name, &header);

	return scn ? read_section(file, scn, &header, max, ret) : -ENODATA;
}

bool elf_file_has_section(const struct elf_file *file, const char *name)
{
	GElf_Shdr header;

	return find_section(file, name, &header) && header.sh_type != SHT_NOBITS &&
	       header.sh_size > 0;
}

/* The build id among the notes of one PT_NOTE. */
static void build_id_of(const struct elf_file *file, const GElf_Phdr *p, struct elf_build_id *ret)
{
	uint64_t len = num_min_u64(p->p_filesz, ELF_FILE_NOTES_MAX);
	size_t at = 0, next, name_at, desc_at;
	GElf_Nhdr note;
	Elf_Data *data;

	if (p->p_offset > file->size || len > file->size - p->p_offset || len == 0)
		return;
	data = elf_getdata_rawchunk(file->elf, (int64_t)p->p_offset, len,
				    p->p_align == 8 ? ELF_T_NHDR8 : ELF_T_NHDR);
	while (data && (next = gelf_getnote(data, at, &note, &name_at, &desc_at)) > at) {
		const uint8_t *bytes = data->d_buf;

		at = next;
		if (note.n_type != NT_GNU_BUILD_ID || note.n_descsz == 0 ||
		    note.n_descsz > sizeof(ret->bytes) || note.n_namesz != sizeof(ELF_NOTE_GNU) ||
		    memcmp(bytes + name_at, ELF_NOTE_GNU, sizeof(ELF_NOTE_GNU)) != 0)
			continue;
		ret->len = note.n_descsz;
		memcpy(ret->bytes, bytes + desc_at, note.n_descsz);
		return;
	}
}

void elf_file_build_id(const struct elf_file *file, struct elf_build_id *ret)
{
	size_t count;
	GElf_Phdr p;

	*ret = (struct elf_build_id){0};
	if (elf_getphdrnum(file->elf, &count) < 0)
		return;
	for (size_t i = 0; i < count && !ret->len && gelf_getphdr(file->elf, (int)i, &p); i++) {
		if (p.p_type == PT_NOTE)
			build_id_of(file, &p, ret);
	}
}
