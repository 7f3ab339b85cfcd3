// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who waits for whom between two processes: by each means that the kernel offers, once it is known
 * from the scene who ended each wait.
 */
#include "tests/kernel/scene.h"
#include "tests/kernel/suites.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <mqueue.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/num.h"

#define ROUNDS 4
#define ROUND_MS 20

enum means {
	BY_PIPE,
	BY_FIFO,
	BY_SOCKETPAIR,
	BY_UNIX,
	BY_TCP,
	BY_EVENTFD,
	BY_EPOLL,
	BY_SEMAPHORE,
	BY_FLOCK,
	BY_MSG,
	BY_MQ,
	BY_SIGNAL,
	BY_SIGNAL_IN_PAUSE,
	BY_EXIT,
};

/* In memory that both processes share. */
struct own {
	enum means by;
	int fd[2]; /* the waiter's end, the waker's */
	int epoll;
	int queue;
	sem_t sem;
	volatile int waker; /* pid */
	volatile int round; /* the waiter begins this one, from 1 on */
	volatile int locked;
	volatile int done;
	char path[64];
};

static const struct row {
	const char *name;
	enum means by;
	long nr; /* the call in which the waiter is blocked */
	enum edge_kind kind;
} rows[] = {
	{"pipe", BY_PIPE, SYS_read, EDGE_PIPE},
	{"FIFO", BY_FIFO, SYS_read, EDGE_FIFO},
	{"socket pair", BY_SOCKETPAIR, SYS_read, EDGE_SOCKETPAIR},
	{"unix socket", BY_UNIX, SYS_read, EDGE_UNIX},
	{"loopback TCP", BY_TCP, SYS_read, EDGE_TCP},
	{"eventfd", BY_EVENTFD, SYS_read, EDGE_EVENTFD},
	{"epoll on a pipe", BY_EPOLL, SYS_epoll_pwait, EDGE_PIPE},
	{"shared semaphore", BY_SEMAPHORE, SYS_futex, EDGE_FUTEX},
	{"file lock", BY_FLOCK, SYS_flock, EDGE_FILE_LOCK},
	{"System V queue", BY_MSG, SYS_msgrcv, EDGE_QUEUE},
	{"POSIX queue", BY_MQ, SYS_mq_timedreceive, EDGE_QUEUE},
	{"signal", BY_SIGNAL, SYS_rt_sigtimedwait, EDGE_SIGNAL},
	{"signal in a suspend", BY_SIGNAL_IN_PAUSE, SYS_rt_sigsuspend, EDGE_SIGNAL},
	{"exit of a child", BY_EXIT, SYS_wait4, EDGE_CHILD},
};

static void connect_pair(struct stage *st, struct own *own, int family,
			 const struct sockaddr *address, socklen_t len)
{
	struct sockaddr_storage at;
	socklen_t at_len = sizeof(at);
	int listener = socket(family, SOCK_STREAM, 0);

	REQUIRE(st, listener >= 0 && !bind(listener, address, len) && !listen(listener, 1));
	REQUIRE(st, !getsockname(listener, (struct sockaddr *)&at, &at_len));
	own->fd[0] = socket(family, SOCK_STREAM, 0);
	REQUIRE(st, !connect(own->fd[0], (struct sockaddr *)&at, at_len));
	own->fd[1] = accept(listener, NULL, NULL);
	REQUIRE(st, own->fd[1] >= 0);
	close(listener);
}

static void open_unix(struct stage *st, struct own *own)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", own->path);
	unlink(own->path);
	connect_pair(st, own, AF_UNIX, (struct sockaddr *)&address, sizeof(address));
	unlink(own->path);
}

static void open_tcp(struct stage *st, struct own *own)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

	connect_pair(st, own, AF_INET, (struct sockaddr *)&address, sizeof(address));
}

static void open_fifo(struct stage *st, struct own *own)
{
	unlink(own->path);
	REQUIRE(st, !mkfifo(own->path, 0600));
	own->fd[0] = own->fd[1] = open(own->path, O_RDWR);
	REQUIRE(st, own->fd[0] >= 0);
	unlink(own->path);
}

static void open_mq(struct stage *st, struct own *own)
{
	struct mq_attr attr = {.mq_maxmsg = 2, .mq_msgsize = 8};
	const char *name = strrchr(own->path, '/');

	own->queue = mq_open(name, O_RDWR | O_CREAT, 0600, &attr);
	REQUIRE(st, own->queue >= 0);
	mq_unlink(name);
}

