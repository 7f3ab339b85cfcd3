// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/gain.h"

#include "tests/unit/suites.h"

#define NEAR 1e-9

/* The CPUs full: 2 of which 0.5 are for nothing; not full: what is left may use both. */
START_TEST(work_that_goes_away)
{
	struct gain gain = gain_remove_work(2, 2, 0.5, 0.9);

	ck_assert_double_eq_tol(gain.ratio, 2 / 1.5, 1e-9);
	ck_assert_int_eq(gain.limited_by, LIMIT_CPUS);
	ck_assert_double_eq_tol(gain_remove_work(1, 2, 0.5, 0.9).ratio, 4, 1e-9);
	gain = gain_remove_work(1, 2, 0.5, 0.5); /* half of the limiting process's time remains */
	ck_assert_double_eq_tol(gain.ratio, 2, 1e-9);
	ck_assert_int_eq(gain.limited_by, LIMIT_THREADS);
	ck_assert_double_eq(gain_remove_work(1, 2, 5, 1).ratio, GAIN_RATIO_MAX);
	ck_assert_double_eq(gain_remove_work(2, 2, 0, 0.5).ratio, 1);
	ck_assert_double_eq(gain_remove_work(2, 2, 1, 0).ratio, 1);
}
END_TEST

START_TEST(share_is_the_time_that_goes_away)
{
	ck_assert_double_eq_tol(gain_share(2), 0.5, NEAR);
	ck_assert_double_eq_tol(gain_share(1.6), 0.375, NEAR);
	ck_assert_double_eq(gain_share(1), 0);
	ck_assert_double_eq(gain_share(0), 0);
	ck_assert_double_eq(gain_share(0.5), 0);
}
END_TEST

static const struct {
	double busy, idle, allowed, quota, usable;
} usable_cases[] = {
	{1.25, 0.75, 2, 0, 2},	   /* the rest of the machine is idle */
	{1.0, 0.0, 2, 0, 1},	   /* others have it all */
	{1.0, 0.5, 4, 0, 1.5},	   /* or part of it */
	{1.0, 15, 2, 0, 2},	   /* affinity */
	{0.5, 3.5, 4, 1.5, 1.5},   /* quota */
	{1.6, 3.5, 4, 1.5, 1.6},   /* bursts go beyond the quota: never below U */
	{2.02, -0.02, 2, 0, 2.02}, /* clocks that do not fit */
};

START_TEST(usable_cpus)
{
	double got = gain_usable_cpus(usable_cases[_i].busy, usable_cases[_i].idle,
				      usable_cases[_i].allowed, usable_cases[_i].quota);

	ck_assert_double_eq_tol(got, usable_cases[_i].usable, NEAR);
}
END_TEST

static const struct {
	struct gain_wait in;
	double ratio;
	enum gain_limit limited_by;
} wait_cases[] = {
	/* known answer 1: 4 threads, 200 us inside, 50 us outside: C/U = 2/1.25 */
	{{1, 1, 1.25, 2, 40, 27.5, 10, 0}, 1.6, LIMIT_CPUS},
	/* known answer 2: 4 threads sleep inside: A/(A - W) = 40/10 */
	{{1, 1, 0.01, 2, 40, 30, 10, 0}, 4, LIMIT_THREADS},
	/* the same where the holder's sleep was not counted in A: it holds all the same */
	{{1, 1, 0.01, 2, 30, 30, 10, 0}, 4, LIMIT_THREADS},
	/* what remains is waiting for the disk */
	{{1, 1, 0.01, 2, 40, 30, 10, 8}, 4, LIMIT_IO},
	/* waited for during a fifth of the time: Amdahl, 1/(1 - 0.2) */
	{{1, 0.2, 0.5, 2, 10, 8, 0, 0}, 1.25, LIMIT_LOCK},
	/* half of the wait: 1/(1 - 0.5), A/(A - 15) = 1.6 */
	{{0.5, 1, 0.01, 2, 40, 30, 10, 0}, 1.6, LIMIT_THREADS},
	{{0.5, 0.9, 0.01, 2, 40, 39, 1, 0}, 1 / 0.55, LIMIT_LOCK},
	/* full CPUs */
	{{1, 1, 2, 2, 40, 20, 10, 0}, 1, LIMIT_CPUS},
	/* nothing to cure */
	{{1, 1, 1, 2, 40, 0, 0, 0}, 1, LIMIT_NONE},
	{{0, 1, 1, 2, 40, 30, 10, 0}, 1, LIMIT_NONE},
	/* nothing but waiting: cut */
	{{1, 1, 0, 2, 40, 40, 0, 0}, GAIN_RATIO_MAX, LIMIT_THREADS},
};

START_TEST(remove_wait)
{
	struct gain gain = gain_remove_wait(&wait_cases[_i].in);

	ck_assert_double_eq_tol(gain.ratio, wait_cases[_i].ratio, NEAR);
	ck_assert_int_eq(gain.limited_by, wait_cases[_i].limited_by);
}
END_TEST

