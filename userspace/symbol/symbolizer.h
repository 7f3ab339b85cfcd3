/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Names for addresses of processes: functions for stack frames, objects for lock words.
 *
 * A process is read while it lives (mappings, root directory, the executable files opened); the
 * names may be asked for after its end.  Files are parsed when a name in them is asked for first,
 * and once for all processes that share them.  A name is never a guess: where none covers the
 * address there is the module and the offset in it.
 */
#ifndef SYMBOL_SYMBOLIZER_H
#define SYMBOL_SYMBOLIZER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "symbol/modules.h"

struct err;
struct symbolizer;

/* Bounds, beside those of modules.h; what is beyond is counted in symbolizer_stats. */
#define SYMBOLIZER_PROCESSES_MAX 16384
#define SYMBOLIZER_EAGER_MAX 256 /* files opened before a name is asked for */

enum symbol_kind {
	SYMBOL_NONE,	    /* no such process, or nothing mapped at the address */
	SYMBOL_ANON,	    /* memory without a file */
	SYMBOL_MODULE_ONLY, /* in a file or kernel-made mapping, but no name covers it */
	SYMBOL_NAMED,
};

/* Strings are as in the target (hostile bytes) and live as long as the symbolizer. */
struct symbol {
	enum symbol_kind kind;
	const char *name; /* NAMED; else NULL */
	/*
	 * Path of the file in the target's view; "[vdso]" and the like; for ANON one of "[heap]",
	 * "[stack]", "[thread stack]", "[shared memory]", "[anon]".  NULL for NONE.
	 */
	const char *module;
	uint64_t offset; /* from the start of the name, bytes; 0 without one */
	/*
	 * The ELF virtual address, as nm and addr2line take it.  Where the file cannot be read as
	 * ELF: the offset in the file; in a mapping without a file: in the mapping.
	 */
	uint64_t module_offset;
	/* For symbolizer_dwarf(): module_offset is an ELF virtual address of this file. */
	uint32_t in_elf;
};

/* What an address is mapped to: shared futexes are the same where these are. */
struct symbol_mapping {
	uint64_t dev; /* as makedev(3) composes it */
	uint64_t inode;
	uint64_t file_offset; /* of the address, bytes */
	const char *path;     /* hostile; until the next symbolizer_add_process() of the process */
	bool shared;
	bool anonymous; /* no file and no shared memory object: dev, inode, file_offset are 0 */
};

struct symbolizer_stats {
	struct modules_stats files;
	uint64_t perf_maps_refused;	  /* another user's, no regular file, unreadable */
	uint64_t perf_map_lines_left_out; /* malformed or beyond the bounds of perf_map.h */
	uint64_t symbols_dropped;	  /* by the bounds of elf_syms.h */
	uint64_t names_unreadable; /* a symbol covers the address, but its name cannot be read */
	uint64_t mappings_dropped; /* of the latest maps of each process */
};

/* NULL when memory is short. */
struct symbolizer *symbolizer_new(void);
void symbolizer_free(struct symbolizer *s);

/*
 * Read the mappings of @pid and open its executable files; again to see what exec, mmap or dlopen
 * have changed.  On failure what is known of @pid stays as it was: it may have ended.
 * Returns 0, -ESRCH (ended, zombie or kernel thread), -ENOSPC (SYMBOLIZER_PROCESSES_MAX), -ENOMEM,
 * or what reading gives.  Files that cannot be opened are no failure: see symbolizer_get_stats().
 */
int symbolizer_add_process(struct symbolizer *s, pid_t pid, struct err *err);

/*
 * @pid was forked from @parent and has its address space: until symbolizer_add_process() succeeds
 * for @pid, which may end before, the names of @parent are its names.  No effect where @pid is
 * known or @parent is not.
 */
void symbolizer_inherit(struct symbolizer *s, pid_t pid, pid_t parent);

/* The function that holds @addr of @pid. Always fills in *ret. */
void symbolizer_function(struct symbolizer *s, pid_t pid, uint64_t addr, struct symbol *ret);

/* The data object that holds @addr of @pid, .bss included. Always fills in *ret. */
void symbolizer_data(struct symbolizer *s, pid_t pid, uint64_t addr, struct symbol *ret);

/*
 * The file with the line tables of the module that @symbol is in: its own, or its debug file.
 * Returns a descriptor that stays open as long as @s, -1 where there is none.
 */
int symbolizer_dwarf(struct symbolizer *s, const struct symbol *symbol);

/* The thread on whose stack @addr lies, 0 = on none that is known (symbol/stack_owner.h). */
pid_t symbolizer_stack_owner(const struct symbolizer *s, pid_t pid, uint64_t addr);

/* Returns 0, or -ENOENT where nothing is known of @addr; *ret untouched then. */
int symbolizer_mapping(const struct symbolizer *s, pid_t pid, uint64_t addr,
		       struct symbol_mapping *ret);

/* What is to be said of the files met so far: @take for each, with a path that is hostile. */
void symbolizer_notes(const struct symbolizer *s,
		      void (*take)(void *ctx, enum note note, const char *path), void *ctx);

void symbolizer_get_stats(const struct symbolizer *s, struct symbolizer_stats *ret);

#endif
