// SPDX-License-Identifier: GPL-2.0-only
/* What was lost, by cause, and what concprof itself costs. */
#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/num.h"
#include "source/live_internal.h"

static const enum loss_cause cause_of[] = {
	[CP_LOST_SLOTS] = LOSS_THREAD_SLOTS,
	[CP_LOST_TID_RANGE] = LOSS_TID_RANGE,
	[CP_LOST_WAITS] = LOSS_WAITS_FULL,
	[CP_LOST_BLAMES] = LOSS_BLAMES_FULL,
	[CP_LOST_LOCKS] = LOSS_LOCKS_FULL,
	[CP_LOST_BLOCKS] = LOSS_BLOCKS_FULL,
	[CP_LOST_SAMPLES] = LOSS_SAMPLES_FULL,
	[CP_LOST_EDGES] = LOSS_EDGES_FULL,
	[CP_LOST_RING] = LOSS_RING_FULL,
	[CP_LOST_STACKS] = LOSS_STACKS_FULL,
	[CP_LOST_STACK_FAILED] = LOSS_STACK_FAILED,
	[CP_LOST_STACK_TRUNCATED] = LOSS_STACK_TRUNCATED,
	[CP_LOST_LONG_WAITS] = LOSS_LONG_WAITS_CAPPED,
	[CP_LOST_WORD_UNREAD] = LOSS_WAIT_WORD_UNREAD,
	[CP_LOST_SYSCALL] = LOSS_NEW_SYSCALL,
	[CP_LOST_STACK_NO_TABLE] = LOSS_STACK_FRAME_POINTER,
	[CP_LOST_SAMPLES_SKIPPED] = LOSS_SAMPLES_SKIPPED,
	[CP_LOST_FUTEX_CALLS] = LOSS_FUTEX_CALLS_FULL,
	[CP_LOST_HOLDINGS] = LOSS_HOLDINGS_FULL,
	[CP_LOST_PYTHON_CUT] = LOSS_PYTHON_CUT,
	[CP_LOST_STALLS] = LOSS_STALLS_CAPPED,
	[CP_LOST_SWITCH_IN] = LOSS_SWITCH_IN_UNSEEN,
	[CP_LOST_EDGES_MERGED] = LOSS_EDGES_MERGED,
};
_Static_assert(ARRAY_LEN(cause_of) == CP_LOST_COUNT, "every loss of the BPF side has a cause");

static int emit_loss(struct live *live, enum loss_cause cause, uint64_t count, struct err *err)
{
	if (live->loss_sent[cause] == count)
		return 0;
	live->loss_sent[cause] = count;
	memset(&live->rec, 0, sizeof(live->rec));
	live->rec.type = RECORD_LOSS;
	live->rec.loss.cause = cause;
	live->rec.loss.count = count;
	return live_emit(live, err);
}

/* Programs that the kernel skipped because they would have interrupted themselves. */
static uint64_t recursion_misses(const struct live *live)
{
	struct bpf_program *prog;
	uint64_t misses = 0;

	bpf_object__for_each_program (prog, live->skel->obj) {
		struct bpf_prog_info info = {0};
		uint32_t len = sizeof(info);
		int fd = bpf_program__fd(prog);

		if (fd >= 0 && !bpf_obj_get_info_by_fd(fd, &info, &len))
			misses += info.recursion_misses;
	}
	return misses;
}

int live_read_losses(struct live *live, struct err *err)
{
	uint64_t per_cpu[LIVE_CPUS_MAX];
	int cpus = libbpf_num_possible_cpus();
	int fd = bpf_map__fd(live->skel->maps.losses);
	uint64_t sum;
	int rc;

	if (cpus <= 0 || cpus > LIVE_CPUS_MAX)
		cpus = LIVE_CPUS_MAX;
	for (uint32_t cause = 0; cause < CP_LOST_COUNT; cause++) {
		if (bpf_map_lookup_elem(fd, &cause, per_cpu))
			continue;
		sum = 0;
		for (int i = 0; i < cpus; i++)
			sum += per_cpu[i];
		if (cause_of[cause] == LOSS_LONG_WAITS_CAPPED)
			sum += live->long_waits_dropped;
		rc = emit_loss(live, cause_of[cause], sum, err);
		if (rc)
			return rc;
	}
	rc = emit_loss(live, LOSS_PYTHON_UNNAMED, live->python_unnamed, err);
	if (rc)
		return rc;
	rc = emit_loss(live, LOSS_STALLS_NOT_KEPT, live->stalls_not_kept, err);
	if (rc)
		return rc;
	rc = emit_loss(live, LOSS_PYTHON_GILS, live_python_gils_beyond(live), err);
	if (rc)
		return rc;
	rc = emit_loss(live, LOSS_LOOPS_UNSEEN, live->loops_unseen, err);
	if (rc)
		return rc;
	rc = emit_loss(live, LOSS_STACK_BEFORE_ATTACH, live->stacks_before_attach, err);
	if (!rc)
		rc = emit_loss(live, LOSS_TORN_SLOTS, live->torn, err);
	return rc ? rc : emit_loss(live, LOSS_RECURSION, recursion_misses(live), err);
}

