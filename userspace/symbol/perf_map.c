// SPDX-License-Identifier: GPL-2.0-only
#include "symbol/perf_map.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/num.h"
#include "base/vec.h"
#include "symbol/target_file.h"

/* Entries that begin at or before an address and are looked at for it. */
#define LOOK_BACK_MAX 256

struct entry {
	uint64_t start;
	uint32_t size;
	uint32_t name;	/* in `names` */
	uint32_t order; /* in the file */
};

struct perf_map {
	VEC(struct entry) entries; /* by start, then in the file's order */
	char *names;		   /* the file's text, each name with a NUL behind it */
	struct perf_map_stats stats;
};

void perf_map_free(struct perf_map *map)
{
	if (!map)
		return;
	vec_free(&map->entries);
	free(map->names);
	free(map);
}

/* A hexadecimal number and the blanks behind it, as far as @end; false where there is none. */
static bool take_hex(const char **at, const char *end, uint64_t *ret)
{
	const char *first = *at;
	uint64_t value = 0;

	if (end - *at > 2 && (*at)[0] == '0' && ((*at)[1] | 0x20) == 'x')
		first = *at += 2;
	for (; *at < end && *at - first < 16; (*at)++) {
		char c = **at;

		if (c >= '0' && c <= '9')
			value = value * 16 + (uint64_t)(c - '0');
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			value = value * 16 + (uint64_t)((c | 0x20) - 'a') + 10;
		else
			break;
	}
	if (*at == first || *at >= end || **at != ' ')
		return false;
	while (*at < end && **at == ' ')
		(*at)++;
	*ret = value;
	return true;
}

/* Take the line [@at, @end) of map->names. Returns 0 or -ENOMEM. */
static int take_line(struct perf_map *map, char *at, char *end)
{
	const char *c = at;
	struct entry *entry;
	uint64_t start, size;

	if (at == end)
		return 0;
	if (!take_hex(&c, end, &start) || !take_hex(&c, end, &size) || c == end || !size ||
	    start + size < start) {
		map->stats.malformed++;
		return 0;
	}
	if (map->entries.len >= PERF_MAP_ENTRIES_MAX) {
		map->stats.dropped++;
		return 0;
	}
	entry = vec_add(&map->entries);
	if (!entry)
		return -ENOMEM;
	if (end - c > PERF_MAP_NAME_MAX)
		end = at + (c - at) + PERF_MAP_NAME_MAX;
	*end = '\0';
	*entry = (struct entry){
		.start = start,
		.size = (uint32_t)num_min_u64(size, UINT32_MAX),
		.name = (uint32_t)(c - map->names),
		.order = (uint32_t)map->entries.len,
	};
	return 0;
}

static int by_start(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

/* From map->names, of @len bytes and one more for a NUL. */
static int parse(struct perf_map *map, size_t len)
{
	char *at = map->names, *end = at + len;
	int r = 0;

	while (r == 0 && at < end) {
		char *line_end = memchr(at, '\n', (size_t)(end - at));
		char *next;

		line_end = line_end ? line_end : end;
		next = line_end < end ? line_end + 1 : end;
		r = take_line(map, at, line_end);
		at = next;
	}
	if (map->entries.len)
		qsort(map->entries.at, map->entries.len, sizeof(*map->entries.at), by_start);
	map->stats.entries = map->entries.len;
	return r;
}

/* A map that takes over @text, of @len bytes and one more. */
static int make(char *text, size_t len, size_t dropped, struct perf_map **ret)
{
	struct perf_map *map = calloc(1, sizeof(*map));
	int r;

	if (!map) {
		free(text);
		return -ENOMEM;
	}
	map->names = text;
	map->stats.dropped = dropped;
	r = parse(map, len);
	if (r < 0) {
		perf_map_free(map);
		return r;
	}
	*ret = map;
	return 0;
}

int perf_map_parse(const char *text, size_t len, struct perf_map **ret)
{
	char *copy = malloc(len + 1);

	if (!copy)
		return -ENOMEM;
	memcpy(copy, text, len);
	copy[len] = '\0';
	return make(copy, len, 0, ret);
}

int perf_map_load(int root_fd, pid_t ns_pid, uid_t owner, struct perf_map **ret)
{
	_cleanup_close_ int fd = -1;
	size_t len = 0, size;
	char path[64], *text;
	struct stat st;

	snprintf(path, sizeof(path), "/tmp/perf-%d.map", (int)ns_pid);
	fd = target_path_open(root_fd, path, false);
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_uid != owner)
		return -EPERM;
	size = (size_t)num_min_u64((uint64_t)st.st_size, PERF_MAP_BYTES_MAX);
	text = malloc(size + 1);
	if (!text)
		return -ENOMEM;
	while (len < size) {
		ssize_t n = pread(fd, text + len, size - len, (off_t)len);

		if (n < 0) {
			free(text);
			return -errno;
		}
		if (n == 0)
			break;
		len += (size_t)n;
	}
	text[len] = '\0';
	return make(text, len, st.st_size > PERF_MAP_BYTES_MAX, ret);
}

const char *perf_map_find(const struct perf_map *map, uint64_t addr, uint64_t *ret_offset)
{
	const struct entry *best = NULL;
	size_t low = 0, high = map->entries.len;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (map->entries.at[middle].start <= addr)
			low = middle + 1;
		else
			high = middle;
	}
	for (size_t i = low; i > 0 && low - i < LOOK_BACK_MAX; i--) {
		const struct entry *entry = &map->entries.at[i - 1];

		if (addr - entry->start < entry->size && (!best || entry->order > best->order))
			best = entry;
	}
	if (!best)
		return NULL;
	*ret_offset = addr - best->start;
	return map->names + best->name;
}

void perf_map_get_stats(const struct perf_map *map, struct perf_map_stats *ret)
{
	*ret = map->stats;
}
