/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The function and data symbols of one ELF file, as compact as names of large binaries must be.
 *
 * A symbol takes 16 bytes; its name stays in the file and is read when it is asked for, so that a
 * file of 100 MB costs a few MB.  The file is the target's: hostile, and it may change while it is
 * read.  It is never mapped, for a file cut short under a mapping would end us by SIGBUS.
 */
#ifndef SYMBOL_ELF_SYMS_H
#define SYMBOL_ELF_SYMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct elf_syms;
struct err;

/* Bounds of one file; what is beyond is dropped and counted. */
#define ELF_SYMS_MAX (2U << 20)		 /* symbols: a large browser has half of it */
#define ELF_SYMS_STRTAB_MAX (256U << 20) /* a name starts below this offset of its string table */
#define ELF_SYMS_NAME_MAX 65536		 /* bytes of one name, with its NUL */
#define ELF_SYMS_NAMES_MAX (32U << 20)	 /* bytes of names kept because they were asked for */
#define ELF_SYMS_SEGMENTS_MAX 256	 /* PT_LOAD program headers */

struct elf_syms_info {
	size_t functions;
	size_t objects;
	size_t dropped;	     /* symbols left out: too many, or name or address out of bounds */
	size_t names_failed; /* names asked for that could not be read (each time counted) */
	size_t size_bytes;   /* memory held */
	bool has_symtab;     /* false: exported symbols alone */
};

/*
 * Read the symbols of the executable or shared library @fd: .symtab and .dynsym merged, by
 * address.  Functions are STT_FUNC and STT_GNU_IFUNC, objects STT_OBJECT; thread-local ones are
 * left out, their values being no addresses.  A file without any symbols is no error.
 *
 * @fd stays the caller's and must stay open until elf_syms_free(*ret): names are read from it.
 * Returns 0; -ENOEXEC (no ELF executable or library of this machine's byte order), -EBADMSG
 * (damaged), -ENOMEM, or what reading gives; *ret untouched on failure.
 */
int elf_syms_load(int fd, struct elf_syms **ret, struct err *err);
void elf_syms_free(struct elf_syms *es);

/*
 * The name that covers the ELF virtual address @vaddr, and the bytes from its start in *ret_offset.
 * Of several names for one address a global or weak one wins over a local one, then the one with
 * fewer leading underscores, then the shorter.  A symbol version ("@@GLIBC_2.34") is cut off.
 *
 * A symbol without a size reaches to the next symbol or its section's end; in a file without
 * .symtab, where the next symbol may be missing, it covers its first byte alone.
 *
 * The name is as in the file (hostile bytes) and lives as long as @es.
 * Returns 0, -ENOENT (no symbol covers it), -ESTALE (the file has changed since it was loaded),
 * -EBADMSG (name out of bounds), -ENOSPC (ELF_SYMS_NAMES_MAX), -ENOMEM or what reading gives;
 * the ret_ values untouched on failure.
 */
int elf_syms_find_func(struct elf_syms *es, uint64_t vaddr, const char **ret_name,
		       uint64_t *ret_offset);
int elf_syms_find_object(struct elf_syms *es, uint64_t vaddr, const char **ret_name,
			 uint64_t *ret_offset);

/* A mapping of the file, as much of it as translating addresses takes. */
struct elf_mapping {
	uint64_t start; /* address */
	uint64_t end;
	uint64_t offset; /* in the file */
	bool writable;
};

/*
 * Where a load of the file begins: at the mapping of *ret_offset in the file, and it takes up
 * *ret_span_bytes from that mapping's start.  Returns 0, or -ENOENT for a file that has nothing to
 * load; the ret_ values untouched then.
 */
int elf_syms_extent(const struct elf_syms *es, uint64_t *ret_offset, uint64_t *ret_span_bytes);

/*
 * The ELF virtual address that @addr has, given one mapping of the file and the start of the
 * mapping where its load may begin (elf_syms_extent()).  @addr may lie behind the mapping, in the
 * zeroed memory (.bss) that the same load makes there.
 * Returns 0, or -ENOENT where @addr belongs to no segment or the load does not begin there;
 * *ret_vaddr untouched then.
 */
int elf_syms_vaddr(const struct elf_syms *es, const struct elf_mapping *mapping,
		   uint64_t load_start, uint64_t addr, uint64_t *ret_vaddr);

void elf_syms_info(const struct elf_syms *es, struct elf_syms_info *ret);

#endif
