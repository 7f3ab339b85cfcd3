/* SPDX-License-Identifier: GPL-2.0-only */
/* The TCP ports on which somebody listens in a process's network namespace. */
#ifndef SOURCE_LISTENERS_H
#define SOURCE_LISTENERS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * Up to @max ports from /proc/PID/net/tcp and tcp6 into @ports; returns how many.  The kernel lists
 * listeners first, so that reading stops at the first connection.
 */
size_t listeners_read(pid_t pid, uint16_t *ports, size_t max);

#endif
