// SPDX-License-Identifier: GPL-2.0-only
/* A command that waits before its exec: attached first, it is seen from its first instruction on,
 * and nothing of what it was before (bpf/task.bpf.c, begin_launched). */
#include "source/target.h"

#include "base/err.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* The child's side; async-signal-safe calls alone, since it may come from a threaded parent. */
static void __attribute__((noreturn)) child_run(char *const argv[], int go_fd, int err_fd)
{
	sigset_t none;
	char byte;
	ssize_t n;
	int code;

	/* What concprof blocks or ignores for itself is not the command's business. */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	do {
		n = read(go_fd, &byte, 1);
	} while (n < 0 && errno == EINTR);
	if (n != 1)
		_exit(127); /* the parent gave up, or is no more */
	execvp(argv[0], argv);
	code = errno;
	n = write(err_fd, &code, sizeof(code));
	_exit(n == sizeof(code) ? 127 : 126);
}

int target_launch(char *const argv[], struct target_launch *ret, struct err *err)
{
	int go[2];
	int fail[2];
	pid_t pid;

	/* A socket and no pipe: writing to a child that was killed must not raise SIGPIPE. */
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, go) < 0)
		return err_set(err, -errno, "%s: cannot prepare its start: %s", argv[0],
			       strerror(errno));
	if (pipe2(fail, O_CLOEXEC) < 0) {
		int code = errno;

		close(go[0]);
		close(go[1]);
		return err_set(err, -code, "%s: cannot prepare its start: %s", argv[0],
			       strerror(code));
	}
	pid = fork();
	if (pid == 0) {
		close(go[1]); /* else the child itself would keep its own wait alive */
		close(fail[0]);
		child_run(argv, go[0], fail[1]);
	}
	close(go[0]);
	close(fail[1]);
	if (pid < 0) {
		int code = errno;

		close(go[1]);
		close(fail[0]);
		return err_set(err, -code, "%s: cannot start a process: %s", argv[0],
			       strerror(code));
	}
	*ret = (struct target_launch){.pid = pid, .go_fd = go[1], .err_fd = fail[0]};
	return 0;
}

int target_launch_go(struct target_launch *launch, struct err *err)
{
	int code = 0;
	ssize_t n = send(launch->go_fd, "g", 1, MSG_NOSIGNAL);

	if (n != 1)
		return err_set(err, -ESRCH, "the command ended before its start");
	/* Closed by the exec: no byte means that it went well. */
	do {
		n = read(launch->err_fd, &code, sizeof(code));
	} while (n < 0 && errno == EINTR);
	close(launch->go_fd);
	launch->go_fd = -1;
	if (n != sizeof(code) || code <= 0)
		return 0;
	waitpid(launch->pid, NULL, 0);
	launch->pid = -1;
	if (code == ENOENT)
		return err_set(err, -ENOENT, "command not found (give its path, or check PATH)");
	return err_set(err, -code, "cannot be run: %s", strerror(code));
}

void target_launch_abandon(struct target_launch *launch)
{
	if (launch->go_fd >= 0) {
		/* It still waits: the end of file ends it. A stopped one would not notice. */
		close(launch->go_fd);
		kill(launch->pid, SIGKILL);
		waitpid(launch->pid, NULL, 0);
		launch->pid = -1;
		launch->go_fd = -1;
	}
	if (launch->err_fd >= 0)
		close(launch->err_fd);
	launch->err_fd = -1;
}
