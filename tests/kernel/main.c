// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of the live source against this machine's kernel: root is needed.
 * CK_RUN_SUITE=kernel_futex picks one suite, KERNEL_SUITES="futex lock" several, CK_FORK=no eases
 * debugging.  With TRIES=N a test that fails is run again, N times in all, and its last run counts.
 * They compare with clocks of their own, and on a disturbed machine these are off, while a defect
 * fails each time.
 */
#include "tests/kernel/suites.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"

#define SUITE(name)                          \
	{                                    \
#name, kernel_##name##_suite \
	}
static const struct {
	const char *name;
	Suite *(*make)(void);
} suites[] = {
	SUITE(class), SUITE(peer),    SUITE(sched), SUITE(stop),    SUITE(lock),      SUITE(seed),
	SUITE(futex), SUITE(pthread), SUITE(blame), SUITE(episode), SUITE(herd),      SUITE(life),
	SUITE(self),  SUITE(edge),    SUITE(tree),  SUITE(loop),    SUITE(loop_life),
};

/* KERNEL_SUITES names those to run, separated by spaces; all where it is not set. */
static bool wanted(const char *name)
{
	const char *list = getenv("KERNEL_SUITES"), *at = list;
	size_t len = strlen(name);

	if (!list)
		return true;
	for (at = strstr(list, name); at; at = strstr(at + 1, name))
		if ((at == list || at[-1] == ' ') && (at[len] == ' ' || !at[len]))
			return true;
	return false;
}

void kernel_add(Suite *suite, const char *name, const TTest *test, int times)
{
	TCase *tc = tcase_create(name);

	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, test, 0, times);
	suite_add_tcase(suite, tc);
}

void kernel_skip(const char *what, const char *why)
{
	printf("SKIP %s: %s\n", what, why);
	fflush(stdout);
}

/* 0, or why no eBPF program can be loaded here: asked of the kernel itself. */
static int bpf_refused(void)
{
	const struct bpf_insn program[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0},
		{.code = BPF_JMP | BPF_EXIT},
	};
	int fd = bpf_prog_load(BPF_PROG_TYPE_RAW_TRACEPOINT, "may_i", "GPL", program,
			       ARRAY_LEN(program), NULL);

	if (fd < 0)
		return -fd;
	close(fd);
	return 0;
}

/*
 * A virtual machine's kernel may shield the host's agent from its own root.  Whatever happens while
 * such a process is on a CPU, interrupts and the wakeups in them included, is kept from eBPF,
 * without being counted: now and then a wakeup is missing, and a test that is right fails.
 */
static bool events_are_hidden(void)
{
	char target[256];

	return readlink("/proc/1/exe", target, sizeof(target)) < 0 &&
	       (errno == EACCES || errno == EPERM);
}

static int tries(void)
{
	const char *text = getenv("TRIES");

	return text && atoi(text) > 1 ? atoi(text) : 1;
}

static SRunner *new_runner(void)
{
	SRunner *runner = srunner_create(NULL);

	for (size_t i = 0; i < ARRAY_LEN(suites); i++)
		srunner_add_suite(runner, suites[i].make());
	return runner;
}

static void tell(const char *head, TestResult *result)
{
	printf("%s %s: %s:%d: %s\n", head, tr_tcname(result), tr_lfile(result), tr_lno(result),
	       tr_msg(result));
	fflush(stdout);
}

/* Run case @name again; does it pass in the end? */
static bool passes_again(const char *name)
{
	for (int i = 2; i <= tries(); i++) {
		SRunner *runner = new_runner();
		TestResult **results;
		bool passed;

		srunner_run(runner, NULL, name, CK_SILENT);
		passed = srunner_ntests_run(runner) > 0 && srunner_ntests_failed(runner) == 0;
		results = passed ? NULL : srunner_failures(runner);
		if (results && srunner_ntests_failed(runner) > 0)
			tell("again", results[0]);
		free(results);
		srunner_free(runner);
		if (passed)
			return true;
	}
	return false;
}

/* How many of @runner's failures stay. */
static int count_failures(SRunner *runner)
{
	int failed = srunner_ntests_failed(runner), stay = 0;
	TestResult **results = srunner_failures(runner);

	for (int i = 0; results && i < failed; i++) {
		if (tries() > 1)
			tell("again", results[i]);
		if (passes_again(tr_tcname(results[i])))
			continue;
		tell("FAIL", results[i]);
		stay++;
	}
	if (stay && events_are_hidden())
		printf("(this machine's host hides events from eBPF: see tests/kernel/main.c)\n");
	free(results);
	return results ? stay : failed;
}

int main(void)
{
	const char *ci = getenv("CI"), *only = getenv("CK_RUN_SUITE");
	int failed = 0, run = 0, refused = bpf_refused();

	if (refused == EPERM || refused == EACCES || refused == ENOSYS) {
		printf("SKIP kernel tests: eBPF: %s\n", strerror(refused));
		return ci && !strcmp(ci, "true") ? EXIT_FAILURE : EXIT_SUCCESS;
	}
	for (size_t i = 0; i < ARRAY_LEN(suites); i++) {
		SRunner *runner;
		int more;

		if (!wanted(suites[i].name))
			continue;
		runner = srunner_create(suites[i].make());
		srunner_run(runner, only, getenv("CK_RUN_CASE"), CK_SILENT);
		more = srunner_ntests_run(runner);
		failed += count_failures(runner);
		run += more;
		srunner_free(runner);
		if (more == 0)
			continue;
		printf("  %d checks so far, %d failed\n", run, failed);
		fflush(stdout);
	}
	printf("%d checks of the kernel side, %d failed\n", run, failed);
	if (run == 0)
		fprintf(stderr,
			"no test ran: does CK_RUN_SUITE or CK_RUN_CASE name one that exists?\n");
	return run > 0 && failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
