// SPDX-License-Identifier: GPL-2.0-only
#include "cli/progress.h"

#include "base/num.h"

#include <inttypes.h>

void progress_line(struct strbuf *sb, uint64_t done_ns, uint64_t all_ns, unsigned columns)
{
	static const char hint[] = " (Ctrl-C ends it early and reports)";
	struct strbuf line = {0};

	strbuf_printf(&line, "concprof: profiling, %" PRIu64 " s", (uint64_t)(done_ns / NS_PER_S));
	if (all_ns)
		strbuf_printf(&line, " of %.3g s", (double)all_ns / 1e9);
	if (line.len + sizeof(hint) - 1 <= columns)
		strbuf_puts(&line, hint);
	strbuf_add(sb, strbuf_str(&line), num_min_u64(line.len, columns));
	sb->failed |= line.failed;
	strbuf_free(&line);
}
