/* SPDX-License-Identifier: GPL-2.0-only */
/* The suites, one for each file. */
#ifndef TESTS_KERNEL_SUITES_H
#define TESTS_KERNEL_SUITES_H

#include <check.h>

Suite *kernel_class_suite(void);
Suite *kernel_peer_suite(void);
Suite *kernel_sched_suite(void);
Suite *kernel_stop_suite(void);
Suite *kernel_lock_suite(void);
Suite *kernel_seed_suite(void);
Suite *kernel_futex_suite(void);
Suite *kernel_pthread_suite(void);
Suite *kernel_blame_suite(void);
Suite *kernel_episode_suite(void);
Suite *kernel_life_suite(void);
Suite *kernel_self_suite(void);

/* A new case of @suite with the time that a kernel test may need, 60 s. */
TCase *kernel_case(Suite *suite, const char *name);
/* Say why something is not tested here; the test then returns. */
void kernel_skip(const char *what, const char *why);

#endif
