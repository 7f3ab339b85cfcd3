// SPDX-License-Identifier: GPL-2.0-only
#include "source/target.h"

#include "base/err.h"

#include "tests/unit/suites.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define WAIT_S 10

/* A child named @comm that lives until its standard input, the pipe *ret_fd, is closed. */
static pid_t spawn(const char *comm, int *ret_fd)
{
	int go[2];
	int ready[2];
	char byte;
	pid_t pid;

	ck_assert_int_eq(pipe2(go, O_CLOEXEC), 0);
	ck_assert_int_eq(pipe2(ready, O_CLOEXEC), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		close(go[1]);
		prctl(PR_SET_NAME, comm);
		if (write(ready[1], "r", 1) != 1)
			_exit(1);
		_exit(read(go[0], &byte, 1) == 0 ? 0 : 1);
	}
	close(go[0]);
	close(ready[1]);
	ck_assert_int_eq(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	*ret_fd = go[1];
	return pid;
}

static void end(pid_t pid, int fd)
{
	/* A child that was forked later has a copy of the pipe: closing ours is not enough. */
	close(fd);
	kill(pid, SIGKILL);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}

START_TEST(living_process_once)
{
	struct target_list list = {0};
	int fd;
	pid_t pid = spawn("odd ) R 1 (", &fd);

	ck_assert_int_eq(target_add_pid(&list, pid, NULL), 0);
	ck_assert_int_eq(target_add_pid(&list, getppid(), NULL), 0);
	ck_assert_int_eq(target_add_pid(&list, pid, NULL), 0);
	ck_assert_uint_eq(list.len, 2);
	ck_assert_int_eq(list.pids[0], pid);
	ck_assert_int_eq(list.pids[1], getppid());
	target_list_free(&list);
	ck_assert_uint_eq(list.len, 0);
	target_list_free(NULL);
	end(pid, fd);
}
END_TEST

START_TEST(ended_process_is_refused)
{
	struct target_list list = {0};
	struct err err = {0};
	siginfo_t info;
	int fd;
	pid_t pid = spawn("ended", &fd);

	close(fd);
	/* ended, not yet reaped: a zombie */
	ck_assert_int_eq(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	ck_assert_int_eq(target_add_pid(&list, pid, &err), -ESRCH);
	ck_assert_ptr_nonnull(strstr(err.msg, "has ended"));
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	ck_assert_int_eq(target_add_pid(&list, pid, &err), -ESRCH);
	ck_assert_ptr_nonnull(strstr(err.msg, "no such process"));
	ck_assert_int_eq(target_add_pid(&list, 0, &err), -ESRCH);
	ck_assert_int_eq(target_add_pid(&list, -1, &err), -ESRCH);
	ck_assert_int_eq(target_add_pid(&list, INT32_MAX, &err), -ESRCH);
	ck_assert_uint_eq(list.len, 0);
}
END_TEST

START_TEST(own_process_is_refused)
{
	struct target_list list = {0};
	struct err err = {0};

	ck_assert_int_eq(target_add_pid(&list, getpid(), &err), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.msg, "is concprof itself"));
}
END_TEST

/* kthreadd has PID 2 in the initial PID namespace; elsewhere there are no kernel threads. */
START_TEST(kernel_thread_is_refused)
{
	struct target_list list = {0};
	struct err err = {0};
	char exe[8];
	struct stat st;

	if (stat("/proc/2", &st) < 0 || readlink("/proc/2/exe", exe, sizeof(exe)) >= 0 ||
	    errno != ENOENT)
		return;
	ck_assert_int_eq(target_add_pid(&list, 2, &err), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.msg, "is a kernel thread"));
	ck_assert_int_eq(target_add_comm(&list, "kthreadd", &err), -ESRCH);
	ck_assert_uint_eq(list.len, 0);
}
END_TEST

struct side_thread {
	int tid_fd; /* gets its tid */
	int end_fd; /* ends it when closed */
};

static void *side_thread(void *arg)
{
	const struct side_thread *t = arg;
	pid_t tid = (pid_t)syscall(SYS_gettid);
	char byte;

	if (write(t->tid_fd, &tid, sizeof(tid)) == sizeof(tid))
		(void)!read(t->end_fd, &byte, 1);
	return NULL;
}

