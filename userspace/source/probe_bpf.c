// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tiny programs, loaded and attached for real.  libbpf's own probes do not know programs with a
 * BTF target, and a kernel may load what it then refuses to attach.
 */
#include "source/probe.h"
#include "source/tracefs.h"

#include "base/cleanup.h"
#include "base/num.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Instructions, as in the kernel's include/linux/filter.h, which user space does not get. */
#define INSN(code_, dst, src, off_, imm_)                                                         \
	{                                                                                         \
		.code = (code_), .dst_reg = (dst), .src_reg = (src), .off = (off_), .imm = (imm_) \
	}
#define MOV_IMM(dst, imm_) INSN(BPF_ALU64 | BPF_MOV | BPF_K, dst, 0, 0, imm_)
#define MOV_REG(dst, src) INSN(BPF_ALU64 | BPF_MOV | BPF_X, dst, src, 0, 0)
#define ADD_IMM(dst, imm_) INSN(BPF_ALU64 | BPF_ADD | BPF_K, dst, 0, 0, imm_)
#define LOAD_DW(dst, src, off_) INSN(BPF_LDX | BPF_MEM | BPF_DW, dst, src, off_, 0)
#define STORE_DW(dst, off_, imm_) INSN(BPF_ST | BPF_MEM | BPF_DW, dst, 0, off_, imm_)
#define CALL(func) INSN(BPF_JMP | BPF_CALL, 0, 0, 0, func)
#define JUMP_IF_0(reg, off_) INSN(BPF_JMP | BPF_JEQ | BPF_K, reg, 0, off_, 0)
/* Two slots; the descriptor of the row's map is filled in before loading. */
#define LOAD_MAP(dst) \
	INSN(BPF_LD | BPF_DW | BPF_IMM, dst, BPF_PSEUDO_MAP_FD, 0, 0), INSN(0, 0, 0, 0, 0)
#define RETURN_0 MOV_IMM(BPF_REG_0, 0), INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)
#define STACK(dst, off_) MOV_REG(dst, BPF_REG_10), ADD_IMM(dst, off_)

#define INSNS_MAX 32
#define ONLINE_CPU 0

static const struct bpf_insn load_map[] = {LOAD_MAP(BPF_REG_1)};
static const struct bpf_insn code_nothing[] = {RETURN_0};
/* The second argument of sched_switch is the task that leaves. */
static const struct bpf_insn code_task_pt_regs[] = {LOAD_DW(BPF_REG_1, BPF_REG_1, 8),
						    CALL(BPF_FUNC_task_pt_regs), RETURN_0};
static const struct bpf_insn code_current_task[] = {CALL(BPF_FUNC_get_current_task_btf), RETURN_0};
static const struct bpf_insn code_get_stack[] = {STACK(BPF_REG_2, -64), MOV_IMM(BPF_REG_3, 64),
						 MOV_IMM(BPF_REG_4, BPF_F_USER_STACK),
						 CALL(BPF_FUNC_get_stack), RETURN_0};
static const struct bpf_insn code_read_user[] = {STACK(BPF_REG_1, -8), MOV_IMM(BPF_REG_2, 8),
						 MOV_IMM(BPF_REG_3, 0),
						 CALL(BPF_FUNC_probe_read_user), RETURN_0};
static const struct bpf_insn code_read_kernel[] = {STACK(BPF_REG_1, -8), MOV_IMM(BPF_REG_2, 8),
						   MOV_IMM(BPF_REG_3, 0),
						   CALL(BPF_FUNC_probe_read_kernel), RETURN_0};
static const struct bpf_insn code_ktime[] = {CALL(BPF_FUNC_ktime_get_ns), RETURN_0};
static const struct bpf_insn code_hash[] = {STORE_DW(BPF_REG_10, -8, 0),
					    LOAD_MAP(BPF_REG_1),
					    STACK(BPF_REG_2, -8),
					    CALL(BPF_FUNC_map_lookup_elem),
					    LOAD_MAP(BPF_REG_1),
					    STACK(BPF_REG_2, -8),
					    STACK(BPF_REG_3, -8),
					    MOV_IMM(BPF_REG_4, BPF_ANY),
					    CALL(BPF_FUNC_map_update_elem),
					    LOAD_MAP(BPF_REG_1),
					    STACK(BPF_REG_2, -8),
					    CALL(BPF_FUNC_map_delete_elem),
					    RETURN_0};