/* The bound 1/((1 - f) rho) of the utilisation law is never exceeded. */
START_TEST(serial_resource_bound_holds)
{
	for (int f = 0; f < 10; f++) {
		for (int rho = 1; rho <= 10; rho++) {
			struct gain_wait in = {.removed = f / 10.0,
					       .rho = rho / 10.0,
					       .busy_cpus = 0.001,
					       .usable_cpus = 2,
					       .non_idle_ns = 100,
					       .wait_ns = 99};
			double bound = 1 / ((1 - in.removed) * in.rho);

			ck_assert_double_le(gain_remove_wait(&in).ratio, bound + NEAR);
		}
	}
}
END_TEST

START_TEST(spread)
{
	struct gain gain = gain_spread(1, 2, 4);

	ck_assert_double_eq_tol(gain.ratio, 2, NEAR);
	ck_assert_int_eq(gain.limited_by, LIMIT_CPUS);
	gain = gain_spread(1, 8, 3);
	ck_assert_double_eq_tol(gain.ratio, 3, NEAR);
	ck_assert_int_eq(gain.limited_by, LIMIT_THREADS);
	ck_assert_double_eq(gain_spread(2, 2, 4).ratio, 1);
}
END_TEST

static const struct {
	double busy, limit, withheld, wanted, ratio;
	enum gain_limit limited_by;
} cpu_cases[] = {
	{0.5, 2, 1.5, 6, 4, LIMIT_CPUS},	   /* hogs beside 8 threads */
	{0.5, 2, 1.5, 0.5, 2, LIMIT_THREADS},	   /* one thread at half a CPU */
	{1.85, 2, 0.15, 30, 2 / 1.85, LIMIT_CPUS}, /* its own threads compete */
	{0.5, 0.5, 1.5, 6, 1, LIMIT_CPUS},	   /* a quota, others or not */
	{1, 4, 0, 5, 1, LIMIT_CPUS},		   /* nobody takes any */
};

START_TEST(cpu_time)
{
	struct gain gain = gain_cpu_time(cpu_cases[_i].busy, cpu_cases[_i].limit,
					 cpu_cases[_i].withheld, cpu_cases[_i].wanted);

	ck_assert_double_eq_tol(gain.ratio, cpu_cases[_i].ratio, NEAR);
	ck_assert_int_eq(gain.limited_by, cpu_cases[_i].limited_by);
}
END_TEST

/* Karp and Flatt's own form: speed-up s on N processors. */
START_TEST(serial_share)
{
	ck_assert_double_eq_tol(gain_serial_share(1, 2), 1, NEAR);
	ck_assert_double_eq_tol(gain_serial_share(2, 2), 0, NEAR);
	ck_assert_double_eq_tol(gain_serial_share(2, 4), 1.0 / 3, NEAR);
	/* Amdahl: serial share 0.1 on 8 gives s = 1/(0.1 + 0.9/8) */
	ck_assert_double_eq_tol(gain_serial_share(1 / (0.1 + 0.9 / 8), 8), 0.1, NEAR);
	ck_assert_double_eq(gain_serial_share(0.5, 2), 1);
	ck_assert_double_eq(gain_serial_share(0, 2), 0);
	ck_assert_double_eq(gain_serial_share(1, 1), 0);
}
END_TEST

#define LEN(a) ((int)(sizeof(a) / sizeof((a)[0])))

/* (T - min(P, T)) / T with T = min(threads with work, CPUs). */
START_TEST(lost_parallelism)
{
	ck_assert_double_eq_tol(gain_lost_parallelism(4, 1.32, 2), 0.34, 1e-9);
	ck_assert_double_eq_tol(gain_lost_parallelism(1.5, 0.3, 2), 0.8, 1e-9);
	ck_assert_double_eq(gain_lost_parallelism(4, 2, 2), 0);
	ck_assert_double_eq(gain_lost_parallelism(0.5, 0.6, 2), 0);
	ck_assert_double_eq(gain_lost_parallelism(3, 0, 2), 1);
	ck_assert_double_eq(gain_lost_parallelism(0, 0, 2), 0);
}
END_TEST

Suite *analysis_gain_suite(void)
{
	Suite *suite = suite_create("analysis_gain");
	TCase *tc = tcase_create("bounds");

	tcase_add_test(tc, share_is_the_time_that_goes_away);
	tcase_add_loop_test(tc, usable_cpus, 0, LEN(usable_cases));
	tcase_add_loop_test(tc, remove_wait, 0, LEN(wait_cases));
	tcase_add_test(tc, serial_resource_bound_holds);
	tcase_add_test(tc, spread);
	tcase_add_loop_test(tc, cpu_time, 0, LEN(cpu_cases));
	tcase_add_test(tc, work_that_goes_away);
	tcase_add_test(tc, serial_share);
	tcase_add_test(tc, lost_parallelism);
	suite_add_tcase(suite, tc);
	return suite;
}
