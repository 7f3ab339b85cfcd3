/* SPDX-License-Identifier: GPL-2.0-only */
/* The renderers behind the table in render.c: for their contract see struct render_format. */
#ifndef RENDER_FORMATS_H
#define RENDER_FORMATS_H

#include "render/render.h"

int render_text(const struct report *rep, const struct render_options *opt, struct strbuf *sb,
		struct err *err);
/* The contract of docs/report.schema.json; ignores the options. */
int render_json(const struct report *rep, const struct render_options *opt, struct strbuf *sb,
		struct err *err);
/* One page that stands alone; ignores the options. */
int render_html(const struct report *rep, const struct render_options *opt, struct strbuf *sb,
		struct err *err);
/* A fragment for a review; ignores the options, as do the following. */
int render_markdown(const struct report *rep, const struct render_options *opt, struct strbuf *sb,
		    struct err *err);
/* Raw figures of threads, locks, loops and edges. */
int render_csv(const struct report *rep, const struct render_options *opt, struct strbuf *sb,
	       struct err *err);
/* Stacks for flame graphs, in microseconds. */
int render_folded(const struct report *rep, const struct render_options *opt, struct strbuf *sb,
		  struct err *err);
/* The run in time: Chrome's JSON trace format. */
int render_perfetto(const struct report *rep, const struct render_options *opt, struct strbuf *sb,
		    struct err *err);
/* Stacks for `go tool pprof` and others: profile.proto, compressed. */
int render_pprof(const struct report *rep, const struct render_options *opt, struct strbuf *sb,
		 struct err *err);

#endif
