/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * THE table of columns: what each table of a report shows, once for every renderer and view.
 * Adding a column is one row in columns.c.
 */
#ifndef REPORT_COLUMNS_H
#define REPORT_COLUMNS_H

#include "report/report.h"

enum column_table {
	TABLE_LOCKS,
	TABLE_THREADS,
	TABLE_PROCESSES,
	TABLE_EDGES,
	TABLE_LOOPS,
	TABLE_STALLS,
	TABLE_COUNT
};

enum column_unit { UNIT_TEXT, UNIT_COUNT, UNIT_RATE, UNIT_DURATION, UNIT_SHARE, UNIT_FACTOR };

struct column {
	enum column_table table;
	const char *key;   /* stable name, for machines: "wait_ns" */
	const char *title; /* heading for people: "total" */
	enum column_unit unit;
	unsigned width; /* columns on a terminal; 0 = takes what is left */
	unsigned rank;	/* 1 = first to keep when room is short */
	/* Fill one of the two: a number in the column's unit (ns, count, 1/s, 0..1, factor) or text
	 * (appended). */
	double (*number)(const struct report *rep, uint32_t row);
	void (*text)(struct strbuf *sb, const struct report *rep, uint32_t row);
};

/* All columns of @table in display order. */
const struct column *columns_of(enum column_table table, uint32_t *ret_len);
uint32_t columns_rows(const struct report *rep, enum column_table table);
/* The cell as people read it ("12.9 s", "4,310", "41%"). Appends. */
void column_format(struct strbuf *sb, const struct column *col, const struct report *rep,
		   uint32_t row);

#endif
