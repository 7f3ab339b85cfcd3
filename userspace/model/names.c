// SPDX-License-Identifier: GPL-2.0-only
/* The words of the report's contract for the enums of the model. */
#include "model/snapshot.h"

static const char *const kind_names[LOCK_KIND_COUNT] = {
	[LOCK_MUTEX] = "mutex",		[LOCK_PI_MUTEX] = "pi_mutex",
	[LOCK_RWLOCK] = "rwlock",	[LOCK_CONDVAR] = "condvar",
	[LOCK_SEMAPHORE] = "semaphore", [LOCK_BARRIER] = "barrier",
	[LOCK_JOIN] = "join",		[LOCK_GIL] = "gil",
	[LOCK_PYTHON] = "python_lock",	[LOCK_SHARED_SEMAPHORE] = "shared_semaphore",
	[LOCK_FUTEX] = "futex",		[LOCK_KERNEL] = "kernel",
};

static const char *const sample_names[SAMPLE_KIND_COUNT] = {
	[SAMPLE_USER] = "user", [SAMPLE_KERNEL] = "kernel", [SAMPLE_IPC] = "ipc",
	[SAMPLE_FORK] = "fork", [SAMPLE_EXEC] = "exec",	    [SAMPLE_EXIT] = "exit",
	[SAMPLE_COPY] = "copy",
};

static const char *const edge_names[EDGE_KIND_COUNT] = {
	[EDGE_LOCK] = "lock",		[EDGE_PEER] = "peer",
	[EDGE_PIPE] = "pipe",		[EDGE_SOCKET] = "socket",
	[EDGE_FIFO] = "fifo",		[EDGE_SOCKETPAIR] = "socketpair",
	[EDGE_UNIX] = "unix",		[EDGE_TCP] = "tcp",
	[EDGE_EVENTFD] = "eventfd",	[EDGE_FUTEX] = "futex",
	[EDGE_FILE_LOCK] = "file_lock", [EDGE_QUEUE] = "queue",
	[EDGE_SIGNAL] = "signal",	[EDGE_CHILD] = "child",
};

struct class_row {
	const char *name;
	const char *while_name; /* what a holder in this class does */
	bool idle;
};

/*
 * `while` has eight words; a class without a word of its own is "other".  A client and a server are
 * both at the far end of a socket, hence client_idle too is "net": the holder waits for bytes.
 */
static const struct class_row class_table[CLASS_COUNT] = {
	[CLASS_RUN] = {"run", "running", false},
	[CLASS_RUNQ_PREEMPT] = {"runq_preempt", "runq", false},
	[CLASS_RUNQ_WAKE] = {"runq_wake", "runq", false},
	[CLASS_LOCK] = {"lock", "lock", false},
	[CLASS_GIL] = {"gil", "gil", false},
	[CLASS_PEER] = {"peer", "other", false},
	[CLASS_DISK] = {"disk", "disk", false},
	[CLASS_NET] = {"net", "net", false},
	[CLASS_CLIENT_IDLE] = {"client_idle", "net", true},
	[CLASS_LOOP_IDLE] = {"loop_idle", "other", true},
	[CLASS_SLEEP] = {"sleep", "sleep", true},
	[CLASS_POOL_IDLE] = {"pool_idle", "other", true},
	[CLASS_CHILD] = {"child", "other", true},
	[CLASS_STOPPED] = {"stopped", "other", true},
	[CLASS_OTHER] = {"other", "other", false},
};

static const struct class_row *row_of(enum time_class cls)
{
	return &class_table[(unsigned)cls < CLASS_COUNT ? cls : CLASS_OTHER];
}

const char *edge_kind_name(enum edge_kind kind)
{
	return edge_names[(unsigned)kind < EDGE_KIND_COUNT ? kind : EDGE_PEER];
}

const char *lock_kind_name(enum lock_kind kind)
{
	return kind_names[(unsigned)kind < LOCK_KIND_COUNT ? kind : LOCK_FUTEX];
}

const char *time_class_name(enum time_class cls)
{
	return row_of(cls)->name;
}

const char *sample_kind_name(enum sample_kind kind)
{
	return sample_names[(unsigned)kind < SAMPLE_KIND_COUNT ? kind : SAMPLE_KERNEL];
}

bool time_class_idle(enum time_class cls)
{
	return row_of(cls)->idle;
}

const char *while_name(enum time_class cls)
{
	return row_of(cls)->while_name;
}

const char *loop_part_name(enum loop_part part)
{
	static const char *const names[PART_COUNT] = {
		[PART_RUN] = "run",   [PART_RUNQ] = "runq",	    [PART_GIL] = "gil",
		[PART_LOCK] = "lock", [PART_BLOCKING] = "blocking", [PART_SLEEP] = "sleep",
	};

	return names[part];
}
