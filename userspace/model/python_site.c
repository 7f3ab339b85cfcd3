// SPDX-License-Identifier: GPL-2.0-only
#include "model/python_site.h"

#include "base/num.h"

#include <ctype.h>
#include <string.h>

/* Below lib/python3.N/; a name that ends in a slash stands for all below it. */
static const char *const waiting_modules[] = {
	"threading.py", "queue.py",	 "multiprocessing/", "concurrent/futures/",
	"asyncio/",	"selectors.py",	 "socket.py",	     "socketserver.py",
	"ssl.py",	"subprocess.py",
};

/* Functions of these modules; of several that follow each other the outermost counts. */
struct primitive {
	const char *module;
	const char *function;
	const char *name;
};

#define BARRIER "threading.Barrier.wait"

static const struct primitive primitives[] = {
	{"queue.py", "get", "queue.Queue.get"},
	{"queue.py", "put", "queue.Queue.put"},
	{"queue.py", "join", "queue.Queue.join"},
	{"threading.py", "acquire", "threading.Semaphore"},
	/* Semaphore's and RLock's are named acquire. */
	{"threading.py", "__enter__", "threading.Condition's lock"},
	{"threading.py", "_wait", BARRIER},
	{"threading.py", "_enter", BARRIER},
	{"threading.py", "join", "threading.Thread.join"},
	{"threading.py", "_wait_for_tstate_lock", "threading.Thread.join"},
	{"threading.py", "_shutdown", "threading.Thread.join"},
	{"threading.py", "wait_for", "threading.Condition.wait_for"},
	{"concurrent/futures/_base.py", "result", "Future.result"},
	{"concurrent/futures/_base.py", "exception", "Future.result"},
	{"concurrent/futures/_base.py", "wait", "concurrent.futures.wait"},
	{"concurrent/futures/_base.py", "as_completed", "concurrent.futures.as_completed"},
	{"concurrent/futures/_base.py", "result_iterator", "Executor.map"},
	{"concurrent/futures/thread.py", "_worker", "ThreadPoolExecutor's queue"},
	{"concurrent/futures/thread.py", "shutdown", "Executor.shutdown"},
	{"concurrent/futures/process.py", "_process_worker", "ProcessPoolExecutor's queue"},
	{"multiprocessing/queues.py", "get", "multiprocessing.Queue.get"},
	{"multiprocessing/queues.py", "put", "multiprocessing.Queue.put"},
	{"multiprocessing/queues.py", "_feed", "multiprocessing.Queue's feeder"},
	{"multiprocessing/synchronize.py", "__enter__", "multiprocessing.Lock"},
	{"multiprocessing/synchronize.py", "wait", "multiprocessing.Condition.wait"},
	{"multiprocessing/pool.py", "get", "AsyncResult.get"},
	{"multiprocessing/pool.py", "wait", "AsyncResult.wait"},
	{"multiprocessing/pool.py", "worker", "multiprocessing.Pool's queue"},
};

/* Whether the folder of @file that ends at @end is lib, lib64 or so. */
static bool in_lib(const char *file, const char *end)
{
	const char *at = end;

	while (at > file && at[-1] != '/')
		at--;
	return !strncmp(at, "lib", 3);
}

/* The part of @file below lib/python3.N/; NULL where it is no file of the standard library. */
static const char *in_library(const char *file)
{
	static const char mark[] = "/python3.";
	const char *at = file, *found = NULL;

	while ((at = strstr(at, mark))) {
		const bool lib = in_lib(file, at);

		at += sizeof(mark) - 1;
		while (isdigit((unsigned char)*at))
			at++;
		if (*at == 't') /* free-threaded builds */
			at++;
		if (lib && *at == '/')
			found = at + 1;
	}
	return found;
}

static bool is_module(const char *inside, const char *module)
{
	size_t len = strlen(module);

	if (module[len - 1] == '/')
		return !strncmp(inside, module, len);
	return !strcmp(inside, module);
}

bool python_waits_there(const char *file)
{
	const char *inside = in_library(file);

	for (size_t i = 0; inside && i < ARRAY_LEN(waiting_modules); i++)
		if (is_module(inside, waiting_modules[i]))
			return true;
	return false;
}

bool python_interpreter(const char *module)
{
	const char *slash = strrchr(module, '/');
	const char *name = slash ? slash + 1 : module;

	return !strncmp(name, "python", 6) || !strncmp(name, "libpython", 9);
}

/* Of a qualified name the last part: to 3.10 there is no other. */
static const char *plain_name(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot ? dot + 1 : name;
}

/* threading's "wait", by what it called: Condition.wait nothing of Python, the others that. */
static const char *name_of_wait(const char *found)
{
	if (!found)
		return "threading.Condition.wait";
	return strcmp(found, BARRIER) ? "threading.Event.wait" : BARRIER;
}

static uint32_t first_python(const struct snap_stack *stack)
{
	uint32_t i = 0;

	while (i < stack->frames_len && !stack->frames[i].python)
		i++;
	return i;
}

const char *python_primitive(const struct snap_stack *stack)
{
	const char *found = NULL;

	for (uint32_t i = first_python(stack); i < stack->frames_len; i++) {
		const struct snap_frame *frame = &stack->frames[i];
		const char *inside = frame->python ? in_library(frame->file) : NULL;
		const char *name = plain_name(frame->name);

		if (!frame->python)
			continue;
		if (!inside || !python_waits_there(frame->file))
			break;
		if (!strcmp(inside, "threading.py") && !strcmp(name, "wait"))
			found = name_of_wait(found);
		for (size_t k = 0; k < ARRAY_LEN(primitives); k++)
			if (!strcmp(inside, primitives[k].module) &&
			    !strcmp(name, primitives[k].function))
				found = primitives[k].name;
	}
	return found;
}

bool python_lock_per_waiter(const struct snap_stack *stack)
{
	const uint32_t i = first_python(stack);
	const char *inside = i < stack->frames_len ? in_library(stack->frames[i].file) : NULL;

	return inside && !strcmp(inside, "threading.py") &&
	       !strcmp(plain_name(stack->frames[i].name), "wait");
}
