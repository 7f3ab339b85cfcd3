/* SPDX-License-Identifier: GPL-2.0-only */
/* Finding and checking what the user asked to profile. */
#ifndef SOURCE_TARGET_H
#define SOURCE_TARGET_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct err;

struct target_list {
	pid_t *pids; /* owned */
	size_t len;
};
void target_list_free(struct target_list *list);

/*
 * One PID: must exist (-ESRCH), be a process and not a thread's id (then the sentence names its
 * process), be no kernel thread (-EINVAL), not be concprof itself (-EINVAL), not be a zombie
 * (-ESRCH).  Appends it once.
 */
int target_add_pid(struct target_list *list, pid_t pid, struct err *err);
/* Every process whose comm is @name; -ESRCH when there is none. */
int target_add_comm(struct target_list *list, const char *name, struct err *err);
/*
 * Every process in cgroup @path and below it.  @path is a directory, absolute or relative to a
 * cgroup mount, v1 or v2.  *ret_dir (free() it) is the directory found.  -ENOENT when there is
 * none, -ESRCH when it is empty.
 */
int target_add_cgroup(struct target_list *list, const char *path, char **ret_dir, struct err *err);

/* A command that is forked but waits before its exec, so that concprof attaches first. */
struct target_launch {
	pid_t pid;
	int go_fd;  /* write one byte (target_launch_go) to let it run */
	int err_fd; /* carries the errno of a failed exec */
};
int target_launch(char *const argv[], struct target_launch *ret, struct err *err);
/* Let it exec; an exec that fails is reported here (-ENOENT: command not found, ..). */
int target_launch_go(struct target_launch *launch, struct err *err);
/* End a child that never ran and close the descriptors; takes one that was released, too. */
void target_launch_abandon(struct target_launch *launch);

/* CPUs that the affinity of @pid allows (1 where it cannot be read). */
unsigned target_cpus_allowed(pid_t pid);

#endif
