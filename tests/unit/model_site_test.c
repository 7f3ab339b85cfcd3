// SPDX-License-Identifier: GPL-2.0-only
#include "model/site.h"

#include "base/strbuf.h"
#include "tests/unit/snap_builder.h"
#include "tests/unit/suites.h"

static const struct {
	const char *frames[6];
	const char *text;
} sites[] = {
	{{"libc!__lll_lock_wait", "libc!pthread_mutex_lock", "app!update", "app!worker",
	  "libc!start_thread", NULL},
	 "update < worker"},
	{{"kernel!futex_wait", "libstdc++!std::mutex::lock", "app!put", NULL}, "put"},
	/* a caller inside the runtime is no caller of interest, the one above is */
	{{"app!compare", "libc!qsort", "app!sort_rows", NULL}, "compare < sort_rows"},
	{{"libc!nanosleep", "libc!start_thread", NULL}, "nanosleep"},
	/* a thread of Java's own, and one of the program's */
	{{"libc!pthread_cond_wait", "libjvm!Monitor::wait", "libc!start_thread", NULL},
	 "Monitor::wait"},
	{{"libc!pthread_cond_wait", "libjvm!ObjectMonitor::enter", "app!put", NULL}, "put"},
	{{"app!", "app!main", NULL}, "app+0x12 < main"},
	{{"!", NULL}, "0x1000"},
	{{NULL}, "(stack unknown)"},
};

START_TEST(call_site)
{
	struct snap_builder *b = build_new(1, 1);
	uint32_t stack = build_stack(b, sites[_i].frames);
	struct strbuf sb = {0};

	snap_call_site(&sb, build_finish(b), stack);
	ck_assert_str_eq(strbuf_str(&sb), sites[_i].text);
	strbuf_free(&sb);
	build_free(b);
}
END_TEST

START_TEST(no_stack)
{
	struct snap_builder *b = build_new(1, 1);
	const struct snapshot *snap = build_finish(b);
	struct strbuf sb = {0};

	snap_call_site(&sb, snap, SNAP_NONE);
	ck_assert_str_eq(strbuf_str(&sb), "(stack unknown)");
	ck_assert_ptr_null(snap_site_frame(snap, SNAP_NONE));
	strbuf_free(&sb);
	build_free(b);
}
END_TEST

START_TEST(thread_names)
{
	struct snap_builder *b = build_new(1, 1);
	const struct snapshot *snap;
	struct strbuf sb = {0};

	build_thread(b, "main");
	build_threads(b, "worker", 2);
	build_thread(b, "");
	snap = build_finish(b);
	for (uint32_t i = 0; i < 4; i++) {
		snap_thread_text(&sb, snap, i);
		strbuf_putc(&sb, '|');
	}
	snap_thread_text(&sb, snap, SNAP_NONE);
	ck_assert_str_eq(strbuf_str(&sb), "main|worker (101)|worker (102)|(103)|unknown");
	strbuf_free(&sb);
	build_free(b);
}
END_TEST

Suite *model_site_suite(void)
{
	Suite *suite = suite_create("model_site");
	TCase *tc = tcase_create("text");

	tcase_add_loop_test(tc, call_site, 0, (int)(sizeof(sites) / sizeof(sites[0])));
	tcase_add_test(tc, no_stack);
	tcase_add_test(tc, thread_names);
	suite_add_tcase(suite, tc);
	return suite;
}
