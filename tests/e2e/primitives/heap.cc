// SPDX-License-Identifier: GPL-2.0-only
/*
 * Locks in objects on the heap, each below a function that gets the object, or one like it: whose
 * they are can be told for some, and for the others nothing may be said.
 */
#include <pthread.h>
#include <time.h>

#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <thread>
#include <vector>

#define NOINLINE __attribute__((noinline))

static void nap()
{
	const timespec rest = {0, 3 * 1000 * 1000};

	nanosleep(&rest, nullptr);
}

struct cache {
	long hits;
	pthread_mutex_t lock;
	char text[100];
};

/* C, from malloc(): cache.lock */
static NOINLINE void cache_get(cache *c)
{
	pthread_mutex_lock(&c->lock);
	c->hits++;
	nap();
	pthread_mutex_unlock(&c->lock);
}

struct Store {
	std::vector<int> items;
	std::mutex guard;

	/* By `this`, with std::lock_guard between: Store.guard */
	NOINLINE void put(int item)
	{
		std::lock_guard<std::mutex> locked(guard);

		items.assign(1, item);
		nap();
	}
};

struct other {
	char pad[64];
	pthread_mutex_t lock;
};

struct wrapper {
	long n;
	pthread_mutex_t lock;
	other *elsewhere;
};

/* The one it takes is not the one that its parameter has: nothing may be said. */
static NOINLINE void take_elsewhere(wrapper *w)
{
	pthread_mutex_lock(&w->elsewhere->lock);
	w->n++;
	nap();
	pthread_mutex_unlock(&w->elsewhere->lock);
}

/* In an array of objects: malloc() knows but the whole. */
static NOINLINE void take_third(wrapper *w)
{
	pthread_mutex_lock(&w->lock);
	w->n += 2; // or the compiler would make one function of this and cache_get()
	nap();
	pthread_mutex_unlock(&w->lock);
}

struct pair {
	pthread_mutex_t first, second;
};

static NOINLINE void take_second(pair *p)
{
	pthread_mutex_lock(&p->second);
	nap();
	pthread_mutex_unlock(&p->second);
}

template <typename F> static void three(std::vector<std::thread> &threads, F f)
{
	for (int i = 0; i < 3; i++)
		threads.emplace_back([f] {
			for (;;)
				f();
		});
}

int main()
{
	static cache *c = static_cast<cache *>(calloc(1, sizeof(cache)));
	static Store *store = new Store;
	static wrapper *w = static_cast<wrapper *>(calloc(1, sizeof(wrapper)));
	static wrapper *many = static_cast<wrapper *>(calloc(8, sizeof(wrapper)));
	static pair *two = static_cast<pair *>(calloc(1, sizeof(pair)));
	std::vector<std::thread> threads;

	w->elsewhere = static_cast<other *>(calloc(1, sizeof(other)));
	three(threads, [] { cache_get(c); });
	three(threads, [] { store->put(1); });
	three(threads, [] { take_elsewhere(w); });
	three(threads, [] { take_third(&many[3]); });
	three(threads, [] { take_second(two); });
	std::puts("ready");
	std::fflush(stdout);
	for (auto &thread : threads)
		thread.join();
}
