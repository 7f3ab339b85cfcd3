// SPDX-License-Identifier: GPL-2.0-only
#include "source/live_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/num.h"
#include "source/target.h"

/* From the moment the end is set until no program can still be in flight with an earlier clock. */
#define GRACE_NS (2 * NS_PER_MS)

uint64_t live_start_ns(const struct live *live)
{
	return live->start_ns;
}

bool live_target_ended(const struct live *live)
{
	return live->threads_alive == 0;
}

static void read_cmdline(pid_t pid, char *ret, size_t size)
{
	char path[64];
	_cleanup_close_ int fd = -1;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/cmdline", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd >= 0 ? read(fd, ret, size - 1) : 0;
	if (n < 0)
		n = 0;
	while (n > 0 && !ret[n - 1])
		n--;
	for (ssize_t i = 0; i < n; i++)
		if (!ret[i])
			ret[i] = ' ';
	ret[n] = '\0';
}

static int emit_run(struct live *live, struct err *err)
{
	const struct live_options *opt = &live->opt;
	struct record_run *run = &live->rec.run;
	struct utsname uts;

	memset(&live->rec, 0, sizeof(live->rec));
	live->rec.type = RECORD_RUN;
	snprintf(run->tool_version, sizeof(run->tool_version), "%s", opt->tool_version);
	if (!uname(&uts))
		snprintf(run->kernel, sizeof(run->kernel), "%.60s %.60s", uts.release, uts.machine);
	if (opt->command && opt->command[0])
		snprintf(run->command, sizeof(run->command), "%s", opt->command);
	else
		read_cmdline(opt->pids[0], run->command, sizeof(run->command));
	run->start_ns = live->start_ns;
	run->start_realtime_ns = live_clock_of(CLOCK_REALTIME) - (live_clock_ns() - live->start_ns);
	run->slice_ns = opt->slice_ns;
	run->cpus_online = host_cpus_online();
	run->cpus_allowed = target_cpus_allowed(opt->pids[0]);
	run->sample_hz = opt->sample_hz;
	run->stall_ns = opt->stall_ns;
	run->work_count = opt->work_count;
	run->launched = opt->launched;
	run->pids_len = num_min_u64(opt->pids_len, RECORD_PIDS_MAX);
	for (uint32_t i = 0; i < run->pids_len; i++)
		run->pids[i] = (uint64_t)opt->pids[i];
	return live_emit(live, err);
}

static void init_maps(struct live *live)
{
	hashmap_init(&live->process_by_pid, sizeof(uint32_t));
	hashmap_init(&live->view_pids, sizeof(uint32_t));
	hashmap_init(&live->lock_ids, sizeof(struct cp_lock_key));
	hashmap_init(&live->stacks_sent, sizeof(uint64_t));
	hashmap_init(&live->listeners, sizeof(uint64_t));
	for (size_t i = 0; i < LIVE_SENT_COUNT; i++)
		hashmap_init(&live->sent[i], sizeof(uint64_t));
}

/* Threads are seeded from here on, so here the window begins. */
static int begin_window(struct live *live, struct err *err)
{
	int rc;

	live->cpu_base_ns = live_clock_of(CLOCK_PROCESS_CPUTIME_ID);
	live->start_ns = live_clock_ns();
	/* For a command its exec does this. */
	if (!live->opt.launched)
		live->skel->bss->window_end_ns = UINT64_MAX;
	rc = emit_run(live, err);
	if (!rc)
		rc = live_seed(live, live->opt.pids, live->opt.pids_len, err);
	if (!rc)
		rc = live_read_threads(live, live_clock_ns(), err);
	if (!rc)
		rc = live_emit_processes(live, err);
	if (!rc && live_target_ended(live))
		rc = err_set(err, -ESRCH,
			     "process %d ended before it could be watched (start it again?)",
			     live->opt.pids[0]);
	return rc;
}

int live_open(const struct live_options *opt, const struct record_sink *sink, struct live **ret,
	      struct err *err)
{
	struct live *live = calloc(1, sizeof(*live));
	int rc;

	if (!live)
		return err_set(err, -ENOMEM, "out of memory");
	live->opt = *opt;
	live->sink = *sink;
	live->stats_fd = -1;
	init_maps(live);
	rc = live_load(live, err);
	if (!rc)
		rc = live_ring_open(live, err);
	if (!rc)
		rc = live_unwind_open(live, err);
	if (!rc)
		rc = live_python_open(live, err);
	if (!rc)
		rc = live_loops_open(live, err);
	if (!rc)
		rc = live_polls_open(live, err);
	if (rc)
		goto fail;
	rc = live_read_listeners(live, false, err);
	if (!rc)
		rc = live_attach(live, err);
	if (rc)
		goto fail;
	live->map_bytes = live_map_bytes(live);
	host_open(&live->host, opt->pids[0]);
	rc = begin_window(live, err);
	if (rc)
		goto fail;
	/* Nobody waits for tables: the window has begun. */
	live_unwind_refresh(live, true);
	live_stacks_before_attach(live);
	live_polls_update(live, false);
	*ret = live;
	return 0;
fail:
	live_free(live);
	return rc;
}