static const struct bpf_insn code_queue[] = {
	STORE_DW(BPF_REG_10, -8, 0), LOAD_MAP(BPF_REG_1),	   STACK(BPF_REG_2, -8),
	MOV_IMM(BPF_REG_3, BPF_ANY), CALL(BPF_FUNC_map_push_elem), LOAD_MAP(BPF_REG_1),
	STACK(BPF_REG_2, -8),	     CALL(BPF_FUNC_map_pop_elem),  RETURN_0};
/* A reserved record must be submitted, and only one that was got. */
static const struct bpf_insn code_ringbuf[] = {LOAD_MAP(BPF_REG_1),
					       MOV_IMM(BPF_REG_2, 8),
					       MOV_IMM(BPF_REG_3, 0),
					       CALL(BPF_FUNC_ringbuf_reserve),
					       JUMP_IF_0(BPF_REG_0, 3),
					       MOV_REG(BPF_REG_1, BPF_REG_0),
					       MOV_IMM(BPF_REG_2, BPF_RB_NO_WAKEUP),
					       CALL(BPF_FUNC_ringbuf_submit),
					       RETURN_0};

enum hook_kind {
	HOOK_NONE, /* loaded for tp_btf/sched_switch, not attached: a helper's row */
	HOOK_TP_BTF,
	HOOK_ITER_TASK,
	HOOK_RAW_TP,
	HOOK_TRACEPOINT,
	HOOK_PERF_EVENT,
};

enum map_slot {
	MAP_HASH,
	MAP_ARRAY_MMAP,
	MAP_PERCPU_ARRAY,
	MAP_QUEUE,
	MAP_RINGBUF,
	MAP_COUNT,
	MAP_NONE = MAP_COUNT,
};

struct map_row {
	const char *item;
	enum bpf_map_type type;
	uint32_t key_size;
	uint32_t value_size;
	uint32_t max_entries;
	uint32_t flags;
};

static const struct map_row map_rows[MAP_COUNT] = {
	[MAP_HASH] = {"map hash", BPF_MAP_TYPE_HASH, 8, 8, 1, 0},
	[MAP_ARRAY_MMAP] = {"map array, mapped", BPF_MAP_TYPE_ARRAY, 4, 8, 1, BPF_F_MMAPABLE},
	[MAP_PERCPU_ARRAY] = {"map per-CPU array", BPF_MAP_TYPE_PERCPU_ARRAY, 4, 8, 1, 0},
	[MAP_QUEUE] = {"map queue", BPF_MAP_TYPE_QUEUE, 0, 8, 1, 0},
	[MAP_RINGBUF] = {"map ring buffer", BPF_MAP_TYPE_RINGBUF, 0, 0, 65536, 0},
};

struct prog_row {
	const char *item;
	enum hook_kind kind;
	const char *hook;
	const struct bpf_insn *code;
	size_t code_len;
	enum map_slot map;
	bool core;
	const char *cost;
};

#define CODE(array) array, ARRAY_LEN(array)
#define NO_PROFILE "no profile is possible"
#define UNUSED "nothing: this version does not use it"

