/* SPDX-License-Identifier: GPL-2.0-only */
/* Output formats: one file and one row of the table each.  Renderers read the report alone: no
 * clock, no symbols, no files. */
#ifndef RENDER_RENDER_H
#define RENDER_RENDER_H

#include "report/report.h"

struct err;

struct render_options {
	unsigned columns; /* width to fill; 0 = 100, and what takes more is not cut */
	bool ascii;	  /* no UTF-8 beyond names */
	bool color;	  /* ANSI colours, never the only carrier of meaning */
};

struct render_format {
	const char *name;   /* as in -f: "text" */
	const char *ending; /* as in -o: ".txt" */
	const char *about;  /* for help: what it is good for */
	/* Append the whole output to @sb.  0 or a negative errno with @err. */
	int (*render)(const struct report *rep, const struct render_options *opt, struct strbuf *sb,
		      struct err *err);
};

/* Every format, ended by a row with name NULL. */
const struct render_format *render_formats(void);
const struct render_format *render_by_name(const char *name);
/* By the longest ending that fits; NULL if none does. */
const struct render_format *render_by_path(const char *path);

#endif