static void bpf_run_time(const struct live *live, uint64_t *ret_ns, uint64_t *ret_calls)
{
	struct bpf_program *prog;

	*ret_ns = *ret_calls = 0;
	bpf_object__for_each_program (prog, live->skel->obj) {
		struct bpf_prog_info info = {0};
		uint32_t len = sizeof(info);
		int fd = bpf_program__fd(prog);

		if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &len))
			continue;
		*ret_ns += info.run_time_ns;
		*ret_calls += info.run_cnt;
	}
}

void live_cost_spell(struct live *live, bool on)
{
	uint64_t ns, calls;

	if (on && live->stats_fd < 0) {
		bpf_run_time(live, &live->spell_bpf_ns, &live->spell_bpf_calls);
		live->stats_fd = bpf_enable_stats(BPF_STATS_RUN_TIME);
		live->spell_start_ns = live_clock_ns();
	} else if (!on && live->stats_fd >= 0) {
		live->spell_ns += live_clock_ns() - live->spell_start_ns;
		close(live->stats_fd);
		live->stats_fd = -1;
		bpf_run_time(live, &ns, &calls);
		live->bpf_ns += num_sat_sub(ns, live->spell_bpf_ns);
		live->bpf_calls += num_sat_sub(calls, live->spell_bpf_calls);
	}
}

static uint64_t own_rss_bytes(void)
{
	_cleanup_fclose_ FILE *f = fopen("/proc/self/statm", "re");
	unsigned long pages;

	if (!f || fscanf(f, "%*u %lu", &pages) != 1)
		return 0;
	return (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* What the kernel charges for our maps, from their descriptors. */
uint64_t live_map_bytes(const struct live *live)
{
	struct bpf_map *map;
	uint64_t sum = 0;

	bpf_object__for_each_map (map, live->skel->obj) {
		char path[64], line[256];
		_cleanup_fclose_ FILE *f = NULL;
		unsigned long long bytes;

		snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", bpf_map__fd(map));
		f = fopen(path, "re");
		while (f && fgets(line, sizeof(line), f))
			if (sscanf(line, "memlock: %llu", &bytes) == 1)
				sum += bytes;
	}
	return sum;
}

static uint64_t events(const struct live *live)
{
	uint64_t sum = live->events_ended;

	for (uint32_t i = 1; i < live->slots_len; i++) {
		const struct cp_thread *t =
			(const struct cp_thread *)(live->slots + i * live->slot_size);

		if (t->view_tid)
			sum += t->voluntary + t->involuntary + t->wakeups;
	}
	return sum;
}

int live_emit_self(struct live *live, struct err *err)
{
	uint64_t elapsed_ns =
		num_sat_sub(live->end_ns ? live->end_ns : live_clock_ns(), live->start_ns);
	struct record_self *self = &live->rec.self;

	memset(&live->rec, 0, sizeof(live->rec));
	live->rec.type = RECORD_SELF;
	self->cpu_ns = num_sat_sub(live_clock_of(CLOCK_PROCESS_CPUTIME_ID), live->cpu_base_ns);
	if (live->spell_ns)
		self->bpf_ns = (uint64_t)((double)live->bpf_ns *
					  ((double)elapsed_ns / (double)live->spell_ns));
	self->bpf_calls = live->bpf_calls;
	self->bpf_calls_ns = live->bpf_ns;
	self->events = events(live);
	self->rss_bytes = own_rss_bytes();
	self->map_bytes = live->map_bytes + live_unwind_bytes(live);
	self->polls_hooked_ns = live_polls_hooked(live);
	return live_emit(live, err);
}
