// SPDX-License-Identifier: GPL-2.0-only
/*
 * C++ without frame pointers: threads that fight for a member of an array of objects, sleep in a
 * signal handler on an alternate stack, and throw through destructors while they do.
 */
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace shop
{

struct shard {
	int padding[5];
	std::mutex lock;
	long hits = 0;
};

struct cache {
	std::string name = "cache";
	shard shards[3];
};

cache goods;
static std::mutex idle_lock;
static std::condition_variable idle_ready;

static void nap(int ms)
{
	std::this_thread::sleep_for(std::chrono::milliseconds(ms));
}

template <typename T> struct worker {
	T factor;

	explicit worker(T f) : factor(f) {}
	virtual ~worker() = default;

	__attribute__((noinline)) virtual long take(int index)
	{
		std::lock_guard<std::mutex> guard(goods.shards[index].lock);

		nap(20);
		return ++goods.shards[index].hits * static_cast<long>(factor);
	}

	__attribute__((noinline)) long run(int index)
	{
		long sum = 0;

		for (;;)
			sum += take(index);
		return sum;
	}
};

struct noisy {
	std::vector<int> *log;

	~noisy()
	{
		log->push_back(1);
		nap(15);
	}
};

__attribute__((noinline)) static void thrower(int depth, std::vector<int> *log)
{
	noisy guard{log};

	if (depth == 0)
		throw std::runtime_error("deep");
	thrower(depth - 1, log);
}

static void throw_for_ever()
{
	for (;;) {
		std::vector<int> log;

		try {
			thrower(3, &log);
		} catch (const std::runtime_error &) {
			nap(15);
		}
	}
}

static void on_signal(int)
{
	const timespec rest = {0, 25 * 1000 * 1000};

	for (;;)
		nanosleep(&rest, nullptr);
}

__attribute__((noinline)) static void interrupted(bool own_stack)
{
	static char stacks[2][65536];
	struct sigaction action = {};
	stack_t alternate = {};

	action.sa_handler = on_signal;
	action.sa_flags = own_stack ? SA_ONSTACK : 0;
	alternate.ss_sp = stacks[own_stack];
	alternate.ss_size = sizeof(stacks[0]);
	sigaltstack(&alternate, nullptr);
	sigaction(own_stack ? SIGUSR2 : SIGUSR1, &action, nullptr);
	raise(own_stack ? SIGUSR2 : SIGUSR1);
}

static void wait_for_ever()
{
	std::unique_lock<std::mutex> guard(idle_lock);

	idle_ready.wait(guard, [] { return false; });
}

} // namespace shop

int main()
{
	std::vector<std::thread> threads;
	auto whole = std::make_shared<shop::worker<long>>(3);

	for (int i = 0; i < 3; i++)
		threads.emplace_back([whole] { whole->run(1); });
	threads.emplace_back(shop::throw_for_ever);
	threads.emplace_back(shop::interrupted, false);
	threads.emplace_back(shop::interrupted, true);
	threads.emplace_back(shop::wait_for_ever);
	shop::nap(300);
	puts("ready");
	fflush(stdout);
	for (auto &thread : threads)
		thread.join();
}
