/* SPDX-License-Identifier: GPL-2.0-only */
/* Whose stack an address lies on. */
#ifndef SYMBOL_STACK_OWNER_H
#define SYMBOL_STACK_OWNER_H

#include <stdint.h>
#include <sys/types.h>

/* Threads looked at in one process. */
#define STACK_OWNER_THREADS_MAX 8192

/*
 * The thread of @pid whose stack pointer lies in the mapping [@start, @end), by
 * /proc/PID/task/TID/syscall (kernel: Documentation/filesystems/proc.rst), which tells it for
 * threads that are blocked. Returns its tid, 0 where none is found: it runs, or the process has
 * ended.
 */
pid_t stack_owner(pid_t pid, uint64_t start, uint64_t end);

#endif
