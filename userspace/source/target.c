// SPDX-License-Identifier: GPL-2.0-only
#include "source/target.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "base/num.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#define PF_KTHREAD 0x00200000 /* include/linux/sched.h; field 9 of /proc/PID/stat */
#define COMM_MAX 15	      /* TASK_COMM_LEN without its NUL */
#define CGROUP_DEPTH_MAX 64
#define MOUNTS_MAX 65536
#define CPUS_MAX 65536

/* What /proc says about one id. */
struct task_info {
	pid_t tgid;
	char state;
	bool kernel_thread;
};

void target_list_free(struct target_list *list)
{
	if (!list)
		return;
	free(list->pids);
	*list = (struct target_list){0};
}

static int list_append(struct target_list *list, pid_t pid, struct err *err)
{
	pid_t *grown;

	for (size_t i = 0; i < list->len; i++) {
		if (list->pids[i] == pid)
			return 0;
	}
	grown = realloc(list->pids, (list->len + 1) * sizeof(*grown));
	if (!grown)
		return err_set(err, -ENOMEM, "list of processes: out of memory");
	list->pids = grown;
	list->pids[list->len++] = pid;
	return 0;
}

/* The first @size - 1 bytes of /proc/PID/NAME, NUL-terminated; their number or a negative errno. */
static ssize_t read_proc(pid_t pid, const char *name, char *buf, size_t size)
{
	char path[64];
	_cleanup_close_ int fd = -1;
	size_t len = 0;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	while (len < size - 1) {
		ssize_t n = read(fd, buf + len, size - 1 - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		len += (size_t)n;
	}
	buf[len] = '\0';
	return (ssize_t)len;
}

/* A process that ends between open() and read() shows as -ESRCH, too. */
static int task_read(pid_t pid, struct task_info *ret)
{
	char buf[4096];
	const char *field;
	unsigned flags;
	int tgid;
	ssize_t len = read_proc(pid, "stat", buf, sizeof(buf));

	if (len < 0)
		return len == -ENOENT ? -ESRCH : (int)len;
	/* The name stands in parentheses and may hold some itself: it ends at the last one. */
	field = strrchr(buf, ')');
	if (!field || sscanf(field, ") %c %*d %*d %*d %*d %*d %u", &ret->state, &flags) != 2)
		return -ESRCH;
	ret->kernel_thread = flags & PF_KTHREAD;

	len = read_proc(pid, "status", buf, sizeof(buf));
	if (len < 0)
		return len == -ENOENT ? -ESRCH : (int)len;
	/* The kernel escapes newlines in the name, so that no name can fake this line. */
	field = strstr(buf, "\nTgid:");
	if (!field || sscanf(field, "\nTgid: %d", &tgid) != 1)
		return -ESRCH;
	ret->tgid = tgid;
	return 0;
}

static bool state_ended(char state)
{
	return state == 'Z' || state == 'X' || state == 'x';
}

int target_add_pid(struct target_list *list, pid_t pid, struct err *err)
{
	struct task_info task;
	int rc = pid > 0 ? task_read(pid, &task) : -ESRCH;

	if (rc == -ESRCH)
		return err_set(err, -ESRCH,
			       "process %d: no such process (find it with pgrep or ps)", (int)pid);
	if (rc < 0)
		return err_set(err, rc, "process %d: %s (try as root)", (int)pid, strerror(-rc));
	if (task.kernel_thread)
		return err_set(err, -EINVAL,
			       "process %d: is a kernel thread (concprof profiles programs: name a "
			       "process)",
			       (int)pid);
	if (task.tgid != pid)
		return err_set(err, -EINVAL,
			       "process %d: is a thread of process %d (use -p %d: all threads of a "
			       "process are profiled)",
			       (int)pid, (int)task.tgid, (int)task.tgid);
	if (pid == getpid())
		return err_set(err, -EINVAL,
			       "process %d: is concprof itself (name another process)", (int)pid);
	if (state_ended(task.state))
		return err_set(err, -ESRCH,
			       "process %d: has ended and waits for its parent to take notice "
			       "(find its successor with pgrep or ps)",
			       (int)pid);
	return list_append(list, pid, err);
}

/* For sets of processes: one that has ended, a kernel thread and concprof itself are left out. */
static int add_if_program(struct target_list *list, pid_t pid, struct err *err)
{
	struct task_info task;

	if (pid <= 0 || pid == getpid() || task_read(pid, &task) < 0)
		return 0;
	if (task.kernel_thread || task.tgid != pid || state_ended(task.state))
		return 0;
	return list_append(list, pid, err);
}

static bool comm_is(pid_t pid, const char *name)
{
	char comm[COMM_MAX + 2];
	ssize_t len = read_proc(pid, "comm", comm, sizeof(comm));

	if (len <= 0)
		return false;
	/* The newline at the end is the kernel's; one before it belongs to the name. */
	if (comm[len - 1] == '\n')
		comm[len - 1] = '\0';
	/* The kernel keeps 15 bytes of a name: a longer one is meant by its beginning. */
	return !strncmp(comm, name, COMM_MAX);
}

int target_add_comm(struct target_list *list, const char *name, struct err *err)
{
	_cleanup_closedir_ DIR *proc = opendir("/proc");
	size_t len_before = list->len;
	const struct dirent *entry;

	if (!proc)
		return err_set(err, -errno, "/proc: %s (mount it)", strerror(errno));
	while ((entry = readdir(proc))) {
		uint64_t pid;
		int rc;

		if (num_parse_u64(entry->d_name, 1, INT32_MAX, &pid) < 0)
			continue;
		if (!*name || !comm_is((pid_t)pid, name))
			continue;
		rc = add_if_program(list, (pid_t)pid, err);
		if (rc < 0)
			return rc;
	}
	if (list->len == len_before)
		return err_set(err, -ESRCH,
			       "%s: no process has this name (compare with ps -e -o pid,comm)",
			       name);
	return 0;
}

static bool is_cgroup_fs(int fd)
{
	struct statfs fs;

	return fstatfs(fd, &fs) == 0 &&
	       (fs.f_type == CGROUP2_SUPER_MAGIC || fs.f_type == CGROUP_SUPER_MAGIC);
}

/* The processes of the one cgroup at @dir_fd.  A cgroup of threads (v2) has none of its own. */
static int add_cgroup_procs(struct target_list *list, int dir_fd, struct err *err)
{
	int fd = openat(dir_fd, "cgroup.procs", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	_cleanup_fclose_ FILE *procs = fd < 0 ? NULL : fdopen(fd, "r");
	int pid;

	if (!procs) {
		if (fd >= 0)
			close(fd);
		return 0;
	}
	while (fscanf(procs, "%d", &pid) == 1) {
		int rc = add_if_program(list, pid, err);

		if (rc < 0)
			return rc;
	}
	return 0;
}

/* @dir_fd and everything below; takes over @dir_fd. */
static int add_cgroup_tree(struct target_list *list, int dir_fd, unsigned depth, struct err *err)
{
	_cleanup_closedir_ DIR *dir = fdopendir(dir_fd);
	const struct dirent *entry;
	int rc;

	if (!dir) {
		close(dir_fd);
		return 0;
	}
	rc = add_cgroup_procs(list, dir_fd, err);
	while (rc == 0 && depth < CGROUP_DEPTH_MAX && (entry = readdir(dir))) {
		int child;

		if (entry->d_type != DT_DIR || !strcmp(entry->d_name, ".") ||
		    !strcmp(entry->d_name, ".."))
			continue;
		/* One that was removed meanwhile holds nobody. */
		child = openat(dir_fd, entry->d_name,
			       O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (child >= 0)
			rc = add_cgroup_tree(list, child, depth + 1, err);
	}
	return rc;
}

/*
 * Add the processes of the cgroup at @dir.  Returns 1 when it is a cgroup (one without processes
 * too), 0 when there is none.
 */
static int add_cgroup_at(struct target_list *list, const char *dir, struct err *err)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc;

	if (fd < 0)
		return 0;
	if (!is_cgroup_fs(fd)) {
		close(fd);
		return 0;
	}
	rc = add_cgroup_tree(list, fd, 0, err);
	return rc < 0 ? rc : 1;
}

/* Undo the kernel's \ooo for space, tab, newline and backslash in mountinfo. */
static void unescape_octal(char *text)
{
	char *out = text;

	for (const char *p = text; *p; p++) {
		unsigned code;

		if (*p == '\\' && sscanf(p + 1, "%3o", &code) == 1) {
			*out++ = (char)code;
			p += 3;
		} else {
			*out++ = *p;
		}
	}
	*out = '\0';
}

/* The mount point of a line of /proc/self/mountinfo (proc(5)), cut out in place; NULL for other
 * file systems than cgroup ones. */
static char *cgroup_mount_point(char *line)
{
	const char *type = strstr(line, " - ");
	char *field = line;
	size_t len;

	if (!type || (strncmp(type, " - cgroup ", 10) && strncmp(type, " - cgroup2 ", 11)))
		return NULL;
	/* id, parent, device, root; the mount point comes fifth */
	for (int i = 0; i < 4; i++) {
		field = strchr(field, ' ');
		if (!field)
			return NULL;
		field++;
	}
	len = strcspn(field, " ");
	field[len] = '\0';
	unescape_octal(field);
	return field;
}

/*
 * Try @path below each cgroup mount, until one holds processes (with v1 a service has a directory
 * in several hierarchies).  *ret_dir: the best directory found so far, NULL = none.
 */
static int search_mounts(struct target_list *list, const char *path, char **ret_dir,
			 struct err *err)
{
	_cleanup_fclose_ FILE *mounts = fopen("/proc/self/mountinfo", "re");
	_cleanup_free_ char *line = NULL;
	size_t line_cap = 0;
	size_t len_before = list->len;

	if (!mounts)
		return err_set(err, -errno, "/proc/self/mountinfo: %s (mount /proc)",
			       strerror(errno));
	for (int i = 0; i < MOUNTS_MAX && getline(&line, &line_cap, mounts) > 0; i++) {
		const char *mount = cgroup_mount_point(line);
		char *dir;
		int found;

		if (!mount)
			continue;
		if (asprintf(&dir, "%s/%s", mount, path + strspn(path, "/")) < 0)
			return err_set(err, -ENOMEM, "cgroup %s: out of memory", path);
		found = add_cgroup_at(list, dir, err);
		if (found > 0 && (!*ret_dir || list->len > len_before)) {
			free(*ret_dir);
			*ret_dir = dir;
		} else {
			free(dir);
		}
		if (found < 0)
			return found;
		if (list->len > len_before)
			return 0;
	}
	return 0;
}

int target_add_cgroup(struct target_list *list, const char *path, char **ret_dir, struct err *err)
{
	_cleanup_free_ char *dir = NULL;
	size_t len_before = list->len;
	int rc = 0;

	if (path[0] == '/') {
		rc = add_cgroup_at(list, path, err);
		if (rc > 0) {
			dir = strdup(path);
			if (!dir)
				rc = err_set(err, -ENOMEM, "cgroup %s: out of memory", path);
		}
	}
	/* /proc/PID/cgroup shows paths that begin with a slash, too: relative to the mount. */
	if (rc == 0 && *path)
		rc = search_mounts(list, path, &dir, err);
	if (rc < 0)
		return rc;
	if (!dir)
		return err_set(err, -ENOENT,
			       "cgroup %s: no such cgroup (see systemd-cgls, or /proc/PID/cgroup)",
			       path);
	if (list->len == len_before)
		return err_set(err, -ESRCH, "cgroup %s: holds no process (is the service running?)",
			       path);
	*ret_dir = dir;
	dir = NULL;
	return 0;
}

unsigned target_cpus_allowed(pid_t pid)
{
	/* The kernel refuses a mask that is too small for it (EINVAL), so grow. */
	for (int cpus = 1024; cpus <= CPUS_MAX; cpus *= 2) {
		size_t size = CPU_ALLOC_SIZE(cpus);
		cpu_set_t *set = CPU_ALLOC(cpus);
		int count = 0;
		int rc;

		if (!set)
			return 1;
		rc = sched_getaffinity(pid, size, set);
		if (rc == 0)
			count = CPU_COUNT_S(size, set);
		CPU_FREE(set);
		if (rc == 0)
			return count > 0 ? (unsigned)count : 1;
		if (errno != EINVAL)
			return 1;
	}
	return 1;
}
