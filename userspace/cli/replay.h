/* SPDX-License-Identifier: GPL-2.0-only */
/* `concprof report`: the same report again from a capture. */
#ifndef CLI_REPLAY_H
#define CLI_REPLAY_H

#include "cli/env.h"
#include "cli/options.h"

struct strbuf;

/* 0 or a negative errno with @err. */
int replay(const struct options *opt, const struct cli_env *env, struct err *err);

/* The JSON report of the capture at @path.  Appends. */
int replay_json(const char *path, struct strbuf *sb, struct err *err);

#endif
