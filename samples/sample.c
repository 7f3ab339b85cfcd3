// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "sample.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define STACK_BYTES (128 * 1024)
/* Longer work is checked against the CPU clock each so often; shorter work trusts the calibration.
 */
#define WORK_STEP_NS (20 * SAMPLE_NS_PER_US)

_Noreturn void sample_die(const char *what, int errnum)
{
	fprintf(stderr, "sample: %s: %s\n", what, strerror(errnum));
	exit(1);
}

/* ---- clocks and work ---- */

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec now = {0};

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * SAMPLE_NS_PER_S + (uint64_t)now.tv_nsec;
}

static struct timespec to_timespec(uint64_t ns)
{
	return (struct timespec){.tv_sec = (time_t)(ns / SAMPLE_NS_PER_S),
				 .tv_nsec = (long)(ns % SAMPLE_NS_PER_S)};
}

struct timespec sample_deadline(uint64_t after_ns)
{
	return to_timespec(clock_ns(CLOCK_REALTIME) + after_ns);
}

static void spin(uint64_t iterations)
{
	uint64_t x = iterations;

	while (iterations--) {
		x = x * 6364136223846793005ULL + 1442695040888963407ULL;
		__asm__ volatile("" : "+r"(x)); /* keeps the loop in the optimised program */
	}
}

/* The fastest of some short runs: the one that was least disturbed. */
static uint64_t calibrate(void)
{
	const uint64_t iterations = 200000;
	uint64_t best_ns = UINT64_MAX;

	for (int i = 0; i < 10; i++) {
		uint64_t begin_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID);
		spin(iterations);
		uint64_t took_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID) - begin_ns;
		if (took_ns > 0 && took_ns < best_ns)
			best_ns = took_ns;
	}
	return iterations * SAMPLE_NS_PER_US / best_ns + 1;
}

void sample_work_us(const struct sample *s, unsigned work_us)
{
	uint64_t left_ns = work_us * SAMPLE_NS_PER_US;

	if (left_ns <= WORK_STEP_NS) {
		spin(s->iterations_per_us * work_us);
		return;
	}
	uint64_t end_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID) + left_ns;
	for (;;) {
		uint64_t now_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID);
		if (now_ns >= end_ns)
			return;
		left_ns = end_ns - now_ns;
		if (left_ns > WORK_STEP_NS)
			left_ns = WORK_STEP_NS;
		spin(s->iterations_per_us * left_ns / SAMPLE_NS_PER_US + 1);
	}
}

void sample_sleep_us(unsigned sleep_us)
{
	struct timespec left = to_timespec(sleep_us * SAMPLE_NS_PER_US);

	nanosleep(&left, NULL); /* no sample has signal handlers: nothing interrupts it */
}

/* ---- ground truth ---- */

static uint64_t thread_cpu_ns(const struct sample_thread *thread)
{
	uint64_t cpu_ns = __atomic_load_n(&thread->cpu_ns, __ATOMIC_RELAXED);
	clockid_t clock;

	if (cpu_ns != 0 || pthread_getcpuclockid(thread->handle, &clock) != 0)
		return cpu_ns;
	return clock_ns(clock);
}

/* A key=value line must survive any name: all but plain characters as \xHH. */
static void print_name(const char *name)
{
	for (; *name != '\0'; name++) {
		unsigned char c = (unsigned char)*name;
		if (c > ' ' && c < 0x7f && c != '\\' && c != '=')
			putchar(c);
		else
			printf("\\x%02x", c);
	}
}

static void print_truth(const struct sample *s)
{
	struct sample_tally total = {0};
	struct rusage usage = {0};
	uint64_t now_ns = sample_now_ns();

	for (const struct sample_group *g = s->groups; g != NULL; g = g->next) {
		for (unsigned i = 0; i < g->count; i++) {
			const struct sample_thread *thread = &g->threads[i];
			struct sample_tally tally = sample_tally_read(&thread->tally, now_ns);
			sample_tally_add(&total, &tally);
			if (tally.ops == 0 && tally.wait_ns == 0)
				continue; /* parked by design: thousands of empty lines help nobody
					   */
			printf("truth thread=%d name=", thread->tid);
			print_name(thread->name);
			sample_tally_print(&tally);
			printf(" cpu_ns=%" PRIu64 "\n", thread_cpu_ns(thread));
		}
	}
	getrusage(RUSAGE_SELF, &usage);
	printf("truth at_ns=%" PRIu64 " elapsed_ns=%" PRIu64, now_ns, now_ns - s->start_ns);
	if (total.ops > 0)
		sample_tally_print(&total);
	printf(" process_cpu_ns=%" PRIu64 " voluntary_switches=%ld involuntary_switches=%ld\n",
	       clock_ns(CLOCK_PROCESS_CPUTIME_ID), usage.ru_nvcsw, usage.ru_nivcsw);
	if (s->spec->report != NULL)
		s->spec->report(s);
	printf("truth end\n");
	fflush(stdout);
}

/* ---- start ---- */

