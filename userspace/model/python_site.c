// SPDX-License-Identifier: GPL-2.0-only
#include "model/python_site.h"

#include "base/num.h"
#include "base/text.h"

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
	bool for_work; /* waits until somebody has something for it: no lock */
};

#define BARRIER "threading.Barrier.wait"

static const struct primitive primitives[] = {
	{"queue.py", "get", "queue.Queue.get", true},
	{"queue.py", "put", "queue.Queue.put", false},
	{"queue.py", "join", "queue.Queue.join", false},
	{"threading.py", "acquire", "threading.Semaphore", false},
	/* Semaphore's and RLock's are named acquire. */
	{"threading.py", "__enter__", "threading.Condition's lock", false},
	{"threading.py", "_wait", BARRIER, false},
	{"threading.py", "_enter", BARRIER, false},
	{"threading.py", "join", "threading.Thread.join", false},
	{"threading.py", "_wait_for_tstate_lock", "threading.Thread.join", false},
	{"threading.py", "_shutdown", "threading.Thread.join", false},
	{"threading.py", "start", "threading.Thread.start", false},
	{"threading.py", "wait_for", "threading.Condition.wait_for", false},
	{"concurrent/futures/_base.py", "result", "Future.result", false},
	{"concurrent/futures/_base.py", "exception", "Future.result", false},
	{"concurrent/futures/_base.py", "wait", "concurrent.futures.wait", false},
	{"concurrent/futures/_base.py", "as_completed", "concurrent.futures.as_completed", false},
	{"concurrent/futures/_base.py", "result_iterator", "Executor.map", false},
	{"concurrent/futures/thread.py", "_worker", "ThreadPoolExecutor's queue", true},
	{"concurrent/futures/thread.py", "shutdown", "Executor.shutdown", false},
	{"concurrent/futures/process.py", "_process_worker", "ProcessPoolExecutor's queue", true},
	{"multiprocessing/queues.py", "get", "multiprocessing.Queue.get", true},
	{"multiprocessing/queues.py", "put", "multiprocessing.Queue.put", false},
	{"multiprocessing/queues.py", "_feed", "multiprocessing.Queue's feeder", true},
	{"multiprocessing/synchronize.py", "__enter__", "multiprocessing.Lock", false},
	{"multiprocessing/synchronize.py", "wait", "multiprocessing.Condition.wait", false},
	{"multiprocessing/pool.py", "get", "AsyncResult.get", false},
	{"multiprocessing/pool.py", "wait", "AsyncResult.wait", false},
	{"multiprocessing/pool.py", "worker", "multiprocessing.Pool's queue", true},
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

static uint32_t first_python(const struct snap_stack *stack)
{
	uint32_t i = 0;

	while (i < stack->frames_len && !stack->frames[i].python)
		i++;
	return i;
}

/* The row that the stack's frames of Python begin with, NULL = none. */
static const struct primitive *find_primitive(const struct snap_stack *stack)
{
	static const struct primitive barrier = {"threading.py", "wait", BARRIER, false};
	static const struct primitive condition = {"threading.py", "wait",
						   "threading.Condition.wait", false};
	static const struct primitive event = {"threading.py", "wait", "threading.Event.wait",
					       false};
	const struct primitive *found = NULL;

	for (uint32_t i = first_python(stack); i < stack->frames_len; i++) {
		const struct snap_frame *frame = &stack->frames[i];
		const char *inside = frame->python ? in_library(frame->file) : NULL;
		const char *name = plain_name(frame->name);

		if (!frame->python)
			continue;
		if (!inside || !python_waits_there(frame->file))
			break;
		/* Condition.wait is called by Event.wait and, below Barrier.wait, by others. */
		if (!strcmp(inside, "threading.py") && !strcmp(name, "wait"))
			found = !found				? &condition
				: !strcmp(found->name, BARRIER) ? &barrier
								: &event;
		for (size_t k = 0; k < ARRAY_LEN(primitives); k++)
			if (!strcmp(inside, primitives[k].module) &&
			    !strcmp(name, primitives[k].function))
				found = &primitives[k];
	}
	return found;
}

/* queue.SimpleQueue is C code, in a module of its own. */
static bool in_simple_queue(const struct snap_stack *stack)
{
	const uint32_t end = first_python(stack);

	for (uint32_t i = 0; i < end && end < stack->frames_len; i++)
		if (!strncmp(text_base_name(stack->frames[i].module), "_queue.", 7))
			return true;
	return false;
}

const char *python_primitive(const struct snap_stack *stack)
{
	const struct primitive *found = find_primitive(stack);

	if (!found && in_simple_queue(stack))
		return "queue.SimpleQueue.get";
	return found ? found->name : NULL;
}

bool python_lock_per_waiter(const struct snap_stack *stack)
{
	static const char *const functions[] = {"wait", "join", "_wait_for_tstate_lock",
						"_shutdown"};
	const uint32_t i = first_python(stack);
	const char *inside = i < stack->frames_len ? in_library(stack->frames[i].file) : NULL;

	if (!inside || strcmp(inside, "threading.py") != 0)
		return false;
	for (size_t k = 0; k < ARRAY_LEN(functions); k++)
		if (!strcmp(plain_name(stack->frames[i].name), functions[k]))
			return true;
	return false;
}

bool python_waits_for_work(const struct snap_stack *stack)
{
	const struct primitive *found = find_primitive(stack);

	if (!found)
		return in_simple_queue(stack);
	/* A queue's own mutex, which it holds for a moment, is one like any other. */
	return found->for_work &&
	       (strcmp(found->module, "queue.py") != 0 || python_lock_per_waiter(stack));
}
