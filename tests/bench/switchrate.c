// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pairs of threads that hand a futex word to and fro as fast as they can: every wait of the machine
 * is a lock's then, each pair's on a word of its own.  For the tests of loss; an op is a round
 * trip, two waits and two wakeups.
 */
#include "bench.h"

#include <limits.h>
#include <linux/futex.h>
#include <sys/syscall.h>

#define PAIRS_MAX (BENCH_WORKERS_MAX / 2)

struct pair {
	_Alignas(
		BENCH_CACHE_LINE) uint32_t turn; /* whose it is: 0 the leader's, 1 the follower's */
};

struct switchrate {
	struct bench bench; /* first: the workers' callbacks get this */
	uint64_t pairs;
	struct pair pair[PAIRS_MAX];
};

static void await_turn(uint32_t *turn, uint32_t mine)
{
	while (__atomic_load_n(turn, __ATOMIC_ACQUIRE) != mine) {
		if (syscall(SYS_futex, turn, FUTEX_WAIT_PRIVATE, 1 - mine, NULL, NULL, 0) < 0 &&
		    errno != EAGAIN && errno != EINTR)
			bench_die("futex wait", errno);
	}
}

static void hand_over(uint32_t *turn, uint32_t mine)
{
	__atomic_store_n(turn, 1 - mine, __ATOMIC_RELEASE);
	if (syscall(SYS_futex, turn, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0) < 0)
		bench_die("futex wake", errno);
}

static void *run(void *arg)
{
	struct bench_worker *w = arg;
	uint32_t mine = w->index % 2;
	uint32_t *turn = w->data;

	bench_pin(w->bench, w->index / 2);
	bench_batch();
	for (;;) {
		await_turn(turn, mine);
		if (mine == 0) {
			bench_did(w, 1);
			bench_pace(w);
		}
		hand_over(turn, mine);
	}
	return NULL;
}

static void *turn_of(struct bench *b, uint32_t index)
{
	return &((struct switchrate *)b)->pair[index / 2].turn;
}

int main(int argc, char **argv)
{
	static struct switchrate s = {
		.bench = {.name = "switchrate", .does = "Pairs that hand a futex word to and fro."},
		.pairs = 1,
	};
	const struct bench_option options[] = {
		{"pairs", "number of pairs (default 1)", &s.pairs, PAIRS_MAX},
		{"rate", "round trips a second of each pair (default: all it can)", &s.bench.rate,
		 1000000},
	};

	bench_parse(&s.bench, options, sizeof(options) / sizeof(options[0]), argc, argv);
	bench_start(&s.bench, (uint32_t)s.pairs * 2, run, turn_of);
	bench_finish(&s.bench);
}
