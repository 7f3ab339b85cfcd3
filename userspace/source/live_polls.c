// SPDX-License-Identifier: GPL-2.0-only
/*
 * The hooks on the poll family, which tax every system call of the machine a little: there while
 * the target has a thread that polls, and only then.
 */
#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/num.h"
#include "source/live_internal.h"
#include "source/tracefs.h"

/* Slices without a loop that polls until the hooks go. */
#define IDLE_SLICES 10
#define FDS_MAX 4096 /* descriptors of a process that are looked at for an epoll */

static const char *const hooks[] = {
	"syscalls/sys_enter_epoll_wait",   "syscalls/sys_enter_epoll_pwait",
	"syscalls/sys_enter_epoll_pwait2", "syscalls/sys_enter_poll",
	"syscalls/sys_enter_ppoll",	   "syscalls/sys_enter_select",
	"syscalls/sys_enter_pselect6",	   "syscalls/sys_enter_io_uring_enter",
};

struct live_polls {
	struct bpf_link *links[ARRAY_LEN(hooks)];
	uint32_t links_len;
	uint32_t idle_slices;
	bool wanted;
	bool refused; /* the kernel does not let us: not tried again */
};

static void detach(struct live *live)
{
	struct live_polls *polls = live->polls;

	live->skel->bss->polls_hooked_ns = 0;
	for (uint32_t i = 0; i < polls->links_len; i++)
		bpf_link__destroy(polls->links[i]);
	polls->links_len = 0;
}

/* Calls that the kernel or architecture lacks have no tracepoint. */
static void attach(struct live *live)
{
	struct live_polls *polls = live->polls;

	for (size_t i = 0; i < ARRAY_LEN(hooks); i++) {
		struct bpf_link *link;
		int fd = tracefs_open_event(hooks[i]);

		if (fd < 0)
			continue;
		link = bpf_program__attach_perf_event(live->skel->progs.on_poll, fd);
		if (link)
			polls->links[polls->links_len++] = link;
		else
			close(fd);
	}
	polls->refused = polls->links_len == 0;
	live->loops_unseen = polls->refused;
	polls->idle_slices = 0;
	if (!polls->links_len)
		return;
	live->polls_hooked_ns = live_clock_ns();
	live->skel->bss->polls_hooked_ns = live->polls_hooked_ns;
}

/* Has @pid an epoll? A loop that is never idle is not met asleep in it. */
static bool has_epoll(uint32_t pid)
{
	char path[64], target[32];
	_cleanup_closedir_ DIR *dir = NULL;
	const struct dirent *entry;
	ssize_t len;

	snprintf(path, sizeof(path), "/proc/%u/fd", pid);
	dir = opendir(path);
	for (int i = 0; dir && i < FDS_MAX; i++) {
		entry = readdir(dir);
		if (!entry)
			break;
		len = readlinkat(dirfd(dir), entry->d_name, target, sizeof(target) - 1);
		target[len > 0 ? len : 0] = '\0';
		if (!strcmp(target, "anon_inode:[eventpoll]"))
			return true;
	}
	return false;
}

int live_polls_open(struct live *live, struct err *err)
{
	live->polls = calloc(1, sizeof(*live->polls));
	if (!live->polls)
		return err_set(err, -ENOMEM, "out of memory");
	for (size_t i = 0; i < live->opt.pids_len && !live->polls->wanted; i++)
		live->polls->wanted = has_epoll((uint32_t)live->opt.pids[i]);
	return 0;
}

void live_polls_free(struct live *live)
{
	if (!live->polls)
		return;
	if (live->skel && live->skel->bss)
		detach(live);
	free(live->polls);
	live->polls = NULL;
}

/* Told by the ring, which is read once more when all is detached. */
uint64_t live_polls_hooked(const struct live *live)
{
	uint64_t now_ns = live->end_ns ? live->end_ns : live_clock_ns();

	if (!live->polls_hooked_ns)
		return live->polls_before_ns;
	return live->polls_before_ns + num_sat_sub(now_ns, live->polls_hooked_ns);
}

void live_polls_wanted(struct live *live)
{
	if (!live->polls)
		return;
	live->polls->wanted = true;
	live_polls_update(live, false);
}

void live_polls_update(struct live *live, bool idle)
{
	struct live_polls *polls = live->polls;

	polls->idle_slices = idle ? polls->idle_slices + 1 : 0;
	if (polls->links_len) {
		if (polls->idle_slices >= IDLE_SLICES) {
			detach(live);
			live->polls_before_ns = live_polls_hooked(live);
			live->polls_hooked_ns = 0;
		}
	} else if (polls->wanted && !polls->refused && !live->end_ns) {
		attach(live);
	}
	polls->wanted = false;
}
