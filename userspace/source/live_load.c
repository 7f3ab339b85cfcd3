// SPDX-License-Identifier: GPL-2.0-only
/* Loading, attaching and seeding the BPF side. */
#include <bpf/btf.h>
#include <errno.h>
#include <linux/perf_event.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/num.h"
#include "source/live_internal.h"
#include "source/probe.h"
#include "source/syscall_kinds.h"

#define PID_MAX_DEFAULT 32768
/* At most one for each 24 generations of a tree whose pids do not rise. */
#define SEED_PASSES_MAX 256

static int print_nothing(enum libbpf_print_level level, const char *fmt, va_list args)
{
	(void)level, (void)fmt, (void)args;
	return 0;
}

static int print_stderr(enum libbpf_print_level level, const char *fmt, va_list args)
{
	(void)level;
	return vfprintf(stderr, fmt, args);
}

static uint32_t pid_max(void)
{
	_cleanup_fclose_ FILE *f = fopen("/proc/sys/kernel/pid_max", "re");
	unsigned value;

	return f && fscanf(f, "%u", &value) == 1 ? value : PID_MAX_DEFAULT;
}

static uint32_t threads_of(pid_t pid)
{
	char path[64], line[256];
	_cleanup_fclose_ FILE *f = NULL;
	unsigned threads = 1;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "Threads: %u", &threads) == 1)
			break;
	return threads;
}

/* Room for the target to double, and for the children that a supervisor has. */
static uint32_t plan_slots(const struct live *live)
{
	uint64_t slots = 512 + num_min_u64(host_threads(), 4096);

	for (size_t i = 0; i < live->opt.pids_len; i++)
		slots += 2 * threads_of(live->opt.pids[i]);
	return num_min_u64(slots, CP_SLOTS_MAX);
}

static uint32_t scaled(uint32_t threads, uint32_t each, uint32_t least, uint32_t most)
{
	return num_min_u64(num_max_u64((uint64_t)threads * each, least), most);
}

static int size_maps(struct live *live)
{
	struct concprof_bpf *skel = live->skel;
	uint32_t slots = plan_slots(live);
	/* Threads that are there now; the rest of the slots are for ones to come. */
	uint32_t threads = 0;
	int rc = 0;

	for (size_t i = 0; i < live->opt.pids_len; i++)
		threads += threads_of(live->opt.pids[i]);
	live->slots_len = slots + 1; /* slot 0 means none */
	rc |= bpf_map__set_max_entries(skel->maps.tid_slots, pid_max() / CP_TIDS_PER_CHUNK + 1);
	rc |= bpf_map__set_max_entries(skel->maps.slots, live->slots_len);
	rc |= bpf_map__set_max_entries(skel->maps.free_slots, live->slots_len);
	rc |= bpf_map__set_max_entries(skel->maps.loops, live->slots_len);
	rc |= bpf_map__set_max_entries(skel->maps.attach_stacks, live->slots_len);
	rc |= bpf_map__set_max_entries(skel->maps.ns_tids, live->slots_len);
	rc |= bpf_map__set_max_entries(skel->maps.waits, scaled(threads, 8, 8192, 65536));
	rc |= bpf_map__set_max_entries(skel->maps.blames, scaled(threads, 4, 8192, 32768));
	rc |= bpf_map__set_max_entries(skel->maps.locks, scaled(threads, 4, 8192, 32768));
	rc |= bpf_map__set_max_entries(skel->maps.blocks, scaled(threads, 16, 16384, 131072));
	rc |= bpf_map__set_max_entries(skel->maps.samples, scaled(threads, 8, 8192, 65536));
	rc |= bpf_map__set_max_entries(skel->maps.edges, scaled(threads, 8, 8192, 65536));
	rc |= bpf_map__set_max_entries(skel->maps.holdings, scaled(threads, 4, 4096, 32768));
	rc |= bpf_map__set_max_entries(skel->maps.stacks, scaled(threads, 2, 8192, 16384));
	return rc;
}

/* sched_switch has its fourth argument from 5.18 on: fa2c3254d7cf. */
static bool has_prev_state(void)
{
	struct btf *btf = btf__load_vmlinux_btf();
	const struct btf_type *type;
	bool has = false;
	int id;

	if (!btf)
		return false;
	id = btf__find_by_name_kind(btf, "btf_trace_sched_switch", BTF_KIND_TYPEDEF);
	type = id > 0 ? btf__type_by_id(btf, id) : NULL;
	type = type ? btf__type_by_id(btf, type->type) : NULL; /* pointer */
	type = type ? btf__type_by_id(btf, type->type) : NULL; /* function */
	if (type && btf_is_func_proto(type))
		has = btf_vlen(type) == 5; /* the first is the tracepoint's own */
	btf__free(btf);
	return has;
}

