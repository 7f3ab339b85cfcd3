/* SPDX-License-Identifier: GPL-2.0-only */
/* `e` of the screen: what is shown, in every format that there is. */
#ifndef CLI_EXPORT_H
#define CLI_EXPORT_H

#include <stdbool.h>

struct report;
struct strbuf;

/*
 * Write @rep into the working directory as concprof-DATE-TIME.ENDING, one file a format, of which
 * none overwrites another.  Appends to @said what was written, or what went wrong.
 */
void export_report(const struct report *rep, bool ascii, struct strbuf *said);

#endif
