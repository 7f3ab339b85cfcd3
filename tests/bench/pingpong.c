// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pairs of threads (or processes) that pass one byte to and fro through two pipes.  An op is a
 * round trip: with both ends on one CPU two switches and two wakeups, with nearly no work beside
 * them, so that it shows what a switch costs.
 */
#include "bench.h"

#define PAIRS_MAX (BENCH_WORKERS_MAX / 2)

struct end {
	int in_fd;
	int out_fd;
	uint32_t place; /* which of the CPUs */
	bool leads;
};

struct pingpong {
	struct bench bench; /* first: the workers' callbacks get this */
	uint64_t pairs;
	uint64_t spread;
	struct end ends[BENCH_WORKERS_MAX];
};

static void *run(void *arg)
{
	struct bench_worker *w = arg;
	const struct end *end = w->data;
	char byte = 'b';

	bench_pin(w->bench, end->place);
	bench_batch();
	for (;;) {
		if (end->leads && write(end->out_fd, &byte, 1) != 1)
			bench_die("write to a pipe", errno);
		if (read(end->in_fd, &byte, 1) != 1)
			bench_die("read from a pipe", errno);
		if (!end->leads && write(end->out_fd, &byte, 1) != 1)
			bench_die("write to a pipe", errno);
		if (end->leads) {
			bench_did(w, 1);
			bench_pace(w);
		}
	}
	return NULL;
}

static void *end_of(struct bench *b, uint32_t index)
{
	return &((struct pingpong *)b)->ends[index];
}

static void connect_pair(struct pingpong *p, uint32_t pair)
{
	struct end *ends = &p->ends[2 * pair];
	int to[2], fro[2];

	if (pipe(to) || pipe(fro))
		bench_die("pipe", errno);
	ends[0] = (struct end){.in_fd = fro[0], .out_fd = to[1], .leads = true};
	ends[1] = (struct end){.in_fd = to[0], .out_fd = fro[1]};
	ends[0].place = p->spread ? 2 * pair : pair;
	ends[1].place = p->spread ? 2 * pair + 1 : pair;
}

int main(int argc, char **argv)
{
	static struct pingpong p = {
		.bench = {.name = "pingpong",
			  .does = "Pairs that pass a byte to and fro by pipes."},
		.pairs = 1,
	};
	uint64_t as_processes = 0;
	const struct bench_option options[] = {
		{"pairs", "number of pairs (default 1)", &p.pairs, PAIRS_MAX},
		{"processes", "the ends are processes, not threads", &as_processes, 0},
		{"spread", "pin the two ends of a pair to different CPUs", &p.spread, 0},
		{"rate", "round trips a second of each pair (default: all it can)", &p.bench.rate,
		 1000000},
	};

	bench_parse(&p.bench, options, sizeof(options) / sizeof(options[0]), argc, argv);
	p.bench.as_processes = as_processes;
	for (uint32_t i = 0; i < p.pairs; i++)
		connect_pair(&p, i);
	bench_start(&p.bench, (uint32_t)p.pairs * 2, run, end_of);
	bench_finish(&p.bench);
}
