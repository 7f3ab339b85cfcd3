/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The files that processes map, each once: its symbols, those of its debug file, and where its line
 * tables are.  All of it is read when it is asked for first.
 */
#ifndef SYMBOL_MODULES_H
#define SYMBOL_MODULES_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/hashmap.h"
#include "base/vec.h"
#include "model/note.h"
#include "symbol/maps.h"
#include "symbol/target_file.h"

struct elf_syms;

#define MODULE_NONE UINT32_MAX

/* Bounds; what is beyond is counted. */
#define MODULES_ROOTS_MAX 64   /* distinct root directories kept open */
#define MODULES_FILES_MAX 4096 /* distinct files known by path */
#define MODULES_OPEN_MAX 512   /* files kept open: half of the usual limit of descriptors */
#define MODULES_SYMBOLS_MAX (16U << 20) /* symbols in memory, 16 bytes each */

enum module_state {
	MODULE_UNREAD,
	MODULE_READY, /* `syms` is there */
	MODULE_BAD,   /* not open, not ELF or damaged: counted if it is a loss */
};

/* A file beside the module's own: its debug file, or what was packed inside it. */
struct module_extra {
	bool tried;
	int fd; /* -1 = none */
	struct elf_syms *syms;
};

struct module {
	enum module_state state;
	int fd;	       /* -1 unless open */
	uint32_t root; /* index in modules.roots, or MODULE_NONE */
	char *path;    /* as first seen */
	struct elf_syms *syms;
	struct module_extra debug;
	struct module_extra mini;
	uint32_t notes; /* bits by enum note */
	bool dwarf_tried;
	int dwarf_fd; /* `fd` or `debug.fd`, -1 = none has line tables */
};

struct modules_stats {
	uint64_t unreadable; /* could not be opened or read */
	uint64_t corrupt;    /* damaged ELF, or packed symbols that are */
	uint64_t
		mismatched; /* another file has the path now, or a debug file is of another build */
	uint64_t unverified; /* used, but overlayfs or btrfs reports another inode */
	uint64_t over_limit; /* not used because of a bound above */
};

/* All zero is empty. Freed with modules_free(). */
struct modules {
	VEC(struct target_root) roots;
	VEC(struct module) all;
	struct hashmap by_key; /* what makes a file the same with the same contents -> index */
	size_t open;	       /* descriptors */
	uint64_t symbols;
	bool vdso_tried;
	uint32_t vdso; /* once tried: index or MODULE_NONE */
	struct modules_stats stats;
};

void modules_init(struct modules *ms);
void modules_free(struct modules *ms);

/* Keep the root of @pid open, once for all processes that share it. MODULE_NONE: not to be had. */
uint32_t modules_root(struct modules *ms, pid_t pid);

/* Open the file of @m, a mapping of @pid: its index, of a module that is not open where it could
 * not be (counted), MODULE_NONE at a bound. */
uint32_t modules_open(struct modules *ms, pid_t pid, uint32_t root, const struct mapping *m,
		      const char *path);
/* A module of which nothing is known but its path. */
uint32_t modules_add_absent(struct modules *ms, const char *path);
/* The kernel's [vdso], of which all processes have the same; MODULE_NONE where there is none. */
uint32_t modules_vdso(struct modules *ms);

/* The module's own symbols and segments, NULL when there are none to be had. */
struct elf_syms *modules_syms(struct modules *ms, uint32_t index);

/*
 * The function, or the data object, that covers @vaddr: by the module's own symbols, else by those
 * of its debug file or packed inside it.  The name lives as long as @ms. Returns 0, or an error as
 * elf_syms_find_func(); the ret_ values untouched then.
 */
int modules_find(struct modules *ms, uint32_t index, bool function, uint64_t vaddr,
		 const char **ret_name, uint64_t *ret_offset);

/* The descriptor of the file with its line tables (it or its debug file), -1 = there is none. Stays
 * open as long as @ms. */
int modules_dwarf(struct modules *ms, uint32_t index);

#endif
