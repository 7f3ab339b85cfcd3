// SPDX-License-Identifier: GPL-2.0-only
#include "cli/export.h"

#include "base/err.h"
#include "base/strbuf.h"
#include "cli/output.h"
#include "render/render.h"

#include <limits.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define TRIES 100

/* "DIR/concprof-20240501-123456", with "-2" and so on where that is taken. */
static bool free_stem(char *stem, size_t size)
{
	char dir[PATH_MAX];
	char when[32];
	time_t now = time(NULL);
	struct tm tm;

	if (!getcwd(dir, sizeof(dir)) || !localtime_r(&now, &tm))
		return false;
	strftime(when, sizeof(when), "%Y%m%d-%H%M%S", &tm);
	for (unsigned i = 1; i <= TRIES; i++) {
		bool taken = false;
		int len = i == 1 ? snprintf(stem, size, "%s/concprof-%s", dir, when)
				 : snprintf(stem, size, "%s/concprof-%s-%u", dir, when, i);

		if (len < 0 || (size_t)len >= size)
			return false;
		for (const struct render_format *f = render_formats(); f->name && !taken; f++) {
			char path[PATH_MAX + 64];

			snprintf(path, sizeof(path), "%s%s", stem, f->ending);
			taken = access(path, F_OK) == 0;
		}
		if (!taken)
			return true;
	}
	return false;
}

static int write_one(const struct report *rep, const struct render_format *format, const char *path,
		     bool ascii, struct err *err)
{
	const struct render_options options = {.ascii = ascii};
	struct output *output = NULL;
	struct strbuf text = {0};
	int rc = format->render(rep, &options, &text, err);

	if (rc == 0)
		rc = output_open(path, &output, err);
	if (rc == 0)
		rc = output_write(output, strbuf_str(&text), text.len, err);
	if (rc == 0)
		rc = output_commit(output, err);
	output_free(output);
	strbuf_free(&text);
	return rc;
}

void export_report(const struct report *rep, bool ascii, struct strbuf *said)
{
	char stem[PATH_MAX];
	struct strbuf endings = {0};
	struct err err = {0};

	if (!free_stem(stem, sizeof(stem))) {
		strbuf_puts(said, "export: the working directory cannot be used");
		return;
	}
	for (const struct render_format *f = render_formats(); f->name; f++) {
		char path[PATH_MAX + 64];

		snprintf(path, sizeof(path), "%s%s", stem, f->ending);
		if (write_one(rep, f, path, ascii, &err) < 0) {
			strbuf_printf(said, "export: %s", err.msg);
			strbuf_free(&endings);
			return;
		}
		strbuf_printf(&endings, "%s%s", endings.len ? " " : "", f->ending);
	}
	strbuf_printf(said, "wrote %s (%s)", stem, strbuf_str(&endings));
	strbuf_free(&endings);
}
