// SPDX-License-Identifier: GPL-2.0-only
/*
 * A loop on poll(2) over four pipes: every 5 ms another thread writes to one of them, and the loop
 * computes 2 ms for it; in the middle it polls a single pipe, as a client of a database does. Half
 * of one CPU, no turn is long. It must not alarm.
 */
#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "sample.h"

#define PIPES 4
#define PERIOD_US 5000
#define ANSWER_US 2000

struct pipes {
	int out[PIPES];
	int in[PIPES];
	int own[2];
};

static void answer(struct sample_thread *self, const struct pipes *pipes)
{
	struct pollfd one = {.fd = pipes->own[0], .events = POLLIN};
	char byte = 'x';

	sample_work_us(self->sample, ANSWER_US / 2);
	if (write(pipes->own[1], &byte, 1) == 1 && poll(&one, 1, -1) == 1 &&
	    read(pipes->own[0], &byte, 1) == 1)
		sample_work_us(self->sample, ANSWER_US / 2);
}

static void loop(struct sample_thread *self)
{
	const struct pipes *pipes = self->sample->context;
	struct pollfd fds[PIPES];
	char byte;

	for (int i = 0; i < PIPES; i++)
		fds[i] = (struct pollfd){.fd = pipes->out[i], .events = POLLIN};
	while (!sample_stopping(self->sample)) {
		if (poll(fds, PIPES, -1) < 0 && errno != EINTR)
			sample_die("poll", errno);
		for (int i = 0; i < PIPES; i++)
			if ((fds[i].revents & POLLIN) && read(fds[i].fd, &byte, 1) == 1) {
				answer(self, pipes);
				sample_count(&self->tally);
			}
	}
}

static void feed(struct sample_thread *self)
{
	const struct pipes *pipes = self->sample->context;
	char byte = 'x';

	for (unsigned i = 0; !sample_stopping(self->sample); i++) {
		if (write(pipes->in[i % PIPES], &byte, 1) != 1)
			sample_die("write", errno);
		sample_sleep_us(PERIOD_US);
	}
	for (int i = 0; i < PIPES; i++) /* it wakes to see that it is to stop */
		if (write(pipes->in[i], &byte, 1) != 1)
			sample_die("write", errno);
}

int main(int argc, char **argv)
{
	static const struct sample_spec spec = {
		.name = "loop-poll",
		.does = "a loop on poll(2) with turns of 2 ms, half of one CPU",
		.pin_cpus = 2,
	};
	struct pipes pipes;
	struct sample s;
	int ends[2];

	sample_init(&s, &spec, argc, argv);
	s.context = &pipes;
	for (int i = 0; i < PIPES; i++) {
		if (pipe(ends))
			sample_die("pipe", errno);
		pipes.out[i] = ends[0];
		pipes.in[i] = ends[1];
	}
	if (pipe(pipes.own))
		sample_die("pipe", errno);
	sample_start(&s, 1, "loop", loop);
	sample_start(&s, 1, "feed", feed);
	return sample_run(&s);
}
