// SPDX-License-Identifier: GPL-2.0-only
#include "symbol/kallsyms.h"

#include "base/num.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define LINE_MAX_BYTES 1024

static int by_addr(const void *a, const void *b)
{
	const struct kallsyms_query *qa = a;
	const struct kallsyms_query *qb = b;

	return (qa->addr > qb->addr) - (qa->addr < qb->addr);
}

/* The first query at or above @start, @len where there is none. */
static size_t first_from(const struct kallsyms_query *queries, size_t len, uint64_t start)
{
	size_t low = 0;
	size_t high = len;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (queries[mid].addr < start)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static void copy_word(char *to, size_t size, const char *word, size_t len)
{
	len = num_min_u64(len, size - 1);
	memcpy(to, word, len);
	to[len] = '\0';
}

/* "ffffffff81000000 T name" or "ffffffffc0000000 t name\t[module]" */
static void take_line(const char *line, struct kallsyms_query *queries, size_t len)
{
	struct kallsyms_query *q;
	uint64_t start;
	char type;
	int at = 0;
	size_t name_len;
	size_t i;

	if (sscanf(line, "%" SCNx64 " %c %n", &start, &type, &at) < 2 || !at || start == 0)
		return;
	if (!strchr("tTwW", type))
		return;
	i = first_from(queries, len, start);
	/* Of several names for one address the first one stays. */
	if (i == len || queries[i].start >= start)
		return;
	q = &queries[i];
	q->start = start;
	name_len = strcspn(line + at, " \t\n");
	copy_word(q->name, sizeof(q->name), line + at, name_len);
	line += at + name_len;
	line += strspn(line, " \t");
	q->module[0] = '\0';
	if (*line == '[')
		copy_word(q->module, sizeof(q->module), line + 1, strcspn(line + 1, "]\n"));
}

void kallsyms_resolve(FILE *file, struct kallsyms_query *queries, size_t len)
{
	char line[LINE_MAX_BYTES];
	bool continued = false;

	if (len == 0)
		return;
	qsort(queries, len, sizeof(*queries), by_addr);
	for (uint32_t i = 0; i < KALLSYMS_LINES_MAX && fgets(line, sizeof(line), file); i++) {
		/* The rest of a line too long for us is none of its own. */
		if (!continued)
			take_line(line, queries, len);
		continued = !strchr(line, '\n');
	}
	/* So far a symbol is known to the first query behind it alone: hand it on to the next. */
	for (size_t i = 1; i < len; i++) {
		if (queries[i].start < queries[i - 1].start) {
			uint64_t addr = queries[i].addr;

			queries[i] = queries[i - 1];
			queries[i].addr = addr;
		}
	}
	for (size_t i = 0; i < len; i++) {
		if (queries[i].addr - queries[i].start >= KALLSYMS_REACH_BYTES)
			queries[i].start = 0;
	}
}