static void set_rodata(struct live *live)
{
	struct concprof_bpf__rodata *ro = live->skel->rodata;
	uint32_t edges = bpf_map__max_entries(live->skel->maps.edges);

	ro->has_prev_state = has_prev_state();
	ro->follow_children = live->opt.follow_children;
	ro->launched = live->opt.launched;
	ro->stall_ns = live->opt.stall_ns;
	ro->edges_room = edges - edges / 8;
	ro->edges_child_room = edges / 4;
	if (live->opt.sample_hz)
		ro->timer_rest_ns = NS_PER_S / live->opt.sample_hz / 10;
#ifdef __x86_64__
	/* bpf_loop came in 5.17 (e6f2dd0f8067); without it frame pointers are followed. */
	ro->use_unwind =
		libbpf_probe_bpf_helper(BPF_PROG_TYPE_RAW_TRACEPOINT, BPF_FUNC_loop, NULL) == 1;
#endif
	syscall_kinds_fill((uint8_t *)ro->syscall_kind, sizeof(ro->syscall_kind));
}

static int load_error(int rc, struct err *err)
{
	if (rc == -EPERM || rc == -EACCES)
		return err_set(
			err, -EPERM,
			"cannot load eBPF programs: not permitted (profiling takes " PROBE_RIGHTS
			")");
	if (rc == -ESRCH || rc == -ENOENT)
		return err_set(
			err, -ENOTSUP,
			"cannot load eBPF programs: the kernel has no type information (BTF; a "
			"kernel with CONFIG_DEBUG_INFO_BTF is needed, see concprof doctor)");
	return err_set(err, rc,
		       "cannot load eBPF programs: %s (see concprof doctor, or run with --verbose)",
		       strerror(-rc));
}

static int map_slots(struct live *live, struct err *err)
{
	long page = sysconf(_SC_PAGESIZE);
	void *at;

	live->slot_size = (sizeof(struct cp_thread) + 7) & ~7UL;
	live->slots_bytes = (live->slot_size * live->slots_len + page - 1) & ~(page - 1UL);
	at = mmap(NULL, live->slots_bytes, PROT_READ, MAP_SHARED,
		  bpf_map__fd(live->skel->maps.slots), 0);
	if (at == MAP_FAILED)
		return err_set(err, -errno, "cannot map the thread table: %s", strerror(errno));
	live->slots = at;
	return 0;
}

static int fill_free_slots(struct live *live, struct err *err)
{
	int fd = bpf_map__fd(live->skel->maps.free_slots);

	for (uint32_t slot = 1; slot < live->slots_len; slot++)
		if (bpf_map_update_elem(fd, NULL, &slot, BPF_ANY))
			return err_set(err, -errno, "cannot fill the thread table: %s",
				       strerror(errno));
	return 0;
}

int live_load(struct live *live, struct err *err)
{
	int rc;

	libbpf_set_print(live->opt.verbose ? print_stderr : print_nothing);
	live->skel = concprof_bpf__open();
	if (!live->skel)
		return load_error(-errno, err);
	rc = size_maps(live);
	if (rc)
		return load_error(rc, err);
	set_rodata(live);
	/* A hook on system calls taxes all of them: only when asked for. */
	bpf_program__set_autoload(live->skel->progs.on_sys_exit, live->opt.futex_calls);
	bpf_program__set_autoload(live->skel->progs.on_timer, live->opt.sample_hz > 0);
	rc = concprof_bpf__load(live->skel);
	if (rc)
		return load_error(rc, err);
	rc = map_slots(live, err);
	return rc ? rc : fill_free_slots(live, err);
}

/*
 * A timer on each CPU: its cycle counter where there is one, which also sees code that runs with
 * interrupts off, else the kernel's CPU clock.
 */
static int open_timer(int cpu, uint32_t hz)
{
	struct perf_event_attr attr = {
		.size = sizeof(attr),
		.type = PERF_TYPE_HARDWARE,
		.config = PERF_COUNT_HW_CPU_CYCLES,
		.freq = 1,
		.sample_freq = hz,
	};
	int fd = syscall(SYS_perf_event_open, &attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);

	if (fd >= 0)
		return fd;
	attr.type = PERF_TYPE_SOFTWARE;
	attr.config = PERF_COUNT_SW_CPU_CLOCK;
	fd = syscall(SYS_perf_event_open, &attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);
	return fd >= 0 ? fd : -errno;
}

