// SPDX-License-Identifier: GPL-2.0-only
#include "source/listeners.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/cleanup.h"

#define STATE_LISTEN 0x0a /* include/net/tcp_states.h, unix sockets have it, too */
#define DESCRIPTORS_MAX 4096
/* No answer of the kernel takes so long; one that never comes must not hold the collector up. */
#define ANSWER_MS 100

static size_t read_table(pid_t pid, const char *name, struct listener *ret, size_t max)
{
	char path[64], line[512];
	_cleanup_fclose_ FILE *f = NULL;
	unsigned port, state, waiting;
	uint64_t inode;
	size_t len = 0;

	snprintf(path, sizeof(path), "/proc/%d/net/%s", pid, name);
	f = fopen(path, "re");
	if (!f || !fgets(line, sizeof(line), f)) /* heading */
		return 0;
	while (len < max && fgets(line, sizeof(line), f)) {
		/* "  0: 0100007F:0CEA 00000000:0000 0A 00000000:00000003 00:00000000 00000000 0 0
		 * 4711 .." */
		if (sscanf(line,
			   " %*d: %*[0-9A-F]:%x %*[0-9A-F]:%*x %x %*x:%x %*x:%*x %*x %*u %*u "
			   "%" SCNu64,
			   &port, &state, &waiting, &inode) != 4 ||
		    state != STATE_LISTEN)
			break;
		ret[len++] = (struct listener){
			.inode = inode, .waiting = waiting, .port = (uint16_t)port};
	}
	return len;
}

size_t listeners_read(pid_t pid, struct listener *ret, size_t max)
{
	size_t len = read_table(pid, "tcp", ret, max);

	return len + read_table(pid, "tcp6", ret + len, max - len);
}

uint64_t listeners_namespace(pid_t pid)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%d/ns/net", pid);
	return stat(path, &st) ? 0 : st.st_ino;
}

static int ask(int fd)
{
	struct {
		struct nlmsghdr head;
		struct unix_diag_req req;
	} ask = {
		.head = {.nlmsg_len = sizeof(ask),
			 .nlmsg_type = SOCK_DIAG_BY_FAMILY,
			 .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
		.req = {.sdiag_family = AF_UNIX,
			.udiag_states = 1U << STATE_LISTEN,
			.udiag_show = UDIAG_SHOW_NAME | UDIAG_SHOW_RQLEN},
	};
	struct timeval patience = {.tv_usec = ANSWER_MS * 1000};

	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)))
		return -1;
	return send(fd, &ask, sizeof(ask), 0) == (ssize_t)sizeof(ask) ? 0 : -1;
}

static void take_name(struct listener *l, const char *name, size_t len)
{
	if (len >= sizeof(l->path))
		len = sizeof(l->path) - 1;
	memcpy(l->path, name, len);
	l->path[len] = '\0';
	if (len && !l->path[0])
		l->path[0] = '@';
}

static void take_answer(struct listener *l, const struct nlmsghdr *head)
{
	const struct unix_diag_msg *msg = NLMSG_DATA(head);
	size_t left = head->nlmsg_len - NLMSG_LENGTH(sizeof(*msg));
	const struct nlattr *attr = (const void *)((const char *)msg + NLMSG_ALIGN(sizeof(*msg)));

	*l = (struct listener){.inode = msg->udiag_ino};
	while (left >= sizeof(*attr) && attr->nla_len >= sizeof(*attr) && attr->nla_len <= left) {
		const char *data = (const char *)attr + NLA_HDRLEN;
		size_t len = attr->nla_len - NLA_HDRLEN, step = NLA_ALIGN(attr->nla_len);
		struct unix_diag_rqlen queue;

		if (attr->nla_type == UNIX_DIAG_NAME) {
			take_name(l, data, len);
		} else if (attr->nla_type == UNIX_DIAG_RQLEN && len >= sizeof(queue)) {
			memcpy(&queue, data, sizeof(queue));
			l->waiting = queue.udiag_rqueue;
		}
		if (step >= left)
			break;
		left -= step;
		attr = (const void *)((const char *)attr + step);
	}
}

size_t listeners_read_unix(struct listener *ret, size_t max)
{
	_cleanup_close_ int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	_Alignas(struct nlmsghdr) char buffer[16384];
	size_t len = 0;

	if (fd < 0 || ask(fd))
		return 0;
	for (;;) {
		ssize_t n = recv(fd, buffer, sizeof(buffer), 0);
		const struct nlmsghdr *head = (const void *)buffer;
		size_t left = n > 0 ? (size_t)n : 0;

		if (n <= 0)
			return len;
		for (; NLMSG_OK(head, left); head = NLMSG_NEXT(head, left)) {
			if (head->nlmsg_type != SOCK_DIAG_BY_FAMILY)
				return len; /* the end, or an error */
			if (len < max &&
			    head->nlmsg_len >= NLMSG_LENGTH(sizeof(struct unix_diag_msg)))
				take_answer(&ret[len++], head);
		}
	}
}

void listeners_of_process(pid_t pid, void (*found)(void *ctx, uint64_t inode), void *ctx)
{
	char path[64], link[64];
	struct dirent *entry;
	unsigned seen = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	dir = opendir(path);
	if (!dir)
		return;
	while (seen++ < DESCRIPTORS_MAX && (entry = readdir(dir))) {
		uint64_t inode;
		ssize_t n = readlinkat(dirfd(dir), entry->d_name, link, sizeof(link) - 1);

		if (n <= 0)
			continue;
		link[n] = '\0';
		if (sscanf(link, "socket:[%" SCNu64 "]", &inode) == 1)
			found(ctx, inode);
	}
	closedir(dir);
}
