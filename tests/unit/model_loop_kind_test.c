// SPDX-License-Identifier: GPL-2.0-only
/* Which loop a stack runs in, and what that loop called: stacks as the runtimes show them. */
#include "model/loop_kind.h"

#include "base/num.h"
#include "tests/unit/suites.h"

#include <stdio.h>
#include <string.h>

#define FRAMES 10

/* "module!function", "file.py!function" or "kernel!function", innermost first, by " < ". */
struct trace {
	char text[640];
	struct snap_frame frames[FRAMES];
	struct snap_stack stack;
};

static void parse(struct trace *trace, const char *text)
{
	char *next = trace->text;

	memset(trace, 0, sizeof(*trace));
	ck_assert_uint_lt(strlen(text), sizeof(trace->text));
	memcpy(trace->text, text, strlen(text) + 1);
	while (next) {
		struct snap_frame *frame = &trace->frames[trace->stack.frames_len++];
		char *where = next, *name = strchr(next, '!');

		ck_assert_uint_le(trace->stack.frames_len, FRAMES);
		ck_assert_ptr_nonnull(name);
		*name++ = '\0';
		next = strstr(name, " < ");
		if (next) {
			*next = '\0';
			next += 3;
		}
		frame->name = name;
		frame->python = strlen(where) > 3 && !strcmp(where + strlen(where) - 3, ".py");
		frame->kernel = !strcmp(where, "kernel");
		frame->file = frame->python ? where : "";
		frame->module = frame->python ? "" : where;
	}
	trace->stack.frames = trace->frames;
}

#define LIB "/usr/lib/python3.11/"
#define SITE "/srv/venv/lib/python3.11/site-packages/"
#define ASYNCIO                                               \
	LIB "selectors.py!EpollSelector.select < " LIB        \
	    "asyncio/base_events.py!BaseEventLoop._run_once " \
	    "< " LIB "asyncio/base_events.py!BaseEventLoop.run_forever"

static const struct {
	const char *trace, *kind; /* NULL = none that is known */
	bool is_loop;
} kinds[] = {
	{"/usr/lib/libc.so.6!epoll_wait < " ASYNCIO " < /srv/app.py!main", "asyncio", true},
	{"/usr/lib/libc.so.6!epoll_wait < " SITE
	 "uvloop/loop.cpython-311-x86_64-linux-gnu.so!uv__io_poll < " SITE
	 "uvloop/loop.cpython-311-x86_64-linux-gnu.so!uv_run",
	 "uvloop", true},
	{ASYNCIO " < " SITE "tornado/platform/asyncio.py!BaseAsyncIOLoop.start", "tornado", true},
	{ASYNCIO " < " SITE "aiohttp/web.py!run_app", "aiohttp", true},
	{ASYNCIO " < " SITE "uvicorn/server.py!Server.run", "uvicorn", true},
	{"libc.so.6!epoll_wait < " SITE "trio/_core/_io_epoll.py!EpollIOManager.get_events", "trio",
	 true},
	{SITE "twisted/internet/epollreactor.py!_PollLikeMixin.doPoll", "twisted", true},
	{SITE "gevent/hub.py!Hub.run", "gevent", true},
	{LIB "selectors.py!EpollSelector.select < " SITE
	     "gunicorn/workers/gthread.py!ThreadWorker.run",
	 "gunicorn gthread worker", true},
	{"/usr/lib/libc.so.6!epoll_pwait < /usr/bin/node!uv__io_poll < /usr/bin/node!uv_run < "
	 "/usr/bin/node!node::SpinEventLoopInternal",
	 "node", true},
	{"libc.so.6!epoll_pwait < /usr/lib/libuv.so.1.0.0!uv__io_poll < libuv.so.1.0.0!uv_run < "
	 "/usr/bin/app!main",
	 "libuv", true},
	{"/usr/lib/libc.so.6!epoll_wait < /usr/sbin/nginx!ngx_epoll_process_events < "
	 "/usr/sbin/nginx!ngx_worker_process_cycle",
	 "nginx", true},
	{"libc.so.6!epoll_wait < /usr/bin/redis-server!aeProcessEvents < "
	 "/usr/bin/redis-server!aeMain",
	 "redis", true},
	{"libc.so.6!epoll_wait < /usr/bin/app!aeProcessEvents < /usr/bin/app!main", "ae", true},
	{"libc.so.6!ppoll < libglib-2.0.so.0.7400.6!g_main_context_iterate < "
	 "libglib-2.0.so.0.7400.6!g_main_loop_run < /usr/bin/app!main",
	 "glib", true},
	{"libc.so.6!epoll_wait < libevent-2.1.so.7!event_base_loop", "libevent", true},
	{"/usr/bin/app!runtime.netpoll < /usr/bin/app!runtime.findRunnable", "go", true},
	{"/usr/bin/app!mio::poll::Poll::poll < /usr/bin/app!tokio::runtime::io::Driver::turn",
	 "tokio", true},
	/* One request at a time. */
	{"libc.so.6!select < " LIB "selectors.py!SelectSelector.select < " SITE
	 "gunicorn/workers/sync.py!SyncWorker.wait < " SITE "gunicorn/arbiter.py!Arbiter.run",
	 "gunicorn sync worker", false},
	{"libc.so.6!select < " SITE "gunicorn/arbiter.py!Arbiter.sleep", "gunicorn master", false},
	{"libc.so.6!epoll_wait < /usr/lib/postgresql/15/bin/postgres!WaitEventSetWait < "
	 "/usr/lib/postgresql/15/bin/postgres!secure_read",
	 "postgres backend", false},
	{"libc.so.6!poll < /usr/sbin/php-fpm8.2!fcgi_accept_request", "FastCGI worker", false},
	{LIB "selectors.py!PollSelector.select < " LIB "multiprocessing/connection.py!wait < " LIB
	     "concurrent/futures/process.py!_ExecutorManagerThread.wait_result_broken_or_wakeup",
	 "process pool", false},
	{LIB "multiprocessing/connection.py!wait < " LIB "multiprocessing/pool.py!Pool._wait",
	 "multiprocessing", false},
	{LIB "selectors.py!PollSelector.select < " LIB "subprocess.py!Popen._communicate",
	 "subprocess", false},
	{LIB "selectors.py!PollSelector.select < " LIB "socketserver.py!BaseServer.serve_forever",
	 "socketserver", false},
	/* A loop in a forked worker, and one that waits for a command, are loops. */
	{ASYNCIO " < " SITE "uvicorn/server.py!Server.run < " LIB
		 "multiprocessing/process.py!BaseProcess._bootstrap",
	 "uvicorn", true},
	{ASYNCIO " < " SITE "gunicorn/workers/base.py!Worker.init_process < " SITE
		 "gunicorn/arbiter.py!Arbiter.spawn_worker",
	 "asyncio", true},
	{LIB "subprocess.py!Popen._communicate < /srv/app.py!convert < " ASYNCIO, "asyncio", true},
	/* Nothing that is known. */
	{"/usr/lib/libc.so.6!epoll_wait < /usr/bin/app!serve", NULL, false},
	{"kernel!node::f < kernel!uv_run", NULL, false},
	/* Python's names do not count as those of functions, nor files of native ones. */
	{"/srv/app.py!uv_run < /srv/app.py!tokio::x", NULL, false},
	{"/usr/bin/asyncio/base_events.py.so!f", NULL, false},
	{"/opt/node/bin/server!main", NULL, false},
};

