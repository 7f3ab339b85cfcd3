// SPDX-License-Identifier: GPL-2.0-only
#include "tests/kernel/loop_log.h"

#include <check.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "base/num.h"
#include "tests/kernel/proc.h"

struct log *log_of(struct stage *st)
{
	return (struct log *)st->own;
}

void watch_fd(struct stage *st, int epfd, int fd)
{
	struct epoll_event ev = {.events = EPOLLIN, .data.fd = fd};

	REQUIRE(st, !epoll_ctl(epfd, EPOLL_CTL_ADD, fd, &ev));
}

struct loop make_loop(struct stage *st, enum way way)
{
	struct loop l = {.log = log_of(st), .way = way, .epfd = -1};

	l.timer = timerfd_create(CLOCK_MONOTONIC, 0);
	REQUIRE(st, l.timer >= 0);
	if (way == EPOLL) {
		l.epfd = epoll_create1(0);
		REQUIRE(st, l.epfd >= 0);
		watch_fd(st, l.epfd, l.timer);
	}
	for (int i = 0; i < FDS; i++) {
		REQUIRE(st, !pipe(l.pipes[i]));
		if (way == EPOLL)
			watch_fd(st, l.epfd, l.pipes[i][0]);
	}
	return l;
}

static void arm(struct stage *st, const struct loop *l, uint64_t ns)
{
	struct itimerspec at = {
		.it_value = {.tv_sec = (time_t)(ns / NS_PER_S), .tv_nsec = (long)(ns % NS_PER_S)}};

	REQUIRE(st, !timerfd_settime(l->timer, 0, &at, NULL));
}

void poll_once(struct stage *st, const struct loop *l, int timeout_ms)
{
	struct pollfd fds[FDS + 1] = {{.fd = l->timer, .events = POLLIN}};
	struct timeval wait = {.tv_usec = timeout_ms * 1000};
	struct epoll_event ev;
	fd_set set;

	switch (l->way) {
	case EPOLL:
		REQUIRE(st, epoll_wait(l->epfd, &ev, 1, timeout_ms) >= 0);
		break;
	case POLL:
		for (int i = 0; i < FDS; i++)
			fds[i + 1] = (struct pollfd){.fd = l->pipes[i][0], .events = POLLIN};
		REQUIRE(st, poll(fds, FDS + 1, timeout_ms) >= 0);
		break;
	case SELECT:
		FD_ZERO(&set);
		FD_SET(l->timer, &set);
		for (int i = 0; i < FDS; i++)
			FD_SET(l->pipes[i][0], &set);
		REQUIRE(st, select(l->pipes[FDS - 1][1], &set, NULL, NULL,
				   timeout_ms < 0 ? NULL : &wait) >= 0);
		break;
	case WAYS:
		break;
	}
}

static void end_turn(struct log *log, uint64_t now)
{
	uint64_t ns = now - log->turn_ns;

	log->polls++;
	if (!log->turn_ns)
		return;
	log->turns++;
	log->busy_ns += ns;
	log->square_us += ns / 1000 * (ns / 1000);
	log->max_ns = num_max_u64(log->max_ns, ns);
	log->stalls += ns >= STALL_NS;
	log->hist[63 - __builtin_clzll(ns | 1)]++;
}

void turn(struct stage *st, const struct loop *l, int ms)
{
	uint64_t expirations, from;

	if (ms < 0)
		arm(st, l, NS_PER_MS);
	from = clock_ns();
	end_turn(l->log, from);
	poll_once(st, l, ms);
	l->log->turn_ns = clock_ns();
	l->log->idle_ns += l->log->turn_ns - from;
	l->log->asleep_ns += (ms < 0 ? 1 : (uint64_t)ms) * NS_PER_MS;
	if (ms < 0)
		REQUIRE(st,
			read(l->timer, &expirations, sizeof(expirations)) == sizeof(expirations));
}

const struct record_loop *loop_of(const struct watch *w, int tid)
{
	for (size_t i = w->records.len; i-- > 0;) {
		const struct record *r = &w->records.at[i];

		if (r->type == RECORD_LOOP && (int)r->loop.tid == tid)
			return &r->loop;
	}
	ck_abort_msg("no loop of %d", tid);
	return NULL;
}

void near(uint64_t got, uint64_t truth, uint64_t slack, const char *what)
{
	uint64_t off = truth / 50 + slack;

	ck_assert_msg(got <= truth + off && truth <= got + off, "%s: %.3f, in truth %.3f", what,
		      (double)got / 1e6, (double)truth / 1e6);
}

static void check_hist(const struct record_loop *got, const struct log *log)
{
	uint64_t sum = 0, moved = 0;

	for (int i = 0; i < HIST_BUCKETS; i++) {
		sum += got->hist[i];
		moved += got->hist[i] > log->hist[i] ? got->hist[i] - log->hist[i] : 0;
	}
	ck_assert_uint_eq(sum, got->turns);
	ck_assert_msg(moved <= log->turns / 50 + 2,
		      "%lu of %lu turns are in another bucket than by their own clock",
		      (unsigned long)moved, (unsigned long)log->turns);
}

uint64_t sum_parts(const uint64_t *part_ns)
{
	uint64_t sum = 0;

	for (int i = 0; i < PART_COUNT; i++)
		sum += part_ns[i];
	return sum;
}

void check_loop(const struct record_loop *got, const struct log *log)
{
	ck_assert_uint_eq(got->turns, log->turns);
	near(got->busy_ns, log->busy_ns, slack_ns(), "busy");
	/* Its own clock also counts how long it waits for a CPU afterwards. */
	ck_assert_uint_ge(got->idle_ns, log->asleep_ns / 50 * 49);
	ck_assert_uint_le(got->idle_ns, log->idle_ns + slack_ns());
	near(got->max_ns, log->max_ns, slack_ns(), "longest");
	near(got->square_us / 1000, log->square_us / 1000, log->square_us / 1000 / 20,
	     "sum of squares");
	ck_assert_uint_eq(got->stalls, log->stalls);
	ck_assert_uint_eq(sum_parts(got->part_ns), got->busy_ns);
	ck_assert_uint_le(sum_parts(got->stall_part_ns), got->busy_ns);
	ck_assert_uint_le(got->busy_ns + got->idle_ns, got->until_ns - got->since_ns);
	check_hist(got, log);
}
