/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What every sample program shares: options, named threads, CPU work of a known length, ground
 * truth taken by clocks inside the program, and processes outside of the target that die with it.
 *
 * A sample declares a const struct sample_spec, calls sample_init(), sample_outside() where it
 * needs processes that are not its children, sample_start() for each group of threads,
 * sample_ready(), then waits with sample_wait() until told to stop, and ends with sample_finish().
 * Helpers that fail print a sentence and exit(1): a sample is a test fixture, there is nothing to
 * recover.
 */
#ifndef CONCPROF_SAMPLE_H
#define CONCPROF_SAMPLE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "tally.h"

struct sample;
struct sample_thread;

struct sample_spec {
	const char *name;
	const char *does;  /* one sentence for --help */
	const char *fixed; /* what --fixed cures; NULL: accepted, and changes nothing */
	unsigned pin_cpus; /* keep to the first so many allowed CPUs; 0: do not pin */
	bool takes_file;   /* --file PATH */
	unsigned count;	   /* default of the positional number; 0: none is taken */
	unsigned count_max;
	void (*report)(const struct sample *s); /* prints further truth lines; NULL: none */
};

struct sample_thread {
	struct sample *sample;
	unsigned index; /* within its group */
	char name[16];
	pid_t tid;
	pthread_t handle;
	void (*body)(struct sample_thread *self);
	uint64_t cpu_ns; /* set when the body has returned, 0 before */
	struct sample_tally tally;
};

struct sample_group {
	struct sample_group *next;
	unsigned count;
	struct sample_thread threads[];
};

struct sample {
	const struct sample_spec *spec;
	bool fixed;
	const char *file; /* --file PATH or NULL */
	unsigned count;
	uint64_t seconds;
	uint64_t start_ns;
	uint64_t iterations_per_us;
	int signal_fd;
	int leash[2];
	bool stopping;
	unsigned started;
	void *context; /* the sample's own state */
	struct sample_group *groups;
};

/* Options, signal mask, pinning, calibration. Call it first and once, from the only thread. */
void sample_init(struct sample *s, const struct sample_spec *spec, int argc, char **argv);

/*
 * Runs body(s) in a process that is no child of this one (double fork, own session, stdout and
 * stderr on /dev/null) and that ends when this process does, however it ends. The body may start
 * threads by sample_start(); the process lives on when it returns. Call it before any thread
 * starts.
 */
void sample_outside(struct sample *s, const char *name, void (*body)(struct sample *s));

/*
 * Starts count threads named PREFIX-0, PREFIX-1, ..; returns them, owned by s. The body is to
 * return soon after sample_stopping() says so.
 */
struct sample_thread *sample_start(struct sample *s, unsigned count, const char *prefix,
				   void (*body)(struct sample_thread *self));

/* Waits until every thread has entered its body, then prints the ready line. */
void sample_ready(struct sample *s);

/*
 * Sleeps for timeout_ns (UINT64_MAX: without limit), printing a snapshot on SIGUSR1. Returns false
 * when the sample is to end (SIGTERM, SIGINT, --seconds over); sample_stopping() is true from then
 * on.
 */
bool sample_wait(struct sample *s, uint64_t timeout_ns);

/* Joins all threads, prints the truth lines and frees s. Returns the exit status. */
int sample_finish(struct sample *s);

/* sample_ready(), sample_wait() to the end, sample_finish(). */
int sample_run(struct sample *s);

/* Gives the calling thread another name; its first 15 bytes count. */
void sample_rename(struct sample_thread *self, const char *name);

bool sample_stopping(const struct sample *s);

/* Computes for so much CPU time of the calling thread; time off the CPU does not count. */
void sample_work_us(const struct sample *s, unsigned work_us);

/* Sleeps off the CPU for at least so long. */
void sample_sleep_us(unsigned sleep_us);

/* CLOCK_REALTIME so much later: the deadline of pthread_mutex_timedlock() and its kin. */
struct timespec sample_deadline(uint64_t after_ns);

/* Opens --file PATH, or a new file in $TMPDIR or /var/tmp that is unlinked at once. */
int sample_open_file(const struct sample *s);

/* A listening TCP socket on a free loopback port, which is stored in *ret_port. */
int sample_listen(uint16_t *ret_port);

/* A connected TCP socket to that port, TCP_NODELAY set. */
int sample_connect(uint16_t port);

/* A small message, whole; false at end of file or on an error. */
bool sample_send(int fd, const void *data, size_t len_bytes);
bool sample_receive(int fd, void *data, size_t len_bytes);

/* Prints "sample: what: strerror(errnum)" and exits with 1. */
_Noreturn void sample_die(const char *what, int errnum);

#endif
