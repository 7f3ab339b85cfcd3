/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Names of code that a runtime compiled while it ran: /tmp/perf-PID.map, lines "START SIZE NAME" in
 * hexadecimal (kernel: tools/perf/Documentation/jit-interface.txt).  Anybody may have put the file
 * there: hostile.
 */
#ifndef SYMBOL_PERF_MAP_H
#define SYMBOL_PERF_MAP_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct perf_map;

/* Bounds of one file; what is beyond is left out and counted. */
#define PERF_MAP_BYTES_MAX (64U << 20)
#define PERF_MAP_NAME_MAX 512
#define PERF_MAP_ENTRIES_MAX (1U << 20)

struct perf_map_stats {
	size_t entries;
	size_t malformed; /* lines that make no sense */
	size_t dropped;	  /* entries beyond the bounds; one for what lies beyond the bytes */
};

/*
 * Read the map of the process that calls itself @ns_pid below the root directory @root_fd (O_PATH).
 * Only a regular file of user @owner is read, and what is written to it later is not seen.
 * Returns 0, -ENOENT (there is none), -EPERM (another user's), -ENOTSUP (no regular file), -ENOMEM,
 * or what reading gives; *ret untouched on failure.
 */
int perf_map_load(int root_fd, pid_t ns_pid, uid_t owner, struct perf_map **ret);

/* The same from text of @len bytes. Returns 0 or -ENOMEM. */
int perf_map_parse(const char *text, size_t len, struct perf_map **ret);
void perf_map_free(struct perf_map *map);

/*
 * The name that covers @addr, of several the one written last: code is compiled again where old
 * code was.  NULL where there is none.  Owned by @map; hostile bytes.
 */
const char *perf_map_find(const struct perf_map *map, uint64_t addr, uint64_t *ret_offset);

void perf_map_get_stats(const struct perf_map *map, struct perf_map_stats *ret);

#endif
