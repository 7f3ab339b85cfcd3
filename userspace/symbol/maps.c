// SPDX-License-Identifier: GPL-2.0-only
#include "symbol/maps.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/strbuf.h"
#include "base/vec.h"

#define DELETED " (deleted)"
#define NEWLINE "\\012"

/* A read position in one line. */
struct cursor {
	const char *at;
	const char *end;
};

struct parser {
	VEC(struct mapping) mappings;
	struct strbuf paths;
	uint32_t last_path; /* neighbours mostly share theirs */
	size_t dropped;
};

static int digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

/* A number without sign or prefix, then one @stop character. False when it is not there or wraps.
 */
static bool take_number(struct cursor *c, int base, char stop, uint64_t *ret)
{
	uint64_t value = 0;
	const char *first = c->at;

	for (; c->at < c->end; c->at++) {
		int digit = digit_value(*c->at);

		if (digit < 0 || digit >= base)
			break;
		if (__builtin_mul_overflow(value, (uint64_t)base, &value) ||
		    __builtin_add_overflow(value, (uint64_t)digit, &value))
			return false;
	}
	if (c->at == first || c->at == c->end || *c->at != stop)
		return false;
	c->at++;
	*ret = value;
	return true;
}

static bool take_perms(struct cursor *c, uint8_t *ret)
{
	static const char on[] = "rwxs", off[] = "---p";
	uint8_t perms = 0;

	if (c->end - c->at < 5 || c->at[4] != ' ')
		return false;
	for (int i = 0; i < 4; i++) {
		if (c->at[i] == on[i])
			perms |= (uint8_t)(1 << i);
		else if (c->at[i] != off[i])
			return false;
	}
	c->at += 5;
	*ret = perms;
	return true;
}

/* All of a line before the path. */
static bool take_numbers(struct cursor *c, struct mapping *ret)
{
	uint64_t major, minor;

	if (!take_number(c, 16, '-', &ret->start) || !take_number(c, 16, ' ', &ret->end) ||
	    !take_perms(c, &ret->perms) || !take_number(c, 16, ' ', &ret->offset) ||
	    !take_number(c, 16, ':', &major) || !take_number(c, 16, ' ', &minor))
		return false;
	/* The kernel ends the number of the inode with a space even where no path follows. */
	if (!take_number(c, 10, ' ', &ret->inode))
		return false;
	if (ret->end <= ret->start || major > UINT32_MAX || minor > UINT32_MAX)
		return false;
	ret->dev_major = (uint32_t)major;
	ret->dev_minor = (uint32_t)minor;
	while (c->at < c->end && *c->at == ' ')
		c->at++;
	return true;
}

static bool is_name(const struct cursor *c, const char *name)
{
	size_t len = strlen(name);

	return (size_t)(c->end - c->at) == len && memcmp(c->at, name, len) == 0;
}

static enum mapping_kind classify(const struct mapping *m, const struct cursor *path)
{
	static const char given[] = "[anon:";

	if (m->inode)
		return MAPPING_FILE;
	if (is_name(path, "[heap]"))
		return MAPPING_HEAP;
	if (is_name(path, "[stack]"))
		return MAPPING_STACK;
	if (path->at == path->end || ((size_t)(path->end - path->at) >= sizeof(given) - 1 &&
				      memcmp(path->at, given, sizeof(given) - 1) == 0))
		return MAPPING_ANON;
	/* Some file systems have files of inode 0. */
	return *path->at == '[' ? MAPPING_SPECIAL : MAPPING_FILE;
}

/* Put the path into the arena, once for neighbours that share it. False: no room. */
static bool keep_path(struct parser *p, const struct cursor *path, uint32_t *ret)
{
	size_t start = p->paths.len;
	const char *c = path->at;

	if (start + (size_t)(path->end - path->at) + 1 > MAPS_PATHS_MAX)
		return false;
	while (c < path->end) {
		if ((size_t)(path->end - c) >= strlen(NEWLINE) &&
		    memcmp(c, NEWLINE, strlen(NEWLINE)) == 0) {
			strbuf_putc(&p->paths, '\n');
			c += strlen(NEWLINE);
		} else {
			/* A NUL cannot be part of a path and would cut it short. */
			strbuf_putc(&p->paths, *c ? *c : '?');
			c++;
		}
	}
	strbuf_putc(&p->paths, '\0');
	if (p->paths.failed)
		return false;
	if (strcmp(p->paths.str + start, p->paths.str + p->last_path) == 0) {
		p->paths.len = start;
		*ret = p->last_path;
		return true;
	}
	*ret = p->last_path = (uint32_t)start;
	return true;
}

