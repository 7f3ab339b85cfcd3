// SPDX-License-Identifier: GPL-2.0-only
/* For late.c: sleeps below frames that frame pointers cannot follow. */
#include <time.h>

void *late_enter(void);

static __attribute__((noinline)) int late_nap(volatile char *bytes)
{
	const struct timespec nap = {.tv_nsec = 20 * 1000 * 1000};

	nanosleep(&nap, NULL);
	return bytes[0];
}

static __attribute__((noinline)) int late_middle(int len)
{
	volatile char bytes[len];

	bytes[0] = (char)len;
	return late_nap(bytes) + 1;
}

void *late_enter(void)
{
	for (int i = 1;; i = i % 100 + 1)
		if (late_middle(i) < 0)
			return NULL;
}
