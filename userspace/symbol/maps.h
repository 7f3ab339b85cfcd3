/* SPDX-License-Identifier: GPL-2.0-only */
/* The mappings of one process, as /proc/PID/maps tells them. The text is the target's: hostile. */
#ifndef SYMBOL_MAPS_H
#define SYMBOL_MAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct err;

/* The default of vm.max_map_count is 65,530: more is rare, and counted. */
#define MAPS_MAX 65536
/* Bytes of distinct neighbouring paths that one process may make us keep. */
#define MAPS_PATHS_MAX (16U << 20)
/* Bytes of text read of one process: every mapping allowed, with 256 bytes a line. */
#define MAPS_TEXT_MAX ((size_t)MAPS_MAX * 256)

enum mapping_perm {
	MAPPING_READ = 1 << 0,
	MAPPING_WRITE = 1 << 1,
	MAPPING_EXEC = 1 << 2,
	MAPPING_SHARED = 1 << 3,
};

enum mapping_kind {
	MAPPING_FILE,	 /* has a device and inode: a file, shared memory, memfd */
	MAPPING_ANON,	 /* no name, or one that the program gave ("[anon:..]") */
	MAPPING_HEAP,	 /* "[heap]" */
	MAPPING_STACK,	 /* "[stack]": the main thread's */
	MAPPING_SPECIAL, /* any other name in brackets: "[vdso]", "[vsyscall]", "[uprobes]" */
};

struct mapping {
	uint64_t start;	 /* first address */
	uint64_t end;	 /* first address after it, > start */
	uint64_t offset; /* in the file, bytes */
	uint64_t inode;
	uint32_t dev_major;
	uint32_t dev_minor;
	uint32_t path; /* where its path starts in maps.paths: see maps_path() */
	uint8_t perms; /* enum mapping_perm */
	uint8_t kind;  /* enum mapping_kind */
	bool deleted;  /* the path had the suffix " (deleted)", which is cut off */
};

struct maps {
	struct mapping *at; /* by address, no overlaps */
	size_t len;
	size_t dropped; /* mappings in the text that are not in @at: too many, overlapping,
			   malformed */
	char *paths;	/* NUL-terminated strings one after the other; the first is "" */
};

/*
 * Parse @len bytes of the text of /proc/PID/maps; the order does not matter.  Lines that make no
 * sense are dropped and counted.  "\012" in a path, by which the kernel writes a newline, becomes
 * one.  The caller frees *ret with maps_free().
 * Returns 0, -EINVAL (text, but not one mapping in it) or -ENOMEM; *ret untouched on failure.
 */
int maps_parse(const char *text, size_t len, struct maps *ret, struct err *err);

/*
 * The same of the running process @pid.  Returns also -ESRCH for a process that has no memory
 * (ended, a zombie, a kernel thread), and what open() and read() give.
 */
int maps_read(pid_t pid, struct maps *ret, struct err *err);

void maps_free(struct maps *maps);

/* The mapping that holds @addr, or NULL; owned by @maps. */
const struct mapping *maps_find(const struct maps *maps, uint64_t addr);

/* Its path or bracketed name, "" for none; owned by @maps. */
const char *maps_path(const struct maps *maps, const struct mapping *mapping);

#endif
