// SPDX-License-Identifier: GPL-2.0-only
/*
 * An epoll thread hands requests to two workers, who compute 600 us and answer. A client outside of
 * the target sends about 450 requests a second over four connections: some 30% of one CPU. Nothing
 * waits for long: no bottleneck. Latency is from the read of a request to the answer.
 */
#include "sample.h"

#include <errno.h>
#include <inttypes.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define WORKERS 2
#define CONNECTIONS 4
#define REQUEST_US 600
#define THINK_US 8000	      /* of the client, between an answer and its next request */
#define QUEUE_MAX CONNECTIONS /* a connection has one request under way at most */

struct request {
	int fd;
	uint64_t arrived_ns;
	uint64_t payload;
};

struct server {
	int listener;
	uint16_t port;
	int epoll_fd;
	int stop_fd;
	uint64_t latency_ns;
	uint64_t latency_max_ns;
	struct request queue[QUEUE_MAX];
	unsigned head, backlog;
};

static pthread_mutex_t queue_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t queue_ready = PTHREAD_COND_INITIALIZER;

static __attribute__((noinline)) bool queue_take(struct sample *s, struct request *ret_request)
{
	struct server *server = s->context;
	bool taken = false;

	pthread_mutex_lock(&queue_lock);
	while (server->backlog == 0 && !sample_stopping(s))
		pthread_cond_wait(&queue_ready, &queue_lock);
	if (server->backlog > 0) {
		*ret_request = server->queue[server->head];
		server->head = (server->head + 1) % QUEUE_MAX;
		server->backlog--;
		taken = true;
	}
	pthread_mutex_unlock(&queue_lock);
	return taken;
}

static void queue_put(struct server *server, const struct request *request)
{
	pthread_mutex_lock(&queue_lock);
	server->queue[(server->head + server->backlog++) % QUEUE_MAX] = *request;
	pthread_cond_signal(&queue_ready);
	pthread_mutex_unlock(&queue_lock);
}

static void worker(struct sample_thread *self)
{
	struct server *server = self->sample->context;
	struct request request;

	while (queue_take(self->sample, &request)) {
		sample_work_us(self->sample, REQUEST_US);
		sample_send(request.fd, &request.payload, sizeof(request.payload));
		uint64_t latency_ns = sample_now_ns() - request.arrived_ns;
		sample_count(&self->tally);
		pthread_mutex_lock(&queue_lock);
		server->latency_ns += latency_ns;
		if (latency_ns > server->latency_max_ns)
			server->latency_max_ns = latency_ns;
		pthread_mutex_unlock(&queue_lock);
	}
}

static void read_request(struct server *server, int fd)
{
	struct request request = {.fd = fd};

	if (sample_receive(fd, &request.payload, sizeof(request.payload))) {
		request.arrived_ns = sample_now_ns();
		queue_put(server, &request);
	} else {
		epoll_ctl(server->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
		close(fd);
	}
}

static void loop(struct sample_thread *self)
{
	struct server *server = self->sample->context;
	struct epoll_event events[CONNECTIONS + 1];

	while (!sample_stopping(self->sample)) {
		int count = epoll_wait(server->epoll_fd, events, CONNECTIONS + 1, -1);
		for (int i = 0; i < count; i++) {
			if (events[i].data.fd != server->stop_fd)
				read_request(server, events[i].data.fd);
		}
	}
}

static void client(struct sample_thread *self)
{
	const struct server *server = self->sample->context;
	int fd = sample_connect(server->port);
	uint64_t payload = self->index;

	while (sample_send(fd, &payload, sizeof(payload)) &&
	       sample_receive(fd, &payload, sizeof(payload)))
		sample_sleep_us(THINK_US);
}

static void clients(struct sample *s)
{
	close(((const struct server *)s->context)->listener); /* the target alone listens */
	sample_start(s, CONNECTIONS, "client", client);
}

static void watch(const struct server *server, int fd)
{
	struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

	if (fd < 0 || epoll_ctl(server->epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0)
		sample_die("watch a connection", errno);
}

static void report(const struct sample *s)
{
	const struct server *server = s->context;

	pthread_mutex_lock(&queue_lock);
	printf("truth latency_ns=%" PRIu64 " latency_max_ns=%" PRIu64 " backlog=%u\n",
	       server->latency_ns, server->latency_max_ns, server->backlog);
	pthread_mutex_unlock(&queue_lock);
}

int main(int argc, char **argv)
{
	static const struct sample_spec spec = {
		.name = "healthy-server",
		.does = "an epoll thread and 2 workers, at 30% of one CPU by a client outside",
		.pin_cpus = 2,
		.report = report,
	};
	struct server server = {0};
	struct sample s;

	sample_init(&s, &spec, argc, argv);
	s.context = &server;
	server.listener = sample_listen(&server.port);
	sample_outside(&s, "client", clients);
	server.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	server.stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	watch(&server, server.stop_fd);
	for (int i = 0; i < CONNECTIONS; i++)
		watch(&server, accept(server.listener, NULL, NULL));
	sample_start(&s, 1, "loop", loop);
	sample_start(&s, WORKERS, "worker", worker);
	sample_ready(&s);
	while (sample_wait(&s, UINT64_MAX))
		;
	eventfd_write(server.stop_fd, 1);
	pthread_mutex_lock(&queue_lock);
	pthread_cond_broadcast(&queue_ready);
	pthread_mutex_unlock(&queue_lock);
	return sample_finish(&s);
}
