/* SPDX-License-Identifier: GPL-2.0-only */
/* The columns of the tree of processes and of who waited for whom: columns.c has the table. */
#ifndef REPORT_COLUMNS_TREE_H
#define REPORT_COLUMNS_TREE_H

#include "base/strbuf.h"
#include "report/report.h"

void column_edge_from(struct strbuf *sb, const struct report *rep, uint32_t row);
void column_edge_to(struct strbuf *sb, const struct report *rep, uint32_t row);
void column_edge_kind(struct strbuf *sb, const struct report *rep, uint32_t row);
double column_edge_rate(const struct report *rep, uint32_t row);
double column_edge_wait(const struct report *rep, uint32_t row);
void column_edge_waiting_in(struct strbuf *sb, const struct report *rep, uint32_t row);
void column_edge_woken_in(struct strbuf *sb, const struct report *rep, uint32_t row);
double column_process_exits(const struct report *rep, uint32_t row);
double column_process_migrations(const struct report *rep, uint32_t row);
double column_process_copy_faults(const struct report *rep, uint32_t row);
double column_process_cpus(const struct report *rep, uint32_t row);
double column_process_forking(const struct report *rep, uint32_t row);

#endif