START_TEST(thread_is_refused_and_names_its_process)
{
	struct target_list list = {0};
	struct err err = {0};
	char expect[64];
	int tid_pipe[2];
	int end_pipe[2];
	struct side_thread arg;
	pthread_t thread;
	pid_t tid;

	ck_assert_int_eq(pipe(tid_pipe), 0);
	ck_assert_int_eq(pipe(end_pipe), 0);
	arg = (struct side_thread){.tid_fd = tid_pipe[1], .end_fd = end_pipe[0]};
	ck_assert_int_eq(pthread_create(&thread, NULL, side_thread, &arg), 0);
	ck_assert_int_eq(read(tid_pipe[0], &tid, sizeof(tid)), sizeof(tid));
	ck_assert_int_eq(target_add_pid(&list, tid, &err), -EINVAL);
	snprintf(expect, sizeof(expect), "is a thread of process %d (use -p %d", (int)getpid(),
		 (int)getpid());
	ck_assert_msg(strstr(err.msg, expect), "%s", err.msg);
	close(end_pipe[1]);
	pthread_join(thread, NULL);
}
END_TEST

START_TEST(by_name)
{
	struct target_list list = {0};
	struct err err = {0};
	char name[32];
	int fds[2];
	pid_t pids[2];

	/* 15 bytes is all that the kernel keeps */
	snprintf(name, sizeof(name), "cp%011d-x", (int)getpid());
	prctl(PR_SET_NAME, name); /* we have that name, too, and must not be found */
	pids[0] = spawn(name, &fds[0]);
	pids[1] = spawn(name, &fds[1]);
	ck_assert_int_eq(target_add_comm(&list, name, NULL), 0);
	ck_assert_uint_eq(list.len, 2);
	ck_assert((list.pids[0] == pids[0] && list.pids[1] == pids[1]) ||
		  (list.pids[0] == pids[1] && list.pids[1] == pids[0]));
	target_list_free(&list);

	/* the whole name of a program whose name was cut */
	snprintf(name + strlen(name), sizeof(name) - strlen(name), "-and-more");
	ck_assert_int_eq(target_add_comm(&list, name, NULL), 0);
	ck_assert_uint_eq(list.len, 2);
	target_list_free(&list);

	name[strlen(name) - strlen("x-and-more")] = '\0'; /* a beginning is no match */
	ck_assert_int_eq(target_add_comm(&list, name, &err), -ESRCH);
	ck_assert_ptr_nonnull(strstr(err.msg, "no process has this name"));
	ck_assert_int_eq(target_add_comm(&list, "", &err), -ESRCH);
	end(pids[0], fds[0]);
	end(pids[1], fds[1]);
}
END_TEST

/* A new cgroup in the hierarchy at @mount with a child group; false where that is not allowed. */
static bool make_cgroup(const char *mount, char *path, char *child)
{
	sprintf(path, "%s/concprof-test-%d", mount, (int)getpid());
	sprintf(child, "%s/below", path);
	if (mkdir(path, 0755) < 0)
		return false;
	if (mkdir(child, 0755) == 0)
		return true;
	rmdir(path);
	return false;
}

static void move_to(const char *cgroup, pid_t pid)
{
	char path[300];
	FILE *procs;

	snprintf(path, sizeof(path), "%s/cgroup.procs", cgroup);
	procs = fopen(path, "w");
	ck_assert_msg(procs, "%s", path);
	fprintf(procs, "%d\n", (int)pid);
	ck_assert_int_eq(fclose(procs), 0);
}

/* A process that ended leaves its group a little later than its parent hears of it. */
static void remove_cgroup(const char *path)
{
	time_t limit = time(NULL) + WAIT_S;

	while (rmdir(path) < 0 && errno == EBUSY && time(NULL) < limit)
		sched_yield();
	ck_assert_int_ne(access(path, F_OK), 0);
}

