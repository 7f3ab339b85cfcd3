/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SIGINT, SIGTERM and SIGHUP: the first one ends the run early, the next one ends concprof at once,
 * also in the middle of a long look-up of symbols, with nothing half written left behind.
 */
#ifndef CLI_INTERRUPT_H
#define CLI_INTERRUPT_H

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>

struct err;

struct interrupt {
	int fd; /* readable when a signal came; -1 = not set up */
	int stop_fd;
	sigset_t before;
	bool watching;
	pthread_t watcher;
	unsigned ignored; /* signals that the watcher lets pass */
	void (*discard)(void *ctx);
	void *ctx;
};
#define INTERRUPT_NONE                  \
	{                               \
		.fd = -1, .stop_fd = -1 \
	}

/* From here on the signals wait in `fd` instead of ending concprof. */
int interrupt_init(struct interrupt *in, struct err *err);
/* Take one signal out of `fd`; false if there was none. */
bool interrupt_take(struct interrupt *in);
/*
 * From here on a thread reads `fd`: after @ignored SIGINTs or SIGTERMs the next one makes it call
 * @discard(@ctx), which must be safe beside the main thread's work, and end the process with
 * status 1.  @in must stay in place.
 */
int interrupt_watch(struct interrupt *in, unsigned ignored, void (*discard)(void *ctx), void *ctx,
		    struct err *err);
/* Back to how it was before; takes INTERRUPT_NONE, too. */
void interrupt_free(struct interrupt *in);

#endif
