// SPDX-License-Identifier: GPL-2.0-only
#include "cli/replay.h"

#include "analysis/analysis.h"
#include "base/cleanup.h"
#include "base/strbuf.h"
#include "cli/deliver.h"
#include "cli/interrupt.h"
#include "cli/screen.h"
#include "model/model.h"
#include "render/render.h"
#include "report/report.h"
#include "source/capture.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

struct replay {
	struct model *model;
	struct delivery *delivery; /* NULL: nothing is written while it is read */
};

static int put(void *ctx, const struct record *rec, struct err *err)
{
	struct replay *r = ctx;
	int rc = model_apply(r->model, rec, err);

	return rc < 0 || !r->delivery ? rc : delivery_record(r->delivery, rec, err);
}

static int read_capture(struct replay *r, const char *path, struct err *err)
{
	const struct record_sink sink = {.put = put, .ctx = r};
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct capture_info info = {0};
	int rc;

	if (fd < 0)
		return err_set(err, -errno, "%s: cannot be read: %s", path, strerror(errno));
	rc = capture_read(fd, &sink, &info, err);
	if (rc < 0) {
		err_prefix(err, "%s", path);
		return rc;
	}
	if (info.records == 0)
		return err_set(err, -EINVAL,
			       "%s: the capture was cut before its first record (record it again)",
			       path);
	if (info.truncated)
		cli_message("%s: the capture was cut after %" PRIu64 " records (the report covers "
			    "what is there)",
			    path, info.records);
	return 0;
}

static int show(const struct options *opt, const struct cli_env *env, struct replay *r,
		struct interrupt *interrupt, struct err *err)
{
	struct screen *screen = NULL;
	int rc = 0;

	if (!screen_possible())
		return err_set(err, -EINVAL,
			       "--tui: standard input and output are to be a terminal that can be "
			       "drawn on (leave it out for a text report)");
	rc = screen_open(env, r->model, false, &screen, err);
	if (rc == 0)
		rc = screen_last(screen, false, err);
	if (rc == 0)
		rc = screen_stay(screen, interrupt->fd, err);
	screen_close(screen);
	if (rc == 0 && opt->outputs_len)
		rc = delivery_finish(r->delivery, r->model, env, err);
	return rc;
}

int replay(const struct options *opt, const struct cli_env *env, struct err *err)
{
	struct interrupt interrupt = INTERRUPT_NONE;
	struct replay r = {.model = model_new()};
	int rc = r.model ? 0 : err_set(err, -ENOMEM, "report: out of memory");

	if (rc == 0)
		rc = interrupt_init(&interrupt, err);
	if (rc == 0)
		rc = delivery_open(opt, &r.delivery, err);
	if (rc == 0)
		rc = opt->tui ? 0
			      : interrupt_watch(&interrupt, 0, delivery_discard, r.delivery, err);
	if (rc == 0)
		rc = read_capture(&r, opt->input, err);
	if (rc == 0)
		rc = opt->tui ? show(opt, env, &r, &interrupt, err)
			      : delivery_finish(r.delivery, r.model, env, err);
	interrupt_free(&interrupt);
	delivery_free(r.delivery);
	model_free(r.model);
	return rc;
}

int replay_json(const char *path, struct strbuf *sb, struct err *err)
{
	const struct render_options options = {0};
	struct replay r = {.model = model_new()};
	struct snapshot *snap = NULL;
	struct verdict verdict = {0};
	int rc = r.model ? read_capture(&r, path, err) : -ENOMEM;

	if (rc == 0)
		snap = model_freeze(r.model);
	if (rc == 0 && snap)
		rc = analysis_run(snap, &verdict, err);
	if (rc == 0 && snap) {
		struct report rep = report_make(snap, &verdict);

		rc = render_by_name("json")->render(&rep, &options, sb, err);
	} else if (rc == 0 || !r.model) {
		rc = err_set(err, -ENOMEM, "%s: out of memory", path);
	}
	verdict_free(&verdict);
	snapshot_free(snap);
	model_free(r.model);
	return rc;
}
