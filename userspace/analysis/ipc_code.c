// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/ipc_code.h"

#include "base/num.h"

#include <string.h>

/* Where in a stack a frame must be for the whole stack to count. */
enum place {
	ANYWHERE,  /* all that is called from there belongs to it: __reduce__ of what is pickled */
	INNERMOST, /* of the Python frames: the workers' loops, which call the program's functions
		    */
};

/* Of these, functions that wait for work done, or do it: the code that they call is the program's.
 */
static const char *const not_functions[] = {"join",   "_process_worker", "_process_chunk",
					    "worker", "mapstar",	 "starmapstar"};

static const struct {
	const char *file; /* the end of its path */
	enum place place;
} files[] = {
	{"multiprocessing/queues.py", ANYWHERE},      {"multiprocessing/connection.py", ANYWHERE},
	{"multiprocessing/reduction.py", ANYWHERE},   {"multiprocessing/pool.py", INNERMOST},
	{"concurrent/futures/process.py", INNERMOST},
};

static bool ends_with_path(const char *path, const char *end)
{
	size_t len = strlen(path), end_len = strlen(end);

	if (len < end_len || strcmp(path + len - end_len, end))
		return false;
	return len == end_len || path[len - end_len - 1] == '/';
}

static bool is_python(const struct snap_frame *frame)
{
	size_t len = strlen(frame->file);

	return len > 3 && !strcmp(frame->file + len - 3, ".py");
}

/* "Queue._feed", as Python 3.11 and later name it, or "_feed". */
static bool has_name(const struct snap_frame *frame, const char *name)
{
	const char *dot = strrchr(frame->name, '.');

	return !strcmp(dot ? dot + 1 : frame->name, name);
}

static bool module_begins(const struct snap_frame *frame, const char *begin)
{
	const char *slash = strrchr(frame->module, '/');

	return !strncmp(slash ? slash + 1 : frame->module, begin, strlen(begin));
}

static bool in_ipc_file(const struct snap_frame *frame, bool innermost)
{
	for (size_t i = 0; i < ARRAY_LEN(not_functions); i++)
		if (has_name(frame, not_functions[i]))
			return false;
	for (size_t i = 0; i < ARRAY_LEN(files); i++)
		if (ends_with_path(frame->file, files[i].file))
			return files[i].place == ANYWHERE || innermost;
	return false;
}

bool ipc_code_stack(const struct snapshot *snap, uint32_t stack)
{
	bool innermost = true;

	if (stack >= snap->stacks_len)
		return false;
	for (uint32_t i = 0; i < snap->stacks[stack].frames_len; i++) {
		const struct snap_frame *frame = &snap->stacks[stack].frames[i];

		if (is_python(frame)) {
			if (in_ipc_file(frame, innermost))
				return true;
			innermost = false;
		} else if (module_begins(frame, "_pickle.")) {
			return true;
		}
	}
	return false;
}

bool ipc_code_feeder(const struct snapshot *snap, uint32_t stack)
{
	if (stack >= snap->stacks_len)
		return false;
	for (uint32_t i = 0; i < snap->stacks[stack].frames_len; i++) {
		const struct snap_frame *frame = &snap->stacks[stack].frames[i];

		if (ends_with_path(frame->file, "multiprocessing/queues.py") &&
		    has_name(frame, "_feed"))
			return true;
	}
	return false;
}

static bool waits_in(const struct snapshot *snap, uint32_t stack, bool *ret_python)
{
	bool found = false;

	for (uint32_t i = 0; stack < snap->stacks_len && i < snap->stacks[stack].frames_len; i++) {
		const struct snap_frame *frame = &snap->stacks[stack].frames[i];

		*ret_python |= is_python(frame);
		found |= module_begins(frame, "_multiprocessing.");
	}
	return found;
}

bool ipc_code_lock(const struct snapshot *snap, const struct snap_lock *lock, bool certain)
{
	bool semaphore = false, python = false;

	if (!lock->shared || lock->kind != LOCK_SHARED_SEMAPHORE)
		return false;
	for (uint32_t i = 0; i < lock->waiters_len; i++) {
		if (ipc_code_stack(snap, lock->waiters[i].stack))
			return true;
		semaphore |= waits_in(snap, lock->waiters[i].stack, &python);
	}
	return semaphore && !python && !certain;
}
