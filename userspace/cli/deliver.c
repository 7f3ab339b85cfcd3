// SPDX-License-Identifier: GPL-2.0-only
#include "cli/deliver.h"

#include "analysis/analysis.h"
#include "base/strbuf.h"
#include "cli/output.h"
#include "model/model.h"
#include "render/render.h"
#include "report/report.h"
#include "source/capture.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

struct delivery_file {
	struct output *output;
	const struct render_format *format; /* NULL: a capture, with its writer */
	struct capture_writer *writer;
};

struct delivery {
	const struct options *opt;
	size_t files_len;
	struct delivery_file files[];
};

int delivery_open(const struct options *opt, struct delivery **ret, struct err *err)
{
	struct delivery *d = calloc(1, sizeof(*d) + opt->outputs_len * sizeof(d->files[0]));
	int rc = 0;

	if (!d)
		return err_set(err, -ENOMEM, "outputs: out of memory");
	d->opt = opt;
	for (size_t i = 0; i < opt->outputs_len && rc == 0; i++) {
		struct delivery_file *file = &d->files[i];

		file->format = opt->outputs[i].format;
		rc = output_open(opt->outputs[i].path, &file->output, err);
		if (rc == 0)
			d->files_len++;
		if (rc == 0 && !file->format)
			rc = capture_writer_new(output_fd(file->output), &file->writer, err);
	}
	if (rc < 0) {
		delivery_free(d);
		return rc;
	}
	*ret = d;
	return 0;
}

/* The writer knows the descriptor alone.  A capture that cannot go on keeps what it has: a full
 * disk must not cost the run up to then. */
static int name_file(const struct delivery_file *file, int rc, struct err *err)
{
	if (rc < 0) {
		err_prefix(err, "%s", output_path(file->output));
		output_keep(file->output);
	}
	return rc;
}

int delivery_record(struct delivery *d, const struct record *rec, struct err *err)
{
	for (size_t i = 0; i < d->files_len; i++) {
		struct delivery_file *file = &d->files[i];
		int rc = file->writer ? capture_writer_put(file->writer, rec, err) : 0;

		if (rc < 0)
			return name_file(file, rc, err);
	}
	return 0;
}

int delivery_flush(struct delivery *d, struct err *err)
{
	for (size_t i = 0; i < d->files_len; i++) {
		struct delivery_file *file = &d->files[i];
		int rc;

		if (!file->writer)
			continue;
		rc = name_file(file, capture_writer_flush(file->writer, err), err);
		if (rc == 0)
			rc = output_publish(file->output, err);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int render(const struct render_format *format, const struct report *rep,
		  const struct render_options *options, struct strbuf *sb, struct err *err)
{
	int rc;

	strbuf_reset(sb);
	rc = format->render(rep, options, sb, err);
	if (rc == 0 && sb->failed)
		rc = err_set(err, -ENOMEM, "%s report: out of memory", format->name);
	return rc;
}

static int write_files(struct delivery *d, const struct report *rep,
		       const struct render_options *options, struct strbuf *sb, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; i < d->files_len && rc == 0; i++) {
		struct delivery_file *file = &d->files[i];

		if (file->writer) {
			rc = name_file(file, capture_writer_flush(file->writer, err), err);
			continue;
		}
		rc = render(file->format, rep, options, sb, err);
		if (rc == 0)
			rc = output_write(file->output, strbuf_str(sb), sb->len, err);
	}
	/* All of them or none: a set of reports of one run belongs together. */
	for (size_t i = 0; i < d->files_len && rc == 0; i++)
		rc = output_commit(d->files[i].output, err);
	return rc;
}

/* What -f asks for; without -f and -o the text goes to standard output.  NULL: nothing does. */
static const struct render_format *printed_format(const struct delivery *d)
{
	return d->opt->format || d->files_len ? d->opt->format : render_by_name("text");
}

static int print(const struct delivery *d, const struct report *rep, const struct cli_env *env,
		 struct strbuf *sb, struct err *err)
{
	const struct render_options options = {
		.columns = env->columns, .ascii = env->ascii, .color = env->color};
	const struct render_format *format = printed_format(d);
	int rc;

	if (!format)
		return 0;
	rc = render(format, rep, &options, sb, err);
	if (rc < 0)
		return rc;
	return output_write_fd(env->out_fd, "standard output", strbuf_str(sb), sb->len, err);
}

/* Where a report is printed, it answers; the files are then told to who is there to read it. */
static void tell_files(const struct delivery *d, const struct cli_env *env)
{
	if (printed_format(d) && !env->progress)
		return;
	for (size_t i = 0; i < d->files_len; i++)
		cli_message("wrote %s", output_path(d->files[i].output));
}

int delivery_finish(struct delivery *d, const struct model *model, const struct cli_env *env,
		    struct err *err)
{
	const struct render_options options = {.ascii = env->ascii};
	struct snapshot *snap = model_freeze(model);
	struct verdict verdict = {0};
	struct strbuf sb = {0};
	int rc;

	if (!snap)
		return err_set(err, -ENOMEM, "report: out of memory");
	rc = analysis_run(snap, &verdict, err);
	if (rc == 0) {
		struct report rep = report_make(snap, &verdict);

		rc = write_files(d, &rep, &options, &sb, err);
		if (rc == 0)
			rc = print(d, &rep, env, &sb, err);
		if (rc == 0)
			tell_files(d, env);
	}
	strbuf_free(&sb);
	verdict_free(&verdict);
	snapshot_free(snap);
	return rc;
}

void delivery_discard(void *ctx)
{
	struct delivery *d = ctx;

	for (size_t i = 0; i < d->files_len; i++)
		output_discard(d->files[i].output);
}

void delivery_free(struct delivery *d)
{
	if (!d)
		return;
	for (size_t i = 0; i < d->files_len; i++) {
		capture_writer_free(d->files[i].writer);
		output_free(d->files[i].output);
	}
	free(d);
}