static void open_means(struct stage *st, struct own *own)
{
	struct epoll_event in = {.events = EPOLLIN};

	switch (own->by) {
	case BY_PIPE:
	case BY_EPOLL:
		REQUIRE(st, !pipe(own->fd));
		break;
	case BY_FIFO:
		open_fifo(st, own);
		break;
	case BY_SOCKETPAIR:
		REQUIRE(st, !socketpair(AF_UNIX, SOCK_STREAM, 0, own->fd));
		break;
	case BY_UNIX:
		open_unix(st, own);
		break;
	case BY_TCP:
		open_tcp(st, own);
		break;
	case BY_EVENTFD:
		own->fd[0] = own->fd[1] = eventfd(0, 0);
		break;
	case BY_SEMAPHORE:
		REQUIRE(st, !sem_init(&own->sem, 1, 0));
		break;
	case BY_MSG:
		own->queue = msgget(IPC_PRIVATE, 0600);
		REQUIRE(st, own->queue >= 0);
		break;
	case BY_MQ:
		open_mq(st, own);
		break;
	case BY_FLOCK:
	case BY_SIGNAL:
	case BY_SIGNAL_IN_PAUSE:
	case BY_EXIT:
		break;
	}
	if (own->by != BY_EPOLL)
		return;
	own->epoll = epoll_create1(0);
	REQUIRE(st, !epoll_ctl(own->epoll, EPOLL_CTL_ADD, own->fd[0], &in));
}

static void on_signal(int number)
{
	(void)number;
}

struct message {
	long type;
	char text[8];
};

/* One wait of the waiter; the lock of a file is let go of at once. */
static void wait_once(struct stage *st, struct own *own, int lock_fd)
{
	struct epoll_event event;
	struct message message;
	sigset_t set, none;
	uint64_t word;

	sigemptyset(&none);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	switch (own->by) {
	case BY_SEMAPHORE:
		REQUIRE(st, !sem_wait(&own->sem));
		break;
	case BY_FLOCK:
		REQUIRE(st, !flock(lock_fd, LOCK_EX) && !flock(lock_fd, LOCK_UN));
		break;
	case BY_MSG:
		REQUIRE(st, msgrcv(own->queue, &message, sizeof(message.text), 0, 0) >= 0);
		break;
	case BY_MQ:
		REQUIRE(st, mq_receive(own->queue, message.text, sizeof(message.text), NULL) >= 0);
		break;
	case BY_SIGNAL:
		REQUIRE(st, sigwaitinfo(&set, NULL) == SIGUSR1);
		break;
	case BY_SIGNAL_IN_PAUSE:
		REQUIRE(st, sigsuspend(&none) == -1);
		break;
	case BY_EXIT:
		REQUIRE(st, waitpid(own->waker, NULL, 0) == own->waker);
		break;
	case BY_EPOLL:
		REQUIRE(st, syscall(SYS_epoll_pwait, own->epoll, &event, 1, -1, NULL, 8) == 1);
		/* fallthrough */
	default:
		REQUIRE(st, read(own->fd[0], &word, sizeof(word)) == sizeof(word));
	}
}

static void wake_once(struct stage *st, struct own *own, int lock_fd)
{
	const struct message message = {.type = 1};
	uint64_t one = 1;

	switch (own->by) {
	case BY_SEMAPHORE:
		sem_post(&own->sem);
		break;
	case BY_FLOCK:
		flock(lock_fd, LOCK_UN);
		break;
	case BY_MSG:
		REQUIRE(st, !msgsnd(own->queue, &message, sizeof(message.text), 0));
		break;
	case BY_MQ:
		REQUIRE(st, !mq_send(own->queue, message.text, sizeof(message.text), 0));
		break;
	case BY_SIGNAL:
	case BY_SIGNAL_IN_PAUSE:
		REQUIRE(st, !kill(st->pid, SIGUSR1));
		break;
	case BY_EXIT:
		_exit(0);
	default:
		REQUIRE(st, write(own->fd[1], &one, sizeof(one)) == sizeof(one));
	}
}

