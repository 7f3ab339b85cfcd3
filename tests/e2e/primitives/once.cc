// SPDX-License-Identifier: GPL-2.0-only
/*
 * Initialisation that is slow, again and again on new flags: one thread initialises, the others wait,
 * by pthread_once, call_once, std::call_once and a static variable, below a function for each.
 */
#include <pthread.h>
#include <threads.h>
#include <time.h>

#include <atomic>
#include <cstdio>
#include <mutex>
#include <thread>
#include <vector>

#define NOINLINE __attribute__((noinline))
#define ROUNDS 100000
#define WAITERS 3

static pthread_once_t posix_flags[ROUNDS];
static once_flag c_flags[ROUNDS];
static std::once_flag cxx_flags[ROUNDS];
static std::once_flag *const heap_flags = new std::once_flag[ROUNDS];
static std::atomic<int> sink;

static void slow_init()
{
	const timespec nap = {0, 5 * 1000 * 1000};

	nanosleep(&nap, nullptr);
}

static NOINLINE void open_posix(int round)
{
	pthread_once(&posix_flags[round], slow_init);
	sink++;
}

static NOINLINE void open_c(int round)
{
	call_once(&c_flags[round], slow_init);
	sink++;
}

static NOINLINE void open_cxx(int round)
{
	std::call_once(cxx_flags[round], slow_init);
	sink++;
}

static NOINLINE void open_heap(int round)
{
	std::call_once(heap_flags[round], slow_init);
	sink++;
}

struct slow_object {
	slow_object() { slow_init(); }
	int value = 1;
};

/* One static variable for each N. */
template <int N> static NOINLINE int open_static()
{
	static slow_object object;
	return object.value;
}

template <int... N> static void open_statics(std::integer_sequence<int, N...>)
{
	((sink += open_static<N>()), ...);
}

int main()
{
	std::vector<std::thread> threads;
	void (*const openers[])(int) = {open_posix, open_c, open_cxx, open_heap};

	for (auto open : openers)
		for (int i = 0; i < WAITERS; i++)
			threads.emplace_back([open] {
				for (int round = 0; round < ROUNDS; round++)
					open(round);
			});
	for (int i = 0; i < WAITERS; i++)
		threads.emplace_back([] { open_statics(std::make_integer_sequence<int, 1000>()); });
	std::puts("ready");
	std::fflush(stdout);
	for (auto &thread : threads)
		thread.join();
}
