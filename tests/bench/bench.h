/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the benchmark programs share: options, pinning, laps and the line that each lap prints,
 *
 *   ops=N wall_ns_per_op=X cpu_ns_per_op=X switches_per_op=X ops_per_s=X
 *
 * where an op is a program's unit of work.  Workers run from the start to the end of the program;
 * a lap only reads their counters twice, so that tools can come and go between laps of one and the
 * same process.  Without --laps there is one lap of --seconds.  With it each line of standard
 * input, a number of seconds, is answered by a lap, until the input ends.
 *
 * A header, for the build makes a program of each C file here.
 */
#ifndef BENCH_H
#define BENCH_H

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BENCH_WORKERS_MAX 512
#define BENCH_CPUS_MAX 256
#define BENCH_OPTIONS_MAX 16
#define BENCH_NS_PER_S 1000000000ULL
#define BENCH_SECONDS_MAX 3600.0
#define BENCH_PACE_NS 1000000ULL /* with --rate ops come in bursts of this length */
#define BENCH_DEBT_NS (100 * BENCH_PACE_NS)
#define BENCH_CACHE_LINE 64

/* A program's own option: a number within 0..max, or a switch (max 0: takes no value). */
struct bench_option {
	const char *name;
	const char *help;
	uint64_t *value;
	uint64_t max;
};

/* One line of the cache each, shared with child processes. */
struct bench_worker {
	_Alignas(BENCH_CACHE_LINE) uint64_t ops;
	struct bench *bench;
	uint32_t index;
	void *data;
	/* of bench_pace() */
	uint64_t burst_begin_ns;
	uint64_t burst_ops;
};

struct bench {
	const char *name;
	const char *does;
	double seconds;
	bool laps;
	bool as_processes;
	uint64_t rate; /* ops a second of each worker that paces itself; 0 = as fast as it can */
	int cpus[BENCH_CPUS_MAX];
	uint32_t cpus_len;
	struct bench_worker *workers;
	uint32_t workers_len;
	pid_t children[BENCH_WORKERS_MAX];
	uint32_t children_len;
};

struct bench_reading {
	uint64_t at_ns;
	uint64_t cpu_ns;
	uint64_t ops;
	uint64_t switches;
};

_Noreturn static inline void bench_die(const char *what, int errnum)
{
	fprintf(stderr, "bench: %s: %s\n", what, strerror(errnum));
	exit(1);
}

static inline uint64_t bench_clock_ns(clockid_t clock)
{
	struct timespec now;

	if (clock_gettime(clock, &now))
		bench_die("clock", errno);
	return (uint64_t)now.tv_sec * BENCH_NS_PER_S + (uint64_t)now.tv_nsec;
}

/* A fixed amount of work, the same whatever the clock says. */
static inline void bench_spin(uint64_t iterations)
{
	while (iterations--)
		__asm__ volatile("" : : : "memory");
}

/* ---- options ---- */

_Noreturn static inline void bench_usage(const struct bench *b, const struct bench_option *own,
					 size_t own_len, FILE *out, int status)
{
	fprintf(out,
		"usage: %s [OPTION..]\n%s\n"
		"  --seconds S    length of the lap (default 1)\n"
		"  --laps         a lap for each line of standard input (seconds), until it ends\n"
		"  --cpus A,B,..  pin the workers to these CPUs\n",
		b->name, b->does);
	for (size_t i = 0; i < own_len; i++)
		fprintf(out, "  --%-12s %s\n", own[i].name, own[i].help);
	exit(status);
}

static inline bool bench_parse_seconds(const char *text, double *ret)
{
	char *end;
	double seconds = strtod(text, &end);

	if (end == text || (*end && *end != '\n') || !(seconds > 0) || seconds > BENCH_SECONDS_MAX)
		return false;
	*ret = seconds;
	return true;
}

static inline bool bench_parse_number(const char *text, uint64_t max, uint64_t *ret)
{
	char *end;
	unsigned long long number;

	errno = 0;
	number = strtoull(text, &end, 10);
	if (errno || end == text || *end || *text == '-' || number > max)
		return false;
	*ret = number;
	return true;
}

