// SPDX-License-Identifier: GPL-2.0-only
/* The listeners that the kernel shows, against sockets that the test opens itself. */
#include "source/listeners.h"

#include "tests/unit/suites.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define LIST_MAX 1024
#define CLIENTS 3

static struct listener list[LIST_MAX];

static uint64_t inode_of(int fd)
{
	struct stat st;

	ck_assert_int_eq(fstat(fd, &st), 0);
	return st.st_ino;
}

static const struct listener *find(size_t len, uint64_t inode)
{
	for (size_t i = 0; i < len; i++)
		if (list[i].inode == inode)
			return &list[i];
	return NULL;
}

/* @count clients that nobody accepts. */
static void connect_to(const struct sockaddr *address, socklen_t size, int *clients, int count)
{
	for (int i = 0; i < count; i++) {
		clients[i] = socket(address->sa_family, SOCK_STREAM, 0);
		ck_assert_int_ge(clients[i], 0);
		ck_assert_int_eq(connect(clients[i], address, size), 0);
	}
}

static void close_all(const int *fds, int count)
{
	for (int i = 0; i < count; i++)
		close(fds[i]);
}

static void check_tcp(int family, struct sockaddr *address, socklen_t size, const in_port_t *port)
{
	int fd = socket(family, SOCK_STREAM, 0), clients[CLIENTS], accepted;
	const struct listener *l;

	if (fd < 0 || bind(fd, address, size)) { /* a machine without this protocol */
		close(fd);
		return;
	}
	ck_assert_int_eq(listen(fd, 16), 0);
	ck_assert_int_eq(getsockname(fd, address, &size), 0);
	l = find(listeners_read(getpid(), list, LIST_MAX), inode_of(fd));
	ck_assert_ptr_nonnull(l);
	ck_assert_uint_eq(l->port, ntohs(*port));
	ck_assert_uint_eq(l->waiting, 0);
	connect_to(address, size, clients, CLIENTS);
	l = find(listeners_read(getpid(), list, LIST_MAX), inode_of(fd));
	ck_assert_ptr_nonnull(l);
	ck_assert_uint_eq(l->waiting, CLIENTS);
	accepted = accept(fd, NULL, NULL);
	l = find(listeners_read(getpid(), list, LIST_MAX), inode_of(fd));
	ck_assert_uint_eq(l->waiting, CLIENTS - 1);
	close_all(clients, CLIENTS);
	close(accepted);
	close(fd);
}

START_TEST(tcp)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};

	check_tcp(AF_INET, (struct sockaddr *)&v4, sizeof(v4), &v4.sin_port);
	check_tcp(AF_INET6, (struct sockaddr *)&v6, sizeof(v6), &v6.sin6_port);
}
END_TEST

/* @name as the kernel takes it: an abstract one begins with a NUL. */
static void check_unix(const char *name, size_t len, const char *shown)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0), clients[CLIENTS];
	const struct listener *l;

	memcpy(address.sun_path, name, len);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, size), 0);
	ck_assert_int_eq(listen(fd, 16), 0);
	connect_to((struct sockaddr *)&address, size, clients, CLIENTS);
	l = find(listeners_read_unix(list, LIST_MAX), inode_of(fd));
	ck_assert_ptr_nonnull(l);
	ck_assert_uint_eq(l->port, 0);
	ck_assert_uint_eq(l->waiting, CLIENTS);
	ck_assert_str_eq(l->path, shown);
	close_all(clients, CLIENTS);
	close(fd);
}

START_TEST(unix_sockets)
{
	char dir[] = "/tmp/listeners-test.XXXXXX", path[108], abstract[64];

	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/s", dir);
	check_unix(path, strlen(path) + 1, path);
	unlink(path);
	/* The longest that there is, without a NUL at its end. */
	memset(path, 'x', sizeof(path));
	memcpy(path, dir, strlen(dir));
	path[strlen(dir)] = '/';
	{
		char shown[sizeof(path) + 1] = {0};

		memcpy(shown, path, sizeof(path));
		check_unix(path, sizeof(path), shown);
		unlink(shown);
	}
	rmdir(dir);
	snprintf(abstract, sizeof(abstract), "@listeners-test.%d", getpid());
	{
		char name[sizeof(abstract)];

		memcpy(name, abstract, sizeof(name));
		name[0] = '\0';
		check_unix(name, strlen(abstract), abstract);
	}
}
END_TEST

static void count_inode(void *ctx, uint64_t inode)
{
	uint64_t *wanted = ctx;

	if (inode == wanted[0])
		wanted[1]++;
}

START_TEST(sockets_of_a_process)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0), again = dup(fd);
	uint64_t wanted[2] = {inode_of(fd), 0};

	listeners_of_process(getpid(), count_inode, wanted);
	ck_assert_uint_eq(wanted[1], 2);
	close(fd);
	close(again);
	wanted[1] = 0;
	listeners_of_process(getpid(), count_inode, wanted);
	ck_assert_uint_eq(wanted[1], 0);
	listeners_of_process(-1, count_inode, wanted); /* gone */
	ck_assert_uint_eq(wanted[1], 0);
	ck_assert_uint_ne(listeners_namespace(getpid()), 0);
	ck_assert_uint_eq(listeners_namespace(-1), 0);
}
END_TEST

Suite *source_listeners_suite(void)
{
	Suite *suite = suite_create("source_listeners");
	TCase *tc = tcase_create("listeners");

	tcase_add_test(tc, tcp);
	tcase_add_test(tc, unix_sockets);
	tcase_add_test(tc, sockets_of_a_process);
	suite_add_tcase(suite, tc);
	return suite;
}
