// SPDX-License-Identifier: GPL-2.0-only
#include "symbol/elf_syms.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"
#include "symbol/elf_syms_internal.h"

/* Symbols looked at before an address for one that reaches over it: nested ones are rare. */
#define LOOK_BACK_MAX 256
#define NAME_FIRST_BYTES 256

void elf_syms_free(struct elf_syms *es)
{
	char **name;

	if (!es)
		return;
	VEC_FOREACH (&es->names, name)
		free(*name);
	vec_free(&es->names);
	hashmap_free(&es->names_by_sym);
	vec_free(&es->segments);
	free(es->syms);
	free(es);
}

void elf_syms_info(const struct elf_syms *es, struct elf_syms_info *ret)
{
	*ret = (struct elf_syms_info){
		.functions = es->objects_at,
		.objects = es->len - es->objects_at,
		.dropped = es->dropped,
		.names_failed = es->names_failed,
		.size_bytes = sizeof(*es) + es->len * sizeof(*es->syms) + es->names_bytes,
		.has_symtab = es->has_symtab,
	};
}

/* A file written to since it was loaded has other names at the same places. */
static int check_unchanged(const struct elf_syms *es)
{
	struct stat st;

	if (fstat(es->fd, &st) < 0)
		return -errno;
	if (st.st_size != es->file_size || st.st_mtim.tv_sec != es->mtime.tv_sec ||
	    st.st_mtim.tv_nsec != es->mtime.tv_nsec)
		return -ESTALE;
	return 0;
}

/*
 * Cut the version off: static symbol tables hold "name@VERSION" and "name@@VERSION".
 * A leading '@' is part of the name.
 */
static void cut_version(char *name)
{
	char *at = name[0] ? strchr(name + 1, '@') : NULL;

	if (at)
		*at = '\0';
}

/* Read the name of @sym from the file. The caller frees it. */
static int read_name(const struct elf_syms *es, const struct elf_sym *sym, char **ret)
{
	const struct elf_strtab *table = &es->strtabs[sym->dynsym];
	uint64_t room = num_min_u64(table->size - sym->name, ELF_SYMS_NAME_MAX);
	char *name = NULL;
	int r = check_unchanged(es);

	for (uint64_t want = NAME_FIRST_BYTES; r == 0; want *= 2) {
		size_t len = (size_t)num_min_u64(want, room);
		char *grown = realloc(name, len);
		ssize_t n;

		if (!grown) {
			r = -ENOMEM;
			break;
		}
		name = grown;
		n = pread(es->fd, name, len, (off_t)(table->offset + sym->name));
		if (n < 0) {
			r = -errno;
		} else if (memchr(name, '\0', (size_t)n)) {
			cut_version(name);
			grown = realloc(name, strlen(name) + 1);
			*ret = grown ? grown : name;
			return 0;
		} else if (len == room || (size_t)n < len) {
			r = -EBADMSG;
		}
	}
	free(name);
	return r;
}

/* The name of symbol @index, from the file the first time. Owned by @es. */
static int get_name(struct elf_syms *es, size_t index, const char **ret)
{
	uint32_t key = (uint32_t)index;
	const uint32_t *known = hashmap_get(&es->names_by_sym, &key);
	char *name = NULL, **kept;
	int r;

	if (known) {
		*ret = es->names.at[*known];
		return 0;
	}
	if (es->names_bytes >= ELF_SYMS_NAMES_MAX)
		return -ENOSPC;
	r = read_name(es, &es->syms[index], &name);
	if (r < 0)
		return r;
	kept = vec_add(&es->names);
	if (!kept) {
		free(name);
		return -ENOMEM;
	}
	*kept = name;
	es->names_bytes += strlen(name) + 1;
	/* Without its entry the name would be read again; it stays owned either way. */
	if (!hashmap_put(&es->names_by_sym, &key, (uint32_t)(es->names.len - 1), NULL))
		return -ENOMEM;
	*ret = name;
	return 0;
}

static bool covers(const struct elf_sym *sym, uint64_t vaddr)
{
	return vaddr >= sym->addr && vaddr - sym->addr < sym->size;
}

/* Whether people would rather read @a than @b: "write", not "__write" or "__libc_write". */
static bool reads_better(const char *a, const char *b)
{
	size_t a_under = strspn(a, "_"), b_under = strspn(b, "_");
	size_t a_len = strlen(a), b_len = strlen(b);

	if (a_under != b_under)
		return a_under < b_under;
	if (a_len != b_len)
		return a_len < b_len;
	return strcmp(a, b) < 0;
}

