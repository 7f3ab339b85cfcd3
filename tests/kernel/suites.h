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
Suite *kernel_herd_suite(void);
Suite *kernel_life_suite(void);
Suite *kernel_loop_suite(void);
Suite *kernel_loop_life_suite(void);
Suite *kernel_self_suite(void);
Suite *kernel_edge_suite(void);
Suite *kernel_tree_suite(void);

/*
 * Add @test, to be run with _i from 0 to @times - 1, as a case of its own name, with the time that
 * a kernel test may need, 60 s.
 */
#define KERNEL_TEST(suite, test, times) kernel_add(suite, #test, test, times)
void kernel_add(Suite *suite, const char *name, const TTest *test, int times);
/* Say why something is not tested here; the test then returns. */
void kernel_skip(const char *what, const char *why);

#endif
