// SPDX-License-Identifier: GPL-2.0-only
/*
 * A thread that computes and one that writes 4 records of 64 KiB with an fsync each meet at a
 * barrier, round after round.  The computing takes COUNT percent of what the writing took in the
 * round before, whatever the disk: with 300 the writer waits two thirds of the time for the one
 * that computes; with 30 it is the other way round, and that wait is for the disk.  The cure of the
 * first: two threads share the computing.
 */
#include "sample.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define RECORDS 4
#define RECORD_BYTES (64 * 1024)
#define COMPUTERS_FIXED 2
#define COMPUTE_MAX_US 1000000
#define PERCENT_MAX 1000

struct pair {
	pthread_barrier_t barrier;
	int fd;
	unsigned computers;
	uint64_t written_ns[2]; /* what the writing took, by round: one is read, one is written */
	bool ended;
};

static __attribute__((noinline)) void write_records(int fd)
{
	static char record[RECORD_BYTES]; /* of the only thread that writes */

	memset(record, 'r', sizeof(record));
	for (off_t i = 0; i < RECORDS; i++) {
		if (pwrite(fd, record, sizeof(record), i * RECORD_BYTES) != (ssize_t)sizeof(record))
			sample_die("write", errno);
		if (fsync(fd) != 0)
			sample_die("fsync", errno);
	}
}

static __attribute__((noinline)) void compute(const struct sample *s, unsigned work_us)
{
	sample_work_us(s, work_us);
}

/* False after the last round: one decides between the barriers, all see it behind the second one.
 */
static __attribute__((noinline)) bool meet(struct sample_thread *self, bool decides)
{
	struct pair *pair = self->sample->context;

	pthread_barrier_wait(&pair->barrier);
	if (decides)
		pair->ended = sample_stopping(self->sample);
	pthread_barrier_wait(&pair->barrier);
	return !pair->ended;
}

static void computer(struct sample_thread *self)
{
	const struct pair *pair = self->sample->context;
	unsigned round = 0;

	do {
		uint64_t work_us = pair->written_ns[round++ % 2] / SAMPLE_NS_PER_US *
				   self->sample->count / 100 / pair->computers;

		compute(self->sample,
			work_us < COMPUTE_MAX_US ? (unsigned)work_us : COMPUTE_MAX_US);
	} while (meet(self, false));
}

/* A round is done when it is written; the operation's wait is the writing. */
static void writer(struct sample_thread *self)
{
	struct pair *pair = self->sample->context;
	unsigned round = 0;

	do {
		struct sample_turn turn = sample_ask(&self->tally);
		uint64_t begin_ns = sample_now_ns();

		write_records(pair->fd);
		pair->written_ns[++round % 2] = sample_now_ns() - begin_ns;
		sample_got(&turn);
		sample_count(&self->tally);
	} while (meet(self, true));
}

int main(int argc, char **argv)
{
	static const struct sample_spec spec = {
		.name = "barrier-pair",
		.does = "computing, COUNT percent of what writing takes, meets writing at a "
			"barrier",
		.fixed = "2 threads share the computing",
		.pin_cpus = 2,
		.takes_file = true,
		.count = 300,
		.count_max = PERCENT_MAX,
	};
	struct pair pair = {.ended = false};
	struct sample s;

	sample_init(&s, &spec, argc, argv);
	pair.fd = sample_open_file(&s);
	pair.computers = s.fixed ? COMPUTERS_FIXED : 1;
	pthread_barrier_init(&pair.barrier, NULL, pair.computers + 1);
	s.context = &pair;
	sample_start(&s, pair.computers, "compute", computer);
	sample_start(&s, 1, "writer", writer);
	return sample_run(&s);
}
