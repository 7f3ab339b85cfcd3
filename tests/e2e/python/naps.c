// SPDX-License-Identifier: GPL-2.0-only
/* For corrupt.py: a thread that blocks again and again without ever coming back to the interpreter.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <time.h>

void naps(void);

void naps(void)
{
	const struct timespec nap = {.tv_nsec = 20000000};

	for (;;)
		nanosleep(&nap, NULL);
}
