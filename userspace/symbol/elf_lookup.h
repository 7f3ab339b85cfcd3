/* SPDX-License-Identifier: GPL-2.0-only */
/* A few symbols of an ELF file by their names, and the bytes behind them, without loading all. */
#ifndef SYMBOL_ELF_LOOKUP_H
#define SYMBOL_ELF_LOOKUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct elf_file;

/* Bounds of one table; a larger one is searched as far as they go. */
#define ELF_LOOKUP_SYMBOLS_MAX (2U << 20)
#define ELF_LOOKUP_NAMES_MAX (64U << 20)

enum elf_lookup_table { ELF_LOOKUP_EXPORTED, ELF_LOOKUP_ALL }; /* .dynsym, .symtab */

struct elf_lookup {
	const char *name;
	bool found;
	uint64_t vaddr; /* where found */
	uint64_t size;	/* bytes, as the file says */
};

/*
 * Search @file, of 64 bits, for the functions and objects @wanted that are not found yet; of
 * several with one name a global one wins.  Returns how many it found.
 */
size_t elf_lookup(const struct elf_file *file, enum elf_lookup_table table,
		  struct elf_lookup *wanted, size_t len);

/*
 * Where a load of the file begins: the mapping of *ret_offset in the file is *ret_vaddr, both of
 * whole pages.  Returns 0, or -ENOENT where nothing is to be loaded; the ret_ values untouched
 * then.
 */
int elf_lookup_load(const struct elf_file *file, uint64_t *ret_offset, uint64_t *ret_vaddr);

/*
 * Read @len bytes that the file has for @vaddr.  Returns 0, or -ENOENT where it has none or not so
 * many (.bss); *buf untouched then.
 */
int elf_lookup_read(const struct elf_file *file, uint64_t vaddr, void *buf, size_t len);

#endif
