// SPDX-License-Identifier: GPL-2.0-only
/* What a thread blocks in decides its time class: one actor for each call, each blocked by its own
 * timeout. */
#include "tests/kernel/scene.h"
#include "tests/kernel/suites.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/num.h"

#define ROUNDS 3
#define ROUND_MS 60
#define TMPFS_MAGIC 0x01021994 /* include/uapi/linux/magic.h */

struct part {
	struct stage *st;
	int fd[2];
	pid_t child;
};

/* What the test itself, which is outside the target, serves. */
struct outside {
	uint16_t tcp_port, udp_port;
	struct sockaddr_un unix_addr;
	socklen_t unix_len;
};

static const struct timespec round_time = {.tv_nsec = ROUND_MS * 1000000};

static const struct outside *outside(const struct part *p)
{
	return (const struct outside *)p->st->own;
}

static struct sockaddr_in loopback(uint16_t port)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET, .sin_port = port, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

/* A bound socket and, for a stream, a listening one; *ret_port in network order. -1 on failure. */
static int bound_inet(int type, uint16_t *ret_port)
{
	struct sockaddr_in addr = loopback(0);
	socklen_t len = sizeof(addr);
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&addr, len) ||
	    getsockname(fd, (struct sockaddr *)&addr, &len) ||
	    (type == SOCK_STREAM && listen(fd, 8)))
		return -1;
	*ret_port = addr.sin_port;
	return fd;
}

/* The same in the abstract namespace, with a name that the kernel chooses. */
static int bound_unix(struct sockaddr_un *ret_addr, socklen_t *ret_len)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	*ret_len = sizeof(addr);
	if (fd < 0 || bind(fd, (struct sockaddr *)&addr, sizeof(sa_family_t)) || listen(fd, 8) ||
	    getsockname(fd, (struct sockaddr *)ret_addr, ret_len))
		return -1;
	return fd;
}

static int connected(int family, int type, const void *addr, socklen_t len)
{
	int fd = socket(family, type | SOCK_CLOEXEC, 0);

	return fd >= 0 && !connect(fd, addr, len) ? fd : -1;
}

static void limit_receive(struct part *p)
{
	struct timeval tv = {.tv_usec = ROUND_MS * 1000};

	REQUIRE(p->st, p->fd[0] >= 0);
	REQUIRE(p->st, !setsockopt(p->fd[0], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)));
}

/* --- what each needs --- */

static void make_pipe(struct part *p)
{
	REQUIRE(p->st, !pipe2(p->fd, O_CLOEXEC));
}

static void make_pair(struct part *p)
{
	REQUIRE(p->st, !socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, p->fd));
	limit_receive(p);
}

static void make_epoll(struct part *p)
{
	struct epoll_event event = {.events = EPOLLIN};

	make_pipe(p);
	p->fd[1] = epoll_create1(EPOLL_CLOEXEC);
	REQUIRE(p->st, !epoll_ctl(p->fd[1], EPOLL_CTL_ADD, p->fd[0], &event));
}

static void make_tcp_listener(struct part *p)
{
	uint16_t port;

	p->fd[0] = bound_inet(SOCK_STREAM, &port);
	limit_receive(p);
}

static void make_unix_listener(struct part *p)
{
	struct sockaddr_un addr;
	socklen_t len;

	p->fd[0] = bound_unix(&addr, &len);
	limit_receive(p);
}

static void make_tcp_accepted(struct part *p)
{
	uint16_t port;
	int listener = bound_inet(SOCK_STREAM, &port);
	struct sockaddr_in addr = loopback(port);

	p->fd[1] = connected(AF_INET, SOCK_STREAM, &addr, sizeof(addr));
	p->fd[0] = accept(listener, NULL, NULL);
	limit_receive(p);
}

static void make_unix_accepted(struct part *p)
{
	struct sockaddr_un addr;
	socklen_t len;
	int listener = bound_unix(&addr, &len);

	p->fd[1] = connected(AF_UNIX, SOCK_STREAM, &addr, len);
	p->fd[0] = accept(listener, NULL, NULL);
	limit_receive(p);
}

static void make_udp_server(struct part *p)
{
	uint16_t port;

	p->fd[0] = bound_inet(SOCK_DGRAM, &port);
	limit_receive(p);
}

static void make_tcp_client(struct part *p)
{
	struct sockaddr_in addr = loopback(outside(p)->tcp_port);

	p->fd[0] = connected(AF_INET, SOCK_STREAM, &addr, sizeof(addr));
	limit_receive(p);
}

static void make_udp_client(struct part *p)
{
	struct sockaddr_in addr = loopback(outside(p)->udp_port);

	p->fd[0] = connected(AF_INET, SOCK_DGRAM, &addr, sizeof(addr));
	limit_receive(p);
}

static void make_unix_client(struct part *p)
{
	p->fd[0] = connected(AF_UNIX, SOCK_STREAM, &outside(p)->unix_addr, outside(p)->unix_len);
	limit_receive(p);
}

/* --- the calls, each ROUND_MS long --- */

