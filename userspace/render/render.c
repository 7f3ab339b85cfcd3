// SPDX-License-Identifier: GPL-2.0-only
#include "render/render.h"

#include "render/formats.h"

#include <string.h>

/* clang-format off */
static const struct render_format formats[] = {
	{"text", ".txt", "to read", render_text},
	{"json", ".json", "for programs, by docs/report.schema.json", render_json},
	{"html", ".html", "a page that stands alone, with flame graphs", render_html},
	{"md", ".md", "to paste into a review", render_markdown},
	{"folded", ".folded", "stacks for flamegraph.pl or speedscope, class first", render_folded},
	{"perfetto", ".perfetto.json", "the run in time, for ui.perfetto.dev or chrome://tracing", render_perfetto},
	{"pprof", ".pb.gz", "stacks for go tool pprof", render_pprof},
	{"csv", ".csv", "raw figures of threads, locks, loops and edges", render_csv},
	{NULL, NULL, NULL, NULL},
};
/* clang-format on */

const struct render_format *render_formats(void)
{
	return formats;
}

const struct render_format *render_by_name(const char *name)
{
	for (const struct render_format *format = formats; format->name; format++)
		if (!strcmp(format->name, name))
			return format;
	return NULL;
}

const struct render_format *render_by_path(const char *path)
{
	const struct render_format *best = NULL;
	size_t len = strlen(path);
	size_t longest = 0;

	for (const struct render_format *format = formats; format->name; format++) {
		size_t ending = strlen(format->ending);

		if (ending > longest && ending <= len &&
		    !strcmp(path + len - ending, format->ending)) {
			best = format;
			longest = ending;
		}
	}
	return best;
}
