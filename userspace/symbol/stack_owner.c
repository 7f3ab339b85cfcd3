// SPDX-License-Identifier: GPL-2.0-only
#include "symbol/stack_owner.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"

/* "202 0x7f.. (six arguments) SP PC", "-1 SP PC" outside of a call, or "running". */
static bool read_stack_pointer(pid_t pid, const char *tid, uint64_t *ret)
{
	_cleanup_fclose_ FILE *file = NULL;
	char path[96], line[256];
	uint64_t sp;
	long nr;

	snprintf(path, sizeof(path), "/proc/%d/task/%.16s/syscall", (int)pid, tid);
	file = fopen(path, "re");
	if (!file || !fgets(line, sizeof(line), file))
		return false;
	if (sscanf(line, "%ld %*s %*s %*s %*s %*s %*s %" SCNx64, &nr, &sp) != 2 &&
	    sscanf(line, "%ld %" SCNx64, &nr, &sp) != 2)
		return false;
	*ret = sp;
	return true;
}

pid_t stack_owner(pid_t pid, uint64_t start, uint64_t end)
{
	_cleanup_closedir_ DIR *dir = NULL;
	const struct dirent *entry;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	dir = opendir(path);
	for (int i = 0; dir && i < STACK_OWNER_THREADS_MAX && (entry = readdir(dir)); i++) {
		uint64_t sp;

		if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9' &&
		    read_stack_pointer(pid, entry->d_name, &sp) && sp >= start && sp < end)
			return (pid_t)atoi(entry->d_name);
	}
	return 0;
}
