// SPDX-License-Identifier: GPL-2.0-only
#include "source/probe.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "base/num.h"
#include "base/strbuf.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/vfs.h>

#define PID_NS_INITIAL_INODE 0xEFFFFFFCU /* PROC_PID_INIT_INO, include/linux/proc_ns.h */
#define VERSION(major, minor) ((major)*1000U + (minor))
#define VERSION_TESTED VERSION(6, 1)
#define VERSION_OLDEST VERSION(5, 15) /* bpf_task_pt_regs */

void probe_add(struct probe_list *list, const char *item, bool core, const char *cost,
	       enum probe_state state, const char *found, ...)
{
	struct probe_result *result = vec_add(&list->results);
	struct strbuf text = {0};
	va_list ap;

	if (!result) {
		list->failed = true;
		return;
	}
	result->item = item;
	result->core = core;
	result->cost = cost;
	result->state = state;
	va_start(ap, found);
	strbuf_vprintf(&text, found, ap);
	va_end(ap);
	snprintf(result->found, sizeof(result->found), "%s", strbuf_str(&text));
	strbuf_free(&text);
}

void probe_imply(struct probe_list *list)
{
	struct probe_result *last =
		list->results.len ? &list->results.at[list->results.len - 1] : NULL;

	if (last && last->state != PROBE_OK)
		last->implied = true;
}

bool probe_core_works(const struct probe_list *list)
{
	const struct probe_result *result;

	VEC_FOREACH (&list->results, result) {
		if (result->core && result->state == PROBE_MISSING)
			return false;
	}
	return !list->failed;
}

void probe_list_free(struct probe_list *list)
{
	vec_free(&list->results);
}

/* The first line of a small file, "" where it cannot be read. */
static void read_line(const char *path, char *buf, size_t size)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t len = fd < 0 ? -1 : read(fd, buf, size - 1);

	buf[len > 0 ? len : 0] = '\0';
	buf[strcspn(buf, "\n")] = '\0';
}

/* The effective capabilities as a bit mask, 0 where they cannot be read. */
static uint64_t effective_caps(void)
{
	_cleanup_fclose_ FILE *file = fopen("/proc/self/status", "re");
	char line[256];
	uint64_t caps = 0;

	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "CapEff: %" SCNx64, &caps) == 1)
			break;
	}
	return caps;
}

static bool has_cap(uint64_t caps, unsigned cap)
{
	return caps & (1ULL << cap);
}

/* CAP_SYS_ADMIN stands for the two younger ones, which were split off it in 5.8. */
static bool has_bpf_cap(uint64_t caps, unsigned cap)
{
	return has_cap(caps, cap) || has_cap(caps, CAP_SYS_ADMIN);
}

int probe_rights(struct err *err)
{
	uint64_t caps = effective_caps();
	bool bpf = has_bpf_cap(caps, CAP_BPF);
	bool perfmon = has_bpf_cap(caps, CAP_PERFMON);

	if (bpf && perfmon)
		return 0;
	return err_set(err, -EPERM,
		       "no rights: %s%s%s missing (profiling takes " PROBE_RIGHTS ": use sudo, or "
		       "sudo setcap cap_bpf,cap_perfmon,cap_sys_ptrace=ep concprof)",
		       bpf ? "" : "CAP_BPF", !bpf && !perfmon ? " and " : "",
		       perfmon ? " is"
		       : bpf   ? "CAP_PERFMON is"
			       : "CAP_PERFMON are");
}

/* The running kernel's version as VERSION() composes it; 0 where it cannot be told. */
static unsigned kernel_version(struct utsname *name)
{
	unsigned major;
	unsigned minor;

	if (uname(name) < 0 || sscanf(name->release, "%u.%u", &major, &minor) != 2)
		return 0;
	return VERSION(major, num_min_u64(minor, 999));
}

int probe_kernel(bool *ret_tested, struct err *err)
{
	struct utsname name;
	unsigned version = kernel_version(&name);

	if (version && version < VERSION_OLDEST)
		return err_set(err, -ENOTSUP,
			       "kernel %.64s is too old: concprof needs 5.15 or later (run it on a "
			       "newer kernel)",
			       name.release);
	*ret_tested = !version || version >= VERSION_TESTED;
	return 0;
}

static void probe_version(struct probe_list *list)
{
	struct utsname name;
	unsigned version = kernel_version(&name);

	if (!version)
		probe_add(list, "kernel", false, "nothing, if the lines below are ok",
			  PROBE_LIMITED, "unknown version");
	else if (version >= VERSION_TESTED)
		probe_add(list, "kernel", true, "", PROBE_OK, "%.64s %.32s", name.release,
			  name.machine);
	else if (version >= VERSION_OLDEST)
		probe_add(list, "kernel", true, "untested here: concprof is tested from 6.1 on",
			  PROBE_LIMITED, "%.64s", name.release);
	else
		probe_add(list, "kernel", true, "too old: 5.15 is the first that can work",
			  PROBE_MISSING, "%.64s", name.release);
}

