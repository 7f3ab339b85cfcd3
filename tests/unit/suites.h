/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Every suite of the unit tests: one line per suite, sorted, and nothing else to register.
 *
 * Included plainly it declares the suite functions.  main.c includes it a second time with SUITE()
 * defined, to build its table from the same lines; so there is no include guard.
 */
#ifndef SUITE
#include <check.h>
#define SUITE(name) Suite *name(void);
#endif

/* clang-format off */
SUITE(base_err_suite)
SUITE(base_hashmap_suite)
SUITE(base_num_suite)
SUITE(base_strbuf_suite)
SUITE(base_text_suite)
SUITE(base_units_suite)
SUITE(base_vec_suite)
SUITE(render_json_suite)
SUITE(render_text_suite)
SUITE(report_columns_suite)
/* clang-format on */

#undef SUITE