static _Noreturn void usage(const struct sample_spec *spec, FILE *out, int status)
{
	fprintf(out, "usage: %s [--fixed] [--seconds N]%s%s\n%s\n", spec->name,
		spec->takes_file ? " [--file PATH]" : "", spec->count ? " [COUNT]" : "",
		spec->does);
	fprintf(out, "--fixed: %s\nSIGUSR1 prints the truth so far, SIGTERM prints it and ends.\n",
		spec->fixed ? spec->fixed : "nothing to cure, runs the same");
	exit(status);
}

static uint64_t parse_number(const struct sample_spec *spec, const char *text, uint64_t max)
{
	char *end;

	errno = 0;
	unsigned long long value = strtoull(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0' || *text == '-' || value < 1 || value > max)
		usage(spec, stderr, 2);
	return value;
}

static void parse_options(struct sample *s, int argc, char **argv)
{
	static const struct option options[] = {{"fixed", no_argument, NULL, 'x'},
						{"seconds", required_argument, NULL, 's'},
						{"file", required_argument, NULL, 'f'},
						{"help", no_argument, NULL, 'h'},
						{NULL, 0, NULL, 0}};
	const struct sample_spec *spec = s->spec;
	int option;

	while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (option == 'x')
			s->fixed = true;
		else if (option == 's')
			s->seconds = parse_number(spec, optarg, 1000000);
		else if (option == 'f' && spec->takes_file)
			s->file = optarg;
		else
			usage(spec, option == 'h' ? stdout : stderr, option == 'h' ? 0 : 2);
	}
	if (optind < argc && spec->count != 0)
		s->count = (unsigned)parse_number(spec, argv[optind++], spec->count_max);
	if (optind < argc)
		usage(spec, stderr, 2);
}

static void pin(unsigned wanted)
{
	cpu_set_t allowed, chosen;

	if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0)
		sample_die("sched_getaffinity", errno);
	CPU_ZERO(&chosen);
	for (int cpu = 0; cpu < CPU_SETSIZE && wanted > 0; cpu++) {
		if (CPU_ISSET(cpu, &allowed)) {
			CPU_SET(cpu, &chosen);
			wanted--;
		}
	}
	if (sched_setaffinity(0, sizeof(chosen), &chosen) != 0)
		sample_die("sched_setaffinity", errno);
}

static void catch_signals(struct sample *s)
{
	sigset_t signals;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
	s->signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	if (s->signal_fd < 0)
		sample_die("signalfd", errno);
}

void sample_init(struct sample *s, const struct sample_spec *spec, int argc, char **argv)
{
	*s = (struct sample){.spec = spec, .seconds = 3600, .count = spec->count};
	parse_options(s, argc, argv);
	if (spec->pin_cpus > 0)
		pin(spec->pin_cpus);
	catch_signals(s);
	if (pipe2(s->leash, O_CLOEXEC) != 0)
		sample_die("pipe2", errno);
	s->iterations_per_us = calibrate();
	s->start_ns = sample_now_ns();
}

/* ---- processes outside of the target ---- */

static void *end_with_sample(void *arg)
{
	const struct sample *s = arg;
	char byte;

	/* Nobody writes: the read ends when the sample, the only holder of the other end, has
	 * ended. */
	_exit(read(s->leash[0], &byte, 1) != 0);
}

static _Noreturn void outside_main(struct sample *s, const char *name,
				   void (*body)(struct sample *s))
{
	pthread_t watcher;
	sigset_t none;
	int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	/* Who reads the sample's output must not wait for this process. */
	for (int fd = 0; fd <= STDERR_FILENO; fd++)
		dup2(null_fd, fd);
	close(s->leash[1]);
	close(s->signal_fd);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	prctl(PR_SET_NAME, name);
	if (null_fd < 0 || pthread_create(&watcher, NULL, end_with_sample, s) != 0)
		_exit(1);
	body(s);
	for (;;)
		pause();
}

void sample_outside(struct sample *s, const char *name, void (*body)(struct sample *s))
{
	pid_t middle = fork();

	if (middle < 0)
		sample_die("fork", errno);
	if (middle == 0) {
		setsid();
		pid_t outside = fork();
		if (outside == 0)
			outside_main(s, name, body);
		_exit(outside < 0);
	}
	int status = 0;
	if (waitpid(middle, &status, 0) < 0 || status != 0)
		sample_die("fork of a process outside", EAGAIN);
}

/* ---- threads ---- */

static void *thread_main(void *arg)
{
	struct sample_thread *self = arg;

	self->tid = gettid();
	pthread_setname_np(pthread_self(), self->name);
	__atomic_fetch_add(&self->sample->started, 1, __ATOMIC_RELEASE);
	self->body(self);
	__atomic_store_n(&self->cpu_ns, clock_ns(CLOCK_THREAD_CPUTIME_ID), __ATOMIC_RELAXED);
	return NULL;
}

