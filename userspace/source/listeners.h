/* SPDX-License-Identifier: GPL-2.0-only */
/* Sockets on which somebody listens, with the connections that wait to be accepted. */
#ifndef SOURCE_LISTENERS_H
#define SOURCE_LISTENERS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define LISTENER_PATH_MAX 109

struct listener {
	uint64_t inode;
	uint32_t waiting;	      /* connections that nobody has accepted yet */
	uint16_t port;		      /* 0 = a unix socket */
	char path[LISTENER_PATH_MAX]; /* of a unix socket, '@' before an abstract name */
};

/*
 * Up to @max of the TCP sockets that listen in @pid's network namespace, from /proc/PID/net/tcp and
 * tcp6; returns how many.  The kernel lists listeners first, so that reading stops at the first
 * connection.
 */
size_t listeners_read(pid_t pid, struct listener *ret, size_t max);

/* Unix sockets that listen in concprof's own network namespace, by sock_diag. */
size_t listeners_read_unix(struct listener *ret, size_t max);

/* The number of the network namespace in which @pid lives, 0 where it has none any more. */
uint64_t listeners_namespace(pid_t pid);

/* Calls @found for the inode of each socket that @pid has open, at most 4,096 descriptors. */
void listeners_of_process(pid_t pid, void (*found)(void *ctx, uint64_t inode), void *ctx);

#endif
