// SPDX-License-Identifier: GPL-2.0-only
/*
 * A pool of four threads, each with a connection to a backend (another process, no child) that
 * answers after 10 ms; 100 us of CPU for each answer. The pool uses 4% of one CPU: all else is the
 * wait for the backend. Answered from a cache, the pool would be bound by its two CPUs.
 */
#include "sample.h"

#include <sys/socket.h>
#include <unistd.h>

#define THREADS 4
#define BACKEND_US 10000
#define ANSWER_US 100

struct backend {
	int listener;
	uint16_t port;
};

static void serve_connection(struct sample_thread *self)
{
	const struct backend *backend = self->sample->context;
	int fd = accept(backend->listener, NULL, NULL);
	uint64_t request;

	while (fd >= 0 && sample_receive(fd, &request, sizeof(request))) {
		sample_sleep_us(BACKEND_US);
		if (!sample_send(fd, &request, sizeof(request)))
			break;
	}
}

static void serve(struct sample *s)
{
	sample_start(s, THREADS, "backend", serve_connection);
}

/* The operation's wait is the round trip. */
static __attribute__((noinline)) bool backend_call(struct sample_thread *self, int fd)
{
	uint64_t request = 1;
	struct sample_turn turn = sample_ask(&self->tally);
	bool answered = sample_send(fd, &request, sizeof(request)) &&
			sample_receive(fd, &request, sizeof(request));

	sample_got(&turn);
	sample_done(&turn);
	return answered;
}

static void pool_thread(struct sample_thread *self)
{
	const struct backend *backend = self->sample->context;
	int fd = self->sample->fixed ? -1 : sample_connect(backend->port);

	while (!sample_stopping(self->sample)) {
		if (self->sample->fixed)
			sample_count(&self->tally);
		else if (!backend_call(self, fd))
			break;
		sample_work_us(self->sample, ANSWER_US);
	}
	if (fd >= 0)
		close(fd);
}

int main(int argc, char **argv)
{
	static const struct sample_spec spec = {
		.name = "backend-wait",
		.does = "4 pool threads: a round trip of 10 ms to a backend, then 100 us of CPU",
		.fixed = "answers come from a local cache, no round trip",
		.pin_cpus = 2,
	};
	struct backend backend;
	struct sample s;

	sample_init(&s, &spec, argc, argv);
	s.context = &backend;
	if (!s.fixed) {
		backend.listener = sample_listen(&backend.port);
		sample_outside(&s, "backend", serve);
		close(backend.listener); /* the backend's alone: the target listens on nothing */
	}
	sample_start(&s, THREADS, "pool", pool_thread);
	return sample_run(&s);
}
