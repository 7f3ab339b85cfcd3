// SPDX-License-Identifier: GPL-2.0-only
#include "tests/unit/analysis_fixture.h"

#include "base/err.h"

#include <check.h>
#include <string.h>

static void check_finding(const struct finding *f)
{
	const char *summary = strbuf_str(&f->summary);

	/* one sentence on one line */
	ck_assert_ptr_null(strchr(summary, '\n'));
	ck_assert_uint_gt(f->summary.len, 1);
	ck_assert_int_eq(summary[f->summary.len - 1], '.');
	ck_assert_ptr_null(strstr(summary, ". "));
	ck_assert_uint_gt(f->next_step.len, 0);
	ck_assert_uint_gt(f->evidence_len, 0);
	for (uint32_t i = 0; i < f->evidence_len; i++)
		ck_assert_uint_gt(f->evidence[i].len, 0);
	ck_assert(f->gain_ratio == 0 || f->gain_ratio >= 1);
	ck_assert_uint_le(f->slices_agreeing, f->slices_judged);
}

struct verdict judge_built(struct snap_builder *b)
{
	struct verdict verdict;
	struct err err = {0};

	ck_assert_int_eq(analysis_run(build_finish(b), &verdict, &err), 0);
	check_finding(&verdict.main);
	if (verdict.second.fired)
		check_finding(&verdict.second);
	return verdict;
}