static void call_nanosleep(struct part *p)
{
	(void)p;
	nanosleep(&round_time, NULL);
}

static void call_clock_nanosleep(struct part *p)
{
	(void)p;
	clock_nanosleep(CLOCK_MONOTONIC, 0, &round_time, NULL);
}

static void on_signal(int sig)
{
	(void)sig;
}

static void call_pause(struct part *p)
{
	struct sigaction sa = {.sa_handler = on_signal};
	struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGUSR1};
	struct itimerspec when = {.it_value = round_time};
	timer_t timer;

	event._sigev_un._tid = (pid_t)syscall(SYS_gettid);
	sigaction(SIGUSR1, &sa, NULL);
	REQUIRE(p->st, !timer_create(CLOCK_MONOTONIC, &event, &timer));
	REQUIRE(p->st, !timer_settime(timer, 0, &when, NULL));
	syscall(SYS_pause);
	timer_delete(timer);
}

static void call_sigtimedwait(struct part *p)
{
	sigset_t set;

	(void)p;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	sigtimedwait(&set, NULL, &round_time);
}

static void call_select_none(struct part *p)
{
	struct timeval tv = {.tv_usec = ROUND_MS * 1000};

	(void)p;
	select(0, NULL, NULL, NULL, &tv);
}

static void call_select(struct part *p)
{
	struct timeval tv = {.tv_usec = ROUND_MS * 1000};
	fd_set set;

	FD_ZERO(&set);
	FD_SET(p->fd[0], &set);
	select(p->fd[0] + 1, &set, NULL, NULL, &tv);
}

static void call_poll_none(struct part *p)
{
	(void)p;
	poll(NULL, 0, ROUND_MS);
}

static void call_poll_one(struct part *p)
{
	struct pollfd fd = {.fd = p->fd[0], .events = POLLIN};

	poll(&fd, 1, ROUND_MS);
}

static void call_poll_two(struct part *p)
{
	struct pollfd fd[2] = {{.fd = p->fd[0], .events = POLLIN},
			       {.fd = p->fd[0], .events = POLLIN}};

	poll(fd, 2, ROUND_MS);
}

static void call_epoll(struct part *p)
{
	struct epoll_event event;

	epoll_wait(p->fd[1], &event, 1, ROUND_MS);
}

static void call_accept(struct part *p)
{
	REQUIRE(p->st, accept(p->fd[0], NULL, NULL) < 0 && errno == EAGAIN);
}

static void call_recv(struct part *p)
{
	char byte;

	REQUIRE(p->st, recv(p->fd[0], &byte, 1, 0) < 0 && errno == EAGAIN);
}

static void call_read(struct part *p)
{
	char byte;

	REQUIRE(p->st, read(p->fd[0], &byte, 1) < 0 && errno == EAGAIN);
}

static void call_waitpid(struct part *p)
{
	pid_t child = fork();

	REQUIRE(p->st, child >= 0);
	if (!child) {
		nanosleep(&round_time, NULL);
		_exit(0);
	}
	REQUIRE(p->st, waitpid(child, NULL, 0) == child);
}

static const struct row {
	const char *name;
	enum time_class class;
	void (*make)(struct part *p);
	void (*call)(struct part *p);
} rows[] = {
	{"nanosleep", CLASS_SLEEP, NULL, call_nanosleep},
	{"clock_nanosleep", CLASS_SLEEP, NULL, call_clock_nanosleep},
	{"pause", CLASS_SLEEP, NULL, call_pause},
	{"sigtimedwait", CLASS_SLEEP, NULL, call_sigtimedwait},
	{"select on nothing", CLASS_SLEEP, NULL, call_select_none},
	{"poll on nothing", CLASS_SLEEP, NULL, call_poll_none},
	{"select on a pipe", CLASS_LOOP_IDLE, make_pipe, call_select},
	{"poll on two", CLASS_LOOP_IDLE, make_pipe, call_poll_two},
	{"poll on a pipe", CLASS_LOOP_IDLE, make_pipe, call_poll_one},
	{"epoll_wait", CLASS_LOOP_IDLE, make_epoll, call_epoll},
	{"accept, TCP", CLASS_CLIENT_IDLE, make_tcp_listener, call_accept},
	{"accept, unix", CLASS_CLIENT_IDLE, make_unix_listener, call_accept},
	{"poll on a listener", CLASS_CLIENT_IDLE, make_tcp_listener, call_poll_one},
	{"recv, accepted TCP", CLASS_CLIENT_IDLE, make_tcp_accepted, call_recv},
	{"read, accepted TCP", CLASS_CLIENT_IDLE, make_tcp_accepted, call_read},
	{"poll on an accepted TCP", CLASS_CLIENT_IDLE, make_tcp_accepted, call_poll_one},
	{"recv, accepted unix", CLASS_CLIENT_IDLE, make_unix_accepted, call_recv},
	{"recv, UDP server", CLASS_CLIENT_IDLE, make_udp_server, call_recv},
	{"recv, connected TCP", CLASS_NET, make_tcp_client, call_recv},
	{"poll on a connected TCP", CLASS_NET, make_tcp_client, call_poll_one},
	{"recv, connected UDP", CLASS_NET, make_udp_client, call_recv},
	{"recv, connected unix", CLASS_NET, make_unix_client, call_recv},
	{"recv, socketpair", CLASS_POOL_IDLE, make_pair, call_recv},
	{"waitpid", CLASS_CHILD, NULL, call_waitpid},
};

