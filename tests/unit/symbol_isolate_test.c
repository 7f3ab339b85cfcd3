// SPDX-License-Identifier: GPL-2.0-only
/* What the work does below, the parent must survive; the kernel is asked whether the child is gone.
 */
#include "symbol/isolate.h"

#include "tests/unit/suites.h"
#include "tests/unit/symbol_fixture.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/num.h"

#define LONG_NS (UINT64_C(60) * 1000 * 1000 * 1000)
#define SHORT_NS (UINT64_C(50) * 1000 * 1000)
#define ANSWER_BYTES (UINT64_C(1) << 20)

struct answer {
	uint8_t bytes[ANSWER_BYTES];
	size_t len;
	size_t pieces;
	int give_up; /* what take() returns */
};

static struct answer answer;

static int take(void *ctx, const uint8_t *bytes, size_t len)
{
	struct answer *to = ctx;

	to->pieces++;
	if (to->give_up)
		return to->give_up;
	ck_assert_uint_le(len, ANSWER_BYTES - to->len);
	memcpy(to->bytes + to->len, bytes, len);
	to->len += len;
	return 0;
}

static int run_keeping(void (*work)(void *, int), uint64_t limit_ns, const int *fds, size_t fds_len)
{
	const struct isolate iso = {.work = work,
				    .ctx = &answer,
				    .take = take,
				    .keep_fds = fds,
				    .keep_fds_len = fds_len,
				    .limit_ns = limit_ns};
	int r = isolate_run(&iso);

	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
	ck_assert_int_eq(errno, ECHILD);
	return r;
}

static int run(void (*work)(void *, int), uint64_t limit_ns)
{
	return run_keeping(work, limit_ns, NULL, 0);
}

/* The sanitizer's own handlers would but print what is meant to happen. */
static void setup(void)
{
	signal(SIGSEGV, SIG_DFL);
	signal(SIGBUS, SIG_DFL);
	answer.len = answer.pieces = 0;
	answer.give_up = 0;
}

static void say(int out, const void *bytes, size_t len)
{
	while (len) {
		ssize_t n = write(out, bytes, len);

		if (n <= 0)
			_exit(99);
		bytes = (const char *)bytes + n;
		len -= (size_t)n;
	}
}

static void check_answer(const char *text)
{
	ck_assert_uint_eq(answer.len, strlen(text));
	ck_assert_mem_eq(answer.bytes, text, answer.len);
}

static void work_whole(void *ctx, int out)
{
	uint32_t numbers[ANSWER_BYTES / sizeof(uint32_t)];

	(void)ctx;
	for (uint32_t i = 0; i < ARRAY_LEN(numbers); i++)
		numbers[i] = i * 2654435761U;
	say(out, numbers, sizeof(numbers));
}

START_TEST(the_whole_answer_in_order)
{
	ck_assert_int_eq(run(work_whole, LONG_NS), 0);
	ck_assert_uint_eq(answer.len, ANSWER_BYTES);
	for (uint32_t i = 0; i < ANSWER_BYTES / 4; i++) {
		uint32_t number;

		memcpy(&number, answer.bytes + 4 * (size_t)i, sizeof(number));
		ck_assert_uint_eq(number, i * 2654435761U);
	}
}
END_TEST

static void work_nothing(void *ctx, int out)
{
	/* What is written here is the child's copy. */
	((struct answer *)ctx)->len = 77;
	(void)out;
}

START_TEST(no_answer)
{
	ck_assert_int_eq(run(work_nothing, LONG_NS), 0);
	ck_assert_uint_eq(answer.len, 0);
	ck_assert_uint_eq(answer.pieces, 0);
}
END_TEST

static void work_segv(void *ctx, int out)
{
	volatile char *nowhere = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)ctx;
	say(out, "part", 4);
	*nowhere = 1;
	say(out, "more", 4);
}