static void probe_arch(struct probe_list *list)
{
#if defined(__x86_64__) || defined(__aarch64__)
	(void)list;
#else
	probe_add(list, "architecture", true, "system calls cannot be told apart", PROBE_MISSING,
		  "neither x86_64 nor arm64");
#endif
}

struct cap_row {
	const char *item;
	unsigned cap;
	bool core;
	const char *cost;
};

static const struct cap_row cap_rows[] = {
	{"right CAP_BPF", CAP_BPF, true, "no program can be loaded: profiling takes " PROBE_RIGHTS},
	{"right CAP_PERFMON", CAP_PERFMON, true,
	 "no program may read the scheduler: profiling takes " PROBE_RIGHTS},
	{"right CAP_SYS_PTRACE", CAP_SYS_PTRACE, false,
	 "no names of functions and locks of other users' processes"},
	{"right CAP_SYS_ADMIN", CAP_SYS_ADMIN, false,
	 "own cost: the kernel's part is not measured"},
};

static void probe_caps(struct probe_list *list)
{
	uint64_t caps = effective_caps();

	for (size_t i = 0; i < ARRAY_LEN(cap_rows); i++) {
		const struct cap_row *row = &cap_rows[i];
		bool has = row->core ? has_bpf_cap(caps, row->cap) : has_cap(caps, row->cap);

		probe_add(list, row->item, row->core, row->cost,
			  has	      ? PROBE_OK
			  : row->core ? PROBE_MISSING
				      : PROBE_LIMITED,
			  "%s",
			  !has			    ? "not effective"
			  : has_cap(caps, row->cap) ? "effective"
						    : "by CAP_SYS_ADMIN");
	}
}

static void probe_settings(struct probe_list *list)
{
	uint64_t caps = effective_caps();
	char value[32];
	bool paranoid;
	bool open;

	read_line("/proc/sys/kernel/perf_event_paranoid", value, sizeof(value));
	/* CAP_PERFMON lifts it altogether (Documentation/admin-guide/perf-security.rst). */
	paranoid = value[0] != '-' && value[0] != '0' && value[0] != '1';
	open = has_bpf_cap(caps, CAP_PERFMON) || value[0] == '-';
	probe_add(list, "perf_event_paranoid", false, "no timer samples",
		  open ? PROBE_OK : PROBE_LIMITED, "%s%s", value[0] ? value : "cannot be read",
		  has_bpf_cap(caps, CAP_PERFMON) ? ", lifted by CAP_PERFMON" : "");
	probe_imply(list); /* else the right lifts it */

	read_line("/proc/sys/kernel/kptr_restrict", value, sizeof(value));
	/* kallsyms_show_value(), kernel/ksyms_common.c */
	open = (value[0] == '0' && !paranoid) ||
	       ((value[0] == '0' || value[0] == '1') && has_cap(caps, CAP_SYSLOG));
	probe_add(list, "kptr_restrict", false, "kernel functions have no names",
		  open ? PROBE_OK : PROBE_LIMITED, "%s", value[0] ? value : "cannot be read");
}

static bool is_tracefs(const char *path)
{
	struct statfs fs;

	return statfs(path, &fs) == 0 && fs.f_type == TRACEFS_MAGIC;
}

static void probe_tracefs(struct probe_list *list)
{
	const char *where = is_tracefs("/sys/kernel/tracing")	      ? "/sys/kernel/tracing"
			    : is_tracefs("/sys/kernel/debug/tracing") ? "/sys/kernel/debug/tracing"
								      : NULL;

	/* Programs attach by BTF, so that a container without it loses nothing. */
	probe_add(list, "tracefs", false, "", PROBE_OK, "%s",
		  where ? where : "not mounted, not needed");
}

static void probe_pid_namespace(struct probe_list *list)
{
	struct stat st;

	if (stat("/proc/self/ns/pid", &st) < 0)
		probe_add(list, "PID namespace", false, "nothing, if the target is visible here",
			  PROBE_LIMITED, "cannot be told: %s", strerror(errno));
	else if (st.st_ino == PID_NS_INITIAL_INODE)
		probe_add(list, "PID namespace", false, "", PROBE_OK, "the initial one");
	else
		probe_add(list, "PID namespace", false,
			  "processes outside this container cannot be profiled, lock holders "
			  "outside it not named",
			  PROBE_LIMITED, "a container's own");
}

void probe_system(struct probe_list *list)
{
	probe_version(list);
	probe_arch(list);
	probe_caps(list);
	probe_settings(list);
	probe_tracefs(list);
	probe_pid_namespace(list);
}