static const struct prog_row prog_rows[] = {
	{"program tp_btf/sched_switch", HOOK_TP_BTF, "sched_switch", CODE(code_nothing), MAP_NONE,
	 true, NO_PROFILE},
	{"program tp_btf/sched_waking", HOOK_TP_BTF, "sched_waking", CODE(code_nothing), MAP_NONE,
	 true, NO_PROFILE},
	{"program tp_btf/sched_process_fork", HOOK_TP_BTF, "sched_process_fork", CODE(code_nothing),
	 MAP_NONE, true, NO_PROFILE},
	{"program tp_btf/sched_process_exec", HOOK_TP_BTF, "sched_process_exec", CODE(code_nothing),
	 MAP_NONE, true, NO_PROFILE},
	{"program iter/task", HOOK_ITER_TASK, "bpf_iter_task", CODE(code_nothing), MAP_NONE, true,
	 NO_PROFILE},
	{"program tp_btf/sys_exit", HOOK_TP_BTF, "sys_exit", CODE(code_nothing), MAP_NONE, false,
	 "no --futex-calls"},
	{"program perf_event", HOOK_PERF_EVENT, NULL, CODE(code_nothing), MAP_NONE, false,
	 "no timer samples: where CPU time goes stays unknown"},
	{"program raw_tp", HOOK_RAW_TP, "sched_switch", CODE(code_nothing), MAP_NONE, false,
	 UNUSED},
	{"program tracepoint", HOOK_TRACEPOINT, "syscalls/sys_enter_ppoll", CODE(code_nothing),
	 MAP_NONE, false, "no turns of event loops"},
	{"helper task_pt_regs", HOOK_NONE, NULL, CODE(code_task_pt_regs), MAP_NONE, true,
	 NO_PROFILE},
	{"helper get_current_task_btf", HOOK_NONE, NULL, CODE(code_current_task), MAP_NONE, true,
	 NO_PROFILE},
	{"helper get_stack", HOOK_NONE, NULL, CODE(code_get_stack), MAP_NONE, true, NO_PROFILE},
	{"helper probe_read_user", HOOK_NONE, NULL, CODE(code_read_user), MAP_NONE, true,
	 NO_PROFILE},
	{"helper probe_read_kernel", HOOK_NONE, NULL, CODE(code_read_kernel), MAP_NONE, true,
	 NO_PROFILE},
	{"helper ktime_get_ns", HOOK_NONE, NULL, CODE(code_ktime), MAP_NONE, true, NO_PROFILE},
	{"helpers map_lookup/update/delete", HOOK_NONE, NULL, CODE(code_hash), MAP_HASH, true,
	 NO_PROFILE},
	{"helpers map_push/pop", HOOK_NONE, NULL, CODE(code_queue), MAP_QUEUE, true, NO_PROFILE},
	{"helpers ringbuf_reserve/submit", HOOK_NONE, NULL, CODE(code_ringbuf), MAP_RINGBUF, true,
	 NO_PROFILE},
};

/* What the rows share. */
struct probe_ctx {
	struct btf *btf; /* NULL = none */
	int map_fd[MAP_COUNT];
	int cpu_clock_fd;
	bool rights; /* the kernel's refusals have another reason */
};

/* The result added last failed by @code: is that but what the rights have told already? */
static void imply_refusal(struct probe_list *list, const struct probe_ctx *ctx, int code)
{
	if (!ctx->rights && (code == EPERM || code == EACCES))
		probe_imply(list);
}

static int open_cpu_clock(void)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_CPU_CLOCK,
		.sample_freq = 1,
		.freq = 1,
	};

	return (int)syscall(SYS_perf_event_open, &attr, -1, ONLINE_CPU, -1, PERF_FLAG_FD_CLOEXEC);
}

static int open_cycles(void)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_HARDWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_HW_CPU_CYCLES,
	};

	return (int)syscall(SYS_perf_event_open, &attr, -1, ONLINE_CPU, -1, PERF_FLAG_FD_CLOEXEC);
}

/* The BTF id that the program attaches to; <= 0: none. */
static int attach_btf_id(const struct probe_ctx *ctx, const struct prog_row *row)
{
	char name[128];

	if (!ctx->btf)
		return -ENOENT;
	if (row->kind == HOOK_ITER_TASK)
		return btf__find_by_name_kind(ctx->btf, row->hook, BTF_KIND_FUNC);
	snprintf(name, sizeof(name), "btf_trace_%s", row->hook ? row->hook : "sched_switch");
	return btf__find_by_name_kind(ctx->btf, name, BTF_KIND_TYPEDEF);
}

static bool needs_btf(const struct prog_row *row)
{
	return row->kind == HOOK_NONE || row->kind == HOOK_TP_BTF || row->kind == HOOK_ITER_TASK;
}

