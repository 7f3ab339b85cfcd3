// SPDX-License-Identifier: GPL-2.0-only
/*
 * Code that comes later: on SIGUSR1 the library argv[1] is loaded, and late_enter() of it called in
 * a thread of its own.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>

static void *enter(void *library)
{
	void *(*late_enter)(void) = NULL;

	*(void **)&late_enter = dlsym(library, "late_enter");
	return late_enter ? late_enter() : NULL;
}

int main(int argc, char **argv)
{
	sigset_t set;
	int number;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	puts("ready");
	fflush(stdout);
	while (argc > 1 && sigwait(&set, &number) == 0) {
		pthread_t thread;
		void *library = dlopen(argv[1], RTLD_NOW);

		if (!library || pthread_create(&thread, NULL, enter, library))
			return 1;
	}
	return 0;
}
