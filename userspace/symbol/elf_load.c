// SPDX-License-Identifier: GPL-2.0-only
/* Reading the symbol tables and program headers of one ELF file. */
#include <elf.h>
#include <errno.h>
#include <gelf.h>
#include <libelf.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/num.h"
#include "symbol/elf_file.h"
#include "symbol/elf_syms.h"
#include "symbol/elf_syms_internal.h"

/* Aliases kept of one address. Only the best is ever shown; glibc's busiest has seven. */
#define ALIASES_MAX 16

enum table { TABLE_SYMTAB, TABLE_DYNSYM, TABLE_COUNT };

struct section {
	uint64_t addr;
	uint64_t size;
	bool holds_symbols; /* is in memory at a fixed place: allocated, not thread-local */
};

struct loader {
	struct elf_syms *es;
	struct elf_file file;
	struct section *sections;
	size_t sections_len;
	struct table_data {
		Elf_Data *data;
		size_t len; /* symbols to read from it */
	} tables[TABLE_COUNT];
};

static int damaged(struct err *err, const char *what)
{
	return err_set(err, -EBADMSG, "ELF file: %s (reinstall the program, or name it by hand)",
		       what);
}

static int no_memory(struct err *err)
{
	return err_set(err, -ENOMEM, "ELF file: out of memory for its symbols (free some)");
}

static int read_segments(struct loader *l, struct err *err)
{
	size_t count;

	if (elf_getphdrnum(l->file.elf, &count) < 0)
		return damaged(err, elf_errmsg(-1));
	for (size_t i = 0; i < count; i++) {
		struct elf_segment *seg;
		GElf_Phdr p;
		uint64_t end;

		if (!gelf_getphdr(l->file.elf, (int)i, &p))
			return damaged(err, elf_errmsg(-1));
		if (p.p_type != PT_LOAD)
			continue;
		if (l->es->segments.len == ELF_SYMS_SEGMENTS_MAX)
			return damaged(err, "too many segments");
		if (p.p_filesz > p.p_memsz ||
		    __builtin_add_overflow(p.p_offset, p.p_filesz, &end) ||
		    __builtin_add_overflow(p.p_vaddr, p.p_memsz, &end))
			return damaged(err, "a segment has impossible bounds");
		seg = vec_add(&l->es->segments);
		if (!seg)
			return no_memory(err);
		*seg = (struct elf_segment){
			.offset = p.p_offset,
			.vaddr = p.p_vaddr,
			.filesz = p.p_filesz,
			.memsz = p.p_memsz,
			.writable = p.p_flags & PF_W,
		};
	}
	return 0;
}

/* Get the symbols of one table into memory; they are freed with the Elf handle. */
static int open_table(struct loader *l, enum table table, const GElf_Shdr *shdr, struct err *err)
{
	size_t entry_size = gelf_fsize(l->file.elf, ELF_T_SYM, 1, EV_CURRENT);
	Elf_Scn *scn = elf_getscn(l->file.elf, shdr->sh_link);
	size_t len, budget = ELF_SYMS_MAX;
	GElf_Shdr names;
	uint64_t end;

	if (!entry_size || shdr->sh_entsize != entry_size)
		return damaged(err, "symbols of an impossible size");
	if (!scn || !gelf_getshdr(scn, &names) || names.sh_type != SHT_STRTAB ||
	    __builtin_add_overflow(names.sh_offset, names.sh_size, &end) ||
	    end > (uint64_t)l->es->file_size)
		return damaged(err, "its symbols' names are not in it");
	if (shdr->sh_size > (uint64_t)l->es->file_size)
		return damaged(err, "its symbols are not in it");
	for (int i = 0; i < TABLE_COUNT; i++)
		budget -= l->tables[i].len;
	len = shdr->sh_size / entry_size;
	if (len > budget) {
		l->es->dropped += len - budget;
		len = budget;
	}
	if (!len)
		return 0;
	l->tables[table].data = elf_getdata_rawchunk(l->file.elf, (int64_t)shdr->sh_offset,
						     len * entry_size, ELF_T_SYM);
	if (!l->tables[table].data)
		return damaged(err, elf_errmsg(-1));
	l->tables[table].len = len;
	l->es->strtabs[table] = (struct elf_strtab){names.sh_offset, names.sh_size};
	return 0;
}