/* Descriptor of the loaded program or a negative errno. */
static int load(const struct probe_ctx *ctx, const struct prog_row *row)
{
	LIBBPF_OPTS(bpf_prog_load_opts, opts);
	enum bpf_prog_type type = BPF_PROG_TYPE_TRACING;
	struct bpf_insn code[INSNS_MAX];
	int id;
	int fd;

	memcpy(code, row->code, row->code_len * sizeof(code[0]));
	for (size_t i = 0; i < row->code_len && row->map != MAP_NONE; i++) {
		if (code[i].src_reg == BPF_PSEUDO_MAP_FD && code[i].code == load_map[0].code)
			code[i].imm = ctx->map_fd[row->map];
	}
	switch (row->kind) {
	case HOOK_NONE:
	case HOOK_TP_BTF:
	case HOOK_ITER_TASK:
		id = attach_btf_id(ctx, row);
		if (id <= 0)
			return -ENOENT;
		opts.attach_btf_id = (uint32_t)id;
		opts.expected_attach_type =
			row->kind == HOOK_ITER_TASK ? BPF_TRACE_ITER : BPF_TRACE_RAW_TP;
		break;
	case HOOK_RAW_TP:
		type = BPF_PROG_TYPE_RAW_TRACEPOINT;
		break;
	case HOOK_TRACEPOINT:
		type = BPF_PROG_TYPE_TRACEPOINT;
		break;
	case HOOK_PERF_EVENT:
		type = BPF_PROG_TYPE_PERF_EVENT;
		break;
	}
	fd = bpf_prog_load(type, "concprof_probe", "GPL", code, row->code_len, &opts);
	return fd < 0 ? -errno : fd;
}

/* Read the iterator once: a link alone proves little. */
static int run_iterator(int prog_fd)
{
	_cleanup_close_ int link_fd = bpf_link_create(prog_fd, 0, BPF_TRACE_ITER, NULL);
	_cleanup_close_ int iter_fd = -1;
	char byte;

	if (link_fd < 0)
		return -errno;
	iter_fd = bpf_iter_create(link_fd);
	if (iter_fd < 0 || read(iter_fd, &byte, 1) < 0)
		return -errno;
	return 0;
}

static int attach_event(int prog_fd, int event_fd)
{
	if (event_fd < 0)
		return -errno;
	return ioctl(event_fd, PERF_EVENT_IOC_SET_BPF, prog_fd) < 0 ? -errno : 0;
}

/* Attach and detach again; 0 or a negative errno. */
static int attach_once(const struct probe_ctx *ctx, const struct prog_row *row, int prog_fd)
{
	_cleanup_close_ int fd = -1;

	switch (row->kind) {
	case HOOK_NONE:
		return 0;
	case HOOK_TP_BTF:
	case HOOK_RAW_TP:
		fd = bpf_raw_tracepoint_open(row->kind == HOOK_RAW_TP ? row->hook : NULL, prog_fd);
		return fd < 0 ? -errno : 0;
	case HOOK_ITER_TASK:
		return run_iterator(prog_fd);
	case HOOK_TRACEPOINT:
		fd = tracefs_open_event(row->hook);
		errno = fd < 0 ? -fd : 0;
		return attach_event(prog_fd, fd);
	case HOOK_PERF_EVENT:
		errno = EOPNOTSUPP;
		return attach_event(prog_fd, ctx->cpu_clock_fd);
	}
	return 0;
}

static void probe_prog(struct probe_list *list, const struct probe_ctx *ctx,
		       const struct prog_row *row)
{
	const char *step = "loads";
	_cleanup_close_ int fd = -1;
	int rc;

	if (row->map != MAP_NONE && ctx->map_fd[row->map] < 0) {
		probe_add(list, row->item, row->core, row->cost, PROBE_MISSING, "no such map");
		probe_imply(list);
		return;
	}
	fd = load(ctx, row);
	rc = fd < 0 ? fd : 0;
	if (rc == 0 && row->kind != HOOK_NONE) {
		step = "attaches";
		rc = attach_once(ctx, row, fd);
	}
	if (rc == 0) {
		probe_add(list, row->item, row->core, row->cost, PROBE_OK, "%s", step);
		return;
	}
	probe_add(list, row->item, row->core, row->cost, row->core ? PROBE_MISSING : PROBE_LIMITED,
		  "cannot be %s: %s", row->kind == HOOK_NONE || fd < 0 ? "loaded" : "attached",
		  strerror(-rc));
	imply_refusal(list, ctx, -rc);
	if ((!ctx->btf && needs_btf(row)) ||
	    (row->kind == HOOK_PERF_EVENT && ctx->cpu_clock_fd < 0))
		probe_imply(list);
}

