/* SPDX-License-Identifier: GPL-2.0-only */
/* The tables of the text report.  Each prints nothing when it has nothing to say. */
#ifndef RENDER_TEXT_TABLES_H
#define RENDER_TEXT_TABLES_H

#include "render/page.h"
#include "report/report.h"

void text_time(struct page *page, const struct report *rep);
void text_locks(struct page *page, const struct report *rep);
/* Event loops, and the longest stalls; nothing where no thread is a loop. */
void text_loops(struct page *page, const struct report *rep);
void text_threads(struct page *page, const struct report *rep);
void text_processes(struct page *page, const struct report *rep);
/* All processes together; nothing where there is one. */
void text_tree(struct page *page, const struct report *rep);
/* Who waited for whom between processes. */
void text_edges(struct page *page, const struct report *rep);
void text_off_cpu(struct page *page, const struct report *rep);
void text_futex_calls(struct page *page, const struct report *rep);

#endif
