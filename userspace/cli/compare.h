/* SPDX-License-Identifier: GPL-2.0-only */
/* `concprof diff`: two captures or reports side by side. */
#ifndef CLI_COMPARE_H
#define CLI_COMPARE_H

#include "cli/env.h"
#include "cli/options.h"

/* 0 or a negative errno with @err; *ret_failed: a --fail-if holds. */
int compare(const struct options *opt, const struct cli_env *env, bool *ret_failed,
	    struct err *err);

#endif
