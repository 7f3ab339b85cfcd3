/* SPDX-License-Identifier: GPL-2.0-only */
/* `concprof doctor`: what this kernel, these rights and this target allow. */
#ifndef CLI_DOCTOR_H
#define CLI_DOCTOR_H

#include "cli/env.h"
#include "cli/options.h"

/*
 * Print the table.  Returns 0 when profiling can work; -ENOTSUP with an empty @err when it cannot,
 * the table having said why; other errors with a sentence.
 */
int doctor(const struct options *opt, const struct cli_env *env, struct err *err);

#endif
