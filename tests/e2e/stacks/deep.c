// SPDX-License-Identifier: GPL-2.0-only
/*
 * Threads that sleep again and again below frames of several shapes: arrays of variable length,
 * alloca, many saved registers, calls through pointers.  argv[1] threads; "ready" once all sleep.
 */
#include <alloca.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define NOINLINE __attribute__((noinline))

static volatile int awake;
static volatile unsigned sink;

static NOINLINE void leaf(void)
{
	const struct timespec nap = {.tv_nsec = 30 * 1000 * 1000};

	nanosleep(&nap, NULL);
	sink++;
}

static NOINLINE void with_vla(unsigned len)
{
	volatile unsigned char bytes[len * 16];

	bytes[0] = (unsigned char)len;
	bytes[len * 16 - 1] = 1;
	leaf();
	sink += bytes[0] + bytes[len * 16 - 1];
}

static NOINLINE unsigned with_alloca(unsigned len)
{
	char *text = alloca(len * 8);

	memset(text, (int)len, len * 8);
	with_vla(len);
	return (unsigned)text[len];
}

static NOINLINE unsigned with_registers(unsigned a, unsigned b, unsigned c, unsigned d)
{
	unsigned e = a * b, f = b * c, g = c * d, h = d * a;

	e += with_alloca(a + 1);
	f ^= e + sink;
	return e + f + g + h + a + b + c + d;
}

typedef unsigned step(unsigned depth);
static step recurse;
static step *volatile next_step = recurse;

static NOINLINE unsigned recurse(unsigned depth)
{
	if (depth == 0)
		return with_registers(sink & 31, sink + 1, sink & 7, sink + 3) + 1;
	return next_step(depth - 1) * 3 + depth;
}

static void *thread(void *arg)
{
	__atomic_fetch_add(&awake, 1, __ATOMIC_RELAXED);
	for (;;)
		sink += next_step((unsigned)(size_t)arg);
	return arg;
}

int main(int argc, char **argv)
{
	int threads = argc > 1 ? atoi(argv[1]) : 4;
	pthread_t handle;

	for (int i = 0; i < threads; i++)
		if (pthread_create(&handle, NULL, thread, (void *)(size_t)(i * 3 + 1)) != 0)
			return 1;
	while (awake < threads)
		usleep(1000);
	puts("ready");
	fflush(stdout);
	for (;;)
		sink += next_step(2);
}
