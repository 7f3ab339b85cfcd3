// SPDX-License-Identifier: GPL-2.0-only
#include "source/host.h"

#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/num.h"

#define MOUNTS_MAX 4096
#define LEVELS_MAX 64

unsigned host_cpus_online(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	return n > 0 ? (unsigned)n : 1;
}

unsigned host_threads(void)
{
	_cleanup_fclose_ FILE *f = fopen("/proc/loadavg", "re");
	unsigned total;

	if (!f || fscanf(f, "%*s %*s %*s %*u/%u", &total) != 1)
		return 0;
	return total;
}

static bool read_text(const char *dir, const char *name, char *buf, size_t size)
{
	char path[PATH_MAX];
	_cleanup_close_ int fd = -1;
	ssize_t n;

	if (snprintf(path, sizeof(path), "%s/%s", dir, name) >= (int)sizeof(path))
		return false;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, buf, size - 1);
	if (n <= 0)
		return false;
	buf[n] = '\0';
	return true;
}

/* A quota in thousandths of a CPU, 0 = none. */
static uint64_t read_quota(const char *dir, bool v2)
{
	char text[128];
	int64_t quota = -1, period = 0;

	if (v2) {
		if (!read_text(dir, "cpu.max", text, sizeof(text)) ||
		    sscanf(text, "%" SCNd64 " %" SCNd64, &quota, &period) != 2)
			return 0;
	} else {
		if (!read_text(dir, "cpu.cfs_quota_us", text, sizeof(text)) ||
		    sscanf(text, "%" SCNd64, &quota) != 1 ||
		    !read_text(dir, "cpu.cfs_period_us", text, sizeof(text)) ||
		    sscanf(text, "%" SCNd64, &period) != 1)
			return 0;
	}
	if (quota <= 0 || period <= 0)
		return 0;
	return (uint64_t)quota * 1000 / (uint64_t)period;
}

static uint64_t stat_field(const char *text, const char *name)
{
	size_t len = strlen(name);
	uint64_t value;

	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (!strncmp(line, name, len) && sscanf(line + len, " %" SCNu64, &value) == 1)
			return value;
	}
	return 0;
}

static void read_throttling(const struct host *host, struct record_host *ret)
{
	char text[4096];

	if (!host->cgroup_dir[0] || !read_text(host->cgroup_dir, "cpu.stat", text, sizeof(text)))
		return;
	ret->throttled_periods = stat_field(text, "nr_throttled ");
	if (host->cgroup_v2)
		ret->throttled_ns = num_sat_mul(stat_field(text, "throttled_usec "), NS_PER_US);
	else
		ret->throttled_ns = stat_field(text, "throttled_time ");
	ret->quota_milli_cpus = read_quota(host->cgroup_dir, host->cgroup_v2);
}

static void read_cpu_time(struct record_host *ret)
{
	_cleanup_fclose_ FILE *f = fopen("/proc/stat", "re");
	uint64_t t[8] = {0};
	uint64_t tick_ns = NS_PER_S / (uint64_t)sysconf(_SC_CLK_TCK);

	/* proc(5): user nice system idle iowait irq softirq steal */
	if (!f || fscanf(f,
			 "cpu %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64
			 " %" SCNu64 " %" SCNu64,
			 &t[0], &t[1], &t[2], &t[3], &t[4], &t[5], &t[6], &t[7]) != 8)
		return;
	ret->idle_ns = (t[3] + t[4]) * tick_ns;
	ret->busy_ns = (t[0] + t[1] + t[2] + t[5] + t[6]) * tick_ns;
}

void host_read(const struct host *host, struct record_host *ret)
{
	struct record_host now = {0};

	read_cpu_time(&now);
	read_throttling(host, &now);
	now.idle_ns = num_sat_sub(now.idle_ns, host->base.idle_ns);
	now.busy_ns = num_sat_sub(now.busy_ns, host->base.busy_ns);
	now.throttled_ns = num_sat_sub(now.throttled_ns, host->base.throttled_ns);
	now.throttled_periods = num_sat_sub(now.throttled_periods, host->base.throttled_periods);
	*ret = now;
}

static bool has_word(const char *list, const char *word)
{
	size_t len = strlen(word);

	for (const char *p = list; (p = strstr(p, word)); p += len)
		if ((p == list || p[-1] == ',') &&
		    (p[len] == ',' || p[len] == '\0' || p[len] == '\n'))
			return true;
	return false;
}

/* Where the cpu controller's hierarchy is mounted: proc(5), mountinfo. */
static bool cpu_mount(bool v2, char *ret, size_t size)
{
	_cleanup_fclose_ FILE *f = fopen("/proc/self/mountinfo", "re");
	char line[8192], where[PATH_MAX], type[64], options[1024];
	const char *tail;

	for (int i = 0; f && i < MOUNTS_MAX && fgets(line, sizeof(line), f); i++) {
		tail = strstr(line, " - ");
		if (!tail || sscanf(line, "%*s %*s %*s %*s %4095s", where) != 1 ||
		    sscanf(tail + 3, "%63s %*s %1023s", type, options) != 2)
			continue;
		if (v2 ? strcmp(type, "cgroup2") != 0
		       : strcmp(type, "cgroup") != 0 || !has_word(options, "cpu"))
			continue;
		return snprintf(ret, size, "%s", where) < (int)size;
	}
	return false;
}

/* The path of @pid in the cpu controller's hierarchy: cgroups(7), /proc/PID/cgroup. */
static bool cpu_path(pid_t pid, bool v2, char *ret, size_t size)
{
	char path[64], line[8192];
	char *controllers, *cgroup;
	_cleanup_fclose_ FILE *f = NULL;

	snprintf(path, sizeof(path), "/proc/%d/cgroup", pid);
	f = fopen(path, "re");
	for (int i = 0; f && i < MOUNTS_MAX && fgets(line, sizeof(line), f); i++) {
		controllers = strchr(line, ':');
		cgroup = controllers ? strchr(controllers + 1, ':') : NULL;
		if (!cgroup)
			continue;
		*controllers++ = *cgroup++ = '\0';
		cgroup[strcspn(cgroup, "\n")] = '\0';
		if (v2 ? *controllers == '\0' : has_word(controllers, "cpu"))
			return snprintf(ret, size, "%s", cgroup) < (int)size;
	}
	return false;
}

/* From the target's own cgroup up to the root: the tightest quota limits. */
static void find_quota(struct host *host, pid_t pid, bool v2)
{
	char mount[PATH_MAX], cgroup[PATH_MAX], dir[2 * PATH_MAX];
	uint64_t tightest = 0, quota;

	if (!cpu_mount(v2, mount, sizeof(mount)) || !cpu_path(pid, v2, cgroup, sizeof(cgroup)))
		return;
	for (int level = 0; level < LEVELS_MAX; level++) {
		char *slash = strrchr(cgroup, '/');

		snprintf(dir, sizeof(dir), "%s%s", mount, cgroup);
		quota = read_quota(dir, v2);
		if (quota && (!tightest || quota < tightest)) {
			tightest = quota;
			snprintf(host->cgroup_dir, sizeof(host->cgroup_dir), "%s", dir);
			host->cgroup_v2 = v2;
		}
		if (!slash || slash == cgroup)
			break;
		*slash = '\0';
	}
}

void host_open(struct host *host, pid_t pid)
{
	memset(host, 0, sizeof(*host));
	find_quota(host, pid, true);
	if (!host->cgroup_dir[0])
		find_quota(host, pid, false);
	read_cpu_time(&host->base);
	read_throttling(host, &host->base);
}