static int read_sections(struct loader *l, struct err *err)
{
	const uint64_t file_size = (uint64_t)l->es->file_size;
	Elf_Scn *scn = NULL;
	bool have[TABLE_COUNT] = {0};

	if (elf_getshdrnum(l->file.elf, &l->sections_len) < 0 || l->sections_len > UINT16_MAX ||
	    l->sections_len < l->file.sections)
		return damaged(err, "bad number of sections");
	l->sections = calloc(l->sections_len + 1, sizeof(*l->sections));
	if (!l->sections)
		return no_memory(err);
	while ((scn = elf_nextscn(l->file.elf, scn))) {
		size_t index = elf_ndxscn(scn);
		enum table table;
		GElf_Shdr s;
		int r;

		if (index >= l->sections_len || !gelf_getshdr(scn, &s))
			return damaged(err, elf_errmsg(-1));
		if (s.sh_type != SHT_NULL && s.sh_type != SHT_NOBITS &&
		    (s.sh_offset > file_size || s.sh_size > file_size - s.sh_offset))
			return damaged(err, "a section lies outside of it");
		l->sections[index] = (struct section){
			.addr = s.sh_addr,
			.size = s.sh_size,
			.holds_symbols = (s.sh_flags & SHF_ALLOC) && !(s.sh_flags & SHF_TLS),
		};
		if (s.sh_type != SHT_SYMTAB && s.sh_type != SHT_DYNSYM)
			continue;
		table = s.sh_type == SHT_SYMTAB ? TABLE_SYMTAB : TABLE_DYNSYM;
		if (have[table])
			continue;
		have[table] = true;
		r = open_table(l, table, &s, err);
		if (r < 0)
			return r;
	}
	l->es->has_symtab = l->tables[TABLE_SYMTAB].len > 0;
	return 0;
}

/* Append the symbol if it names something at a fixed address. */
static void take_symbol(struct loader *l, enum table table, const GElf_Sym *s)
{
	unsigned char type = GELF_ST_TYPE(s->st_info);
	const struct section *section;
	uint64_t limit;

	if (type != STT_FUNC && type != STT_GNU_IFUNC && type != STT_OBJECT)
		return;
	/* Undefined and absolute symbols have no section, and are no addresses of this file. */
	if (!s->st_name || s->st_shndx == SHN_UNDEF || s->st_shndx >= l->sections_len)
		return;
	section = &l->sections[s->st_shndx];
	if (!section->holds_symbols)
		return;
	if (s->st_value > ELF_SYM_ADDR_MAX || s->st_name >= ELF_SYMS_STRTAB_MAX ||
	    s->st_name >= l->es->strtabs[table].size) {
		l->es->dropped++;
		return;
	}
	limit = s->st_value < section->addr
			? 0
			: num_sat_sub(section->size, s->st_value - section->addr);
	l->es->syms[l->es->len++] = (struct elf_sym){
		.addr = s->st_value,
		.object = type == STT_OBJECT,
		.local = GELF_ST_BIND(s->st_info) == STB_LOCAL,
		.dynsym = table == TABLE_DYNSYM,
		.unsized = !s->st_size,
		.size = (uint32_t)num_min_u64(s->st_size ? s->st_size : limit, UINT32_MAX),
		.name = s->st_name,
	};
}

static int take_symbols(struct loader *l, struct err *err)
{
	size_t count = l->tables[TABLE_SYMTAB].len + l->tables[TABLE_DYNSYM].len;

	if (!count)
		return 0;
	l->es->syms = calloc(count, sizeof(*l->es->syms));
	if (!l->es->syms)
		return no_memory(err);
	for (enum table table = 0; table < TABLE_COUNT; table++) {
		for (size_t i = 0; i < l->tables[table].len; i++) {
			GElf_Sym s;

			if (!gelf_getsym(l->tables[table].data, (int)i, &s))
				return damaged(err, elf_errmsg(-1));
			take_symbol(l, table, &s);
		}
	}
	return 0;
}

