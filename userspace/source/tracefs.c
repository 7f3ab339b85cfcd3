// SPDX-License-Identifier: GPL-2.0-only
#include "source/tracefs.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/num.h"

/* A mount that no directory shows, for hosts and containers without one: since Linux 5.2. */
static int detached_mount(void)
{
	_cleanup_close_ int fs = fsopen("tracefs", FSOPEN_CLOEXEC);

	if (fs < 0 || fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0))
		return -errno;
	return fsmount(fs, FSMOUNT_CLOEXEC, 0);
}

static int read_id(int dir, const char *name, unsigned *ret)
{
	char path[128], text[32] = "";
	_cleanup_close_ int fd = -1;

	snprintf(path, sizeof(path), "events/%s/id", name);
	fd = openat(dir, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (read(fd, text, sizeof(text) - 1) <= 0)
		return -EIO;
	*ret = (unsigned)strtoul(text, NULL, 10);
	return *ret ? 0 : -EIO;
}

static int id_of(const char *name, unsigned *ret)
{
	static const char *const roots[] = {"/sys/kernel/tracing", "/sys/kernel/debug/tracing"};
	_cleanup_close_ int detached = -1;

	for (size_t i = 0; i < ARRAY_LEN(roots); i++) {
		_cleanup_close_ int dir = open(roots[i], O_PATH | O_DIRECTORY | O_CLOEXEC);

		if (dir >= 0 && !read_id(dir, name, ret))
			return 0;
	}
	detached = detached_mount();
	return detached < 0 ? -ENOENT : read_id(detached, name, ret);
}

/* CPU 0 may be offline. */
static int first_cpu(void)
{
	_cleanup_fclose_ FILE *f = fopen("/sys/devices/system/cpu/online", "re");
	unsigned cpu;

	return f && fscanf(f, "%u", &cpu) == 1 ? (int)cpu : 0;
}

int tracefs_open_event(const char *name)
{
	struct perf_event_attr attr = {.type = PERF_TYPE_TRACEPOINT, .size = sizeof(attr)};
	unsigned id = 0;
	int rc = id_of(name, &id), fd;

	if (rc)
		return rc;
	attr.config = id;
	fd = (int)syscall(SYS_perf_event_open, &attr, -1, first_cpu(), -1, PERF_FLAG_FD_CLOEXEC);
	return fd < 0 ? -errno : fd;
}
