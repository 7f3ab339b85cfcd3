/* SPDX-License-Identifier: GPL-2.0-only */
/* What the tests of verdicts share. */
#ifndef TESTS_ANALYSIS_FIXTURE_H
#define TESTS_ANALYSIS_FIXTURE_H

#include "analysis/analysis.h"
#include "tests/unit/snap_builder.h"

/* Finish @b and judge it; checks what holds for every verdict. Free with verdict_free. */
struct verdict judge_built(struct snap_builder *b);

#endif
