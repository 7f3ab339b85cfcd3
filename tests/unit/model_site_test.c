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

/* Stacks of Python, C extensions and libc: the site and its caller, with and without lines. */
static const struct {
	const char *trace, *text, *lines;
} python_sites[] = {
	{"libc!futex < python!take_gil < python!PyEval_RestoreThread < /srv/app.py!work:12 < "
	 "/srv/app.py!main:40",
	 "work:12 < main:40", "work (app.py:12) < main (app.py:40)"},
	/* An extension of the program's own is its code; the library's are how it waits. */
	{"libc!futex < python!take_gil < _fast!encode < /srv/app.py!work:12", "encode < work:12",
	 "encode < work (app.py:12)"},
	{"libc!recv < _socket!sock_recv < python!cfunction_call < socket.py!SocketIO.readinto:705 "
	 "< "
	 "/srv/app.py!read_all:7 < threading.py!Thread.run:975",
	 "read_all:7", "read_all (app.py:7)"},
	{"libc!sem_wait < _queue!simplequeue_get < libpython!_PyEval_Vector < /srv/app.py!next:5",
	 "next:5", "next (app.py:5)"},
	/* The caller outside the library, behind several of its frames. */
	{"threading.py!Condition.wait:324 < queue.py!Queue.get:171 < /srv/app.py!a:1 < "
	 "concurrent/futures/thread.py!_WorkItem.run:58 < libpython!method_vectorcall < "
	 "/srv/app.py!b:2",
	 "a:1 < b:2", "a (app.py:1) < b (app.py:2)"},
	/* The library alone: its innermost frame of Python. */
	{"libc!futex < python!PyThread_acquire_lock < concurrent/futures/thread.py!_worker:81 < "
	 "threading.py!Thread.run:975",
	 "_worker:81", "_worker (thread.py:81)"},
	{"libc!futex < python!take_gil < libc!start_thread", "futex", "futex"},
	/* Other parts of the library are as good as the program's own code. */
	{"json/decoder.py!raw_decode:353 < /srv/app.py!load:3", "raw_decode:353 < load:3",
	 "raw_decode (decoder.py:353) < load (app.py:3)"},
	/* No line is known, and no name. */
	{"/srv/app.py!work < /srv/app.py!main:1", "work < main:1", "work < main (app.py:1)"},
	{"/srv/app.py! < /srv/app.py!main:1", "(unread Python code) < main:1",
	 "(unread Python code) < main (app.py:1)"},
};

START_TEST(python_call_site)
{
	struct snap_builder *b = build_new(1, 1);
	uint32_t stack = build_trace(b, "/usr/lib/python3.11", python_sites[_i].trace);
	const struct snapshot *snap = build_finish(b);
	struct strbuf sb = {0};

	snap_call_site(&sb, snap, stack);
	ck_assert_str_eq(strbuf_str(&sb), python_sites[_i].text);
	strbuf_reset(&sb);
	snap_call_site_lines(&sb, snap, stack);
	ck_assert_str_eq(strbuf_str(&sb), python_sites[_i].lines);
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
	tcase_add_loop_test(tc, python_call_site, 0,
			    (int)(sizeof(python_sites) / sizeof(python_sites[0])));
	tcase_add_test(tc, no_stack);
	tcase_add_test(tc, thread_names);
	suite_add_tcase(suite, tc);
	return suite;
}
