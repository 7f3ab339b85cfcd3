// SPDX-License-Identifier: GPL-2.0-only
#include "cli/interrupt.h"

#include "base/err.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

int interrupt_init(struct interrupt *in, struct err *err)
{
	sigset_t set;

	*in = (struct interrupt)INTERRUPT_NONE;
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &set, &in->before) < 0)
		return err_set(err, -errno, "signals: cannot be blocked: %s", strerror(errno));
	in->fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (in->fd < 0) {
		int code = errno;

		sigprocmask(SIG_SETMASK, &in->before, NULL);
		return err_set(err, -code, "signals: cannot be received: %s", strerror(code));
	}
	return 0;
}

/* The number of the signal, 0 = none is there. */
static int take(struct interrupt *in)
{
	struct signalfd_siginfo info;

	if (read(in->fd, &info, sizeof(info)) != sizeof(info))
		return 0;
	return (int)info.ssi_signo;
}

bool interrupt_take(struct interrupt *in)
{
	return take(in) != 0;
}

static void *watch(void *arg)
{
	static const char message[] = "concprof: interrupted: what was not finished is removed\n";
	struct interrupt *in = arg;
	struct pollfd fds[] = {{.fd = in->fd, .events = POLLIN},
			       {.fd = in->stop_fd, .events = POLLIN}};

	for (;;) {
		int sig;

		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			return NULL;
		if (fds[1].revents)
			return NULL;
		sig = take(in);
		/* A closing terminal may send SIGHUP twice: that is one wish, not two. */
		if (sig != SIGINT && sig != SIGTERM)
			continue;
		if (in->ignored > 0) {
			in->ignored--;
			continue;
		}
		in->discard(in->ctx);
		if (write(STDERR_FILENO, message, sizeof(message) - 1) < 0)
			_exit(EXIT_FAILURE);
		_exit(EXIT_FAILURE);
	}
}

int interrupt_watch(struct interrupt *in, unsigned ignored, void (*discard)(void *ctx), void *ctx,
		    struct err *err)
{
	int rc;

	in->ignored = ignored;
	in->discard = discard;
	in->ctx = ctx;
	in->stop_fd = eventfd(0, EFD_CLOEXEC);
	if (in->stop_fd < 0)
		return err_set(err, -errno, "signals: cannot be watched: %s", strerror(errno));
	rc = pthread_create(&in->watcher, NULL, watch, in);
	if (rc != 0)
		return err_set(err, -rc, "signals: cannot be watched: %s", strerror(rc));
	in->watching = true;
	return 0;
}

void interrupt_free(struct interrupt *in)
{
	if (in->watching) {
		eventfd_write(in->stop_fd, 1);
		pthread_join(in->watcher, NULL);
	}
	if (in->stop_fd >= 0)
		close(in->stop_fd);
	if (in->fd >= 0) {
		/* One that came late must not end us now that all is done. */
		while (take(in))
			;
		close(in->fd);
		sigprocmask(SIG_SETMASK, &in->before, NULL);
	}
	*in = (struct interrupt)INTERRUPT_NONE;
}
