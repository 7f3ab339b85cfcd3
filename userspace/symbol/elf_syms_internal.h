/* SPDX-License-Identifier: GPL-2.0-only */
/* What elf_load.c builds and elf_syms.c searches. */
#ifndef SYMBOL_ELF_SYMS_INTERNAL_H
#define SYMBOL_ELF_SYMS_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/hashmap.h"
#include "base/vec.h"

/* User addresses have at most 56 bits (x86-64 with five page-table levels). */
#define ELF_SYM_ADDR_MAX ((UINT64_C(1) << 56) - 1)

struct elf_sym {
	uint64_t addr : 56;
	uint64_t object : 1; /* 0: function */
	uint64_t local : 1;
	uint64_t dynsym : 1;  /* its name is in string table 1 */
	uint64_t unsized : 1; /* `size` is a limit while loading, a guess afterwards */
	uint32_t size;	      /* bytes; a larger symbol covers its first 4 GiB - 1 alone */
	uint32_t name;	      /* offset in its string table */
};
_Static_assert(sizeof(struct elf_sym) == 16, "elf_sym must stay compact");

struct elf_segment {
	uint64_t offset;
	uint64_t vaddr;
	uint64_t filesz;
	uint64_t memsz; /* >= filesz */
	bool writable;
};

struct elf_strtab {
	uint64_t offset; /* in the file; offset + size <= the file's size when loaded */
	uint64_t size;
};

struct elf_syms {
	int fd; /* the caller's */
	off_t file_size;
	struct timespec mtime;
	struct elf_sym *syms; /* functions, then objects; each by address, global ones first */
	size_t len;
	size_t objects_at; /* index of the first object */
	size_t dropped;
	bool has_symtab;
	struct elf_strtab strtabs[2]; /* of .symtab and .dynsym */
	VEC(struct elf_segment) segments;
	/* names asked for so far: index of the symbol -> index in `names` */
	struct hashmap names_by_sym;
	VEC(char *) names;
	size_t names_bytes;
	size_t names_failed;
};

#endif
