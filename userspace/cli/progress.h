/* SPDX-License-Identifier: GPL-2.0-only */
/* The line that says, on a terminal, how far the run is. */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include "base/strbuf.h"

#include <stdint.h>

/* Append it for @done_ns of @all_ns (0 = until the end), in at most @columns: what may be left out
 * is, the rest is cut. */
void progress_line(struct strbuf *sb, uint64_t done_ns, uint64_t all_ns, unsigned columns);

#endif
