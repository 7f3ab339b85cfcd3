/* SPDX-License-Identifier: GPL-2.0-only */
/* A profile run, from the targets to the written report. */
#ifndef CLI_RUN_H
#define CLI_RUN_H

#include "cli/env.h"
#include "cli/options.h"

/* 0 (also: the target ended, Ctrl-C) or a negative errno with @err; nothing stays attached. */
int run_profile(const struct options *opt, const struct cli_env *env, struct err *err);

#endif