static void work_bus(void *ctx, int out)
{
	int fd = memfd_create("short", MFD_CLOEXEC);
	volatile char *bytes;

	(void)ctx;
	if (fd < 0 || ftruncate(fd, 4096) < 0)
		_exit(99);
	bytes = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
	if (bytes == MAP_FAILED || bytes[0] || ftruncate(fd, 0) < 0)
		_exit(99);
	say(out, "part", 4);
	say(out, (const void *)&(char){bytes[0]}, 1);
}

static void work_abort(void *ctx, int out)
{
	(void)ctx;
	say(out, "part", 4);
	abort();
}

static void work_exit(void *ctx, int out)
{
	(void)ctx;
	say(out, "part", 4);
	_exit(1);
}

static void work_kill(void *ctx, int out)
{
	(void)ctx;
	say(out, "part", 4);
	kill(getpid(), SIGKILL);
}

START_TEST(work_that_dies)
{
	void (*const works[])(void *, int) = {work_segv, work_bus, work_abort, work_exit,
					      work_kill};

	ck_assert_int_eq(run(works[_i], LONG_NS), -EIO);
	/* What it said before is there. */
	check_answer("part");
}
END_TEST

static void work_pause(void *ctx, int out)
{
	(void)ctx;
	say(out, "part", 4);
	for (;;)
		pause();
}

static void work_spin(void *ctx, int out)
{
	volatile bool for_ever = true;

	(void)ctx;
	say(out, "part", 4);
	while (for_ever)
		;
}

/* A pipe that is closed is the answer's end, and not yet the work's. */
static void work_close_and_pause(void *ctx, int out)
{
	(void)ctx;
	say(out, "part", 4);
	close(out);
	for (;;)
		pause();
}

START_TEST(work_that_hangs)
{
	void (*const works[])(void *, int) = {work_pause, work_spin, work_close_and_pause};

	ck_assert_int_eq(run(works[_i], SHORT_NS), -ETIME);
	/* A slow machine may not have come as far. */
	ck_assert(answer.len == 0 || answer.len == 4);
}
END_TEST

static void work_talk(void *ctx, int out)
{
	(void)ctx;
	for (;;)
		say(out, "talk", 4);
}

START_TEST(work_that_never_stops_talking)
{
	answer.give_up = -EPROTO;
	ck_assert_int_eq(run(work_talk, LONG_NS), -EPROTO);
	ck_assert_uint_eq(answer.pieces, 1);
}
END_TEST

static int take_none(void *ctx, const uint8_t *bytes, size_t len)
{
	(void)ctx;
	(void)bytes;
	(void)len;
	return 0;
}

START_TEST(talking_does_not_move_the_limit)
{
	const struct isolate iso = {.work = work_talk, .take = take_none, .limit_ns = SHORT_NS};

	ck_assert_int_eq(isolate_run(&iso), -ETIME);
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
}
END_TEST

START_TEST(no_time_at_all)
{
	ck_assert_int_eq(run(work_pause, 0), -ETIME);
}
END_TEST

/* Ctrl-C in the terminal is for the parent to act on. */
static void work_signals(void *ctx, int out)
{
	(void)ctx;
	raise(SIGINT);
	raise(SIGTERM);
	raise(SIGHUP);
	raise(SIGQUIT);
	say(out, "alive", 5);
}

static void on_signal(int signal_number)
{
	(void)signal_number;
	_exit(98);
}

START_TEST(signals_of_the_terminal)
{
	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	ck_assert_int_eq(run(work_signals, LONG_NS), 0);
	check_answer("alive");
}
END_TEST

static void work_list_fds(void *ctx, int out)
{
	DIR *fds = opendir("/proc/self/fd");
	struct dirent *entry;

	(void)ctx;
	while (fds && (entry = readdir(fds))) {
		int fd = atoi(entry->d_name);

		if (entry->d_name[0] != '.' && fd != dirfd(fds) && fd != out)
			say(out, &fd, sizeof(fd));
	}
}

