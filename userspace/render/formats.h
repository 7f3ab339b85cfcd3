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

#endif
