// SPDX-License-Identifier: GPL-2.0-only
#include "cli/compare.h"

#include "base/cleanup.h"
#include "base/strbuf.h"
#include "cli/output.h"
#include "cli/replay.h"
#include "diff/diff.h"
#include "diff/gate.h"
#include "render/render.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Whether the file begins as a capture does (docs/CAPTURE.md); a negative errno with @err. */
static int is_capture(const char *path, struct err *err)
{
	static const char magic[] = "\x89"
				    "CPROF";
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	char begin[sizeof(magic) - 1];
	ssize_t got = fd < 0 ? -1 : read(fd, begin, sizeof(begin));

	if (got < 0)
		return err_set(err, -errno, "%s: cannot be read: %s", path, strerror(errno));
	return got == (ssize_t)sizeof(begin) && !memcmp(begin, magic, sizeof(begin));
}

static int load(const char *path, json_t **ret, struct err *err)
{
	struct strbuf text = {0};
	json_error_t where = {0};
	int rc = is_capture(path, err);

	if (rc < 0)
		return rc;
	if (rc) {
		rc = replay_json(path, &text, err);
		if (rc == 0)
			*ret = json_loadb(strbuf_str(&text), text.len, 0, &where);
		strbuf_free(&text);
		if (rc < 0)
			return rc;
	} else {
		*ret = json_load_file(path, JSON_REJECT_DUPLICATES, &where);
	}
	if (!*ret)
		return err_set(
			err, -EINVAL,
			"%s: neither a capture nor JSON: line %d: %s (name files of concprof -o)",
			path, where.line, where.text);
	return 0;
}

static int render(const char *format, const struct diff_render_input *in, struct strbuf *sb,
		  struct err *err)
{
	strbuf_reset(sb);
	if (diff_render_by_name(format)(in, sb) < 0)
		return err_set(err, -ENOMEM, "diff: out of memory");
	return 0;
}

/* All files, or none. */
static int write_files(const struct options *opt, const struct diff_render_input *in,
		       struct strbuf *sb, struct err *err)
{
	struct output **out = calloc(opt->outputs_len + 1, sizeof(struct output *));
	int rc = out ? 0 : err_set(err, -ENOMEM, "diff: out of memory");

	for (size_t i = 0; rc == 0 && i < opt->outputs_len; i++) {
		rc = output_open(opt->outputs[i].path, &out[i], err);
		if (rc == 0)
			rc = render(opt->outputs[i].format->name, in, sb, err);
		if (rc == 0)
			rc = output_write(out[i], strbuf_str(sb), sb->len, err);
	}
	for (size_t i = 0; rc == 0 && i < opt->outputs_len; i++)
		rc = output_commit(out[i], err);
	for (size_t i = 0; out && i < opt->outputs_len; i++)
		output_free(out[i]);
	free(out);
	return rc;
}

static int print(const struct options *opt, const struct cli_env *env,
		 const struct diff_render_input *in, struct strbuf *sb, struct err *err)
{
	int rc;

	if (!opt->format && opt->outputs_len)
		return 0;
	rc = render(opt->format ? opt->format->name : "text", in, sb, err);
	if (rc < 0)
		return rc;
	return output_write_fd(env->out_fd, "standard output", strbuf_str(sb), sb->len, err);
}

static int judge(const struct options *opt, const struct diff *diff, struct gate_result **ret,
		 bool *ret_failed, struct err *err)
{
	struct gate_result *results = calloc(opt->gates_len + 1, sizeof(*results));

	if (!results)
		return err_set(err, -ENOMEM, "diff: out of memory");
	*ret = results;
	for (size_t i = 0; i < opt->gates_len; i++) {
		struct strbuf said = {0};

		results[i].text = opt->gates[i].text;
		results[i].failed = gate_holds(&opt->gates[i], diff, &said);
		results[i].said = strbuf_steal(&said);
		*ret_failed |= results[i].failed;
		if (!results[i].said)
			return err_set(err, -ENOMEM, "diff: out of memory");
	}
	return 0;
}

/* A gate's answer is also for those who read no report. */
static void tell_gates(const struct options *opt, const struct gate_result *results)
{
	for (size_t i = 0; i < opt->gates_len; i++)
		if (results[i].failed)
			cli_message("diff: %s: %s", results[i].text, results[i].said);
}

int compare(const struct options *opt, const struct cli_env *env, bool *ret_failed, struct err *err)
{
	struct gate_result *results = NULL;
	struct diff diff = {0};
	json_t *before = NULL;
	json_t *after = NULL;
	struct strbuf sb = {0};
	int rc = load(opt->input, &before, err);

	if (rc == 0)
		rc = load(opt->after, &after, err);
	if (rc == 0)
		rc = diff_make(before, after, &diff, err);
	if (rc == 0)
		rc = judge(opt, &diff, &results, ret_failed, err);
	if (rc == 0) {
		const struct diff_render_input in = {&diff, results, opt->gates_len};

		rc = write_files(opt, &in, &sb, err);
		if (rc == 0)
			rc = print(opt, env, &in, &sb, err);
	}
	if (rc == 0)
		tell_gates(opt, results);
	for (size_t i = 0; results && i < opt->gates_len; i++)
		free(results[i].said);
	free(results);
	strbuf_free(&sb);
	diff_free(&diff);
	json_decref(before);
	json_decref(after);
	return rc;
}
