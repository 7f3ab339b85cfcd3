// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/loop_advice.h"

#include <string.h>

#include "base/num.h"

struct advice {
	const char *kinds; /* separated by spaces; NULL = any other */
	const char *cpu;
	const char *blocking;
	const char *full;
};

static const struct advice table[] = {
	{"asyncio uvloop aiohttp uvicorn",
	 "move the computing into a process (loop.run_in_executor with a ProcessPoolExecutor), or "
	 "split it with await asyncio.sleep(0) in between; a thread would take the GIL from the "
	 "loop instead",
	 "use the asynchronous form of that call (asyncio.sleep, an async client of that database "
	 "or "
	 "service), or hand it to a thread with await asyncio.to_thread(..)",
	 "run more worker processes (uvicorn --workers, gunicorn -w): one loop has one CPU"},
	{"tornado",
	 "move the computing into a process (IOLoop.run_in_executor with a ProcessPoolExecutor); a "
	 "thread would take the GIL from the loop instead",
	 "use the asynchronous form of that call (gen.sleep, AsyncHTTPClient, an async client of "
	 "that "
	 "database), or IOLoop.run_in_executor(None, ..)",
	 "fork more processes (HTTPServer.start(0)): one loop has one CPU"},
	{"trio", "run it in a process, or split it with await trio.sleep(0) in between",
	 "use trio's form of that call, or await trio.to_thread.run_sync(..)",
	 "run more processes: one loop has one CPU"},
	{"gevent eventlet twisted asyncore",
	 "move the computing into a process, or yield in between",
	 "use the cooperative form of that call (monkey-patched, or the framework's own), or its "
	 "pool "
	 "of threads",
	 "run more worker processes: one loop has one CPU"},
	{"node libuv",
	 "move the computing into worker_threads, or use the asynchronous form of the call "
	 "(crypto.pbkdf2 "
	 "for pbkdf2Sync, streams instead of whole buffers)",
	 "use the asynchronous form of that call (fs.promises, not the *Sync one)",
	 "run more processes (the cluster module, pm2) or worker_threads: one loop has one CPU"},
	{"redis valkey ae",
	 "find the slow command (SLOWLOG GET) and make it shorter: smaller scripts, SCAN instead "
	 "of "
	 "KEYS, smaller collections; or send heavy reads to a replica",
	 "take the waiting out of the main thread: appendfsync everysec instead of always, lazy "
	 "freeing (UNLINK), no DEBUG SLEEP",
	 "spread the keys over more servers (cluster), or give reads io-threads: one loop has one "
	 "CPU"},
	{"nginx",
	 "move the computing (scripts, compression, TLS of large answers) behind a backend, or "
	 "lower "
	 "its cost (gzip_comp_level)",
	 "read files in threads (aio threads; sendfile on) and keep blocking calls out of modules "
	 "and "
	 "scripts",
	 "raise worker_processes (auto)"},
	{"glib", "move the computing into a thread (GTask) and come back by g_idle_add",
	 "use the asynchronous form of that call (GIO's *_async), or a GTask", "use threads"},
	{"Qt", "move the computing into a thread (QThread, QtConcurrent) and come back by a signal",
	 "use the asynchronous form of that call, or a QThread", "use threads"},
	{"tcl/tk", "move the computing into a thread or process and come back by after()",
	 "use a thread for that call and come back by after()", "use threads or processes"},
	{NULL,
	 "move the computing out of the loop into a worker thread, or split it over several turns",
	 "use a non-blocking form of that call, or hand it to a worker thread",
	 "run several loops, a thread or process each: one loop has one CPU"},
};

static bool lists(const char *kinds, const char *kind)
{
	size_t len = strlen(kind);
	const char *at = kinds;

	while (at && *at) {
		if (!strncmp(at, kind, len) && (at[len] == ' ' || !at[len]))
			return true;
		at = strchr(at, ' ');
		at = at ? at + 1 : NULL;
	}
	return false;
}

static const struct advice *find(const char *kind)
{
	size_t i = 0;

	while (table[i].kinds && !lists(table[i].kinds, kind))
		i++;
	return &table[i];
}

const char *loop_advice(const char *kind, enum loop_cause cause)
{
	if (cause == LOOP_GIL)
		return "move the threads that compute into processes (ProcessPoolExecutor), or "
		       "into "
		       "code that releases the GIL: the loop then gets it when it needs it";
	return cause == LOOP_BLOCKING ? find(kind)->blocking : find(kind)->cpu;
}

const char *loop_advice_full(const char *kind)
{
	return find(kind)->full;
}
