/* SPDX-License-Identifier: GPL-2.0-only */
/* Sentences about a report that its formats for people share.  All append. */
#ifndef RENDER_SAY_H
#define RENDER_SAY_H

#include "base/strbuf.h"
#include "report/report.h"

/* A capture may be cut off before its first figures: then all of them are unknown, not 0. */
bool say_has_figures(const struct snapshot *snap);
/* "mariadbd (4711), 1 process, 38 threads, 10.0 s, 2 CPUs" */
void say_target(struct strbuf *sb, const struct snapshot *snap);
/* "Linux 6.1.0, glibc 2.36, Python 3.11" */
void say_platform(struct strbuf *sb, const struct snapshot *snap);
/* Why the window is shorter than was asked for, and how the command ended; nothing if neither. */
void say_ending(struct strbuf *sb, const struct snapshot *snap);
/* Whom the user named may be the one process that does nothing. */
void say_supervisor(struct strbuf *sb, const struct snapshot *snap);

/* No bottleneck, or nothing to do. */
bool say_healthy(const struct finding *finding);
void say_headline(struct strbuf *sb, const struct finding *finding);
void say_gain(struct strbuf *sb, const struct finding *finding);
/* "threads.imbalance, up to 1.2x: one sentence" */
void say_runner_up(struct strbuf *sb, const struct finding *finding);
/* @dot: what stands between its parts. */
void say_own_cost(struct strbuf *sb, const struct report *rep, const char *dot);

#endif