static void probe_maps(struct probe_list *list, struct probe_ctx *ctx)
{
	for (size_t i = 0; i < MAP_COUNT; i++) {
		const struct map_row *row = &map_rows[i];
		LIBBPF_OPTS(bpf_map_create_opts, opts);
		int fd;

		opts.map_flags = row->flags;
		fd = bpf_map_create(row->type, "concprof_probe", row->key_size, row->value_size,
				    row->max_entries, &opts);
		ctx->map_fd[i] = fd;
		if (fd >= 0)
			probe_add(list, row->item, true, NO_PROFILE, PROBE_OK, "works");
		else
			probe_add(list, row->item, true, NO_PROFILE, PROBE_MISSING, "%s",
				  strerror(errno));
		imply_refusal(list, ctx, fd < 0 ? -fd : 0);
	}
}

static void probe_events(struct probe_list *list, struct probe_ctx *ctx)
{
	int code;

	_cleanup_close_ int cycles_fd = -1;
	_cleanup_close_ int stats_fd = -1;
	const char *found = "works";

	ctx->cpu_clock_fd = open_cpu_clock();
	code = errno;
	probe_add(list, "perf event CPU clock", false, "no timer samples",
		  ctx->cpu_clock_fd < 0 ? PROBE_LIMITED : PROBE_OK, "%s",
		  ctx->cpu_clock_fd < 0 ? strerror(code) : "works");
	imply_refusal(list, ctx, code);
	cycles_fd = open_cycles();
	code = errno;
	if (cycles_fd < 0 && errno != EACCES && errno != EPERM)
		found = "no hardware counters (usual in virtual machines)";
	else if (cycles_fd < 0)
		found = strerror(errno);
	probe_add(list, "perf event CPU cycles", false, "nothing: the CPU clock takes its place",
		  cycles_fd < 0 ? PROBE_LIMITED : PROBE_OK, "%s", found);
	imply_refusal(list, ctx, code);
	stats_fd = bpf_enable_stats(BPF_STATS_RUN_TIME);
	code = errno;
	probe_add(list, "BPF run-time statistics", false,
		  "own cost: the kernel's part is not measured",
		  stats_fd < 0 ? PROBE_LIMITED : PROBE_OK, "%s",
		  stats_fd < 0 ? strerror(code) : "works");
	imply_refusal(list, ctx, code);
}

void probe_bpf(struct probe_list *list)
{
	libbpf_print_fn_t print = libbpf_set_print(NULL);
	struct probe_ctx ctx = {.cpu_clock_fd = -1, .rights = probe_rights(NULL) == 0};

	ctx.btf = btf__load_vmlinux_btf();
	if (ctx.btf)
		probe_add(list, "BTF of the kernel", true, "", PROBE_OK, "%u types",
			  btf__type_cnt(ctx.btf));
	else
		probe_add(list, "BTF of the kernel", true,
			  NO_PROFILE ": use a kernel with CONFIG_DEBUG_INFO_BTF", PROBE_MISSING,
			  "/sys/kernel/btf/vmlinux: %s", strerror(errno));
	probe_events(list, &ctx);
	probe_maps(list, &ctx);
	for (size_t i = 0; i < ARRAY_LEN(prog_rows); i++)
		probe_prog(list, &ctx, &prog_rows[i]);
	for (size_t i = 0; i < MAP_COUNT; i++) {
		if (ctx.map_fd[i] >= 0)
			close(ctx.map_fd[i]);
	}
	if (ctx.cpu_clock_fd >= 0)
		close(ctx.cpu_clock_fd);
	btf__free(ctx.btf);
	libbpf_set_print(print);
}
