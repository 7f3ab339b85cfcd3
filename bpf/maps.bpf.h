/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Every map and every global of the one BPF object (concprof.bpf.c).
 * The sizes here are the smallest; user space raises max_entries with the number of threads.
 */
#ifndef CONCPROF_MAPS_BPF_H
#define CONCPROF_MAPS_BPF_H

#include "vmlinux.h"

#include <bpf/bpf_helpers.h>

#include "concprof_abi.h"

struct cp_tid_chunk {
	u16 slot[CP_TIDS_PER_CHUNK];
};

/* tid -> slot, directly: one load tells a task that is not ours, and any thread's slot is found
 * from a tid. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct cp_tid_chunk);
} tid_slots SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 64);
	__type(key, u32);
	__type(value, struct cp_thread);
} slots SEC(".maps");

/* Free slot numbers; filled by user space. */
struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, 64);
	__type(value, u32);
} free_slots SEC(".maps");

/* (PID namespace, tid as the thread itself sees it) -> slot, for targets in another PID namespace
 * alone. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, u64);
	__type(value, u32);
} ns_tids SEC(".maps");

/* Processes to seed: PIDs as concprof sees them. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, u32);
	__type(value, u8);
} seed_pids SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, u16);
	__type(value, u8);
} listen_ports SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct cp_lock_key);
	__type(value, struct cp_lock);
} locks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct cp_wait_key);
	__type(value, struct cp_wait);
} waits SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct cp_blame_key);
	__type(value, struct cp_blame);
} blames SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct cp_block_key);
	__type(value, struct cp_block);
} blocks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct cp_edge_key);
	__type(value, struct cp_edge);
} edges SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct cp_sample_key);
	__type(value, u64);
} samples SEC(".maps");

/* Stacks by the hash of their own frames: nothing collides silently, hot ones are inserted once. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, u64);
	__type(value, struct cp_stack);
} stacks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, u32); /* process, as concprof sees it */
	__type(value, struct cp_futex_calls);
} futex_calls SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct cp_holding_key);
	__type(value, struct cp_holding);
} holdings SEC(".maps");

/* By slot: threads that poll. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 64);
	__type(key, u32);
	__type(value, struct cp_loop);
} loops SEC(".maps");

/* By slot; user space writes it. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1024);
	__type(key, u32);
	__type(value, struct cp_attach_stack);
} attach_stacks SEC(".maps");

struct cp_unwind_chunk {
	u64 row[CP_UNWIND_CHUNK_ROWS];
};

struct cp_unwind_index {
	u32 row[CP_UNWIND_INDEX_LEN];
};

/* Chunks come when the ones before are full: what a small program maps fits in one. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, CP_UNWIND_CHUNKS);
	__type(key, u32);
	__array(
		values, struct {
			__uint(type, BPF_MAP_TYPE_ARRAY);
			__uint(map_flags, BPF_F_MMAPABLE);
			__uint(max_entries, 1);
			__type(key, u32);
			__uint(value_size, sizeof(struct cp_unwind_chunk));
		});
} unwind_rows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, CP_UNWIND_CHUNKS);
	__type(key, u32);
	__array(
		values, struct {
			__uint(type, BPF_MAP_TYPE_ARRAY);
			__uint(map_flags, BPF_F_MMAPABLE);
			__uint(max_entries, 1);
			__type(key, u32);
			__uint(value_size, sizeof(struct cp_unwind_index));
		});
} unwind_index SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, CP_UNWIND_TABLES_MAX);
	__type(key, u32);
	__type(value, struct cp_unwind_table);
} unwind_tables SEC(".maps");

/* By tgid, kernel-wide.  Inserted into by user space alone, so it may allocate when it needs to. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 2048);
	__type(key, u32);
	__type(value, struct cp_unwind_process);
} unwind_processes SEC(".maps");

/* The row of an instruction met before: hot stacks differ in few of their frames. */
#define CP_ROW_CACHE_LEN 512
struct cp_row_cache {
	u64 ip;
	u64 edition; /* of the process's tables; 0 = empty */
	u64 row;
};

/* A code object of Python met before (python_code.bpf.h). */
#define CP_PYTHON_KNOWN_LEN 256
struct cp_python_known {
	u64 mark; /* of its process, its address and its own bytes; 0 = empty */
	u64 id;	  /* as in a word */
	u64 since_ns;
	u64 checked_ns;
};