static inline bool bench_parse_cpus(struct bench *b, const char *text)
{
	char *end;

	for (b->cpus_len = 0; b->cpus_len < BENCH_CPUS_MAX; text = end + 1) {
		unsigned long cpu = strtoul(text, &end, 10);

		if (end == text || cpu >= CPU_SETSIZE || (*end && *end != ','))
			return false;
		b->cpus[b->cpus_len++] = (int)cpu;
		if (!*end)
			return true;
	}
	return false;
}

static inline void bench_parse(struct bench *b, const struct bench_option *own, size_t own_len,
			       int argc, char **argv)
{
	enum { SECONDS = 256, LAPS, CPUS, HELP, OWN };
	struct option options[BENCH_OPTIONS_MAX] = {
		{"seconds", required_argument, NULL, SECONDS},
		{"laps", no_argument, NULL, LAPS},
		{"cpus", required_argument, NULL, CPUS},
		{"help", no_argument, NULL, HELP},
	};
	int option;

	for (size_t i = 0; i < own_len; i++)
		options[4 + i] =
			(struct option){own[i].name, own[i].max ? required_argument : no_argument,
					NULL, OWN + (int)i};
	b->seconds = 1;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		const struct bench_option *o = option >= OWN ? &own[option - OWN] : NULL;
		bool good = true;

		if (option == HELP)
			bench_usage(b, own, own_len, stdout, 0);
		else if (option == SECONDS)
			good = bench_parse_seconds(optarg, &b->seconds);
		else if (option == CPUS)
			good = bench_parse_cpus(b, optarg);
		else if (option == LAPS)
			b->laps = true;
		else if (o && !o->max)
			*o->value = 1;
		else
			good = o && bench_parse_number(optarg, o->max, o->value);
		if (!good)
			bench_usage(b, own, own_len, stderr, 2);
	}
	if (optind < argc)
		bench_usage(b, own, own_len, stderr, 2);
}

/* ---- workers ---- */