static void check_cgroup(const char *mount)
{
	struct target_list list = {0};
	struct err err = {0};
	char path[256];
	char child[280];
	char *dir = NULL;
	int fds[2];
	pid_t pids[2];

	if (!make_cgroup(mount, path, child))
		return;
	ck_assert_int_eq(target_add_cgroup(&list, path, &dir, &err), -ESRCH);
	ck_assert_ptr_nonnull(strstr(err.msg, "holds no process"));
	ck_assert_ptr_null(dir);

	pids[0] = spawn("in-group", &fds[0]);
	pids[1] = spawn("in-child-group", &fds[1]);
	move_to(path, pids[0]);
	move_to(child, pids[1]);
	ck_assert_int_eq(target_add_cgroup(&list, path, &dir, NULL), 0);
	ck_assert_str_eq(dir, path);
	ck_assert_uint_eq(list.len, 2);
	ck_assert_int_eq(list.pids[0], pids[0]);
	ck_assert_int_eq(list.pids[1], pids[1]);
	target_list_free(&list);
	free(dir);

	/* relative to the mount, with and without the slash of /proc/PID/cgroup */
	for (int slash = 0; slash < 2; slash++) {
		const char *relative = child + strlen(mount) + !slash;

		dir = NULL;
		ck_assert_int_eq(target_add_cgroup(&list, relative, &dir, NULL), 0);
		ck_assert_uint_eq(list.len, 1);
		ck_assert_int_eq(list.pids[0], pids[1]);
		target_list_free(&list);
		free(dir);
	}
	end(pids[0], fds[0]);
	end(pids[1], fds[1]);
	remove_cgroup(child);
	remove_cgroup(path);
}

/* Whatever this machine has of v1 and v2; mkdir() decides whether we may. */
START_TEST(by_cgroup)
{
	static const char *const mounts[] = {"/sys/fs/cgroup", "/sys/fs/cgroup/unified",
					     "/sys/fs/cgroup/pids", "/sys/fs/cgroup/freezer"};

	for (size_t i = 0; i < sizeof(mounts) / sizeof(mounts[0]); i++) {
		char procs[128];

		snprintf(procs, sizeof(procs), "%s/cgroup.procs", mounts[i]);
		if (access(procs, W_OK) == 0)
			check_cgroup(mounts[i]);
	}
}
END_TEST

START_TEST(no_cgroup)
{
	struct target_list list = {0};
	struct err err = {0};
	char *dir = NULL;

	ck_assert_int_eq(target_add_cgroup(&list, "/no/such/group", &dir, &err), -ENOENT);
	ck_assert_ptr_nonnull(strstr(err.msg, "no such cgroup"));
	/* a folder, but none of a cgroup file system */
	ck_assert_int_eq(target_add_cgroup(&list, "/usr/lib", &dir, &err), -ENOENT);
	ck_assert_int_eq(target_add_cgroup(&list, "../../../usr/lib", &dir, &err), -ENOENT);
	ck_assert_int_eq(target_add_cgroup(&list, "", &dir, &err), -ENOENT);
	ck_assert_ptr_null(dir);
	ck_assert_uint_eq(list.len, 0);
}
END_TEST

/* Status of a launched command that has run. */
static int status_of(const struct target_launch *launch)
{
	int status = -1;

	ck_assert_int_eq(waitpid(launch->pid, &status, 0), launch->pid);
	return status;
}

START_TEST(command_waits_for_its_start)
{
	char mark[] = "/tmp/source_target_test.XXXXXX";
	char *const argv[] = {"sh", "-c", "rm \"$0\"; exit 7", mark, NULL};
	struct target_launch launch;
	struct target_list list = {0};
	struct timespec pause = {.tv_nsec = 1000000};
	int status;

	close(mkstemp(mark));
	ck_assert_int_eq(target_launch(argv, &launch, NULL), 0);
	ck_assert_int_eq(target_add_pid(&list, launch.pid, NULL), 0);
	/* However long it is left alone, it does not begin. */
	for (int i = 0; i < 50; i++) {
		nanosleep(&pause, NULL);
		ck_assert_int_eq(access(mark, F_OK), 0);
	}
	ck_assert_int_eq(target_launch_go(&launch, NULL), 0);
	status = status_of(&launch);
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 7);
	ck_assert_int_ne(access(mark, F_OK), 0);
	target_launch_abandon(&launch);
	target_launch_abandon(&launch);
	target_list_free(&list);
}
END_TEST