static int compare(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

static int by_address(const void *a, const void *b)
{
	const struct elf_sym *x = a, *y = b;
	int c = compare(x->object, y->object);

	c = c ? c : compare(x->addr, y->addr);
	c = c ? c : compare(x->local, y->local);
	c = c ? c : compare(x->dynsym, y->dynsym);
	return c ? c : compare(x->name, y->name);
}

/*
 * Give the symbols without a size one: an alias's, else as far as the next symbol.  Where only
 * exported symbols exist, the next one may lie behind others that were stripped, so that they
 * cover but their first byte: no name is better than a wrong one.
 */
static void size_run(const struct elf_syms *es, struct elf_sym *run, size_t len, uint64_t gap)
{
	uint32_t sized = 0;

	for (size_t i = 0; i < len; i++) {
		if (!run[i].unsized && run[i].size > sized)
			sized = run[i].size;
	}
	for (size_t i = 0; i < len; i++) {
		if (!run[i].unsized)
			continue;
		if (sized)
			run[i].size = sized;
		else
			run[i].size = (uint32_t)num_min_u64(run[i].size, es->has_symtab ? gap : 1);
	}
}

/* Of the symbols of one address keep those that cover something and could be chosen. Returns how
 * many were moved to @to. */
static size_t keep_run(struct elf_sym *to, const struct elf_sym *run, size_t len)
{
	size_t kept = 0;

	for (size_t i = 0; i < len && kept < ALIASES_MAX; i++) {
		/* .dynsym repeats the exported part of .symtab. */
		bool repeated = run[i].dynsym && kept && !to[kept - 1].dynsym &&
				to[kept - 1].local == run[i].local;

		if (run[i].size && !repeated)
			to[kept++] = run[i];
	}
	return kept;
}

static void arrange(struct elf_syms *es)
{
	size_t kept = 0, next;
	struct elf_sym *shrunk;

	if (!es->len)
		return;
	qsort(es->syms, es->len, sizeof(*es->syms), by_address);
	es->objects_at = SIZE_MAX;
	for (size_t i = 0; i < es->len; i = next) {
		const struct elf_sym first = es->syms[i];
		uint64_t gap = UINT64_MAX;

		for (next = i + 1; next < es->len && es->syms[next].addr == first.addr &&
				   es->syms[next].object == first.object;)
			next++;
		if (next < es->len && es->syms[next].object == first.object)
			gap = es->syms[next].addr - first.addr;
		size_run(es, es->syms + i, next - i, gap);
		if (first.object && es->objects_at == SIZE_MAX)
			es->objects_at = kept;
		kept += keep_run(es->syms + kept, es->syms + i, next - i);
	}
	es->len = kept;
	if (es->objects_at == SIZE_MAX)
		es->objects_at = kept;
	shrunk = realloc(es->syms, num_max_u64(kept, 1) * sizeof(*es->syms));
	es->syms = shrunk ? shrunk : es->syms;
}

static int load(struct loader *l, int fd, struct err *err)
{
	struct stat st;
	int r;

	if (fstat(fd, &st) < 0)
		return err_set(err, -errno, "ELF file: cannot be examined: %s (check the disk)",
			       strerror(errno));
	l->es->fd = fd;
	l->es->file_size = st.st_size;
	l->es->mtime = st.st_mtim;
	r = read_segments(l, err);
	if (r == 0)
		r = read_sections(l, err);
	if (r == 0)
		r = take_symbols(l, err);
	if (r == 0)
		arrange(l->es);
	return r;
}

int elf_syms_load(int fd, struct elf_syms **ret, struct err *err)
{
	struct loader l = {0};
	int r = elf_file_open(fd, NULL, 0, &l.file, err);

	if (r < 0)
		return r;
	l.es = calloc(1, sizeof(*l.es));
	if (!l.es) {
		elf_file_close(&l.file);
		return no_memory(err);
	}
	hashmap_init(&l.es->names_by_sym, sizeof(uint32_t));
	r = load(&l, fd, err);
	elf_file_close(&l.file);
	free(l.sections);
	if (r < 0) {
		elf_syms_free(l.es);
		return r;
	}
	*ret = l.es;
	return 0;
}