/* One line without its newline. Returns 0, also for a dropped one, or -ENOMEM. */
static int parse_line(struct parser *p, struct cursor line)
{
	struct mapping m = {0}, *kept;
	size_t suffix = strlen(DELETED);

	if (p->mappings.len >= MAPS_MAX || !take_numbers(&line, &m)) {
		p->dropped++;
		return 0;
	}
	m.kind = (uint8_t)classify(&m, &line);
	if (m.kind == MAPPING_FILE && (size_t)(line.end - line.at) > suffix &&
	    memcmp(line.end - suffix, DELETED, suffix) == 0) {
		m.deleted = true;
		line.end -= suffix;
	}
	if (line.at < line.end && !keep_path(p, &line, &m.path)) {
		if (p->paths.failed)
			return -ENOMEM;
		p->dropped++;
		return 0;
	}
	kept = vec_add(&p->mappings);
	if (!kept)
		return -ENOMEM;
	*kept = m;
	return 0;
}

static int by_start(const void *a, const void *b)
{
	const struct mapping *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start;
}

/*
 * The kernel writes them in order, but not atomically: a mapping that moves while we read may
 * appear twice.  The first of two that overlap stays.
 */
static void sort(struct parser *p)
{
	size_t kept = 0;
	bool sorted = true;

	for (size_t i = 1; i < p->mappings.len; i++)
		sorted = sorted && p->mappings.at[i - 1].start <= p->mappings.at[i].start;
	if (!sorted)
		qsort(p->mappings.at, p->mappings.len, sizeof(*p->mappings.at), by_start);
	for (size_t i = 0; i < p->mappings.len; i++) {
		if (kept && p->mappings.at[i].start < p->mappings.at[kept - 1].end)
			p->dropped++;
		else
			p->mappings.at[kept++] = p->mappings.at[i];
	}
	p->mappings.len = kept;
}

int maps_parse(const char *text, size_t len, struct maps *ret, struct err *err)
{
	struct parser p = {0};
	const char *at = text, *end = text + len;
	int r = 0;

	strbuf_putc(&p.paths, '\0');
	while (r == 0 && at < end) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));

		r = parse_line(&p, (struct cursor){at, newline ? newline : end});
		at = newline ? newline + 1 : end;
	}
	if (r < 0 || p.paths.failed)
		r = err_set(err, -ENOMEM,
			    "memory map: out of memory (free some, or profile fewer processes)");
	else if (len && !p.mappings.len)
		r = err_set(err, -EINVAL,
			    "memory map: not in the form of /proc/PID/maps (report this kernel)");
	if (r < 0) {
		vec_free(&p.mappings);
		strbuf_free(&p.paths);
		return r;
	}
	sort(&p);
	*ret = (struct maps){
		.at = p.mappings.at,
		.len = p.mappings.len,
		.dropped = p.dropped,
		.paths = p.paths.str,
	};
	return 0;
}

/* Append all of @fd, up to MAPS_TEXT_MAX. Sets *ret_cut where there was more. */
static int read_all(int fd, struct strbuf *text, bool *ret_cut)
{
	char block[16384];

	for (;;) {
		ssize_t n = read(fd, block, sizeof(block));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return 0;
		if (text->len + (size_t)n > MAPS_TEXT_MAX) {
			*ret_cut = true;
			return 0;
		}
		strbuf_add(text, block, (size_t)n);
		if (text->failed)
			return -ENOMEM;
	}
}

int maps_read(pid_t pid, struct maps *ret, struct err *err)
{
	_cleanup_close_ int fd = -1;
	_cleanup_(strbuf_free) struct strbuf text = {0};
	char path[64];
	bool cut = false;
	int r;

	snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	r = fd < 0 ? -errno : read_all(fd, &text, &cut);
	if (r == 0 && !text.len)
		r = -ESRCH;
	/* A path cut short would be a wrong name. How many lines the rest held is not known: one
	 * at least. */
	while (cut && text.len && text.str[text.len - 1] != '\n')
		text.len--;
	if (r == -ENOENT || r == -ESRCH)
		return err_set(err, -ESRCH,
			       "process %d: no memory map: it has ended or is a kernel thread "
			       "(check the PID)",
			       (int)pid);
	if (r < 0)
		return err_set(err, r, "process %d: cannot read its memory map: %s (run as root)",
			       (int)pid, strerror(-r));
	r = maps_parse(text.str, text.len, ret, err);
	if (r < 0)
		return err_prefix(err, "process %d", (int)pid);
	ret->dropped += cut;
	return 0;
}

void maps_free(struct maps *maps)
{
	if (!maps)
		return;
	free(maps->at);
	free(maps->paths);
	*maps = (struct maps){0};
}

const struct mapping *maps_find(const struct maps *maps, uint64_t addr)
{
	size_t low = 0, high = maps->len;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (maps->at[mid].end <= addr)
			low = mid + 1;
		else
			high = mid;
	}
	return low < maps->len && maps->at[low].start <= addr ? &maps->at[low] : NULL;
}

const char *maps_path(const struct maps *maps, const struct mapping *mapping)
{
	return maps->paths ? maps->paths + mapping->path : "";
}
