// SPDX-License-Identifier: GPL-2.0-only
#include "symbol/elf_lookup.h"

#include <elf.h>
#include <errno.h>
#include <gelf.h>
#include <libelf.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"
#include "symbol/elf_file.h"

struct table {
	const uint8_t *symbols;
	size_t symbols_len;
	const char *names;
	size_t names_bytes;
};

/* The first table of @type with all that it needs. */
static bool open_table(const struct elf_file *file, uint32_t type, struct table *ret)
{
	Elf_Scn *scn = NULL;

	while ((scn = elf_nextscn(file->elf, scn))) {
		GElf_Shdr s, names;

		if (!gelf_getshdr(scn, &s) || s.sh_type != type ||
		    s.sh_entsize != sizeof(Elf64_Sym) ||
		    !gelf_getshdr(elf_getscn(file->elf, s.sh_link), &names) ||
		    names.sh_type != SHT_STRTAB)
			continue;
		*ret = (struct table){
			.symbols_len =
				num_min_u64(s.sh_size / sizeof(Elf64_Sym), ELF_LOOKUP_SYMBOLS_MAX),
			.names_bytes = num_min_u64(names.sh_size, ELF_LOOKUP_NAMES_MAX),
		};
		ret->symbols =
			elf_file_chunk(file, s.sh_offset, ret->symbols_len * sizeof(Elf64_Sym));
		ret->names = (const char *)elf_file_chunk(file, names.sh_offset, ret->names_bytes);
		if (ret->symbols && ret->names)
			return true;
	}
	return false;
}

static bool named(const struct table *t, const Elf64_Sym *s, const char *name)
{
	size_t bytes = strlen(name) + 1;

	return s->st_name < t->names_bytes && t->names_bytes - s->st_name >= bytes &&
	       memcmp(t->names + s->st_name, name, bytes) == 0;
}

/* Something at a place of this file. */
static bool is_place(const Elf64_Sym *s)
{
	unsigned char type = ELF64_ST_TYPE(s->st_info);

	return (type == STT_FUNC || type == STT_OBJECT) && s->st_shndx != SHN_UNDEF &&
	       s->st_shndx != SHN_ABS && s->st_shndx != SHN_COMMON && s->st_value != 0;
}

static size_t search(const struct table *t, bool global, struct elf_lookup *wanted, size_t len)
{
	size_t found = 0;

	for (size_t i = 0; i < t->symbols_len; i++) {
		Elf64_Sym s;

		memcpy(&s, t->symbols + i * sizeof(s), sizeof(s));
		if (!is_place(&s) || (ELF64_ST_BIND(s.st_info) != STB_LOCAL) != global)
			continue;
		for (size_t w = 0; w < len; w++) {
			if (wanted[w].found || !named(t, &s, wanted[w].name))
				continue;
			wanted[w].found = true;
			wanted[w].vaddr = s.st_value;
			wanted[w].size = s.st_size;
			found++;
		}
	}
	return found;
}

size_t elf_lookup(const struct elf_file *file, enum elf_lookup_table table,
		  struct elf_lookup *wanted, size_t len)
{
	struct table t;

	if (!file->wide || !open_table(file, table == ELF_LOOKUP_ALL ? SHT_SYMTAB : SHT_DYNSYM, &t))
		return 0;
	return search(&t, true, wanted, len) + search(&t, false, wanted, len);
}

int elf_lookup_load(const struct elf_file *file, uint64_t *ret_offset, uint64_t *ret_vaddr)
{
	const uint64_t mask = ~((uint64_t)sysconf(_SC_PAGESIZE) - 1);
	bool found = false;
	size_t count;

	if (elf_getphdrnum(file->elf, &count) < 0)
		return -ENOENT;
	for (size_t i = 0; i < count; i++) {
		GElf_Phdr p;

		if (!gelf_getphdr(file->elf, (int)i, &p) || p.p_type != PT_LOAD ||
		    (found && (p.p_vaddr & mask) >= *ret_vaddr))
			continue;
		*ret_offset = p.p_offset & mask;
		*ret_vaddr = p.p_vaddr & mask;
		found = true;
	}
	return found ? 0 : -ENOENT;
}

int elf_lookup_read(const struct elf_file *file, uint64_t vaddr, void *buf, size_t len)
{
	size_t count;

	if (elf_getphdrnum(file->elf, &count) < 0)
		return -ENOENT;
	for (size_t i = 0; i < count; i++) {
		const uint8_t *bytes;
		uint64_t offset;
		GElf_Phdr p;

		if (!gelf_getphdr(file->elf, (int)i, &p) || p.p_type != PT_LOAD ||
		    vaddr < p.p_vaddr || vaddr - p.p_vaddr >= p.p_filesz ||
		    len > p.p_filesz - (vaddr - p.p_vaddr) ||
		    __builtin_add_overflow(p.p_offset, vaddr - p.p_vaddr, &offset))
			continue;
		bytes = elf_file_chunk(file, offset, len);
		if (!bytes)
			return -ENOENT;
		memcpy(buf, bytes, len);
		return 0;
	}
	return -ENOENT;
}
