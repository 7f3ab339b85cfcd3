// SPDX-License-Identifier: GPL-2.0-only
/*
 * Four threads that write small records and fsync each: where the disk really blocks, nearly all
 * their time is a wait for it. One fsync for 64 records is the cure. On a tmpfs fsync costs nothing
 * and the sample shows CPU work instead: give a path on a disk.
 */
#include "sample.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define THREADS 4
#define RECORD_BYTES 512
#define REGION_BYTES (1024 * 1024) /* of each thread; then it starts over */
#define BATCH_FIXED 64
#define RECORD_US 20

/* The operation's wait is the fsync. */
static __attribute__((noinline)) void log_sync(struct sample_thread *self, int fd)
{
	struct sample_turn turn = sample_ask(&self->tally);

	if (fsync(fd) != 0)
		sample_die("fsync", errno);
	sample_got(&turn);
}

static __attribute__((noinline)) void log_write(int fd, off_t offset)
{
	char record[RECORD_BYTES];

	memset(record, 'r', sizeof(record));
	if (pwrite(fd, record, sizeof(record), offset) != (ssize_t)sizeof(record))
		sample_die("write", errno);
}

static void writer(struct sample_thread *self)
{
	int fd = *(const int *)self->sample->context;
	unsigned batch = self->sample->fixed ? BATCH_FIXED : 1;
	off_t begin = (off_t)self->index * REGION_BYTES;
	off_t offset = 0;

	while (!sample_stopping(self->sample)) {
		for (unsigned i = 0; i < batch; i++) {
			sample_work_us(self->sample, RECORD_US);
			log_write(fd, begin + offset);
			offset = (offset + RECORD_BYTES) % REGION_BYTES;
			sample_count(&self->tally);
		}
		log_sync(self, fd);
	}
}

int main(int argc, char **argv)
{
	static const struct sample_spec spec = {
		.name = "disk-wait",
		.does = "4 threads write records of 512 bytes, with an fsync for each",
		.fixed = "one fsync for 64 records",
		.pin_cpus = 2,
		.takes_file = true,
	};
	struct sample s;
	int fd;

	sample_init(&s, &spec, argc, argv);
	fd = sample_open_file(&s);
	s.context = &fd;
	sample_start(&s, THREADS, "writer", writer);
	return sample_run(&s);
}