static _Noreturn void run_waker(struct stage *st, struct own *own, long nr)
{
	int lock_fd = own->by == BY_FLOCK ? open(own->path, O_RDWR | O_CREAT, 0600) : -1;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (int i = 1; i <= ROUNDS; i++) {
		while (own->done != i - 1)
			sleep_ms(1);
		if (own->by == BY_FLOCK)
			REQUIRE(st, !flock(lock_fd, LOCK_EX));
		own->locked = i;
		while (own->round != i || !proc_blocked(st->pid, st->pid, nr, 0))
			sleep_ms(1);
		spin_ms(ROUND_MS);
		wake_once(st, own, lock_fd);
	}
	for (;;)
		pause();
}

static long call_of(enum means by)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (rows[i].by == by)
			return rows[i].nr;
	return -1;
}

static void prepare_signal(const struct own *own)
{
	struct sigaction action = {.sa_handler = on_signal};
	sigset_t set;

	if (own->by == BY_SIGNAL_IN_PAUSE)
		sigaction(SIGUSR1, &action, NULL);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

static void play(struct stage *st, unsigned me)
{
	struct own *own = (struct own *)st->own;
	struct actor *a = &st->actors[me];
	int rounds = own->by == BY_EXIT ? 1 : ROUNDS, lock_fd = -1;
	pid_t waker;

	open_means(st, own);
	prepare_signal(own);
	waker = fork();
	REQUIRE(st, waker >= 0);
	if (!waker)
		run_waker(st, own, call_of(own->by));
	own->waker = waker;
	while (own->locked != 1)
		sleep_ms(1);
	if (own->by == BY_FLOCK)
		lock_fd = open(own->path, O_RDWR);
	stage_wait(st, me, 1);
	for (int i = 1; i <= rounds; i++) {
		uint64_t from;

		while (own->locked != i)
			sleep_ms(1);
		from = clock_ns();
		own->round = i;
		wait_once(st, own, lock_fd);
		a->wait_ns += clock_ns() - from;
		own->done = i;
	}
	stage_wait(st, me, 2);
	stage_wait(st, me, 3);
	if (own->by == BY_MSG)
		msgctl(own->queue, IPC_RMID, NULL);
}

/* The edge's stacks are those of the waiter's and the waker's process. */
static void check_stacks(const struct scene *sc, const struct own *own, const char *what)
{
	const struct record_stack *stack;
	unsigned edges = 0;

	for (size_t i = sc->w.final; i < sc->w.records.len; i++) {
		const struct record_edge *e = &sc->w.records.at[i].edge;

		if (sc->w.records.at[i].type != RECORD_EDGE || (int)e->to_tid != own->waker)
			continue;
		edges++;
		stack = watch_stack(&sc->w, e->wait_stack);
		ck_assert_msg(stack && (pid_t)stack->pid == sc->st->pid, "%s: waiter", what);
		if (own->by == BY_EXIT)
			continue; /* its memory is gone by then */
		stack = watch_stack(&sc->w, e->wake_stack);
		ck_assert_msg(stack && (int)stack->pid == own->waker, "%s: waker", what);
	}
	ck_assert_uint_ge(edges, 1);
}

START_TEST(between_processes)
{
	const struct row *row = &rows[_i];
	struct own own = {.by = row->by};
	const struct own *shared;
	struct record_edge edge;
	struct scene sc;

	snprintf(own.path, sizeof(own.path), "/tmp/concprof-edge-%d", (int)getpid());
	scene_open(&sc, 1, play, &own, sizeof(own));
	shared = (const struct own *)sc.st->own;
	scene_close(&sc);
	unlink(own.path);
	ck_assert_uint_ge(sc.st->actors[0].wait_ns, ROUND_MS * NS_PER_MS);
	edge = watch_edge(&sc.w, scene_tid(&sc, 0), shared->waker);
	ck_assert_msg(edge.waits == (row->by == BY_EXIT ? 1 : ROUNDS), "%s: %lu waits", row->name,
		      (unsigned long)edge.waits);
	ck_assert_msg(edge.kind == row->kind, "%s: kind %u", row->name, edge.kind);
	check_near(edge.wait_ns, sc.st->actors[0].wait_ns,
		   sc.during[0].run_ns + sc.during[0].runq_ns, row->name);
	check_stacks(&sc, shared, row->name);
	scene_end(&sc);
}
END_TEST

Suite *kernel_edge_suite(void)
{
	Suite *suite = suite_create("kernel_edge");

	KERNEL_TEST(suite, between_processes, ARRAY_LEN(rows));
	return suite;
}
