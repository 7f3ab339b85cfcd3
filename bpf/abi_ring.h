/* SPDX-License-Identifier: GPL-2.0-only */
/* Part of concprof_abi.h: what the ring carries. */
#ifndef CONCPROF_ABI_RING_H
#define CONCPROF_ABI_RING_H

/* Ring records, told apart by their first word. */
enum cp_ring_type {
	CP_RING_EXIT = 1,
	CP_RING_PROCESS,
	CP_RING_EXEC,
	CP_RING_LONG_WAIT,
	CP_RING_STACK,
	CP_RING_POLLER,
	CP_RING_TURN_SAMPLE,
	CP_RING_STALL,
	CP_RING_LOOP
};

struct cp_ring_exit {
	__u32 type;
	__u32 pad;
	struct cp_thread thread;
};

struct cp_ring_process { /* CP_RING_PROCESS, CP_RING_EXEC */
	__u32 type;
	__u32 view_pid;
	__u32 view_ppid;
	__u32 pid;
	__u64 at_ns;
	char comm[CP_COMM_LEN];
};

struct cp_ring_long_wait {
	__u32 type;
	__u32 tid;
	__u32 holder_tid;
	__u32 waker_tid;
	struct cp_lock_key lock;
	__u64 stack;
	__u64 release_stack;
	__u64 start_ns;
	__u64 woken_ns;
	__u64 end_ns;
};

/* A new stack with frames of Python: their code objects are to be read while they live. */
struct cp_ring_stack {
	__u32 type;
	__u32 len;
	__u64 stack;
	__u64 codes[CP_STACK_MAX + 1]; /* `len` of them: where those of its words of Python are */
};
#define CP_RING_STACK_HEAD 16 /* bytes before the codes */

/* A thread that polls was found while no hook was there. */
struct cp_ring_poller {
	__u32 type;
	__u32 tid;
};

/* A timer sample in a turn that has lasted for a while. */
struct cp_ring_turn_sample {
	__u32 type;
	__u32 tid; /* view */
	__u64 turn_ns;
	__u64 stack;
};

/* A turn over the threshold. */
struct cp_ring_stall {
	__u32 type;
	__u32 tid; /* view */
	__u64 start_ns;
	__u64 end_ns;
	__u64 part_ns[CP_PART_COUNT];
	__u64 block_stack;
	__u64 block_ns;
	__u32 block_cls;
	__s32 block_syscall;
};

/* What a thread that ends has been as a loop. */
struct cp_ring_loop {
	__u32 type;
	__u32 tid; /* view */
	__u64 until_ns;
	struct cp_loop loop;
};

#endif
