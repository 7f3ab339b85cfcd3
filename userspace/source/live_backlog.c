// SPDX-License-Identifier: GPL-2.0-only
/*
 * The target's listeners and their backlogs, once in each slice.  Which sockets are the target's is
 * looked up in its processes' descriptors when one listens that was not known before.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/num.h"
#include "source/listeners.h"
#include "source/live_internal.h"

#define LISTENERS_MAX 1024
/* Workers that are forked share their parent's listeners: a few of them tell. */
#define PROCESSES_LOOK_MAX 256
#define NAMESPACES_MAX 64

static void mark(void *ctx, uint64_t inode)
{
	uint32_t *mine = hashmap_get(ctx, &inode);

	if (mine)
		*mine = 1;
}

static int note_fresh(struct live *live, const struct listener *list, size_t len, bool *ret_fresh,
		      struct err *err)
{
	*ret_fresh = false;
	for (size_t i = 0; i < len; i++) {
		bool added;

		if (!hashmap_put(&live->listeners, &list[i].inode, 0, &added))
			return err_set(err, -ENOMEM, "out of memory");
		*ret_fresh |= added;
	}
	return 0;
}

static void find_mine(struct live *live)
{
	struct live_process *p;
	unsigned looked = 0;

	VEC_FOREACH (&live->processes, p) {
		if (!p->end_ns && looked++ < PROCESSES_LOOK_MAX)
			listeners_of_process((pid_t)p->pid, mark, &live->listeners);
	}
}

static int emit_listener(struct live *live, const struct listener *l, struct err *err)
{
	struct record_backlog *b = &live->rec.backlog;

	memset(&live->rec, 0, sizeof(live->rec));
	live->rec.type = RECORD_BACKLOG;
	b->inode = l->inode;
	b->port = l->port;
	b->waiting = l->waiting;
	memcpy(b->path, l->path, sizeof(l->path));
	return live_emit(live, err);
}

static void note_port(struct live *live, uint16_t port)
{
	uint8_t yes = 1;

	bpf_map_update_elem(bpf_map__fd(live->skel->maps.listen_ports), &port, &yes, BPF_ANY);
	live->skel->bss->use_listen_ports = true;
}

/* Of one process's network namespace. */
static int read_namespace(struct live *live, pid_t pid, bool emit, struct err *err)
{
	_cleanup_free_ struct listener *list = calloc(LISTENERS_MAX, sizeof(*list));
	const uint32_t *mine;
	bool fresh;
	size_t len;
	int rc;

	if (!list)
		return err_set(err, -ENOMEM, "out of memory");
	len = listeners_read(pid, list, LISTENERS_MAX);
	for (size_t i = 0; i < len; i++)
		note_port(live, list[i].port);
	if (!emit)
		return 0;
	if (listeners_namespace(pid) == listeners_namespace(getpid()))
		len += listeners_read_unix(list + len, LISTENERS_MAX - len);
	rc = note_fresh(live, list, len, &fresh, err);
	if (rc)
		return rc;
	if (fresh)
		find_mine(live);
	for (size_t i = 0; i < len && !rc; i++) {
		mine = hashmap_get(&live->listeners, &list[i].inode);
		if (mine && *mine)
			rc = emit_listener(live, &list[i], err);
	}
	return rc;
}

int live_read_listeners(struct live *live, bool emit, struct err *err)
{
	uint64_t seen[NAMESPACES_MAX];
	size_t seen_len = 0;
	int rc = 0;

	for (size_t i = 0; i < live->opt.pids_len && seen_len < NAMESPACES_MAX && !rc; i++) {
		uint64_t namespace = listeners_namespace(live->opt.pids[i]);
		bool known = !namespace; /* it has ended */

		for (size_t k = 0; k < seen_len; k++)
			known |= seen[k] == namespace;
		if (known)
			continue;
		seen[seen_len++] = namespace;
		rc = read_namespace(live, live->opt.pids[i], emit, err);
	}
	return rc;
}