/* A walk in progress: too much for the stack of a program. */
#define CP_WALK_WINDOW 4096
struct cp_walk {
	u64 ip, sp, bp;
	u64 window_start;
	u32 window_len;
	u32 len;     /* frames so far */
	u32 mapping; /* where ip was found last */
	u32 exact;   /* ip is where it stopped, not a return address */
	u32 complete;
	u32 by_frame_pointer;
	u32 bytes; /* of the window that hold return addresses */
	u32 cacheable;
	u16 off[CP_CACHE_FRAMES]; /* where in the window each one is */
	unsigned char window[CP_WALK_WINDOW + 8];
	u32 python_len; /* words of the stack, native ones included */
	u32 python_complete;
	unsigned char frame[CP_PYTHON_FRAME_BYTES + 8]; /* of Python */
	u32 python_checks;				/* code objects read whole */
	u64 python_now;
	u64 python_process;
	u64 code[CP_PYTHON_CODE_BYTES / 8]; /* the part of a code object that is read */
	u64 head[3];			    /* of a str or bytes object */
	u64 text[CP_PYTHON_TEXT_BYTES / 8];
	struct cp_ring_stack told;
	struct cp_python_known known[CP_PYTHON_KNOWN_LEN];
	struct cp_row_cache rows[CP_ROW_CACHE_LEN];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 2); /* as scratch */
	__type(key, u32);
	__type(value, struct cp_walk);
} walks SEC(".maps");

/* One for programs that run with interrupts off, one for the timer, which may be an NMI. */
enum scratch_user { SCRATCH_SCHED, SCRATCH_TIMER, SCRATCH_COUNT };
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SCRATCH_COUNT);
	__type(key, u32);
	__type(value, struct cp_stack);
} scratch SEC(".maps");

/* When the last timer sample of this CPU was done. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u64);
} timer_done SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 2 * 1024 * 1024);
} ring SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, CP_LOST_COUNT);
	__type(key, u32);
	__type(value, u64);
} losses SEC(".maps");

/* Set before load. */
const volatile bool follow_children = true;
const volatile bool launched = false;	/* the target is a command that has yet to exec */
const volatile bool use_unwind = false; /* the kernel has bpf_loop (5.17) */
const volatile __u64 long_wait_ns = 1000000;
const volatile __u32 long_waits_per_s = 2000;
const volatile __u64 stall_ns = 50000000; /* a longer turn of an event loop is a stall */
const volatile __u32 stalls_per_s = 500;
const volatile __u8 syscall_kind[CP_SYSCALLS_MAX] = {};

/* enum cp_syscall_kind of system call @nr (negative: none). */
static __always_inline u32 syscall_kind_of(s32 nr)
{
	u64 i = (u32)nr;

	if (i >= CP_SYSCALLS_MAX)
		return CP_SYS_OTHER;
	/* The compiler checks a copy of the index, the verifier wants the index itself bounded. */
	asm volatile("%0 &= %1" : "+r"(i) : "i"(CP_SYSCALLS_MAX - 1));
	return syscall_kind[i];
}

/* Set by user space while running. */
volatile __u64 window_end_ns = 0;  /* nothing after this moment counts; 0 = not begun: of a command
				      that is launched, which begins it by its exec */
volatile bool use_ns_tids = false; /* some target lives in another PID namespace */
volatile bool use_listen_ports = false;
volatile bool use_python = false; /* some process is a CPython that is known */

/* Since when the polls of loops are seen (loop.bpf.c); 0 = no hook is there. */
volatile __u64 polls_hooked_ns = 0;

/* The parallelism of the target (CMetric of GAPP, ICPE'20), <<10: sum of dt / active threads. */
volatile __s64 active_threads = 0;
volatile __u64 parallel_clock = 0;
volatile __u64 parallel_at_ns = 0;

volatile __u64 threads_seeded = 0; /* by the iterator */

/* concprof's own PID namespace, found by the seed iterator, which runs in concprof's context. */
volatile __u32 view_level = 0;
volatile __u64 view_ns = 0;

volatile __u64 stack_told_ns = 0; /* when user space was woken for a new stack */
volatile __u64 long_wait_second = 0;
volatile __u64 long_waits_sent = 0;
volatile __u64 poller_told_ns = 0;
volatile __u64 stall_second = 0;
volatile __u64 stalls_sent = 0;

#endif