/* The best name among the symbols from @first on that share its address and cover @vaddr. */
static int best_name(struct elf_syms *es, size_t first, size_t end, uint64_t vaddr,
		     const char **ret)
{
	const char *best = NULL;
	bool best_local = false;
	int r, failure = -ENOENT;

	for (size_t i = first; i < end && es->syms[i].addr == es->syms[first].addr; i++) {
		const char *name;

		if (best && es->syms[i].local != best_local)
			break;
		if (!covers(&es->syms[i], vaddr))
			continue;
		r = get_name(es, i, &name);
		if (r < 0) {
			failure = r;
			continue;
		}
		if (!best || reads_better(name, best))
			best = name;
		best_local = es->syms[i].local;
	}
	if (!best)
		return failure;
	*ret = best;
	return 0;
}

/* Search the symbols [begin, end): the innermost one that covers @vaddr wins. */
static int find(struct elf_syms *es, size_t begin, size_t end, uint64_t vaddr,
		const char **ret_name, uint64_t *ret_offset)
{
	size_t low = begin, high = end, i;
	const char *name;
	int r;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (es->syms[mid].addr <= vaddr)
			low = mid + 1;
		else
			high = mid;
	}
	for (i = low; i > begin && low - i < LOOK_BACK_MAX; i--) {
		if (covers(&es->syms[i - 1], vaddr))
			break;
	}
	if (i == begin || low - i == LOOK_BACK_MAX)
		return -ENOENT;
	i--;
	while (i > begin && es->syms[i - 1].addr == es->syms[i].addr)
		i--;
	r = best_name(es, i, end, vaddr, &name);
	if (r < 0) {
		es->names_failed++;
		return r;
	}
	*ret_name = name;
	*ret_offset = vaddr - es->syms[i].addr;
	return 0;
}

int elf_syms_find_func(struct elf_syms *es, uint64_t vaddr, const char **ret_name,
		       uint64_t *ret_offset)
{
	return find(es, 0, es->objects_at, vaddr, ret_name, ret_offset);
}

int elf_syms_find_object(struct elf_syms *es, uint64_t vaddr, const char **ret_name,
			 uint64_t *ret_offset)
{
	return find(es, es->objects_at, es->len, vaddr, ret_name, ret_offset);
}

static uint64_t page_start(uint64_t offset)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

	return offset / page * page;
}

/* The segment at the lowest address, or NULL. */
static const struct elf_segment *first_segment(const struct elf_syms *es)
{
	const struct elf_segment *seg, *first = NULL;

	VEC_FOREACH (&es->segments, seg) {
		if (!first || seg->vaddr < first->vaddr)
			first = seg;
	}
	return first;
}

int elf_syms_extent(const struct elf_syms *es, uint64_t *ret_offset, uint64_t *ret_span_bytes)
{
	const struct elf_segment *seg, *first = first_segment(es);
	uint64_t end = 0;

	if (!first)
		return -ENOENT;
	VEC_FOREACH (&es->segments, seg)
		end = num_max_u64(end, seg->vaddr + seg->memsz);
	*ret_offset = page_start(first->offset);
	*ret_span_bytes = end - page_start(first->vaddr);
	return 0;
}

/*
 * Whether, at load bias @bias, @m is a mapping of @seg or of a part of it.  A page of the file may
 * belong to two segments and so be mapped twice: the place in memory tells the mappings apart.
 */
static bool made_from(const struct elf_mapping *m, const struct elf_segment *seg, uint64_t bias)
{
	uint64_t last = seg->offset + seg->filesz - 1;

	return seg->filesz && m->start - m->offset == bias + seg->vaddr - seg->offset &&
	       m->offset <= last && m->offset + (m->end - m->start) > page_start(seg->offset);
}

static bool in_bss(const struct elf_syms *es, uint64_t vaddr)
{
	const struct elf_segment *seg;

	VEC_FOREACH (&es->segments, seg) {
		uint64_t within = vaddr - seg->vaddr;

		if (seg->writable && within >= seg->filesz && within < seg->memsz)
			return true;
	}
	return false;
}

int elf_syms_vaddr(const struct elf_syms *es, const struct elf_mapping *mapping,
		   uint64_t load_start, uint64_t addr, uint64_t *ret_vaddr)
{
	const struct elf_segment *seg, *first = first_segment(es);
	bool inside = addr >= mapping->start && addr < mapping->end;
	uint64_t bias, vaddr;

	if (!first)
		return -ENOENT;
	bias = load_start - page_start(first->vaddr);
	vaddr = addr - bias;
	VEC_FOREACH (&es->segments, seg) {
		bool holds;

		if (!made_from(mapping, seg, bias))
			continue;
		if (inside)
			holds = vaddr - seg->vaddr < (seg->writable ? seg->memsz : seg->filesz);
		else
			/* The mapping before it may be a part that the loader made read-only
			 * (relro). */
			holds = seg->writable && in_bss(es, vaddr);
		if (holds) {
			*ret_vaddr = vaddr;
			return 0;
		}
	}
	return -ENOENT;
}