START_TEST(kind)
{
	struct trace trace;
	const struct loop_kind *row;

	parse(&trace, kinds[_i].trace);
	row = loop_kind_row(loop_kind_of(&trace.stack));
	if (!kinds[_i].kind) {
		ck_assert_msg(!row, "%s", row ? row->name : "");
		return;
	}
	ck_assert_ptr_nonnull(row);
	ck_assert_str_eq(row->name, kinds[_i].kind);
	ck_assert_int_eq(row->is_loop, kinds[_i].is_loop);
}
END_TEST

START_TEST(no_frames)
{
	const struct snap_stack none = {.frames_len = 0};

	ck_assert_uint_eq(loop_kind_of(&none), LOOP_KIND_NONE);
	ck_assert_ptr_null(loop_kind_row(LOOP_KIND_NONE));
	ck_assert_ptr_null(loop_task_frame(&none));
}
END_TEST

static const struct {
	const char *trace, *task;
} tasks[] = {
	{"/srv/app.py!burn < /srv/app.py!handler < " LIB "asyncio/events.py!Handle._run < " ASYNCIO,
	 "handler"},
	{"libc.so.6!nanosleep < /usr/bin/python3!time_sleep < /srv/app.py!handler < "
	 "/usr/bin/python3!task_step < " LIB "asyncio/events.py!Handle._run",
	 "handler"},
	{"/usr/bin/redis-server!keysCommand < /usr/bin/redis-server!readQueryFromClient < "
	 "/usr/bin/redis-server!aeProcessEvents < /usr/bin/redis-server!aeMain",
	 "readQueryFromClient"},
	{"libc.so.6!read < libapp.so!on_click < libglib-2.0.so.0!g_main_context_dispatch",
	 "on_click"},
	/* A coroutine of Python below a loop in C, as in uvloop. */
	{"/srv/app.py!burn < /srv/app.py!handler < " SITE "uvloop/loop.so!handle_run < " SITE
	 "uvloop/loop.so!uv_run",
	 "handler"},
	/* In the loop itself: in nothing that it called. */
	{"libc.so.6!epoll_wait < " ASYNCIO, NULL},
	{"kernel!do_epoll_wait < /usr/bin/redis-server!aeProcessEvents", NULL},
	/* No loop. */
	{"/srv/app.py!burn < /srv/app.py!main", NULL},
};

START_TEST(task)
{
	const struct snap_frame *frame;
	struct trace trace;

	parse(&trace, tasks[_i].trace);
	frame = loop_task_frame(&trace.stack);
	if (!tasks[_i].task) {
		ck_assert_ptr_null(frame);
		return;
	}
	ck_assert_ptr_nonnull(frame);
	ck_assert_str_eq(frame->name, tasks[_i].task);
}
END_TEST

Suite *model_loop_kind_suite(void)
{
	Suite *s = suite_create("model_loop_kind");
	TCase *tc = tcase_create("loop_kind");

	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, kind, 0, ARRAY_LEN(kinds));
	tcase_add_test(tc, no_frames);
	tcase_add_loop_test(tc, task, 0, ARRAY_LEN(tasks));
	suite_add_tcase(s, tc);
	return s;
}