static void play_row(struct stage *st, unsigned me)
{
	struct actor *a = &st->actors[me];
	struct part part = {.st = st, .fd = {-1, -1}};
	uint64_t from;

	if (rows[me].make)
		rows[me].make(&part);
	stage_wait(st, me, 1);
	for (int i = 0; i < ROUNDS; i++) {
		from = clock_ns();
		rows[me].call(&part);
		a->wait_ns += clock_ns() - from;
		a->count++;
	}
	stage_wait(st, me, 2);
	stage_wait(st, me, 3);
}

START_TEST(blocking_calls)
{
	struct outside out = {0};
	int tcp = bound_inet(SOCK_STREAM, &out.tcp_port);
	int udp = bound_inet(SOCK_DGRAM, &out.udp_port);
	int named = bound_unix(&out.unix_addr, &out.unix_len);
	struct scene sc;

	ck_assert_int_ge(tcp, 0);
	ck_assert_int_ge(udp, 0);
	ck_assert_int_ge(named, 0);
	scene_play(&sc, ARRAY_LEN(rows), play_row, &out, sizeof(out));
	for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
		ck_assert_msg(sc.st->actors[i].wait_ns >= ROUNDS * ROUND_MS * NS_PER_MS * 9 / 10,
			      "%s did not block", rows[i].name);
		scene_check_class(&sc, i, rows[i].class, rows[i].name);
	}
	scene_end(&sc);
	close(tcp);
	close(udp);
	close(named);
}
END_TEST

/* How long did this call block?  By class, system call and count in the table of blocks. */
START_TEST(block_table_names_the_call)
{
	struct scene sc;
	const struct record_block *found = NULL;

	scene_play(&sc, 1, play_row, NULL, 0);
	for (size_t i = sc.w.final; i < sc.w.records.len; i++) {
		const struct record *r = &sc.w.records.at[i];

		if (r->type == RECORD_BLOCK && r->block.class == CLASS_SLEEP) {
			ck_assert_ptr_null(found);
			found = &r->block;
		}
	}
	ck_assert_ptr_nonnull(found);
	ck_assert_int_eq((int)found->tid, scene_tid(&sc, 0));
	ck_assert(found->syscall == SYS_nanosleep || found->syscall == SYS_clock_nanosleep);
	ck_assert_uint_eq(found->count, ROUNDS);
	ck_assert_uint_eq(found->ns, scene_counters(&sc, 0)->class_ns[CLASS_SLEEP]);
	ck_assert_uint_ge(found->max_ns, ROUND_MS * NS_PER_MS);
	ck_assert_uint_le(found->max_ns, found->ns);
	ck_assert_ptr_nonnull(watch_stack(&sc.w, found->stack));
	ck_assert_uint_gt(watch_stack(&sc.w, found->stack)->len, 0);
	scene_end(&sc);
}
END_TEST

/* Write and fsync for a while; its wait_ns is what fsync took. */
static void play_disk(struct stage *st, unsigned me)
{
	struct actor *a = &st->actors[me];
	static char block[256 * 1024];
	char path[] = "/var/tmp/concprof-test-XXXXXX";
	uint64_t end, from;
	int fd = mkstemp(path);

	REQUIRE(st, fd >= 0 && !unlink(path));
	stage_wait(st, me, 1);
	end = clock_ns() + 300 * NS_PER_MS;
	while (clock_ns() < end && a->count < 200) {
		REQUIRE(st, pwrite(fd, block, sizeof(block), 0) == sizeof(block));
		from = clock_ns();
		REQUIRE(st, !fsync(fd));
		a->wait_ns += clock_ns() - from;
		a->count++;
	}
	stage_wait(st, me, 2);
	stage_wait(st, me, 3);
}

START_TEST(disk)
{
	struct scene sc;
	struct statfs fs;
	uint64_t blocked;

	if (statfs("/var/tmp", &fs) || fs.f_type == TMPFS_MAGIC)
		return kernel_skip("disk", "/var/tmp is a tmpfs");
	scene_play(&sc, 1, play_disk, NULL, 0);
	blocked = sc.during[0].run_ns + sc.during[0].runq_ns;
	blocked = num_sat_sub(sc.st->actors[0].wait_ns, blocked);
	if (blocked < 20 * NS_PER_MS)
		kernel_skip("disk", "fsync never blocks here");
	else
		scene_check_class(&sc, 0, CLASS_DISK, "fsync");
	scene_end(&sc);
}
END_TEST

Suite *kernel_class_suite(void)
{
	Suite *suite = suite_create("kernel_class");

	KERNEL_TEST(suite, blocking_calls, 1);
	KERNEL_TEST(suite, block_table_names_the_call, 1);
	KERNEL_TEST(suite, disk, 1);
	return suite;
}