struct sample_thread *sample_start(struct sample *s, unsigned count, const char *prefix,
				   void (*body)(struct sample_thread *self))
{
	struct sample_group *group = calloc(1, sizeof(*group) + count * sizeof(group->threads[0]));
	pthread_attr_t attr;

	if (group == NULL)
		sample_die("threads", ENOMEM);
	group->count = count;
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	for (unsigned i = 0; i < count; i++) {
		struct sample_thread *thread = &group->threads[i];
		thread->sample = s;
		thread->index = i;
		thread->body = body;
		snprintf(thread->name, sizeof(thread->name), "%s-%u", prefix, i);
		int error = pthread_create(&thread->handle, &attr, thread_main, thread);
		if (error != 0)
			sample_die("pthread_create", error);
	}
	pthread_attr_destroy(&attr);
	struct sample_group **end = &s->groups;
	while (*end != NULL)
		end = &(*end)->next;
	*end = group;
	return group->threads;
}

void sample_rename(struct sample_thread *self, const char *name)
{
	snprintf(self->name, sizeof(self->name), "%s", name);
	pthread_setname_np(pthread_self(), self->name);
}

bool sample_stopping(const struct sample *s)
{
	return __atomic_load_n(&s->stopping, __ATOMIC_ACQUIRE);
}

void sample_ready(struct sample *s)
{
	unsigned wanted = 0;

	for (const struct sample_group *g = s->groups; g != NULL; g = g->next)
		wanted += g->count;
	while (__atomic_load_n(&s->started, __ATOMIC_ACQUIRE) < wanted)
		sample_sleep_us(1000);
	const char *fixed = !s->fixed ? "no" : s->spec->fixed ? "yes" : "same";
	printf("ready pid=%d sample=%s fixed=%s threads=%u\n", getpid(), s->spec->name, fixed,
	       wanted + 1);
	fflush(stdout);
}

/* Handles what has arrived; true when the sample is to end. */
static bool take_signals(struct sample *s)
{
	struct signalfd_siginfo info;
	bool end = false;

	while (read(s->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		if (info.ssi_signo == SIGUSR1)
			print_truth(s);
		else
			end = true;
	}
	return end;
}

bool sample_wait(struct sample *s, uint64_t timeout_ns)
{
	struct pollfd signals = {.fd = s->signal_fd, .events = POLLIN};
	uint64_t end_ns = s->start_ns + s->seconds * SAMPLE_NS_PER_S;
	uint64_t now_ns = sample_now_ns();
	uint64_t until_ns = end_ns;

	if (now_ns < end_ns && timeout_ns < end_ns - now_ns)
		until_ns = now_ns + timeout_ns;
	while (now_ns < until_ns) {
		struct timespec left = to_timespec(until_ns - now_ns);
		if (ppoll(&signals, 1, &left, NULL) > 0 && take_signals(s))
			break;
		now_ns = sample_now_ns();
	}
	if (now_ns < until_ns || now_ns >= end_ns)
		__atomic_store_n(&s->stopping, true, __ATOMIC_RELEASE);
	return !sample_stopping(s);
}

int sample_finish(struct sample *s)
{
	for (struct sample_group *g = s->groups; g != NULL; g = g->next)
		for (unsigned i = 0; i < g->count; i++)
			pthread_join(g->threads[i].handle, NULL);
	print_truth(s);
	while (s->groups != NULL) {
		struct sample_group *next = s->groups->next;
		free(s->groups);
		s->groups = next;
	}
	return 0;
}

int sample_run(struct sample *s)
{
	sample_ready(s);
	while (sample_wait(s, UINT64_MAX))
		;
	return sample_finish(s);
}

/* ---- files and sockets ---- */

int sample_open_file(const struct sample *s)
{
	char path[PATH_MAX];
	const char *dir = getenv("TMPDIR");
	int fd;

	if (s->file != NULL) {
		fd = open(s->file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
		if (fd < 0)
			sample_die(s->file, errno);
		return fd;
	}
	snprintf(path, sizeof(path), "%s/concprof-sample-XXXXXX", dir ? dir : "/var/tmp");
	fd = mkostemp(path, O_CLOEXEC);
	if (fd < 0)
		sample_die(path, errno);
	unlink(path);
	return fd;
}

int sample_listen(uint16_t *ret_port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t len_bytes = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 ||
	    listen(fd, SOMAXCONN) != 0 ||
	    getsockname(fd, (struct sockaddr *)&address, &len_bytes) != 0)
		sample_die("listen on loopback", errno);
	*ret_port = ntohs(address.sin_port);
	return fd;
}

int sample_connect(uint16_t port)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_port = htons(port),
				      .sin_addr = {htonl(INADDR_LOOPBACK)}};
	int on = 1;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0 ||
	    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0)
		sample_die("connect on loopback", errno);
	return fd;
}

bool sample_send(int fd, const void *data, size_t len_bytes)
{
	return send(fd, data, len_bytes, MSG_NOSIGNAL) == (ssize_t)len_bytes;
}

bool sample_receive(int fd, void *data, size_t len_bytes)
{
	return recv(fd, data, len_bytes, MSG_WAITALL) == (ssize_t)len_bytes;
}
