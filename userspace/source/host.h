/* SPDX-License-Identifier: GPL-2.0-only */
/* The machine beside the target: idle CPUs, and the CPU limit of the target's cgroup (v1 and v2).
 */
#ifndef SOURCE_HOST_H
#define SOURCE_HOST_H

#include <sys/types.h>

#include "model/record.h"

struct host {
	char cgroup_dir[8192]; /* of the tightest CPU quota above the target, "" = none */
	bool cgroup_v2;
	struct record_host base; /* as read when it was opened */
};

/* Find the cgroup of @pid with the tightest quota, and begin to count from now. */
void host_open(struct host *host, pid_t pid);
/* What has passed since host_open; what cannot be read stays 0. */
void host_read(const struct host *host, struct record_host *ret);
unsigned host_cpus_online(void);
/* Threads on the machine now, 0 where it cannot be read. */
unsigned host_threads(void);

#endif
