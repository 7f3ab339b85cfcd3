// SPDX-License-Identifier: GPL-2.0-only
/* The counters of the ground truth: one writer each, read while they are written. */
#define _GNU_SOURCE
#include "tally.h"

#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <sys/resource.h>
#include <time.h>

/* No thread gives up the CPU and comes back within this time. */
#define SURELY_AWAKE_NS (1 * SAMPLE_NS_PER_US)

uint64_t sample_now_ns(void)
{
	struct timespec now = {0};

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * SAMPLE_NS_PER_S + (uint64_t)now.tv_nsec;
}

static long voluntary_switches(void)
{
	struct rusage usage = {0};

	getrusage(RUSAGE_THREAD, &usage);
	return usage.ru_nvcsw;
}

/* Adds what has happened and sets the start of the open wait, as one step for a reader. */
static void tally_update(struct sample_tally *tally, const struct sample_tally *more)
{
	__atomic_store_n(&tally->seq, tally->seq + 1, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_RELEASE);
	__atomic_store_n(&tally->ops, tally->ops + more->ops, __ATOMIC_RELAXED);
	__atomic_store_n(&tally->waits, tally->waits + more->waits, __ATOMIC_RELAXED);
	__atomic_store_n(&tally->sleeps, tally->sleeps + more->sleeps, __ATOMIC_RELAXED);
	__atomic_store_n(&tally->wait_ns, tally->wait_ns + more->wait_ns, __ATOMIC_RELAXED);
	__atomic_store_n(&tally->blocked_ns, tally->blocked_ns + more->blocked_ns,
			 __ATOMIC_RELAXED);
	__atomic_store_n(&tally->hold_ns, tally->hold_ns + more->hold_ns, __ATOMIC_RELAXED);
	__atomic_store_n(&tally->asked_ns, more->asked_ns, __ATOMIC_RELAXED);
	__atomic_store_n(&tally->seq, tally->seq + 1, __ATOMIC_RELEASE);
}

struct sample_turn sample_ask(struct sample_tally *tally)
{
	struct sample_turn turn = {.tally = tally, .switches = voluntary_switches()};

	turn.asked_ns = sample_now_ns();
	tally_update(tally, &(struct sample_tally){.asked_ns = turn.asked_ns});
	return turn;
}

void sample_got(struct sample_turn *turn)
{
	struct sample_tally more = {0};

	turn->got_ns = sample_now_ns();
	more.wait_ns = turn->got_ns - turn->asked_ns;
	if (more.wait_ns > SURELY_AWAKE_NS)
		more.sleeps = (uint64_t)(voluntary_switches() - turn->switches);
	more.waits = more.sleeps > 0;
	more.blocked_ns = more.sleeps > 0 ? more.wait_ns : 0;
	tally_update(turn->tally, &more);
}

void sample_done(struct sample_turn *turn)
{
	struct sample_tally more = {.ops = 1, .hold_ns = sample_now_ns() - turn->got_ns};

	tally_update(turn->tally, &more);
}

void sample_count(struct sample_tally *tally)
{
	tally_update(tally, &(struct sample_tally){.ops = 1});
}

void sample_woken(struct sample_tally *tally, int in_vain)
{
	tally_update(tally, &(struct sample_tally){.waits = 1, .sleeps = in_vain != 0});
}

struct sample_tally sample_tally_read(const struct sample_tally *tally, uint64_t now_ns)
{
	struct sample_tally copy;
	uint64_t seq;

	for (;;) {
		seq = __atomic_load_n(&tally->seq, __ATOMIC_ACQUIRE);
		copy.ops = __atomic_load_n(&tally->ops, __ATOMIC_RELAXED);
		copy.waits = __atomic_load_n(&tally->waits, __ATOMIC_RELAXED);
		copy.sleeps = __atomic_load_n(&tally->sleeps, __ATOMIC_RELAXED);
		copy.wait_ns = __atomic_load_n(&tally->wait_ns, __ATOMIC_RELAXED);
		copy.blocked_ns = __atomic_load_n(&tally->blocked_ns, __ATOMIC_RELAXED);
		copy.hold_ns = __atomic_load_n(&tally->hold_ns, __ATOMIC_RELAXED);
		copy.asked_ns = __atomic_load_n(&tally->asked_ns, __ATOMIC_RELAXED);
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		if (seq % 2 == 0 && seq == __atomic_load_n(&tally->seq, __ATOMIC_RELAXED))
			break;
		sched_yield();
	}
	copy.seq = 0;
	if (copy.asked_ns != 0 && now_ns > copy.asked_ns) {
		copy.wait_ns += now_ns - copy.asked_ns;
		if (now_ns - copy.asked_ns > SURELY_AWAKE_NS)
			copy.blocked_ns += now_ns - copy.asked_ns;
	}
	return copy;
}

void sample_tally_add(struct sample_tally *a, const struct sample_tally *b)
{
	a->ops += b->ops;
	a->waits += b->waits;
	a->sleeps += b->sleeps;
	a->wait_ns += b->wait_ns;
	a->blocked_ns += b->blocked_ns;
	a->hold_ns += b->hold_ns;
}

void sample_tally_print(const struct sample_tally *tally)
{
	printf(" ops=%" PRIu64 " waits=%" PRIu64 " sleeps=%" PRIu64, tally->ops, tally->waits,
	       tally->sleeps);
	printf(" wait_ns=%" PRIu64 " blocked_ns=%" PRIu64 " hold_ns=%" PRIu64, tally->wait_ns,
	       tally->blocked_ns, tally->hold_ns);
}
