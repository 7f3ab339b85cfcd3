/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a cure would give at most: upper bounds of the speed-up, pure arithmetic.
 *
 * Symbols as in docs/VERDICTS.md: U = CPUs that the target keeps busy, C = CPUs it could keep busy,
 * A = thread time that is not idle, W = the part of it that is waiting for the thing to be cured,
 * rho = share of wall time in which at least one thread waits for it.  A speed-up S >= 1 is a
 * factor of throughput; G = 1 - 1/S, the share of the time that goes away, is what is ranked.
 */
#ifndef ANALYSIS_GAIN_H
#define ANALYSIS_GAIN_H

#include "analysis/analysis.h"

/* Beyond this a bound says no more than "nearly all of the time": larger ones are cut to it. */
#define GAIN_RATIO_MAX 100.0

struct gain {
	double ratio;		    /* S, in [1, GAIN_RATIO_MAX] */
	enum gain_limit limited_by; /* which bound was the smallest */
};

/* G = 1 - 1/S; 0 for S <= 1. */
double gain_share(double ratio);

/* C = min(allowed, quota, U + idle), never below U.  In CPUs; @quota 0 = none. */
double gain_usable_cpus(double busy, double idle, double allowed, double quota);

struct gain_wait {
	double removed;	     /* share of the wait that the cure takes away, 1 = all of it */
	double rho;	     /* [0,1] */
	double busy_cpus;    /* U */
	double usable_cpus;  /* C */
	double non_idle_ns;  /* A */
	double wait_ns;	     /* W */
	double least_own_ns; /* A - W cannot be less: e.g. somebody holds a lock while others wait
			      */
	double io_ns;	     /* of A - W: disk and network, which would be what remains */
};

/*
 * S <= min( 1/(1 - f rho), C/U, A/(A - f W) ).
 *
 * C/U: more CPUs cannot be kept busy.  A/(A - f W): the threads' time without the wait (wPerf,
 * OSDI'18).  1/(1 - f rho): Amdahl over wall time: where nobody waits nothing gets faster; it
 * implies the 1/((1 - f) rho) of a serial resource's utilisation law and is tighter below rho = 1.
 */
struct gain gain_remove_wait(const struct gain_wait *in);

/* min(C, N) / U: @threads_max (N) threads share the work on C CPUs instead of U. */
struct gain gain_spread(double busy_cpus, double usable_cpus, double threads_max);

/*
 * CPU time that is withheld from threads that want to run: U rises to
 * min(limit, U + withheld, U + wanted).  All in CPUs; @limit = allowed by affinity and quota,
 * @withheld = what is taken by others or by a quota, @wanted = mean number of threads that wait for
 * a CPU.
 */
struct gain gain_cpu_time(double busy_cpus, double limit, double withheld, double wanted);

/*
 * Karp-Flatt metric e = (1/s - 1/N) / (1 - 1/N) (Karp and Flatt, CACM 33(5), 1990): the serial
 * share that explains a mean of @active (s) CPUs kept busy where @cpus (N) could be.  In [0,1]; 0
 * for N <= 1 or s <= 0.
 */
double gain_serial_share(double active, double cpus);

/*
 * The share of the CPUs that threads with work could keep busy in which none of them ran: "full" of
 * the kernel's pressure stall information (kernel/sched/psi.c), (T - min(P, T)) / T with T =
 * min(threads with work, CPUs), P = those that run, of means.  In [0,1].
 */
double gain_lost_parallelism(double with_work, double running, double cpus);

/*
 * Work that need not be done: @removed of @busy_cpus.  The rest may use @usable_cpus (more than
 * @busy_cpus where that work keeps CPUs idle, too), and the process that limits the others has
 * @share of its time in it.
 */
struct gain gain_remove_work(double busy_cpus, double usable_cpus, double removed, double share);

#endif