START_TEST(command_that_cannot_run)
{
	char *const missing[] = {"no-such-command-of-concprof", NULL};
	char *const folder[] = {"/usr", NULL};
	struct target_launch launch;
	struct err err = {0};

	ck_assert_int_eq(target_launch(missing, &launch, NULL), 0);
	ck_assert_int_eq(target_launch_go(&launch, &err), -ENOENT);
	ck_assert_ptr_nonnull(strstr(err.msg, "command not found"));
	target_launch_abandon(&launch);
	ck_assert_int_eq(target_launch(folder, &launch, NULL), 0);
	ck_assert_int_eq(target_launch_go(&launch, &err), -EACCES);
	target_launch_abandon(&launch);
	/* nothing is left to wait for */
	ck_assert_int_eq(waitpid(-1, NULL, 0), -1);
	ck_assert_int_eq(errno, ECHILD);
}
END_TEST

START_TEST(abandoned_command_ends)
{
	char mark[] = "/tmp/source_target_test.XXXXXX";
	char *const argv[] = {"rm", mark, NULL};
	struct target_launch launch;
	struct err err = {0};

	close(mkstemp(mark));
	ck_assert_int_eq(target_launch(argv, &launch, NULL), 0);
	target_launch_abandon(&launch);
	ck_assert_int_eq(waitpid(-1, NULL, 0), -1);
	ck_assert_int_eq(access(mark, F_OK), 0);

	/* One that was killed while it waited: no SIGPIPE, but a sentence. */
	ck_assert_int_eq(target_launch(argv, &launch, NULL), 0);
	ck_assert_int_eq(kill(launch.pid, SIGKILL), 0);
	ck_assert_int_eq(waitpid(launch.pid, NULL, 0), launch.pid);
	ck_assert_int_eq(target_launch_go(&launch, &err), -ESRCH);
	close(launch.go_fd);
	close(launch.err_fd);
	ck_assert_int_eq(unlink(mark), 0);
}
END_TEST

/* The command gets signals as any other, whatever concprof blocks and ignores for itself. */
START_TEST(command_has_default_signals)
{
	char *const argv[] = {"sh", "-c", "kill -INT $$; exit 1", NULL};
	char *const pipe_argv[] = {"sh", "-c", "kill -PIPE $$; exit 1", NULL};
	struct target_launch launch;
	sigset_t set;
	int status;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	ck_assert_int_eq(sigprocmask(SIG_BLOCK, &set, NULL), 0);
	signal(SIGPIPE, SIG_IGN);
	ck_assert_int_eq(target_launch(argv, &launch, NULL), 0);
	ck_assert_int_eq(target_launch_go(&launch, NULL), 0);
	status = status_of(&launch);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGINT);
	target_launch_abandon(&launch);

	ck_assert_int_eq(target_launch(pipe_argv, &launch, NULL), 0);
	ck_assert_int_eq(target_launch_go(&launch, NULL), 0);
	status = status_of(&launch);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGPIPE);
	target_launch_abandon(&launch);
}
END_TEST

START_TEST(cpus_by_affinity)
{
	cpu_set_t before;
	cpu_set_t one;

	ck_assert_int_eq(sched_getaffinity(0, sizeof(before), &before), 0);
	ck_assert_uint_eq(target_cpus_allowed(getpid()), (unsigned)CPU_COUNT(&before));
	CPU_ZERO(&one);
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (CPU_ISSET(cpu, &before)) {
			CPU_SET(cpu, &one);
			break;
		}
	}
	ck_assert_int_eq(sched_setaffinity(0, sizeof(one), &one), 0);
	ck_assert_uint_eq(target_cpus_allowed(getpid()), 1);
	ck_assert_uint_eq(target_cpus_allowed(INT32_MAX), 1);
}
END_TEST

Suite *source_target_suite(void)
{
	Suite *suite = suite_create("source_target");
	TCase *tc = tcase_create("target");

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, living_process_once);
	tcase_add_test(tc, ended_process_is_refused);
	tcase_add_test(tc, own_process_is_refused);
	tcase_add_test(tc, kernel_thread_is_refused);
	tcase_add_test(tc, thread_is_refused_and_names_its_process);
	tcase_add_test(tc, by_name);
	tcase_add_test(tc, by_cgroup);
	tcase_add_test(tc, no_cgroup);
	tcase_add_test(tc, command_waits_for_its_start);
	tcase_add_test(tc, command_that_cannot_run);
	tcase_add_test(tc, abandoned_command_ends);
	tcase_add_test(tc, command_has_default_signals);
	tcase_add_test(tc, cpus_by_affinity);
	suite_add_tcase(suite, tc);
	return suite;
}
