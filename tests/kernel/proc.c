// SPDX-License-Identifier: GPL-2.0-only
#include "tests/kernel/proc.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/num.h"

uint64_t clock_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

void sleep_ms(unsigned ms)
{
	struct timespec ts = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};

	while (nanosleep(&ts, &ts))
		;
}

void spin_ms(unsigned ms)
{
	uint64_t end = clock_ns() + ms * NS_PER_MS;

	while (clock_ns() < end)
		;
}

/* The text of /proc/@pid/task/@tid/@name; false when there is none. */
static bool read_task(pid_t pid, pid_t tid, const char *name, char *ret, size_t size)
{
	_cleanup_close_ int fd = -1;
	char path[96];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/%s", pid, tid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd >= 0 ? read(fd, ret, size - 1) : -1;
	if (n <= 0)
		return false;
	ret[n] = '\0';
	return true;
}

static bool find_count(const char *text, const char *key, uint64_t *ret)
{
	const char *at = strstr(text, key);

	return at && sscanf(at + strlen(key), " %" SCNu64, ret) == 1;
}

bool proc_clock(pid_t pid, pid_t tid, struct proc_clock *ret)
{
	char text[4096];

	if (!read_task(pid, tid, "schedstat", text, sizeof(text)) ||
	    sscanf(text, "%" SCNu64 " %" SCNu64 " %" SCNu64, &ret->run_ns, &ret->runq_ns,
		   &ret->timeslices) != 3)
		return false;
	return read_task(pid, tid, "status", text, sizeof(text)) &&
	       find_count(text, "\nvoluntary_ctxt_switches:", &ret->voluntary) &&
	       find_count(text, "\nnonvoluntary_ctxt_switches:", &ret->involuntary);
}

char proc_state(pid_t pid, pid_t tid)
{
	char text[512];
	const char *at;

	if (!read_task(pid, tid, "stat", text, sizeof(text)))
		return 0;
	at = strrchr(text, ')');
	return at && at[1] == ' ' ? at[2] : 0;
}

bool proc_blocked(pid_t pid, pid_t tid, long nr, uint64_t arg0)
{
	char text[512];
	uint64_t first;
	long call;

	/* A thread that runs, or could, reads "running". */
	if (!read_task(pid, tid, "syscall", text, sizeof(text)) ||
	    sscanf(text, "%ld %" SCNx64, &call, &first) != 2)
		return false;
	return call == nr && (!arg0 || first == arg0);
}

bool proc_exists(pid_t pid, pid_t tid)
{
	char state = proc_state(pid, tid);

	return state && state != 'Z' && state != 'X';
}

uint64_t proc_steal_ns(void)
{
	_cleanup_fclose_ FILE *f = fopen("/proc/stat", "re");
	uint64_t steps;

	/* cpu user nice system idle iowait irq softirq steal */
	return f && fscanf(f, "cpu %*u %*u %*u %*u %*u %*u %*u %" SCNu64, &steps) == 1
		       ? steps * (NS_PER_S / (uint64_t)sysconf(_SC_CLK_TCK))
		       : 0;
}

unsigned proc_threads(void)
{
	_cleanup_fclose_ FILE *f = fopen("/proc/loadavg", "re");
	unsigned threads;

	return f && fscanf(f, "%*s %*s %*s %*u/%u", &threads) == 1 ? threads : 0;
}

unsigned patience(void)
{
	const char *text = getenv("CK_TIMEOUT_MULTIPLIER");
	long times = text ? strtol(text, NULL, 10) : 1;

	return times > 1 && times < 1000 ? (unsigned)times : 1;
}

uint64_t slack_ns(void)
{
	return (patience() > 1 ? 40 : 10) * NS_PER_MS;
}
