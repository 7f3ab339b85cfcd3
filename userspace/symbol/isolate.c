// SPDX-License-Identifier: GPL-2.0-only
#include "symbol/isolate.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"

#define NS_PER_MS UINT64_C(1000000)
#define NS_PER_SECOND UINT64_C(1000000000)
#define PIECE_BYTES 65536

/* gcc tells by a macro that AddressSanitizer, which reserves terabytes, is there; clang so: */
#if !defined(__SANITIZE_ADDRESS__) && defined(__has_feature)
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define LIMIT_MEMORY 0
#else
#define LIMIT_MEMORY 1
#endif

uint64_t isolate_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_SECOND + (uint64_t)ts.tv_nsec;
}

static int by_number(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

static void close_from_to(unsigned int first, unsigned int last)
{
	/* Without the call (before Linux 5.9) they stay open until the child's end. */
	if (first <= last)
		(void)syscall(SYS_close_range, first, last, 0);
}

/* What concprof has attached to the kernel must end with concprof, not with this child. */
static void close_others(const struct isolate *iso, int out)
{
	int *fds = malloc((iso->keep_fds_len + 1) * sizeof(*fds));
	unsigned int from = STDERR_FILENO + 1;

	if (!fds)
		_exit(1);
	if (iso->keep_fds_len)
		memcpy(fds, iso->keep_fds, iso->keep_fds_len * sizeof(*fds));
	fds[iso->keep_fds_len] = out;
	qsort(fds, iso->keep_fds_len + 1, sizeof(*fds), by_number);
	for (size_t i = 0; i <= iso->keep_fds_len; i++) {
		if (fds[i] < (int)from)
			continue;
		close_from_to(from, (unsigned int)fds[i] - 1);
		from = (unsigned int)fds[i] + 1;
	}
	close_from_to(from, UINT_MAX);
	free(fds);
}

static void set_limit(__rlimit_resource_t resource, rlim_t limit)
{
	const struct rlimit value = {limit, limit};

	(void)setrlimit(resource, &value);
}

/* RLIMIT_DATA counts what the child has of its parent, too: proc(5), statm's sixth number. */
static rlim_t memory_limit(void)
{
	_cleanup_fclose_ FILE *file = fopen("/proc/self/statm", "re");
	unsigned long pages = 0;

	if (!file || fscanf(file, "%*u %*u %*u %*u %*u %lu", &pages) != 1)
		pages = 0;
	return pages * (rlim_t)sysconf(_SC_PAGESIZE) + ISOLATE_MEMORY_MAX;
}

_Noreturn static void run_child(const struct isolate *iso, int out, pid_t parent)
{
	static const int plain[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE};
	const rlim_t seconds = iso->limit_ns / NS_PER_SECOND + 2;

	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
		signal(plain[i], plain[i] == SIGPIPE ? SIG_DFL : SIG_IGN);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent) /* it ended before the line above */
		_exit(1);
	close_others(iso, out);
	set_limit(RLIMIT_CORE, 0);
	set_limit(RLIMIT_CPU, seconds);
	if (LIMIT_MEMORY)
		set_limit(RLIMIT_DATA, memory_limit());
	iso->work(iso->ctx, out);
	_exit(0);
}

/* Hand on what comes from @in until its end. */
static int take_all(const struct isolate *iso, int in, uint64_t end_ns)
{
	_cleanup_free_ uint8_t *bytes = malloc(PIECE_BYTES);

	if (!bytes)
		return -ENOMEM;
	for (;;) {
		struct pollfd p = {.fd = in, .events = POLLIN};
		uint64_t now = isolate_now_ns();
		ssize_t n;
		int r;

		if (now >= end_ns)
			return -ETIME;
		r = poll(&p, 1, (int)((end_ns - now) / NS_PER_MS) + 1);
		if (r < 0 && errno != EINTR)
			return -errno;
		if (r <= 0)
			continue;
		n = read(in, bytes, PIECE_BYTES);
		if (n < 0)
			return -errno;
		if (n == 0)
			return 0;
		r = iso->take(iso->ctx, bytes, (size_t)n);
		if (r < 0)
			return r;
	}
}

/* Whether @child ends by itself until then: its answer's end need not be its own. */
static bool ends_by(pid_t child, uint64_t end_ns)
{
	_cleanup_close_ int fd = (int)syscall(SYS_pidfd_open, child, 0);
	struct pollfd p = {.fd = fd, .events = POLLIN};
	int r = 0;

	if (fd < 0) /* before Linux 5.3, or refused: then it is waited for */
		return true;
	for (uint64_t now; r <= 0 && (now = isolate_now_ns()) < end_ns;) {
		r = poll(&p, 1, (int)((end_ns - now) / NS_PER_MS) + 1);
		if (r < 0 && errno != EINTR)
			break;
	}
	return r > 0;
}

int isolate_run(const struct isolate *iso)
{
	uint64_t end_ns = isolate_now_ns() + iso->limit_ns;
	pid_t parent = getpid(), child;
	int ends[2], status = 0, r;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	child = fork();
	if (child == 0)
		run_child(iso, ends[1], parent);
	r = child < 0 ? -errno : 0;
	close(ends[1]);
	if (r == 0)
		r = take_all(iso, ends[0], end_ns);
	close(ends[0]);
	if (child < 0)
		return r;
	if (r == 0 && !ends_by(child, end_ns))
		r = -ETIME;
	if (r < 0)
		kill(child, SIGKILL);
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	return r == 0 && status != 0 ? -EIO : r;
}