static int emit_host(struct live *live, struct err *err)
{
	memset(&live->rec, 0, sizeof(live->rec));
	live->rec.type = RECORD_HOST;
	if (live->end_ns)
		live->rec.host = live->host_end;
	else
		host_read(&live->host, &live->rec.host);
	return live_emit(live, err);
}

/* Processes that came into the cgroup by other ways than a fork of ours. */
static int follow_cgroup(struct live *live, struct err *err)
{
	struct target_list list = {0};
	_cleanup_free_ char *dir = NULL;
	pid_t fresh[256];
	size_t len = 0;
	int rc;

	if (!live->opt.cgroup || target_add_cgroup(&list, live->opt.cgroup, &dir, NULL))
		return 0; /* gone, or empty at the moment */
	for (size_t i = 0; i < list.len && len < ARRAY_LEN(fresh); i++) {
		uint32_t pid = (uint32_t)list.pids[i];
		const uint32_t *known = hashmap_get(&live->process_by_pid, &pid);

		if (list.pids[i] != getpid() && (!known || live->processes.at[*known].end_ns))
			fresh[len++] = list.pids[i];
	}
	target_list_free(&list);
	rc = len ? live_seed(live, fresh, len, err) : 0;
	return rc;
}

static int read_everything(struct live *live, uint64_t now_ns, bool all, struct err *err)
{
	int rc = live_drain(live, err);

	/* Threads before their waits: a wait that ends in between is then counted in neither, not
	 * in both. */
	if (!rc)
		rc = live_read_threads(live, now_ns, err);
	if (!rc)
		rc = live_read_loops(live, now_ns, err);
	if (!rc)
		rc = live_read_maps(live, all, err);
	if (!rc && live->end_ns)
		rc = live_emit_open_blocks(live, err);
	if (!rc && live->end_ns)
		rc = live_unwind_emit_notes(live, err);
	if (!rc && live->end_ns)
		rc = live_python_emit_notes(live, err);
	if (!rc)
		rc = live_emit_processes(live, err);
	if (!rc)
		rc = emit_host(live, err);
	if (!rc)
		rc = live_read_listeners(live, true, err);
	if (!rc)
		rc = live_python_late_names(live, err);
	if (!rc)
		rc = live_read_losses(live, err);
	if (!rc)
		rc = live_emit_self(live, err);
	if (rc)
		return rc;
	memset(&live->rec, 0, sizeof(live->rec));
	live->rec.type = RECORD_SLICE;
	live->rec.slice.end_ns = now_ns;
	return live_emit(live, err);
}

int live_slice(struct live *live, struct err *err)
{
	int rc = follow_cgroup(live, err);

	live_unwind_refresh(live, true);
	live_python_refresh(live);
	return rc ? rc : read_everything(live, live_clock_ns(), false, err);
}

static void detach(struct live *live)
{
	live_polls_free(live);
	for (size_t i = 0; i < live->timers.len; i++)
		bpf_link__destroy(live->timers.at[i]);
	vec_free(&live->timers);
	if (live->skel)
		concprof_bpf__detach(live->skel);
}

int live_close_window(struct live *live, struct err *err)
{
	struct timespec rest;

	live_cost_spell(live, false);
	live->end_ns = live_clock_ns() + GRACE_NS;
	live->skel->bss->window_end_ns = live->end_ns;
	do {
		rest.tv_sec = 0;
		rest.tv_nsec = GRACE_NS;
		nanosleep(&rest, NULL);
	} while (live_clock_ns() < live->end_ns + GRACE_NS / 2);
	/* Before the programs go, which takes the kernel a while that is none of the window's. */
	host_read(&live->host, &live->host_end);
	detach(live);
	return read_everything(live, live->end_ns, true, err);
}

void live_free(struct live *live)
{
	if (!live)
		return;
	live_cost_spell(live, false);
	detach(live);
	ring_buffer__free(live->ring);
	live_unwind_free(live);
	live_python_free(live);
	live_loops_free(live);
	if (live->slots)
		munmap((void *)live->slots, live->slots_bytes);
	concprof_bpf__destroy(live->skel);
	vec_free(&live->processes);
	hashmap_free(&live->process_by_pid);
	hashmap_free(&live->view_pids);
	hashmap_free(&live->lock_ids);
	hashmap_free(&live->stacks_sent);
	hashmap_free(&live->listeners);
	for (size_t i = 0; i < LIVE_SENT_COUNT; i++)
		hashmap_free(&live->sent[i]);
	free(live);
}