static int attach_timers(struct live *live, struct err *err)
{
	int cpus = libbpf_num_possible_cpus();
	struct bpf_link *link, **slot;
	int fd;

	for (int cpu = 0; cpu < cpus && cpu < LIVE_CPUS_MAX; cpu++) {
		fd = open_timer(cpu, live->opt.sample_hz);
		if (fd == -ENODEV || fd == -ENXIO)
			continue; /* offline */
		if (fd < 0)
			return err_set(err, fd, "cannot open a sampling timer: %s (try --freq 0)",
				       strerror(-fd));
		link = bpf_program__attach_perf_event(live->skel->progs.on_timer, fd);
		if (!link) {
			close(fd);
			return err_set(err, -errno,
				       "cannot attach a sampling timer: %s (try --freq 0)",
				       strerror(errno));
		}
		slot = vec_add(&live->timers);
		if (!slot) {
			bpf_link__destroy(link);
			return err_set(err, -ENOMEM, "out of memory");
		}
		*slot = link;
	}
	return 0;
}

int live_attach(struct live *live, struct err *err)
{
	struct concprof_bpf *skel = live->skel;
	struct {
		struct bpf_program *prog;
		struct bpf_link **link;
		bool wanted;
	} probes[] = {
		{skel->progs.on_sched_switch, &skel->links.on_sched_switch, true},
		{skel->progs.on_sched_waking, &skel->links.on_sched_waking, true},
		{skel->progs.on_fork, &skel->links.on_fork, true},
		{skel->progs.on_exec, &skel->links.on_exec, true},
		{skel->progs.on_sys_exit, &skel->links.on_sys_exit, live->opt.futex_calls},
	};

	for (size_t i = 0; i < ARRAY_LEN(probes); i++) {
		if (!probes[i].wanted)
			continue;
		*probes[i].link = bpf_program__attach(probes[i].prog);
		if (!*probes[i].link)
			return err_set(err, -errno, "cannot attach %s: %s (see concprof doctor)",
				       bpf_program__name(probes[i].prog), strerror(errno));
	}
	return live->opt.sample_hz ? attach_timers(live, err) : 0;
}

/* One pass of the iterator: the kernel visits every thread and seeds those of the processes asked
 * for. */
static int run_iterator(struct live *live, struct err *err)
{
	struct bpf_link *link = bpf_program__attach_iter(live->skel->progs.seed_threads, NULL);
	_cleanup_close_ int fd = -1;
	char buf[64];
	ssize_t n = -1;

	if (!link)
		return err_set(err, -errno,
			       "cannot visit the threads: %s (the kernel lacks iter/task)",
			       strerror(errno));
	fd = bpf_iter_create(bpf_link__fd(link));
	if (fd >= 0)
		while ((n = read(fd, buf, sizeof(buf))) > 0 || (n < 0 && errno == EAGAIN))
			;
	bpf_link__destroy(link);
	if (n < 0)
		return err_set(err, -errno, "cannot visit the threads: %s", strerror(errno));
	return 0;
}

/* Does @pid live in a PID namespace below concprof's own? Then its owner words hold other numbers.
 */
static bool in_other_pidns(pid_t pid)
{
	char path[64], mine[64] = "", theirs[64] = "";

	snprintf(path, sizeof(path), "/proc/%d/ns/pid", pid);
	if (readlink("/proc/self/ns/pid", mine, sizeof(mine) - 1) < 0 ||
	    readlink(path, theirs, sizeof(theirs) - 1) < 0)
		return false;
	return strcmp(mine, theirs) != 0;
}

int live_seed(struct live *live, const pid_t *pids, size_t len, struct err *err)
{
	int fd = bpf_map__fd(live->skel->maps.seed_pids);
	uint8_t yes = 1;
	int rc;

	for (size_t i = 0; i < len; i++) {
		uint32_t pid = pids[i];

		if (bpf_map_update_elem(fd, &pid, &yes, BPF_ANY))
			return err_set(err, -errno,
				       "too many processes (at most 4,096 can be named)");
		if (in_other_pidns(pids[i]))
			live->skel->bss->use_ns_tids = true;
	}
	/*
	 * Until nobody new is found: a thread that one pass passed by may have been made by one
	 * that it had not reached, or lie deep below.  What comes later is followed by its fork.
	 */
	for (int pass = 0; pass < SEED_PASSES_MAX; pass++) {
		uint64_t before = live->skel->bss->threads_seeded;

		rc = run_iterator(live, err);
		if (rc || (pass && live->skel->bss->threads_seeded == before))
			return rc;
	}
	return 0;
}