static bool child_had(int fd)
{
	for (size_t i = 0; i + sizeof(int) <= answer.len; i += sizeof(int))
		if (memcmp(answer.bytes + i, &fd, sizeof(fd)) == 0)
			return true;
	return false;
}

START_TEST(what_stays_open)
{
	int fds[40], keep[5];
	size_t standard = 0;

	for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
		/* Without O_CLOEXEC, and some far away. */
		fds[i] = fcntl(STDERR_FILENO, F_DUPFD, i % 2 ? 3 : 500);
		ck_assert_int_ge(fds[i], 3);
	}
	keep[0] = fds[38];
	keep[1] = fds[3];
	keep[2] = fds[38];
	keep[3] = STDERR_FILENO;
	keep[4] = fds[20];
	ck_assert_int_eq(run_keeping(work_list_fds, LONG_NS, keep, ARRAY_LEN(keep)), 0);
	for (int fd = 0; fd <= STDERR_FILENO; fd++)
		standard += fcntl(fd, F_GETFD) >= 0;
	ck_assert(child_had(fds[38]) && child_had(fds[3]) && child_had(fds[20]));
	ck_assert_uint_eq(answer.len / sizeof(int), 3 + standard);
	/* The parent's are as they were. */
	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		ck_assert_int_ge(fcntl(fds[i], F_GETFD), 0);
}
END_TEST

static void work_limits(void *ctx, int out)
{
	struct rlimit core, cpu;

	(void)ctx;
	getrlimit(RLIMIT_CORE, &core);
	getrlimit(RLIMIT_CPU, &cpu);
	if (core.rlim_max == 0 && cpu.rlim_max == 62)
		say(out, "limited", 7);
}

START_TEST(limits_of_the_kernel)
{
	struct rlimit cpu;

	ck_assert_int_eq(run(work_limits, LONG_NS), 0);
	check_answer("limited");
	getrlimit(RLIMIT_CPU, &cpu);
	ck_assert_uint_ne(cpu.rlim_max, 62);
}
END_TEST

#if !defined(__SANITIZE_ADDRESS__)
/* Until the memory is at an end; each page is written to. */
static void work_eat(void *ctx, int out)
{
	const size_t piece = 16 << 20;
	size_t had = 0;

	(void)ctx;
	for (char *p; had < 2 * ISOLATE_MEMORY_MAX && (p = malloc(piece)); had += piece)
		memset(p, 1, piece);
	say(out, &had, sizeof(had));
}

START_TEST(memory_has_an_end)
{
	size_t had, before = 600 << 20;
	char *large = malloc(before);

	ck_assert_ptr_nonnull(large);
	memset(large, 1, before);
	ck_assert_int_eq(run(work_eat, LONG_NS), 0);
	ck_assert_uint_eq(answer.len, sizeof(had));
	memcpy(&had, answer.bytes, sizeof(had));
	ck_assert_uint_le(had, ISOLATE_MEMORY_MAX);
	/* What the parent has does not count. */
	ck_assert_uint_ge(had, ISOLATE_MEMORY_MAX / 2);
	free(large);
}
END_TEST
#endif

Suite *symbol_isolate_suite(void)
{
	Suite *suite = suite_create("symbol_isolate");
	TCase *tcase = tcase_create("isolate");

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_add_test(tcase, the_whole_answer_in_order);
	tcase_add_test(tcase, no_answer);
	tcase_add_loop_test(tcase, work_that_dies, 0, 5);
	tcase_add_loop_test(tcase, work_that_hangs, 0, 3);
	tcase_add_test(tcase, work_that_never_stops_talking);
	tcase_add_test(tcase, talking_does_not_move_the_limit);
	tcase_add_test(tcase, no_time_at_all);
	tcase_add_test(tcase, signals_of_the_terminal);
	tcase_add_test(tcase, what_stays_open);
	tcase_add_test(tcase, limits_of_the_kernel);
#if !defined(__SANITIZE_ADDRESS__)
	tcase_add_test(tcase, memory_has_an_end);
#endif
	suite_add_tcase(suite, tcase);
	return suite;
}
