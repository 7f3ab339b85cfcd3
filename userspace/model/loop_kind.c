// SPDX-License-Identifier: GPL-2.0-only
#include "model/loop_kind.h"

#include <string.h>

#include "base/num.h"
#include "base/text.h"

enum match {
	PYTHON_FILE, /* a part of a Python frame's file */
	FUNCTION,    /* start of a native function's name */
	MODULE,	     /* start of the name of the file that a native frame is in */
};

struct kind_row {
	enum match match;
	const char *what;
	struct loop_kind kind;
};

/*
 * The first rows go first: a web framework stands on a loop, a loop on a library.  Names from
 * asyncio 3.8 to 3.14, uvloop 0.14 to 0.21, Tornado 5 to 6, gunicorn 20 to 23, libuv 1.x, Go 1.18
 * to 1.25, tokio 1.x, PostgreSQL 9.6 to 17, PHP 7 and 8.
 */
static const struct kind_row rows[] = {
	{PYTHON_FILE, "gunicorn/workers/sync.py", {"gunicorn sync worker", false, false}},
	{FUNCTION, "WaitEventSetWait", {"postgres backend", false, false}},
	{MODULE, "postgres", {"postgres backend", false, false}},
	{FUNCTION, "fcgi_accept_request", {"FastCGI worker", false, false}},
	{MODULE, "php-fpm", {"FastCGI worker", false, false}},
	{MODULE, "mod_mpm_prefork", {"apache prefork worker", false, false}},
	{MODULE, "uwsgi", {"uwsgi worker", false, false}},
	{MODULE, "uvloop", {"uvloop", true, false}},
	{MODULE, "loop.cpython", {"uvloop", true, false}}, /* what the file in uvloop is called */
	{PYTHON_FILE, "tornado/", {"tornado", true, false}},
	{PYTHON_FILE, "aiohttp/", {"aiohttp", true, false}},
	{PYTHON_FILE, "uvicorn/", {"uvicorn", true, false}},
	{PYTHON_FILE, "asyncio/base_events.py", {"asyncio", true, false}},
	{PYTHON_FILE, "trio/_core", {"trio", true, false}},
	{PYTHON_FILE, "twisted/internet", {"twisted", true, false}},
	{PYTHON_FILE, "gevent/", {"gevent", true, false}},
	{PYTHON_FILE, "eventlet/hubs", {"eventlet", true, false}},
	{PYTHON_FILE, "gunicorn/workers/gthread.py", {"gunicorn gthread worker", true, false}},
	{PYTHON_FILE, "asyncore.py", {"asyncore", true, false}},
	{MODULE, "node", {"node", true, false}},
	{MODULE, "libnode", {"node", true, false}},
	{FUNCTION, "node::", {"node", true, false}},
	{FUNCTION, "uv_run", {"libuv", true, false}},
	{FUNCTION, "uv__io_poll", {"libuv", true, false}},
	{MODULE, "nginx", {"nginx", true, false}},
	{MODULE, "redis-", {"redis", true, false}},
	{MODULE, "valkey-", {"valkey", true, false}},
	{FUNCTION, "aeProcessEvents", {"ae", true, false}},
	{MODULE, "memcached", {"memcached", true, false}},
	{MODULE, "haproxy", {"haproxy", true, false}},
	{FUNCTION, "event_base_loop", {"libevent", true, false}},
	{MODULE, "libevent", {"libevent", true, false}},
	{FUNCTION, "ev_run", {"libev", true, false}},
	{MODULE, "libev.so", {"libev", true, false}},
	{FUNCTION, "g_main_context_", {"glib", true, true}},
	{FUNCTION, "g_main_loop_run", {"glib", true, true}},
	{MODULE, "libglib-2.0", {"glib", true, true}},
	{FUNCTION, "QEventDispatcher", {"Qt", true, true}},
	{MODULE, "libQt", {"Qt", true, true}},
	{MODULE, "libtcl", {"tcl/tk", true, true}},
	{FUNCTION, "runtime.netpoll", {"go", true, false}},
	{FUNCTION, "tokio::", {"tokio", true, false}},
	{FUNCTION, "mio::", {"mio", true, false}},
	{FUNCTION, "boost::asio::", {"asio", true, false}},
	{FUNCTION, "asio::", {"asio", true, false}},
	{MODULE, "libzmq", {"zeromq", true, false}},
	/* What a loop runs in (workers are forked below these), or calls in one of its turns: by
	 * itself it is none. */
	{PYTHON_FILE, "gunicorn/arbiter.py", {"gunicorn master", false, false}},
	{PYTHON_FILE, "concurrent/futures/process.py", {"process pool", false, false}},
	{PYTHON_FILE, "multiprocessing/", {"multiprocessing", false, false}},
	{PYTHON_FILE, "/subprocess.py", {"subprocess", false, false}},
	{PYTHON_FILE, "/socketserver.py", {"socketserver", false, false}},
};

static bool matches(const struct kind_row *row, const struct snap_frame *frame)
{
	if (frame->kernel || frame->python != (row->match == PYTHON_FILE))
		return false;
	switch (row->match) {
	case PYTHON_FILE:
		return strstr(frame->file, row->what) != NULL;
	case FUNCTION:
		return !strncmp(frame->name, row->what, strlen(row->what));
	case MODULE:
		return !strncmp(text_base_name(frame->module), row->what, strlen(row->what));
	}
	return false;
}

static uint32_t row_of_frame(const struct snap_frame *frame)
{
	for (uint32_t k = 0; k < ARRAY_LEN(rows); k++)
		if (matches(&rows[k], frame))
			return k;
	return LOOP_KIND_NONE;
}

uint32_t loop_kind_of(const struct snap_stack *stack)
{
	uint32_t best = LOOP_KIND_NONE;

	for (uint32_t i = 0; i < stack->frames_len; i++) {
		uint32_t row = row_of_frame(&stack->frames[i]);

		if (row < best)
			best = row;
	}
	return best;
}

bool loop_kind_is_gui(const char *name)
{
	for (size_t k = 0; k < ARRAY_LEN(rows); k++)
		if (!strcmp(rows[k].kind.name, name))
			return rows[k].kind.is_gui;
	return false;
}

const struct loop_kind *loop_kind_row(uint32_t row)
{
	return row < ARRAY_LEN(rows) ? &rows[row].kind : NULL;
}

/* asyncio's Handle._run calls every callback and steps every coroutine. */
static bool runs_handles(const struct snap_frame *frame)
{
	return frame->python && strstr(frame->file, "asyncio/events.py") &&
	       strstr(frame->name, "_run");
}

/* A native function that calls the handlers of its loop. */
static bool calls_handlers(const struct snap_frame *frame)
{
	static const char *const callers[] = {"aeProcessEvents", "event_base_loop", "uv_run",
					      "g_main_context_", "ev_run"};

	for (size_t i = 0; !frame->python && i < ARRAY_LEN(callers); i++)
		if (!strncmp(frame->name, callers[i], strlen(callers[i])))
			return true;
	return false;
}

const struct snap_frame *loop_task_frame(const struct snap_stack *stack)
{
	const struct snap_frame *python = NULL, *native = NULL;

	for (uint32_t i = 0; i < stack->frames_len; i++) {
		const struct snap_frame *frame = &stack->frames[i];

		if (runs_handles(frame))
			return python;
		if (calls_handlers(frame))
			return python ? python : native;
		if (frame->python)
			python = frame;
		else if (!frame->kernel && frame->name[0])
			native = frame;
	}
	return NULL;
}
