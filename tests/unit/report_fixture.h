/* SPDX-License-Identifier: GPL-2.0-only */
/* Hand-built reports for the tests of report/ and render/. */
#ifndef TESTS_UNIT_REPORT_FIXTURE_H
#define TESTS_UNIT_REPORT_FIXTURE_H

#include "report/report.h"

struct report_fixture {
	struct snapshot snap;
	struct verdict verdict;
	struct report rep;
	/* The arrays behind snap, for tests that change something. */
	struct snap_process processes[2];
	struct snap_thread threads[4];
	struct snap_lock locks[3];
	struct snap_waiter waiters[4];
	struct snap_holder holders[4];
	struct snap_stack stacks[4];
	struct snap_block blocks[4];
	struct snap_sample samples[2];
	struct snap_edge edges[1];
	struct snap_slice slices[2];
	struct snap_loop loops[2];
	struct snap_stall stalls[3];
	double lock_gain[3];
	const char *slice_bottleneck[2];
};

/*
 * A database server: 10 s on 2 CPUs, one process with 4 threads, two of them "con".
 * locks[0]: mutex log_sys.mutex, 43,100 waits, 12.9 s blamed on con-17 (8 s, disk), con-04 (4 s)
 * and unknown (0.9 s); locks[1]: rwlock, 0.3 s; locks[2]: the condvar of an idle pool.
 */
void report_fixture_server(struct report_fixture *fix);
/*
 * Adds to either server: loops[0], asyncio in thread "signal", 2,000 turns, 3 stalls of which two
 * are kept; loops[1], a worker that polls between items, with one stall.
 */
void report_fixture_loops(struct report_fixture *fix, const char *kind, const char *task);
/* The same with hostile bytes in every name that a target supplies. */
void report_fixture_hostile(struct report_fixture *fix);
/* An idle program: no locks, no samples, one thread. */
void report_fixture_idle(struct report_fixture *fix);
void report_fixture_free(struct report_fixture *fix);

#endif
