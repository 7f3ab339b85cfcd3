// SPDX-License-Identifier: GPL-2.0-only
/*
 * The cheapest of all system calls, over and over: what a hook on system calls costs programs that
 * nobody watches.
 */
#include "bench.h"

#include <sys/syscall.h>

static void *run(void *arg)
{
	struct bench_worker *w = arg;

	bench_pin(w->bench, w->index);
	for (;;) {
		for (int i = 0; i < 100; i++)
			syscall(SYS_getpid);
		bench_did(w, 100);
	}
	return NULL;
}

static void *no_data(struct bench *b, uint32_t index)
{
	(void)b;
	(void)index;
	return NULL;
}

int main(int argc, char **argv)
{
	static struct bench b = {.name = "syscalls", .does = "getpid, over and over."};
	static const struct bench_option none[1];

	bench_parse(&b, none, 0, argc, argv);
	bench_start(&b, 1, run, no_data);
	bench_finish(&b);
}
