// SPDX-License-Identifier: GPL-2.0-only
/*
 * What names and unwind tables of one process cost: `names PID` prints key=value lines.  Linked
 * with concprof's own objects, since these are what is measured.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "symbol/maps.h"
#include "symbol/symbolizer.h"
#include "symbol/target_file.h"
#include "symbol/unwind_table.h"

#define FRAMES 10000

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static uint64_t rss_bytes(void)
{
	unsigned long pages = 0;
	FILE *file = fopen("/proc/self/statm", "re");

	if (file && fscanf(file, "%*u %lu", &pages) != 1)
		pages = 0;
	if (file)
		fclose(file);
	return (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void tables(pid_t pid, const struct maps *maps)
{
	uint64_t began_ns = now_ns(), bytes = 0, files = 0;

	for (size_t i = 0; i < maps->len; i++) {
		const struct mapping *m = &maps->at[i];
		struct unwind_table *table;
		struct target_file file;

		if (!(m->perms & MAPPING_EXEC) || m->kind != MAPPING_FILE ||
		    target_file_open(pid, NULL, m, maps_path(maps, m), &file) < 0)
			continue;
		if (unwind_table_build(file.fd, &table, NULL) == 0) {
			files++;
			bytes += table->rows_len * sizeof(uint64_t) +
				 table->index_len * sizeof(uint32_t);
			unwind_table_free(table);
		}
		close(file.fd);
	}
	printf("table_files=%" PRIu64 "\ntable_ns=%" PRIu64 "\ntable_bytes=%" PRIu64 "\n", files,
	       now_ns() - began_ns, bytes);
}

/* Distinct addresses, evenly spread over the executable mapping that is the largest. */
static void functions(pid_t pid, const struct maps *maps)
{
	const struct mapping *largest = NULL;
	struct symbolizer *s = symbolizer_new();
	uint64_t before = rss_bytes(), began_ns = now_ns(), named = 0, step;
	struct symbol symbol;

	for (size_t i = 0; i < maps->len; i++) {
		const struct mapping *m = &maps->at[i];

		if (m->perms & MAPPING_EXEC && m->kind == MAPPING_FILE &&
		    (!largest || m->end - m->start > largest->end - largest->start))
			largest = m;
	}
	if (!s || !largest || symbolizer_add_process(s, pid, NULL) < 0) {
		fprintf(stderr, "names: nothing to name in process %d\n", (int)pid);
		exit(1);
	}
	step = (largest->end - largest->start) / FRAMES;
	for (uint64_t i = 0; i < FRAMES; i++) {
		symbolizer_function(s, pid, largest->start + i * step, &symbol);
		named += symbol.kind == SYMBOL_NAMED;
	}
	printf("named=%" PRIu64 "\nname_ns=%" PRIu64 "\nname_rss_bytes=%" PRIu64 "\n", named,
	       now_ns() - began_ns, rss_bytes() - before);
	symbolizer_free(s);
}

int main(int argc, char **argv)
{
	pid_t pid = argc == 2 ? (pid_t)atoi(argv[1]) : 0;
	struct maps maps;

	if (pid <= 0 || maps_read(pid, &maps, NULL) < 0) {
		fprintf(stderr, "usage: names PID\n");
		return 2;
	}
	functions(pid, &maps); /* first: its memory is to be its own */
	tables(pid, &maps);
	maps_free(&maps);
	return 0;
}
