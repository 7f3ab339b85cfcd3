// SPDX-License-Identifier: GPL-2.0-only
/*
 * Ping-pong as pingpong.c does it, from below --depth functions, so that what is added is the
 * stack: with one --site each block has the stack of the one before, with more of them another one
 * each time.
 */
#include "bench.h"

#define SITES_MAX 8
#define DEPTH_MAX 100

struct end {
	int in_fd;
	int out_fd;
	bool leads;
	uint64_t turn;
};

struct deep {
	struct bench bench; /* first: the workers' callbacks get this */
	uint64_t depth;
	uint64_t sites;
	struct end ends[2];
};

static volatile bool ended; /* never: a function that cannot return would lose its frame */

typedef void turn_fn(struct bench_worker *w, struct end *end);

/* Each of these is a place of its own: the call is no tail call, and none is like another. */
#define SITE(n)                                                                                 \
	static __attribute__((noinline)) void site_##n(struct bench_worker *w, struct end *end) \
	{                                                                                       \
		char byte = (char)(n);                                                          \
                                                                                                \
		if (end->leads && write(end->out_fd, &byte, 1) != 1)                            \
			bench_die("write to a pipe", errno);                                    \
		if (read(end->in_fd, &byte, 1) != 1)                                            \
			bench_die("read from a pipe", errno);                                   \
		if (!end->leads && write(end->out_fd, &byte, 1) != 1)                           \
			bench_die("write to a pipe", errno);                                    \
		if (end->leads)                                                                 \
			bench_did(w, 1);                                                        \
		end->turn++;                                                                    \
	}

SITE(0)
SITE(1)
SITE(2)
SITE(3)
SITE(4)
SITE(5)
SITE(6)
SITE(7)

static turn_fn *const sites[SITES_MAX] = {site_0, site_1, site_2, site_3,
					  site_4, site_5, site_6, site_7};

typedef uint64_t below_fn(struct bench_worker *w, struct end *end, const struct deep *d,
			  uint64_t depth);
static below_fn below;
/* Through a pointer: the compiler would make a loop of the recursion. */
static below_fn *volatile next_below = below;

static uint64_t below(struct bench_worker *w, struct end *end, const struct deep *d, uint64_t depth)
{
	if (depth > 0)
		return next_below(w, end, d, depth - 1) + depth; /* the addition keeps the frame */
	while (!ended)
		sites[end->turn % d->sites](w, end);
	return 0;
}

static void *run(void *arg)
{
	struct bench_worker *w = arg;
	struct deep *d = (struct deep *)w->bench;

	bench_pin(w->bench, 0);
	bench_batch();
	below(w, w->data, d, d->depth);
	return NULL;
}

static void *end_of(struct bench *b, uint32_t index)
{
	return &((struct deep *)b)->ends[index];
}

int main(int argc, char **argv)
{
	static struct deep d = {
		.bench = {.name = "deep",
			  .does = "A pair that passes a byte to and fro below many calls."},
		.depth = 15,
		.sites = 1,
	};
	const struct bench_option options[] = {
		{"depth", "functions on the stack below the thread's own (default 15)", &d.depth,
		 DEPTH_MAX},
		{"sites", "places to block at in turn (default 1)", &d.sites, SITES_MAX},
	};
	int to[2], fro[2];

	bench_parse(&d.bench, options, sizeof(options) / sizeof(options[0]), argc, argv);
	if (pipe(to) || pipe(fro))
		bench_die("pipe", errno);
	if (!d.sites)
		d.sites = 1;
	d.ends[0] = (struct end){.in_fd = fro[0], .out_fd = to[1], .leads = true};
	d.ends[1] = (struct end){.in_fd = to[0], .out_fd = fro[1]};
	bench_start(&d.bench, 2, run, end_of);
	bench_finish(&d.bench);
}