/* Pin the calling worker to the @place-th of the CPUs of --cpus, counted round. */
static inline void bench_pin(const struct bench *b, uint32_t place)
{
	cpu_set_t set;

	if (!b->cpus_len)
		return;
	CPU_ZERO(&set);
	CPU_SET((size_t)b->cpus[place % b->cpus_len], &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		bench_die("pin to a CPU", errno);
}

/*
 * The calling worker does not preempt whoever wakes it: in a ping-pong each round trip then takes
 * two switches and two wakeups, every time.
 */
static inline void bench_batch(void)
{
	const struct sched_param param = {0};

	if (sched_setscheduler(0, SCHED_BATCH, &param))
		bench_die("SCHED_BATCH", errno);
}

static inline void bench_did(struct bench_worker *w, uint64_t ops)
{
	__atomic_store_n(&w->ops, w->ops + ops, __ATOMIC_RELAXED);
}

/* Called after each op: with --rate, sleep until the next burst is due. */
static inline void bench_pace(struct bench_worker *w)
{
	uint64_t rate = w->bench->rate;
	uint64_t next_ns, now_ns;
	struct timespec until;

	if (!rate || ++w->burst_ops * BENCH_NS_PER_S < rate * BENCH_PACE_NS)
		return;
	next_ns = w->burst_begin_ns + w->burst_ops * BENCH_NS_PER_S / rate;
	until = (struct timespec){.tv_sec = (time_t)(next_ns / BENCH_NS_PER_S),
				  .tv_nsec = (long)(next_ns % BENCH_NS_PER_S)};
	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
	/* A long delay is not made up for. */
	now_ns = bench_clock_ns(CLOCK_MONOTONIC);
	w->burst_begin_ns = now_ns > next_ns + BENCH_DEBT_NS ? now_ns : next_ns;
	w->burst_ops = 0;
}

/* @main runs for each of @len workers, as a thread or a process of its own, and never returns. */
static inline void bench_start(struct bench *b, uint32_t len, void *(*main)(void *),
			       void *(*data_of)(struct bench *b, uint32_t index))
{
	if (!len || len > BENCH_WORKERS_MAX)
		bench_die("number of workers", EINVAL);
	b->workers = mmap(NULL, len * sizeof(*b->workers), PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (b->workers == MAP_FAILED)
		bench_die("memory", errno);
	b->workers_len = len;
	for (uint32_t i = 0; i < len; i++) {
		struct bench_worker *w = &b->workers[i];

		w->bench = b;
		w->index = i;
		w->data = data_of(b, i);
	}
	for (uint32_t i = 0; i < len; i++) {
		pthread_t thread;
		pid_t pid;

		if (!b->as_processes) {
			int rc = pthread_create(&thread, NULL, main, &b->workers[i]);

			if (rc)
				bench_die("thread", rc);
			continue;
		}
		pid = fork();
		if (pid < 0)
			bench_die("process", errno);
		if (pid == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			main(&b->workers[i]);
			_exit(1);
		}
		b->children[b->children_len++] = pid;
	}
}

/* ---- laps ---- */

/* Context switches of a process with one thread. */
static inline uint64_t bench_child_switches(pid_t pid)
{
	char path[64], line[256];
	uint64_t sum = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	f = fopen(path, "re");
	if (!f)
		bench_die(path, errno);
	while (fgets(line, sizeof(line), f)) {
		const char *value = strstr(line, "ctxt_switches:");

		if (value)
			sum += strtoull(value + strlen("ctxt_switches:"), NULL, 10);
	}
	fclose(f);
	return sum;
}

static inline struct bench_reading bench_read(const struct bench *b)
{
	struct bench_reading r = {0};
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	r.switches = (uint64_t)usage.ru_nvcsw + (uint64_t)usage.ru_nivcsw;
	for (uint32_t i = 0; i < b->children_len; i++)
		r.switches += bench_child_switches(b->children[i]);
	r.at_ns = bench_clock_ns(CLOCK_MONOTONIC);
	r.cpu_ns = bench_clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	for (uint32_t i = 0; i < b->children_len; i++) {
		clockid_t clock;

		if (clock_getcpuclockid(b->children[i], &clock))
			bench_die("clock of a child", ESRCH);
		r.cpu_ns += bench_clock_ns(clock);
	}
	for (uint32_t i = 0; i < b->workers_len; i++)
		r.ops += __atomic_load_n(&b->workers[i].ops, __ATOMIC_RELAXED);
	return r;
}

static inline void bench_lap(const struct bench *b, double seconds)
{
	struct timespec rest = {.tv_sec = (time_t)seconds,
				.tv_nsec = (long)((seconds - (double)(time_t)seconds) * 1e9)};
	struct bench_reading from = bench_read(b);
	struct bench_reading to;
	uint64_t ops;
	double per_op, wall_ns;

	clock_nanosleep(CLOCK_MONOTONIC, 0, &rest, NULL);
	to = bench_read(b);
	ops = to.ops - from.ops;
	per_op = ops ? 1 / (double)ops : 0;
	wall_ns = (double)(to.at_ns - from.at_ns);
	printf("ops=%" PRIu64 " wall_ns_per_op=%.1f cpu_ns_per_op=%.1f switches_per_op=%.4f"
	       " ops_per_s=%.0f\n",
	       ops, wall_ns * per_op, (double)(to.cpu_ns - from.cpu_ns) * per_op,
	       (double)(to.switches - from.switches) * per_op, (double)ops * 1e9 / wall_ns);
	fflush(stdout);
}

/* Run the laps and end.  Workers never return, so they end with the process. */
_Noreturn static inline void bench_finish(const struct bench *b)
{
	char line[64];
	double seconds;
	int status = 0;

	if (!b->laps)
		bench_lap(b, b->seconds);
	while (b->laps && fgets(line, sizeof(line), stdin)) {
		if (!bench_parse_seconds(line, &seconds)) {
			fprintf(stderr, "%s: a lap takes seconds, not '%.*s'\n", b->name,
				(int)strcspn(line, "\n"), line);
			status = 2;
			break;
		}
		bench_lap(b, seconds);
	}
	fflush(stdout);
	for (uint32_t i = 0; i < b->children_len; i++) {
		kill(b->children[i], SIGKILL);
		waitpid(b->children[i], NULL, 0);
	}
	_exit(status);
}

#endif
