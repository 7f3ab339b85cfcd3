/* SPDX-License-Identifier: GPL-2.0-only */
/* What the kernel itself says of a thread: the truth that concprof's figures are held against. */
#ifndef TESTS_KERNEL_PROC_H
#define TESTS_KERNEL_PROC_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct proc_clock {
	uint64_t run_ns;     /* schedstat: on a CPU .. */
	uint64_t runq_ns;    /* .. on a run queue, waiting .. */
	uint64_t timeslices; /* .. times that it got a CPU */
	uint64_t voluntary;  /* status: switches */
	uint64_t involuntary;
};

uint64_t clock_ns(void);
/* Sleep for @ms as a duration that a test is about; conditions are waited for by AWAIT. */
void sleep_ms(unsigned ms);
/* Occupy a CPU for @ms of wall time. */
void spin_ms(unsigned ms);

/* Of thread @tid of process @pid, exact while it does not run. False when it is gone. */
bool proc_clock(pid_t pid, pid_t tid, struct proc_clock *ret);
/* 'R', 'S', 'D', 'T', 'Z', ..; 0 when it is gone. */
char proc_state(pid_t pid, pid_t tid);
/* Is it blocked right now in system call @nr, with @arg0 as its first argument (0 = any)? */
bool proc_blocked(pid_t pid, pid_t tid, long nr, uint64_t arg0);
bool proc_exists(pid_t pid, pid_t tid);
/* What the hypervisor kept the machine's CPUs from running, so far; in steps of 10 ms. */
uint64_t proc_steal_ns(void);
/* Threads on this machine. */
unsigned proc_threads(void);

/* CK_TIMEOUT_MULTIPLIER: how many times slower than usual this machine is. */
unsigned patience(void);
/* What a measurement may be off by, whatever its length. */
uint64_t slack_ns(void);

#define AWAIT_S 10
/* Wait for a condition; the test fails when it does not come true in time. */
#define AWAIT(condition)                                                                          \
	do {                                                                                      \
		uint64_t await_end = clock_ns() + AWAIT_S * 1000000000ULL * patience();           \
		while (!(condition)) {                                                            \
			ck_assert_msg(clock_ns() < await_end, "never came true: %s", #condition); \
			sleep_ms(1);                                                              \
		}                                                                                 \
	} while (0)

#endif
