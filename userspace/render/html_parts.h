/* SPDX-License-Identifier: GPL-2.0-only */
/* The parts of the HTML report.  All append; one that has nothing to say adds nothing. */
#ifndef RENDER_HTML_PARTS_H
#define RENDER_HTML_PARTS_H

#include "base/strbuf.h"
#include "report/columns.h"
#include "report/report.h"

/* All up to and with <body>, the style within; @title is inert text. */
void html_head(struct strbuf *sb, const char *title);
/* Text of whatever origin, inert between tags and in quoted attributes. */
void html_text(struct strbuf *sb, const char *raw);
/* "<tag>", @raw inert, "</tag>"; nothing where @raw is empty. */
void html_element(struct strbuf *sb, const char *tag, const char *raw);
/* The heading of a section, which navigation by headings finds; @id for links. */
void html_section(struct strbuf *sb, const char *id, const char *title);

/* Bars: thread time by class, then what each model costs. */
void html_bars(struct strbuf *sb, const struct report *rep);
/* Slices in time: classes, verdicts, the waits for the main lock, stalls. */
void html_timeline(struct strbuf *sb, const struct report *rep);
/* Who waits for whom. */
void html_graph(struct strbuf *sb, const struct report *rep);

void html_locks(struct strbuf *sb, const struct report *rep);
void html_loops(struct strbuf *sb, const struct report *rep);
void html_threads(struct strbuf *sb, const struct report *rep);
/* The tree of processes. */
void html_processes(struct strbuf *sb, const struct report *rep);
/* Bars of a histogram, with a caption. */
void html_hist(struct strbuf *sb, const struct snap_hist *hist, const char *caption);
/* A stack as a list, innermost first. */
void html_stack(struct strbuf *sb, const struct snapshot *snap, uint32_t stack);

/* Flame graphs: their data, which the script draws, and a place for them. */
void html_flames(struct strbuf *sb, const struct report *rep);

#endif
